"""scikit-learn-compatible autoencoders that stand where PCA stood."""

from ._autoencoder import AutoencoderTransformer
from ._conv import ConvAutoencoderTransformer
from ._denoising import DenoisingAE
from ._labels import labelled_scorer
from ._onnx import register_onnx_converters, to_onnx
from ._pretrained_classifier import PretrainedClassifier
from ._pretrained_regressor import PretrainedRegressor
from ._sparse import SparseAE
from ._variational import VAE
from ._version import __version__ as __version__
from .comparison import CodeSizeCurve, Comparison, code_size_curve, compare
from .exceptions import (
    CheckpointWarning,
    CleanRowsWarning,
    CodeCollapseWarning,
    DeadUnitsWarning,
    DependentRowsWarning,
    DivergenceWarning,
    InterruptedFitWarning,
    ModelFileError,
    ModelVersionWarning,
    OutOfMemoryWarning,
    PCAFloorWarning,
    PosteriorCollapseWarning,
    ValidationRowsWarning,
)
from .nn.architectures import Architecture, DenseArchitecture
from .nn.conv import ConvArchitecture
from .nn.summary import Summary
from .persistence import load, save

__all__ = [
    "VAE",
    "Architecture",
    "AutoencoderTransformer",
    "CheckpointWarning",
    "CleanRowsWarning",
    "CodeCollapseWarning",
    "CodeSizeCurve",
    "Comparison",
    "ConvArchitecture",
    "ConvAutoencoderTransformer",
    "DeadUnitsWarning",
    "DenoisingAE",
    "DenseArchitecture",
    "DependentRowsWarning",
    "DivergenceWarning",
    "InterruptedFitWarning",
    "ModelFileError",
    "ModelVersionWarning",
    "OutOfMemoryWarning",
    "PCAFloorWarning",
    "PosteriorCollapseWarning",
    "PretrainedClassifier",
    "PretrainedRegressor",
    "SparseAE",
    "Summary",
    "ValidationRowsWarning",
    "code_size_curve",
    "compare",
    "labelled_scorer",
    "load",
    "register_onnx_converters",
    "save",
    "to_onnx",
]
