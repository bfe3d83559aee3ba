"""Likelihoods against torch.distributions, on the scale of the data."""

import numpy as np
import pytest
import torch
from scipy.stats import nbinom, poisson
from torch import distributions

from sklearn_ae.nn.likelihoods import LIKELIHOODS, LogRates
from sklearn_ae.nn.statistics import UNIT_COUNT, CountStatistics, RowStatistics

SHIFT, SCALE = np.array([1.0, 2.0, 0.5]), np.array([2.0, 0.5, 3.0])
COUNTS = CountStatistics(
    mean_size=None,
    log_mean=np.array([0.1, 0.3, 0.2]),
    log_scale=np.array([0.5, 1.0, 2.0]),
    centre=np.array([0.5, -0.5, 1.0]),
    low=np.full(3, -9.0),
    high=np.full(3, 9.0),
)
UNITS = RowStatistics(SHIFT, SHIFT, SCALE, SCALE, SCALE, counts=COUNTS)


def of_wide_counts(name, counts):
    """Return a likelihood of counts whose log-rates are the raw output."""
    n_features = counts.shape[1]
    zeros, ones = np.zeros(n_features), np.ones(n_features)
    statistics = CountStatistics(None, zeros, ones, zeros, zeros - 9, zeros + 20)
    units = RowStatistics(zeros, zeros, ones, ones, ones, counts=statistics)
    return LIKELIHOODS[name].build(units)


def expected_distribution(name, likelihood, raw):
    if name == "gaussian":
        mean = raw * torch.tensor(SCALE) + torch.tensor(SHIFT)
        deviation = (0.5 * likelihood.log_variance).exp() * torch.tensor(SCALE)
        return distributions.Normal(mean, deviation)
    if name == "bernoulli":
        return distributions.Bernoulli(logits=raw)
    if name == "poisson":
        return distributions.Poisson((raw + likelihood.centre).exp())
    size = likelihood.log_size.exp()
    # Failures before `size` successes, with the mean exp(raw).
    return distributions.NegativeBinomial(
        size, logits=raw + likelihood.centre - likelihood.log_size
    )


@pytest.fixture(params=sorted(LIKELIHOODS))
def case(request):
    torch.manual_seed(0)
    likelihood = LIKELIHOODS[request.param].build(UNITS)
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
    link = likelihood.build_link(UNITS)
    values = torch.tensor([[0.2, 0.5, 0.9]])
    rows = (values - torch.tensor(SHIFT)) / torch.tensor(SCALE)
    rows = rows.float()
    raw = rows if link is None else link(likelihood.encodable(rows))
    torch.testing.assert_close(likelihood(raw), rows, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_encoders_see_scaled_logarithms_of_counts():
    likelihood = LIKELIHOODS["poisson"].build(UNITS)
    counts = np.array([[0.0, 7, 4e7]])
    rows = torch.as_tensor((counts - SHIFT) / SCALE, dtype=torch.float32)
    expected = (np.log1p(counts / UNIT_COUNT) - COUNTS.log_mean) / COUNTS.log_scale
    found = likelihood.encodable(rows)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    link = LogRates(COUNTS)
    np.testing.assert_allclose(
        link(found)[0, 1:] + torch.as_tensor(COUNTS.centre[1:]),
        np.log(counts[0, 1:]),
        rtol=1e-5,
    )


@torch.no_grad()
@pytest.mark.parametrize("log_size", [-3.0, 1.0, 8.0, 14.0])
@pytest.mark.parametrize("name", ["poisson", "negative_binomial"])
def test_probabilities_of_large_counts_have_all_digits(name, log_size):
    rng = np.random.RandomState(0)
    log_rate = rng.uniform(-2, 17.5, (1, 5, 200)).astype(np.float32)
    counts = rng.poisson(np.exp(log_rate[0].astype(np.float64)))
    likelihood = of_wide_counts(name, counts)
    expected = poisson.logpmf(counts, np.exp(log_rate[0].astype(np.float64)))
    if name == "negative_binomial":
        likelihood.log_size.fill_(log_size)
        size = np.exp(log_size)
        share = 1 / (1 + np.exp(log_rate[0].astype(np.float64) - log_size))
        expected = nbinom.logpmf(counts, size, share)
    rows = torch.as_tensor(counts, dtype=torch.float32)
    found = likelihood.log_prob(torch.as_tensor(log_rate), rows)[0]
    np.testing.assert_allclose(found, expected.sum(axis=1), rtol=1e-6, atol=2e-3)


def test_log_rates_stay_in_bounds_and_are_pushed_back():
    likelihood = LIKELIHOODS["poisson"].build(UNITS)
    raw = torch.tensor([[60.0, 1.0, -60.0]], requires_grad=True)
    bounded = likelihood.bounded(raw)
    log_rates = bounded.detach() + likelihood.centre
    torch.testing.assert_close(log_rates, torch.tensor([[9.0, 0.5, -9.0]]))
    rows = likelihood._to_scaled(torch.tensor([[5.0, 1.0, 5.0]]))
    likelihood.log_prob(bounded[None], rows).sum().backward()
    assert raw.grad[0, 0] < 0 < raw.grad[0, 2]


@torch.no_grad()
def test_sizes_start_at_what_variances_of_logarithms_tell():
    rng, rate, size = np.random.RandomState(0), 1e4, np.array([0.5, 2.0, 10.0])
    counts = rng.poisson(rate * rng.gamma(10 * size, 0.1 / size, (5000, 3)))
    likelihood = of_wide_counts("negative_binomial", counts)
    likelihood.centre.fill_(np.log(rate))
    likelihood.load_noise(np.log1p(counts / UNIT_COUNT).var(axis=0))
    found = likelihood.log_size.exp()
    np.testing.assert_allclose(found, np.minimum(10 * size, np.exp(4)), rtol=0.15)
