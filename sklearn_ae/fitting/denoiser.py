"""The best linear denoiser: what has PCA's place where rows are corrupted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import eigh

from ..nn.corruption import Corruption, GivenNoise
from ..nn.linear_path import LinearDenoiser
from ..training.batches import Rows
from ..training.isolation import isolated
from .pca import fit_pca

__all__ = ["fit_linear_denoiser"]

# Rows of more features than the first number are projected on their leading principal
# components before they are denoised: so many, or a multiple of those of the code.
_MAX_FEATURES, _MIN_BASIS, _BASIS_PER_COMPONENT = 1024, 256, 2

# Where a corruption's moments are not known, rows are corrupted in pairs: so many, but
# no more for each row than the second number.
_MIN_DRAWN_PAIRS, _MAX_PAIRS = 15_000, 50

# White noise of this share of the corruption's, over the number of rows, is taken to be
# there besides: features that hardly vary in few rows would get large weights.
_RIDGE = 4.0

# Directions in which corrupted rows vary less than this share of the most are left out.
_MIN_SHARE = 1e-10


@dataclass(frozen=True, eq=False)
class _Moments:
    """Moments of corrupted rows: covariances are in coordinates of the basis."""

    mean: np.ndarray
    covariance: np.ndarray
    covariance_with_clean: np.ndarray
    noise: float


def fit_linear_denoiser(
    corruption: Corruption | GivenNoise, rows: Rows, n_components: int, seed: int
) -> LinearDenoiser:
    """Fit the linear map of a rank that restores corrupted rows best.

    It minimises the expected squared error over all corruptions of the rows, which is a
    reduced rank regression: in closed form for the corruptions that have a name, and
    from corruptions that are drawn for functions and modules.

    Parameters
    ----------
    corruption : Corruption or GivenNoise
        Of scaled rows.
    rows : Rows
        Clean rows, with noisy ones for ``GivenNoise``.
    n_components : int
        Rank, cut to the number of features.
    seed : int
        Seed of what is drawn.
    """
    basis = _find_basis(rows, n_components, seed)
    mean, variances, covariance = _measure_clean(rows.clean(), basis)
    if isinstance(corruption, GivenNoise):
        moments = _measure_pairs(rows, mean, basis)
    else:
        parts = corruption, mean, variances, covariance, basis
        with isolated(seed):
            moments = _move_moments(*parts) or _draw_moments(
                corruption, rows, mean, basis
            )
    ridge = _RIDGE * moments.noise / len(rows)
    components, restored, weight = _regress(moments, ridge, n_components)
    if basis is not None:
        components, weight = components @ basis, weight @ basis
    total, rank = float(variances.sum()), len(restored)
    return LinearDenoiser(
        components=components,
        mean=mean,
        variances=restored,
        noise_variance=max(total - restored.sum(), 0) / max(len(mean) - rank, 1),
        weight=weight,
        bias=-weight @ moments.mean,
        total=total,
    )


def _regress(
    moments: _Moments, ridge: float, n_components: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return orthonormal rows, the variance that each restores, and their weights."""
    values, vectors = eigh(moments.covariance)
    values = values + ridge
    kept = values > _MIN_SHARE * values[-1]
    whiten = vectors[:, kept] / np.sqrt(values[kept])
    # Of white rows the regression is the covariance with clean ones, and its best
    # approximation of a rank is made of its leading singular vectors.
    regression = moments.covariance_with_clean @ whiten
    vectors, singular, _ = np.linalg.svd(regression, full_matrices=False)
    rows = vectors.T[:n_components]
    largest = np.abs(rows).argmax(axis=1)
    rows = rows * np.sign(rows[np.arange(len(rows)), largest])[:, None]
    return rows, singular[:n_components] ** 2, rows @ regression @ whiten.T


def _find_basis(rows: Rows, n_components: int, seed: int) -> np.ndarray | None:
    """Return leading principal components of wide rows; None keeps all directions."""
    if rows.n_features <= _MAX_FEATURES:
        return None
    width = max(_MIN_BASIS, _BASIS_PER_COMPONENT * n_components)
    return fit_pca(rows, width, seed).components


