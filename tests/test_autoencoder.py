import copy
import pickle
import random
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_ae import AutoencoderTransformer, DenseArchitecture, PCAFloorWarning


def fit(X, n_components=1, **params):
    params = {"random_state": 0, "max_iter": 40} | params
    return AutoencoderTransformer(n_components, **params).fit(X)


# ------------------------------------------------------------------ PCA, the oracle


def start(X, n_components, **params):
    """Fit, and put back the state before the first step."""
    model = AutoencoderTransformer(n_components, random_state=0, **params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PCAFloorWarning)
        model.set_params(max_iter=1, learning_rate=1e-30).fit(X)
    return model


@pytest.mark.parametrize("scaling", ["global", None])
@pytest.mark.parametrize("tied_weights", [True, False])
@pytest.mark.parametrize(
    "activation", ["gelu", "relu", "elu", "silu", "tanh", "logistic"]
)
def test_pca_start_is_pca(curve, scaling, tied_weights, activation):
    X, X_val = curve[:400], curve[400:]
    model = AutoencoderTransformer(
        2,
        scaling=scaling,
        tied_weights=tied_weights,
        activation=activation,
        max_iter=1,
        random_state=0,
        learning_rate=1e-12,
    )
    with pytest.warns(PCAFloorWarning):
        model.fit(X, X_val=X_val)
    pca = PCA(2).fit(X)
    np.testing.assert_allclose(model.transform(X_val), pca.transform(X_val), atol=1e-5)
    expected = pca.inverse_transform(pca.transform(X_val))
    np.testing.assert_allclose(model.reconstruct(X_val), expected, atol=1e-5)
    error = np.mean((X_val - expected) ** 2)
    assert model.pca_reconstruction_error_ == pytest.approx(error, rel=1e-4)
    assert model.score(X) == pytest.approx(
        pca.explained_variance_ratio_.sum(), abs=1e-5
    )


def test_per_feature_scaling_starts_at_pca_of_standardised_rows(noise):
    with pytest.warns(PCAFloorWarning):
        model = fit(noise * [1, 10, 100, 1, 1, 5], 3, scaling="per_feature")
    scaled = StandardScaler().fit_transform(noise)
    expected = PCA(3).fit_transform(scaled)
    np.testing.assert_allclose(
        model.transform(noise * [1, 10, 100, 1, 1, 5]), expected, atol=1e-4
    )


def test_linear_autoencoder_from_random_weights_finds_the_subspace_of_pca():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((500, 3)) * [3.0, 1.5, 0.2]
    with pytest.warns(PCAFloorWarning, match="init='pca' would start"):
        model = fit(
            X,
            2,
            hidden_layer_sizes=(),
            init="random",
            max_iter=400,
            batch_size=500,
            learning_rate=0.02,
            early_stopping=False,
        )
    weight = model.module_.decoder[0].weight.detach().numpy()
    basis, _ = np.linalg.qr(weight)
    cosines = np.linalg.svd(PCA(2).fit(X).components_ @ basis)[1]
    assert np.arccos(cosines.min().clip(-1, 1)) < 1e-3
    assert model.reconstruction_error_ == pytest.approx(
        model.pca_reconstruction_error_, rel=1e-3
    )


def test_a_fit_that_cannot_beat_pca_equals_pca_of_all_rows(noise):
    with pytest.warns(PCAFloorWarning) as record:
        model = fit(noise, 3)
    pca = PCA(3).fit(noise)
    np.testing.assert_allclose(model.transform(noise), pca.transform(noise), atol=1e-5)
    assert not model.beats_pca_
    assert model.best_iter_ == 0
    assert model.reconstruction_error_ == model.pca_reconstruction_error_
    assert len(record) == 1
    message = str(record[0].message)
    assert message == (
        "AutoencoderTransformer(n_components=3): The fitted model is PCA of all rows, "
        "because the network's loss on held-out rows is not better by more than "
        "chance. beats_pca_ is False. Compare reconstruction_error_ with "
        "pca_reconstruction_error_. More rows, another n_components or a larger "
        "max_iter may change that; floor=False keeps the network."
    )


def test_a_curve_is_found_where_pca_fails(curve):
    model = fit(curve, 1)
    assert model.beats_pca_
    assert model.reconstruction_error_ < 0.5 * model.pca_reconstruction_error_
    assert model.score(curve) > PCA(1).fit(curve).explained_variance_ratio_.sum()


