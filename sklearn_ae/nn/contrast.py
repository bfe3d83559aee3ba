"""Codes for the models behind them: two views of a row have like codes.

Chen, T. et al. (2020). A simple framework for contrastive learning of visual
representations. arXiv:2002.05709. Views of rows of a table, by values of other rows:
Bahri, D. et al. (2022). SCARF: self-supervised contrastive learning using random
feature corruption. arXiv:2106.15147.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn

from .codes import PlainCode
from .linear_path import PCASolution, least_variance
from .losses import Objective
from .randomness import find_generator, redirected_draws
from .recipe import Recipe

__all__ = ["ContrastiveCode", "ImageViews", "TableViews", "contrast_codes"]

# Share of the steps that compare views: a step with them costs three times as much,
# and all steps gave no better codes.
_SHARE_OF_STEPS = 0.25

# Codes are compared behind a small network, so that they may keep what views change.
_HIDDEN, _PROJECTED = 128, 64

# Similarities, from -1 to 1, are divided by it before the softmax.
_TEMPERATURE = 0.5


class TableViews(nn.Module):
    """Replace a tenth of the values by those of another row of the batch.

    Columns keep their distributions, so whole numbers stay whole and categories
    categories.
    """

    share = 0.1

    def forward(self, X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return two views of rows, each of shape (n, n_features)."""
        return self._alter(X), self._alter(X)

    def _alter(self, X: torch.Tensor) -> torch.Tensor:
        generator = find_generator(X.device)
        draws = torch.rand(X.shape, generator=generator, device=X.device)
        others = X[torch.randperm(len(X), generator=generator, device=X.device)]
        return torch.where(draws < self.share, others, X)


