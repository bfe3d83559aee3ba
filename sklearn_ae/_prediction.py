"""The base of what predicts from codes: everything but targets and losses."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from numbers import Real
from typing import ClassVar

import numpy as np
import torch
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
)
from torch import nn

from ._base import BaseAutoencoder
from ._denoising import DenoisingAE
from ._estimator import ModuleEstimator
from ._planning import choose_batch_size, choose_n_epochs, count_validation_rows
from ._validation import (
    HasMethods,
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
    safe_indexing,
)
from .nn.autoencoder import RowEncoder
from .nn.dense import check_hidden_layer_sizes, dense_stack
from .nn.nested import NestedObjective
from .nn.prediction import (
    PredictionNetwork,
    PredictionObjective,
    Rescaled,
)
from .training.batches import Rows
from .training.labels import LabelledRows, distance_to_neighbour
from .training.net import AutoencoderNet, TrainingPlan, check_callbacks
from .training.seeding import draw_seed, isolated_rng

__all__ = ["PretrainedPredictor", "labelled_rows"]

# The step at which predictions must agree: this share of the distance to this
# neighbour, as in Hu et al. (2017).
_RADIUS, _NEIGHBOUR = 0.25, 10

# Whole sample weights repeat rows up to this many times the number of rows.
_MOST_REPEATS = 10

# Codes of so many rows are measured, to give the head inputs of about unit variance.
_MOST_MEASURED = 5000


class PretrainedPredictor(MetaEstimatorMixin, ModuleEstimator):
    """An autoencoder of all rows, and a head that learns from the labelled ones."""

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "autoencoder": [HasMethods(["fit", "transform", "inverse_transform"]), None],
        "pretrain": ["boolean"],
        "freeze": [StrOptions({"none", "encoder", "gradual"})],
        "reconstruction_weight": [Interval(Real, 0, None, closed="left")],
        "consistency_weight": [Interval(Real, 0, None, closed="left")],
        **{
            name: BaseAutoencoder._parameter_constraints[name]
            for name in (
                *("hidden_layer_sizes", "activation", "learning_rate", "weight_decay"),
                *("batch_size", "max_iter", "early_stopping", "validation_fraction"),
                *("n_iter_no_change", "tol", "callbacks", "verbose", "random_state"),
            )
        },
    }

    # ------------------------------------------------------------ what a task decides

    @abstractmethod
    def _validate_targets(self, y) -> tuple[np.ndarray, np.ndarray]:
        """Return y as an array, and which of its rows are labelled."""

    @abstractmethod
    def _encode_targets(self, y: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return targets as the loss takes them; learn what leads back to y."""

    @abstractmethod
    def _make_loss(self, targets: np.ndarray) -> nn.Module:
        """Return the loss of predictions of the known targets."""

    @property
    @abstractmethod
    def _n_outputs(self) -> int:
        """Width of a prediction."""

    def _weigh(self, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weights of the losses of labelled rows."""
        return weights

    # ------------------------------------------------------------------------ fitting

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Learn codes from all rows, and predictions from the labelled ones.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, also in the other shapes that the autoencoder takes.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets. Unlabelled rows hold -1 (classifiers) or NaN (regressors).
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows. Whole numbers repeat rows, for the autoencoder too, as
            long as that makes the table at most ten times as long; others weigh the
            losses of the labelled rows.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If no row is labelled, or parameters contradict each other.
        """
        with self._all_or_nothing():
            self._check_parameters()
            if _is_fitted(self.autoencoder):
                # It has a say in what rows it takes: names, axes, values.
                _unwrap(self.autoencoder)._check_rows(X)
            X = self._validate_rows(X, reset=True)
            if y is None:
                raise ValueError(
                    f"{type(self).__name__} requires y to be passed, but the target y "
                    "is None. Use the autoencoder alone to learn codes without labels."
                )
            check_consistent_length(X, y)
            y, known = self._validate_targets(y)
            order, weights = self._order(X, y, known, sample_weight)
            X, y, known = X[order], y[order], known[order]
            if not known.any():
                raise ValueError(
                    "y must hold at least one label of a row whose weight is not 0; "
                    f"got {len(known)} unlabelled rows. Use the autoencoder alone to "
                    "learn codes without labels."
                )
            targets = self._encode_targets(y, known)
            seed = draw_seed(self.random_state)
            self.autoencoder_ = self._fit_autoencoder(X, seed)
            device = torch.device(self.autoencoder_.device_)
            with isolated_rng(seed, device):
                self._fit_head(X, targets, np.flatnonzero(known), weights, seed)
        return self

    def _check_parameters(self) -> None:
        check_hidden_layer_sizes(self.hidden_layer_sizes)
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

    def _order(
        self, X, y: np.ndarray, known: np.ndarray, sample_weight
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return positions of rows in an order of their own, repeated, and weights.

        Random draws then depend on what rows hold and not on where they stand, and a
        weight of two is exactly a row that is there twice.
        """
        rng = np.random.RandomState(0)
        key = np.round(X @ rng.standard_normal(X.shape[1]), 9)
        label = np.zeros(len(y), dtype=int)
        # Objects can be sorted as single values only.
        axis = 0 if y.ndim > 1 else None
        groups = np.unique(y[known], axis=axis, return_inverse=True)[1]
        label[known] = 1 + groups.ravel()
        order = np.lexsort((label, key))
        if sample_weight is None:
            return order, np.ones(len(order))
        weights = check_sample_weight(sample_weight, X, dtype=np.float64)
        if (weights < 0).any():
            raise ValueError(
                "sample_weight must hold no negative value; got "
                f"{weights.min():.4g}. Leave rows out with a weight of 0."
            )
        whole = np.array_equal(weights, np.floor(weights))
        if whole and weights.sum() <= _MOST_REPEATS * len(weights):
            order = np.repeat(order, weights[order].astype(int))
            return order, np.ones(len(order))
        order = order[weights[order] > 0]
        return order, weights[order]

    def _fit_autoencoder(self, X, seed: int) -> BaseAutoencoder:
        """Return an autoencoder of all rows, whatever it takes to have one."""
        if _is_fitted(self.autoencoder):
            # A copy, since the original may be fitted again.
            return copy.deepcopy(_unwrap(self.autoencoder))
        template = DenoisingAE() if self.autoencoder is None else self.autoencoder
        model = clone(template)
        if model.random_state is None:
            model.set_params(random_state=seed)
        X = X.reshape(X.shape[0], *self._row_shape) if len(self._row_shape) > 1 else X
        model = model.fit(X) if self.pretrain else model._start_at_random(X)
        if hasattr(self, "feature_names_in_"):
            model.feature_names_in_ = self.feature_names_in_
        return model

    def _fit_head(
        self,
        X,
        targets: np.ndarray,
        labelled: np.ndarray,
        weights: np.ndarray,
        seed: int,
    ) -> None:
        """Train head and encoder on the labelled rows, and on what others teach."""
        # A copy, so that the autoencoder stays as it was.
        model = copy.deepcopy(self.autoencoder_)
        device = torch.device(model.device_)
        rows = Rows(X, model._shift, model.scale_, device)
        sample = rows.sample(_MOST_MEASURED, seed)
        self._code_scale = float(model._per_row(model.module_.encode, sample).std())
        if self.freeze == "encoder":
            codes = model._per_row(model.module_.encode, rows)
            width = codes.shape[1]
            rows = Rows(codes, np.zeros(width), np.ones(width), device)
        self._structure = {
            "hidden_layer_sizes": tuple(self.hidden_layer_sizes),
            "activation": self.activation,
        }
        self._loss = self._make_loss(targets[labelled])
        weights = self._weigh(targets[labelled], weights[labelled])
        if not weights.any():
            raise ValueError(
                "class_weight must leave a labelled row with a weight above 0; got "
                f"{self.class_weight!r}."
            )
        weights = weights / weights.mean()
        radius = 0.0
        consistent = self.consistency_weight > 0
        if consistent:
            radius = _RADIUS * distance_to_neighbour(rows, _NEIGHBOUR, seed)
        network = PredictionNetwork(
            None if self.freeze == "encoder" else model.module_,
            self._build_head(),
            copy.deepcopy(self._loss),  # which moves to the device; ours stays
            reconstructs=self.reconstruction_weight > 0,
            radius=radius,
            consistent=consistent,
        )
        train, validation = self._split(rows, labelled, targets, weights, seed)
        batch_size = choose_batch_size(self.batch_size, len(train))
        self._install(network, model, batch_size, seed, self.callbacks or ())
        self._train(train, validation)
        network.autoencoder = model.module_
        self._record_history()

    def _build_head(self) -> nn.Module:
        """Return a head whose predictions are zero at first."""
        sizes = self.autoencoder_.n_components_, *self.hidden_layer_sizes
        layers = dense_stack((*sizes, self._n_outputs), self.activation)
        for parameter in layers[-1].parameters():
            nn.init.zeros_(parameter)
        return nn.Sequential(Rescaled(self._code_scale), *layers)

    def _split(
        self,
        rows: Rows,
        labelled: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        seed: int,
    ) -> tuple[LabelledRows, LabelledRows | None]:
        """Return training rows, with all rows beside them, and validation rows."""

        def choose(chosen: np.ndarray, others: Rows | None) -> LabelledRows:
            index = labelled[chosen]
            return LabelledRows(
                rows.at(index),
                torch.as_tensor(targets[index]),
                torch.as_tensor(weights[chosen], dtype=torch.float32),
                others,
            )

        order = np.random.RandomState(seed).permutation(len(labelled))
        n_validation = 0
        if self.early_stopping:
            n_validation = count_validation_rows(
                self.validation_fraction, len(labelled)
            )
        learns_from_all = self.reconstruction_weight > 0 or self.consistency_weight > 0
        train = choose(order[n_validation:], rows if learns_from_all else None)
        return train, choose(order[:n_validation], None) if n_validation else None

    def _install(
        self,
        network: PredictionNetwork,
        model: BaseAutoencoder,
        batch_size: int,
        seed: int,
        callbacks: Sequence,
    ) -> None:
        weight = self.reconstruction_weight
        if not isinstance(model.net_.criterion_, NestedObjective):
            weight /= model.n_features_in_  # relative to PCA's loss otherwise
        objective = PredictionObjective(
            network.loss, model.net_.criterion_, weight, self.consistency_weight
        )
        self.net_ = AutoencoderNet(
            network,
            objective,
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            batch_size=batch_size,
            precision=model.precision,
            seed=seed,
            callbacks=callbacks,
            device=torch.device(model.device_),
            verbose=self.verbose,
        ).initialize()
        self.module_ = self.net_.module_

    def _train(self, train: LabelledRows, validation: LabelledRows | None) -> None:
        """Train in as many stages as `freeze` asks for."""
        n_epochs = choose_n_epochs(self.max_iter, len(train), self.net_.batch_size)
        stages = self._stages()[-n_epochs:]
        # What does not divide evenly goes to the last stage, in which all layers learn.
        lengths = [max(1, n_epochs // len(stages))] * len(stages)
        lengths[-1] += max(0, n_epochs - sum(lengths))
        for length, learning in zip(lengths, stages, strict=True):
            for parameter in self.module_.parameters():
                parameter.requires_grad_(id(parameter) in learning)
            self.net_.initialize_optimizer()
            plan = TrainingPlan(
                n_epochs=length,
                patience=self.n_iter_no_change if self.early_stopping else None,
                tol=self.tol,
            )
            if self.net_.run(train, validation, plan).interrupted:
                raise KeyboardInterrupt
        self.module_.requires_grad_(True)

    def _stages(self) -> list[set[int]]:
        """Return the parameters, by identity, that learn in each stage."""

        def of(part: nn.Module, recurse: bool = True) -> set[int]:
            return {id(parameter) for parameter in part.parameters(recurse)}

        autoencoder, head = self.module_.autoencoder, of(self.module_.head)
        if autoencoder is None:
            return [head]
        everything = head | of(autoencoder)
        if not self.module_.reconstructs:
            # The encoder may share weights with the decoder, and keeps them.
            everything -= of(autoencoder.decoder) - of(autoencoder.encoder)
        if self.freeze != "gradual":
            return [everything]
        stages = [head]
        layers = [of(layer, recurse=False) for layer in autoencoder.encoder.modules()]
        for layer in filter(None, reversed(layers)):
            stages.append(stages[-1] | layer)
        return [*stages[:-1], everything]

    def _restore(self, weights: dict[str, torch.Tensor], net: tuple) -> None:
        history, batch_size, seed = net
        model = copy.deepcopy(self.autoencoder_)
        loss = copy.deepcopy(self._loss)
        with self._as_fitted(), isolated_rng(seed, torch.device(model.device_)):
            network = PredictionNetwork(model.module_, self._build_head(), loss)
            network.load_state_dict(weights)
            self._install(network, model, batch_size, seed, ())
        self.net_.history.extend(history)

    # ---------------------------------------------------------------------- using it

    @property
    def encoder_(self) -> RowEncoder:
        """Copy of the trained encoder on the CPU, from flat rows to codes."""
        check_is_fitted(self)
        model, trained = self.autoencoder_, self.module_.autoencoder
        return RowEncoder(trained, model._shift, model.scale_, model._code_unit)

    def _predict_raw(self, X, double: bool = False) -> np.ndarray:
        """Return logits or scaled values, shape (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = self._validate_rows(X, reset=False)
        model = self.autoencoder_
        rows = Rows(X, model._shift, model.scale_, torch.device(model.device_))
        if not double:
            return self._per_row(self.module_.predict, rows)
        network = copy.deepcopy(self.module_).cpu().double().eval()

        def predict(block: torch.Tensor) -> torch.Tensor:
            code = network.autoencoder.encode(block.cpu().double())
            return network.head(code.double())

        return self._per_row(predict, rows)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        model = _unwrap(self.autoencoder)
        if isinstance(model, BaseAutoencoder):
            tags.input_tags = get_tags(model).input_tags
        tags.input_tags.sparse = True
        return tags


def labelled_rows(known: np.ndarray, *arrays) -> list:
    """Return the rows that are labelled, of X, y and weights."""
    chosen = np.flatnonzero(known)
    return [None if a is None else safe_indexing(a, chosen) for a in arrays]


def _unwrap(model):
    """Return the estimator within a FrozenEstimator."""
    return model.estimator if isinstance(model, FrozenEstimator) else model


def _is_fitted(model) -> bool:
    return hasattr(_unwrap(model), "module_")
