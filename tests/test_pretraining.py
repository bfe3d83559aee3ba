import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    PretrainedClassifier,
    PretrainedRegressor,
    SparseAE,
    labelled_scorer,
)
from sklearn_ae.fitting.prediction import find_stages

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")

FAST = {"max_iter": 20, "random_state": 0}


# A weight of two is a loss that counts twice, and not a row that is there twice:
# batches, and what the autoencoder learns, are those of the rows as they are.
WEIGHTS_ARE_NO_COPIES = {
    f"check_sample_weight_equivalence_on_{kind}_data": "weights weigh losses"
    for kind in ("dense", "sparse")
}


@parametrize_with_checks(
    [
        PretrainedClassifier(DenoisingAE(max_iter=2), max_iter=30),
        PretrainedRegressor(DenoisingAE(max_iter=2), max_iter=30),
    ],
    expected_failed_checks=lambda estimator: WEIGHTS_ARE_NO_COPIES,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    """1200 digits of which 100 have labels, and 597 to test with."""
    X, y = load_digits(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(X))
    X, y = X[order].astype(np.float32), y[order]
    few = y[:1200].copy()
    few[100:] = -1
    return X[:1200], few, X[1200:], y[1200:]


@pytest.fixture(scope="module")
def autoencoder(digits):
    return DenoisingAE(16, max_iter=25, random_state=0).fit(digits[0])


def test_pretraining_helps_where_labels_are_few(digits):
    X, few, X_test, y_test = digits
    model = PretrainedClassifier(
        DenoisingAE(init="random"), freeze="gradual", random_state=0
    )
    pretrained = model.fit(X, few).score(X_test, y_test)
    random = clone(model).set_params(pretrain=False).fit(X, few)
    assert pretrained > random.score(X_test, y_test) + 0.02
    assert random.autoencoder_.n_iter_ == 0
    assert random.autoencoder_.init == "random"


@pytest.mark.parametrize(
    "options",
    [
        {"freeze": "encoder"},
        {"freeze": "gradual"},
        {"reconstruction_weight": 1.0},
        {"consistency_weight": 1.0},
        {"freeze": "encoder", "consistency_weight": 0.5},
        {"hidden_layer_sizes": (32,), "activation": "tanh"},
        {"early_stopping": True, "max_iter": 100},
        {"weight_decay": 0.1},
    ],
    ids=str,
)
def test_options_learn(digits, autoencoder, options):
    X, few, X_test, y_test = digits
    model = PretrainedClassifier(autoencoder, **{**FAST, "max_iter": 40} | options)
    assert model.fit(X, few).score(X_test, y_test) > 0.75
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        again.predict_proba(X_test[:9]), model.predict_proba(X_test[:9])
    )


SERVING = [
    AutoencoderTransformer(8, nested=True, max_iter=3),
    ConvAutoencoderTransformer(8, max_iter=2),
    SparseAE(32, max_iter=3),
    VAE(8, max_iter=3),
]


@pytest.mark.parametrize("model", SERVING, ids=lambda model: type(model).__name__)
@pytest.mark.filterwarnings("ignore::sklearn_ae.DeadUnitsWarning")
def test_every_autoencoder_serves_a_regressor(digits, model):
    X, few, X_test, y_test = digits
    predictor = PretrainedRegressor(model, max_iter=10, random_state=0)
    predictor.fit(X, np.where(few < 0, np.nan, few))
    assert np.corrcoef(predictor.predict(X_test), y_test)[0, 1] > 0.3


@pytest.mark.parametrize("model", SERVING, ids=lambda model: type(model).__name__)
@pytest.mark.filterwarnings("ignore::sklearn_ae.DeadUnitsWarning")
def test_every_autoencoder_serves(digits, model):
    X, few, X_test, y_test = digits
    predictor = PretrainedClassifier(
        model, reconstruction_weight=0.1, max_iter=10, random_state=0
    )
    assert predictor.fit(X, few).score(X_test, y_test) > 0.6


