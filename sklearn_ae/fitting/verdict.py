"""Whether a network is better than PCA, and what to say if it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ..exceptions import CodeCollapseWarning, PCAFloorWarning
from ..nn.codes import Complaint
from ..nn.linear_path import PCASolution
from ..nn.losses import Objective
from ..training.batches import Rows
from ..training.inference import blockwise
from .evidence import EXACT, HeldOut, is_real_gain, is_real_likelihood_gain
from .model import Model

__all__ = [
    "Rivals",
    "Verdict",
    "evaluate",
    "evaluate_errors",
    "find_poor_network",
    "mean_pca_loss",
    "name_column",
    "say_floor",
]

# A code is taken to ignore its input if reconstructions vary less than this share of
# what PCA's do. Healthy fits are at about 1 or above (``benchmarks/code_collapse.py``).
_MIN_SPREAD = 0.2

#: A column with a larger share of the variance leaves nothing to the others.
MAX_SHARE_OF_ONE_COLUMN = 0.95
_MAX_MEASURED_ROWS = 5000


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
    are_new : bool
        Whether they were evaluated on rows that the network has not seen.
    """

    loss: float
    pca_loss: float
    error: float
    pca_error: float
    is_gain: bool
    are_new: bool

    @classmethod
    def reach(
        cls,
        model: Model,
        rivals: Rivals,
        objective: Objective,
        held_out: HeldOut,
        informed: Model | None = None,
    ) -> Verdict:
        """Evaluate a network and PCA on the same rows.

        Parameters
        ----------
        model : Model
            The network.
        rivals : Rivals
            PCA of the rows that it was trained on.
        objective : Objective
            What training minimised.
        held_out : HeldOut
            Rows to evaluate on.
        informed : Model, default=None
            PCA of all rows. It would take the network's place, and what it does on new
            rows lies between what the two do on those that only it has seen.
        """
        rows = held_out.rows
        losses = evaluate(model, objective, rows)
        pca_losses = evaluate(rivals.of_losses, objective, rows)
        to_beat = pca_losses
        if informed is not None:
            to_beat = (to_beat + evaluate(informed, objective, rows)) / 2
        if objective.in_nats:
            is_gain = is_real_likelihood_gain(losses, to_beat, held_out)
        else:
            least = model.rowwise(objective.least, rows.clean())
            is_gain = is_real_gain(losses - least, to_beat - least, held_out)
        return cls(
            float(losses.mean()),
            float(pca_losses.mean()),
            float(evaluate_errors(model, rows).mean()),
            float(evaluate_errors(rivals.of_errors, rows).mean()),
            is_gain,
            held_out.are_new,
        )

    @classmethod
    def without_training(
        cls, rivals: Rivals, objective: Objective, rows: Rows
    ) -> Verdict:
        """Evaluate PCA alone, where no gain over it could be shown."""
        loss = float(evaluate(rivals.of_losses, objective, rows).mean())
        error = float(evaluate_errors(rivals.of_errors, rows).mean())
        return cls(loss, loss, error, error, is_gain=False, are_new=True)

    @property
    def beats_pca(self) -> bool | None:
        """Whether PCA is beaten; None if a gain was seen on training rows alone."""
        return self.is_gain if self.are_new or not self.is_gain else None

    def of_floor(self, model: Model, pca: PCASolution, rows: Rows) -> Verdict:
        """Return the verdict on PCA in the place of a model."""
        error = self.pca_error
        if not model.recipe.bottleneck.is_plain:
            error = float(evaluate_errors(model.floor(pca), rows).mean())
        return replace(self, loss=self.pca_loss, error=error)

    def numbers(self, in_nats: bool) -> dict[str, Any]:
        """Return the learned attributes of an estimator."""
        numbers: dict[str, Any] = {
            "reconstruction_error_": self.error,
            "pca_reconstruction_error_": self.pca_error,
            "beats_pca_": self.beats_pca,
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


# ------------------------------------------------------------------- what is said of it

_MORE = (
    "More rows, another n_components or a larger max_iter may change that; floor=False "
    "keeps the network."
)


def say_floor(
    model: Model,
    verdict: Verdict,
    in_nats: bool,
    train: Rows,
    rows: Rows,
    names: Sequence,
) -> Complaint:
    """Return the warning that PCA has taken the network's place.

    Parameters
    ----------
    model : Model
        PCA of all rows.
    verdict : Verdict
        On the network.
    in_nats : bool
        Whether likelihoods were compared.
    train, rows : Rows
        What the network was trained and evaluated on.
    names : sequence of str
        Names of columns.
    """
    baseline = model.recipe.baseline_name
    total = model.squared_distances_of(rows).mean(dtype=np.float64)
    if not in_nats and verdict.pca_error <= EXACT * total:
        why = f"{baseline} with {model.n_components} components is exact already"
        remedy = "Choose a smaller n_components."
    else:
        why, remedy = _explain(model, train, in_nats, names)
    message = (
        f"The fitted model is {baseline} of all rows, because {why}. beats_pca_ is "
        f"False. {remedy}"
    )
    return message, PCAFloorWarning


def _explain(
    model: Model, train: Rows, in_nats: bool, names: Sequence
) -> tuple[str, str]:
    """Return why there was no gain, and what would change that.

    No numbers of this fit are named, so that a search gives each text once.
    """
    of_counts = model.recipe.output.of_counts
    column = None if of_counts else find_dominant_column(model, train)
    if column is not None:
        return (
            f"column {name_column(column, names)} has more than "
            f"{MAX_SHARE_OF_ONE_COLUMN:.0%} of the variance, and a linear code of that "
            "column is all it takes",
            "Put StandardScaler before, or set scaling='per_feature'.",
        )
    if not in_nats:
        what = "loss"
        hint = "Compare reconstruction_error_ with pca_reconstruction_error_."
    else:
        what = "likelihood"
        hint = "pca_log_likelihood_bound_ is what it had to exceed."
    if of_counts:
        hint += " pca_reconstruction_error_ is of another model, PCA of the counts."
    return (
        f"the network's {what} on held-out rows is not better by more than chance",
        f"{hint} {_MORE}",
    )


def name_column(column: int, names: Sequence) -> str:
    """Return what warnings call a column: its name, or its position."""
    return repr(str(names[column])) if len(names) else str(column)


def find_dominant_column(model: Model, train: Rows) -> int | None:
    """Return the column that has nearly all of the variance, if there is one."""
    variances = column_variances(model, train)
    column = int(variances.argmax())
    is_dominant = variances[column] > MAX_SHARE_OF_ONE_COLUMN * variances.sum()
    return column if is_dominant and len(variances) > 1 else None


def column_variances(model: Model, rows: Rows) -> np.ndarray:
    """Return the variance of each scaled column, over at most some thousand rows."""
    sample = rows.sample(_MAX_MEASURED_ROWS, model.seed)
    return np.var(sample.to_numpy(np.float64), axis=0)


def say_unverified(advice: str) -> Complaint:
    """Return the warning that nothing tells whether PCA is beaten."""
    message = (
        "No new rows were held out, so that nothing tells whether the network is "
        f"better than PCA on them: beats_pca_ is None. {advice}"
    )
    return message, PCAFloorWarning


def find_poor_network(
    model: Model, rivals: Rivals, verdict: Verdict, held_out: HeldOut
) -> list[Complaint]:
    """Return warnings if the network that is kept ignores its input, or is no gain."""
    if verdict.is_gain:
        return [] if verdict.are_new else [say_unverified(held_out.advice)]
    can_start, rows = model.recipe.can_start_at_pca, held_out.rows
    spread, pca_spread = _spread(model, rows), _spread(rivals.of_errors, rows)
    if spread < _MIN_SPREAD * pca_spread:
        message = (
            "Codes hardly depend on the input: reconstructions vary less than "
            f"{_MIN_SPREAD:.0%} as much from row to row as those of "
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
    message = (
        "The network is kept, though it is not better than "
        f"{model.recipe.baseline_name} by more than chance; beats_pca_ is False. "
    )
    if model.recipe.starts_at_pca:
        message += "floor=True takes the better of the two."
    elif can_start:
        message += "init='pca' would start at PCA's error."
    else:
        message += "Codes of this kind have no PCA start."
    return [(message, PCAFloorWarning)]
