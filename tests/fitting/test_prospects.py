"""Training is skipped where no gain over PCA could be shown."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.decomposition import PCA

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    PCAFloorWarning,
    SparseAE,
)
from sklearn_ae.fitting.prospects import distances_from_span
from sklearn_ae.training.batches import Rows

RANDOM = np.random.RandomState(0)
WIDE = RANDOM.standard_normal((60, 500))
LOW = RANDOM.standard_normal((80, 3)) @ RANDOM.standard_normal((3, 12)) + 1


def rows_of(X):
    width = X.shape[1]
    return Rows(X, np.zeros(width), np.ones(width), torch.device("cpu"))


def fit(model, X, **options):
    """Return a fitted model and the text of its only warning, without its name."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, **options)
    texts = [str(w.message) for w in caught if w.category is PCAFloorWarning]
    assert len(texts) == 1
    name, _, text = texts[0].partition("): ")
    assert name.startswith(f"{type(model).__name__}(n_components=")
    return model, text


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_distances_are_from_the_affine_span_of_training_rows(convert):
    train, others = WIDE[:40] + 3, WIDE[40:] + 3
    found = distances_from_span(rows_of(convert(train)), rows_of(convert(others)))
    pca = PCA(39, svd_solver="full").fit(train)
    left = others - pca.inverse_transform(pca.transform(others))
    np.testing.assert_allclose(found, np.square(left).sum(1), rtol=1e-3)
    inside = train[:1] + 0.3 * (train[1:4] - train[2:5])
    at_home = distances_from_span(rows_of(convert(train)), rows_of(convert(inside)))
    assert at_home.max() < 1e-3 * np.square(train - train.mean(0)).sum(1).min()


def test_as_many_rows_as_features_span_everything():
    rows = rows_of(np.random.RandomState(0).standard_normal((20, 6)))
    assert not distances_from_span(rows, rows).any()


def test_few_validation_rows_can_show_nothing():
    X = np.random.RandomState(0).standard_normal((12, 4))
    model, text = fit(AutoencoderTransformer(2, random_state=0), X)
    assert text == (
        "Training was skipped, because no gain over PCA can be shown on fewer than 5 "
        "held-out rows. The fitted model is PCA of all rows; beats_pca_ is False. Give "
        "more rows, a larger validation_fraction, or X_val."
    )
    assert model.n_iter_ == model.best_iter_ == 0
    assert model.loss_curve_ == model.validation_loss_curve_ == []
    assert model.n_parameters_ == 2 * 2 * 4 + 2 + 4
    pca = PCA(2).fit(X)
    np.testing.assert_allclose(model.transform(X), pca.transform(X), atol=1e-5)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
@pytest.mark.parametrize("cls", [AutoencoderTransformer, ConvAutoencoderTransformer])
@pytest.mark.parametrize("n_components", [3, 12])
def test_pca_that_is_exact_leaves_nothing_to_gain(cls, n_components, loss):
    model, text = fit(cls(n_components, loss=loss, random_state=0), LOW)
    assert text == (
        f"Training was skipped, because PCA with {n_components} components is exact "
        "already. The fitted model is PCA of all rows; beats_pca_ is False. Choose a "
        "smaller n_components."
    )
    np.testing.assert_allclose(model.reconstruct(LOW), LOW, atol=1e-4)
    assert model.reconstruction_error_ == model.pca_reconstruction_error_ < 1e-9


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (AutoencoderTransformer(5, random_state=0), "PCA"),
        (DenoisingAE(5, random_state=0), "the best linear denoiser"),
        (SparseAE(40, n_nonzero_coefs=5, random_state=0), "PCA"),
        (AutoencoderTransformer(5, nested=True, random_state=0), "PCA"),
        (AutoencoderTransformer(0.3, random_state=0), "PCA"),
    ],
)
def test_rows_that_say_nothing_of_others_are_not_trained_on(model, name):
    if isinstance(model, SparseAE):
        model.set_params(hidden_layer_sizes=(8,))
    model, text = fit(model, WIDE)
    assert text == (
        "Training was skipped, because the training rows say too little of others: "
        f"sums of them come hardly nearer to validation rows than {name} does, and on "
        f"so few rows that may be chance. The fitted model is {name} of all rows; "
        "beats_pca_ is False. Give more rows, or choose columns first."
    )
    assert model.n_iter_ == 0
    assert not model.beats_pca_
    assert model.reconstruct(WIDE).shape == WIDE.shape


def test_a_convolution_may_say_more_than_sums_of_rows():
    model, text = fit(ConvAutoencoderTransformer(5, max_iter=2, random_state=0), WIDE)
    assert model.n_iter_ == 2
    assert "Training was skipped" not in text


def test_structured_rows_are_trained_on_however_wide(curve):
    wide = curve[:120] @ np.random.RandomState(0).standard_normal((6, 400))
    model = AutoencoderTransformer(1, max_iter=60, random_state=0).fit(wide)
    assert model.n_iter_ > 0
    assert model.beats_pca_


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("options", [{"init": "random"}, {"early_stopping": False}])
def test_networks_that_are_asked_for_are_trained(options):
    params = {"max_iter": 2, "random_state": 0} | options
    assert AutoencoderTransformer(12, **params).fit(LOW).n_iter_ == 2