def test_frozen_encoder_stays_as_it_is_and_gradual_one_does_not(digits, autoencoder):
    X, few, X_test, _ = digits
    codes = autoencoder.transform(X_test)
    for freeze, same in (("encoder", True), ("gradual", False)):
        model = PretrainedClassifier(autoencoder, freeze=freeze, **FAST).fit(X, few)
        with torch.inference_mode():
            now = model.encoder_(torch.as_tensor(X_test)).numpy()
        assert np.allclose(now, codes, atol=1e-2) is same


def test_gradual_begins_with_the_head(digits, autoencoder):
    X, few, _, _ = digits
    model = PretrainedClassifier(autoencoder, freeze="gradual", **FAST).fit(X, few)
    stages = [len(stage) for stage in find_stages(model.module_, "gradual")]
    assert stages == sorted(set(stages))
    assert stages[0] == 2  # weight and bias of the head
    learning = [*model.module_.head.parameters()]
    learning += model.module_.autoencoder.encoder.parameters()
    assert stages[-1] == len(learning)


def test_only_what_the_objective_reaches_is_trained(digits, autoencoder):
    X, few, _, _ = digits
    before = [p.clone() for p in autoencoder.module_.decoder.parameters()]
    for weight, same in ((0.0, True), (1.0, False)):
        model = PretrainedClassifier(
            autoencoder, reconstruction_weight=weight, weight_decay=0.1, **FAST
        )
        after = model.fit(X, few).module_.autoencoder.decoder.parameters()
        pairs = zip(before, after, strict=True)
        assert all(torch.equal(a, b) for a, b in pairs) is same


def test_a_fitted_autoencoder_is_used_and_left_as_it_is(digits, autoencoder):
    X, few, _, _ = digits
    before = autoencoder.transform(X[:5])
    for given in (autoencoder, FrozenEstimator(autoencoder)):
        model = PretrainedClassifier(given, **FAST).fit(X, few)
        np.testing.assert_array_equal(model.autoencoder_.transform(X[:5]), before)
    np.testing.assert_array_equal(autoencoder.transform(X[:5]), before)


def test_a_frozen_estimator_stays_fitted_in_a_search(digits, autoencoder):
    X, few, _, _ = digits
    search = GridSearchCV(
        PretrainedClassifier(FrozenEstimator(autoencoder), **FAST),
        {"freeze": ["encoder", "none"]},
        cv=2,
    )
    search.fit(X[:100], few[:100])
    np.testing.assert_array_equal(
        search.best_estimator_.autoencoder_.transform(X[:5]),
        autoencoder.transform(X[:5]),
    )


def test_searches_over_the_autoencoder(digits):
    X, few, _, _ = digits
    model = PretrainedClassifier(DenoisingAE(max_iter=3), **FAST)
    grid = {"autoencoder__n_components": [2, 8], "freeze": ["none", "encoder"]}
    search = GridSearchCV(model, grid, cv=2).fit(X[:100], few[:100])
    assert search.best_params_["autoencoder__n_components"] == 8
    assert search.best_estimator_.autoencoder_.n_components_ == 8


def test_images_keep_their_axes(digits):
    X, few, X_test, _ = digits
    model = PretrainedClassifier(ConvAutoencoderTransformer(8, max_iter=2), **FAST)
    model.fit(X.reshape(-1, 8, 8), few)
    flat = model.predict(X_test)
    np.testing.assert_array_equal(model.predict(X_test.reshape(-1, 8, 8)), flat)


def test_sparse_rows(digits):
    X, few, X_test, _ = digits
    model = PretrainedClassifier(DenoisingAE(8, max_iter=3), **FAST)
    model.fit(sp.csr_array(X), few)
    np.testing.assert_allclose(
        model.predict_proba(sp.csr_array(X_test)),
        model.predict_proba(X_test),
        atol=1e-4,
    )


