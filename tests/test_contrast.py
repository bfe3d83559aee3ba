"""Contrastive codes, through the estimators."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import load_digits

from sklearn_ae import (
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    PretrainedClassifier,
)
from sklearn_ae.nn.randomness import RandomSource, drawing_from

CLASSES = (AutoencoderTransformer, ConvAutoencoderTransformer, DenoisingAE)
X, Y = load_digits(return_X_y=True)


def make(cls, n_components=4, **params):
    params = {
        "contrast": 0.5,
        "max_iter": 3,
        "random_state": 0,
        "floor": False,
    } | params
    return cls(n_components, **params)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_seed_decides_everything(cls):
    one, other = (make(cls).fit(X).transform(X) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, make(cls, contrast=0).fit(X).transform(X))


@pytest.mark.parametrize("cls", CLASSES)
def test_copies_give_the_same_codes(cls):
    model = make(cls).fit(X)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(again.transform(X), model.transform(X))
    names = [name for name, _ in model.encoder_.named_parameters()]
    assert not [name for name in names if "projection" in name]


def test_rows_may_be_sparse_as_well():
    dense = make(AutoencoderTransformer).fit(X)
    sparse = make(AutoencoderTransformer).fit(sp.csr_array(X))
    np.testing.assert_allclose(sparse.transform(X), dense.transform(X), atol=0.05)


def test_images_may_keep_their_axes():
    images = np.repeat(X.reshape(-1, 8, 8, 1), 3, axis=3)
    model = make(ConvAutoencoderTransformer).fit(images[:300])
    assert model.reconstruct(images).shape == images.shape


def test_pairs_of_noisy_and_clean_rows_have_views():
    noisy = X + np.random.RandomState(0).normal(size=X.shape)
    model = make(DenoisingAE).fit(noisy, X_clean=X)
    assert np.isfinite(model.transform(noisy)).all()


def test_training_goes_on():
    model = make(AutoencoderTransformer, warm_start=True).fit(X)
    before = model.transform(X)
    assert not np.array_equal(model.fit(X).transform(X), before)
    assert len(model.loss_curve_) == 6
    model = make(AutoencoderTransformer).partial_fit(X).partial_fit(X)
    assert np.isfinite(model.transform(X)).all()
    model.set_params(warm_start=True, contrast=0)
    with pytest.raises(ValueError, match=r"contrast must stay 0\.5 while"):
        model.fit(X)


def test_a_classifier_can_go_on_from_such_codes():
    model = PretrainedClassifier(make(AutoencoderTransformer), max_iter=3)
    y = np.where(np.arange(len(Y)) % 5, -1, Y)
    assert model.set_params(random_state=0).fit(X, y).predict(X).shape == Y.shape


def test_a_predictor_may_do_without_pretraining():
    ae = make(AutoencoderTransformer)
    model = PretrainedClassifier(ae, pretrain=False, max_iter=3, random_state=0)
    assert model.fit(X, Y).predict(X).shape == Y.shape


def test_the_width_may_be_a_share_of_the_variance():
    model = make(AutoencoderTransformer, 0.6, floor=True, max_iter=5).fit(X)
    assert 2 <= model.n_components_ <= 10


def test_validation_losses_are_those_of_reconstructions():
    model = make(AutoencoderTransformer, max_iter=10).fit(X[:1500], X_val=X[1500:])
    left = np.square(model.reconstruct(X[1500:]) - X[1500:]).sum(axis=1).mean()
    found = model.validation_loss_curve_[model.best_iter_ - 1]
    assert found == pytest.approx(left / model.scale_[0] ** 2, rel=1e-5)


def test_views_of_new_rows_become_more_alike_than_those_of_others():
    rows = torch.tensor(X[1500:], dtype=torch.float32)

    def contrast_of(max_iter):
        model = make(AutoencoderTransformer, 8, contrast=1, max_iter=max_iter)
        module = model.fit(X[:1500]).module_
        objective = model.net_.criterion_
        scaled = (rows - rows.mean(0)) / float(model.scale_[0])
        with drawing_from(RandomSource(0)), torch.inference_mode():
            views = [module.encode(view) for view in module.contrast.views(scaled)]
            projected = [module.contrast.projection(codes) for codes in views]
            loss = objective((scaled, views[0], *projected), scaled)
        # The reconstruction given is perfect, so that only the contrast is left.
        return float(loss)

    assert contrast_of(20) < 0.98 * contrast_of(1)


def test_far_values_of_new_rows_change_the_linear_paths_alone():
    """Beside a contrast a network is further off where it has seen no row."""
    rng = np.random.RandomState(0)
    t = rng.uniform(-2, 2, size=(1000, 1))
    rows = np.hstack([t, t**2, np.sin(2 * t), np.cos(2 * t)])
    rows = rows + 0.05 * rng.standard_normal(rows.shape)
    model = make(AutoencoderTransformer, 1, max_iter=20).fit(rows)
    far, further = rows[:50].copy(), rows[:50].copy()
    far[:, 0], further[:, 0] = 1e3, 2e3
    # Twice as far, the codes are further by what a linear map makes of it.
    slope = (model.transform(further) - model.transform(far)) / 1e3
    assert np.ptp(slope) < 1e-3 * np.abs(slope).mean()
