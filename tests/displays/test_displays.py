import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.decomposition import PCA

from sklearn_ae.displays import CodeDisplay, CodeSizeDisplay, ReconstructionDisplay


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_code_size_curves():
    sizes = np.array([2, 8])
    curves = {"PCA": np.array([[4.0, 2.0], [2.0, 1.0]]), "AE": np.array([[1.0, 0.5]])}
    display = CodeSizeDisplay(sizes, curves, label="error", reference=("raw", 3.0))
    display.plot()
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), [3.0, 1.5])
    assert display.lines_[0].get_linestyle() == "--"
    assert display.ax_.get_ylabel() == "error"
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names == ["PCA", "AE", "raw"]


@pytest.mark.parametrize(
    ("labels", "n_collections"),
    [(None, 1), (np.arange(30) % 3, 3), (np.linspace(0, 1, 30), 1)],
)
def test_codes(labels, n_collections):
    X = np.random.RandomState(0).standard_normal((30, 4))
    display = CodeDisplay.from_estimator(PCA(2).fit(X), X, labels)
    assert len(display.points_) == n_collections
    offsets = np.vstack([points.get_offsets() for points in display.points_])
    assert len(offsets) == 30
    assert display.ax_.get_title() == "PCA"
    assert display.ax_.get_xlabel() == "Component 1"


def test_many_text_labels_are_a_colour_scale():
    labels = np.array([f"class {i}" for i in range(30)])
    display = CodeDisplay(np.zeros((30, 2)), labels).plot()
    assert len(np.unique(display.points_[0].get_array())) == 30


def test_codes_of_one_component_cannot_be_drawn():
    with pytest.raises(ValueError, match="codes must have at least 2 components"):
        CodeDisplay(np.zeros((3, 1))).plot()


def test_images_over_reconstructions():
    X = np.random.RandomState(0).uniform(size=(30, 12))
    display = ReconstructionDisplay.from_estimator(
        PCA(3).fit(X), X[:5], image_shape=(2, 2, 3)
    )
    assert display.axes_.shape == (2, 5)
    shown = display.axes_[0, 1].images[0].get_array()
    np.testing.assert_allclose(shown.ravel(), X[1])
    assert display.axes_[1, 0].get_ylabel().startswith("PCA\nMSE")


def test_rows_over_reconstructions():
    X = np.random.RandomState(0).uniform(size=(3, 5))
    display = ReconstructionDisplay(X, {"PCA": X / 2}, feature_names=list("abcde"))
    display.plot()
    lines = display.axes_[1, 0].lines
    np.testing.assert_allclose(lines[1].get_ydata(), X[1] / 2)
    ticks = [tick.get_text() for tick in display.axes_[-1, 0].get_xticklabels()]
    assert ticks == list("abcde")


def test_missing_matplotlib_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError) as error:
        CodeDisplay(np.zeros((2, 2))).plot()
    assert str(error.value) == (
        "drawing needs matplotlib; install it with pip install 'sklearn-ae[plot]'."
    )
