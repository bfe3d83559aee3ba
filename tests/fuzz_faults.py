"""Ways in which a valid case is made invalid: each must be refused in words."""

from dataclasses import replace
from numbers import Integral, Real

import numpy as np
import pandas as pd
import scipy.sparse as sp
from parameter_values import two_layers
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvArchitecture,
    ConvAutoencoderTransformer,
    DenoisingAE,
    PretrainedClassifier,
    PretrainedRegressor,
    SparseAE,
)

PREDICTORS = PretrainedClassifier, PretrainedRegressor

# ------------------------------------------------------------------- parameters


class Nothing:
    """A value of no known type."""

    def __repr__(self):
        return "Nothing()"


BAD_BY_NAME = {
    "architecture": ["dense", 3],
    "autoencoder": ["pca", 3],
    "callbacks": ["x", [print], 3],
    "channels": [(), (4, 0), (4, -1), "few", 4, (2.5,)],
    "checkpoint": [3, 0.5],
    "class_weight": ["even", 3],
    "convs_per_block": [(1, 2, 3), (0, 1)],
    "corruption": [3, "rain"],
    "device": ["tpu", 3, "cuda:99"],
    "hidden_layer_sizes": [(8, 0), "many", (8, 2.5), (True,), -8],
    "image_shape": [(0, 3), (7, 13, 11), (1, 2, 3, 4), "square"],
    "kernel_size": [(), (0,), (3, 3, 3, 3, 3)],
    "missing_label": [[1], {}],
    "nested": [(), (0,), (2.5,), "all", (99,)],
    "random_state": ["seed", -1, 0.5],
    "refinement_channels": [(0,), "few", (2.5,)],
    "validation": ["first", 3, 0.2],
    "verbose": [-1, "loud"],
}


def bad_values(cls, name):
    """Return values that the documentation of a parameter rules out."""
    values = list(BAD_BY_NAME.get(name, []))
    allows_words = False
    for constraint in cls._parameter_constraints[name]:
        if isinstance(constraint, Interval):
            low, high, closed = constraint.left, constraint.right, constraint.closed
            values += [low - 1, np.nan, np.inf] if low is not None else []
            values += [low] if closed in ("neither", "right") else []
            values += [high + 1] if high is not None else []
        allows_words |= isinstance(constraint, str) and constraint == "boolean"
        if isinstance(constraint, StrOptions) or allows_words:
            values.append("no such word")
    values.append(Nothing())
    kinds = [c for c in cls._parameter_constraints[name] if isinstance(c, Interval)]
    if kinds and all(issubclass(c.type, Integral) for c in kinds):
        values.append(2.5)
    return [v for v in values if not _satisfies(kinds, v)]


def _satisfies(intervals, value):
    return isinstance(value, Real) and any(c.is_satisfied_by(value) for c in intervals)


def break_parameter(case, rng):
    """Set a parameter to a value out of range, or of a wrong type."""
    cls = case.cls
    names = list(cls._parameter_constraints)
    name = names[rng.randint(len(names))]
    values = bad_values(cls, name)
    changes = {name: values[rng.randint(len(values))]}
    if name == "device" and changes[name] == "cuda:99":
        changes["warm_start"] = False
    return replace(case, params={**case.params, **changes})


_BOUNDED = ConvArchitecture(channels=(4,), output_activation="logistic")