def _project(rows: np.ndarray, basis: np.ndarray | None) -> np.ndarray:
    return rows if basis is None else rows @ basis.T


def _measure_clean(
    rows: Rows, basis: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and variances of features, and the covariance in the basis."""
    width = rows.n_features if basis is None else len(basis)
    mean, variances = np.zeros(rows.n_features), np.zeros(rows.n_features)
    covariance = np.zeros((width, width))
    for block in rows.blocks():
        mean += _to_numpy(block).sum(axis=0) / len(rows)
    for block in rows.blocks():
        centred = _to_numpy(block) - mean
        variances += np.square(centred).sum(axis=0) / len(rows)
        scores = _project(centred, basis)
        covariance += scores.T @ scores / len(rows)
    return mean, variances, covariance


def _measure_pairs(rows: Rows, mean: np.ndarray, basis: np.ndarray | None) -> _Moments:
    """Return the moments of noisy rows that were given with clean ones."""
    width = len(mean) if basis is None else len(basis)
    offset, noise = np.zeros(len(mean)), 0.0
    covariance, with_clean = np.zeros((width, width)), np.zeros((width, width))
    n_rows = len(rows)
    for block in rows.blocks():
        clean, noisy = (half - mean for half in np.hsplit(_to_numpy(block), 2))
        noise += np.square(noisy - clean).mean(axis=1).sum() / n_rows
        offset += noisy.sum(axis=0) / n_rows
        scores = _project(noisy, basis)
        covariance += scores.T @ scores / n_rows
        with_clean += _project(clean, basis).T @ scores / n_rows
    middle = _project(offset, basis)
    covariance -= np.outer(middle, middle)
    # The noise without its mean, which is no noise.
    noise = max(noise - float(np.square(offset).mean()), 0.0)
    return _Moments(mean + offset, covariance, with_clean, noise)


def _move_moments(
    corruption: Corruption,
    mean: np.ndarray,
    variances: np.ndarray,
    covariance: np.ndarray,
    basis: np.ndarray | None,
) -> _Moments | None:
    """Return moments of corrupted rows where they follow from those of clean ones."""
    known = corruption.moments(mean, variances)
    if known is None:
        return None
    noise = np.diag(known.noise) if basis is None else (basis * known.noise) @ basis.T
    return _Moments(
        known.mean,
        known.spread * covariance + noise,
        known.signal * covariance,
        float(known.noise.mean()),
    )


@torch.inference_mode()
def _draw_moments(
    corruption: Corruption, rows: Rows, mean: np.ndarray, basis: np.ndarray | None
) -> _Moments:
    """Return the moments of rows that are corrupted again and again."""
    n_pairs = int(np.clip(-(-_MIN_DRAWN_PAIRS // len(rows)), 1, _MAX_PAIRS))
    n_drawn = 2 * n_pairs * len(rows)
    width = rows.n_features if basis is None else len(basis)
    offset, noise = np.zeros(rows.n_features), 0.0
    covariance, with_clean = np.zeros((width, width)), np.zeros((width, width))
    for _ in range(n_pairs):
        for block in rows.blocks():
            clean = _project(_to_numpy(block) - mean, basis)
            pair = [_to_numpy(corruption(block)) - mean for _ in range(2)]
            # What differs between two corruptions of a row is noise.
            noise += np.square(pair[0] - pair[1]).mean(axis=1).sum() / n_drawn
            for corrupted in pair:
                offset += corrupted.sum(axis=0) / n_drawn
                scores = _project(corrupted, basis)
                covariance += scores.T @ scores / n_drawn
                with_clean += clean.T @ scores / n_drawn
    middle = _project(offset, basis)
    covariance -= np.outer(middle, middle)
    return _Moments(mean + offset, covariance, with_clean, float(noise))


def _to_numpy(block: torch.Tensor) -> np.ndarray:
    return block.cpu().numpy().astype(np.float64)
