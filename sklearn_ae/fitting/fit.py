"""A fit, from top to bottom: one Recipe and a table become one Model and its Record.

Its first steps, up to the network and its net, are in ``prepare.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from ..exceptions import PosteriorCollapseWarning
from ..nn.codes import Complaint
from ..nn.linear_path import PCASolution
from ..nn.losses import Objective
from ..nn.nested import nest
from ..nn.recipe import Recipe
from ..training.batches import Rows
from ..training.isolation import isolated
from ..training.net import AutoencoderNet, Outcome, TrainingPlan
from ..training.progress import announce
from .fit_report import FitReport
from .model import Model
from .nested import SizeTable, evaluate_sizes, keep_first
from .planning import MAX_VALIDATION_ROWS, choose_width
from .prepare import (
    FitOptions,
    Matrix,
    Start,
    build_or_continue,
    fit_pca_beside,
    learn_scaling,
    make_net,
    make_plan,
    pretrain_layers,
    split,
)
from .prospects import find_no_prospect
from .verdict import Rivals, Verdict, find_poor_network, mean_pca_loss, say_floor

__all__ = ["Record", "fit_model", "fit_one_pass", "fit_without_training"]

# Codes of at most so many training rows are described when a fit is done.
_MAX_DESCRIBED_ROWS = 50_000


@dataclass
class Record:
    """What a fit leaves behind beside the model.

    Parameters
    ----------
    net : AutoencoderNet
        The net that trained.
    numbers : dict
        Learned attributes of the estimator, by name.
    complaints : list of (str, type of Warning)
        Warnings to give.
    interrupted : bool
        Whether Ctrl-C ended training.
    """

    net: AutoencoderNet
    numbers: dict[str, Any]
    complaints: list[Complaint] = field(default_factory=list)
    interrupted: bool = False


# ------------------------------------------------------------------------------- a fit


def fit_model(
    recipe: Recipe,
    X: Matrix,
    X_val: Matrix | None,
    options: FitOptions,
    row_shape: tuple[int, ...],
    *,
    previous: Model | None = None,
    history: Sequence[dict] = (),
    report: FitReport | None = None,
) -> tuple[Model, Record]:
    """Train a network, and keep the better of it and PCA.

    Parameters
    ----------
    recipe : Recipe
        Settled for rows of X.
    X : ndarray or CSR of shape (n_samples, n_features)
        Rows.
    X_val : ndarray or CSR of shape (n_validation, n_features) or None
        Validation rows; None takes a share of X.
    options : FitOptions
        How to fit.
    row_shape : tuple of int
        Shape of a row as the user gave it.
    previous : Model, default=None
        A fitted model that goes on training.
    history : sequence of dict
        Epochs that it was trained for.
    report : FitReport, default=None
        Is told of each epoch.

    Returns
    -------
    model : Model
    record : Record
    """
    with isolated(options.seed):
        return _fit(recipe, X, X_val, options, row_shape, previous, history, report)


def _fit(
    recipe: Recipe,
    X: Matrix,
    X_val: Matrix | None,
    options: FitOptions,
    row_shape: tuple[int, ...],
    previous: Model | None = None,
    history: Sequence[dict] = (),
    report: FitReport | None = None,
) -> tuple[Model, Record]:
    """Do what :func:`fit_model` does, with random numbers already seeded."""
    if previous is None:
        width = _find_width(recipe, X, X_val, options, row_shape)
        scaling = learn_scaling(recipe, X, row_shape)
    else:
        width, scaling = previous.n_components, previous.scaling
    train, validation = split(X, X_val, scaling, options)
    evaluated = validation
    if evaluated is None:
        evaluated = train.sample(MAX_VALIDATION_ROWS, options.seed)

    if previous is None:
        start = Start.find(recipe, scaling, train, width, options.seed)
        untrained = _skip_training(start, X, train, validation, options, report)
        if untrained is not None:
            return untrained
        model, pca = start.network(options), start.baseline
    else:
        model, pca = build_or_continue(recipe, scaling, train, width, options, previous)
    objective = model.recipe.build_objective(pca, model.n_components)
    objective = objective.to(options.device)
    reference = _find_reference(model, pca, objective, evaluated)
    plan = make_plan(objective, train, options, reference)
    if recipe.pretraining is not None and previous is None:
        pretrain_layers(model, train, plan, options)

    announce(_size_of(model, train, options.purpose), options.verbose)
    net = make_net(model, objective, options, len(train), history).initialize()
    if report is not None:
        report.begin(plan.n_epochs, model)
    outcome = net.run(train, validation, plan, report)
    rows = X, train, evaluated
    return _conclude(model, net, net.criterion_, outcome, pca, *rows, options)


def _size_of(model: Model, train: Rows, purpose: str) -> str:
    """Return how large a network is, and its table, before it is trained."""
    hidden = getattr(model.recipe.architecture, "hidden_layer_sizes", None)
    layers = "" if hidden is None else f", hidden layers {tuple(hidden)}"
    rows = f"{len(train):,} rows of {train.n_features:,} features"
    return f"{purpose}: {model.n_parameters:,} parameters{layers}, for {rows}"


def _skip_training(
    start: Start,
    X: Matrix,
    train: Rows,
    validation: Rows | None,
    options: FitOptions,
    report: FitReport | None,
) -> tuple[Model, Record] | None:
    """Return PCA in the place of a network that could show no gain over it."""
    if not start.recipe.starts_at_pca or validation is None:
        return None
    floor, pca = start.floor(options), start.baseline
    objective = floor.recipe.build_objective(pca, floor.n_components)
    objective = objective.to(options.device)
    reason = find_no_prospect(floor, pca, objective, train, validation)
    if reason is None:
        return None
    if report is not None:
        report.begin(0, floor)
    net = make_net(floor, objective, options, len(train))
    outcome = Outcome(best_epoch=0, interrupted=False)
    rows = X, train, validation
    return _conclude(floor, net, objective, outcome, pca, *rows, options, reason)


def _find_reference(
    model: Model, pca: PCASolution, objective: Objective, evaluated: Rows
) -> float | None:
    """Return PCA's loss for the progress bar; None if only fitted codes tell."""
    n_active = model.recipe.bottleneck.count_active(model.n_components)
    if n_active is None:
        return None
    rivals = Rivals.beside(model, pca, n_active)
    return mean_pca_loss(rivals.of_losses, objective, evaluated)


