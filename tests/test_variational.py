import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from scipy.stats import nbinom, norm
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, FactorAnalysis

from sklearn_ae import (
    VAE,
    ConvArchitecture,
    DenseArchitecture,
    PCAFloorWarning,
    PosteriorCollapseWarning,
)
from sklearn_ae.nn.variational import EvidenceBound

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")


@pytest.fixture(scope="module")
def digits():
    return load_digits().data


def fit(X, n_components=4, **params):
    params = {"max_iter": 5, "random_state": 0} | params
    return VAE(n_components, **params).fit(X)


def start(X, n_components, **params):
    """Fit, and put back the state before the first step."""
    params = {"max_iter": 1, "learning_rate": 1e-30} | params
    return fit(X, n_components, early_stopping=False, **params)


# ------------------------------------------------------------------ PCA, the oracle


@pytest.mark.parametrize("n_components", [1, 5, 40])
@pytest.mark.parametrize("scaling", ["global", None])
def test_start_has_the_likelihood_of_probabilistic_pca(digits, n_components, scaling):
    train, test = digits[:1200], digits[1200:]
    model = start(train, n_components, scaling=scaling)
    expected = PCA(n_components).fit(train).score_samples(test)
    # The posterior is exact, so that one draw is as good as many.
    for n_samples in (1, 7):
        found = model.log_likelihood(test, n_samples)
        np.testing.assert_allclose(found, expected, atol=1e-4 * 64)
    assert model.elbo(test, 200).mean() == pytest.approx(expected.mean(), abs=0.05)


def test_a_single_feature_with_noise_of_its_own_is_a_normal_variable(digits):
    X = digits[:100, 20:21]
    model = fit(X, 1, noise_variance="per_feature", max_iter=1)
    expected = norm(X.mean(), X.std()).logpdf(X[:, 0])
    np.testing.assert_allclose(model.log_likelihood(X), expected, atol=1e-3)


def test_per_feature_scaling_has_the_likelihood_of_scaled_rows(digits):
    X = digits[:, digits.std(axis=0) > 0.5]
    scale = X.std(axis=0)
    model = start(X, 5, scaling="per_feature")
    expected = PCA(5).fit(X / scale).score_samples(X / scale) - np.log(scale).sum()
    np.testing.assert_allclose(model.log_likelihood(X, 1), expected, atol=0.01)


def test_training_improves_on_the_likelihood_of_pca(digits):
    train, test = digits[:1200], digits[1200:]
    model = fit(train, 4, max_iter=30)
    assert model.beats_pca_
    assert model.log_likelihood_bound_ > model.pca_log_likelihood_bound_ + 5
    pca = PCA(4).fit(train)
    assert model.log_likelihood(test, 100).mean() > pca.score(test) + 5
    assert model.n_active_components_ == 4
    assert (model.elbo(test, 20) < model.log_likelihood(test, 500) + 1).all()


def test_floor_is_probabilistic_pca_of_all_rows(noise):
    with pytest.warns(PCAFloorWarning, match="likelihood on held-out rows") as caught:
        model = fit(noise, 2)
    assert str(caught[0].message) == (
        "VAE(n_components=2): The fitted model is PCA of all rows, because the "
        "network's likelihood on held-out rows is not better by more than chance. "
        "beats_pca_ is False. pca_log_likelihood_bound_ is what it had to exceed. More "
        "rows, another n_components or a larger max_iter may change that; floor=False "
        "keeps the network."
    )
    expected = PCA(2).fit(noise).score_samples(noise)
    np.testing.assert_allclose(model.log_likelihood(noise, 1), expected, atol=1e-3)
    assert model.log_likelihood_bound_ == model.pca_log_likelihood_bound_
    assert model.reconstruction_error_ >= model.pca_reconstruction_error_


