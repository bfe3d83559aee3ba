import re
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA, FastICA

import sklearn_ae
from sklearn_ae import (
    AutoencoderTransformer,
    CodeCollapseWarning,
    ConvAutoencoderTransformer,
    SparseAE,
    compare,
)
from sklearn_ae.base import BaseAutoencoder
from sklearn_ae.comparison import comparing
from sklearn_ae.comparison.comparing import _library_estimators
from sklearn_ae.displays import ReconstructionDisplay

FAST = AutoencoderTransformer(max_iter=40)


@pytest.fixture(scope="module")
def labelled():
    rng = np.random.RandomState(0)
    t = rng.uniform(-3, 3, size=(450, 1))
    X = np.hstack([t, t**2, np.sin(2 * t), np.cos(2 * t)])
    return X + 0.05 * rng.standard_normal(X.shape), (t[:, 0] > 0).astype(int)


@pytest.fixture(scope="module")
def result(labelled):
    return compare(*labelled, [FAST], n_components=(1, 2), cv=2, name="curve")


def test_every_estimator_of_the_library_takes_part():
    public = {
        thing
        for thing in map(sklearn_ae.__dict__.get, sklearn_ae.__all__)
        if isinstance(thing, type) and issubclass(thing, BaseAutoencoder)
    }
    assert {type(model) for model in _library_estimators(None)} == public


def test_a_silent_comparison_starts_no_thread_of_tqdm(labelled, monkeypatch):
    monkeypatch.setattr("tqdm.auto.tqdm", None)
    model = AutoencoderTransformer(max_iter=1)
    found = compare(*labelled, [model], n_components=(1,), cv=2)
    assert len(found.frame) == 2 * 2
    with pytest.raises(TypeError, match="NoneType"):  # which it would have needed
        compare(*labelled, [model], n_components=(1,), cv=2, verbose=1)


def test_a_single_code_size_needs_no_list(labelled):
    found = compare(*labelled, [FAST], n_components=2, cv=2)
    assert found.sizes == [2]


def test_frame_is_tidy(result):
    assert len(result.frame) == 2 * 2 * 2
    assert result.sizes == [1, 2]
    assert result.estimators == ["PCA", "AutoencoderTransformer"]
    assert not result.frame.isna().any(axis=None)
    assert (result.frame[["fit_seconds", "transform_seconds"]] > 0).all(axis=None)


def test_errors_are_held_out_errors_of_pca(labelled):
    X, _ = labelled
    result = compare(
        X, None, {"ICA": FastICA(whiten="unit-variance", tol=0.1)}, [2], cv=3
    )
    assert result.estimators == ["PCA", "ICA"]
    # ICA spans PCA's subspace, so both reconstruct alike.
    np.testing.assert_allclose(result.frame["relative_error"], 1, rtol=1e-3)
    pca = result.frame[result.frame["estimator"] == "PCA"]
    np.testing.assert_allclose(
        pca["variance"], PCA(2).fit(X).explained_variance_ratio_.sum(), atol=0.05
    )
    assert np.isnan(result.raw_score)
    assert result.sentences()[0].startswith("With 2 components ICA and PCA reconstruct")


def test_a_win_is_told_with_figures(result):
    assert re.fullmatch(
        r"With 1 components AutoencoderTransformer reconstructs best: held-out error "
        r"[\d.]+ against PCA's [\d.]+, \d+% less \(better in 2 of 2 folds\); accuracy "
        r"of a linear model on its codes [\d.]+, on PCA's [\d.]+, on raw features "
        r"[\d.]+\.",
        result.sentences()[0],
    )


def test_a_win_of_pca_is_told_too(labelled):
    X, _ = labelled
    poor = AutoencoderTransformer(init="random", max_iter=1, learning_rate=1e-6)
    with pytest.warns(CodeCollapseWarning):
        sentence = compare(X, None, [poor], [1], cv=2).sentences()[0]
    assert re.match(
        r"With 1 components PCA reconstructs best; next is AutoencoderTransformer: "
        r"held-out error [\d.]+ against PCA's [\d.]+, \d+% more\.",
        sentence,
    )


def test_continuous_target_is_scored_by_r2(labelled):
    X, _ = labelled
    result = compare(X, X[:, 0], [FastICA(tol=0.1)], [1, 2], cv=2)
    assert result.score_name == "R2"
    assert result.raw_score == pytest.approx(1, abs=1e-3)


def test_two_comparisons_are_equal(labelled, result):
    again = compare(*labelled, [FAST], n_components=(1, 2), cv=2, name="curve")
    columns = ["error", "variance", "score"]
    pd.testing.assert_frame_equal(again.frame[columns], result.frame[columns])


