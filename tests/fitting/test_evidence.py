import numpy as np
import pytest
import torch

from sklearn_ae.fitting.evidence import HeldOut, is_real_gain, is_real_likelihood_gain
from sklearn_ae.training.batches import Rows


def held_out(n_rows, **kinds):
    X = np.zeros((n_rows, 4))
    return HeldOut(Rows(X, np.zeros(4), np.ones(4), torch.device("cpu")), **kinds)


def losses(n_rows, gain, spread):
    rng = np.random.RandomState(0)
    pca = 1 + 0.1 * rng.standard_normal(n_rows)
    return pca - gain + spread * rng.standard_normal(n_rows), pca


@pytest.mark.parametrize(
    ("n_rows", "gain", "spread", "real"),
    [
        (1000, 0.2, 0.1, True),
        (1000, 0.015, 0.001, False),  # too small to matter
        (1000, 0.03, 0.001, True),
        (30, 0.15, 0.01, True),  # rows gain alike
        (30, 0.01, 0.5, False),  # too small for so few rows
        (30, 0.1, 0.5, True),
        (4, 0.3, 0.001, False),  # too few to be significant
        (100, 0.25, 4.0, False),  # not significant
        (1000, -0.2, 0.1, False),
        (1, 0.9, 0.0, False),
    ],
)
def test_what_counts_as_a_gain(n_rows, gain, spread, real):
    assert is_real_gain(*losses(n_rows, gain, spread), held_out(n_rows)) is real


def test_one_extreme_row_does_not_hide_a_gain():
    model, pca = losses(1000, 0.3, 0.1)
    model[0], pca[0] = 3.0, 10.0
    assert is_real_gain(model, pca, held_out(1000))


def test_one_extreme_row_does_not_make_a_gain():
    model, pca = losses(1000, -0.3, 0.1)
    model[0], pca[0] = 0.0, 1000.0
    assert not is_real_gain(model, pca, held_out(1000))


def test_most_of_the_loss_in_one_row_is_the_evidence_of_one_row():
    model, pca = losses(1000, 0.3, 0.1)
    model[0], pca[0] = 700.0, 1000.0
    assert not is_real_gain(model, pca, held_out(1000))


def test_rows_of_a_group_are_the_evidence_of_one_row():
    model, pca = losses(200, 0.3, 0.01)
    assert is_real_gain(model, pca, held_out(200))
    assert not is_real_gain(model, pca, held_out(200, groups=np.arange(200) // 50))
    assert is_real_gain(model, pca, held_out(200, groups=np.arange(200) // 2))


def test_many_small_groups_do_not_outweigh_a_large_one():
    model, pca = losses(1060, 0.5, 0.01)
    assert is_real_gain(model, pca, held_out(1060))
    model[60:] = pca[60:] + 0.3
    groups = np.minimum(np.arange(1060), 60)
    assert not is_real_gain(model, pca, held_out(1060, groups=groups))


def test_a_gain_must_hold_on_the_last_rows_of_an_ordered_table():
    model, pca = losses(200, 0.3, 0.01)
    at_end = np.arange(200) >= 150
    assert is_real_gain(model, pca, held_out(200, at_end=at_end))
    model[at_end] = pca[at_end]
    assert is_real_gain(model, pca, held_out(200))
    assert not is_real_gain(model, pca, held_out(200, at_end=at_end))


def test_standard_errors_say_nothing_of_an_ordered_table():
    model, pca = losses(60, 0.1, 0.001)
    assert is_real_gain(model, pca, held_out(60))
    assert not is_real_gain(model, pca, held_out(60, at_end=np.arange(60) >= 40))
    model, pca = losses(60, 0.15, 0.001)
    assert is_real_gain(model, pca, held_out(60, at_end=np.arange(60) >= 40))


def test_exact_pca_leaves_no_gain():
    assert not is_real_gain(np.zeros(50), np.zeros(50), held_out(50))


def test_rounding_that_sums_to_nothing_leaves_no_gain():
    rounding = np.array([1e-8, -1e-8, 2e-8, -2e-8])
    assert not is_real_gain(rounding - 1e-7, -np.abs(rounding), held_out(4))
    assert not is_real_gain(rounding[::-1], rounding, held_out(4))


def test_groups_and_the_end_count_for_likelihoods_too():
    model, pca = losses(200, 0.3, 0.01)
    at_end = np.arange(200) >= 150
    assert is_real_likelihood_gain(model, pca, held_out(200))
    groups = np.arange(200) // 50
    assert not is_real_likelihood_gain(model, pca, held_out(200, groups=groups))
    model[at_end] = pca[at_end] + 1
    assert not is_real_likelihood_gain(model, pca, held_out(200, at_end=at_end))


def test_likelihoods_of_a_few_rows_cannot_outweigh_a_gain_on_most():
    model, pca = losses(200, 0.3, 0.01)
    assert is_real_likelihood_gain(model, pca, held_out(200))
    model[:2] = pca[:2] + 100
    assert (model < pca).mean() > 0.95
    assert not is_real_likelihood_gain(model, pca, held_out(200))


def test_the_mean_of_likelihoods_must_be_sure():
    model, pca = losses(200, 0.3, 0.01)
    model[:2] = pca[:2] + 15
    gains = pca - model
    assert gains.mean() > 0.4 * 4 / np.sqrt(200)
    assert gains.mean() < 1.64 * gains.std() / np.sqrt(200)
    assert not is_real_likelihood_gain(model, pca, held_out(200))


def test_a_sample_keeps_what_is_known_of_its_rows():
    groups, at_end = np.arange(100) // 10, np.arange(100) > 50
    rows = Rows(np.arange(100.0)[:, None], np.zeros(1), np.ones(1), torch.device("cpu"))
    sample = HeldOut(rows, groups, at_end).sample(20, 0)
    at = sample.rows.to_numpy(float)[:, 0].astype(int)
    assert len(at) == 20
    np.testing.assert_array_equal(sample.groups, groups[at])
    np.testing.assert_array_equal(sample.at_end, at_end[at])