@pytest.mark.parametrize("likelihood", ["poisson", "negative_binomial"])
def test_the_floor_of_counts_is_named(likelihood):
    rates = np.r_[1000, np.ones(7)]  # of which one has nearly all of the variance
    X = np.random.RandomState(0).poisson(rates, (300, 8))
    with pytest.warns(PCAFloorWarning) as caught:
        model = fit(X, 2, likelihood=likelihood, max_iter=1)
    assert [str(w.message) for w in caught] == [
        "VAE(n_components=2): The fitted model is the linear model of log counts of "
        "all rows, because the network's likelihood on held-out rows is not better by "
        "more than chance. beats_pca_ is False. pca_log_likelihood_bound_ is what it "
        "had to exceed. pca_reconstruction_error_ is of another model, PCA of the "
        "counts. More rows, another n_components or a larger max_iter may change that; "
        "floor=False keeps the network."
    ]
    assert not model.beats_pca_
    assert model.log_likelihood_bound_ == model.pca_log_likelihood_bound_


def test_a_network_of_counts_that_is_kept_is_compared_with_its_floor():
    rng = np.random.RandomState(0)
    X = rng.poisson(np.exp(2 + rng.standard_normal((300, 1)) * np.ones(8)))
    params = {"max_iter": 1, "learning_rate": 1e-30, "floor": False}
    with pytest.warns(PCAFloorWarning, match="better than the linear model of log co"):
        fit(X, 1, likelihood="poisson", **params)


def test_start_has_the_likelihood_of_factor_analysis(digits):
    X = digits[:, digits.std(axis=0) > 0.5]
    model = start(X[:1200], 5, noise_variance="per_feature")
    expected = FactorAnalysis(5).fit(X[:1200])
    found = model.log_likelihood(X[1200:], 1)
    assert found.mean() == pytest.approx(expected.score(X[1200:]), abs=0.05)


def draw_uneven(n_rows, deviations):
    """Return rows of two factors, with noise of given deviations."""
    rng = np.random.RandomState(0)
    n_features = len(deviations)
    factors = rng.standard_normal((n_rows, 2)) @ rng.standard_normal((2, n_features))
    return factors + rng.standard_normal((n_rows, n_features)) * deviations


@pytest.mark.parametrize(
    ("deviations", "oracle"),
    [(np.full(12, 0.5), PCA), (np.geomspace(0.05, 2, 12), FactorAnalysis)],
)
def test_the_floor_is_the_likelier_normal_model(deviations, oracle):
    X = draw_uneven(900, deviations)
    with pytest.warns(PCAFloorWarning, match=f"is {oracle.__name__} of all rows"):
        model = fit(X[:600], 2, max_iter=1, learning_rate=1e-30)
    expected = oracle(2).fit(X[:600]).score(X[600:])
    found = model.log_likelihood(X[600:], 1).mean()
    assert found == pytest.approx(expected, abs=0.02)


def test_variances_are_learned_after_training_and_leave_codes_as_they_are(digits):
    X = digits[:, digits.std(axis=0) > 0.5]
    train, test = X[:1200], X[1200:]
    shared = fit(train, 2, noise_variance="shared", max_iter=10)
    model = fit(train, 2, max_iter=10)
    assert shared.beats_pca_
    assert model.beats_pca_
    np.testing.assert_array_equal(model.transform(test), shared.transform(test))
    np.testing.assert_array_equal(model.reconstruct(test), shared.reconstruct(test))
    gain = model.log_likelihood(test, 50) - shared.log_likelihood(test, 50)
    assert gain.mean() > 5
    factors = FactorAnalysis(2).fit(train).score(test)
    assert model.log_likelihood(test, 50).mean() > factors