# Parameters that contradict each other.
CONTRADICTIONS = [
    (SparseAE, {"sparsity": "l1", "transform_n_nonzero_coefs": 2}),
    (SparseAE, {"sparsity": "topk", "n_components": 3, "n_nonzero_coefs": 4}),
    (VAE, {"free_bits": 0.1, "n_importance_samples": 2}),
    (VAE, {"likelihood": "gaussian", "size_factor": "sum"}),
    (VAE, {"tied_weights": True, "init": "pca", "architecture": None}),
    (VAE, {"architecture": _BOUNDED}),
    (DenoisingAE, {"nested": True, "code_activation": "relu"}),
    (DenoisingAE, {"corruption": "masking", "corruption_level": 1.0}),
    (AutoencoderTransformer, {"nested": True, "pretraining": "layerwise"}),
    (
        AutoencoderTransformer,
        {"hidden_layer_sizes": (), "pretraining": "layerwise", "architecture": None},
    ),
    (AutoencoderTransformer, {"n_components": 1000}),
    (AutoencoderTransformer, {"architecture": _BOUNDED, "scaling": "global"}),
    (AutoencoderTransformer, {"architecture": lambda n, k: None}),
    (AutoencoderTransformer, {"architecture": lambda n, k: two_layers(n + 1, k)}),
    (ConvAutoencoderTransformer, {"bottleneck": "map", "n_components": 2}),
    (ConvAutoencoderTransformer, {"upsampling": "unpool", "downsampling": "stride"}),
    (ConvAutoencoderTransformer, {"kernel_size": 1, "downsampling": "stride"}),
    (ConvAutoencoderTransformer, {"kernel_size": (3, 3), "channels": (4,)}),
    (ConvAutoencoderTransformer, {"padding": "valid", "kernel_size": 99}),
    (
        ConvAutoencoderTransformer,
        {"output_activation": "relu", "init": "pca", "bottleneck": "vector"},
    ),
    *((cls, {"freeze": "encoder", "reconstruction_weight": 0.5}) for cls in PREDICTORS),
]


def contradict(case, rng):
    """Set parameters that cannot go together."""
    found = [params for cls, params in CONTRADICTIONS if cls is case.cls]
    chosen = found[rng.randint(len(found))]
    return replace(case, params={**case.params, **chosen})


# -------------------------------------------------------------------------- rows


def with_value(value):
    def put(X, rng):
        X = np.array(X, dtype=np.float64)
        X[tuple(rng.randint(length) for length in X.shape)] = value
        return X

    return put


def with_object(value):
    def put(X, rng):
        X = np.array(X, dtype=object)
        X[tuple(rng.randint(length) for length in X.shape)] = value
        return X

    return put


def ragged(X, rng):
    rows = X.reshape(len(X), -1).tolist()
    rows[rng.randint(len(rows))].append(1.0)
    return rows


def as_flat(X):
    return np.asarray(X, dtype=np.float64).reshape(len(X), -1)


BAD_ROWS = {
    "NaN": with_value(np.nan),
    "infinity": with_value(-np.inf),
    "too large": with_value(1e19),
    "far too large": with_value(1e200),
    "None": with_object(None),
    "a word": with_object("a word"),
    "an object": with_object({"a": 1}),
    "a list": with_object([1.0, 2.0]),
    "words": lambda X, rng: np.full(X.shape, "word"),
    "numbers as bytes": lambda X, rng: np.full(X.shape, b"word"),
    "ragged": ragged,
    "no rows": lambda X, rng: X[:0],
    "no columns": lambda X, rng: as_flat(X)[:, :0],
    "one axis": lambda X, rng: as_flat(X)[0],
    "a list of numbers": lambda X, rng: as_flat(X)[0].tolist(),
    "five axes": lambda X, rng: as_flat(X)[:, :, None, None, None, None],
    "a number": lambda X, rng: 3.0,
    "a word alone": lambda X, rng: "rows",
    "nothing": lambda X, rng: None,
    "a dictionary": lambda X, rng: {"a": [1.0, 2.0], "b": [3.0, 4.0]},
    "a set": lambda X, rng: {1.0, 2.0},
    "an iterator": lambda X, rng: iter(as_flat(X)),
    "a function": lambda X, rng: len,
    "complex": lambda X, rng: X * 1j,
    "dates": lambda X, rng: np.full(X.shape, np.datetime64("2020-01-01")),
    "durations": lambda X, rng: np.full(X.shape, np.timedelta64(3, "s")),
    "records": lambda X, rng: np.zeros(len(X), dtype=[("a", float), ("b", float)]),
    "frame of words": lambda X, rng: pd.DataFrame(as_flat(X)).astype(str) + "a",
    "frame of dates": lambda X, rng: pd.DataFrame(
        {"a": pd.date_range("2020-01-01", periods=len(X))}
    ),
    "missing in frame": lambda X, rng: pd.DataFrame(
        with_value(np.nan)(as_flat(X), rng)
    ).astype("Float64"),
    "sparse NaN": lambda X, rng: sp.csr_array(with_value(np.nan)(as_flat(X), rng)),
    "sparse infinity": lambda X, rng: sp.csc_array(with_value(np.inf)(as_flat(X), rng)),
    "sparse, too large": lambda X, rng: sp.csr_array(with_value(1e19)(as_flat(X), rng)),
    "sparse, complex": lambda X, rng: sp.csr_array(as_flat(X) * 1j),
    "sparse, one axis": lambda X, rng: sp.coo_array(as_flat(X)[0]),
}
# Rows that are wrong in a fit alone.
BAD_TRAINING_ROWS = {
    "one row": lambda X, rng: X[:1],
    "equal rows": lambda X, rng: np.repeat(X[:1], 4, axis=0),
    "zeros": lambda X, rng: np.zeros_like(X),
    "sparse zeros": lambda X, rng: sp.csr_array(as_flat(np.zeros_like(X))),
    "too small": lambda X, rng: np.linspace(0, 1e-40, X.size).reshape(X.shape),
}


