"""The linear path: a network that starts exactly at a given linear map.

``LinearPath(linear, branch)`` computes ``linear(X) + branch(X)``. The branch is
silent at first, that is, its output is exactly zero, so that a network whose linear
layers hold PCA's components reconstructs just as PCA does before its first step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils import skip_init

from .arrays import as_tensor
from .dense import PaddedDecoder, TransposedLinear

# Layers whose output is zero if their parameters are.
_AFFINE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)

# Share of the smallest variance that is noise where components leave nothing out.
_NOISE_OF_SMALLEST = 0.05

__all__ = [
    "ClampedLogit",
    "CountSolution",
    "FactorSolution",
    "LinearDenoiser",
    "LinearPath",
    "PCASolution",
    "Reach",
    "Refined",
    "add_linear_path",
    "copy_linear",
    "dense_layers",
    "is_linear",
    "least_variance",
    "linear_pair",
    "load_linear",
    "read_linear",
    "start_at",
]


@dataclass(frozen=True, eq=False)
class PCASolution:
    """Principal components of scaled rows: where networks start, what they must beat.

    Parameters
    ----------
    components : ndarray of shape (n_components, n_features)
        Orthonormal rows.
    mean : ndarray of shape (n_features,)
        Mean of the scaled rows.
    variances : ndarray of shape (n_components,)
        Variance along each component.
    noise_variance : float
        Mean variance along the directions that the components leave out; greater
        than 0.
    """

    components: np.ndarray
    mean: np.ndarray
    variances: np.ndarray
    noise_variance: float

    @property
    def encoder_weight(self) -> np.ndarray:
        """What rows are multiplied by, shape (n_components, n_features)."""
        return self.components

    @property
    def encoder_bias(self) -> np.ndarray:
        """What is added then, shape (n_components,)."""
        return -self.encoder_weight @ self.mean

    def weights(self, n_codes: int) -> tuple[np.ndarray, ...]:
        """Return weight and bias of an encoder, and of a decoder, in torch's shapes.

        Those of codes beyond the components are 0.
        """
        shape, n_known = (n_codes, len(self.mean)), len(self.components)
        down, up, bias = np.zeros(shape), np.zeros(shape), np.zeros(n_codes)
        down[:n_known], up[:n_known] = self.encoder_weight, self.components
        bias[:n_known] = self.encoder_bias
        return down, bias, up.T, self.mean

    def normal_model(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the normal distribution of rows that belongs to the components.

        It is that of probabilistic PCA. With all components there is no residual, and
        any noise gives the same distribution: a share of the smallest variance, which
        leaves something to learn to the factors and to the noise.

        Returns
        -------
        loadings : ndarray of shape (rank, n_features)
            What independent standard normal factors are multiplied by.
        noise_variances : ndarray of shape (n_features,)
            Variance of each feature about its mean given the factors.
        """
        n_features = len(self.mean)
        rank, noise = len(self.components), self.noise_variance
        if rank >= n_features:
            noise = max(noise, _NOISE_OF_SMALLEST * float(self.variances[-1]))
        strengths = np.sqrt(np.maximum(self.variances[:rank] - noise, 0))
        loadings = self.components[:rank] * strengths[:, None]
        return loadings, np.full(n_features, noise)

    @property
    def normal_mean(self) -> np.ndarray:
        """Mean of that distribution, shape (n_features,)."""
        return self.mean

    def first(self, n_components: int) -> PCASolution:
        """Return the baseline of the leading components."""
        return replace(
            self,
            components=self.components[:n_components],
            variances=self.variances[:n_components],
        )

    def rounded(self) -> PCASolution:
        """Return the baseline with components in float32, as networks see them."""
        return replace(self, components=self.components.astype(np.float32))

    def residuals(self, n_components: int) -> np.ndarray:
        """Return the variance that the first 1, 2, ..., n components leave out."""
        n_features = self.components.shape[1]
        variances = np.zeros(n_components)
        variances[: len(self.variances)] = self.variances[:n_components]
        rest = self.noise_variance * (n_features - len(self.variances))
        return rest + variances[::-1].cumsum()[::-1] - variances

    @property
    def total_variance(self) -> float:
        """Variance of all features together."""
        return float(self.residuals(len(self.variances))[0] + self.variances[0])


