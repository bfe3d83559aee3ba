import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    PretrainedClassifier,
    SparseAE,
)
from sklearn_ae.displays import (
    ActivityDisplay,
    CodeDisplay,
    CodeSizeDisplay,
    CorruptionDisplay,
    FilterDisplay,
    GenerationDisplay,
    LossCurveDisplay,
    ReconstructionDisplay,
)

# Pictures are drawn of what little training gives.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
]

X = load_digits().data[:400]
IMAGES = X.reshape(-1, 8, 8)
SIGNALS = np.sin(
    np.linspace(0, 6, 70) * np.random.RandomState(0).uniform(1, 3, (200, 1))
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def plain():
    return AutoencoderTransformer(4, max_iter=15, random_state=0).fit(X)


@pytest.fixture(scope="module")
def vae():
    return VAE(2, max_iter=15, random_state=0).fit(X)


@pytest.fixture(scope="module")
def sparse():
    return SparseAE(30, n_nonzero_coefs=5, max_iter=15, random_state=0).fit(X)


@pytest.fixture(scope="module")
def denoising():
    return DenoisingAE(8, max_iter=15, random_state=0).fit(X)


def texts(legend):
    return [text.get_text() for text in legend.get_texts()]


# ------------------------------------------------------------------------- losses


def test_losses_of_an_estimator(plain):
    display = LossCurveDisplay.from_estimator(plain)
    lines = display.lines_
    np.testing.assert_array_equal(lines["train"].get_ydata(), plain.loss_curve_)
    np.testing.assert_array_equal(
        lines["validation"].get_ydata(), plain.validation_loss_curve_
    )
    assert list(lines["train"].get_xdata()) == list(range(1, plain.n_iter_ + 1))
    assert lines["PCA"].get_ydata()[0] == plain.pca_loss_
    assert lines["best"].get_xdata()[0] == plain.best_iter_
    assert display.ax_.get_ylabel() == "Loss per row (squared error, scaled rows)"
    assert f"kept: epoch {plain.best_iter_}" in texts(display.ax_.get_legend())


def test_losses_without_validation_rows():
    ae = AutoencoderTransformer(4, max_iter=3, early_stopping=False, random_state=0)
    display = LossCurveDisplay.from_estimator(ae.fit(X), color="red")
    assert "validation" not in display.lines_
    assert display.lines_["train"].get_color() == "red"


def test_losses_of_a_vae_are_in_nats(vae):
    display = LossCurveDisplay.from_estimator(vae)
    assert display.ax_.get_ylabel() == "Negative bound per row (nats)"


def test_losses_of_wide_range_have_a_logarithmic_axis():
    assert LossCurveDisplay([100.0, 1.0]).plot().ax_.get_yscale() == "log"
    assert LossCurveDisplay([2.0, 1.0]).plot().ax_.get_yscale() == "linear"
    assert LossCurveDisplay([-2.0, -100.0]).plot().ax_.get_yscale() == "linear"


# -------------------------------------------------------------------------- sizes


def test_code_size_curves():
    sizes = np.array([2, 8])
    curves = {"PCA": np.array([[4.0, 2.0], [2.0, 1.0]]), "AE": np.array([[1.0, 0.5]])}
    display = CodeSizeDisplay(sizes, curves, label="error", reference=("raw", 3.0))
    display.plot()
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), [3.0, 1.5])
    assert display.lines_[0].get_linestyle() == "--"
    assert display.ax_.get_ylabel() == "error"
    assert texts(display.ax_.get_legend()) == ["PCA", "AE", "raw"]


def test_code_sizes_of_a_nested_estimator():
    ae = AutoencoderTransformer(8, nested=True, max_iter=5, random_state=0).fit(X)
    display = CodeSizeDisplay.from_estimator(ae, X, n_components=[2, 8])
    pca, ours = (line.get_ydata() for line in display.lines_)
    assert ours[1] == pytest.approx(ae.score(X), abs=1e-6)
    assert ours[0] == pytest.approx(ae.truncate(2).score(X), abs=1e-6)
    ratios = PCA(8).fit(X).explained_variance_ratio_.cumsum()
    np.testing.assert_allclose(pca, ratios[[1, 7]], rtol=1e-6)


