import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvArchitecture,
    ConvAutoencoderTransformer,
    DenoisingAE,
    PCAFloorWarning,
    SparseAE,
)
from sklearn_ae.fitting.prepare import build_or_continue

NESTED = [AutoencoderTransformer, ConvAutoencoderTransformer, DenoisingAE]
SIZES = [3, 5, 8]


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)[0].astype(np.float32)


@pytest.fixture(scope="module")
def fitted(digits):
    """One nested estimator of each class, of eight codes."""
    return {
        cls: cls(8, nested=True, max_iter=15, random_state=0).fit(digits[:1300])
        for cls in NESTED
    }


@pytest.mark.parametrize("cls", NESTED)
@pytest.mark.parametrize("size", SIZES)
def test_truncating_keeps_the_first_codes(fitted, digits, cls, size):
    model = fitted[cls]
    small = model.truncate(size)
    codes = model.transform(digits[:50])
    np.testing.assert_allclose(
        small.transform(digits[:50]), codes[:, :size], rtol=1e-3, atol=1e-3
    )
    assert small.n_components_ == small.n_components == size
    assert not small.nested


@pytest.mark.parametrize("cls", NESTED)
@pytest.mark.parametrize("size", SIZES)
def test_truncating_keeps_what_the_network_does_with_few_codes(
    fitted, digits, cls, size
):
    model = fitted[cls]
    scaled = torch.as_tensor(model.transform(digits[:20]) / model.scale_[0]).float()
    with torch.inference_mode():
        rebuilt = model.module_.decode_first(scaled, size)
    rebuilt = rebuilt.numpy() * model.scale_ + model.mean_
    small = model.truncate(size)
    np.testing.assert_allclose(small.reconstruct(digits[:20]), rebuilt, atol=1e-2)


@pytest.mark.parametrize("cls", NESTED)
def test_every_size_is_at_least_as_good_as_pca(fitted, digits, cls):
    model = fitted[cls]
    for size in SIZES:
        small = model.truncate(size)
        assert small.reconstruction_error_ <= small.pca_reconstruction_error_


def test_shares_are_cumulative_and_those_of_held_out_rows(fitted, digits):
    model = fitted[AutoencoderTransformer]
    shares = model.explained_variance_ratio_.cumsum()
    assert shares.shape == (8,)
    for size in SIZES:
        score = model.truncate(size).score(digits[1300:])
        assert score == pytest.approx(shares[size - 1], abs=0.1)
    pca = PCA(8).fit(digits[:1300]).explained_variance_ratio_.cumsum()
    assert (shares > pca).all()


def test_polishing_makes_a_truncated_code_better(fitted, digits):
    small = fitted[AutoencoderTransformer].truncate(3)
    before = small.score(digits[1300:])
    small.set_params(warm_start=True, max_iter=8).fit(digits[:1300])
    assert small.score(digits[1300:]) > before


@pytest.mark.parametrize("cls", NESTED)
def test_pickles_whole_and_truncated(fitted, digits, cls):
    for model in (fitted[cls], fitted[cls].truncate(3)):
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(
            again.transform(digits[:5]), model.transform(digits[:5])
        )


def test_truncating_leaves_the_whole_code_as_it_is(fitted, digits):
    model = fitted[AutoencoderTransformer]
    before = model.transform(digits[:5])
    model.truncate(2).set_params(warm_start=True, max_iter=1).fit(digits[:500])
    np.testing.assert_array_equal(model.transform(digits[:5]), before)
    assert model.nested is True


def test_parameters_set_after_the_fit_do_not_reach_truncated_codes(fitted, digits):
    model = pickle.loads(pickle.dumps(fitted[AutoencoderTransformer]))
    before = model.truncate(4).transform(digits[:5])
    model.set_params(activation="relu", hidden_layer_sizes=(3,))
    np.testing.assert_array_equal(model.truncate(4).transform(digits[:5]), before)


def test_shares_do_not_outlive_nested_codes(digits):
    model = AutoencoderTransformer(4, nested=True, max_iter=2, random_state=0)
    small = model.fit(digits).truncate(3)
    assert len(small.explained_variance_ratio_) == 3
    small.set_params(warm_start=True).fit(digits)
    model.set_params(nested=False).fit(digits)
    assert not hasattr(small, "explained_variance_ratio_")
    assert not hasattr(model, "explained_variance_ratio_")


