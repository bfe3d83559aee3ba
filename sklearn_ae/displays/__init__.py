"""Pictures: NumPy arrays in, matplotlib imported when something is drawn."""

from ._activity import ActivityDisplay
from ._code import CodeDisplay
from ._code_size import CodeSizeDisplay
from ._corruption import CorruptionDisplay
from ._filter import FilterDisplay
from ._generation import GenerationDisplay
from ._grid import GridDisplay
from ._loss_curve import LossCurveDisplay
from ._reconstruction import ReconstructionDisplay

__all__ = [
    "ActivityDisplay",
    "CodeDisplay",
    "CodeSizeDisplay",
    "CorruptionDisplay",
    "FilterDisplay",
    "GenerationDisplay",
    "GridDisplay",
    "LossCurveDisplay",
    "ReconstructionDisplay",
]
