"""The variational autoencoder's module and its bound on the likelihood.

Kingma, D. P. & Welling, M. (2013). Auto-encoding variational Bayes. arXiv:1312.6114.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import nn

from ..exceptions import PosteriorCollapseWarning
from .architectures import Networks, build_pair
from .autoencoder import Autoencoder
from .codes import Complaint, PlainCode
from .dense import PaddedDecoder
from .likelihoods import Likelihood, LikelihoodOutput
from .linear_path import PCASolution, load_linear
from .losses import Objective
from .randomness import normal_like
from .statistics import RowStatistics
from .unpool import check_bare_codes

if TYPE_CHECKING:
    from .recipe import Recipe

__all__ = [
    "EvidenceBound",
    "LatentCode",
    "VariationalAutoencoder",
    "kl_to_prior",
    "log_mean_exp",
    "log_ratio",
    "start_at_normal_model",
]

# Values of a layer that draws hold at once.
_MAX_VALUES = 2**24

_MIN_LOG_VARIANCE, _MAX_LOG_VARIANCE = -30.0, 10.0

# Draws per row where a network is compared with its floor, whose posterior is exact. By
# one draw alone a network loses what its posterior lacks, which is no loss in
# likelihood.
_MIN_COMPARED_DRAWS = 16

# A component counts as active if its posterior mean varies more than this over rows
# (Burda et al. 2015).
_MIN_ACTIVE_VARIANCE = 0.01

# A warning is given if no more than this share of the components is active.
_MIN_ACTIVE_SHARE = 0.1


def kl_to_prior(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Return the KL divergence of normal posteriors from N(0, 1), elementwise, nats."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def log_mean_exp(X: torch.Tensor) -> torch.Tensor:
    """Return the logarithm of the mean of exponentials over the first axis."""
    return X.logsumexp(0) - math.log(len(X))


class VariationalAutoencoder(Autoencoder):
    """Encoder of normal posteriors, decoder, and the likelihood of rows.

    Parameters
    ----------
    encoder : torch.nn.Module
        Maps ``(n, n_features)`` to ``(n, 2 * n_components)``: means and log-variances.
    decoder : torch.nn.Module
        Maps ``(n, n_components)`` to the likelihood's parameters ``(n, n_features)``.
    likelihood : Likelihood
        Distribution of rows; also the map from raw output to reconstruction.
    n_draws : int
        Latent values drawn per row where the module is trained or evaluated.
    mean_size : float or None
        Mean sum of the training rows in units of X, to which rates are relative; None
        leaves the size of rows to the code.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        likelihood: Likelihood,
        n_draws: int = 1,
        mean_size: float | None = None,
    ) -> None:
        super().__init__(encoder, decoder, likelihood)
        self.output: Any
        self.n_draws = n_draws
        self.mean_size = mean_size

    def posterior(self, X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return means and log-variances, each of shape (n, n_components)."""
        rows = self.output.encodable(self._at_mean_size(X))
        mean, log_variance = self.encoder(rows).float().chunk(2, 1)
        return mean, log_variance.clamp(_MIN_LOG_VARIANCE, _MAX_LOG_VARIANCE)

    def encode(self, X: torch.Tensor) -> torch.Tensor:
        """Return the posterior means, shape (n, n_components)."""
        return self.posterior(X)[0]

    def reconstruct(self, X: torch.Tensor) -> torch.Tensor:
        """Return the mean of rows at the posterior means, shape (n, n_features)."""
        return self.output(self._size(self.raw(self.encode(X)), X))

    def raw(self, latent: torch.Tensor) -> torch.Tensor:
        """Return the likelihood's parameters, shape (n, n_features), within bounds."""
        return self.output.bounded(self.decoder(latent).float())

    def decode(self, code: torch.Tensor) -> torch.Tensor:
        """Return the mean of rows given codes, shape (n, n_features)."""
        return self.output(self.raw(code))

    def forward(self, X: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return raw output, log-likelihood, posterior and latent values.

        Shapes: (n_draws * n, n_features), (n_draws, n), twice (n, n_components), and
        (n_draws, n, n_components).
        """
        return self.draw(X, self.n_draws)

    def forward_whole(self, X: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do what :meth:`forward` does, with draws enough to compare likelihoods."""
        return self.draw(X, max(self.n_draws, _MIN_COMPARED_DRAWS))

    def draw(self, X: torch.Tensor, n_draws: int) -> tuple[torch.Tensor, ...]:
        """Do what :meth:`forward` does, for a number of draws."""
        mean, log_variance = self.posterior(X)
        noise = normal_like(mean.expand(n_draws, *mean.shape))
        latent = mean + (0.5 * log_variance).exp() * noise
        raw = self.raw(latent.flatten(0, 1))
        sized = self._size(raw.unflatten(0, (n_draws, len(X))), X)
        return raw, self.output.log_prob(sized, X), mean, log_variance, latent

    def log_weights(self, X: torch.Tensor, n_draws: int) -> torch.Tensor:
        """Return log p(x, z) - log q(z | x) of draws, shape (n_draws, n)."""
        _, log_likelihood, *latent = self.draw(X, n_draws)
        return log_likelihood + log_ratio(*latent)

    def log_likelihood(self, X: torch.Tensor, n_draws: int) -> torch.Tensor:
        """Estimate the log-likelihood of rows by importance sampling, shape (n,)."""
        total = X.new_full((len(X),), -torch.inf)
        for part in self._parts(X, n_draws):
            total = torch.logaddexp(total, self.log_weights(X, part).logsumexp(0))
        return total - math.log(n_draws)

    def bound(self, X: torch.Tensor, n_draws: int) -> torch.Tensor:
        """Estimate the evidence lower bound of rows, shape (n,)."""
        total = X.new_zeros(len(X))
        for part in self._parts(X, n_draws):
            _, log_likelihood, *posterior, _ = self.draw(X, part)
            total += log_likelihood.sum(0)
        return total / n_draws - kl_to_prior(*posterior).sum(1)

    def _parts(self, X: torch.Tensor, n_draws: int) -> Iterator[int]:
        """Yield numbers of draws that fit into memory at once."""
        widest = max(p.shape[0] for p in self.parameters() if p.ndim > 1)
        most = max(1, _MAX_VALUES // (len(X) * max(widest, X.shape[1])))
        for first in range(0, n_draws, most):
            yield min(most, n_draws - first)

    def _size(self, raw: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """Multiply rates by the relative size of each row."""
        return raw if self.mean_size is None else raw + self._sizes(X).log()

    def _at_mean_size(self, X: torch.Tensor) -> torch.Tensor:
        """Return rows as they would be if all had the mean size."""
        if self.mean_size is None:
            return X
        scale, shift = self.output.scale, self.output.shift
        return ((X * scale + shift) / self._sizes(X) - shift) / scale

    def _sizes(self, X: torch.Tensor) -> torch.Tensor:
        sums = (X * self.output.scale + self.output.shift).sum(1, keepdim=True)
        mean = 1.0 if self.mean_size is None else self.mean_size
        return sums.clamp(min=1.0) / mean


def log_ratio(
    mean: torch.Tensor, log_variance: torch.Tensor, latent: torch.Tensor
) -> torch.Tensor:
    """Return log p(z) - log q(z | x) of latent values, shape (n_draws, n)."""
    deviation = (latent - mean).square() / log_variance.exp()
    return 0.5 * (deviation + log_variance - latent.square()).sum(-1)


class EvidenceBound(Objective):
    """Minus a lower bound on the log-likelihood: the ELBO, or IWAE's for more draws.

    Burda, Y., Grosse, R. & Salakhutdinov, R. (2015). Importance weighted autoencoders.
    arXiv:1509.00519.

    Parameters
    ----------
    beta : float
        Weight of the KL divergence.
    kl_warmup : float
        Share of the training in which the weight rises from 0.
    free_bits : float
        Nats per component that cost nothing.
    """

    name = "Negative bound per row (nats)"
    in_nats = True

    def __init__(
        self, beta: float = 1.0, kl_warmup: float = 0.0, free_bits: float = 0.0
    ) -> None:
        super().__init__()
        self.beta = beta
        self.kl_warmup = kl_warmup
        self.free_bits = free_bits
        self.warm_up = kl_warmup

    def forward(
        self, output: tuple[torch.Tensor, ...], target: torch.Tensor
    ) -> torch.Tensor:
        """Return the mean over rows of what :class:`VariationalAutoencoder` returns."""
        _, log_likelihood, mean, log_variance, latent = output
        weight = self.beta
        if self.kl_warmup > 0:
            weight *= min(1.0, self.progress / self.kl_warmup)
        if len(latent) > 1:
            ratio = weight * log_ratio(mean, log_variance, latent)
            return -log_mean_exp(log_likelihood + ratio).mean()
        divergence = kl_to_prior(mean, log_variance).mean(0)
        if self.free_bits > 0:
            divergence = divergence.clamp(min=self.free_bits)
        return weight * divergence.sum() - log_likelihood.mean()

    def per_row(
        self, output: tuple[torch.Tensor, ...], target: torch.Tensor
    ) -> torch.Tensor:
        """Return minus the bound of each row, shape (n,), from the draws alone.

        For an exact posterior it has no variance.
        """
        _, log_likelihood, *latent = output
        return -log_mean_exp(log_likelihood + self.beta * log_ratio(*latent))


@torch.no_grad()
def start_at_normal_model(
    module: Any, loadings: np.ndarray, noise_variances: np.ndarray, mean: np.ndarray
) -> None:
    """Load probabilistic PCA or factor analysis, with its exact posterior.

    Tipping, M. E. & Bishop, C. M. (1999). Probabilistic principal component analysis.
    doi:10.1111/1467-9868.00196.

    Parameters
    ----------
    module : VariationalAutoencoder
        With a linear path in encoder and decoder.
    loadings : ndarray of shape (rank, n_features)
        What standard normal factors are multiplied by; at most as many as latent
        variables, and the others do nothing.
    noise_variances : ndarray of shape (n_features,)
        Variance of each feature given the factors, greater than 0.
    mean : ndarray of shape (n_features,)
        Mean row.
    """
    width, deviations = module.encoder.linear.out_features, np.sqrt(noise_variances)
    # Rotated so that the factors are independent given a row.
    turns, strengths, axes = np.linalg.svd(loadings / deviations, full_matrices=False)
    # Signs are those of the loadings, not the decomposition's.
    if strengths.size:  # a single feature has no factors
        largest = np.abs(turns).argmax(axis=0), np.arange(len(strengths))
        axes = np.where(turns[largest] < 0, -1, 1)[:, None] * axes
    rank, precisions = len(strengths), 1 + strengths**2
    decoder_weight = np.zeros((width // 2, len(mean)))
    decoder_weight[:rank] = strengths[:, None] * axes * deviations
    weight, bias = np.zeros((width, len(mean))), np.zeros(width)
    weight[:rank] = (strengths / precisions)[:, None] * axes / deviations
    bias[width // 2 :][:rank] = -np.log(precisions)
    bias -= weight @ mean
    load_linear(module.encoder, module.decoder, weight, bias, decoder_weight.T, mean)
    module.output.load_noise(noise_variances)


@dataclass(frozen=True)
class LatentCode(PlainCode):
    """Codes are latent variables with a normal posterior.

    Parameters
    ----------
    n_importance_samples : int
        Latent draws per row.
    size_factor : {"sum"} or None
        Whether counts are relative to the size of their row.
    """

    n_importance_samples: int = 1
    size_factor: str | None = None

    outputs_per_component: ClassVar[int] = 2
    is_regularised: ClassVar[bool] = True
    can_be_nested: ClassVar[bool] = False
    is_plain: ClassVar[bool] = False

    @property
    def keeps_unit(self) -> bool:
        """Return False: latent variables have the unit of their prior."""
        return False

    @property
    def has_sizes(self) -> bool:
        """Whether rows of counts are relative to their sum."""
        return self.size_factor == "sum"

    def for_pca(self) -> LatentCode:
        """Return the part itself: probabilistic PCA has latent variables too."""
        return self

    def check(self, recipe: Recipe) -> None:
        """Raise a ValueError if the other parts of a recipe do not suit."""
        output, architecture = recipe.output, recipe.architecture
        if not isinstance(output, LikelihoodOutput):
            raise TypeError(f"latent codes need a likelihood; got {output!r}.")
        if self.size_factor is not None and not output.of_counts:
            raise ValueError(
                "size_factor needs a likelihood of counts, 'poisson' or "
                f"'negative_binomial'; got likelihood={output.likelihood!r}. Set "
                "size_factor=None."
            )
        bound = getattr(architecture, "output_activation", None)
        if bound is not None:
            raise ValueError(
                "output_activation must be None in VAE, where the likelihood decides "
                f"what rows may be; got {bound!r}. For values "
                "in [0, 1] use likelihood='bernoulli'."
            )
        if recipe.code_width is not None:
            raise ValueError(
                "the code of VAE must be a vector of latent variables; got an "
                "architecture whose feature map is the code. Set bottleneck='vector'."
            )
        if getattr(architecture, "tied_weights", False) and recipe.starts_at_pca:
            raise ValueError(
                "tied_weights=True needs init='random' in VAE, because the encoder of "
                "probabilistic PCA is not its decoder's transpose; got init='pca'."
            )

    def build_pair(
        self, architecture: Networks, n_features: int, n_components: int
    ) -> tuple[nn.Module, nn.Module]:
        """Return an encoder of means and log-variances, and a decoder."""
        width = self.outputs_per_component * n_components
        encoder, decoder = build_pair(architecture, n_features, width)
        if getattr(architecture, "tied_weights", False):
            return encoder, PaddedDecoder(decoder, width)
        # It is not the decoder of this encoder, and can know nothing of it.
        _, decoder = build_pair(architecture, n_features, n_components)
        check_bare_codes(decoder, "latent codes need", "Take upsampling='nearest'.")
        return encoder, decoder

    def assemble(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        output: Any,
        corruption: nn.Module | None,
        units: RowStatistics,
        n_components: int,
    ) -> VariationalAutoencoder:
        """Return the module around encoder and decoder."""
        mean_size = None if units.counts is None else units.counts.mean_size
        n_draws = self.n_importance_samples
        return VariationalAutoencoder(encoder, decoder, output, n_draws, mean_size)

    def load_pca(self, module: Any, pca: PCASolution, n_components: int) -> None:
        """Load the normal model of a solution into the linear paths of a module."""
        solution = pca.first(n_components)
        start_at_normal_model(module, *solution.normal_model(), solution.normal_mean)

    def describe(
        self, module: Any, blocks: Iterable[torch.Tensor], n_components: int
    ) -> dict[str, Any]:
        """Return how much each latent variable tells of the row."""
        columns = []
        for block in blocks:
            mean, log_variance = module.posterior(block)
            columns.append(torch.cat([kl_to_prior(mean, log_variance), mean], 1).cpu())
        divergence, mean = np.split(torch.cat(columns).numpy(), 2, axis=1)
        active = mean.var(axis=0, dtype=np.float64) > _MIN_ACTIVE_VARIANCE
        return {
            "kl_per_component_": divergence.mean(axis=0, dtype=np.float64),
            "n_active_components_": int(active.sum()),
        }

    def complain(self, described: dict[str, Any], recipe: Recipe) -> list[Complaint]:
        """Return a warning where hardly any latent variable is active."""
        n_active = described["n_active_components_"]
        n_components = len(described["kl_per_component_"])
        if n_active > _MIN_ACTIVE_SHARE * n_components:
            return []
        message = (
            f"{n_active} of {n_components} components are active; the posteriors of "
            "the others say nothing of the row. Set a smaller beta, kl_warmup=0.3 or "
            "free_bits=0.1, or fewer n_components"
            + ("." if recipe.init == "pca" else "; init='pca' starts with active ones.")
        )
        return [(message, PosteriorCollapseWarning)]
