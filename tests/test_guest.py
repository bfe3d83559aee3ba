"""The library as a guest in a program: its threads, its forks, torch's modes."""

import contextlib
import pickle
import random
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from torch import nn

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    PretrainedClassifier,
    PretrainedRegressor,
    SparseAE,
)

X, Y = load_digits(return_X_y=True)
X, Y = X[:120], Y[:120]
SHORT = {"max_iter": 2, "random_state": 0, "device": "cpu"}
PLAIN = AutoencoderTransformer(4, hidden_layer_sizes=(16,), init="random", **SHORT)


def dropout_networks(n_features, n_components):
    """Return networks whose layers draw."""
    return (
        nn.Sequential(nn.Dropout(0.2), nn.Linear(n_features, n_components)),
        nn.Sequential(nn.Dropout(0.2), nn.Linear(n_components, n_features)),
    )


def shake(rows):
    """Corrupt rows by a function of one's own."""
    return rows + torch.randn_like(rows)


MODELS = {
    "plain": PLAIN,
    "nested": AutoencoderTransformer(4, nested=True, **SHORT),
    "dropout": AutoencoderTransformer(4, architecture=dropout_networks, **SHORT),
    "bfloat16": clone(PLAIN).set_params(precision="bfloat16"),
    "conv": ConvAutoencoderTransformer(4, channels=(4,), init="random", **SHORT),
    "unpool": ConvAutoencoderTransformer(
        4, channels=(4,), downsampling="max_pool", upsampling="unpool", **SHORT
    ),
    "denoising": DenoisingAE(4, corruption="swap", init="random", **SHORT),
    "own corruption": DenoisingAE(4, corruption=shake, init="random", **SHORT),
    "sparse": SparseAE(32, init="random", **SHORT),
    "VAE": VAE(4, init="random", **SHORT),
    "counts": VAE(4, likelihood="negative_binomial", init="random", **SHORT),
    "classifier": PretrainedClassifier(
        PLAIN,
        consistency_weight=0.1,
        **{name: SHORT[name] for name in ("max_iter", "random_state")},
    ),
    "regressor": PretrainedRegressor(PLAIN, max_iter=2, random_state=0),
}


def fit_quietly(model):
    """Fit; the filters of warnings belong to all threads, and are set outside."""
    return model.fit(X, Y)


def fit(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, Y)


def use(model):
    """Return what all verbs of a fitted model return."""
    found = {}
    for verb in (
        *("transform", "score_samples", "reconstruct", "denoise", "elbo"),
        *("predict", "predict_proba", "decision_function"),
    ):
        if hasattr(model, verb):
            found[verb] = getattr(model, verb)(X)
    if isinstance(model, DenoisingAE):
        found["corrupt"] = model.corrupt(X, random_state=1)
    if isinstance(model, VAE):
        found["likelihood"] = model.log_likelihood(X[:5], 20)
        found["sample"] = model.sample(5, noise=True, random_state=1)
    if getattr(model, "decoder_", None) is not None:
        found["inverse_transform"] = model.inverse_transform(found["transform"])
    if getattr(model, "nested", False):
        found["truncate"] = model.truncate(2).transform(X)
    if hasattr(model, "summary"):
        found["summary"] = np.array(str(model.summary()))
    found["score"] = model.score(X, Y)
    return found


def assert_same(found, wanted):
    assert found.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)


def read_state():
    """Return everything of the process that a call might change."""
    return [
        *(
            torch.get_rng_state().tolist(),
            str(np.random.get_state()),
            random.getstate(),
        ),
        *(torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        *(torch.get_default_dtype(), torch.get_default_device()),
        *(torch.is_autocast_enabled("cpu"), torch.get_num_threads()),
    ]


@contextlib.contextmanager
def default_type():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def default_device():
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


MODES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "set_default_dtype": default_type,
    "set_default_device": default_device,
    "device": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
}


@pytest.fixture(scope="module")
def known():
    """What each model returns, as far as it was asked for."""
    cache = {}

    def look_up(name):
        if name not in cache:
            model = fit(clone(MODELS[name]))
            cache[name] = model, use(model)
        return cache[name]

    return look_up


def run_in_threads(task, n_threads, n_times):
    """Return what a task returns in threads that begin at the same time."""
    barrier = threading.Barrier(n_threads)

    def run(_):
        barrier.wait()
        return [task() for _ in range(n_times)]

    with ThreadPoolExecutor(n_threads) as pool:
        return [found for part in pool.map(run, range(n_threads)) for found in part]


@pytest.mark.parametrize("name", MODELS)
def test_fits_in_threads_are_those_of_one_thread(name, known):
    _, wanted = known(name)
    before = read_state()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = run_in_threads(lambda: fit_quietly(clone(MODELS[name])), 4, 1)
    assert read_state() == before
    for model in models:
        assert_same(use(model), wanted)


@pytest.mark.parametrize("name", MODELS)
def test_calls_in_threads_do_not_see_each_other(name, known):
    model, wanted = known(name)
    before = read_state()
    for found in run_in_threads(lambda: use(model), 4, 3):
        assert_same(found, wanted)
    assert read_state() == before


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", MODELS)
def test_modes_of_torch_change_nothing_and_are_left_as_they_were(name, mode, known):
    _, wanted = known(name)
    with MODES[mode]():
        before = read_state()
        model = fit(clone(MODELS[name]))
        copy = pickle.loads(pickle.dumps(model))
        assert_same(use(model), wanted)
        assert read_state() == before
    assert_same(use(model), wanted)
    assert_same(use(copy), wanted)
