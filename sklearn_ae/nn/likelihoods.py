"""Likelihoods of rows given the decoder's output, in nats on the scale of X."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .._validation import MAX_EXCESS, check_counts, check_unit_interval
from .arrays import as_tensor
from .randomness import find_generator, normal_like
from .statistics import UNIT_COUNT, CountStatistics, RowStatistics

__all__ = [
    "LIKELIHOODS",
    "MIN_LEARNED_SHARE",
    "FeatureGaussian",
    "Gaussian",
    "Likelihood",
    "LikelihoodOutput",
    "LogOdds",
    "LogRates",
    "ProportionalGaussian",
]

# What a linear reconstruction is at least where a probability or a rate is wanted.
_LEAST_PROBABILITY = 0.01
_LEAST_LOG = math.log1p(0.1 / UNIT_COUNT)
#: Noise that is learned is at least this share of a feature's variance: steps of the
#: optimizer are too long for less.
MIN_LEARNED_SHARE = 1e-3
# The noise of a constant feature is at least this share of the mean variance.
_MIN_SHARE_OF_ALL = 1e-4
# Overdispersed counts start nearly as Poisson's, unless rows are known to vary more:
# that is the logarithm of the largest size.
_LOG_SIZE = 4.0


class LogOdds(nn.Module):
    """Turn a linear reconstruction of scaled rows into log-odds.

    Parameters
    ----------
    shift, scale : ndarray of shape (n_features,)
        How rows were scaled.
    """

    shift: torch.Tensor
    scale: torch.Tensor

    def __init__(self, shift: np.ndarray, scale: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("shift", _as_float32(shift))
        self.register_buffer("scale", _as_float32(scale))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_features)`` to raw output of the same shape."""
        return torch.logit(X * self.scale + self.shift, _LEAST_PROBABILITY)


