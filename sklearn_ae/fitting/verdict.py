"""Whether a network is better than PCA, and what to say if it is not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.stats import wilcoxon

from ..exceptions import CodeCollapseWarning, PCAFloorWarning
from ..nn.codes import Complaint
from ..nn.linear_path import PCASolution
from ..nn.losses import Objective
from ..training.batches import Rows
from ..training.inference import blockwise
from .model import Model

__all__ = [
    "MIN_ROWS",
    "Rivals",
    "Verdict",
    "evaluate",
    "evaluate_errors",
    "find_poor_network",
    "is_real_gain",
    "is_real_likelihood_gain",
    "mean_pca_loss",
    "min_gain",
    "say_floor",
]

# A gain over PCA counts if a paired rank test over validation rows gives it this
# significance, and if its share of PCA's loss is large enough: on few rows the best
# of many epochs looks better than it is, and PCA gains most from the held-out rows.
# Ranks, because a few extreme rows can hold most of PCA's loss, and then a t-test is
# not sure of a gain on nearly every row.
_SIGNIFICANCE = 0.05
_MIN_GAIN = 0.05
_MIN_GAIN_OF_ONE_ROW = 1.5

# On fewer rows no gain can have that significance, even one on each of them.
MIN_ROWS = 5

# A gain in likelihood counts from so many nats per feature, over the square root of the
# number of rows: on tables of a hundred rows less was promised by validation rows where
# test rows lost.
_MIN_NATS_OF_ONE_ROW = 0.4

# A code is taken to ignore its input if reconstructions vary less than this share of
# what PCA's do. Healthy fits are at about 1 or above (``benchmarks/code_collapse.py``).
_MIN_SPREAD = 0.2


@dataclass(frozen=True)
class Rivals:
    """PCA as models that are evaluated as the network is.

    Parameters
    ----------
    of_losses : Model
        For the training objective: probabilistic PCA for latent codes, PCA cut off at
        the same sizes for nested ones.
    of_errors : Model
        For reconstruction errors: PCA itself.
    """

    of_losses: Model
    of_errors: Model

    @classmethod
    def beside(cls, model: Model, pca: PCASolution, n_active: int) -> Rivals:
        """Return PCA with as many components as a model has active."""
        of_errors = model.plain_pca(pca, n_active)
        if model.recipe.bottleneck.compares_losses_with_floor:
            return cls(model.floor(pca), of_errors)
        return cls(of_errors, of_errors)


@dataclass(frozen=True)
class Verdict:
    """What evaluating a network beside PCA came to.

    Parameters
    ----------
    loss, pca_loss : float
        Mean loss of a row, without penalties.
    error, pca_error : float
        Mean squared error of a value, in squared units of X.
    is_gain : bool
        Whether the network is reliably better than PCA.
    n_rows : int
        Rows they were evaluated on.
    """

    loss: float
    pca_loss: float
    error: float
    pca_error: float
    is_gain: bool
    n_rows: int

    @classmethod
    def reach(
        cls, model: Model, rivals: Rivals, objective: Objective, rows: Rows
    ) -> Verdict:
        """Evaluate a network and PCA on the same rows."""
        losses = evaluate(model, objective, rows)
        pca_losses = evaluate(rivals.of_losses, objective, rows)
        if objective.in_nats:
            is_gain = is_real_likelihood_gain(losses, pca_losses, model.n_features)
        else:
            least = model.rowwise(objective.least, rows)
            is_gain = is_real_gain(losses - least, pca_losses - least)
        return cls(
            float(losses.mean()),
            float(pca_losses.mean()),
            float(evaluate_errors(model, rows).mean()),
            float(evaluate_errors(rivals.of_errors, rows).mean()),
            is_gain,
            len(rows),
        )

    @classmethod
    def without_training(
        cls, rivals: Rivals, objective: Objective, rows: Rows
    ) -> Verdict:
        """Evaluate PCA alone, where no gain over it could be shown."""
        loss = float(evaluate(rivals.of_losses, objective, rows).mean())
        error = float(evaluate_errors(rivals.of_errors, rows).mean())
        return cls(loss, loss, error, error, False, len(rows))

    def of_floor(self, floor: Model, rows: Rows) -> Verdict:
        """Return the verdict on the model that takes the network's place."""
        error = self.pca_error
        if not floor.recipe.bottleneck.is_plain:
            error = float(evaluate_errors(floor, rows).mean())
        return replace(self, loss=self.pca_loss, error=error)

    def numbers(self, in_nats: bool) -> dict[str, Any]:
        """Return the learned attributes of an estimator."""
        numbers: dict[str, Any] = {
            "reconstruction_error_": self.error,
            "pca_reconstruction_error_": self.pca_error,
            "beats_pca_": self.is_gain,
        }
        if in_nats:
            numbers["log_likelihood_bound_"] = -self.loss
            numbers["pca_log_likelihood_bound_"] = -self.pca_loss
        return numbers


# -------------------------------------------------- the same for a network and for PCA


def evaluate(model: Model, objective: Objective, rows: Rows) -> np.ndarray:
    """Return the loss of each row from its whole code, without penalties."""

    def losses(block: torch.Tensor) -> torch.Tensor:
        return objective.loss_without_penalty(model.module.forward_whole(block), block)

    return model.rowwise(losses, rows, seed=model.seed)


def mean_pca_loss(model: Model, objective: Objective, rows: Rows) -> float:
    """Return the mean of what loss curves would show for PCA."""

    def losses(block: torch.Tensor) -> torch.Tensor:
        return objective.per_row_of_pca(model.module(block), block)

    return float(model.rowwise(losses, rows, seed=model.seed).mean())


