"""Estimators as ONNX graphs, for programs without Python."""

from __future__ import annotations

import copy
import importlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from ._autoencoder import AutoencoderTransformer
from ._conv import ConvAutoencoderTransformer
from ._denoising import DenoisingAE
from ._pretrained_classifier import PretrainedClassifier
from ._pretrained_regressor import PretrainedRegressor
from ._sparse import SparseAE
from ._variational import VAE
from .base import BaseAutoencoder
from .nn.graphs import Probabilities, Reconstruction, RowScore, Values
from .nn.sparse import TopK
from .nn.unpool import check_bare_codes
from .training.atomic import explained, write_file
from .training.isolation import isolated

__all__ = ["register_onnx_converters", "to_onnx"]

# Names of the graph's output.
_OUTPUTS = {
    "transform": "codes",
    "inverse_transform": "rows",
    "reconstruct": "rows",
    "score_samples": "scores",
    "predict_proba": "probabilities",
    "predict": "values",
}


def to_onnx(
    estimator: Any,
    path: str | os.PathLike | None = None,
    part: str = "transform",
    *,
    opset: int = 18,
) -> Any:
    """Write what a fitted estimator computes as an ONNX graph.

    The graph takes a float32 tensor ``X`` of any number of flat rows in the units of
    the training rows, scales them as the estimator does, and agrees with it up to what
    float32 rounds. Rows of large offsets lose digits there, as ``X`` itself does.
    For a whole Pipeline see :func:`register_onnx_converters`.

    Parameters
    ----------
    estimator : object
        A fitted autoencoder or predictor of this library.
    path : str or path-like, default=None
        Where to write; a file that is there is replaced. None writes nothing.
    part : {"transform", "inverse_transform", "reconstruct", "score_samples", \
            "predict_proba", "predict"}, default="transform"
        The method. The last two are those of :class:`PretrainedClassifier` and
        :class:`PretrainedRegressor`, which have no other; the others those of
        autoencoders. ``"inverse_transform"`` takes codes.
    opset : int, default=18
        Version of ONNX's operators, at least 18.

    Returns
    -------
    model : onnx.ModelProto
        With the input ``X`` and one output: ``codes``, ``rows``, ``scores``,
        ``probabilities`` (in the order of ``classes_``) or ``values``.

    Raises
    ------
    ImportError
        If the extra is missing: ``pip install "sklearn-ae[onnx]"``.
    ValueError
        If the estimator has no such part.
    OSError
        If the file cannot be written. What was there before stays as it was.

    See Also
    --------
    save : Keeps all of an estimator, for this library.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> import sklearn_ae
    >>> X, _ = load_digits(return_X_y=True)
    >>> ae = sklearn_ae.AutoencoderTransformer(8, max_iter=5, random_state=0).fit(X)
    >>> model = sklearn_ae.to_onnx(ae, part="reconstruct")
    >>> [value.name for value in model.graph.output]
    ['rows']
    """
    check_is_fitted(estimator)
    build = _parts_of(estimator).get(part)
    if build is None:
        known = sorted(_parts_of(estimator))
        raise ValueError(
            f"part must be one of {known} for {type(estimator).__name__}; got {part!r}."
        )
    model = _export(*build(), _OUTPUTS[part], opset)
    if path is not None:
        with explained("path must name a file that can be written", path):
            write_file(Path(path), model.SerializeToString())
    return model


# ------------------------------------------------------------------------------ graphs


def _parts_of(estimator: Any) -> dict[str, Callable[[], tuple[nn.Module, int]]]:
    """Return what builds each part's module, and the width of what it takes."""
    if isinstance(estimator, PretrainedClassifier):
        return {"predict_proba": lambda: _predictor(estimator, Probabilities)}
    if isinstance(estimator, PretrainedRegressor):
        targets = estimator._targets
        scaling = targets.mean, targets.scale
        return {"predict": lambda: _predictor(estimator, Values, *scaling)}
    if not isinstance(estimator, BaseAutoencoder):
        raise TypeError(
            "estimator must be one of this library's autoencoders or predictors; got "
            f"{type(estimator).__name__}. For a Pipeline call "
            "register_onnx_converters(), and skl2onnx."
        )
    return {
        "transform": lambda: _encoder(estimator),
        "inverse_transform": lambda: _decoder(estimator),
        "reconstruct": lambda: _on_rows(estimator, Reconstruction),
        "score_samples": lambda: _on_rows(estimator, RowScore),
    }


