"""Groups, time and repeated rows, as users declare them or do not know of them."""

import re
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    TimeSeriesSplit,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    DependentRowsWarning,
    PCAFloorWarning,
    PretrainedClassifier,
    SparseAE,
    code_size_curve,
    compare,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")

RANDOM = np.random.RandomState(0)
MIXING = RANDOM.standard_normal((20, 20))
ROWS = RANDOM.standard_normal((100, 20)) @ MIXING
GROUPS = np.repeat(np.arange(20), 10)
SUBJECTS = np.repeat(RANDOM.standard_normal((20, 20)) @ MIXING, 10, axis=0)
SUBJECTS = SUBJECTS + 0.3 * RANDOM.standard_normal(SUBJECTS.shape)
FAST = {"max_iter": 3, "random_state": 0}


def test_repeated_rows_are_no_evidence():
    model = AutoencoderTransformer(5, random_state=0)
    assert not model.fit(np.repeat(ROWS, 10, axis=0)).beats_pca_
    bag = BaggingClassifier(
        make_pipeline(model, LogisticRegression()), n_estimators=2, random_state=0
    ).fit(ROWS, ROWS[:, 0] > 0)
    assert not any(pipe[0].beats_pca_ for pipe in bag.estimators_)


def test_near_copies_are_told_and_held_out_together():
    X = np.repeat(ROWS, 5, axis=0) + 0.01 * RANDOM.standard_normal((500, 20))
    with pytest.warns(DependentRowsWarning) as caught:
        model = AutoencoderTransformer(5, random_state=0).fit(X)
    assert not model.beats_pca_
    texts = [str(w.message) for w in caught if w.category is DependentRowsWarning]
    assert texts == [
        "AutoencoderTransformer(n_components=5): Many rows are near copies of others, "
        "or come in groups of rows that are alike. Whole groups are held out, and each "
        "of them counts once. If you know the groups, pass them as groups to fit (in a "
        "pipeline as <step>__groups, in a search by metadata routing), compare or "
        "code_size_curve. If new rows will belong to the same groups, set "
        "validation='random'."
    ]
    assert AutoencoderTransformer(5, validation="random", random_state=0).fit(X)


def scaled_windows():
    noise, x = np.random.RandomState(0).standard_normal(500), [0.0, 0.0]
    for value in noise:
        x.append(1.6 * x[-1] - 0.7 * x[-2] + value)
    X = np.lib.stride_tricks.sliding_window_view(x[-420:], 24)
    return StandardScaler().fit_transform(np.random.RandomState(1).permutation(X))


def visits_of_subjects():
    r = np.random.RandomState(1)
    centres = r.randn(30, 4) @ r.randn(4, 15) + r.randn(30, 15)
    return np.tile(centres, (20, 1)) + r.randn(600, 15)


@pytest.mark.parametrize(
    ("make", "found"),
    [(scaled_windows, "windows"), (visits_of_subjects, "groups of rows")],
)
def test_what_a_scaler_or_the_order_hides_is_no_evidence(make, found):
    with pytest.warns(DependentRowsWarning, match=found):
        model = AutoencoderTransformer(4, random_state=0).fit(make())
    assert not model.beats_pca_


