import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA, FactorAnalysis

from sklearn_ae.fitting.factors import (
    choose_normal_model,
    fit_factors,
    fit_learnable_factors,
    log_densities,
)
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
    expected = FactorAnalysis(2, svd_method="lapack").fit(uneven)
    assert found.mean() == pytest.approx(expected.score(uneven), abs=1e-3)


def test_a_column_that_others_determine_is_as_likely_as_in_factor_analysis(uneven):
    X = np.hstack([uneven, uneven[:, :2] @ np.ones((2, 1))])
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    rows = rows_of(X)
    found = log_densities(fit_factors(fit_pca(rows, 4, seed=0), rows), rows)
    expected = FactorAnalysis(4, svd_method="lapack").fit(X)
    assert expected.noise_variance_.min() < 1e-6
    assert found.mean() == pytest.approx(expected.score(X), abs=0.05)


def test_pca_has_the_likelihood_of_probabilistic_pca(uneven):
    rows = rows_of(uneven)
    for n_components in (1, 4, 9):
        found = log_densities(fit_pca(rows, n_components, seed=0), rows)
        expected = PCA(n_components).fit(uneven).score_samples(uneven)
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("fit", "share"), [(fit_factors, 1e-12), (fit_learnable_factors, 1e-3)]
)
def test_variances_stay_above_zero_where_columns_are_equal(uneven, fit, share):
    X = np.hstack([uneven, uneven[:, :2], np.ones((len(uneven), 1))])
    rows = rows_of(X)
    factors = fit(fit_pca(rows, 5, seed=0), rows)
    assert (factors.unique_variances >= 0.99 * share * X.var(axis=0)).all()
    assert factors.unique_variances[-1] > 1e-5
    assert np.isfinite(log_densities(factors, rows)).all()


def test_held_out_rows_choose(uneven):
    rows = rows_of(uneven[:600])
    held_out = rows_of(uneven[600:])
    pca = fit_pca(rows, 2, seed=0)
    assert choose_normal_model(pca, rows, held_out, 0) is not pca
    assert choose_normal_model(pca, rows, None, 0) is pca
    whole = fit_pca(rows, 9, seed=0)
    assert choose_normal_model(whole, rows, held_out, 0) is whole


def test_held_out_rows_choose_pca_where_factor_analysis_fits_chance():
    X = np.random.RandomState(0).standard_normal((60, 30))
    rows, held_out = rows_of(X[:30]), rows_of(X[30:])
    pca = fit_pca(rows, 10, seed=0)
    factors = fit_factors(pca, rows)
    assert log_densities(factors, rows).mean() > log_densities(pca, rows).mean()
    assert choose_normal_model(pca, rows, held_out, 0) is pca


def heavy(seed, noise):
    rng = np.random.RandomState(seed)
    signal = rng.standard_t(1, (900, 2)) @ rng.standard_normal((2, 8))
    return signal + noise * rng.standard_t(1, (900, 8))


def choose(X, held_out):
    rows = rows_of(X)
    pca = fit_pca(rows, 2, seed=0)
    chosen = choose_normal_model(pca, rows, held_out, 0)
    return pca, fit_factors(pca, rows), chosen


def test_a_few_held_out_rows_do_not_choose_where_tails_are_heavy():
    for seed in (4, 5, 7):
        X = heavy(seed, 0.3)
        pca, factors, _ = choose(X[:450], None)
        new, rows = rows_of(X[450:]), X[:450]
        assert log_densities(pca, new).mean() > log_densities(factors, new).mean() + 30
        gains = log_densities(factors, new) - log_densities(pca, new)
        likely = rows_of(X[450:][gains > 0])
        assert len(likely.index) > 200
        assert type(choose(rows, likely)[2]) is type(pca)


def test_factors_are_chosen_where_tails_are_heavy_and_variances_differ():
    X = heavy(4, np.geomspace(0.05, 3, 8))
    pca, factors, _ = choose(X[:450], None)
    new = rows_of(X[450:])
    gains = log_densities(factors, new) - log_densities(pca, new)
    assert gains.mean() > 2
    unlikely = rows_of(X[450:][gains < 0])
    assert type(choose(X[:450], unlikely)[2]) is type(factors)
