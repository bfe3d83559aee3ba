"""Fits whose codes are held fixed from version to version.

Run as a script it writes ``tests/data/reference_codes.json``, and
``test_reference_codes.py`` compares. Fits are short, on one thread and in float32, so
that other processors come to nearly the same values.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvArchitecture,
    ConvAutoencoderTransformer,
    DenoisingAE,
    SparseAE,
)

PATH = Path(__file__).parent / "data" / "reference_codes.json"

SHORT = {"max_iter": 12, "precision": "float32", "device": "cpu", "random_state": 0}


def own_networks(n_features, n_components):
    """Return networks that a user might have written."""
    return (
        nn.Sequential(
            nn.Linear(n_features, 20), nn.Tanh(), nn.Linear(20, n_components)
        ),
        nn.Sequential(
            nn.Linear(n_components, 20), nn.Tanh(), nn.Linear(20, n_features)
        ),
    )


FITS = {
    "plain": AutoencoderTransformer(4, **SHORT),
    "plain, contrast": AutoencoderTransformer(4, contrast=0.3, **SHORT),
    "plain, default size": AutoencoderTransformer(**SHORT),
    "plain, share of the variance": AutoencoderTransformer(0.8, **SHORT),
    "plain, nested": AutoencoderTransformer(6, nested=True, **SHORT),
    "plain, nested at sizes": AutoencoderTransformer(6, nested=(2, 6), **SHORT),
    "plain, nested share": AutoencoderTransformer(0.8, nested=True, **SHORT),
    "plain, random start": AutoencoderTransformer(4, init="random", **SHORT),
    "plain, tied": AutoencoderTransformer(4, tied_weights=True, **SHORT),
    "plain, linear": AutoencoderTransformer(4, hidden_layer_sizes=(), **SHORT),
    "plain, layerwise": AutoencoderTransformer(
        4, init="random", pretraining="layerwise", **SHORT
    ),
    "plain, layerwise at PCA": AutoencoderTransformer(
        4, pretraining="layerwise_cached", **SHORT
    ),
    "plain, per feature": AutoencoderTransformer(4, scaling="per_feature", **SHORT),
    "plain, unscaled": AutoencoderTransformer(
        4, scaling=None, loss="absolute_error", **SHORT
    ),
    "plain, log loss": AutoencoderTransformer(4, loss="log_loss", **SHORT),
    "plain, no validation": AutoencoderTransformer(4, early_stopping=False, **SHORT),
    "plain, own networks": AutoencoderTransformer(
        4, architecture=own_networks, **SHORT
    ),
    "plain, convolutions": AutoencoderTransformer(
        4, architecture=ConvArchitecture(channels=(4,)), **SHORT
    ),
    "conv": ConvAutoencoderTransformer(4, **SHORT),
    "conv, contrast": ConvAutoencoderTransformer(4, contrast=0.3, **SHORT),
    "conv, pooling": ConvAutoencoderTransformer(
        4,
        downsampling="max_pool",
        upsampling="nearest",
        refinement_channels=(4,),
        normalization="batch",
        **SHORT,
    ),
    "conv, map": ConvAutoencoderTransformer(channels=(4, 2), bottleneck="map", **SHORT),
    "conv, unpool": ConvAutoencoderTransformer(
        channels=(4, 2),
        bottleneck="map",
        downsampling="max_pool",
        upsampling="unpool",
        **SHORT,
    ),
    "denoising": DenoisingAE(4, **SHORT),
    "denoising, masking": DenoisingAE(
        4, corruption="masking", corruption_level=0.3, **SHORT
    ),
    "denoising, dropout": DenoisingAE(
        4, corruption="dropout", corruption_level=0.3, **SHORT
    ),
    "denoising, salt and pepper": DenoisingAE(
        4, corruption="salt_and_pepper", corruption_level=0.3, **SHORT
    ),
    "denoising, swap": DenoisingAE(4, corruption="swap", corruption_level=0.3, **SHORT),
    "denoising, activation": DenoisingAE(
        80, code_activation="relu", hidden_layer_sizes=(), **SHORT
    ),
    "denoising, nested": DenoisingAE(6, nested=True, **SHORT),
    "sparse": SparseAE(**SHORT),
    "sparse, deep": SparseAE(40, hidden_layer_sizes=(32,), **SHORT),
    "sparse, batch": SparseAE(200, sparsity="batch_topk", **SHORT),
    "sparse, l1": SparseAE(sparsity="l1", alpha=0.1, **SHORT),
    "sparse, kl": SparseAE(sparsity="kl", alpha=0.2, target=0.1, **SHORT),
    "sparse, random start": SparseAE(init="random", **SHORT),
    "VAE": VAE(4, **SHORT),
    "VAE, bernoulli": VAE(4, likelihood="bernoulli", **SHORT),
    "VAE, poisson": VAE(4, likelihood="poisson", size_factor="sum", **SHORT),
    "VAE, negative binomial": VAE(
        4, likelihood="negative_binomial", n_importance_samples=3, **SHORT
    ),
    "VAE, random start": VAE(4, init="random", kl_warmup=0.5, free_bits=0.1, **SHORT),
}


def fit_and_describe(name: str) -> dict:
    """Return the first codes of a fit, and its errors."""
    X = load_digits().data[:700]
    model = FITS[name]
    if getattr(model, "loss", None) == "log_loss" or name == "VAE, bernoulli":
        X = X / 16
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = model.fit(X)
    return {
        "codes": np.round(model.transform(X[:4]), 7).tolist(),
        "error": model.reconstruction_error_,
        "pca_error": model.pca_reconstruction_error_,
        "pca_loss": model.pca_loss_,
        "loss": model.loss_curve_,
        "validation_loss": model.validation_loss_curve_,
        "beats_pca": model.beats_pca_,
        "best_iter": model.best_iter_,
        "likelihood": float(model.log_likelihood(X[:50], 100).mean())
        if hasattr(model, "log_likelihood")
        else None,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    PATH.parent.mkdir(exist_ok=True)
    described = {name: fit_and_describe(name) for name in FITS}
    PATH.write_text(json.dumps(described, indent=0) + "\n")
