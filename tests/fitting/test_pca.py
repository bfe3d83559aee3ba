import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.decomposition import PCA, TruncatedSVD

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.fitting import pca as pca_module
from sklearn_ae.fitting.pca import fit_pca
from sklearn_ae.nn.recipe import Recipe
from sklearn_ae.nn.statistics import RowStatistics
from sklearn_ae.training.batches import Rows


def rows_of(X):
    d = X.shape[1]
    return Rows(X, np.zeros(d), np.ones(d), torch.device("cpu"))


def reconstruct(pca, X):
    """Return rows as PCA's module reconstructs them."""
    width = X.shape[1]
    zero, one = np.zeros(width), np.ones(width)
    plain = RowStatistics(zero, zero, one, one, one)
    module = Recipe().plain_pca(plain, pca, len(pca.components))
    with torch.no_grad():
        return module.reconstruct(torch.from_numpy(X).float()).numpy()


def projector(components):
    return components.T @ components


@pytest.mark.parametrize("limit", ["_MAX_FLOAT64_VALUES", "_MAX_FLOAT32_VALUES"])
def test_large_tables_get_the_same_components(curve, limit, monkeypatch):
    monkeypatch.setattr(pca_module, "_MAX_FLOAT64_VALUES", 1)
    monkeypatch.setattr(pca_module, limit, 1)
    baseline = fit_pca(rows_of(curve), 2, seed=0)
    expected = PCA(2).fit(curve)
    np.testing.assert_allclose(
        projector(baseline.components), projector(expected.components_), atol=1e-2
    )
    np.testing.assert_allclose(baseline.mean, expected.mean_, atol=1e-4)


def test_counts_of_numpy_are_counts():
    X = np.random.RandomState(0).standard_normal((12, 1))
    rows = Rows(X, np.zeros(1), np.ones(1), torch.device("cpu"))
    assert len(fit_pca(rows, np.int64(2), 0).components) == 1


def test_reconstruct_is_that_of_pca(curve):
    pca = PCA(2).fit(curve)
    rebuilt = reconstruct(fit_pca(rows_of(curve), 2, seed=0), curve)
    expected = pca.inverse_transform(pca.transform(curve))
    np.testing.assert_allclose(rebuilt, expected, atol=1e-5)


@pytest.fixture(scope="module")
def text():
    """Word counts of 300 texts over 20,000 words, most of which are rare."""
    rng = np.random.RandomState(0)
    topics = rng.dirichlet(np.full(20_000, 0.01), size=5)
    counts = [rng.multinomial(100, topics[i % 5]) for i in range(300)]
    return sp.csr_array(np.array(counts, dtype=np.float64))


@pytest.mark.parametrize("n_features", [1200, 20_000])
def test_sparse_tables_of_many_columns(text, n_features):
    X = text[:, :n_features]
    baseline = fit_pca(rows_of(X), 4, seed=0)
    expected = PCA(4, svd_solver="full").fit(X.toarray())
    np.testing.assert_allclose(
        projector(baseline.components)[:50, :50],
        projector(expected.components_)[:50, :50],
        atol=1e-6,
    )
    block = X[:3].toarray()
    np.testing.assert_allclose(
        reconstruct(baseline, block),
        expected.inverse_transform(expected.transform(block)),
        atol=1e-5,
    )


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
def test_more_sparse_rows_than_columns():
    # ARPACK decomposes the transpose then, and its components run backwards in memory.
    rng = np.random.RandomState(0)
    X = sp.random(2000, 1200, density=0.02, format="csr", random_state=rng)
    model = AutoencoderTransformer(4, max_iter=1, random_state=0).fit(X)
    svd = TruncatedSVD(4, random_state=0).fit(X)
    rebuilt = svd.inverse_transform(svd.transform(X))
    error = np.mean((X.toarray() - rebuilt) ** 2)
    assert -model.score_samples(X).mean() == pytest.approx(error, rel=0.01)
