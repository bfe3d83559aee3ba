import numpy as np
import pytest
from sklearn.decomposition import PCA

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.displays import CodeSizeDisplay

# Pictures are drawn of what little training gives.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
]


def test_code_size_curves(texts):
    sizes = np.array([2, 8])
    curves = {"PCA": np.array([[4.0, 2.0], [2.0, 1.0]]), "AE": np.array([[1.0, 0.5]])}
    display = CodeSizeDisplay(sizes, curves, label="error", reference=("raw", 3.0))
    display.plot()
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), [3.0, 1.5])
    assert display.lines_[0].get_linestyle() == "--"
    assert display.ax_.get_ylabel() == "error"
    assert texts(display.ax_.get_legend()) == ["PCA", "AE", "raw"]


def test_code_sizes_of_a_nested_estimator(digits):
    ae = AutoencoderTransformer(8, nested=True, max_iter=5, random_state=0).fit(digits)
    display = CodeSizeDisplay.from_estimator(ae, digits, n_components=[2, 8])
    pca, ours = (line.get_ydata() for line in display.lines_)
    assert ours[1] == pytest.approx(ae.score(digits), abs=1e-6)
    assert ours[0] == pytest.approx(ae.truncate(2).score(digits), abs=1e-6)
    ratios = PCA(8).fit(digits).explained_variance_ratio_.cumsum()
    np.testing.assert_allclose(pca, ratios[[1, 7]], rtol=1e-6)
