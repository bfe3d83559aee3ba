import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import (
    load_digits,
    load_iris,
    load_wine,
    make_blobs,
    make_moons,
    make_swiss_roll,
)
from sklearn.neighbors import NearestNeighbors

from sklearn_ae.fitting.dependence import (
    BlurredGroups,
    Neighbourhoods,
    Order,
    find_interpolated_rows,
    find_known_rows,
    label_equal_rows,
    mark_rows,
    standardize,
)

MIXING = np.random.RandomState(1).standard_normal((20, 20))


def rows(n_rows, seed=0):
    return np.random.RandomState(seed).standard_normal((n_rows, 20)) @ MIXING


def shuffled(X):
    return X[np.random.RandomState(2).permutation(len(X))]


def copies(noise):
    X = np.repeat(rows(100), 10, axis=0)
    return X + noise * np.random.RandomState(3).standard_normal(X.shape)


def subjects(n_subjects, n_rows, spread):
    centres = np.repeat(rows(n_subjects) / 4.5, n_rows, axis=0)
    return centres + spread * np.random.RandomState(4).standard_normal(centres.shape)


def walk(n_rows):
    return np.random.RandomState(6).standard_normal((n_rows, 10)).cumsum(axis=0)


# ------------------------------------------------------------------------- equal rows


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_columns", [3, 90])
def test_equal_rows_have_one_label(convert, dtype, n_columns):
    X = np.random.RandomState(0).standard_normal((50, n_columns)).astype(dtype)
    X[X < 0] = 0
    at = np.random.RandomState(1).randint(50, size=200)
    labels = label_equal_rows(convert(X[at]))
    assert len(np.unique(labels)) == len(np.unique(X[at], axis=0))
    for label in np.unique(labels):
        assert (X[at][labels == label] == X[at][labels == label][0]).all()
    first = np.unique(labels, return_index=True)[1]
    assert (np.diff(first) > 0).all()


def test_rows_that_differ_in_one_of_many_columns_are_not_equal():
    X = np.zeros((300, 500))
    X[np.arange(300), np.arange(300)] = 1
    assert label_equal_rows(X) is None
    assert label_equal_rows(np.vstack([X, X[:1]])) is not None


def test_minus_zero_is_zero():
    assert label_equal_rows(np.array([[0.0, 1.0], [-0.0, 1.0]])) is not None


def test_known_rows_are_found():
    X = rows(50)
    mixed = np.vstack([rows(10, seed=9), X[:5]])
    np.testing.assert_array_equal(find_known_rows(mixed, X), np.arange(15) >= 10)
    np.testing.assert_array_equal(
        find_known_rows(mixed.astype(np.float32), X.astype(np.float32)),
        np.arange(15) >= 10,
    )


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_rows_of_other_digits_are_known(convert):
    X = rows(50)
    X[:, ::2] = 0
    for copies in (X.astype(np.float32), X * (1 + 1e-12)):
        found = find_known_rows(convert(copies[20:]), convert(X[:40]))
        np.testing.assert_array_equal(found, np.arange(30) < 20)


def test_rows_that_float32_cannot_tell_apart_are_new():
    seconds = 1.7e9 + np.arange(200.0)[:, None]
    assert len(np.unique(seconds.astype(np.float32))) < 5
    assert not find_known_rows(seconds[1::2], seconds[::2]).any()
    assert find_known_rows(seconds[::4], seconds[::2]).all()


def test_a_set_of_rows_has_a_mark_in_whatever_order():
    X = rows(50)
    order = np.random.RandomState(0).permutation(50)
    assert mark_rows(X) == mark_rows(X[order]) == mark_rows(sp.csr_array(X))
    assert mark_rows(X) != mark_rows(X[1:])


# -------------------------------------------------------------------------- neighbours


@pytest.mark.parametrize(
    ("X", "size"),
    [
        (copies(0.01), 10),
        (copies(0.3), 10),
        (np.vstack([rows(300), rows(300)[:90] + 0.01 * rows(90, seed=7)]), 2),
        (subjects(15, 20, 0.1), 20),
        (subjects(40, 50, 0.3), 50),
        (subjects(200, 10, 0.2), 10),
    ],
    ids=["copies", "noisy copies", "some copies", "15 x 20", "40 x 50", "200 x 10"],
)
def test_groups_are_found_with_their_size(X, size):
    X = shuffled(X)
    near = Neighbourhoods.find(standardize(X), 0)
    assert near.size == size
    assert near.are_closed
    assert len(near.around(0)[0]) in (1, size)


def moderate_subjects(seed, sizes, within=1.0):
    r = np.random.RandomState(seed)
    centres = r.randn(len(sizes), 4) @ r.randn(4, 15) + r.randn(len(sizes), 15)
    X = np.repeat(centres, sizes, axis=0)
    return shuffled(X + within * r.randn(*X.shape))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("even", [True, False])
