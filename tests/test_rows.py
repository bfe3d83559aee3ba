"""Rows that are no numbers, and numbers in containers of every kind."""

import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    PretrainedClassifier,
    PretrainedRegressor,
)
from sklearn_ae._validation import as_numbers

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::sklearn_ae.{name}")
    for name in ("PCAFloorWarning", "CodeCollapseWarning", "PosteriorCollapseWarning")
]

NO_NUMBERS = {
    "a word": ([["a", "b"], ["c", "d"]], ValueError, "list", "could not convert"),
    "bytes": (np.full((3, 2), b"word"), ValueError, "ndarray", "could not convert"),
    "an object": ([[1.0, {}]], TypeError, "list", "not 'dict'"),
    "dates": (np.zeros((3, 2), "M8[s]"), TypeError, "ndarray", "type datetime64[s]"),
    "durations": (np.zeros((3, 2), "m8[s]"), TypeError, "ndarray", "timedelta64[s]"),
    "records": (np.zeros(3, [("a", float)]), TypeError, "ndarray", "type [('a', '<f8'"),
    "a dictionary": ({"a": [1.0]}, TypeError, "dict", "not 'dict'"),
    "a function": (len, TypeError, "builtin_function_or_method", "not 'builtin"),
    "a frame of words": (pd.DataFrame({"a": ["x"]}), ValueError, "DataFrame", "'x'"),
}

NUMBERS = {
    "objects": np.array([[1, 2.0], [True, 3]], dtype=object),
    "words that spell numbers": [["1", "2"], ["3", "4.5"]],
    "frame of objects": pd.DataFrame({"a": [1, 2], "b": [0.5, None]}, dtype=object),
    "nullable frame": pd.DataFrame({"a": [1, 2]}, dtype="Int64"),
    "complex, which scikit-learn refuses": np.ones((2, 2)) * 1j,
}


@pytest.mark.parametrize("name", NO_NUMBERS)
def test_what_is_no_number_is_refused_in_words(name):
    X, kind, what, why = NO_NUMBERS[name]
    message = (
        rf"^X must hold numbers, as many in each row; got a {what} with something else "
        rf"\(.*{re.escape(why)}.*\)\. Encode words and dates as numbers, and leave out "
        r"what is none\.$"
    )
    with pytest.raises(kind, match=re.compile(message, re.DOTALL)):
        as_numbers(X, "X")


@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_a_number_is_none_the_less_one(name):
    found = as_numbers(NUMBERS[name], "X")
    assert np.asarray(found).shape == np.shape(NUMBERS[name])


@pytest.fixture
def fitted(curve):
    return AutoencoderTransformer(2, max_iter=2, random_state=0).fit(curve)


@pytest.mark.parametrize("verb", ["transform", "inverse_transform", "score"])
def test_every_verb_refuses_words(fitted, verb):
    with pytest.raises(ValueError, match=r"^X must hold numbers"):
        getattr(fitted, verb)([["a", "b"]])


def test_codes_beyond_float32_are_refused(fitted):
    limit = re.escape(f"{1e18 * fitted._model.code_scale:.0e}")
    message = rf"^the values of X must stay within \+-{limit}, .* got 1e\+200\. Scale"
    with pytest.raises(ValueError, match=message):
        fitted.inverse_transform([[1.0, 1e200]])


class OnlyAnArray:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype)


@pytest.mark.parametrize("wrap", [OnlyAnArray, np.ndarray.tolist, list])
def test_images_come_in_any_container(wrap):
    X = np.random.RandomState(0).uniform(size=(12, 4, 4))
    model = ConvAutoencoderTransformer(2, channels=(2,), max_iter=1, random_state=0)
    assert model.fit(wrap(X)).reconstruct(wrap(X)).shape == X.shape


def test_maps_may_be_codes_where_channels_are_numbers_of_numpy():
    """The width of the code is then a product of NumPy's integers, and no share."""
    X = np.random.RandomState(0).uniform(size=(3, 4, 4))
    model = ConvAutoencoderTransformer(
        bottleneck="map", channels=np.array([4, 8]), max_iter=1, random_state=0
    )
    assert model.fit(X).transform(X).shape == (3, 8)


# ------------------------------------------------------------------ targets and ends


def test_classes_of_type_object_need_no_mark(curve):
    y = np.arange(len(curve)) % 2
    ae = AutoencoderTransformer(2, max_iter=1, init="random", random_state=0)
    model = PretrainedClassifier(ae, max_iter=1, random_state=0)
    found = model.fit(curve, y.astype(object)).predict_proba(curve)
    np.testing.assert_array_equal(found, model.fit(curve, y).predict_proba(curve))


@pytest.mark.parametrize("cls", [PretrainedClassifier, PretrainedRegressor])
def test_scores_refuse_what_is_no_table(cls, curve):
    y = np.arange(len(curve)) % 2
    ae = AutoencoderTransformer(2, max_iter=1, init="random", random_state=0)
    model = cls(ae, max_iter=1, random_state=0).fit(curve, y)
    with pytest.raises(TypeError, match=r"^X must hold numbers"):
        model.score(len, y)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples"):
        model.score(curve, y[1:])