def test_a_skipped_fit_can_be_trained_further():
    model, _ = fit(AutoencoderTransformer(5, random_state=0), WIDE)
    model.partial_fit(WIDE)
    assert model.n_iter_ == 1
    assert model.n_parameters_ > 100_000


def heavy():
    """Return rows of which one has most of the variance."""
    rng = np.random.RandomState(0)
    signal = rng.standard_t(1, (900, 2)) @ rng.standard_normal((2, 8))
    return (signal + 0.3 * rng.standard_t(1, (900, 8)))[:450]


@pytest.mark.parametrize(
    ("noise_variance", "floor"),
    [("auto", "PCA"), ("shared", "PCA"), ("per_feature", "FactorAnalysis")],
)
def test_a_row_with_much_of_the_variance_leaves_no_likelihood(noise_variance, floor):
    X = heavy()
    squares = np.square(X - X.mean(axis=0)).sum(axis=1)
    assert squares.max() > 0.5 * squares.sum()
    model = VAE(2, noise_variance=noise_variance, random_state=0)
    _, text = fit(model.set_params(validation="random"), X)
    assert model.n_iter_ == 0
    assert model.beats_pca_ is False
    assert text == (
        "Training was skipped, because one row has more than 15% of the variance, and "
        "what a network does to new rows like it cannot be told from others. The "
        f"fitted model is {floor} of all rows; beats_pca_ is False. Check that row, or "
        "put QuantileTransformer before. floor=False trains all the same."
    )


@pytest.mark.parametrize(
    "model",
    [
        AutoencoderTransformer(2, loss="absolute_error"),
        VAE(2, likelihood="negative_binomial"),
        VAE(2, floor=False),
    ],
    ids=str,
)
def test_such_a_row_keeps_no_other_loss_from_training(model):
    X = np.floor(np.abs(heavy()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_params(max_iter=1, random_state=0, validation="random").fit(X)
    assert model.n_iter_ == 1


@pytest.mark.parametrize("n_rows", [2, 3, 4, 5, 6])
def test_rows_that_are_too_few_are_not_trained_on(n_rows):
    X = np.random.RandomState(0).standard_normal((n_rows, 6))
    model, text = fit(AutoencoderTransformer(1, random_state=0), X)
    assert model.n_iter_ == 0
    assert model.beats_pca_ is False
    assert "because no gain over PCA can be shown on fewer than 5 held-out rows" in text
    pca = PCA(1).fit(X)
    np.testing.assert_allclose(model.transform(X), pca.transform(X), atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [{"early_stopping": False}, {"floor": False}, {"init": "random"}],
    ids=str,
)
def test_as_few_rows_are_trained_on_if_that_is_asked_for(options):
    X = np.random.RandomState(0).standard_normal((3, 6))
    model = AutoencoderTransformer(1, max_iter=1, random_state=0, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert model.fit(X).n_iter_ == 1


@pytest.mark.parametrize("as_frame", [False, True])
@pytest.mark.parametrize("n_large", [1, 2, 3])
def test_a_column_that_is_lost_beside_large_ones_is_told(n_large, as_frame):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((200, n_large + 1))
    X[:, 1:] = 1e6 * X[:, 1:] + 1e7
    name = "'first'" if as_frame else "0"
    if as_frame:
        X = pd.DataFrame(X, columns=["first", *"abc"[:n_large]])
    model, text = fit(AutoencoderTransformer(n_large, random_state=0), X)
    assert model.n_iter_ == 0
    assert text == (
        f"Training was skipped, because PCA with {n_large} components leaves next to "
        f"nothing of the variance, though it loses column {name}, which has less than "
        "1e-09 of it. The fitted model is PCA of all rows; beats_pca_ is False. Put "
        "StandardScaler before, or set scaling='per_feature'."
    )
    model.set_params(scaling="per_feature", max_iter=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X)
    assert not any("loses column" in str(w.message) for w in caught)


def test_what_a_column_has_by_rounding_alone_is_not_lost():
    rounded = 1e6 + 1e-9 * RANDOM.standard_normal(len(LOW))
    assert rounded.std() > 0
    X = np.c_[LOW, np.full(len(LOW), 0.1), rounded]
    _, text = fit(AutoencoderTransformer(3, random_state=0), X)
    assert "PCA with 3 components is exact already" in text


def test_a_whole_nested_code_that_is_exact_is_told_so():
    X = np.random.RandomState(0).standard_normal((200, 5))
    model = AutoencoderTransformer(5, nested=True, max_iter=1, random_state=0)
    model, text = fit(model, X)
    assert model.n_iter_ == 1
    assert text == (
        "The fitted model is PCA of all rows, because PCA with 5 components is exact "
        "already. beats_pca_ is False. Choose a smaller n_components."
    )
