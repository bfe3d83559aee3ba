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
