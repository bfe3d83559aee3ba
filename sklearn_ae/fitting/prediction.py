"""Predictions from codes: how a head and an encoder learn from few labels."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from ..nn.dense import dense_stack
from ..nn.prediction import (
    ClassificationLoss,
    PredictionLoss,
    PredictionNetwork,
    PredictionObjective,
    RegressionLoss,
    Rescaled,
)
from ..nn.randomness import redirected_draws
from ..training.batches import Rows
from ..training.checkpointing import Checkpoint
from ..training.inference import rowwise
from ..training.isolation import isolated
from ..training.labels import LabelledRows, distance_to_neighbour
from ..training.net import AutoencoderNet, TrainingPlan
from .holdout import Holdout
from .model import Model
from .planning import choose_batch_size, choose_n_epochs

__all__ = [
    "Head",
    "HeadOptions",
    "Labels",
    "PredictionModel",
    "find_stages",
    "fit_head",
    "make_net",
]

# The step at which predictions must agree: this share of the distance to this
# neighbour, as in Hu et al. (2017).
_RADIUS, _NEIGHBOUR = 0.25, 10

# Codes of so many rows are measured, to give the head inputs of about unit variance.
_MAX_MEASURED = 5000


@dataclass(frozen=True)
class Labels:
    """What is known of labelled rows.

    Parameters
    ----------
    positions : ndarray of int
        Where they are in the table.
    targets : ndarray of shape (n_labelled,) or (n_labelled, n_outputs)
        As the loss takes them.
    weights : ndarray of shape (n_labelled,)
        Weights of their losses.
    shares : tuple of float, default=None
        Share of each class among them; None for numbers.
    held_out : Holdout, default=None
        Which of them are held out; None trains on all.
    """

    positions: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    shares: tuple[float, ...] | None = None
    held_out: Holdout | None = None


@dataclass(frozen=True)
class Head:
    """Recipe of a head on codes.

    Parameters
    ----------
    hidden_layer_sizes, activation
        Its layers.
    n_outputs : int
        Width of a prediction.
    shares : tuple of float or None
        Share of each class among the labelled rows; None predicts numbers.
    code_scale : float, default=1.0
        Standard deviation of codes.
    """

    hidden_layer_sizes: tuple[int, ...]
    activation: str
    n_outputs: int
    shares: tuple[float, ...] | None
    code_scale: float = 1.0

    def build(self, n_components: int) -> nn.Module:
        """Return layers whose predictions are zero at first."""
        sizes = n_components, *self.hidden_layer_sizes, self.n_outputs
        with redirected_draws():
            layers = dense_stack(sizes, self.activation)
        for parameter in layers[-1].parameters():
            nn.init.zeros_(parameter)
        return nn.Sequential(Rescaled(self.code_scale), *layers)

    def build_loss(self) -> PredictionLoss:
        """Return the loss of predictions."""
        if self.shares is None:
            return RegressionLoss()
        return ClassificationLoss(torch.tensor(self.shares, dtype=torch.float32))


@dataclass(frozen=True)
class HeadOptions:
    """How to learn from labels: parameters of the predictors, a seed, a checkpoint."""

    freeze: str
    reconstruction_weight: float
    consistency_weight: float
    learning_rate: float
    weight_decay: float
    batch_size: int | str
    max_iter: int | None
    early_stopping: bool
    validation_fraction: float | str
    n_iter_no_change: int
    tol: float
    callbacks: Sequence
    verbose: int
    precision: str
    seed: int
    checkpoint: Checkpoint | None = None

    @property
    def learns_from_all(self) -> bool:
        """Whether rows without labels take part."""
        return self.reconstruction_weight > 0 or self.consistency_weight > 0


class PredictionModel:
    """A trained encoder with a trained head.

    A pickle holds NumPy arrays instead of torch's tensors.

    Parameters
    ----------
    autoencoder : Model
        Its module is that of the network.
    head : Head
        Recipe of the head.
    network : PredictionNetwork
        Encoder and head.
    """

    _double: PredictionNetwork | None = None

    def __init__(
        self, autoencoder: Model, head: Head, network: PredictionNetwork
    ) -> None:
        self.autoencoder = autoencoder
        self.head = head
        self.network = network

    @isolated()
    def predict(self, X: np.ndarray | sp.csr_array, double: bool = False) -> np.ndarray:
        """Return logits or scaled values, shape (n_samples, n_outputs).

        Parameters
        ----------
        X : ndarray or CSR of shape (n_samples, n_features)
            Rows.
        double : bool, default=False
            Compute in float64, so that a row's value does not depend on its batch.
        """
        rows = self.autoencoder.rows(X)
        if not double:
            return rowwise(self.network, self.network.predict, rows)
        network = self._in_float64()

        def predict(block: torch.Tensor) -> torch.Tensor:
            code = network.autoencoder.encode(block.cpu().double())
            return network.head(code.double())

        return rowwise(network, predict, rows)

    def _in_float64(self) -> Any:
        """Return the network in float64 on the CPU, with the weights as they are now.

        The copy is kept, since it takes longer to make than to fill.
        """
        if self._double is None:
            self._double = copy.deepcopy(self.network).cpu().double()
        kept = [*self._double.parameters(), *self._double.buffers()]
        current = [*self.network.parameters(), *self.network.buffers()]
        with torch.no_grad():
            for value, now in zip(kept, current, strict=True):
                value.copy_(now)
        return self._double

    def __getstate__(self) -> dict[str, Any]:
        """Replace the network by NumPy weights of the head."""
        weights = self.network.head.state_dict().items()
        return {
            "autoencoder": self.autoencoder,
            "head": self.head,
            "weights": {name: value.cpu().numpy() for name, value in weights},
        }

    @isolated()
    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the network again around the autoencoder."""
        self.autoencoder, self.head = state["autoencoder"], state["head"]
        model = self.autoencoder
        with isolated(model.seed):
            head = self.head.build(model.n_components)
        weights = {name: torch.tensor(v) for name, v in state["weights"].items()}
        head.load_state_dict(weights)
        loss = self.head.build_loss()
        self.network = PredictionNetwork(model.module, head, loss).to(model.device)


