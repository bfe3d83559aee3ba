import numpy as np
import pytest
import torch
from scipy.special import entr, expit, logit

from sklearn_ae.nn.losses import LOSSES, LossOutput, ReconstructionObjective

FORMULAS = {
    "squared_error": lambda raw, target: (raw - target) ** 2,
    "absolute_error": lambda raw, target: np.abs(raw - target),
    "log_loss": lambda raw, target: (
        -target * np.log(expit(raw)) - (1 - target) * np.log(expit(-raw))
    ),
}


@pytest.fixture
def case():
    """Raw output of a decoder and rows in [0, 1], both float32."""
    rng = np.random.RandomState(0)
    raw = rng.standard_normal((7, 4)).astype(np.float32)
    return raw, rng.uniform(size=(7, 4)).astype(np.float32)


def test_every_loss_has_a_formula():
    assert set(FORMULAS) == set(LOSSES)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_of_a_row_is_a_sum_over_features(case, loss):
    raw, target = case
    objective = ReconstructionObjective(loss)
    losses = objective.per_row((torch.tensor(raw),), torch.tensor(target))
    expected = FORMULAS[loss](raw.astype(float), target.astype(float)).sum(axis=1)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_of_a_batch_is_the_mean_over_rows(case, loss):
    raw, target = map(torch.tensor, case)
    objective = ReconstructionObjective(loss)
    losses = objective.per_row((raw,), target)
    torch.testing.assert_close(objective((raw,), target), losses.mean())


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_of_bfloat16_output_are_taken_in_float32(case, loss):
    raw, target = map(torch.tensor, case)
    raw = raw.to(torch.bfloat16)
    objective = ReconstructionObjective(loss)
    expected = objective.per_row((raw.float(),), target)
    assert torch.equal(objective.per_row((raw,), target), expected)


def test_the_least_logarithmic_loss_is_the_entropy_of_the_row():
    target = np.array([[0.0, 0.25, 0.5], [1.0, 0.9, 0.0]])
    least = ReconstructionObjective("log_loss").least(torch.tensor(target))
    np.testing.assert_allclose(least, (entr(target) + entr(1 - target)).sum(axis=1))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
def test_the_least_error_is_nothing(case, loss):
    least = ReconstructionObjective(loss).least(torch.tensor(case[1]))
    assert least.tolist() == [0.0] * 7


@pytest.mark.parametrize("loss", LOSSES)
def test_a_perfect_reconstruction_has_the_least_loss(case, loss):
    _, target = case
    raw = logit(target) if loss == "log_loss" else target
    objective = ReconstructionObjective(loss)
    losses = objective.per_row((torch.tensor(raw),), torch.tensor(target))
    np.testing.assert_allclose(losses, objective.least(torch.tensor(target)), rtol=1e-5)


def test_loss_curves_name_the_loss():
    objective = ReconstructionObjective("absolute_error")
    assert objective.name == "Loss per row (absolute error, scaled rows)"


def test_the_logarithmic_loss_is_taken_of_rows_as_they_are():
    assert LossOutput("log_loss").scaling_in_use("global") is None
    assert LossOutput("squared_error").scaling_in_use("global") == "global"


def test_the_logarithmic_loss_takes_probabilities():
    with pytest.raises(ValueError, match="as probabilities") as error:
        LossOutput("log_loss").check_values(np.array([[0.0, 1.5]]), "X_val")
    assert str(error.value) == (
        "loss='log_loss' takes the values of X_val as probabilities in [0, 1]; got "
        "values from 0 to 1.5. Scale them with MinMaxScaler, or use "
        "loss='squared_error'."
    )


def test_new_rows_may_be_a_little_out_of_range_but_not_in_other_units():
    output = LossOutput("log_loss")
    output.check_new_values(np.array([[-0.3, 1.5]]), "X")
    with pytest.raises(ValueError, match="got values from 0 to 255"):
        output.check_new_values(np.array([[0.0, 255.0]]), "X")
