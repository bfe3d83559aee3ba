"""Chains of layers on feature maps, which know the size they have reached.

Maps lie in memory with their channels last: that is the order of the values in a row,
and the one that convolutions run fastest in (``benchmarks/conv_speed.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import nn

from .dense import ACTIVATIONS
from .unpool import RememberingPool, Unpool

__all__ = [
    "NORMALIZATIONS",
    "UPSAMPLINGS",
    "MapChain",
    "ToMaps",
    "ToRow",
    "times",
]

#: Height and width.
Size: TypeAlias = tuple[int, ...]


class ToMaps(nn.Module):
    """Shape rows into maps.

    Parameters
    ----------
    shape : tuple of int
        ``(height, width, channels)``.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, height * width * channels)`` to torch's channels-first maps."""
        return X.unflatten(1, self.shape).permute(0, 3, 1, 2)


class ToRow(nn.Module):
    """Flatten maps into rows, the inverse of :class:`ToMaps`."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Map ``(n, channels, height, width)`` to rows."""
        return maps.permute(0, 2, 3, 1).flatten(1)


class _Fit(nn.Module):
    """Crop maps, or pad them with zeros, to a size."""

    def __init__(self, margins: tuple[int, ...]) -> None:
        super().__init__()
        self.margins = margins

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return F.pad(maps, self.margins)


class _Spread(nn.Module):
    """Put each value into the upper left corner of a block of zeros."""

    def __init__(self, size: Size, factors: Size) -> None:
        super().__init__()
        self.size = size
        self.factors = factors

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        spread = torch.zeros(
            (*maps.shape[:2], *self.size), dtype=maps.dtype, device=maps.device
        ).contiguous(memory_format=torch.channels_last)
        (down, right), (height, width) = self.factors, maps.shape[2:]
        spread[:, :, : down * height : down, : right * width : right] = maps
        return spread