def test_variances_are_those_of_the_residuals():
    X = draw_uneven(1200, np.geomspace(0.3, 1.5, 12))
    model = fit(X[:1000], 2, floor=False, max_iter=10)
    module, scaled = model.module_, (X - model.mean_) / model.scale_
    rows = torch.tensor(scaled).float()
    with torch.no_grad():
        raw, *_ = module.draw(rows, 100)
    residuals = (raw.view(100, *X.shape) - rows).square().mean((0, 1))
    variances = module.output.log_variance.exp() * module.output.ratios
    torch.testing.assert_close(variances.detach(), residuals, rtol=0.1, atol=0)
    model.partial_fit(X[:1000])
    loaded = pickle.loads(pickle.dumps(model))
    found = loaded.log_likelihood(X[1000:], 10)
    np.testing.assert_allclose(found, model.log_likelihood(X[1000:], 10), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_mean_likelihood_is_not_below_that_of_pca_where_some_rows_are_far(
    digits, seed
):
    rng = np.random.RandomState(seed)
    X = digits[:, digits.std(axis=0) > 0.5] / 16
    X = np.where(rng.uniform(size=(len(X), 1)) < 0.05, 10 * X, X)
    X = X[rng.permutation(len(X))]
    model = fit(X[:1300], 8, max_iter=None)
    found = model.log_likelihood(X[1300:], 100).mean()
    assert found > PCA(8).fit(X[:1300]).score(X[1300:]) - 0.1


def test_as_many_components_as_features_leave_the_normal_distribution():
    angle = np.random.RandomState(0).uniform(0, 2 * np.pi, (2000, 1))
    X = np.hstack([np.cos(angle), np.sin(angle)])
    X += 0.05 * np.random.RandomState(1).standard_normal(X.shape)
    model = fit(X[:1500], 2, max_iter=40)
    assert model.beats_pca_
    normal = PCA(2).fit(X[:1500]).score(X[1500:])
    assert model.log_likelihood(X[1500:], 200).mean() > normal + 0.5


def test_more_components_than_rows_or_features(noise):
    model = fit(noise, 9, max_iter=2)
    assert model.transform(noise).shape == (len(noise), 9)
    assert np.isfinite(model.log_likelihood(noise, 10)).all()


# ------------------------------------------------------------------ other likelihoods


def test_counts_have_a_higher_likelihood_as_counts(digits):
    """A density of integers, over intervals of length 1, is a probability."""
    train, test = digits[:1200], digits[1200:]
    found = {
        name: fit(train, 8, likelihood=name, max_iter=20).log_likelihood(test, 50)
        for name in ("gaussian", "poisson", "negative_binomial")
    }
    found = {name: values.mean() for name, values in found.items()}
    assert found["poisson"] > found["gaussian"]
    assert found["negative_binomial"] > found["gaussian"]


@pytest.mark.parametrize("size_factor", [None, "sum"])
@pytest.mark.parametrize("likelihood", ["poisson", "negative_binomial"])
def test_rates_are_recovered(likelihood, size_factor):
    rng = np.random.RandomState(0)
    latent = rng.standard_normal((4000, 2))
    rates = 100 * np.exp(0.5 * np.tanh(latent @ rng.standard_normal((2, 20))))
    sizes = rng.uniform(0.5, 2, size=(4000, 1)) if size_factor else 1.0
    X = rng.poisson(rates * sizes)
    model = fit(X, 2, likelihood=likelihood, size_factor=size_factor, max_iter=60)
    error = np.abs(model.reconstruct(X) - rates * sizes).mean() / rates.mean()
    assert error < 0.05


def draw_wide_counts(n_rows, n_features):
    """Return counts up to some ten millions, their parameters and factors."""
    rng = np.random.RandomState(0)
    factors = rng.standard_normal((n_rows, 2))
    weight = rng.standard_normal((2, n_features))
    log_rates = rng.uniform(0, 13, n_features) + factors @ weight
    rates = np.exp(log_rates) * rng.gamma(2, 0.5, log_rates.shape)
    return rng.poisson(np.minimum(rates, 4e7)).astype(float), log_rates


@pytest.mark.parametrize("params", [{}, {"size_factor": "sum"}], ids=str)
def test_counts_of_wide_range(params):
    X, log_rates = draw_wide_counts(1500, 40)
    model = fit(X[:1200], 2, likelihood="negative_binomial", max_iter=20, **params)
    test, largest = X[1200:], X[:1200].max(axis=0)
    assert (model.reconstruct(test) <= 10.05 * (largest + 1)).all() or params
    assert model.score(test) > 0
    # With the factors known: log p(x | z) less what it costs to tell them.
    share = 1 / (1 + np.exp(log_rates[1200:]) / 2)
    given = nbinom.logpmf(test, 2, share).sum(axis=1).mean()
    found = model.log_likelihood(test, 100).mean()
    assert found > 1.06 * given if not params else found > 1.2 * given


def test_far_codes_decode_to_rates_within_bounds():
    X, _ = draw_wide_counts(500, 20)
    model = fit(X, 2, likelihood="negative_binomial", max_iter=2)
    rows = model.inverse_transform(np.array([[50.0, 50], [-1e4, 1e4]]))
    assert (rows <= 10.05 * (X.max(axis=0) + 1)).all()
    assert model.sample(200, random_state=0).max() <= 10.05 * (X.max() + 1)


def test_pca_error_beside_counts_is_that_of_pca():
    X, _ = draw_wide_counts(500, 20)
    model = fit(X[:400], 2, likelihood="poisson", max_iter=1)
    known = VAE(2, random_state=0, max_iter=1).fit(X[:400])
    assert model.pca_reconstruction_error_ == pytest.approx(
        known.pca_reconstruction_error_, rel=1e-3
    )


def test_sparse_counts_give_the_codes_of_dense_ones():
    X, _ = draw_wide_counts(300, 20)
    X[X < 50] = 0
    for size_factor in (None, "sum"):
        params = {"likelihood": "poisson", "size_factor": size_factor}
        dense, sparse = (start(rows, 2, **params) for rows in (X, sp.csr_array(X)))
        found, expected = sparse.transform(sp.csr_array(X)), dense.transform(X)
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_binary_values(digits):
    X = (digits > 8).astype(float)
    model = fit(X, 8, likelihood="bernoulli", max_iter=20)
    rebuilt = model.reconstruct(X)
    assert rebuilt.min() >= -1e-6
    assert rebuilt.max() <= 1 + 1e-6
    assert ((rebuilt > 0.5) == X).mean() > 0.9
    # Fewer nats than independent pixels with their own frequencies need.
    p = X.mean(axis=0).clip(1e-3, 1 - 1e-3)
    independent = (X * np.log(p) + (1 - X) * np.log(1 - p)).sum(axis=1)
    assert model.log_likelihood(X, 50).mean() > independent.mean() + 5
    drawn = model.sample(20, noise=True, random_state=0)
    assert set(np.unique(drawn.round(5))) == {0, 1}


@pytest.mark.parametrize(
    "params",
    [
        {"n_importance_samples": 5},
        {"beta": 0.5},
        {"kl_warmup": 0.5},
        {"free_bits": 0.1},
        {"init": "random"},
        {"init": "random", "tied_weights": True},
        {"hidden_layer_sizes": (), "init": "random"},
        {"likelihood": "poisson", "size_factor": "sum"},
    ],
    ids=str,
)
def test_options_train_and_are_repeatable(digits, params):
    params = {"early_stopping": False, "max_iter": 8} | params
    model = fit(digits, **params)
    assert model.best_iter_ > 0  # not the floor
    codes = model.transform(digits)
    np.testing.assert_array_equal(model.transform(digits), codes)
    np.testing.assert_array_equal(fit(digits, **params).transform(digits), codes)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.transform(digits), codes)
    np.testing.assert_array_equal(
        copy.log_likelihood(digits[:9], 20), model.log_likelihood(digits[:9], 20)
    )
    assert np.isfinite(model.log_likelihood(digits, 5)).all()