def fit_head(
    autoencoder: Model,
    head: Head,
    X: np.ndarray | sp.csr_array,
    labels: Labels,
    options: HeadOptions,
) -> tuple[PredictionModel, AutoencoderNet]:
    """Train head and encoder on the labelled rows, and on what others teach.

    Parameters
    ----------
    autoencoder : Model
        Of all rows; it is left as it is.
    head : Head
        Recipe of the head, but for the scale of codes.
    X : ndarray or CSR of shape (n_samples, n_features)
        All rows.
    labels : Labels
        Of some of them.
    options : HeadOptions
        How to train.

    Returns
    -------
    model : PredictionModel
    net : AutoencoderNet
        The net that trained.
    """
    with isolated(options.seed):
        # Where PCA was better, there is a network to learn all the same.
        model = autoencoder.to_train_on(autoencoder.recipe, autoencoder.seed)
        model = model.with_pca(autoencoder.pca)
        rows = model.rows(X)
        sample = rows.sample(_MAX_MEASURED, options.seed)
        # Codes that are all equal, as of rows that are, have no scale.
        scale = float(model.rowwise(model.module.encode, sample).std()) or 1.0
        head = replace(head, code_scale=scale)
        if options.freeze == "encoder":
            codes = model.rowwise(model.module.encode, rows)
            width = codes.shape[1]
            rows = Rows(codes, np.zeros(width), np.ones(width), model.device)
        consistent, radius = options.consistency_weight > 0, 0.0
        if consistent:
            neighbour = distance_to_neighbour(rows, _NEIGHBOUR, options.seed)
            radius = _RADIUS * neighbour
        network = PredictionNetwork(
            None if options.freeze == "encoder" else model.module,
            head.build(model.n_components),
            head.build_loss(),
            reconstructs=options.reconstruction_weight > 0,
            radius=radius,
            consistent=consistent,
        )
        train, validation = _split(rows, labels, options)
        batch_size = choose_batch_size(options.batch_size, len(train))
        net = make_net(network, model, options, batch_size).initialize()
        _train(net, train, validation, options)
        network.autoencoder = model.module
        return PredictionModel(model, head, network), net


