"""How rows were scaled, as far as networks have to know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["UNIT_COUNT", "CountStatistics", "RowStatistics"]

# Of 1 and 10, the first cost up to 1 % of the log-likelihood of counts of about 1.
#: Networks see counts far below it nearly as they are, and logarithms of those above.
UNIT_COUNT = 10.0


@dataclass(frozen=True, eq=False)
class CountStatistics:
    """Numbers of counts, whose networks see logarithms, and which give log-rates.

    Parameters
    ----------
    mean_size : float or None
        Mean sum of a row, if rows are divided by their sum over it first; None takes
        counts as they are.
    log_mean, log_scale : ndarray of shape (n_features,)
        Networks see ``(log(1 + counts / UNIT_COUNT) - log_mean) / log_scale``.
    centre : ndarray of shape (n_features,)
        Logarithm of the mean of each feature, to which log-rates are relative.
    low, high : ndarray of shape (n_features,)
        Bounds of the log-rates.
    """

    mean_size: float | None
    log_mean: np.ndarray
    log_scale: np.ndarray
    centre: np.ndarray
    low: np.ndarray
    high: np.ndarray


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
    counts : CountStatistics or None
        What is known of counts; None where values are no counts.
    """

    mean: np.ndarray
    shift: np.ndarray
    scale: np.ndarray
    deviation: np.ndarray
    feature_deviations: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    reach: tuple[np.ndarray, np.ndarray] | None = None
    counts: CountStatistics | None = None

    @property
    def n_features(self) -> int:
        """Width of a row."""
        return len(self.shift)
