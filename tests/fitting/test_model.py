import copy
import io
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA
from torch import nn

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    ModelVersionWarning,
    SparseAE,
)
from sklearn_ae.fitting import model as model_module

from ..conftest import name_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")


def weights(model):
    return {name: v.clone() for name, v in model.module.state_dict().items()}


def assert_same(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.fixture
def fitted(curve):
    """An autoencoder that beats PCA."""
    return AutoencoderTransformer(1, max_iter=20, random_state=0).fit(curve)


@pytest.fixture
def fallen(noise):
    """An autoencoder that is PCA, because there was nothing to find."""
    ae = AutoencoderTransformer(2, max_iter=1, random_state=0).fit(noise)
    assert not ae.beats_pca_
    return ae


# ---------------------------------------------------------------- it does not change


def test_parameters_set_after_a_fit_leave_the_model_alone(fitted):
    model, before = fitted._model, weights(fitted._model)
    fitted.set_params(activation="tanh", hidden_layer_sizes=(8,), scaling=None)
    assert fitted._model is model
    assert_same(weights(model), before)
    assert model.recipe.architecture.activation == "gelu"


@pytest.mark.parametrize("name", ["fitted", "fallen"])
@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_training_further_leaves_the_model_alone(request, curve, name, method):
    ae = request.getfixturevalue(name).set_params(warm_start=True)
    model, before, codes = ae._model, weights(ae._model), ae.transform(curve)
    getattr(ae, method)(curve)
    assert ae._model is not model
    assert_same(weights(model), before)
    np.testing.assert_array_equal(model.encode(curve), codes)


def test_a_twin_has_weights_of_its_own(fitted):
    model, before = fitted._model, weights(fitted._model)
    twin = model.twin()
    assert_same(weights(twin), before)
    torch.nn.init.zeros_(twin.module.encoder.linear.weight)
    assert_same(weights(model), before)


def test_shallow_copies_share_the_module(fitted):
    twin = copy.copy(fitted)
    assert twin.module_ is fitted.module_
    assert twin._model is fitted._model
    assert copy.copy(fitted._model).module is fitted._model.module


# -------------------------------------------------------------- going on after PCA


def test_a_model_that_is_pca_has_networks_again_to_train_on(fallen, noise):
    model = fallen._model
    assert model.is_pca
    assert model.module.encoder.branch is None
    further = model.to_train_on(model.recipe, seed=3)
    assert not further.is_pca
    assert further.module.encoder.branch is not None
    assert further.n_parameters > model.n_parameters
    assert further.seed == 3
    rebuilt = model.reconstruct(noise)
    np.testing.assert_allclose(further.reconstruct(noise), rebuilt, atol=1e-6)


def test_a_network_goes_on_from_its_weights(fitted):
    model = fitted._model
    further = model.to_train_on(model.recipe, seed=3)
    assert_same(weights(further), weights(model))
    assert further.module is not model.module


# -------------------------------------------------------------------------- pickles


class _Strided(nn.Module):
    """A convolution whose weight is in the order of channels last."""

    def __init__(self, n_features, n_components):
        super().__init__()
        layer = nn.Conv2d(4, 6, 3, padding=1)
        self.maps = layer.to(memory_format=torch.channels_last)
        self.codes = nn.Linear(6 * n_features, n_components)

    def forward(self, X):
        maps = self.maps(X[:, None, :, None].expand(-1, 4, -1, 1))
        return self.codes(maps.flatten(1))


def networks_in_other_order(n_features, n_components):
    encoder = _Strided(n_features, n_components)
    return encoder, nn.Linear(n_components, n_features)


class WithoutTorch(pickle.Unpickler):
    """Refuse whatever belongs to torch."""

    def find_class(self, module, name):
        if module.split(".")[0] == "torch":
            raise AssertionError(f"{module}.{name} is in the pickle")
        return super().find_class(module, name)


@pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning")
@pytest.mark.filterwarnings("ignore::sklearn_ae.DeadUnitsWarning")
@pytest.mark.parametrize(
    "ae",
    [
        AutoencoderTransformer(2),
        AutoencoderTransformer(2, nested=True),
        AutoencoderTransformer(2, init="random"),
        ConvAutoencoderTransformer(2, image_shape=(2, 3), channels=(2,)),
        DenoisingAE(2),
        SparseAE(8),
        VAE(2),
    ],
    ids=str,
)
def test_pickles_hold_nothing_of_torch(noise, ae):
    ae.set_params(max_iter=1, random_state=0).fit(noise)
    again = WithoutTorch(io.BytesIO(pickle.dumps(ae))).load()
    np.testing.assert_array_equal(again.reconstruct(noise), ae.reconstruct(noise))


@pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning")
@pytest.mark.filterwarnings("ignore::sklearn_ae.DeadUnitsWarning")
@pytest.mark.parametrize(
    "ae",
    [
        AutoencoderTransformer(3, init="random"),
        AutoencoderTransformer(3, hidden_layer_sizes=(7,)),
        AutoencoderTransformer(3, tied_weights=True),
        AutoencoderTransformer(3, nested=True),
        AutoencoderTransformer(3, precision="bfloat16"),
        AutoencoderTransformer(3, init="random", architecture=networks_in_other_order),
        ConvAutoencoderTransformer(3, channels=(3,)),
        DenoisingAE(3),
        SparseAE(7),
        VAE(3),
    ],
    ids=name_of,
)
def test_a_network_and_its_pickle_round_alike(curve, ae):
    """Also single rows, whose products depend on where weights begin in memory."""
    X = curve[:70]
    ae.set_params(max_iter=2, random_state=0, device="cpu")
    for trained in (clone(ae).set_params(floor=False).fit, clone(ae).partial_fit):
        ae = trained(X).partial_fit(X)
        again = pickle.loads(pickle.dumps(ae))
        for rows in (X, X[:1], X[:2].astype(np.float32), sp.csr_array(X[:5])):
            found, codes = again.transform(rows), ae.transform(rows)
            assert abs(found - codes).max() == 0
            np.testing.assert_array_equal(again.reconstruct(rows), ae.reconstruct(rows))


def test_a_pickled_model_that_is_pca_is_about_as_small_as_pca():
    X = np.random.RandomState(0).standard_normal((200, 64))
    ae = AutoencoderTransformer(16, max_iter=1, random_state=0).fit(X)
    assert not ae.beats_pca_
    of_pca = len(pickle.dumps(PCA(16).fit(X)))
    assert len(pickle.dumps(ae)) <= 2 * of_pca + 20_000


def test_a_pickle_of_another_version_is_read_with_a_warning(fallen, noise, monkeypatch):
    monkeypatch.setattr(model_module, "__version__", "0.0.1")
    data = pickle.dumps(fallen)
    monkeypatch.setattr(model_module, "__version__", "9.8.7")
    with pytest.warns(ModelVersionWarning) as record:
        again = pickle.loads(data)
    assert [str(warning.message) for warning in record] == [
        "This model was pickled with sklearn-ae 0.0.1 and is read with 9.8.7; results "
        "may differ. Pickle it anew, or install the version it was made with."
    ]
    np.testing.assert_array_equal(again.transform(noise), fallen.transform(noise))


def test_reading_a_pickle_leaves_the_global_random_state_alone(fitted):
    data = pickle.dumps(fitted)
    before = torch.get_rng_state()
    pickle.loads(data)
    assert torch.equal(torch.get_rng_state(), before)


# ------------------------------------------------------------- a fallback costs little


@pytest.mark.parametrize("convert", [np.asarray, np.float32, sp.csr_array])
@pytest.mark.parametrize("scaling", ["global", "per_feature", None])
@pytest.mark.parametrize("nested", [False, True])
def test_codes_of_a_fallback_are_those_of_its_module(noise, convert, scaling, nested):
    X = noise * np.arange(1, 7) + 5
    ae = AutoencoderTransformer(
        2, scaling=scaling, nested=nested, max_iter=1, random_state=0
    ).fit(X)
    model = ae._model
    assert model.is_pca
    codes = model.encode(convert(X))
    expected = model.rowwise(model.module.encode, model.rows(X)) * model.code_scale
    np.testing.assert_allclose(codes, expected, rtol=1e-4, atol=1e-5)
    assert codes.dtype == np.float32
    again = pickle.loads(pickle.dumps(ae))
    np.testing.assert_array_equal(again.transform(convert(X)), codes)


def test_codes_of_a_fallback_keep_their_digits_far_from_zero(noise):
    far = AutoencoderTransformer(2, max_iter=1, random_state=0).fit(noise + 1e8)
    near = AutoencoderTransformer(2, max_iter=1, random_state=0).fit(noise)
    assert far._model.is_pca
    np.testing.assert_allclose(
        far.transform(noise + 1e8), near.transform(noise), atol=1e-5
    )


def test_a_model_that_goes_on_forgets_the_codes_of_the_fallback(fallen, noise):
    before = fallen.transform(noise)
    fallen.set_params(learning_rate=0.1).partial_fit(noise)
    assert np.abs(fallen.transform(noise) - before).max() > 1e-3


@pytest.mark.parametrize("shape", [(120, 6), (60, 2000)])
@pytest.mark.parametrize("n_components", [1, 4])
def test_a_pickle_of_a_fallback_is_at_most_twice_as_large_as_pca_s(shape, n_components):
    X = np.random.RandomState(0).standard_normal(shape)
    ae = AutoencoderTransformer(n_components, max_iter=1, random_state=0).fit(X)
    assert ae._model.is_pca
    pca = PCA(n_components).fit(X)
    # A small estimator is mostly the names of its parameters.
    assert len(pickle.dumps(ae)) < 2 * len(pickle.dumps(pca)) + 700