class _GroupNorm(nn.GroupNorm):
    """Normalisation in groups of at least four maps.

    torch's backward pass reads beyond its memory where maps have their channels last
    and need no gradient themselves, because the layers before are frozen (seen with
    torch 2.13). Maps with their channels first are safe.
    """

    def __init__(self, maps: int) -> None:
        n_groups = next(n for n in range(max(1, maps // 4), 0, -1) if maps % n == 0)
        super().__init__(n_groups, maps)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() and not maps.requires_grad:
            maps = maps.contiguous()
        return super().forward(maps)


NORMALIZATIONS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "group": _GroupNorm,
}

UPSAMPLINGS = ("transpose", "nearest", "bilinear", "zeros", "unpool")


class MapChain:
    """Layers in a row, with the maps and the size that come out of the last.

    Axes of length 1 are left alone, so that a signal is an image of height 1.

    Parameters
    ----------
    maps : int
        Number of maps that go in.
    size : pair of int
        Height and width that go in.
    activation : str
        Key of :data:`ACTIVATIONS`.
    normalization : str or None
        Key of :data:`NORMALIZATIONS`.

    Attributes
    ----------
    layers : list of torch.nn.Module
        The chain.
    """

    def __init__(
        self, maps: int, size: Size, activation: str, normalization: str | None
    ) -> None:
        self.maps = maps
        self.size = size
        self.activation = activation
        self.normalization = normalization
        self.layers: list[nn.Module] = []

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and maps that come out."""
        height, width = self.size
        return height, width, self.maps

    def activate(self) -> None:
        """Normalise, where wanted, and apply the activation."""
        if self.normalization is not None:
            self.layers.append(NORMALIZATIONS[self.normalization](self.maps))
        self.layers.append(ACTIVATIONS[self.activation]())

    def convolve(
        self, maps: int, kernel_size: int, stride: int = 1, padding: str = "same"
    ) -> None:
        """Add a convolution; with "same" padding a size is divided, rounded up."""
        kernel, step = self._on_long_axes(kernel_size), self._on_long_axes(stride)
        pads: Any = (0, 0)
        if padding == "valid":
            if any(s < k for s, k in zip(self.size, kernel, strict=True)):
                raise ValueError(
                    "padding='valid' needs maps at least as large as their kernels; "
                    f"got {times(self.size)} maps and a kernel of {times(kernel)}. "
                    "Set padding='same', or fewer channels or a smaller kernel_size."
                )
            after = tuple(
                (s - k) // t + 1
                for s, k, t in zip(self.size, kernel, step, strict=True)
            )
        else:
            after = tuple(-(-s // t) for s, t in zip(self.size, step, strict=True))
            if all(k % 2 for k in kernel):
                pads = tuple(k // 2 for k in kernel)
            else:
                # An even kernel needs one zero more on one side than on the other.
                padded = [
                    (n - 1) * t + k for n, t, k in zip(after, step, kernel, strict=True)
                ]
                self.fit(tuple(map(max, padded, self.size)))
        sizes: list[Any] = [kernel, step, pads]
        self.layers.append(nn.Conv2d(self.maps, maps, *sizes))
        self.maps, self.size = maps, after

    def pool(self, kind: str, padding: str, remember: bool) -> nn.Module:
        """Add pooling of 2 x 2 and return the layer."""
        up = padding == "same"
        kernel: Any = self._on_long_axes(2)
        layer: nn.Module
        if kind == "avg_pool":
            layer = nn.AvgPool2d(kernel, ceil_mode=up, count_include_pad=False)
        elif remember:
            layer = RememberingPool(kernel, ceil_mode=up)
        else:
            layer = nn.MaxPool2d(kernel, ceil_mode=up)
        self.layers.append(layer)
        self.size = tuple(
            -(-s // k) if up else s // k for s, k in zip(self.size, kernel, strict=True)
        )
        return layer

    def enlarge(self, how: str, size: Size, pool: tuple[Any, Size] | None) -> None:
        """Add a layer without weights that leads to a size."""
        factors = tuple(
            1 if a == b else 2 for a, b in zip(self.size, size, strict=True)
        )
        if how == "unpool" and pool is not None:
            layer, before = pool
            self.layers.append(Unpool(layer))
            self.size = before
        elif how == "zeros":
            reached = tuple(f * s for f, s in zip(factors, self.size, strict=True))
            self.layers.append(_Spread(reached, factors))
            self.size = reached
        elif self.size != size:
            self.layers.append(nn.Upsample(size, mode=how))
            self.size = size
        self.fit(size)

    def transpose(self, maps: int, kernel_size: int, size: Size, padding: str) -> None:
        """Add a transposed convolution that leads to a size."""
        kernel: list[int] = []
        pads: list[int] = []
        steps: list[int] = []
        extras: list[int] = []
        for before, after in zip(self.size, size, strict=True):
            k = kernel_size if after > 1 else 1
            step = 1 if before == after else 2
            pad = (k - 1) // 2 if padding == "same" else 0
            missing = after - ((before - 1) * step - 2 * pad + k)
            # A larger kernel reaches a border that unpadded convolutions have lost;
            # torch's output_padding draws it only where padding has cut the output.
            wider = max(0, missing - min(pad, step - 1))
            k, missing = k + wider, missing - wider
            kernel.append(k)
            steps.append(step)
            pads.append(pad)
            extras.append(missing if 0 <= missing < step else 0)
        sizes: list[Any] = [tuple(numbers) for numbers in (kernel, steps, pads, extras)]
        self.layers.append(nn.ConvTranspose2d(self.maps, maps, *sizes))
        self.maps = maps
        self.size = tuple(
            (s - 1) * t - 2 * p + k + e
            for s, t, p, k, e in zip(
                self.size, steps, pads, kernel, extras, strict=True
            )
        )
        self.fit(size)

    def fit(self, size: Size) -> None:
        """Crop or pad to a size, where that is needed."""
        if self.size == size:
            return
        margins = []
        for before, after in zip(reversed(self.size), reversed(size), strict=True):
            first = int((after - before) / 2)  # the odd one is last, also if cropped
            margins += [first, after - before - first]
        self.layers.append(_Fit(tuple(margins)))
        self.size = size

    def _on_long_axes(self, number: int) -> Size:
        return tuple(number if s > 1 else 1 for s in self.size)


def times(shape: Sequence[int]) -> str:
    """Return a size as it is read aloud."""
    return " x ".join(map(str, shape))
