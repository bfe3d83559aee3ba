import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.decomposition import PCA

from sklearn_ae import ConvAutoencoderTransformer
from sklearn_ae.displays import ReconstructionDisplay

# Pictures are drawn of what little training gives.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
]


def test_images_over_reconstructions():
    rows = np.random.RandomState(0).uniform(size=(30, 12))
    display = ReconstructionDisplay.from_estimator(
        PCA(3).fit(rows), rows[:5], image_shape=(2, 2, 3)
    )
    assert display.axes_.shape == (3, 5)  # with the errors
    shown = display.axes_[0, 1].images[0].get_array()
    np.testing.assert_allclose(shown.ravel(), rows[1] / rows[:5].max())
    assert display.axes_[1, 0].get_ylabel().startswith("PCA\nMSE")


def test_error_images_are_differences(plain, digits):
    display = ReconstructionDisplay.from_estimator(
        plain, digits[:3], image_shape=(8, 8)
    )
    error = display.axes_[2, 0].images[0]
    np.testing.assert_allclose(
        error.get_array().ravel(),
        plain.reconstruct(digits[:1])[0] - digits[0],
        atol=1e-4,
    )
    assert error.norm.vmin == -error.norm.vmax


def test_image_shape_comes_from_the_rows_of_fit(digits, images):
    ae = ConvAutoencoderTransformer(4, max_iter=1, random_state=0).fit(images)
    displays = [
        ReconstructionDisplay.from_estimator(ae, rows)
        for rows in (images[:3], digits[:3])
    ]
    shown = [display.axes_[0, 0].images[0].get_array().shape for display in displays]
    assert shown == [(8, 8), (8, 8)]


def test_only_so_many_images_are_drawn(digits):
    display = ReconstructionDisplay.from_predictions(
        digits, digits / 2, image_shape=(8, 8), errors=False
    )
    assert display.axes_.shape == (2, 12)
    error = np.mean((digits / 2) ** 2)
    assert display.axes_[1, 0].get_ylabel().endswith(f"MSE {error:.2g}")


def test_integer_images_do_not_wrap_around():
    rows = np.arange(0, 240, 15, dtype=np.uint8).reshape(2, 8)
    display = ReconstructionDisplay.from_predictions(
        rows, 255 - rows, image_shape=(2, 4)
    )
    error = np.mean((255.0 - 2 * rows.astype(float)) ** 2)
    assert display.axes_[1, 0].get_ylabel().endswith(f"MSE {error:.2g}")


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


def test_long_rows_are_lines(signals):
    display = ReconstructionDisplay.from_estimator(PCA(2).fit(signals), signals)
    assert display.axes_.shape == (4, 1)


def test_signal_shapes_are_no_images(signals):
    ae = ConvAutoencoderTransformer(4, image_shape=(70,), max_iter=1, random_state=0)
    display = ReconstructionDisplay.from_estimator(ae.fit(signals), signals)
    assert display.axes_.shape == (4, 1)


def test_channels_of_signals_are_lines_of_their_own(waves):
    ae = ConvAutoencoderTransformer(4, max_iter=1, random_state=0).fit(waves)
    display = ReconstructionDisplay.from_estimator(ae, waves)
    lines = display.axes_[0, 0].lines
    assert len(lines) == 4
    np.testing.assert_allclose(lines[1].get_ydata(), waves[0, :, 1])
    assert len(display.figure_.legends[0].get_texts()) == 2


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


def test_columns_of_sparse_rows(sparse_throughout, digits):
    display = ReconstructionDisplay.from_estimator(
        sparse_throughout, sp.csr_array(digits), kind="columns"
    )
    np.testing.assert_array_equal(display.original, digits)


def test_constant_columns_have_no_bar():
    rows = np.random.RandomState(0).standard_normal((30, 3))
    rows[:, 1] = 0.1
    display = ReconstructionDisplay.from_predictions(rows, rows + 1e-9)
    heights = [bar.get_height() for bar in display.axes_[0, 0].patches]
    assert np.isnan(heights[1])
    assert max(heights[0], heights[2]) < 1e-6


def test_columns_of_one_row_do_not_vary():
    row = np.array([[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match="at least two rows, whose columns vary"):
        ReconstructionDisplay.from_predictions(row, row)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "pie"}, r"kind must be .* got 'pie'"),
        ({"kind": "images"}, "kind='images' needs image_shape"),
        ({"image_shape": (7, 8)}, r"image_shape .* \(7, 8\) = 56 values"),
    ],
)
def test_reconstructions_say_what_they_need(digits, options, message):
    with pytest.raises(ValueError, match=message):
        ReconstructionDisplay(digits, {"a": digits}, **options).plot()