@pytest.mark.parametrize(
    "params",
    [
        {"tied_weights": True},
        {"init": "random"},
        {"scaling": "per_feature"},
        {"scaling": None, "init": "random"},
        {"loss": "absolute_error"},
        {"schedule": "constant", "weight_decay": 0.01},
        {"early_stopping": False},
        {"precision": "bfloat16"},
        {"architecture": DenseArchitecture((32,), "tanh")},
    ],
    ids=str,
)
def test_every_option_beats_pca_on_a_curve(curve, params):
    model = fit(curve, 1, **params)
    assert model.reconstruction_error_ < 0.8 * model.pca_reconstruction_error_


def test_log_loss_reconstructs_within_the_unit_interval(curve):
    X = (curve - curve.min(0)) / np.ptp(curve, axis=0)
    model = fit(X, 1, loss="log_loss", max_iter=80)
    rebuilt = model.reconstruct(X)
    assert 0 <= rebuilt.min() <= rebuilt.max() <= 1
    assert model.reconstruction_error_ < 0.8 * model.pca_reconstruction_error_


# -------------------------------------------------------------------- code sizes


@pytest.mark.parametrize(("n_features", "expected"), [(1, 1), (2, 1), (7, 3), (80, 32)])
def test_default_code_is_half_of_the_features_at_most_32(n_features, expected):
    X = np.random.RandomState(0).standard_normal((70, n_features))
    with pytest.warns(PCAFloorWarning):
        assert fit(X, None, max_iter=1).n_components_ == expected


def test_a_share_of_the_variance_gives_the_code_of_pca(curve):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PCAFloorWarning)
        model = fit(curve, 0.9, max_iter=2, early_stopping=False)
    assert model.n_components_ == PCA(0.9).fit(curve).n_components_


# ----------------------------------------------------------------- repeatability


def weights(model):
    return [value.detach().numpy() for value in model.module_.parameters()]


def test_two_fits_with_one_seed_are_equal_bit_by_bit(curve):
    for first, second in zip(weights(fit(curve)), weights(fit(curve)), strict=True):
        np.testing.assert_array_equal(first, second)


def test_fits_with_other_seeds_differ(curve):
    first, second = fit(curve, random_state=0), fit(curve, random_state=1)
    assert not np.array_equal(first.transform(curve), second.transform(curve))


def test_random_state_instances_are_advanced(curve):
    state = np.random.RandomState(0)
    first = fit(curve, random_state=state, max_iter=3).loss_curve_
    second = fit(curve, random_state=state, max_iter=3).loss_curve_
    assert first != second


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
@pytest.mark.parametrize("random_state", [0, None])
def test_global_random_state_is_left_alone(curve, random_state):
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    fit(curve, random_state=random_state, max_iter=2, early_stopping=False)
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])
    assert before[2] == random.getstate()


# --------------------------------------------------------------------- properties


@pytest.fixture(scope="module")
def fitted():
    X = np.random.RandomState(1).standard_normal((80, 5)).astype(np.float32)
    X[:, 3:] = X[:, :2] ** 2
    return fit(X, 3, early_stopping=False, max_iter=20), X


@settings(deadline=None, max_examples=25)
@given(order=st.permutations(range(12)), keep=st.integers(1, 12))
def test_codes_do_not_depend_on_other_rows(fitted, order, keep):
    model, X = fitted
    chosen = np.array(order[:keep])
    for method in (model.transform, model.reconstruct, model.score_samples):
        np.testing.assert_allclose(
            method(X[:12][chosen]), method(X[:12])[chosen], atol=1e-5, rtol=1e-4
        )


