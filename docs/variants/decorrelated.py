"""An autoencoder whose codes are uncorrelated, as PCA's are."""

from functools import partial
from numbers import Real
from typing import ClassVar

import torch

from sklearn_ae.base import BaseAutoencoder, Interval, Recipe, ReconstructionObjective


class DecorrelatedObjective(ReconstructionObjective):
    """Reconstruction loss plus the squared correlations of the codes of a batch."""

    def __init__(self, alpha: float) -> None:
        super().__init__("squared_error")
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
    max_iter : int, default=None
        Passes over the rows at most.
    random_state : int, RandomState instance or None, default=None
        Decides everything random.
    """

    _parameter_constraints: ClassVar = {
        "alpha": [Interval(Real, 0, None, closed="left")]
    }

    def __init__(
        self, n_components=None, *, alpha=1.0, max_iter=None, random_state=None
    ):
        self.n_components = n_components
        self.alpha = alpha
        self.max_iter = max_iter
        self.random_state = random_state

    def _recipe(self) -> Recipe:
        return Recipe(objective=partial(DecorrelatedObjective, self.alpha))
