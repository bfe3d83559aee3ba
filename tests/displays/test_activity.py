import numpy as np
import pytest

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.displays import ActivityDisplay

# Pictures are drawn of what little training gives.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
]


def test_activity_of_latent_variables(vae):
    display = ActivityDisplay.from_estimator(vae)
    heights = [bar.get_height() for bars in display.bars_ for bar in bars]
    np.testing.assert_allclose(heights, np.sort(vae.kl_per_component_)[::-1])
    assert display.ax_.get_ylabel() == "KL divergence from the prior (nats)"


def test_activity_of_units_and_dead_ones(texts):
    activity = np.array([0.1, 0.0, 0.5, 0.0])
    display = ActivityDisplay(activity, activity == 0, unused_label="dead").plot()
    used, dead = display.bars_
    assert [bar.get_height() for bar in used] == [0.5, 0.1]
    assert [bar.get_x() + bar.get_width() / 2 for bar in dead] == [3, 4]
    assert texts(display.ax_.get_legend()) == ["used: 2", "dead: 2"]


def test_activity_of_sparse_codes(sparse):
    display = ActivityDisplay.from_estimator(sparse)
    np.testing.assert_array_equal(display.activity, sparse.mean_activity_)


def test_activity_of_nested_codes_is_what_each_adds(digits):
    ae = AutoencoderTransformer(4, nested=True, max_iter=2, random_state=0).fit(digits)
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