def test_fits_are_repeatable(digits):
    X, few, X_test, _ = digits
    model = PretrainedClassifier(
        DenoisingAE(8, max_iter=2), consistency_weight=0.1, max_iter=2, random_state=3
    )
    first = model.fit(X, few).predict_proba(X_test)
    again = clone(model).fit(X, few).predict_proba(X_test)
    np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize("weight", [0.1, 2, 3.0, 1e-6])
def test_equal_weights_change_nothing(digits, weight):
    X, few, X_test, _ = digits
    model = PretrainedClassifier(
        DenoisingAE(8, max_iter=2), consistency_weight=1.0, max_iter=3, random_state=3
    )
    first = model.fit(X, few).predict_proba(X_test)
    weighted = clone(model).fit(X, few, sample_weight=np.full(len(X), weight))
    np.testing.assert_array_equal(weighted.predict_proba(X_test), first)
    assert weighted.loss_curve_ == model.loss_curve_


@pytest.mark.parametrize("weight", [0.1, 2])
def test_equal_weights_change_nothing_in_regression(diabetes, weight):
    X, some, X_test, _ = diabetes
    model = PretrainedRegressor(AutoencoderTransformer(5, max_iter=3), **FAST)
    first = model.fit(X, some).predict(X_test)
    weighted = clone(model).fit(X, some, sample_weight=np.full(len(X), weight))
    np.testing.assert_array_equal(weighted.predict(X_test), first)


def test_whole_weights_weigh_losses_and_repeat_no_rows(digits, autoencoder):
    X, few, _, _ = digits
    weights = np.where(few < 5, 1, 3)
    model = PretrainedClassifier(autoencoder, **FAST)
    model.fit(X, few, sample_weight=weights)
    assert model.net_.history[-1]["batches"][0]["train_batch_size"] == 100
    seen = model.fit(X, few, sample_weight=10 * weights).loss_curve_
    assert seen == model.fit(X, few, sample_weight=weights).loss_curve_


def test_rows_of_weight_zero_are_left_out(digits, autoencoder):
    X, few, X_test, _ = digits
    kept = np.arange(len(X)) % 3 > 0
    model = PretrainedClassifier(DenoisingAE(8, max_iter=2), **FAST)
    first = model.fit(X[kept], few[kept]).predict_proba(X_test)
    weighted = clone(model).fit(X, few, sample_weight=kept.astype(float))
    np.testing.assert_array_equal(weighted.predict_proba(X_test), first)


# -------------------------------------------------------------- labels that are missing


def test_the_mark_of_missing_labels_can_be_chosen(digits, autoencoder):
    X, few, _, _ = digits
    sentiment = np.where(few < 0, 9, few % 3 - 1)
    model = PretrainedClassifier(autoencoder, missing_label=9, **FAST)
    assert model.fit(X, sentiment).classes_.tolist() == [-1, 0, 1]
    first = model.decision_function(X[:9])
    other = np.where(few < 0, np.nan, few % 3 - 1)
    model.set_params(missing_label=np.nan).fit(X, other)
    np.testing.assert_array_equal(model.decision_function(X[:9]), first)


@pytest.mark.parametrize(
    "make",
    [
        lambda y: np.where(y < 0, None, np.array(["even", "odd"], object)[y % 2]),
        lambda y: pd.Series(np.array(["even", "odd"], object)[y % 2]).mask(y < 0),
        lambda y: pd.Series(np.array(["even", "odd"])[y % 2], dtype="string").mask(
            y < 0
        ),
        lambda y: pd.Series(
            pd.Categorical.from_codes(np.where(y < 0, -1, y % 2), ["even", "odd"])
        ),
        lambda y: pd.Categorical.from_codes(
            np.where(y < 0, -1, y % 2), ["even", "odd"]
        ),
    ],
    ids=["objects", "series", "strings", "category", "categorical"],
)
def test_missing_labels_of_any_container(digits, autoencoder, make):
    X, few, _, _ = digits
    y = make(few)
    model = PretrainedClassifier(autoencoder, missing_label=None, **FAST).fit(X, y)
    assert model.classes_.tolist() == ["even", "odd"]
    assert model.score(X, y) > 0.8
    model.set_params(missing_label=-1)
    with pytest.raises(ValueError, match="y must mark rows without a label by -1, wh"):
        model.fit(X, y)


