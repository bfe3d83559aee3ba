import functools
import pickle
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from torch import nn

from sklearn_ae import (
    AutoencoderTransformer,
    CodeCollapseWarning,
    ConvArchitecture,
    ConvAutoencoderTransformer,
    PCAFloorWarning,
)
from sklearn_ae.training.net import AutoencoderNet

# Fits are short here, so that they often end at PCA or hardly beyond their start.
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_ae.PCAFloorWarning", "ignore::sklearn_ae.CodeCollapseWarning"
)


@pytest.fixture(scope="module")
def images():
    return load_digits().images.astype(np.float32)


def fit(X, n_components=2, **params):
    params = {"random_state": 0, "max_iter": 2, "channels": (4, 6)} | params
    return ConvAutoencoderTransformer(n_components, **params).fit(X)


# ---------------------------------------------------------------------------- layouts


@pytest.mark.parametrize(
    "row_shape", [(64,), (8, 8), (11, 7), (1, 30), (30, 1), (6, 5, 3), (40, 3), (13,)]
)
def test_layout_of_fit_is_returned(row_shape):
    X = np.random.RandomState(0).uniform(size=(40, *row_shape)).astype(np.float32)
    model = fit(X)
    codes = model.transform(X)
    assert codes.shape == (40, 2)
    assert model.n_features_in_ == np.prod(row_shape)
    assert model.inverse_transform(codes).shape == X.shape
    assert model.reconstruct(X).shape == X.shape
    assert model.score_samples(X).shape == (40,)
    flat = X.reshape(40, -1)
    np.testing.assert_array_equal(model.transform(flat), codes)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.reconstruct(X), model.reconstruct(X))


def test_images_and_their_flat_rows_give_the_same_model(images):
    X = images[:200]
    flat = fit(X.reshape(200, -1)).transform(X.reshape(200, -1))
    np.testing.assert_array_equal(fit(X).transform(X), flat)
    np.testing.assert_array_equal(fit(X[..., None]).transform(X[..., None]), flat)


def test_a_signal_is_an_image_of_height_one():
    X = np.random.RandomState(0).uniform(size=(40, 48, 3))
    inferred = fit(X)
    given = fit(X.reshape(40, -1), image_shape=(1, 48, 3))
    np.testing.assert_array_equal(
        inferred.transform(X), given.transform(X.reshape(40, -1))
    )


def test_other_rows_than_those_of_fit(images):
    model = fit(images[:50])
    with pytest.raises(ValueError, match="the rows of X must have the shape") as error:
        model.transform(images[:, :7])
    assert str(error.value) == (
        "the rows of X must have the shape (8, 8), as in fit, or be flat, with 64 "
        "values; got rows of shape (7, 8). Reshape X."
    )


def test_channels_first_is_told_how_to_move_the_axis():
    X = np.zeros((5, 3, 16, 16))
    with pytest.raises(ValueError, match="channels last") as error:
        fit(X)
    assert str(error.value) == (
        "X must have its channels last, (n, height, width, channels); got rows of "
        "shape (3, 16, 16), whose first axis looks like channels. Move it with "
        "numpy.moveaxis(X, 1, -1), or set image_shape=(3, 16, 16) if it is the height."
    )


def test_wrong_image_shape_names_both_products(images):
    with pytest.raises(ValueError, match="image_shape must match") as error:
        fit(images, image_shape=(28, 28, 3))
    assert str(error.value) == (
        "image_shape must match the rows of X: 28 x 28 x 3 = 2352 values, but rows "
        "have 8 x 8 = 64. Set image_shape to (height, width, channels) of X."
    )


def test_dense_networks_take_flat_rows_only(images):
    with pytest.raises(ValueError, match="takes rows of one axis"):
        AutoencoderTransformer().fit(images)


SIZES = st.integers(1, 12)
REFUSALS = ["padding='valid' needs", "upsampling='unpool' needs", "kernel_size must be"]


