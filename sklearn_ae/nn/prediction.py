"""Predictions from codes, and the objective of learning them from few labels."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .randomness import normal_like

__all__ = [
    "ClassificationLoss",
    "PredictionLoss",
    "PredictionNetwork",
    "PredictionObjective",
    "RegressionLoss",
    "Rescaled",
    "most_sensitive_step",
]

# Step over which a divergence is differentiated, as a share of the radius.
_PROBE = 0.1
# Weight of the share of each class beside the certainty of each prediction, as in Hu et
# al. (2017).
_BALANCE = 4.0


class Rescaled(nn.Module):
    """Divide by a fixed number."""

    divisor: torch.Tensor

    def __init__(self, divisor: float) -> None:
        super().__init__()
        self.register_buffer("divisor", torch.tensor(float(divisor)))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        return X / self.divisor


class PredictionLoss(nn.Module, ABC):
    """Loss of predictions of labelled rows, and what unlabelled ones are to obey."""

    #: What a value is, for the axis of loss curves.
    name: str

    @abstractmethod
    def per_row(self, values: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of ``(n, n_outputs)`` predictions, shape (n,)."""

    @abstractmethod
    def divergence(self, values: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Return how far predictions are from others, on average."""

    @abstractmethod
    def uncertainty(self, values: torch.Tensor) -> torch.Tensor:
        """Return what is large for predictions that cannot be right."""


class ClassificationLoss(PredictionLoss):
    """Cross-entropy of logits.

    Parameters
    ----------
    shares : tensor of shape (n_classes,)
        Share of each class among the labelled rows.
    """

    name = "Objective (nats per labelled row)"

    shares: torch.Tensor

    def __init__(self, shares: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("shares", shares)

    def per_row(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of ``(n, n_classes)`` logits and classes, shape (n,)."""
        return F.cross_entropy(logits, targets, reduction="none")

    def divergence(self, logits: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Return the mean Kullback-Leibler divergence from one to other logits."""
        logits, others = logits.log_softmax(1), others.log_softmax(1)
        return (logits.exp() * (logits - others)).sum(1).mean()

    def uncertainty(self, logits: torch.Tensor) -> torch.Tensor:
        """Return what is large for undecided rows, and for wrong shares of classes."""
        logs = logits.log_softmax(1)
        entropy = -(logs.exp() * logs).sum(1).mean()
        mean = logs.logsumexp(0) - math.log(len(logs))
        surplus = F.kl_div(mean, self.shares, reduction="sum")
        return entropy + _BALANCE * surplus


class RegressionLoss(PredictionLoss):
    """Squared error, averaged over the targets that are known."""

    name = "Objective (squared error, scaled targets)"

    def per_row(self, values: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of two ``(n, n_outputs)`` tensors, shape (n,)."""
        known = ~targets.isnan()
        errors = torch.where(known, values - targets.nan_to_num(), 0).square()
        return errors.sum(1) / known.sum(1).clamp(min=1)

    def divergence(self, values: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Return the mean squared distance."""
        return (values - others).square().mean()

    def uncertainty(self, values: torch.Tensor) -> torch.Tensor:
        """Return zero: any number may be right."""
        return values.new_zeros(())


def most_sensitive_step(
    predict: Callable,
    divergence: Callable,
    X: torch.Tensor,
    predictions: torch.Tensor,
    radius: float,
) -> torch.Tensor:
    """Return the step of a given length that changes each prediction most.

    One power iteration: the gradient of the divergence at a random step [1]_.

    Parameters
    ----------
    predict : callable
        Maps ``(n, n_features)`` to predictions.
    divergence : callable
        Of two predictions; its first derivative is zero where they are equal.
    X : tensor of shape (n, n_features)
        Rows.
    predictions : tensor of shape (n, n_outputs)
        Predictions of X.
    radius : float
        Euclidean length of the step.

    Returns
    -------
    step : tensor of shape (n, n_features)

    References
    ----------
    .. [1] Miyato, T., Maeda, S., Koyama, M. & Ishii, S. (2018). Virtual adversarial
       training. arXiv:1704.03976
    """
    with torch.enable_grad():
        step = F.normalize(normal_like(X), dim=1) * (_PROBE * radius)
        step.requires_grad_(True)
        change = divergence(predictions.detach().float(), predict(X + step).float())
        (gradient,) = torch.autograd.grad(change, step)
    return F.normalize(gradient.float(), dim=1) * radius


class PredictionNetwork(nn.Module):
    """Encoder with a head on its code.

    Parameters
    ----------
    autoencoder : torch.nn.Module or None
        With methods ``encode`` and ``forward``; None if rows are codes already.
    head : torch.nn.Module
        Maps ``(n, n_components)`` to predictions ``(n, n_outputs)``.
    loss : torch.nn.Module
        :class:`ClassificationLoss` or :class:`RegressionLoss`.
    reconstructs : bool, default=False
        Rebuild the other rows of a batch while training.
    consistent : bool, default=False
        Compare predictions of the other rows with those after a step while training.
    radius : float, default=0.0
        Length of that step.
    """

    def __init__(
        self,
        autoencoder: Any,
        head: nn.Module,
        loss: PredictionLoss,
        *,
        reconstructs: bool = False,
        consistent: bool = False,
        radius: float = 0.0,
    ) -> None:
        super().__init__()
        self.autoencoder: Any = autoencoder
        self.head = head
        self.loss: Any = loss
        self.reconstructs = reconstructs
        self.consistent = consistent
        self.radius = radius

    def predict(self, X: torch.Tensor) -> torch.Tensor:
        """Return logits or values, shape (n, n_outputs)."""
        return self.head(X if self.autoencoder is None else self.autoencoder.encode(X))

    def forward(self, batch) -> tuple:
        """Return predictions of labelled rows, and what else the objective needs.

        Parameters
        ----------
        batch : LabelledBatch
            ``rows``, and ``others`` or None.

        Returns
        -------
        predictions : tensor of shape (n_labelled, n_outputs)
        pair : tuple of two tensors of shape (n_others, n_outputs), or None
            Predictions of the other rows, without and with a step.
        rebuilt : tuple or None
            What the autoencoder returns for the other rows.
        """
        others = batch.others
        if not self.training or others is None:
            return self.predict(batch.rows), None, None
        rebuilt = self.autoencoder(others) if self.reconstructs else None
        if not self.consistent:
            return self.predict(batch.rows), None, rebuilt
        rows = torch.cat([batch.rows, others])
        sizes = [len(batch.rows), len(others)]
        predictions, before = self.predict(rows).split(sizes)
        step = most_sensitive_step(
            self.predict, self.loss.divergence, others, before, self.radius
        )
        return predictions, (before, self.predict(others + step)), rebuilt


class PredictionObjective(nn.Module):
    """Loss of labelled rows, beside what all rows can teach.

    Parameters
    ----------
    loss : torch.nn.Module
        :class:`ClassificationLoss` or :class:`RegressionLoss`.
    reconstruction : torch.nn.Module
        The autoencoder's own objective.
    reconstruction_weight, consistency_weight : float
        Weights of the two terms of the other rows.
    """

    # Share of the training that is done; set by the net.
    progress = 1.0

    def __init__(
        self,
        loss: PredictionLoss,
        reconstruction: nn.Module,
        reconstruction_weight: float,
        consistency_weight: float,
    ) -> None:
        super().__init__()
        self.loss: Any = loss
        self.name = loss.name
        self.reconstruction = reconstruction
        self.reconstruction_weight = reconstruction_weight
        self.consistency_weight = consistency_weight

    def forward(self, output: tuple, batch) -> torch.Tensor:
        """Return the objective of a batch."""
        _, pair, rebuilt = output
        total = self.per_row(output, batch).mean()
        if rebuilt is not None:
            rebuilding = self.reconstruction(rebuilt, batch.others)
            total = total + self.reconstruction_weight * rebuilding
        if pair is not None:
            before, after = (prediction.float() for prediction in pair)
            change = self.loss.divergence(before.detach(), after)
            consistency = change + self.loss.uncertainty(before)
            total = total + self.consistency_weight * consistency
        return total

    def per_row(self, output: tuple, batch) -> torch.Tensor:
        """Return the weighted loss of each labelled row, shape (n_labelled,)."""
        losses = self.loss.per_row(output[0].float(), batch.targets)
        return batch.weights * losses