@dataclass(frozen=True, eq=False)
class LinearDenoiser(PCASolution):
    """Best linear map of a rank from corrupted to clean rows: "PCA" of a denoiser.

    Rows are decoded by orthonormal `components`, as with PCA, but encoded by weights
    that know the corruption. Without any corruption it is PCA.

    Parameters
    ----------
    components, mean
        As for PCA: what codes are decoded by, and the mean of clean rows.
    variances : ndarray of shape (n_components,)
        Variance of the clean rows that each component restores.
    noise_variance : float
        Mean variance along the directions that the components leave out.
    weight : ndarray of shape (n_components, n_features)
        What corrupted rows are encoded by.
    bias : ndarray of shape (n_components,)
        What is added then, so that the mean of corrupted rows has the code 0.
    total : float
        Variance of clean rows, summed over features.
    """

    weight: np.ndarray
    bias: np.ndarray
    total: float

    @property
    def encoder_weight(self) -> np.ndarray:
        """What rows are multiplied by, shape (n_components, n_features)."""
        return self.weight

    @property
    def encoder_bias(self) -> np.ndarray:
        """What is added then, shape (n_components,)."""
        return self.bias

    def first(self, n_components: int) -> LinearDenoiser:
        """Return the denoiser of a smaller rank."""
        return replace(
            self,
            components=self.components[:n_components],
            variances=self.variances[:n_components],
            weight=self.weight[:n_components],
            bias=self.bias[:n_components],
        )

    def rounded(self) -> LinearDenoiser:
        """Return the denoiser in float32, as networks see it."""
        return replace(
            self,
            components=self.components.astype(np.float32),
            weight=self.weight.astype(np.float32),
        )

    def residuals(self, n_components: int) -> np.ndarray:
        """Return the error with the first 1, 2, ..., n components."""
        restored = np.zeros(n_components)
        restored[: len(self.variances)] = self.variances[:n_components]
        return self.total - restored.cumsum()


@dataclass(frozen=True, eq=False)
class FactorSolution(PCASolution):
    """PCA for errors, with factor analysis for likelihoods.

    Parameters
    ----------
    components, mean, variances, noise_variance
        As for PCA.
    loadings : ndarray of shape (rank, n_features)
        What the factors are multiplied by.
    unique_variances : ndarray of shape (n_features,)
        Variance of each feature about its mean given the factors; greater than 0.
    """

    loadings: np.ndarray
    unique_variances: np.ndarray

    def normal_model(self) -> tuple[np.ndarray, np.ndarray]:
        """Return loadings and variances of factor analysis."""
        return self.loadings, self.unique_variances


@dataclass(frozen=True, eq=False)
class CountSolution(PCASolution):
    """PCA of counts for errors, with PCA of their logarithms for likelihoods.

    Parameters
    ----------
    components, mean, variances, noise_variance
        As for PCA.
    logs : PCASolution
        PCA of what encoders see of counts.
    """

    logs: PCASolution

    def normal_model(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the normal distribution of logarithms."""
        return self.logs.normal_model()

    @property
    def normal_mean(self) -> np.ndarray:
        """Mean of that distribution, shape (n_features,)."""
        return self.logs.mean

    def first(self, n_components: int) -> CountSolution:
        """Return the baseline of the leading components."""
        return replace(
            self,
            components=self.components[:n_components],
            variances=self.variances[:n_components],
            logs=self.logs.first(n_components),
        )

    def rounded(self) -> CountSolution:
        """Return the baseline in float32, as networks see it."""
        components = self.components.astype(np.float32)
        return replace(self, components=components, logs=self.logs.rounded())


def least_variance(known: float, mean: np.ndarray) -> float:
    """Return what a variance of scaled rows that may be 0 is at least taken to be.

    What is divided by it, or its logarithm, must stay finite.

    Parameters
    ----------
    known : float
        What other variances say.
    mean : ndarray of shape (n_features,)
        Mean row, which float32 rounds. Rows that are all 0 say nothing: it is 1 then.
    """
    limits = np.finfo(np.float32)
    rounding = np.square(limits.eps * mean).mean() / 12
    least = max(float(known), float(rounding))
    return least if least > limits.tiny else 1.0


class ClampedLogit(nn.Module):
    """Log-odds of values clamped to [eps, 1 - eps].

    Turns a linear reconstruction of data in [0, 1] into logits, so that the sigmoid
    of the output is the clamped reconstruction.
    """

    eps = 0.01

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_features)`` to logits of the same shape."""
        return torch.logit(X, self.eps)


class LinearPath(nn.Module):
    """Sum of a linear layer and a nonlinear branch.

    Parameters
    ----------
    linear : torch.nn.Module
        Affine layer.
    branch : torch.nn.Module or None
        Network of the same input and output shapes; None where it would be linear
        too.
    link : torch.nn.Module or None
        Elementwise map applied to the output of the linear layer.
    reach : torch.nn.Module or None
        Elementwise map applied to the input.
    branch_reach : torch.nn.Module or None
        The same for the branch alone.
    """

    def __init__(
        self,
        linear: nn.Module,
        branch: nn.Module | None,
        link: nn.Module | None = None,
        reach: nn.Module | None = None,
        branch_reach: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.linear = linear
        self.branch = branch
        self.link = link
        self.reach = reach
        self.branch_reach = branch_reach

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_in)`` to ``(n, n_out)``."""
        if self.reach is not None:
            X = self.reach(X)
        output = self.linear(X)
        if self.link is not None:
            output = self.link(output)
        if self.branch is None:
            return output
        if self.branch_reach is not None:
            X = self.branch_reach(X)
        return output + self.branch(X)


class Reach(nn.Module):
    """Draw far values in, so that one cannot decide the code of a row.

    Parameters
    ----------
    low, high : ndarray of shape (n_features,)
        Bounds of scaled values.
    """

    low: torch.Tensor
    high: torch.Tensor

    def __init__(self, low: np.ndarray, high: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("low", as_tensor(low.astype(np.float32)))
        self.register_buffer("high", as_tensor(high.astype(np.float32)))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_features)`` to the same shape."""
        return torch.maximum(torch.minimum(X, self.high), self.low)


class Refined(nn.Module):
    """Decoder whose output a second network corrects; at first it is silent.

    Parameters
    ----------
    decoder : torch.nn.Module
        Maps ``(n, n_components)`` to ``(n, n_features)``.
    refinement : torch.nn.Module
        Maps ``(n, n_features)`` to a correction of the same shape.
    n_features : int
        Width of a row.
    """

    def __init__(
        self, decoder: nn.Module, refinement: nn.Module, n_features: int
    ) -> None:
        super().__init__()
        self.decoder = decoder
        self.refinement = _silence(refinement, n_features, n_features)

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_components)`` to ``(n, n_features)``."""
        output = self.decoder(code)
        return output + self.refinement(output)


class _Gate(nn.Module):
    """A module times one learned factor per output, all of them zero at first."""

    def __init__(self, module: nn.Module, n_outputs: int) -> None:
        super().__init__()
        self.module = module
        self.factor = nn.Parameter(torch.zeros(n_outputs))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.factor * self.module(X)


@torch.no_grad()
def _silence(branch: nn.Module, n_inputs: int, n_outputs: int) -> nn.Module:
    """Make a branch's output zero, keeping its hidden weights where possible."""
    layers = [module for module in branch.modules() if isinstance(module, _AFFINE)]
    parameters = list(layers[-1].parameters()) if layers else []
    before = [parameter.clone() for parameter in parameters]
    for parameter in parameters:
        parameter.zero_()
    if _is_silent(branch, n_inputs):
        return branch
    for parameter, value in zip(parameters, before, strict=True):
        parameter.copy_(value)
    return _Gate(branch, n_outputs)


