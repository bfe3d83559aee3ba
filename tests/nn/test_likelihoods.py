"""Likelihoods against torch.distributions, on the scale of the data."""

import numpy as np
import pytest
import torch
from torch import distributions

from sklearn_ae.nn.likelihoods import LIKELIHOODS

SHIFT, SCALE = np.array([1.0, 2.0, 0.5]), np.array([2.0, 0.5, 3.0])


def expected_distribution(name, likelihood, raw):
    if name == "gaussian":
        mean = raw * torch.tensor(SCALE) + torch.tensor(SHIFT)
        deviation = (0.5 * likelihood.log_variance).exp() * torch.tensor(SCALE)
        return distributions.Normal(mean, deviation)
    if name == "bernoulli":
        return distributions.Bernoulli(logits=raw)
    if name == "poisson":
        return distributions.Poisson(raw.exp())
    size = likelihood.log_size.exp()
    # Failures before `size` successes, with the mean exp(raw).
    return distributions.NegativeBinomial(size, logits=raw - likelihood.log_size)


@pytest.fixture(params=sorted(LIKELIHOODS))
def case(request):
    torch.manual_seed(0)
    likelihood = LIKELIHOODS[request.param](SHIFT, SCALE)
    for parameter in likelihood.parameters():
        torch.nn.init.uniform_(parameter, 0.5, 1.5)
    raw = torch.randn(4, 5, 3)
    with torch.no_grad():
        wanted = expected_distribution(request.param, likelihood, raw)
        values = wanted.sample()[0]
    rows = (values - torch.tensor(SHIFT)) / torch.tensor(SCALE)
    return likelihood, raw, rows.float(), values, wanted


@torch.no_grad()
def test_log_prob_is_in_nats_on_the_scale_of_the_data(case):
    likelihood, raw, rows, values, wanted = case
    expected = wanted.log_prob(values).sum(-1).float()
    torch.testing.assert_close(
        likelihood.log_prob(raw, rows), expected, rtol=1e-4, atol=1e-4
    )


@torch.no_grad()
def test_mean_and_draws_are_those_of_the_distribution(case):
    likelihood, raw, _, _, wanted = case
    raw, mean = raw[0], wanted.mean[0].float()
    scale, shift = torch.tensor(SCALE).float(), torch.tensor(SHIFT).float()
    torch.testing.assert_close(likelihood(raw) * scale + shift, mean)
    torch.manual_seed(1)
    draws = likelihood.draw(raw.expand(20000, 5, 3)) * scale + shift
    deviation = wanted.stddev[0].float()
    error = (draws.mean(0) - mean).abs() / deviation
    assert error.max() < 5 / np.sqrt(20000)
    torch.testing.assert_close(draws.std(0), deviation, rtol=0.1, atol=0.01)


@torch.no_grad()
def test_link_is_the_inverse_of_the_mean(case):
    likelihood = case[0]
    link = likelihood.link(SHIFT, SCALE)
    values = torch.tensor([[0.2, 0.5, 0.9]])
    rows = (values - torch.tensor(SHIFT)) / torch.tensor(SCALE)
    rows = rows.float()
    raw = rows if link is None else link(rows)
    torch.testing.assert_close(likelihood(raw), rows)