def _conclude(
    model: Model,
    net: AutoencoderNet,
    objective: Objective,
    outcome: Outcome,
    pca: PCASolution,
    X: Matrix,
    train: Rows,
    evaluated: Rows,
    options: FitOptions,
    skipped: Complaint | None = None,
) -> tuple[Model, Record]:
    """Keep the better of network and PCA, and record what there is to say.

    If training was skipped, that is said instead of what came of it.
    """
    in_nats = objective.in_nats
    rivals = Rivals.beside(model, pca, _count_active(model, evaluated))
    if skipped is None:
        verdict = Verdict.reach(model, rivals, objective, evaluated)
    else:
        verdict = Verdict.without_training(rivals, objective, evaluated)
    # PCA of the training rows is evaluated; PCA of all rows takes a network's place.
    kept, pca_of_all, best_epoch = model, pca, outcome.best_epoch
    falls_back = not verdict.is_gain and model.recipe.starts_at_pca
    if falls_back:
        complaints = [skipped or say_floor(model, verdict, in_nats)]
        model = model.floor(pca)
        verdict = verdict.of_floor(model, evaluated)
        pca_of_all = fit_pca_beside(model, model.rows(X))
        kept, best_epoch = model.floor(pca_of_all), 0
        net = make_net(kept, objective, options, len(train), net.history)
    described = _describe(kept, train)
    if not falls_back:
        complaints = kept.recipe.bottleneck.complain(described, kept.recipe)
        if not any(kind is PosteriorCollapseWarning for _, kind in complaints):
            poor = find_poor_network(model, rivals, verdict, in_nats, evaluated)
            complaints = poor + complaints
    numbers = described | verdict.numbers(in_nats) | _curves(net, best_epoch)
    numbers["pca_loss_"] = mean_pca_loss(rivals.of_losses, objective, evaluated)
    record = Record(net, numbers, complaints, outcome.interrupted)
    if not model.recipe.bottleneck.is_nested:
        return kept.with_pca(pca_of_all), record
    sizes = evaluate_sizes(model, pca, evaluated)
    if model.recipe.starts_at_pca and not sizes.is_gain.all():
        if not falls_back:
            pca_of_all = fit_pca_beside(model, model.rows(X))
        sizes = replace(sizes, pca=pca_of_all)
    return _conclude_nested(kept, record, sizes, options), record


def _conclude_nested(
    model: Model, record: Record, sizes: SizeTable, options: FitOptions
) -> Model:
    """Record what smaller codes are worth, and leave out what a share does not need."""
    record.numbers["explained_variance_ratio_"] = sizes.shares
    if not isinstance(options.n_components, float):
        return model.with_pca(sizes.pca, sizes)
    size, net = sizes.count_components(options.n_components), record.net
    record.numbers |= sizes.numbers_at(size, model.recipe.starts_at_pca)
    smaller = keep_first(model, sizes, size, nested=True)
    record.net = make_net(smaller, net.criterion_, options, net.batch_size, net.history)
    return smaller


# ----------------------------------------------------------------------- a single pass