def test_importance_weighting_tightens_the_bound(digits):
    one, five = (fit(digits, 8, n_importance_samples=n, max_iter=20) for n in (1, 5))
    assert five.log_likelihood_bound_ > one.log_likelihood_bound_


# --------------------------------------------------------------- what is drawn from it


def test_sample_is_repeatable_and_local(digits):
    model = fit(digits)
    before = torch.get_rng_state()
    first = model.sample(7, random_state=0)
    assert first.shape == (7, 64)
    np.testing.assert_array_equal(model.sample(7, random_state=0), first)
    assert np.abs(model.sample(7, random_state=1) - first).max() > 1
    assert torch.equal(before, torch.get_rng_state())


def test_samples_look_like_the_rows(digits):
    model = fit(digits, 16, max_iter=30)
    drawn = model.sample(5000, noise=True, random_state=0)
    np.testing.assert_allclose(drawn.mean(axis=0), digits.mean(axis=0), atol=1.0)
    assert drawn.var(axis=0).sum() == pytest.approx(digits.var(axis=0).sum(), rel=0.2)


def test_interpolation_goes_from_one_reconstruction_to_the_other(digits):
    model = fit(digits)
    path = model.interpolate(digits[0], digits[1], n_steps=5)
    ends = model.reconstruct(digits[:2])
    np.testing.assert_allclose(path[[0, -1]], ends, atol=1e-4)
    assert path.shape == (5, 64)


