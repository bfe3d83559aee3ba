"""Mistakes: each makes one thing of a valid case wrong."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_ae import (
    AutoencoderTransformer,
    ConvArchitecture,
    ConvAutoencoderTransformer,
    DenseArchitecture,
)

_OF_NETWORKS = {*ConvArchitecture.names(), *DenseArchitecture.names()}

# Values that no parameter of the name takes, beside those found from constraints.
_WRONG = {
    "callbacks": [[print], [3]],
    "channels": [(), (0,), ("a",), (2.5,)],
    "checkpoint": [3],
    "corruption_level": [np.nan, -1],
    "device": ["cuda:99", "abacus"],
    "hidden_layer_sizes": [(8, 0), (2.5,), (True,), "many", -3],
    "image_shape": [(7, 9), (), (0, 64), ("a", "b"), (2, 2, 2, 8)],
    "kernel_size": [0, (3, 0), (3, 3, 3, 3), 2.5],
    "learning_rate": [np.nan, 0, -1],
    "nested": [(), (0,), (1.5,), (10**6,)],
    "n_components": [0, -2, "mle", 10**6, np.nan],
    "random_state": [-1, "seed"],
    "validation": [3, "first"],
    "validation_fraction": [0, 1, 1.5, 0.9999],
    "convs_per_block": [0, (1,), (1, 2, 3)],
    "refinement_channels": [(0,), ("a",)],
}


def wrong_parameter(case, rng):
    """Give one parameter a value that it does not take."""
    names = sorted(case.model._parameter_constraints)
    name = names[rng.randint(len(names))]
    constraints = case.model._parameter_constraints[name]
    values = [object(), *_WRONG.get(name, [])]
    for constraint in constraints:
        if isinstance(constraint, Interval) and constraint.left is not None:
            values.append(constraint.left - 1)
        if isinstance(constraint, StrOptions) and name not in ("device", "checkpoint"):
            values.append("no such")
    # Where codes are plain alone is there such a thing as too wide a code.
    is_plain = type(case.model) in (AutoencoderTransformer, ConvAutoencoderTransformer)
    if name == "n_components" and not is_plain:
        values.remove(10**6)
    if case.verb == "partial_fit" and name in ("validation_fraction", "validation"):
        values = [object()]
    if name == "validation_fraction" and not _holds_out(case):
        values = [object(), -1, 1.5]
    if name == "device" and hasattr(case.model, "net_"):
        values = [object()]  # later passes stay where the first was
    value = values[rng.randint(len(values))]
    if name in _OF_NETWORKS and hasattr(case.model, "architecture"):
        case.model.set_params(architecture=None)  # which would take its place
    case.model.set_params(**{name: value})
    return f"{name}={value!r}"


def _holds_out(case):
    return (
        case.model.early_stopping
        and "X_val" not in case.fit_params
        and (getattr(case.model, "validation", "random") in ("random",))
        and not hasattr(case.model, "autoencoder")
    )


def _flat(case):
    return case.table.copy()


def _with_value(case, value):
    X = _flat(case)
    X[-1, -1] = value
    return X


def _ragged(case):
    rows = _flat(case).tolist()
    rows[0] = rows[0] + [1.0]
    return rows


def _words(case):
    X = _flat(case).astype(object)
    X[0, 0] = "a"
    return X


def _missing(case):
    X = pd.DataFrame(_flat(case)).astype("Float64")
    X.iloc[0, 0] = pd.NA
    return X.set_axis([f"c{i}" for i in range(X.shape[1])], axis=1)


_ROWS = {
    "NaN": lambda case: _with_value(case, np.nan),
    "infinity": lambda case: _with_value(case, -np.inf),
    "too large": lambda case: _with_value(case, 1e19),
    "sparse NaN": lambda case: sp.csr_array(_with_value(case, np.nan)),
    "NA": _missing,
    "words": _words,
    "word array": lambda case: np.full(case.table.shape, "a"),
    "ragged": _ragged,
    "one axis": lambda case: _flat(case)[0],
    "five axes": lambda case: _flat(case)[:, None, None, None],
    "no axis": lambda case: 3.0,
    "no rows": lambda case: _flat(case)[:0],
    "no columns": lambda case: _flat(case)[:, :0],
    "one row": lambda case: _flat(case)[:1],
    "constant": lambda case: np.ones_like(case.table),
    "complex": lambda case: _flat(case) * 1j,
    "none": lambda case: None,
    "iterator": lambda case: iter(_flat(case)),
    "dict": lambda case: {"a": [1.0, 2.0]},
    "bytes": lambda case: np.full(case.table.shape, b"a"),
    "records": lambda case: np.zeros(len(case.table), dtype=[("a", "f8"), ("b", "f8")]),
    "mixed frame": lambda case: pd.DataFrame({"a": ["x"] * len(case.table), "b": 1.0}),
    "text": lambda case: "rows",
}


def wrong_rows(case, rng):
    """Give rows that cannot be learned from."""
    kinds = sorted(_ROWS)
    model, passes_on = case.model, case.verb == "partial_fit"
    goes_on = getattr(model, "warm_start", False) and model.__sklearn_is_fitted__()
    has_clean_rows = case.y is not None and not hasattr(model, "autoencoder")
    if passes_on:
        kinds.remove("one row")
    if passes_on or goes_on or has_clean_rows:
        kinds.remove("constant")  # what varies are the clean rows, or earlier ones
    if callable(getattr(getattr(model, "autoencoder", model), "architecture", None)):
        kinds.remove("five axes")  # a function may take rows of any
    name = kinds[rng.randint(len(kinds))]
    case.X = _ROWS[name](case)
    return name


def wrong_target(case, rng):
    """Give a predictor a target that it cannot learn; None for autoencoders."""
    if not hasattr(case.model, "autoencoder"):
        return None
    n = len(case.table)
    targets = {
        "none": None,
        "too short": np.asarray(case.y)[:-1],
        "too long": np.append(np.zeros(n), 1.0),
        "infinite": np.r_[np.inf, np.arange(n - 1.0)],
        "of three axes": np.zeros((n, 2, 2)),
        "a number": 3,
        "all missing": np.full(n, np.nan),
        "complex": np.arange(n) * 1j,
        "dictionaries": [{"a": 1}] * n,
    }
    if hasattr(case.model, "missing_label"):
        targets["of two columns"] = np.arange(2 * n).reshape(n, 2)
        targets["continuous"] = np.linspace(0.1, 0.9, n)
        targets["mixed"] = np.array(["a", 1] * n, dtype=object)[:n]
    else:
        targets["words"] = np.array(["a"] * n)
    names = sorted(targets)
    name = names[rng.randint(len(names))]
    case.y = targets[name]
    return f"y {name}"


def wrong_argument(case, rng):
    """Give another argument of fit that does not belong to X."""
    n, p = case.table.shape
    if case.verb == "partial_fit":
        return None
    choices = {
        ("groups", "too short"): np.zeros(n - 1),
        ("groups", "missing"): np.r_[np.nan, np.zeros(n - 1)],
        ("groups", "of two columns"): np.zeros((n, 2)),
    }
    if hasattr(case.model, "autoencoder"):
        choices |= {
            ("sample_weight", "negative"): np.r_[-1.0, np.ones(n - 1)],
            ("sample_weight", "too long"): np.ones(n + 1),
            ("sample_weight", "missing"): np.r_[np.nan, np.ones(n - 1)],
            ("sample_weight", "all zero"): np.zeros(n),
            ("sample_weight", "words"): np.full(n, "a"),
        }
    else:
        choices |= {
            ("X_val", "wider"): np.zeros((3, p + 1)),
            ("X_val", "NaN"): np.full((3, p), np.nan),
            ("X_val", "empty"): np.zeros((0, p)),
            ("X_val", "one axis"): np.zeros(p),
            ("X_val", "words"): np.full((3, p), "a"),
        }
    names = sorted(choices)
    at = names[rng.randint(len(names))]
    case.fit_params = {**case.fit_params, at[0]: choices[at]}
    return " ".join(at)


def contradiction(case, rng):
    """Set two parameters that contradict each other."""
    pairs = [
        {"output_activation": "logistic", "init": "pca", "architecture": None},
        {"upsampling": "unpool", "downsampling": "stride", "architecture": None},
        {"kernel_size": 1, "downsampling": "stride", "architecture": None},
        {"bottleneck": "map", "n_components": 1, "architecture": None},
        {"corruption": "masking", "corruption_level": 1.5},
        {"pretraining": "layerwise", "hidden_layer_sizes": (), "architecture": None},
        {"free_bits": 0.5, "n_importance_samples": 3},
        {"size_factor": "sum", "likelihood": "gaussian"},
        {
            **{"likelihood": "gaussian", "tied_weights": True, "init": "pca"},
            "architecture": None,
        },
        {"sparsity": "topk", "n_components": 1, "n_nonzero_coefs": 2},
        {"sparsity": "l1", "transform_n_nonzero_coefs": 2},
        {"freeze": "encoder", "reconstruction_weight": 1.0},
        {"nested": (2, 3), "n_components": 1},
        {"code_activation": "relu", "nested": True},
    ]
    known = case.model.get_params(deep=False)
    pairs = [pair for pair in pairs if pair.keys() - {"architecture"} <= known.keys()]
    if not pairs:
        return None
    pair = pairs[rng.randint(len(pairs))]
    pair = {name: value for name, value in pair.items() if name in known}
    case.model.set_params(**pair)
    return f"{pair}"


MISTAKES = [
    *(wrong_parameter, wrong_parameter, wrong_rows, wrong_rows),
    *(wrong_target, wrong_argument, contradiction),
]


def wrong_queries(model, table):
    """Yield names and calls of a fitted model that must be refused."""
    p = table.shape[1]
    rows = {
        "wider": np.zeros((2, p + 1)),
        "one axis": np.zeros(p),
        "NaN": np.full((2, p), np.nan),
        "empty": np.zeros((0, p)),
        "too large": np.full((2, p), 1e20),
        "words": np.full((2, p), "a"),
        "none": None,
    }
    for verb in ("transform", "reconstruct", "score_samples", "predict", "elbo"):
        if hasattr(model, verb):
            for name, X in rows.items():
                yield f"{verb} {name}", lambda X=X, verb=verb: getattr(model, verb)(X)
    if hasattr(model, "inverse_transform"):
        wide = np.zeros((2, model.n_components_ + 1))
        yield "wide code", lambda: model.inverse_transform(wide)
        yield "NaN code", lambda: model.inverse_transform(wide[:, 1:] * np.nan)
    if hasattr(model, "sample"):
        yield "sample 0", lambda: model.sample(0)
        yield "sample 1.5", lambda: model.sample(1.5)
        yield "no draws", lambda: model.log_likelihood(table, 0)
    if hasattr(model, "truncate") and model.nested is not False:
        yield "truncate 0", lambda: model.truncate(0)
        yield "truncate far", lambda: model.truncate(10**6)