# -------------------------------------------------------------------------- codes


@pytest.mark.parametrize(
    ("labels", "n_collections"),
    [(None, 1), (np.arange(30) % 3, 3), (np.linspace(0, 1, 30), 1)],
)
def test_codes(labels, n_collections):
    rows = np.random.RandomState(0).standard_normal((30, 4))
    display = CodeDisplay.from_estimator(PCA(2).fit(rows), rows, labels)
    assert len(display.points_) == n_collections
    offsets = np.vstack([points.get_offsets() for points in display.points_])
    assert len(offsets) == 30
    assert display.ax_.get_title() == "PCA"
    assert display.ax_.get_xlabel() == "Component 1"


def test_pairs_of_codes(plain):
    display = CodeDisplay.from_estimator(plain, X, projection="pairs", n_pairs=3)
    assert display.axes_.shape == (2, 2)
    codes = plain.transform(X)
    for points, (i, j) in zip(display.points_, [(0, 1), (0, 2), (1, 2)], strict=True):
        np.testing.assert_allclose(points.get_offsets(), codes[:, [i, j]], rtol=1e-6)


def test_principal_components_of_sparse_codes(sparse):
    twin = SparseAE(30, n_nonzero_coefs=5, max_iter=2, sparse_output=True)
    twin = twin.set_params(random_state=0).fit(X)
    display = CodeDisplay.from_estimator(twin, X, projection="pca")
    offsets = display.points_[0].get_offsets()
    expected = PCA(2, random_state=0).fit_transform(twin.transform(X).toarray())
    np.testing.assert_allclose(np.abs(offsets), np.abs(expected), rtol=1e-3, atol=1e-3)


def test_colours_and_markers_tell_twenty_classes_apart():
    labels = np.arange(40) % 20
    points = CodeDisplay(np.zeros((40, 2)), labels).plot().points_
    looks = {
        (tuple(p.get_facecolor()[0][:3]), len(p.get_paths()[0].vertices))
        for p in points
    }
    assert len(looks) == 20


def test_many_text_labels_are_a_colour_scale():
    labels = np.array([f"class {i}" for i in range(30)])
    display = CodeDisplay(np.zeros((30, 2)), labels).plot()
    assert len(np.unique(display.points_[0].get_array())) == 30


def test_codes_of_one_component_cannot_be_drawn():
    with pytest.raises(ValueError, match="codes must have at least 2 components"):
        CodeDisplay(np.zeros((3, 1))).plot()


def test_unknown_projection():
    with pytest.raises(ValueError, match=r"projection must be 'first', .* got 'tsne'"):
        CodeDisplay(np.zeros((3, 2)), projection="tsne").plot()


# ---------------------------------------------------------------- reconstructions


def test_images_over_reconstructions():
    rows = np.random.RandomState(0).uniform(size=(30, 12))
    display = ReconstructionDisplay.from_estimator(
        PCA(3).fit(rows), rows[:5], image_shape=(2, 2, 3)
    )
    assert display.axes_.shape == (3, 5)  # with the errors
    shown = display.axes_[0, 1].images[0].get_array()
    np.testing.assert_allclose(shown.ravel(), rows[1] / rows[:5].max())
    assert display.axes_[1, 0].get_ylabel().startswith("PCA\nMSE")


def test_error_images_are_differences(plain):
    display = ReconstructionDisplay.from_estimator(plain, X[:3], image_shape=(8, 8))
    error = display.axes_[2, 0].images[0]
    np.testing.assert_allclose(
        error.get_array().ravel(), plain.reconstruct(X[:1])[0] - X[0], atol=1e-4
    )
    assert error.norm.vmin == -error.norm.vmax


def test_image_shape_comes_from_the_rows():
    ae = ConvAutoencoderTransformer(4, max_iter=1, random_state=0).fit(IMAGES)
    for rows in (IMAGES[:3], X[:3]):
        display = ReconstructionDisplay.from_estimator(ae, rows)
        assert display.axes_[0, 0].images[0].get_array().shape == (8, 8)