@settings(max_examples=80, deadline=None)
@given(
    shape=st.tuples(SIZES, SIZES, st.integers(1, 3)),
    params=st.fixed_dictionaries(
        {
            "channels": st.lists(st.sampled_from([1, 2, 5]), min_size=1, max_size=3),
            "kernel_size": st.integers(1, 5),
            "convs_per_block": st.sampled_from([1, 2, (2, 1)]),
            "downsampling": st.sampled_from(["stride", "max_pool", "avg_pool"]),
            "upsampling": st.sampled_from(
                ["transpose", "nearest", "bilinear", "zeros", "unpool"]
            ),
            "padding": st.sampled_from(["same", "valid"]),
            "normalization": st.sampled_from([None, "batch", "group"]),
            "output_kernel_size": st.sampled_from([None, 2, 3]),
            "refinement_channels": st.sampled_from([(), (3,)]),
            "bottleneck": st.sampled_from(["vector", "map"]),
        }
    ),
)
def test_shapes_come_back_or_the_error_comes_before_training(shape, params):
    X = np.random.RandomState(0).uniform(size=(9, *shape))
    params["channels"] = tuple(params["channels"])
    model = ConvAutoencoderTransformer(
        image_shape=shape, max_iter=1, random_state=0, **params
    )
    began = []
    run = AutoencoderNet.run
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(AutoencoderNet, "run", lambda *a: began.append(1) or run(*a))
        try:
            model.fit(X)
        except ValueError as error:
            if began or not any(rule in str(error) for rule in REFUSALS):
                raise
            return
    assert model.reconstruct(X).shape == X.shape
    if params["upsampling"] != "unpool":
        assert model.inverse_transform(model.transform(X)).shape == X.shape


# -------------------------------------------------------------------- what it promises


@pytest.mark.parametrize("upsampling", ["transpose", "nearest", "bilinear", "zeros"])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
def test_start_is_pca(images, upsampling, loss):
    X = images[:300]
    params = {"loss": loss, "upsampling": upsampling, "output_kernel_size": 3}
    params["refinement_channels"] = (4,)
    model = fit(X, 5, max_iter=1, learning_rate=1e-30, **params)
    flat = X.reshape(300, -1)
    pca = PCA(5).fit(flat)
    expected = pca.inverse_transform(pca.transform(flat)).reshape(X.shape)
    np.testing.assert_allclose(model.reconstruct(X), expected, atol=1e-3)


def test_refinement_is_trained(images):
    plain = fit(images, 8, max_iter=10)
    refined = fit(images, 8, max_iter=10, refinement_channels=(8,))
    assert plain.beats_pca_
    assert refined.beats_pca_
    added = (9 * 8 + 8) + (9 * 8 + 1)
    assert refined.n_parameters_ - plain.n_parameters_ == added
    *_, last = refined.module_.decoder.refinement.parameters()
    assert last.abs().max() > 0
    copy = pickle.loads(pickle.dumps(refined))
    np.testing.assert_array_equal(copy.reconstruct(images), refined.reconstruct(images))


def test_beats_pca_on_images(images):
    train, test = images[:1300], images[1300:]
    model = fit(train, 8, max_iter=20, channels=(16, 32))
    pca = PCA(8).fit(train.reshape(1300, -1))
    flat = test.reshape(len(test), -1)
    rebuilt = pca.inverse_transform(pca.transform(flat)).reshape(test.shape)
    error = np.mean((model.reconstruct(test) - test) ** 2)
    assert model.beats_pca_
    assert error < 0.9 * np.mean((rebuilt - test) ** 2)


