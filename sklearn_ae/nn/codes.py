"""Kinds of codes: what lies between encoder and decoder, as a part of a recipe.

A kind of code settles its module, its start at PCA, and what can be said about fitted
codes. Sparse, latent and nested codes have their own in the files of their layers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from .architectures import Networks, build_pair
from .autoencoder import Autoencoder
from .dense import ACTIVATIONS
from .linear_path import PCASolution, start_at
from .losses import Objective
from .statistics import RowStatistics

if TYPE_CHECKING:
    from .recipe import Recipe

__all__ = ["Complaint", "PlainCode"]

#: A warning about a fitted code: its text and its class.
Complaint = tuple[str, type[Warning]]


@dataclass(frozen=True)
class PlainCode:
    """The encoder's output is the code, perhaps after an activation.

    Parameters
    ----------
    code_activation : str or None
        Key of ``ACTIVATIONS``.
    """

    code_activation: str | None = None

    # Values that the encoder returns for each component of the code.
    outputs_per_component: ClassVar[int] = 1

    # Whether codes wider than rows cannot simply copy them.
    is_regularised: ClassVar[bool] = False

    # Whether each beginning of a code is a code of its own.
    is_nested: ClassVar[bool] = False

    # Whether a nested code can find its width.
    can_be_nested: ClassVar[bool] = True

    # Whether losses are compared with those of the linear paths alone; otherwise they
    # are compared with plain PCA, which the linear paths may beat.
    compares_losses_with_floor: ClassVar[bool] = True

    # Whether the code is what the encoder returns, of rows that may be corrupted. Then
    # PCA's code is a linear map of rows.
    is_plain: ClassVar[bool] = True

    # Decay rates of the optimizer's running means of gradients and their squares.
    betas: ClassVar[tuple[float, float]] = (0.9, 0.999)

    @property
    def nested(self) -> bool | tuple[int, ...]:
        """The parameter that asks for nested codes."""
        return False

    @property
    def learns_beside_pca(self) -> bool:
        """Whether training asks what PCA makes of rows."""
        return self.is_nested or self.contrast > 0

    @property
    def contrast(self) -> float:
        """The parameter that asks for contrastive codes."""
        return 0

    @property
    def can_start_at_pca(self) -> bool:
        """Whether codes of this kind can be PCA's before training."""
        return self.code_activation is None

    @property
    def keeps_unit(self) -> bool:
        """Whether codes have the unit of rows."""
        return self.code_activation is None

    @property
    def has_sizes(self) -> bool:
        """Whether rows of counts are relative to their sum."""
        return False

    def for_pca(self) -> PlainCode:
        """Return the kind of code of the linear paths alone, which are PCA."""
        return PlainCode()

    def for_images(self, image_shape: tuple[int, int, int] | None) -> PlainCode:
        """Return the part for rows that are images of a shape; None for tables."""
        return self

    def default_width(self, n_features: int) -> int | None:
        """Return the default for ``n_components``; None leaves it to the data."""
        return None

    def settle(self, n_components: int) -> PlainCode:
        """Return the part with what the width of the code decides."""
        return self

    def check(self, recipe: Recipe) -> None:
        """Raise a ValueError if the other parts of a recipe do not suit."""

    def check_width(self, width: int | float, n_features: int) -> None:
        """Raise a ValueError if a code of this width cannot be made."""

    def build_pair(
        self, architecture: Networks, n_features: int, n_components: int
    ) -> tuple[nn.Module, nn.Module]:
        """Return encoder and decoder with fresh weights."""
        return build_pair(architecture, n_features, n_components)

    def initialize(self, encoder: nn.Module, decoder: nn.Module) -> None:
        """Change fresh weights of networks that do not start at PCA."""

    def assemble(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        output: nn.Module,
        corruption: nn.Module | None,
        units: RowStatistics,
        n_components: int,
    ) -> Autoencoder:
        """Return the module around encoder and decoder."""
        activation = self.code_activation
        layer = None if activation is None else ACTIVATIONS[activation]()
        contrast = self.build_contrast(n_components)
        return Autoencoder(encoder, decoder, output, corruption, layer, contrast)

    def build_contrast(self, n_components: int) -> nn.Module | None:
        """Return what compares codes in training; None if nothing does."""
        return None

    def wrap_objective(
        self, objective: Objective, pca: PCASolution | None, n_components: int
    ) -> Objective:
        """Return what training minimises, given the loss of whole codes."""
        return objective

    def count_pca_components(self, n_components: int) -> int:
        """Return how many principal components start and baseline need."""
        return n_components

    def load_pca(self, module: Any, pca: PCASolution, n_components: int) -> None:
        """Load PCA into the linear paths of a module."""
        start_at(module.encoder, module.decoder, pca)

    def leave_to_pca(self, module: Any, pca: PCASolution, n_components: int) -> None:
        """Let a module know, before it is trained, for what PCA is good enough."""

    def count_active(self, n_components: int) -> int | None:
        """Return how many components PCA has in a comparison.

        None if only fitted codes tell, see :meth:`count_active_in`.
        """
        return n_components

    def least_active(self, n_components: int) -> int | None:
        """Return how many components PCA has where it is compared at its smallest."""
        return self.count_active(n_components)

    def count_active_in(self, module: Any, blocks: Iterable[torch.Tensor]) -> int:
        """Return how many components PCA has beside the codes of some rows."""
        raise NotImplementedError

    def describe(
        self, module: Any, blocks: Iterable[torch.Tensor], n_components: int
    ) -> dict[str, Any]:
        """Return learned attributes of fitted codes; blocks hold training rows."""
        return {}

    def complain(self, described: dict[str, Any], recipe: Recipe) -> list[Complaint]:
        """Return warnings about what :meth:`describe` has found."""
        return []
