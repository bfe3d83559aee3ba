"""Whether given validation rows can be of the kind of the training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from ..exceptions import ValidationRowsWarning
from ..nn.codes import Complaint
from .dependence import Matrix

__all__ = ["MIN_ROWS", "find_foreign_rows", "sample_evenly"]

# Rows further from the mean than so many times as far as training rows, in squares of
# standard deviations, are of another scale: it is a shift of three in all columns.
_MAX_RATIO = 10.0

# They are so in more than a few values: columns that hardly vary in X, as those of rare
# words, are far from it in new rows too. The logarithms of squares then stay the same.
_MAX_LOG_RATIO = 1.1

# So are rows whose standard deviations are less than this share of those of X.
_MIN_SPREAD = 0.1

#: On fewer rows chance does that.
MIN_ROWS = 10

# Of larger tables a part is looked at.
_MAX_ROWS, _MAX_VALUES = 5000, 2**22


def find_foreign_rows(
    X: Matrix, X_val: Matrix, name: str = "X_val"
) -> Complaint | None:
    """Return the warning that validation rows have another scale; None if they do not.

    Parameters
    ----------
    X, X_val : ndarray or CSR of shape (n_rows, n_features)
        Training and validation rows, in the units of X.
    name : str, default="X_val"
        What the user calls the latter.
    """
    if min(X.shape[0], X_val.shape[0]) < MIN_ROWS:
        return None
    ours, theirs = sample_evenly(X), sample_evenly(X_val)
    deviations = ours.std(axis=0)
    varies = deviations > 0
    if not varies.any():
        return None
    mean, deviations = ours[:, varies].mean(axis=0), deviations[varies]
    ours, theirs = ((rows[:, varies] - mean) / deviations for rows in (ours, theirs))
    usual, far = _distance(ours), _distance(theirs)
    spread = _distance(theirs - theirs.mean(axis=0))
    log_ratio = np.log1p(theirs**2).mean() / np.log1p(ours**2).mean()
    if far > _MAX_RATIO * usual and log_ratio > _MAX_LOG_RATIO:
        how = "are far from those of X"
    elif spread < _MIN_SPREAD**2 * usual:
        how = "vary much less than those of X"
    else:
        return None
    message = (
        f"The rows of {name} {how}, by the standard deviations of X: they seem to be "
        "in other units, or not scaled as X is. A pipeline transforms X alone; give "
        f"Pipeline the parameter transform_input=[{name!r}], or transform {name} "
        "before."
    )
    return message, ValidationRowsWarning


def _distance(rows: np.ndarray) -> float:
    """Return the median of the mean squares of rows; a few extreme ones are no sign."""
    return float(np.median(np.square(rows).mean(axis=1)))


def sample_evenly(X: Matrix) -> np.ndarray:
    """Return at most some thousand rows, evenly spread over a table, in float64."""
    most = min(_MAX_ROWS, max(MIN_ROWS, _MAX_VALUES // X.shape[1]))
    step = -(-X.shape[0] // most)
    rows: Any = X[::step]
    return np.asarray(rows.toarray() if sp.issparse(rows) else rows, dtype=np.float64)