def test_integers_of_pandas_may_be_missing(digits, autoencoder):
    X, few, _, _ = digits
    y = pd.Series(few, dtype="Int64").mask(few < 0)
    model = PretrainedClassifier(autoencoder, missing_label=pd.NA, **FAST).fit(X, y)
    assert model.classes_.tolist() == list(range(10))


def test_classes_are_objects_also_where_none_is_missing(digits, autoencoder):
    X, few, _, _ = digits
    at = np.flatnonzero(few >= 0)
    for classes in (few[at].astype(object), (few[at] > 4).astype(object)):
        model = PretrainedClassifier(autoencoder, missing_label=None, **FAST)
        model.fit(X[at], classes)
        assert model.classes_.tolist() == sorted(set(classes.tolist()))
        assert model.score(X[at], classes) > 0.8


@pytest.mark.parametrize("kind", ["coo", "csc", "bsr", "lil", "dok"])
def test_every_sparse_format_is_scored(digits, autoencoder, kind):
    X, few, _, _ = digits
    model = PretrainedClassifier(autoencoder, **FAST).fit(X, few)
    found = model.score(sp.csr_array(X).asformat(kind), few)
    assert found == model.score(X, few)


def test_text_may_mark_missing_labels(digits, autoencoder):
    X, few, _, _ = digits
    y = np.where(few < 0, "?", few.astype(str))
    model = PretrainedClassifier(autoencoder, missing_label="?", **FAST).fit(X, y)
    assert model.classes_.tolist() == list("0123456789")


def test_classes_are_of_one_type(digits):
    X, few, _, _ = digits
    y = few.astype(object)
    y[few == 3] = "three"
    with pytest.raises(TypeError, match="y must hold classes of one type") as error:
        PretrainedClassifier().fit(X, y)
    assert str(error.value).startswith(
        "y must hold classes of one type, all strings or all numbers; got 'three' and "
    )


def test_a_scorer_leaves_unlabelled_rows_out(digits, autoencoder):
    X, few, X_test, y_test = digits
    model = PretrainedClassifier(autoencoder, **FAST).fit(X, few)
    some = y_test.copy()
    some[::2] = -1
    expected = get_scorer("neg_log_loss")(model, X_test[1::2], y_test[1::2])
    assert labelled_scorer("neg_log_loss")(model, X_test, some) == expected
    weights = np.arange(1.0, 1 + len(some))
    found = labelled_scorer("accuracy")(model, X_test, some, sample_weight=weights)
    assert found == model.score(X_test[1::2], y_test[1::2], weights[1::2])


def test_a_scorer_leaves_rows_without_targets_out(diabetes):
    X, some, X_test, y_test = diabetes
    model = PretrainedRegressor(AutoencoderTransformer(5, max_iter=3), **FAST)
    model.fit(X, some)
    few = np.where(np.arange(len(y_test)) % 2, y_test, np.nan)
    scorer = labelled_scorer("neg_mean_absolute_error", None)
    expected = -np.abs(model.predict(X_test[1::2]) - y_test[1::2]).mean()
    assert scorer(model, X_test, few) == pytest.approx(expected)


def test_probabilities_are_calibrated_on_labelled_rows(digits, autoencoder):
    X, few, X_test, y_test = digits
    model = PretrainedClassifier(autoencoder, **FAST)
    fit = few.copy()
    fit[50:100] = -1
    model.fit(X, fit)
    calibrated = CalibratedClassifierCV(FrozenEstimator(model), cv=2, ensemble=False)
    calibrated.fit(X[50:100], few[50:100])
    assert calibrated.classes_.tolist() == list(range(10))
    assert calibrated.score(X_test, y_test) > 0.6


