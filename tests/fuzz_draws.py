"""Random valid cases: parameters that agree, rows that suit them, and a container."""

import tempfile
from dataclasses import dataclass, field
from math import prod
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse as sp
from parameter_values import companions, small, values_of
from sklearn.model_selection import KFold

import sklearn_ae
from sklearn_ae import (
    ConvAutoencoderTransformer,
    DenoisingAE,
    DenseArchitecture,
    SparseAE,
)
from sklearn_ae.base import BaseAutoencoder

# Values that make fits long.
_LEFT_OUT = {"max_iter", "verbose", "autoencoder"}

_AUTOENCODERS = [
    getattr(sklearn_ae, name)
    for name in sklearn_ae.__all__
    if isinstance(getattr(sklearn_ae, name), type)
    and issubclass(getattr(sklearn_ae, name), BaseAutoencoder)
]

# Lives as long as the process.
_FOLDER = tempfile.TemporaryDirectory()


@dataclass
class Case:
    """An estimator and what it is fitted to."""

    model: Any
    X: Any
    y: Any = None
    fit_params: dict = field(default_factory=dict)
    verb: str = "fit"
    table: np.ndarray | None = None
    row_shape: tuple[int, ...] = ()
    container: str = ""

    def fit(self):
        return getattr(self.model, self.verb)(self.X, self.y, **self.fit_params)

    def __repr__(self):
        return (
            f"{self.model!r}.{self.verb}({self.table.shape} as {self.container}, "
            f"rows {self.row_shape}, y {np.shape(self.y)}, {list(self.fit_params)})"
        )


# ------------------------------------------------------------------------------ rows


def heavy_tails(rng, n, p):
    return np.clip(rng.standard_cauchy((n, p)), -1e9, 1e9)


def constant_columns(rng, n, p):
    X = rng.standard_normal((n, p))
    X[:, 1:][:, ::2] = rng.standard_normal()
    return X


def one_other_row(rng, n, p):
    X = np.repeat(rng.standard_normal((1, p)), n, axis=0)
    X[rng.randint(n)] += 1
    return X


def repeated_rows(rng, n, p):
    X = rng.standard_normal((n, p))
    X[::2] = X[0]
    return X


def far_from_zero(rng, n, p):
    return rng.standard_normal((n, p)) + 10.0 ** rng.randint(2, 7)


def in_another_unit(rng, n, p):
    X = rng.standard_normal((n, p))
    return X / np.abs(X).max() * 10.0 ** rng.choice([-21, -15, -6, 4, 9, 15, 18])


def in_many_units(rng, n, p):
    return rng.standard_normal((n, p)) * np.logspace(-6, 6, p)


def low_rank(rng, n, p):
    return rng.standard_normal((n, 1)) @ rng.standard_normal((1, p))


def normal(rng, n, p):
    return rng.standard_normal((n, p))


def counts(rng, n, p):
    return rng.poisson(2.0, (n, p)).astype(float)


def rare_counts(rng, n, p):
    return rng.poisson(0.2, (n, p)).astype(float) * rng.randint(1, 40)


def shares(rng, n, p):
    return rng.uniform(size=(n, p))


def bits(rng, n, p):
    return (rng.uniform(size=(n, p)) < 0.3).astype(float)


def bytes_(rng, n, p):
    return rng.randint(256, size=(n, p)).astype(float)


_OF_COUNTS, _OF_SHARES = [counts, rare_counts, bits], [shares, bits]
_OF_ONE_UNIT = [normal, counts, shares, bits, repeated_rows, low_rank, one_other_row]
_OF_ANY = [
    *(heavy_tails, constant_columns, far_from_zero, in_another_unit, in_many_units),
    *(rare_counts, bytes_, *_OF_ONE_UNIT),
]


