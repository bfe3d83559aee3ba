from dataclasses import replace

import numpy as np
import pytest

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.fitting.nested import SizeTable, keep_first
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
