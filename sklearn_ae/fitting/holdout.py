"""Which rows are held out, so that what a network is evaluated on is new to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .dependence import (
    MAX_REACH,
    BlurredGroups,
    Matrix,
    Neighbourhoods,
    Order,
    find_interpolated_rows,
    label_equal_rows,
    standardize,
)
from .evidence import MIN_ROWS
from .planning import MAX_VALIDATION_ROWS, count_validation_rows
from .windows import Windows

__all__ = ["Holdout", "hold_out"]

# No more than this share of the rows is held out where groups are large, or half of
# them if a gain could not be shown on fewer groups.
_MAX_SHARE, _MAX_SHARE_FOR_FEW = 0.3, 0.5

# Rows of an ordered table are held out in stretches of this many lags.
_LAGS_OF_A_BLOCK = 4

_GROUPS = (
    "If you know the groups, pass them as groups to fit (in a pipeline as "
    "<step>__groups, in a search by metadata routing), compare or code_size_curve."
)
_SAME_GROUPS = "If new rows will belong to the same groups, set validation='random'."
_LAST = "validation='last' holds out the last rows alone."
_ALIKE = (
    "Many rows are near copies of others, or come in groups of rows that are alike. "
    f"Whole groups are held out, and each of them counts once. {_GROUPS} {_SAME_GROUPS}"
)
_IN_ORDER = (
    "Consecutive rows are alike, as in time, or as rows that lie by groups. Stretches "
    "of rows are held out, the last ones among them, and rows beside them are left "
    "out. "
    f"For rows in time, {_LAST} {_GROUPS} {_SAME_GROUPS}"
)
_WINDOWS = (
    "Rows are windows that overlap. Stretches of windows are held out, the last ones "
    "among them, and windows that overlap with these are left out. If they lie in the "
    f"order of time, {_LAST}"
)

_BETWEEN = (
    "Many rows lie between two others, as an oversampler draws them. They are not held "
    "out, and those next to a row that is are left out. Put the autoencoder before the "
    "oversampler; if all rows were measured, set validation='random'."
)

# What counts as one where rows depend on one another.
_EQUALS = "different rows"
_DECLARED = "groups"
_FOUND = "groups of rows that were found to be alike"
_STRETCHES = "stretches of rows, as long as rows were found to depend on one another"


@dataclass(frozen=True, eq=False)
class Holdout:
    """Rows to train on and rows that are held out.

    Parameters
    ----------
    train, validation : ndarray of int
        Positions of rows.
    groups : ndarray of shape (n_validation,), default=None
        Equal for held-out rows that depend on one another; None if none do.
    at_end : ndarray of bool of shape (n_validation,), default=None
        Which held-out rows are the last ones of an ordered table; None if it is in no
        order.
    warning : str, default=None
        What was found that nobody declared.
    units : str, default="rows"
        What counts as one, in the plural.
    advice : str, default=""
        What gives more of them.
    """

    train: np.ndarray
    validation: np.ndarray
    groups: np.ndarray | None = None
    at_end: np.ndarray | None = None
    warning: str | None = None
    units: str = "rows"
    advice: str = ""

    def without_known_rows(self, equal: np.ndarray | None) -> Holdout:
        """Leave out held-out rows that are equal to a training row.

        Parameters
        ----------
        equal : ndarray of shape (n_samples,) or None
            The same number for equal rows; None if all rows differ.
        """
        train, validation = self.train, self.validation
        if equal is not None:
            train, validation = equal[train], equal[validation]
        is_new = ~np.isin(validation, train)
        if equal is None and is_new.all():
            return self
        groups = validation if self.groups is None else self.groups
        return replace(
            self,
            validation=self.validation[is_new],
            groups=groups[is_new],
            at_end=None if self.at_end is None else self.at_end[is_new],
            units=_EQUALS if self.groups is None else self.units,
        )

    def of_equals(self, equal: np.ndarray) -> Holdout:
        """Give all rows the role of the one that they are equal to.

        Parameters
        ----------
        equal : ndarray of shape (n_samples,)
            Which of the different rows each row is.
        """
        place = np.full(equal.max() + 1, -1)
        place[self.validation] = np.arange(len(self.validation))
        places, is_train = place[equal], np.isin(equal, self.train)
        validation = np.flatnonzero(places >= 0)
        at = places[validation]
        return replace(
            self,
            train=np.flatnonzero(is_train),
            validation=validation,
            groups=None if self.groups is None else self.groups[at],
            at_end=None if self.at_end is None else self.at_end[at],
        )

    def limited(self, seed: int) -> Holdout:
        """Return at most so many held-out rows as are taken by default."""
        if len(self.validation) <= MAX_VALIDATION_ROWS or self.groups is None:
            return self
        random = np.random.RandomState(seed)
        kept = np.sort(random.permutation(len(self.validation))[:MAX_VALIDATION_ROWS])
        return replace(
            self,
            validation=self.validation[kept],
            groups=self.groups[kept],
            at_end=None if self.at_end is None else self.at_end[kept],
        )

    def with_advice(self, validation: Any) -> Holdout:
        """Say what would give more units to hold out, or new rows.

        Parameters
        ----------
        validation : {"auto", "random", "last"} or splitter
            As for the estimators.
        """
        is_splitter = not isinstance(validation, str)
        if not len(self.validation) and (is_splitter or validation == "last"):
            who = "the splitter" if is_splitter else f"validation={validation!r}"
            advice = (
                f"Each row that {who} would hold out is equal to one to train on; "
                "validation='auto' holds equal rows out together."
            )
        elif is_splitter:
            advice = f"Let the splitter hold out more {self.units}, or pass X_val."
        elif self.units == _FOUND:
            advice = "Pass the groups to fit if you know them, or more rows, or X_val."
        else:
            units = "rows" if self.units == _STRETCHES else self.units
            advice = f"Give more {units}, a larger validation_fraction, or X_val."
        return replace(self, advice=advice)


def hold_out(
    X: Matrix,
    y: Any,
    validation: Any,
    fraction: float | str,
    groups: np.ndarray | None,
    seed: int,
) -> Holdout:
    """Choose the rows that are held out.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
        Rows.
    y : array-like of shape (n_samples,) or None
        For splitters that look at it.
    validation : {"auto", "random", "last"}, splitter or list of splits
        As for the estimators.
    fraction : float or "auto"
        Share of the rows, or of the groups, to hold out.
    groups : ndarray of shape (n_samples,) or None
        Group of each row.
    seed : int
        Seed of the choice.
    """
    n_rows = X.shape[0]
    equal = label_equal_rows(X)
    if not isinstance(validation, str):
        chosen = _split_by(validation, X, y, groups).without_known_rows(equal)
        return chosen.with_advice(validation)
    n_held_out = count_validation_rows(fraction, n_rows)
    if n_held_out == 0:
        return Holdout(np.arange(n_rows), np.arange(0)).with_advice("auto")
    if validation == "last":
        chosen = _hold_out_last(X, equal, n_held_out, fraction, groups)
    elif groups is not None:
        chosen = _hold_out_groups(_codes(groups), fraction, seed, _DECLARED)
    else:
        chosen = _hold_out_rows(
            X, equal, n_held_out, fraction, seed, looks=validation == "auto"
        )
    chosen = chosen.without_known_rows(equal).with_advice(validation)
    return chosen.limited(seed) if isinstance(fraction, str) else chosen


# --------------------------------------------------------------- what the user declares


def _split_by(splitter: Any, X: Matrix, y: Any, groups: np.ndarray | None) -> Holdout:
    """Return the split of a splitter that trains on most rows, the first of equals."""
    name = "the list" if isinstance(splitter, list) else repr(splitter)
    train, validation = _choose_split(splitter, name, X, y, groups)
    if len(train) < 2 or len(validation) == 0:
        raise ValueError(
            "validation must leave at least 2 rows for training and 1 to hold out; "
            f"got {len(train)} and {len(validation)} from {name}."
        )
    if groups is None:
        return Holdout(train, validation)
    codes = _codes(groups)
    n_torn = len(np.intersect1d(codes[train], codes[validation]))
    if n_torn:
        raise ValueError(
            "validation must keep the rows of a group together, because groups were "
            f"given; {name} has rows of {n_torn} groups on both sides. Pass a "
            "splitter that looks at groups, such as GroupShuffleSplit, or no groups."
        )
    return Holdout(train, validation, codes[validation], units=_DECLARED)


def _choose_split(
    splitter: Any, name: str, X: Matrix, y: Any, groups: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of rows to train on and to hold out, checked."""
    is_list, n_rows = isinstance(splitter, list), X.shape[0]
    try:
        splits = splitter if is_list else list(splitter.split(X, y, groups))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"validation must be a splitter that can split X; {name} fails with: "
            f"{error} If it looks at groups or y, pass them to fit."
        ) from error
    if not splits:
        raise ValueError(
            "validation must be a splitter that yields at least one split; "
            f"{name} yields none."
        )
    try:
        pairs = [[_positions(part, n_rows) for part in split] for split in splits]
        train, validation = max(pairs, key=lambda pair: len(pair[0]))
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(
            "validation must yield pairs of positions of rows of X, to train on and to "
            f"hold out, from 0 to {n_rows - 1}, or masks; {name} yields something else."
        ) from error
    return train, validation