def test_interpolation_between_named_rows(digits):
    frame = pd.DataFrame(digits[:300, :20]).add_prefix("pixel_")
    model = fit(frame)
    assert model.interpolate(frame.iloc[0], frame.iloc[1], 3).shape == (3, 20)
    with pytest.raises(ValueError, match="a and b must be single rows") as error:
        model.interpolate(frame.iloc[:2], frame.iloc[0])
    assert str(error.value) == (
        "a and b must be single rows of 20 values; got 40 and 20. Pass X[0] and X[1], "
        "for example."
    )


def test_images_keep_their_axes():
    images = load_digits().images
    architecture = ConvArchitecture(channels=(4, 8))
    model = fit(images, architecture=architecture, max_iter=2)
    assert model.sample(3).shape == (3, 8, 8)
    assert model.interpolate(images[0], images[1], 4).shape == (4, 8, 8)


def test_bounds_do_not_depend_on_the_batch(digits):
    model = fit(digits, likelihood="poisson", max_iter=20)
    found = model.log_likelihood(digits[:300], 3000)
    alone = model.log_likelihood(digits[:40], 3000)
    # Draws differ, and a single row may have an estimate far from the others.
    differences = alone - found[:40]
    assert abs(differences.mean()) < 0.4
    assert np.abs(differences).mean() < 1


def test_sparse_rows(digits):
    X = sp.csr_array(digits)
    dense, sparse = (fit(rows, noise_variance="shared") for rows in (digits, X))
    np.testing.assert_allclose(sparse.transform(X), dense.transform(digits), atol=1e-3)


def test_sparse_rows_start_at_the_same_factor_analysis(digits):
    X = sp.csr_array(digits)
    dense, sparse = (
        start(rows, 4, noise_variance="per_feature") for rows in (digits, X)
    )
    np.testing.assert_allclose(sparse.transform(X), dense.transform(digits), atol=1e-3)


# ----------------------------------------------------------------- what goes wrong


def test_collapse_of_the_posterior_is_told(digits):
    with pytest.warns(PosteriorCollapseWarning) as caught:
        model = fit(digits, 4, init="random", beta=1000.0, max_iter=20)
    assert model.n_active_components_ == 0
    np.testing.assert_allclose(model.kl_per_component_, 0, atol=0.01)
    assert str(caught[-1].message) == (
        "VAE(n_components=4): 0 of 4 components are active; the posteriors of the "
        "others say nothing of the row. Set a smaller beta, kl_warmup=0.3 or "
        "free_bits=0.1, or fewer "
        "n_components; init='pca' starts with active ones."
    )


def test_healthy_posteriors_give_no_warning(digits):
    with warnings.catch_warnings():
        warnings.simplefilter("error", PosteriorCollapseWarning)
        model = fit(digits, 8, init="random", max_iter=20)
    assert model.n_active_components_ >= 4


def test_divergence_per_component(digits):
    model = fit(digits, 4, max_iter=20, early_stopping=False)
    with torch.inference_mode():
        rows = torch.as_tensor((digits - model.mean_) / model.scale_).float()
        mean, log_variance = model.module_.posterior(rows)
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean(0)
    np.testing.assert_allclose(model.kl_per_component_, divergence, rtol=1e-4)
    assert (model.kl_per_component_ > 0.5).all()


