"""Sizes that a fit settles before it starts: rows, batches, epochs, codes.

Each function takes the estimator's parameter, which may leave the choice to us, and the
size of the data. The choices are those of the study in ``benchmarks/defaults.py``.
"""

from __future__ import annotations

from numbers import Integral

import numpy as np

__all__ = [
    "MOST_VALIDATION_ROWS",
    "choose_batch_size",
    "choose_n_components",
    "choose_n_epochs",
    "count_validation_rows",
]

# validation_fraction="auto": this share of the rows, but no fewer and no more than
# these numbers, and never more than the larger share.
_SHARE, _LEAST_VALIDATION_ROWS, MOST_VALIDATION_ROWS = 0.1, 60, 5000
_LARGEST_SHARE = 0.3

# batch_size="auto": about twenty steps per epoch, within the bounds for a small and for
# a large table.
_STEPS_PER_EPOCH, _LEAST_BATCH, _MOST_BATCH = 20, 32, 256
_STEPS_PER_LARGE_EPOCH, _MOST_LARGE_BATCH = 1000, 4096

# max_iter=None: as many epochs as make this many steps, within these bounds.
_STEPS, _LEAST_EPOCHS, _MOST_EPOCHS = 1500, 10, 100

_MOST_DEFAULT_COMPONENTS = 32


def count_validation_rows(fraction: float | str, n_samples: int) -> int:
    """Return how many of ``n_samples`` rows to hold out.

    Raises
    ------
    ValueError
        If a share given as a number leaves no row for validation, or fewer than two
        for training.
    """
    if fraction == "auto":
        wanted = max(_LEAST_VALIDATION_ROWS, _SHARE * n_samples)
        return int(min(wanted, MOST_VALIDATION_ROWS, _LARGEST_SHARE * n_samples))
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
    if batch_size != "auto":
        return min(batch_size, n_rows)
    small = min(n_rows / _STEPS_PER_EPOCH, _MOST_BATCH)
    large = min(n_rows / _STEPS_PER_LARGE_EPOCH, _MOST_LARGE_BATCH)
    return min(2 ** int(np.log2(max(small, large, _LEAST_BATCH))), n_rows)


def choose_n_epochs(max_iter: int | None, n_rows: int, batch_size: int) -> int:
    """Return the number of passes over the rows."""
    if max_iter is not None:
        return max_iter
    steps_per_epoch = -(-n_rows // batch_size)
    return int(np.clip(-(-_STEPS // steps_per_epoch), _LEAST_EPOCHS, _MOST_EPOCHS))


def choose_n_components(
    n_components: int | float | None, n_samples: int, n_features: int
) -> int | float:
    """Return the width of the code, or the share of the variance that settles it.

    Raises
    ------
    ValueError
        If the code is wider than the data allow.
    """
    limit = min(n_samples, n_features)
    if n_components is None:
        return min(max(1, n_features // 2), _MOST_DEFAULT_COMPONENTS, limit)
    if not isinstance(n_components, Integral):
        return float(n_components)
    if n_components > limit:
        raise ValueError(
            f"n_components must be at most min(n_samples, n_features) = {limit}, as "
            f"for PCA; got n_components={n_components} with n_samples = {n_samples} "
            f"and n_features = {n_features}. Choose a smaller n_components."
        )
    return int(n_components)
