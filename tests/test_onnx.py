"""Graphs in ONNX agree with the estimators that they come from."""

import sys
import warnings

import numpy as np
import onnxruntime
import pytest
import skl2onnx
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    PretrainedClassifier,
    PretrainedRegressor,
    SparseAE,
    register_onnx_converters,
    to_onnx,
)

from .parameter_values import companions, every_value, small
from .test_export import MODELS as AUTOENCODERS

X, Y = load_digits(return_X_y=True)
X, Y = X[:150].astype(np.float32), Y[:150] % 3
SHORT = {"max_iter": 1, "random_state": 0}
RANDOM = {"init": "random", "hidden_layer_sizes": (8,), **SHORT}
PARTS = ("transform", "inverse_transform", "reconstruct", "score_samples")

PREDICTORS = {
    "classifier": PretrainedClassifier(
        DenoisingAE(3, **RANDOM), hidden_layer_sizes=(4,), **SHORT
    ),
    "regressor": PretrainedRegressor(VAE(3, **RANDOM), **SHORT),
}
OTHERS = {
    "top-k, fewer": SparseAE(32, transform_n_nonzero_coefs=3, **RANDOM),
    "sparse output": SparseAE(32, sparse_output=True, **RANDOM),
    "per feature": DenoisingAE(3, scaling="per_feature", **RANDOM),
    "bernoulli": VAE(3, likelihood="bernoulli", **RANDOM),
    "negative binomial": VAE(3, likelihood="negative_binomial", **RANDOM),
    "unpool": ConvAutoencoderTransformer(
        3, channels=(4,), downsampling="max_pool", upsampling="unpool", **SHORT
    ).set_params(init="random"),
    "absolute error": AutoencoderTransformer(
        3, loss="absolute_error", floor=False, **SHORT
    ),
}


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


def rows_for(name):
    return X / 16 if name in ("log loss", "bernoulli") else X


def fit(name):
    model = ({**AUTOENCODERS, **OTHERS, **PREDICTORS})[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(model).fit(rows_for(name), Y)


def run(model, X):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"X": X})


def assert_close(found, wanted):
    wanted = wanted.toarray() if hasattr(wanted, "toarray") else wanted
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(found / scale, wanted / scale, rtol=0, atol=1e-4)
    assert found.dtype == np.float32


def check(model, part, rows):
    graph = to_onnx(model, part=part)
    given = rows
    if part == "inverse_transform":
        given = model.transform(rows)
        given = given.toarray() if hasattr(given, "toarray") else given
    for n_rows in (1, 2, len(rows)):
        found = run(graph, given[:n_rows])[0]
        wanted = getattr(model, part)(given[:n_rows])
        assert_close(found.reshape(np.shape(wanted)), wanted)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("conv", "reconstruct"),
        ("classifier", "predict_proba"),
        slow("plain", "transform"),
        slow("regressor", "predict"),
    ],
)
def test_graphs_agree_with_estimators(name, part):
    check(fit(name), part, rows_for(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*AUTOENCODERS, *OTHERS])
def test_graphs_of_each_option_agree_with_estimators(name):
    model = fit(name)
    for part in PARTS:
        if name == "unpool" and part == "inverse_transform":
            with pytest.raises(ValueError, match="Export reconstruct"):
                to_onnx(model, part=part)
        else:
            check(model, part, rows_for(name))


# Parameters that shape what a fitted estimator computes.
SHAPING = {
    *("activation", "architecture", "bottleneck", "channels", "code_activation"),
    *("convs_per_block", "downsampling", "hidden_layer_sizes", "image_shape", "init"),
    *("kernel_size", "likelihood", "loss", "nested", "noise_variance"),
    *("normalization", "output_activation", "output_kernel_size", "padding"),
    *("pretraining", "refinement_channels", "scaling", "size_factor", "sparse_output"),
    *("sparsity", "tied_weights", "transform_n_nonzero_coefs", "upsampling"),
}


def shaping_values():
    """Yield each value but defaults once, with a class that has the parameter."""
    seen = set()
    for cls, name, value in every_value():
        default = cls().get_params(deep=False)[name]
        # Lists, tuples and arrays of the same numbers are one value.
        text, usual = (str(np.asarray(v).tolist()) for v in (value, default))
        if name in SHAPING and text != usual and (name, text) not in seen:
            seen.add((name, text))
            yield cls, name, value


VALUES = list(shaping_values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cls", "name", "value"),
    VALUES,
    ids=[f"{cls.__name__}-{name}-{i}" for i, (cls, name, _) in enumerate(VALUES)],
)
def test_graphs_agree_for_every_value_of_a_parameter(cls, name, value):
    is_share = isinstance(value, str) and value in ("log_loss", "bernoulli")
    rows = X / 16 if is_share else X
    options = {"floor": False, **companions(cls, name, value), name: value}
    known = cls().get_params(deep=False)
    model = small(cls, {k: v for k, v in options.items() if k in known})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(rows, Y)
    verbs = [
        v for v in ("reconstruct", "predict_proba", "predict") if hasattr(model, v)
    ]
    check(model, verbs[0], rows)


def test_a_whole_pipeline_is_converted():
    register_onnx_converters()
    ae = AutoencoderTransformer(4, **RANDOM)
    pipeline = make_pipeline(StandardScaler(), ae, LogisticRegression())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.fit(X, Y)
        graph = skl2onnx.to_onnx(pipeline, X[:1], options={"zipmap": False})
    classes, probabilities = run(graph, X)
    np.testing.assert_array_equal(classes, pipeline.predict(X))
    assert_close(probabilities, pipeline.predict_proba(X))


def test_a_graph_is_written_with_the_opset_that_was_asked_for(tmp_path):
    model = fit("plain")
    to_onnx(model, tmp_path / "ae.onnx", opset=20)
    session = onnxruntime.InferenceSession(tmp_path / "ae.onnx")
    (given,), (codes,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape[1], codes.name) == ("X", 64, "codes")
    assert isinstance(given.shape[0], str)  # any number of rows
    assert_close(session.run(None, {"X": X})[0], model.transform(X))
    assert [o.version for o in to_onnx(model, opset=20).opset_import] == [20]


def test_what_an_estimator_has_not_is_refused():
    with pytest.raises(ValueError, match="part must be one of") as raised:
        to_onnx(fit("plain"), part="predict_proba")
    assert str(raised.value) == (
        "part must be one of ['inverse_transform', 'reconstruct', 'score_samples', "
        "'transform'] for AutoencoderTransformer; got 'predict_proba'."
    )
    with pytest.raises(TypeError) as raised:
        to_onnx(StandardScaler().fit(X))
    assert str(raised.value) == (
        "estimator must be one of this library's autoencoders or predictors; got "
        "StandardScaler. For a Pipeline call register_onnx_converters(), and skl2onnx."
    )


def test_what_is_missing_is_named(monkeypatch):
    model = fit("PCA")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"install 'sklearn-ae\[onnx\]'"):
        to_onnx(model)


def test_exports_leave_modes_and_modules_alone():
    model = fit("plain")
    before, codes = torch.is_grad_enabled(), model.transform(X)
    to_onnx(model)
    assert torch.is_grad_enabled() == before
    np.testing.assert_array_equal(model.transform(X), codes)
