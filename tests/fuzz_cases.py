"""Random cases of (parameters x data x container), valid ones and mistakes.

The outcome of each is known: a valid case is fitted and every verb succeeds; a mistake
is refused by an explicit ``raise`` of the library or of scikit-learn before training
begins, and changes nothing. Draws are
NumPy's here, and those of hypothesis in test_hypothesis.py.

Run as a script with a class, a first and a last seed, it prints a line of JSON for each
case, so that a crash of the process names the case it was at. ``test_fuzz.py`` does.
"""

import contextlib
import copy
import json
import pickle
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone

sys.path.insert(0, str(Path(__file__).parent))

from fuzz_draws import draw_case
from fuzz_mistakes import MISTAKES, wrong_queries
from parameter_values import ESTIMATORS

import sklearn_ae.exceptions

# What the library tells users; every other warning is one too many.
_TOLD = tuple(
    getattr(sklearn_ae.exceptions, name)
    for name in (
        *("PCAFloorWarning", "CodeCollapseWarning", "DeadUnitsWarning"),
        *("DependentRowsWarning", "DivergenceWarning", "PosteriorCollapseWarning"),
        *("ValidationRowsWarning", "CleanRowsWarning"),
    )
)


class Fault(Exception):
    """What is wrong with a case."""


@contextlib.contextmanager
def strict():
    """Turn all warnings but the library's own into errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for category in _TOLD:
            warnings.simplefilter("ignore", category)
        yield


def _allow_rows_without_names():
    """Ignore warnings of arrays beside or after frames, and of frames after."""
    warnings.filterwarnings("ignore", "X (has|does not have valid) feature names")
    warnings.filterwarnings("ignore", r"\w+ has names of columns")


# ------------------------------------------------------------------------ valid cases


def check(name, found, shape, dtype=None):
    """Return numbers as an array, if they are finite, of a shape and a type."""
    values = found.toarray() if sp.issparse(found) else np.asarray(found)
    if values.shape != shape:
        raise Fault(f"{name} has the shape {values.shape} instead of {shape}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise Fault(f"{name} is not finite")
    if dtype is not None and values.dtype != dtype:
        raise Fault(f"{name} is of {values.dtype} instead of {np.dtype(dtype)}")
    return values


def use_autoencoder(case):
    """Call every verb of a fitted autoencoder."""
    model, X, n = case.model, case.X, len(case.table)
    float32 = case.container in ("float32", "csr float32")
    dtype = np.float32 if float32 else np.float64
    rows = (n, *case.row_shape)
    codes = model.transform(X)
    check("transform", codes, (n, model.n_components_), np.float32)
    check("reconstruct", model.reconstruct(X), rows, dtype)
    scores = check("score_samples", model.score_samples(X), (n,))
    if (scores > 0).any():
        raise Fault("score_samples is above 0")
    check("score", model.score(X), ())
    if getattr(model, "upsampling", None) != "unpool":
        check("inverse_transform", model.inverse_transform(codes), rows, dtype)
        _ = model.decoder_
    if hasattr(model, "corrupt") and case.y is None:
        check("corrupt", model.corrupt(X, random_state=0), rows, dtype)
    if hasattr(model, "sample"):
        check(
            "sample", model.sample(3, noise=True, random_state=0), (3, *case.row_shape)
        )
        check("log_likelihood", model.log_likelihood(X, 3), (n,))
        check("elbo", model.elbo(X), (n,))
        ends = case.table.reshape(rows)
        check("interpolate", model.interpolate(*ends[:2], 4), (4, *case.row_shape))
    if np.any(getattr(model, "nested", False)):
        check("truncate", model.truncate(1).transform(X), (n, 1), np.float32)
    _ = str(model.summary()), model.encoder_
    if len(model.get_feature_names_out()) != model.n_components_:
        raise Fault("get_feature_names_out has another length")
    return codes.toarray() if sp.issparse(codes) else codes


def use_predictor(case):
    """Call every verb of a fitted predictor."""
    model, X, n = case.model, case.X, len(case.table)
    if not hasattr(model, "predict_proba"):
        shape = np.shape(case.y)
        found = model.predict(X)
        values = check("predict", found, shape, np.float64)
        check("score", model.score(X, case.y), ())
        return values
    shares = check("predict_proba", model.predict_proba(X), (n, len(model.classes_)))
    if not np.allclose(shares.sum(axis=1), 1, atol=1e-5):
        raise Fault("predict_proba does not sum to 1")
    check("predict", model.predict(X), (n,))
    width = () if len(model.classes_) == 2 else (len(model.classes_),)
    check("decision_function", model.decision_function(X), (n, *width))
    check("score", model.score(X, case.y), ())
    return shares


def use(case):
    """Call every verb, and compare a pickled, a copied and a cloned model."""
    run = use_predictor if hasattr(case.model, "predict") else use_autoencoder
    found = run(case)
    for twin in (pickle.loads(pickle.dumps(case.model)), copy.copy(case.model)):
        if not np.array_equal(main_result(twin, case.X), found):
            raise Fault("a copy returns other numbers")
    if hasattr(clone(case.model), "n_features_in_"):
        raise Fault("a clone is fitted")
    _ = repr(case.model)


def go_on(case):
    """Let a fitted autoencoder go on training, in each way, and use it."""
    if hasattr(case.model, "predict"):
        return
    case.model.set_params(warm_start=True)
    case.fit()
    use(case)
    case.model.set_params(warm_start=False)
    for _ in range(2):
        case.model.partial_fit(case.X, case.y)
    use(case)


def main_result(model, X):
    """Return codes, probabilities or predictions."""
    verbs = [v for v in ("transform", "predict_proba", "predict") if hasattr(model, v)]
    result = getattr(model, verbs[0])(X)
    return result.toarray() if sp.issparse(result) else result


def run_valid(case, rng):
    """Fit a case that must succeed, use it, and perhaps fit it again."""
    with strict():
        case.fit()
        use(case)
        if rng.randint(4) == 0:
            case.fit()
            use(case)
        if rng.randint(4) == 0:
            go_on(case)
        if rng.randint(4) == 0:
            _allow_rows_without_names()
            for name, call in wrong_queries(case.model, case.table):
                expect_refusal(case, call, name)


# --------------------------------------------------------------------------- mistakes


def expect_refusal(case, call, name):
    """Raise a Fault unless a call is refused in words, and changes nothing."""
    before = dict(vars(case.model))
    try:
        call()
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        problem = _problem(error, frames)
        if problem:
            raise Fault(f"{name}: {problem}") from error
    else:
        raise Fault(f"{name} is accepted")
    after = vars(case.model)
    if after.keys() != before.keys() or any(after[k] is not before[k] for k in after):
        raise Fault(f"{name} changed {set(before) ^ set(after)}")


def _problem(error, frames):
    """Return what is wrong with a refusal; None if nothing is."""
    last = frames[-1]
    package = last.filename.replace("\\", "/").split("site-packages/")[-1]
    is_checking = "sklearn_ae/" in package or package.startswith("sklearn/")
    # Texts and ragged lists end in NumPy's conversion, as in all of scikit-learn.
    is_conversion = any(
        frame.name in ("check_array", "column_or_1d") for frame in frames
    )
    is_raised = (last.line or "").lstrip().startswith("raise")
    text = f"{type(error).__name__}: {error} ({package}:{last.lineno})"
    if not isinstance(error, ValueError | TypeError):
        return f"raw {text}"
    if not (is_checking and is_raised) and not is_conversion:
        return f"raw {text}"
    if any(f.name == "run" and f.filename.endswith("net.py") for f in frames):
        return f"late {text}"
    return None


def run_mistake(case, rng):
    """Make one thing of a case wrong, perhaps after a fit; return what was wrong."""
    if rng.randint(3) == 0:
        with strict():
            case.fit()
    name = None
    while name is None:
        name = MISTAKES[rng.randint(len(MISTAKES))](case, rng)
    with strict():
        _allow_rows_without_names()
        expect_refusal(case, case.fit, name)


# -------------------------------------------------------------------------- a process


def run_case(cls, rng):
    """Draw a case and return what is wrong with it; None if all is as it must be."""
    case = draw_case(rng, cls)
    run = run_mistake if rng.randint(5) < 2 else run_valid
    try:
        run(case, rng)
    except Exception as error:
        where = "" if isinstance(error, Fault) else traceback.format_exc()[-1200:]
        return f"{run.__name__}: {type(error).__name__}: {error} {case!r}\n{where}"
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
        fault = run_case(cls, np.random.RandomState(seed))
        if fault:
            tell(seed=seed, fault=fault)


if __name__ == "__main__":
    main()
