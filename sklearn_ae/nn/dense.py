"""Stacks of fully connected layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .._validation import is_count

__all__ = [
    "ACTIVATIONS",
    "AUTO",
    "PaddedDecoder",
    "TransposedLinear",
    "as_layer_sizes",
    "check_choice",
    "dense_stack",
    "narrow",
    "tied_stack",
]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "logistic": nn.Sigmoid,
}


#: Widths that follow the data, see :func:`narrow`.
AUTO = "auto"

_MAX_WEIGHTS_PER_VALUE, _MIN_WEIGHTS = 2, 2**18


class TransposedLinear(nn.Module):
    """Affine map with the transposed weight of another layer and its own bias.

    Parameters
    ----------
    linear : torch.nn.Linear
        Layer whose weight is shared: the very same parameter, not a copy.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = linear.weight
        self.bias = nn.Parameter(torch.zeros(linear.in_features))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, linear.out_features)`` to ``(n, linear.in_features)``."""
        return F.linear(X, self.weight.t(), self.bias)


class PaddedDecoder(nn.Module):
    """Decoder of wider codes whose last values are held at 0.

    An encoder returns means and variances, so that the decoder that is tied to it
    expects as many values.
    """

    def __init__(self, decoder: nn.Module, width: int) -> None:
        super().__init__()
        self.decoder = decoder
        self.width = width

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_components)`` to ``(n, n_features)``."""
        padding = (0, self.width - code.shape[1])
        return self.decoder(F.pad(code, padding))


def _interleave(layers: Sequence[nn.Module], activation: str) -> nn.Sequential:
    modules = [layers[0]]
    for layer in layers[1:]:
        modules += [ACTIVATIONS[activation](), layer]
    return nn.Sequential(*modules)


def dense_stack(sizes: Sequence[int], activation: str) -> nn.Sequential:
    """Chain linear layers of the given widths, an activation between two of them."""
    layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    return _interleave(layers, activation)


def tied_stack(stack: nn.Sequential, activation: str) -> nn.Sequential:
    """Mirror a dense stack with its own weights, transposed."""
    layers = [layer for layer in stack if isinstance(layer, nn.Linear)]
    return _interleave([TransposedLinear(layer) for layer in layers[::-1]], activation)


def as_layer_sizes(sizes: Any, auto: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Return the widths of hidden layers; one integer stands for one layer.

    Parameters
    ----------
    sizes : int, sequence of int or "auto"
        As the user gave them.
    auto : tuple of int, default=()
        What "auto" stands for.

    Raises
    ------
    ValueError
        Unless all widths are positive integers.
    """
    if isinstance(sizes, str) and sizes == AUTO:
        return auto
    is_sequence = isinstance(sizes, Sequence | np.ndarray) and np.ndim(sizes) == 1
    layers = sizes if is_sequence else (sizes,)
    if not all(map(is_count, layers)):
        raise ValueError(
            f"hidden_layer_sizes must hold positive integers; got {sizes!r}. Leave "
            "layers out instead of giving them no units."
        )
    return tuple(map(int, layers))


def narrow(sizes: Sequence[int], n_inputs: int, n_values: int) -> tuple[int, ...]:
    """Return hidden layers, made narrower in proportion if data are few.

    Parameters
    ----------
    sizes : sequence of int
        Widths of the encoder's hidden layers at most; the decoder mirrors them.
    n_inputs : int
        Width of what they start from.
    n_values : int
        Values in the training rows.

    Returns
    -------
    sizes : tuple of int
        The widest for which encoder and decoder together have at most two weights
        between hidden layers and rows for each value, or 2**18 if that is more.
    """
    limit = max(_MAX_WEIGHTS_PER_VALUE * n_values, _MIN_WEIGHTS)
    for first in range(sizes[0], 0, -1):
        narrower = tuple(max(1, size * first // sizes[0]) for size in sizes)
        widths = (n_inputs, *narrower)
        if 2 * sum(a * b for a, b in pairwise(widths)) <= limit:
            break
    return narrower


def check_choice(name: str, value, choices: Iterable) -> None:
    """Raise a ValueError unless a value is one of the choices."""
    if value not in choices:
        known = sorted(choices, key=str)
        raise ValueError(
            f"{name} must be one of {known}; got {value!r}. For other layers, pass a "
            "callable as architecture."
        )