def test_callbacks_do_not_start_again_when_a_share_is_found(digits):
    seen = EpochCounter()
    AutoencoderTransformer(
        0.6, nested=True, max_iter=3, callbacks=[seen], random_state=0
    ).fit(digits)
    assert seen.n_epochs == 3


class EpochCounter(Callback):
    def initialize(self):
        self.n_epochs = 0

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs += 1


def test_shares_of_denoisers_are_those_of_clean_rows(fitted, digits):
    model = fitted[DenoisingAE]
    share = model.explained_variance_ratio_.sum()
    assert model.score(digits[1300:]) == pytest.approx(share, abs=0.06)


def test_sizes_of_ones_own(digits):
    model = AutoencoderTransformer(8, nested=(2, 4), max_iter=15, random_state=0)
    model.fit(digits)
    for size in (2, 4, 8):
        small = model.truncate(size)
        assert small.reconstruction_error_ < small.pca_reconstruction_error_


def test_noise_falls_back_to_pca_at_every_size(noise):
    with pytest.warns(PCAFloorWarning):
        model = AutoencoderTransformer(4, nested=True, random_state=0).fit(noise)
    pca = PCA(4).fit(noise)
    for size in (1, 2, 4):
        share = pca.explained_variance_ratio_[:size].sum()
        assert model.truncate(size).score(noise) == pytest.approx(share, abs=1e-4)


def test_tied_weights_can_be_nested(curve):
    model = AutoencoderTransformer(
        2, nested=True, tied_weights=True, max_iter=30, random_state=0
    ).fit(curve)
    codes = model.transform(curve[:5])
    small = model.truncate(1).transform(curve[:5])
    np.testing.assert_allclose(small, codes[:, :1], atol=1e-4)


def test_logarithmic_loss_can_be_nested(digits):
    model = AutoencoderTransformer(
        4, nested=True, loss="log_loss", max_iter=15, random_state=0
    ).fit(digits / 16)
    small = model.truncate(2)
    assert small.reconstruction_error_ < small.pca_reconstruction_error_


def test_passes_can_be_nested(digits):
    model = AutoencoderTransformer(4, nested=True, random_state=0)
    for _ in range(3):
        model.partial_fit(digits)
    assert model.explained_variance_ratio_.shape == (4,)


# ------------------------------------------------------- n_components as a share


@pytest.mark.parametrize("nested", [False, True])
def test_a_share_takes_the_smallest_code_that_keeps_it(digits, nested):
    model = AutoencoderTransformer(0.8, nested=nested, max_iter=40, random_state=0)
    model.fit(digits[:1300])
    n_pca = PCA(0.8).fit(digits[:1300]).n_components_
    assert 1 < model.n_components_ < n_pca
    assert model.score(digits[1300:]) > 0.75
    assert model.n_components == 0.8
    assert model.nested is nested


def test_a_share_of_noise_takes_as_many_codes_as_pca(noise):
    with pytest.warns(PCAFloorWarning):
        model = AutoencoderTransformer(0.7, max_iter=5, random_state=0).fit(noise)
    assert abs(model.n_components_ - PCA(0.7).fit(noise).n_components_) <= 1


def test_a_nested_share_can_be_truncated_further(digits):
    model = AutoencoderTransformer(0.7, nested=True, max_iter=20, random_state=0)
    model.fit(digits)
    n_components = model.n_components_
    assert model.explained_variance_ratio_.shape == (n_components,)
    assert model.truncate(n_components - 1).n_components_ == n_components - 1


# ------------------------------------------------------------------- wrong uses


def test_truncate_needs_a_fit():
    with pytest.raises(NotFittedError):
        AutoencoderTransformer(nested=True).truncate(2)


def test_truncate_needs_nested_codes(curve):
    model = AutoencoderTransformer(2, max_iter=2, random_state=0).fit(curve)
    message = "truncate needs codes that were trained to be cut off; got a fit with "
    message += "nested=False"
    with pytest.raises(ValueError, match=message):
        model.truncate(1)


