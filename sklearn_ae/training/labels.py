"""Labelled rows in batches, with batches of all rows beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from .batches import Rows

__all__ = ["LabelledBatch", "LabelledRows", "distance_to_neighbour"]

# Distances are taken from so many rows to at most so many.
_N_QUERIES, _MAX_NEIGHBOURS = 256, 100_000
_ROUNDING = 1e-3


@dataclass(frozen=True)
class LabelledBatch:
    """Labelled rows, and rows without labels.

    Parameters
    ----------
    rows : tensor of shape (n_labelled, n_features)
        Scaled rows.
    targets : tensor of shape (n_labelled,) or (n_labelled, n_outputs)
        Classes or numbers.
    weights : tensor of shape (n_labelled,)
        Weights of the losses.
    others : tensor of shape (n_others, n_features) or None
        More scaled rows.
    """

    rows: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    others: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows if self.others is None else self.others)

    def __getitem__(self, part: slice) -> LabelledBatch:
        """Return some of the labelled rows, of a batch that has no others."""
        return LabelledBatch(self.rows[part], self.targets[part], self.weights[part])


class LabelledRows:
    """Rows with targets, for the training loop.

    Parameters
    ----------
    rows : Rows
        The labelled rows.
    targets, weights : tensor
        One entry for each of them.
    others : Rows, default=None
        All rows. With them an epoch is a pass over them, in which labelled rows come
        again and again; without, a pass over the labelled rows.
    """

    def __init__(
        self,
        rows: Rows,
        targets: torch.Tensor,
        weights: torch.Tensor,
        others: Rows | None = None,
    ) -> None:
        self.rows = rows
        self.targets = targets.to(rows.device)
        self.weights = weights.to(rows.device)
        self.others = others
        self.device = rows.device

    def __len__(self) -> int:
        return len(self.rows if self.others is None else self.others)

    def _take(
        self, positions: torch.Tensor, others: torch.Tensor | None = None
    ) -> LabelledBatch:
        chosen = positions.to(self.device)
        return LabelledBatch(
            self.rows.take(positions),
            self.targets[chosen],
            self.weights[chosen],
            others,
        )

    def blocks(self) -> Iterator[LabelledBatch]:
        """Yield all labelled rows in order."""
        for positions in torch.arange(len(self.rows)).split(self.rows.block_size):
            yield self._take(positions)

    def shuffled_batches(
        self, batch_size: int, generator: torch.Generator
    ) -> Iterator[LabelledBatch]:
        """Yield an epoch in random order."""
        n_labelled = len(self.rows)
        if self.others is None:
            order = torch.randperm(n_labelled, generator=generator)
            for positions in order.tensor_split(-(-n_labelled // batch_size)):
                yield self._take(positions)
            return
        n_wanted = min(n_labelled, max(1, batch_size // 2))
        queue = torch.empty(0, dtype=torch.long)
        for others in self.others.shuffled_batches(batch_size, generator):
            while len(queue) < n_wanted:
                again = torch.randperm(n_labelled, generator=generator)
                queue = torch.cat([queue, again])
            yield self._take(queue[:n_wanted], others)
            queue = queue[n_wanted:]


def distance_to_neighbour(rows: Rows, rank: int, seed: int) -> float:
    """Return the median distance of a row to one of its nearest neighbours.

    Rows that equal it do not count.

    Parameters
    ----------
    rows : Rows
        Scaled rows; at most 100,000 of them, drawn at random, are looked at.
    rank : int
        Which neighbour: 1 is the nearest.
    seed : int
        Seed of the draws.
    """
    rows = rows.sample(_MAX_NEIGHBOURS, seed)
    queries = rows.sample(_N_QUERIES, seed).take(
        torch.arange(min(len(rows), _N_QUERIES))
    )
    nearest = torch.full((len(queries), 0), torch.inf, device=rows.device)
    for block in rows.blocks():
        distances = torch.cdist(queries, block)
        # Distances come from products, and are not exactly 0 where rows are equal.
        norms = queries.norm(dim=1)[:, None] + block.norm(dim=1)
        distances[distances <= _ROUNDING * norms] = torch.inf
        nearest = torch.cat([nearest, distances], 1).sort(1).values[:, :rank]
    last = nearest.isfinite().sum(1, keepdim=True).clamp(min=1) - 1
    return float(nearest.gather(1, last).nan_to_num(posinf=0).median())
