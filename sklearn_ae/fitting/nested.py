"""Nested codes of a fitted model: what each size is worth, and smaller models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from ..exceptions import PCAFloorWarning
from ..nn.codes import Complaint, PlainCode
from ..nn.linear_path import PCASolution
from ..nn.nested import load_first
from ..training.isolation import isolated
from .evidence import HeldOut, is_real_gain
from .model import Model

__all__ = ["SizeTable", "evaluate_sizes", "keep_first", "say_floor_of_some"]

# Rows on which all sizes are evaluated.
_MAX_ROWS = 1000


@dataclass(frozen=True, eq=False)
class SizeTable:
    """Evaluations of the first 1, 2, ..., n_components codes.

    Parameters
    ----------
    pca : PCASolution
        What smaller codes fall back to.
    is_gain : ndarray of bool
        Whether codes of this size are reliably better than PCA's.
    errors, pca_errors : ndarray of float
        Mean squared errors of validation rows, in squared units of X.
    shares : ndarray of float
        Share of the variance that each code adds to those before it.
    has_floor : bool
        Whether PCA takes the place of codes that are no gain.
    are_new : bool
        Whether they were evaluated on rows that the network has not seen.
    network : Model, default=None
        What smaller codes come from, if the whole code is PCA's.
    """

    pca: PCASolution
    is_gain: np.ndarray
    errors: np.ndarray
    pca_errors: np.ndarray
    shares: np.ndarray
    has_floor: bool
    are_new: bool
    network: Model | None = None

    def first(self, size: int) -> SizeTable:
        """Return the table of the first codes."""
        parts = ("is_gain", "errors", "pca_errors", "shares")
        cut = {name: getattr(self, name)[:size] for name in parts}
        return replace(self, pca=self.pca.first(size), **cut)

    def is_pca(self, size: int) -> bool:
        """Return whether codes of a size are PCA's."""
        return self.has_floor and not self.is_gain[size - 1]

    @property
    def needs_pca(self) -> bool:
        """Whether codes of some size are PCA's."""
        return self.has_floor and not bool(self.is_gain.all())

    def numbers_at(self, size: int) -> dict[str, Any]:
        """Return learned attributes of an estimator with the first codes."""
        is_gain = bool(self.is_gain[size - 1])
        pca_error = float(self.pca_errors[size - 1])
        error = pca_error if self.is_pca(size) else float(self.errors[size - 1])
        return {
            "beats_pca_": is_gain if self.are_new or not is_gain else None,
            "reconstruction_error_": error,
            "pca_reconstruction_error_": pca_error,
            "explained_variance_ratio_": self.shares[:size],
        }

    def count_components(self, share: float) -> int:
        """Return the number of codes that keep a share of the held-out variance."""
        reached = np.flatnonzero(self.shares.cumsum() >= share)
        return int(reached[0]) + 1 if len(reached) else len(self.shares)


def evaluate_sizes(
    model: Model,
    floor: Model,
    informed: Model | None,
    pca: PCASolution,
    held_out: HeldOut,
    has_floor: bool,
) -> SizeTable:
    """Evaluate nested codes and PCA at every size.

    Parameters
    ----------
    model : Model
        With nested codes.
    floor : Model
        PCA of the training rows, with codes of the same kind.
    informed : Model or None
        PCA of all rows, which would take the place of codes that are no gain. What it
        does on new rows lies between what the two do on those that only it has seen.
    pca : PCASolution
        The same in numbers, which smaller codes fall back to.
    held_out : HeldOut
        Rows to evaluate on.
    has_floor : bool
        Whether PCA takes the place of codes that are no gain.
    """
    held_out = held_out.sample(_MAX_ROWS, model.seed)
    rows = held_out.rows
    sizes = range(1, model.n_components + 1)

    def errors_of(evaluated: Model) -> np.ndarray:
        """Return errors of corrupted rows, and of clean ones, by row and size."""
        module: Any = evaluated.module
        denoises = not isinstance(module.corruption, nn.Identity)

        def errors(block: torch.Tensor) -> torch.Tensor:
            clean = block[:, : model.n_features]
            inputs = [module.corruption(block), clean] if denoises else [clean]
            codes = [module.encode(rows) for rows in inputs]
            columns: Iterable[torch.Tensor] = (
                model.scaling.squares(module.decode_first(code, k) - clean)
                for code in codes
                for k in sizes
            )
            return torch.stack([squares.mean(1) for squares in columns], 1)

        found = evaluated.rowwise(errors, rows, seed=model.seed)
        return found.reshape(len(found), -1, len(sizes)).swapaxes(0, 1)

    ours, pcas = errors_of(model), errors_of(floor)
    to_beat = pcas[0]
    if informed is not None:
        to_beat = (to_beat + errors_of(informed)[0]) / 2
    pairs = zip(ours[0].T, to_beat.T, strict=True)
    is_gain = np.array([is_real_gain(*pair, held_out) for pair in pairs])
    is_served = is_gain if has_floor else np.ones_like(is_gain)
    left = np.where(
        is_served, ours[-1].mean(0, dtype=float), pcas[-1].mean(0, dtype=float)
    )
    total = model.squared_distances_of(rows).mean(dtype=np.float64)
    shares = 1 - left / total
    return SizeTable(
        pca,
        is_gain,
        ours[0].mean(0, dtype=np.float64),
        pcas[0].mean(0, dtype=np.float64),
        np.diff(shares, prepend=0.0),
        has_floor,
        held_out.are_new,
    )


def say_floor_of_some(sizes: SizeTable) -> Complaint:
    """Return the warning that the whole code is PCA's, but not its beginnings."""
    gains = np.flatnonzero(sizes.is_gain) + 1
    message = (
        f"The whole code of {len(sizes.is_gain)} components is PCA's, which the "
        f"network does not beat there; beats_pca_ is False. truncate({gains[-1]}) "
        "gives the largest code that is the network's."
    )
    return message, PCAFloorWarning


def keep_first(model: Model, sizes: SizeTable, size: int, *, nested: bool) -> Model:
    """Return the model of the first codes, without any training.

    Parameters
    ----------
    model : Model
        With nested codes.
    sizes : SizeTable
        What they are worth at each size.
    size : int
        Number of codes to keep.
    nested : bool
        Whether the smaller codes are still nested.
    """
    recipe, pca = model.recipe, sizes.pca.first(size)
    if sizes.network is not None and not sizes.is_pca(size):
        model = sizes.network
    if nested:
        smaller = model.with_pca(pca=pca, sizes=sizes.first(size))
    else:
        recipe = replace(recipe, bottleneck=PlainCode())
        smaller = model.with_pca()
    vars(smaller).update(recipe=recipe, n_components=size)
    if sizes.is_pca(size):
        return smaller.floor(pca)
    with isolated(model.seed):
        module = recipe.build(model.scaling, size)
    whole: Any = model.module
    source = whole if nested else whole.cut(size)
    load_first(module, source, size, model.n_components)
    vars(smaller).update(module=module.to(model.device), is_pca=False, exact=None)
    return smaller
