"""Rows that a network is evaluated on, and when a gain on them is a real one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm, t, wilcoxon

from ..training.batches import Rows

__all__ = [
    "EXACT",
    "MAX_SHARE_OF_ONE_ROW",
    "MIN_ROWS",
    "HeldOut",
    "is_real_gain",
    "is_real_likelihood_gain",
    "min_gain",
    "share_of_one_row",
]

# A gain over PCA counts if a paired rank test over validation rows gives it this
# significance, and if its share of PCA's loss is large enough: on few rows the best
# of many epochs looks better than it is. Ranks, because a few extreme rows can hold
# most of PCA's loss, and then a t-test is not sure of a gain on nearly every row.
# Large enough is more than what chance may do to the mean gain. Where rows gain alike,
# its standard error tells; where they do not, a share that falls with their number.
# Chosen by ``benchmarks/gain_rule.py`` on tables of 60 to 500 rows.
_SIGNIFICANCE = 0.05
_MIN_GAIN = 0.02
_MIN_GAIN_OF_ONE_ROW = 0.75
_SIGNIFICANCE_OF_MEAN = 0.01

# Of one row where rows gain as alike as they did in any of those tables.
_MIN_GAIN_OF_ONE_LIKE_ROW = 0.15

#: PCA is exact where it leaves less than this share of the variance, which is what
#: float32 makes of nothing.
EXACT = 1e-9

# On fewer rows no gain can have that significance, even one on each of them.
MIN_ROWS = 5

# If one training row holds a larger share of the variance, what new rows like it cost
# cannot be told from validation rows.
MAX_SHARE_OF_ONE_ROW = 0.15

# A gain in likelihood counts from so many nats per feature, over the square root of the
# number of rows: on tables of a hundred rows less was promised by validation rows where
# test rows lost.
_MIN_NATS_OF_ONE_ROW = 0.4


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Rows that a network is evaluated on.

    Parameters
    ----------
    rows : Rows
        The rows.
    groups : ndarray of shape (n_rows,), default=None
        Equal for rows that depend on one another, which count as one; None if none do.
    at_end : ndarray of bool of shape (n_rows,), default=None
        Which are the last rows of an ordered table. There, too, a gain must hold.
    are_new : bool, default=True
        Whether the network has not been trained on them.
    units : str, default="rows"
        What counts as one, in the plural.
    advice : str
        What gives more of them, or new ones.
    """

    rows: Rows
    groups: np.ndarray | None = None
    at_end: np.ndarray | None = None
    are_new: bool = True
    units: str = "rows"
    advice: str = "Set early_stopping=True, or pass X_val."

    @property
    def n_units(self) -> int:
        """Number of rows or groups that do not depend on one another."""
        return len(self.rows if self.groups is None else np.unique(self.groups))

    def sample(self, n_rows: int, seed: int) -> HeldOut:
        """Return at most ``n_rows`` rows drawn without replacement."""
        if len(self.rows) <= n_rows:
            return self
        at = np.random.RandomState(seed).permutation(len(self.rows))[:n_rows]
        return replace(
            self,
            rows=self.rows.at(at),
            groups=None if self.groups is None else self.groups[at],
            at_end=None if self.at_end is None else self.at_end[at],
        )

    def means(self, losses: np.ndarray) -> np.ndarray:
        """Return the mean loss of each group; losses as they are without groups."""
        if self.groups is None:
            return np.asarray(losses, dtype=np.float64)
        _, codes = np.unique(self.groups, return_inverse=True)
        return np.bincount(codes, losses) / np.bincount(codes)


def min_gain(n_rows: float) -> float:
    """Return the share of PCA's loss from which a gain on so many rows may be real."""
    return _MIN_GAIN + _MIN_GAIN_OF_ONE_LIKE_ROW / np.sqrt(n_rows)


def share_of_one_row(squares: np.ndarray) -> float:
    """Return the largest share that one row has of the sum of squared distances."""
    total = squares.sum(dtype=np.float64)
    return float(squares.max() / total) if total > 0 else 0.0


