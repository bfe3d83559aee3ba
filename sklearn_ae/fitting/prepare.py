"""The steps of a fit before training: scaling, split, model, plan and net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from ..exceptions import DependentRowsWarning
from ..nn.autoencoder import Autoencoder
from ..nn.codes import Complaint
from ..nn.linear_path import FactorSolution, PCASolution
from ..nn.losses import Objective
from ..nn.recipe import Recipe
from ..training.batches import PairedTable, Rows, clean_part
from ..training.checkpointing import Checkpoint
from ..training.layerwise import pretrain
from ..training.net import AutoencoderNet, TrainingPlan
from .counts import add_logs, learn_counts
from .denoiser import fit_linear_denoiser
from .dependence import Matrix, find_known_rows, label_equal_rows, mark_rows
from .evidence import MIN_ROWS, HeldOut
from .factors import choose_normal_model, fit_factors, fit_learnable_factors
from .holdout import hold_out
from .model import Model
from .pca import fit_pca
from .planning import MAX_VALIDATION_ROWS, choose_batch_size, choose_n_epochs
from .robust import draw_in_rows
from .scaling import Scaling
from .validation_rows import find_foreign_rows

__all__ = [
    "FitOptions",
    "Matrix",
    "Split",
    "Start",
    "Table",
    "build_or_continue",
    "fit_pca_beside",
    "learn_scaling",
    "make_net",
    "make_plan",
    "pretrain_layers",
    "split",
]


@dataclass(frozen=True)
class FitOptions:
    """How to fit: the parameters of an estimator that are no part of a recipe.

    Parameters
    ----------
    n_components, learning_rate, schedule, weight_decay, batch_size, max_iter, \
    early_stopping, floor, validation, validation_fraction, n_iter_no_change, tol, \
    precision, callbacks, verbose
        As for the estimators.
    seed : int
        Seed of everything random.
    device : torch.device
        Where to train.
    purpose : str
        What the progress bar is named after.
    checkpoint : Checkpoint or None
        Where the fit goes on from, and is kept.
    """

    n_components: int | float | None
    learning_rate: float
    schedule: str
    weight_decay: float
    batch_size: int | str
    max_iter: int | None
    early_stopping: bool
    floor: bool
    validation: Any
    validation_fraction: float | str
    n_iter_no_change: int
    tol: float
    precision: str
    callbacks: Sequence
    verbose: int
    seed: int
    device: torch.device
    purpose: str = "training"
    checkpoint: Checkpoint | None = None


def learn_scaling(recipe: Recipe, X: Matrix, row_shape: tuple[int, ...]) -> Scaling:
    """Return how the rows of a table are scaled for a recipe."""
    values, scaling = clean_part(X), recipe.scaling_in_use
    counts = None
    if recipe.output.of_counts:
        has_sizes = recipe.bottleneck.has_sizes
        counts = learn_counts(values, scaling, has_sizes)
    return Scaling.learn(
        values,
        scaling,
        row_shape,
        extremes=recipe.corruption is not None or recipe.draws_in,
        robust=recipe.output.is_robust,
        counts=counts,
        centres_far=recipe.can_be_centred,
    )


@dataclass(frozen=True, eq=False)
class Table:
    """What a fit is given.

    Parameters
    ----------
    X : ndarray, CSR or PairedTable of shape (n_samples, n_features)
        Rows.
    row_shape : tuple of int
        Shape of a row as the user gave it.
    X_val : ndarray, CSR or PairedTable of shape (n_validation, n_features) or None
        Validation rows; None takes a share of X.
    groups : ndarray of shape (n_samples,), default=None
        Groups of rows that depend on one another.
    y : array-like of shape (n_samples,), default=None
        For splitters that look at it.
    names : sequence of str, default=()
        Names of columns, for warnings.
    """

    X: Matrix
    row_shape: tuple[int, ...]
    X_val: Matrix | None = None
    groups: np.ndarray | None = None
    y: Any = None
    names: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of a table in their roles.

    Parameters
    ----------
    train : Rows
        To train on.
    validation : Rows or None
        To choose the best epoch on.
    held_out : HeldOut
        To evaluate the network on: new rows, if there are any.
    complaints : list of (str, type of Warning)
        What was found that nobody declared.
    mark : int or None
        Mark of the new rows, see :func:`~.dependence.mark_rows`; None if there are
        none.
    """

    train: Rows
    validation: Rows | None
    held_out: HeldOut
    complaints: list[Complaint]
    mark: int | None = None

    def for_trained(self, model: Model) -> Split:
        """Return the split for a model that goes on training.

        Rows are new to it only if they were held out from all of its training.
        """
        if self.mark is not None and self.mark == model.unseen:
            return self
        held_out = replace(self.held_out, are_new=False, advice=_TRAINED)
        return replace(self, held_out=held_out, mark=None)


