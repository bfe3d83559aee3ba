"""scikit-learn-compatible autoencoders that stand where PCA stood."""

from ._autoencoder import AutoencoderTransformer
from ._comparison import Comparison
from ._conv import ConvAutoencoderTransformer
from ._denoising import DenoisingAE
from .compare import compare
from .exceptions import (
    CodeCollapseWarning,
    DivergenceWarning,
    InterruptedFitWarning,
    PCAFloorWarning,
)
from .nn.architectures import Architecture, DenseArchitecture
from .nn.conv import ConvArchitecture
from .nn.summary import Summary

__version__ = "0.1.0"

__all__ = [
    "Architecture",
    "AutoencoderTransformer",
    "CodeCollapseWarning",
    "Comparison",
    "ConvArchitecture",
    "ConvAutoencoderTransformer",
    "DenoisingAE",
    "DenseArchitecture",
    "DivergenceWarning",
    "InterruptedFitWarning",
    "PCAFloorWarning",
    "Summary",
    "compare",
]
