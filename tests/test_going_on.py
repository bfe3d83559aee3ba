"""Fits that go on, and models that share something: nothing leaks between them."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import load_digits, make_swiss_roll
from sklearn.decomposition import PCA
from skorch.callbacks import Callback, Freezer
from torch import nn

from sklearn_ae import (
    VAE,
    Architecture,
    AutoencoderTransformer,
    PCAFloorWarning,
    SparseAE,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.DeadUnitsWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
]

FAST = {"max_iter": 2, "random_state": 0, "hidden_layer_sizes": (16,)}


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:400]


# ------------------------------------------------------- architectures that are shared


def test_models_of_a_callable_that_returns_the_same_modules_share_nothing(digits):
    pair = nn.Linear(64, 8), nn.Linear(8, 64)
    params = FAST | {"architecture": lambda n, k: pair, "init": "random"}
    model = AutoencoderTransformer(8, **params).fit(digits)
    before = model.transform(digits)
    copy.copy(model).fit(digits[::-1])
    np.testing.assert_array_equal(model.transform(digits), before)


def test_shared_weights_of_a_pair_stay_shared(digits):
    def tied(n_features, n_components):
        first, last = (
            nn.Linear(n_features, n_components),
            nn.Linear(n_components, n_features),
        )
        middle = nn.Linear(n_components, n_components)
        return nn.Sequential(first, middle), nn.Sequential(middle, last)

    params = {"architecture": tied, "init": "random", "max_iter": 2, "random_state": 0}
    module = AutoencoderTransformer(4, **params).fit(digits).module_
    assert module.encoder[1].weight is module.decoder[0].weight


class Shallow(Architecture):
    """An architecture that is no dataclass, with a module as a parameter."""

    def __init__(self, activation=None, width=8):
        self.activation = activation
        self.width = width

    def build(self, n_features, n_components):
        activation = nn.Tanh() if self.activation is None else self.activation
        hidden = nn.Linear(n_features, self.width)
        last = nn.Linear(self.width, n_components)
        encoder = nn.Sequential(hidden, activation, last)
        return encoder, nn.Linear(n_components, n_features)


class Callable:
    """A callable with a state, in an architecture's place."""

    def __init__(self, width):
        self.width = width

    def __call__(self, n_features, n_components):
        return Shallow(width=self.width).build(n_features, n_components)


@pytest.mark.parametrize(
    ("architecture", "other"),
    [
        (Shallow(), Shallow(width=9)),
        (Shallow(nn.ReLU()), Shallow(nn.Tanh())),
        (Callable(8), Callable(9)),
    ],
    ids=["plain", "module", "callable"],
)
def test_architectures_are_compared_by_what_they_hold(digits, architecture, other):
    model = AutoencoderTransformer(
        4, architecture=architecture, max_iter=2, random_state=0
    )
    assert model.partial_fit(digits).partial_fit(digits).n_iter_ == 2
    again = pickle.loads(pickle.dumps(model))
    assert again.partial_fit(digits).n_iter_ == 3
    with pytest.raises(ValueError, match="must stay"):
        model.set_params(architecture=other).partial_fit(digits)


def test_a_callable_that_changes_later_changes_no_model(digits):
    architecture = Callable(16)
    params = {"init": "random", "max_iter": 2, "random_state": 0}
    model = AutoencoderTransformer(4, architecture=architecture, **params).fit(digits)
    architecture.width = 7
    again = copy.deepcopy(model)
    np.testing.assert_array_equal(again.transform(digits), model.transform(digits))


# ---------------------------------------------------------------------------- passes


@pytest.mark.parametrize("tied_weights", [False, True])
def test_options_may_change_between_passes(digits, tied_weights):
    model = AutoencoderTransformer(8, tied_weights=tied_weights, **FAST)
    model.partial_fit(digits)
    for decay in (0.1, 0.5):
        model.set_params(weight_decay=decay).partial_fit(digits)
        decays = {group["weight_decay"] for group in model.net_.optimizer_.param_groups}
        assert decays == {0.0, decay}
    model.set_params(precision="bfloat16").partial_fit(digits)
    assert model.n_iter_ == 4


def test_the_optimizer_s_means_go_on_in_other_groups(digits):
    def means(model):
        return model.net_._running_means()["encoder.linear.weight"]

    model = AutoencoderTransformer(8, learning_rate=1e-12, **FAST).partial_fit(digits)
    before = means(model)
    model.set_params(weight_decay=0.1).partial_fit(digits)
    after = means(model)
    assert after["step"] == 2 * before["step"]
    # The same gradients again, so that the mean of their squares about doubles.
    ratio = (after["exp_avg_sq"].sum() / before["exp_avg_sq"].sum()).item()
    assert ratio == pytest.approx(2, rel=0.2)


