"""An autoencoder whose codes are uncorrelated, as PCA's are."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import torch
from torch import nn

from sklearn_ae._base import BaseAutoencoder
from sklearn_ae._validation import Interval
from sklearn_ae.nn.losses import ReconstructionObjective


class DecorrelatedObjective(ReconstructionObjective):
    """Reconstruction loss plus the squared correlations of the codes of a batch."""

    def __init__(self, loss: str, alpha: float) -> None:
        super().__init__(loss)
        self.alpha = alpha

    def forward(self, output: tuple, target: torch.Tensor) -> torch.Tensor:
        """Return the objective of a batch; ``output[1]`` holds its codes."""
        code = output[1].float()
        code = code - code.mean(0)
        code = code / code.norm(dim=0).clamp(min=1e-6)
        correlations = code.T @ code
        between = correlations - torch.diag(correlations.diagonal())
        return super().forward(output, target) + self.alpha * between.square().sum()


class DecorrelatedAE(BaseAutoencoder):
    """Autoencoder that minimises its error and the correlations of its codes.

    Parameters
    ----------
    n_components : int or float, default=None
        Width of the code.
    alpha : float, default=1.0
        Weight of the sum of squared correlations, at least 0.
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **BaseAutoencoder._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_components=None,
        *,
        alpha=1.0,
        hidden_layer_sizes=(256, 128),
        activation="gelu",
        tied_weights=False,
        architecture=None,
        init="pca",
        scaling="global",
        loss="squared_error",
        learning_rate=4e-3,
        schedule="one_cycle",
        weight_decay=0.0,
        batch_size="auto",
        max_iter=None,
        early_stopping=True,
        validation_fraction="auto",
        n_iter_no_change=20,
        tol=1e-4,
        warm_start=False,
        device="auto",
        precision="auto",
        callbacks=None,
        verbose=0,
        random_state=None,
    ):
        self.n_components = n_components
        self.alpha = alpha
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.tied_weights = tied_weights
        self.architecture = architecture
        self.init = init
        self.scaling = scaling
        self.loss = loss
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.device = device
        self.precision = precision
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def _build_objective(self) -> nn.Module:
        return DecorrelatedObjective(self.loss, self.alpha)