def break_rows(case, rng):
    """Replace rows by such that no fit can take."""
    known = {**BAD_ROWS, **BAD_TRAINING_ROWS}
    name = list(known)[rng.randint(len(known))]
    return replace(case, X=known[name](case.table.X, rng), fault=name)


def break_values(case, rng):
    """Give values that a loss or a likelihood is not made for."""
    X, params = case.table.X.copy(), dict(case.params)
    if case.cls is VAE:
        name = ["bernoulli", "poisson", "negative_binomial"][rng.randint(3)]
        params["likelihood"] = name
        params["architecture"] = None
    elif "loss" in params:
        params["loss"] = "log_loss"
        params |= {"architecture": None} if "architecture" in params else {}
        params |= {"output_activation": None} if "output_activation" in params else {}
    else:
        return break_rows(case, rng)
    X[0], X[-1] = -1.5, 2.5
    return replace(case, X=X, params=params)


# ------------------------------------------------- what else a fit is given


def break_companions(case, rng):
    """Give validation rows, groups, targets or weights that do not suit."""
    choices = bad_companions(case, rng)
    what, name, value = choices[rng.randint(len(choices))]
    fit = {**case.fit, what: value}
    if what.startswith("X_clean"):
        fit.pop("X_val", None)
    return replace(case, fit=fit, fault=f"{what}: {name}")


def bad_companions(case, rng):
    """Return names of arguments, with what is wrong with them, and values."""
    X, n_rows = case.table.X, case.table.n_rows
    found = [("groups", *pair) for pair in bad_groups(n_rows).items()]
    if case.cls in PREDICTORS:
        found += [("sample_weight", *pair) for pair in bad_weights(n_rows).items()]
        found += [("y", *pair) for pair in bad_targets(case, n_rows).items()] * 2
        return found
    wide = np.ones((3, case.table.n_features + 1))
    found += [("X_val", "wide", wide)] * 4
    found += [
        ("X_val", name, change(X, rng))
        for name, change in BAD_ROWS.items()
        if name != "nothing"
    ]
    if case.cls is DenoisingAE:
        found += [
            ("X_clean", "short", as_flat(X)[:-1]),
            ("X_clean", "wide", np.ones((n_rows, X.shape[1] + 1))),
            ("X_clean", "missing", with_value(np.nan)(X, rng)),
            ("X_clean_val", "alone", as_flat(X)),
        ] * 3
    return found


def bad_groups(n_rows):
    return {
        "long": np.arange(n_rows + 1),
        "two columns": np.arange(n_rows)[:, None] + np.zeros((1, 2)),
        "None": [None] * n_rows,
        "NaN": np.full(n_rows, np.nan),
        "a word": "group",
        "a number": 3,
    }


def bad_weights(n_rows):
    return {
        "long": np.ones(n_rows + 1),
        "negative": -np.ones(n_rows),
        "NaN": np.full(n_rows, np.nan),
        "two columns": np.ones((n_rows, 2)),
        "a word": "heavy",
        "words": ["heavy"] * n_rows,
        "zeros": np.zeros(n_rows),
    }


