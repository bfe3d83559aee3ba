import numpy as np

from sklearn_ae.training.seeding import draw_seed


def test_seeds():
    assert draw_seed(7) == 7
    assert draw_seed(None) != draw_seed(None)
    state = np.random.RandomState(0)
    assert draw_seed(state) != draw_seed(state)
