"""Max-unpooling: values return to where the maxima of the encoder were.

Badrinarayanan, V., Kendall, A. & Cipolla, R. (2017). SegNet: a deep convolutional
encoder-decoder architecture. doi:10.1109/TPAMI.2016.2644615.

Positions are handed from a pooling layer to its unpooling layer within one pass of one
thread, so that concurrent passes do not see each other's, and nothing stays on a
module.
"""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["RememberingPool", "Unpool", "check_bare_codes", "needs_positions"]


class _Memory(threading.local):
    """Positions of the last pass of a thread, by pooling layer."""

    def __init__(self) -> None:
        self.positions: WeakKeyDictionary = WeakKeyDictionary()


_memory = _Memory()


class RememberingPool(nn.MaxPool2d):
    """Max-pooling that hands on where the maxima were."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Map ``(n, channels, height, width)`` to pooled maps."""
        pooled, positions = F.max_pool2d(
            maps,
            self.kernel_size,
            self.stride,
            ceil_mode=self.ceil_mode,
            return_indices=True,
        )
        _memory.positions[self] = positions, maps.shape[2:]
        return pooled


class Unpool(nn.Module):
    """Put values where the maxima of the encoder were.

    Parameters
    ----------
    pool : RememberingPool
        The layer of the encoder, which has seen the same batch just before.
    """

    def __init__(self, pool: RememberingPool) -> None:
        super().__init__()
        # In a tuple, so that torch does not count the encoder's layer as a part.
        self._pool = (pool,)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Map pooled maps to maps of the size before pooling."""
        (pool,) = self._pool
        positions, size = _memory.positions[pool]
        kernel: Any = pool.kernel_size
        return F.max_unpool2d(maps, positions, kernel, kernel, output_size=size)


def needs_positions(decoder: nn.Module) -> bool:
    """Return whether a decoder needs more of the encoder than the code."""
    return any(isinstance(part, Unpool) for part in decoder.modules())


def check_bare_codes(decoder: nn.Module, what: str, remedy: str) -> None:
    """Raise a ValueError if a decoder needs more of the encoder than the code.

    Parameters
    ----------
    decoder : torch.nn.Module
        Of an autoencoder.
    what : str
        Beginning of the error: what needs a decoder.
    remedy : str
        End of the error.
    """
    if needs_positions(decoder):
        raise ValueError(
            f"{what} a decoder that sees codes alone; with upsampling='unpool' it also "
            "needs the positions of the encoder's maxima, which codes do not hold. "
            f"{remedy}"
        )
