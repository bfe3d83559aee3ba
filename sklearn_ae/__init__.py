"""scikit-learn-compatible autoencoders that stand where PCA stood."""

from ._autoencoder import AutoencoderTransformer
from ._comparison import Comparison
from .compare import compare
from .exceptions import DivergenceWarning, InterruptedFitWarning, PCAFloorWarning
from .nn.architectures import Architecture, DenseArchitecture

__version__ = "0.1.0"

__all__ = [
    "Architecture",
    "AutoencoderTransformer",
    "Comparison",
    "DenseArchitecture",
    "DivergenceWarning",
    "InterruptedFitWarning",
    "PCAFloorWarning",
    "compare",
]
