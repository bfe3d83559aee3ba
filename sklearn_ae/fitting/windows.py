"""Rows that are overlapping windows of a series, in whatever order they lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from sklearn.preprocessing import StandardScaler

from .dependence import MIN_ROWS, Matrix, hash_rows

__all__ = ["Windows"]

# Rows that some rows go on with, given both and a shift: positions in each of the two.
_Follow: TypeAlias = Callable[
    [np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]
]

# Windows share at least so many values.
_MIN_SHARED = 4

# Equal windows are looked for by so many rows, unless the table has more values than
# that. More places that hold the same value mean that values are of few kinds.
_MAX_SEEDS, _MAX_SEED_VALUES, _MAX_CANDIDATES = 10, 2**24, 200
_MAX_VALUES = 2**28

# Fewer than so many windows may be missing between two that follow.
_MAX_MISSING = 16

# A scaler, or a little noise, leaves windows alike that were equal: a row is much
# nearer to another that is shifted than to any that is not, in the same columns. Where
# rows were drawn independently, so near were at any shift at most 0.46 of the rows: 15
# tables, digits, images that are smooth, peaks, sines and random walks. Of windows it
# is nearly each of them, and of a part of the windows that part.
_MAX_RATIO, _MIN_SHARE = 0.4, 0.5
# A stride is the first shift at which nearly as many rows have one as at any.
_MOST = 0.8
# So many rows look for others, at more shifts the smaller the table; of one that is
# larger than that all rows could not be put in order in a reasonable time.
_N_QUERIES, _MAX_WORK, _MAX_ROWS = 50, 2**29, 2**15
# What float32 makes of a distance of 0 between unit vectors, and of a constant column.
_ROUNDING, _CONSTANT = 1e-3, 1e-6
_BLOCK_VALUES = 2**24


@dataclass(frozen=True)
class Windows:
    """Rows that are overlapping windows of a series, in whatever order they lie.

    Parameters
    ----------
    in_order : ndarray of int of shape (n_rows,)
        Positions of rows as they follow one another.
    overlap : int
        Rows so far apart in that order share no value.
    """

    in_order: np.ndarray
    overlap: int

    @classmethod
    def find(cls, X: Matrix) -> Windows | None:
        """Return how rows overlap, if most of them do.

        Windows are found as they are, with columns or rows that were shifted and
        scaled, as by StandardScaler, and with a little noise.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Rows, all different. Sparse rows are no windows.
        """
        n_rows, n_features = X.shape
        if sp.issparse(X) or n_features <= _MIN_SHARED or n_rows < MIN_ROWS:
            return None
        found = _find_equal(X) or _find_alike(X)
        if found is None:
            return None
        stride, follow = found
        return cls(_chain(n_rows, stride, follow), -(-n_features // stride))


def _chain(n_rows: int, stride: int, follow: _Follow) -> np.ndarray:
    """Return positions of windows, each before the one that goes on from it."""
    following = np.full(n_rows, -1)
    has_one_before = np.zeros(n_rows, dtype=bool)
    # Where windows are missing, a later one follows.
    for shift in range(stride, (_MAX_MISSING + 1) * stride, stride):
        open_ends = np.flatnonzero(following < 0)
        begins = np.flatnonzero(~has_one_before)
        if not len(open_ends) or not len(begins):
            break
        ends, after = follow(open_ends, begins, shift)
        following[open_ends[ends]] = begins[after]
        has_one_before[begins[after]] = True
    in_order, is_placed = [], np.zeros(n_rows, dtype=bool)
    # What goes round in circles has no first row, and begins anywhere.
    for start in np.r_[np.flatnonzero(~has_one_before), np.arange(n_rows)]:
        row = start
        while row >= 0 and not is_placed[row]:
            is_placed[row] = True
            in_order.append(row)
            row = following[row]
    return np.array(in_order)


def _once(
    ends: np.ndarray, after: np.ndarray, distances: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs in which no row follows two others, the nearest first."""
    order = np.argsort(distances, kind="stable")
    after, first = np.unique(after[order], return_index=True)
    return ends[order][first], after


# ----------------------------------------------------------------------- equal windows


