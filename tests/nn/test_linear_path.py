import numpy as np
import pytest
import torch
from torch import nn

from sklearn_ae.nn.dense import dense_stack
from sklearn_ae.nn.linear_path import ClampedLogit, add_linear_path, start_at

BRANCHES = {
    "dense": lambda a, b: dense_stack((a, 7, b), "gelu"),
    "sigmoid at the end": lambda a, b: nn.Sequential(nn.Linear(a, b), nn.Sigmoid()),
    "no bias": lambda a, b: nn.Sequential(nn.Tanh(), nn.Linear(a, b, bias=False)),
    "no linear layer": lambda a, b: nn.Sequential(
        nn.Unflatten(1, (1, a)), nn.AdaptiveAvgPool1d(b), nn.Flatten()
    ),
}


@pytest.mark.parametrize("name", list(BRANCHES))
@pytest.mark.parametrize("tied", [True, False])
def test_any_pair_starts_at_the_linear_map(name, tied):
    make = BRANCHES[name]
    encoder, decoder = add_linear_path(make(5, 2), make(2, 5), 5, 2, tied=tied)
    basis = np.linalg.qr(np.random.RandomState(0).standard_normal((5, 2)))[0].T
    mean = np.arange(5.0)
    start_at(encoder, decoder, basis, mean)
    X = torch.randn(20, 5)
    expected = (X.numpy() - mean) @ basis.T @ basis + mean
    np.testing.assert_allclose(decoder(encoder(X)).detach(), expected, atol=1e-5)


def test_missing_components_have_code_zero():
    encoder, decoder = add_linear_path(*[dense_stack((4, 4), "gelu")] * 2, 4, 4)
    start_at(encoder, decoder, np.eye(4)[:2], np.zeros(4))
    assert not encoder(torch.randn(5, 4))[:, 2:].any()


@pytest.mark.parametrize("name", list(BRANCHES))
def test_branches_get_gradients_at_the_start(name):
    """PCA must not be a saddle point from which training cannot move."""
    make = BRANCHES[name]
    encoder, decoder = add_linear_path(make(5, 2), make(2, 5), 5, 2)
    torch.manual_seed(0)
    X = torch.randn(50, 5)
    (decoder(encoder(X)) - X).square().sum().backward()
    assert any(p.grad is not None and p.grad.any() for p in decoder.branch.parameters())


def test_clamped_logit_inverts_the_sigmoid():
    X = torch.tensor([-1.0, 0.0, 0.2, 0.9, 2.0])
    expected = X.clamp(0.01, 0.99)
    assert torch.allclose(torch.sigmoid(ClampedLogit()(X)), expected)