def test_predictions_follow_further_training(diabetes):
    X, some, X_test, _ = diabetes
    model = PretrainedRegressor(AutoencoderTransformer(5, max_iter=3), **FAST)
    before = model.fit(X, some).predict(X_test)
    with torch.no_grad():
        model.module_.head[-1].bias += 1
    assert (model.predict(X_test) > before).all()


def test_fractional_weights_count(digits, autoencoder):
    X, few, X_test, y_test = digits
    X, y = X[:100], few[:100]
    weights = np.where(y < 5, 1e-3, 0.5)
    model = PretrainedClassifier(autoencoder, **FAST).fit(X, y, sample_weight=weights)
    found = model.predict(X_test)
    assert (found < 5).mean() < 0.3 < (y_test < 5).mean()


def test_class_weights_count(digits, autoencoder):
    X, few, X_test, _ = digits
    rare = {digit: 1e-3 if digit < 5 else 1.0 for digit in range(10)}
    model = PretrainedClassifier(autoencoder, class_weight=rare, **FAST)
    assert (model.fit(X, few).predict(X_test) < 5).mean() < 0.3


def test_probabilities_and_logits_agree(digits, autoencoder):
    X, few, X_test, _ = digits
    model = PretrainedClassifier(autoencoder, **FAST).fit(X, few)
    assert model.predict_proba(X_test).shape == (len(X_test), 10)
    np.testing.assert_allclose(model.predict_proba(X_test).sum(axis=1), 1, rtol=1e-5)
    two = np.where(few < 0, -1, few % 2)
    model.fit(X, two)
    odds = model.decision_function(X_test)
    assert odds.shape == (len(X_test),)
    np.testing.assert_allclose(
        model.predict_proba(X_test)[:, 1], 1 / (1 + np.exp(-odds)), atol=1e-5
    )


def test_objects_name_classes_beside_the_mark(digits, autoencoder):
    X, few, X_test, _ = digits
    names = np.array(["even", "odd"], dtype=object)[few % 2]
    names[few == -1] = -1
    model = PretrainedClassifier(autoencoder, **FAST).fit(X, names)
    assert model.classes_.tolist() == ["even", "odd"]
    assert set(model.predict(X_test)) == {"even", "odd"}


def test_minus_one_and_one_are_two_classes(curve):
    y = np.where(curve[:, 0] > 0, 1, -1)
    model = PretrainedClassifier(AutoencoderTransformer(2, max_iter=5), **FAST)
    assert model.fit(curve, y).classes_.tolist() == [-1, 1]


def test_works_after_a_scaler(digits):
    X, few, X_test, y_test = digits
    model = make_pipeline(
        StandardScaler(), PretrainedClassifier(DenoisingAE(16, max_iter=15), **FAST)
    )
    assert model.fit(X, few).score(X_test, y_test) > 0.6


def test_fitting_the_autoencoder_again_does_no_harm(digits):
    X, few, X_test, _ = digits
    autoencoder = DenoisingAE(8, max_iter=3, random_state=0).fit(X)
    model = PretrainedClassifier(autoencoder, **FAST).fit(X, few)
    before = model.predict_proba(X_test)
    autoencoder.fit(10 * X + 5)
    np.testing.assert_array_equal(model.predict_proba(X_test), before)


def test_parameters_set_after_the_fit_do_not_reach_the_pickle(digits, autoencoder):
    X, few, X_test, _ = digits
    model = PretrainedClassifier(autoencoder, hidden_layer_sizes=(9,), **FAST)
    before = model.fit(X, few).predict_proba(X_test)
    model.set_params(hidden_layer_sizes=(4, 4), activation="tanh")
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X_test), before)
    assert again.hidden_layer_sizes == (4, 4)


