"""Large offsets and small units: float64 in, float64 out."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from torch import nn

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    SparseAE,
)

from .conftest import name_of

SHORT = {"max_iter": 5, "random_state": 0, "device": "cpu"}
MODELS = [
    AutoencoderTransformer(3, **SHORT),
    AutoencoderTransformer(3, scaling="per_feature", **SHORT),
    AutoencoderTransformer(3, nested=True, **SHORT),
    ConvAutoencoderTransformer(3, channels=(4,), **SHORT),
    DenoisingAE(3, **SHORT),
    SparseAE(12, **SHORT),
    VAE(3, **SHORT),
]


def fit(model, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(model).fit(X)


@pytest.fixture
def survey():
    """Eastings, northings and heights in metres, five millimetres apart."""
    rng, steps = np.random.RandomState(0), np.arange(800)
    east = 5e5 + 3 * np.sin(steps / 100) + 0.1 * rng.standard_normal(800)
    north = 5.3e6 + 0.005 * steps + 0.001 * rng.uniform(size=800)
    height = 300 + np.cos(steps / 100) + 0.1 * rng.standard_normal(800)
    return np.c_[east, north, height, east + height]


@pytest.mark.parametrize("scaler", [None, StandardScaler(), MinMaxScaler()], ids=str)
@pytest.mark.parametrize("scaling", ["global", "per_feature", None])
def test_distinct_metres_stay_distinct(survey, scaler, scaling):
    model = AutoencoderTransformer(3, scaling=scaling, **SHORT)
    if scaler is not None:
        model = make_pipeline(scaler, model)
    model = fit(model, survey)
    rows = model.inverse_transform(model.transform(survey))
    assert rows.dtype == np.float64
    assert len(np.unique(rows[:, 1])) == 800
    assert np.abs(rows - survey)[:, 1].max() < 0.005


@pytest.mark.parametrize("n_components", [1, 3])
def test_hours_of_unix_time_are_not_off(n_components):
    rng, hours = np.random.RandomState(0), np.arange(800)
    X = np.c_[1.7e9 + 3600 * hours, np.sin(hours), rng.standard_normal((800, 3))]
    model = fit(AutoencoderTransformer(n_components, **SHORT), X)
    pca = PCA(n_components).fit(X)
    wanted = pca.inverse_transform(pca.transform(X))
    for rows in (model.reconstruct(X), model.inverse_transform(model.transform(X))):
        # Seven digits of a spread of a month.
        assert np.abs(rows - X)[:, 0].max() < 0.1
        error, bar = (np.mean((found - X)[:, 1:] ** 2) for found in (rows, wanted))
        assert error <= 1.001 * bar


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_types_go_in_and_come_out(model, curve):
    fits = {t: fit(model, curve.astype(t)) for t in (np.float32, np.float64)}
    for fitted, ae in fits.items():
        for given in fits:
            X = curve[:5].astype(given)
            wider = np.result_type(fitted, given)
            assert ae.reconstruct(X).dtype == wider
            codes = ae.transform(X)
            assert codes.dtype == np.float32
            assert ae.inverse_transform(codes.astype(given)).dtype == wider
            if isinstance(ae, DenoisingAE):
                assert ae.corrupt(X, random_state=0).dtype == wider
        if isinstance(ae, VAE):
            assert ae.sample(3, random_state=0).dtype == fitted
            assert ae.interpolate(curve[0], curve[1]).dtype == fitted


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_decoder_returns_the_type_of_codes(curve, dtype):
    ae = fit(MODELS[0], curve + 1.7e9)
    codes = ae.transform(curve + 1.7e9)
    rows = ae.decoder_(torch.from_numpy(codes).to(dtype))
    assert rows.dtype == dtype
    if dtype == torch.float64:
        np.testing.assert_allclose(
            rows.detach() - 1.7e9, ae.inverse_transform(codes) - 1.7e9, atol=1e-5
        )


@pytest.mark.parametrize("unit", [1e-30, 1e-21, 1e-12, 1e12])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_errors_in_small_and_large_units(model, dtype, unit, curve):
    ae = fit(model, curve.astype(dtype))
    X = (curve * unit).astype(dtype)
    scaled = fit(model, X)
    for name in ("reconstruction_error_", "pca_reconstruction_error_"):
        wanted = getattr(ae, name)
        assert getattr(scaled, name) / unit**2 == pytest.approx(wanted, rel=0.05)
    scores = scaled.score_samples(X)
    assert (scores < 0).all()
    is_extreme = not 1e-12 < unit * curve.std() < 1e12
    assert scores.dtype == (np.float64 if is_extreme else np.float32)
    wanted = ae.score_samples(curve.astype(dtype)).mean()
    mean = scores.mean(dtype=np.float64) / unit**2
    assert mean == pytest.approx(wanted, rel=0.05)
    assert scaled.score(X) == pytest.approx(ae.score(curve.astype(dtype)), abs=0.01)


@pytest.mark.parametrize("scaling", ["global", "per_feature", None])
@pytest.mark.parametrize(
    # Covariances of rows that are not centred lose digits, in scikit-learn's PCA too.
    ("convert", "atol"),
    [(np.asarray, 2e-9), (sp.csr_array, 1e-3)],
)
def test_what_is_pca_keeps_all_digits_as_pca_does(scaling, convert, atol):
    noise = np.random.RandomState(0).standard_normal((200, 3))
    rows = [5e5, 5.3e6, 2.5e6 + 1 / 3] + noise * [1e3, 1e3, 0]
    X = convert(rows)
    model = fit(AutoencoderTransformer(2, scaling=scaling, **SHORT), X)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(X), model.transform(X))
    for known in (model, again):
        np.testing.assert_allclose(known.reconstruct(X), rows, rtol=0, atol=atol)
        assert known.score_samples(X).min() > -(atol**2)
        assert known.score(X) == pytest.approx(1, abs=1e-12)
        codes = known.transform(X).astype(np.float64)
        # Codes are of float32, with seven digits of a spread of kilometres.
        found = known.inverse_transform(codes)
        np.testing.assert_allclose(found, rows, rtol=0, atol=1e-3)


@pytest.mark.parametrize("scaling", ["global", "per_feature"])
def test_what_falls_back_has_the_errors_of_pca(scaling):
    noise = np.random.RandomState(0).standard_normal((100, 6))
    X = [1e6, 1e3, 0, 1, 1e6, 0] + noise * [1e-3, 1, 1, 1e-3, 1, 1]
    model = fit(AutoencoderTransformer(2, scaling=scaling, **SHORT), X)
    assert model.beats_pca_ is False
    unit = X.std(axis=0) if scaling == "per_feature" else 1
    scaled = (X - X.mean(axis=0)) / unit
    pca = PCA(2).fit(scaled)
    left = (pca.inverse_transform(pca.transform(scaled)) - scaled) * unit
    np.testing.assert_allclose(model.reconstruct(X) - X, left, atol=1e-6)
    errors = np.square(left).mean(axis=1)
    np.testing.assert_allclose(-model.score_samples(X), errors, rtol=1e-5)


def own_networks(n_features, n_components):
    return nn.Linear(n_features, n_components), nn.Linear(n_components, n_features)


@pytest.mark.parametrize(
    ("model", "is_centred"),
    [
        (AutoencoderTransformer(2), [True, True]),
        (AutoencoderTransformer(2, scaling=None), [False, True]),
        (AutoencoderTransformer(2, scaling=None, init="random"), [False, True]),
        (VAE(2, scaling=None), [False, True]),
        # Log-odds, and networks that may bound what they return, need rows as they are.
        (AutoencoderTransformer(2, loss="log_loss"), [False, False]),
        (VAE(2, likelihood="bernoulli", scaling=None), [False, False]),
        (
            AutoencoderTransformer(
                2, scaling=None, init="random", architecture=own_networks
            ),
            [False, False],
        ),
        (
            AutoencoderTransformer(2, scaling=None, architecture=own_networks),
            [False, True],
        ),
    ],
    ids=name_of,
)
def test_far_columns_are_centred_where_networks_can_do_without(model, is_centred):
    rng = np.random.RandomState(0)
    X = np.c_[rng.uniform(size=(100, 3)), 0.9 + 1e-4 * rng.uniform(size=(100, 3))]
    scaling = fit(model.set_params(**SHORT), X)._model.scaling
    wanted = X.mean(axis=0) * np.repeat(is_centred, 3)
    np.testing.assert_allclose(scaling.shift, wanted, rtol=1e-12)


@pytest.mark.parametrize(
    "model",
    [
        AutoencoderTransformer(2, init="random", scaling=None, **SHORT),
        ConvAutoencoderTransformer(2, channels=(4,), init="random", scaling=None),
        DenoisingAE(2, scaling=None, **SHORT),
        SparseAE(12, scaling=None, **SHORT),
        VAE(2, scaling=None, **SHORT),
    ],
    ids=str,
)
def test_metres_are_not_rounded_by_networks_without_scaling(model, survey):
    model = model.set_params(**SHORT)
    near = survey - survey.mean(axis=0)
    wanted, far = fit(model, near).score(near), fit(model, survey)
    assert far.score(survey) == pytest.approx(wanted, abs=0.05)
    assert len(np.unique(far.reconstruct(survey)[:, 1])) == 800
