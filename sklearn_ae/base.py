"""The base of all autoencoders, and of variants: scikit-learn's face of a Model."""

from __future__ import annotations

import inspect
import os
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
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
from sklearn.utils.validation import check_is_fitted

from ._estimator import (
    all_or_nothing,
    documentation_page,
    open_checkpoint,
    replace_learned,
    report_interrupt,
    set_requests,
    share,
    state_to_keep,
)
from ._validation import (
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
    check_codes,
    check_groups,
    check_rows,
    fit_context,
)
from .exceptions import warn_user
from .fitting.fit import Record, fit_model, fit_one_pass, fit_without_training
from .fitting.fit_report import CallbackSupportMixin, FitReport
from .fitting.model import Model
from .fitting.prepare import FitOptions, Table, make_net
from .nn.architectures import Architecture, DenseArchitecture
from .nn.autoencoder import CodeDecoder, RowEncoder
from .nn.corruption import PairedInput
from .nn.dense import ACTIVATIONS
from .nn.losses import LOSSES, Objective, ReconstructionObjective
from .nn.recipe import MUST_STAY, Recipe
from .nn.summary import Summary, summarize
from .nn.unpool import check_bare_codes
from .training.batches import PairedTable
from .training.checkpointing import Checkpoint
from .training.device import resolve_device
from .training.history import loss_curves, pack_epochs, unpack_epochs
from .training.isolation import isolated
from .training.net import check_callbacks
from .training.seeding import draw_seed

__all__ = [
    "BaseAutoencoder",
    "Interval",
    "Objective",
    "Recipe",
    "ReconstructionObjective",
    "StrOptions",
]


