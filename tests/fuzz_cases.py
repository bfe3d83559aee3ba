"""Random cases of (parameters x data x container), whose outcomes are known.

A *valid* case must be fitted, and every method must answer. An *invalid* one is a valid
case in which one thing was made wrong on purpose; it must be refused by an error of the
library's or scikit-learn's checks, before anything is trained, and change nothing.

Run as a script with a class, a first and a last seed, it prints a line of JSON for each
case, so that a crash of the process names the case it was at. ``test_fuzz.py`` does.
"""

import json
import linecache
import pickle
import sys
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from fuzz_data import Table, draw_container, draw_table, is_float32, wrap
from fuzz_faults import BREAKS, bad_calls
from fuzz_params import draw_params
from fuzz_use import use
from parameter_values import ESTIMATORS

from sklearn_ae import (
    ConvAutoencoderTransformer,
    DenoisingAE,
    PretrainedClassifier,
    PretrainedRegressor,
    exceptions,
)
from sklearn_ae.training.net import AutoencoderNet

PREDICTORS = PretrainedClassifier, PretrainedRegressor

# Whose errors are refusals in words.
_CHECKING = ("sklearn_ae", "sklearn")


@dataclass
class Case:
    """One case.

    Attributes
    ----------
    cls : type
        The estimator.
    table : Table
        Valid rows.
    container : str
        What they come in.
    params : dict
        Parameters of the estimator.
    X : object
        What `fit` is given.
    fit : dict
        What else it is given.
    fault : str
        What was made wrong.
    """

    cls: type
    table: Table
    container: str
    params: dict
    X: Any
    fit: dict = field(default_factory=dict)
    fault: str = ""

    @property
    def is_float32(self):
        return is_float32(self.container)

    def __str__(self):
        shape = self.table.X.shape
        return (
            f"{self.fault} on {self.table.kind}{shape} as {self.container} with "
            f"{sorted(self.fit)}: {self.cls(**self.params)!r}"
        )


def draw_case(cls, rng):
    """Return a valid case."""
    table = draw_table(rng, images=cls in (ConvAutoencoderTransformer, *PREDICTORS))
    container = draw_container(rng, table)
    params = draw_params(cls, rng, table)
    fit = draw_fit(cls, rng, table)
    for name in ("X_val", "X_clean"):
        if name in fit:
            fit[name] = wrap(fit[name], container)
    return Case(cls, table, container, params, wrap(table.X, container), fit)


