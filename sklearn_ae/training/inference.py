"""Functions of rows, computed block by block without gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from ..nn.randomness import redirected_draws
from .batches import Rows
from .isolation import isolated
from .memory import in_parts

__all__ = ["blockwise", "rowwise"]

#: A function of a block of scaled rows.
BlockFunction = Callable[[torch.Tensor], torch.Tensor]


def blockwise(
    module: nn.Module, function: BlockFunction, rows: Rows, size: int | None = None
) -> Iterator[torch.Tensor]:
    """Yield a function of rows, ``size`` of them at a time.

    Parameters
    ----------
    module : torch.nn.Module
        What the function uses; it is in evaluation mode meanwhile.
    function : callable
        Maps scaled rows ``(n, n_features)`` to a tensor of n rows.
    rows : Rows
        Scaled rows.
    size : int, default=None
        Rows at once; None takes what suits memory.
    """
    module.eval()
    blocks = rows.blocks(size)
    # What runs between two blocks is no part of the library.
    while True:
        with isolated(), torch.inference_mode():
            block = next(blocks, None)
            if block is None:
                return
            value = in_parts(function, block)
        yield value


def rowwise(
    module: nn.Module,
    function: BlockFunction,
    rows: Rows,
    size: int | None = None,
    seed: int | None = None,
) -> np.ndarray:
    """Return a function of all rows as one array.

    Parameters
    ----------
    module, function, rows, size
        As for :func:`blockwise`.
    seed : int, default=None
        Seed of what is random in the function. None is for functions without it.
    """
    with isolated(seed), redirected_draws(seed is not None):
        blocks = blockwise(module, function, rows, size)
        return np.concatenate([block.cpu().numpy() for block in blocks])
