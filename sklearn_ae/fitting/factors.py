"""Factor analysis of scaled rows, and which normal model suits held-out rows better."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from ..nn.likelihoods import MIN_LEARNED_SHARE, least_noise_variances
from ..nn.linear_path import FactorSolution, PCASolution, least_variance
from ..training.batches import Rows
from .evidence import MAX_SHARE_OF_ONE_ROW, share_of_one_row
from .pca import fit_pca

__all__ = [
    "MAX_FEATURES",
    "choose_normal_model",
    "fit_factors",
    "fit_learnable_factors",
    "log_densities",
]

#: Wider rows have a covariance that takes too long to be decomposed so often.
MAX_FEATURES = 1000

# As in scikit-learn, iterations end where the likelihood of all rows gains less. Wide
# rows have no time for so many, of about as many multiplications as features cubed.
_MAX_ITER, _TOL = 1000, 0.01
_MAX_WORK = 3e10

# Share of a feature's variance that factor analysis always takes for noise: at less,
# float32 would round more away.
_MIN_SHARE = 1e-12

# Variances where rows do not vary at all: float32 holds them and their reciprocals.
_MIN_VARIANCE = 1e-30

# Nats per feature by which factor analysis has to be better, so that it is not taken
# where both are the same model.
_MIN_GAIN = 1e-3

# Parts of the rows for cross-validation.
_N_FOLDS = 5


def choose_normal_model(
    pca: PCASolution, rows: Rows, held_out: Rows | None, seed: int
) -> PCASolution:
    """Return factor analysis of rows, or the given PCA if held-out rows are likelier.

    If one row has much of the variance, the rows are held out in turn instead: by
    cross-validation.

    Parameters
    ----------
    pca : PCASolution
        PCA of the rows, with as many components as there may be factors.
    rows : Rows
        To fit to.
    held_out : Rows or None
        To compare on; None keeps PCA, because rows that were fitted to prefer the model
        with more variances.
    seed : int
        Seed of the folds.
    """
    varies = bool((pca.variances > 0).any())
    if held_out is None or not varies or rows.n_features > MAX_FEATURES:
        return pca
    factors = fit_factors(pca, rows)
    if len(rows) >= 2 * _N_FOLDS and _has_heavy_tails(rows, pca.mean):
        gains = _cross_validate(rows, len(pca.components), seed)
    else:
        gains = log_densities(factors, held_out) - log_densities(pca, held_out)
    return factors if gains.mean() > _MIN_GAIN * rows.n_features else pca


def _cross_validate(rows: Rows, n_components: int, seed: int) -> np.ndarray:
    """Return by how much each row is likelier under factors of others than under PCA.

    Where tails are heavy a few rows decide, and all rows hold more of them than those
    that are held out.
    """
    gains, order = [], np.random.RandomState(seed).permutation(len(rows))
    for fold in np.array_split(order, _N_FOLDS):
        others = rows.at(np.setdiff1d(np.arange(len(rows)), fold))
        pca = fit_pca(others, n_components, seed)
        factors, left_out = fit_factors(pca, others), rows.at(fold)
        gains.append(log_densities(factors, left_out) - log_densities(pca, left_out))
    return np.concatenate(gains)


def _has_heavy_tails(rows: Rows, mean: np.ndarray) -> bool:
    """Return whether one row has so much of the variance that few others count."""
    blocks = (block.cpu().numpy().astype(np.float64) for block in rows.blocks())
    squares = [np.square(block - mean).sum(axis=1) for block in blocks]
    return share_of_one_row(np.concatenate(squares)) > MAX_SHARE_OF_ONE_ROW


def fit_learnable_factors(pca: PCASolution, rows: Rows) -> FactorSolution:
    """Do what :func:`fit_factors` does, with variances that training can go on from."""
    return _fit_factors(pca, rows, MIN_LEARNED_SHARE)


def fit_factors(pca: PCASolution, rows: Rows) -> FactorSolution:
    """Fit factor analysis by maximum likelihood, with variances that stay above zero.

    Its iterations are those of scikit-learn's FactorAnalysis, on the covariance.

    Barber, D. (2012). Bayesian reasoning and machine learning, algorithm 21.1.

    Parameters
    ----------
    pca : PCASolution
        PCA of the rows, with as many components as there are to be factors.
    rows : Rows
        Scaled rows.
    """
    return _fit_factors(pca, rows, _MIN_SHARE)


def _fit_factors(pca: PCASolution, rows: Rows, share: float) -> FactorSolution:
    """Fit factors, with variances of at least a share of each feature's variance."""
    covariance = _covariance(rows, pca.mean)
    variances, n_features = covariance.diagonal(), len(covariance)
    least = np.maximum(least_noise_variances(variances, share), _MIN_VARIANCE)
    if variances.sum() <= np.square(np.finfo(np.float32).eps * pca.mean).sum():
        # Rows are all equal, but for what float32 rounds.
        least = np.full(n_features, least_variance(0.0, pca.mean))
    rank = min(len(pca.components), n_features - 1)
    unique, before = np.maximum(variances, least), -np.inf
    loadings = np.zeros((rank, n_features))
    leading = [n_features - rank, n_features - 1]
    max_iter = max(1, min(_MAX_ITER, int(_MAX_WORK / n_features**3)))
    for _ in range(max_iter if rank else 0):
        deviations = np.sqrt(unique)
        whitened = covariance / np.outer(deviations, deviations)
        values, axes = eigh(whitened, subset_by_index=leading)
        values = np.maximum(values, 1)
        likelihood = np.log(unique).sum() + (variances / unique).sum()
        likelihood = -0.5 * (likelihood + (np.log(values) + 1 - values).sum())
        if len(rows) * (likelihood - before) < _TOL:
            break
        before = likelihood
        loadings = np.sqrt(values - 1)[:, None] * axes.T * deviations
        unique = np.maximum(variances - np.square(loadings).sum(axis=0), least)
    known = pca.components, pca.mean, pca.variances, pca.noise_variance
    return FactorSolution(*known, loadings, unique)


def log_densities(solution: PCASolution, rows: Rows) -> np.ndarray:
    """Return the log-density of scaled rows under a solution's normal model, nats."""
    loadings, noise = solution.normal_model()
    lower = cho_factor(np.diag(noise) + loadings.T @ loadings, lower=True)
    constant = np.log(lower[0].diagonal()).sum() + 0.5 * len(noise) * np.log(2 * np.pi)
    found = []
    for block in rows.blocks():
        left = block.cpu().numpy().astype(np.float64) - solution.mean
        found.append(-0.5 * (left * cho_solve(lower, left.T).T).sum(axis=1) - constant)
    return np.concatenate(found)


def _covariance(rows: Rows, mean: np.ndarray) -> np.ndarray:
    products = np.zeros((rows.n_features, rows.n_features))
    for block in rows.blocks():
        left = block.cpu().numpy().astype(np.float64) - mean
        products += left.T @ left
    return products / len(rows)
