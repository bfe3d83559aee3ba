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


def test_a_best_state_can_be_put_into_a_new_one():
    module = nn.Linear(1, 1)
    best = BestState(module, loss=1.0, tol=0.1)
    module.weight.data.fill_(0.5)
    best.update(0.5, 1)
    module.weight.data.fill_(7.0)
    best.update(0.9, 2)
    state = best.state()
    best.update(0.1, 3)
    other = BestState(nn.Linear(1, 1), loss=9.0, tol=0.1)
    other.set_state(state)
    assert (other.loss, other.bar, other.epoch, other.n_stalled) == (0.5, 0.5, 1, 1)
    other.restore()
    assert other.tensors[0].item() == 0.5


def test_without_copies_the_present_state_is_the_best():
    best = BestState(nn.Linear(1, 1), loss=1.0, tol=0.1)
    module = nn.Linear(1, 1)
    other = BestState(module, loss=9.0, tol=0.1)
    module.weight.data.fill_(3.0)
    other.set_state(best.state(with_copies=False))
    module.weight.data.fill_(4.0)
    other.restore()
    assert module.weight.item() == 3.0
