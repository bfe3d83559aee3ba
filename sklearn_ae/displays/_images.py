"""Rows that are images: their shape, and how they are drawn."""

from __future__ import annotations

from math import prod
from numbers import Integral
from typing import Any

import numpy as np

from ..nn.conv import infer_image_shape

__all__ = ["MAX_IMAGES", "draw_image", "find_image_shape", "tile", "value_range"]

# More would be too small to see, and take long to draw.
MAX_IMAGES = 12


def find_image_shape(
    X, image_shape: tuple[int, ...] | None, estimator=None
) -> tuple[int, ...] | None:
    """Return the shape in which rows are drawn as images, or None for other rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        Rows; more than two axes tell their shape.
    image_shape : tuple of int or None
        What the caller says.
    estimator : object, default=None
        Fitted; convolutional ones know whether flat rows are images.

    Raises
    ------
    ValueError
        If rows have another number of values.
    """
    shape = np.shape(X)[1:]
    recipes: tuple[Any, ...] = (estimator, getattr(estimator, "architecture", None))
    stated = [
        recipe.image_shape for recipe in recipes if hasattr(recipe, "image_shape")
    ]
    for guess in stated if image_shape is None else ():
        image_shape = image_shape if guess is None else guess
    if image_shape is None and (len(shape) > 1 or stated):
        image_shape = infer_image_shape(shape)
    if image_shape is None:
        return None
    is_shape = isinstance(image_shape, tuple | list) and 1 <= len(image_shape) <= 3
    if not is_shape or not all(isinstance(n, Integral) and n > 0 for n in image_shape):
        raise ValueError(
            "image_shape must be (height, width) or (height, width, 3); got "
            f"{image_shape!r}."
        )
    if prod(image_shape) != prod(shape):
        raise ValueError(
            f"image_shape must hold as many values as rows have; got {image_shape} = "
            f"{prod(image_shape)} values for rows of {prod(shape)}. Pass (height, "
            "width) or (height, width, 3)."
        )
    if len(image_shape) == 1 or image_shape[0] == 1:
        return None  # a signal
    if len(image_shape) == 3 and image_shape[2] == 1:
        return tuple(image_shape[:2])
    if len(image_shape) == 3 and image_shape[2] != 3:
        return None  # no screen has such channels
    return tuple(image_shape)


def value_range(rows: np.ndarray) -> tuple[float, float]:
    """Return what is drawn black and white, the same for all pictures of a figure."""
    low, high = min(float(rows.min()), 0.0), float(rows.max())
    return low, high if high > low else low + 1


def draw_image(
    ax,
    row: np.ndarray,
    image_shape: tuple[int, ...],
    limits: tuple[float, float],
    **image_kwargs,
):
    """Draw one row as a grey or colour image, without ticks."""
    low, high = limits
    image = (row.reshape(image_shape) - low) / (high - low)
    style = {"cmap": "gray", "vmin": 0, "vmax": 1} | image_kwargs
    artist = ax.imshow(image.clip(0, 1), **style)
    ax.set(xticks=[], yticks=[])
    return artist


def tile(
    rows: np.ndarray, image_shape: tuple[int, ...], n_columns: int, gap: float
) -> np.ndarray:
    """Return one large image of many small ones, line by line.

    Parameters
    ----------
    rows : ndarray of shape (n_images, n_features)
        Images.
    image_shape : tuple of int
        Shape of each.
    n_columns : int
        Images per line.
    gap : float
        Value of the lines of one pixel between them, and of empty places.
    """
    height, width = image_shape[:2]
    n_lines = -(-len(rows) // n_columns)
    shape = (n_lines * (height + 1) - 1, n_columns * (width + 1) - 1, *image_shape[2:])
    canvas = np.full(shape, gap, dtype=float)
    for index, row in enumerate(rows):
        top = index // n_columns * (height + 1)
        left = index % n_columns * (width + 1)
        canvas[top : top + height, left : left + width] = row.reshape(image_shape)
    return canvas