class ImageViews(nn.Module):
    """Turn, scale and shift images a little, and erase a patch of each.

    Signals are images of height 1, and are scaled and shifted along their length.

    Parameters
    ----------
    image_shape : tuple of three ints
        Height, width and channels; rows are flat and hold their values in this order.
    """

    turn, scale, shift, patch = 0.25, 0.15, 0.09, 0.2

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.image_shape = image_shape

    def forward(self, X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return two views of rows, each of shape (n, n_features)."""
        return self._alter(X), self._alter(X)

    def _alter(self, X: torch.Tensor) -> torch.Tensor:
        images = X.unflatten(1, self.image_shape).permute(0, 3, 1, 2)
        n, _, height, width = images.shape
        generator = find_generator(X.device)
        draws = torch.rand((n, 6), generator=generator, device=X.device)
        turn, zoom, right, down = ((2 * draws[:, :4] - 1) * self._strengths(X)).T
        cosine, sine = turn.cos() * zoom.exp(), turn.sin() * zoom.exp()
        # Coordinates go from -1 to 1 along each axis, however long it is.
        across, up = sine * (height / width), -sine * (width / height)
        moves = torch.stack([cosine, across, 2 * right, up, cosine, 2 * down], 1)
        grid = F.affine_grid(moves.unflatten(1, (2, 3)), list(images.shape), False)
        moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
        return self._erase(moved, draws[:, 4:]).permute(0, 2, 3, 1).flatten(1)

    def _strengths(self, X: torch.Tensor) -> torch.Tensor:
        is_signal = self.image_shape[0] == 1
        turn, down = (0.0, 0.0) if is_signal else (self.turn, self.shift)
        return X.new_tensor([turn, self.scale, self.shift, down])

    def _erase(self, images: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Put the mean, 0, in the place of a patch of each image."""
        is_inside = []
        for size, place in zip(images.shape[2:], places.T, strict=True):
            length = max(1, round(self.patch * size))
            start = (place * (size - length + 1)).floor()[:, None]
            at = torch.arange(size, device=images.device)
            is_inside.append((at >= start) & (at < start + length))
        patch = is_inside[0][:, None, :, None] & is_inside[1][:, None, None, :]
        return images.masked_fill(patch, 0)


class Contrast(nn.Module):
    """Part of an autoencoder that compares codes of two views of rows in training.

    Parameters
    ----------
    views : torch.nn.Module
        Maps rows to two views of them.
    n_components : int
        Width of the code.
    """

    def __init__(self, views: nn.Module, n_components: int) -> None:
        super().__init__()
        self.views = views
        with redirected_draws():
            self.projection = nn.Sequential(
                nn.Linear(n_components, _HIDDEN),
                nn.GELU(),
                nn.Linear(_HIDDEN, _PROJECTED),
            )

    def forward(self, X: torch.Tensor, encode: Callable) -> tuple[torch.Tensor, ...]:
        """Return projected codes of two views; of most batches, nothing."""
        if len(X) < 2 or not _draw_is_below(_SHARE_OF_STEPS):
            return ()
        return self.projection(encode(torch.cat(self.views(X)))).chunk(2)


def _draw_is_below(share: float) -> bool:
    generator = find_generator(torch.device("cpu"))
    return bool(torch.rand((), generator=generator) < share)


class ContrastiveObjective(Objective):
    """Loss of reconstructions, and of views of a row that are not like each other.

    The second is the cross-entropy of which view belongs to which, among those of a
    batch. Only the first counts on validation rows.

    Parameters
    ----------
    objective : Objective
        Loss of reconstructions.
    weight : float
        What the cross-entropy, in nats, is multiplied by.
    """

    def __init__(self, objective: Objective, weight: float) -> None:
        super().__init__()
        self.objective = objective
        self.weight = weight
        self.name = objective.name

    def forward(self, output: tuple, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over rows."""
        raw, code, *views = output
        loss = self.objective((raw, code), target)
        if not views:
            return loss
        first, second = (F.normalize(view.float(), dim=1) for view in views)
        similarities = first @ second.T / _TEMPERATURE
        own = torch.arange(len(first), device=first.device)
        entropy = F.cross_entropy(similarities, own)
        entropy = (entropy + F.cross_entropy(similarities.T, own)) / 2
        return loss + self.weight / _SHARE_OF_STEPS * entropy

    def per_row(self, output: tuple, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each reconstruction, shape (n,)."""
        return self.objective.per_row(output, target)


@dataclass(frozen=True)
class ContrastiveCode(PlainCode):
    """Code of which two views of a row have like ones.

    Parameters
    ----------
    weight : float
        Weight of that beside the share of the variance that is lost.
    image_shape : tuple of three ints or None
        Shape of rows that are images.
    """

    weight: float = 0.0
    image_shape: tuple[int, int, int] | None = None

    @property
    def contrast(self) -> float:
        """The parameter that asks for such codes."""
        return self.weight

    def for_images(self, image_shape: tuple[int, int, int] | None) -> PlainCode:
        """Return the part for rows that are images, or not."""
        return replace(self, image_shape=image_shape)

    def check(self, recipe: Recipe) -> None:
        """Raise a ValueError if the other parts of a recipe do not suit."""
        loss = getattr(recipe.output, "loss", None)
        if loss != "squared_error":
            raise ValueError(
                "contrast needs loss='squared_error', whose share of the variance it "
                f"is weighed against; got {loss!r}. Set contrast=0."
            )

    def build_contrast(self, n_components: int) -> Contrast:
        """Return what compares codes in training."""
        shape = self.image_shape
        views = TableViews() if shape is None else ImageViews(shape)
        return Contrast(views, n_components)

    def wrap_objective(
        self, objective: Objective, pca: PCASolution | None, n_components: int
    ) -> ContrastiveObjective:
        """Return what training minimises, given the loss of whole codes."""
        if pca is None:
            raise TypeError("contrast needs PCA, which knows the variance.")
        total = least_variance(pca.total_variance, pca.mean)
        return ContrastiveObjective(objective, self.weight * total)


def contrast_codes(recipe: Recipe, weight: float) -> Recipe:
    """Return a recipe with contrastive codes, if they have a weight.

    Parameters
    ----------
    recipe : Recipe
        With a plain or a nested code.
    weight : float
        As `contrast` of the estimators.

    Raises
    ------
    ValueError
        If codes are nested.
    """
    if weight == 0:
        return recipe
    if recipe.bottleneck.is_nested:
        raise ValueError(
            f"contrast needs nested=False; got contrast={weight!r} with nested codes. "
            "Set one of them."
        )
    activation = recipe.bottleneck.code_activation
    return replace(recipe, bottleneck=ContrastiveCode(activation, float(weight)))
