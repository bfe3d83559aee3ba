"""Likelihoods of rows given the decoder's output, in nats on the scale of X."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .._validation import MAX_EXCESS, check_counts, check_unit_interval
from .arrays import as_tensor
from .randomness import find_generator, normal_like
from .statistics import RowStatistics

__all__ = [
    "LIKELIHOODS",
    "MIN_LEARNED_SHARE",
    "FeatureGaussian",
    "Gaussian",
    "Likelihood",
    "LikelihoodOutput",
    "ScaledLink",
]

# Log-rates of counts stay in the range whose exponentials float32 can hold.
_MAX_LOG_RATE = 20.0
#: Noise that is learned is at least this share of a feature's variance: steps of the
#: optimizer are too long for less.
MIN_LEARNED_SHARE = 1e-3
# The noise of a constant feature is at least this share of the mean variance.
_MIN_SHARE_OF_ALL = 1e-4
# Overdispersed counts start nearly as Poisson's.
_LOG_SIZE = 4.0


class ScaledLink(nn.Module):
    """Turn a linear reconstruction of scaled rows into the decoder's raw output.

    Parameters
    ----------
    shift, scale : ndarray of shape (n_features,)
        How rows were scaled.
    low, high : float
        Range to which values in units of X are clamped before the link.
    log_odds : bool
        Whether the link is the logit; otherwise it is the logarithm.
    """

    shift: torch.Tensor
    scale: torch.Tensor

    def __init__(self, shift, scale, low: float, high: float, log_odds: bool) -> None:
        super().__init__()
        self.register_buffer("shift", _as_float32(shift))
        self.register_buffer("scale", _as_float32(scale))
        self.low, self.high, self.log_odds = low, high, log_odds

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_features)`` to raw output of the same shape."""
        values = (X * self.scale + self.shift).clamp(self.low, self.high)
        return torch.logit(values) if self.log_odds else values.log()


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
    def link(cls, shift: np.ndarray, scale: np.ndarray) -> nn.Module | None:
        """Return the map from a reconstruction of scaled rows to the raw output."""
        return None

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
    def link(cls, shift: np.ndarray, scale: np.ndarray) -> nn.Module:
        """Return the clamped logit."""
        return ScaledLink(shift, scale, 0.01, 0.99, log_odds=True)

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
    """Counts whose log-rates are the decoder's output."""

    of_counts: ClassVar[bool] = True

    @classmethod
    def link(cls, shift: np.ndarray, scale: np.ndarray) -> nn.Module:
        """Return the clamped logarithm."""
        return ScaledLink(shift, scale, 0.1, math.inf, log_odds=False)

    def _rate(self, raw: torch.Tensor) -> torch.Tensor:
        return raw.clamp(max=_MAX_LOG_RATE).exp()

    def log_prob(self, raw: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the log-probability; see :meth:`Likelihood.log_prob`."""
        counts = self._to_units(rows).round()
        raw = raw.clamp(max=_MAX_LOG_RATE)
        return (counts * raw - self._rate(raw) - torch.lgamma(counts + 1)).sum(-1)

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

    def __init__(self, shift: np.ndarray, scale: np.ndarray) -> None:
        super().__init__(shift, scale)
        self.log_size = nn.Parameter(torch.full((len(scale),), _LOG_SIZE))

    def log_prob(self, raw: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the log-probability; see :meth:`Likelihood.log_prob`."""
        counts = self._to_units(rows).round()
        size = self.log_size.exp()
        ways = torch.lgamma(counts + size) - torch.lgamma(size)
        ways = ways - torch.lgamma(counts + 1)
        total = torch.logaddexp(raw, self.log_size)
        return (ways + counts * (raw - total) + size * (self.log_size - total)).sum(-1)

    def draw(self, raw: torch.Tensor) -> torch.Tensor:
        """Return draws; see :meth:`Likelihood.draw`."""
        size = self.log_size.exp().expand_as(raw)
        generator = find_generator(raw.device)
        excess = torch._standard_gamma(size, generator) / size
        rate = excess * self._rate(raw)
        return self._to_scaled(torch.poisson(rate, generator))


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
        Whether normal values have one variance or one for each feature. "auto" is
        settled by :meth:`with_noise` once a table is known.
    """

    likelihood: str = "gaussian"
    noise_variance: str = "shared"

    @property
    def can_have_factors(self) -> bool:
        """Whether factor analysis can be the start: it has a variance per feature."""
        return self.likelihood == "gaussian" and self.noise_variance != "shared"

    @property
    def has_factors(self) -> bool:
        """Whether it is; False while that is open."""
        return self.can_have_factors and self.noise_variance == "per_feature"

    @property
    def is_robust(self) -> bool:
        """Whether a few far values must not decide where training starts."""
        return False

    def with_noise(self, noise_variance: str) -> LikelihoodOutput:
        """Return the part with variances of a kind, where it was open."""
        is_open = self.noise_variance == "auto"
        return replace(self, noise_variance=noise_variance) if is_open else self

    @property
    def of_counts(self) -> bool:
        """Whether values are counts."""
        return LIKELIHOODS[self.likelihood].of_counts

    def build(self, units: RowStatistics) -> Likelihood:
        """Return the likelihood, which maps raw output to reconstructions."""
        if self.has_factors:
            deviations = units.feature_deviations
            return FeatureGaussian(units.shift, units.scale, deviations)
        return LIKELIHOODS[self.likelihood](units.shift, units.scale)

    def build_link(self, units: RowStatistics) -> nn.Module | None:
        """Return the map from a linear reconstruction to the raw output."""
        return LIKELIHOODS[self.likelihood].link(units.shift, units.scale)

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
