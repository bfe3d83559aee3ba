"""Tables that every estimator must take, and the containers that they come in."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse as sp

SIZES = [2, 3, 5, 12, 40, 70]
WIDTHS = [1, 2, 3, 9, 16, 40, 75]
IMAGES = [(8, 8), (5, 7), (24, 2), (6, 6, 3), (4, 5, 2), (16, 16)]

# Lives as long as the cases run.
FILES = tempfile.TemporaryDirectory()


@dataclass
class Table:
    """Valid rows, and what is known of their values.

    Attributes
    ----------
    X : ndarray of shape (n_rows, *row_shape)
    kind : str
        Key of :data:`KINDS`.
    """

    X: np.ndarray
    kind: str

    @property
    def n_rows(self):
        return len(self.X)

    @property
    def row_shape(self):
        return self.X.shape[1:]

    @property
    def n_features(self):
        return int(np.prod(self.row_shape))

    @property
    def are_counts(self):
        return self.kind in ("counts", "binary", "sparse", "bytes")

    @property
    def are_shares(self):
        return self.kind in ("uniform", "binary")

    @property
    def is_moderate(self):
        """Whether float16 holds the values."""
        return self.kind not in ("tails", "tiny", "huge", "far", "units")


def repeat_rows(rng, n, p):
    X = rng.standard_normal((n, p))
    X[::2] = X[0]
    return X


def hold_a_column(rng, n, p):
    X = rng.standard_normal((n, p))
    X[:, : p // 2] = 3.0
    return X


def thin_out(rng, n, p):
    X = rng.poisson(3.0, (n, p)) * (rng.uniform(size=(n, p)) < 0.2)
    X[n // 2] = 0
    return X


KINDS = {
    "normal": lambda rng, n, p: rng.standard_normal((n, p)),
    "uniform": lambda rng, n, p: rng.uniform(size=(n, p)),
    "counts": lambda rng, n, p: rng.poisson(3.0, (n, p)),
    "binary": lambda rng, n, p: rng.uniform(size=(n, p)) < 0.3,
    "bytes": lambda rng, n, p: rng.randint(256, size=(n, p)),
    "sparse": thin_out,
    "constant": hold_a_column,
    "repeated": repeat_rows,
    "tails": lambda rng, n, p: rng.standard_cauchy((n, p)).clip(-1e9, 1e9) ** 3 / 1e9,
    "tiny": lambda rng, n, p: 1e-21 * rng.standard_normal((n, p)),
    "huge": lambda rng, n, p: 1e17 * rng.standard_normal((n, p)).clip(-9, 9),
    "far": lambda rng, n, p: 5e6 + 1e3 * rng.standard_normal((n, p)),
    "units": lambda rng, n, p: (
        rng.standard_normal((n, p)) * 10.0 ** rng.randint(-9, 9, p)
    ),
    "walk": lambda rng, n, p: rng.standard_normal((n, p)).cumsum(axis=0),
}


def draw_table(rng, images=False):
    """Return valid rows, also images where they are asked for."""
    kind = list(KINDS)[rng.randint(len(KINDS))]
    shape = (WIDTHS[rng.randint(len(WIDTHS))],)
    if images and rng.randint(2):
        shape = IMAGES[rng.randint(len(IMAGES))]
    n_rows = SIZES[rng.randint(len(SIZES))]
    X = KINDS[kind](rng, n_rows, int(np.prod(shape))).astype(np.float64)
    if (X == X[0]).all():
        X[0, -1] = 1 - X[0, -1]  # what does not vary is refused
    return Table(X.reshape(n_rows, *shape), kind)


class HasArray:
    """Something that can become an array, and no more."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype)


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def map_memory(X):
    path = Path(FILES.name) / "rows.npy"
    path.unlink(missing_ok=True)
    np.save(path, X)
    return np.load(path, mmap_mode="r")