def _positions(part: Any, n_rows: int) -> np.ndarray:
    """Return what a splitter yields, positions or a mask, as positions from 0."""
    part = np.asarray(part)
    return np.arange(n_rows)[part if part.size else part.astype(int)].reshape(-1)


def _hold_out_groups(
    groups: np.ndarray, fraction: float | str, seed: int, units: str
) -> Holdout:
    """Hold out whole groups, each of which counts as a row does."""
    sizes = np.bincount(groups)
    order = np.random.RandomState(seed).permutation(len(sizes))
    # The largest group is for training: it may be most of the table.
    order = order[order != sizes.argmax()]
    n_groups = _count_units(fraction, len(sizes))
    if isinstance(fraction, str):
        room = max(_MAX_SHARE * len(groups), sizes[order[:1]].sum())
        n_groups = min(n_groups, int((np.cumsum(sizes[order]) <= room).sum()))
        # Copies change nothing, not even this.
        if units == _DECLARED:
            n_groups = _count_enough(n_groups, sizes[order])
    is_held_out = np.isin(groups, order[:n_groups])
    validation = np.flatnonzero(is_held_out)
    held_out = groups[validation]
    return Holdout(np.flatnonzero(~is_held_out), validation, held_out, units=units)


def _hold_out_last(
    X: Matrix,
    equal: np.ndarray | None,
    n_held_out: int,
    fraction: float | str,
    groups: np.ndarray | None,
) -> Holdout:
    """Hold out the last rows, or the groups that begin last."""
    n_rows = X.shape[0]
    if groups is not None:
        codes = _codes(groups)
        _, begins = np.unique(codes, return_index=True)
        latest, n_last = np.argsort(begins)[::-1], _count_units(fraction, len(begins))
        if isinstance(fraction, str):
            n_last = _count_enough(n_last, np.bincount(codes)[latest])
        last = latest[:n_last]
        is_held_out = np.isin(codes, last)
        if n_rows - is_held_out.sum() < 2:
            raise ValueError(
                "validation='last' must leave at least 2 rows for training; the groups "
                f"that begin last have {is_held_out.sum()} of the {n_rows} rows. Set a "
                "smaller validation_fraction, or validation='auto'."
            )
        validation = np.flatnonzero(is_held_out)
        held_out, train = codes[validation], np.flatnonzero(~is_held_out)
        return Holdout(train, validation, held_out, units=_DECLARED)
    lag = min(_find_lag(X, equal), max(1, int(MAX_REACH * n_rows)))
    if lag and isinstance(fraction, str):
        n_lags = _count_enough(n_held_out // lag, np.full(n_rows // lag, lag))
        n_held_out = max(n_held_out, n_lags * lag)
    first = max(2, n_rows - n_held_out)
    validation = np.arange(first, n_rows)
    units = None if lag == 0 else (n_rows - 1 - validation) // lag
    # Rows in between are left out, as many as there is room for.
    train = np.arange(max(2, first - min(lag, first // 2)))
    return Holdout(train, validation, units, units=_STRETCHES if lag else "rows")


_ONE_GROUP = (
    "groups must name at least two groups, one to train on and one to hold out; got "
    "{}. Leave groups out, or name what rows have in common."
)


def _codes(groups: np.ndarray) -> np.ndarray:
    """Return groups as numbers from 0.

    Raises
    ------
    ValueError
        If there is only one group.
    """
    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise ValueError(_ONE_GROUP.format(len(names)))
    return codes


def _count_units(fraction: float | str, n_units: int) -> int:
    """Return how many of some groups are held out, at least one."""
    if isinstance(fraction, str):
        return max(1, count_validation_rows(fraction, n_units))
    return max(1, min(round(fraction * n_units), n_units - 1))


def _count_enough(n_units: int, sizes: np.ndarray) -> int:
    """Return how many units to hold out so that a gain can be shown, if they may be.

    Parameters
    ----------
    n_units : int
        As many as would be held out.
    sizes : ndarray of shape (n_all_units,)
        Rows of each unit, those that are held out first.
    """
    most = (np.cumsum(sizes) <= _MAX_SHARE_FOR_FEW * sizes.sum()).sum()
    return max(n_units, MIN_ROWS) if most >= MIN_ROWS else n_units


# ------------------------------------------------------------------ what is found in X


def _hold_out_rows(
    X: Matrix,
    equal: np.ndarray | None,
    n_held_out: int,
    fraction: float | str,
    seed: int,
    *,
    looks: bool,
) -> Holdout:
    """Hold out rows at random, if nothing in them speaks against it."""
    random = np.random.RandomState(seed)
    is_sorted = False
    if looks:
        first = _first_of_equals(equal)
        chosen, is_sorted = _hold_out_what_depends(X[first], fraction, random, seed)
        if chosen is not None:
            return chosen if equal is None else chosen.of_equals(equal)
    if equal is not None:
        return _hold_out_groups(equal, fraction, seed, _EQUALS)
    if is_sorted:
        return _hold_out_end_too(X.shape[0], n_held_out, random)
    order = random.permutation(X.shape[0])
    return Holdout(order[n_held_out:], order[:n_held_out])


def _hold_out_what_depends(
    X: Matrix, fraction: float | str, random: np.random.RandomState, seed: int
) -> tuple[Holdout | None, bool]:
    """Look for dependence among different rows.

    Returns
    -------
    holdout : Holdout or None
        None if rows do not depend on one another, or only over long distances.
    is_sorted : bool
        Whether they are in some order.
    """
    rows = standardize(X)
    if rows is None:
        return None, False
    interpolated = find_interpolated_rows(rows, seed)
    if interpolated is not None:
        return _hold_out_ends(len(rows), *interpolated, fraction, random), False
    windows = Windows.find(X)
    if windows is not None:
        lag = max(windows.overlap, Order.find(rows[windows.in_order]).lag)
        parts = windows.in_order, lag, fraction, random, _WINDOWS
        return _hold_out_stretches(*parts), True
    order, near = Order.find(rows), Neighbourhoods.find(rows, seed)
    if near is not None and (near.are_closed or not order.lag):
        return _hold_out_neighbourhoods(near, fraction, random), order.is_sorted
    if order.lag:
        parts = np.arange(X.shape[0]), order.lag, fraction, random, _IN_ORDER
        return _hold_out_stretches(*parts), True
    blurred = BlurredGroups.find(rows, seed)
    if blurred is not None:
        return _hold_out_neighbourhoods(blurred, fraction, random), order.is_sorted
    return None, order.is_sorted


def _hold_out_end_too(
    n_rows: int, n_held_out: int, random: np.random.RandomState
) -> Holdout:
    """Hold out the last rows of a sorted table, and as many of the others."""
    n_last = n_held_out // 2
    chosen = random.permutation(n_rows - n_last)
    others, train = np.split(chosen, [n_held_out - n_last])
    validation = np.r_[others, np.arange(n_rows - n_last, n_rows)]
    return Holdout(train, validation, at_end=validation >= n_rows - n_last)


def _first_of_equals(equal: np.ndarray | None) -> Any:
    """Return where one of each set of equal rows is, in order."""
    if equal is None:
        return slice(None)
    return np.sort(np.unique(equal, return_index=True)[1])


def _find_lag(X: Matrix, equal: np.ndarray | None) -> int:
    """Return how far rows depend on those before them."""
    X = X[_first_of_equals(equal)]
    rows = standardize(X)
    if rows is None:
        return 0
    windows = Windows.find(X)
    return max(Order.find(rows).lag, 0 if windows is None else windows.overlap)


def _hold_out_ends(
    n_rows: int,
    drawn: np.ndarray,
    ends: np.ndarray,
    fraction: float | str,
    random: np.random.RandomState,
) -> Holdout:
    """Hold out rows that were not drawn between others, and leave out what was."""
    originals = random.permutation(np.setdiff1d(np.arange(n_rows), drawn))
    validation = originals[: _count_units(fraction, len(originals))]
    is_train = np.ones(n_rows, dtype=bool)
    is_train[validation] = False
    is_train[drawn[np.isin(ends, validation)]] = False
    return Holdout(np.flatnonzero(is_train), validation, warning=_BETWEEN)


def _hold_out_neighbourhoods(
    near: Neighbourhoods | BlurredGroups,
    fraction: float | str,
    random: np.random.RandomState,
) -> Holdout:
    """Hold out groups of rows that are alike, and leave out rows near to them."""
    n_rows = near.rows.shape[0]
    labels, is_left_out = np.full(n_rows, -1), np.zeros(n_rows, dtype=bool)
    n_groups, n_taken = 0, 0
    for start in random.permutation(n_rows):
        if labels[start] >= 0 or is_left_out[start]:
            continue
        members, border = near.around(start)
        members = members[labels[members] < 0]
        room = _MAX_SHARE if n_groups >= MIN_ROWS else _MAX_SHARE_FOR_FEW
        if n_groups and n_taken + len(members) > room * n_rows:
            break
        labels[members] = n_groups
        is_left_out[border] = True
        n_groups, n_taken = n_groups + 1, n_taken + len(members)
        # As many groups as there would be rows if each group were one.
        wanted = _count_units(fraction, n_rows * n_groups // n_taken)
        is_enough = n_groups >= wanted or n_taken >= MAX_VALIDATION_ROWS
        if is_enough or ((labels < 0) & ~is_left_out).sum() < n_rows / 2:
            break
    validation = np.flatnonzero(labels >= 0)
    train = np.flatnonzero((labels < 0) & ~is_left_out)
    held_out = labels[validation]
    return Holdout(train, validation, held_out, warning=_ALIKE, units=_FOUND)


def _hold_out_stretches(
    in_order: np.ndarray,
    lag: int,
    fraction: float | str,
    random: np.random.RandomState,
    warning: str,
) -> Holdout:
    """Hold out stretches of rows in order, and leave out rows beside them."""
    n_rows = len(in_order)
    lag = min(lag, max(1, int(MAX_REACH * n_rows)))
    # Half of the rows may be held out: as many may have to be left out beside them.
    most = min(n_rows // 2, MAX_VALIDATION_ROWS) // lag
    n_units = min(_count_units(fraction, n_rows // lag), most)
    n_last = max(1, n_units // 2)
    end = n_rows - n_last * lag
    starts, length = _choose_stretches(end - lag, (n_units - n_last) * lag, lag, random)
    is_held_out, is_train = np.zeros(n_rows, dtype=bool), np.ones(n_rows, dtype=bool)
    for start in starts:
        is_train[max(0, start - lag) : start + length + lag] = False
        is_held_out[start : start + length] = True
    is_train[end - lag :] = False
    is_held_out[end:] = True
    at = np.flatnonzero(is_held_out)
    return Holdout(
        in_order[is_train], in_order[at], at // lag, at >= end, warning, _STRETCHES
    )


def _choose_stretches(
    n_rows: int, n_held_out: int, lag: int, random: np.random.RandomState
) -> tuple[list[int], int]:
    """Return where stretches begin, one in each equal part, and their length."""
    if n_held_out <= 0:
        return [], 0
    n_blocks = max(1, n_held_out // (_LAGS_OF_A_BLOCK * lag))
    length, part = n_held_out // n_blocks, n_rows // n_blocks
    starts = [
        block * part + random.randint(max(1, part - length))
        for block in range(n_blocks)
    ]
    return starts, length
