"""The PCA baseline: where networks start, and what they must beat."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
import torch
from scipy.stats import wilcoxon
from sklearn.decomposition import PCA, IncrementalPCA

from .training.batches import Rows

__all__ = ["PCABaseline", "fit_pca", "is_real_gain", "is_real_likelihood_gain"]

# Up to this many values PCA sees the scaled rows as one array: in float64 below the
# first limit, where that costs little, and in float32 below the second.
_FLOAT64_VALUES = 2**25
_FLOAT32_VALUES = 2**28

# A gain over PCA counts if a paired rank test over validation rows gives it this
# significance, and if its share of PCA's loss is large enough: on few rows the best
# of many epochs looks better than it is, and PCA gains most from the held-out rows.
# Ranks, because a few extreme rows can hold most of PCA's loss, and then a t-test is
# not sure of a gain on nearly every row.
_SIGNIFICANCE = 0.05
_LEAST_GAIN = 0.05
_LEAST_GAIN_OF_ONE_ROW = 1.5


# Share of the components' variance below which the rest of the variance never counts:
# likelihoods would not be bounded.
_LEAST_NOISE = 1e-6

# A gain in likelihood counts from so many nats per feature, over the square root of the
# number of rows: on tables of a hundred rows less was promised by validation rows where
# test rows lost.
_LEAST_NATS_OF_ONE_ROW = 0.4


@dataclass(frozen=True)
class PCABaseline:
    """Principal components of scaled rows.

    Parameters
    ----------
    components : ndarray of shape (n_components, n_features)
        Orthonormal rows.
    mean : ndarray of shape (n_features,)
        Mean of the scaled rows.
    variances : ndarray of shape (n_components,)
        Variance along each component.
    noise_variance : float
        Mean variance along the directions that the components leave out; greater
        than 0.
    """

    components: np.ndarray
    mean: np.ndarray
    variances: np.ndarray
    noise_variance: float

    def first(self, n_components: int) -> PCABaseline:
        """Return the baseline of the leading components."""
        return replace(
            self,
            components=self.components[:n_components],
            variances=self.variances[:n_components],
        )

    def residuals(self, n_components: int) -> np.ndarray:
        """Return the variance that the first 1, 2, ..., n components leave out."""
        n_features = self.components.shape[1]
        variances = np.zeros(n_components)
        variances[: len(self.variances)] = self.variances[:n_components]
        rest = self.noise_variance * (n_features - len(self.variances))
        return rest + variances[::-1].cumsum()[::-1] - variances

    def reconstruct(self, rows: torch.Tensor) -> torch.Tensor:
        """Project rows ``(n, n_features)`` onto the components and back."""
        components = torch.as_tensor(self.components).to(rows)
        mean = torch.as_tensor(self.mean).to(rows)
        return (rows - mean) @ components.T @ components + mean


def fit_pca(rows: Rows, n_components: int | float, seed: int) -> PCABaseline:
    """Fit scikit-learn's PCA to scaled rows.

    The solver is scikit-learn's choice. Tables of more than 2**28 values go through
    IncrementalPCA, block by block, if `n_components` is an integer. Sparse tables are
    never made dense: up to 1000 features their covariance is, beyond them ARPACK finds
    the components.

    Parameters
    ----------
    rows : Rows
        Scaled rows.
    n_components : int or float
        As for PCA: a float in (0, 1) is the share of the variance to keep.
    seed : int
        Seed of randomized solvers.
    """
    if sp.issparse(rows.X):
        return _fit_sparse(rows, n_components, seed)
    n_values = len(rows) * rows.n_features
    if isinstance(n_components, int):
        n_components = min(n_components, len(rows), rows.n_features)
        if n_values > _FLOAT32_VALUES:
            return _fit_incrementally(rows, n_components)
    dtype = np.float64 if n_values <= _FLOAT64_VALUES else np.float32
    pca = PCA(n_components, random_state=seed).fit(rows.to_numpy(dtype))
    return _as_baseline(pca)


def _fit_incrementally(rows: Rows, n_components: int) -> PCABaseline:
    pca = IncrementalPCA(n_components)
    size = max(5 * rows.n_features, n_components)
    # The last block may be too short for IncrementalPCA, so it joins the one before.
    for block in torch.arange(len(rows)).tensor_split(max(1, len(rows) // size)):
        pca.partial_fit(rows.take(block).cpu().numpy())
    return _as_baseline(pca)


def _fit_sparse(rows: Rows, n_components: int | float, seed: int) -> PCABaseline:
    scaled = rows.X[rows.index.numpy()] @ sp.diags_array(rows.factor.numpy())
    scaled = sp.csr_array(scaled)
    solver = "covariance_eigh" if rows.n_features <= 1000 else "arpack"
    if solver == "arpack" and not isinstance(n_components, int):
        raise ValueError(
            "n_components as a share of the variance needs at most 1000 features in "
            f"a sparse X; got n_components={n_components} with {rows.n_features} "
            "features. Give n_components as an integer."
        )
    if solver == "arpack":
        n_components = min(n_components, min(scaled.shape) - 1)
    elif isinstance(n_components, int):
        n_components = min(n_components, *scaled.shape)
    pca = PCA(n_components, svd_solver=solver, random_state=seed).fit(scaled)
    shift = rows.shift.numpy() * rows.factor.numpy()
    return _as_baseline(pca, shift)


def _as_baseline(
    pca: PCA | IncrementalPCA, shift: np.ndarray | float = 0.0
) -> PCABaseline:
    least = _LEAST_NOISE * float(pca.explained_variance_.mean())
    return PCABaseline(
        # ARPACK's components have negative strides, which torch refuses.
        np.ascontiguousarray(pca.components_),
        pca.mean_ - shift,
        pca.explained_variance_,
        max(float(pca.noise_variance_), least),
    )


def is_real_likelihood_gain(
    losses: np.ndarray, pca_losses: np.ndarray, n_features: int
) -> bool:
    """Tell whether a model's likelihood is reliably above probabilistic PCA's.

    Parameters
    ----------
    losses, pca_losses : ndarray of shape (n_rows,)
        Minus the log-likelihood, or a bound on it, of each validation row, in nats.
    n_features : int
        Width of a row.

    Returns
    -------
    bool
        True if the mean gain is more than ``0.4 * n_features / sqrt(n_rows)`` nats,
        and Wilcoxon's one-sided signed-rank test gives p < 0.05.
    """
    gains = pca_losses - losses
    if not gains.mean() > _LEAST_NATS_OF_ONE_ROW * n_features / np.sqrt(len(gains)):
        return False
    return bool(wilcoxon(gains, alternative="greater").pvalue < _SIGNIFICANCE)


def least_gain(n_rows: int) -> float:
    """Return the share of PCA's loss from which a gain on so many rows may be real."""
    return _LEAST_GAIN + _LEAST_GAIN_OF_ONE_ROW / np.sqrt(n_rows)


def is_real_gain(losses: np.ndarray, pca_losses: np.ndarray) -> bool:
    """Tell whether a model is reliably better than PCA on the same rows.

    Parameters
    ----------
    losses, pca_losses : ndarray of shape (n_rows,)
        Loss of each validation row under the model and under PCA, above the least
        loss that is possible.

    Returns
    -------
    bool
        True if the mean gain is more than ``0.05 + 1.5 / sqrt(n_rows)`` of PCA's
        mean loss, and Wilcoxon's one-sided signed-rank test gives p < 0.05.
    """
    gains = pca_losses - losses
    if not gains.mean() > least_gain(len(losses)) * pca_losses.mean():
        return False
    return bool(wilcoxon(gains, alternative="greater").pvalue < _SIGNIFICANCE)
