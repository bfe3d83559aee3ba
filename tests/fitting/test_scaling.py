import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sklearn_ae.fitting.scaling import Scaling

CPU = torch.device("cpu")
SCALINGS = ["global", "per_feature", None]


@pytest.fixture
def X():
    """Columns of unlike means and spreads, a tenth of the values being zero."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((60, 4)) * [1, 2, 3, 10] + [0, 5, -5, 100]
    X[rng.uniform(size=X.shape) < 0.1] = 0
    return X


def learn(X, scaling, **options):
    return Scaling.learn(X, scaling, X.shape[1:], **options)


def overall(X):
    return np.sqrt(X.var(axis=0).mean())


def test_one_scale_for_all_features(X):
    scaling = learn(X, "global")
    np.testing.assert_allclose(scaling.shift, X.mean(axis=0))
    np.testing.assert_allclose(scaling.scale, np.full(4, overall(X)))
    np.testing.assert_allclose(scaling.deviation, np.full(4, overall(X)))
    assert scaling.code_scale == pytest.approx(overall(X))


def test_a_scale_for_each_feature(X):
    scaling = learn(X, "per_feature")
    np.testing.assert_allclose(scaling.shift, X.mean(axis=0))
    np.testing.assert_allclose(scaling.scale, X.std(axis=0))
    np.testing.assert_allclose(scaling.deviation, X.std(axis=0))
    assert scaling.code_scale == 1


def test_rows_as_they_are(X):
    scaling = learn(X, None)
    np.testing.assert_array_equal(scaling.shift, np.zeros(4))
    np.testing.assert_array_equal(scaling.scale, np.ones(4))
    np.testing.assert_allclose(scaling.mean, X.mean(axis=0))
    np.testing.assert_allclose(scaling.deviation, np.full(4, overall(X)))
    assert scaling.code_scale == 1


@pytest.mark.parametrize("scaling", SCALINGS)
def test_sparse_rows_are_scaled_as_dense_ones(X, scaling):
    dense = vars(learn(X, scaling, extremes=True))
    sparse = vars(learn(sp.csr_array(X), scaling, extremes=True))
    assert sparse.pop("row_shape") == dense.pop("row_shape") == (4,)
    assert sparse.keys() == dense.keys()
    difference = [np.abs(sparse[name] - dense[name]).max() for name in dense]
    np.testing.assert_allclose(difference, 0, atol=1e-12)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, sp.csr_matrix])
def test_extremes_of_each_feature(X, kind):
    scaling = learn(kind(X), "global", extremes=True)
    np.testing.assert_array_equal(scaling.low, X.min(axis=0))
    np.testing.assert_array_equal(scaling.high, X.max(axis=0))


def test_extremes_are_found_only_if_they_are_asked_for(X):
    scaling = learn(X, "global")
    assert (scaling.low, scaling.high) == (None, None)


def test_a_constant_column_keeps_its_unit(X):
    X[:, 1] = 7
    scaling = learn(X, "per_feature")
    assert scaling.scale[1] == 1
    assert scaling.deviation[1] == 0


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_constant_columns_alone_are_nothing_to_encode(kind, scaling):
    with pytest.raises(ValueError, match="must vary") as error:
        learn(kind(np.full((5, 3), 2.0)), scaling)
    assert str(error.value) == (
        "X must vary in at least one column, or there is nothing to encode; all 3 "
        "columns are constant. Check how X was made."
    )


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_scaled_rows_are_centred_and_of_unit_variance(X, kind):
    scaled = learn(X, "global").rows(kind(X), CPU).to_numpy(np.float64)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    assert scaled.var(axis=0).mean() == pytest.approx(1)


def test_rows_may_be_chosen(X):
    scaling, index = learn(X, "per_feature"), np.array([5, 2])
    scaled = scaling.rows(X, CPU, index).to_numpy(np.float64)
    expected = (X[index] - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(scaled, expected)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_scaled_rows_return_to_units_and_axes(X, scaling):
    learned = Scaling.learn(X, scaling, (2, 2))
    scaled = learned.rows(X, CPU).to_numpy(np.float64)
    returned = learned.to_units(scaled)
    assert returned.dtype == np.float32
    np.testing.assert_allclose(returned, X.reshape(60, 2, 2), rtol=1e-6, atol=1e-5)
