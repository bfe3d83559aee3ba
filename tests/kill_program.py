"""Kill fits at random moments and begin them again: python kill_program.py FOLDER.

Prints a line of JSON for each kill. Each fit runs in a child of this process, so that
nothing has to be imported again.
"""

import hashlib
import json
import os
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

import sklearn_ae
from sklearn_ae.training import atomic, checkpointing

X, Y = load_digits(return_X_y=True)
LABELS = np.where(np.arange(len(Y)) < 300, Y, -1)
FAST = {"n_components": 6, "max_iter": 30, "random_state": 0, "floor": False}
SMALL = {"hidden_layer_sizes": (32, 16), **FAST}

CASES = {
    "AutoencoderTransformer": lambda: sklearn_ae.AutoencoderTransformer(**SMALL),
    "a share of the variance": lambda: sklearn_ae.AutoencoderTransformer(
        **{**SMALL, "n_components": 0.8}
    ),
    "layerwise": lambda: sklearn_ae.AutoencoderTransformer(
        **SMALL, pretraining="layerwise", init="random"
    ),
    "ConvAutoencoderTransformer": lambda: sklearn_ae.ConvAutoencoderTransformer(
        **FAST, channels=(4, 8)
    ),
    "DenoisingAE": lambda: sklearn_ae.DenoisingAE(**SMALL),
    "SparseAE": lambda: sklearn_ae.SparseAE(**{**SMALL, "n_components": 80}),
    "VAE": lambda: sklearn_ae.VAE(**SMALL),
    "PretrainedClassifier": lambda: sklearn_ae.PretrainedClassifier(
        sklearn_ae.DenoisingAE(**SMALL), max_iter=20, random_state=0, freeze="gradual"
    ),
}


def fit(name, file, result):
    """Fit, and write a digest of all that was learned."""
    model = CASES[name]().set_params(checkpoint=file, checkpoint_every=1)
    model.fit(X, LABELS) if name == "PretrainedClassifier" else model.fit(X)
    hasher = hashlib.sha256()
    for value in model.module_.state_dict().values():
        hasher.update(value.numpy().tobytes())
    hasher.update(repr((model.loss_curve_, model.validation_loss_curve_)).encode())
    Path(result).write_text(hasher.hexdigest())


class SlowStream:
    """A file that is written in two parts, with a mark in between."""

    def __init__(self, stream, mark):
        self.stream, self.mark = stream, mark

    def write(self, data):
        half = len(data) // 2
        self.stream.write(data[:half])
        self.stream.flush()
        self.mark.touch()
        time.sleep(0.02)
        self.stream.write(data[half:])

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stream.close()


def write_slowly(mark):
    """Let this process write slowly, and tell when it does."""
    open_unfinished = atomic._open_unfinished

    def opened(file):
        stream, unfinished = open_unfinished(file)
        return SlowStream(stream, mark), unfinished

    atomic._open_unfinished = opened


def start(name, file, result, mark=None):
    """Begin a fit in a child, and return the number of its process."""
    child = os.fork()
    if child:
        return child
    try:
        if mark is not None:
            write_slowly(mark)
        fit(name, file, result)
    finally:
        os._exit(0)


def wait_for_write(child, mark, n_writes):
    """Return when the child is within the n-th write; it may end before."""
    for _ in range(n_writes):
        mark.unlink(missing_ok=True)
        while (
            not mark.exists()
            and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        ):
            time.sleep(0.001)


def kill_once(name, folder, duration, random, in_write):
    """Kill a fit and begin it again; return what came of it, or None if it was done."""
    file, result, mark = (folder / part for part in ("fit.ckpt", "result", "mark"))
    for path in (*folder.glob("fit*"), result):
        path.unlink(missing_ok=True)
    child = start(name, file, result, mark if in_write else None)
    if in_write:
        wait_for_write(child, mark, int(random.randint(1, 25)))
    else:
        time.sleep(random.uniform(0, duration))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) or result.exists():
        return None
    leftovers = len(list(folder.glob("fit*.tmp")))
    runs = checkpointing._read(file)["runs"] if file.exists() else None
    os.waitpid(start(name, file, result), 0)
    return {
        "case": name,
        "in_write": leftovers > 0,
        "at": None if runs is None else [run["n_done"] for run in runs],
        "digest": result.read_text() if result.exists() else None,
        "left": sorted(path.name for path in folder.glob("fit*")),
    }


def kill_often(name, folder, random, n_kills, n_in_write):
    """Kill fits of one kind, and print what came of it."""
    result = folder / "undisturbed"
    started = time.monotonic()
    os.waitpid(start(name, folder / "undisturbed.ckpt", result), 0)
    duration = time.monotonic() - started
    n_done = 0
    while n_done < n_kills:
        told = kill_once(name, folder, duration, random, n_done < n_in_write)
        if told is not None:
            n_done += 1
            told["is_equal"] = told.pop("digest") == result.read_text()
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    sklearn_ae.AutoencoderTransformer(max_iter=1).fit(X)  # imports what it takes
    for case in CASES:
        place = Path(sys.argv[1]) / case.replace(" ", "-")
        place.mkdir()
        kill_often(case, place, np.random.RandomState(len(case)), 9, 3)