def test_pipeline_and_search(images):
    flat = images[:400].reshape(400, -1)
    y = load_digits().target[:400]
    pipeline = Pipeline(
        [
            ("ae", ConvAutoencoderTransformer(max_iter=2, random_state=0)),
            ("clf", LogisticRegression(max_iter=1000)),
        ]
    )
    grid = {"ae__n_components": [4, 16], "ae__channels": [(8,), (8, 16)]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(flat, y)
    assert search.best_params_["ae__n_components"] == 16
    assert search.best_score_ > 0.8


def test_architecture_in_another_estimator(images):
    model = AutoencoderTransformer(
        4, architecture=ConvArchitecture(channels=(4, 6)), max_iter=2, random_state=0
    ).fit(images)
    same = fit(images, 4)
    np.testing.assert_array_equal(model.transform(images), same.transform(images))
    with pytest.raises(ValueError, match="must stay"):
        model.set_params(warm_start=True, architecture__channels=(8,)).fit(images)


def test_parameters_of_the_network_cannot_change_under_it(images):
    model = fit(images[:100], warm_start=True)
    model.set_params(channels=(5,))
    with pytest.raises(ValueError, match=r"channels must stay \(4, 6\)"):
        model.fit(images[:100])


def test_own_architecture_takes_flat_rows(images):
    def build(n_features, n_components):
        encoder = nn.Sequential(nn.Linear(n_features, 16), nn.ReLU())
        encoder.append(nn.Linear(16, n_components))
        return encoder, nn.Linear(n_components, n_features)

    model = fit(images, architecture=build)
    assert model.reconstruct(images).shape == images.shape


# ------------------------------------------------------------------------ feature maps


def test_map_as_code(images):
    model = fit(images, None, bottleneck="map")
    assert model.n_components_ == 2 * 2 * 6
    assert model.n_parameters_ == sum(p.numel() for p in model.module_.parameters())
    assert model.inverse_transform(model.transform(images)).shape == images.shape
    assert not any("linear" in name for name in model.module_.state_dict())


def test_map_as_code_has_its_own_width(images):
    with pytest.raises(ValueError, match="n_components must be None") as error:
        fit(images, 8, bottleneck="map")
    assert str(error.value) == (
        "n_components must be None where a feature map is the code, which has 24 "
        "values here; got 8. Change channels, or set bottleneck='vector'."
    )


def test_map_that_does_not_beat_pca_is_told(images):
    with pytest.warns(PCAFloorWarning, match="Codes of this kind have no PCA start"):
        fit(images, None, bottleneck="map", max_iter=10)


def test_a_code_as_wide_as_rows_is_not_compared_with_pca(images):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(images, None, channels=(32,), bottleneck="map", max_iter=5)
    assert model.n_components_ == 512
    assert model.pca_reconstruction_error_ < 1e-6


def test_unpooling_works_in_reconstruct_only(images):
    model = fit(images, downsampling="max_pool", upsampling="unpool")
    assert model.reconstruct(images).shape == images.shape
    with pytest.raises(ValueError, match="inverse_transform needs") as error:
        model.inverse_transform(model.transform(images))
    assert str(error.value) == (
        "inverse_transform needs a decoder that sees codes alone; with "
        "upsampling='unpool' it also needs the positions of the encoder's maxima, "
        "which codes do not hold. Use reconstruct(X), or upsampling='nearest'."
    )


def test_output_activation_needs_its_scale(images):
    params = {"init": "random", "scaling": None, "output_activation": "logistic"}
    rebuilt = fit(images / 16, **params).reconstruct(images / 16)
    assert 0 <= rebuilt.min() < rebuilt.max() <= 1
    with pytest.raises(ValueError, match="output_activation needs init='random'"):
        fit(images / 16, output_activation="logistic")


# ---------------------------------------------------------------------------- collapse


def test_collapse_is_detected(images):
    """Saturated sigmoids from a unit-variance start, as in the well-known question."""

    def build(n_features, n_components):
        nets = ConvArchitecture(
            channels=(16, 32),
            kernel_size=2,
            activation="logistic",
            hidden_layer_sizes=(64,),
        ).build(n_features, n_components)
        for net in nets:
            for parameter in net.parameters():
                nn.init.normal_(parameter)
            net.append(nn.Sigmoid())
        return nets

    X = images.reshape(len(images), -1) / 16
    model = ConvAutoencoderTransformer(
        10,
        architecture=build,
        init="random",
        scaling=None,
        learning_rate=1e-4,
        schedule="constant",
        max_iter=5,
        random_state=0,
    )
    with pytest.warns(CodeCollapseWarning, match="Codes hardly depend on the input"):
        model.fit(X)


def test_no_collapse_is_seen_where_there_is_none(images):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = fit(images, 2, init="random", max_iter=5)
    assert not [w for w in caught if issubclass(w.category, CodeCollapseWarning)]
    assert model.transform(images).std(axis=0).min() > 0


# ----------------------------------------------------------------------------- summary


def test_summary_prints_layers_and_the_code(images):
    model = fit(images, None, channels=(4, 2), bottleneck="map")
    assert str(model.summary()) == (
        "Layer                        Output shape  Parameters\n"
        "-----------------------------------------------------\n"
        "encoder.0 (ToMaps)           (n, 1, 8, 8)           0\n"
        "encoder.1 (Conv2d)           (n, 4, 4, 4)          40\n"
        "encoder.2 (GELU)             (n, 4, 4, 4)           0\n"
        "encoder.3 (Conv2d)           (n, 2, 2, 2)          74\n"
        "encoder.4 (GELU)             (n, 2, 2, 2)           0\n"
        "encoder.5 (ToRow)            (n, 8)                 0\n"
        "code                         (n, 8)                 0\n"
        "decoder.0 (ToMaps)           (n, 2, 2, 2)           0\n"
        "decoder.1 (ConvTranspose2d)  (n, 4, 4, 4)          76\n"
        "decoder.2 (GELU)             (n, 4, 4, 4)           0\n"
        "decoder.3 (ConvTranspose2d)  (n, 1, 8, 8)          37\n"
        "decoder.4 (ToRow)            (n, 64)                0\n"
        "output (Identity)            (n, 64)                0\n"
        "-----------------------------------------------------\n"
        "Total parameters: 227"
    )
    assert "<td>encoder.1 (Conv2d)</td><td>(n, 4, 4, 4)</td>" in (
        model.summary()._repr_html_()
    )
    assert model.n_parameters_ == model.summary().n_parameters == 227


@pytest.mark.parametrize("tied_weights", [True, False])
def test_summary_counts_every_parameter_once(images, tied_weights):
    X = images.reshape(len(images), -1)
    model = AutoencoderTransformer(
        4,
        hidden_layer_sizes=(16,),
        tied_weights=tied_weights,
        max_iter=1,
        random_state=0,
    ).fit(X)
    assert model.summary().n_parameters == model.n_parameters_


def test_weights_of_a_dense_and_a_convolutional_net(images):
    """The counts of tf_autoencoder's two networks for MNIST."""
    X = np.random.RandomState(0).uniform(size=(50, 784)).astype(np.float32)
    params = {"init": "random", "max_iter": 1, "random_state": 0}
    dense = AutoencoderTransformer(32, hidden_layer_sizes=(128, 64), **params).fit(X)
    conv = ConvAutoencoderTransformer(
        channels=(16, 8, 8),
        convs_per_block=(2, 1),
        output_kernel_size=3,
        bottleneck="map",
        **params,
    ).fit(X)
    assert (dense.n_parameters_, conv.n_parameters_) == (222384, 7873)


# ----------------------------------------------------------------------- narrow places


def test_global_random_state_is_left_alone(images):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    fit(images, None, bottleneck="map")
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("row_shape", "image_shape"), [((3, 8, 8), (8, 8, 3)), ((8, 12), (12, 8))]
)
def test_image_shape_must_have_the_axes_of_x(row_shape, image_shape):
    X = np.random.RandomState(0).uniform(size=(20, *row_shape))
    with pytest.raises(ValueError, match="image_shape must have the axes of X"):
        fit(X, image_shape=image_shape)


