"""What the library needs of scikit-learn's private names, and checks of values."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral

import numpy as np
import scipy.sparse as sp
from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "check_container",
    "check_counts",
    "check_magnitude",
    "check_number",
    "check_sample_weight",
    "check_unit_interval",
    "fit_context",
    "safe_indexing",
]

# The square of a larger value leaves the range of float32.
_LARGEST = 1e18


def _extremes(X: np.ndarray | sp.csr_array) -> tuple[float, float]:
    values = X.data if sp.issparse(X) else X
    if values.size == 0:
        return 0.0, 0.0
    low, high = float(values.min()), float(values.max())
    return (min(low, 0.0), max(high, 0.0)) if sp.issparse(X) else (low, high)


def check_magnitude(X: np.ndarray | sp.csr_array, name: str) -> None:
    """Raise a ValueError if a squared value would not fit into float32."""
    largest = max(map(abs, _extremes(X)))
    if largest > _LARGEST:
        raise ValueError(
            f"the values of {name} must stay within +-{_LARGEST:.0e}, because their "
            f"squares are taken in float32; got {largest:.3g}. "
            "Scale the columns first, for example with StandardScaler."
        )


def check_unit_interval(
    X: np.ndarray | sp.csr_array, name: str, setting: str, other: str
) -> None:
    """Raise a ValueError unless all values lie in [0, 1], as a setting needs."""
    low, high = _extremes(X)
    if low < 0 or high > 1:
        raise ValueError(
            f"{setting} takes the values of {name} as probabilities in [0, 1]; "
            f"got values from {low:.4g} to {high:.4g}. Scale them with MinMaxScaler, "
            f"or use {other}."
        )


def check_counts(X: np.ndarray | sp.csr_array, name: str, likelihood: str) -> None:
    """Raise a ValueError unless all values are integers of at least 0."""
    values = X.data if sp.issparse(X) else X
    wrong = (values < 0) | (values != np.floor(values))
    if wrong.any():
        raise ValueError(
            f"likelihood={likelihood!r} takes the values of {name} as counts, integers "
            f"of at least 0; got {values[wrong][0]:.4g}. Round them, or use "
            "likelihood='gaussian'."
        )


def check_number(name: str, value) -> None:
    """Raise a ValueError unless a value is an integer of at least 1."""
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be an integer of at least 1; got {value!r}.")


def check_container(X, name: str) -> None:
    """Raise a TypeError for an iterator, which could be read only once."""
    if isinstance(X, Iterator):
        raise TypeError(
            f"{name} must be an array, a DataFrame or a sparse matrix; got a "
            f"{type(X).__name__}. Collect its rows with numpy.stack(list(...))."
        )