def test_pictures(result):
    display = result.plot()
    error, score = display.figure_.axes
    assert list(display.axes_) == [error, score]
    assert error.get_xlabel() == "Code size (number of components)"
    assert error.get_ylabel() == "Held-out mean squared error"
    assert [line.get_label() for line in error.lines] == result.estimators
    np.testing.assert_allclose(
        error.lines[1].get_ydata(),
        result.summary()["error", "mean"].xs("AutoencoderTransformer", level=1),
    )
    (legend,) = score.figure.legends
    assert [t.get_text() for t in legend.get_texts()][-1] == "raw features"
    _, axes = plt.subplots(1, 2)
    assert list(result.plot(axes).axes_) == list(axes)
    assert all(ax.get_legend() is not None for ax in axes)
    codes = result.plot_codes()
    assert [ax.get_title() for ax in codes.axes_] == result.estimators
    assert isinstance(result.plot_reconstructions(), ReconstructionDisplay)
    with pytest.raises(ValueError, match="axes must hold one") as error:
        result.plot(axes[:1])
    assert str(error.value) == (
        "axes must hold one matplotlib Axes for each of 2 displays; got 1. Leave it "
        "out to make a figure."
    )
    plt.close("all")


def test_save_writes_everything(result, tmp_path):
    paths = result.save(tmp_path / "new" / "folder")
    names = ["comparison.csv", "comparison.png", "reconstructions.png", "codes.png"]
    assert [path.name for path in paths] == [*names, "report.html"]
    assert len(pd.read_csv(paths[0])) == len(result.frame)
    page = paths[-1].read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "With 1 components" in page
    assert "<script" not in page
    assert "http" not in page
    assert plt.get_fignums() == []


def test_shown_in_a_notebook_and_a_terminal(result):
    assert "<table" in result._repr_html_()
    assert "error / PCA" in str(result)
    assert str(result).endswith(".")


def test_sizes_that_do_not_fit_are_left_out(labelled):
    X, _ = labelled
    with pytest.warns(UserWarning, match="are left out") as record:
        result = compare(X, None, [FastICA(tol=0.1)], cv=2)
    assert result.sizes == [2]
    assert str(record[0].message) == (
        "Code sizes [8, 32] are left out: a code must be smaller than "
        "min(n_features, n_training_rows) = 4."
    )


def test_bad_input(labelled):
    X, y = labelled
    with pytest.raises(ValueError, match="must hold a code size") as error:
        compare(X, None, None, [4, 9])
    assert str(error.value) == (
        "n_components must hold a code size of at least 1 and less than "
        "min(n_features, n_training_rows) = 4; got [4, 9]."
    )
    with pytest.raises(ValueError, match="one class or one number per row"):
        compare(X, np.column_stack([y, y]), None, [1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        compare(X, y[:-1], None, [1])
    with pytest.raises(ValueError, match="estimators must have different names"):
        compare(X, y, [FAST, FAST], [1])
    with pytest.raises(ValueError, match="at least one estimator beside PCA"):
        compare(X, y, [PCA()], [1])


@pytest.mark.parametrize("size", [1, np.int64(1), [1], (1,), range(1, 2), np.array(1)])
def test_one_code_size_may_be_an_integer(labelled, size):
    assert compare(labelled[0], None, [PCA(), FAST], size, cv=2).sizes == [1]


@pytest.mark.parametrize("size", [2.5, "2", None, [1, 2.5], True, [[1]], np.nan, {1}])
def test_code_sizes_are_integers(labelled, size):
    with pytest.raises(ValueError, match="n_components must be") as error:
        compare(labelled[0], None, [FAST], size)
    assert str(error.value) == (
        "n_components must be an integer, or a sequence of integers; got "
        f"{size!r}. Give n_components=[2, 8], for example."
    )


def test_tables_ordered_by_label_are_compared_fairly(monkeypatch):
    """The first rows of a fold must not be those of one class."""
    monkeypatch.setattr(comparing, "_MAX_PROBE_ROWS", 40)
    rng = np.random.RandomState(0)
    y = np.repeat([0, 1, 2], 100)
    X = rng.standard_normal((300, 4)) + 9 * np.eye(4)[y]
    result = compare(X, y, [FastICA(tol=0.1)], [3], cv=2)
    assert result.raw_score > 0.95
    assert len(np.unique(result.labels[:20])) == 3


def test_large_offsets_do_not_count_as_errors(labelled):
    X, y = labelled
    plain = compare(X, y, [FAST], [1], cv=2)
    moved = compare(X + 1.6e9, y, [FAST], [1], cv=2)
    for result in (plain, moved):
        ours = result.frame["estimator"] == "AutoencoderTransformer"
        assert result.frame.loc[ours, "relative_error"].max() < 0.8


def test_images_keep_their_shape_in_the_comparison():
    X = np.random.RandomState(0).uniform(size=(60, 4, 6))
    models = _library_estimators((4, 6))
    shapes = [m.image_shape for m in models if "image_shape" in m.get_params()]
    assert shapes == [(4, 6)]
    conv = ConvAutoencoderTransformer(max_iter=1, channels=(2,))
    result = compare(X, None, [conv], [1], cv=2)
    assert result.image_shape == (4, 6)


def test_sparse_codes_are_compared_at_their_active_units(labelled):
    X, y = labelled
    model = SparseAE(max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = compare(X, y, [model], n_components=[2], cv=2)
    assert result.estimators == ["PCA", "SparseAE", "SparseAE (active units)"]
    errors = result.frame.groupby("estimator")["relative_error"].mean()
    assert errors["SparseAE (active units)"] <= 1.0 < errors["SparseAE"]
