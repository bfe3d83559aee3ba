"""Reconstruction losses: a mean over rows of a sum over features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .._validation import MAX_EXCESS, check_unit_interval
from .linear_path import ClampedLogit
from .statistics import RowStatistics

__all__ = ["LOSSES", "Loss", "LossOutput", "Objective", "ReconstructionObjective"]


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


@dataclass(frozen=True)
class LossOutput:
    """Part of a recipe: the decoder returns what a loss compares with rows.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "log_loss"}
        Key of :data:`LOSSES`.
    """

    loss: str = "squared_error"

    @property
    def can_have_factors(self) -> bool:
        """Whether factor analysis can be the start."""
        return False

    @property
    def learns_ratios(self) -> bool:
        """Whether training has a variance for each feature."""
        return False

    @property
    def has_factors(self) -> bool:
        """Whether it is."""
        return False

    @property
    def of_counts(self) -> bool:
        """Whether values are counts."""
        return False

    @property
    def is_robust(self) -> bool:
        """Whether a few far values must not decide where training starts."""
        return self.loss == "absolute_error"

    @property
    def returns_rows(self) -> bool:
        """Whether decoders return rows themselves, and no logits of them."""
        return LOSSES[self.loss].link is None

    def build(self, units: RowStatistics) -> nn.Module:
        """Return the map from the raw output to the reconstruction."""
        return LOSSES[self.loss].output()

    def build_link(self, units: RowStatistics) -> nn.Module | None:
        """Return the map from a linear reconstruction to the raw output."""
        link = LOSSES[self.loss].link
        return None if link is None else link()

    def build_for_pca(self, units: RowStatistics) -> tuple[nn.Module | None, nn.Module]:
        """Return link and output of PCA of rows as they are."""
        return self.build_link(units), self.build(units)

    def scaling_in_use(self, scaling: str | None) -> str | None:
        """Return how rows are scaled where the user asks for ``scaling``.

        The logarithmic loss is taken on the data as they are, in [0, 1].
        """
        return None if self.loss == "log_loss" else scaling

    def check_values(self, X, name: str) -> None:
        """Raise a ValueError if the loss is not made for the values of X."""
        self._check_interval(X, name, 0.0)

    def check_new_values(self, X, name: str) -> None:
        """Raise a ValueError if new rows are plainly in other units than fitted ones.

        Values a little out of range, as MinMaxScaler makes them, are no error.
        """
        self._check_interval(X, name, MAX_EXCESS)

    def _check_interval(self, X, name: str, slack: float) -> None:
        if self.loss == "log_loss":
            settings = "loss='log_loss'", "loss='squared_error'"
            check_unit_interval(X, name, *settings, slack)


class Objective(nn.Module, ABC):
    """What training minimises: a mean over rows, called with output and target.

    Subclasses override ``forward(output, target)``, which returns the mean over the
    rows of a batch, and the abstract methods, which return one value per row.
    """

    #: Whether losses are negative log-likelihoods. A gain is a share of PCA's loss
    #: otherwise.
    in_nats: bool = False

    #: Share of the training in which the objective is not yet the one that validation
    #: rows are evaluated with.
    warm_up: float = 0.0

    #: Share of the training that is done; set by the net.
    progress: float = 1.0

    #: What a value is, for the axis of loss curves.
    name: str = "Objective"

    @abstractmethod
    def per_row(self, output: tuple, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each row, shape (n,), as the loss curves show it."""

    def per_row_of_pca(self, output: tuple, target: torch.Tensor) -> torch.Tensor:
        """Return what :meth:`per_row` is for PCA, whose codes have no penalty."""
        return self.per_row(output, target)

    def loss_without_penalty(self, output: tuple, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each row without penalties, shape (n,).

        In it a network is compared with PCA, whose loss has no penalty.
        """
        return self.per_row(output, target)

    def least(self, target: torch.Tensor) -> torch.Tensor:
        """Return the smallest loss that any output has for each row, shape (n,)."""
        return target.new_zeros(len(target))


def _clean(output: tuple[torch.Tensor, ...], target: torch.Tensor) -> torch.Tensor:
    """Return rows without the noisy ones that may follow them, see ``GivenNoise``."""
    width = output[0].shape[1]
    return target if target.shape[1] == width else target[:, :width]


class ReconstructionObjective(Objective):
    """Reconstruction loss of a module's output; the base of other objectives.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "log_loss"}
        Key of :data:`LOSSES`.
    """

    def __init__(self, loss: str = "squared_error") -> None:
        super().__init__()
        self.loss = loss
        self.name = f"Loss per row ({loss.replace('_', ' ')}, scaled rows)"

    def forward(
        self, output: tuple[torch.Tensor, ...], target: torch.Tensor
    ) -> torch.Tensor:
        """Return the mean over rows of ``(n, n_features)`` raw output and target."""
        target = _clean(output, target)
        total = LOSSES[self.loss].function(output[0].float(), target, reduction="sum")
        return total / len(target)

    def per_row(
        self, output: tuple[torch.Tensor, ...], target: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of each row, shape (n,), as the loss curves show it."""
        return self.loss_without_penalty(output, target)

    def loss_without_penalty(
        self, output: tuple[torch.Tensor, ...], target: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of each row without penalties, shape (n,).

        In it a network is compared with PCA, whose loss has no penalty.
        """
        function = LOSSES[self.loss].function
        target = _clean(output, target)
        return function(output[0].float(), target, reduction="none").sum(1)

    def per_row_of_pca(
        self, output: tuple[torch.Tensor, ...], target: torch.Tensor
    ) -> torch.Tensor:
        """Return what :meth:`per_row` is for PCA, whose codes have no penalty."""
        return self.loss_without_penalty(output, target)

    def least(self, target: torch.Tensor) -> torch.Tensor:
        """Return the smallest loss that any output has for each row, shape (n,)."""
        return LOSSES[self.loss].least(target).sum(1)
