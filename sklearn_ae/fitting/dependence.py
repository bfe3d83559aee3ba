"""Whether rows of a table depend on one another: copies, groups, and order in time.

A network that is evaluated on copies or neighbours of its training rows looks better
than it is. What is found here decides which rows are held out (``holdout.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from sklearn.metrics import euclidean_distances
from sklearn.preprocessing import StandardScaler
from sklearn.utils.sparsefuncs import mean_variance_axis

__all__ = [
    "MAX_REACH",
    "MIN_ROWS",
    "BlurredGroups",
    "Matrix",
    "Neighbourhoods",
    "Order",
    "find_interpolated_rows",
    "find_known_rows",
    "hash_rows",
    "label_equal_rows",
    "mark_rows",
    "standardize",
]

#: Rows of numbers, shape (n_samples, n_features).
Matrix: TypeAlias = np.ndarray | sp.csr_array

#: Fewer different rows tell nothing about dependence.
MIN_ROWS = 40

# Rows are compared in so many values at most; wide tables lose columns, and longer ones
# are not searched for neighbours.
_MAX_VALUES = 2**24
_MAX_ROWS = 2**20
_MIN_COLUMNS = 16

# Columns are scaled as if their deviations were at least this share of the largest.
_MIN_DEVIATION = 1e-6

# Equal rows are equal in these many columns, too, which most rows are not.
_PROBED_COLUMNS = 32

# So many rows are asked for so many of their neighbours.
_MAX_QUERIES, _MAX_RANK = 200, 4096

# The logarithm of the distance to the 2k-th neighbour over that to the k-th, in the
# median over rows: it has a peak where k is the size of a group. Where rows were drawn
# independently the peak is at most 0.27 above the median of all k and 0.16 above both
# neighbours, on manifolds of one dimension as on heavy tails and the 15 tables of
# ``benchmarks/pca_floor.py``. Subjects have 0.5 to 2, copies with a little noise 5.
_MIN_PEAK, _MIN_STEP = 0.35, 0.3
# The same for one row in five: some tables have 1.7 there, copies 5.
_SOME, _MIN_PEAK_OF_SOME = 0.8, 2.5
# A few large groups are what clusters look like, of which new rows will come too.
_MIN_GROUPS = 12

# How many of the k nearest neighbours of a row are also those of its neighbours, as a
# share: it has a peak where k is the size of a group, also if groups are not so far
# apart that distances jump. Of 20 rows each of subjects that vary among each other five
# times as much as within, the peak is by 0.04 to 0.15 higher than an octave below and
# above. Where rows were drawn independently, it is so by at most 0.016: on manifolds of
# one dimension, shapes, images and the same tables.
_MIN_AGREEMENT = 0.035
_SIZES = np.unique(np.round(4 * 2 ** (np.arange(16) / 2)).astype(int))
# So many rows compare their neighbours with those of so many neighbours at each size;
# in tables of more than some four thousand rows that would take too long.
_MIN_COMPARED, _MAX_COMPARED = 50, 200
_COMPARED, _MAX_DISTANCES = 10, 2**25

# A row lies between two of so many neighbours if it sees them in opposite directions,
# up to rounding, in at least so many columns. Where all rows lie on one line, it sees
# many. Of rows that nobody drew so, at most one in 60 does.
_NEAR, _MIN_COSINE, _MIN_VARYING, _MAX_ENDS = 30, 1 - 1e-9, 3, 10
# If at least this share of rows does, an oversampler drew them.
_MIN_DRAWN, _MAX_DRAWN_ROWS = 0.2, 2**15

# A table is in some order if consecutive rows are nearer than this share of the
# distance of any two, by more than so many times the standard error.
_MAX_SHARE, _MIN_Z = 0.9, 4.0
_MAX_PAIRS = 1000
_MIN_PAIRS, _MAX_PAIR_VALUES = 100, 2**21
# Rows of other digits are equal if no more than this share of the variance, summed over
# columns, lies between them.
_ROUNDING = 1e-6

# Rows no longer depend on one another if they are as far apart as this share of that.
_FAR = 0.95
# Where order reaches further than this share of the rows, consecutive rows still depend
# on one another if they are so much nearer than rows eight apart: in a random walk, not
# in a table that is sorted by class or follows a trend.
MAX_REACH, _MAX_SHARE_OF_LATER = 1 / _MIN_GROUPS, 0.7


# ------------------------------------------------------------------------- equal rows


def label_equal_rows(X: Matrix) -> np.ndarray | None:
    """Return a number per row, the same for equal rows; None if all rows differ.

    Numbers are given in the order in which rows come first.
    """
    n_features = X.shape[1]
    if n_features <= _PROBED_COLUMNS:
        labels = hash_rows(X)
    else:
        chosen = np.random.RandomState(0).permutation(n_features)[:_PROBED_COLUMNS]
        # Other factors, so that no hash of a part is that of a whole row.
        labels = hash_rows(X[:, np.sort(chosen)], seed=2)
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    doubtful = np.flatnonzero(counts[inverse] > 1)
    if n_features > _PROBED_COLUMNS and len(doubtful):
        labels[doubtful] = hash_rows(X[doubtful])
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return None if len(first) == len(labels) else first.argsort().argsort()[inverse]


def find_known_rows(others: Matrix, X: Matrix) -> np.ndarray:
    """Return a mask of the rows of one table that are also in another.

    Rows that float32 makes equal are, unless its digits are too few to tell.
    """
    if others.dtype == X.dtype == np.float32:
        return np.isin(hash_rows(others), hash_rows(X))
    is_known = np.isin(
        hash_rows(others.astype(np.float64)), hash_rows(X.astype(np.float64))
    )
    hashes, known = (hash_rows(table.astype(np.float32)) for table in (others, X))
    order = known.argsort()
    places = known[order].searchsorted(hashes).clip(max=len(known) - 1)
    partners = order[places]
    alike = np.flatnonzero((known[partners] == hashes) & ~is_known)
    if len(alike):
        is_known[alike] = _are_near(others[alike], X[partners[alike]], X)
    return is_known


def _are_near(rows: Matrix, others: Matrix, X: Matrix) -> np.ndarray:
    """Return which rows are as near to others as rounding is to the spread of X."""
    _, variance = mean_variance_axis(X, 0) if sp.issparse(X) else (0, X.var(axis=0))
    left: Any = rows.astype(np.float64) - others.astype(np.float64)
    squares = left.multiply(left) if sp.issparse(left) else np.square(left)
    return np.ravel(squares.sum(axis=1)) <= _ROUNDING * np.sum(variance)


def mark_rows(X: Matrix) -> int:
    """Return a number that tells a set of rows, in whatever order, from others."""
    return int(hash_rows(X).sum(dtype=np.uint64))


def hash_rows(X: Matrix, seed: int = 1) -> np.ndarray:
    """Return a 64-bit hash of each row; zeros of sparse rows count for nothing."""
    random = np.random.RandomState(seed)
    factors = random.randint(2**62, size=X.shape[1], dtype=np.int64)
    factors = 2 * factors.astype(np.uint64) + np.uint64(1)
    is_sparse = sp.issparse(X)
    values: Any = X.data if is_sparse else X
    bits = np.ascontiguousarray(values + 0.0).view(f"u{values.dtype.itemsize}")
    bits = bits.astype(np.uint64, copy=False)
    # High bits, which most numbers differ in, must reach the low ones.
    bits = (bits ^ (bits >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    if not is_sparse:
        return (bits * factors).sum(axis=1, dtype=np.uint64)
    table: Any = X
    sums = np.r_[np.uint64(0), (bits * factors[table.indices]).cumsum(dtype=np.uint64)]
    return sums[table.indptr[1:]] - sums[table.indptr[:-1]]


# -------------------------------------------------------------------------- neighbours


def standardize(X: Matrix, index: np.ndarray | None = None) -> Matrix | None:
    """Return rows with columns of unit variance; None if there is too little of them.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
        Rows.
    index : ndarray of int, default=None
        Which of them; None takes all.
    """
    n_rows = X.shape[0] if index is None else len(index)
    if not MIN_ROWS <= n_rows <= _MAX_ROWS:
        return None
    if n_rows * X.shape[1] > _MAX_VALUES and not sp.issparse(X):
        n_columns = max(_MIN_COLUMNS, _MAX_VALUES // n_rows)
        X = X[:, np.random.RandomState(0).permutation(X.shape[1])[:n_columns]]
    X = X if index is None else X[index]
    scaler = StandardScaler(with_mean=not sp.issparse(X)).fit(X)
    # A column that is constant but for rounding must not drown the others.
    least = _MIN_DEVIATION * np.sqrt(scaler.var_.max())
    scaler.scale_ = np.maximum(scaler.scale_, least)
    return scaler.transform(X)


@dataclass(frozen=True)
class Neighbourhoods:
    """Rows that are much nearer to some others than to the rest.

    Parameters
    ----------
    rows : ndarray or CSR of shape (n_rows, n_columns)
        Standardised rows, all different.
    radius : float
        Rows of a group are within this distance of one another.
    size : int
        Usual number of rows in a group.
    """

    rows: Matrix
    radius: float
    size: int

    @classmethod
    def find(cls, rows: Matrix, seed: int) -> Neighbourhoods | None:
        """Return neighbourhoods that cannot be chance, if there are any."""
        n_rows = rows.shape[0]
        n_queries = int(np.clip(_MAX_VALUES // n_rows, 20, _MAX_QUERIES))
        queries = np.random.RandomState(seed).permutation(n_rows)[:n_queries]
        ranks = 2 ** np.arange(int(np.log2(min(n_rows / 2, _MAX_RANK))) + 1)
        distances = euclidean_distances(rows[queries], rows)
        distances[np.arange(len(queries)), queries] = 0.0
        nearest = np.partition(distances, ranks[-1], axis=1)[:, : ranks[-1] + 1]
        nearest = np.sort(nearest, axis=1)[:, ranks]
        logs = np.log(np.maximum(nearest, 1e-9 * nearest.max()))
        jumps = np.diff(logs, axis=1)
        at = _find_peak(jumps)
        if at is None:
            return None
        in_group = jumps[:, at] > jumps[:, at].max() / 2
        radius = np.exp(np.median(logs[in_group, at : at + 2].mean(axis=1)))
        size = int(np.median((distances[in_group] < radius).sum(axis=1)))
        return cls(rows, float(radius), size) if n_rows / size >= _MIN_GROUPS else None

    @property
    def are_closed(self) -> bool:
        """Whether groups end somewhere, as windows of a series do not."""
        starts = np.random.RandomState(0).permutation(self.rows.shape[0])[:20]
        return bool(
            np.mean([len(self.around(start)[1]) == 0 for start in starts]) > 0.5
        )

    def around(self, start: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a row's group, and rows near to it that were too many to join."""
        limit = 4 * self.size
        is_member = np.zeros(self.rows.shape[0], dtype=bool)
        is_member[start] = True
        frontier = np.array([start])
        while len(frontier):
            near = self._near(frontier) & ~is_member
            frontier = np.flatnonzero(near)
            if is_member.sum() + len(frontier) > limit:
                break
            is_member[frontier] = True
        return np.flatnonzero(is_member), frontier

    def _near(self, chosen: np.ndarray) -> np.ndarray:
        n_rows = self.rows.shape[0]
        is_near = np.zeros(n_rows, dtype=bool)
        for block in np.array_split(chosen, -(-len(chosen) * n_rows // _MAX_VALUES)):
            distances = euclidean_distances(self.rows[block], self.rows)
            is_near |= (distances < self.radius).any(axis=0)
        return is_near


def _find_peak(jumps: np.ndarray) -> int | None:
    """Return where the distances to neighbours jump, if they do so at any place."""
    typical = np.median(jumps, axis=0)
    at = int(typical.argmax())
    beside = np.r_[-np.inf, typical, -np.inf][[at, at + 2]].max()
    is_high = typical[at] - np.median(typical) > _MIN_PEAK
    if is_high and typical[at] - beside > _MIN_STEP:
        return at
    of_some = np.quantile(jumps, _SOME, axis=0)
    return int(of_some.argmax()) if of_some.max() > _MIN_PEAK_OF_SOME else None


@dataclass(frozen=True)
class BlurredGroups:
    """Rows whose nearest neighbours have much the same neighbours.

    Parameters
    ----------
    rows : ndarray or CSR of shape (n_rows, n_columns)
        Standardised rows, all different.
    size : int
        Usual number of rows in a group.
    """

    rows: Matrix
    size: int

    @classmethod
    def find(cls, rows: Matrix, seed: int) -> BlurredGroups | None:
        """Return groups that cannot be chance, if there are any."""
        n_rows = rows.shape[0]
        # A peak is an octave below the largest, which leaves out classes: they are few,
        # and the peak may be at less than their size.
        sizes = _SIZES[_SIZES * _MIN_GROUPS <= n_rows]
        n_compared = _COMPARED * len(_SIZES)
        n_queries = min(_MAX_COMPARED, _MAX_DISTANCES // (n_rows * n_compared))
        if len(sizes) < 5 or n_queries < _MIN_COMPARED:
            return None
        queries = np.random.RandomState(seed).permutation(n_rows)[:n_queries]
        shares = _compare_neighbours(rows, queries, sizes)
        peaks = shares[2:-2] - np.maximum(shares[:-4], shares[4:])
        at = int(peaks.argmax())
        return cls(rows, int(sizes[at + 2])) if peaks[at] > _MIN_AGREEMENT else None

    def around(self, start: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a row's neighbours, and the rest of the neighbours of these."""
        members = _find_nearest(self.rows, np.array([start]), self.size)[0]
        near = np.unique(_find_nearest(self.rows, members, self.size))
        return members, np.setdiff1d(near, members)


def _compare_neighbours(
    rows: Matrix, queries: np.ndarray, sizes: np.ndarray
) -> np.ndarray:
    """Return which share of nearest neighbours rows have in common with these.

    Parameters
    ----------
    rows : ndarray or CSR of shape (n_rows, n_columns)
        Standardised rows.
    queries : ndarray of int
        Which of them to ask.
    sizes : ndarray of int of shape (n_sizes,)
        Numbers of neighbours to look at.

    Returns
    -------
    shares : ndarray of shape (n_sizes,)
        Means over rows and their neighbours.
    """
    nearest = _find_nearest(rows, queries, sizes[-1])
    places = [np.linspace(1, k - 1, _COMPARED).astype(int) for k in sizes]
    chosen = np.unique(nearest[:, np.unique(np.concatenate(places))])
    theirs = _find_nearest(rows, chosen, sizes[-1])
    shares = np.zeros(len(sizes))
    for ours in nearest:
        ranks = np.full(rows.shape[0], sizes[-1])
        ranks[ours] = np.arange(len(ours))
        for at, (k, place) in enumerate(zip(sizes, places, strict=True)):
            others = theirs[np.searchsorted(chosen, ours[place]), :k]
            shares[at] += (ranks[others] < k).mean()
    return shares / len(queries)


def _find_nearest(rows: Matrix, queries: np.ndarray, k: int) -> np.ndarray:
    """Return the k rows nearest to each of some, itself first."""
    blocks = np.array_split(queries, -(-len(queries) * rows.shape[0] // _MAX_VALUES))
    found = []
    for block in blocks:
        distances = euclidean_distances(rows[block], rows, squared=True)
        distances[np.arange(len(block)), block] = -1
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        order = np.take_along_axis(distances, nearest, axis=1).argsort(axis=1)
        found.append(np.take_along_axis(nearest, order, axis=1))
    return np.concatenate(found)


# ------------------------------------------------------------------ interpolated rows


def find_interpolated_rows(
    rows: Matrix, seed: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return rows that lie between others, as an oversampler draws them.

    Parameters
    ----------
    rows : ndarray or CSR of shape (n_rows, n_columns)
        Standardised rows, all different.
    seed : int
        Seed of the choice of rows that are asked first.

    Returns
    -------
    drawn, ends : ndarray of int of shape (n_pairs,)
        Rows, and for each a row at one of the ends; None if there are few.
    """
    n_rows = rows.shape[0]
    if sp.issparse(rows) or n_rows > _MAX_DRAWN_ROWS:
        return None
    queries = np.random.RandomState(seed).permutation(n_rows)[:_MAX_QUERIES]
    drawn, _ = _find_ends(rows, queries)
    if len(np.unique(drawn)) < _MIN_DRAWN * len(queries):
        return None
    drawn, ends = _find_ends(rows, np.arange(n_rows))
    return (drawn, ends) if n_rows - len(np.unique(drawn)) >= _MIN_GROUPS else None


def _find_ends(rows: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows lie between two of their neighbours, and between which."""
    drawn, ends = [np.arange(0)], [np.arange(0)]
    nearest = _find_nearest(rows, queries, min(_NEAR + 1, rows.shape[0]))
    for row, near in zip(queries, nearest[:, 1:], strict=True):
        away = rows[near].astype(np.float64) - rows[row]
        lengths = np.linalg.norm(away, axis=1, keepdims=True)
        units = away / np.where(lengths > 0, lengths, 1)
        is_end = (units @ units.T < -_MIN_COSINE).any(axis=1)
        n_varying = np.count_nonzero(away[is_end], axis=1)
        if 0 < is_end.sum() <= _MAX_ENDS and n_varying.min() >= _MIN_VARYING:
            ends.append(near[is_end])
            drawn.append(np.full(is_end.sum(), row))
    return np.concatenate(drawn), np.concatenate(ends)


# ------------------------------------------------------------------------------- order


@dataclass(frozen=True)
class Order:
    """What the order of the rows says.

    Parameters
    ----------
    lag : int
        Rows so far apart no longer depend on one another; 0 if consecutive rows do not.
    is_sorted : bool
        Whether rows near each other in the table are more alike than any two, as in
        time or if a table is sorted.
    """

    lag: int = 0
    is_sorted: bool = False

    @classmethod
    def find(cls, rows: Matrix) -> Order:
        """Return what the order of standardised rows says."""
        near, any_two = _distances(rows, 1), _distances(rows, None)
        if not _is_less(near, any_two, _MAX_SHARE):
            return cls()
        longest = max(1, int(MAX_REACH * rows.shape[0]))
        lag = 1
        while lag <= longest:
            if _distances(rows, lag).mean() > _FAR * any_two.mean():
                return cls(lag, True)
            lag *= 2
        is_walk = _is_less(near, _distances(rows, 8), _MAX_SHARE_OF_LATER)
        return cls(longest if is_walk else 0, True)


def _distances(rows: Matrix, lag: int | None) -> np.ndarray:
    """Return distances of pairs of rows; a lag of None takes any two."""
    random, (n_rows, width) = np.random.RandomState(0), rows.shape
    # Of wide rows fewer pairs do, because each distance is a sum over many columns.
    n_pairs = int(np.clip(_MAX_PAIR_VALUES // width, _MIN_PAIRS, _MAX_PAIRS))
    if lag is None:
        first, second = random.randint(n_rows, size=(2, n_pairs))
        first, second = first[first != second], second[first != second]
    else:
        first = random.permutation(n_rows - lag)[:n_pairs]
        second = first + lag
    difference = rows[first] - rows[second]
    if sp.issparse(difference):
        return np.sqrt(difference.multiply(difference).sum(axis=1))
    return np.sqrt(np.square(difference, dtype=np.float64).sum(axis=1))


def _is_less(one: np.ndarray, other: np.ndarray, share: float) -> bool:
    """Return whether a mean is below a share of another, by more than chance."""
    gap = other.mean() - one.mean()
    error = np.sqrt(one.var() / len(one) + other.var() / len(other))
    return bool(one.mean() < share * other.mean() and gap > _MIN_Z * error)