@pytest.mark.parametrize(("rate", "beats_pca"), [(1e-7, False), (4e-3, True)])
def test_passes_after_a_fit_are_compared_with_its_pca(digits, rate, beats_pca):
    model = AutoencoderTransformer(8, learning_rate=rate, random_state=0).fit(digits)
    assert model.beats_pca_ is beats_pca
    for start in (0, 8):
        batch = digits[start : start + 8]
        model.partial_fit(batch)
        pca = PCA(8).fit(digits)
        expected = np.mean((batch - pca.inverse_transform(pca.transform(batch))) ** 2)
        # Up to the rows that were held out.
        assert model.pca_reconstruction_error_ == pytest.approx(expected, rel=0.1)


def test_a_pass_over_one_row(digits):
    wide = sp.csr_array(np.random.RandomState(0).poisson(0.05, (60, 1200)) * 1.0)
    for model, X in (
        (AutoencoderTransformer(4, **FAST), digits),
        (VAE(8, max_iter=2, random_state=0), digits),
        (AutoencoderTransformer(4, **FAST), wide),
    ):
        model.fit(X).partial_fit(X[:1])
        assert np.isfinite(model.pca_loss_)
        assert model.pca_loss_ != 0


def test_a_fit_of_one_row_is_refused(digits):
    model = AutoencoderTransformer(4, warm_start=True, **FAST).fit(digits)
    with pytest.raises(ValueError, match=r"1 sample.*minimum of 2"):
        model.fit(digits[:1])


def test_frozen_parameters_do_not_decay(digits):
    freezer = Freezer("encoder.*")
    params = {"init": "random", "weight_decay": 0.1, "callbacks": [freezer]}
    weights = [
        AutoencoderTransformer(4, **(FAST | params | {"max_iter": n}))
        .fit(digits)
        .module_.encoder[0]
        .weight
        for n in (1, 3)
    ]
    assert torch.equal(*weights)


# ------------------------------------------------------------------ what is recorded


@pytest.mark.parametrize("n_components", [8, 0.5])
def test_nested_networks_that_are_kept_have_their_own_errors(digits, n_components):
    params = FAST | {"nested": True, "init": "random"}
    model = AutoencoderTransformer(n_components, **params).fit(digits)
    small = model.truncate(3) if n_components == 8 else model
    assert not small.beats_pca_
    error = -small.score_samples(digits).mean()
    assert small.reconstruction_error_ == pytest.approx(error, rel=0.05)


def test_smaller_codes_fall_back_to_pca_of_all_rows():
    rolls = make_swiss_roll(500, noise=1, random_state=0)[0]
    X = np.hstack([rolls, 4 * np.random.RandomState(0).standard_normal((500, 3))])
    model = AutoencoderTransformer(4, nested=True, max_iter=30, random_state=0)
    expected = (
        "AutoencoderTransformer(n_components=4): The whole code of 4 components is "
        "PCA's, which the network does not beat there; beats_pca_ is False. "
        "truncate(2) gives the largest code that is the network's."
    )
    with pytest.warns(PCAFloorWarning) as caught:
        model.fit(X)
    assert [str(warning.message) for warning in caught] == [expected]
    pca = PCA(2).fit(X)
    error = np.square(X - pca.inverse_transform(pca.transform(X))).mean()
    assert model.truncate(2).beats_pca_
    assert -model.truncate(2).score_samples(X).mean() < 0.9 * error
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        again.truncate(2).transform(X), model.truncate(2).transform(X)
    )
    for size in (1, 3, 4):
        assert not model.truncate(size).beats_pca_
        pca = PCA(size).fit(X)
        expected = pca.inverse_transform(pca.transform(X))
        np.testing.assert_allclose(
            model.truncate(size).reconstruct(X), expected, atol=1e-4
        )


def test_truncate_speaks_of_the_fit(digits):
    model = AutoencoderTransformer(8, **FAST).fit(digits).set_params(nested=True)
    with pytest.raises(ValueError, match="truncate needs") as error:
        model.truncate(2)
    assert str(error.value) == (
        "truncate needs codes that were trained to be cut off; got a fit with "
        "nested=False. Fit with nested=True, and truncate that one."
    )


def test_sparse_codes_tell_which_parameter_must_stay(digits):
    params = {"warm_start": True, "max_iter": 2, "random_state": 0}
    model = SparseAE(16, n_nonzero_coefs=8, **params).fit(digits)
    with pytest.raises(ValueError, match=r"^n_nonzero_coefs must stay 8 .* got 9\."):
        model.set_params(n_nonzero_coefs=9).fit(digits)
    # What does not matter for this kind of code may change.
    model.set_params(n_nonzero_coefs=8, target=0.2).fit(digits)
    assert model.n_iter_ == 4


@pytest.mark.parametrize(
    ("sparsity", "n_kept", "message"),
    [
        (
            "topk",
            -1,
            "transform_n_nonzero_coefs must be an integer of at least 1; got -1.",
        ),
        (
            "batch_topk",
            3,
            "transform_n_nonzero_coefs needs sparsity='topk'; got "
            "sparsity='batch_topk'. Leave it None.",
        ),
    ],
)
def test_numbers_of_active_units_are_checked_in_transform(
    digits, sparsity, n_kept, message
):
    model = SparseAE(32, sparsity=sparsity, max_iter=2, random_state=0).fit(digits)
    model.set_params(transform_n_nonzero_coefs=n_kept)
    with pytest.raises(ValueError, match="transform_n") as error:
        model.transform(digits)
    assert str(error.value) == message


