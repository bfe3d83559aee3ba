"""Sizes that a fit settles before it starts: rows, batches, epochs, codes.

Each function takes the estimator's parameter, which may leave the choice to us, and the
size of the data. The choices are those of the study in ``benchmarks/defaults.py``.
"""

from __future__ import annotations

from numbers import Integral

import numpy as np

from ..nn.recipe import Recipe

__all__ = [
    "MAX_VALIDATION_ROWS",
    "choose_batch_size",
    "choose_n_epochs",
    "choose_width",
    "count_validation_rows",
]

# validation_fraction="auto": this share of the rows, but no fewer and no more than
# these numbers, and never more than the larger share.
_SHARE, _MIN_VALIDATION_ROWS, MAX_VALIDATION_ROWS = 0.1, 60, 5000
_MAX_SHARE = 0.3

# batch_size="auto": about twenty steps per epoch, within the bounds for a small and for
# a large table.
_STEPS_PER_EPOCH, _MIN_BATCH, _MAX_BATCH = 20, 32, 256
_STEPS_PER_LARGE_EPOCH, _MAX_LARGE_BATCH = 1000, 4096

# max_iter=None: as many epochs as make this many steps, within these bounds.
_STEPS, _MIN_EPOCHS, _MAX_EPOCHS = 1500, 10, 100

_MAX_DEFAULT_COMPONENTS = 32


def count_validation_rows(fraction: float | str, n_samples: int) -> int:
    """Return how many of ``n_samples`` rows to hold out.

    Raises
    ------
    ValueError
        If a share given as a number leaves no row for validation, or fewer than two
        for training.
    """
    if isinstance(fraction, str):
        wanted = max(_MIN_VALIDATION_ROWS, _SHARE * n_samples)
        return int(min(wanted, MAX_VALIDATION_ROWS, _MAX_SHARE * n_samples))
    n_validation = round(fraction * n_samples)
    if not 1 <= n_validation <= n_samples - 2:
        raise ValueError(
            "validation_fraction must leave at least 1 row for validation and 2 for "
            f"training; got {fraction} of {n_samples} rows, which is {n_validation}. "
            "Use 'auto', or early_stopping=False."
        )
    return n_validation


def choose_batch_size(batch_size: int | str, n_rows: int) -> int:
    """Return the rows per step; powers of two suit the processors."""
    if not isinstance(batch_size, str):
        return min(batch_size, n_rows)
    small = min(n_rows / _STEPS_PER_EPOCH, _MAX_BATCH)
    large = min(n_rows / _STEPS_PER_LARGE_EPOCH, _MAX_LARGE_BATCH)
    return min(2 ** int(np.log2(max(small, large, _MIN_BATCH))), n_rows)


def choose_n_epochs(max_iter: int | None, n_rows: int, batch_size: int) -> int:
    """Return the number of passes over the rows."""
    if max_iter is not None:
        return max_iter
    steps_per_epoch = -(-n_rows // batch_size)
    return int(np.clip(-(-_STEPS // steps_per_epoch), _MIN_EPOCHS, _MAX_EPOCHS))


def choose_width(
    recipe: Recipe,
    n_components: int | float | None,
    n_samples: int,
    n_features: int,
) -> int | float:
    """Return the width of the code, or the share of the variance that settles it.

    Raises
    ------
    ValueError
        If the code is wider than the data allow, or the architecture decides its width.
    """
    width = _choose_width(recipe, n_components, n_samples, n_features)
    recipe.bottleneck.check_width(width, n_features)
    return width


def _choose_width(
    recipe: Recipe,
    n_components: int | float | None,
    n_samples: int,
    n_features: int,
) -> int | float:
    if recipe.code_width is not None:
        if n_components is None:
            return recipe.code_width
        raise ValueError(
            "n_components must be None where a feature map is the code, which has "
            f"{recipe.code_width} values here; got {n_components}. Change channels, or "
            "set bottleneck='vector'."
        )
    limit = min(n_samples, n_features)
    if n_components is None:
        default = recipe.bottleneck.default_width(n_features)
        if default is not None:
            return default
        return min(max(1, n_features // 2), _MAX_DEFAULT_COMPONENTS, limit)
    if not isinstance(n_components, Integral):
        return float(n_components)
    if n_components > limit and not recipe.allows_wide_codes:
        raise ValueError(
            f"n_components must be at most min(n_samples, n_features) = {limit}, as "
            f"for PCA; got n_components={n_components} with n_samples = {n_samples} "
            f"and n_features = {n_features}. Choose a smaller n_components."
        )
    return int(n_components)
