"""A variance for each feature, once a network is trained with one for all."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from ..nn.likelihoods import ProportionalGaussian, least_noise_variances
from ..nn.losses import Objective
from ..nn.randomness import redirected_draws
from ..training.batches import Rows
from ..training.inference import blockwise
from ..training.isolation import isolated
from .evidence import HeldOut
from .factors import MAX_FEATURES
from .model import Model
from .verdict import evaluate

__all__ = ["learn_noise"]

# Variances are means over at most so many training rows.
_MAX_ROWS = 50_000


def learn_noise(
    model: Model, objective: Objective, train: Rows, held_out: HeldOut
) -> None:
    """Give a network the variances that its residuals have, if that is likelier.

    It is the step of the EM algorithm that maximises the bound over the variances.
    Codes and reconstructions stay. Held-out rows decide, because a network leaves less
    of the rows that it was trained on than of others.

    Parameters
    ----------
    model : Model
        The trained network, of which the likelihood is changed in place.
    objective : Objective
        What training minimised.
    train : Rows
        Training rows.
    held_out : HeldOut
        Rows to decide on; nothing is done if they are not new.
    """
    output: Any = model.module.output
    is_open = isinstance(output, ProportionalGaussian)
    if not is_open or not held_out.are_new or model.n_features > MAX_FEATURES:
        return
    before = copy.deepcopy(output.state_dict())
    losses = evaluate(model, objective, held_out.rows)
    output.load_noise(_find_variances(model, train.sample(_MAX_ROWS, model.seed)))
    gains = losses - evaluate(model, objective, held_out.rows)
    if not held_out.means(gains).mean() > 0:
        output.load_state_dict(before)


def _find_variances(model: Model, rows: Rows) -> np.ndarray:
    """Return the mean squared residual of each scaled feature under the posterior."""
    module: Any = model.module
    total = np.zeros(model.n_features)
    with isolated(model.seed), redirected_draws():
        blocks = blockwise(module, lambda X: _square_residuals(module, X), rows)
        for block in blocks:
            total += block.double().sum(0).cpu().numpy()
    scaling = model.scaling
    least = least_noise_variances(np.square(scaling.feature_deviations / scaling.scale))
    return np.maximum(total / len(rows), least)


def _square_residuals(module: Any, X: torch.Tensor) -> torch.Tensor:
    raw, *_ = module.draw(X, 1)
    return (raw - X).square()
