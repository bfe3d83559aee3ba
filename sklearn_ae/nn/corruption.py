"""Corruption of rows: what a denoising autoencoder has to undo.

A corruption acts where a module is trained or evaluated, and never where it encodes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from .arrays import as_tensor
from .randomness import (
    find_generator,
    normal_like,
    redirected_draws,
    uniform_like,
)
from .statistics import RowStatistics

__all__ = [
    "CORRUPTIONS",
    "CorruptedInput",
    "CorruptedMoments",
    "Corruption",
    "GivenNoise",
    "PairedInput",
]


def _where(X: torch.Tensor, level: float) -> torch.Tensor:
    """Choose each value with probability ``level``."""
    return uniform_like(X) < level


@dataclass(frozen=True, eq=False)
class CorruptedMoments:
    """First and second moments of corrupted rows, from those of clean ones.

    Where clean rows have the covariance C, corrupted ones have
    ``spread * C + diag(noise)``, and the covariance ``signal * C`` with clean ones.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of corrupted rows.
    noise : ndarray of shape (n_features,)
        Variance that the corruption adds to each feature.
    spread, signal : float
        Factors of the covariance.
    """

    mean: np.ndarray
    noise: np.ndarray
    spread: float = 1.0
    signal: float = 1.0


class Corruption(nn.Module):
    """Corrupt scaled rows in one of several ways.

    Parameters
    ----------
    kind : str or callable
        Key of :data:`CORRUPTIONS`, or a function or module that maps rows in the units
        of X, a float32 tensor of shape (n, n_features), to corrupted ones.
    level : float
        Strength, see :data:`CORRUPTIONS`.
    units : RowStatistics
        How rows were scaled, with the extremes of each feature.

    Attributes
    ----------
    zero : tensor of shape (n_features,)
        What the value 0 of X has become by scaling.
    noise : tensor of shape (n_features,)
        Standard deviation of the data, in scaled units.
    low, high : tensor of shape (n_features,)
        Smallest and largest value of each feature, scaled.
    unit : tensor of shape (n_features,)
        What centred features were divided by.
    """

    zero: torch.Tensor
    noise: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    unit: torch.Tensor

    def __init__(
        self, kind: str | Callable, level: float, units: RowStatistics
    ) -> None:
        super().__init__()
        # In a tuple, so that a module of one's own is no part of what is trained, and
        # as a copy, so that it stays as it is.
        self._kind = (copy.deepcopy(kind),)
        self.level = level
        statistics = {
            "zero": -units.shift / units.scale,
            "noise": units.deviation / units.scale,
            "low": (units.low - units.shift) / units.scale,
            "high": (units.high - units.shift) / units.scale,
            "unit": units.scale,
        }
        for name, values in statistics.items():
            self.register_buffer(name, as_tensor(values).float())

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return corrupted rows of the same shape."""
        (kind,) = self._kind
        if isinstance(kind, str):
            return CORRUPTIONS[kind](self, X)
        if isinstance(kind, nn.Module):
            kind.to(X.device).train().requires_grad_(False)
        rows = (X - self.zero) * self.unit
        with redirected_draws():
            corrupted = kind(rows)
        return (_check_corrupted(corrupted, rows) / self.unit + self.zero).to(X)

    def moments(
        self, mean: np.ndarray, variance: np.ndarray
    ) -> CorruptedMoments | None:
        """Return the moments of corrupted rows; None where they are not known.

        Parameters
        ----------
        mean, variance : ndarray of shape (n_features,)
            Of each feature of clean scaled rows.
        """
        (kind,) = self._kind
        if not isinstance(kind, str):
            return None
        zero, noise, low, high = (
            values.double().cpu().numpy()
            for values in (self.zero, self.noise, self.low, self.high)
        )
        if kind == "gaussian":
            return CorruptedMoments(mean, (self.level * noise) ** 2)
        # A share of the values are replaced by others that do not depend on the row:
        # their mean and mean square, as distances to the value that 0 has become.
        mean, second = mean - zero, variance + (mean - zero) ** 2
        others = {
            "masking": (0.0, 0.0),
            "dropout": (0.0, 0.0),
            "salt_and_pepper": (
                (low + high) / 2 - zero,
                ((low - zero) ** 2 + (high - zero) ** 2) / 2,
            ),
            "swap": (mean, second),
        }
        other_mean, other_second = others[kind]
        kept, factor = 1 - self.level, 1.0
        if kind == "dropout":
            factor = 1 / kept
        corrupted_mean = kept * factor * mean + self.level * other_mean
        corrupted_second = kept * factor**2 * second + self.level * other_second
        spread = (kept * factor) ** 2
        noise = corrupted_second - corrupted_mean**2 - spread * variance
        return CorruptedMoments(
            zero + corrupted_mean, noise.clip(min=0), spread, kept * factor
        )

    def add_noise(self, X: torch.Tensor) -> torch.Tensor:
        """Add normal noise of ``level`` times the data's standard deviation."""
        return X + self.level * self.noise * normal_like(X)

    def mask(self, X: torch.Tensor) -> torch.Tensor:
        """Set a share ``level`` of the values to 0, in the units of X."""
        return torch.where(_where(X, self.level), self.zero, X)

    def drop_out(self, X: torch.Tensor) -> torch.Tensor:
        """Set a share of the values to 0 and divide the others by the rest."""
        kept = self.zero + (X - self.zero) / (1 - self.level)
        return torch.where(_where(X, self.level), self.zero, kept)

    def salt_and_pepper(self, X: torch.Tensor) -> torch.Tensor:
        """Set a share of the values to the feature's smallest or largest value."""
        extreme = torch.where(_where(X, 0.5), self.low, self.high)
        return torch.where(_where(X, self.level), extreme, X)

    def swap(self, X: torch.Tensor) -> torch.Tensor:
        """Replace a share of the values by those of other rows of the batch."""
        generator = find_generator(X.device)
        donors = torch.randint(len(X), X.shape, generator=generator, device=X.device)
        return torch.where(_where(X, self.level), X.gather(0, donors), X)