def is_real_gain(losses: np.ndarray, pca_losses: np.ndarray, held_out: HeldOut) -> bool:
    """Return whether a model is reliably better than PCA on the same rows.

    Parameters
    ----------
    losses, pca_losses : ndarray of shape (n_rows,)
        Loss of each held-out row under the model and under PCA, above the least loss
        that is possible.
    held_out : HeldOut
        The rows.

    Returns
    -------
    bool
        True if the mean gain is more than ``0.02 + min(0.75 / sqrt(n), t * e)`` of
        PCA's mean loss, and Wilcoxon's one-sided signed-rank test gives p < 0.05. Here
        n is the number of groups, or of rows without groups, of equal losses that would
        make PCA's mean loss as uncertain as it is, e the standard error of the mean
        gain as a share of PCA's mean loss, and t the quantile of Student's t that 1 %
        exceed, 2.4 for 60 rows. In an ordered table t * e does not count, and the mean
        gain must be as large on the last rows.
    """
    # Rounding alone takes PCA's losses below the least, and could make their sum 0.
    pca_losses = pca_losses.clip(min=0)
    ours, pcas = held_out.means(losses), held_out.means(pca_losses)
    if not pcas.any():
        return False
    least, at_end = _share_of_few_rows(pcas), held_out.at_end
    if at_end is None:
        # In an ordered table rows are not as independent as standard errors take them.
        least = min(least, _uncertainty(pcas - ours, pcas))
    least += _MIN_GAIN
    # Of groups and of rows: those of large groups must not pay for the others.
    if not _exceeds(ours, pcas, least) or losses.mean() >= pca_losses.mean():
        return False
    if at_end is not None and not _exceeds(losses[at_end], pca_losses[at_end], least):
        return False
    return _is_significant(pcas - ours)


def _share_of_few_rows(pca_losses: np.ndarray) -> float:
    """Return the share of PCA's loss that a gain on so few rows may be by chance."""
    n_alike = pca_losses.sum() ** 2 / np.square(pca_losses).sum()
    return _MIN_GAIN_OF_ONE_ROW / np.sqrt(n_alike)


def _uncertainty(gains: np.ndarray, pca_losses: np.ndarray) -> float:
    """Return how far a mean gain may be from the true one, over PCA's mean loss."""
    n_rows = len(gains)
    if n_rows < MIN_ROWS:
        return np.inf
    error = gains.std(ddof=1) / np.sqrt(n_rows)
    return float(t.isf(_SIGNIFICANCE_OF_MEAN, n_rows - 1) * error / pca_losses.mean())


def _exceeds(losses: np.ndarray, pca_losses: np.ndarray, share: float) -> bool:
    """Return whether the mean gain is more than a share of PCA's mean loss."""
    pca_mean = pca_losses.mean(dtype=np.float64)
    return bool(pca_mean - losses.mean(dtype=np.float64) > share * pca_mean)


def _is_significant(gains: np.ndarray) -> bool:
    """Return whether gains are above zero by more than chance."""
    if not gains.any():
        return False
    return bool(wilcoxon(gains, alternative="greater").pvalue < _SIGNIFICANCE)


def is_real_likelihood_gain(
    losses: np.ndarray, pca_losses: np.ndarray, held_out: HeldOut
) -> bool:
    """Return whether a model's likelihood is reliably above probabilistic PCA's.

    Parameters
    ----------
    losses, pca_losses : ndarray of shape (n_rows,)
        Minus the log-likelihood, or a bound on it, of each held-out row, in nats.
    held_out : HeldOut
        The rows.

    Returns
    -------
    bool
        True if the mean gain is more than ``0.4 * n_features / sqrt(n)`` nats, where n
        is the number of groups, or of rows without groups, and Wilcoxon's one-sided
        signed-rank test gives p < 0.05. The mean gain must also be more than 1.64
        standard errors above 0, so that a few rows cannot turn it. In an ordered table
        the last rows must gain as much.
    """
    gains, at_end = held_out.means(pca_losses) - held_out.means(losses), held_out.at_end
    least = _MIN_NATS_OF_ONE_ROW * held_out.rows.n_features / np.sqrt(len(gains))
    if not gains.mean() > least:
        return False
    if at_end is not None and not (pca_losses - losses)[at_end].mean() > least:
        return False
    return _is_sure_of_mean(gains) and _is_significant(gains)


def _is_sure_of_mean(gains: np.ndarray) -> bool:
    """Return whether a mean gain is well above zero for the spread of the gains.

    Ranks do not see how much a few rows with heavy tails lose; likelihoods do.
    """
    if len(gains) < 2:
        return False
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    return bool(gains.mean() > norm.isf(_SIGNIFICANCE) * error)