def _encoder(estimator: Any) -> tuple[nn.Module, int]:
    encoder = estimator.encoder_
    n_kept = getattr(estimator, "transform_n_nonzero_coefs", None)
    if n_kept is not None and isinstance(encoder.module.bottleneck, TopK):
        encoder.module.bottleneck.n_kept = min(n_kept, estimator.n_components_)
    return encoder, estimator.n_features_in_


def _decoder(estimator: Any) -> tuple[nn.Module, int]:
    remedy = "Export reconstruct, or use upsampling='nearest'."
    check_bare_codes(estimator.module_.decoder, "inverse_transform needs", remedy)
    return estimator.decoder_, estimator.n_components_


def _on_rows(estimator: Any, kind: type) -> tuple[nn.Module, int]:
    scaling = estimator._model.scaling
    module = _copy(estimator.module_).settled()
    return kind(module, scaling.shift, scaling.scale), estimator.n_features_in_


def _predictor(estimator: Any, kind: type, *more: Any) -> tuple[nn.Module, int]:
    scaling = estimator._model.autoencoder.scaling
    network = _copy(estimator.module_)
    module = network.autoencoder.settled()
    built = kind(module, scaling.shift, scaling.scale, network.head, *more)
    return built, estimator.n_features_in_


def _copy(module: Any) -> Any:
    return copy.deepcopy(module).cpu().eval()


@isolated()
def _export(module: nn.Module, width: int, output: str, opset: int) -> Any:
    """Return the graph of a module on tensors of any number of rows."""
    _require("onnx")
    _require("onnxscript")
    with _silence():
        program = torch.onnx.export(
            module.eval(),
            (torch.zeros(3, width),),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("n")},),
            input_names=["X"],
            output_names=[output],
            opset_version=opset,
            verbose=False,
        )
    model: Any = program.model_proto  # type: ignore[union-attr]
    return model


@contextmanager
def _silence() -> Iterator[None]:
    """Keep torch's exporter from reporting what concerns its own workings."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)


def _require(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"exports to ONNX need {name}; install it with "
            "pip install 'sklearn-ae[onnx]'."
        ) from error


# --------------------------------------------------------------------------- skl2onnx


def register_onnx_converters() -> None:
    """Let skl2onnx convert pipelines with this library's autoencoders.

    Call it once; then ``skl2onnx.to_onnx(pipeline, X[:1])`` converts the whole of a
    Pipeline such as ``make_pipeline(StandardScaler(), ae, LogisticRegression())``.

    Raises
    ------
    ImportError
        If the extra is missing: ``pip install "sklearn-ae[onnx]"``.

    See Also
    --------
    to_onnx : Exports an estimator by itself.

    Examples
    --------
    >>> import sklearn_ae
    >>> sklearn_ae.register_onnx_converters()
    """
    skl2onnx = _require("skl2onnx")
    for kind in (
        *(AutoencoderTransformer, ConvAutoencoderTransformer),
        *(DenoisingAE, SparseAE, VAE),
    ):
        name = f"SklearnAe{kind.__name__}"
        skl2onnx.update_registered_converter(kind, name, _set_shape, _convert)


def _set_shape(operator: Any) -> None:
    """Tell skl2onnx the type and the shape of the codes."""
    types = _require("skl2onnx.common.data_types")
    n_rows = operator.inputs[0].get_first_dimension()
    shape = [n_rows, operator.raw_operator.n_components_]
    operator.outputs[0].type = types.FloatTensorType(shape)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Put the graph of an autoencoder into that of a pipeline."""
    compose = _require("onnx.compose")
    float32 = _require("onnx").TensorProto.FLOAT
    opset = max(18, container.target_opset_any_domain(""))
    model = to_onnx(operator.raw_operator, opset=opset)
    prefix = scope.get_unique_operator_name("ae") + "_"
    graph = compose.add_prefix(model, prefix).graph
    for nodes, known in (
        (graph.initializer, container.initializers),
        (graph.node, container.nodes),
    ):
        known.extend(nodes)
    container.node_domain_version_pair_sets.add(("", opset))
    container.add_node(
        "Cast", operator.inputs[0].full_name, graph.input[0].name, to=float32
    )
    container.add_node("Identity", graph.output[0].name, operator.outputs[0].full_name)
