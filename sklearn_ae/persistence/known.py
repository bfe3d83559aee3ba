"""The classes that a file may name: no other is ever looked for, or imported."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import sklearn.model_selection
from sklearn.frozen import FrozenEstimator

from .._autoencoder import AutoencoderTransformer
from .._conv import ConvAutoencoderTransformer
from .._denoising import DenoisingAE
from .._prediction import PretrainedPredictor
from .._pretrained_classifier import PretrainedClassifier
from .._pretrained_regressor import PretrainedRegressor, Targets
from .._sparse import SparseAE
from .._variational import VAE
from ..base import BaseAutoencoder
from ..fitting.model import Model
from ..fitting.nested import SizeTable
from ..fitting.prediction import Head, PredictionModel
from ..fitting.scaling import Scaling
from ..nn.architectures import Architecture, DenseArchitecture
from ..nn.codes import PlainCode
from ..nn.contrast import ContrastiveCode
from ..nn.conv import ConvArchitecture
from ..nn.corruption import CorruptedInput, PairedInput
from ..nn.likelihoods import LikelihoodOutput
from ..nn.linear_path import (
    CountSolution,
    FactorSolution,
    LinearDenoiser,
    PCASolution,
)
from ..nn.losses import LossOutput, ReconstructionObjective
from ..nn.nested import NestedCode
from ..nn.recipe import Recipe
from ..nn.sparse import SparseCode, SparseObjective
from ..nn.statistics import CountStatistics
from ..nn.variational import EvidenceBound, LatentCode

__all__ = [
    "CLASSES",
    "ESTIMATORS",
    "KINDS",
    "OWN_KINDS",
    "PARTS",
    "SKOPS_TYPES",
    "SPLITTERS",
    "are_finite",
    "check_state",
]


def _by_name(*kinds: type) -> dict[str, type]:
    return {kind.__name__: kind for kind in kinds}


# So many features take little memory, whatever else is in a file.
_MAX_FEATURES = 10**5

#: What can be saved by itself.
ESTIMATORS = _by_name(
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    SparseAE,
    VAE,
    PretrainedClassifier,
    PretrainedRegressor,
)

#: What estimators consist of.
PARTS = _by_name(
    *(Model, PredictionModel, Head, Recipe, Scaling, SizeTable, Targets),
    *(DenseArchitecture, ConvArchitecture, CorruptedInput, PairedInput),
    *(PlainCode, ContrastiveCode, NestedCode, SparseCode, LatentCode),
    *(LossOutput, LikelihoodOutput),
    *(PCASolution, LinearDenoiser, FactorSolution, CountSolution, CountStatistics),
)

# Which recipes have as they are.
_OBJECTIVES = _by_name(ReconstructionObjective, SparseObjective, EvidenceBound)

#: scikit-learn's splitters, for the parameter ``validation``.
SPLITTERS = _by_name(
    *(
        kind
        for kind in vars(sklearn.model_selection).values()
        if isinstance(kind, type) and hasattr(kind, "split")
    )
)

#: Classes that are named as they are, not as the kind of an object.
CLASSES = {**_OBJECTIVES, **SPLITTERS}  # of which RepeatedKFold repeats one

KINDS = {**ESTIMATORS, **PARTS, **SPLITTERS, "FrozenEstimator": FrozenEstimator}

#: Whose classes a user may hand to ``load``, while the file holds their parameters.
OWN_KINDS = (BaseAutoencoder, Architecture)

#: Names of the types that skops has to be told to trust, in ``trusted=``.
SKOPS_TYPES = sorted(
    f"{kind.__module__}.{kind.__qualname__}"
    for kind in (*ESTIMATORS.values(), *PARTS.values(), *_OBJECTIVES.values())
)


def check_state(kind: type, state: Any, n_values: int) -> None:
    """Raise a ValueError if no object of a class can be restored from a state.

    Parameters
    ----------
    kind : type
        The class.
    state : object
        Decoded; objects in it have been checked.
    n_values : int
        Number of values of all arrays of the file.
    """
    rules = next((_RULES[base] for base in kind.__mro__ if base in _RULES), None)
    for is_kept, rule in () if rules is None else rules(state, n_values):
        if not is_kept:
            raise ValueError(f"{rule}, in a {kind.__name__}.")


def _rules_of_model(state: dict, n_values: int) -> list[tuple[bool, str]]:
    return [
        (isinstance(state["recipe"], Recipe), "recipe must be a Recipe"),
        (isinstance(state["scaling"], Scaling), "scaling must be a Scaling"),
        (_is_count(state["n_components"]), "n_components must be a count"),
        (isinstance(state["is_pca"], bool), "is_pca must be true or false"),
        (_is_count(state["seed"], 0), "seed must be a count"),
        (
            state.get("unseen") is None or _is_count(state["unseen"], 0),
            "unseen must be a count or None",
        ),
        (are_finite(state["weights"]), "weights must be finite"),
    ]


def _rules_of_prediction(state: dict, n_values: int) -> list[tuple[bool, str]]:
    model, head = state["autoencoder"], state["head"]
    return [
        (isinstance(model, Model), "autoencoder must be a Model"),
        (isinstance(head, Head), "head must be a Head"),
        (are_finite(state["weights"]), "weights must be finite"),
    ]


def _rules_of_scaling(state: dict, n_values: int) -> list[tuple[bool, str]]:
    shape, names = state["row_shape"], ("mean", "shift", "scale", "deviation")
    has_shape = (
        isinstance(shape, tuple) and len(shape) > 0 and all(map(_is_count, shape))
    )
    # Arrays of one value are repeated for all features, each of which has a weight.
    is_small = has_shape and prod(shape) <= max(n_values, _MAX_FEATURES)
    return [
        (is_small, "row_shape must be that of the weights"),
        (
            is_small and all(_is_row(state[name], prod(shape)) for name in names),
            "mean and scale must have finite values for the features of row_shape",
        ),
    ]


def _rules_of_estimator(state: dict, n_values: int) -> list[tuple[bool, str]]:
    is_model = isinstance(state.get("_model"), Model | None)
    return [(is_model, "the model must be a Model")]


def _rules_of_predictor(state: dict, n_values: int) -> list[tuple[bool, str]]:
    is_model = isinstance(state.get("_model"), PredictionModel | None)
    return [(is_model, "the model must be a PredictionModel")]


_RULES: dict[type, Any] = {
    BaseAutoencoder: _rules_of_estimator,
    PretrainedPredictor: _rules_of_predictor,
    Model: _rules_of_model,
    PredictionModel: _rules_of_prediction,
    Scaling: _rules_of_scaling,
}


def _is_count(value: Any, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def are_finite(weights: Any) -> bool:
    """Return whether weights, arrays by name, hold numbers alone."""
    return isinstance(weights, dict) and all(
        isinstance(name, str)
        and isinstance(values, np.ndarray)
        # Bounds of what is drawn in may be infinite.
        and (np.isfinite(values).all() or _is_bound(name, values))
        for name, values in weights.items()
    )


def _is_bound(name: str, values: np.ndarray) -> bool:
    is_bound = name.endswith(("reach.low", "reach.high"))
    return is_bound and not np.isnan(values).any()


def _is_row(values: Any, n_features: int) -> bool:
    is_row = isinstance(values, np.ndarray) and values.shape in ((1,), (n_features,))
    return is_row and values.dtype.kind == "f" and bool(np.isfinite(values).all())