def bad_targets(case, n_rows):
    """Return targets that a predictor cannot learn."""
    found = {
        "none": None,
        "long": np.arange(n_rows + 1),
        "a number": 3,
        "a word": "y",
        "three axes": np.zeros((n_rows, 2, 2)),
        "no rows": np.zeros(0),
        "dates": np.full(n_rows, np.datetime64("2020-01-01")),
        "complex": np.full(n_rows, 1j),
        "ragged": [[1.0]] * (n_rows - 1) + [[1.0, 2.0]],
        "infinite": np.full(n_rows, np.inf),
        "dictionaries": [{"a": 1}] * n_rows,
    }
    if case.cls is PretrainedRegressor:
        return {
            **found,
            "all missing": np.full(n_rows, np.nan),
            "a missing column": np.ones((n_rows, 2)) * [1, np.nan],
            "words": np.full(n_rows, "a"),
        }
    return {
        **found,
        "all missing": np.full(n_rows, case.params["missing_label"], dtype=object),
        "numbers": np.linspace(0, 1, n_rows),
        "two columns": np.ones((n_rows, 2)),
        "words and numbers": np.array(["a", 1] * n_rows, dtype=object)[:n_rows],
    }


BREAKS = [
    break_parameter,
    break_parameter,
    contradict,
    break_rows,
    break_rows,
    break_values,
    break_companions,
]


# ------------------------------------------------------- calls of a fitted model


def bad_calls(case, model, rng):
    """Return calls of a fitted estimator that must be refused, by name."""
    calls = {**bad_calls_with_rows(case, model, rng), **bad_numbers(case, model)}
    if hasattr(model, "inverse_transform"):
        width = model.n_components_
        codes = {n: change(np.ones((3, width)), rng) for n, change in BAD_ROWS.items()}
        # Codes of a large unit may be that large.
        del codes["too large"], codes["sparse, too large"]
        codes["wide"] = np.ones((3, width + 1))
        for name, rows in codes.items():
            calls[f"inverse_transform, {name}"] = model.inverse_transform, (rows,)
    names = list(calls)
    chosen = rng.choice(names, size=min(12, len(names)), replace=False)
    return {name: calls[name] for name in chosen}


def bad_calls_with_rows(case, model, rng):
    X, n_features = case.table.X, case.table.n_features
    known = {
        "narrow": as_flat(X)[:, :-1] if n_features > 1 else np.ones((2, 2)),
        "wide": np.hstack([as_flat(X), as_flat(X)]),
        **{name: change(X, rng) for name, change in BAD_ROWS.items()},
    }
    return {
        f"{verb}, {name}": (getattr(model, verb), (rows, *_target_of(verb, model)))
        for name, rows in known.items()
        for verb in VERBS_OF_ROWS
        if hasattr(model, verb)
    }


def _target_of(verb, model):
    return ([0, 1],) if verb == "score" and hasattr(model, "predict") else ()


def bad_numbers(case, model):
    """Return calls with numbers of rows, draws or components that cannot be."""
    calls = {}
    for verb in ("sample", "truncate", "elbo", "log_likelihood", "interpolate"):
        rows = (case.X,) if verb in ("elbo", "log_likelihood") else ()
        if verb == "interpolate":
            rows = as_flat(case.table.X)[:1], as_flat(case.table.X)[:1]
        for number in (0, -1, 2.5, "a", None, True, np.nan):
            if hasattr(model, verb):
                calls[f"{verb}, {number}"] = getattr(model, verb), (*rows, number)
    if hasattr(model, "truncate"):
        calls["truncate, many"] = model.truncate, (10**6,)
    if hasattr(model, "interpolate"):
        row = as_flat(case.table.X)[0]
        for end in (row[:0], None, "a", row * np.nan, row + 1e19, [row, row], {}):
            calls[f"interpolate, to {end}"] = model.interpolate, (row, end)
    return calls


VERBS_OF_ROWS = [
    *("transform", "reconstruct", "score_samples", "score", "denoise", "corrupt"),
    *("elbo", "log_likelihood", "predict", "predict_proba", "decision_function"),
]
