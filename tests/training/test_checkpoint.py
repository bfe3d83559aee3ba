import pytest
from torch import nn

from sklearn_ae.training.checkpoint import BestState


def test_best_state_keeps_the_lowest_loss():
    module = nn.Linear(1, 1)
    best = BestState(module, loss=1.0, tol=0.1)
    for epoch, loss in enumerate([0.8, 0.79, 0.95, 0.9], start=1):
        module.weight.data.fill_(loss)
        best.update(loss, epoch)
    assert (best.epoch, best.loss, best.n_stalled) == (2, 0.79, 3)
    best.restore()
    assert module.weight.item() == pytest.approx(0.79)


def test_best_state_works_for_negative_losses():
    best = BestState(nn.Linear(1, 1), loss=-10.0, tol=0.1)
    best.update(-10.5, 1)
    assert best.n_stalled == 1
    best.update(-12.0, 2)
    assert best.n_stalled == 0
