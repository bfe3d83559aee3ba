import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_ae import VAE, AutoencoderTransformer, ConvAutoencoderTransformer
from sklearn_ae.displays import GenerationDisplay

# Pictures are drawn of what little training gives.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
]


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


def test_manifold_of_codes_without_a_prior(digits):
    ae = AutoencoderTransformer(2, max_iter=2, random_state=0).fit(digits)
    display = GenerationDisplay.from_estimator(ae, digits, kind="manifold", n_columns=4)
    codes = np.quantile(ae.transform(digits), [0.02, 0.98], axis=0)
    corner = ae.inverse_transform([[codes[0, 0], codes[1, 1]]])[0]
    np.testing.assert_allclose(display.rows[0, 0], corner, atol=1e-2)
    with pytest.raises(ValueError, match="kind='manifold' needs X"):
        GenerationDisplay.from_estimator(ae, kind="manifold")


def test_interpolations_lead_from_row_to_row(plain, digits):
    display = GenerationDisplay.from_estimator(
        plain, digits[:5], kind="interpolation", n_columns=4, image_shape=(8, 8)
    )
    assert display.rows.shape == (2, 4, 64)
    ends = plain.reconstruct(digits[:4])
    np.testing.assert_allclose(display.rows[0, [0, -1]], ends[:2], atol=1e-3)
    np.testing.assert_allclose(display.rows[1, [0, -1]], ends[2:], atol=1e-3)


def test_interpolations_between_sparse_rows(sparse_throughout, digits):
    rows = sp.csr_array(digits[:4])
    display = GenerationDisplay.from_estimator(
        sparse_throughout, rows, kind="interpolation", image_shape=(8, 8)
    )
    codes = sparse_throughout.transform(rows)
    ends = sparse_throughout.inverse_transform(codes[:2])
    np.testing.assert_allclose(display.rows[0, [0, -1]], ends, atol=1e-3)


def test_generated_signals_are_lines(signals):
    vae = VAE(2, max_iter=3, random_state=0).fit(signals)
    display = GenerationDisplay.from_estimator(vae, n_lines=1, n_columns=3)
    assert len(display.lines_) == 3
    assert len(display.lines_[0].get_ydata()) == 70


def test_generated_channels_are_lines_of_their_own(waves):
    ae = ConvAutoencoderTransformer(4, max_iter=1, random_state=0).fit(waves)
    display = GenerationDisplay.from_estimator(
        ae, waves, kind="interpolation", n_lines=1, n_columns=3
    )
    assert len(display.lines_) == 6


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