def is_linear(network: nn.Module) -> bool:
    """Return whether a network is a single linear layer, as dense stacks can be."""
    layers = list(network) if isinstance(network, nn.Sequential) else [network]
    linear = (nn.Linear, TransposedLinear)
    return len(layers) == 1 and isinstance(layers[0], linear)


def dense_layers(network: nn.Module) -> list[nn.Module] | None:
    """Return a dense stack's layers and activations in turn; None if it is none."""
    if isinstance(network, LinearPath):
        return None if network.branch is None else dense_layers(network.branch)
    if isinstance(network, _Gate):
        return dense_layers(network.module)
    if isinstance(network, PaddedDecoder):
        return dense_layers(network.decoder)
    if not isinstance(network, nn.Sequential):
        return None
    layers = list(network)
    is_dense = all(
        isinstance(part, nn.Linear | TransposedLinear) for part in layers[::2]
    )
    return layers if is_dense and len(layers) % 2 else None


def _is_silent(branch: nn.Module, n_inputs: int) -> bool:
    probe = torch.linspace(-3, 3, 2 * n_inputs).reshape(2, n_inputs)
    was_training = branch.training
    output = branch.eval()(probe)
    branch.train(was_training)
    # Outlines have no values. They are of this library's networks, which are silent.
    return output.is_meta or not output.any()


