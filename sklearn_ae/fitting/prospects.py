"""Whether training could show any gain over PCA; if not, it is not worth its time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
import torch
from scipy.linalg import cholesky, solve_triangular

from ..exceptions import PCAFloorWarning
from ..nn.architectures import DenseArchitecture
from ..nn.codes import Complaint
from ..nn.linear_path import PCASolution
from ..nn.recipe import Recipe
from ..training.batches import Rows
from .evidence import (
    EXACT,
    MAX_SHARE_OF_ONE_ROW,
    MIN_ROWS,
    HeldOut,
    min_gain,
    share_of_one_row,
)
from .model import Model
from .verdict import name_column

__all__ = ["distances_from_span", "find_no_prospect"]

# A column is lost where this share of its own variance is; what float64 rounds of large
# values is none. So many rows tell.
_MIN_SHARE_LOST, _ROUNDING, _MAX_ROWS = 0.01, 1e-12, 500

# What a network gains at most of the way from PCA to the span of training rows, which
# it would have to know whole. On 60 to 300 images of 784 pixels networks gained up to a
# seventh of it.
_MAX_SHARE_REACHED = 0.5

# Share of the mean variance that is added to products of rows, to divide by them.
_JITTER = 1e-5

# Multiplications that finding the span of training rows may take.
_MAX_WORK = 1e11


def find_no_prospect(
    floor: Model,
    pca: PCASolution,
    train: Rows,
    held_out: HeldOut,
    names: Sequence = (),
) -> Complaint | None:
    """Return the warning that training is skipped, or None if it may be worth it.

    Parameters
    ----------
    floor : Model
        PCA in the place of the network, of which only errors are looked at.
    pca : PCASolution
        The same in numbers.
    train : Rows
        Training rows.
    held_out : HeldOut
        Rows that were held out.
    names : sequence of str, default=()
        Names of columns.
    """
    reason = _find_reason(floor, pca, train, held_out, names)
    if reason is None:
        return None
    why, remedy = reason
    baseline = floor.recipe.baseline_name
    message = (
        f"Training was skipped, because {why}. The fitted model is {baseline} of all "
        f"rows; beats_pca_ is False. {remedy}"
    )
    return message, PCAFloorWarning


def _find_reason(
    floor: Model,
    pca: PCASolution,
    train: Rows,
    held_out: HeldOut,
    names: Sequence,
) -> tuple[str, str] | None:
    """Return why no gain can be shown, and what would change that."""
    recipe, name = floor.recipe, floor.recipe.baseline_name
    if held_out.n_units < MIN_ROWS:
        fewer = f"fewer than {MIN_ROWS} held-out {held_out.units}"
        return f"no gain over {name} can be shown on {fewer}", held_out.advice
    reason = _find_linear_reason(floor, pca, train, held_out, names)
    if reason is not None or not _takes_squares(recipe):
        return reason
    if share_of_one_row(floor.squared_distances_of(train)) > MAX_SHARE_OF_ONE_ROW:
        why = (
            f"one row has more than {MAX_SHARE_OF_ONE_ROW:.0%} of the variance, and "
            "what a network does to new rows like it cannot be told from others"
        )
        remedy = "Check that row, or put QuantileTransformer before."
        return why, f"{remedy} floor=False trains all the same."
    return None


def _find_linear_reason(
    floor: Model, pca: PCASolution, train: Rows, held_out: HeldOut, names: Sequence
) -> tuple[str, str] | None:
    """Return why there is nothing to gain where errors are compared with PCA's."""
    recipe, validation, name = floor.recipe, held_out.rows, floor.recipe.baseline_name
    n_active = recipe.bottleneck.least_active(floor.n_components)
    loss = getattr(recipe.output, "loss", None)
    if n_active is None or loss not in ("squared_error", "absolute_error"):
        return None
    errors, total = _squared_errors(floor, pca, n_active, validation)
    if errors.mean() <= EXACT * total:
        return _say_exact(floor, pca, n_active, validation, names)
    is_dense = type(recipe.architecture) is DenseArchitecture
    if loss == "squared_error" and is_dense:
        out_of_reach = distances_from_span(train.clean(), validation.clean())
        most = 1 - np.minimum(out_of_reach, errors).mean() / errors.mean()
        if _MAX_SHARE_REACHED * most <= min_gain(held_out.n_units):
            why = (
                "the training rows say too little of others: sums of them come hardly "
                f"nearer to validation rows than {name} does, and on so few rows that "
                "may be chance"
            )
            return why, "Give more rows, or choose columns first."
    return None


