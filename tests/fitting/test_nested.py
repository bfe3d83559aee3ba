from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.fitting.evidence import HeldOut
from sklearn_ae.fitting.nested import SizeTable, evaluate_sizes, keep_first
from sklearn_ae.nn.linear_path import PCASolution


@pytest.fixture
def table():
    pca = PCASolution(np.eye(3), np.zeros(3), np.array([3.0, 2.0, 1.0]), 0.5)
    return SizeTable(
        pca,
        np.array([True, False, True]),
        np.array([0.5, 0.4, 0.1]),
        np.array([0.7, 0.39, 0.3]),
        np.array([0.5, 0.1, 0.3]),
        has_floor=True,
        are_new=True,
    )


@pytest.mark.parametrize(
    ("share", "expected"), [(0.3, 1), (0.5, 1), (0.55, 2), (0.9, 3), (0.99, 3)]
)
def test_components_that_keep_a_share(table, share, expected):
    assert table.count_components(share) == expected


def test_numbers_of_a_size_are_those_of_the_model_that_it_is(table):
    gain, no_gain = table.numbers_at(1), table.numbers_at(2)
    assert gain["beats_pca_"] is True
    assert gain["reconstruction_error_"] == 0.5
    assert no_gain["beats_pca_"] is False
    assert no_gain["reconstruction_error_"] == 0.39  # PCA's
    np.testing.assert_array_equal(no_gain["explained_variance_ratio_"], [0.5, 0.1])
    kept = replace(table, has_floor=False).numbers_at(2)
    assert kept["beats_pca_"] is False
    assert kept["reconstruction_error_"] == 0.4  # the network's own
    assert replace(table, are_new=False).numbers_at(1)["beats_pca_"] is None


def test_a_table_is_cut_off(table):
    first = table.first(2)
    assert first.pca.components.shape == (2, 3)
    np.testing.assert_array_equal(first.errors, [0.5, 0.4])


@pytest.mark.parametrize("nested", [True, False])
def test_codes_that_are_no_gain_become_pca(curve, nested):
    fitted = AutoencoderTransformer(3, nested=True, max_iter=30, random_state=0)
    model = fitted.fit(curve)._model
    sizes = model.sizes
    assert sizes.is_gain[0]
    network = keep_first(model, sizes, 1, nested=nested)
    assert not network.is_pca
    sizes.is_gain[0] = False
    linear = keep_first(model, sizes, 1, nested=nested)
    assert linear.is_pca
    assert linear.n_components == network.n_components == 1
    assert network.recipe.bottleneck.is_nested is nested
    errors = [smaller.squared_errors(curve).mean() for smaller in (network, linear)]
    assert errors[0] < errors[1]


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
def test_no_size_near_full_rank_is_worse_than_pca_of_all_rows():
    X = StandardScaler().fit_transform(load_wine().data)
    train, new = train_test_split(X, train_size=120, random_state=0)
    params = {"nested": True, "max_iter": 40, "random_state": 0}
    model = AutoencoderTransformer(12, **params).fit(train)
    for size in range(1, 13):
        pca = PCA(size).fit(train)
        left = new - pca.inverse_transform(pca.transform(new))
        error = -model.truncate(size).score_samples(new).mean(dtype=float)
        assert error < 1.001 * np.square(left).mean()


def test_sizes_must_beat_what_pca_of_all_rows_leaves_of_new_ones(curve):
    fitted = AutoencoderTransformer(2, nested=True, max_iter=30, random_state=0)
    model = fitted.fit(curve)._model
    held_out, pca = HeldOut(model.rows(curve)), model.sizes.pca
    floor = model.floor(pca)
    parts = pca, held_out, True
    alone = evaluate_sizes(model, floor, None, *parts)
    assert alone.is_gain[0]
    # The better PCA of all rows is, the less of a gain is left: here it is the network.
    assert not evaluate_sizes(model, model, model, *parts).is_gain.any()
    twice = evaluate_sizes(model, floor, model, *parts)
    np.testing.assert_array_equal(twice.errors, alone.errors)
    np.testing.assert_array_equal(twice.pca_errors, alone.pca_errors)
