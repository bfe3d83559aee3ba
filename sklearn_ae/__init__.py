"""scikit-learn-compatible autoencoders that stand where PCA stood."""

from ._autoencoder import AutoencoderTransformer
from ._comparison import Comparison
from ._conv import ConvAutoencoderTransformer
from ._denoising import DenoisingAE
from ._pretrained_classifier import PretrainedClassifier
from ._pretrained_regressor import PretrainedRegressor
from ._sparse import SparseAE
from ._variational import VAE
from .code_size import CodeSizeCurve, code_size_curve
from .compare import compare
from .exceptions import (
    CodeCollapseWarning,
    DeadUnitsWarning,
    DivergenceWarning,
    InterruptedFitWarning,
    PCAFloorWarning,
    PosteriorCollapseWarning,
)
from .nn.architectures import Architecture, DenseArchitecture
from .nn.conv import ConvArchitecture
from .nn.summary import Summary

__version__ = "0.1.0"

__all__ = [
    "VAE",
    "Architecture",
    "AutoencoderTransformer",
    "CodeCollapseWarning",
    "CodeSizeCurve",
    "Comparison",
    "ConvArchitecture",
    "ConvAutoencoderTransformer",
    "DeadUnitsWarning",
    "DenoisingAE",
    "DenseArchitecture",
    "DivergenceWarning",
    "InterruptedFitWarning",
    "PCAFloorWarning",
    "PosteriorCollapseWarning",
    "PretrainedClassifier",
    "PretrainedRegressor",
    "SparseAE",
    "Summary",
    "code_size_curve",
    "compare",
]