@settings(deadline=None, max_examples=20)
@given(
    n_rows=st.integers(3, 40),
    n_features=st.integers(1, 9),
    dtype=st.sampled_from([np.float32, np.float64, np.int64]),
    share=st.floats(0, 1),
)
def test_shapes_and_types(n_rows, n_features, dtype, share):
    rng = np.random.RandomState(n_rows)
    X = (10 * rng.standard_normal((n_rows, n_features))).astype(dtype)
    limit = min(n_rows, n_features)
    n_components = 1 + int(share * (limit - 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PCAFloorWarning)
        model = fit(X, n_components, max_iter=1)
    codes = model.transform(X)
    assert codes.shape == (n_rows, n_components)
    assert model.inverse_transform(codes).shape == X.shape
    assert model.score_samples(X).shape == (n_rows,)
    assert codes.dtype == np.float32


def test_scores_agree_with_reconstruct(fitted):
    model, X = fitted
    rebuilt = model.inverse_transform(model.transform(X))
    np.testing.assert_allclose(model.reconstruct(X), rebuilt, atol=1e-5)
    errors = ((X - rebuilt) ** 2).mean(axis=1)
    np.testing.assert_allclose(model.score_samples(X), -errors, rtol=1e-3, atol=1e-7)
    share = 1 - errors.sum() / ((X - X.mean(axis=0)) ** 2).mean(axis=1).sum()
    assert model.score(X) == pytest.approx(share, abs=1e-5)


def test_clone_refit_is_identity(fitted):
    model, X = fitted
    again = clone(model).fit(X)
    np.testing.assert_array_equal(again.transform(X), model.transform(X))


def test_pickle_keeps_codes_history_and_the_way_on(fitted):
    model, X = fitted
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(X), model.transform(X))
    losses = model.net_.history[:, "train_loss"]
    assert again.net_.history[:, "train_loss"] == losses
    assert again.net_.batch_size == model.net_.batch_size
    assert again.partial_fit(X).n_iter_ == model.n_iter_ + 1


def test_parameters_set_after_the_fit_do_not_change_the_model(fitted):
    model, X = fitted
    copy = pickle.loads(pickle.dumps(model))
    copy.set_params(activation="tanh", hidden_layer_sizes=(8,), scaling=None)
    again = pickle.loads(pickle.dumps(copy))
    assert again.activation == "tanh"
    for other in (copy, again):
        np.testing.assert_array_equal(other.transform(X), model.transform(X))


def test_pickle_of_a_model_from_a_missing_device_opens_on_the_cpu(fitted):
    model, X = fitted
    elsewhere = copy.copy(model)
    elsewhere._model = copy.copy(model._model)
    elsewhere._model.device = "cuda:7"
    again = pickle.loads(pickle.dumps(elsewhere))
    assert again.device_ == "cpu"
    np.testing.assert_array_equal(again.transform(X), model.transform(X))


def test_large_offsets_cost_no_digits(curve):
    """A column of time stamps: float32 alone would round each to 128 s."""
    model = fit(curve + 1.6e9, 1)
    error = fit(curve, 1).pca_reconstruction_error_
    assert model.pca_reconstruction_error_ == pytest.approx(error, rel=1e-3)
    assert model.reconstruction_error_ < 0.5 * error


def test_the_unit_of_x_is_the_unit_of_errors_and_codes(curve):
    model, large = fit(curve, 1), fit(1000 * curve, 1)
    assert large.reconstruction_error_ == pytest.approx(
        1e6 * model.reconstruction_error_, rel=0.05
    )
    np.testing.assert_allclose(
        large.transform(1000 * curve).std(),
        1000 * model.transform(curve).std(),
        rtol=0.05,
    )


@pytest.mark.parametrize("n_features", [6, 1200])
@pytest.mark.parametrize("scaling", ["global", "per_feature", None])
def test_sparse_rows_give_the_pca_of_dense_rows(n_features, scaling):
    rng = np.random.RandomState(0)
    strength = rng.uniform(1, 2, size=(90, 3)) * [9, 5, 2]
    dense = strength @ rng.uniform(size=(3, n_features))
    X = sp.csr_array(dense * (rng.uniform(size=dense.shape) < 0.95))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PCAFloorWarning)
        sparse = fit(X, 3, max_iter=1, learning_rate=1e-12, scaling=scaling)
        dense = fit(X.toarray(), 3, max_iter=1, learning_rate=1e-12, scaling=scaling)
    rebuilt, target = sparse.reconstruct(X), X.toarray()
    assert isinstance(rebuilt, np.ndarray)
    # In wide dense tables scikit-learn's solver is a randomized, inexact one.
    error = np.mean((dense.reconstruct(target) - target) ** 2)
    assert np.mean((rebuilt - target) ** 2) == pytest.approx(error, rel=1e-3)
    assert sparse.pca_reconstruction_error_ == pytest.approx(
        dense.pca_reconstruction_error_, rel=1e-3
    )


