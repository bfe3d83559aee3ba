"""Reconstruction losses: a mean over rows of a sum over features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .linear_path import ClampedLogit

__all__ = ["LOSSES", "Loss", "ReconstructionObjective"]


@dataclass(frozen=True)
class Loss:
    """One reconstruction loss and the maps that belong to it.

    Parameters
    ----------
    function : callable
        Elementwise loss of ``(raw, target)`` with torch's ``reduction`` keyword.
    output : type of module
        Map from the decoder's raw output to the reconstruction.
    link : type of module or None
        Inverse of ``output``, for the linear path; None for the identity.
    least : callable
        Smallest loss that ``target`` allows, elementwise: what no model can gain.
    """

    function: Callable[..., torch.Tensor]
    output: type[nn.Module] = nn.Identity
    link: type[nn.Module] | None = None
    least: Callable[[torch.Tensor], torch.Tensor] = torch.zeros_like


def _binary_entropy(target: torch.Tensor) -> torch.Tensor:
    return F.binary_cross_entropy(target, target, reduction="none")


LOSSES = {
    "squared_error": Loss(F.mse_loss),
    "absolute_error": Loss(F.l1_loss),
    "log_loss": Loss(
        F.binary_cross_entropy_with_logits, nn.Sigmoid, ClampedLogit, _binary_entropy
    ),
}


class ReconstructionObjective(nn.Module):
    """Reconstruction loss of a module's output.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "log_loss"}
        Key of :data:`LOSSES`.
    """

    def __init__(self, loss: str) -> None:
        super().__init__()
        self.loss = loss

    def forward(
        self, output: tuple[torch.Tensor, ...], target: torch.Tensor
    ) -> torch.Tensor:
        """Return the mean over rows of ``(n, n_features)`` raw output and target."""
        total = LOSSES[self.loss].function(output[0].float(), target, reduction="sum")
        return total / len(target)

    def per_row(
        self, output: tuple[torch.Tensor, ...], target: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of each row, shape (n,)."""
        function = LOSSES[self.loss].function
        return function(output[0].float(), target, reduction="none").sum(1)

    def least(self, target: torch.Tensor) -> torch.Tensor:
        """Return the smallest loss that any output has for each row, shape (n,)."""
        return LOSSES[self.loss].least(target).sum(1)
