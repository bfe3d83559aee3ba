import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from torch import nn

from sklearn_ae import (
    AutoencoderTransformer,
    ConvArchitecture,
    DenoisingAE,
    PCAFloorWarning,
)
from sklearn_ae.nn.corruption import CORRUPTIONS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")


@pytest.fixture(scope="module")
def digits():
    return load_digits().data / 16


def fit(X, n_components=8, **params):
    params = {"max_iter": 3, "random_state": 0} | params
    return DenoisingAE(n_components, **params).fit(X)


def half(X):
    return 0.5 * X


@pytest.mark.parametrize("corruption", [*CORRUPTIONS, half])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_every_corruption_trains_and_is_used_in_training_only(digits, corruption, loss):
    model = fit(digits, corruption=corruption, corruption_level=0.3, loss=loss)
    model_of_fit = model._model
    rows = next(model_of_fit.rows(digits).blocks())
    with torch.inference_mode():
        clean = model.module_.encoder(rows).numpy() * model_of_fit.code_scale
    np.testing.assert_allclose(model.transform(digits), clean, rtol=1e-5, atol=1e-6)
    assert np.isfinite(model.reconstruct(digits)).all()
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.transform(digits), model.transform(digits))
    again = fit(digits, corruption=corruption, corruption_level=0.3, loss=loss)
    np.testing.assert_array_equal(again.transform(digits), model.transform(digits))


def test_without_corruption_it_is_the_plain_autoencoder(digits):
    plain = AutoencoderTransformer(8, max_iter=3, random_state=0).fit(digits)
    model = fit(digits, corruption_level=0.0)
    np.testing.assert_allclose(
        model.transform(digits), plain.transform(digits), atol=1e-4
    )


def test_denoises_better_than_pca_at_its_best(digits):
    train, test = digits[:1400], digits[1400:]
    noisy = test + np.random.RandomState(0).normal(scale=0.25, size=test.shape)
    model = fit(train, 32, corruption_level=0.6, max_iter=60)
    errors = []
    for size in (4, 8, 12, 16, 24, 32):
        pca = PCA(size).fit(train)
        rebuilt = pca.inverse_transform(pca.transform(noisy))
        errors.append(np.mean((rebuilt - test) ** 2))
    assert np.mean((model.denoise(noisy) - test) ** 2) < 0.8 * min(errors)


def test_errors_are_of_corrupted_rows(digits):
    weak = fit(digits, corruption_level=0.01)
    strong = fit(digits, corruption_level=2.0)
    assert strong.pca_reconstruction_error_ > 1.5 * weak.pca_reconstruction_error_
    assert strong.reconstruction_error_ > 1.5 * weak.reconstruction_error_


def test_noise_is_relative_to_the_data(digits):
    """The same rows in other units lead to the same codes in those units."""
    small, large = fit(digits), fit(1000 * digits)
    codes = large.transform(1000 * digits) / 1000
    np.testing.assert_allclose(codes, small.transform(digits), rtol=1e-2, atol=1e-3)


def test_code_may_be_wider_than_rows(digits):
    model = fit(digits, 100, max_iter=30)
    assert model.transform(digits).shape == (len(digits), 100)
    assert model.beats_pca_


def test_sparse_rows(digits):
    dense, sparse = fit(digits), fit(sp.csr_array(digits))
    np.testing.assert_allclose(
        sparse.transform(sp.csr_array(digits)), dense.transform(digits), atol=1e-3
    )


def test_convolutional_denoiser():
    images = load_digits().images / 16
    model = fit(images, architecture=ConvArchitecture(channels=(4, 8)))
    assert model.denoise(images).shape == images.shape


def test_own_module_is_left_alone(digits):
    """It corrupts where rows are evaluated, too, and is neither trained nor changed."""
    torch.manual_seed(0)
    dropout = nn.Dropout(0.5).eval()
    noise = nn.Sequential(nn.Linear(64, 64), dropout)
    before = [weight.clone() for weight in noise.parameters()]
    model = fit(digits, corruption=noise)
    assert model.pca_reconstruction_error_ > 1.3 * fit(digits).pca_reconstruction_error_
    assert all(map(torch.equal, noise.parameters(), before))
    assert not dropout.training
    bare = [fit(digits, init="random", corruption=c) for c in (noise, "gaussian")]
    assert bare[0].n_parameters_ == bare[1].n_parameters_
    model.partial_fit(digits)


def test_share_below_one(digits):
    with pytest.raises(ValueError, match="corruption_level must be") as error:
        fit(digits, corruption="masking", corruption_level=1.5)
    assert str(error.value) == (
        "corruption_level must be a share of the values, below 1, with "
        "corruption='masking'; got 1.5."
    )


