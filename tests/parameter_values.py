"""Values of every parameter of every estimator, from the parameter constraints."""

import tempfile
from numbers import Integral
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import KFold
from sklearn.utils._param_validation import Interval, StrOptions, make_constraint
from skorch.callbacks import Callback
from torch import nn

import sklearn_ae
from sklearn_ae import (
    AutoencoderTransformer,
    ConvArchitecture,
    DenoisingAE,
    DenseArchitecture,
)

ESTIMATORS = [
    getattr(sklearn_ae, name)
    for name in sklearn_ae.__all__
    if hasattr(getattr(sklearn_ae, name), "_parameter_constraints")
]


def two_layers(n_features, n_components):
    return nn.Linear(n_features, n_components), nn.Linear(n_components, n_features)


def halve(X):
    return X / 2


# Lives as long as the tests run.
CHECKPOINTS = tempfile.TemporaryDirectory()

# What constraints by type cannot say.
BY_NAME = {
    "activation": ["gelu", "relu", "elu", "silu", "tanh", "logistic"],
    "architecture": [
        None,
        DenseArchitecture(8),
        ConvArchitecture(),
        two_layers,
    ],
    "autoencoder": [None, AutoencoderTransformer(3, max_iter=2)],
    "callbacks": [None, [], [Callback()], [("name", Callback())], (Callback(),)],
    "channels": [(4,), [4, 8], np.array([4, 8])],
    "checkpoint": [None, CHECKPOINTS.name, Path(CHECKPOINTS.name) / "new"],
    "checkpoint_every": ["auto", 1, np.int64(3), 0.0, 0.5, np.float32(30)],
    "class_weight": [None, "balanced", {0: 1.0, 1: 2.0, 2: 0.5}],
    "convs_per_block": [1, 2, (2, 1), np.int64(1)],
    "corruption": [
        *("gaussian", "masking", "dropout", "salt_and_pepper", "swap"),
        *(halve, nn.Dropout(0.2)),
    ],
    "corruption_level": [0, 0.3, np.float32(0.1)],
    "device": ["auto", "cpu", "cpu:0", torch.device("cpu")],
    "hidden_layer_sizes": [(), (8,), [8, 4], np.array([8]), 8, np.int64(8)],
    "image_shape": [None, (8, 8), (8, 8, 1), (64,), [8, 8], np.array([8, 8])],
    "kernel_size": [2, 3, (3, 5), np.int64(3)],
    "learning_rate": [1e-6, 1e-3, np.float32(1e-2), 1],
    "missing_label": [-1, -9, None, np.nan, "missing"],
    "n_components": [1, 3, np.int64(3), np.int32(2), 0.5, 0.9, np.float32(0.9), None],
    "contrast": [0, 0.3, 1, np.float64(0.5)],
    "nested": [False, True, (1, 3), [2], np.array([1, 2]), np.bool_(True)],
    "random_state": [None, 0, np.int64(3), np.random.RandomState(0)],
    "refinement_channels": [(), (4,), [4, 4]],
    "validation": ["auto", "random", "last", KFold(3)],
    "verbose": [0, 1, True, 2],
    "weight_decay": [0, 0.1],
}


def companions(cls, name, value):
    """Return other parameters that a value needs, as its documentation says."""
    params = {}
    if name == "bottleneck" and value == "map":
        params = {"n_components": None}
    elif name == "upsampling" and value == "unpool":
        params = {"downsampling": "max_pool"}
    elif name == "output_activation" and value is not None:
        params = {"init": "random", "scaling": None}
    elif name == "pretraining" and value is not None:
        params = {"hidden_layer_sizes": (8, 4)}
    elif name == "tied_weights" and cls is sklearn_ae.VAE:
        params = {"init": "random"}
    elif name == "size_factor" and value is not None:
        params = {"likelihood": "poisson"}
    known = cls().get_params()
    return {key: value for key, value in params.items() if key in known}


def values_of(cls, name):
    """Return values that the documentation of a parameter names."""
    known = BY_NAME.get(name, [])
    constraints = cls._parameter_constraints[name]
    values = []
    for constraint in constraints:
        values += _values(constraint)
    chosen = [v for v in known if _is_allowed(cls, name, v)]
    values = chosen if chosen else values
    strings = [v for c in constraints if isinstance(c, StrOptions) for v in c.options]
    listed = [value for value in values if isinstance(value, str)]
    return values + sorted(set(strings) - set(listed))


def _is_allowed(cls, name, value):
    constraints = map(make_constraint, cls._parameter_constraints[name])
    return any(constraint.is_satisfied_by(value) for constraint in constraints)


def _values(constraint):
    if constraint is None:
        return [None]
    if isinstance(constraint, str) and constraint == "boolean":
        return [True, False, np.bool_(True)]
    if isinstance(constraint, Interval):
        low = 0 if constraint.left is None else constraint.left
        if issubclass(constraint.type, Integral):
            return [low, low + 1, np.int64(low + 1)]
        high = low + 1 if constraint.right is None else constraint.right
        inner = [low + 0.1 * (high - low), np.float32(low + 0.3 * (high - low))]
        ends = [low] if constraint.closed in ("left", "both") else []
        return ends + inner
    if isinstance(constraint, StrOptions):
        return sorted(constraint.options)
    return []


def every_value():
    """Yield all classes, names and values."""
    for cls in ESTIMATORS:
        for name in cls._parameter_constraints:
            for value in values_of(cls, name):
                yield cls, name, value


def small(cls, params):
    """Return an estimator that is fitted quickly, unless parameters say otherwise."""
    known = cls().get_params(deep=False)
    quick = {"max_iter": 2, "random_state": 0, "n_components": 3, "batch_size": 16}
    if "autoencoder" in known:
        quick["autoencoder"] = DenoisingAE(3, max_iter=1, random_state=0)
    elif "hidden_layer_sizes" in known and "channels" not in known:
        quick["hidden_layer_sizes"] = (8,)
    quick = {name: value for name, value in quick.items() if name in known}
    return cls(**{**quick, **params})
