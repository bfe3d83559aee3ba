import dataclasses

import numpy as np
import pytest

from sklearn_ae.nn.statistics import RowStatistics


@pytest.fixture
def units():
    ones = np.ones(4)
    return RowStatistics(np.arange(4.0), np.zeros(4), ones, ones, ones)


def test_number_of_features(units):
    assert units.n_features == 4


def test_extremes_are_there_only_if_something_needs_them(units):
    assert (units.low, units.high) == (None, None)


def test_units_do_not_change(units):
    with pytest.raises(dataclasses.FrozenInstanceError):
        units.scale = np.full(4, 2.0)


def test_units_are_equal_to_themselves_alone(units):
    assert units == units
    assert units != dataclasses.replace(units)
