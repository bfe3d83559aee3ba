"""The linear denoiser is the regression of clean rows on corrupted ones, of a rank."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from sklearn_ae.fitting import denoiser as denoiser_module
from sklearn_ae.fitting.denoiser import fit_linear_denoiser
from sklearn_ae.fitting.scaling import Scaling
from sklearn_ae.nn.corruption import CORRUPTIONS, Corruption

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def factors():
    """Rows of six columns that follow from three, at a distance from 0."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((300, 3)) @ rng.standard_normal((3, 6))
    return X + 0.3 * rng.standard_normal(X.shape) + np.arange(6.0)


def scale(X, kind, level=0.4):
    """Return the scaling of a table, its scaled rows, and the layer that corrupts."""
    scaling = Scaling.learn(X, "global", (X.shape[1],), extremes=True)
    return scaling.rows(X, CPU), Corruption(kind, level, scaling)


def apply(solution, rows):
    codes = rows @ solution.encoder_weight.T + solution.encoder_bias
    return codes @ solution.components + solution.mean


def regress(corruption, rows, n_components):
    """Return the reduced rank regression of many corrupted copies, by scikit-learn."""
    clean = next(rows.blocks())
    torch.manual_seed(1)
    noisy = np.vstack([corruption(clean).numpy() for _ in range(300)]).astype(float)
    ridge = Ridge(1e-6).fit(noisy, np.tile(clean.numpy(), (300, 1)))
    pca = PCA(n_components).fit(ridge.predict(noisy))
    return lambda X: pca.inverse_transform(pca.transform(ridge.predict(X)))


def assert_close(restored, expected, clean):
    """Two restorations differ by little of what they leave."""
    left = np.square(expected - clean).mean()
    assert np.square(restored - expected).mean() < 0.02 * left


def shear(X):
    return 0.5 * X + X.roll(1, dims=1) + 0.3 * torch.randn_like(X)


@pytest.mark.parametrize("n_components", [2, 6])
@pytest.mark.parametrize("kind", [*CORRUPTIONS, shear])
def test_it_is_the_regression_of_its_rank(factors, kind, n_components):
    rows, corruption = scale(factors, kind)
    found = fit_linear_denoiser(corruption, rows, n_components, seed=0)
    expected = regress(corruption, rows, n_components)
    torch.manual_seed(2)
    clean = next(rows.blocks())
    noisy = corruption(clean).numpy()
    assert_close(apply(found, noisy), expected(noisy), clean.numpy())
    orthonormal = found.components @ found.components.T
    np.testing.assert_allclose(orthonormal, np.eye(n_components), atol=1e-10)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_named_corruptions_are_known_as_if_they_were_drawn(factors, kind, monkeypatch):
    rows, corruption = scale(factors, kind)
    known = fit_linear_denoiser(corruption, rows, 3, seed=0)
    monkeypatch.setattr(Corruption, "moments", lambda *_: None)
    drawn = fit_linear_denoiser(corruption, rows, 3, seed=0)
    torch.manual_seed(2)
    clean = next(rows.blocks())
    noisy = corruption(clean).numpy()
    assert_close(apply(drawn, noisy), apply(known, noisy), clean.numpy())
    assert drawn.total == known.total
    np.testing.assert_allclose(drawn.variances, known.variances, rtol=0.05)


def test_without_noise_it_is_pca(factors):
    rows, corruption = scale(factors, "gaussian", level=0.0)
    found = fit_linear_denoiser(corruption, rows, 2, seed=0)
    pca = PCA(2).fit(rows.to_numpy(np.float64))
    np.testing.assert_allclose(found.components, pca.components_, atol=1e-6)
    np.testing.assert_allclose(found.encoder_weight, pca.components_, atol=1e-6)
    np.testing.assert_allclose(found.mean, pca.mean_, atol=1e-6)
    left_out = pca.explained_variance_ratio_[::-1].cumsum()[::-1]
    shares = 1 - found.residuals(2) / found.total
    np.testing.assert_allclose(
        shares, pca.explained_variance_ratio_.cumsum(), rtol=1e-5
    )
    assert left_out[0] == pytest.approx(found.variances.sum() / found.total, rel=1e-5)


def test_residuals_are_the_error_at_each_rank(factors):
    rows, corruption = scale(factors, "gaussian")
    found = fit_linear_denoiser(corruption, rows, 6, seed=0)
    clean = next(rows.blocks())
    torch.manual_seed(0)
    many = clean.repeat(50, 1)
    noisy = corruption(many).numpy()
    for rank, expected in enumerate(found.residuals(6), start=1):
        error = np.square(apply(found.first(rank), noisy) - many.numpy()).sum(1).mean()
        assert error == pytest.approx(expected, rel=0.05)


def test_columns_that_hardly_vary_get_no_large_weights():
    """A pixel that is black in all rows but one says nothing of the others."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((200, 4)) @ rng.standard_normal((4, 20))
    X[:, 0] = 0
    X[5, 0] = 1e-3
    rows, corruption = scale(X, "masking")
    found = fit_linear_denoiser(corruption, rows, 10, seed=0)
    assert np.abs(found.encoder_weight[:, 0]).max() < 0.1


def halve(X):
    return 0.5 * X + 0.3 * torch.randn_like(X)


@pytest.mark.parametrize("kind", ["gaussian", "masking", halve])
def test_wide_rows_are_denoised_among_their_leading_components(kind, monkeypatch):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 40)) + 1
    rows, corruption = scale(X, kind)
    expected = fit_linear_denoiser(corruption, rows, 3, seed=0)
    monkeypatch.setattr(denoiser_module, "_MAX_FEATURES", 10)
    monkeypatch.setattr(denoiser_module, "_MIN_BASIS", 3)
    monkeypatch.setattr(denoiser_module, "_BASIS_PER_COMPONENT", 1)
    assert len(denoiser_module._find_basis(rows, 3, seed=0)) == 3
    found = fit_linear_denoiser(corruption, rows, 3, seed=0)
    torch.manual_seed(0)
    clean = next(rows.blocks())
    noisy = corruption(clean).numpy()
    errors = [
        np.square(apply(s, noisy) - clean.numpy()).mean() for s in (found, expected)
    ]
    assert errors[0] < 1.3 * errors[1]


def test_sparse_rows_give_the_same(factors):
    X = np.where(factors > 3, factors, 0)
    found = [
        fit_linear_denoiser(corruption, rows, 3, seed=0)
        for rows, corruption in (
            scale(X, "masking"),
            scale(sp.csr_array(X), "masking"),
        )
    ]
    Z = np.random.RandomState(0).standard_normal((20, 6))
    np.testing.assert_allclose(apply(found[0], Z), apply(found[1], Z), atol=1e-4)
