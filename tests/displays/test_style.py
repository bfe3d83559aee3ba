import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_ae.displays import (
    CodeDisplay,
    FilterDisplay,
    LossCurveDisplay,
    ReconstructionDisplay,
)
from sklearn_ae.displays._style import literal

# Pictures are drawn of what little training gives.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
]


def test_nothing_is_black_on_a_dark_ground(signals):
    with plt.style.context("dark_background"):
        display = ReconstructionDisplay(signals, {"a": signals / 2}).plot()
        assert display.axes_[0, 0].lines[0].get_color() == "white"


def test_short_names_of_colours_and_lines(plain):
    display = LossCurveDisplay.from_estimator(plain, c="red", ls=":")
    train = display.lines_["train"]
    assert (train.get_color(), train.get_linestyle()) == ("red", ":")


def test_short_names_for_points_of_several_classes():
    points = CodeDisplay(np.zeros((3, 2)), [0, 1, 1]).plot(c="black", lw=1).points_
    assert [point.get_linewidth()[0] for point in points] == [1, 1]


def test_short_names_for_all_lines(signals):
    display = ReconstructionDisplay(signals, {"PCA": signals}).plot(lw=3)
    assert {line.get_linewidth() for line in display.axes_[0, 0].lines} == {3}


def test_keywords_of_images(digits):
    display = ReconstructionDisplay(digits, {"a": digits}, image_shape=(8, 8))
    display.plot(cmap="viridis")
    assert display.axes_[0, 0].images[0].get_cmap().name == "viridis"


def test_one_axes_is_refused_for_images(digits):
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="ax must be None for images"):
        ReconstructionDisplay.from_predictions(
            digits, digits, image_shape=(8, 8), ax=ax
        )


def test_one_axes_is_refused_for_pairs_of_codes(plain, digits):
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="ax must be None for pairs"):
        CodeDisplay.from_estimator(plain, digits, projection="pairs", ax=ax)


def test_missing_matplotlib_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError) as error:
        CodeDisplay(np.zeros((2, 2))).plot()
    assert str(error.value) == (
        "drawing needs matplotlib; install it with pip install 'sklearn-ae[plot]'."
    )


def test_text_of_the_data_is_no_formula():
    text = r"$\frac$ and $5"
    _, ax = plt.subplots()
    title = ax.set_title(literal(text))
    ax.figure.canvas.draw()
    assert title._preprocess_math(title.get_text()) == (text, False)


@pytest.mark.parametrize("kind", ["columns", "lines"])
def test_columns_are_named_as_they_are(kind):
    rows, names = np.eye(4), [f"$x_{{{i}$" for i in range(4)]
    given = {"feature_names": names, "kind": kind}
    display = ReconstructionDisplay(rows, {"a": rows / 2}, **given).plot()
    display.figure_.canvas.draw()
    ticks = display.axes_.ravel()[-1].get_xticklabels()
    assert [tick.get_text().replace("\\", "") for tick in ticks] == names


def test_filters_name_columns_as_they_are():
    names = [f"$x_{{{i}$" for i in range(4)]
    display = FilterDisplay(np.eye(4), feature_names=names).plot()
    display.figure_.canvas.draw()
    ticks = display.ax_.get_xticklabels()
    assert [tick.get_text().replace("\\", "") for tick in ticks] == names


def test_classes_are_named_as_they_are(texts):
    display = CodeDisplay(np.eye(2), ["$a$", r"$\bad"]).plot()
    display.figure_.canvas.draw()
    shown = texts(display.figure_.legends[0])
    assert [text.replace(r"\$", "$") for text in shown] == [r"$\bad", "$a$"]
