"""A fit, from top to bottom: one Recipe and a table become one Model and its Record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from ..exceptions import PosteriorCollapseWarning
from ..nn.bottleneck import Complaint
from ..nn.linear_path import PCABaseline
from ..nn.losses import Objective
from ..nn.nested import nest
from ..nn.recipe import Recipe
from ..training.batches import Rows
from ..training.layerwise import pretrain
from ..training.net import AutoencoderNet, Outcome, TrainingPlan
from ..training.seeding import isolated_rng
from .callbacks import FitReport
from .model import Model
from .nested import evaluate_sizes, keep_first
from .pca import fit_pca
from .planning import (
    MAX_VALIDATION_ROWS,
    choose_batch_size,
    choose_n_epochs,
    choose_width,
    count_validation_rows,
)
from .scaling import Scaling
from .verdict import (
    Baseline,
    Verdict,
    find_poor_network,
    pca_objective,
    say_floor,
)

__all__ = [
    "FitOptions",
    "Record",
    "fit_model",
    "fit_one_pass",
    "make_net",
    "start_model",
]

# Codes of at most so many training rows are described when a fit is done.
_MAX_DESCRIBED_ROWS = 50_000

Table: TypeAlias = np.ndarray | sp.csr_array


@dataclass(frozen=True)
class FitOptions:
    """How to fit: the parameters of an estimator that are no part of a recipe.

    Parameters
    ----------
    n_components, learning_rate, schedule, weight_decay, batch_size, max_iter, \
    early_stopping, validation_fraction, n_iter_no_change, tol, precision, callbacks, \
    verbose
        As for the estimators.
    seed : int
        Seed of everything random.
    device : torch.device
        Where to train.
    purpose : str
        What the progress bar is named after.
    """

    n_components: int | float | None
    learning_rate: float
    schedule: str
    weight_decay: float
    batch_size: int | str
    max_iter: int | None
    early_stopping: bool
    validation_fraction: float | str
    n_iter_no_change: int
    tol: float
    precision: str
    callbacks: Sequence
    verbose: int
    seed: int
    device: torch.device
    purpose: str = "training"


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
    X: Table,
    X_val: Table | None,
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
    with isolated_rng(options.seed, options.device):
        return _fit(recipe, X, X_val, options, row_shape, previous, history, report)


def _fit(
    recipe: Recipe,
    X: Table,
    X_val: Table | None,
    options: FitOptions,
    row_shape: tuple[int, ...],
    previous: Model | None = None,
    history: Sequence[dict] = (),
    report: FitReport | None = None,
) -> tuple[Model, Record]:
    if previous is None:
        width = _find_width(recipe, X, X_val, options, row_shape)
        scaling = _learn_scaling(recipe, X, row_shape)
    else:
        width, scaling = previous.n_components, previous.scaling
    train, validation = _split(X, X_val, scaling, options)
    evaluated = validation
    if evaluated is None:
        evaluated = train.sample(MAX_VALIDATION_ROWS, options.seed)

    model, pca = _start(recipe, scaling, train, width, options, previous)
    objective = model.recipe.build_objective(pca, model.n_components)
    objective = objective.to(options.device)
    n_active = model.recipe.bottleneck.count_active(model.n_components)
    reference = None
    if n_active is not None:
        rival = Baseline.beside(model, pca, n_active).of_losses
        reference = pca_objective(rival, objective, evaluated)
    plan = _plan(objective, train, options, reference)
    if recipe.pretraining is not None and previous is None:
        _pretrain(model, train, plan, options)

    net = make_net(model, objective, options, len(train), history).initialize()
    if report is not None:
        report.begin(plan.n_epochs, model)
    outcome = net.run(train, validation, plan, report)
    return _conclude(model, net, outcome, pca, X, train, evaluated, options)


def _conclude(
    model: Model,
    net: AutoencoderNet,
    outcome: Outcome,
    pca: PCABaseline,
    X: Table,
    train: Rows,
    evaluated: Rows,
    options: FitOptions,
) -> tuple[Model, Record]:
    """Keep the better of network and PCA, and record what there is to say."""
    objective, in_nats = net.criterion_, net.criterion_.in_nats
    baseline = Baseline.beside(model, pca, _count_active(model, evaluated))
    verdict = Verdict.reach(model, baseline, objective, evaluated)
    best_epoch = outcome.best_epoch
    complaints: list[Complaint] = []
    falls_back = not verdict.is_gain and model.recipe.starts_at_pca
    if falls_back:
        complaints.append(say_floor(model, verdict, in_nats))
        verdict = verdict.of_floor(model.floor(pca), evaluated)
        pca = _fit_pca(model, model.rows(X))
        model, best_epoch = model.floor(pca), 0
        net = make_net(model, objective, options, len(train), net.history)
    described = _describe(model, train)
    if not falls_back:
        causes = model.recipe.bottleneck.complain(described, model.recipe)
        if not any(kind is PosteriorCollapseWarning for _, kind in causes):
            complaints += find_poor_network(
                model, baseline, verdict, in_nats, evaluated
            )
        complaints += causes
    numbers = described | verdict.numbers(in_nats) | _curves(net, best_epoch)
    numbers["pca_loss_"] = pca_objective(baseline.of_losses, objective, evaluated)
    record = Record(net, numbers, complaints, outcome.interrupted)
    if model.recipe.bottleneck.is_nested:
        model = _conclude_nested(model, record, pca, evaluated, options)
    return model, record


def _conclude_nested(
    model: Model,
    record: Record,
    pca: PCABaseline,
    evaluated: Rows,
    options: FitOptions,
) -> Model:
    """Record what smaller codes are worth, and leave out what a share does not need."""
    sizes, share = evaluate_sizes(model, pca, evaluated), options.n_components
    record.numbers["explained_variance_ratio_"] = sizes.shares
    if not isinstance(share, float):
        return model.keep(pca, sizes)
    size, net = sizes.count_components(share), record.net
    record.numbers |= sizes.numbers_at(size)
    smaller = keep_first(model, sizes, size, nested=True)
    record.net = make_net(smaller, net.criterion_, options, net.batch_size, net.history)
    return smaller


# ----------------------------------------------------------------------- a single pass


def fit_one_pass(
    recipe: Recipe,
    X: Table,
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
    with isolated_rng((options.seed + len(history)) % 2**32, options.device):
        if previous is None:
            width = choose_width(recipe, options.n_components, *X.shape)
            scaling = _learn_scaling(recipe, X, row_shape)
        else:
            width, scaling = previous.n_components, previous.scaling
        rows = scaling.rows(X, options.device)
        known = None if previous is None else previous.pca
        model, pca = _start(recipe, scaling, rows, width, options, previous, known)
        objective = model.recipe.build_objective(pca, model.n_components)
        trained = make_net(model, objective, options, len(rows), history).initialize()
        if net is not None:
            trained.go_on_from(net)
        plan = TrainingPlan(n_epochs=1, one_cycle=False)
        outcome = trained.run(rows, None, plan)

        baseline = Baseline.beside(model, pca, _count_active(model, rows))
        verdict = Verdict.reach(model, baseline, objective, rows)
        verdict = replace(verdict, is_gain=verdict.loss < verdict.pca_loss)
        numbers = _describe(model, rows) | verdict.numbers(objective.in_nats)
        numbers |= _curves(trained, outcome.best_epoch)
        numbers["pca_loss_"] = pca_objective(baseline.of_losses, objective, rows)
        model = model.keep(pca=pca)
        if model.recipe.bottleneck.is_nested:
            sample = rows.sample(MAX_VALIDATION_ROWS, options.seed)
            sizes = evaluate_sizes(model, pca, sample)
            numbers["explained_variance_ratio_"] = sizes.shares
            model = model.keep(pca, sizes)
        return model, Record(trained, numbers, [], outcome.interrupted)


def start_model(
    recipe: Recipe, X: Table, options: FitOptions, row_shape: tuple[int, ...]
) -> tuple[Model, Record]:
    """Learn the scaling, and return the network at its start, without any training."""
    with isolated_rng(options.seed, options.device):
        width = choose_width(recipe, options.n_components, *X.shape)
        scaling = _learn_scaling(recipe, X, row_shape)
        rows = scaling.rows(X, options.device)
        model, pca = _start(recipe, scaling, rows, width, options)
        objective = model.recipe.build_objective(pca, model.n_components)
        net = make_net(model, objective, options, len(rows))
        return model, Record(net, _curves(net, 0))


# --------------------------------------------------------------------------- its steps


def _find_width(
    recipe: Recipe,
    X: Table,
    X_val: Table | None,
    options: FitOptions,
    row_shape: tuple[int, ...],
) -> int | float:
    """Return the width of the code, or the share of PCA's variance that decides it."""
    width = choose_width(recipe, options.n_components, *X.shape)
    can_nest = recipe.bottleneck.can_be_nested and recipe.can_start_at_pca
    if isinstance(width, int) or not can_nest:
        return width
    # The smallest code that keeps a share of held-out rows, by a nested fit.
    nested = nest(replace(recipe, pretraining=None), True)
    search = replace(options, callbacks=(), purpose="finding n_components")
    model, record = _fit(nested, X, X_val, search, row_shape)
    if record.interrupted:
        raise KeyboardInterrupt
    return model.n_components


