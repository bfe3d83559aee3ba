"""What the library needs of scikit-learn's private names, and checks of values."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from itertools import zip_longest
from math import prod
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    MissingValues,
    RealNotInt,
    StrOptions,
)
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import (
    _get_feature_names,
    check_array,
    validate_data,
)

from .exceptions import warn_user

__all__ = [
    "MAX_EXCESS",
    "HasMethods",
    "Interval",
    "MissingValues",
    "RealNotInt",
    "StrOptions",
    "as_integers",
    "as_numbers",
    "check_codes",
    "check_counts",
    "check_groups",
    "check_magnitude",
    "check_number",
    "check_rows",
    "check_sample_weight",
    "check_unit_interval",
    "find_shape",
    "fit_context",
    "is_count",
    "safe_indexing",
]

# The square of a larger value leaves the range of float32.
_MAX_MAGNITUDE = 1e18

# Kinds of NumPy's types that are numbers, and those that cannot become any.
_NUMBERS, _NO_NUMBERS = "biufc", "mMV"

#: By how much new rows may leave the range that a fit needs, as a multiple of it.
MAX_EXCESS = 1.0


def _values(X: np.ndarray | sp.csr_array) -> np.ndarray:
    """Return the values that are stored."""
    return np.asarray(X.data if sp.issparse(X) else X)


def _extremes(X: np.ndarray | sp.csr_array) -> tuple[float, float]:
    values = _values(X)
    if values.size == 0:
        return 0.0, 0.0
    low, high = float(values.min()), float(values.max())
    return (min(low, 0.0), max(high, 0.0)) if sp.issparse(X) else (low, high)


def check_magnitude(X: np.ndarray | sp.csr_array, name: str, unit: float = 1.0) -> None:
    """Raise a ValueError if a squared value, in a unit, would not fit into float32."""
    largest, limit = max(map(abs, _extremes(X))), _MAX_MAGNITUDE * unit
    if largest > limit:
        raise ValueError(
            f"the values of {name} must stay within +-{limit:.0e}, because "
            f"their squares are taken in float32; got {largest:.3g}. "
            "Scale the columns first, for example with StandardScaler."
        )


def check_unit_interval(
    X: np.ndarray | sp.csr_array, name: str, setting: str, other: str, slack: float = 0
) -> None:
    """Raise a ValueError unless all values lie in [0, 1], as a setting needs.

    They may exceed the interval by ``slack`` on both sides.
    """
    low, high = _extremes(X)
    if low < -slack or high > 1 + slack:
        raise ValueError(
            f"{setting} takes the values of {name} as probabilities in [0, 1]; "
            f"got values from {low:.4g} to {high:.4g}. Scale them with MinMaxScaler, "
            f"or use {other}."
        )


def check_counts(X: np.ndarray | sp.csr_array, name: str, likelihood: str) -> None:
    """Raise a ValueError unless all values are integers of at least 0."""
    values = _values(X)
    wrong = (values < 0) | (values != np.floor(values))
    if wrong.any():
        raise ValueError(
            f"likelihood={likelihood!r} takes the values of {name} as counts, integers "
            f"of at least 0; got {values[wrong][0]:.4g}. Round them, or use "
            "likelihood='gaussian'."
        )


def check_groups(groups, X: np.ndarray | sp.csr_array) -> np.ndarray | None:
    """Return groups as an array with a name for each row of X; None stays None.

    Raises
    ------
    ValueError
        If they are not one column of as many names as X has rows, or one is missing.
    """
    if groups is None:
        return None
    groups = np.asarray(groups)
    if groups.ndim != 1 and (groups.ndim != 2 or groups.shape[1] != 1):
        raise ValueError(
            "groups must be one column of names, one for each row of X; got an array "
            f"of shape {groups.shape}. Take one of its columns, or join them to one."
        )
    groups = groups.ravel()
    if len(groups) != X.shape[0]:
        raise ValueError(
            f"groups must name the group of each of the {X.shape[0]} rows of X; got "
            f"{len(groups)} names. Take the column from the same table as X."
        )
    is_missing = np.array([name is None or name != name for name in groups.tolist()])
    if is_missing.any():
        raise ValueError(
            f"groups must name the group of each row; got {is_missing.sum()} missing "
            "names. Give such rows a group of their own, or leave them out."
        )
    return groups


def is_count(value) -> bool:
    """Return whether a value is an integer of at least 1; True and False are none."""
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    return is_integer and int(value) > 0


def check_number(name: str, value) -> None:
    """Raise a ValueError unless a value is an integer of at least 1."""
    if not is_count(value):
        raise ValueError(f"{name} must be an integer of at least 1; got {value!r}.")


def as_integers(name: str, values) -> list[int]:
    """Return an integer, or several, as a list.

    Raises
    ------
    ValueError
        If it is, or holds, something else.
    """
    known = np.atleast_1d(np.asarray(values, dtype=object)).tolist()
    is_whole = [isinstance(v, Integral) and not isinstance(v, bool) for v in known]
    if not all(is_whole):
        raise ValueError(
            f"{name} must be an integer, or a sequence of integers; got {values!r}. "
            f"Give {name}=[2, 8], for example."
        )
    return [int(value) for value in known]


def as_numbers(X: Any, name: str) -> Any:
    """Return array-likes as an array; leave arrays, frames and sparse matrices alone.

    Words that spell numbers, and objects that are some, are numbers, as in
    scikit-learn. Number of axes and finite values are not looked at.

    Raises
    ------
    TypeError, ValueError
        If X holds something else than numbers, or rows of several lengths.
    """
    if isinstance(X, Iterator):
        raise TypeError(
            f"{name} must be an array, a DataFrame or a sparse matrix; got a "
            f"{type(X).__name__}. Collect its rows with numpy.stack(list(...))."
        )
    if sp.issparse(X) or _has_columns_of_numbers(X):
        return X
    if isinstance(X, list | tuple):
        find_shape(X, name)
    is_known = hasattr(X, "columns") or isinstance(getattr(X, "dtype", None), np.dtype)
    try:
        values = np.asarray(X)
        if values.dtype.kind in _NO_NUMBERS:
            raise TypeError(f"type {values.dtype}")
        numbers = values if values.dtype.kind in _NUMBERS else values.astype(np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{name} must hold numbers, as many in each row; got a "
            f"{type(X).__name__} with something else ({error}). Encode words and dates "
            "as numbers, and leave out what is none."
        ) from error
    return X if is_known else numbers


def _has_columns_of_numbers(X: Any) -> bool:
    """Return whether all columns of a frame have types of numbers."""
    if not hasattr(X, "columns"):
        return False
    kinds = {getattr(kind, "kind", "") for kind in getattr(X, "dtypes", ())}
    return kinds <= set(_NUMBERS)


def check_codes(X: Any, n_components: int, unit: float) -> np.ndarray | sp.csr_array:
    """Return codes as a table of numbers, to be decoded.

    Parameters
    ----------
    X : array-like or sparse matrix
        What the user gives.
    n_components : int
        Width of a code.
    unit : float
        Unit of codes, in which their squares must fit into float32.
    """
    codes = check_array(
        as_numbers(X, "X"),
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        order="C",
        input_name="X",
    )
    if codes.shape[1] != n_components:
        raise ValueError(
            f"X must hold codes of {n_components} components, as transform "
            f"returns them; got {codes.shape[1]} columns. To reconstruct rows, use "
            "reconstruct."
        )
    check_magnitude(codes, "X", unit)
    return _as_csr_array(codes)


def _as_csr_array(X: Any) -> np.ndarray | sp.csr_array:
    """Return sparse matrices as arrays, whose sums are arrays too; without a copy."""
    return sp.csr_array(X) if sp.issparse(X) else X


def find_shape(X, name: str) -> tuple[int, ...]:
    """Return the shape of an array, or of nested lists.

    Raises
    ------
    ValueError
        If the rows of lists differ in shape.
    """
    shape = getattr(X, "shape", None)
    if shape is not None:
        return tuple(shape)
    try:
        return np.asarray(X).shape
    except ValueError as error:
        lengths = sorted({len(row) if isinstance(row, Sized) else 0 for row in X})
        raise ValueError(
            f"the rows of {name} must all have the same shape; got a ragged "
            f"{type(X).__name__} with rows of the lengths {lengths[:5]}. Fill rows up, "
            "or leave out those that are incomplete."
        ) from error


def check_rows(
    estimator,
    X,
    *,
    row_shape: tuple[int, ...] | None = None,
    min_rows: int = 1,
    name: str = "X",
) -> tuple[np.ndarray | sp.csr_array, tuple[int, ...]]:
    """Return rows as a table of numbers, and the shape of a row as it was given.

    Parameters
    ----------
    estimator : object
        Whose rows they are; it learns or checks number and names of features.
    X : array-like or sparse matrix
        Rows, with one axis or, for images and signals, more.
    row_shape : tuple of int, default=None
        Shape of the rows that the estimator was fitted to; None means that it is being
        fitted.
    min_rows : int, default=1
        Rows that are needed; two for a new fit.
    name : str, default="X"
        What errors call the rows.

    Returns
    -------
    X : ndarray or CSR of shape (n_samples, n_features)
        Float32 or float64 values in C order; without a copy where X is that already.
    row_shape : tuple of int
        Shape of a row.

    Raises
    ------
    TypeError, ValueError
        If X does not hold such rows.
    """
    X = as_numbers(X, name)
    shape = tuple(getattr(X, "shape", ())[1:])
    if len(shape) > 1:
        if row_shape is not None and shape != row_shape:
            raise ValueError(
                f"the rows of {name} must have the shape {row_shape}, as in fit, "
                f"or be flat, with {prod(row_shape)} values; got rows of shape "
                f"{shape}. Reshape {name}."
            )
        X = np.asarray(X).reshape(len(X), prod(shape))
    is_new = row_shape is None
    rules: dict[str, Any] = {
        "accept_sparse": "csr",
        "dtype": [np.float64, np.float32],
        "order": "C",
        "ensure_min_samples": 2 if is_new else min_rows,
    }
    if name == "X":
        X = validate_data(estimator, X, reset=is_new, **rules)
    else:
        X = _check_rows_beside(estimator, X, name, rules)
    check_magnitude(X, name)
    return _as_csr_array(X), shape if len(shape) > 1 else X.shape[1:]


def _check_rows_beside(estimator, X, name: str, rules: dict[str, Any]):
    """Do what validate_data does, for rows that come with X and have another name."""
    columns, known = (
        _get_feature_names(X),
        getattr(estimator, "feature_names_in_", None),
    )
    if columns is not None and known is not None:
        _check_columns(columns, known, name)
    try:
        X = check_array(X, input_name=name, **rules)
    except (TypeError, ValueError) as error:
        if name in str(error):
            raise
        raise type(error)(f"{name} must hold rows like those of X: {error}") from error
    wanted = estimator.n_features_in_
    if X.shape[1] != wanted:
        raise ValueError(
            f"{name} must have the features of X, {wanted}; got {X.shape[1]}. Take "
            "the same columns, and transform them as those of X."
        )
    if (columns is None) != (known is None):
        has, lacks = ("X", name) if columns is None else (name, "X")
        warn_user(
            f"{has} has names of columns and {lacks} has none, so that columns are "
            "taken by their position. Give both as data frames, or both as arrays.",
            UserWarning,
        )
    return X


def _check_columns(columns: np.ndarray, known: np.ndarray, name: str) -> None:
    """Raise a ValueError unless rows have the columns of X in their order."""
    for found, wanted in zip_longest(columns.tolist(), known.tolist()):
        if found != wanted:
            raise ValueError(
                f"{name} must have the columns of X, in the same order; got {found!r} "
                f"where X has {wanted!r}. Take {name}[list(X.columns)]."
            )
