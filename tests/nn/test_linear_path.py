import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from sklearn_ae.nn.dense import dense_stack
from sklearn_ae.nn.linear_path import (
    ClampedLogit,
    LinearDenoiser,
    PCASolution,
    add_linear_path,
    least_variance,
    start_at,
)

BRANCHES = {
    "dense": lambda a, b: dense_stack((a, 7, b), "gelu"),
    "sigmoid at the end": lambda a, b: nn.Sequential(nn.Linear(a, b), nn.Sigmoid()),
    "no bias": lambda a, b: nn.Sequential(nn.Tanh(), nn.Linear(a, b, bias=False)),
    "no linear layer": lambda a, b: nn.Sequential(
        nn.Unflatten(1, (1, a)), nn.AdaptiveAvgPool1d(b), nn.Flatten()
    ),
}


def solution(components, mean):
    return PCASolution(components, mean, np.ones(len(components)), 1.0)


@pytest.mark.parametrize("name", list(BRANCHES))
@pytest.mark.parametrize("tied", [True, False])
def test_any_pair_starts_at_the_linear_map(name, tied):
    make = BRANCHES[name]
    encoder, decoder = add_linear_path(make(5, 2), make(2, 5), 5, 2, tied=tied)
    basis = np.linalg.qr(np.random.RandomState(0).standard_normal((5, 2)))[0].T
    mean = np.arange(5.0)
    start_at(encoder, decoder, solution(basis, mean))
    X = torch.randn(20, 5)
    expected = (X.numpy() - mean) @ basis.T @ basis + mean
    np.testing.assert_allclose(decoder(encoder(X)).detach(), expected, atol=1e-5)


@pytest.mark.parametrize("tied", [True, False])
def test_a_denoiser_is_encoded_by_weights_of_its_own(tied):
    """White noise shrinks each component, which tied layers share between them."""
    make = BRANCHES["dense"]
    encoder, decoder = add_linear_path(make(5, 2), make(2, 5), 5, 2, tied=tied)
    basis = np.linalg.qr(np.random.RandomState(0).standard_normal((5, 2)))[0].T
    mean, weight = np.arange(5.0), np.array([[0.8], [0.3]]) * basis
    start = LinearDenoiser(
        basis, mean, np.ones(2), 1.0, weight=weight, bias=-weight @ mean, total=5.0
    )
    start_at(encoder, decoder, start)
    X = torch.randn(20, 5)
    expected = (X.numpy() - mean) @ weight.T @ basis + mean
    np.testing.assert_allclose(decoder(encoder(X)).detach(), expected, atol=1e-5)


def test_missing_components_have_code_zero():
    encoder, decoder = add_linear_path(*[dense_stack((4, 4), "gelu")] * 2, 4, 4)
    start_at(encoder, decoder, solution(np.eye(4)[:2], np.zeros(4)))
    assert not encoder(torch.randn(5, 4))[:, 2:].any()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", ["dense", "sigmoid at the end", "no bias"])
def test_pca_is_no_saddle_point(name, tied):
    """Branches must get gradients at the PCA start."""
    make = BRANCHES[name]
    torch.manual_seed(0)
    encoder, decoder = add_linear_path(make(5, 2), make(2, 5), 5, 2, tied=tied)
    X = np.random.RandomState(0).standard_normal((200, 5))
    X[:, 4] = X[:, 0] ** 2
    pca = PCA(2).fit(X)
    start_at(encoder, decoder, solution(pca.components_, pca.mean_))
    rows = torch.from_numpy(X).float()
    (decoder(encoder(rows)) - rows).square().mean(0).sum().backward()
    largest = max(p.grad.abs().max() for p in decoder.branch.parameters())
    assert largest > 1e-3


class Named(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(a, 4), nn.Tanh(), nn.Linear(4, b))

    def forward(self, X):
        return self.inner(X)


@pytest.mark.parametrize("wrap", [nn.Identity, nn.Sequential])
def test_networks_of_any_class_are_kept(wrap):
    encoder, decoder = Named(5, 2), Named(2, 5)
    if wrap is nn.Sequential:
        encoder, decoder = nn.Sequential(encoder), nn.Sequential(decoder)
    first, second = add_linear_path(nn.Sequential(encoder), decoder, 5, 2)
    assert first.branch is not None
    assert second.branch is decoder


def test_clamped_logit_inverts_the_sigmoid():
    X = torch.tensor([-1.0, 0.0, 0.2, 0.9, 2.0])
    expected = X.clamp(0.01, 0.99)
    assert torch.allclose(torch.sigmoid(ClampedLogit()(X)), expected)


def test_variances_of_nothing_are_bounded():
    assert least_variance(2.0, np.full(3, 1e3)) == 2.0
    assert least_variance(0.0, np.full(3, 1e3)) == pytest.approx(1.2e-9, rel=0.1)
    assert least_variance(0.0, np.zeros(3)) == 1.0
