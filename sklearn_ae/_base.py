"""The base of all estimators: everything but the module and the objective."""

from __future__ import annotations

import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_array, check_is_fitted, validate_data
from torch import nn

from ._pca import PCABaseline, fit_pca, is_real_gain
from ._validation import (
    Interval,
    StrOptions,
    check_container,
    check_hidden_layer_sizes,
    check_magnitude,
    check_n_components,
    check_unit_interval,
    fit_context,
)
from .exceptions import InterruptedFitWarning, PCAFloorWarning
from .nn.architectures import Architecture, DenseArchitecture, build_pair
from .nn.autoencoder import Autoencoder
from .nn.dense import ACTIVATIONS
from .nn.linear_path import add_linear_path, start_at
from .nn.losses import LOSSES
from .training.batches import Rows
from .training.interrupt import called_from_prompt
from .training.net import AutoencoderNet, TrainingPlan, check_callbacks
from .training.precision import resolve_device
from .training.seeding import draw_seed, isolated_rng

__all__ = ["BaseAutoencoder"]

# Rows on which a fit is judged: this share of the rows, but no fewer and no more than
# these numbers, and never more than this share (``validation_fraction="auto"``).
_VALIDATION_SHARE, _LEAST_VALIDATION, _MOST_VALIDATION = 0.1, 60, 5000
_LARGEST_VALIDATION_SHARE = 0.3

# ``max_iter=None``: as many epochs as make this many steps, within these bounds.
_STEPS, _LEAST_EPOCHS, _MOST_EPOCHS = 1500, 10, 100