def test_image_shape_of_one_number():
    model = AutoencoderTransformer(architecture=ConvArchitecture(28))
    with pytest.raises(ValueError, match="image_shape must hold positive integers"):
        model.fit(np.random.RandomState(0).uniform(size=(20, 28)))


def test_arrays_and_partial_functions_are_fixed_parameters_too(images):
    X = images.reshape(len(images), -1)
    model = fit(X, channels=np.array([4, 6]))
    epochs = model.n_iter_
    assert model.partial_fit(X).partial_fit(X).n_iter_ == epochs + 2
    with pytest.raises(ValueError, match=r"channels must stay \(4, 6\)"):
        model.set_params(channels=np.array([4, 8])).partial_fit(X)
    own = functools.partial(ConvArchitecture(channels=(4,)).build)
    model = AutoencoderTransformer(4, architecture=own).partial_fit(X)
    assert model.partial_fit(X).n_iter_ == 2


@pytest.mark.parametrize("size", [27, 28])
def test_every_pixel_is_drawn_by_the_network(size):
    """Unpadded convolutions lose a border, which transposed ones must draw again."""
    architecture = ConvArchitecture(
        (size, size), padding="valid", downsampling="max_pool", convs_per_block=(2, 1)
    )
    _, decoder = architecture.build(size**2, 2)
    with torch.no_grad():
        image = decoder(torch.randn(1, 2)) - decoder[-2].bias
    assert (image != 0).all()