def test_score_of_rows_that_are_the_mean(digits):
    model = AutoencoderTransformer(8, **FAST).fit(digits)
    row = digits.mean(axis=0)[None]
    is_exact = not np.square(model.reconstruct(row) - row).sum()
    assert model.score(row) == float(is_exact)


def test_sizes_of_a_fallback_are_evaluated_on_rows_it_has_not_seen():
    X = load_digits().data[:600]
    params = {"nested": True, "max_iter": 1, "learning_rate": 1e-7}
    model = AutoencoderTransformer(8, **params, random_state=0).fit(X)
    assert not model.beats_pca_
    whole = model.truncate(8)
    # Not lower because PCA of all rows has seen the rows that were held out.
    error = model.pca_reconstruction_error_
    assert model.reconstruction_error_ == pytest.approx(error)
    assert whole.reconstruction_error_ == pytest.approx(error, rel=1e-5)


def test_widths_that_follow_the_data_stay_in_further_training(curve):
    """Later rows may be fewer, or more."""
    wide = np.repeat(curve, 400, axis=1)
    model = AutoencoderTransformer(2, max_iter=2, random_state=0).fit(wide[:60])
    sizes = model._model.recipe.architecture.hidden_layer_sizes
    assert sizes == (59, 29)
    n_parameters = model.partial_fit(wide[:60]).n_parameters_
    model.set_params(warm_start=True)
    model.fit(wide[:300])
    assert model._model.recipe.architecture.hidden_layer_sizes == sizes
    assert model.partial_fit(wide[:30]).n_parameters_ == n_parameters


@pytest.mark.parametrize(
    ("name", "value"), [("learning_rate", -1), ("precision", "half"), ("tol", -1)]
)
def test_each_pass_checks_the_parameters(digits, name, value):
    model = AutoencoderTransformer(8, **FAST).partial_fit(digits)
    before = model.transform(digits)
    with pytest.raises(ValueError, match=f"The '{name}' parameter of Autoenc"):
        model.set_params(**{name: value}).partial_fit(digits)
    np.testing.assert_array_equal(model.transform(digits), before)


def test_a_pass_has_the_learning_rate_and_the_callbacks_that_are_set_now(digits):
    class Counter(Callback):
        n_epochs = 0

        def on_epoch_end(self, net, **kwargs):
            self.n_epochs += 1

    model = AutoencoderTransformer(8, learning_rate=1e-12, **FAST).partial_fit(digits)
    before = model.transform(digits)
    counter = Counter()
    model.set_params(callbacks=[counter]).partial_fit(digits)
    np.testing.assert_allclose(model.transform(digits), before, atol=1e-4)
    assert counter.n_epochs == 1
    model.set_params(learning_rate=0.05, callbacks=None).partial_fit(digits)
    assert np.abs(model.transform(digits) - before).max() > 0.1
    assert counter.n_epochs == 1


# ------------------------------------------------- what was held out from all training


def noise(n_rows, seed=0):
    return np.random.RandomState(seed).standard_normal((n_rows, 10))


@pytest.mark.parametrize("random_state", [0, None])
@pytest.mark.filterwarnings("ignore::sklearn_ae.exceptions.PCAFloorWarning")
def test_rows_that_were_trained_on_do_not_evaluate_a_warm_start(random_state):
    """Noise has no structure, so that a gain over PCA on new rows is impossible."""
    X = noise(100)
    model = AutoencoderTransformer(
        3, max_iter=300, random_state=random_state, early_stopping=False
    )
    model.fit(X)
    assert model.beats_pca_ is None
    model.set_params(warm_start=True, early_stopping=True, max_iter=5).fit(X)
    assert model.beats_pca_ is None
    passes = AutoencoderTransformer(3, random_state=random_state, warm_start=True)
    for _ in range(100):
        passes.partial_fit(X)
    assert passes.set_params(max_iter=5).fit(X).beats_pca_ is None


def test_rows_that_were_held_out_twice_are_new(digits):
    model = AutoencoderTransformer(4, warm_start=True, max_iter=5, random_state=0)
    assert model.fit(digits).beats_pca_
    assert model.fit(digits).beats_pca_
    assert pickle.loads(pickle.dumps(model)).fit(digits).beats_pca_
    model.set_params(random_state=1)
    with pytest.warns(PCAFloorWarning, match="beats_pca_ is None"):
        assert model.fit(digits).beats_pca_ is None


def test_rows_of_the_user_stay_new_whatever_is_trained_on(digits):
    model = AutoencoderTransformer(4, warm_start=True, max_iter=5, random_state=None)
    assert model.fit(digits[:150], X_val=digits[300:]).beats_pca_
    assert model.fit(digits[150:300], X_val=digits[300:]).beats_pca_
    with pytest.warns(PCAFloorWarning, match="beats_pca_ is None"):
        assert model.fit(digits[150:300], X_val=digits[:150]).beats_pca_ is None
