"""What is learned of counts, and the logarithms that their networks see."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp
from sklearn.preprocessing import StandardScaler

from ..nn.linear_path import CountSolution, PCASolution
from ..nn.statistics import UNIT_COUNT, CountStatistics
from ..training.batches import Rows
from .pca import fit_pca

__all__ = ["add_logs", "learn_counts"]

# Rates are at most so many times the largest count of a feature and one more, and at
# least a part of the smallest, or of one count in all rows. At most twice the largest
# was too little for new rows of Poisson counts that vary by orders of magnitude.
_MAX_RATE = 10.0
_MIN_RATE = 0.1


def learn_counts(
    X: np.ndarray | sp.csr_array, scaling: str | None, has_sizes: bool
) -> CountStatistics:
    """Learn what is to be known of a table of counts.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
        Counts.
    scaling : {"global", "per_feature"} or None
        How logarithms are scaled.
    has_sizes : bool
        Whether rows are divided by their sum over the mean sum first.
    """
    mean_size = float(X.sum() / X.shape[0]) if has_sizes else None
    values = _at_mean_size(X, mean_size)
    logs, is_sparse = np.log1p(values / UNIT_COUNT), sp.issparse(values)
    scaler = StandardScaler(with_mean=not is_sparse).fit(logs)
    n_features, overall = X.shape[1], math.sqrt(scaler.var_.mean())
    one = 1 / X.shape[0]
    low, high = (_as_row(extreme) for extreme in (values.min(0), values.max(0)))
    scale = {
        "global": np.full(n_features, overall or 1.0),
        "per_feature": scaler.scale_,
        None: np.ones(n_features),
    }[scaling]
    return CountStatistics(
        mean_size=mean_size,
        log_mean=np.zeros(n_features) if scaling is None else scaler.mean_,
        log_scale=scale,
        centre=np.log(_as_row(values.mean(0)).clip(min=one)),
        low=np.log(_MIN_RATE * low.clip(min=one)),
        high=np.log(_MAX_RATE * (high + 1)),
    )


def add_logs(
    pca: PCASolution, counts: CountStatistics, rows: Rows, n_components: int, seed: int
) -> CountSolution:
    """Fit PCA to the logarithms of counts, beside PCA of the counts.

    Parameters
    ----------
    pca : PCASolution
        PCA of the rows.
    counts : CountStatistics
        What is known of them.
    rows : Rows
        Scaled counts.
    n_components : int
        Number of components.
    seed : int
        Seed of randomized solvers.
    """
    values = _at_mean_size(rows.X[rows.index.numpy()], counts.mean_size)
    logs = Rows(
        np.log1p(values / UNIT_COUNT), counts.log_mean, counts.log_scale, rows.device
    )
    found = fit_pca(logs, n_components, seed)
    known = pca.components, pca.mean, pca.variances, pca.noise_variance
    return CountSolution(*known, found)


def _at_mean_size(
    X: np.ndarray | sp.csr_array, mean_size: float | None
) -> np.ndarray | sp.csr_array:
    """Return counts in float64, as if all rows had the mean sum."""
    X = X.astype(np.float64) if sp.issparse(X) else np.asarray(X, dtype=np.float64)
    if mean_size is None:
        return X
    sizes = _as_row(X.sum(axis=1)).clip(min=1) / mean_size
    if sp.issparse(X):
        return sp.csr_array(sp.diags_array(1 / sizes) @ X)
    return X / sizes[:, None]


def _as_row(values) -> np.ndarray:
    return values.toarray().ravel() if sp.issparse(values) else np.asarray(values)