def add_linear_path(
    encoder: nn.Module,
    decoder: nn.Module,
    n_features: int,
    n_components: int,
    *,
    n_outputs: int | None = None,
    tied: bool = False,
    gated: bool = False,
    link: nn.Module | None = None,
    reach: nn.Module | None = None,
    branch_reach: nn.Module | None = None,
) -> tuple[LinearPath, LinearPath]:
    """Put a linear layer beside each of two networks, and silence the networks.

    Parameters
    ----------
    encoder, decoder : torch.nn.Module
        Networks between ``(n, n_features)`` and ``(n, n_components)``.
    n_features, n_components : int
        Widths of a row and of a code.
    n_outputs : int, default=None
        Width of the encoder's output; None means that it is the code.
    tied : bool, default=False
        Share the weight of the two linear layers.
    gated : bool, default=False
        Silence the networks without touching their weights.
    link : torch.nn.Module, optional
        Map from the linear reconstruction to the decoder's raw output.
    reach, branch_reach : torch.nn.Module, optional
        Maps of rows before they are encoded: by both, or by the network alone.

    Returns
    -------
    encoder, decoder : LinearPath
        Ready for :func:`start_at`.
    """
    n_outputs = n_components if n_outputs is None else n_outputs
    linear = nn.Linear(n_features, n_outputs)
    mirror = TransposedLinear(linear) if tied else nn.Linear(n_components, n_features)
    down: nn.Module | None = None
    up: nn.Module | None = None
    if is_linear(encoder) and is_linear(decoder):
        pass  # two linear layers are one
    elif tied or gated:
        # With the shared middle layer at zero PCA would be a saddle point: its
        # residual is orthogonal to the components and uncorrelated with the code.
        down, up = _Gate(encoder, n_outputs), _Gate(decoder, n_features)
    else:
        down = _silence(encoder, n_features, n_outputs)
        up = _silence(decoder, n_components, n_features)
    encoder = LinearPath(linear, down, reach=reach, branch_reach=branch_reach)
    return encoder, LinearPath(mirror, up, link)


def linear_pair(
    n_features: int, n_outputs: int, n_components: int, link: nn.Module | None = None
) -> tuple[LinearPath, LinearPath]:
    """Return linear paths without networks beside them, for :func:`start_at` to fill.

    No random number is drawn: their weights mean nothing yet.

    Parameters
    ----------
    n_features, n_outputs, n_components : int
        Widths of a row, of the encoder's output and of a code.
    link : torch.nn.Module, optional
        Map from the linear reconstruction to the decoder's raw output.
    """
    down = skip_init(nn.Linear, n_features, n_outputs)
    up = skip_init(nn.Linear, n_components, n_features)
    return LinearPath(down, None), LinearPath(up, None, link)


def start_at(encoder: Any, decoder: Any, solution: PCASolution) -> None:
    """Load PCA, or what has its place, into the linear layers.

    Parameters
    ----------
    encoder, decoder : LinearPath
        The pair that :func:`add_linear_path` made; the decoder may be refined.
    solution : PCASolution
        With at most ``n_components`` components; the weights of the remaining codes are
        zero.
    """
    load_linear(encoder, decoder, *solution.weights(len(encoder.linear.weight)))


@torch.no_grad()
def load_linear(
    encoder: Any,
    decoder: Any,
    encoder_weight: np.ndarray,
    encoder_bias: np.ndarray,
    decoder_weight: np.ndarray,
    decoder_bias: np.ndarray,
) -> None:
    """Load weights, of torch's shapes, into the linear layers of a pair.

    A decoder that shares the encoder's weight keeps to that: where the two differ, the
    pair becomes the nearest that can share it along the decoder's directions.
    """
    if isinstance(decoder, Refined):
        decoder = decoder.decoder
    down, up = encoder.linear, decoder.linear
    if isinstance(up, TransposedLinear):
        strength = (encoder_weight * decoder_weight.T).sum(axis=1).clip(min=0)
        norm = np.linalg.norm(decoder_weight, axis=0)
        factor = np.sqrt(strength) / np.where(norm > 0, norm, 1)
        encoder_weight = factor[:, None] * decoder_weight.T
        encoder_bias = encoder_bias / np.where(factor > 0, factor * norm, 1)
    down.weight.copy_(as_tensor(encoder_weight))
    down.bias.copy_(as_tensor(encoder_bias))
    if not isinstance(up, TransposedLinear):
        up.weight.copy_(as_tensor(decoder_weight))
    up.bias.copy_(as_tensor(decoder_bias))


def read_linear(module: Any) -> PCASolution:
    """Return what :func:`start_at` has loaded into a module, as far as it is known.

    Parameters
    ----------
    module : Autoencoder
        PCA, or what has its place.
    """
    down, up = module.encoder.linear, module.decoder.linear
    weight, components, mean = (
        values.detach().cpu().numpy()
        for values in (down.weight, up.weight.t(), up.bias)
    )
    bias, unknown = down.bias.detach().cpu().numpy(), np.zeros(len(components))
    return LinearDenoiser(components, mean, unknown, 0.0, weight, bias, 0.0)


@torch.no_grad()
def copy_linear(source: Any, target: Any) -> None:
    """Load the linear paths of one autoencoder, and its output, into another.

    Parameters
    ----------
    source : Autoencoder
        Its linear layers are read.
    target : Autoencoder
        It starts at PCA, with the same widths.
    """
    encoder, decoder = source.encoder, source.decoder
    weights = (
        layer.detach().cpu().numpy()
        for path in (encoder, decoder)
        for layer in (path.linear.weight, path.linear.bias)
    )
    load_linear(target.encoder, target.decoder, *weights)
    target.output.load_state_dict(source.output.state_dict())