class BaseAutoencoder(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, metaclass=ABCMeta
):
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

    # ----------------------------------------------------------------- two hooks

    @abstractmethod
    def _build_module(self, n_features: int, n_components: int) -> Autoencoder:
        """Return the module with fresh weights, on the CPU."""

    @abstractmethod
    def _build_objective(self) -> nn.Module:
        """Return what training minimises: callable, with a ``per_row`` method."""

    # --------------------------------------------------------------------- fitting

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, X_val=None) -> BaseAutoencoder:
        """Learn to encode and decode the rows of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows. Float32 and float64 arrays are used without a copy.
        y : None
            Ignored.
        X_val : {array-like, sparse matrix} of shape (n_validation, n_features), \
                default=None
            Rows on which epochs are judged, instead of a share of X.

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
        self._check_parameters()
        X = self._validate_rows(X, reset=not continues)
        if X_val is not None:
            X_val = self._validate_rows(X_val, name="X_val", reset=False)
        seed = draw_seed(self.random_state)
        device = resolve_device(self.device)
        with isolated_rng(seed, device):
            interrupted = self._fit(X, X_val, seed, device, continues)
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
        self._check_parameters()
        X = self._validate_rows(X, reset=first)
        seed = draw_seed(self.random_state)
        device = resolve_device(self.device) if first else torch.device(self.device_)
        with isolated_rng(seed, device):
            if first:
                self._learn_scaling(X)
            rows = Rows(X, self._shift, self.scale_, device)
            if first:
                self._prepare(rows, len(rows), seed, continues=False)
            plan = TrainingPlan(n_epochs=1, one_cycle=False)
            outcome = self.net_.run(rows, None, plan)
            self._record_history()
            self._record_errors(rows)
        self.beats_pca_ = self.reconstruction_error_ < self.pca_reconstruction_error_
        if outcome.interrupted:
            self._report_interrupt()
        return self

    def _check_parameters(self) -> None:
        """Check what parameter constraints cannot say."""
        check_hidden_layer_sizes(self.hidden_layer_sizes)
        check_callbacks(() if self.callbacks is None else self.callbacks)

    def _validate_rows(self, X, *, reset: bool, name: str = "X"):
        check_container(X, name)
        X = validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            order="C",
            reset=reset,
            ensure_min_samples=2 if reset else 1,
        )
        check_magnitude(X, name)
        if self.loss == "log_loss" and reset:
            check_unit_interval(X, name)
        return X

    def _fit(self, X, X_val, seed: int, device: torch.device, continues: bool) -> bool:
        """Train, then keep the better of network and PCA; tell of a Ctrl-C."""
        if not continues:
            self._learn_scaling(X)
        train, validation = self._split(X, X_val, seed, device)
        self._prepare(train, X.shape[0], seed, continues)
        judged = train.head(_MOST_VALIDATION) if validation is None else validation
        pca_losses = self._per_row(self._pca_loss, judged)
        plan = TrainingPlan(
            n_epochs=self.max_iter or self._auto_epochs(len(train)),
            patience=self.n_iter_no_change,
            tol=self.tol,
            one_cycle=self.schedule == "one_cycle",
            reference=float(pca_losses.mean()),
        )
        outcome = self.net_.run(train, validation, plan)
        self.best_iter_ = outcome.best_epoch
        self._record_history()
        self._record_errors(judged)
        losses = self._per_row(self._loss, judged)
        least = self._per_row(self.net_.criterion_.least, judged)
        self.beats_pca_ = is_real_gain(losses - least, pca_losses - least)
        if not self.beats_pca_:
            self._fall_back_to_pca(X, X_val, seed, device, len(judged))
        return outcome.interrupted

    def _prepare(self, rows: Rows, n_samples: int, seed: int, continues: bool) -> None:
        """Fit PCA, settle the width of the code, and put a net around the module."""
        n_components = self._requested_components(n_samples, rows.n_features)
        self._pca = fit_pca(rows, n_components, seed)
        if isinstance(n_components, float):
            n_components = len(self._pca.components)
        if continues and n_components != self.n_components_:
            raise ValueError(
                "warm_start=True goes on with the fitted network, whose codes have "
                f"{self.n_components_} components; got n_components={n_components}. "
                "Keep n_components, or set warm_start=False."
            )
        self.n_components_ = n_components
        module = self.module_ if continues else self._start_module(self._pca)
        history = self.net_.history if continues else ()
        self._install(module, len(rows), seed, rows.device, history)

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
        # The logarithmic loss is taken on the data as they are, in [0, 1].
        scaling = None if self.loss == "log_loss" else self.scaling
        self.scale_ = scales[scaling]
        self._shift = np.zeros_like(self.mean_) if scaling is None else self.mean_

    def _split(
        self, X, X_val, seed: int, device: torch.device
    ) -> tuple[Rows, Rows | None]:
        def rows(source, index=None):
            return Rows(source, self._shift, self.scale_, device, index)

        if X_val is not None:
            return rows(X), rows(X_val)
        n_validation = self._count_validation(X.shape[0]) if self.early_stopping else 0
        if n_validation == 0:
            return rows(X), None
        order = np.random.RandomState(seed).permutation(X.shape[0])
        return rows(X, order[n_validation:]), rows(X, order[:n_validation])

    def _count_validation(self, n_samples: int) -> int:
        if self.validation_fraction == "auto":
            wanted = max(_LEAST_VALIDATION, _VALIDATION_SHARE * n_samples)
            most = min(_MOST_VALIDATION, _LARGEST_VALIDATION_SHARE * n_samples)
            return int(min(wanted, most))
        n_validation = round(self.validation_fraction * n_samples)
        if not 1 <= n_validation <= n_samples - 2:
            raise ValueError(
                "validation_fraction must leave at least 1 row for validation and 2 "
                f"for training; got {self.validation_fraction} of {n_samples} rows, "
                f"which is {n_validation}. Use 'auto', or early_stopping=False."
            )
        return n_validation

    def _requested_components(self, n_samples: int, n_features: int) -> int | float:
        if self.n_components is None:
            return min(max(1, n_features // 2), 32, n_samples)
        if isinstance(self.n_components, Integral):
            check_n_components(self.n_components, n_samples, n_features)
            return int(self.n_components)
        return float(self.n_components)

    def _batch_size(self, n_rows: int) -> int:
        if self.batch_size != "auto":
            return min(self.batch_size, n_rows)
        # About twenty steps per epoch, but no batch above 256 rows before the table
        # has 256,000; powers of two suit the processors.
        size = max(min(n_rows / 20, 256), min(n_rows / 1000, 4096), 32)
        return min(2 ** int(np.log2(size)), n_rows)

    def _auto_epochs(self, n_rows: int) -> int:
        steps_per_epoch = -(-n_rows // self._batch_size(n_rows))
        epochs = -(-_STEPS // steps_per_epoch)
        return int(np.clip(epochs, _LEAST_EPOCHS, _MOST_EPOCHS))

    def _dense_architecture(self) -> Architecture | Callable:
        if self.architecture is not None:
            return self.architecture
        return DenseArchitecture(
            tuple(self.hidden_layer_sizes), self.activation, self.tied_weights
        )

    def _build_networks(
        self, n_features: int, n_components: int
    ) -> tuple[nn.Module, nn.Module]:
        """Return encoder and decoder, with a linear path where ``init="pca"``."""
        architecture = self._dense_architecture()
        pair = build_pair(architecture, n_features, n_components)
        if self.init == "random":
            return pair
        link = LOSSES[self.loss].link
        return add_linear_path(
            *pair,
            n_features,
            n_components,
            tied=getattr(architecture, "tied_weights", False),
            link=None if link is None else link(),
        )

    def _start_module(self, pca: PCABaseline) -> Autoencoder:
        """Return a module with fresh weights that starts at PCA if asked to."""
        module = self._build_module(self.n_features_in_, self.n_components_)
        if self.init == "pca":
            start_at(module.encoder, module.decoder, pca.components, pca.mean)
        return module

    def _install(
        self,
        module: Autoencoder,
        n_rows: int,
        seed: int,
        device: torch.device,
        history: Sequence[dict],
    ) -> None:
        """Make a net around a module; its history goes on from the one given."""
        self.net_ = AutoencoderNet(
            module,
            self._build_objective(),
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            batch_size=self._batch_size(n_rows),
            precision=self.precision,
            seed=seed,
            callbacks=() if self.callbacks is None else self.callbacks,
            device=device,
            verbose=self.verbose,
        ).initialize()
        self.net_.history.extend(history)
        self.module_ = self.net_.module_
        self.device_ = str(device)

    def _fall_back_to_pca(
        self, X, X_val, seed: int, device: torch.device, n_judged: int
    ) -> None:
        error, pca_error = self.reconstruction_error_, self.pca_reconstruction_error_
        message = (
            f"Training gained nothing reliable over PCA on {n_judged} rows: mean "
            f"squared error {error:.4g} against PCA's {pca_error:.4g}. "
        )
        if self.init == "random":
            message += "The network is kept; init='pca' would start at PCA's error."
            warnings.warn(message, PCAFloorWarning, stacklevel=4)
            return
        rows = Rows(X, self._shift, self.scale_, device)
        self._pca = fit_pca(rows, self.n_components_, seed)
        module = self._start_module(self._pca)
        self._install(module, len(rows), seed, device, self.net_.history)
        self.reconstruction_error_ = pca_error
        self.best_iter_ = 0
        message += "The fitted model is PCA of all rows; beats_pca_ is False."
        warnings.warn(message, PCAFloorWarning, stacklevel=4)

    def _record_history(self) -> None:
        history = self.net_.history
        self.n_iter_ = len(history)
        self.loss_curve_ = [row["train_loss"] for row in history]
        self.validation_loss_curve_ = [row.get("valid_loss", np.nan) for row in history]

    def _record_errors(self, judged: Rows) -> None:
        errors = self._per_row(self._squared_error(self._autoencode), judged)
        pca_errors = self._per_row(self._squared_error(self._pca.reconstruct), judged)
        self.reconstruction_error_ = float(errors.mean())
        self.pca_reconstruction_error_ = float(pca_errors.mean())

    def _report_interrupt(self) -> None:
        if not called_from_prompt():
            raise KeyboardInterrupt
        warnings.warn(
            f"Ctrl-C ended the fit after {self.n_iter_} epochs; the model is usable in "
            "its best state so far. Fit again to train it to the end.",
            InterruptedFitWarning,
            stacklevel=3,
        )

    # ------------------------------------------------- functions of a block of rows

    def _autoencode(self, block: torch.Tensor) -> torch.Tensor:
        return self.module_.decode(self.module_.encode(block))

    def _loss(self, block: torch.Tensor) -> torch.Tensor:
        return self.net_.criterion_.per_row(self.module_(block), block)

    def _pca_loss(self, block: torch.Tensor) -> torch.Tensor:
        raw = self._pca.reconstruct(block)
        if LOSSES[self.loss].link is not None:
            raw = LOSSES[self.loss].link()(raw)
        return self.net_.criterion_.per_row((raw,), block)

    def _squared_error(self, function: Callable) -> Callable:
        """Turn a reconstruction into the row's mean squared error in X's units."""

        def squared_error(block: torch.Tensor) -> torch.Tensor:
            scale = torch.as_tensor(self.scale_).to(block)
            return ((function(block) - block) * scale).square().mean(1)

        return squared_error

    @torch.inference_mode()
    def _per_row(self, function: Callable, rows: Rows) -> np.ndarray:
        """Apply a function to all rows, block by block, in evaluation mode."""
        self.module_.eval()
        return np.concatenate(
            [function(block).cpu().numpy() for block in rows.blocks()]
        )

    # ------------------------------------------------------------------- using it

    def _rows(self, X) -> Rows:
        check_is_fitted(self)
        X = self._validate_rows(X, reset=False)
        return Rows(X, self._shift, self.scale_, torch.device(self.device_))

    @property
    def _code_unit(self) -> float:
        """Factor that gives codes the unit of X where all features share one."""
        return float(self.scale_[0]) if self.scaling == "global" else 1.0

    def transform(self, X) -> np.ndarray:
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components_), float32
            Codes; with ``scaling="global"`` they have the unit of X, as PCA's have.
        """
        rows = self._rows(X)
        return self._per_row(self.module_.encode, rows) * np.float32(self._code_unit)

    def inverse_transform(self, X) -> np.ndarray:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Codes as :meth:`transform` returns them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features), float32
            Reconstructed rows, in the unit of the training rows.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=np.float32, order="C", input_name="X")
        if codes.shape[1] != self.n_components_:
            raise ValueError(
                f"X must hold codes of {self.n_components_} components, as transform "
                f"returns them; got {codes.shape[1]} columns. To reconstruct rows, use "
                "reconstruct."
            )
        width = self.n_components_
        unit = np.full(width, self._code_unit)
        rows = Rows(codes, np.zeros(width), unit, torch.device(self.device_))
        return self._to_units(self._per_row(self.module_.decode, rows))

    def reconstruct(self, X) -> np.ndarray:
        """Encode and decode rows in one pass.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features), float32
            ``inverse_transform(transform(X))``.
        """
        return self._to_units(self._per_row(self._autoencode, self._rows(X)))

    def score_samples(self, X) -> np.ndarray:
        """Return minus the mean squared reconstruction error of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float32
            In squared units of X, averaged over features; at most 0, and lower for
            more unusual rows.
        """
        return -self._per_row(self._squared_error(self._autoencode), self._rows(X))

    def score(self, X, y=None) -> float:
        """Return the share of the variance that is reconstructed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.

        Returns
        -------
        score : float
            One minus the squared reconstruction error of X over its squared distance
            to the mean of the training rows. 1 is perfect; for a PCA of the training
            rows it is ``explained_variance_ratio_.sum()``.
        """
        rows = self._rows(X)
        offset = torch.as_tensor((self.mean_ - self._shift) / self.scale_)
        errors = self._per_row(self._squared_error(self._autoencode), rows)
        spread = self._per_row(
            self._squared_error(lambda block: offset.to(block).expand_as(block)), rows
        )
        return float(1 - errors.mean(dtype=np.float64) / spread.mean(dtype=np.float64))

    def _to_units(self, X: np.ndarray) -> np.ndarray:
        return (X * self.scale_ + self._shift).astype(np.float32)

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    # -------------------------------------------------------------------- pickling

    def __getstate__(self) -> dict[str, Any]:
        """Replace module and net by NumPy weights, so that no device is needed."""
        state = dict(super().__getstate__())
        if "module_" in state:
            module, net = state.pop("module_"), state.pop("net_")
            weights = module.state_dict().items()
            state["_weights"] = {name: value.cpu().numpy() for name, value in weights}
            state["_net"] = (list(net.history), net.batch_size, net.seed)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build module and net again and load the weights."""
        state = dict(state)
        weights, net = state.pop("_weights", None), state.pop("_net", None)
        super().__setstate__(state)
        if weights is None:
            return
        history, batch_size, seed = net
        try:
            device = resolve_device(self.device_)
        except ValueError:
            device = torch.device("cpu")
        with isolated_rng(seed, device):
            module = self._build_module(self.n_features_in_, self.n_components_)
            module.load_state_dict({k: torch.tensor(v) for k, v in weights.items()})
            self._install(module, batch_size, seed, device, history)