def evaluate_errors(model: Model, rows: Rows) -> np.ndarray:
    """Return the mean squared error of each row, corrupted as in training."""
    return model.row_errors(model.corrupt_and_reconstruct, rows, seed=model.seed)


def _spread(model: Model, rows: Rows) -> float:
    """Return the variance of reconstructions over rows, summed over features."""
    total = squares = torch.zeros(())
    for block in blockwise(model.module, model.corrupt_and_reconstruct, rows):
        output = block.cpu().double()
        total, squares = total + output.sum(0), squares + output.square().sum(0)
    return float((squares / len(rows) - (total / len(rows)).square()).sum())


# ----------------------------------------------------------------------- what is a gain


def is_real_likelihood_gain(
    losses: np.ndarray, pca_losses: np.ndarray, n_features: int
) -> bool:
    """Return whether a model's likelihood is reliably above probabilistic PCA's.

    Parameters
    ----------
    losses, pca_losses : ndarray of shape (n_rows,)
        Minus the log-likelihood, or a bound on it, of each validation row, in nats.
    n_features : int
        Width of a row.

    Returns
    -------
    bool
        True if the mean gain is more than ``0.4 * n_features / sqrt(n_rows)`` nats,
        and Wilcoxon's one-sided signed-rank test gives p < 0.05.
    """
    gains = pca_losses - losses
    if not gains.mean() > _MIN_NATS_OF_ONE_ROW * n_features / np.sqrt(len(gains)):
        return False
    return bool(wilcoxon(gains, alternative="greater").pvalue < _SIGNIFICANCE)


def min_gain(n_rows: int) -> float:
    """Return the share of PCA's loss from which a gain on so many rows may be real."""
    return _MIN_GAIN + _MIN_GAIN_OF_ONE_ROW / np.sqrt(n_rows)


def is_real_gain(losses: np.ndarray, pca_losses: np.ndarray) -> bool:
    """Return whether a model is reliably better than PCA on the same rows.

    Parameters
    ----------
    losses, pca_losses : ndarray of shape (n_rows,)
        Loss of each validation row under the model and under PCA, above the least
        loss that is possible.

    Returns
    -------
    bool
        True if the mean gain is more than ``0.05 + 1.5 / sqrt(n_rows)`` of PCA's
        mean loss, and Wilcoxon's one-sided signed-rank test gives p < 0.05.
    """
    gains = pca_losses - losses
    if not gains.mean() > min_gain(len(losses)) * pca_losses.mean():
        return False
    return bool(wilcoxon(gains, alternative="greater").pvalue < _SIGNIFICANCE)


# ------------------------------------------------------------------- what is said of it


def say_no_gain(model: Model, verdict: Verdict, in_nats: bool) -> str:
    """Return the beginning of a warning that PCA was not beaten."""
    n_rows = verdict.n_rows
    if in_nats:
        return (
            f"Training made no reliable gain over probabilistic PCA on {n_rows} rows: "
            f"{-verdict.loss:.4g} nats per row against {-verdict.pca_loss:.4g}. "
        )
    baseline = model.recipe.baseline_name
    message = f"Training made no reliable gain over {baseline} on {n_rows} rows"
    if getattr(model.recipe.output, "loss", None) != "squared_error":
        return message + ". "
    # What was compared, which is in proportion to errors where all columns have one
    # scale.
    name, pair = "loss", (verdict.loss, verdict.pca_loss)
    if model.recipe.scaling == "global":
        name, pair = "mean squared error", (verdict.error, verdict.pca_error)
    least = min_gain(n_rows)
    chance = f"a gain of less than {least:.0%}" if least < 1 else "any gain"
    return (
        f"{message}: {name} {pair[0]:.4g} against {baseline}'s {pair[1]:.4g}, where "
        f"{chance} may be chance. "
    )


def say_floor(model: Model, verdict: Verdict, in_nats: bool) -> Complaint:
    """Return the warning that PCA has taken the network's place."""
    message = (
        say_no_gain(model, verdict, in_nats)
        + f"The fitted model is {model.recipe.baseline_name} of all rows; beats_pca_ "
        "is False. More rows, or a larger max_iter, may change that."
    )
    return message, PCAFloorWarning


def find_poor_network(
    model: Model, rivals: Rivals, verdict: Verdict, in_nats: bool, rows: Rows
) -> list[Complaint]:
    """Return warnings if the network that is kept ignores its input, or is no gain."""
    if verdict.is_gain:
        return []
    can_start = model.recipe.can_start_at_pca
    spread, pca_spread = _spread(model, rows), _spread(rivals.of_errors, rows)
    if spread < _MIN_SPREAD * pca_spread:
        message = (
            "Codes hardly depend on the input: reconstructions vary "
            f"{spread / pca_spread:.2g} times as much from row to row as those of "
            "PCA. Likely causes, and what to change: units that are saturated from "
            "the start (activation='logistic', or weights that start at unit "
            "variance: take 'gelu' and torch's own initialisation); a "
            "learning_rate that is too high, or too low for max_iter; rows that "
            "partial_fit was given in the order of their classes (shuffle them)."
            + (" init='pca' starts at PCA's codes." if can_start else "")
        )
        return [(message, CodeCollapseWarning)]
    if model.n_components >= model.n_features:
        return []
    message = say_no_gain(model, verdict, in_nats) + "The network is kept"
    if can_start:
        message += "; init='pca' would start at PCA's error."
    else:
        message += ", because codes of this kind have no PCA start."
    return [(message, PCAFloorWarning)]
