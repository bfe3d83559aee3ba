import numpy as np
import pytest

from sklearn_ae import AutoencoderTransformer, SparseAE
from sklearn_ae.displays import LossCurveDisplay

# Pictures are drawn of what little training gives.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
]


def test_losses_of_an_estimator(plain, texts):
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


def test_losses_without_validation_rows(digits):
    ae = AutoencoderTransformer(4, max_iter=3, early_stopping=False, random_state=0)
    display = LossCurveDisplay.from_estimator(ae.fit(digits), color="red")
    assert "validation" not in display.lines_
    assert display.lines_["train"].get_color() == "red"


def test_losses_of_a_vae_are_in_nats(vae):
    display = LossCurveDisplay.from_estimator(vae)
    assert display.ax_.get_ylabel() == "Negative bound per row (nats)"


def test_losses_of_nested_codes_are_shares_of_those_of_pca(digits):
    ae = AutoencoderTransformer(4, nested=True, max_iter=2, random_state=0).fit(digits)
    whole, truncated = map(LossCurveDisplay.from_estimator, (ae, ae.truncate(2)))
    assert whole.label == "Loss over PCA's at the same code size"
    assert truncated.label == whole.label


def test_losses_of_a_classifier_are_in_nats(classifier):
    display = LossCurveDisplay.from_estimator(classifier)
    assert display.label == "Objective (nats per labelled row)"


def test_losses_of_wide_range_have_a_logarithmic_axis():
    assert LossCurveDisplay([100.0, 1.0]).plot().ax_.get_yscale() == "log"
    assert LossCurveDisplay([2.0, 1.0]).plot().ax_.get_yscale() == "linear"
    assert LossCurveDisplay([-2.0, -100.0]).plot().ax_.get_yscale() == "linear"


def test_a_curve_has_at_least_one_epoch():
    with pytest.raises(ValueError, match="at least one epoch"):
        LossCurveDisplay([]).plot()


def test_loss_of_pca_knows_how_many_units_are_active(digits):
    ae = SparseAE(40, sparsity="l1", alpha=0.1, max_iter=3, random_state=0).fit(digits)
    expected = ae.pca_reconstruction_error_ * 64 / ae.scale_[0] ** 2
    assert ae.pca_loss_ == pytest.approx(expected, rel=1e-3)