def test_lists_of_images(images):
    few = images[:30]
    np.testing.assert_array_equal(
        fit(few.tolist()).transform(few.tolist()),
        fit(few.astype(float)).transform(few.astype(float)),
    )
    with pytest.raises(ValueError, match="0 sample"):
        fit(few).transform(few[:0])


def test_passes_of_partial_fit_repeat(images):
    def passes():
        model = ConvAutoencoderTransformer(2, channels=(4,), random_state=0)
        return [model.partial_fit(images).loss_curve_[-1] for _ in range(3)]

    assert passes() == passes()


def test_summary_of_layers_that_return_more_than_one_tensor(images):
    class Recurrent(nn.Module):
        def __init__(self, width, code):
            super().__init__()
            self.layer = nn.GRU(width, code, batch_first=True)
            self.unused = nn.Linear(2, 2)

        def forward(self, X):
            return self.layer(X)[0]

    def build(n_features, n_components):
        return Recurrent(n_features, n_components), nn.Linear(n_components, n_features)

    X = images.reshape(len(images), -1)
    params = {"init": "random", "max_iter": 1, "random_state": 0}
    model = AutoencoderTransformer(2, architecture=build, **params).fit(X)
    summary = model.summary()
    assert summary.n_parameters == model.n_parameters_
    assert "(GRU)" in str(summary)


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
def test_diagram_of_a_decoder_that_needs_more_than_codes(images):
    """Diagrams ask for all attributes, and one of them does not exist here."""
    ae = ConvAutoencoderTransformer(
        4,
        downsampling="max_pool",
        upsampling="unpool",
        init="random",
        max_iter=1,
        random_state=0,
    ).fit(images[:100])
    assert not hasattr(ae, "decoder_")
    with pytest.raises(AttributeError, match="upsampling='nearest'"):
        _ = ae.decoder_
    assert "unpool" in ae._repr_html_()


def test_a_share_of_the_variance_goes_by_pca_where_codes_alone_are_not_decoded(images):
    params = {"downsampling": "max_pool", "upsampling": "unpool"}
    model = fit(images, 0.8, **params)
    flat = images.reshape(len(images), -1)
    assert model.n_components_ == pytest.approx(PCA(0.8).fit(flat).n_components_, abs=1)
    with pytest.raises(ValueError, match="nested codes need a decoder that sees codes"):
        fit(images, 4, nested=True, **params)


def test_maps_as_codes_of_shapes_that_numpy_made(images):
    few = images[:8]
    shapes = (8, 8), np.array([8, 8])
    plain, ours = (fit(few, None, bottleneck="map", image_shape=s) for s in shapes)
    assert ours.n_components_ == plain.n_components_ == 24
    np.testing.assert_array_equal(ours.transform(few), plain.transform(few))
