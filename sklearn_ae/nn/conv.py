"""Convolutional architectures for images and signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt, prod
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import nn

from .._validation import is_count
from .architectures import Architecture
from .dense import (
    ACTIVATIONS,
    AUTO,
    as_layer_sizes,
    check_choice,
    dense_stack,
    narrow,
)
from .maps import NORMALIZATIONS, UPSAMPLINGS, MapChain, ToMaps, ToRow, times

__all__ = ["CHOICES", "ConvArchitecture", "infer_image_shape"]

#: What each parameter that is a word may be.
CHOICES: dict[str, set[str | None]] = {
    "downsampling": {"stride", "max_pool", "avg_pool"},
    "upsampling": set(UPSAMPLINGS),
    "padding": {"same", "valid"},
    "normalization": {None, *NORMALIZATIONS},
    "activation": set(ACTIVATIONS),
    "output_activation": {None, *ACTIVATIONS},
    "bottleneck": {"vector", "map"},
}

# What hidden_layer_sizes="auto" is where data are many.
_DENSE_SIZES = (512,)

# A table (n, a, b) holds signals of length a with b channels, rather than images, if it
# is this many times as long as it is wide.
_SIGNAL_ASPECT = 8


def infer_image_shape(row_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return height, width and channels for rows of a shape.

    Parameters
    ----------
    row_shape : tuple of int
        Shape of one row of X: ``(n_features,)``, ``(height, width)``, ``(length,
        channels)`` or ``(height, width, channels)``.

    Returns
    -------
    image_shape : tuple of int
        ``(height, width, channels)``. A flat row of s*s values is a grey image and
        one of 3*s*s values a colour image; any other flat row is a signal, which has
        the height 1. Rows of two axes are signals if the first is at least eight
        times the second, and images otherwise.

    Raises
    ------
    ValueError
        If the channels seem to come first.
    """
    if len(row_shape) == 1:
        (n_values,) = row_shape
        for channels in (1, 3):
            side = isqrt(n_values // channels)
            if side > 1 and channels * side**2 == n_values:
                return side, side, channels
        return 1, n_values, 1
    if len(row_shape) == 2:
        if row_shape[0] >= _SIGNAL_ASPECT * row_shape[1]:
            return 1, *row_shape
        return *row_shape, 1
    if len(row_shape) != 3:
        raise ValueError(
            "rows must have one, two or three axes: values, (height, width) or "
            f"(height, width, channels); got rows of shape {row_shape}. Reshape X."
        )
    if row_shape[0] in (1, 3, 4) and row_shape[2] > 4:
        raise ValueError(
            "X must have its channels last, (n, height, width, channels); got rows of "
            f"shape {row_shape}, whose first axis looks like channels. Move it with "
            f"numpy.moveaxis(X, 1, -1), or set image_shape={row_shape} if it is the "
            "height."
        )
    return row_shape


@dataclass
class ConvArchitecture(Architecture):
    """Convolutional encoder with a mirrored decoder, for images and signals.

    Each block of the encoder convolves, and halves height and width (an odd size is
    rounded up with ``padding="same"``); axes of length 1 are left alone, so that a
    signal is an image of height 1. Dense layers lead to the code. The decoder goes the
    same way back and returns every size exactly.

    Parameters
    ----------
    image_shape : tuple of int, default=None
        ``(height, width)``, ``(height, width, channels)``, or ``(length,)`` for a
        signal; a signal of several channels is ``(1, length, channels)``. The values
        of a row are in that order. None takes the shape of X, whose rows of two axes
        are signals of several channels if the first axis is at least eight times the
        second, and grey images otherwise; where rows are flat, s*s values are a grey
        image, 3*s*s values a colour image, and others a signal.
    channels : tuple of int, default=(16, 32)
        Maps of each block of the encoder; the decoder mirrors them.
    kernel_size : int or tuple of int, default=3
        Height and width of the kernels, in all blocks or for each block.
    convs_per_block : int or pair of int, default=1
        Convolutions in a block; a pair is for encoder and decoder.
    downsampling : {"stride", "max_pool", "avg_pool"}, default="stride"
        A stride of 2 in the last convolution of a block, or pooling of 2 x 2 after it.
    upsampling : str, default="transpose"
        ``"transpose"``, ``"nearest"``, ``"bilinear"``, ``"zeros"`` or ``"unpool"``:
        how a block of the decoder doubles the size, by a transposed convolution, or,
        before a convolution, by repeating values, by interpolating, by putting each
        value in the upper left corner of zeros, or by putting it where the encoder's
        maximum was (needs ``downsampling="max_pool"``; works in ``reconstruct`` only,
        for a code does not hold the positions).
    padding : {"same", "valid"}, default="same"
        Whether convolutions of the encoder see zeros beyond the border, or lose it.
    normalization : {"batch", "group"} or None, default=None
        Normalisation after each convolution but the last.
    activation : {"gelu", "relu", "elu", "silu", "tanh", "logistic"}, default="gelu"
        Function after each hidden layer and convolution but the last. A code that is
        a vector is linear.
    output_kernel_size : int or None, default=None
        Kernel of one more convolution at full size. None lets the last block return
        the image.
    refinement_channels : tuple of int, default=()
        Maps of convolutions at full size that correct what the rest of the decoder
        returns, starting with no correction at all. Worth their time on photographs,
        whose edges PCA and dense layers leave blurred.
    output_activation : str, default=None
        Function of the output, a word as for `activation`; needs
        ``init="random"`` and ``scaling=None``.
    hidden_layer_sizes : int, tuple of int or "auto", default="auto"
        Widths of the dense layers between the last map and the code; there are none
        with ``bottleneck="map"``. ``"auto"`` is ``(512,)``, or narrower where data are
        few: at most two weights between maps and hidden layer for each value of X, or
        2**18 if that is more.
    bottleneck : {"vector", "map"}, default="vector"
        ``"vector"`` has a code of `n_components` values. With ``"map"`` the last
        feature map, flattened, is the code: `n_components` must be None, and the
        network starts from random weights.

    See Also
    --------
    ConvAutoencoderTransformer : Has these parameters in its signature.
    DenseArchitecture : Fully connected networks.

    Examples
    --------
    >>> from sklearn_ae import AutoencoderTransformer, ConvArchitecture
    >>> conv = ConvArchitecture(image_shape=(28, 28), channels=(8, 16))
    >>> AutoencoderTransformer(architecture=conv).get_params()["architecture__channels"]
    (8, 16)
    """

    image_shape: tuple[int, ...] | None = None
    channels: tuple[int, ...] = (16, 32)
    kernel_size: int | tuple[int, ...] = 3
    convs_per_block: int | tuple[int, int] = 1
    downsampling: str = "stride"
    upsampling: str = "transpose"
    padding: str = "same"
    normalization: str | None = None
    activation: str = "gelu"
    output_kernel_size: int | None = None
    refinement_channels: tuple[int, ...] = ()
    output_activation: str | None = None
    hidden_layer_sizes: int | tuple[int, ...] | str = AUTO
    bottleneck: str = "vector"

    def for_rows(self, shape: tuple[int, ...]) -> ConvArchitecture:
        """Return the recipe with its image shape settled for rows of a shape."""
        self._check()
        if self.image_shape is None:
            return replace(self, image_shape=infer_image_shape(shape))
        if prod(self.image_shape) != prod(shape):
            raise ValueError(
                f"image_shape must match the rows of X: {times(self.image_shape)} = "
                f"{prod(self.image_shape)} values, but rows have {times(shape)} = "
                f"{prod(shape)}. Set image_shape to (height, width, channels) of X."
            )
        if len(shape) > 1 and _long_axes(shape) != _long_axes(self.image_shape):
            raise ValueError(
                "image_shape must have the axes of X in their order; got image_shape="
                f"{self.image_shape} and rows of shape {shape}. Move the axes of X "
                "with numpy.moveaxis, or leave image_shape out."
            )
        return self

    @property
    def image_axes(self) -> tuple[int, int, int] | None:
        """Height, width and channels of rows; None before they are known."""
        return None if self.image_shape is None else _as_image(self.image_shape)

    def for_values(self, n_features: int, n_values: int) -> ConvArchitecture:
        """Return the recipe for so many values to learn from."""
        if not isinstance(self.hidden_layer_sizes, str):
            return self
        # Layers without memory or random numbers, for their sizes alone.
        with torch.device("meta"):
            encoder, _ = self._plan(n_features)
        sizes = narrow(_DENSE_SIZES, prod(encoder.shape), n_values)
        return replace(self, hidden_layer_sizes=sizes)

    def code_width(self, n_features: int) -> int | None:
        """Return the number of values of the last map where it is the code.

        Raises
        ------
        ValueError
            If rows of this width cannot pass the layers.
        """
        # Layers without memory or random numbers, for their sizes alone.
        with torch.device("meta"):
            encoder, _ = self._plan(n_features)
        return int(prod(encoder.shape)) if self.bottleneck == "map" else None

    def build(self, n_features: int, n_components: int) -> tuple[nn.Module, nn.Module]:
        """Build the two networks with fresh random weights."""
        down, up = self._plan(n_features)
        image_shape = _as_image(self.for_rows((n_features,)).image_shape)
        encoder = [ToMaps(image_shape), *down.layers, ToRow()]
        decoder = [ToMaps(down.shape), *up.layers, ToRow()]
        if self.bottleneck == "vector":
            hidden = as_layer_sizes(self.hidden_layer_sizes, _DENSE_SIZES)
            sizes = (prod(down.shape), *hidden, n_components)
            encoder.append(dense_stack(sizes, self.activation))
            head = dense_stack(sizes[::-1], self.activation)
            decoder = [head, ACTIVATIONS[self.activation](), *decoder]
        if self.output_activation is not None:
            decoder.append(ACTIVATIONS[self.output_activation]())
        return nn.Sequential(*encoder), nn.Sequential(*decoder)

    def build_refinement(self, n_features: int) -> nn.Module | None:
        """Build convolutions from an image to its correction."""
        if not len(self.refinement_channels):
            return None
        image_shape = _as_image(self.for_rows((n_features,)).image_shape)
        chain, kernel = self._chain(image_shape), self._kernels()[0]
        for maps in self.refinement_channels:
            chain.convolve(maps, kernel)
            chain.activate()
        chain.convolve(image_shape[2], kernel)
        return nn.Sequential(ToMaps(image_shape), *chain.layers, ToRow())

    # ------------------------------------------------------------------------ checks

    def _check(self) -> None:
        for name, choices in CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        as_layer_sizes(self.hidden_layer_sizes)
        _check_counts("channels", self.channels)
        _check_counts("refinement_channels", self.refinement_channels)
        if len(self.channels) == 0:
            raise ValueError("channels must name at least one block; got none.")
        if self.image_shape is not None:
            _check_counts("image_shape", self.image_shape)
            if len(self.image_shape) not in (1, 2, 3):
                raise ValueError(
                    "image_shape must be (length,), (height, width) or (height, width, "
                    f"channels); got {self.image_shape!r}."
                )
        _check_counts("kernel_size", self._kernels(), len(self.channels))
        _check_counts("convs_per_block", self._convs(), 2)
        if self.output_kernel_size is not None:
            _check_counts("output_kernel_size", (self.output_kernel_size,))
        if 1 in self._kernels() and (
            self.downsampling == "stride" or self.upsampling == "transpose"
        ):
            # It would skip three of four values, and torch 2.13 corrupts memory then.
            raise ValueError(
                "kernel_size must be at least 2 with downsampling='stride' or "
                f"upsampling='transpose'; got {self.kernel_size!r}. A kernel of 1 goes "
                "with pooling and, for example, upsampling='nearest'."
            )
        if self.upsampling == "unpool":
            self._check_unpool()

    def _check_unpool(self) -> None:
        needed = {"downsampling": "max_pool", "output_kernel_size": None}
        for name, value in needed.items():
            if getattr(self, name) != value:
                raise ValueError(
                    f"upsampling='unpool' needs {name}={value!r}, so that each map of "
                    f"the decoder has a pooled one; got {getattr(self, name)!r}."
                )

    def _kernels(self) -> tuple[int, ...]:
        sizes: Any = self.kernel_size
        is_one = isinstance(sizes, Integral)
        return (sizes,) * len(self.channels) if is_one else sizes

    def _convs(self) -> tuple[int, int]:
        counts: Any = self.convs_per_block
        is_one = isinstance(counts, Integral)
        pair: Any = (counts, counts) if is_one else counts
        return pair

    # ------------------------------------------------------------------------ layers

    def _chain(self, shape: tuple[int, int, int]) -> MapChain:
        *size, maps = shape
        return MapChain(maps, tuple(size), self.activation, self.normalization)

    def _plan(self, n_features: int) -> tuple[MapChain, MapChain]:
        """Return the layers on maps of encoder and decoder."""
        image_shape = _as_image(self.for_rows((n_features,)).image_shape)
        encoder = self._chain(image_shape)
        sizes, pools = [], []
        for maps, kernel in zip(self.channels, self._kernels(), strict=True):
            sizes.append(encoder.size)
            pools.append(self._add_down(encoder, maps, kernel))
        decoder = self._chain(encoder.shape)
        targets = self.channels
        if self.output_kernel_size is None:
            targets = (image_shape[2], *self.channels[:-1])
        stages = zip(self.channels, targets, self._kernels(), sizes, pools, strict=True)
        for index, stage in reversed(list(enumerate(stages))):
            if index < len(sizes) - 1:
                decoder.activate()
            self._add_up(decoder, *stage)
        if self.output_kernel_size is not None:
            decoder.activate()
            decoder.convolve(image_shape[2], self.output_kernel_size)
        return encoder, decoder

    def _add_down(self, chain: MapChain, maps: int, kernel: int):
        """Add a block of the encoder; return its pooling and the size before it."""
        n_convs, _ = self._convs()
        strided = self.downsampling == "stride"
        for index in range(n_convs):
            stride = 2 if strided and index == n_convs - 1 else 1
            chain.convolve(maps, kernel, stride, self.padding)
            chain.activate()
        if strided:
            return None
        before = chain.size
        remember = self.upsampling == "unpool"
        return chain.pool(self.downsampling, self.padding, remember), before

    def _add_up(
        self, chain: MapChain, maps: int, target: int, kernel: int, size, pool
    ) -> None:
        """Add a block of the decoder, up to its last convolution."""
        _, n_convs = self._convs()
        for index in range(n_convs):
            width = target if index == n_convs - 1 else maps
            if index:
                chain.activate()
                chain.convolve(width, kernel)
            elif self.upsampling == "transpose":
                chain.transpose(width, kernel, size, self.padding)
            else:
                chain.enlarge(self.upsampling, size, pool)
                chain.convolve(width, kernel)


def _long_axes(shape: Sequence[int]) -> list[int]:
    return [length for length in shape if length > 1]


def _as_image(shape: Any) -> Any:
    """Return height, width and channels for an ``image_shape`` parameter."""
    if len(shape) == 1:
        return 1, *shape, 1
    return shape if len(shape) == 3 else (*shape, 1)


def _check_counts(name: str, counts, length: int | None = None) -> None:
    """Raise a ValueError unless there are ``length`` positive integers."""
    is_sequence = isinstance(counts, Sequence | np.ndarray)
    are_counts = is_sequence and all(map(is_count, counts))
    if not are_counts or length not in (None, len(counts)):
        number = "" if length is None else f"{length} "
        raise ValueError(f"{name} must hold {number}positive integers; got {counts!r}.")
