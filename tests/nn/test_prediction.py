import pytest
import torch
from torch import nn

from sklearn_ae.nn.prediction import (
    ClassificationLoss,
    RegressionLoss,
    Rescaled,
    most_sensitive_step,
)

EVEN = ClassificationLoss(torch.tensor([0.5, 0.5]))


def test_divergence_is_that_of_torch():
    logits, others = torch.randn(7, 3), torch.randn(7, 3)
    loss = ClassificationLoss(torch.full((3,), 1 / 3))
    expected = torch.distributions.kl_divergence(
        torch.distributions.Categorical(logits=logits),
        torch.distributions.Categorical(logits=others),
    )
    torch.testing.assert_close(loss.divergence(logits, others), expected.mean())
    assert loss.divergence(logits, logits).item() == pytest.approx(0, abs=1e-6)


def test_certain_predictions_with_the_right_shares_are_best():
    sure = torch.tensor([[9.0, -9.0], [-9.0, 9.0]])
    assert EVEN.uncertainty(sure).item() == pytest.approx(0, abs=1e-3)
    assert EVEN.uncertainty(sure[[0, 0]]) > 1  # all of one class
    assert EVEN.uncertainty(0 * sure) > 0.5  # undecided


def test_uncertainty_by_hand():
    logits = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    p = logits.softmax(1)
    entropy = -(p * p.log()).sum(1).mean()
    mean = p.mean(0)
    surplus = (0.5 * (0.5 / mean).log()).sum()
    torch.testing.assert_close(EVEN.uncertainty(logits), entropy + 4 * surplus)


def test_unknown_targets_cost_nothing():
    values = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    targets = torch.tensor([[0.0, torch.nan], [torch.nan, torch.nan]])
    losses = RegressionLoss().per_row(values.requires_grad_(), targets)
    assert losses.tolist() == [1.0, 0.0]
    losses.sum().backward()
    assert values.grad.tolist() == [[2.0, 0.0], [0.0, 0.0]]


def test_the_step_follows_the_steepest_direction():
    layer = nn.Linear(3, 2, bias=False)
    layer.weight.data = torch.tensor([[5.0, 0.0, 0.0], [-5.0, 0.1, 0.0]])
    torch.manual_seed(0)
    X = 0.1 * torch.randn(6, 3)  # where predictions are not saturated
    step = most_sensitive_step(layer, EVEN.divergence, X, layer(X), radius=0.3)
    torch.testing.assert_close(step.norm(dim=1), torch.full((6,), 0.3))
    assert (step[:, 0].abs() > 0.29).all()
    assert layer.weight.grad is None


def test_rescaling():
    assert Rescaled(4)(torch.ones(2, 2)).eq(0.25).all()
