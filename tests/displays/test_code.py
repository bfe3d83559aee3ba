import numpy as np
import pytest
from sklearn.decomposition import PCA

from sklearn_ae import SparseAE
from sklearn_ae.displays import CodeDisplay

# Pictures are drawn of what little training gives.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
]


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


def test_pairs_of_codes(plain, digits):
    display = CodeDisplay.from_estimator(plain, digits, projection="pairs", n_pairs=3)
    assert display.axes_.shape == (2, 2)
    codes = plain.transform(digits)
    offsets = [points.get_offsets() for points in display.points_]
    expected = [codes[:, pair] for pair in ([0, 1], [0, 2], [1, 2])]
    np.testing.assert_allclose(offsets, expected, rtol=1e-6)


def test_principal_components_of_sparse_codes(digits):
    twin = SparseAE(30, n_nonzero_coefs=5, max_iter=2, sparse_output=True)
    twin = twin.set_params(random_state=0).fit(digits)
    display = CodeDisplay.from_estimator(twin, digits, projection="pca")
    offsets = display.points_[0].get_offsets()
    expected = PCA(2, random_state=0).fit_transform(twin.transform(digits).toarray())
    np.testing.assert_allclose(np.abs(offsets), np.abs(expected), rtol=1e-3, atol=1e-3)


def test_sparse_codes(sparse_throughout, digits):
    codes = sparse_throughout.transform(digits)
    (points,) = CodeDisplay(codes).plot().points_
    np.testing.assert_allclose(points.get_offsets(), codes.toarray()[:, :2], rtol=1e-6)


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


def test_rows_without_a_label_are_grey():
    labels = [None, "a", "b", np.nan, "a"]
    points = CodeDisplay(np.zeros((5, 2)), labels).plot().points_
    assert [len(p.get_offsets()) for p in points] == [2, 2, 1]
    numbers = np.array([np.nan, *range(30)])
    grey, coloured = CodeDisplay(np.zeros((31, 2)), numbers).plot().points_
    assert (len(grey.get_offsets()), len(coloured.get_array())) == (1, 30)


def test_each_row_has_a_label():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        CodeDisplay(np.zeros((5, 2)), [1, 2]).plot()


def test_codes_of_one_component_cannot_be_drawn():
    with pytest.raises(ValueError, match="codes must have at least 2 components"):
        CodeDisplay(np.zeros((3, 1))).plot()


def test_unknown_projection():
    with pytest.raises(ValueError, match=r"projection must be 'first', .* got 'tsne'"):
        CodeDisplay(np.zeros((3, 2)), projection="tsne").plot()
