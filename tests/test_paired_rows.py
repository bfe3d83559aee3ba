"""Denoising of noisy rows whose clean rows are known."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_ae import ConvArchitecture, DenoisingAE, PretrainedClassifier

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


LABELS = {
    "one of each row": np.arange(300),
    "a column": np.linspace(0, 1, 300)[:, None],
    "indicators": np.eye(3)[np.arange(300) % 3],
    "sparse indicators": sp.csr_array(np.eye(3)[np.arange(300) % 3]),
    "words": np.array([["a", "b", "c"]] * 300),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_are_no_clean_rows(pairs, name):
    X = pairs[0][:300]
    model = DenoisingAE(2, max_iter=1, random_state=0).fit(X, LABELS[name])
    alone = clone(model).fit(X)
    np.testing.assert_array_equal(model.transform(X), alone.transform(X))
    assert model.score(X, LABELS[name]) == alone.score(X)


def reshaped(clean):
    """Return tables that are no clean rows for X, and no labels."""
    return {
        "columns": clean[:, :-1],
        "float32": clean[:, :3].astype(np.float32),
        "integers": np.round(9 * clean[:, :-1]).astype(int),
        "list": clean[:, :-1].tolist(),
        "frame": pd.DataFrame(clean[:, :-1]),
        "sparse": sp.csr_array(clean[:, :-1]),
        "wider": np.c_[clean, clean],
        "images": clean.reshape(len(clean), 2, 5)[:, :, :4],
    }


@pytest.mark.parametrize("name", reshaped(np.zeros((1, 10))))
def test_a_clean_table_with_other_columns_is_refused(pairs, name):
    noisy, clean = (table[:60] for table in pairs)
    wrong, model = reshaped(clean)[name], DenoisingAE(2, max_iter=1)
    fitted = clone(model).fit(noisy, clean)
    for call in (model.fit, model.fit_transform, model.partial_fit, fitted.score):
        with pytest.raises(ValueError, match="y must hold clean rows of the shape of"):
            call(noisy, wrong)


def test_what_is_said_of_a_clean_table_with_other_columns(pairs):
    noisy, clean = pairs
    with pytest.raises(ValueError, match="y must hold") as raised:
        DenoisingAE().fit(noisy, clean[:, :-1])
    assert str(raised.value) == (
        "y must hold clean rows of the shape of those of X, or labels: one for each "
        "row, or columns of two values; got rows of the shape (9,) where those of X "
        "have (10,). Correct the table of clean rows. Several targets of a regressor "
        "behind go into a pipeline one by one, with "
        "sklearn.multioutput.MultiOutputRegressor."
    )


@pytest.mark.parametrize("n_rows", [0, 1, 59, 61])
def test_y_has_a_row_for_each_of_x(pairs, n_rows):
    noisy, clean = pairs[0][:60], pairs[1][:n_rows]
    model = DenoisingAE(2, max_iter=1)
    fitted = clone(model).fit(noisy)
    expected = (
        "y must hold a clean row, or a label, for each of the 60 rows of X; got "
        f"{n_rows}. Take both from the same table."
    )
    for call in (model.fit, model.fit_transform, model.partial_fit, fitted.score):
        for y in (clean, clean[:, 0], pd.DataFrame(clean)):
            with pytest.raises(ValueError, match="y must hold a clean row") as raised:
                call(noisy, y)
            assert str(raised.value) == expected


def test_clean_rows_by_name_go_before_those_in_the_place_of_labels(pairs):
    noisy, clean = pairs
    model = DenoisingAE(2, max_iter=2, random_state=0)
    expected = clone(model).fit(noisy, X_clean=clean).transform(noisy)
    for y in (clean + 1, clean[:, :3], clean[:-1]):
        found = clone(model).fit(noisy, y, X_clean=clean).transform(noisy)
        np.testing.assert_array_equal(found, expected)
    passed = clone(model).partial_fit(noisy, clean + 1, X_clean=clean)
    other = clone(model).partial_fit(noisy, X_clean=clean)
    np.testing.assert_array_equal(passed.transform(noisy), other.transform(noisy))


def test_clean_images_may_be_flat(pairs):
    noisy, clean = pairs
    images = [table.reshape(-1, 2, 5) for table in (noisy, clean)]
    architecture = ConvArchitecture(channels=(4,))
    model = DenoisingAE(2, architecture=architecture, max_iter=2, random_state=0)
    expected = clone(model).fit(*images).transform(images[0])
    found = clone(model).fit(images[0], clean).transform(images[0])
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="rows of X_clean must have the shape"):
        model.fit(noisy, images[1])


def test_a_regressor_of_several_targets_behind(pairs):
    noisy, clean = pairs
    ae = DenoisingAE(4, max_iter=1, random_state=0)
    model = MultiOutputRegressor(make_pipeline(ae, Ridge()))
    assert model.fit(noisy, clean[:, :3]).score(noisy, clean[:, :3]) > 0.5


def test_errors_call_second_tables_by_their_names(pairs):
    noisy, clean = (table[:60] for table in pairs)
    holed = clean.copy()
    holed[3, 3] = np.nan
    model = DenoisingAE(2, max_iter=1, random_state=0)
    fitted = clone(model).fit(noisy, clean)
    with pytest.raises(ValueError, match="Input X_clean contains NaN"):
        model.fit(noisy, X_clean=holed)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        fitted.score(noisy, holed)
    with pytest.raises(ValueError, match="Input X_val contains NaN"):
        model.fit(noisy, X_val=holed)
    given = {"X_clean": clean, "X_val": noisy}
    with pytest.raises(ValueError, match="Input X_clean_val contains NaN"):
        model.fit(noisy, **given, X_clean_val=holed)


def test_second_tables_have_the_columns_of_x_by_name(pairs):
    noisy, clean = (pd.DataFrame(table[:60]).add_prefix("c") for table in pairs)
    for name in ("X_clean", "X_val"):
        with pytest.raises(ValueError, match=f"{name} must have the columns of X"):
            DenoisingAE(2, max_iter=1).fit(noisy, **{name: clean.add_prefix("d")})


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
