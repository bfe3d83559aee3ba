import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import AutoencoderTransformer, ConvAutoencoderTransformer
from sklearn_ae.displays import FilterDisplay

# Pictures are drawn of what little training gives.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
]


def test_filters_of_a_linear_decoder_are_its_columns(sparse, digits):
    display = FilterDisplay.from_estimator(sparse, image_shape=(8, 8))
    assert display.filters.shape == (30, 64)
    ends = sparse.inverse_transform(np.vstack([np.eye(30)[3], np.zeros(30)]))
    np.testing.assert_allclose(display.filters[3], ends[0] - ends[1], atol=1e-5)
    canvas = display.image_.get_array()
    np.testing.assert_allclose(canvas[:8, :8].ravel(), display.filters[0], atol=1e-6)
    assert canvas.shape == (5 * 9 - 1, 6 * 9 - 1)  # 30 in 6 columns
    assert display.figure_.axes[1].get_ylabel().endswith("(units of X)")


def test_filters_depart_from_the_mean_code(digits):
    pca = PCA(5).fit(digits)
    display = FilterDisplay.from_estimator(pca, digits)
    expected = pca.components_ * np.sqrt(digits.shape[0] - 1) / np.sqrt(digits.shape[0])
    expected = expected * np.sqrt(pca.explained_variance_)[:, None]
    np.testing.assert_allclose(display.filters, expected, atol=1e-8)


def test_weights_of_the_first_layer(plain):
    display = FilterDisplay.from_estimator(plain, kind="encoder", n_filters=500)
    branch = plain.module_.encoder.branch
    weights = next(iter(branch.parameters())).detach().numpy()
    np.testing.assert_array_equal(display.filters, weights)
    largest = FilterDisplay.from_estimator(plain, kind="encoder", n_filters=9).filters
    assert np.square(largest).sum(1).min() >= np.median(np.square(weights).sum(1))


def test_kernels_of_convolutions(images):
    ae = ConvAutoencoderTransformer(4, init="random", channels=(6, 8), max_iter=1)
    display = FilterDisplay.from_estimator(
        ae.set_params(random_state=0).fit(images), kind="encoder"
    )
    assert display.filters.shape[0] == 6


@pytest.mark.parametrize(
    ("init", "shape"),
    [("pca", (4, 70)), ("random", (16, 3))],
    ids=["components", "kernels"],
)
def test_filters_of_signals_are_no_images(signals, init, shape):
    ae = ConvAutoencoderTransformer(4, image_shape=(70,), init=init, max_iter=1)
    # So slow that the model falls back to PCA.
    ae.set_params(learning_rate=1e-9, random_state=0).fit(signals)
    display = FilterDisplay.from_estimator(ae, kind="encoder")
    assert display.image_.get_array().shape == shape


def test_colour_filters_have_grey_where_nothing_changes():
    display = FilterDisplay(np.zeros((4, 12)), image_shape=(2, 2, 3)).plot()
    np.testing.assert_array_equal(display.image_.get_array()[0, 0], [0.5] * 3)


def test_filters_of_a_vae_are_those_of_its_network(vae):
    display = FilterDisplay.from_estimator(vae, kind="encoder", n_filters=500)
    assert len(display.filters) == 256


def test_filters_after_a_fall_back_are_components_of_pca():
    noise = np.random.RandomState(0).standard_normal((80, 6))
    ae = AutoencoderTransformer(2, max_iter=1, random_state=0).fit(noise)
    assert not ae.beats_pca_
    display = FilterDisplay.from_estimator(ae, kind="encoder")
    cosines = display.filters @ PCA(2).fit(noise).components_.T
    np.testing.assert_allclose(np.abs(cosines), np.eye(2), atol=1e-4)


@pytest.mark.parametrize("estimator", [PCA(3), make_pipeline(StandardScaler(), PCA(3))])
def test_other_transformers_have_filters(estimator, digits):
    assert FilterDisplay.from_estimator(estimator.fit(digits)).filters.shape == (3, 64)


def test_unknown_kind_of_filter(plain):
    with pytest.raises(ValueError, match="kind must be 'decoder' or 'encoder'"):
        FilterDisplay.from_estimator(plain, kind="both")


def test_classifiers_have_no_decoder_to_draw(classifier):
    with pytest.raises(ValueError, match="a transformer that can be inverted; got Pre"):
        FilterDisplay.from_estimator(classifier)
