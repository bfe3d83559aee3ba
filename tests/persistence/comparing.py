"""Whether one fitted estimator equals another, in all that it returns."""

import warnings

import numpy as np
import scipy.sparse as sp

from sklearn_ae import VAE, DenoisingAE


def fit_quietly(model, rows, targets=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(rows, targets)


def use(model, rows):
    found = {}
    for verb in (
        *("transform", "score_samples", "reconstruct", "denoise", "elbo"),
        *("predict", "predict_proba", "decision_function"),
    ):
        if hasattr(model, verb):
            found[verb] = getattr(model, verb)(rows)
    if getattr(model, "decoder_", None) is not None:
        found["inverse_transform"] = model.inverse_transform(found["transform"])
    if np.any(getattr(model, "nested", False)):
        found["truncate"] = model.truncate(2).transform(rows)
    if isinstance(model, VAE):
        found["sample"] = model.sample(3, noise=True, random_state=1)
    if isinstance(model, DenoisingAE):
        found["corrupt"] = model.corrupt(rows, random_state=1)
    return found


def assert_equal(one, other):
    assert isinstance(one, type(other))  # or mapped
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_equal(one[name], other[name])
    elif sp.issparse(one):
        assert_equal(one.toarray(), other.toarray())
    else:
        np.testing.assert_array_equal(one, other)


def learned(model):
    """Return public learned attributes, but for networks."""
    others = ("net_", "module_", "autoencoder_")
    return {k: v for k, v in vars(model).items() if k[-1] == "_" and k not in others}