@pytest.mark.parametrize(
    ("params", "X", "message"),
    [
        (
            {"likelihood": "poisson"},
            [[0.0, 1], [2.5, 3], [1, 1]],
            "likelihood='poisson' takes the values of X as counts, integers of at "
            "least 0; got 2.5. Round them, or use likelihood='gaussian'.",
        ),
        (
            {"likelihood": "bernoulli"},
            [[0.0, 1], [2.0, 0], [1, 1]],
            "likelihood='bernoulli' takes the values of X as probabilities in [0, 1]; "
            "got values from 0 to 2. Scale them with MinMaxScaler, or use "
            "likelihood='gaussian'.",
        ),
        (
            {"size_factor": "sum"},
            [[0.0, 1], [2.0, 0], [1, 1]],
            "size_factor needs a likelihood of counts, 'poisson' or "
            "'negative_binomial'; got likelihood='gaussian'. Set size_factor=None.",
        ),
        (
            {"tied_weights": True},
            [[0.0, 1], [2.0, 0], [1, 1]],
            "tied_weights=True needs init='random' in VAE, because the encoder of "
            "probabilistic PCA is not its decoder's transpose; got init='pca'.",
        ),
        (
            {"free_bits": 0.1, "n_importance_samples": 5},
            [[0.0, 1], [2.0, 0], [1, 1]],
            "free_bits needs n_importance_samples=1, because the bound of several "
            "draws has no KL divergence of its own; got n_importance_samples=5. Set "
            "free_bits=0.",
        ),
        (
            {"architecture": ConvArchitecture(bottleneck="map", image_shape=(2, 2))},
            np.eye(4),
            "the code of VAE must be a vector of latent variables; got an architecture "
            "whose feature map is the code. Set bottleneck='vector'.",
        ),
    ],
)
def test_bad_input_to_fit(params, X, message):
    with pytest.raises(ValueError, match=r"must|takes|needs") as error:
        VAE(None if "architecture" in params else 1, **params).fit(np.asarray(X))
    assert str(error.value) == message


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
def test_architecture_is_used(digits):
    model = fit(
        digits, architecture=DenseArchitecture((7,)), init="random", max_iter=20
    )
    assert (7,) in [shape for _, shape, _ in model.summary().layers]


# ---------------------------------------------------------------- step by step


def test_partial_fit_weighs_the_divergence_in_full(digits):
    """A pass is no warm-up, and its gain is one of the bound."""
    weights = []

    def forward(self, output, target):
        weights.append(self.progress)
        return original(self, output, target)

    original = EvidenceBound.forward
    model = VAE(4, kl_warmup=0.5, random_state=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EvidenceBound, "forward", forward)
        for _ in range(5):
            model.partial_fit(digits)
    assert set(weights) == {1.0}
    gain = model.log_likelihood_bound_ - model.pca_log_likelihood_bound_
    assert gain > 0
    assert model.beats_pca_ is None  # no rows were held out


def test_warm_start_goes_on(digits):
    model = fit(digits, warm_start=True, early_stopping=False)
    bound = model.log_likelihood_bound_
    model.fit(digits)
    assert model.n_iter_ == 10
    assert model.log_likelihood_bound_ > bound


def test_early_stopping_waits_for_the_warm_up(digits):
    model = VAE(4, kl_warmup=1.0, max_iter=25, n_iter_no_change=3, random_state=0)
    assert model.fit(digits).n_iter_ == 25


def test_size_factor_takes_the_size_out_of_the_code(digits):
    model = fit(digits, likelihood="poisson", size_factor="sum", max_iter=10)
    codes = model.transform(digits)
    np.testing.assert_allclose(model.transform(3 * digits), codes, atol=1e-3)
    np.testing.assert_allclose(
        model.reconstruct(3 * digits), 3 * model.reconstruct(digits), rtol=1e-2
    )


@pytest.mark.parametrize("method", ["elbo", "log_likelihood"])
def test_likelihoods_are_of_values_that_can_be(digits, method):
    model = fit(digits, likelihood="poisson", max_iter=1)
    with pytest.raises(ValueError, match="takes the values of X as counts"):
        getattr(model, method)(digits + 0.5)
    with pytest.raises(ValueError, match="n_samples must be") as error:
        getattr(model, method)(digits, 0)
    assert str(error.value) == "n_samples must be an integer of at least 1; got 0."


@pytest.mark.parametrize("likelihood", ["poisson", "negative_binomial"])
@pytest.mark.parametrize("size_factor", ["sum", None])
def test_sparse_counts_of_every_kind(likelihood, size_factor):
    """Sums of sparse matrices have two axes, and those of sparse arrays one."""
    X = np.random.RandomState(0).poisson(2.0, (30, 5)).astype(float)
    vae = VAE(
        2, likelihood=likelihood, size_factor=size_factor, max_iter=1, random_state=0
    )
    wanted = vae.fit(sp.csr_array(X)).transform(X)
    for convert in (sp.csr_matrix, sp.coo_matrix, sp.csc_array):
        found = vae.fit(convert(X)).transform(convert(X))
        np.testing.assert_array_equal(found, wanted)