def test_rows_over_reconstructions():
    rows = np.random.RandomState(0).uniform(size=(3, 5))
    display = ReconstructionDisplay(
        rows, {"PCA": rows / 2}, feature_names=list("abcde"), kind="lines"
    )
    display.plot()
    lines = display.axes_[1, 0].lines
    np.testing.assert_allclose(lines[1].get_ydata(), rows[1] / 2)
    ticks = [tick.get_text() for tick in display.axes_[-1, 0].get_xticklabels()]
    assert ticks == list("abcde")


def test_errors_of_columns():
    table = pd.DataFrame(
        np.random.RandomState(0).standard_normal((50, 3)), columns=["a", "b", "c"]
    )
    mean = np.tile(table.mean().to_numpy(), (50, 1))
    display = ReconstructionDisplay.from_predictions(
        table, {"mean": mean, "half": (table + mean) / 2}
    )
    bars = display.axes_[0, 0].patches
    heights = [bar.get_height() for bar in bars]
    np.testing.assert_allclose(heights, [1, 1, 1, 0.5, 0.5, 0.5])
    names = [tick.get_text() for tick in display.axes_[0, 0].get_xticklabels()]
    assert names == ["a", "b", "c"]
    assert display.axes_[0, 0].get_ylabel() == "RMSE / standard deviation"


def test_long_rows_are_lines():
    display = ReconstructionDisplay.from_estimator(PCA(2).fit(SIGNALS), SIGNALS)
    assert display.axes_.shape == (4, 1)


def test_reconstructions_say_what_they_need():
    with pytest.raises(ValueError, match=r"kind must be .* got 'pie'"):
        ReconstructionDisplay(X, {"a": X}, kind="pie").plot()
    with pytest.raises(ValueError, match="kind='images' needs image_shape"):
        ReconstructionDisplay(X, {"a": X}, kind="images").plot()
    with pytest.raises(ValueError, match=r"image_shape .* \(7, 8\) = 56 values"):
        ReconstructionDisplay(X, {"a": X}, image_shape=(7, 8)).plot()


# ------------------------------------------------------------------------ filters


def test_filters_of_a_linear_decoder_are_its_columns(sparse):
    display = FilterDisplay.from_estimator(sparse, image_shape=(8, 8))
    assert display.filters.shape == (30, 64)
    ends = sparse.inverse_transform(np.vstack([np.eye(30)[3], np.zeros(30)]))
    np.testing.assert_allclose(display.filters[3], ends[0] - ends[1], atol=1e-5)
    canvas = display.image_.get_array()
    np.testing.assert_allclose(canvas[:8, :8].ravel(), display.filters[0], atol=1e-6)
    assert canvas.shape == (5 * 9 - 1, 6 * 9 - 1)  # 30 in 6 columns
    assert display.figure_.axes[1].get_ylabel().endswith("(units of X)")


def test_filters_depart_from_the_mean_code():
    pca = PCA(5).fit(X)
    display = FilterDisplay.from_estimator(pca, X)
    expected = pca.components_ * np.sqrt(X.shape[0] - 1) / np.sqrt(X.shape[0])
    expected = expected * np.sqrt(pca.explained_variance_)[:, None]
    np.testing.assert_allclose(display.filters, expected, atol=1e-8)


def test_weights_of_the_first_layer(plain):
    display = FilterDisplay.from_estimator(plain, kind="encoder", n_filters=500)
    branch = plain.module_.encoder.branch
    weights = next(iter(branch.parameters())).detach().numpy()
    np.testing.assert_array_equal(display.filters, weights)
    largest = FilterDisplay.from_estimator(plain, kind="encoder", n_filters=9).filters
    assert np.square(largest).sum(1).min() >= np.median(np.square(weights).sum(1))


def test_kernels_of_convolutions():
    ae = ConvAutoencoderTransformer(4, init="random", channels=(6, 8), max_iter=1)
    display = FilterDisplay.from_estimator(
        ae.set_params(random_state=0).fit(IMAGES), kind="encoder"
    )
    assert display.filters.shape[0] == 6


