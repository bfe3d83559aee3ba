"""Random cases of (parameters x data x container), each fitted and used.

Run as a script with a class, a first and a last seed, it prints a line of JSON for each
case, so that a crash of the process names the case it was at. ``test_fuzz.py`` does.
"""

import json
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

sys.path.insert(0, str(Path(__file__).parent))

from parameter_values import ESTIMATORS, companions, small, values_of

# Values that make fits long, or that other parameters contradict.
_LEFT_OUT = {"max_iter", "verbose", "validation", "image_shape", "architecture"}

# Where an error may come from: checks of the library and of scikit-learn.
_CHECKING = ("sklearn_ae", "sklearn")


def draw_table(rng):
    """Return rows of one of several kinds."""
    n, p = rng.choice([2, 5, 12, 60, 90]), rng.choice([1, 3, 9, 16, 40])
    X = rng.standard_normal((n, p))
    kind = rng.randint(8)
    if kind == 0:
        X = rng.poisson(2.0, (n, p)).astype(float)
    elif kind == 1:
        X = rng.uniform(size=(n, p))
    elif kind == 2:
        X[:, 0] = 1.0
    elif kind == 3:
        X *= 10.0 ** rng.randint(-12, 12)
    elif kind == 4:
        X[::2] = X[0]
    elif kind == 5:
        X = X + 1e6
    elif kind == 6:
        X = (rng.uniform(size=(n, p)) < 0.2).astype(float)
    return X


def wrap(X, rng):
    """Return rows in one of several containers."""
    backwards = np.ascontiguousarray(X[::-1])[::-1]
    containers = [
        X,
        X.astype(np.float32),
        np.asfortranarray(X),
        backwards,
        X.tolist(),
        pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])]),
        sp.csr_matrix(X),
        sp.csr_array(X),
        sp.coo_array(X),
        np.repeat(X, 2, axis=1)[:, ::2],
    ]
    return containers[rng.randint(len(containers))]


def draw_params(cls, rng):
    """Return values of a few parameters."""
    names = [name for name in cls._parameter_constraints if name not in _LEFT_OUT]
    params = {}
    for name in rng.choice(names, size=rng.randint(1, 5), replace=False):
        values = values_of(cls, name)
        value = values[rng.randint(len(values))]
        params.update({**companions(cls, name, value), name: value})
    return params


def use(model, X):
    """Call every method that takes rows alone; return the names of those that fail."""
    for verb in ("transform", "reconstruct", "score_samples", "predict"):
        if hasattr(model, verb):
            found = getattr(model, verb)(X)
            found = found.data if sp.issparse(found) else np.asarray(found)
            if found.dtype.kind == "f" and not np.isfinite(found).all():
                raise FloatingPointError(f"{verb} returned a value that is not finite")


def run_case(cls, seed):
    """Return what is wrong with a case; None if it is fitted, or refused in words."""
    rng = np.random.RandomState(seed)
    table, params = draw_table(rng), draw_params(cls, rng)
    X, y = wrap(table, rng), rng.randint(2, size=len(table))
    y[:2] = 0, 1
    model = small(cls, params)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            warnings.simplefilter("ignore", UserWarning)
            model.fit(X, y)
            use(model, X)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        packages = [frame.filename.split("site-packages/")[-1] for frame in frames]
        last = packages[-1].replace("\\", "/")
        is_checked = isinstance(error, ValueError | TypeError) and any(
            f"{name}/" in last for name in _CHECKING
        )
        has_trained = any(
            frame.name == "run" and frame.filename.endswith("net.py")
            for frame in frames
        )
        fault = None
        if not is_checked:
            fault = "raw"
        elif has_trained or hasattr(model, "_model"):
            fault = "late"
        if fault:
            what = f"{fault}: {type(error).__name__}: {error} ({last})"
            return f"{what} {model!r} {table.shape} {type(X).__name__}"
    return None


def tell(**record):
    """Write a line of JSON at once."""
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


def main():
    """Run the cases of the command line."""
    name, first, last = sys.argv[1:]
    cls = next(cls for cls in ESTIMATORS if cls.__name__ == name)
    for seed in range(int(first), int(last)):
        tell(begin=seed)
        fault = run_case(cls, seed)
        if fault:
            tell(seed=seed, fault=fault)


if __name__ == "__main__":
    main()
