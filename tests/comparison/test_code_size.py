import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_ae import (
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    code_size_curve,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")

NESTED = AutoencoderTransformer(8, nested=True, max_iter=15, random_state=0)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:900], y[:900]


@pytest.fixture(scope="module")
def accuracy(digits):
    model = Pipeline(
        [
            ("scale", MinMaxScaler()),
            ("reduce", NESTED),
            ("classify", LogisticRegression(max_iter=2000)),
        ]
    )
    return code_size_curve(model, *digits, n_components=[1, 2, 4, 8], cv=3)


def test_a_bare_autoencoder_is_scored_at_every_size(digits):
    curve = code_size_curve(NESTED, digits[0], cv=2)
    assert curve.frame.groupby("estimator").size().tolist() == [16, 16]
    assert curve.score_name == "share of the variance"
    means = curve.summary()
    ours, pca = means["AutoencoderTransformer", "mean"], means["PCA", "mean"]
    assert (ours >= pca - 5e-3).all()
    assert ours.is_monotonic_increasing
    assert curve.best_n_components == 8


def test_scores_are_those_of_fitted_pipelines(accuracy, digits):
    assert accuracy.score_name == "accuracy"
    ours = accuracy.summary()["AutoencoderTransformer", "mean"]
    assert ours[1] < ours[2] < ours[8]
    assert ours[8] > 0.8
    assert accuracy.smallest_n_components <= accuracy.best_n_components == 8


def test_one_fit_per_fold(digits, monkeypatch):
    fits = []
    fit = AutoencoderTransformer.fit
    monkeypatch.setattr(
        AutoencoderTransformer,
        "fit",
        lambda self, *args: fits.append(self.n_components) or fit(self, *args),
    )
    code_size_curve(NESTED, digits[0], cv=3)
    assert fits == [8, 8, 8]


def test_a_scorer_of_ones_own(digits):
    model = Pipeline(
        [("reduce", NESTED), ("classify", LogisticRegression(max_iter=9000))]
    )
    curve = code_size_curve(
        model, *digits, n_components=[2, 8], cv=2, scoring="balanced_accuracy"
    )
    assert curve.score_name == "balanced_accuracy"
    assert curve.frame["score"].between(0.2, 1).all()


def test_frames_images_and_steps_that_do_nothing(digits):
    X, y = digits
    images = X.reshape(-1, 8, 8)
    conv = ConvAutoencoderTransformer(4, nested=True, max_iter=1, random_state=0)
    model = Pipeline([("nothing", "passthrough"), ("reduce", conv)])
    model.steps.append(("classify", LogisticRegression(max_iter=2000)))
    curve = code_size_curve(model, images, y, n_components=[2, 2, 4], cv=2)
    assert curve.frame.groupby("estimator").size().tolist() == [4, 4]
    assert code_size_curve(conv, images, cv=2).frame["score"].notna().all()
    fast = AutoencoderTransformer(4, nested=True, max_iter=1, random_state=0)
    frames = code_size_curve(fast, pd.DataFrame(X), cv=2).frame
    arrays = code_size_curve(fast, X, cv=2).frame
    pd.testing.assert_frame_equal(frames, arrays)


def test_a_scorer_that_takes_no_targets(digits):
    fast = AutoencoderTransformer(4, nested=True, max_iter=1, random_state=0)
    curve = code_size_curve(
        fast, digits[0], cv=2, scoring=lambda model, X: model.transform(X).shape[1]
    )
    frame = curve.frame
    np.testing.assert_array_equal(frame["score"], frame["n_components"])


def test_sizes_that_all_folds_have_are_kept(digits):
    share = AutoencoderTransformer(0.6, nested=True, max_iter=3, random_state=0)
    curve = code_size_curve(share, digits[0], cv=3)
    counts = curve.frame.groupby("n_components")["fold"].nunique()
    assert (counts == 3).all()


def test_one_split_has_no_spread(digits):
    fast = AutoencoderTransformer(4, nested=True, max_iter=1, random_state=0)
    curve = code_size_curve(fast, digits[0], cv=ShuffleSplit(1, random_state=0))
    assert curve.smallest_n_components == curve.best_n_components


def test_the_curve_is_drawn_with_pca_beside(accuracy):
    display = accuracy.plot()
    labels = [line.get_label() for line in display.lines_]
    assert labels == ["PCA", "AutoencoderTransformer"]
    means = accuracy.summary()["PCA", "mean"]
    np.testing.assert_allclose(display.lines_[0].get_ydata(), means)
    assert display.ax_.get_ylabel() == "Held-out accuracy"


def test_codes_must_be_nested(digits):
    plain = AutoencoderTransformer(4)
    with pytest.raises(
        ValueError, match="one autoencoder whose codes are nested; got 0"
    ):
        code_size_curve(plain, digits[0])


@pytest.mark.parametrize("sizes", [[], [0, 2], [9]])
def test_sizes_must_be_within_the_code(digits, sizes):
    model = AutoencoderTransformer(8, nested=True, max_iter=1, random_state=0)
    with pytest.raises(
        ValueError, match="sizes from 1 to the width of the nested code"
    ):
        code_size_curve(model, digits[0], n_components=sizes, cv=2)


@pytest.mark.parametrize("sizes", [2.5, "2", [1, 2.5]])
def test_sizes_are_integers(digits, sizes):
    model = AutoencoderTransformer(8, nested=True, max_iter=1, random_state=0)
    with pytest.raises(ValueError, match="n_components must be an integer, or a seq"):
        code_size_curve(model, digits[0], n_components=sizes, cv=2)


def test_one_size_may_be_an_integer(digits):
    model = AutoencoderTransformer(3, nested=True, max_iter=1, random_state=0)
    curve = code_size_curve(model, digits[0], n_components=np.int64(2), cv=2)
    assert set(curve.frame["n_components"]) == {2}