def test_colour_filters_have_grey_where_nothing_changes():
    display = FilterDisplay(np.zeros((4, 12)), image_shape=(2, 2, 3)).plot()
    np.testing.assert_array_equal(display.image_.get_array()[0, 0], [0.5] * 3)


def test_unknown_kind_of_filter(plain):
    with pytest.raises(ValueError, match="kind must be 'decoder' or 'encoder'"):
        FilterDisplay.from_estimator(plain, kind="both")


# --------------------------------------------------------------------- generation


def test_samples(vae):
    display = GenerationDisplay.from_estimator(
        vae, n_lines=2, n_columns=5, image_shape=(8, 8), random_state=3
    )
    expected = vae.sample(10, random_state=3).reshape(2, 5, 64)
    np.testing.assert_array_equal(display.rows, expected)
    assert display.image_.get_array().shape == (17, 44)


def test_manifold_is_even_in_probability(vae):
    display = GenerationDisplay.from_estimator(vae, kind="manifold", n_columns=3)
    middle = vae.inverse_transform(np.zeros((1, 2)))[0]
    np.testing.assert_allclose(display.rows[1, 1], middle, atol=1e-4)
    corner = vae.inverse_transform([[-2.0537, 2.0537]])[0]  # quantiles 0.02 and 0.98
    np.testing.assert_allclose(display.rows[0, 0], corner, atol=1e-2)
    # Middles of three rows, at quantiles of 0.02, 0.5 and 0.98.
    np.testing.assert_allclose(display.extent, [-0.22, 1.22, -0.22, 1.22])


def test_manifold_of_codes_without_a_prior():
    ae = AutoencoderTransformer(2, max_iter=2, random_state=0).fit(X)
    display = GenerationDisplay.from_estimator(ae, X, kind="manifold", n_columns=4)
    codes = np.quantile(ae.transform(X), [0.02, 0.98], axis=0)
    corner = ae.inverse_transform([[codes[0, 0], codes[1, 1]]])[0]
    np.testing.assert_allclose(display.rows[0, 0], corner, atol=1e-2)
    with pytest.raises(ValueError, match="kind='manifold' needs X"):
        GenerationDisplay.from_estimator(ae, kind="manifold")


def test_interpolations_lead_from_row_to_row(plain):
    display = GenerationDisplay.from_estimator(
        plain, X[:5], kind="interpolation", n_columns=4, image_shape=(8, 8)
    )
    assert display.rows.shape == (2, 4, 64)
    ends = plain.reconstruct(X[:4])
    np.testing.assert_allclose(display.rows[0, [0, -1]], ends[:2], atol=1e-3)
    np.testing.assert_allclose(display.rows[1, [0, -1]], ends[2:], atol=1e-3)


def test_generated_signals_are_lines():
    vae = VAE(2, max_iter=3, random_state=0).fit(SIGNALS)
    display = GenerationDisplay.from_estimator(vae, n_lines=1, n_columns=3)
    assert len(display.lines_) == 3
    assert len(display.lines_[0].get_ydata()) == 70


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("samples", "kind='samples' needs a model to draw from, a VAE"),
        ("manifold", "kind='manifold' needs a code of 2 components; got 4"),
        ("interpolation", "kind='interpolation' needs X with at least two rows"),
        ("dream", "kind must be 'samples', 'manifold' or 'interpolation'; got 'dream'"),
    ],
)
def test_generation_says_what_it_needs(plain, kind, message):
    with pytest.raises(ValueError, match=message):
        GenerationDisplay.from_estimator(plain, kind=kind)


# ----------------------------------------------------------------------- activity


def test_activity_of_latent_variables(vae):
    display = ActivityDisplay.from_estimator(vae)
    heights = [bar.get_height() for bars in display.bars_ for bar in bars]
    np.testing.assert_allclose(heights, np.sort(vae.kl_per_component_)[::-1])
    assert display.ax_.get_ylabel() == "KL divergence from the prior (nats)"