def _find_equal(X: np.ndarray) -> tuple[int, _Follow] | None:
    """Return by how many values windows go on, and which, if they share values."""
    n_rows, n_features = X.shape
    if n_rows * n_features > _MAX_VALUES:
        return None
    n_seeds = int(np.clip(_MAX_SEED_VALUES // (n_rows * n_features), 3, _MAX_SEEDS))
    seeds = np.random.RandomState(0).permutation(n_rows)[:n_seeds]
    shifts = [_find_shift(X, seed) for seed in seeds]
    found = [shift for shift in shifts if shift]
    if len(found) < len(shifts) / 2:
        return None
    return min(found), partial(_follow_equal, X)


def _find_shift(X: np.ndarray, row: int) -> int:
    """Return by how many values the nearest window goes on from a row; 0 if none."""
    window, n_first = X[row], max(2, X.shape[1] // 8)
    # The place where the window changes most is the one that fewest rows share. It is
    # among the first values, which windows far before share, too.
    anchor = int(np.abs(np.diff(window[: n_first + 1])).argmax())
    if window[anchor] == window[anchor + 1]:
        return 0
    # A window that begins `shift` values earlier has the anchor as much further on.
    rows, shifts = np.nonzero(X[:, anchor + 1 :] == window[anchor])
    if len(rows) > X.shape[1] + _MAX_CANDIDATES:  # values of few kinds
        return 0
    for at in np.argsort(shifts, kind="stable"):
        shift = int(shifts[at]) + 1
        shared = window[:-shift]
        if len(shared) >= _MIN_SHARED and np.array_equal(X[rows[at], shift:], shared):
            return shift
    return 0


def _follow_equal(
    X: np.ndarray, open_ends: np.ndarray, begins: np.ndarray, shift: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return windows that begin with the values that others end with."""
    if X.shape[1] - shift < _MIN_SHARED:
        return np.arange(0), np.arange(0)
    heads, tails = hash_rows(X[begins, :-shift]), hash_rows(X[open_ends, shift:])
    heads, at = np.unique(heads, return_index=True)
    found = np.searchsorted(heads, tails).clip(max=len(heads) - 1)
    ends = np.flatnonzero(heads[found] == tails)
    return _once(ends, at[found[ends]], np.zeros(len(ends)))


# ----------------------------------------------------------------------- alike windows


def _find_alike(X: np.ndarray) -> tuple[int, _Follow] | None:
    """Return by how many values windows go on, and which, if they are alike."""
    n_rows = X.shape[0]
    if n_rows > _MAX_ROWS:
        return None
    # Of wide tables a part in the middle will do.
    most = min(n_rows, int(np.sqrt(_MAX_WORK / (_N_QUERIES * n_rows))))
    first = max(0, (X.shape[1] - most) // 2)
    X = X[:, first : first + most].astype(np.float64)
    deviations = X.std(axis=0)
    varies = np.flatnonzero(deviations > _CONSTANT * deviations.max())
    if not len(varies):
        return None
    # Tapered windows are constant at both ends.
    X = X[:, varies[0] : varies[-1] + 1]
    queries = np.random.RandomState(0).permutation(n_rows)[:_N_QUERIES]
    # Columns may have been scaled, or rows.
    for rows in (StandardScaler().fit_transform(X), X):
        shares = np.array(
            [
                (_compare(rows, queries, None, shift)[1] < _MAX_RATIO).mean()
                for shift in range(1, X.shape[1] - _MIN_SHARED + 1)
            ]
        )
        if len(shares) and shares.max() > _MIN_SHARE:
            stride = int((shares > _MOST * shares.max()).argmax()) + 1
            return stride, partial(_follow_alike, rows)
    return None


def _follow_alike(
    rows: np.ndarray, open_ends: np.ndarray, begins: np.ndarray, shift: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return windows that begin much as others end."""
    if rows.shape[1] - shift < _MIN_SHARED:
        return np.arange(0), np.arange(0)
    n_blocks = -(-len(open_ends) * rows.shape[0] // _BLOCK_VALUES)
    blocks = np.array_split(open_ends, n_blocks)
    pairs = [_compare(rows, block, begins, shift) for block in blocks]
    after, ratios = (np.concatenate(part) for part in zip(*pairs, strict=True))
    ends = np.flatnonzero(ratios < _MAX_RATIO)
    return _once(ends, after[ends], ratios[ends])


def _compare(
    rows: np.ndarray, ends: np.ndarray, begins: np.ndarray | None, shift: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the row that begins most as each row ends, and how near it is.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
        Rows.
    ends, begins : ndarray of int
        Positions of the rows that end, and of those that begin; None takes all.
    shift : int
        By how many columns a row goes on from another.

    Returns
    -------
    after : ndarray of int of shape (n_ends,)
        Places in `begins`.
    ratios : ndarray of shape (n_ends,)
        Distance over that to the nearest row in the same columns.
    """
    heads, tails = _to_units(rows[:, :-shift]), _to_units(rows[:, shift:])
    begins = np.arange(len(rows)) if begins is None else begins
    is_itself = ends[:, None] == begins
    shifted = np.where(is_itself, -1, tails[ends] @ heads[begins].T)
    beside = tails[ends] @ tails.T
    beside[np.arange(len(ends)), ends] = -1
    after = shifted.argmax(axis=1)
    distances = [
        np.sqrt((2 - 2 * cosines.max(axis=1)).clip(min=0)) + _ROUNDING
        for cosines in (shifted, beside)
    ]
    return after, distances[0] / distances[1]


def _to_units(segments: np.ndarray) -> np.ndarray:
    """Return rows without their mean, of length 1."""
    centred = segments - segments.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return (centred / np.where(lengths > 0, lengths, 1)).astype(np.float32)
