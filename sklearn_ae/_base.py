"""The base of all estimators: everything but the module and the objective."""

from __future__ import annotations

import warnings
from dataclasses import fields
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from ._callbacks import CallbackSupportMixin, FitReport
from ._pca import fit_pca
from ._planning import (
    MOST_VALIDATION_ROWS,
    choose_batch_size,
    choose_n_components,
    choose_n_epochs,
    count_validation_rows,
)
from ._records import FitRecords
from ._validation import (
    Interval,
    StrOptions,
    fit_context,
)
from .exceptions import PCAFloorWarning
from .nn.architectures import Architecture
from .nn.dense import ACTIVATIONS, check_hidden_layer_sizes
from .nn.losses import LOSSES
from .training.batches import Rows
from .training.net import TrainingPlan, check_callbacks
from .training.precision import resolve_device
from .training.seeding import draw_seed, isolated_rng

__all__ = ["BaseAutoencoder"]

# Codes of at most so many training rows are looked at when a fit is done.
_MOST_DESCRIBED_ROWS = 50_000


def _frozen(parameter):
    """Return a parameter as it is now, whatever happens to the object."""
    if isinstance(parameter, np.ndarray):
        parameter = parameter.tolist()
    if isinstance(parameter, list | tuple):
        return tuple(parameter)
    if callable(parameter) and not isinstance(parameter, Architecture):
        return parameter
    return clone(parameter, safe=False)


