"""scikit-learn's contract, over every public estimator with its defaults."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    parametrize_with_checks,
)

import sklearn_ae
from sklearn_ae.base import BaseAutoencoder

ESTIMATORS = [
    cls
    for cls in map(sklearn_ae.__dict__.get, sklearn_ae.__all__)
    if isinstance(cls, type) and issubclass(cls, BaseAutoencoder)
]

# Checks that scikit-learn runs on its own estimators only.
OWN_CHECKS = [
    check_dataframe_column_names_consistency,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
]

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.DeadUnitsWarning"),
]


@parametrize_with_checks([cls() for cls in ESTIMATORS])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
@pytest.mark.parametrize("check", OWN_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_checks_that_third_parties_are_not_given(cls, check):
    check(cls.__name__, cls())


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_all_estimators_have_the_base_signature(cls):
    """Shared parameters have the same defaults; those of networks are their own."""
    own = {"nested", "contrast", "pretraining", "loss", "hidden_layer_sizes"}
    shared = set(BaseAutoencoder._parameter_constraints) - own
    for name, value in cls().get_params(deep=False).items():
        if name in shared:
            assert value == getattr(BaseAutoencoder, name)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_parameter_has_a_constraint(cls):
    assert set(cls._parameter_constraints) == set(cls().get_params(deep=False))


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_float32_in_and_out(cls, noise):
    X = noise.astype(np.float32)
    model = cls(2, max_iter=1, random_state=0).fit(X)
    codes = model.transform(X)
    assert codes.dtype == np.float32
    assert model.inverse_transform(codes).dtype == np.float32
    assert model.score_samples(X).dtype == np.float32
