"""What is written in any format comes back bit by bit, and takes little room.

The parts that ONNX has are in test_onnx.py.
"""

import pickle
import re
import zipfile
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import skops.io
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold
from skorch.callbacks import Callback
from torch import nn

import sklearn_ae
from sklearn_ae import ConvArchitecture, ConvAutoencoderTransformer, DenoisingAE
from sklearn_ae.persistence import SKOPS_TYPES

from ..parameter_values import (
    ESTIMATORS,
    companions,
    every_value,
    halve,
    small,
    two_layers,
)
from .comparing import assert_equal, fit_quietly, learned, use

X, Y = load_digits(n_class=3, return_X_y=True)
X, Y = X[:90], Y[:90]
FRAME = pd.DataFrame(X + 0.5, columns=[f"pixel {i}" for i in range(64)])

# What is the user's in some values of parameters, and handed to ``load``.
CUSTOM = {
    "halve": halve,
    "two_layers": two_layers,
    "Callback": Callback(),
    "Dropout": nn.Dropout(0.2),
}

# Types of such values, which skops has to be told as well.
USERS = [
    f"{kind.__module__}.{kind.__qualname__}"
    for kind in (
        *(halve, two_layers, Callback, nn.Dropout),
        *(KFold, type(Path()), torch.device),
    )
]


def write_pickle(model, path):
    path.write_bytes(pickle.dumps(model))


def read_pickle(path):
    return pickle.loads(path.read_bytes())


def write_cloudpickle(model, path):
    path.write_bytes(cloudpickle.dumps(model))


def read_mapped(path):
    return joblib.load(path, mmap_mode="r")


def write_skops(model, path):
    # Uncompressed, its text takes 60 to 200 kB more.
    skops.io.dump(model, path, compression=zipfile.ZIP_DEFLATED)


def read_skops(path):
    return skops.io.load(path, trusted=[*SKOPS_TYPES, *USERS])


def read_ours(path):
    return sklearn_ae.load(path, CUSTOM)


WAYS = {
    "pickle": (write_pickle, read_pickle),
    "joblib": (joblib.dump, joblib.load),
    "joblib, mapped": (joblib.dump, read_mapped),
    "cloudpickle": (write_cloudpickle, read_pickle),
    "skops": (write_skops, read_skops),
    "save": (sklearn_ae.save, read_ours),
}

ROWS = {
    "floats": X + 0.5,
    "frame": FRAME,
    "sparse rows": sp.csr_array(X),
    "images": X.reshape(-1, 8, 8),
    "counts": X,
    "nested": X,
}


def set_up(cls, kind):
    """Return an estimator for a kind of rows; None if it has nothing to do with it."""
    known = cls().get_params(deep=False)
    if "autoencoder" in known:
        inner = ConvAutoencoderTransformer if kind == "images" else DenoisingAE
        model = small(cls, {"autoencoder": set_up(inner, kind)})
        return model
    params = {"floor": False}
    if kind == "images" and "channels" not in known:
        params["architecture"] = ConvArchitecture(channels=(4,))
    if kind == "counts" and "likelihood" in known:
        params["likelihood"] = "negative_binomial"
    if kind == "nested":
        if "nested" not in known:
            return None
        params["nested"] = True
    return small(cls, params)


def n_learned_bytes(model):
    """Return the size of the weights, and of the PCA that they are compared with."""
    pca = getattr(model._model, "autoencoder", model._model).pca
    arrays = list(model.module_.state_dict().values())
    if pca is not None:
        arrays += [v for v in vars(pca).values() if isinstance(v, np.ndarray)]
    inner = getattr(model, "autoencoder_", None)
    return sum(a.nbytes for a in arrays) + (n_learned_bytes(inner) if inner else 0)


def describe(model):
    """Return what a model says of itself, but for addresses, maps and line breaks."""
    text = re.sub(" at 0x[0-9a-fA-F]+", "", repr(model)).replace("memmap(", "array(")
    return text.split()


def check(model, rows, way, path):
    """Write and read a fitted estimator, and compare all that it returns."""
    write, read = WAYS[way]
    write(model, path)
    again = read(path)
    assert_equal(use(again, rows), use(model, rows))
    assert_equal(learned(again), learned(model))
    if way == "save":  # which keeps no path
        again.set_params(checkpoint=model.checkpoint)
    assert describe(again) == describe(model)
    n_networks = 2 if hasattr(model, "autoencoder_") else 1
    limit = 1.1 * n_learned_bytes(model) + 20_000 * n_networks
    assert path.stat().st_size <= limit


CASES = [
    pytest.param(
        cls,
        kind,
        id=f"{cls.__name__}-{kind}",
        marks=() if kind == "frame" else pytest.mark.slow,
    )
    for cls in ESTIMATORS
    for kind in ROWS
    if set_up(cls, kind) is not None
]


@pytest.mark.parametrize(("cls", "kind"), CASES)
def test_what_was_written_comes_back_bit_by_bit(cls, kind, tmp_path):
    model, rows = set_up(cls, kind), ROWS[kind]
    fit_quietly(model, rows, Y)
    for way in WAYS:
        check(model, rows, way, tmp_path / "model")


VALUES = list(every_value())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cls", "name", "value"),
    VALUES,
    ids=[f"{cls.__name__}-{name}-{i}" for i, (cls, name, _) in enumerate(VALUES)],
)
def test_every_value_of_a_parameter_comes_back(cls, name, value, tmp_path):
    rows, targets = X, Y
    if isinstance(value, str) and value in ("log_loss", "bernoulli"):
        rows = X / 16
    if name == "missing_label":
        targets = Y.astype(object)
        targets[::4] = value
    model = small(cls, {**companions(cls, name, value), name: value})
    fit_quietly(model, rows, targets)
    for way in WAYS:
        check(model, rows, way, tmp_path / "model")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cls", [sklearn_ae.VAE, sklearn_ae.PretrainedRegressor])
def test_what_comes_from_a_gpu_is_read_without_one(cls, way, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    model = fit_quietly(small(cls, {}), X, Y)
    expected = use(model, X)
    # As after a fit on a GPU: files hold names of devices, and arrays.
    for part in (model, getattr(model, "autoencoder", model)):
        part.set_params(**{"device": "cuda"} if hasattr(part, "device") else {})
    for part in (model._model, getattr(model._model, "autoencoder", model._model)):
        vars(part)["device"] = torch.device("cuda", 0)
    write, read = WAYS[way]
    write(model, tmp_path / "model")
    again = read(tmp_path / "model")
    assert_equal(use(again, X), expected)
    assert {p.device.type for p in again.module_.parameters()} == {"cpu"}
    if hasattr(again, "partial_fit"):
        again.partial_fit(X)
        assert again.device_ == "cpu"
    with pytest.raises(ValueError, match="device must name a device that torch"):
        again.fit(X, Y)