# ------------------------------------------------------- in Pipelines and searches


def test_pipeline_and_grid_search(curve):
    y = (curve[:, 0] > 0).astype(int)
    pipeline = Pipeline([("reduce", PCA()), ("clf", LogisticRegression())])
    fast = AutoencoderTransformer(max_iter=5, random_state=0)
    search = GridSearchCV(
        pipeline,
        {"reduce": [PCA(), fast], "reduce__n_components": [1, 2]},
        cv=2,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PCAFloorWarning)
        search.fit(curve, y)
    assert search.best_score_ > 0.9


def test_architecture_parameters_can_be_searched(curve):
    model = AutoencoderTransformer(
        1, architecture=DenseArchitecture(), max_iter=3, random_state=0
    )
    grid = {"architecture__hidden_layer_sizes": [(8,), (16, 8)]}
    search = GridSearchCV(model, grid, cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PCAFloorWarning)
        search.fit(curve)
    sizes = search.best_estimator_.architecture.hidden_layer_sizes
    assert sizes in ((8,), (16, 8))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_validation_rows_pass_through_a_pipeline(curve):
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        model = AutoencoderTransformer(1, max_iter=5, random_state=0)
        model.set_fit_request(X_val=True)
        pipeline = Pipeline(
            [("scale", StandardScaler()), ("ae", model)], transform_input=["X_val"]
        )
        pipeline.fit(curve[:400], X_val=curve[400:])
    scaler = StandardScaler().fit(curve[:400])
    direct = AutoencoderTransformer(1, max_iter=5, random_state=0)
    direct.fit(scaler.transform(curve[:400]), X_val=scaler.transform(curve[400:]))
    np.testing.assert_array_equal(
        pipeline.transform(curve), direct.transform(scaler.transform(curve))
    )
    assert direct.validation_loss_curve_ == pipeline[-1].validation_loss_curve_


# -------------------------------------------------------- continuing and stopping


def test_partial_fit_goes_on_and_improves(curve):
    model = AutoencoderTransformer(1, random_state=0)
    errors = [model.partial_fit(curve).reconstruction_error_ for _ in range(15)]
    assert errors[-1] < 0.7 * model.pca_reconstruction_error_
    assert model.n_iter_ == len(model.loss_curve_) == 15
    assert model.beats_pca_ is None  # no rows were held out


def test_partial_fit_goes_on_after_fit(curve):
    """The schedule of fit ends at zero; partial_fit must not stay there."""
    model = fit(curve, 1, max_iter=3)
    before = model.transform(curve)
    assert abs(model.partial_fit(curve).transform(curve) - before).max() > 1e-3


def test_validation_rows_must_suit_the_loss_too(curve):
    X = (curve - curve.min(0)) / np.ptp(curve, axis=0)
    with pytest.raises(ValueError, match="takes the values of X_val as probabilities"):
        AutoencoderTransformer(1, loss="log_loss").fit(X, X_val=2 * X)


def test_warm_start_goes_on(curve):
    model = AutoencoderTransformer(
        1, random_state=0, max_iter=10, warm_start=True, early_stopping=False
    ).fit(curve)
    first = model.reconstruction_error_
    model.fit(curve)
    assert model.n_iter_ == 20
    assert model.reconstruction_error_ < first


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"n_components": 2},
            "n_components must stay 1 while a fitted network goes on training; got 2. "
            "Clone the estimator, or set warm_start=False and call fit.",
        ),
        (
            {"activation": "relu"},
            "activation must stay 'gelu' while a fitted network goes on training; got "
            "'relu'. Clone the estimator, or set warm_start=False and call fit.",
        ),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_network_that_goes_on_keeps_its_structure(curve, method, params, message):
    model = fit(curve, 1, warm_start=True, max_iter=2, early_stopping=False)
    with pytest.raises(ValueError, match="must stay") as error:
        getattr(model.set_params(**params), method)(curve)
    assert str(error.value) == message


def test_warm_start_takes_fewer_rows_and_shares_of_the_variance(curve):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PCAFloorWarning)
        model = fit(curve, 0.9, warm_start=True, max_iter=2)
        n_components = model.n_components_
        assert model.fit(curve[:40]).n_components_ == n_components