def test_the_fine_tuned_encoder_can_be_taken_away(digits, autoencoder):
    X, few, X_test, _ = digits
    model = PretrainedClassifier(autoencoder, **FAST).fit(X, few)
    with torch.inference_mode():
        codes = model.encoder_(torch.as_tensor(X_test))
        logits = model.module_.head(codes / float(autoencoder.scale_[0]))
    np.testing.assert_allclose(logits, model.decision_function(X_test), atol=1e-3)
    assert not np.allclose(codes, autoencoder.transform(X_test), atol=1e-2)


def test_the_network_can_be_trained_further(digits, autoencoder):
    X, few, _, _ = digits
    model = PretrainedClassifier(autoencoder, freeze="gradual", **FAST).fit(X, few)
    assert all(parameter.requires_grad for parameter in model.module_.parameters())


@pytest.mark.parametrize("max_iter", [1, 2, 7])
def test_gradual_keeps_to_its_epochs(digits, autoencoder, max_iter):
    X, few, _, _ = digits
    model = PretrainedClassifier(
        autoencoder, freeze="gradual", max_iter=max_iter, random_state=0
    )
    assert model.fit(X, few).n_iter_ == max_iter


def test_reconstruction_is_weighed_alike_for_nested_codes(digits):
    X, few, _, _ = digits
    weights = []
    for nested in (False, True):
        autoencoder = AutoencoderTransformer(4, nested=nested, max_iter=1)
        model = PretrainedClassifier(
            autoencoder, reconstruction_weight=0.5, max_iter=1, random_state=0
        )
        weights.append(model.fit(X, few).net_.criterion_.reconstruction_weight)
    assert weights == [0.5 / 64, 0.5]  # per feature, and relative to PCA's loss


def test_equal_rows_do_not_switch_consistency_off():
    rng = np.random.RandomState(0)
    X = rng.randint(2, size=(400, 4)).astype(float)
    model = PretrainedClassifier(
        AutoencoderTransformer(2, max_iter=1),
        consistency_weight=1.0,
        max_iter=1,
        random_state=0,
    )
    model.fit(X, X[:, 0].astype(int))
    assert model.module_.consistent
    assert model.module_.radius > 0.1


def test_unlabelled_rows_do_not_count_in_scores(digits, autoencoder):
    X, few, X_test, y_test = digits
    model = PretrainedClassifier(autoencoder, **FAST).fit(X, few)
    some = y_test.copy()
    some[::2] = -1
    assert model.score(X_test, some) == model.score(X_test[1::2], y_test[1::2])
    weights = np.arange(len(some))
    assert model.score(X_test, some, weights) == pytest.approx(
        model.score(X_test[1::2], y_test[1::2], weights[1::2])
    )


# ---------------------------------------------------------------------- regression


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    some = y[:350].copy()
    some[100:] = np.nan
    return X[:350], some, X[350:], y[350:]


@pytest.mark.parametrize(
    "options", [{}, {"reconstruction_weight": 1.0}, {"consistency_weight": 0.1}]
)
def test_regression_from_few_targets(diabetes, options):
    X, some, X_test, y_test = diabetes
    autoencoder = AutoencoderTransformer(5, max_iter=20)
    model = PretrainedRegressor(autoencoder, **FAST | options).fit(X, some)
    assert model.score(X_test, y_test) > 0.25
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X_test), model.predict(X_test))


def test_regression_in_the_units_of_the_targets(diabetes):
    X, some, X_test, _ = diabetes
    model = PretrainedRegressor(AutoencoderTransformer(5, max_iter=3), **FAST)
    first = model.fit(X, some).predict(X_test)
    second = model.fit(X, 1000 * some + 7).predict(X_test)
    np.testing.assert_allclose(second, 1000 * first + 7, rtol=1e-3)


def test_rows_without_targets_do_not_count_in_scores(diabetes):
    X, some, X_test, y_test = diabetes
    model = PretrainedRegressor(AutoencoderTransformer(5, max_iter=3), **FAST)
    model.fit(X, some)
    few = y_test.copy()
    few[::2] = np.nan
    assert model.score(X_test, few) == model.score(X_test[1::2], y_test[1::2])