def _check_corrupted(corrupted: Any, rows: torch.Tensor) -> torch.Tensor:
    """Return what a function made of rows; raise an error if it is no such rows."""
    if not isinstance(corrupted, torch.Tensor):
        raise TypeError(
            "corruption must return a tensor, as it is given one; got a "
            f"{type(corrupted).__name__}. Wrap it in torch.as_tensor."
        )
    if corrupted.shape != rows.shape:
        raise ValueError(
            "corruption must return rows of the shape that it is given, "
            f"{tuple(rows.shape)}; got {tuple(corrupted.shape)}. It must not leave out "
            "rows or features."
        )
    return corrupted


CORRUPTIONS: dict[str, Callable[[Corruption, torch.Tensor], torch.Tensor]] = {
    "gaussian": Corruption.add_noise,
    "masking": Corruption.mask,
    "dropout": Corruption.drop_out,
    "salt_and_pepper": Corruption.salt_and_pepper,
    "swap": Corruption.swap,
}


class GivenNoise(nn.Module):
    """Take the noisy rows that follow the clean ones in a batch of pairs.

    Rows that come without are left as they are.

    Parameters
    ----------
    n_features : int
        Width of a row; pairs have twice as many values.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.n_features = n_features

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return noisy rows, shape (n, n_features)."""
        return X[:, self.n_features :] if X.shape[1] > self.n_features else X


@dataclass(frozen=True)
class PairedInput:
    """Part of a recipe: clean rows come with noisy ones, which are encoded."""

    def build(self, units: RowStatistics) -> GivenNoise:
        """Return the layer for rows of these units."""
        return GivenNoise(len(units.shift))


@dataclass(frozen=True)
class CorruptedInput:
    """Part of a recipe: rows are corrupted before they are encoded.

    Parameters
    ----------
    corruption : str or callable
        Key of :data:`CORRUPTIONS`, or a function or module.
    corruption_level : float
        Strength: a share of the values, below 1, unless the kind is "gaussian".
    """

    corruption: str | Callable
    corruption_level: float

    def __post_init__(self) -> None:
        is_share = isinstance(self.corruption, str) and self.corruption != "gaussian"
        if is_share and self.corruption_level >= 1:
            raise ValueError(
                "corruption_level must be a share of the values, below 1, with "
                f"corruption={self.corruption!r}; got {self.corruption_level}."
            )

    def build(self, units: RowStatistics) -> Corruption:
        """Return the layer for rows of these units."""
        return Corruption(self.corruption, self.corruption_level, units)
