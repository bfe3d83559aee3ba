"""How rows were scaled, as far as networks have to know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["RowStatistics"]


@dataclass(frozen=True, eq=False)
class RowStatistics:
    """Numbers of rows that are scaled as ``(X - shift) / scale``.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of each feature, in units of X like all that follows.
    shift, scale : ndarray of shape (n_features,)
        What is taken from each feature, and what it is divided by then.
    deviation : ndarray of shape (n_features,)
        Standard deviation: of each feature where each has a scale of its own, of all
        together otherwise.
    feature_deviations : ndarray of shape (n_features,)
        Standard deviation of each feature.
    low, high : ndarray of shape (n_features,) or None
        Smallest and largest value of each feature, where something needs them.
    reach : tuple of two ndarrays of shape (n_features,) or None
        Values below the first, or above the second, are drawn in where rows are
        encoded; None draws none in.
    """

    mean: np.ndarray
    shift: np.ndarray
    scale: np.ndarray
    deviation: np.ndarray
    feature_deviations: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    reach: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def n_features(self) -> int:
        """Width of a row."""
        return len(self.shift)
