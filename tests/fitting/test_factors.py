import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA, FactorAnalysis

from sklearn_ae.fitting.factors import choose_normal_model, fit_factors, log_densities
from sklearn_ae.fitting.pca import fit_pca
from sklearn_ae.training.batches import Rows


def rows_of(X):
    n_features = X.shape[1]
    return Rows(X, np.zeros(n_features), np.ones(n_features), torch.device("cpu"))


@pytest.fixture(scope="module")
def uneven():
    rng = np.random.RandomState(0)
    factors = rng.standard_normal((800, 2)) @ rng.standard_normal((2, 9))
    return factors + rng.standard_normal((800, 9)) * np.geomspace(0.1, 3, 9)


def test_factors_have_the_likelihood_of_factor_analysis(uneven):
    rows = rows_of(uneven)
    found = log_densities(fit_factors(fit_pca(rows, 2, seed=0), rows), rows)
    expected = FactorAnalysis(2, tol=1e-8, max_iter=5000).fit(uneven)
    assert found.mean() == pytest.approx(expected.score(uneven), abs=0.02)


def test_pca_has_the_likelihood_of_probabilistic_pca(uneven):
    rows = rows_of(uneven)
    for n_components in (1, 4, 9):
        found = log_densities(fit_pca(rows, n_components, seed=0), rows)
        expected = PCA(n_components).fit(uneven).score_samples(uneven)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_variances_stay_above_zero_where_columns_are_equal(uneven):
    X = np.hstack([uneven, uneven[:, :2], np.ones((len(uneven), 1))])
    rows = rows_of(X)
    factors = fit_factors(fit_pca(rows, 5, seed=0), rows)
    assert (factors.unique_variances >= 0.99e-8 * X.var(axis=0)).all()
    assert factors.unique_variances[-1] > 1e-5
    assert np.isfinite(log_densities(factors, rows)).all()


def test_held_out_rows_choose(uneven):
    rows = rows_of(uneven)
    pca = fit_pca(rows, 2, seed=0)
    assert choose_normal_model(pca, rows, rows) is not pca
    whole = fit_pca(rows, 9, seed=0)
    assert choose_normal_model(whole, rows, rows) is whole