def test_without_early_stopping_the_last_state_is_kept(curve):
    model = fit(curve, 1, max_iter=6, early_stopping=False, learning_rate=0.05)
    assert model.best_iter_ == model.n_iter_ == 6


def test_the_best_state_on_validation_rows_is_kept(curve):
    model = fit(curve, 1)
    best = min(model.validation_loss_curve_)
    assert model.validation_loss_curve_[model.best_iter_ - 1] == best
    scale = model.scale_[0] ** 2 / curve.shape[1]
    assert model.reconstruction_error_ == pytest.approx(best * scale, rel=1e-4)


def test_early_stopping_stops(curve):
    model = fit(curve, 1, max_iter=400, n_iter_no_change=3, tol=0.05)
    assert model.n_iter_ < 400


def test_own_architecture(curve):
    def build(n_features, n_components):
        encoder = nn.Sequential(
            nn.Linear(n_features, 16),
            nn.LayerNorm(16),
            nn.Tanh(),
            nn.Linear(16, n_components),
        )
        decoder = nn.Sequential(
            nn.Linear(n_components, 16), nn.Tanh(), nn.Linear(16, n_features), nn.Tanh()
        )
        return encoder, decoder

    model = fit(curve, 1, architecture=build, max_iter=80)
    assert model.reconstruction_error_ < 0.8 * model.pca_reconstruction_error_


# ------------------------------------------------------------------------ bad input


def messages():
    X = np.random.RandomState(0).standard_normal((40, 4))
    nan, infinite, huge, constant = X.copy(), X.copy(), X.copy(), np.ones_like(X)
    nan[3, 2], infinite[3, 2], huge[3, 2] = np.nan, np.inf, -1e30
    return {
        "NaN": (
            nan,
            {},
            "Input X contains NaN.\nAutoencoderTransformer does not accept",
        ),
        "infinite": (infinite, {}, "Input X contains infinity or a value too large"),
        "text": (
            [["a", "b"], ["c", "d"]],
            {},
            "could not convert string to float",
        ),
        "empty": (
            X[:0],
            {},
            "Found array with 0 sample(s) (shape=(0, 4)) while a minimum",
        ),
        "one row": (
            X[:1],
            {},
            "Found array with 1 sample(s) (shape=(1, 4)) while a min",
        ),
        "one dimension": (X[0], {}, "Expected 2D array, got 1D array instead"),
        "constant": (
            constant,
            {},
            "X must vary in at least one column, or there is nothing to encode; all 4 "
            "columns are constant. Check how X was made.",
        ),
        "huge": (
            huge,
            {},
            "the values of X must stay within +-1e+18, because their squares are taken "
            "in float32; got 1e+30. Scale the columns first, for example with "
            "StandardScaler.",
        ),
        "too many codes": (
            X,
            {"n_components": 5},
            "n_components must be at most min(n_samples, n_features) = 4, as for PCA; "
            "got n_components=5 with n_samples = 40 and n_features = 4. Choose a "
            "smaller n_components.",
        ),
        "no codes": (X, {"n_components": 0}, "The 'n_components' parameter of Autoenc"),
        "unknown activation": (
            X,
            {"activation": "swish"},
            "The 'activation' parameter of AutoencoderTransformer must be a str among",
        ),
        "unknown loss": (X, {"loss": "mse"}, "The 'loss' parameter of AutoencoderTra"),
        "validation share": (
            X,
            {"validation_fraction": 0.01},
            "validation_fraction must leave at least 1 row for validation and 2 for "
            "training; got 0.01 of 40 rows, which is 0. Use 'auto', or "
            "early_stopping=False.",
        ),
        "not in the unit interval": (
            X,
            {"loss": "log_loss"},
            "loss='log_loss' takes the values of X as probabilities in [0, 1]; got "
            "values from -2.553 to 2.383. Scale them with MinMaxScaler, or use "
            "loss='squared_error'.",
        ),
        "device": (
            X,
            {"device": "cuda:9"},
            "device must name a device that torch finds here; got 'cuda:9'. Use "
            "'auto', or one of ['cpu'",
        ),
        "hidden layers": (
            X,
            {"hidden_layer_sizes": (8, 0)},
            "hidden_layer_sizes must hold positive integers; got (8, 0). Leave layers "
            "out instead of giving them no units.",
        ),
        "activation of an architecture": (
            X,
            {"architecture": DenseArchitecture((8,), "swish")},
            "activation must be one of ['elu', 'gelu', 'logistic', 'relu', 'silu', "
            "'tanh']; got 'swish'. For other layers, pass a callable as architecture.",
        ),
        "architecture shape": (
            X,
            {"architecture": lambda d, k: (nn.Linear(d, k), nn.Linear(k, 3))},
            "the architecture's decoder must map (n, 2) to (n, 4); it mapped (2, 2) to "
            "(2, 3).",
        ),
        "architecture type": (
            X,
            {"architecture": lambda d, k: nn.Linear(d, k)},
            "architecture must return a pair (encoder, decoder) of torch modules; got "
            "Linear(in_features=4, out_features=2, bias=True).",
        ),
        "callback": (
            X,
            {"callbacks": [print]},
            "callbacks must hold skorch callbacks, or pairs of a name and one; got "
            "<built-in function print>. Derive it from skorch.callbacks.Callback.",
        ),
        "ragged": (
            [[1.0, 2.0], [3.0]],
            {},
            "the rows of X must all have the same shape; got a ragged list with rows "
            "of the lengths [1, 2]. Fill rows up, or leave out those that are "
            "incomplete.",
        ),
        "generator": (
            (row for row in X),
            {},
            "X must be an array, a DataFrame or",
        ),
    }


