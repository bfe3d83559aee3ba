import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.decomposition import PCA

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.fitting.robust import draw_in_rows, find_reach
from sklearn_ae.fitting.scaling import Scaling


def test_reach_is_ten_interquartile_ranges_beyond_the_quartiles():
    X = np.repeat(np.arange(5.0), 2)[:, None] * [1, 3]
    low, high = find_reach(X)
    np.testing.assert_allclose(low, np.array([1 - 20, 3 * (1 - 20)]))
    np.testing.assert_allclose(high, np.array([3 + 20, 3 * (3 + 20)]))


def test_columns_of_mostly_equal_values_and_sparse_tables_reach_everywhere():
    X = np.zeros((20, 1))
    X[0] = 1000
    low, high = find_reach(X)
    assert low == -np.inf
    assert high == np.inf
    assert find_reach(sp.csr_array(X)) is None


def test_far_values_of_rows_are_drawn_in():
    X = np.random.RandomState(0).standard_normal((400, 3)).astype(np.float32)
    X[0, 1] = -999
    robust = Scaling.learn(X, "global", (3,), robust=True)
    assert 0.5 < robust.scale[0] < 2
    rows = draw_in_rows(robust.rows(X, torch.device("cpu")), robust)
    found = rows.to_numpy(np.float64) * robust.scale + robust.shift
    np.testing.assert_allclose(found[1:], X[1:], atol=1e-5)
    np.testing.assert_allclose(found[0, 1], find_reach(X)[0][1], rtol=1e-5)
    plain = Scaling.learn(X, "global", (3,))
    assert draw_in_rows(plain.rows(X, torch.device("cpu")), plain).to_numpy(
        np.float64
    ).min() == np.float32((-999 - plain.shift[1]) / plain.scale[1])


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
def test_a_thousandth_of_far_cells_costs_absolute_error_hardly_anything():
    rng = np.random.RandomState(0)
    factors = rng.standard_normal((2500, 4)) @ rng.standard_normal((4, 20))
    X = np.tanh(factors) + 0.01 * rng.standard_normal(factors.shape)
    spoiled, new = X[:2000].copy(), X[2000:]
    spoiled[rng.uniform(size=spoiled.shape) < 0.001] = -999
    errors = []
    for train in (X[:2000], spoiled):
        model = AutoencoderTransformer(
            4, loss="absolute_error", max_iter=10, floor=False, random_state=0
        ).fit(train)
        errors.append(np.abs(model.reconstruct(new) - new).mean())
    assert errors[1] < 1.2 * errors[0]
    pca = PCA(4).fit(spoiled)
    pca_error = np.abs(pca.inverse_transform(pca.transform(new)) - new).mean()
    assert errors[1] < 0.5 * pca_error


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
def test_a_far_cell_of_a_new_row_does_not_spoil_its_other_cells():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((600, 2)) @ rng.standard_normal((2, 12))
    X += 0.1 * rng.standard_normal(X.shape)
    model = AutoencoderTransformer(
        2, loss="absolute_error", max_iter=3, floor=False, random_state=0
    ).fit(X)
    row = X[:1].copy()
    row[0, 0] = 1e6
    assert np.abs(model.reconstruct(row)).max() < 1000