def test_groups_that_touch_are_found_by_the_neighbours_of_neighbours(seed, even):
    r = np.random.RandomState(seed)
    sizes = np.full(30, 20) if even else r.randint(12, 31, 30)
    rows = standardize(moderate_subjects(seed, sizes))
    found = BlurredGroups.find(rows, 0)
    assert 11 <= found.size <= 32
    members, border = found.around(5)
    assert len(members) == found.size
    assert 5 in members
    assert not set(members) & set(border)


def test_a_row_and_most_of_its_group_stand_together():
    group = shuffled(np.repeat(np.arange(30), 20))
    found = BlurredGroups.find(standardize(moderate_subjects(0, np.full(30, 20))), 0)
    kept = []
    for start in range(0, 600, 20):
        members, border = found.around(start)
        in_group = np.flatnonzero(group == group[start])
        kept.append(np.isin(in_group, np.r_[members, border]).mean())
    assert np.mean(kept) > 0.9


def independent():
    r = np.random.RandomState(0)
    u = r.rand(500, 1)
    yield "gaussian", rows(300)
    yield "heavy tails", r.standard_t(2, size=(1000, 10))
    yield "log-normal", np.exp(2 * r.standard_normal((1000, 10)))
    yield "integers", r.randint(4, size=(800, 8)).astype(float)
    yield "curve", np.hstack([np.sin(6 * u), np.cos(6 * u), u])
    yield "roll", make_swiss_roll(1000, random_state=0)[0]
    yield "moons", make_moons(500, noise=0.05, random_state=0)[0]
    yield "few blobs", make_blobs(200, 20, centers=10, random_state=0)[0]
    yield "blobs", make_blobs(1000, 20, centers=10, random_state=0)[0]
    yield "outliers", np.vstack([rows(950), 30 * rows(50, seed=1)])
    yield "digits", load_digits().data
    yield "some digits", load_digits().data[:400]
    yield "200 digits", load_digits().data[:200]
    yield "iris", shuffled(load_iris().data)
    yield "wine", shuffled(load_wine().data)


@pytest.mark.parametrize(("name", "X"), list(independent()))
def test_independent_rows_have_no_groups_and_no_order(name, X):
    scaled = standardize(X)
    labels = label_equal_rows(X)
    if labels is not None:
        X = X[np.unique(labels, return_index=True)[1]]
        scaled = standardize(X)
    assert Neighbourhoods.find(scaled, 0) is None
    assert BlurredGroups.find(scaled, 0) is None
    assert find_interpolated_rows(scaled, 0) is None
    assert Order.find(scaled) == Order(0, False)


# ------------------------------------------------------------------ interpolated rows


def oversampled(n_drawn, X):
    r = np.random.RandomState(8)
    near = NearestNeighbors(n_neighbors=6).fit(X).kneighbors(X)[1]
    at = r.randint(len(X), size=n_drawn)
    ends = np.c_[at, near[at, r.randint(1, 6, size=n_drawn)]]
    share = r.random_sample((n_drawn, 1))
    drawn = X[ends[:, 0]] + share * (X[ends[:, 1]] - X[ends[:, 0]])
    return np.vstack([X, drawn]), ends


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("X", [rows(200), load_digits().data[:300]])
def test_rows_between_others_are_found_with_those(X, dtype):
    both, true = oversampled(400, X)
    drawn, ends = find_interpolated_rows(standardize(both.astype(dtype)), 0)
    assert np.mean(drawn >= len(X)) > 0.99
    assert len(np.unique(drawn)) > 380
    found = set(zip(drawn, ends, strict=True))
    pairs = zip(range(len(X), len(both)), true[:, 0], strict=True)
    assert np.mean([pair in found for pair in pairs]) > 0.95


def test_few_drawn_rows_and_sparse_ones_are_no_matter():
    assert find_interpolated_rows(standardize(oversampled(20, rows(200))[0]), 0) is None
    both = sp.csr_array(oversampled(400, rows(200))[0])
    assert find_interpolated_rows(standardize(both), 0) is None


# ------------------------------------------------------------------------------- order


@pytest.mark.parametrize(
    ("X", "lag"),
    [
        (subjects(20, 30, 0.5), 32),
        (walk(1000), 83),
    ],
    ids=["subjects", "walk"],
)
def test_rows_in_order_depend_on_their_neighbours(X, lag):
    assert Order.find(standardize(X)) == Order(lag, True)


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_tables_sorted_by_class_are_no_series(load):
    X = load().data
    assert Order.find(standardize(X)) == Order(0, True)


def test_a_trend_is_an_order():
    t = np.linspace(0, 5, 1000)[:, None]
    X = t * MIXING[:1] + 0.5 * np.random.RandomState(0).standard_normal((1000, 20))
    assert Order.find(standardize(X)) == Order(0, True)


def test_few_rows_say_nothing():
    assert standardize(rows(30)) is None


def test_sparse_rows_are_searched_as_dense_ones_are():
    X = np.where(copies(0.01) > 0, copies(0.01), 0.0)
    near = Neighbourhoods.find(standardize(sp.csr_array(X)), 0)
    assert near.size == 10
    assert Order.find(standardize(sp.csr_array(X))).is_sorted
