"""Nested codes: the first k values of a code are a code of their own.

Rippel, O., Gelbart, M. & Adams, R. (2014). Learning ordered representations with
nested dropout. arXiv:1402.0915. Kusupati, A. et al. (2022). Matryoshka representation
learning. arXiv:2205.13147.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn.utils import skip_init

from .._validation import is_count
from .autoencoder import Autoencoder
from .codes import PlainCode
from .linear_path import PCASolution, least_variance
from .losses import Objective
from .randomness import find_generator, uniform_like
from .recipe import Recipe
from .statistics import RowStatistics
from .unpool import check_bare_codes

__all__ = [
    "NestedAutoencoder",
    "NestedCode",
    "NestedObjective",
    "is_nested",
    "load_first",
    "nest",
    "sizes_to_evaluate",
]

# Each code is decoded at two sizes while training; its encoding, half of the work, is
# shared. So many sizes per batch are drawn on a logarithmic scale of size + offset.
# Whole codes have the most to learn: a third as many come with them.
_N_DRAWN, _OFFSET = 5, 1.0
_WHOLE_PER_SIZE = 1 / 3

# Sizes at which PCA leaves less than this share of the variance are left to PCA: the
# gradient would be all theirs, for a gain of next to nothing. Where PCA may not take
# their place, its loss counts as this share at least.
_MIN_SHARE = 1e-2


def sizes_to_evaluate(n_components: int) -> list[int]:
    """Return the sizes at which nested codes are evaluated: powers of two, and all."""
    powers = [2**power for power in range(n_components.bit_length())]
    return sorted({*powers, n_components})


def _count_anchors(n_components: int) -> int:
    """Return how many powers of two it takes to interpolate up to a size."""
    return math.ceil(math.log2(n_components)) + 1


class _Turns(threading.local):
    """The sizes at which a thread decodes rows in turn; None decodes whole codes."""

    sizes: list[int] | None = None


_turns = _Turns()


@contextmanager
def _decoding_at(sizes: list[int]) -> Iterator[None]:
    """Let layers know at which sizes rows are decoded in turn, in this thread."""
    before = _turns.sizes
    _turns.sizes = sizes
    try:
        yield
    finally:
        _turns.sizes = before


class SizedLinear(nn.Module):
    """Linear layer whose outputs are scaled and shifted according to the size.

    Scales and shifts are learned for the powers of two and interpolated between them.
    """

    def __init__(self, linear: nn.Linear, n_components: int) -> None:
        super().__init__()
        self.linear = linear
        self.n_components = n_components
        n_anchors = _count_anchors(n_components)
        self.scale = nn.Parameter(torch.zeros(n_anchors, linear.out_features))
        self.shift = nn.Parameter(torch.zeros(n_anchors, linear.out_features))

    def _at(self, sizes: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scales and shifts for codes of given sizes, one row for each."""
        positions = torch.tensor(sizes, device=self.scale.device).float().log2()
        anchors = torch.arange(len(self.scale), device=self.scale.device)
        shares = (1 - (positions[:, None] - anchors).abs()).clamp(min=0)
        return 1 + shares @ self.scale, shares @ self.shift

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, in_features)`` to ``(n, out_features)``."""
        output = self.linear(X)
        sizes = _turns.sizes or [self.n_components]
        scale, shift = (values.to(output.dtype) for values in self._at(sizes))
        in_turn = output.unflatten(0, (-1, len(scale)))
        return torch.addcmul(shift, in_turn, scale).flatten(0, 1)

    @torch.no_grad()
    def folded(self, size: int) -> nn.Linear:
        """Return the plain layer that does the same for codes of one size."""
        scale, shift = (values[0] for values in self._at([size]))
        widths = self.linear.in_features, self.linear.out_features
        folded = skip_init(nn.Linear, *widths)
        folded.weight.copy_(self.linear.weight * scale[:, None])
        folded.bias.copy_(self.linear.bias * scale + shift)
        return folded


def _condition(module: nn.Module, n_components: int) -> None:
    """Let all linear layers but the last of each stack know the size of the code."""
    for child in module.children():
        _condition(child, n_components)
    if isinstance(module, nn.Sequential):
        for index in range(len(module) - 1):
            layer: Any = module[index]
            if type(layer) is nn.Linear:
                module[index] = SizedLinear(layer, n_components)


def _fold(module: nn.Module, size: int) -> None:
    """Put plain layers for codes of one size in the place of those that know it."""
    for name, child in module.named_children():
        if isinstance(child, SizedLinear):
            setattr(module, name, child.folded(size))
        else:
            _fold(child, size)


class NestedAutoencoder(Autoencoder):
    """Autoencoder whose codes are cut off, at sizes drawn anew, while it is trained.

    Sizes above `widest`, at which PCA leaves next to nothing, are not drawn.

    Parameters
    ----------
    encoder, decoder, output, corruption, bottleneck
        As for :class:`Autoencoder`.
    n_components : int
        Width of the whole code.
    at : sequence of int, default=()
        Sizes to cut codes at; empty means all, the small ones as often as the large
        ones on a logarithmic scale.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        output: nn.Module,
        corruption: nn.Module | None = None,
        bottleneck: nn.Module | None = None,
        *,
        n_components: int,
        at: Sequence[int] = (),
    ) -> None:
        _condition(decoder, n_components)
        super().__init__(encoder, decoder, output, corruption, bottleneck)
        self.n_components = n_components
        self.at = sorted(at)
        self.widest = n_components

    def forward(self, X: torch.Tensor) -> tuple:
        """Return raw outputs, codes, and the sizes that the outputs have in turn.

        While training there are two outputs for each row, one after the other.
        """
        code = self.bottleneck(self.encoder(self.corruption(X)))
        if not self.training:
            sizes = sizes_to_evaluate(self.n_components)
            return self._decode(code, sizes), code, sizes
        sizes = self._draw()
        return self._decode(code.repeat_interleave(2, 0), sizes), code, sizes

    def forward_whole(self, X: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return raw output and code, of corrupted rows, without any cut."""
        return super().forward(X)

    def decode_first(self, code: torch.Tensor, size: int) -> torch.Tensor:
        """Return the reconstruction from the first values of codes."""
        return self.output(self._decode(code, [size]))

    def _decode(self, code: torch.Tensor, in_turn: list[int]) -> torch.Tensor:
        """Decode row i at the i-th size, and so on from the first size again."""
        n_rows, width = code.shape
        wanted = torch.tensor(in_turn, device=code.device)
        kept = torch.arange(width, device=code.device) < wanted[:, None]
        missing = -n_rows % len(in_turn)
        if missing:
            code = torch.cat([code, code.new_zeros(missing, width)])
        cut = (code.unflatten(0, (-1, len(in_turn))) * kept).flatten(0, 1)
        with _decoding_at(in_turn):
            return self.decoder(cut)[:n_rows]

    def _draw(self) -> list[int]:
        """Return sizes, of which neighbours are a large and a small one."""
        width = self.widest
        sizes = [size for size in self.at if size < width for _ in range(3)]
        if not self.at:
            # Powers of two, the smallest of them twice, and any sizes: one from each
            # of equal parts of the scale.
            powers = [2**power for power in range(1, (width - 1).bit_length())]
            parts = torch.arange(_N_DRAWN, dtype=torch.float32)
            positions = (parts + uniform_like(parts)) / _N_DRAWN
            ratio = (width + _OFFSET) / (1 + _OFFSET)
            drawn = (
                int((1 + _OFFSET) * ratio**p - _OFFSET) for p in positions.tolist()
            )
            sizes = [min(size, width) for size in (*powers[:1], *powers, *drawn)]
        n_whole = max(1, round(_WHOLE_PER_SIZE * len(sizes)))
        sizes = sorted(sizes) + [width] * n_whole
        sizes += [width] * (len(sizes) % 2)
        half = len(sizes) // 2
        generator = find_generator(torch.device("cpu"))
        large, small = (
            [part[i] for i in torch.randperm(half, generator=generator).tolist()]
            for part in (sizes[half:], sizes[:half])
        )
        return [size for pair in zip(large, small, strict=True) for size in pair]

    def cut(self, size: int) -> Autoencoder:
        """Return an autoencoder without conditions, for codes of one size.

        Its encoder still returns whole codes, and its decoder still takes them.
        """
        copy = deepcopy(self)
        _fold(copy.decoder, size)
        return Autoencoder(
            copy.encoder, copy.decoder, copy.output, copy.corruption, copy.bottleneck
        )


class NestedObjective(Objective):
    """Reconstruction loss over PCA's at the same size, averaged over sizes.

    So that small codes, whose losses are large, do not have all of the gradient.

    Parameters
    ----------
    objective : Objective
        Loss of reconstructions.
    pca_losses : tensor of shape (n_components,)
        PCA's loss with the first k components, for k = 1, 2, ...; infinite where
        reconstructions are not to count.
    """

    name = "Loss over PCA's at the same code size"

    pca_losses: torch.Tensor

    def __init__(self, objective: Objective, pca_losses: torch.Tensor) -> None:
        super().__init__()
        self.objective = objective
        self.register_buffer("pca_losses", pca_losses)

    def forward(self, output: tuple, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over two outputs per row."""
        raw, _, sizes = output
        losses = self.objective.per_row((raw,), target.repeat_interleave(2, 0))
        return self._relative(losses, sizes).mean()

    def _relative(self, losses: torch.Tensor, sizes: list[int]) -> torch.Tensor:
        """Return the losses of rows, in turn of these sizes, over PCA's."""
        at = torch.tensor(sizes, device=losses.device) - 1
        n_turns = -(-len(losses) // len(sizes))
        return losses / self.pca_losses[at].repeat(n_turns)[: len(losses)]

    def per_row(self, output: tuple, target: torch.Tensor) -> torch.Tensor:
        """Return the relative loss of each row at its size, shape (n,)."""
        sizes = sizes_to_evaluate(len(self.pca_losses))
        return self._relative(self.objective.per_row(output, target), sizes)

    def loss_without_penalty(self, output: tuple, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each row that is decoded from its whole code."""
        return self.objective.loss_without_penalty(output, target)

    def least(self, target: torch.Tensor) -> torch.Tensor:
        """Return the smallest loss that any output has for each row, shape (n,)."""
        return self.objective.least(target)


@dataclass(frozen=True)
class NestedCode(PlainCode):
    """Codes of which each beginning is a code of its own.

    Parameters
    ----------
    at : tuple of int
        The sizes; empty means all.
    has_floor : bool
        Whether sizes at which PCA leaves next to nothing may be left to it.
    """

    at: tuple[int, ...] = ()
    has_floor: bool = field(default=True, compare=False)

    is_nested: ClassVar[bool] = True
    can_be_nested: ClassVar[bool] = False

    # The losses of drawn sizes change from batch to batch; a shorter memory of their
    # squares made each size's error about one percent lower.
    betas: ClassVar[tuple[float, float]] = (0.9, 0.99)

    @property
    def nested(self) -> bool | tuple[int, ...]:
        """The parameter that asks for such codes."""
        return self.at or True

    def for_pca(self) -> NestedCode:
        """Return the kind of code of the linear paths alone, which are PCA."""
        return self

    def least_active(self, n_components: int) -> int:
        """Return how many components PCA has where it is compared at its smallest."""
        return min(self.at, default=1)

    def check(self, recipe: Recipe) -> None:
        """Raise a ValueError if the other parts of a recipe do not suit."""
        if not recipe.can_start_at_pca:
            raise ValueError(
                "nested codes need a linear code of n_components values; got "
                f"{recipe.architecture!r}. Leave out the code's activation and "
                "feature maps as codes, or set nested=False."
            )
        if recipe.pretraining is not None:
            raise ValueError(
                "pretraining must be None where codes are nested; got "
                f"{recipe.pretraining!r}. Set nested=False to pretrain layer by layer."
            )

    def check_width(self, width: int | float, n_features: int) -> None:
        """Raise a ValueError if a code of this width cannot be made."""
        if not isinstance(width, int):
            return
        sizes = self.at
        if sizes and not min(sizes) < width >= max(sizes):
            raise ValueError(
                f"nested must hold sizes up to n_components = {width}, and a smaller "
                f"one; got {sizes!r}."
            )
        if width > n_features:
            raise ValueError(
                f"n_components must be at most n_features = {n_features} where codes "
                f"are nested; got {width}."
            )

    def assemble(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        output: nn.Module,
        corruption: nn.Module | None,
        units: RowStatistics,
        n_components: int,
    ) -> NestedAutoencoder:
        """Return the module around encoder and decoder."""
        parts = encoder, decoder, output, corruption
        module = NestedAutoencoder(*parts, n_components=n_components, at=self.at)
        check_bare_codes(decoder, "nested codes need", "Take upsampling='nearest'.")
        return module

    def wrap_objective(
        self, objective: Objective, pca: PCASolution | None, n_components: int
    ) -> NestedObjective:
        """Return the loss over PCA's at the same size."""
        if pca is None:
            raise TypeError("nested codes need the PCA that they are compared with.")
        least = least_variance(_least_useful(pca), pca.mean)
        losses = np.maximum(pca.residuals(n_components), least)
        if self.has_floor:
            losses[_count_useful(pca, n_components) :] = np.inf
        return NestedObjective(objective, torch.tensor(losses, dtype=torch.float32))

    def leave_to_pca(self, module: Any, pca: PCASolution, n_components: int) -> None:
        """Let training draw no sizes at which PCA leaves next to nothing."""
        if self.has_floor:
            module.widest = _count_useful(pca, n_components)


def _count_useful(pca: PCASolution, n_components: int) -> int:
    """Return the largest size at which a network could be of use beside PCA."""
    is_useful = pca.residuals(n_components) >= _least_useful(pca)
    return max(1, int(np.count_nonzero(is_useful)))


def _least_useful(pca: PCASolution) -> float:
    """Return the variance that PCA has to leave for a network to be of use."""
    return _MIN_SHARE * pca.total_variance


def is_nested(nested: bool | Sequence[int]) -> bool:
    """Return whether a parameter ``nested`` asks for nested codes.

    Raises
    ------
    ValueError
        If it is neither a truth value nor a list of code sizes.
    """
    if isinstance(nested, bool | np.bool_):
        return bool(nested)
    sizes = list(nested)
    if not sizes or not all(map(is_count, sizes)):
        raise ValueError(
            "nested must be True, False or hold code sizes, integers of at least "
            f"1; got {nested!r}."
        )
    return True


def nest(recipe: Recipe, nested: bool | Sequence[int], floor: bool = True) -> Recipe:
    """Return a recipe whose codes are nested, if asked to.

    Parameters
    ----------
    recipe : Recipe
        With a plain code.
    nested : bool or sequence of int
        As for the estimators.
    floor : bool, default=True
        As for the estimators.
    """
    if not is_nested(nested):
        return recipe
    sizes: tuple[int, ...] = ()
    if not isinstance(nested, bool | np.bool_):
        sizes = tuple(int(size) for size in nested)
    activation = recipe.bottleneck.code_activation
    has_floor = bool(floor) and recipe.starts_at_pca
    return replace(recipe, bottleneck=NestedCode(activation, sizes, has_floor))


@torch.no_grad()
def load_first(module: nn.Module, source: nn.Module, size: int, width: int) -> None:
    """Load what belongs to the first values of a code into a module for such codes.

    Parameters
    ----------
    module, source : torch.nn.Module
        Of the same architecture, for codes of `size` and of `width` values.

    Raises
    ------
    ValueError
        If layers differ in more than the width of the code.
    """
    lengths = {width: size, _count_anchors(width): _count_anchors(size)}
    wide = source.state_dict()
    for name, tensor in module.state_dict().items():
        shapes = zip(wide[name].shape, tensor.shape, strict=True)
        if any(have != want and lengths.get(have) != want for have, want in shapes):
            raise ValueError(
                "codes can be cut off where only the layers beside the code depend on "
                f"its width; {name} has the shape {tuple(wide[name].shape)} for the "
                f"whole code and {tuple(tensor.shape)} for {size} of its values. Fit "
                "an estimator for each size."
            )
        tensor.copy_(wide[name][tuple(slice(length) for length in tensor.shape)])
