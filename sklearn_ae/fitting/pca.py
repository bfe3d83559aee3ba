"""PCA of scaled rows, by whichever of scikit-learn's ways suits the table."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.decomposition import PCA, IncrementalPCA

from ..nn.linear_path import PCASolution, least_variance
from ..training.batches import Rows

__all__ = ["fit_pca"]

# Up to this many values PCA sees the scaled rows as one array: in float64 below the
# first limit, where that costs little, and in float32 below the second.
_MAX_FLOAT64_VALUES = 2**25
_MAX_FLOAT32_VALUES = 2**28

# Relative precision of ARPACK's variances, whose components are more precise than the
# float32 of networks by far.
_TOL = 1e-3

# Share of the components' variance below which the rest of the variance never counts:
# likelihoods would not be bounded.
_MIN_NOISE = 1e-6


def fit_pca(rows: Rows, n_components: int | float, seed: int) -> PCASolution:
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
    if not isinstance(n_components, float):
        n_components = int(n_components)  # perhaps one of NumPy's
    # Rows that do not vary at all have no shares of a variance, which nobody asks for.
    with np.errstate(divide="ignore", invalid="ignore"):
        return _fit_pca(rows.clean(), n_components, seed)


def _fit_pca(rows: Rows, n_components: int | float, seed: int) -> PCASolution:
    """Do what :func:`fit_pca` does."""
    if sp.issparse(rows.X):
        return _fit_sparse(rows, n_components, seed)
    n_values = len(rows) * rows.n_features
    if isinstance(n_components, int):
        n_components = min(n_components, len(rows), rows.n_features)
        if n_values > _MAX_FLOAT32_VALUES:
            return _fit_incrementally(rows, n_components)
    dtype = np.float64 if n_values <= _MAX_FLOAT64_VALUES else np.float32
    pca = PCA(n_components, random_state=seed).fit(rows.to_numpy(dtype))
    return _as_baseline(pca)


def _fit_incrementally(rows: Rows, n_components: int) -> PCASolution:
    pca = IncrementalPCA(n_components)
    size = max(5 * rows.n_features, n_components)
    # The last block may be too short for IncrementalPCA, so it joins the one before.
    for block in torch.arange(len(rows)).tensor_split(max(1, len(rows) // size)):
        pca.partial_fit(rows.take(block).cpu().numpy())
    return _as_baseline(pca)


def _fit_sparse(rows: Rows, n_components: int | float, seed: int) -> PCASolution:
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
    pca = PCA(n_components, svd_solver=solver, tol=_TOL, random_state=seed).fit(scaled)
    shift = rows.shift.numpy() * rows.factor.numpy()
    return _as_baseline(pca, shift)


def _as_baseline(
    pca: PCA | IncrementalPCA, shift: np.ndarray | float = 0.0
) -> PCASolution:
    mean = pca.mean_ - shift
    least = least_variance(_MIN_NOISE * pca.explained_variance_.mean(), mean)
    return PCASolution(
        # ARPACK's components have negative strides, which torch refuses.
        np.ascontiguousarray(pca.components_),
        mean,
        pca.explained_variance_,
        max(float(pca.noise_variance_), least),
    )
