"""Random sequences of calls: one that is rejected, or that fails, changes nothing."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from skorch.callbacks import Callback

from .parameter_values import ESTIMATORS, small

N_SEQUENCES, N_CALLS = 300, 8

BAD_VALUES = {
    "learning_rate": [-1, "fast", np.nan],
    "max_iter": [0, 2.5],
    "n_components": [0, -3],
    "batch_size": [0, "large"],
    "scaling": ["robust"],
    "activation": ["swish"],
    "hidden_layer_sizes": [(8, 0), "many"],
    "device": ["cuda:9"],
    "random_state": ["seed"],
    "callbacks": [[print]],
    "beta": [-1],
    "corruption_level": [-1],
    "reconstruction_weight": [-1],
}


class Failing(Callback):
    """Fail at the end of an epoch, when weights have changed."""

    def __init__(self, error):
        self.error = error

    def on_epoch_end(self, net, **kwargs):
        raise self.error("a callback that fails")


def data(rng):
    X = rng.standard_normal((40, 6))
    return X, rng.randint(2, size=40)


def state(model):
    """Return all that is seen of an estimator: its pickle, and where rows go."""
    return pickle.dumps(model), outcome(model)


def outcome(model):
    """Return where rows go; None before a fit."""
    if not hasattr(model, "n_features_in_"):
        return None
    X, _ = data(np.random.RandomState(9))
    found = model.predict(X) if hasattr(model, "predict") else model.transform(X)
    found = found.toarray() if hasattr(found, "toarray") else found
    return found.tobytes()


def bad_rows(rng):
    X, y = data(rng)
    broken = X.copy()
    broken[3, 2] = np.nan
    return [
        (broken, y),
        (X[:, :0], y),
        (X[0], y),
        (np.full_like(X, 1e30), y),
        (X.astype(str).astype(object) + np.full_like(X, "a", dtype=object), y),
        (X[:0], y[:0]),
        (iter(X), y),
    ][rng.randint(7)]


def draw_call(model, rng):
    """Return a call, and whether it must fail; parameters may be changed at once."""
    known = model.get_params(deep=False)
    train = model.fit
    if hasattr(model, "partial_fit") and rng.randint(2):
        train = model.partial_fit
    names = [name for name in BAD_VALUES if name in known]
    kind = rng.randint(6)
    if kind == 0:
        return lambda: train(*data(rng)), False
    if kind == 1:
        return lambda: train(*bad_rows(rng)), True
    if kind == 2:
        name = names[rng.randint(len(names))]
        values = BAD_VALUES[name]
        model.set_params(**{name: values[rng.randint(len(values))]})
        # Passes stay on the device of the first, whatever is set later.
        return lambda: train(*data(rng)), name != "device"
    if kind == 3:
        error = [RuntimeError, ValueError, MemoryError][rng.randint(3)]
        model.set_params(callbacks=[Failing(error)], floor=False) if "floor" in (
            known
        ) else model.set_params(callbacks=[Failing(error)])
        return lambda: train(*data(rng)), True
    if kind == 4:
        verb = "predict" if hasattr(model, "predict") else "transform"
        wrong = rng.standard_normal((3, 5))
        return lambda: getattr(model, verb)(wrong), True
    return lambda: model.set_params(no_such_parameter=1), True


def run_sequence(cls, seed):
    rng = np.random.RandomState(seed)
    model = small(cls, {"max_iter": 1})
    if "warm_start" in model.get_params() and rng.randint(2):
        model.set_params(warm_start=True)
    if rng.randint(4):
        model.fit(*data(rng))
    good = model.get_params(deep=False)
    n_failed = 0
    for _ in range(N_CALLS):
        call, must_fail = draw_call(model, rng)
        before = state(model)
        try:
            call()
        except Exception:
            assert state(model) == before, (seed, model)
            n_failed += 1
        else:
            assert not must_fail, (seed, model)
        model.set_params(**good)
        copies = clone(model), pickle.loads(pickle.dumps(model))
        assert not hasattr(copies[0], "n_features_in_")
        assert outcome(copies[1]) == outcome(model), (seed, model)
    return n_failed


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize(
    "seeds",
    [
        range(5),
        pytest.param(range(5, N_SEQUENCES), marks=pytest.mark.slow),
    ],
    ids=["some", "all"],
)
def test_what_fails_changes_nothing(cls, seeds):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        n_failed = sum(run_sequence(cls, seed) for seed in seeds)
    assert n_failed > len(seeds)
