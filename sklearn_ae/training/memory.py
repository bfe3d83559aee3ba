"""What to do where a device has too little memory for what is computed at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["in_parts", "is_out_of_memory", "make_room"]


def is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether torch raised an error because a device's memory was full."""
    is_of_cuda = isinstance(error, torch.cuda.OutOfMemoryError)
    return is_of_cuda or "out of memory" in str(error).lower()


def make_room() -> None:
    """Give memory back that torch holds for later, once no error refers to tensors."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def in_parts(function: Callable[[Any], torch.Tensor], block: Any) -> torch.Tensor:
    """Return a function of rows, computed in parts if memory is too small for all.

    Parameters
    ----------
    function : callable
        Maps n rows to a tensor of n rows, each from its own alone.
    block : tensor or LabelledBatch of n rows
        Rows.
    """
    try:
        return function(block)
    except RuntimeError as error:
        if not is_out_of_memory(error) or len(block) == 1:
            raise
    make_room()
    half = len(block) // 2
    parts = block[:half], block[half:]
    return torch.cat([in_parts(function, part) for part in parts])
