import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch import nn

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    CodeCollapseWarning,
    ConvArchitecture,
    DeadUnitsWarning,
    SparseAE,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.DeadUnitsWarning"),
]
SPARSITIES = ["topk", "batch_topk", "l1", "kl"]


@pytest.fixture(scope="module")
def digits():
    return load_digits().data / 16


def fit(X, n_components=None, **params):
    params = {"max_iter": 5, "random_state": 0} | params
    return SparseAE(n_components, **params).fit(X)


def start(X, n_components=None, **params):
    """Fit, and put back the state before the first step."""
    params = {"max_iter": 1, "learning_rate": 1e-30, "early_stopping": False} | params
    return fit(X, n_components, **params)


def test_defaults_are_overcomplete(digits):
    model = fit(digits)
    assert model.n_components_ == 128
    assert model.n_nonzero_coefs_ == 32
    assert (model.transform(digits) > 0).sum(axis=1).max() <= 32
    assert fit(np.tile(digits, 10), max_iter=1).n_components_ == 1024


@pytest.mark.parametrize("hidden_layer_sizes", [(), (32,)])
@pytest.mark.parametrize("tied_weights", [False, True])
def test_start_is_at_least_pca(digits, hidden_layer_sizes, tied_weights):
    """The largest k scores of a row rebuild it at least as well as the first k."""
    model = start(
        digits,
        n_nonzero_coefs=6,
        hidden_layer_sizes=hidden_layer_sizes,
        tied_weights=tied_weights,
    )
    pca = PCA(61).fit(digits)
    scores = pca.transform(digits)
    small = np.argsort(np.abs(scores), axis=1)[:, :-6]
    np.put_along_axis(scores, small, 0, axis=1)
    expected = pca.inverse_transform(scores)
    np.testing.assert_allclose(model.reconstruct(digits), expected, atol=1e-4)


def test_baseline_is_pca_with_as_many_active_units(digits):
    train, test = digits[:1500], digits[1500:]
    model = SparseAE(n_nonzero_coefs=8, max_iter=10, random_state=0)
    model.fit(train, X_val=test)
    pca = PCA(8).fit(train)
    error = np.mean((pca.inverse_transform(pca.transform(test)) - test) ** 2)
    assert model.pca_reconstruction_error_ == pytest.approx(error, rel=1e-4)
    assert model.reconstruction_error_ < 0.6 * error
    assert model.beats_pca_


def test_floor_holds_where_there_is_nothing_to_gain(noise):
    model = fit(noise, n_nonzero_coefs=2, max_iter=2, early_stopping=False)
    pca = PCA(2).fit(noise)
    error = np.mean((pca.inverse_transform(pca.transform(noise)) - noise) ** 2)
    assert -model.score_samples(noise).mean() <= error


@pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning")
@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_every_sparsity_trains_and_is_repeatable(digits, sparsity, loss):
    model = fit(digits, 100, sparsity=sparsity, loss=loss)
    codes = model.transform(digits)
    assert codes.min() >= 0
    np.testing.assert_allclose(
        model.inverse_transform(codes), model.reconstruct(digits), atol=1e-5
    )
    again = fit(digits, 100, sparsity=sparsity, loss=loss)
    np.testing.assert_array_equal(again.transform(digits), codes)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.transform(digits), codes)


@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_code_does_not_depend_on_other_rows(digits, sparsity):
    model = fit(digits, sparsity=sparsity)
    together = model.transform(digits[:50])
    alone = np.vstack([model.transform(row[None]) for row in digits[:50]])
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_batch_topk_shares_active_units_among_rows(digits):
    model = fit(digits, sparsity="batch_topk", n_nonzero_coefs=8, max_iter=20)
    n_active = (model.transform(digits) > 0).sum(axis=1)
    assert n_active.std() > 0.5
    assert n_active.mean() == pytest.approx(8, rel=0.1)


def test_alpha_makes_codes_sparser(digits):
    few, many = (
        fit(digits, sparsity="l1", alpha=alpha, max_iter=20) for alpha in (1.0, 0.1)
    )
    active = [(m.transform(digits) > 0).mean() for m in (few, many)]
    assert active[0] < 0.7 * active[1]
    assert few.reconstruction_error_ > many.reconstruction_error_


def test_kl_holds_mean_activity_at_the_target(digits):
    model = fit(digits, sparsity="kl", target=0.1, alpha=30.0, max_iter=60)
    assert model.mean_activity_.mean() == pytest.approx(0.1, abs=0.01)
    codes = model.transform(digits)
    np.testing.assert_allclose(model.mean_activity_, codes.mean(axis=0), atol=0.01)
    assert codes.max() <= 1


