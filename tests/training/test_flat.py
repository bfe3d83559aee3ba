import pytest
import torch
from torch import nn

from sklearn_ae.training.flat import FlatParameters


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


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_parameters_begin_where_tensors_of_their_own_do(dtype):
    module = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2), nn.Linear(2, 1))
    before = [parameter.clone() for parameter in module.parameters()]
    flat = FlatParameters(list(module.parameters()), dtype)
    with flat.in_training_type():
        for parameter, known in zip(flat.parameters, before, strict=True):
            assert parameter.data_ptr() % 64 == parameter.grad.data_ptr() % 64 == 0
            torch.testing.assert_close(parameter, known.to(dtype))
    assert [parameter.data_ptr() % 64 for parameter in module.parameters()] == [0] * 6
    torch.testing.assert_close(list(module.parameters()), before)


def test_parameters_keep_their_order_in_memory():
    layer = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    before = layer.weight.detach().clone()
    flat = FlatParameters(list(layer.parameters()))
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)
    assert layer.weight.grad.stride() == layer.weight.stride() == before.stride()
    torch.testing.assert_close(layer.weight.detach(), before)
    # Joined pieces are the whole again.
    whole = flat.join(flat.pieces(flat.values.detach()))
    torch.testing.assert_close(whole, flat.values.detach())