class LogRates(nn.Module):
    """Turn a linear reconstruction of scaled logarithms of counts into log-rates.

    Parameters
    ----------
    counts : CountStatistics
        How logarithms were scaled, and what log-rates are relative to.
    """

    shift: torch.Tensor
    scale: torch.Tensor
    centre: torch.Tensor

    def __init__(self, counts: CountStatistics) -> None:
        super().__init__()
        self.register_buffer("shift", _as_float32(counts.log_mean))
        self.register_buffer("scale", _as_float32(counts.log_scale))
        self.register_buffer("centre", _as_float32(counts.centre))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_features)`` to raw output of the same shape."""
        logs = (X * self.scale + self.shift).clamp(min=_LEAST_LOG)
        # The logarithm of exp(logs) - 1, also where that is large.
        rates = logs + torch.log(-torch.expm1(-logs))
        return rates + math.log(UNIT_COUNT) - self.centre


class Likelihood(nn.Module, ABC):
    """Distribution of a row, independent over features.

    Parameters
    ----------
    shift, scale : ndarray of shape (n_features,)
        How rows were scaled: ``(X - shift) / scale``.
    """

    shift: torch.Tensor
    scale: torch.Tensor

    # Whether values are counts, to which a size may belong.
    of_counts: ClassVar[bool] = False

    def __init__(self, shift: np.ndarray, scale: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("shift", _as_float32(shift))
        self.register_buffer("scale", _as_float32(scale))

    @classmethod
    def build(cls, units: RowStatistics) -> Likelihood:
        """Return the likelihood of rows that are scaled in a way."""
        return cls(units.shift, units.scale)

    @classmethod
    def build_link(cls, units: RowStatistics) -> nn.Module | None:
        """Return the map from a linear reconstruction to the raw output.

        It is one of what :meth:`encodable` returns.
        """
        return None

    def encodable(self, rows: torch.Tensor) -> torch.Tensor:
        """Return what encoders see of scaled rows, shape (n, n_features)."""
        return rows

    def bounded(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the decoder's output within the bounds that the data give, if any."""
        return raw

    @abstractmethod
    def log_prob(self, raw: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the log-density of rows.

        Parameters
        ----------
        raw : tensor of shape (n_draws, n, n_features)
            The decoder's output for several draws of the latent variables.
        rows : tensor of shape (n, n_features)
            Scaled rows.

        Returns
        -------
        log_prob : tensor of shape (n_draws, n)
            In nats, of rows in the units of X.
        """

    @abstractmethod
    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the mean of rows, scaled, shape (n, n_features)."""

    @abstractmethod
    def draw(self, raw: torch.Tensor) -> torch.Tensor:
        """Return rows drawn from the distribution, scaled, shape (n, n_features)."""

    def load_noise(self, variances: np.ndarray) -> None:
        """Start at the variances of scaled rows given their means, if it has any."""

    def _to_units(self, rows: torch.Tensor) -> torch.Tensor:
        return rows * self.scale + self.shift

    def _to_scaled(self, values: torch.Tensor) -> torch.Tensor:
        return (values - self.shift) / self.scale


class Gaussian(Likelihood):
    """Normal values around the decoder's output, all with one learned variance.

    The variance is shared by all scaled features, as in probabilistic PCA.
    """

    def __init__(self, shift: np.ndarray, scale: np.ndarray) -> None:
        super().__init__(shift, scale)
        self.log_variance = nn.Parameter(torch.zeros(()))
        self.log_volume = float(np.log(scale).sum())

    @torch.no_grad()
    def load_noise(self, variances: np.ndarray) -> None:
        """Start at given variances; see :meth:`Likelihood.load_noise`."""
        self.log_variance.fill_(math.log(variances.mean()))

    def log_prob(self, raw: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the log-density; see :meth:`Likelihood.log_prob`."""
        squares = (raw - rows).square().sum(-1) / self.log_variance.exp()
        constant = rows.shape[1] * (self.log_variance + math.log(2 * math.pi))
        return -0.5 * (squares + constant) - self.log_volume

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the mean; see :meth:`Likelihood.forward`."""
        return raw

    def draw(self, raw: torch.Tensor) -> torch.Tensor:
        """Return draws; see :meth:`Likelihood.draw`."""
        return raw + (0.5 * self.log_variance).exp() * normal_like(raw)


class ProportionalGaussian(Gaussian):
    """Normal values whose variances keep their ratios in training.

    All are equal at first, so that no feature rules the code. What they are given later
    leaves codes and reconstructions as they are.
    """

    ratios: torch.Tensor

    def __init__(self, shift: np.ndarray, scale: np.ndarray) -> None:
        super().__init__(shift, scale)
        self.register_buffer("ratios", torch.ones(len(scale)))

    @torch.no_grad()
    def load_noise(self, variances: np.ndarray) -> None:
        """Start at given variances; see :meth:`Likelihood.load_noise`."""
        super().load_noise(variances)
        self.ratios.copy_(_as_float32(variances / variances.mean()))

    def log_prob(self, raw: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the log-density; see :meth:`Likelihood.log_prob`."""
        left = (raw - rows) * self.ratios.rsqrt()
        squares = left.square().sum(-1) / self.log_variance.exp()
        constant = rows.shape[1] * (self.log_variance + math.log(2 * math.pi))
        constant = constant + self.ratios.log().sum()
        return -0.5 * (squares + constant) - self.log_volume

    def draw(self, raw: torch.Tensor) -> torch.Tensor:
        """Return draws; see :meth:`Likelihood.draw`."""
        deviations = (self.log_variance.exp() * self.ratios).sqrt()
        return raw + deviations * normal_like(raw)


class FeatureGaussian(Gaussian):
    """Normal values around the decoder's output, with a learned variance per feature.

    Learned variances stay above a bound, without which a likelihood could grow for ever
    where one feature is a function of the others.

    Parameters
    ----------
    shift, scale : ndarray of shape (n_features,)
        How rows were scaled.
    deviation : ndarray of shape (n_features,)
        Standard deviation of each feature, in units of X.
    """

    least: torch.Tensor

    def __init__(
        self, shift: np.ndarray, scale: np.ndarray, deviation: np.ndarray
    ) -> None:
        super().__init__(shift, scale)
        least = least_noise_variances(np.square(deviation / scale))
        self.register_buffer("least", _as_float32(least))
        self.log_excess = nn.Parameter(torch.zeros(len(scale)))
        del self.log_variance

    @property
    def variances(self) -> torch.Tensor:
        """Variance of each scaled feature, shape (n_features,)."""
        return self.least + self.log_excess.exp()

    @torch.no_grad()
    def load_noise(self, variances: np.ndarray) -> None:
        """Start at given variances, however small, which lower the bound."""
        least = self.least.cpu().numpy().astype(np.float64)
        least = np.minimum(least, variances / 2)
        self.least.copy_(_as_float32(least))
        self.log_excess.copy_(_as_float32(np.log(variances - least)))

    def log_prob(self, raw: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the log-density; see :meth:`Likelihood.log_prob`."""
        variances = self.variances
        squares = ((raw - rows) * variances.rsqrt()).square().sum(-1)
        constant = variances.log().sum() + rows.shape[1] * math.log(2 * math.pi)
        return -0.5 * (squares + constant) - self.log_volume

    def draw(self, raw: torch.Tensor) -> torch.Tensor:
        """Return draws; see :meth:`Likelihood.draw`."""
        return raw + self.variances.sqrt() * normal_like(raw)


def least_noise_variances(
    variances: np.ndarray, share: float = MIN_LEARNED_SHARE
) -> np.ndarray:
    """Return the bounds of noise variances, from the variance of each feature."""
    least_of_all = _MIN_SHARE_OF_ALL * variances.mean()
    return np.where(variances > 0, share * variances, least_of_all)


class Bernoulli(Likelihood):
    """Values 0 and 1, whose log-odds are the decoder's output.

    Values in between count as probabilities of a 1: their cross-entropy is taken.
    """

    @classmethod
    def build_link(cls, units: RowStatistics) -> nn.Module:
        """Return the clamped logit."""
        return LogOdds(units.shift, units.scale)

    def log_prob(self, raw: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the log-probability; see :meth:`Likelihood.log_prob`."""
        return (self._to_units(rows) * raw - F.softplus(raw)).sum(-1)

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the mean; see :meth:`Likelihood.forward`."""
        return self._to_scaled(torch.sigmoid(raw))

    def draw(self, raw: torch.Tensor) -> torch.Tensor:
        """Return draws; see :meth:`Likelihood.draw`."""
        generator = find_generator(raw.device)
        return self._to_scaled(torch.bernoulli(raw.sigmoid(), generator=generator))


class Poisson(Likelihood):
    """Counts whose log-rates, relative to the features' means, the decoder returns.

    Encoders see logarithms, and log-rates are bounded by the training rows: otherwise a
    single code far from the others could decode to any power of ten. Probabilities are
    of float64, in which logarithms of large factorials have digits left.

    Parameters
    ----------
    shift, scale : ndarray of shape (n_features,)
        How rows were scaled.
    counts : CountStatistics
        What is known of the counts.
    """

    of_counts: ClassVar[bool] = True

    log_mean: torch.Tensor
    log_scale: torch.Tensor
    centre: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor

    def __init__(
        self, shift: np.ndarray, scale: np.ndarray, counts: CountStatistics
    ) -> None:
        super().__init__(shift, scale)
        self.register_buffer("log_mean", _as_float32(counts.log_mean))
        self.register_buffer("log_scale", _as_float32(counts.log_scale))
        self.register_buffer("centre", _as_float32(counts.centre))
        self.register_buffer("low", _as_float32(counts.low - counts.centre))
        self.register_buffer("high", _as_float32(counts.high - counts.centre))

    @classmethod
    def build(cls, units: RowStatistics) -> Poisson:
        """Return the likelihood; see :meth:`Likelihood.build`."""
        return cls(units.shift, units.scale, _counts_of(units))

    @classmethod
    def build_link(cls, units: RowStatistics) -> nn.Module:
        """Return the map from logarithms to log-rates."""
        return LogRates(_counts_of(units))

    def encodable(self, rows: torch.Tensor) -> torch.Tensor:
        """Return scaled logarithms; see :meth:`Likelihood.encodable`."""
        logs = (self._to_units(rows).clamp(min=0) / UNIT_COUNT).log1p()
        return (logs - self.log_mean) / self.log_scale

    def bounded(self, raw: torch.Tensor) -> torch.Tensor:
        """Return log-rates within bounds; see :meth:`Likelihood.bounded`.

        Gradients pass, and push log-rates back that have left them.
        """
        held = torch.maximum(torch.minimum(raw, self.high), self.low)
        return held + (raw - raw.detach()) if raw.requires_grad else held

    def _rate(self, raw: torch.Tensor) -> torch.Tensor:
        return (raw + self.centre).exp()

    def log_prob(self, raw: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the log-probability; see :meth:`Likelihood.log_prob`."""
        counts, log_rate = self._exactly(raw, rows)
        found = counts * log_rate - log_rate.exp() - torch.lgamma(counts + 1)
        return found.sum(-1).to(raw)

    def _exactly(
        self, raw: torch.Tensor, rows: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return counts and log-rates in float64."""
        counts = _as_float64(self._to_units(rows)).round()
        return counts, _as_float64(raw) + _as_float64(self.centre)

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the mean; see :meth:`Likelihood.forward`."""
        return self._to_scaled(self._rate(raw))

    def draw(self, raw: torch.Tensor) -> torch.Tensor:
        """Return draws; see :meth:`Likelihood.draw`."""
        generator = find_generator(raw.device)
        return self._to_scaled(torch.poisson(self._rate(raw), generator))


class NegativeBinomial(Poisson):
    """Counts that vary more than Poisson's, by a learned amount for each feature.

    The variance is ``rate + rate**2 / size`` with one ``size`` per feature.
    """

    def __init__(
        self, shift: np.ndarray, scale: np.ndarray, counts: CountStatistics
    ) -> None:
        super().__init__(shift, scale, counts)
        self.log_size = nn.Parameter(torch.full((len(scale),), _LOG_SIZE))

    @torch.no_grad()
    def load_noise(self, variances: np.ndarray) -> None:
        """Start at the size that variances of logarithms tell.

        The counts' own are those over squares of the logarithm's slope.
        """
        noise = _as_float32(variances).to(self.log_scale) * self.log_scale.square()
        rate = self.centre.exp()
        excess = noise * ((UNIT_COUNT + rate) / rate).square() - 1 / rate
        # Of few counts the logarithms tell little, and small sizes would be learned
        # from slowly.
        self.log_size.copy_(-excess.clamp(math.exp(-_LOG_SIZE), 1).log())

    def log_prob(self, raw: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the log-probability; see :meth:`Likelihood.log_prob`."""
        counts, log_rate = self._exactly(raw, rows)
        log_size = _as_float64(self.log_size)
        size, ratio = log_size.exp(), log_rate - log_size
        ways = torch.lgamma(counts + size) - torch.lgamma(size)
        ways = ways - torch.lgamma(counts + 1)
        shares = counts * F.logsigmoid(ratio) + size * F.logsigmoid(-ratio)
        return (ways + shares).sum(-1).to(raw)

    def draw(self, raw: torch.Tensor) -> torch.Tensor:
        """Return draws; see :meth:`Likelihood.draw`."""
        size = self.log_size.exp().expand_as(raw)
        generator = find_generator(raw.device)
        excess = torch._standard_gamma(size, generator) / size
        rate = excess * self._rate(raw)
        return self._to_scaled(torch.poisson(rate, generator))


def _counts_of(units: RowStatistics) -> CountStatistics:
    if units.counts is None:
        raise TypeError("a likelihood of counts needs their statistics; got None.")
    return units.counts


def _as_float64(values: torch.Tensor) -> torch.Tensor:
    """Return values in float64, on the CPU if their device has none."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def _as_float32(values: np.ndarray) -> torch.Tensor:
    return as_tensor(np.asarray(values)).to(torch.float32, copy=True)


LIKELIHOODS: dict[str, type[Likelihood]] = {
    "gaussian": Gaussian,
    "bernoulli": Bernoulli,
    "poisson": Poisson,
    "negative_binomial": NegativeBinomial,
}


@dataclass(frozen=True)
class LikelihoodOutput:
    """Part of a recipe: the decoder returns the parameters of a likelihood.

    Parameters
    ----------
    likelihood : str
        Key of :data:`LIKELIHOODS`.
    noise_variance : {"auto", "shared", "per_feature"}
        Whether normal values have one variance, or one for each feature; "auto" has one
        in training, and one for each feature after it.
    floor_has_factors: bool
        Whether factor analysis is what a network with "auto" must beat.
    """

    likelihood: str = "gaussian"
    noise_variance: str = "shared"
    floor_has_factors: bool = field(default=False, compare=False)

    @property
    def can_have_factors(self) -> bool:
        """Whether factor analysis can be the floor: there is a variance per feature."""
        return self.likelihood == "gaussian" and self.noise_variance != "shared"

    @property
    def has_factors(self) -> bool:
        """Whether it is the floor; False while that is open."""
        return self.can_have_factors and (self.learns_ratios or self.floor_has_factors)

    @property
    def learns_ratios(self) -> bool:
        """Whether each feature's variance is learned, from factor analysis on."""
        return self.likelihood == "gaussian" and self.noise_variance == "per_feature"

    @property
    def is_robust(self) -> bool:
        """Whether a few far values must not decide where training starts."""
        return False

    @property
    def returns_rows(self) -> bool:
        """Whether decoders return rows themselves, and no logits of them."""
        return self.likelihood == "gaussian"

    def with_factors(self, has_factors: bool) -> LikelihoodOutput:
        """Return the part with it settled whether factor analysis is the floor."""
        return replace(self, floor_has_factors=has_factors)

    @property
    def of_counts(self) -> bool:
        """Whether values are counts."""
        return LIKELIHOODS[self.likelihood].of_counts

    def build(self, units: RowStatistics) -> Likelihood:
        """Return the likelihood, which maps raw output to reconstructions."""
        if self.learns_ratios:
            deviations = units.feature_deviations
            return FeatureGaussian(units.shift, units.scale, deviations)
        if self.can_have_factors:
            return ProportionalGaussian(units.shift, units.scale)
        return LIKELIHOODS[self.likelihood].build(units)

    def build_link(self, units: RowStatistics) -> nn.Module | None:
        """Return the map from a linear reconstruction to the raw output."""
        return LIKELIHOODS[self.likelihood].build_link(units)

    def build_for_pca(self, units: RowStatistics) -> tuple[nn.Module | None, nn.Module]:
        """Return link and output of PCA of rows as they are, which counts need not."""
        if self.of_counts:
            return None, nn.Identity()
        return self.build_link(units), self.build(units)

    def scaling_in_use(self, scaling: str | None) -> str | None:
        """Return how rows are scaled where the user asks for ``scaling``."""
        return scaling

    def check_values(self, X, name: str) -> None:
        """Raise a ValueError if the likelihood is not made for the values of X."""
        self._check_interval(X, name, 0.0)
        if self.of_counts:
            check_counts(X, name, self.likelihood)

    def check_new_values(self, X, name: str) -> None:
        """Raise a ValueError if new rows are plainly in other units than fitted ones.

        Values a little out of range, as MinMaxScaler makes them, are no error.
        """
        self._check_interval(X, name, MAX_EXCESS)

    def _check_interval(self, X, name: str, slack: float) -> None:
        if self.likelihood == "bernoulli":
            settings = "likelihood='bernoulli'", "likelihood='gaussian'"
            check_unit_interval(X, name, *settings, slack)
