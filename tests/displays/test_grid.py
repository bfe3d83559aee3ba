import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_ae.displays import CodeDisplay, GridDisplay


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def displays(n):
    rng = np.random.RandomState(0)
    y = np.array([0, 1, 1, 0, 1])
    return [
        CodeDisplay(rng.standard_normal((5, 2)), y, name=f"model {i}") for i in range(n)
    ]


def test_each_display_has_an_axes_and_all_share_a_legend():
    grid = GridDisplay(displays(4), "codes", n_columns=3, legend="right").plot()
    assert [ax.get_title() for ax in grid.axes_] == [f"model {i}" for i in range(4)]
    assert len(grid.figure_.axes) == 6
    assert not any(ax.axison for ax in grid.figure_.axes[4:])
    assert all(ax.get_legend() is None for ax in grid.axes_)
    (legend,) = grid.figure_.legends
    assert [text.get_text() for text in legend.get_texts()] == ["0", "1"]
    assert grid.figure_.get_suptitle() == "codes"


def test_given_axes_keep_their_legends():
    _, axes = plt.subplots(1, 2)
    grid = GridDisplay(displays(2)).plot(axes)
    assert list(grid.axes_) == list(axes)
    assert all(ax.get_legend() is not None for ax in axes)
    assert not grid.figure_.legends


def test_there_must_be_one_axes_for_each_display():
    _, axes = plt.subplots(1, 3)
    with pytest.raises(ValueError, match="axes must hold") as error:
        GridDisplay(displays(2)).plot(axes)
    assert str(error.value) == (
        "axes must hold one matplotlib Axes for each of 2 displays; got 3. Leave it "
        "out to make a figure."
    )
