import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_digits, load_wine
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

from sklearn_ae.fitting.dependence import label_equal_rows
from sklearn_ae.fitting.windows import Windows

from .test_dependence import independent, shuffled


def series(n_values):
    noise, x = np.random.RandomState(5).standard_normal(n_values + 200), [0.0, 0.0]
    for value in noise:
        x.append(1.6 * x[-1] - 0.8 * x[-2] + value)
    return np.array(x[-n_values:])


def windows(n_rows, stride=1, length=50):
    x = series((n_rows - 1) * stride + length)
    return np.lib.stride_tricks.sliding_window_view(x, length)[::stride].copy()


@pytest.mark.parametrize(("stride", "overlap"), [(1, 50), (10, 5), (25, 2), (40, 2)])
@pytest.mark.parametrize("arrange", [np.array, np.flipud, shuffled])
def test_windows_are_put_in_order(stride, overlap, arrange):
    X = windows(400, stride)
    # Which windows they are, as the first value tells.
    found = Windows.find(arrange(X))
    assert found.overlap == overlap
    np.testing.assert_array_equal(arrange(X)[found.in_order], X)


def test_windows_of_two_series_are_two_chains():
    X = np.vstack([windows(200), 3 + windows(200)[:, ::-1]])
    found = Windows.find(shuffled(X))
    assert found.overlap == 50
    steps = np.abs(np.diff(shuffled(X)[found.in_order], axis=0)[:, 0])
    assert np.sort(steps)[-2] < 10 * np.median(steps)


def test_a_periodic_series_ends_somewhere():
    x = np.sin(np.arange(200) * 2 * np.pi / 60).round(6)
    X = np.unique(np.lib.stride_tricks.sliding_window_view(x, 20), axis=0)
    found = Windows.find(X)
    assert sorted(found.in_order) == list(range(len(X)))


def demean(X):
    return X - X.mean(axis=1, keepdims=True)


def normalize(X):
    return demean(X) / X.std(axis=1, keepdims=True)


def add_noise(X):
    return X + 0.03 * X.std() * np.random.RandomState(0).standard_normal(X.shape)


PREPARED = {
    "StandardScaler": StandardScaler().fit_transform,
    "MinMaxScaler": MinMaxScaler().fit_transform,
    "QuantileTransformer": QuantileTransformer(n_quantiles=100).fit_transform,
    "columns": lambda X: X * np.linspace(1, 40, X.shape[1]) - np.arange(X.shape[1]),
    "each window": normalize,
    "each window, then columns": lambda X: StandardScaler().fit_transform(normalize(X)),
    "without means": demean,
    "tapered": lambda X: demean(X) * np.hanning(X.shape[1]),
    "of length 1": lambda X: X / np.linalg.norm(X, axis=1, keepdims=True),
    "float32": lambda X: StandardScaler().fit_transform(X).astype(np.float32),
    "noise": add_noise,
    "scaled noise": lambda X: StandardScaler().fit_transform(add_noise(X)),
}


@pytest.mark.parametrize("prepare", PREPARED.values(), ids=PREPARED)
@pytest.mark.parametrize(("stride", "length"), [(1, 24), (5, 50), (12, 24)])
def test_windows_are_found_after_scaling_and_with_noise(prepare, stride, length):
    X = prepare(shuffled(windows(500, stride, length)))
    found = Windows.find(X)
    assert found.overlap == -(-length // stride)
    begins = np.random.RandomState(2).permutation(500)[found.in_order]
    assert sorted(begins) == list(range(500))
    # Most windows stand before the next one.
    assert (np.diff(begins) == 1).mean() > 0.75


def test_scaled_windows_of_which_many_are_missing_stand_near_each_other():
    kept = np.random.RandomState(2).permutation(700)[:500]
    X = StandardScaler().fit_transform(windows(700, length=24)[kept])
    found = Windows.find(X)
    steps = np.abs(np.diff(kept[found.in_order]))
    assert np.mean(steps <= 5) > 0.95


def test_of_too_many_rows_only_equal_windows_are_found(monkeypatch):
    monkeypatch.setattr("sklearn_ae.fitting.windows._MAX_ROWS", 300)
    assert Windows.find(windows(400)) is not None
    assert Windows.find(StandardScaler().fit_transform(windows(400))) is None


def shapes():
    r, t = np.random.RandomState(0), np.linspace(0, 1, 60)
    shift = r.rand(200, 1)
    yield "peaks", np.exp(-((t - shift) ** 2) / 0.01)
    yield (
        "peaks and noise",
        np.exp(-((t - shift) ** 2) / 0.01) + 0.05 * r.randn(200, 60),
    )
    yield "phases", np.sin(20 * t + 2 * np.pi * shift)
    yield "frequencies", np.sin(20 * t * (1 + 0.3 * r.rand(200, 1)) + 6 * shift)
    yield "ramps", (t - shift).clip(min=0)
    yield "lines", r.randn(200, 1) + r.randn(200, 1) * t
    yield "decays", np.exp(-15 * shift * t)
    yield "walks", r.randn(300, 30).cumsum(axis=1)
    yield "series", np.array([series(200 + i)[:30] for i in range(200)])
    yield "one factor", r.randn(200, 1) + 0.01 * r.randn(200, 12)
    yield "rank one", r.randn(200, 1) @ r.randn(1, 12)
    yield "binary", r.randint(2, size=(400, 30)).astype(float)
    yield (
        "codes of twelve",
        np.eye(12)[r.randint(12, size=300)] + 0.01 * r.randn(300, 12),
    )
    yield "counts", r.poisson(0.5, size=(500, 40)).astype(float)
    yield "short", r.randn(200, 5)
    yield "constant but for one column", np.c_[r.randn(100), np.ones((100, 9))]
    yield "constant", np.ones((100, 9))
    yield "ordered", load_wine().data[load_wine().data[:, 0].argsort()]
    images = load_digits().images
    yield "profiles", images.sum(axis=1)
    yield "smooth images", (images[:, 1:] + images[:, :-1]).reshape(len(images), -1)


@pytest.mark.parametrize(("name", "X"), [*shapes(), *independent()])
@pytest.mark.parametrize("prepare", [np.array, StandardScaler().fit_transform])
def test_independent_rows_are_no_windows(name, X, prepare):
    labels = label_equal_rows(X)
    if labels is not None:
        X = X[np.unique(labels, return_index=True)[1]]
    assert Windows.find(prepare(X)) is None


def test_sparse_rows_and_few_rows_are_no_windows():
    assert Windows.find(sp.csr_array(windows(100))) is None
    assert Windows.find(windows(39)) is None