def test_corruption_is_fixed_while_the_network_lives(digits):
    model = fit(digits, warm_start=True).set_params(corruption="masking")
    with pytest.raises(ValueError, match="corruption must stay 'gaussian'"):
        model.fit(digits)


def test_floor_holds_for_denoising(noise):
    expected = "The fitted model is the best linear denoiser of all rows, because"
    with pytest.warns(PCAFloorWarning, match=expected):
        model = fit(noise, 2, corruption_level=0.01)
    assert model.reconstruction_error_ == model.pca_reconstruction_error_


def rows_of(rng, n_samples):
    """Return rows of eight columns that follow from three, at a distance from 0."""
    mixing = np.random.RandomState(1).standard_normal((3, 8))
    X = rng.standard_normal((n_samples, 3)) @ mixing
    return X + 0.3 * rng.standard_normal(X.shape) + 2


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("kind", ["gaussian", "masking"])
def test_errors_of_pca_are_those_of_the_regression_of_clean_rows(kind, init):
    """Of corrupted rows, of the code's rank, and on rows that were held out."""
    rng = np.random.RandomState(0)
    X, V = rows_of(rng, 400), rows_of(rng, 400)
    model = DenoisingAE(3, corruption=kind, init=init, max_iter=1, random_state=0)
    model.fit(X, X_val=V)
    noisy = np.vstack([model.corrupt(X, random_state=seed) for seed in range(20)])
    ridge = Ridge(1e-6).fit(noisy, np.tile(X, (20, 1)))
    pca = PCA(3).fit(ridge.predict(noisy))
    errors = []
    for seed in range(20):
        restored = ridge.predict(model.corrupt(V, random_state=seed))
        rebuilt = pca.inverse_transform(pca.transform(restored))
        errors.append(np.mean((rebuilt - V) ** 2))
    assert model.pca_reconstruction_error_ == pytest.approx(np.mean(errors), rel=0.05)


@pytest.mark.parametrize("n_components", [8, 20])
@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_fallback_of_full_width_restores_rows(kind, n_components):
    rng = np.random.RandomState(0)
    X, new = rows_of(rng, 100), rows_of(rng, 400)
    model = fit(X, n_components, corruption=kind, corruption_level=0.4, max_iter=1)
    assert not model.beats_pca_
    noisy = model.corrupt(new, random_state=1)
    error = np.mean((model.denoise(noisy) - new) ** 2)
    assert error < 0.75 * np.mean((noisy - new) ** 2)
    np.testing.assert_array_equal(model.reconstruct(noisy), model.denoise(noisy))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.denoise(noisy), model.denoise(noisy))


@pytest.mark.parametrize("tied_weights", [False, True])
def test_a_fallback_goes_on_from_the_linear_denoiser(tied_weights):
    rng = np.random.RandomState(0)
    X, new = rows_of(rng, 100), rows_of(rng, 400)
    model = fit(X, 8, max_iter=1, tied_weights=tied_weights, learning_rate=1e-6)
    assert not model.beats_pca_
    before = model.denoise(new)
    model.partial_fit(X)
    assert model.n_parameters_ > 1000
    np.testing.assert_allclose(model.denoise(new), before, atol=0.02)


def test_each_size_of_a_nested_code_falls_back_to_the_linear_denoiser():
    X = rows_of(np.random.RandomState(0), 100)
    nested = fit(X, 3, nested=True, max_iter=1)
    assert not nested.beats_pca_
    plain = fit(X, 2, max_iter=1)
    assert not plain.beats_pca_
    cut = nested.truncate(2)
    np.testing.assert_allclose(cut.denoise(X), plain.denoise(X), atol=1e-4)


def test_activation_on_the_code(digits):
    model = fit(digits, 100, hidden_layer_sizes=(), code_activation="relu")
    codes = model.transform(digits)
    assert codes.min() == 0
    assert 0.05 < (codes > 0).mean() < 0.95
    np.testing.assert_allclose(
        model.inverse_transform(codes), model.reconstruct(digits), atol=1e-5
    )
    assert model.reconstruction_error_ < digits.var(axis=0).mean()
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.transform(digits), codes)


@pytest.mark.parametrize("name", ["X", "y"])
def test_pairs_are_tables(name):
    table, ragged = [[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [3.0]]
    X, y = (ragged, table) if name == "X" else (table, ragged)
    with pytest.raises(ValueError, match=f"^the rows of {name} must all have the same"):
        DenoisingAE().fit(X, y)
