"""Rows of a table as centred, scaled float32 tensors."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch.utils.data import Dataset

from ..nn.arrays import as_tensor

__all__ = ["PairedRows", "PairedTable", "Rows", "clean_part"]

# Rows are gathered and scaled in blocks of about this many values, so that the cost
# of a call is shared by many batches and no copy of the whole table is made.
_BLOCK_VALUES = 2**22
_MAX_BLOCK_ROWS = 2**13


@dataclass(frozen=True, eq=False)
class PairedTable:
    """Clean rows, and the noisy row that belongs to each.

    Parameters
    ----------
    clean, noisy : ndarray or CSR of shape (n_samples, n_features)
        Rows.
    """

    clean: np.ndarray | sp.csr_array
    noisy: np.ndarray | sp.csr_array

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of either table."""
        return self.clean.shape


def clean_part(X: Any) -> Any:
    """Return the clean rows of a table of pairs, and any other table as it is."""
    return X.clean if isinstance(X, PairedTable) else X


class Rows(Dataset):
    """Rows ``index`` of ``X``, as ``(X[index] - shift) / scale``, without a copy.

    Centring happens in the type of ``X``, or of ``shift`` if that is wider, before the
    conversion to float32, so that large offsets cost no digits. On a GPU the scaled
    rows are kept on the device as one tensor where they fit in half of its free memory.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
        Float32 or float64 values. Sparse rows are made dense block by block.
    shift, scale : ndarray of shape (n_features,)
        Float64.
    device : torch.device
        Where batches are wanted.
    index : ndarray of int, default=None
        The rows to use; None means all.
    """

    def __init__(
        self,
        X: np.ndarray | sp.csr_array,
        shift: np.ndarray,
        scale: np.ndarray,
        device: torch.device,
        index: np.ndarray | None = None,
    ) -> None:
        self.X: Any = X if sp.issparse(X) else as_tensor(X)
        self.shift = as_tensor(shift)
        self.factor = as_tensor(1.0 / scale)
        # The type in which centring costs no digits.
        is_narrow = X.dtype == np.float32 and np.array_equal(shift, np.float32(shift))
        self.dtype = torch.float32 if is_narrow else torch.float64
        self.device = device
        self.index = torch.arange(X.shape[0]) if index is None else as_tensor(index)
        self.resident = self._move() if _fits(len(self), X.shape[1], device) else None

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, position: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a row as ``(input, target)``, which is what skorch's tools expect."""
        row = self.take(torch.tensor([position]))[0]
        return row, row

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return self.X.shape[1]

    @property
    def width(self) -> int:
        """Number of values of a row of a block."""
        return self.n_features

    def clean(self) -> Rows:
        """Return the rows to be reconstructed: these."""
        return self

    @property
    def block_size(self) -> int:
        """Number of rows that are gathered at once."""
        return max(1, min(_BLOCK_VALUES // self.n_features, _MAX_BLOCK_ROWS))

    def sample(self, n_rows: int, seed: int) -> Rows:
        """Return at most ``n_rows`` rows drawn without replacement."""
        return self.at(np.random.RandomState(seed).permutation(len(self))[:n_rows])

    def at(self, positions: np.ndarray) -> Rows:
        """Return the rows at given positions, without a copy of X."""
        chosen = copy.copy(self)
        chosen.index = self.index[positions]
        if self.resident is not None:
            at = torch.as_tensor(positions, device=self.device)
            chosen.resident = self.resident[at]
        return chosen

    def take(
        self, positions: torch.Tensor, buffer: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the rows at ``positions``, scaled, in float32 on the device."""
        if self.resident is not None:
            return self.resident.index_select(0, positions.to(self.device))
        return self._gather(positions, buffer).to(self.device, torch.float32)

    def blocks(self, size: int | None = None) -> Iterator[torch.Tensor]:
        """Yield all rows in order, ``size`` at a time."""
        for positions in torch.arange(len(self)).split(size or self.block_size):
            yield self.take(positions)

    def to_numpy(self, dtype: np.typing.DTypeLike) -> np.ndarray:
        """Return all rows, scaled in the type of X and then converted."""
        scaled = np.empty((len(self), self.n_features), dtype=dtype)
        for positions in torch.arange(len(self)).split(self.block_size):
            scaled[positions.numpy()] = self._gather(positions).numpy()
        return scaled

    def shuffled_batches(
        self, batch_size: int, generator: torch.Generator
    ) -> Iterator[torch.Tensor]:
        """Yield all rows once in random order, in batches whose sizes differ by one."""
        order = torch.randperm(len(self), generator=generator)
        batches = order.tensor_split(-(-len(self) // batch_size))
        per_block = max(1, self.block_size // batch_size)
        buffer = None
        for first in range(0, len(batches), per_block):
            group = batches[first : first + per_block]
            positions = torch.cat(group)
            if buffer is None:
                buffer = self._make_buffer(len(positions))
            block = self.take(positions, buffer=buffer)
            yield from block.split([len(batch) for batch in group])

    def _make_buffer(self, n_rows: int) -> torch.Tensor | None:
        """Return memory that blocks share; new memory would cost as much as copying."""
        if self.resident is not None or sp.issparse(self.X):
            return None
        return torch.empty((n_rows, self.n_features), dtype=self.X.dtype)

    def _gather(
        self, positions: torch.Tensor, buffer: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the rows at ``positions`` on the CPU, scaled, in the type of X."""
        chosen = self.index[positions]
        if sp.issparse(self.X):
            part = self.X[chosen.numpy()]
            # torch's memory begins where products are always rounded alike.
            block = torch.empty(part.shape, dtype=getattr(torch, part.dtype.name))
            part.toarray(out=block.numpy())
        elif buffer is None:
            block = self.X.index_select(0, chosen)
        else:
            block = torch.index_select(self.X, 0, chosen, out=buffer[: len(chosen)])
        block = block.to(self.dtype)
        return block.sub_(self.shift.to(self.dtype)).mul_(self.factor.to(self.dtype))

    def _move(self) -> torch.Tensor:
        shape = (len(self), self.width)
        resident = torch.empty(shape, device=self.device, dtype=torch.float32)
        for positions in torch.arange(len(self)).split(self.block_size):
            block = self._gather(positions)
            resident[positions[0] : positions[0] + len(block)] = block
        return resident


class PairedRows(Rows):
    """Clean rows, each followed by the noisy one that belongs to it.

    A block has twice as many columns as rows have features. What reconstructs it takes
    the second half, what compares with it the first: see ``nn.corruption.GivenNoise``.

    Parameters
    ----------
    table : PairedTable
        Rows.
    shift, scale, device, index
        As for :class:`Rows`; both parts are scaled alike.
    """

    def __init__(
        self,
        table: PairedTable,
        shift: np.ndarray,
        scale: np.ndarray,
        device: torch.device,
        index: np.ndarray | None = None,
    ) -> None:
        # Gathered by position in the whole table, on the CPU.
        self.noisy = Rows(table.noisy, shift, scale, torch.device("cpu"))
        super().__init__(table.clean, shift, scale, device, index)

    @property
    def width(self) -> int:
        """Number of values of a row of a block."""
        return 2 * self.n_features

    def clean(self) -> Rows:
        """Return the clean rows alone."""
        rows = Rows.__new__(Rows)
        vars(rows).update(vars(self))
        if self.resident is not None:
            rows.resident = self.resident[:, : self.n_features]
        return rows

    def to_numpy(self, dtype: np.typing.DTypeLike) -> np.ndarray:
        """Return the clean rows alone, as one array."""
        return self.clean().to_numpy(dtype)

    def _make_buffer(self, n_rows: int) -> torch.Tensor | None:
        return None

    def _gather(
        self, positions: torch.Tensor, buffer: torch.Tensor | None = None
    ) -> torch.Tensor:
        noisy = self.noisy._gather(self.index[positions])
        clean = super()._gather(positions)
        return torch.cat([clean, noisy.to(clean.dtype)], 1)


def _fits(n_rows: int, n_features: int, device: torch.device) -> bool:
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return 4 * n_rows * n_features < free / 2
    return device.type == "mps"