@pytest.mark.parametrize("case", list(messages()))
def test_bad_input_to_fit(case):
    X, params, message = messages()[case]
    with pytest.raises((ValueError, TypeError)) as error:
        AutoencoderTransformer(**params).fit(X)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "method",
    ["transform", "inverse_transform", "reconstruct", "score_samples", "score"],
)
def test_unfitted_use(method, noise):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        getattr(AutoencoderTransformer(), method)(noise)


def test_wrong_widths(fitted):
    model, X = fitted
    with pytest.raises(ValueError, match="X has 4 features, but Autoencoder"):
        model.transform(X[:, :4])
    with pytest.raises(ValueError, match="X must hold codes of 3") as error:
        model.inverse_transform(X)
    assert str(error.value) == (
        "X must hold codes of 3 components, as transform returns them; got 5 columns. "
        "To reconstruct rows, use reconstruct."
    )


def test_wrong_width_of_validation_rows(curve):
    with pytest.raises(ValueError, match="X_val must have the features of X, 6"):
        AutoencoderTransformer(1).fit(curve, X_val=curve[:, :5])


@pytest.mark.parametrize(
    "spoil",
    [
        {"X": np.full((80, 5), np.nan)},
        {"validation_fraction": 0.001, "early_stopping": True},
        {"n_components": 6},
        {"X": np.ones((80, 7))},
    ],
    ids=str,
)
def test_a_failed_refit_loses_nothing(fitted, spoil):
    model, X = fitted
    model = pickle.loads(pickle.dumps(model))
    before = model.transform(X)
    params = {name: value for name, value in spoil.items() if name != "X"}
    bad = spoil.get("X", 3 * X)
    with pytest.raises(ValueError, match=r"must|NaN"):
        model.set_params(**params).fit(bad)
    np.testing.assert_array_equal(model.transform(X), before)


def test_a_failed_first_fit_leaves_the_estimator_unfitted(noise):
    model = AutoencoderTransformer(7)
    with pytest.raises(ValueError, match="n_components must be at most"):
        model.fit(noise)
    with pytest.raises(NotFittedError):
        model.transform(noise)
    assert not [name for name in vars(model) if name.endswith("_")]


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (
            {"architecture": lambda n, k: None},
            TypeError,
            r"^architecture must return a pair",
        ),
        (
            {"architecture": lambda n, k: (nn.Linear(n, k), nn.Linear(k, n - 1))},
            ValueError,
            r"^the architecture's decoder must map \(n, 2\) to \(n, 40\)",
        ),
        (
            {
                "architecture": lambda n, k: (nn.Linear(n, k), nn.Linear(k, n)),
                "pretraining": "layerwise",
            },
            ValueError,
            r"^pretraining='layerwise' needs mirrored dense networks",
        ),
    ],
)
def test_networks_of_the_user_are_checked_where_training_is_skipped(
    params, error, message
):
    X = np.random.RandomState(0).standard_normal((12, 40))
    with pytest.raises(error, match=message):
        AutoencoderTransformer(2, random_state=0, **params).fit(X)