def draw_fit(cls, rng, table):
    """Return what a fit is given beside rows."""
    n_rows, given = table.n_rows, {}
    if cls in PREDICTORS:
        given["y"] = draw_targets(cls, rng, n_rows)
        if rng.randint(3) == 0:
            given["sample_weight"] = rng.uniform(0.1, 2.0, n_rows)
    elif rng.randint(5) == 0:
        given["X_val"] = table.X[rng.permutation(n_rows)[: n_rows // 2 + 1]]
    if rng.randint(5) == 0:
        names = np.arange(n_rows) // max(1, n_rows // 4)
        given["groups"] = [names, names.astype(str), names.tolist()][rng.randint(3)]
    if cls is DenoisingAE and rng.randint(4) == 0 and "X_val" not in given:
        given["X_clean"] = table.X
    return given


def draw_targets(cls, rng, n_rows):
    """Return targets, the first and the last of which are known and differ."""
    is_known = rng.uniform(size=n_rows) < [0.5, 1.0][rng.randint(2)]
    is_known[[0, -1]] = True
    if cls is PretrainedRegressor:
        shape = [(n_rows,), (n_rows, 1), (n_rows, 2)][rng.randint(3)]
        y = 10.0 ** rng.randint(-6, 7) * rng.standard_normal(shape)
        y[~is_known] = np.nan
        return y
    y = rng.randint(3, size=n_rows)
    y[0], y[-1] = 0, 1
    return y, is_known


def settle_targets(case, rng):
    """Write classes in one of several types, and mark those that are not known."""
    if case.cls is not PretrainedClassifier:
        return
    numbers, is_known = case.fit["y"]
    mark = case.params["missing_label"]
    has_numbers = isinstance(case.params["class_weight"], dict)
    kind = 2 if has_numbers or not isinstance(mark, int) else rng.randint(3)
    if kind == 0:
        case.fit["y"] = np.where(is_known, numbers, mark)
        return
    names = [f"class {i}" for i in range(3)] if kind == 1 else [0, 1, 2]
    classes = [names[i] for i in numbers]
    marked = [c if known else mark for c, known in zip(classes, is_known, strict=True)]
    case.fit["y"] = np.array(marked, dtype=object)


class Watch:
    """Count how often a net was trained."""

    n_runs = 0

    def __enter__(self):
        self.run = run = AutoencoderNet._run_epochs

        def count(net, *args, **kwargs):
            self.n_runs += 1
            return run(net, *args, **kwargs)

        AutoencoderNet._run_epochs = count
        return self

    def __exit__(self, *error):
        AutoencoderNet._run_epochs = self.run


def say(error):
    """Return an error, and where it came from."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = frame.filename.split("site-packages/")[-1].split("/")[-3:]
    return f"{type(error).__name__}: {error} ({'/'.join(where)}:{frame.lineno})"


def is_refusal(error):
    """Return whether an error was raised by a check, in the words of who checks."""
    if not isinstance(error, ValueError | TypeError):
        return False
    frame = traceback.extract_tb(error.__traceback__)[-1]
    path = frame.filename.replace("\\", "/")
    is_ours = any(f"/{name}/" in path for name in _CHECKING)
    line = linecache.getline(frame.filename, frame.lineno).strip()
    return is_ours and line.startswith(("raise", "_raise")) and len(str(error)) > 20


def listen():
    """Let no warning pass but those of the library."""
    warnings.simplefilter("error")
    # Of scikit-learn's checks; columns are refused or taken by their number.
    warnings.filterwarnings("ignore", "X .* feature names", UserWarning)
    for name in exceptions.__all__:
        warnings.simplefilter("ignore", getattr(exceptions, name))


def run_valid(case, rng):
    """Return what is wrong with a case that must be fitted."""
    kept = np.array(case.X, dtype=object) if case.container == "float64" else None
    model = case.cls(**case.params)
    y = case.fit.get("y")
    if model.fit(case.X, **case.fit) is not model:
        return "fit does not return the estimator"
    use(model, case, y)
    if kept is not None and not np.array_equal(kept, np.array(case.X, dtype=object)):
        return "X was changed"
    if case.cls not in PREDICTORS:
        if rng.randint(3) == 0 and "X_clean" not in case.fit:
            passes = case.cls(**case.params).partial_fit(case.X)
            use(passes.partial_fit(case.X), case, y)
        if rng.randint(4) == 0:
            use(model.set_params(warm_start=True).fit(case.X, **case.fit), case, y)
    return check_bad_calls(case, model, rng)


def check_bad_calls(case, model, rng):
    """Return which of some invalid calls of a fitted estimator is not refused."""
    before = pickle.dumps(model)
    for name, (call, arguments) in bad_calls(case, model, rng).items():
        try:
            call(*arguments)
        except Exception as error:
            if not is_refusal(error):
                return f"raw error of a call: {name}: {say(error)}"
        else:
            return f"a call is not refused: {name}"
    return None if pickle.dumps(model) == before else "a refused call changed the model"


def run_invalid(case):
    """Return what is wrong with a case that must be refused."""
    model = case.cls(**case.params)
    before = dict(vars(model))
    with Watch() as watch:
        try:
            model.fit(case.X, **case.fit)
        except Exception as error:
            if not is_refusal(error):
                return f"raw error: {say(error)}"
            if watch.n_runs:
                return f"refused after training began: {say(error)}"
            after = vars(model)
            is_same = before.keys() == after.keys() and all(
                after[name] is value for name, value in before.items()
            )
            return None if is_same else f"a refused fit left {sorted(after)}"
    return "not refused"


def run_case(cls, seed):
    """Return the kind of a case, and what is wrong with it; None if nothing is."""
    rng = np.random.RandomState(seed)
    case = draw_case(cls, rng)
    settle_targets(case, rng)
    is_valid = rng.randint(5) < 3
    kind = "valid"
    try:
        with warnings.catch_warnings():
            listen()
            if is_valid:
                fault = run_valid(case, rng)
            else:
                change = BREAKS[rng.randint(len(BREAKS))]
                kind, case = change.__name__, change(case, rng)
                fault = run_invalid(case)
    except Exception as error:
        fault = f"valid, but {say(error)}"
    return kind, None if fault is None else " ".join(f"{fault} | {case}".split())


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
        kind, fault = run_case(cls, seed)
        tell(seed=seed, kind=kind, **({} if fault is None else {"fault": fault}))


if __name__ == "__main__":
    main()