@pytest.mark.parametrize(
    "model",
    [
        AutoencoderTransformer(2, **FAST),
        AutoencoderTransformer(2, nested=True, **FAST),
        AutoencoderTransformer(0.5, **FAST),
        ConvAutoencoderTransformer(2, **FAST),
        DenoisingAE(2, **FAST),
        SparseAE(30, n_nonzero_coefs=2, **FAST),
        VAE(2, **FAST),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn_ae.DeadUnitsWarning")
@pytest.mark.filterwarnings("ignore::sklearn_ae.PosteriorCollapseWarning")
def test_all_take_groups_and_splitters(model, monkeypatch):
    seen = []

    class Splitter(GroupShuffleSplit):
        def split(self, X, y=None, groups=None):
            seen.append(groups)
            return super().split(X, y, groups)

    model.set_params(validation=Splitter(1, random_state=0))
    model.fit(SUBJECTS, groups=GROUPS)
    assert all(groups is GROUPS or (groups == GROUPS).all() for groups in seen)
    assert seen
    model.set_params(validation="last").fit(SUBJECTS)
    model.set_params(validation="auto").fit(SUBJECTS, groups=GROUPS.astype(str))


def test_groups_pass_through_pipelines_and_searches():
    pipe = Pipeline(
        [("ae", AutoencoderTransformer(2, **FAST)), ("clf", LogisticRegression())]
    )
    y = SUBJECTS[:, 0] > 0
    pipe.fit(SUBJECTS, y, ae__groups=GROUPS)
    with sklearn.config_context(enable_metadata_routing=True):
        pipe["ae"].set_fit_request(groups=True)
        search = GridSearchCV(pipe, {"ae__n_components": [1, 2]}, cv=GroupKFold(2))
        search.fit(SUBJECTS, y, groups=GROUPS)
    assert search.best_params_["ae__n_components"] in (1, 2)


def test_groups_are_checked():
    model = AutoencoderTransformer(2, **FAST)
    with pytest.raises(ValueError, match="200 rows of X; got 199 names"):
        model.fit(SUBJECTS, groups=GROUPS[1:])
    with pytest.raises(ValueError, match="got 1 missing names"):
        model.fit(SUBJECTS, groups=np.r_[np.nan, GROUPS[1:]])
    with pytest.raises(ValueError, match="The 'validation' parameter"):
        AutoencoderTransformer(validation="first").fit(SUBJECTS)


def test_time_is_declared_by_a_splitter_or_by_last():
    X = np.cumsum(RANDOM.standard_normal((300, 8)), axis=0)
    for validation in ("last", TimeSeriesSplit(4)):
        model = AutoencoderTransformer(2, validation=validation, **FAST).fit(X)
        assert not model.beats_pca_


def test_a_list_of_splits_is_a_splitter_as_for_cv():
    cv = TimeSeriesSplit(4)
    models = [
        AutoencoderTransformer(2, validation=validation, **FAST).fit(ROWS)
        for validation in (cv, list(cv.split(ROWS)))
    ]
    assert models[0].loss_curve_ == models[1].loss_curve_
    expected = (
        "validation must leave at least 2 rows for training and 1 to hold out; got 1 "
        "and 99 from the list."
    )
    with pytest.raises(ValueError, match=f"^{expected}$"):
        AutoencoderTransformer(2, validation=[([0], range(1, 100))]).fit(ROWS)


# ----------------------------------------------------------------- without new rows


def test_without_new_rows_nothing_is_claimed():
    nothing = (
        "AutoencoderTransformer(n_components=2): No new rows were held out, so that "
        "nothing tells whether the network is better than PCA on them: beats_pca_ is "
        "None. "
    )
    equal = (
        "Each row that {} would hold out is equal to one to train on; "
        "validation='auto' holds equal rows out together."
    ).format
    known = "X_val has fewer than 5 rows that are not in X; pass more of them."
    often = np.tile(ROWS, (4, 1))
    cases = [
        (
            {"early_stopping": False},
            ROWS,
            {},
            "Set early_stopping=True, or pass X_val.",
        ),
        ({}, ROWS, {"X_val": ROWS}, known),
        ({"validation": "last"}, often, {}, equal("validation='last'")),
        ({"validation": KFold(4)}, often, {}, equal("the splitter")),
    ]
    for params, X, given, advice in cases:
        model = AutoencoderTransformer(2, max_iter=30, random_state=0, **params)
        with pytest.warns(PCAFloorWarning, match=f"^{re.escape(nothing + advice)}$"):
            model.fit(X, **given)
        assert model.beats_pca_ is None
        assert model.reconstruction_error_ < model.pca_reconstruction_error_


def test_a_network_can_be_kept():
    kept = AutoencoderTransformer(5, floor=False, random_state=0)
    expected = (
        "AutoencoderTransformer(n_components=5): The network is kept, though it is not "
        "better than PCA by more than chance; beats_pca_ is False. floor=True takes "
        "the better of the two."
    )
    with pytest.warns(PCAFloorWarning, match=f"^{re.escape(expected)}$"):
        kept.fit(ROWS)
    assert kept.beats_pca_ is False
    assert not kept._model.is_pca
    assert AutoencoderTransformer(5, random_state=0).fit(ROWS)._model.is_pca


# ------------------------------------------------------------------ what warnings say


def warnings_of(fit, *args, **kwargs):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(*args, **kwargs)
    return [str(w.message) for w in caught if w.category is PCAFloorWarning]


def test_a_column_that_has_all_variance_is_named():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS, columns=[f"x{i}" for i in range(20)])
    frame["x3"] *= 1000
    model = AutoencoderTransformer(2, **FAST)
    assert warnings_of(model.fit, frame) == [
        "AutoencoderTransformer(n_components=2): The fitted model is PCA of all rows, "
        "because column 'x3' has more than 95% of the variance, and a linear code of "
        "that column is all it takes. beats_pca_ is False. Put StandardScaler before, "
        "or set scaling='per_feature'."
    ]


def test_a_row_that_has_much_of_the_variance_is_told():
    X = RANDOM.standard_normal((200, 6))
    X[7] *= 50
    # The last rows are held out, so that this one is to train on.
    model = AutoencoderTransformer(2, validation="last", **FAST)
    assert warnings_of(model.fit, X) == [
        "AutoencoderTransformer(n_components=2): Training was skipped, because one "
        "row has more than 15% of the variance, and what a network does to new "
        "rows like it cannot be told from others. The fitted model is PCA of all "
        "rows; beats_pca_ is False. Check that row, or put "
        "QuantileTransformer before. floor=False trains all the same."
    ]
    assert model.n_iter_ == 0
    assert model.beats_pca_ is False


@pytest.mark.parametrize("kind", ["search", "cross_validate"])
def test_a_search_gives_each_text_once(kind):
    pipe = make_pipeline(AutoencoderTransformer(2, **FAST), LogisticRegression())
    y = ROWS[:, 0] > 0
    if kind == "search":
        grid = {"autoencodertransformer__n_components": [1, 2, 3, 4]}
        search = GridSearchCV(pipe, grid, cv=5)
        texts = warnings_of(search.fit, ROWS, y)
        assert len(warnings_of(search.fit, ROWS, y)) == len(texts)  # a new search
    else:
        texts = warnings_of(cross_validate, pipe, ROWS, y, cv=20)
    assert len(texts) == len(set(texts)) == (4 if kind == "search" else 1)


# -------------------------------------------------------- predictors and comparisons


def test_predictors_hold_out_whole_groups():
    y = (GROUPS % 2).astype(int)
    y[::3] = -1
    ae = AutoencoderTransformer(4, **FAST)
    model = PretrainedClassifier(ae, max_iter=2, early_stopping=True, random_state=0)
    model.fit(SUBJECTS, y, groups=GROUPS)
    assert len(model.validation_loss_curve_) == 2
    with pytest.raises(ValueError, match="groups must name the group of each"):
        model.fit(SUBJECTS, y, groups=GROUPS[:5])


def test_a_constant_weight_changes_nothing():
    y = (ROWS[:, 0] > 0).astype(int)
    ae = AutoencoderTransformer(5, random_state=0)
    models = [
        PretrainedClassifier(ae, max_iter=2, random_state=0).fit(ROWS, y, **weights)
        for weights in ({}, {"sample_weight": np.full(100, 10)})
    ]
    assert not models[1].autoencoder_.beats_pca_
    np.testing.assert_array_equal(*(m.predict_proba(ROWS) for m in models))


@pytest.mark.filterwarnings("ignore::sklearn_ae.DependentRowsWarning")
def test_comparisons_keep_groups_together():
    ae = AutoencoderTransformer(**FAST)
    for y in (None, GROUPS % 2):
        result = compare(SUBJECTS, y, [ae], [2], cv=2, groups=GROUPS)
        assert set(result.frame["fold"]) == {0, 1}
    result = compare(SUBJECTS, None, [ae], [2], cv=TimeSeriesSplit(3))
    assert set(result.frame["fold"]) == {0, 1, 2}
    curve = code_size_curve(
        AutoencoderTransformer(3, nested=True, **FAST), SUBJECTS, cv=2, groups=GROUPS
    )
    assert set(curve.frame["fold"]) == {0, 1}


@pytest.mark.parametrize("run", ["compare", "code_size_curve"])
def test_comparisons_say_once_what_they_found_in_the_rows(run):
    X = np.repeat(ROWS, 5, axis=0) + 0.01 * RANDOM.standard_normal((500, 20))
    X = RANDOM.permutation(X)
    ae = AutoencoderTransformer(2, nested=run != "compare", **FAST)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if run == "compare":
            compare(X, None, [ae], [2], cv=3)
        else:
            code_size_curve(ae, X, cv=3)
    texts = [str(w.message) for w in caught if w.category is DependentRowsWarning]
    assert len(texts) == 1


@pytest.mark.parametrize("shape", [(20, 2), (2, 10, 1), ()])
def test_groups_are_one_column(shape):
    X, groups = RANDOM.standard_normal((20, 3)), np.zeros(shape)
    with pytest.raises(ValueError, match="groups must be one column") as error:
        AutoencoderTransformer(1).fit(X, groups=groups)
    assert str(error.value) == (
        "groups must be one column of names, one for each row of X; got an array of "
        f"shape {shape}. Take one of its columns, or join them to one."
    )


def test_groups_may_be_a_column_of_a_table():
    X, groups = RANDOM.standard_normal((60, 3)), np.arange(60) // 4
    model = AutoencoderTransformer(1, **FAST)
    codes = [model.fit(X, groups=g).transform(X) for g in (groups, groups[:, None])]
    np.testing.assert_array_equal(*codes)