def _learn_scaling(recipe: Recipe, X: Table, row_shape: tuple[int, ...]) -> Scaling:
    needs_extremes = recipe.corruption is not None
    return Scaling.learn(X, recipe.scaling_in_use, row_shape, extremes=needs_extremes)


def _split(
    X: Table, X_val: Table | None, scaling: Scaling, options: FitOptions
) -> tuple[Rows, Rows | None]:
    """Return training rows and validation rows."""
    device = options.device
    if X_val is not None:
        return scaling.rows(X, device), scaling.rows(X_val, device)
    n_validation = 0
    if options.early_stopping:
        n_validation = count_validation_rows(options.validation_fraction, X.shape[0])
    if n_validation == 0:
        return scaling.rows(X, device), None
    order = np.random.RandomState(options.seed).permutation(X.shape[0])
    train, validation = order[n_validation:], order[:n_validation]
    return scaling.rows(X, device, train), scaling.rows(X, device, validation)


def _start(
    recipe: Recipe,
    scaling: Scaling,
    rows: Rows,
    width: int | float,
    options: FitOptions,
    previous: Model | None = None,
    pca: PCABaseline | None = None,
) -> tuple[Model, PCABaseline]:
    """Return the model before training, and the PCA that it is compared with."""
    if previous is not None:
        model = previous.to_train_on(recipe, options.seed, options.device)
        return model, _fit_pca(model, rows) if pca is None else pca
    if isinstance(width, float):
        pca = fit_pca(rows, width, options.seed)
        width = len(pca.components)
        recipe = replace(recipe, bottleneck=recipe.bottleneck.settle(width))
    else:
        recipe = replace(recipe, bottleneck=recipe.bottleneck.settle(width))
        n_pca = recipe.bottleneck.count_pca_components(width)
        pca = fit_pca(rows, n_pca, options.seed)
    module = recipe.start(scaling, pca, width)
    model = Model(module, recipe, scaling, width, options.device, options.seed)
    return model, pca


