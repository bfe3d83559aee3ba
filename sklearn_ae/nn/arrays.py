"""NumPy's arrays as torch's tensors, without a copy where that is possible."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

__all__ = ["as_tensor"]


class _Unlocked:
    """An array whose memory NumPy takes for writable."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        interface: dict[str, Any] = dict(array.__array_interface__)
        interface["data"] = interface["data"][0], False
        self.__array_interface__ = interface


def as_tensor(array: np.ndarray) -> torch.Tensor:
    """Return an array as a tensor on the CPU, which must not be written to.

    It shares the array's memory, also where that may only be read, as of a memory map:
    torch would warn. Layouts that torch does not know are copied: NumPy calls an array
    of one row C-contiguous whatever its strides, which may be negative, or, in a row of
    a structured array, no multiple of the size of a value.
    """
    size = array.itemsize
    is_strange = any(stride < 0 or stride % size for stride in array.strides)
    if is_strange or not array.size:
        return torch.from_numpy(array.copy())
    if not array.flags.writeable:
        array = np.asarray(_Unlocked(array))
    return torch.from_numpy(array)
