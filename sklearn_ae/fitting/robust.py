"""How far from the others a value may lie before it is drawn in."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from ..nn.statistics import RowStatistics
from ..training.batches import Rows

__all__ = ["draw_in_rows", "find_reach"]

# No normal value in 1e42 lies so many interquartile ranges beyond the quartiles.
_MAX_RANGES = 10.0


def find_reach(X: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the least and the largest value of each column that is not drawn in.

    They lie 10 interquartile ranges beyond the quartiles. There are none for columns
    whose quartiles are equal, and for sparse tables.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
        Finite values.
    """
    if sp.issparse(X):
        return None
    low, high = np.quantile(X, (0.25, 0.75), axis=0).astype(np.float64)
    margin = np.where(high > low, _MAX_RANGES * (high - low), np.inf)
    return low - margin, high + margin


def draw_in_rows(rows: Rows, units: RowStatistics) -> Rows:
    """Return scaled rows with their far values drawn in."""
    rows = rows.clean()
    if units.reach is None:
        return rows
    X = rows.X[rows.index].numpy()
    low, high = (bound.astype(X.dtype) for bound in units.reach)
    return Rows(np.clip(X, low, high), units.shift, units.scale, rows.device)
