"""A fit, from top to bottom: one Recipe and a table become one Model and its Record.

Its first steps, up to the network and its net, are in ``prepare.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch

from ..exceptions import PosteriorCollapseWarning
from ..nn.codes import Complaint
from ..nn.linear_path import PCASolution
from ..nn.losses import Objective
from ..nn.nested import nest
from ..nn.recipe import Recipe
from ..training.batches import Rows
from ..training.history import loss_curves
from ..training.isolation import isolated
from ..training.net import AutoencoderNet, Outcome, TrainingPlan
from ..training.progress import announce
from .clean_rows import find_foreign_pairs
from .evidence import MIN_ROWS, HeldOut
from .fit_report import FitReport
from .model import Model
from .nested import SizeTable, evaluate_sizes, keep_first, say_floor_of_some
from .noise import learn_noise
from .planning import choose_width
from .prepare import (
    FitOptions,
    Matrix,
    Split,
    Start,
    Table,
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

# On so many training rows PCA of a part of the table is not yet that of the whole.
_MAX_FEW_ROWS = 5000

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
    table: Table,
    options: FitOptions,
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
    table : Table
        Rows, and what is known of them.
    options : FitOptions
        How to fit.
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
        return _fit(recipe, table, options, previous, history, report)


def _fit(
    recipe: Recipe,
    table: Table,
    options: FitOptions,
    previous: Model | None = None,
    history: Sequence[dict] = (),
    report: FitReport | None = None,
) -> tuple[Model, Record]:
    """Do what :func:`fit_model` does, with random numbers already seeded."""
    if previous is None:
        width = _find_width(recipe, table, options)
        scaling = learn_scaling(recipe, table.X, table.row_shape)
    else:
        width, scaling = previous.n_components, previous.scaling
    rows = split(table, scaling, options)
    if previous is None:
        new = rows.held_out.rows if rows.held_out.are_new else None
        seed = options.seed
        start = Start.find(recipe, scaling, rows.train, width, seed, new)
        untrained = _skip_training(start, table, rows, options, report)
        if untrained is not None:
            return untrained
        model, pca = start.network(options), start.baseline
    else:
        rows = rows.for_trained(previous)
        parts = recipe, scaling, rows.train, width, options, previous
        model, pca = build_or_continue(*parts)
    objective = model.recipe.build_objective(pca, model.n_components)
    objective = objective.to(options.device)
    reference = None
    if options.verbose:
        reference = _find_reference(model, pca, objective, rows.held_out.rows)
    plan = make_plan(objective, rows.train, options, reference)
    if recipe.pretraining is not None and previous is None:
        pretrain_layers(model, rows.train, plan, options)

    announce(_size_of(model, rows.train, options.purpose), options.verbose)
    net = make_net(model, objective, options, len(rows.train), history).initialize()
    if report is not None:
        report.begin(plan.n_epochs, model)
    settle = partial(learn_noise, model, net.criterion_, rows.train, rows.held_out)
    outcome = net.run(
        rows.train, rows.validation, plan, report, options.checkpoint, settle
    )
    return _conclude(model, net, net.criterion_, outcome, pca, table, rows, options)


def _size_of(model: Model, train: Rows, purpose: str) -> str:
    """Return how large a network is, and its table, before it is trained."""
    hidden = getattr(model.recipe.architecture, "hidden_layer_sizes", None)
    layers = "" if hidden is None else f", hidden layers {hidden}"
    rows = f"{len(train):,} rows of {train.n_features:,} features"
    return f"{purpose}: {model.n_parameters:,} parameters{layers}, for {rows}"


def _skip_training(
    start: Start,
    table: Table,
    rows: Split,
    options: FitOptions,
    report: FitReport | None,
) -> tuple[Model, Record] | None:
    """Return PCA in the place of a network that could show no gain over it."""
    has_floor = start.recipe.starts_at_pca and options.floor
    wants_new = options.early_stopping and table.X_val is None
    # Of so few rows there are none to hold out.
    lacks_rows = wants_new and len(rows.train) < MIN_ROWS
    if not has_floor or not (rows.held_out.are_new or lacks_rows):
        return None
    pca, plain = start.baseline, start.plain_pca(options)
    reason = find_no_prospect(plain, pca, rows.train, rows.held_out, table.names)
    if reason is None:
        return None
    start.recipe.check_networks(start.scaling, start.width)
    floor = plain.floor(pca)
    objective = floor.recipe.build_objective(pca, floor.n_components)
    objective = objective.to(options.device)
    if report is not None:
        report.begin(0, floor)
    net = make_net(floor, objective, options, len(rows.train))
    outcome = Outcome(best_epoch=0, interrupted=False)
    parts = floor, net, objective, outcome, pca, table, rows, options
    return _conclude(*parts, skipped=reason)


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
    table: Table,
    rows: Split,
    options: FitOptions,
    skipped: Complaint | None = None,
) -> tuple[Model, Record]:
    """Keep the better of network and PCA, and record what there is to say.

    If training was skipped, that is said instead of what came of it.
    """
    held_out, in_nats = rows.held_out, objective.in_nats
    evaluated = held_out.rows
    # PCA of the training rows is evaluated; PCA of all rows takes a network's place.
    pca_of_all = _fit_pca_of_all(model, table, rows) if skipped is None else None
    n_active = _count_active(model, evaluated)
    rivals, informed = Rivals.beside(model, pca, n_active), None
    if pca_of_all is not None:
        informed = Rivals.beside(model, pca_of_all, n_active).of_losses
    if skipped is not None:
        verdict = Verdict.without_training(rivals, objective, evaluated)
    else:
        verdict = Verdict.reach(model, rivals, objective, held_out, informed)
    network, has_floor = model, model.recipe.starts_at_pca and options.floor
    best_epoch, falls_back = outcome.best_epoch, has_floor and not verdict.is_gain
    sizes = None
    if model.recipe.bottleneck.is_nested:
        floors = rivals.of_losses, informed
        sizes = evaluate_sizes(network, *floors, pca, held_out, has_floor)
    if pca_of_all is None and (falls_back or (sizes and sizes.needs_pca)):
        pca_of_all = fit_pca_beside(model, model.rows(table.X))
    if falls_back and pca_of_all is not None:
        verdict = verdict.of_floor(model, pca, evaluated)
        model, best_epoch = model.floor(pca_of_all), 0
        net = make_net(model, objective, options, len(rows.train), net.history)
    # PCA of all rows of X has seen those of them that were held out.
    has_seen_all = falls_back and table.X_val is None
    model = model.with_unseen(None if has_seen_all else rows.mark)
    described = _describe(model, rows.train)
    if falls_back:
        seen = rows.train, evaluated, table.names
        complaints = [skipped or say_floor(model, verdict, in_nats, *seen)]
    else:
        complaints = _complain(model, described, rivals, verdict, held_out)
    numbers = described | verdict.numbers(in_nats) | _curves(net, best_epoch)
    numbers["pca_loss_"] = mean_pca_loss(rivals.of_losses, objective, evaluated)
    complaints = find_foreign_pairs(table.X) + rows.complaints + complaints
    record = Record(net, numbers, complaints, outcome.interrupted)
    if sizes is None:
        return model.with_pca(pca_of_all if falls_back else pca), record
    if falls_back and sizes.is_gain.any():
        record.complaints[-1] = say_floor_of_some(sizes)
        sizes = replace(sizes, network=network)
    if pca_of_all is not None and sizes.needs_pca:
        sizes = replace(sizes, pca=pca_of_all)
    return _conclude_nested(model, record, sizes, options), record


def _complain(
    model: Model,
    described: dict,
    rivals: Rivals,
    verdict: Verdict,
    held_out: HeldOut,
) -> list[Complaint]:
    """Return warnings of a network that is kept."""
    complaints = model.recipe.bottleneck.complain(described, model.recipe)
    if any(kind is PosteriorCollapseWarning for _, kind in complaints):
        return complaints
    return find_poor_network(model, rivals, verdict, held_out) + complaints


def _fit_pca_of_all(model: Model, table: Table, rows: Split) -> PCASolution | None:
    """Return PCA of all rows, if it may differ much from that of the training rows."""
    has_seen_more = rows.held_out.are_new and table.X_val is None
    if not has_seen_more or len(rows.train) > _MAX_FEW_ROWS:
        return None
    return fit_pca_beside(model, model.rows(table.X))


def _conclude_nested(
    model: Model, record: Record, sizes: SizeTable, options: FitOptions
) -> Model:
    """Record what smaller codes are worth, and leave out what a share does not need."""
    record.numbers["explained_variance_ratio_"] = sizes.shares
    if not isinstance(options.n_components, float):
        return model.with_pca(sizes.pca, sizes)
    size, net = sizes.count_components(options.n_components), record.net
    record.numbers |= sizes.numbers_at(size)
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
        seen = HeldOut(rows, are_new=False)
        verdict = Verdict.reach(model, rivals, objective, seen)
        verdict = replace(verdict, is_gain=verdict.loss < verdict.pca_loss)
        numbers = _describe(model, rows) | verdict.numbers(objective.in_nats)
        numbers |= _curves(trained, outcome.best_epoch)
        numbers["pca_loss_"] = mean_pca_loss(rivals.of_losses, objective, rows)
        model = model.with_pca(pca=pca)
        if model.recipe.bottleneck.is_nested:
            floor = rivals.of_losses
            sizes = evaluate_sizes(model, floor, None, pca, seen, has_floor=False)
            numbers["explained_variance_ratio_"] = sizes.shares
            model = model.with_pca(pca, sizes)
        complaints = find_foreign_pairs(X)
        return model, Record(trained, numbers, complaints, outcome.interrupted)


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
        if model.recipe.bottleneck.learns_beside_pca:
            model = model.with_pca(pca)
        return model, Record(net, _curves(net, 0))


def _find_width(recipe: Recipe, table: Table, options: FitOptions) -> int | float:
    """Return the width of the code, or the share of PCA's variance that decides it."""
    width = choose_width(recipe, options.n_components, *table.X.shape)
    if isinstance(width, int) or not recipe.can_be_nested:
        return width
    # The smallest code that keeps a share of held-out rows, by a nested fit. It needs
    # no such search itself, because nested codes cannot be nested again.
    nested = nest(replace(recipe, pretraining=None), True, options.floor)
    search = replace(options, callbacks=(), purpose="finding n_components")
    model, record = _fit(nested, table, search)
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
    return model.recipe.bottleneck.count_active_in(model.module, rows.clean().blocks())


@torch.inference_mode()
def _describe(model: Model, rows: Rows) -> dict[str, Any]:
    """Return learned attributes of the codes of training rows."""
    rows = rows.clean().sample(_MAX_DESCRIBED_ROWS, model.seed)
    model.module.eval()
    bottleneck = model.recipe.bottleneck
    return bottleneck.describe(model.module, rows.blocks(), model.n_components)


def _curves(net: AutoencoderNet, best_epoch: int) -> dict[str, Any]:
    history = net.history
    of_epochs = {"n_iter_": len(history), "best_iter_": best_epoch}
    return of_epochs | loss_curves(history)
