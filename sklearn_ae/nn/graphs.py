"""What verbs of estimators compute, as modules on rows in the units of X."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from .autoencoder import Autoencoder, InUnits

__all__ = ["Probabilities", "Reconstruction", "RowScore", "Values"]


class Reconstruction(InUnits):
    """Encode and decode rows."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_features)`` to the same shape, float32."""
        rebuilt = self.module.reconstruct(self._scaled(X))
        return (rebuilt * self.scale + self.shift).float()


class RowScore(InUnits):
    """Minus the mean squared reconstruction error of each row."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_features)`` to ``(n,)``, float32."""
        scaled = self._scaled(X)
        left = (self.module.reconstruct(scaled) - scaled).double() * self.scale
        return -left.square().mean(1).float()


class Probabilities(InUnits):
    """Probabilities of classes.

    Parameters
    ----------
    module, shift, scale
        As for :class:`InUnits`.
    head : torch.nn.Module
        Maps codes to logits.
    """

    def __init__(
        self,
        module: Autoencoder,
        shift: np.ndarray,
        scale: np.ndarray,
        head: nn.Module,
    ) -> None:
        super().__init__(module, shift, scale)
        self.head = head

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_features)`` to ``(n, n_classes)``, float32."""
        return self.head(self.module.encode(self._scaled(X))).softmax(1)


class Values(Probabilities):
    """Predicted numbers in the units of the targets.

    Parameters
    ----------
    module, shift, scale, head
        As for :class:`Probabilities`.
    mean, deviation : ndarray of shape (n_outputs,)
        Numbers are scaled values times the one plus the other.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(
        self,
        module: Autoencoder,
        shift: np.ndarray,
        scale: np.ndarray,
        head: nn.Module,
        mean: np.ndarray,
        deviation: np.ndarray,
    ) -> None:
        super().__init__(module, shift, scale, head)
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("deviation", torch.tensor(deviation))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_features)`` to ``(n, n_outputs)``, float32."""
        values = self.head(self.module.encode(self._scaled(X)))
        return (values * self.deviation + self.mean).float()