def split(table: Table, scaling: Scaling, options: FitOptions) -> Split:
    """Give the rows of a table their roles."""
    X, device = clean_part(table.X), options.device
    complaints: list[Complaint]

    def rows(index: np.ndarray | None = None, of: Any = table.X) -> Rows:
        return scaling.rows(of, device, index)

    if table.X_val is not None:
        train, validation = rows(), rows(of=table.X_val)
        is_paired = isinstance(table.X_val, PairedTable)
        name = "X_clean_val" if is_paired else "X_val"
        foreign = find_foreign_rows(X, clean_part(table.X_val), name)
        complaints = [] if foreign is None else [foreign]
        values = clean_part(table.X_val)
        is_new = ~find_known_rows(values, X)
        if min(MIN_ROWS, len(is_new)) <= is_new.sum():
            at = np.flatnonzero(is_new)
            new = validation if is_new.all() else validation.at(at)
            equal = label_equal_rows(values[at])
            units = "rows" if equal is None else "different rows"
            advice = f"Give more {units} in X_val."
            held_out = HeldOut(new, equal, units=units, advice=advice)
            return Split(train, validation, held_out, complaints, mark_rows(values[at]))
        known = HeldOut(validation, are_new=False, advice=_KNOWN)
        return Split(train, validation, known, complaints)
    if options.early_stopping:
        chosen = hold_out(
            X,
            table.y,
            options.validation,
            options.validation_fraction,
            table.groups,
            options.seed,
        )
        if len(chosen.validation):
            train, validation = rows(chosen.train), rows(chosen.validation)
            held_out = HeldOut(
                validation,
                chosen.groups,
                chosen.at_end,
                units=chosen.units,
                advice=chosen.advice,
            )
            complaints = []
            if chosen.warning is not None:
                complaints.append((chosen.warning, DependentRowsWarning))
            mark = mark_rows(X[chosen.validation])
            return Split(train, validation, held_out, complaints, mark)
    train = rows()
    sample = train.sample(MAX_VALIDATION_ROWS, options.seed)
    seen = HeldOut(sample, are_new=False)
    if options.early_stopping:
        seen = replace(seen, advice=chosen.advice)
    return Split(train, None, seen, [])


# What makes rows new, for each reason that they are not.
_TRAINED = (
    "Rows that it was trained on before are held out now; pass the same X, or X_val "
    "of new rows."
)
_KNOWN = f"X_val has fewer than {MIN_ROWS} rows that are not in X; pass more of them."


@dataclass(frozen=True, eq=False)
class Start:
    """What is there before any network: a settled recipe, and PCA.

    Parameters
    ----------
    recipe : Recipe
        Settled for the width.
    scaling : Scaling
        Of the rows.
    width : int
        Width of the code.
    pca : PCASolution
        Where networks start.
    baseline : PCASolution
        What they are compared with: the same, the best linear denoiser, factor
        analysis with smaller variances, or PCA with far values as they are.
    """

    recipe: Recipe
    scaling: Scaling
    width: int
    pca: PCASolution
    baseline: PCASolution

    @classmethod
    def find(
        cls,
        recipe: Recipe,
        scaling: Scaling,
        rows: Rows,
        width: int | float,
        seed: int,
        held_out: Rows | None = None,
    ) -> Start:
        """Fit PCA to rows; a float for the width is the share of variance to keep.

        Held-out rows choose between probabilistic PCA and factor analysis where that is
        open.
        """
        n_pca: int | float = width
        if isinstance(width, int):
            recipe = replace(recipe, bottleneck=recipe.bottleneck.settle(width))
            n_pca = recipe.bottleneck.count_pca_components(width)
        pca = fit_pca(rows, n_pca, seed)
        if not isinstance(width, int):
            width = len(pca.components)
            recipe = replace(recipe, bottleneck=recipe.bottleneck.settle(width))
        if scaling.counts is not None:
            pca = add_logs(pca, scaling.counts, rows, width, seed)
        best = pca
        if recipe.starts_at_pca and recipe.output.can_have_factors:
            if recipe.has_factors:
                best = fit_factors(pca, rows)
            else:
                best = choose_normal_model(pca, rows, held_out, seed)
        if recipe.output.learns_ratios and isinstance(best, FactorSolution):
            pca = fit_learnable_factors(pca, rows)
        elif recipe.output.is_robust:
            pca = fit_pca(draw_in_rows(rows, scaling), len(pca.components), seed)
        recipe = recipe.with_factors(isinstance(best, FactorSolution))
        baseline = _fit_baseline(recipe, scaling, rows, width, seed, best)
        return cls(recipe, scaling, width, pca, baseline)

    def network(self, options: FitOptions) -> Model:
        """Return the network before training."""
        module = self.recipe.build_start(self.scaling, self.pca, self.width)
        return self._model(module, options)

    def plain_pca(self, options: FitOptions) -> Model:
        """Return PCA as a plain linear model, to look at its errors."""
        module = self.recipe.plain_pca(self.scaling, self.baseline, self.width)
        return self._model(module, options, is_pca=True)

    def _model(
        self, module: Autoencoder, options: FitOptions, is_pca: bool = False
    ) -> Model:
        parts = self.recipe, self.scaling, self.width, options.device, options.seed
        return Model(module, *parts, is_pca)


