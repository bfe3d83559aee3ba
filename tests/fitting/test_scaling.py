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
    assert sparse.pop("dtype") == dense.pop("dtype")
    assert sparse.pop("reach") is dense.pop("reach") is None
    assert sparse.pop("counts") is dense.pop("counts") is None
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
    np.testing.assert_allclose(returned, X.reshape(60, 2, 2), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("fitted", "given", "returned"),
    [
        (np.float64, np.float64, np.float64),
        (np.float64, np.float32, np.float64),
        (np.float32, np.float64, np.float64),
        (np.float32, np.float32, np.float32),
    ],
)
def test_rows_come_back_in_the_wider_type(X, fitted, given, returned):
    learned = learn(X.astype(fitted), "global")
    rows = learned.rows(X.astype(given), CPU).to_numpy(np.float32)
    assert learned.to_units(rows, given).dtype == returned


@pytest.mark.parametrize("scaling", ["global", "per_feature"])
def test_offsets_of_float32_rows_are_taken_off_exactly(scaling):
    X = (1.7e9 + 128 * np.arange(50.0)[:, None] * [1, 2]).astype(np.float32)
    learned = learn(X, scaling)
    expected = (X.astype(np.float64) - X.astype(np.float64).mean(0)) / learned.scale
    for given in (X, X.astype(np.float64)):
        scaled = learned.rows(given, CPU).to_numpy(np.float64)
        # The mean is no number of float32; its rounding is a constant.
        scaled += (learned.shift - learned.mean) / learned.scale
        np.testing.assert_allclose(scaled, expected, rtol=1e-6, atol=1e-6)
        centre = learned.to_units(scaled * 0)
        np.testing.assert_array_equal(centre, np.tile(learned.shift, (50, 1)))


@pytest.mark.parametrize("unit", [1e-30, 1e-21, 1.0, 1e18])
def test_squares_keep_small_units(X, unit):
    learned = learn(X * unit, "global")
    squares = learned.squares(torch.ones(1, 4))
    np.testing.assert_allclose(squares / unit**2, X.var(axis=0).mean())
    assert learned.fits_float32 == (unit == 1)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_that_float32_cannot_hold_are_refused(X, kind, dtype):
    X = ((X - X.mean(0)) / X.std(0) * 1e-40).astype(dtype)
    with pytest.raises(ValueError, match="standard deviation") as error:
        learn(kind(X), "global")
    assert str(error.value) == (
        "a column of X must have a standard deviation above 1e-35, because codes have "
        "the unit of X and are of float32; got at most 1e-40. Take a smaller unit, so "
        "that numbers are larger."
    )


def test_one_column_that_float32_cannot_hold_counts_as_constant(X):
    X[:, 1] = 1e-40 * np.arange(60)
    for dtype in (np.float32, np.float64):
        learned = learn(X.astype(dtype), "per_feature")
        assert learned.scale[1] == 1
        scaled = learned.rows(X.astype(dtype), CPU).to_numpy(np.float32)
        assert np.isfinite(scaled).all()