LATE = {
    "class_weight": ({"class_weight": {3: 1.0}}, {}, "are not in class_weight"),
    "no weight": (
        {"class_weight": {0: 0.0, 1: 0.0}},
        {},
        "^class_weight must leave a labelled row with a weight above 0",
    ),
    "groups": ({"early_stopping": True}, {"groups": "one"}, "^groups must name at"),
    "share": (
        {"early_stopping": True, "validation_fraction": 0.999},
        {},
        "^validation_fraction must leave at least 1 row",
    ),
}


def must_not_be_called(*args, **kwargs):
    raise AssertionError("the autoencoder trains")


@pytest.mark.parametrize("name", LATE)
def test_labels_are_looked_at_before_the_autoencoder_trains(name, curve, monkeypatch):
    params, fit, message = LATE[name]
    y = np.arange(len(curve)) % 2
    fit = {key: np.full(len(curve), value) for key, value in fit.items()}
    monkeypatch.setattr(AutoencoderTransformer, "fit", must_not_be_called)
    model = PretrainedClassifier(AutoencoderTransformer(2), **params)
    with pytest.raises(ValueError, match=message):
        model.fit(curve, y, **fit)


def test_ends_of_a_line_are_rows_of_numbers(curve):
    vae = VAE(2, max_iter=1, random_state=0).fit(curve)
    line = vae.interpolate(curve[0], curve[1], 3)
    np.testing.assert_array_equal(vae.interpolate(curve[:1], [curve[1]], 3), line)
    with pytest.raises(ValueError, match=r"^b must hold numbers"):
        vae.interpolate(curve[0], "a")
    with pytest.raises(ValueError, match=r"^Input b contains NaN"):
        vae.interpolate(curve[0], curve[0] * np.nan)
    with pytest.raises(ValueError, match=r"^the values of b must stay within"):
        vae.interpolate(curve[0], curve[0] + 1e19)


# Rows that come with those of X, and are named in messages about them.
BESIDE = {
    "missing values": (lambda V: V * np.nan, "Input {} contains NaN."),
    "sparse missing values": (
        lambda V: sp.csr_array(V * np.nan),
        "Input {} contains NaN.",
    ),
    "another width": (
        lambda V: V[:, :5],
        "{} must have the features of X, 6; got 5. Take the same columns, and "
        "transform them as those of X.",
    ),
    "no rows": (
        lambda V: V[:0],
        "{} must hold rows like those of X: Found array with 0 sample(s) (shape=(0, 6))"
        " while a minimum of 1 is required.",
    ),
    "other columns": (
        lambda V: pd.DataFrame(V, columns=list("abcedf")),
        "{0} must have the columns of X, in the same order; got 'e' where X has 'd'. "
        "Take {0}[list(X.columns)].",
    ),
    "fewer columns": (
        lambda V: pd.DataFrame(V[:, :5], columns=list("abcde")),
        "{0} must have the columns of X, in the same order; got None where X has 'f'. "
        "Take {0}[list(X.columns)].",
    ),
}
FITS = {
    "X_val": lambda X, rows: AutoencoderTransformer(2).fit(X, X_val=rows),
    "X_clean": lambda X, rows: DenoisingAE(2).fit(X, X_clean=rows),
    "X_clean_val": lambda X, rows: DenoisingAE(2).fit(
        X, X_val=X, X_clean=X, X_clean_val=rows
    ),
}


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("kind", BESIDE)
def test_errors_name_the_rows_that_they_are_about(curve, name, kind):
    make, message = BESIDE[kind]
    rows = make(curve[:50])
    is_frame = isinstance(rows, pd.DataFrame)
    X = pd.DataFrame(curve, columns=list("abcdef")) if is_frame else curve
    with pytest.raises(ValueError, match=name) as error:
        FITS[name](X, rows)
    assert str(error.value) == message.format(name)


@pytest.mark.parametrize("has_names", ["X", "X_val"])
def test_names_of_columns_on_one_side_alone(curve, has_names):
    tables = {"X": curve, "X_val": curve[:50] + 1e-3}
    tables[has_names] = pd.DataFrame(tables[has_names], columns=list("abcdef"))
    (lacks,) = set(tables) - {has_names}
    with pytest.warns(UserWarning, match="names of columns") as record:
        AutoencoderTransformer(2, max_iter=1, random_state=0).fit(**tables)
    assert str(record[0].message) == (
        f"{has_names} has names of columns and {lacks} has none, so that columns are "
        "taken by their position. Give both as data frames, or both as arrays."
    )


@pytest.mark.parametrize(
    "model",
    [
        VAE(2, likelihood="poisson", size_factor="sum", max_iter=2, random_state=0),
        VAE(2, likelihood="negative_binomial", max_iter=2, random_state=0),
        AutoencoderTransformer(2, max_iter=2, random_state=0, floor=False),
        DenoisingAE(2, scaling="per_feature", max_iter=2, random_state=0),
    ],
    ids=["poisson", "negative binomial", "plain", "denoising"],
)
def test_sparse_matrices_teach_what_sparse_arrays_teach(model):
    X = np.random.RandomState(0).poisson(2.0, (40, 6)).astype(float)
    expected = model.fit(sp.csr_array(X)).transform(X)
    for kind in (sp.csr_matrix, sp.coo_matrix, sp.csc_matrix):
        np.testing.assert_array_equal(model.fit(kind(X)).transform(kind(X)), expected)
