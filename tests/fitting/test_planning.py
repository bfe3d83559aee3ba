import pytest

from sklearn_ae.fitting.planning import (
    choose_batch_size,
    choose_n_epochs,
    choose_width,
    count_validation_rows,
)
from sklearn_ae.nn.recipe import Recipe


@pytest.mark.parametrize(
    ("n_samples", "expected"),
    [(2, 0), (10, 3), (100, 30), (300, 60), (1000, 100), (10**6, 5000)],
)
def test_automatic_validation_rows(n_samples, expected):
    assert count_validation_rows("auto", n_samples) == expected


def test_validation_share():
    assert count_validation_rows(0.25, 100) == 25
    with pytest.raises(ValueError, match=r"got 0.99 of 100 rows, which is 99"):
        count_validation_rows(0.99, 100)


@pytest.mark.parametrize(
    ("n_rows", "expected"),
    [
        (10, 10),
        (97, 32),
        (1000, 32),
        (1300, 64),
        (54000, 256),
        (10**6, 512),
        (10**7, 4096),
    ],
)
def test_automatic_batch_size(n_rows, expected):
    assert choose_batch_size("auto", n_rows) == expected


def test_a_batch_is_at_most_the_table():
    assert choose_batch_size(500, 40) == 40


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "expected"),
    [(97, 32, 100), (1920, 64, 50), (10**6, 512, 10)],
)
def test_automatic_epochs(n_rows, batch_size, expected):
    assert choose_n_epochs(None, n_rows, batch_size) == expected
    assert choose_n_epochs(7, n_rows, batch_size) == 7


@pytest.mark.parametrize(
    ("n_components", "expected"), [(None, 5), (3, 3), (0.5, 0.5), (10, 10)]
)
def test_components(n_components, expected):
    assert choose_width(Recipe(), n_components, 100, 10) == expected