def column_of_table(X):
    """Return an array whose strides are no multiple of the size of a value."""
    table = np.zeros(len(X), dtype=[("mark", "i1"), ("values", X.dtype, X.shape[1:])])
    table["values"] = X
    return table["values"]


def name_columns(X):
    return [f"c{i}" for i in range(X.shape[1])]


def frame(X, dtype=None):
    return pd.DataFrame(X, columns=name_columns(X), dtype=dtype)


def mixed_frame(X):
    """Return a frame whose columns have several types."""
    table = frame(X)
    return table.astype(dict.fromkeys(table.columns[1::2], "float32"))


OF_ANY_SHAPE = {
    "float64": lambda X: X,
    "float32": lambda X: X.astype(np.float32),
    "fortran": np.asfortranarray,
    "reversed rows": lambda X: np.ascontiguousarray(X[::-1])[::-1],
    "reversed columns": lambda X: np.ascontiguousarray(X[:, ::-1])[:, ::-1],
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "of a table": column_of_table,
    "list": lambda X: X.tolist(),
    "tuples": lambda X: tuple(map(tuple, X.tolist())),
    "rows": list,
    "read-only": read_only,
    "memory map": map_memory,
    "other byte order": lambda X: X.astype(X.dtype.newbyteorder()),
    "objects": lambda X: X.astype(object),
    "has array": HasArray,
}
OF_TABLES = {
    "frame": frame,
    "float32 frame": lambda X: frame(X, "float32"),
    "nullable frame": lambda X: frame(X, "Float64"),
    "arrow frame": lambda X: frame(X, "float64[pyarrow]"),
    "object frame": lambda X: frame(X, object),
    "mixed frame": mixed_frame,
    "unnamed frame": pd.DataFrame,
    "polars": lambda X: pl.DataFrame(X, schema=name_columns(X)),
    "csr": sp.csr_matrix,
    "csr array": sp.csr_array,
    "float32 csr": lambda X: sp.csr_array(X.astype(np.float32)),
    "csc": sp.csc_array,
    "coo": sp.coo_array,
    "lil": sp.lil_array,
    "long indices": lambda X: _with_long_indices(sp.csr_array(X)),
}
OF_INTEGERS = {
    "int64": lambda X: X.astype(np.int64),
    "uint8": lambda X: X.astype(np.uint8),
    "int32 list": lambda X: X.astype(np.int32).tolist(),
}
OF_INTEGER_TABLES = {
    "int csr": lambda X: sp.csr_array(X.astype(np.int32)),
    "nullable int frame": lambda X: frame(X.astype(np.int64), "Int64"),
    "polars int": lambda X: pl.DataFrame(X.astype(np.int32), schema=name_columns(X)),
}
OF_TRUTHS = {"bool": lambda X: X.astype(bool)}
OF_TRUTH_TABLES = {
    "bool frame": lambda X: frame(X.astype(bool)),
    "bool csr": lambda X: sp.csr_array(X.astype(bool)),
}
CONTAINERS = {
    **OF_ANY_SHAPE,
    **OF_TABLES,
    **OF_INTEGERS,
    **OF_INTEGER_TABLES,
    **OF_TRUTHS,
    **OF_TRUTH_TABLES,
    "float16": lambda X: X.astype(np.float16),
}


def _with_long_indices(X):
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def draw_container(rng, table):
    """Return the name of a container that holds the values of a table."""
    names = list(OF_ANY_SHAPE)
    is_flat = len(table.row_shape) == 1
    if is_flat:
        names += OF_TABLES
    if table.are_counts:
        names += [*OF_INTEGERS, *(OF_INTEGER_TABLES if is_flat else ())]
    if table.kind == "binary":
        names += [*OF_TRUTHS, *(OF_TRUTH_TABLES if is_flat else ())]
    if table.is_moderate:
        names.append("float16")
    return names[rng.randint(len(names))]


def wrap(X, container):
    return CONTAINERS[container](X)


def is_float32(container):
    """Return whether rows in a container are of float32 for the library."""
    return container.startswith("float32")
