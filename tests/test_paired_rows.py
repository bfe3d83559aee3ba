"""Denoising of noisy rows whose clean rows are known."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_ae import DenoisingAE, PretrainedClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")

FAST = {"max_iter": 30, "random_state": 0}


@pytest.fixture(scope="module")
def pairs():
    """Rows near a circle, and what a square and noise make of them."""
    rng = np.random.RandomState(0)
    angle = rng.uniform(0, 2 * np.pi, 800)
    clean = np.c_[np.cos(angle), np.sin(angle)] @ rng.standard_normal((2, 10))
    noisy = clean**2 + 0.1 * rng.standard_normal(clean.shape) + 3 * clean
    return noisy, clean


def error(model, noisy, clean):
    return np.mean((model.denoise(noisy) - clean) ** 2)


def test_clean_rows_are_what_is_restored(pairs):
    noisy, clean = (table[:600] for table in pairs)
    new_noisy, new_clean = (table[600:] for table in pairs)
    model = DenoisingAE(4, **FAST).fit(noisy, X_clean=clean)
    assert error(model, new_noisy, new_clean) < 0.05 * np.mean(
        (new_noisy - new_clean) ** 2
    )
    alone = DenoisingAE(4, **FAST).fit(noisy)
    assert error(model, new_noisy, new_clean) < 0.1 * error(alone, new_noisy, new_clean)
    assert model.score(new_noisy, new_clean) > 0.95
    held_out = model.reconstruction_error_
    assert held_out == pytest.approx(error(model, new_noisy, new_clean), rel=0.5)


@pytest.mark.parametrize("wrap", [np.asarray, pd.DataFrame, sp.csr_array, np.float32])
def test_y_of_the_shape_of_x_holds_clean_rows(pairs, wrap):
    noisy, clean = (table[:300] for table in pairs)
    expected = DenoisingAE(2, **FAST).fit(noisy, X_clean=clean).transform(noisy)
    found = DenoisingAE(2, **FAST).fit_transform(wrap(noisy), wrap(clean))
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_other_y_are_ignored(pairs):
    noisy, _ = pairs
    model = DenoisingAE(2, **FAST).fit(noisy)
    labelled = clone(model).fit(noisy, np.arange(len(noisy)))
    np.testing.assert_array_equal(labelled.transform(noisy), model.transform(noisy))


def test_where_training_is_no_gain_the_best_linear_map_is_the_model():
    rng = np.random.RandomState(0)
    clean = rng.standard_normal((400, 3)) @ rng.standard_normal((3, 8))
    noisy = clean @ rng.standard_normal((8, 8)) + 2
    model = DenoisingAE(3, **FAST).fit(noisy, clean)
    assert error(model, noisy, clean) < 1e-3 * clean.var()


@pytest.mark.parametrize(
    "params",
    [
        {"nested": True},
        {"n_components": 0.9},
        {"loss": "absolute_error"},
        {"scaling": "per_feature"},
        {"init": "random"},
        {"code_activation": "relu"},
        {"early_stopping": False},
    ],
    ids=str,
)
def test_options_go_with_pairs(pairs, params):
    noisy, clean = pairs
    model = DenoisingAE(**{"n_components": 4, **FAST, **params}).fit(noisy, clean)
    assert error(model, noisy, clean) < 0.2 * np.mean((noisy - clean) ** 2)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.denoise(noisy), model.denoise(noisy))


def test_validation_rows_come_in_pairs(pairs):
    noisy, clean = pairs
    given = {"X_val": noisy[600:], "X_clean_val": clean[600:]}
    model = DenoisingAE(4, **FAST).fit(noisy[:600], X_clean=clean[:600], **given)
    found = error(model, noisy[600:], clean[600:])
    assert model.reconstruction_error_ == pytest.approx(found, rel=1e-4)
    for wrong in (
        {"X_val": noisy, "X_clean": clean},
        {"X_val": noisy, "X_clean_val": clean},
        {"X_clean": clean, "X_clean_val": clean},
    ):
        with pytest.raises(ValueError, match="must be given in pairs"):
            DenoisingAE().fit(noisy, **wrong)


def test_pairs_pass_through_a_pipeline(pairs):
    noisy, clean = pairs
    with sklearn.config_context(enable_metadata_routing=True):
        model = DenoisingAE(4, **FAST).set_fit_request(X_clean=True)
        pipeline = Pipeline([("pass", "passthrough"), ("ae", model)])
        pipeline.fit(noisy, X_clean=clean)
    direct = DenoisingAE(4, **FAST).fit(noisy, X_clean=clean)
    np.testing.assert_array_equal(pipeline.transform(noisy), direct.transform(noisy))


def test_passes_over_pairs_improve(pairs):
    noisy, clean = pairs
    model = DenoisingAE(4, random_state=0).partial_fit(noisy, clean)
    before = error(model, noisy, clean)
    for _ in range(20):
        model.partial_fit(noisy, X_clean=clean)
    assert error(model, noisy, clean) < 0.7 * before
    with pytest.raises(ValueError, match="corruption must stay"):
        model.partial_fit(clean)


def test_going_on_with_pairs(pairs):
    noisy, clean = pairs
    model = DenoisingAE(4, warm_start=True, **FAST).fit(noisy, clean)
    before = error(model, noisy, clean)
    assert error(model.fit(noisy, clean), noisy, clean) < 1.1 * before


def test_a_classifier_of_such_codes(pairs):
    noisy, clean = pairs
    y = (clean[:, 0] > 0).astype(int)
    model = DenoisingAE(4, **FAST).fit(noisy, clean)
    predictor = PretrainedClassifier(model, reconstruction_weight=0.1, **FAST)
    assert predictor.fit(noisy, y).score(noisy, y) > 0.9


def test_pairs_must_be_as_many(pairs):
    noisy, clean = pairs
    with pytest.raises(ValueError, match="must hold a clean row for each") as raised:
        DenoisingAE().fit(noisy, X_clean=clean[:5])
    assert str(raised.value) == (
        "X_clean must hold a clean row for each of 800 noisy ones; got 5 rows. Repeat "
        "a clean row for each noisy one."
    )


def test_both_halves_must_suit_the_loss(pairs):
    noisy, clean = (MinMaxScaler().fit_transform(table) for table in pairs)
    DenoisingAE(2, loss="log_loss", **FAST).fit(noisy, clean)
    with pytest.raises(ValueError, match="the values of X_clean as probabilities"):
        DenoisingAE(2, loss="log_loss", **FAST).fit(noisy, 9 * clean)


def test_there_is_no_corruption_to_show(pairs):
    model = DenoisingAE(2, **FAST).fit(*pairs)
    with pytest.raises(ValueError, match="corrupt needs a corruption that has a name"):
        model.corrupt(pairs[0])
