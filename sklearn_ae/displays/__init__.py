"""Pictures: NumPy arrays in, matplotlib imported when something is drawn."""

from ._code import CodeDisplay
from ._code_size import CodeSizeDisplay
from ._reconstruction import ReconstructionDisplay

__all__ = ["CodeDisplay", "CodeSizeDisplay", "ReconstructionDisplay"]
