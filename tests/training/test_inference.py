import numpy as np
import pytest
import torch
from torch import nn

from sklearn_ae.training.batches import Rows
from sklearn_ae.training.inference import blockwise, rowwise

CPU = torch.device("cpu")


@pytest.fixture
def module():
    torch.manual_seed(0)
    return nn.Linear(3, 2)


@pytest.fixture
def rows():
    X = np.random.RandomState(0).standard_normal((20, 3))
    return Rows(X, np.ones(3), np.full(3, 2.0), CPU)


def noisy(block):
    return block + torch.rand_like(block)


@pytest.mark.parametrize("size", [None, 1, 7, 20])
def test_a_function_of_blocks_is_that_of_all_rows_at_once(module, rows, size):
    with torch.no_grad():
        expected = module(rows.take(torch.arange(20)))
    found = rowwise(module, module, rows, size)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_blocks_have_the_size_that_is_wanted_and_the_last_one_the_rest(module, rows):
    blocks = blockwise(module, module, rows, 7)
    assert [len(block) for block in blocks] == [7, 7, 6]


def test_no_gradient_is_left_and_gradients_go_on_between_blocks(module, rows):
    blocks = blockwise(module, module, rows, 10)
    assert not next(blocks).requires_grad
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    assert not next(blocks).requires_grad
    assert module.weight.grad is None
    assert module.weight.requires_grad


def test_the_module_is_in_evaluation_mode(rows):
    dropout = nn.Dropout(0.5).train()
    found = rowwise(dropout, dropout, rows)
    np.testing.assert_array_equal(found, rows.take(torch.arange(20)))


def test_a_seed_repeats_what_is_random(module, rows):
    first, again, other = (rowwise(module, noisy, rows, seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_seed_leaves_the_global_state_as_it_was(module, rows):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    rowwise(module, noisy, rows, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_global_state_comes_back_after_an_error(module, rows):
    def fail(block):
        torch.rand(1)
        raise RuntimeError("no")

    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="no"):
        rowwise(module, fail, rows, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