def test_the_scale_of_fractional_weights_does_not_matter(diabetes):
    X, some, X_test, _ = diabetes
    model = PretrainedRegressor(
        AutoencoderTransformer(5, max_iter=3), reconstruction_weight=1.0, **FAST
    )
    weights = np.random.RandomState(0).uniform(0.5, 1.5, len(X))
    first = model.fit(X, some, weights).predict(X_test)
    second = model.fit(X, some, weights / 1024).predict(X_test)
    np.testing.assert_allclose(second, first, rtol=1e-4)


def test_several_targets_of_which_some_are_unknown(diabetes):
    X, some, X_test, _ = diabetes
    both = np.column_stack([some, -some])
    both[:50, 1] = np.nan
    model = PretrainedRegressor(AutoencoderTransformer(5, max_iter=10), **FAST)
    values = model.fit(X, both).predict(X_test)
    assert values.dtype == np.float64
    one_by_one = [model.predict(row[None])[0] for row in X_test[:9]]
    np.testing.assert_allclose(one_by_one, values[:9], rtol=1e-9)
    assert values.shape == (len(X_test), 2)
    assert np.corrcoef(values.T)[0, 1] < -0.8


# --------------------------------------------------------------------- wrong uses


@pytest.mark.parametrize("y", [np.full(1200, -1), np.full(1200, np.nan)])
def test_labels_are_needed(digits, y):
    cls = PretrainedRegressor if np.isnan(y[0]) else PretrainedClassifier
    with pytest.raises(
        ValueError, match="y must hold at least one label of a row whose"
    ):
        cls().fit(digits[0], y)


def test_two_classes_are_needed_beside_unlabelled_rows(digits):
    y = np.where(np.arange(1200) < 10, 3, -1)
    with pytest.raises(ValueError, match="at least two classes beside -1"):
        PretrainedClassifier().fit(digits[0], y)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"freeze": "encoder", "reconstruction_weight": 0.1},
            ValueError,
            "reconstruction_weight must be 0 with freeze='encoder'",
        ),
        (
            {"autoencoder": LogisticRegression()},
            ValueError,
            "The 'autoencoder' parameter of PretrainedClassifier",
        ),
        (
            {"autoencoder": StandardScaler()},
            TypeError,
            "autoencoder must be one of this library's estimators",
        ),
        (
            {"hidden_layer_sizes": (0,)},
            ValueError,
            "hidden_layer_sizes must hold positive integers",
        ),
        ({"freeze": "some"}, ValueError, "The 'freeze' parameter of"),
        ({"consistency_weight": -1}, ValueError, "The 'consistency_weight' parameter"),
        ({"callbacks": ["print"]}, TypeError, "callbacks must hold skorch callbacks"),
    ],
)
def test_wrong_parameters(digits, options, error, message):
    X, few, _, _ = digits
    with pytest.raises(error, match=message):
        PretrainedClassifier(**options).fit(X, few)


def test_random_weights_and_a_fitted_autoencoder_contradict(digits, autoencoder):
    X, few, _, _ = digits
    model = PretrainedClassifier(autoencoder, pretrain=False)
    with pytest.raises(ValueError, match="pretrain=False must go with an autoencoder"):
        model.fit(X, few)


def test_rows_must_suit_a_fitted_autoencoder(digits, autoencoder):
    X, few, _, _ = digits
    with pytest.raises(
        ValueError, match="X has 9 features, but DenoisingAE is expecting 64"
    ):
        PretrainedClassifier(autoencoder).fit(X[:, :9], few)


def test_weights_must_not_be_negative(digits):
    X, few, _, _ = digits
    weights = np.linspace(-1, 1, 1200)
    with pytest.raises(ValueError, match="sample_weight must hold no negative value"):
        PretrainedClassifier().fit(X, few, sample_weight=weights)


