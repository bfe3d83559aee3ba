"""Whether clean rows that were given can be in the units of the noisy ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..exceptions import CleanRowsWarning
from ..nn.codes import Complaint
from ..training.batches import PairedTable
from .validation_rows import MIN_ROWS, sample_evenly

__all__ = ["find_foreign_pairs"]

# By the regression of noisy values on clean ones, in standard deviations of the clean:
# noise that is added leaves a slope of 1, values that are lost make it smaller, and a
# slope or a shift beyond these is another unit.
_MIN_SLOPE, _MAX_SLOPE, _MAX_SHIFT = 0.25, 4.0, 4.0

# Chance moves them by no more than so many standard errors.
_N_ERRORS = 3.0

# Values that are lost or replaced leave others as they are: where this share of values
# is the same in both tables, they have one unit.
_MIN_SHARE_KEPT = 0.01

# It is a matter of units, and no trait of some columns, if it holds for this share.
_MIN_SHARE_OF_COLUMNS = 0.5


def find_foreign_pairs(table: Any) -> list[Complaint]:
    """Return a warning if clean rows have another scale than the noisy ones.

    Parameters
    ----------
    table : ndarray, CSR or PairedTable of shape (n_rows, n_features)
        Rows in the units of X. Nothing is said of rows without pairs.
    """
    if not isinstance(table, PairedTable) or table.shape[0] < MIN_ROWS:
        return []
    clean, noisy = sample_evenly(table.clean), sample_evenly(table.noisy)
    if (clean == noisy)[clean != 0].sum() > _MIN_SHARE_KEPT * clean.size:
        return []
    deviations = clean.std(axis=0)
    varies = deviations > 0
    if not varies.any():
        return []
    mean, deviations = clean[:, varies].mean(axis=0), deviations[varies]
    clean, noisy = ((rows[:, varies] - mean) / deviations for rows in (clean, noisy))
    if _are_foreign(clean, noisy).mean() < _MIN_SHARE_OF_COLUMNS:
        return []
    message = (
        "The noisy rows of X are in other units than the clean ones, or scaled as "
        "these are not. The model returns rows in the units of the clean ones. A "
        "pipeline transforms X alone: pass the clean rows as X_clean, with metadata "
        "routing and transform_input=['X_clean'] in Pipeline, or scale both alike "
        "before. Ignore this if noisy rows were measured in other units."
    )
    return [(message, CleanRowsWarning)]


def _are_foreign(clean: np.ndarray, noisy: np.ndarray) -> np.ndarray:
    """Return whether each noisy column is in another unit than its standardized one."""
    shift, slope = noisy.mean(axis=0), (noisy * clean).mean(axis=0)
    left = noisy - shift - slope * clean
    margin = _N_ERRORS * left.std(axis=0) / np.sqrt(len(clean))
    is_scaled = (slope + margin < _MIN_SLOPE) | (slope - margin > _MAX_SLOPE)
    return is_scaled | (np.abs(shift) - margin > _MAX_SHIFT)