def test_activity_of_units_and_dead_ones():
    activity = np.array([0.1, 0.0, 0.5, 0.0])
    display = ActivityDisplay(activity, activity == 0, unused_label="dead").plot()
    used, dead = display.bars_
    assert [bar.get_height() for bar in used] == [0.5, 0.1]
    assert [bar.get_x() + bar.get_width() / 2 for bar in dead] == [3, 4]
    assert texts(display.ax_.get_legend()) == ["used: 2", "dead: 2"]


def test_activity_of_sparse_and_nested_codes(sparse):
    display = ActivityDisplay.from_estimator(sparse)
    np.testing.assert_array_equal(display.activity, sparse.mean_activity_)
    ae = AutoencoderTransformer(4, nested=True, max_iter=2, random_state=0).fit(X)
    display = ActivityDisplay.from_estimator(ae)
    heights = [bar.get_height() for bar in display.bars_[0]]
    np.testing.assert_array_equal(heights, ae.explained_variance_ratio_)


def test_bars_of_many_units_touch():
    display = ActivityDisplay(np.eye(100)[0], unused=[0] + 99 * [1]).plot()
    used, unused = display.bars_
    assert [bar.get_width() for bar in used] == [1.0]
    assert len(unused) == 99
    assert display.ax_.get_title() == "Code: 100 units"


def test_plain_codes_have_no_activity(plain):
    with pytest.raises(ValueError, match="got AutoencoderTransformer"):
        ActivityDisplay.from_estimator(plain)


# --------------------------------------------------------------------- corruption


def test_corruption(denoising):
    display = CorruptionDisplay.from_estimator(
        denoising, X[:4], image_shape=(8, 8), random_state=1
    )
    corrupted = denoising.corrupt(X[:4], random_state=1)
    np.testing.assert_array_equal(display.corrupted, corrupted)
    np.testing.assert_allclose(
        display.restored, denoising.denoise(corrupted), atol=1e-3
    )
    error = np.mean((corrupted - X[:4]) ** 2)
    assert display.axes_[1, 0].get_ylabel() == f"corrupted\nMSE {error:.2g}"


def test_corruption_of_signals_by_hand():
    noisy = SIGNALS + 0.1
    display = CorruptionDisplay.from_estimator(PCA(2).fit(SIGNALS), SIGNALS, noisy)
    lines = display.axes_[0, 0].lines
    np.testing.assert_allclose(lines[1].get_ydata(), noisy[0])
    with pytest.raises(ValueError, match="X_corrupted must be given"):
        CorruptionDisplay.from_estimator(PCA(2).fit(SIGNALS), SIGNALS)


# -------------------------------------------------------------------------- style


def test_nothing_is_black_on_a_dark_ground():
    with plt.style.context("dark_background"):
        display = ReconstructionDisplay(SIGNALS, {"a": SIGNALS / 2}).plot()
        assert display.axes_[0, 0].lines[0].get_color() == "white"


def test_every_figure_has_a_title_and_named_axes(plain, vae, denoising):
    displays = [
        LossCurveDisplay.from_estimator(plain),
        CodeDisplay.from_estimator(plain, X),
        ActivityDisplay.from_estimator(vae),
        GenerationDisplay.from_estimator(vae, kind="manifold", image_shape=(8, 8)),
        ReconstructionDisplay.from_predictions(SIGNALS[:, :9], SIGNALS[:, :9]),
        FilterDisplay.from_estimator(plain),
    ]
    for display in displays:
        ax = display.figure_.axes[0]
        assert ax.get_title()
        assert ax.get_xlabel()
        assert ax.get_ylabel()


def test_displays_draw_into_given_axes(plain, vae):
    figure, axes = plt.subplots(1, 4)
    LossCurveDisplay.from_estimator(plain, ax=axes[0])
    CodeDisplay.from_estimator(plain, X, ax=axes[1])
    ActivityDisplay.from_estimator(vae, ax=axes[2])
    display = FilterDisplay.from_estimator(plain, ax=axes[3])
    assert display.figure_ is figure
    assert all(ax.has_data() for ax in axes)


