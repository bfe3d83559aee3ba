import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklearn_ae import (
    AutoencoderTransformer,
    DenoisingAE,
    PCAFloorWarning,
    ValidationRowsWarning,
)
from sklearn_ae.fitting.validation_rows import find_foreign_rows

SETS = {
    "wine": load_wine().data,
    "cancer": load_breast_cancer().data,
    "digits": load_digits().data,
    "heavy tails": np.random.RandomState(0).standard_t(1, (400, 5)),
    "counts": np.random.RandomState(0).poisson(0.05, (400, 20)).astype(float),
    "far": np.random.RandomState(0).standard_normal((400, 3)) + 1e6,
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("seed", range(5))
def test_rows_of_the_same_table_give_no_warning(name, seed):
    X = SETS[name][np.random.RandomState(seed).permutation(len(SETS[name]))]
    for n_rows in (1, 10, 20, len(X) // 2):
        assert find_foreign_rows(X[n_rows:], X[:n_rows]) is None
        halves = sp.csr_array(X[n_rows:]), sp.csr_array(X[:n_rows])
        assert find_foreign_rows(*halves) is None


@pytest.mark.parametrize("name", ["wine", "cancer", "digits", "far"])
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()])
def test_rows_that_one_side_alone_was_scaled(name, scaler):
    X = SETS[name]
    Z = scaler.fit_transform(X)
    _, category = find_foreign_rows(Z[50:], X[:50])
    assert category is ValidationRowsWarning
    # Grey levels from 0 to 16 might be standard scores.
    if name != "digits" or isinstance(scaler, MinMaxScaler):
        assert find_foreign_rows(X[50:], Z[:50]) is not None


def test_one_column_in_another_unit():
    X = SETS["wine"]
    V = X[:50].copy()
    V[:, 3] *= 1000
    assert find_foreign_rows(X[50:], V) is not None


def test_classes_apart_give_no_warning():
    X, y = load_digits(return_X_y=True)
    for digit in range(10):
        assert find_foreign_rows(X[y != digit], X[y == digit]) is None


def test_rows_that_do_not_vary():
    assert find_foreign_rows(np.ones((9, 2)), np.zeros((9, 2))) is None


def test_wide_and_long_tables_are_sampled():
    for seed in range(5):
        wide = sp.random(60, 20000, density=0.01, format="csr", random_state=seed)
        assert find_foreign_rows(wide[:40], wide[40:]) is None
        assert find_foreign_rows(wide[:40], 100 * wide[40:]) is not None
    long = np.random.RandomState(0).standard_normal((20000, 3))
    assert find_foreign_rows(long[:12000], long[12000:]) is None


def pipeline(**params):
    ae = AutoencoderTransformer(2, max_iter=1, random_state=0)
    ae.set_fit_request(X_val=True)
    return Pipeline([("scale", StandardScaler()), ("ae", ae)], **params)


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
def test_a_pipeline_that_scales_x_alone_is_told():
    X = SETS["wine"]
    with sklearn.config_context(enable_metadata_routing=True):
        with pytest.warns(ValidationRowsWarning) as caught:
            pipeline().fit(X[50:], X_val=X[:50])
        with warnings.catch_warnings():
            warnings.simplefilter("error", ValidationRowsWarning)
            pipeline(transform_input=["X_val"]).fit(X[50:], X_val=X[:50])
    texts = [str(w.message) for w in caught if w.category is not PCAFloorWarning]
    assert texts == [
        "AutoencoderTransformer(n_components=2): The rows of X_val are far from those "
        "of X, by the standard deviations of X: they seem to be in other units, or not "
        "scaled as X is. A pipeline transforms X alone; give Pipeline the parameter "
        "transform_input=['X_val'], or transform X_val before."
    ]


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
def test_pairs_in_other_units_are_told():
    X = SETS["wine"]
    Z = StandardScaler().fit_transform(X)
    model = DenoisingAE(2, max_iter=1, random_state=0)
    with pytest.warns(ValidationRowsWarning, match="X_clean_val are far from those"):
        model.fit(X, X_clean=X, X_val=Z, X_clean_val=Z)
