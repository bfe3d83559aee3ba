import numpy as np
import pytest
import torch
from torch import distributions, nn

from sklearn_ae.nn.likelihoods import Gaussian
from sklearn_ae.nn.variational import (
    EvidenceBound,
    VariationalAutoencoder,
    kl_to_prior,
    log_mean_exp,
    log_ratio,
)


def test_divergence_is_that_of_normal_distributions():
    mean, log_variance = torch.randn(7, 3), torch.randn(7, 3)
    posterior = distributions.Normal(mean, (0.5 * log_variance).exp())
    prior = distributions.Normal(torch.zeros(3), torch.ones(3))
    expected = distributions.kl_divergence(posterior, prior)
    torch.testing.assert_close(kl_to_prior(mean, log_variance), expected)


def test_log_ratio_is_that_of_normal_densities():
    mean, log_variance = torch.randn(7, 3), torch.randn(7, 3)
    posterior = distributions.Normal(mean, (0.5 * log_variance).exp())
    prior = distributions.Normal(torch.zeros(3), torch.ones(3))
    latent = posterior.sample((4,))
    expected = (prior.log_prob(latent) - posterior.log_prob(latent)).sum(-1)
    torch.testing.assert_close(log_ratio(mean, log_variance, latent), expected)


def test_log_mean_exp():
    X = torch.randn(5, 3)
    torch.testing.assert_close(log_mean_exp(X), X.exp().mean(0).log())


@pytest.fixture
def module():
    """A linear-Gaussian model with a posterior that is not exact."""
    torch.manual_seed(0)
    encoder, decoder = nn.Linear(5, 4), nn.Linear(2, 5)
    likelihood = Gaussian(np.zeros(5), np.ones(5))
    nn.init.constant_(likelihood.log_variance, -0.5)
    return VariationalAutoencoder(encoder, decoder, likelihood).eval()


def closed_form(module, X):
    weight = module.decoder.weight.double()
    noise = module.output.log_variance.double().exp() * torch.eye(5)
    marginal = distributions.MultivariateNormal(
        module.decoder.bias.double(), weight @ weight.T + noise
    )
    return marginal.log_prob(X.double()).float()


@torch.no_grad()
def test_importance_sampling_finds_the_likelihood_of_a_linear_model(module):
    X = torch.randn(200, 5)
    torch.manual_seed(1)
    estimate = log_mean_exp(module.log_weights(X, 5000))
    error = estimate - closed_form(module, X)
    assert error.mean().abs() < 0.02


@torch.no_grad()
def test_the_bound_rises_with_draws_to_the_likelihood(module):
    X = torch.randn(2000, 5)
    torch.manual_seed(1)
    bounds = [log_mean_exp(module.log_weights(X, n)).mean() for n in (1, 4, 16, 64)]
    assert bounds == sorted(bounds)
    assert bounds[-1] < closed_form(module, X).mean() + 0.01


@torch.no_grad()
def test_objective_is_minus_the_bound(module):
    X = torch.randn(4000, 5)
    for n_draws in (1, 5):
        module.n_draws = n_draws
        objective = EvidenceBound(1.0, 0.0, 0.0)
        output = module(X)
        per_row = objective.per_row(output, X)
        torch.testing.assert_close(
            objective(output, X), per_row.mean(), rtol=0.02, atol=0
        )
        torch.testing.assert_close(
            per_row.mean(),
            -log_mean_exp(module.log_weights(X, n_draws)).mean(),
            rtol=0.02,
            atol=0,
        )


@torch.no_grad()
def test_weights_of_the_divergence(module):
    X = torch.randn(50, 5)
    output = module(X)
    divergence = kl_to_prior(*output[2:4]).mean(0)
    base = -output[1].mean()
    objective = EvidenceBound(2.0, 0.5, 0.0)
    objective.progress = 0.25  # half of the warm-up
    torch.testing.assert_close(objective(output, X), base + divergence.sum())
    objective.progress = 0.9
    torch.testing.assert_close(objective(output, X), base + 2 * divergence.sum())
    free = EvidenceBound(1.0, 0.0, 10.0)
    torch.testing.assert_close(free(output, X), base + 20)
