"""The class of the page "Add a variant" does what the page says."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import estimator_checks_generator

from sklearn_ae import AutoencoderTransformer

PATH = Path(__file__).parents[1] / "docs" / "variants" / "decorrelated.py"
spec = importlib.util.spec_from_file_location("decorrelated", PATH)
variant = importlib.util.module_from_spec(spec)
sys.modules["decorrelated"] = variant  # where pickle looks for the class
spec.loader.exec_module(variant)


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
@pytest.mark.parametrize(
    ("estimator", "check"),
    list(estimator_checks_generator(variant.DecorrelatedAE(max_iter=3))),
    ids=lambda value: getattr(getattr(value, "func", None), "__name__", None),
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def mean_correlation(codes):
    correlations = np.abs(np.corrcoef(codes, rowvar=False))
    return correlations[np.triu_indices_from(correlations, 1)].mean()


def test_codes_are_less_correlated_at_about_the_same_error():
    X, _ = load_digits(return_X_y=True)
    plain = AutoencoderTransformer(8, random_state=0).fit(X)
    ours = variant.DecorrelatedAE(8, random_state=0).fit(X)
    ratio = mean_correlation(ours.transform(X)) / mean_correlation(plain.transform(X))
    assert ratio < 1 / 2
    assert ours.reconstruction_error_ < 1.1 * plain.reconstruction_error_