def make_net(
    network: PredictionNetwork,
    model: Model,
    options: HeadOptions,
    batch_size: int,
    history: Sequence[dict] = (),
) -> AutoencoderNet:
    """Return the net around a network; ``initialize`` prepares it to train."""
    objective = model.recipe.build_objective(model.pca, model.n_components)
    weight = options.reconstruction_weight
    if not model.recipe.bottleneck.is_nested:
        weight /= model.n_features  # relative to PCA's loss otherwise
    return AutoencoderNet(
        network,
        PredictionObjective(
            network.loss, objective, weight, options.consistency_weight
        ),
        lr=options.learning_rate,
        weight_decay=options.weight_decay,
        batch_size=batch_size,
        precision=options.precision,
        seed=options.seed,
        callbacks=options.callbacks,
        device=model.device,
        verbose=options.verbose,
        history=history,
    )


def _split(
    rows: Rows, labels: Labels, options: HeadOptions
) -> tuple[LabelledRows, LabelledRows | None]:
    """Return training rows, with all rows beside them, and validation rows."""

    def choose(chosen: np.ndarray, others: Rows | None) -> LabelledRows:
        return LabelledRows(
            rows.at(labels.positions[chosen]),
            torch.as_tensor(labels.targets[chosen]),
            torch.as_tensor(labels.weights[chosen], dtype=torch.float32),
            others,
        )

    others = rows if options.learns_from_all else None
    held_out = labels.held_out
    if held_out is None:
        order = np.random.RandomState(options.seed).permutation(len(labels.positions))
        return choose(order, others), None
    train = choose(held_out.train, others)
    has_rows = len(held_out.validation) > 0
    return train, choose(held_out.validation, None) if has_rows else None


def _train(
    net: AutoencoderNet,
    train: LabelledRows,
    validation: LabelledRows | None,
    options: HeadOptions,
) -> None:
    """Train in as many stages as `freeze` asks for."""
    network: Any = net.module_
    n_epochs = choose_n_epochs(options.max_iter, len(train), net.batch_size)
    stages = find_stages(network, options.freeze)[-n_epochs:]
    # What does not divide evenly goes to the last stage, in which all layers learn.
    lengths = [max(1, n_epochs // len(stages))] * len(stages)
    lengths[-1] += max(0, n_epochs - sum(lengths))
    for length, learning in zip(lengths, stages, strict=True):
        for parameter in network.parameters():
            parameter.requires_grad_(id(parameter) in learning)
        net.initialize_optimizer()
        plan = TrainingPlan(
            n_epochs=length,
            patience=options.n_iter_no_change if options.early_stopping else None,
            tol=options.tol,
        )
        outcome = net.run(train, validation, plan, checkpoint=options.checkpoint)
        if outcome.interrupted:
            raise KeyboardInterrupt
    network.requires_grad_(True)


def find_stages(network: PredictionNetwork, freeze: str) -> list[set[int]]:
    """Return the parameters, by identity, that learn in each stage."""

    def of(part: Any, recurse: bool = True) -> set[int]:
        return {id(parameter) for parameter in part.parameters(recurse)}

    autoencoder, head = network.autoencoder, of(network.head)
    if autoencoder is None:
        return [head]
    everything = head | of(autoencoder)
    if not network.reconstructs:
        # The encoder may share weights with the decoder, and keeps them.
        everything -= of(autoencoder.decoder) - of(autoencoder.encoder)
    if freeze != "gradual":
        return [everything]
    stages = [head]
    layers = [of(layer, recurse=False) for layer in autoencoder.encoder.modules()]
    for layer in filter(None, reversed(layers)):
        stages.append(stages[-1] | layer)
    return [*stages[:-1], everything]
