import numpy as np
import pytest

from sklearn_ae.fitting.verdict import is_real_gain


def losses(n_rows, gain, spread):
    rng = np.random.RandomState(0)
    pca = 1 + 0.1 * rng.standard_normal(n_rows)
    return pca - gain + spread * rng.standard_normal(n_rows), pca


@pytest.mark.parametrize(
    ("n_rows", "gain", "spread", "real"),
    [
        (1000, 0.2, 0.1, True),
        (1000, 0.02, 0.001, False),  # too small to matter
        (30, 0.2, 0.01, False),  # too small for so few rows
        (30, 0.5, 0.01, True),
        (100, 0.25, 4.0, False),  # not significant
        (1000, -0.2, 0.1, False),
        (1, 0.9, 0.0, False),
    ],
)
def test_what_counts_as_a_gain(n_rows, gain, spread, real):
    assert is_real_gain(*losses(n_rows, gain, spread)) is real


def test_one_extreme_row_does_not_hide_a_gain():
    model, pca = losses(1000, 0.3, 0.1)
    model[0], pca[0] = 300.0, 1000.0
    assert is_real_gain(model, pca)


def test_one_extreme_row_does_not_make_a_gain():
    model, pca = losses(1000, -0.3, 0.1)
    model[0], pca[0] = 0.0, 1000.0
    assert not is_real_gain(model, pca)
