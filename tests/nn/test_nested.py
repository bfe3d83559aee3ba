import numpy as np
import pytest
import torch
from torch import nn

from sklearn_ae.nn.linear_path import PCASolution
from sklearn_ae.nn.losses import ReconstructionObjective
from sklearn_ae.nn.nested import (
    NestedAutoencoder,
    NestedObjective,
    load_first,
    nest,
    sizes_to_evaluate,
)
from sklearn_ae.nn.recipe import Recipe
from sklearn_ae.nn.statistics import RowStatistics


def make(n_components=6, at=()):
    torch.manual_seed(0)
    encoder = nn.Linear(9, n_components)
    decoder = nn.Sequential(
        nn.Linear(n_components, 7), nn.GELU(), nn.Linear(7, 5), nn.Linear(5, 9)
    )
    module = NestedAutoencoder(
        encoder, decoder, nn.Identity(), n_components=n_components, at=at
    )
    for parameter in module.parameters():  # so that scales and shifts do something
        nn.init.normal_(parameter, std=0.5)
    return module


def test_sizes_to_evaluate_are_powers_of_two_and_the_whole():
    assert sizes_to_evaluate(1) == [1]
    assert sizes_to_evaluate(8) == [1, 2, 4, 8]
    assert sizes_to_evaluate(11) == [1, 2, 4, 8, 11]


def test_rows_are_decoded_at_the_sizes_in_turn():
    module, X = make(), torch.randn(11, 9)
    module.eval()
    raw, code, sizes = module(X)
    assert sizes == [1, 2, 4, 6]
    for row in range(11):
        size = sizes[row % 4]
        expected = module.decode_first(code[row : row + 1], size)
        torch.testing.assert_close(raw[row : row + 1], expected)


def test_values_beyond_the_size_do_not_count():
    module, code = make(), torch.randn(5, 6)
    other = code.clone()
    other[:, 2:] = 99
    torch.testing.assert_close(
        module.decode_first(code, 2), module.decode_first(other, 2)
    )
    assert not torch.allclose(
        module.decode_first(code, 3), module.decode_first(other, 3)
    )


def test_training_decodes_each_row_twice_with_the_last_as_often_as_wanted():
    module, X = make(), torch.randn(20, 9)
    raw, _, sizes = module.train()(X)
    assert raw.shape == (40, 9)
    assert len(sizes) % 2 == 0
    assert set(sizes) <= set(range(1, 7))
    assert sizes.count(6) >= len(sizes) // 4
    large, small = sizes[::2], sizes[1::2]
    assert min(large) >= max(small)


def test_only_sizes_that_are_asked_for_are_drawn():
    module = make(at=(2, 3, 6, 50))
    for _ in range(5):
        assert set(module.train()(torch.randn(20, 9))[2]) == {2, 3, 6}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_folding_leaves_plain_layers_that_do_the_same(size):
    module, X = make().eval(), torch.randn(5, 9)
    plain = module.cut(size)
    kinds = {type(layer) for layer in plain.decoder}
    assert kinds == {nn.Linear, nn.GELU}
    code = module.encode(X)
    kept = torch.where(torch.arange(6) < size, code, 0)
    torch.testing.assert_close(plain.decode(kept), module.decode_first(code, size))


@pytest.mark.parametrize("n_components", [1, 2, 3, 100])
def test_widths(n_components):
    module, X = make(n_components), torch.randn(30, 9)
    assert module.train()(X)[0].shape == (60, 9)
    assert module.eval()(X)[0].shape == (30, 9)


def test_loss_is_relative_to_the_baseline_at_each_size():
    module, X = make(), torch.randn(8, 9)
    baseline = torch.tensor([6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    objective = NestedObjective(ReconstructionObjective("squared_error"), baseline)
    output = module.eval()(X)
    losses = (output[0] - X).square().sum(1)
    divisors = torch.tensor([6.0, 5.0, 3.0, 1.0]).repeat(2)
    torch.testing.assert_close(objective.per_row(output, X), losses / divisors)
    raw, code, sizes = module.train()(X)
    losses = (raw - X.repeat_interleave(2, 0)).square().sum(1)
    turns = torch.tensor(sizes).repeat(-(-len(losses) // len(sizes)))[: len(losses)]
    expected = (losses / baseline[turns - 1]).mean()
    torch.testing.assert_close(objective((raw, code, sizes), X), expected)


@pytest.mark.parametrize(
    ("at", "fourth", "sizes"),
    [
        ((), 0.5, {1, 2, 3}),
        ((2, 3, 4, 5), 0.5, {2, 3}),
        # A hundredth of all 7.051 is more than the 0.051 that three components leave.
        ((), 0.05, {1, 2}),
        ((3, 4), 0.05, {2}),
    ],
)
def test_sizes_at_which_pca_is_exact_are_left_to_pca(at, fourth, sizes):
    variances = np.array([4.0, 2.0, 1.0, fourth, 1e-3, 0.0])
    pca = PCASolution(np.eye(6, 9), np.zeros(9), variances, 0.0)
    zero, one = np.zeros(9), np.ones(9)
    units = RowStatistics(zero, zero, one, one, one)
    recipe = nest(Recipe(), at or True)
    module = recipe.build_start(units, pca, 6).train()
    drawn = {size for _ in range(50) for size in module(torch.randn(40, 9))[2]}
    assert drawn == sizes
    losses = recipe.build_objective(pca, 6).pca_losses
    n_useful, left = max(sizes), np.array([3.001, 1.001, 0.001]) + fourth
    np.testing.assert_allclose(losses[:n_useful], left[:n_useful], rtol=1e-5)
    assert torch.isinf(losses[n_useful:]).all()


@pytest.mark.parametrize("params", [{"init": "random"}, {}])
def test_all_sizes_are_trained_where_pca_cannot_take_their_place(params):
    pca = PCASolution(np.eye(6, 9), np.zeros(9), np.array([4.0, 2, 1, 0, 0, 0]), 0.0)
    zero, one = np.zeros(9), np.ones(9)
    units = RowStatistics(zero, zero, one, one, one)
    recipe = nest(Recipe(**params), True, floor=bool(params))
    module = recipe.build_start(units, pca, 6).train()
    drawn = {size for _ in range(50) for size in module(torch.randn(40, 9))[2]}
    assert drawn == {1, 2, 3, 4, 5, 6}
    losses = recipe.build_objective(pca, 6).pca_losses
    np.testing.assert_allclose(losses, [3, 1, 0.07, 0.07, 0.07, 0.07], rtol=1e-5)


def test_only_leading_values_are_loaded():
    wide, narrow = nn.Linear(4, 6), nn.Linear(4, 2)
    load_first(narrow, wide, 2, 6)
    torch.testing.assert_close(narrow.weight, wide.weight[:2])
    with pytest.raises(ValueError, match="only the layers beside the code depend on"):
        load_first(nn.Linear(3, 2), wide, 2, 6)