def fit_one_pass(
    recipe: Recipe,
    X: Matrix,
    options: FitOptions,
    row_shape: tuple[int, ...],
    *,
    previous: Model | None = None,
    net: AutoencoderNet | None = None,
) -> tuple[Model, Record]:
    """Take one pass over rows at a constant learning rate, without validation rows.

    Parameters
    ----------
    recipe, X, options, row_shape
        As for :func:`fit_model`.
    previous : Model, default=None
        What is trained further, left as it is; None starts.
    net : AutoencoderNet, default=None
        What trained it, whose optimizer goes on.
    """
    history = () if net is None else net.history
    # Each pass has random numbers of its own, the same in each program.
    with isolated((options.seed + len(history)) % 2**32):
        if previous is None:
            width = choose_width(recipe, options.n_components, *X.shape)
            scaling = learn_scaling(recipe, X, row_shape)
        else:
            width, scaling = previous.n_components, previous.scaling
        rows = scaling.rows(X, options.device)
        known = None if previous is None else previous.known_pca()
        model, pca = build_or_continue(
            recipe, scaling, rows, width, options, previous, known
        )
        objective = model.recipe.build_objective(pca, model.n_components)
        trained = make_net(model, objective, options, len(rows), history).initialize()
        if net is not None:
            trained.go_on_from(net)
        plan = TrainingPlan(n_epochs=1, one_cycle=False)
        outcome = trained.run(rows, None, plan)

        rivals = Rivals.beside(model, pca, _count_active(model, rows))
        verdict = Verdict.reach(model, rivals, objective, rows)
        verdict = replace(verdict, is_gain=verdict.loss < verdict.pca_loss)
        numbers = _describe(model, rows) | verdict.numbers(objective.in_nats)
        numbers |= _curves(trained, outcome.best_epoch)
        numbers["pca_loss_"] = mean_pca_loss(rivals.of_losses, objective, rows)
        model = model.with_pca(pca=pca)
        if model.recipe.bottleneck.is_nested:
            sample = rows.sample(MAX_VALIDATION_ROWS, options.seed)
            sizes = evaluate_sizes(model, pca, sample)
            numbers["explained_variance_ratio_"] = sizes.shares
            model = model.with_pca(pca, sizes)
        return model, Record(trained, numbers, [], outcome.interrupted)


def fit_without_training(
    recipe: Recipe, X: Matrix, options: FitOptions, row_shape: tuple[int, ...]
) -> tuple[Model, Record]:
    """Learn the scaling, and return the network at its start, without any training."""
    with isolated(options.seed):
        width = choose_width(recipe, options.n_components, *X.shape)
        scaling = learn_scaling(recipe, X, row_shape)
        rows = scaling.rows(X, options.device)
        model, pca = build_or_continue(recipe, scaling, rows, width, options)
        objective = model.recipe.build_objective(pca, model.n_components)
        net = make_net(model, objective, options, len(rows))
        return model, Record(net, _curves(net, 0))


def _find_width(
    recipe: Recipe,
    X: Matrix,
    X_val: Matrix | None,
    options: FitOptions,
    row_shape: tuple[int, ...],
) -> int | float:
    """Return the width of the code, or the share of PCA's variance that decides it."""
    width = choose_width(recipe, options.n_components, *X.shape)
    can_nest = recipe.bottleneck.can_be_nested and recipe.can_start_at_pca
    if isinstance(width, int) or not can_nest:
        return width
    # The smallest code that keeps a share of held-out rows, by a nested fit. It needs
    # no such search itself, because nested codes cannot be nested again.
    nested = nest(replace(recipe, pretraining=None), True)
    search = replace(options, callbacks=(), purpose="finding n_components")
    model, record = _fit(nested, X, X_val, search, row_shape)
    if record.interrupted:
        raise KeyboardInterrupt
    return model.n_components


# ------------------------------------------------------------------ what it has come to


@torch.inference_mode()
def _count_active(model: Model, rows: Rows) -> int:
    """Return how many components PCA is to have beside a model."""
    model.module.eval()
    n_active = model.recipe.bottleneck.count_active(model.n_components)
    if n_active is not None:
        return n_active
    return model.recipe.bottleneck.count_active_in(model.module, rows.blocks())


@torch.inference_mode()
def _describe(model: Model, rows: Rows) -> dict[str, Any]:
    """Return learned attributes of the codes of training rows."""
    rows = rows.sample(_MAX_DESCRIBED_ROWS, model.seed)
    model.module.eval()
    bottleneck = model.recipe.bottleneck
    return bottleneck.describe(model.module, rows.blocks(), model.n_components)


def _curves(net: AutoencoderNet, best_epoch: int) -> dict[str, Any]:
    history = net.history
    return {
        "n_iter_": len(history),
        "best_iter_": best_epoch,
        "loss_curve_": [row["train_loss"] for row in history],
        "validation_loss_curve_": [row.get("valid_loss", np.nan) for row in history],
    }