def test_sparse_output(digits):
    dense, sparse = fit(digits), fit(digits, sparse_output=True)
    codes = sparse.transform(digits)
    assert sp.issparse(codes)
    assert codes.format == "csr"
    assert codes.dtype == np.float32
    np.testing.assert_array_equal(codes.toarray(), dense.transform(digits))
    np.testing.assert_allclose(
        sparse.inverse_transform(codes), dense.reconstruct(digits), atol=1e-6
    )


def test_transform_may_keep_more(digits):
    model = fit(digits, n_nonzero_coefs=4)
    few, rebuilt = model.transform(digits), model.reconstruct(digits)
    model.set_params(transform_n_nonzero_coefs=12)
    more = model.transform(digits)
    assert (more > 0).sum(axis=1).max() == 12
    np.testing.assert_array_equal(more[few > 0], few[few > 0])
    np.testing.assert_array_equal(model.reconstruct(digits), rebuilt)


def test_dead_units_are_told(digits):
    params = {"n_nonzero_coefs": 1, "init": "random", "max_iter": 2}
    with pytest.warns(DeadUnitsWarning, match="units are active in no training row"):
        model = fit(digits[:100], 600, early_stopping=False, **params)
    codes = model.transform(digits[:100])
    np.testing.assert_array_equal(model.dead_units_, np.flatnonzero(~codes.any(0)))
    assert len(model.dead_units_) > 60


def test_healthy_codes_give_no_warning(digits):
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeadUnitsWarning)
        model = fit(digits, n_nonzero_coefs=8, max_iter=30, init="random")
    assert len(model.dead_units_) <= 12


def test_convolutional_sparse_code():
    images = load_digits().images / 16
    model = fit(images, 128, architecture=ConvArchitecture(channels=(4, 8)))
    assert model.reconstruct(images).shape == images.shape


def test_more_active_units_than_units(digits):
    with pytest.raises(ValueError, match="n_nonzero_coefs must be at most") as error:
        fit(digits, 10, n_nonzero_coefs=11)
    assert str(error.value) == (
        "n_nonzero_coefs must be at most n_components = 10; got 11. Choose a wider "
        "code or fewer active units."
    )


def test_transform_n_nonzero_coefs_without_topk(digits):
    with pytest.raises(ValueError, match="transform_n_nonzero_coefs needs") as error:
        fit(digits, sparsity="l1", transform_n_nonzero_coefs=3)
    assert str(error.value) == (
        "transform_n_nonzero_coefs needs sparsity='topk'; got sparsity='l1'. Leave it "
        "None."
    )


@pytest.mark.parametrize(
    ("cls", "kind", "options"),
    [
        (SparseAE, "sparse", {}),
        (VAE, "latent", {}),
        (AutoencoderTransformer, "nested", {"nested": True}),
    ],
)
def test_remembered_positions_are_refused(cls, kind, options):
    images = load_digits().images / 16
    pooled = ConvArchitecture(
        channels=(4,), downsampling="max_pool", upsampling="unpool"
    )
    with pytest.raises(ValueError, match="need a decoder that sees") as error:
        cls(16, architecture=pooled, max_iter=1, **options).fit(images)
    assert str(error.value) == (
        f"{kind} codes need a decoder that sees codes alone; with upsampling='unpool' "
        "it also needs the positions of the encoder's maxima, which codes do not hold. "
        "Take upsampling='nearest'."
    )


@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_step_by_step(digits, sparsity):
    model = SparseAE(sparsity=sparsity, random_state=0)
    errors = []
    for _ in range(4):
        model.partial_fit(digits)
        errors.append(model.reconstruction_error_)
    assert errors[-1] < errors[0]
    assert model.mean_activity_.shape == (128,)
    further = fit(digits, sparsity=sparsity, warm_start=True).fit(digits)
    assert further.n_iter_ == 10


def test_own_networks_keep_their_weights(digits):
    encoder, decoder = nn.Linear(64, 90, bias=False), nn.Linear(90, 64)
    norms = decoder.weight.detach().norm(dim=0)

    def build(n_features, n_components):
        return encoder, decoder

    params = {"init": "random", "max_iter": 1, "learning_rate": 1e-9}
    with pytest.warns(CodeCollapseWarning):
        fit(digits, 90, architecture=build, **params)
    torch.testing.assert_close(decoder.weight.detach().norm(dim=0), norms)