def build_or_continue(
    recipe: Recipe,
    scaling: Scaling,
    rows: Rows,
    width: int | float,
    options: FitOptions,
    previous: Model | None = None,
    pca: PCASolution | None = None,
) -> tuple[Model, PCASolution]:
    """Return the model before training, and the PCA that it is compared with.

    Parameters
    ----------
    recipe, scaling, options
        What to build, and how.
    rows : Rows
        Training rows.
    width : int or float
        Width of the code, or the share of PCA's variance that decides it.
    previous : Model, default=None
        A fitted model that goes on; None builds a new one.
    pca : PCASolution, default=None
        The PCA that `previous` is compared with; None fits it to the rows.
    """
    if previous is not None:
        model = previous.to_train_on(recipe, options.seed, options.device)
        pca = fit_pca_beside(model, rows) if pca is None else pca
        bottleneck = model.recipe.bottleneck
        bottleneck.leave_to_pca(model.module, pca, model.n_components)
        return model, pca
    start = Start.find(recipe, scaling, rows, width, options.seed)
    return start.network(options), start.baseline


def fit_pca_beside(model: Model, rows: Rows) -> PCASolution:
    """Return what a model is compared with: PCA, or the best linear denoiser.

    It has as many components as the comparison asks for.
    """
    return _fit_baseline(
        model.recipe, model.scaling, rows, model.n_components, model.seed
    )


def _fit_baseline(
    recipe: Recipe,
    scaling: Scaling,
    rows: Rows,
    width: int,
    seed: int,
    pca: PCASolution | None = None,
) -> PCASolution:
    n_components = recipe.bottleneck.count_pca_components(width)
    if recipe.denoises and recipe.corruption is not None:
        corruption = recipe.corruption.build(scaling).to(rows.device)
        return fit_linear_denoiser(corruption, rows, n_components, seed)
    if pca is not None:
        return pca
    pca = fit_pca(rows, n_components, seed)
    if scaling.counts is not None:
        return add_logs(pca, scaling.counts, rows, n_components, seed)
    return fit_factors(pca, rows) if recipe.has_factors else pca


def make_plan(
    objective: Objective, train: Rows, options: FitOptions, reference: float | None
) -> TrainingPlan:
    """Return how long to train; ``reference`` is PCA's loss, for the progress bar."""
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
    *,
    module: nn.Module | None = None,
    loss_name: str | None = None,
) -> AutoencoderNet:
    """Return the net around a model's module; ``initialize`` prepares it to train.

    Parameters
    ----------
    model : Model
        What is trained.
    objective : torch.nn.Module
        What training minimises.
    options : FitOptions
        How to train.
    n_rows : int
        Rows of an epoch.
    history : sequence of dict
        Epochs that came before.
    module : torch.nn.Module, default=None
        Trained in the place of the model's module.
    loss_name : str, default=None
        What the losses of the history are, if not those of the objective.
    """
    return AutoencoderNet(
        model.module if module is None else module,
        objective,
        lr=options.learning_rate,
        weight_decay=options.weight_decay,
        batch_size=choose_batch_size(options.batch_size, n_rows),
        precision=options.precision,
        seed=options.seed,
        callbacks=options.callbacks,
        device=options.device,
        verbose=options.verbose,
        betas=model.recipe.bottleneck.betas,
        history=history,
        loss_name=loss_name,
    )


def pretrain_layers(
    model: Model, rows: Rows, plan: TrainingPlan, options: FitOptions
) -> None:
    """Let each layer learn to encode the one below, before all learn together."""

    def make_pair_net(pair: nn.Module, objective: nn.Module) -> AutoencoderNet:
        alone = replace(options, callbacks=())
        net = make_net(model, objective, alone, len(rows), module=pair)
        return net.initialize()

    pretrain(
        model.module,
        rows,
        plan,
        make_pair_net,
        checkpoint=options.checkpoint,
        pretraining=str(model.recipe.pretraining),
        architecture=model.recipe.architecture,
        loss=getattr(model.recipe.output, "loss", "squared_error"),
        starts_at_pca=model.recipe.starts_at_pca,
    )
