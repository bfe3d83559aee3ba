import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from sklearn_ae import _pca
from sklearn_ae._pca import fit_pca, is_real_gain
from sklearn_ae.training.batches import Rows


def rows_of(X):
    d = X.shape[1]
    return Rows(X, np.zeros(d), np.ones(d), torch.device("cpu"))


def projector(components):
    return components.T @ components


@pytest.mark.parametrize("limit", ["_FLOAT64_VALUES", "_FLOAT32_VALUES"])
def test_large_tables_get_the_same_components(curve, limit, monkeypatch):
    monkeypatch.setattr(_pca, "_FLOAT64_VALUES", 1)
    monkeypatch.setattr(_pca, limit, 1)
    baseline = fit_pca(rows_of(curve), 2, seed=0)
    expected = PCA(2).fit(curve)
    np.testing.assert_allclose(
        projector(baseline.components), projector(expected.components_), atol=1e-2
    )
    np.testing.assert_allclose(baseline.mean, expected.mean_, atol=1e-4)


def test_reconstruct_is_that_of_pca(curve):
    pca = PCA(2).fit(curve)
    rebuilt = fit_pca(rows_of(curve), 2, seed=0).reconstruct(torch.from_numpy(curve))
    expected = pca.inverse_transform(pca.transform(curve))
    np.testing.assert_allclose(rebuilt.numpy(), expected, atol=1e-8)


def losses(n_rows, gain, spread):
    rng = np.random.RandomState(0)
    pca = 1 + 0.1 * rng.standard_normal(n_rows)
    return pca - gain + spread * rng.standard_normal(n_rows), pca


@pytest.mark.parametrize(
    ("n_rows", "gain", "spread", "real"),
    [
        (1000, 0.2, 0.1, True),
        (1000, 0.02, 0.001, False),  # too small to matter
        (30, 0.2, 0.01, False),  # too small for so few rows
        (30, 0.5, 0.01, True),
        (100, 0.25, 4.0, False),  # not significant
        (1000, -0.2, 0.1, False),
        (1, 0.9, 0.0, False),
    ],
)
def test_what_counts_as_a_gain(n_rows, gain, spread, real):
    assert is_real_gain(*losses(n_rows, gain, spread)) is real


def test_one_extreme_row_does_not_hide_a_gain():
    model, pca = losses(1000, 0.3, 0.1)
    model[0], pca[0] = 300.0, 1000.0
    assert is_real_gain(model, pca)


def test_one_extreme_row_does_not_make_a_gain():
    model, pca = losses(1000, -0.3, 0.1)
    model[0], pca[0] = 0.0, 1000.0
    assert not is_real_gain(model, pca)
