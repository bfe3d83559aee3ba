"""Nested codes of a fitted model: what each size is worth, and smaller models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from ..nn.codes import PlainCode
from ..nn.linear_path import PCASolution
from ..nn.nested import load_first
from ..training.batches import Rows
from ..training.isolation import isolated
from .model import Model
from .verdict import is_real_gain

__all__ = ["SizeTable", "evaluate_sizes", "keep_first"]

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
    """

    pca: PCASolution
    is_gain: np.ndarray
    errors: np.ndarray
    pca_errors: np.ndarray
    shares: np.ndarray

    def first(self, size: int) -> SizeTable:
        """Return the table of the first codes."""
        return SizeTable(
            self.pca.first(size),
            self.is_gain[:size],
            self.errors[:size],
            self.pca_errors[:size],
            self.shares[:size],
        )

    def numbers_at(self, size: int, falls_back: bool) -> dict[str, Any]:
        """Return learned attributes of an estimator with the first codes.

        Parameters
        ----------
        size : int
            Number of codes.
        falls_back : bool
            Whether PCA takes the place of codes that are no gain.
        """
        is_gain = bool(self.is_gain[size - 1])
        pca_error = float(self.pca_errors[size - 1])
        is_pca = falls_back and not is_gain
        error = pca_error if is_pca else float(self.errors[size - 1])
        return {
            "beats_pca_": is_gain,
            "reconstruction_error_": error,
            "pca_reconstruction_error_": pca_error,
            "explained_variance_ratio_": self.shares[:size],
        }

    def count_components(self, share: float) -> int:
        """Return the number of codes that keep a share of the held-out variance."""
        reached = np.flatnonzero(self.shares.cumsum() >= share)
        return int(reached[0]) + 1 if len(reached) else len(self.shares)


def evaluate_sizes(model: Model, pca: PCASolution, rows: Rows) -> SizeTable:
    """Evaluate nested codes and PCA at every size.

    Parameters
    ----------
    model : Model
        With nested codes.
    pca : PCASolution
        What they are compared with, and what they fall back to.
    rows : Rows
        Validation rows.
    """
    rows = rows.sample(_MAX_ROWS, model.seed)
    sizes = range(1, model.n_components + 1)

    def errors_of(evaluated: Model, corrupted: bool) -> np.ndarray:
        module: Any = evaluated.module

        def errors(block: torch.Tensor) -> torch.Tensor:
            code = module.encode(module.corruption(block) if corrupted else block)
            columns: Iterable[torch.Tensor] = (
                model.scaling.squares(module.decode_first(code, k) - block)
                for k in sizes
            )
            return torch.stack([squares.mean(1) for squares in columns], 1)

        return evaluated.rowwise(errors, rows, seed=model.seed)

    ours, pcas = (
        errors_of(model, corrupted=True),
        errors_of(model.floor(pca), corrupted=True),
    )
    clean = ours
    if not isinstance(model.module.corruption, nn.Identity):
        clean = errors_of(model, corrupted=False)
    total = model.squared_distances_of(rows).mean(dtype=np.float64)
    shares = 1 - clean.mean(0, dtype=np.float64) / total
    pairs = zip(ours.T, pcas.T, strict=True)
    return SizeTable(
        pca,
        np.array([is_real_gain(*pair) for pair in pairs]),
        ours.mean(0, dtype=np.float64),
        pcas.mean(0, dtype=np.float64),
        np.diff(shares, prepend=0.0),
    )


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
    if nested:
        smaller = model.with_pca(pca=pca, sizes=sizes.first(size))
    else:
        recipe = replace(recipe, bottleneck=PlainCode())
        smaller = model.with_pca()
    vars(smaller).update(recipe=recipe, n_components=size)
    if recipe.starts_at_pca and not sizes.is_gain[size - 1]:
        return smaller.floor(pca)
    with isolated(model.seed):
        module = recipe.build(model.scaling, size)
    whole: Any = model.module
    source = whole if nested else whole.cut(size)
    load_first(module, source, size, model.n_components)
    vars(smaller).update(module=module.to(model.device), is_pca=False)
    return smaller