def test_missing_matplotlib_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError) as error:
        CodeDisplay(np.zeros((2, 2))).plot()
    assert str(error.value) == (
        "drawing needs matplotlib; install it with pip install 'sklearn-ae[plot]'."
    )


# ------------------------------------------------------------- what users bring along


def test_integer_images_do_not_wrap_around():
    rows = np.arange(0, 240, 15, dtype=np.uint8).reshape(2, 8)
    display = ReconstructionDisplay.from_predictions(
        rows, 255 - rows, image_shape=(2, 4)
    )
    error = np.mean((255.0 - 2 * rows.astype(float)) ** 2)
    assert display.axes_[1, 0].get_ylabel().endswith(f"MSE {error:.2g}")


def test_constant_columns_have_no_bar():
    rows = np.random.RandomState(0).standard_normal((30, 3))
    rows[:, 1] = 0.1
    display = ReconstructionDisplay.from_predictions(rows, rows + 1e-9)
    heights = [bar.get_height() for bar in display.axes_[0, 0].patches]
    assert np.isnan(heights[1])
    assert max(heights[0], heights[2]) < 1e-6
    with pytest.raises(ValueError, match="at least two rows, whose columns vary"):
        ReconstructionDisplay.from_predictions(rows[:1], rows[:1])


def test_channels_of_signals_are_lines_of_their_own():
    waves = np.stack([SIGNALS[:40], 2 * SIGNALS[:40]], axis=2)
    ae = ConvAutoencoderTransformer(4, max_iter=1, random_state=0).fit(waves)
    display = ReconstructionDisplay.from_estimator(ae, waves)
    lines = display.axes_[0, 0].lines
    assert len(lines) == 4
    np.testing.assert_allclose(lines[1].get_ydata(), waves[0, :, 1])
    assert len(display.figure_.legends[0].get_texts()) == 2
    display = GenerationDisplay.from_estimator(
        ae, waves, kind="interpolation", n_lines=1, n_columns=3
    )
    assert len(display.lines_) == 6


def test_signal_shapes_are_no_images():
    ae = ConvAutoencoderTransformer(4, image_shape=(70,), max_iter=1, random_state=0)
    ae.fit(SIGNALS)
    display = ReconstructionDisplay.from_estimator(ae, SIGNALS)
    assert display.axes_.shape == (4, 1)
    FilterDisplay.from_estimator(ae, kind="encoder")


def test_filters_of_a_vae_are_those_of_its_network(vae):
    display = FilterDisplay.from_estimator(vae, kind="encoder", n_filters=500)
    assert len(display.filters) == vae.hidden_layer_sizes[0]


def test_filters_after_a_fall_back_are_components_of_pca():
    noise = np.random.RandomState(0).standard_normal((80, 6))
    ae = AutoencoderTransformer(2, max_iter=1, random_state=0).fit(noise)
    assert not ae.beats_pca_
    display = FilterDisplay.from_estimator(ae, kind="encoder")
    cosines = display.filters @ PCA(2).fit(noise).components_.T
    np.testing.assert_allclose(np.abs(cosines), np.eye(2), atol=1e-4)


@pytest.mark.parametrize("estimator", [PCA(3), make_pipeline(StandardScaler(), PCA(3))])
def test_other_transformers_have_filters(estimator):
    assert FilterDisplay.from_estimator(estimator.fit(X)).filters.shape == (3, 64)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (LossCurveDisplay.from_estimator, "estimator must be one of this library"),
        (ActivityDisplay.from_estimator, "estimator must be a SparseAE"),
        (
            lambda model: CodeSizeDisplay.from_estimator(model, X),
            "estimator must be one with nested codes; got Pipeline. Of a pipeline pass",
        ),
        (
            lambda model: FilterDisplay.from_estimator(model, kind="encoder"),
            "estimator must be an autoencoder of this library",
        ),
        (GenerationDisplay.from_estimator, r"a VAE; got Pipeline.* pipeline\[-1\]"),
    ],
)
def test_pipelines_are_told_which_step_to_pass(draw, message):
    with pytest.raises(ValueError, match=message):
        draw(make_pipeline(StandardScaler(), PCA(3)).fit(X))


