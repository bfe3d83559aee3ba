import pickle

import numpy as np
import pytest
import torch

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.fitting.prediction import Head, HeadOptions, Labels, fit_head
from sklearn_ae.nn.prediction import ClassificationLoss, RegressionLoss

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")


def options(**changes):
    chosen = {
        "freeze": "none",
        "reconstruction_weight": 0.0,
        "consistency_weight": 0.0,
        "learning_rate": 5e-3,
        "weight_decay": 0.0,
        "batch_size": "auto",
        "max_iter": 30,
        "early_stopping": False,
        "validation_fraction": "auto",
        "n_iter_no_change": 20,
        "tol": 1e-4,
        "callbacks": (),
        "verbose": 0,
        "precision": "float32",
        "seed": 0,
    }
    return HeadOptions(**(chosen | changes))


@pytest.fixture(scope="module")
def halves():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((300, 5))
    return X, (X[:, 0] + X[:, 1] > 0).astype(int)


@pytest.fixture(scope="module")
def autoencoder(halves):
    model = AutoencoderTransformer(3, max_iter=5, random_state=0)
    return model.fit(halves[0])._model


HEAD = Head((), "gelu", n_outputs=2, shares=(0.5, 0.5))


def test_predictions_are_zero_at_first():
    head = Head((4,), "gelu", n_outputs=3, shares=None, code_scale=2.0)
    assert torch.equal(head.build(5)(torch.randn(7, 5)), torch.zeros(7, 3))


def test_the_loss_follows_from_the_shares():
    assert isinstance(HEAD.build_loss(), ClassificationLoss)
    assert isinstance(Head((), "gelu", 1, shares=None).build_loss(), RegressionLoss)
    np.testing.assert_allclose(HEAD.build_loss().shares, [0.5, 0.5])


def test_a_head_learns_and_the_autoencoder_stays(halves, autoencoder):
    X, y = halves
    before = {k: v.clone() for k, v in autoencoder.module.state_dict().items()}
    labels = Labels(np.arange(200), y[:200], np.ones(200))
    model, net = fit_head(autoencoder, HEAD, X, labels, options())
    accuracy = (model.predict(X[200:]).argmax(1) == y[200:]).mean()
    assert accuracy > 0.85
    assert len(net.history) == 30
    for name, value in autoencoder.module.state_dict().items():
        assert torch.equal(value, before[name])


def test_an_autoencoder_that_is_pca_gets_networks_to_learn_with(halves, autoencoder):
    assert autoencoder.is_pca
    X, y = halves
    labels = Labels(np.arange(200), y[:200], np.ones(200))
    model, _ = fit_head(autoencoder, HEAD, X, labels, options(max_iter=2))
    assert not model.autoencoder.is_pca
    assert model.autoencoder.n_parameters > autoencoder.n_parameters


def test_a_pickle_predicts_the_same(halves, autoencoder):
    X, y = halves
    labels = Labels(np.arange(100), y[:100], np.ones(100))
    model, _ = fit_head(autoencoder, HEAD, X, labels, options(max_iter=3))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_allclose(model.predict(X, double=True), model.predict(X), 1e-4)
