"""What holds for all displays."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import displays
from sklearn_ae.displays import (
    ActivityDisplay,
    CodeDisplay,
    CodeSizeDisplay,
    CorruptionDisplay,
    FilterDisplay,
    GenerationDisplay,
    GridDisplay,
    LossCurveDisplay,
    ReconstructionDisplay,
)

# Pictures are drawn of what little training gives.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
]

IN_ONE_AXES = [
    name
    for name in displays.__all__
    if name not in ("CorruptionDisplay", "GridDisplay")
]


@pytest.fixture
def draw(digits, signals, plain, vae):
    """Return a function that draws a display by its name."""
    curves = CodeSizeDisplay(np.array([2, 8]), {"PCA": np.ones((1, 2))}, label="error")
    few = signals[:, :9]
    ways = {
        "ActivityDisplay": lambda **ax: ActivityDisplay.from_estimator(vae, **ax),
        "CodeDisplay": lambda **ax: CodeDisplay.from_estimator(plain, digits, **ax),
        "CodeSizeDisplay": curves.plot,
        "CorruptionDisplay": lambda: CorruptionDisplay.from_estimator(
            plain, digits, digits, image_shape=(8, 8)
        ),
        "FilterDisplay": lambda **ax: FilterDisplay.from_estimator(plain, **ax),
        "GenerationDisplay": lambda **ax: GenerationDisplay.from_estimator(
            vae, kind="manifold", image_shape=(8, 8), **ax
        ),
        "GridDisplay": lambda: GridDisplay([CodeDisplay(few)], "codes").plot(),
        "LossCurveDisplay": lambda **ax: LossCurveDisplay.from_estimator(plain, **ax),
        "ReconstructionDisplay": lambda **ax: ReconstructionDisplay.from_predictions(
            few, few, **ax
        ),
    }
    return lambda name, **ax: ways[name](**ax)


@pytest.mark.parametrize("name", displays.__all__)
def test_every_figure_has_a_title(draw, name):
    figure = draw(name).figure_
    assert figure.get_suptitle() or figure.axes[0].get_title()


@pytest.mark.parametrize("name", displays.__all__)
def test_plot_makes_a_new_figure_and_returns_the_display(draw, name):
    display = draw(name)
    first = display.figure_
    assert display.plot() is display
    assert display.figure_ is not first


@pytest.mark.parametrize("name", IN_ONE_AXES)
def test_one_axes_has_a_title_and_named_axes(draw, name):
    ax = draw(name).figure_.axes[0]
    assert ax.get_title()
    assert ax.get_xlabel()
    assert ax.get_ylabel()


@pytest.mark.parametrize("name", IN_ONE_AXES)
def test_displays_draw_into_given_axes(draw, name):
    figure, ax = plt.subplots()
    assert draw(name, ax=ax).figure_ is figure
    assert ax.has_data()


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (
            lambda model, X: LossCurveDisplay.from_estimator(model),
            "estimator must be one of this library",
        ),
        (
            lambda model, X: ActivityDisplay.from_estimator(model),
            "estimator must be a SparseAE",
        ),
        (
            lambda model, X: CodeSizeDisplay.from_estimator(model, X),
            "estimator must be one with nested codes; got Pipeline. Of a pipeline pass",
        ),
        (
            lambda model, X: FilterDisplay.from_estimator(model, kind="encoder"),
            "estimator must be an autoencoder of this library",
        ),
        (
            lambda model, X: GenerationDisplay.from_estimator(model),
            r"a VAE; got Pipeline.* pipeline\[-1\]",
        ),
    ],
    ids=["losses", "activity", "code sizes", "filters", "generation"],
)
def test_pipelines_are_told_which_step_to_pass(draw, message, digits):
    model = make_pipeline(StandardScaler(), PCA(3)).fit(digits)
    with pytest.raises(ValueError, match=message):
        draw(model, digits)