def draw_table(rng, model, shape):
    """Return rows of float64 that suit the loss, and vary."""
    params = model.get_params(deep=False)
    kinds = _OF_ANY
    if params.get("likelihood") in ("poisson", "negative_binomial"):
        kinds = _OF_COUNTS
    elif "bernoulli" in str(params.get("likelihood")) or (
        params.get("loss") == "log_loss"
    ):
        kinds = _OF_SHARES
    elif params.get("scaling", 0) is None:
        kinds = _OF_ONE_UNIT
    X = kinds[rng.randint(len(kinds))](rng, *shape)
    if (X == X[0]).all():
        X[0, 0] = 0.0 if X[0, 0] else 1.0
    return X


def draw_row_shape(rng, model):
    """Return the shape of a row."""
    autoencoder = getattr(model, "autoencoder", model)
    is_conv = isinstance(autoencoder, ConvAutoencoderTransformer)
    if isinstance(getattr(autoencoder, "architecture", None), DenseArchitecture):
        is_conv = False
    if is_conv and autoencoder.image_shape is not None:
        return (64,)
    if is_conv and rng.randint(2):
        shapes = [(8, 8), (6, 5, 3), (16, 2), (1, 9, 2), (8, 8, 1)]
        return shapes[rng.randint(len(shapes))]
    return (int(rng.choice([1, 2, 3, 9, 16, 40])),)


# ------------------------------------------------------------------------ containers


def _memmap(X):
    # A file that is written anew under a map of it would end the process.
    file = Path(tempfile.mkdtemp(dir=_FOLDER.name)) / "rows.npy"
    np.save(file, X)
    return np.load(file, mmap_mode="r")


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def _names(X):
    return [f"c{i}" for i in range(X.shape[1])]


def _unsorted(X):
    X = sp.csr_array(X)
    for a, b in zip(X.indptr, X.indptr[1:], strict=False):
        X.indices[a:b], X.data[a:b] = X.indices[a:b][::-1], X.data[a:b][::-1]
    X.has_sorted_indices = False
    return X


def _long_indices(X):
    X = sp.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def _explicit_zeros(X):
    X = sp.csr_array(np.where(X == 0, 7.0, X))
    X.data[X.data == 7.0] = 0.0
    return X


_ARRAYS = {
    "array": lambda X: X,
    "float32": lambda X: X.astype(np.float32),
    "Fortran": np.asfortranarray,
    "backwards": lambda X: np.ascontiguousarray(X[::-1])[::-1],
    "mirrored": lambda X: np.ascontiguousarray(X[:, ::-1])[:, ::-1],
    "strided": lambda X: np.repeat(X, 2, axis=0)[::2],
    "read-only": _read_only,
    "memmap": _memmap,
    "big-endian": lambda X: X.astype(">f8"),
    "long double": lambda X: X.astype(np.longdouble),
    "list": lambda X: X.tolist(),
    "tuple": lambda X: tuple(map(tuple, X.tolist())),
    "objects": lambda X: X.astype(object),
}
_TABLES = {
    "DataFrame": lambda X: pd.DataFrame(X, columns=_names(X)),
    "nullable": lambda X: pd.DataFrame(X).astype("Float64").set_axis(_names(X), axis=1),
    "arrow": lambda X: (
        pd.DataFrame(X).astype("double[pyarrow]").set_axis(_names(X), axis=1)
    ),
    "indexed": lambda X: pd.DataFrame(X, columns=_names(X)).iloc[::-1],
    "polars": lambda X: pl.DataFrame(X, schema=_names(X)),
    "csr_matrix": sp.csr_matrix,
    "csr_array": sp.csr_array,
    "csc": sp.csc_array,
    "coo": sp.coo_matrix,
    "lil": sp.lil_array,
    "csr float32": lambda X: sp.csr_array(X.astype(np.float32)),
    "unsorted": _unsorted,
    "long indices": _long_indices,
    "explicit zeros": _explicit_zeros,
}
_INTEGERS = {
    "int64": lambda X: X.astype(np.int64),
    "int32": lambda X: X.astype(np.int32),
    "uint8": lambda X: X.astype(np.uint8),
    "float16": lambda X: X.astype(np.float16),
    "int csr": lambda X: sp.csr_array(X.astype(np.int64)),
    "nullable int": lambda X: pd.DataFrame(X, columns=_names(X)).astype("Int64"),
}
_BOOLEANS = {
    "bool": lambda X: X.astype(bool),
    "bool csr": lambda X: sp.csr_array(X.astype(bool)),
    "nullable bool": lambda X: pd.DataFrame(X, columns=_names(X)).astype("boolean"),
}