class BaseAutoencoder(
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Base class of autoencoders; a subclass lists parameters and returns a recipe.

    A subclass overrides :meth:`_recipe`, assigns its parameters in ``__init__``, and
    names the constraints of new ones in ``_parameter_constraints``. Shared parameters
    that it does not list keep the defaults of this class. See "Add a variant" in the
    documentation.

    See Also
    --------
    AutoencoderTransformer : The plain autoencoder.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import DenseArchitecture
    >>> from sklearn_ae.base import BaseAutoencoder, Recipe
    >>> class TanhAutoencoder(BaseAutoencoder):
    ...     def __init__(self, n_components=None, *, max_iter=None, random_state=None):
    ...         self.n_components = n_components
    ...         self.max_iter = max_iter
    ...         self.random_state = random_state
    ...
    ...     def _recipe(self):
    ...         return Recipe(architecture=DenseArchitecture((64,), "tanh"))
    >>> X, _ = load_digits(return_X_y=True)
    >>> TanhAutoencoder(8, max_iter=20, random_state=0).fit_transform(X).shape
    (1797, 8)
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            None,
        ],
        "nested": ["boolean", "array-like"],
        "contrast": [Interval(Real, 0, None, closed="left")],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
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
        "floor": ["boolean"],
        "validation": [
            StrOptions({"auto", "random", "last"}),
            HasMethods(["split", "get_n_splits"]),
            list,
        ],
        "validation_fraction": [
            Interval(Real, 0, 1, closed="neither"),
            StrOptions({"auto"}),
        ],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "device": [str, torch.device],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "callbacks": ["array-like", None],
        "checkpoint": [str, os.PathLike, Checkpoint, None],
        "checkpoint_every": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    # Defaults of shared parameters, for subclasses that do not list them.
    n_components: int | float | None = None
    hidden_layer_sizes: int | tuple[int, ...] | str = "auto"
    activation: str = "gelu"
    tied_weights: bool = False
    architecture: Architecture | Callable | None = None
    init: str = "pca"
    scaling: str | None = "global"
    learning_rate: float = 4e-3
    schedule: str = "one_cycle"
    weight_decay: float = 0.0
    batch_size: int | str = "auto"
    max_iter: int | None = None
    early_stopping: bool = True
    floor: bool = True
    validation: Any = "auto"
    validation_fraction: float | str = "auto"
    n_iter_no_change: int = 20
    tol: float = 1e-4
    warm_start: bool = False
    device: str | torch.device = "auto"
    precision: str = "auto"
    callbacks: list | None = None
    checkpoint: str | os.PathLike | Checkpoint | None = None
    checkpoint_every: float | str = "auto"
    verbose: int = 0
    random_state: int | np.random.RandomState | None = None

    # scikit-learn links to this page from the diagram of an estimator in notebooks.
    _doc_link_module: ClassVar[str] = "sklearn_ae"

    _model: Model

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let a class name the constraints of its own parameters alone."""
        super().__init_subclass__(**kwargs)
        known: dict[str, list] = {}
        for base in reversed(cls.__mro__):
            known |= vars(base).get("_parameter_constraints", {})
        listed = inspect.signature(cls.__init__).parameters
        cls._parameter_constraints = {k: v for k, v in known.items() if k in listed}

    # ------------------------------------------------------------------- what it learns

    @abstractmethod
    def _recipe(self) -> Recipe:
        """Return everything that shapes a fit, as the parameters are now."""

    def _make_architecture(
        self, default: type[Architecture] = DenseArchitecture
    ) -> Architecture | Callable:
        """Return `architecture`, or one of the parameters in the signature."""
        if self.architecture is not None:
            return self.architecture
        return default(**{name: getattr(self, name) for name in default.names()})

    # -------------------------------------------------------------------------- fitting

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, X_val=None, groups=None) -> BaseAutoencoder:
        """Learn to encode and decode the rows of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows. C-ordered arrays of float32 or float64 and CSR matrices are
            used without a copy. For convolutional networks rows may keep their axes:
            (n_samples, height, width), (n_samples, height, width, channels) or
            (n_samples, length, channels).
        y : array-like of shape (n_samples,), default=None
            Ignored, unless `validation` is a splitter that looks at it.
        X_val : {array-like, sparse matrix} of shape (n_validation, n_features), \
                default=None
            Rows on which epochs are evaluated and the best state is chosen, instead of
            a share of X. Those that are in X, too, say nothing about new rows: the gain
            over PCA is evaluated on the others.
        groups : array-like of shape (n_samples,), default=None
            Names of the groups that rows belong to, subjects for example. Whole groups
            are held out, and each counts once when the gain over PCA is evaluated.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If the values or shapes of X do not fit the parameters.
        """
        return self._fit(X, y, X_val, groups)

    def _fit(
        self, X, y, X_val, groups, X_clean=None, X_clean_val=None
    ) -> BaseAutoencoder:
        """Do what :meth:`fit` does; clean rows may come with those that are encoded."""
        previous = self._model if self.warm_start and self._is_fitted() else None
        report = FitReport(self, X)
        with all_or_nothing(self):
            X, row_shape, recipe = self._check(X, previous, 2, X_clean)
            if X_val is not None:
                X_val, _ = check_rows(self, X_val, row_shape=row_shape, name="X_val")
                recipe.output.check_values(X_val, "X_val")
                X_val = self._pair(X_val, row_shape, recipe, X_clean_val, "X_clean_val")
            names = getattr(self, "feature_names_in_", ())
            groups = check_groups(groups, X)
            table = Table(X, row_shape, X_val, groups, y, names)
            options = self._lasting_options(table, previous)
            with options.checkpoint or nullcontext():
                model, record = fit_model(
                    recipe,
                    table,
                    options,
                    previous=previous,
                    history=() if previous is None else self.net_.history,
                    report=report,
                )
            self._keep(model, record)
        report.end()
        if record.interrupted:
            report_interrupt(self.n_iter_)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None) -> BaseAutoencoder:
        """Take one pass over the rows of X at a constant learning rate.

        The first call also learns the scaling and the PCA start, so it should hold
        a fair sample of the rows and at least ``n_components`` of them. No rows are
        held out: there is no early stopping and no PCA floor. Later calls stay on the
        device of the first; the optimizer starts anew in an estimator that was pickled.

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
        return self._partial_fit(X)

    def _partial_fit(self, X, X_clean=None) -> BaseAutoencoder:
        """Do what :meth:`partial_fit` does; clean rows may come with those of X."""
        previous = self._model if self._is_fitted() else None
        # scikit-learn checks parameters at the first pass only, and they may change.
        if previous is not None:
            self._validate_params()
        with all_or_nothing(self):
            X, row_shape, recipe = self._check(X, previous, 1, X_clean)
            model, record = fit_one_pass(
                recipe,
                X,
                self._options(
                    self._width(previous),
                    draw_seed(self.random_state),
                    resolve_device(self.device if previous is None else self.device_),
                ),
                row_shape,
                previous=previous,
                net=None if previous is None else self.net_,
            )
            self._keep(model, record)
        if record.interrupted:
            report_interrupt(self.n_iter_)
        return self

    def _start_at_random(self, X) -> BaseAutoencoder:
        """Learn the scaling, and stay at random weights: a fit without training."""
        self.set_params(init="random")
        X, row_shape, recipe = self._check(X)
        device = resolve_device(self.device)
        options = self._options(self._width(None), draw_seed(self.random_state), device)
        self._keep(*fit_without_training(recipe, X, options, row_shape))
        return self

    def _check(self, X, previous: Model | None = None, min_rows: int = 1, X_clean=None):
        """Return checked rows, the shape of a row, and the recipe for such rows."""
        known_shape = None if previous is None else previous.scaling.row_shape
        X, row_shape = check_rows(self, X, row_shape=known_shape, min_rows=min_rows)
        row_shape = row_shape if known_shape is None else known_shape
        check_callbacks(() if self.callbacks is None else self.callbacks)
        recipe = self._recipe()
        if X_clean is not None:
            recipe = replace(recipe, corruption=PairedInput())
        recipe = recipe.for_rows(row_shape)
        if previous is not None:
            recipe = recipe.go_on_from(previous.recipe, previous.n_components)
            self._check_width(previous.n_components)
        else:
            recipe = recipe.for_values(X.shape[1], X.nnz if sp.issparse(X) else X.size)
        recipe.output.check_values(X, "X")
        return self._pair(X, row_shape, recipe, X_clean), row_shape, recipe

    def _pair(self, X, row_shape, recipe: Recipe, X_clean, name: str = "X_clean"):
        """Return rows with the clean ones that belong to them, if there are any."""
        if X_clean is None:
            return X
        X_clean, _ = check_rows(self, X_clean, row_shape=row_shape, name=name)
        recipe.output.check_values(X_clean, name)
        if X_clean.shape[0] != X.shape[0]:
            raise ValueError(
                f"{name} must hold a clean row for each of {X.shape[0]} noisy ones; "
                f"got {X_clean.shape[0]} rows. Repeat a clean row for each noisy one."
            )
        return PairedTable(X_clean, X)

    def _check_width(self, fitted: int) -> None:
        """Raise a ValueError if parameters ask for another width than the fitted."""
        wanted = self.n_components
        if isinstance(wanted, Integral) and wanted != fitted:
            raise ValueError(MUST_STAY.format("n_components", fitted, wanted))

    def _width(self, previous: Model | None) -> int | float | None:
        """Return `n_components` as a Python number, or the width that is settled."""
        if previous is not None:
            return previous.n_components
        if self.n_components is None:
            return None
        is_count = isinstance(self.n_components, Integral)
        return int(self.n_components) if is_count else float(self.n_components)

    def _lasting_options(self, table: Table, previous: Model | None) -> FitOptions:
        """Return the options of a fit that may be kept in a checkpoint."""
        seed, device = draw_seed(self.random_state), resolve_device(self.device)
        options = self._options(self._width(previous), seed, device)
        # Only a splitter looks at y.
        y = None if isinstance(self.validation, str) else table.y
        checkpoint = open_checkpoint(
            self,
            seed,
            X=table.X,
            X_val=table.X_val,
            groups=table.groups,
            y=None if y is None else np.asarray(y),
            device=device.type,
            row_shape=table.row_shape,
            warm_start=previous,
        )
        if checkpoint is None:
            return options
        if self.random_state is None:
            seed = checkpoint.seed
        return replace(options, checkpoint=checkpoint, seed=seed)

    def _options(
        self, n_components: int | float | None, seed: int, device: torch.device
    ) -> FitOptions:
        """Return the parameters that are no part of the recipe.

        The other fields of ``FitOptions`` have the names of parameters.
        """
        settled: dict[str, Any] = {
            "n_components": n_components,
            "callbacks": () if self.callbacks is None else self.callbacks,
            "seed": seed,
            "device": device,
        }
        own = {*settled, "purpose", "checkpoint"}
        names = {part.name for part in fields(FitOptions)} - own
        return FitOptions(**settled, **{name: getattr(self, name) for name in names})

    def _keep(self, model: Model, record: Record) -> None:
        """Become the fitted estimator of a model, and give its warnings."""
        learned = {"_model": model, "net_": record.net}
        replace_learned(self, learned | model.attributes() | record.numbers)
        name = f"{type(self).__name__}(n_components={self.n_components_})"
        for message, category in record.complaints:
            warn_user(f"{name}: {message}", category)

    # ------------------------------------------------------------------------- using it

    def _check_fitted_rows(self, X, *, values: bool = False, name: str = "X"):
        """Return rows as the fitted model takes them; perhaps check their values."""
        check_is_fitted(self)
        X, _ = check_rows(self, X, row_shape=self._model.scaling.row_shape, name=name)
        output = self._model.recipe.output
        check = output.check_values if values else output.check_new_values
        check(X, name)
        return X

    def transform(self, X) -> np.ndarray:
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components), float32
            Codes; where they are linear and ``scaling="global"`` they have the unit of
            X, as PCA's have. Those of :class:`VAE` have the prior's. They are of
            float32 whatever X is, because networks compute in it; rows are centred in
            the type of X before, so that large offsets cost no digits.
        """
        X = self._check_fitted_rows(X)
        return self._model.encode(X)

    def inverse_transform(self, X) -> np.ndarray:
        """Decode codes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_components)
            Codes as :meth:`transform` returns them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Reconstructed rows, in the unit and with the axes of the training rows. Of
            float64 where codes or training rows are, as for PCA; of float32 otherwise.
        """
        check_is_fitted(self)
        self._check_decodable()
        model = self._model
        codes = check_codes(X, self.n_components_, model.code_scale)
        return model.decode(codes)

    def reconstruct(self, X) -> np.ndarray:
        """Encode and decode rows in one pass.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            ``inverse_transform(transform(X))``, with the axes of the training rows,
            unless an option of the estimator says otherwise. Of float64 where X or
            training rows are; of float32 otherwise.
        """
        X = self._check_fitted_rows(X)
        return self._model.reconstruct(X)

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
            more unusual rows. Of float64 where the standard deviation of the training
            rows is below 1e-12 or above 1e12, whose squares float32 cannot hold.
        """
        X = self._check_fitted_rows(X)
        return -self._model.squared_errors(X)

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
            to the mean of the training rows; 0 where all of X is that mean, unless the
            error is 0 as well. 1 is perfect; for a PCA of the training
            rows it is ``explained_variance_ratio_.sum()``. ``PCA.score`` is a
            log-likelihood and cannot be compared with it.
        """
        X = self._check_fitted_rows(X)
        error = self._model.squared_errors(X).mean(dtype=np.float64)
        distance = self._model.squared_distances(X).mean(dtype=np.float64)
        return float(1 - error / distance) if distance > 0 else float(error == 0)

    def _check_decodable(self) -> None:
        """Raise a ValueError if a code alone does not determine a reconstruction."""
        remedy = "Use reconstruct(X), or upsampling='nearest'."
        check_bare_codes(self.module_.decoder, "inverse_transform needs", remedy)

    @property
    def encoder_(self) -> RowEncoder:
        """Copy of the encoder on the CPU: a torch module from flat rows to codes."""
        check_is_fitted(self)
        return self._model.encoder()

    @property
    def decoder_(self) -> CodeDecoder:
        """Copy of the decoder on the CPU: a torch module from codes to flat rows."""
        check_is_fitted(self)
        try:
            self._check_decodable()
        except ValueError as error:
            # Diagrams in notebooks look at all attributes, and skip those that are not.
            raise AttributeError(str(error)) from error
        return self._model.decoder()

    @isolated()
    def summary(self) -> Summary:
        """Return a table of layers, output shapes and numbers of parameters.

        Returns
        -------
        summary : Summary
            Prints as text, and as a table in notebooks. Maps have torch's order of
            axes, ``(n, channels, height, width)``; n stands for the number of rows.
        """
        check_is_fitted(self)
        return summarize(self.module_, self.n_features_in_)

    # ---------------------------------------------------------- scikit-learn's protocol

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    @property
    def _doc_link_template(self) -> str:
        return documentation_page()

    def _is_fitted(self) -> bool:
        return hasattr(self, "_model")

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is a model."""
        return self._is_fitted()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __copy__(self) -> BaseAutoencoder:
        """Share the model, where pickling makes it anew."""
        return share(self)

    def __getstate__(self) -> dict[str, Any]:
        """Leave to the model, which pickles itself, what is its; keep the epochs."""
        state = state_to_keep(super().__getstate__())
        for name in self._model.attributes() if self._is_fitted() else ():
            state.pop(name, None)
        if "net_" in state:
            for name in loss_curves(()):
                state.pop(name, None)
            epochs = pack_epochs(self.net_.history)
            state["net_"] = epochs, self.net_.batch_size, self.net_.loss_name
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Put a net around the model again."""
        super().__setstate__(state)
        set_requests(self)
        if self._is_fitted():
            self.__dict__.update(self._model.attributes())
        if "net_" in state:  # what callbacks see within a fit has none
            packed, *others = self.net_
            history = unpack_epochs(packed)
            self.__dict__.update(loss_curves(history))
            self._surround(history, *others)

    @isolated()
    def _surround(
        self, history: Sequence[dict], batch_size: int, loss_name: str
    ) -> None:
        """Put a net around the model, which trains nothing before it is asked to."""
        model = self._model
        objective = model.recipe.build_objective(model.pca, model.n_components)
        objective.to(model.device)
        options = self._options(model.n_components, model.seed, model.device)
        options = replace(options, batch_size=batch_size, callbacks=())
        self.net_ = make_net(
            model, objective, options, batch_size, history, loss_name=loss_name
        )