def _say_exact(
    floor: Model, pca: PCASolution, n_active: int, rows: Rows, names: Sequence
) -> tuple[str, str]:
    """Return that PCA is exact, or which column it loses, which no mean shows."""
    rival = floor.plain_pca(pca, n_active)

    def squares(block: torch.Tensor) -> torch.Tensor:
        output = rival.corrupt_and_reconstruct(block)
        clean = block[:, : output.shape[1]]
        return torch.cat([output - clean, clean - clean.new_tensor(pca.mean)], 1)

    sample = rows.sample(_MAX_ROWS, floor.seed)
    found = rival.rowwise(squares, sample, seed=floor.seed).astype(float)
    left, spread = np.hsplit(np.square(found).mean(axis=0), 2)
    rounded = np.square(_ROUNDING * floor.scaling.shift / floor.scaling.scale)
    shares = np.divide(left, spread, out=np.zeros_like(left), where=spread > rounded)
    lost = int(shares.argmax())
    name = f"{floor.recipe.baseline_name} with {n_active} components"
    if shares[lost] < _MIN_SHARE_LOST:
        return f"{name} is exact already", "Choose a smaller n_components."
    return (
        f"{name} leaves next to nothing of the variance, though it loses column "
        f"{name_column(lost, names)}, which has less than {EXACT:.0e} of it",
        "Put StandardScaler before, or set scaling='per_feature'.",
    )


def _takes_squares(recipe: Recipe) -> bool:
    """Return whether losses are squares, so that a few far rows can be most of them."""
    is_squared = getattr(recipe.output, "loss", None) == "squared_error"
    return is_squared or getattr(recipe.output, "likelihood", None) == "gaussian"


def _squared_errors(
    floor: Model, pca: PCASolution, n_active: int, rows: Rows
) -> tuple[np.ndarray, float]:
    """Return PCA's error of each scaled row, and their mean distance from the mean."""
    rival, mean = floor.plain_pca(pca, n_active), torch.as_tensor(pca.mean)

    def squares(block: torch.Tensor) -> torch.Tensor:
        output = rival.corrupt_and_reconstruct(block)
        clean = block[:, : output.shape[1]]
        left, spread = output - clean, clean - mean.to(block)
        return torch.stack([left.square().sum(1), spread.square().sum(1)], 1)

    errors, spreads = rival.rowwise(squares, rows, seed=floor.seed).astype(float).T
    return errors, float(spreads.mean())


def distances_from_span(train: Rows, others: Rows) -> np.ndarray:
    """Return the squared distance of each row from all weighted sums of training rows.

    Weights sum to 1. The output of a dense network lies among these sums, up to what
    the optimizer's steps add: PCA's components do, and so do the gradients of the last
    layer. What lies at right angles to them cannot be learned from these rows.

    Parameters
    ----------
    train, others : Rows
        Scaled rows.

    Returns
    -------
    distances : ndarray of shape (n_others,)
        0 where training rows are at least as many as features, or too many to tell in
        a reasonable time.
    """
    n_train, n_features = len(train), train.n_features
    if n_train > n_features or n_train**2 * n_features > _MAX_WORK:
        return np.zeros(len(others))
    rows = [_scaled(part) for part in (train, others)]
    stack = sp.vstack if sp.issparse(train.X) else np.vstack
    both = stack(rows)
    products = both @ both.T
    products = products.toarray() if sp.issparse(products) else products
    means = products[:, :n_train].mean(axis=1)
    centred = products - means - means[:, None] + means[:n_train].mean()
    lengths = centred.diagonal()[n_train:]
    centred = centred[:n_train].astype(np.float32)
    among, between = centred[:, :n_train].copy(), centred[:, n_train:]
    # The sum of all centred rows is 0, so that a little has to be added.
    among.flat[:: n_train + 1] += _JITTER * among.trace() / n_train
    lower = cholesky(among, lower=True, check_finite=False)
    scores = solve_triangular(lower, between, lower=True, check_finite=False)
    return (lengths - np.square(scores).sum(axis=0)).clip(min=0)


def _scaled(rows: Rows) -> np.ndarray | sp.csr_array:
    """Return scaled rows as one table; those of a sparse one are not centred."""
    if not sp.issparse(rows.X):
        return rows.to_numpy(np.float64)
    return sp.csr_array(
        rows.X[rows.index.numpy()] @ sp.diags_array(rows.factor.numpy())
    )