def draw_container(rng, X, row_shape):
    """Return the name of a container of rows, and how they are put into it."""
    containers = dict(_ARRAYS)
    if len(row_shape) == 1:
        containers |= _TABLES
    if ((X >= 0) & (X == np.floor(X)) & (X < 256)).all() and rng.randint(2):
        containers = dict(_INTEGERS)
        if X.max() <= 1:
            containers |= _BOOLEANS
    name = rng.choice(list(containers))
    wrap = containers[name]
    if len(row_shape) > 1:  # of arrays alone
        if name in _TABLES or "csr" in name or "nullable" in name:
            return "array", lambda rows: rows.reshape(len(rows), *row_shape)
        return name, lambda rows: wrap(rows.reshape(len(rows), *row_shape))
    return name, wrap


# ------------------------------------------------------------------------ parameters


def draw_params(rng, cls):
    """Return values of a few parameters, each as its documentation says."""
    names = [name for name in cls._parameter_constraints if name not in _LEFT_OUT]
    params = {}
    for name in rng.choice(names, size=rng.randint(1, 5), replace=False):
        values = values_of(cls, name)
        value = values[rng.randint(len(values))]
        params.update({**companions(cls, name, value), name: value})
    return params


def settle(model, n, p):
    """Change parameters that contradict each other, or so few rows and columns."""
    found = model.get_params(deep=False)
    limit = min(n, p)
    if isinstance(found.get("n_components"), Integral):
        model.n_components = min(model.n_components, limit)
    if isinstance(found.get("validation_fraction"), float | np.floating):
        held_out = round(float(model.validation_fraction) * n)
        if not 1 <= held_out <= n - 2:
            model.validation_fraction = "auto"
    if isinstance(found.get("validation"), KFold) and n < 9:
        model.validation = "auto"
    if found.get("checkpoint") is not None:
        model.checkpoint = tempfile.mkdtemp(dir=_FOLDER.name)
    rules = [_settle_start, _settle_code, _settle_images, _settle_noise, _settle_head]
    for rule in rules:
        rule(model, model.get_params(deep=False), limit)


def _settle_start(model, found, limit):
    if found.get("pretraining") is not None:
        model.hidden_layer_sizes, model.architecture = (8, 4), None
        model.nested = False
    if found.get("tied_weights") and "likelihood" in found:
        model.init = "random"
    if found.get("output_activation") is not None:
        model.init, model.scaling = "random", None
        if model.loss == "log_loss":
            model.loss = "squared_error"


def _settle_code(model, found, limit):
    if found.get("contrast"):
        model.nested, model.loss = False, "squared_error"
    if np.any(getattr(model, "nested", False)):
        _settle_nested(model, found, limit)
    if isinstance(model, SparseAE):
        _settle_sparsity(model, found)
    if found.get("free_bits", 0) > 0:
        model.n_importance_samples = 1
    if found.get("size_factor") is not None:
        model.likelihood = "poisson"


def _settle_nested(model, found, limit):
    sizes = [] if isinstance(model.nested, bool | np.bool_) else list(model.nested)
    model.n_components = limit
    if limit < 2:
        model.nested = False
    elif sizes and not min(sizes) < limit >= max(sizes):
        model.nested = True
    if "code_activation" in found:
        model.code_activation = None
    if "bottleneck" in found:
        model.bottleneck = "vector"
        if model.upsampling == "unpool":  # which needs more than codes
            model.upsampling = "nearest"


def _settle_sparsity(model, found):
    width = model.n_components
    for name in ("n_nonzero_coefs", "transform_n_nonzero_coefs"):
        if found[name] is not None and width is not None:
            setattr(model, name, min(found[name], width))
    if model.sparsity != "topk":
        model.transform_n_nonzero_coefs = None