class BaseAutoencoder(CallbackSupportMixin, FitRecords):
    """Everything that the estimators share.

    A subclass lists its parameters in ``__init__`` and overrides two hooks,
    :meth:`_build_module` and :meth:`_build_objective`. It **has** a skorch net, made
    in ``fit`` when the number of features is known.
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            None,
        ],
        "hidden_layer_sizes": ["array-like"],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "tied_weights": ["boolean"],
        "architecture": [Architecture, callable, None],
        "init": [StrOptions({"pca", "random"})],
        "pretraining": [StrOptions({"layerwise", "layerwise_cached"}), None],
        "scaling": [StrOptions({"global", "per_feature"}), None],
        "loss": [StrOptions(set(LOSSES))],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "schedule": [StrOptions({"one_cycle", "constant"})],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [
            Interval(Real, 0, 1, closed="neither"),
            StrOptions({"auto"}),
        ],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "device": [str],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "callbacks": ["array-like", None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    # Parameters that, with the architecture's, shape the module and what it sees:
    # fixed while it lives.
    _structure_parameters: ClassVar[tuple[str, ...]] = (
        "architecture",
        "init",
        "pretraining",
        "scaling",
        "loss",
    )

    # For estimators without the parameters.
    pretraining: str | None = None
    _warm_up: float = 0.0

    # What the progress bar is named after.
    _purpose: str = "training"

    # --------------------------------------------------------------------- fitting

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, X_val=None) -> BaseAutoencoder:
        """Learn to encode and decode the rows of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows. C-ordered arrays of float32 or float64 and CSR matrices are
            used without a copy. For convolutional networks rows may keep their axes:
            (n_samples, height, width), (n_samples, height, width, channels) or
            (n_samples, length, channels).
        y : None
            Ignored.
        X_val : {array-like, sparse matrix} of shape (n_validation, n_features), \
                default=None
            Rows on which epochs are judged and the best state is chosen, instead of
            a share of X.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If the values or shapes of X do not fit the parameters.
        """
        continues = self.warm_start and hasattr(self, "module_")
        report = FitReport(self, X)
        with self._all_or_nothing():
            self._check_parameters(continues)
            X = self._validate_training_rows(X, reset=not continues)
            if X_val is not None:
                X_val = self._validate_training_rows(X_val, reset=False, name="X_val")
            seed = draw_seed(self.random_state)
            device = resolve_device(self.device)
            with isolated_rng(seed, device):
                interrupted = self._fit(X, X_val, seed, device, continues, report)
        report.end()
        if interrupted:
            self._report_interrupt()
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None) -> BaseAutoencoder:
        """Take one pass over the rows of X at a constant learning rate.

        The first call also learns the scaling and the PCA start, so it should hold
        a fair sample of the rows and at least ``n_components`` of them. No rows are
        held out: there is no early stopping and no PCA floor.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : None
            Ignored.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        first = not hasattr(self, "module_")
        with self._all_or_nothing():
            self._check_parameters(not first)
            X = self._validate_training_rows(X, reset=first)
            seed = draw_seed(self.random_state)
            device = resolve_device(self.device if first else self.device_)
            # Each pass has random numbers of its own, the same in each program.
            passes = 0 if first else self.n_iter_
            with isolated_rng((seed + passes) % 2**32, device):
                if first:
                    self._learn_scaling(X)
                rows = Rows(X, self._shift, self.scale_, device)
                if first:
                    self._prepare(rows, len(rows), seed, continues=False)
                plan = TrainingPlan(n_epochs=1, one_cycle=False)
                outcome = self.net_.run(rows, None, plan)
                self.best_iter_ = outcome.best_epoch
                self._record_history()
                self._record_errors(rows)
                self.pca_loss_ = self._mean_pca_loss(rows)
                self._record_code(rows)
                self._record_sizes(rows.sample(MOST_VALIDATION_ROWS, seed))
                self.beats_pca_ = self._is_better(rows)
        if outcome.interrupted:
            self._report_interrupt()
        return self

    def _start_at_random(self, X) -> BaseAutoencoder:
        """Learn the scaling, and stay at random weights: a fit without training."""
        self.set_params(init="random")
        self._check_parameters(continues=False)
        X = self._validate_training_rows(X, reset=True)
        seed, device = draw_seed(self.random_state), resolve_device(self.device)
        with isolated_rng(seed, device):
            self._learn_scaling(X)
            rows = Rows(X, self._shift, self.scale_, device)
            self._prepare(rows, len(rows), seed, continues=False)
        self._record_history()
        return self

    def _check_parameters(self, continues: bool) -> None:
        """Check what parameter constraints cannot say."""
        check_hidden_layer_sizes(self.hidden_layer_sizes)
        check_callbacks(() if self.callbacks is None else self.callbacks)
        if not continues:
            return
        wanted = self.n_components
        if isinstance(wanted, Integral) and wanted != self.n_components_:
            raise ValueError(
                f"n_components must stay {self.n_components_} while a fitted network "
                f"goes on training; got {wanted}. Clone the estimator, or set "
                "warm_start=False and call fit."
            )
        for name, fitted in self._structure.items():
            if _frozen(getattr(self, name)) != fitted:
                raise ValueError(
                    f"{name} must stay {fitted!r} while a fitted network goes on "
                    f"training; got {getattr(self, name)!r}. Clone the estimator, or "
                    "set warm_start=False and call fit."
                )

    def _validate_training_rows(self, X, *, reset: bool, name: str = "X"):
        X = self._validate_rows(X, reset=reset, name=name)
        if reset:
            self._settled_code_width()  # or an error, if rows do not suit the layers
        self._check_values(X, name)
        return X

    def _fit(
        self,
        X,
        X_val,
        seed: int,
        device: torch.device,
        continues: bool,
        report: FitReport | None = None,
    ) -> bool:
        """Train, then keep the better of network and PCA; tell of a Ctrl-C."""
        if not continues:
            self._find_width(X, X_val, seed, device)
            self._learn_scaling(X)
        train, validation = self._split(X, X_val, seed, device)
        self._prepare(train, X.shape[0], seed, continues)
        judged = validation
        if validation is None:
            judged = train.sample(MOST_VALIDATION_ROWS, seed)
        reference = self._mean_pca_loss(judged) if self._knows_baseline else None
        plan = TrainingPlan(
            n_epochs=choose_n_epochs(self.max_iter, len(train), self.net_.batch_size),
            patience=self.n_iter_no_change if self.early_stopping else None,
            tol=self.tol,
            one_cycle=self.schedule == "one_cycle",
            warm_up=self._warm_up,
            purpose=self._purpose,
            reference=reference,
        )
        if self.pretraining is not None and not continues:
            self._pretrain(train, self.net_.batch_size, seed, plan)
            self._install(self.module_, self.net_.batch_size, seed, device, ())
        if report is not None:
            report.begin(plan.n_epochs)
        outcome = self.net_.run(train, validation, plan, report)
        self.best_iter_ = outcome.best_epoch
        self._record_history()
        self._record_errors(judged)
        self.pca_loss_ = self._mean_pca_loss(judged) if reference is None else reference
        losses = self._judge(self._loss, judged)
        # Only now is it known how many components PCA is to have beside some codes.
        pca_losses = self._judge(self._pca_loss, judged)
        self._mean_losses = float(losses.mean()), float(pca_losses.mean())
        self.beats_pca_ = self._is_real_gain(losses, pca_losses, judged)
        falls_back = not self.beats_pca_ and self._starts_at_pca
        if falls_back:
            self._fall_back_to_pca(X, seed, device, judged)
        self._record_code(train.sample(_MOST_DESCRIBED_ROWS, seed))
        self._record_sizes(judged)
        if not falls_back:
            self._warn_of_a_poor_network(judged)
        if not continues:
            self._keep_share()
        return outcome.interrupted

    def _prepare(self, rows: Rows, n_samples: int, seed: int, continues: bool) -> None:
        """Fit PCA, settle the width of the code, and put a net around the module."""
        batch_size = choose_batch_size(self.batch_size, len(rows))
        if continues:
            self._pca = fit_pca(rows, self._count_pca_components(), seed)
            module, history = self.module_, self.net_.history
        else:
            width = self._choose_width(n_samples)
            if isinstance(width, float):
                self._pca = fit_pca(rows, width, seed)
                self.n_components_ = len(self._pca.components)
            else:
                self.n_components_ = width
                self._pca = fit_pca(rows, self._count_pca_components(), seed)
            flat = [field.name for field in fields(self._default_architecture)]
            self._structure = {
                name: _frozen(getattr(self, name))
                for name in (*flat, *self._structure_parameters)
            }
            module, history = self._start_module(self._pca), ()
        self._install(module, batch_size, seed, rows.device, history)

    def _count_pca_components(self) -> int:
        """Return how many principal components the start and the baseline need."""
        return self.n_components_

    def _choose_width(self, n_samples: int) -> int | float:
        """Return the width of the code, or the share of the variance it keeps."""
        settled = self._settled_code_width()
        if settled is None:
            if self._is_regularised and isinstance(self.n_components, Integral):
                return int(self.n_components)
            return choose_n_components(
                self.n_components, n_samples, self.n_features_in_
            )
        if self.n_components is not None:
            raise ValueError(
                "n_components must be None where a feature map is the code, which has "
                f"{settled} values here; got {self.n_components}. Change channels, or "
                "set bottleneck='vector'."
            )
        return settled

    def _learn_scaling(self, X) -> None:
        scaler = StandardScaler(with_mean=not sp.issparse(X)).fit(X)
        if not scaler.var_.any():
            raise ValueError(
                "X must vary in at least one column, or there is nothing to encode; "
                f"all {X.shape[1]} columns are constant. Check how X was made."
            )
        self.mean_ = scaler.mean_
        scales = {
            "global": np.full(X.shape[1], np.sqrt(scaler.var_.mean())),
            "per_feature": scaler.scale_,
            None: np.ones(X.shape[1]),
        }
        scaling = self._scaling_in_use
        self.scale_ = scales[scaling]
        # Of each column, or of all of them where they share one scale.
        self._deviation = np.sqrt(
            scaler.var_ if scaling == "per_feature" else scaler.var_.mean()
        )
        self._shift = np.zeros_like(self.mean_) if scaling is None else self.mean_
        # Where all features share one unit, codes have it too, as PCA's do.
        self._code_unit = float(self.scale_[0]) if scaling == "global" else 1.0

    def _split(
        self, X, X_val, seed: int, device: torch.device
    ) -> tuple[Rows, Rows | None]:
        def rows(source, index=None):
            return Rows(source, self._shift, self.scale_, device, index)

        if X_val is not None:
            return rows(X), rows(X_val)
        if not self.early_stopping:
            return rows(X), None
        n_validation = count_validation_rows(self.validation_fraction, X.shape[0])
        if n_validation == 0:
            return rows(X), None
        order = np.random.RandomState(seed).permutation(X.shape[0])
        return rows(X, order[n_validation:]), rows(X, order[:n_validation])

    def _fall_back_to_pca(
        self, X, seed: int, device: torch.device, judged: Rows
    ) -> None:
        """Make PCA of all rows the model."""
        message = self._no_gain_message(len(judged))
        rows = Rows(X, self._shift, self.scale_, device)
        self._pca = fit_pca(rows, self._count_pca_components(), seed)
        module, net = self._start_module(self._pca), self.net_
        self._install(module, net.batch_size, seed, device, net.history)
        self._record_floor(judged)
        self.best_iter_ = 0
        message += (
            "The fitted model is PCA of all rows; beats_pca_ is False. More rows, or a "
            "larger max_iter, may change that."
        )
        warnings.warn(message, PCAFloorWarning, stacklevel=5)

    def _record_code(self, rows: Rows) -> None:
        """Record what only codes of this kind have; ``rows`` are training rows."""

    def _record_sizes(self, rows: Rows) -> None:
        """Record what only nested codes have; the fit is judged on ``rows``."""

    def _find_width(self, X, X_val, seed: int, device: torch.device) -> None:
        """Find the width of the code where it takes a fit of its own."""

    def _keep_share(self) -> None:
        """Leave out the codes that a share of the variance does not need."""
