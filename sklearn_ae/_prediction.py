"""The base of what predicts from codes: everything but targets and losses."""

from __future__ import annotations

import copy
from abc import ABCMeta, abstractmethod
from contextlib import nullcontext
from dataclasses import fields, replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
)

from ._denoising import DenoisingAE
from ._estimator import (
    all_or_nothing,
    documentation_page,
    open_checkpoint,
    replace_learned,
    set_requests,
    share,
    state_to_keep,
)
from ._validation import (
    HasMethods,
    Interval,
    StrOptions,
    as_numbers,
    check_groups,
    check_rows,
    check_sample_weight,
    fit_context,
)
from .base import BaseAutoencoder
from .fitting.holdout import hold_out
from .fitting.prediction import (
    Head,
    HeadOptions,
    Labels,
    PredictionModel,
    fit_head,
    make_net,
)
from .nn.autoencoder import RowEncoder
from .nn.dense import as_layer_sizes
from .training.checkpointing import Checkpoint
from .training.history import loss_curves, pack_epochs, unpack_epochs
from .training.isolation import isolated
from .training.net import check_callbacks
from .training.seeding import draw_seed

__all__ = ["PretrainedPredictor"]


class PretrainedPredictor(MetaEstimatorMixin, BaseEstimator, metaclass=ABCMeta):
    """An autoencoder of all rows, and a head that learns from the labelled ones."""

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "autoencoder": [HasMethods(["fit", "transform", "inverse_transform"]), None],
        "pretrain": ["boolean"],
        "freeze": [StrOptions({"none", "encoder", "gradual"})],
        "reconstruction_weight": [Interval(Real, 0, None, closed="left")],
        "consistency_weight": [Interval(Real, 0, None, closed="left")],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        **{
            name: BaseAutoencoder._parameter_constraints[name]
            for name in (
                *("activation", "learning_rate", "weight_decay"),
                *("batch_size", "max_iter", "early_stopping", "validation_fraction"),
                *("n_iter_no_change", "tol", "callbacks", "verbose", "random_state"),
                *("checkpoint", "checkpoint_every"),
            )
        },
    }

    _doc_link_module: ClassVar[str] = "sklearn_ae"

    _model: PredictionModel

    # ------------------------------------------------------------ what a task decides

    @abstractmethod
    def _validate_targets(self, y) -> tuple[np.ndarray, np.ndarray]:
        """Return y as an array, and which of its rows are labelled."""

    @abstractmethod
    def _encode_targets(
        self, y: np.ndarray, known: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """Return targets as the loss takes them; learn what leads back to y."""

    def _find_shares(
        self, targets: np.ndarray, weights: np.ndarray
    ) -> tuple[float, ...] | None:
        """Return the share of each class among known targets; None for numbers."""
        return None

    @property
    @abstractmethod
    def _n_outputs(self) -> int:
        """Width of a prediction."""

    def _weigh(self, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weights of the losses of labelled rows."""
        return weights

    # ------------------------------------------------------------------------ fitting

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, groups=None):
        """Learn codes from all rows, and predictions from the labelled ones.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, also in the other shapes that the autoencoder takes.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets. Unlabelled rows hold `missing_label` (classifiers) or NaN
            (regressors).
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the losses of labelled rows, relative to each other: equal
            weights change nothing. Rows of weight 0 are left out, for the autoencoder
            too, which learns from all others alike.
        groups : array-like of shape (n_samples,), default=None
            Groups of rows that depend on one another, subjects for example. Whole
            groups are held out, by the autoencoder and with ``early_stopping``.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If no row is labelled, or parameters contradict each other.
        """
        with all_or_nothing(self):
            self._check_parameters()
            if _is_fitted(self.autoencoder):
                # It has a say in what rows it takes: names, axes, values.
                _unwrap(self.autoencoder)._check_fitted_rows(X, values=True)
            X, row_shape = check_rows(self, X)
            if y is None:
                raise ValueError(
                    f"{type(self).__name__} requires y to be passed, but the target y "
                    "is None. Use the autoencoder alone to learn codes without labels."
                )
            check_consistent_length(X, y)
            y, known = self._validate_targets(y)
            weights = self._weigh_rows(X, sample_weight)
            groups = check_groups(groups, X)
            if not weights.all():
                kept = weights > 0
                X, y, known, weights = X[kept], y[kept], known[kept], weights[kept]
                groups = None if groups is None else groups[kept]
            if not known.any():
                raise ValueError(
                    "y must hold at least one label of a row whose weight is not 0; "
                    f"got {len(known)} unlabelled rows. Use the autoencoder alone to "
                    "learn codes without labels."
                )
            replace_learned(self, {})
            targets = self._encode_targets(y, known, weights)
            seed = draw_seed(self.random_state)
            checkpoint = open_checkpoint(
                self, seed, X=X, y=targets, sample_weight=weights, groups=groups
            )
            seed = seed if checkpoint is None else checkpoint.seed
            with checkpoint or nullcontext():
                # Before the autoencoder trains, which may take long.
                labels = self._make_labels(X, targets, known, weights, groups, seed)
                self.autoencoder_ = self._fit_autoencoder(
                    X, row_shape, seed, groups, checkpoint
                )
                self._fit_head(X, labels, self._options(seed, checkpoint))
        return self

    def _check_parameters(self) -> None:
        as_layer_sizes(self.hidden_layer_sizes)
        check_callbacks(() if self.callbacks is None else self.callbacks)
        model = _unwrap(self.autoencoder)
        if model is not None and not isinstance(model, BaseAutoencoder):
            raise TypeError(
                "autoencoder must be one of this library's estimators, or one in a "
                f"FrozenEstimator; got {model!r}. Put other transformers and a "
                "classifier into a Pipeline."
            )
        if isinstance(self.autoencoder, FrozenEstimator):
            check_is_fitted(model)
        if self.freeze == "encoder" and self.reconstruction_weight > 0:
            raise ValueError(
                "reconstruction_weight must be 0 with freeze='encoder', because it "
                f"trains the encoder; got {self.reconstruction_weight}. Set "
                "freeze='none'."
            )
        if _is_fitted(self.autoencoder) and not self.pretrain:
            raise ValueError(
                "pretrain=False must go with an autoencoder that is not fitted, since "
                f"its weights would not be used; got {model!r}. Clone it, or set "
                "pretrain=True."
            )

    def _weigh_rows(self, X, sample_weight) -> np.ndarray:
        """Return the weight of each row, relative to the largest.

        Equal weights are then ones, whatever they are.
        """
        if sample_weight is None:
            return np.ones(X.shape[0])
        if not isinstance(sample_weight, Real):
            sample_weight = as_numbers(sample_weight, "sample_weight")
        weights = check_sample_weight(sample_weight, X, dtype=np.float64)
        if (weights < 0).any():
            raise ValueError(
                "sample_weight must hold no negative value; got "
                f"{weights.min():.4g}. Leave rows out with a weight of 0."
            )
        return weights / weights.max() if weights.any() else weights

    def _fit_autoencoder(
        self,
        X,
        row_shape: tuple[int, ...],
        seed: int,
        groups: np.ndarray | None,
        checkpoint: Checkpoint | None,
    ) -> BaseAutoencoder:
        """Return an autoencoder of all rows, whatever it takes to have one."""
        if _is_fitted(self.autoencoder):
            # A copy, since the original may be fitted again.
            return copy.deepcopy(_unwrap(self.autoencoder))
        template = DenoisingAE() if self.autoencoder is None else self.autoencoder
        model = clone(template)
        if model.random_state is None:
            model.set_params(random_state=seed)
        X = X.reshape(X.shape[0], *row_shape) if len(row_shape) > 1 else X
        if self.pretrain:
            own = model.checkpoint
            if checkpoint is not None:
                model.checkpoint = checkpoint
            model.fit(X, groups=groups)
            model.checkpoint = own
        else:
            model._start_at_random(X)
        if hasattr(self, "feature_names_in_"):
            model.feature_names_in_ = self.feature_names_in_
        return model

    def _make_labels(
        self,
        X,
        targets: np.ndarray,
        known: np.ndarray,
        weights: np.ndarray,
        groups: np.ndarray | None,
        seed: int,
    ) -> Labels:
        """Return what is known of the labelled rows, and which are held out."""
        at = np.flatnonzero(known)
        targets, weights = targets[at], weights[at]
        shares = self._find_shares(targets, weights)
        weights = self._weigh(targets, weights)
        if not weights.any():
            raise ValueError(
                "class_weight must leave a labelled row with a weight above 0; got "
                f"{self.class_weight!r}."
            )
        held_out = None
        if self.early_stopping:
            names = None if groups is None else groups[at]
            fraction = self.validation_fraction
            held_out = hold_out(X[at], None, "random", fraction, names, seed)
        return Labels(at, targets, weights / weights.mean(), shares, held_out)

    def _fit_head(self, X, labels: Labels, options: HeadOptions) -> None:
        """Train head and encoder on the labelled rows, and on what others teach."""
        head = Head(
            as_layer_sizes(self.hidden_layer_sizes),
            self.activation,
            self._n_outputs,
            labels.shares,
        )
        self._model, self.net_ = fit_head(
            self.autoencoder_._model, head, X, labels, options
        )
        self.module_ = self._model.network
        history = self.net_.history
        self.n_iter_ = len(history)
        self.__dict__.update(loss_curves(history))

    def _options(self, seed: int, checkpoint: Checkpoint | None = None) -> HeadOptions:
        settled: dict[str, Any] = {
            "callbacks": () if self.callbacks is None else self.callbacks,
            "precision": self.autoencoder_.precision,
            "seed": seed,
            "checkpoint": checkpoint,
        }
        names = {part.name for part in fields(HeadOptions)} - set(settled)
        return HeadOptions(**settled, **{name: getattr(self, name) for name in names})

    # ---------------------------------------------------------------------- using it

    @property
    def encoder_(self) -> RowEncoder:
        """Copy of the trained encoder on the CPU, from flat rows to codes."""
        check_is_fitted(self)
        return self._model.autoencoder.encoder()

    def _predict_raw(self, X, double: bool = False) -> np.ndarray:
        """Return logits or scaled values, shape (n_samples, n_outputs)."""
        check_is_fitted(self)
        row_shape = self._model.autoencoder.scaling.row_shape
        X, _ = check_rows(self, X, row_shape=row_shape)
        self._model.autoencoder.recipe.output.check_new_values(X, "X")
        return self._model.predict(X, double)

    # ---------------------------------------------------------- scikit-learn's protocol

    @property
    def _doc_link_template(self) -> str:
        return documentation_page()

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is a model."""
        return hasattr(self, "_model")

    def __copy__(self) -> PretrainedPredictor:
        """Share the networks, where pickling makes them anew."""
        return share(self)

    def __getstate__(self) -> dict[str, Any]:
        """Replace module and net by the model, which pickles itself, and the epochs."""
        state = state_to_keep(super().__getstate__())
        if "net_" in state:
            for name in ("module_", *loss_curves(())):
                state.pop(name, None)
            epochs = pack_epochs(self.net_.history)
            state["net_"] = epochs, self.net_.batch_size, self.net_.seed
        return state

    @isolated()
    def __setstate__(self, state: dict[str, Any]) -> None:
        """Put a net around the network, which trains nothing before it is asked to."""
        super().__setstate__(state)
        set_requests(self)
        if hasattr(self, "_model"):
            packed, batch_size, seed = self.net_
            history = unpack_epochs(packed)
            self.__dict__.update(loss_curves(history))
            self.module_, model = self._model.network, self._model.autoencoder
            options = replace(self._options(seed), callbacks=())
            self.net_ = make_net(self.module_, model, options, batch_size, history)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        model = _unwrap(self.autoencoder)
        if isinstance(model, BaseAutoencoder):
            tags.input_tags = get_tags(model).input_tags
        tags.input_tags.sparse = True
        return tags


def _unwrap(model):
    """Return the estimator within a FrozenEstimator."""
    return model.estimator if isinstance(model, FrozenEstimator) else model


def _is_fitted(model) -> bool:
    return hasattr(_unwrap(model), "_model")