def _settle_images(model, found, limit):
    if "upsampling" not in found:
        return
    if model.bottleneck == "map":
        model.n_components = None
    model.padding = "same"
    if model.normalization == "batch":
        model.normalization = "group"
    if model.upsampling == "unpool":
        model.downsampling, model.output_kernel_size = "max_pool", None
    elif np.isscalar(model.kernel_size) and model.kernel_size < 2:
        model.kernel_size = 3
    if not np.isscalar(model.kernel_size):
        model.kernel_size = [3] * len(model.channels)


def _settle_noise(model, found, limit):
    if found.get("corruption_level", 0) >= 1:
        model.corruption_level = 0.5


def _settle_head(model, found, limit):
    if found.get("freeze") == "encoder":
        model.reconstruction_weight = 0.0


def draw_model(rng, cls, row_shape=None):
    """Return an estimator of a few random parameters, not yet settled."""
    model = small(cls, draw_params(rng, cls))
    if hasattr(model, "autoencoder"):
        inner = _AUTOENCODERS[rng.randint(len(_AUTOENCODERS))]
        model.autoencoder = draw_model(rng, inner)
    return model


# ---------------------------------------------------------------------------- targets


def draw_target(rng, model, n):
    """Return a target that suits a predictor; None for autoencoders."""
    if not hasattr(model, "autoencoder"):
        return None
    if not hasattr(model, "missing_label"):
        y = rng.standard_normal((n, 2) if rng.randint(2) else n) * 10.0 ** rng.randint(
            6
        )
        if n > 4 and rng.randint(2):
            y[3] = np.nan
        return y if rng.randint(3) else pd.DataFrame(y)
    y = rng.randint(3, size=n)
    y[:2] = 0, 1
    mark = model.missing_label
    if isinstance(mark, str):
        model.class_weight = (
            None if isinstance(model.class_weight, dict) else (model.class_weight)
        )
        y = np.array(["ham", "spam", "eggs"], dtype=object)[y]
    elif mark is None or mark != mark:
        y = y.astype(object if mark is None else float)
    if n > 4 and rng.randint(2):
        y[3] = mark
    return y


def draw_fit_params(rng, model, wrap, table):
    """Return some of the other arguments of fit."""
    n, params = len(table), {}
    is_predictor = hasattr(model, "autoencoder")
    autoencoder = getattr(model, "autoencoder", model)
    has_splitter = isinstance(autoencoder.validation, KFold)
    if rng.randint(4) == 0 and n >= 12 and not has_splitter:
        params["groups"] = np.arange(n) % 5
    if is_predictor and rng.randint(3) == 0:
        params["sample_weight"] = rng.uniform(0.1, 2, size=n)
        params["sample_weight"][5:6] = 0
    if not is_predictor and rng.randint(5) == 0:
        params["X_val"] = wrap(table[: max(2, n // 2)])
    return params


def draw_case(rng, cls):
    """Return a case that must be fitted, and on which every verb must succeed."""
    model = draw_model(rng, cls)
    autoencoder = getattr(model, "autoencoder", model)
    row_shape = draw_row_shape(rng, model)
    n, p = int(rng.choice([2, 3, 5, 12, 60, 90])), prod(row_shape)
    for part in {id(model): model, id(autoencoder): autoencoder}.values():
        settle(part, n if part is model else max(2, n - 1), p)
    table = draw_table(rng, autoencoder, (n, p))
    container, wrap = draw_container(rng, table, row_shape)
    y = draw_target(rng, model, n)
    case = Case(model, wrap(table), y, table=table, row_shape=row_shape)
    case.container = container
    if hasattr(model, "partial_fit") and rng.randint(5) == 0:
        case.verb = "partial_fit"
    else:
        case.fit_params = draw_fit_params(rng, model, wrap, table)
    if isinstance(model, DenoisingAE) and rng.randint(3) == 0:
        case.y = wrap(table + 0)
        if "X_val" in case.fit_params:
            case.fit_params["X_clean_val"] = case.fit_params["X_val"]
    return case
