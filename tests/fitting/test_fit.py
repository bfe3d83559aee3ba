import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.model_selection import PredefinedSplit

from sklearn_ae import VAE, AutoencoderTransformer, DenoisingAE, SparseAE
from sklearn_ae.exceptions import PCAFloorWarning
from sklearn_ae.fitting.fit import fit_model, fit_one_pass, fit_without_training
from sklearn_ae.fitting.prepare import FitOptions, Table
from sklearn_ae.nn.nested import nest
from sklearn_ae.nn.recipe import Recipe

CPU = torch.device("cpu")


def options(n_components=1, **changes):
    chosen = {
        "n_components": n_components,
        "learning_rate": 4e-3,
        "schedule": "one_cycle",
        "weight_decay": 0.0,
        "batch_size": "auto",
        "max_iter": 20,
        "early_stopping": True,
        "floor": True,
        "validation": "auto",
        "validation_fraction": "auto",
        "n_iter_no_change": 20,
        "tol": 1e-4,
        "precision": "float32",
        "callbacks": (),
        "verbose": 0,
        "seed": 0,
        "device": CPU,
    }
    return FitOptions(**(chosen | changes))


def fit(X, recipe=None, **changes):
    recipe = Recipe() if recipe is None else recipe
    shape = X.shape[1:]
    return fit_model(recipe.for_rows(shape), Table(X, shape), options(**changes))


def test_a_network_that_beats_pca_is_the_model(curve):
    model, record = fit(curve)
    assert not model.is_pca
    assert record.complaints == []
    numbers = record.numbers
    assert numbers["beats_pca_"] is True
    assert numbers["reconstruction_error_"] < 0.5 * numbers["pca_reconstruction_error_"]
    assert numbers["n_iter_"] == len(record.net.history)


def test_otherwise_pca_of_all_rows_is(noise):
    model, record = fit(noise, n_components=2)
    assert model.is_pca
    assert record.numbers["beats_pca_"] is False
    assert record.numbers["best_iter_"] == 0
    ((message, category),) = record.complaints
    assert category is PCAFloorWarning
    assert message.startswith(
        "The fitted model is PCA of all rows, because the network's loss on held-out "
        "rows is not better by more than chance. beats_pca_ is False."
    )
    pca = PCA(2).fit(noise)
    expected = pca.inverse_transform(pca.transform(noise))
    np.testing.assert_allclose(model.reconstruct(noise), expected, atol=1e-4)


def test_a_share_of_the_variance_settles_the_width(curve):
    model, record = fit(curve, n_components=0.95)
    assert 1 <= model.n_components < 6
    held_out = 1 - record.numbers["reconstruction_error_"] / curve.var()
    assert held_out > 0.9


def test_nested_codes_know_what_smaller_ones_are_worth(curve):
    model, record = fit(curve, nest(Recipe(), True), n_components=3)
    shares = record.numbers["explained_variance_ratio_"]
    assert shares.shape == (3,)
    np.testing.assert_array_equal(model.sizes.shares, shares)


def test_a_pass_trains_a_copy(curve):
    shape = curve.shape[1:]
    recipe, once = Recipe().for_rows(shape), options(n_components=2)
    first, record = fit_one_pass(recipe, curve, once, shape)
    before = {k: v.clone() for k, v in first.module.state_dict().items()}
    recipe = recipe.go_on_from(first.recipe, 2)
    second, later = fit_one_pass(
        recipe, curve, once, shape, previous=first, net=record.net
    )
    for name, value in first.module.state_dict().items():
        assert torch.equal(value, before[name])
    losses = later.numbers["loss_curve_"]
    assert losses[0] == record.numbers["loss_curve_"][0]
    assert losses[1] < losses[0]
    assert second is not first


def test_starting_takes_no_step(curve):
    shape = curve.shape[1:]
    recipe = Recipe(init="random").for_rows(shape)
    model, record = fit_without_training(recipe, curve, options(n_components=2), shape)
    assert record.numbers["n_iter_"] == 0
    assert model.reconstruct(curve).shape == curve.shape


@pytest.mark.parametrize("n_components", [3, 0.5])
def test_global_random_state_is_left_alone(curve, n_components):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    fit(curve, n_components=n_components, max_iter=2)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("cls", "params"),
    [
        (AutoencoderTransformer, {}),
        (DenoisingAE, {"nested": True}),
        (SparseAE, {}),
        (VAE, {}),
        (VAE, {"floor": False}),
        (VAE, {"scaling": "per_feature"}),
        (VAE, {"scaling": None, "floor": False}),
        (VAE, {"noise_variance": "per_feature"}),
        (VAE, {"noise_variance": "per_feature", "scaling": None, "floor": False}),
        (VAE, {"likelihood": "bernoulli"}),
    ],
    ids=str,
)
def test_training_rows_that_are_all_equal(cls, params, seed):
    """Those that differ are all held out."""
    rng = np.random.RandomState(seed)
    X, fold = np.zeros((40, 4)), np.r_[np.full(30, -1), np.zeros(10)]
    X[30:] = rng.randint(2, size=(10, 4))
    given = {"max_iter": 2, "random_state": seed, "validation": PredefinedSplit(fold)}
    model = cls(1, **given, **params).fit(X)
    assert np.isfinite(model.transform(X)).all()
    assert np.isfinite(model.reconstruction_error_)
    assert np.isfinite(model.pca_reconstruction_error_)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("n_rows", range(2, 9))
@pytest.mark.parametrize("binary", [True, False])
def test_log_loss_of_few_rows(n_rows, binary):
    X = np.random.RandomState(0).uniform(size=(n_rows, 5))
    X = np.c_[X, np.arange(n_rows) % 2]
    X = X.round() if binary else X
    for early_stopping in (True, False):
        params = {"early_stopping": early_stopping, "max_iter": 3, "random_state": 0}
        model = AutoencoderTransformer(1, loss="log_loss", **params).fit(X)
        assert np.isfinite(model.score_samples(X)).all()
