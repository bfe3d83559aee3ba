import numpy as np
import pytest
from sklearn.decomposition import PCA

from sklearn_ae.displays import CorruptionDisplay

# Pictures are drawn of what little training gives.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
]


def test_corruption(denoising, digits):
    display = CorruptionDisplay.from_estimator(
        denoising, digits[:4], image_shape=(8, 8), random_state=1
    )
    corrupted = denoising.corrupt(digits[:4], random_state=1)
    np.testing.assert_array_equal(display.corrupted, corrupted)
    np.testing.assert_allclose(
        display.restored, denoising.denoise(corrupted), atol=1e-3
    )
    error = np.mean((corrupted - digits[:4]) ** 2)
    assert display.axes_[1, 0].get_ylabel() == f"corrupted\nMSE {error:.2g}"


def test_corruption_of_signals_by_hand(signals):
    noisy = signals + 0.1
    display = CorruptionDisplay.from_estimator(PCA(2).fit(signals), signals, noisy)
    lines = display.axes_[0, 0].lines
    np.testing.assert_allclose(lines[1].get_ydata(), noisy[0])


def test_other_estimators_do_not_corrupt(signals):
    with pytest.raises(ValueError, match="X_corrupted must be given"):
        CorruptionDisplay.from_estimator(PCA(2).fit(signals), signals)