def _fit_pca(model: Model, rows: Rows) -> PCABaseline:
    n_components = model.recipe.bottleneck.count_pca_components(model.n_components)
    return fit_pca(rows, n_components, model.seed)


def _plan(
    objective: Objective, train: Rows, options: FitOptions, reference: float | None
) -> TrainingPlan:
    batch_size = choose_batch_size(options.batch_size, len(train))
    return TrainingPlan(
        n_epochs=choose_n_epochs(options.max_iter, len(train), batch_size),
        patience=options.n_iter_no_change if options.early_stopping else None,
        tol=options.tol,
        one_cycle=options.schedule == "one_cycle",
        warm_up=objective.warm_up,
        purpose=options.purpose,
        reference=reference,
    )


def make_net(
    model: Model,
    objective: nn.Module,
    options: FitOptions,
    n_rows: int,
    history: Sequence[dict] = (),
    loss_name: str | None = None,
) -> AutoencoderNet:
    """Return the net around a model's module; ``initialize`` prepares it to train."""
    return _make_net(
        model,
        model.module,
        objective,
        options,
        n_rows,
        history=history,
        loss_name=loss_name,
    )


def _make_net(
    model: Model,
    module: nn.Module,
    objective: nn.Module,
    options: FitOptions,
    n_rows: int,
    history: Sequence[dict] = (),
    callbacks: Sequence | None = None,
    loss_name: str | None = None,
) -> AutoencoderNet:
    return AutoencoderNet(
        module,
        objective,
        lr=options.learning_rate,
        weight_decay=options.weight_decay,
        batch_size=choose_batch_size(options.batch_size, n_rows),
        precision=options.precision,
        seed=options.seed,
        callbacks=options.callbacks if callbacks is None else callbacks,
        device=options.device,
        verbose=options.verbose,
        betas=model.recipe.bottleneck.betas,
        history=history,
        loss_name=loss_name,
    )


def _pretrain(
    model: Model, rows: Rows, plan: TrainingPlan, options: FitOptions
) -> None:
    """Let each layer learn to encode the one below, before all learn together."""

    def make_pair_net(pair: nn.Module, objective: nn.Module) -> AutoencoderNet:
        net = _make_net(model, pair, objective, options, len(rows), callbacks=())
        return net.initialize()

    pretrain(
        model.module,
        rows,
        plan,
        make_pair_net,
        pretraining=str(model.recipe.pretraining),
        architecture=model.recipe.architecture,
        loss=getattr(model.recipe.output, "loss", "squared_error"),
        starts_at_pca=model.recipe.starts_at_pca,
    )


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
