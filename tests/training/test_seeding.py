import numpy as np
import torch

from sklearn_ae.training.seeding import draw_seed, isolated_rng

CPU = torch.device("cpu")


def test_seeds():
    assert draw_seed(7) == 7
    assert draw_seed(None) != draw_seed(None)
    state = np.random.RandomState(0)
    assert draw_seed(state) != draw_seed(state)


def test_isolated_rng_repeats_and_restores():
    before = torch.get_rng_state()
    with isolated_rng(3, CPU):
        first = torch.rand(4)
    with isolated_rng(3, CPU):
        assert torch.equal(first, torch.rand(4))
    assert torch.equal(before, torch.get_rng_state())
