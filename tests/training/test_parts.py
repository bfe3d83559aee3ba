import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch import nn

from sklearn_ae.training.batches import Rows
from sklearn_ae.training.checkpoint import BestState
from sklearn_ae.training.flat import FlatParameters
from sklearn_ae.training.precision import resolve_device, training_dtype
from sklearn_ae.training.seeding import draw_seed, isolated_rng

CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_batches_hold_every_row_once_scaled(kind):
    X = np.arange(60.0).reshape(20, 3)
    shift, scale = X.mean(0), np.array([1.0, 2.0, 4.0])
    index = np.arange(3, 20)
    rows = Rows(kind(X), shift, scale, CPU, index)
    batches = list(rows.shuffled_batches(5, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == [5, 4, 4, 4]
    found = torch.cat(batches)
    assert found.dtype == torch.float32
    expected = (X[index] - shift) / scale
    np.testing.assert_allclose(found[found[:, 0].argsort()], expected)
    np.testing.assert_allclose(torch.cat(list(rows.blocks(size=4))), expected)
    np.testing.assert_allclose(rows[2][0], expected[2])
    assert len(rows.sample(4, seed=0)) == 4


def test_rows_leave_read_only_input_alone():
    X = np.arange(6.0).reshape(3, 2)
    X.flags.writeable = False
    rows = Rows(X, np.ones(2), np.ones(2), CPU)
    assert rows.take(torch.tensor([0]))[0, 0] == -1
    assert X[0, 0] == 0


def test_best_state_keeps_the_lowest_loss():
    module = nn.Linear(1, 1)
    best = BestState(module, loss=1.0, tol=0.1)
    for epoch, loss in enumerate([0.8, 0.79, 0.95, 0.9], start=1):
        module.weight.data.fill_(loss)
        best.update(loss, epoch)
    assert (best.epoch, best.loss, best.n_stalled) == (2, 0.79, 3)
    best.restore()
    assert module.weight.item() == pytest.approx(0.79)


def test_best_state_works_for_negative_losses():
    best = BestState(nn.Linear(1, 1), loss=-10.0, tol=0.1)
    best.update(-10.5, 1)
    assert best.n_stalled == 1
    best.update(-12.0, 2)
    assert best.n_stalled == 0


def test_a_step_of_flat_parameters_is_a_step_of_each():
    torch.manual_seed(0)
    one, two = nn.Linear(4, 3), nn.Linear(4, 3)
    two.load_state_dict(one.state_dict())
    flat = FlatParameters(list(two.parameters()))
    steps = [
        torch.optim.AdamW(one.parameters(), lr=0.1),
        torch.optim.AdamW([flat.values], lr=0.1),
    ]
    X = torch.randn(8, 4)
    for module, optimizer in zip((one, two), steps, strict=True):
        for _ in range(3):
            optimizer.zero_grad(set_to_none=False)
            module(X).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(one.weight, two.weight)
    torch.testing.assert_close(one.bias, two.bias)


def test_bfloat16_copies_learn_float32_values():
    torch.manual_seed(0)
    module = nn.Linear(4, 3)
    flat = FlatParameters(list(module.parameters()), torch.bfloat16)
    optimizer = torch.optim.SGD([flat.values], lr=1e-4)
    before = module.weight.detach().clone()
    with flat.in_training_type():
        assert module.weight.dtype == torch.bfloat16
        for _ in range(10):
            flat.zero_grad()
            module(torch.ones(1, 4, dtype=torch.bfloat16)).sum().backward()
            flat.before_step()
            optimizer.step()
            flat.after_step()
    # Each step is too small for bfloat16, but none is lost.
    assert module.weight.dtype == torch.float32
    torch.testing.assert_close(module.weight, before - 1e-3)


def test_seeds():
    assert draw_seed(7) == 7
    assert draw_seed(None) != draw_seed(None)
    state = np.random.RandomState(0)
    assert draw_seed(state) != draw_seed(state)


def test_isolated_rng_repeats_and_restores():
    before = torch.get_rng_state()
    with isolated_rng(3, CPU):
        first = torch.rand(4)
    with isolated_rng(3, CPU):
        assert torch.equal(first, torch.rand(4))
    assert torch.equal(before, torch.get_rng_state())


def test_bfloat16_is_for_large_layers_on_processors_that_have_it(monkeypatch):
    monkeypatch.setattr(
        torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False
    )
    small, large = nn.Linear(20, 64), nn.Linear(784, 300)
    assert training_dtype("auto", CPU, small) == torch.float32
    assert training_dtype("auto", CPU, large) == torch.bfloat16
    assert training_dtype("float32", CPU, large) == torch.float32
    assert training_dtype("bfloat16", CPU, small) == torch.bfloat16
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert training_dtype("auto", CPU, large) == torch.float32


def test_cpu_is_a_device():
    assert resolve_device("cpu") == CPU


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "tpu"])
def test_unknown_devices(device):
    with pytest.raises(ValueError, match="device must name a device that torch finds"):
        resolve_device(device)