@pytest.mark.parametrize("size", [0, 9, 2.5, "all"])
def test_truncate_takes_sizes_that_there_are(fitted, size):
    with pytest.raises(ValueError, match="must be an integer from 1 to n_components_"):
        fitted[AutoencoderTransformer].truncate(size)


@pytest.mark.parametrize("nested", [(), (0,), (2.5,)])
def test_sizes_must_be_positive_integers(curve, nested):
    with pytest.raises(ValueError, match="nested must be True, False or hold code siz"):
        AutoencoderTransformer(2, nested=nested).fit(curve)


@pytest.mark.parametrize("nested", [(50,), (2, 9), (4,)])
def test_sizes_must_fit_the_code(curve, nested):
    with pytest.raises(
        ValueError, match="nested must hold sizes up to n_components = 4"
    ):
        AutoencoderTransformer(4, nested=nested).fit(curve)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            AutoencoderTransformer(2, pretraining="layerwise"),
            "pretraining must be None",
        ),
        (DenoisingAE(2, code_activation="relu"), "nested codes need a linear code"),
        (DenoisingAE(9), "n_components must be at most n_features = 6"),
        (
            AutoencoderTransformer(architecture=ConvArchitecture(bottleneck="map")),
            "nested codes need a linear code of n_components values",
        ),
    ],
)
def test_what_cannot_be_nested(curve, model, message):
    with pytest.raises(ValueError, match=message):
        model.set_params(nested=True).fit(curve)


def test_an_architecture_that_depends_on_the_size_cannot_be_cut(curve):
    def pair(n_features, n_components):
        hidden = 5 * n_components
        encoder = torch.nn.Sequential(
            torch.nn.Linear(n_features, hidden), torch.nn.Linear(hidden, n_components)
        )
        return encoder, torch.nn.Linear(n_components, n_features)

    model = AutoencoderTransformer(
        3, architecture=pair, nested=True, max_iter=3, init="random", random_state=0
    )
    with pytest.warns(PCAFloorWarning):
        model.fit(curve)
    with pytest.raises(ValueError, match="only the layers beside the code depend on"):
        model.truncate(2)


def test_others_have_no_such_parameter():
    for cls in (SparseAE, VAE):
        assert "nested" not in cls().get_params()


# ------------------------------------------------------------ halves to take away


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
@pytest.mark.filterwarnings("ignore::sklearn_ae.DeadUnitsWarning")
@pytest.mark.parametrize("cls", [*NESTED, SparseAE, VAE])
def test_encoder_and_decoder_are_modules_in_units_of_the_data(cls, digits):
    model = cls(5, max_iter=2, random_state=0)
    model.fit(digits[:300])
    rows = torch.as_tensor(digits[:7])
    with torch.inference_mode():
        codes = model.encoder_(rows)
        rebuilt = model.decoder_(codes)
    expected = model.transform(digits[:7])
    np.testing.assert_allclose(codes.numpy(), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        rebuilt.numpy(), model.inverse_transform(expected), rtol=1e-3, atol=1e-3
    )


def test_halves_are_copies(curve):
    model = AutoencoderTransformer(2, max_iter=2, random_state=0).fit(curve)
    before = model.transform(curve[:3])
    with torch.no_grad():
        for parameter in model.encoder_.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(model.transform(curve[:3]), before)


def test_halves_need_a_fit():
    with pytest.raises(NotFittedError):
        _ = AutoencoderTransformer().encoder_


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
def test_a_copy_goes_on_training_at_the_same_sizes(digits):
    # Beyond four components next to nothing is left, and beyond three little.
    pca = PCA(4).fit(digits)
    noise = 1e-3 * np.random.RandomState(0).standard_normal(digits.shape)
    X = pca.inverse_transform(pca.transform(digits)) + noise
    params = {"nested": True, "max_iter": 1, "random_state": 0}
    model = pickle.loads(pickle.dumps(AutoencoderTransformer(8, **params).fit(X)))
    known, options = model._model, model._options(8, 0, torch.device("cpu"))
    rows = known.rows(X)
    again, _ = build_or_continue(known.recipe, known.scaling, rows, 8, options, known)
    assert again.module.widest == 3