def test_sparse_rows_and_codes():
    rows = sp.csr_array(X)
    ae = SparseAE(30, sparse_output=True, max_iter=1, random_state=0).fit(rows)
    codes = ae.transform(rows)
    display = GenerationDisplay.from_estimator(
        ae, rows[:4], kind="interpolation", image_shape=(8, 8)
    )
    ends = ae.inverse_transform(codes[:2])
    np.testing.assert_allclose(display.rows[0, [0, -1]], ends, atol=1e-3)
    display = ReconstructionDisplay.from_estimator(ae, rows, kind="columns")
    np.testing.assert_array_equal(display.original, X)
    (points,) = CodeDisplay(codes).plot().points_
    np.testing.assert_allclose(points.get_offsets(), codes.toarray()[:, :2], rtol=1e-6)


def test_rows_without_a_label_are_grey():
    labels = [None, "a", "b", np.nan, "a"]
    points = CodeDisplay(np.zeros((5, 2)), labels).plot().points_
    assert [len(p.get_offsets()) for p in points] == [2, 2, 1]
    numbers = np.array([np.nan, *range(30)])
    grey, coloured = CodeDisplay(np.zeros((31, 2)), numbers).plot().points_
    assert (len(grey.get_offsets()), len(coloured.get_array())) == (1, 30)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        CodeDisplay(np.zeros((5, 2)), [1, 2]).plot()


def test_only_so_many_images_are_drawn():
    display = ReconstructionDisplay.from_predictions(
        X, X / 2, image_shape=(8, 8), errors=False
    )
    assert display.axes_.shape == (2, 12)
    error = np.mean((X / 2) ** 2)
    assert display.axes_[1, 0].get_ylabel().endswith(f"MSE {error:.2g}")


def test_short_names_and_image_keywords(plain):
    display = LossCurveDisplay.from_estimator(plain, c="red", ls=":")
    assert display.lines_["train"].get_color() == "red"
    CodeDisplay(np.zeros((3, 2)), [0, 1, 1]).plot(c="black", lw=1)
    display = ReconstructionDisplay(SIGNALS, {"PCA": SIGNALS}).plot(lw=3)
    assert {line.get_linewidth() for line in display.axes_[0, 0].lines} == {3}
    display = ReconstructionDisplay.from_predictions(X, X, image_shape=(8, 8))
    display.plot(cmap="viridis")
    assert display.axes_[0, 0].images[0].get_cmap().name == "viridis"


def test_one_axes_is_refused_where_several_are_drawn(plain):
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="ax must be None for images"):
        ReconstructionDisplay.from_predictions(X, X, image_shape=(8, 8), ax=ax)
    with pytest.raises(ValueError, match="ax must be None for pairs"):
        CodeDisplay.from_estimator(plain, X, projection="pairs", ax=ax)


def test_losses_of_nested_codes_and_of_classifiers(plain):
    ae = AutoencoderTransformer(4, nested=True, max_iter=2, random_state=0).fit(X)
    for model in (ae, ae.truncate(2)):
        label = LossCurveDisplay.from_estimator(model).label
        assert label == "Loss over PCA's at the same code size"
    y = load_digits().target[:400]
    model = PretrainedClassifier(plain, max_iter=2, random_state=0).fit(X, y)
    display = LossCurveDisplay.from_estimator(model)
    assert display.label == "Objective (nats per labelled row)"
    with pytest.raises(ValueError, match="at least one epoch"):
        LossCurveDisplay([]).plot()
    with pytest.raises(ValueError, match="a transformer that can be inverted; got Pre"):
        FilterDisplay.from_estimator(model)


def test_loss_of_pca_knows_how_many_units_are_active():
    ae = SparseAE(40, sparsity="l1", alpha=0.1, max_iter=3, random_state=0).fit(X)
    expected = ae.pca_reconstruction_error_ * 64 / ae.scale_[0] ** 2
    assert ae.pca_loss_ == pytest.approx(expected, rel=1e-3)
