"""The library as a guest in a program: its threads, its forks, torch's modes."""

import contextlib
import copy
import os
import pickle
import random
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import skops.io
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
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
from sklearn_ae.exceptions import (
    CodeCollapseWarning,
    DeadUnitsWarning,
    PCAFloorWarning,
    PosteriorCollapseWarning,
)
from sklearn_ae.persistence import SKOPS_TYPES

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


class Unwilling(Callback):
    """A callback that cannot be prepared for training."""

    def initialize(self):
        raise AssertionError("nothing is to be trained")


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


def fit_on(model, rows):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=PCAFloorWarning)
        warnings.filterwarnings("ignore", category=CodeCollapseWarning)
        warnings.filterwarnings("ignore", category=DeadUnitsWarning)
        warnings.filterwarnings("ignore", category=PosteriorCollapseWarning)
        return model.fit(rows, Y)


def fit(model):
    return fit_on(model, X)


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


@pytest.mark.parametrize(
    ("n_threads", "n_fits"), [(4, 1), pytest.param(8, 50, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", MODELS)
def test_fits_in_threads_are_those_of_one_thread(name, n_threads, n_fits, known):
    _, wanted = known(name)
    before = read_state()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = run_in_threads(
            lambda: fit_quietly(clone(MODELS[name])), n_threads, n_fits
        )
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


# --------------------------------------------------------------- processes and threads

# Fits with two threads, then works in other processes, which must end and agree.
PROGRAM = """
import os, sys, warnings
import joblib, multiprocessing, numpy as np, torch
from sklearn.datasets import load_digits
from sklearn_ae import AutoencoderTransformer, VAE

def work(model, X):
    torch.set_num_threads(1)
    again = type(model)(**model.get_params()).fit(X[:200])
    return model.transform(X), again.transform(X)

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"
    torch.set_num_threads(2)
    X = load_digits().data
    options = dict(max_iter=2, init="random", random_state=0)
    models = [AutoencoderTransformer(4, **options), VAE(4, **options)]
    models = [model.fit(X) for model in models]
    assert torch.get_num_threads() == 2
    for backend in sys.argv[1:]:
        if backend in ("fork", "spawn"):
            with multiprocessing.get_context(backend).Pool(2) as pool:
                found = pool.starmap(work, [(model, X) for model in models])
        else:
            with joblib.parallel_config(backend=backend, n_jobs=2):
                found = joblib.Parallel()(
                    joblib.delayed(work)(model, X) for model in models
                )
        torch.set_num_threads(2)
        for model, (codes, others) in zip(models, found):
            np.testing.assert_allclose(codes, model.transform(X), atol=1e-4)
        if backend == sys.argv[1]:
            first = found
        for parts in zip(first, found):
            for one, other in zip(*parts):
                np.testing.assert_array_equal(one, other)
        print(backend, "agrees", flush=True)
"""


def run_program(source, arguments, path, timeout):
    """Run a program in a process of its own; return what it prints."""
    file = path / "program.py"
    file.write_text(source)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "2",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(file), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_processes_end_and_agree(tmp_path):
    backends = ["fork", "multiprocessing"]
    printed = run_program(PROGRAM, backends, tmp_path, timeout=120)
    assert printed.splitlines() == [f"{name} agrees" for name in backends]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    "backend", ["fork", "spawn", "loky", "threading", "multiprocessing"]
)
def test_every_backend_ends_within_a_minute_and_agrees(backend, tmp_path):
    printed = run_program(PROGRAM, [backend], tmp_path, timeout=60)
    assert printed.splitlines() == [f"{backend} agrees"]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_thousand_calls_of_each_verb_in_eight_threads_are_those_of_one(name, known):
    model, wanted = known(name)
    before = read_state()
    for found in run_in_threads(lambda: use(model), 8, 125):
        assert_same(found, wanted)
    assert read_state() == before


def test_what_is_silent_starts_no_thread(tmp_path):
    program = """
import threading, warnings
from sklearn.datasets import load_iris
from sklearn_ae import AutoencoderTransformer, code_size_curve, compare
warnings.simplefilter("ignore")
X, ae = load_iris().data, AutoencoderTransformer(2, max_iter=2)
ae.fit(X)
compare(X, n_components=[1], estimators=[ae], cv=2)
code_size_curve(AutoencoderTransformer(2, nested=True, max_iter=2), X, cv=2)
print([thread.name for thread in threading.enumerate()])
"""
    assert run_program(program, [], tmp_path, timeout=60) == "['MainThread']\n"


def test_a_program_that_only_imports_keeps_its_threads_in_a_child(tmp_path):
    program = """
import os, torch, sklearn_ae.base
torch.set_num_threads(2)
child = os.fork()
if child == 0:
    os._exit(torch.get_num_threads())
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run_program(program, [], tmp_path, timeout=60) == "2\n"


# torch has had faults of memory in layers that see frozen ones, which end a program.
LAYERS = """
import itertools, sys, warnings
import torch
from sklearn.datasets import load_digits
from sklearn_ae import ConvAutoencoderTransformer, PretrainedClassifier

warnings.simplefilter("ignore")
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
X, y = X[:41], y[:41]
shapes = [(8, 8), (64,), (4, 4, 4)] if "all" in sys.argv else [(8, 8)]
precisions = ["float32", "bfloat16"] if "all" in sys.argv else ["float32"]
n_fits = 0
for norm, down, up, freeze, shape, precision in itertools.product(
    (None, "batch", "group"),
    ("stride", "max_pool", "avg_pool"),
    ("transpose", "nearest", "bilinear", "zeros", "unpool"),
    ("none", "encoder", "gradual"),
    shapes,
    precisions,
):
    if up == "unpool" and down != "max_pool":
        continue
    choices = norm, down, up, freeze, shape, precision
    is_central = norm is not None and up in ("transpose", "unpool")
    if "all" not in sys.argv and not is_central:
        continue
    print(*choices, file=sys.stderr, flush=True)
    conv = ConvAutoencoderTransformer(
        4, channels=(4, 8), image_shape=shape, normalization=norm, downsampling=down,
        upsampling=up, init="random", max_iter=1, precision=precision,
        hidden_layer_sizes=(8,),
    )
    PretrainedClassifier(
        conv, freeze=freeze, max_iter=4, batch_size=7, random_state=0,
        reconstruction_weight=0.0 if freeze == "encoder" else 0.1,
        consistency_weight=0.1,
    ).fit(X, y)
    n_fits += 1
print(n_fits)
"""


def test_normalisations_do_not_fault_where_layers_are_frozen(tmp_path):
    assert run_program(LAYERS, [], tmp_path, timeout=120) == "24\n"


@pytest.mark.slow
def test_no_layer_faults_where_others_are_frozen(tmp_path):
    assert run_program(LAYERS, ["all"], tmp_path, timeout=600) == "702\n"


# ------------------------------------------------------------------- files and layouts


def one_row_of_a_table(X):
    table = np.zeros(len(X), dtype=[("mark", "i1"), ("values", X.dtype, X.shape[1])])
    table["values"] = X
    return table["values"][:1]


LAYOUTS = {
    "one reversed row": lambda X: np.ascontiguousarray(X[::-1])[::-1][:1],
    "a reversed row": lambda X: X[:1, ::-1].copy()[:, ::-1],
    "row of a structured array": one_row_of_a_table,
    "fortran": lambda X: np.asfortranarray(X)[:1],
    "other byte order": lambda X: X[:1].astype(X.dtype.newbyteorder()),
    "broadcast": lambda X: np.broadcast_to(X[0], (1, X.shape[1])),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["plain", "conv", "VAE", "regressor"])
def test_rows_of_any_layout(name, layout, dtype, known):
    model, _ = known(name)
    row = LAYOUTS[layout](X.astype(dtype))
    for verb in ("transform", "reconstruct", "score_samples", "predict", "elbo"):
        if hasattr(model, verb):
            function = getattr(model, verb)
            np.testing.assert_array_equal(function(row), function(row.copy()))
    if hasattr(model, "inverse_transform"):
        codes = LAYOUTS[layout](model.transform(X).astype(dtype))
        np.testing.assert_array_equal(
            model.inverse_transform(codes), model.inverse_transform(codes.copy())
        )


@pytest.mark.parametrize("name", MODELS)
def test_models_and_rows_in_memory_maps(name, known, tmp_path):
    model, wanted = known(name)
    joblib.dump(model, tmp_path / "model.joblib")
    np.save(tmp_path / "X.npy", X)
    again = joblib.load(tmp_path / "model.joblib", mmap_mode="r")  # warns of nothing
    assert_same(use(again), wanted)
    rows = np.load(tmp_path / "X.npy", mmap_mode="r")
    fitted = fit_on(clone(MODELS[name]), rows)
    assert_same(use(fitted), wanted)
    if hasattr(again, "partial_fit"):
        again.partial_fit(rows)


@pytest.mark.parametrize("name", MODELS)
def test_skops_keeps_fitted_models(name, known):
    model, wanted = known(name)
    data = skops.io.dumps(model)
    found = skops.io.get_untrusted_types(data=data)
    # Functions of the user's own are trusted by name.
    own = [kind for kind in found if kind.startswith(f"{__name__}.")]
    assert set(found) <= {*SKOPS_TYPES, *own}
    trusted = [*SKOPS_TYPES, *own]
    assert_same(use(skops.io.loads(data, trusted=trusted)), wanted)


def test_skops_keeps_whole_pipelines_and_trusts_our_types_alone():
    ae = clone(PLAIN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make_pipeline(StandardScaler(), ae, LogisticRegression()).fit(X, Y)
    again = skops.io.loads(skops.io.dumps(model), trusted=SKOPS_TYPES)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert all(kind.startswith("sklearn_ae.") for kind in SKOPS_TYPES)


@pytest.mark.parametrize("name", MODELS)
def test_equal_fits_have_equal_pickles(name, known):
    model, _ = known(name)
    assert pickle.dumps(fit(clone(MODELS[name]))) == pickle.dumps(model)


@pytest.mark.parametrize("name", MODELS)
def test_reading_a_pickle_builds_no_optimizer(name, known, monkeypatch):
    """Whatever the parameters have become, a fitted model can be read."""
    model, wanted = known(name)
    calls = []
    changed = copy.copy(model).set_params(learning_rate=-1, callbacks=[Unwilling()])
    monkeypatch.setattr(torch.optim, "AdamW", lambda *_, **__: calls.append("AdamW"))
    data = pickle.dumps(changed)
    assert_same(use(pickle.loads(data)), wanted)
    assert calls == []