def test_labelled_rows_must_have_weight(digits):
    X, few, _, _ = digits
    with pytest.raises(ValueError, match="a row whose weight is not 0"):
        PretrainedClassifier().fit(X, few, sample_weight=np.where(few < 0, 1, 0))


def test_classes_must_have_weight(digits, autoencoder):
    X, few, _, _ = digits
    model = PretrainedClassifier(autoencoder, class_weight=dict.fromkeys(range(10), 0))
    with pytest.raises(ValueError, match="class_weight must leave a labelled row"):
        model.fit(X, few)


def test_classes_are_strings_or_numbers(digits):
    X, _, _, _ = digits
    with pytest.raises(
        TypeError,
        match=r"^y must hold classes that are strings or numbers; got \{'a': 1\}, a "
        r"dict\. Give each class a name\.$",
    ):
        PretrainedClassifier().fit(X[:4], [{"a": 1}] * 4)


def test_the_mark_must_not_be_a_string(digits):
    X, few, _, _ = digits
    with pytest.raises(ValueError, match="y must have the type object where -1 marks"):
        PretrainedClassifier().fit(X, few.astype(str))


def test_classes_are_not_missing_as_nan(digits):
    X, few, _, _ = digits
    with pytest.raises(
        ValueError,
        match="mark rows without a label by -1, which is missing_label; got 1100",
    ):
        PretrainedClassifier().fit(X, np.where(few < 0, np.nan, few))


def test_a_frozen_estimator_must_be_fitted(digits):
    X, few, _, _ = digits
    with pytest.raises(NotFittedError):
        PretrainedClassifier(FrozenEstimator(DenoisingAE())).fit(X, few)


def test_columns_of_targets_must_not_be_empty(diabetes):
    X, some, _, _ = diabetes
    both = np.column_stack([some, np.full(len(some), np.nan)])
    with pytest.raises(ValueError, match=r"columns \[1\] are all NaN"):
        PretrainedRegressor().fit(X, both)


def test_a_failed_fit_changes_nothing(digits, autoencoder):
    X, few, X_test, _ = digits
    model = PretrainedClassifier(autoencoder, **FAST).fit(X, few)
    before = model.predict_proba(X_test)
    with pytest.raises(ValueError, match="at least one label"):
        model.fit(X, np.full(1200, -1))
    np.testing.assert_array_equal(model.predict_proba(X_test), before)


@pytest.mark.parametrize("freeze", ["none", "encoder", "gradual"])
@pytest.mark.parametrize("normalization", [None, "batch", "group"])
def test_frozen_layers_go_with_every_normalisation(digits, freeze, normalization):
    # torch's backward pass of a group normalisation whose input needs no gradient
    # reads beyond its memory where maps have their channels last.
    _, _, X, y = digits
    conv = ConvAutoencoderTransformer(
        8, normalization=normalization, max_iter=1, random_state=0
    )
    model = PretrainedClassifier(conv, freeze=freeze, max_iter=20, random_state=0)
    assert model.fit(X[:400], y[:400]).score(X[400:], y[400:]) > 0.3


@pytest.mark.parametrize("cls", [PretrainedClassifier, PretrainedRegressor])
def test_codes_that_are_all_equal_predict_the_mean(cls):
    X = np.random.RandomState(0).standard_normal((40, 4))
    ae = DenoisingAE(2, max_iter=1, random_state=0).fit(X)
    same, y = np.repeat(X[:1], 40, axis=0), np.arange(40) % 2
    predicted = cls(ae, freeze="encoder", max_iter=2, random_state=0).fit(same, y)
    found = predicted.predict(same)
    assert np.isfinite(found).all()
    if cls is PretrainedRegressor:
        np.testing.assert_allclose(found, 0.5, atol=0.1)


def test_nested_codes_need_no_pretraining(digits):
    X, y, *_ = digits
    nested = AutoencoderTransformer(4, nested=True)
    model = PretrainedClassifier(nested, pretrain=False, max_iter=2, random_state=0)
    model.set_params(reconstruction_weight=0.1).fit(X[:100], y[:100])
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
