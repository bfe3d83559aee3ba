"""Every documented value of every parameter of every estimator is fitted once."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from .parameter_values import ESTIMATORS, companions, every_value, small, values_of

CASES = list(every_value())


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=3, return_X_y=True)
    return X[:90], y[:90]


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_parameter_has_values(cls):
    names = set(cls().get_params(deep=False))
    assert names == set(cls._parameter_constraints)
    assert all(values_of(cls, name) for name in names)


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    CASES,
    # Not by value: those of functions and callbacks hold addresses.
    ids=[f"{cls.__name__}-{name}-{i}" for i, (cls, name, _) in enumerate(CASES)],
)
def test_every_value_can_be_fitted(digits, cls, name, value):
    X, y = digits
    if name in ("loss", "likelihood") and value in ("log_loss", "bernoulli"):
        X = X / 16
    model = small(cls, {**companions(cls, name, value), name: value})
    if name == "missing_label":
        y = y.astype(object)
        y[::4] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clone(model).fit(X, y)
        model.fit(X, y)
        again = pickle.loads(pickle.dumps(model))
    verb = "predict" if hasattr(model, "predict") else "transform"
    found = getattr(model, verb)(X)
    found = found.toarray() if hasattr(found, "toarray") else found
    other = getattr(again, verb)(X)
    other = other.toarray() if hasattr(other, "toarray") else other
    np.testing.assert_array_equal(other, found)
    assert len(found) == len(X)
    if found.dtype.kind == "f":
        assert np.isfinite(found).all()
