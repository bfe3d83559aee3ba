"""Encoders and decoders leave for programs without Python, with any number of rows."""

import warnings

import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvArchitecture,
    ConvAutoencoderTransformer,
    DenoisingAE,
    SparseAE,
)

X = load_digits().data[:150]
SHORT = {"max_iter": 1, "random_state": 0, "device": "cpu"}
RANDOM = {"init": "random", **SHORT}


def conv(n_components=4, **options):
    return ConvAutoencoderTransformer(
        n_components, channels=(4, 8), **{**RANDOM, **options}
    )


MODELS = {
    "PCA": AutoencoderTransformer(4, **SHORT),
    "plain": AutoencoderTransformer(4, **RANDOM),
    "tied": AutoencoderTransformer(4, tied_weights=True, **RANDOM),
    "nested": AutoencoderTransformer(4, nested=True, **RANDOM),
    "log loss": AutoencoderTransformer(4, loss="log_loss", **SHORT),
    "activation": DenoisingAE(80, code_activation="relu", **RANDOM),
    "top-k": SparseAE(32, **RANDOM),
    "batch top-k": SparseAE(32, sparsity="batch_topk", **RANDOM),
    "batch top-k, not trained": SparseAE(130, sparsity="batch_topk", **SHORT),
    "l1": SparseAE(32, sparsity="l1", **RANDOM),
    "kl": SparseAE(32, sparsity="kl", **RANDOM),
    "sparse maps": SparseAE(
        32,
        sparsity="batch_topk",
        architecture=ConvArchitecture(channels=(4,)),
        **RANDOM,
    ),
    "VAE": VAE(4, **RANDOM),
    "VAE, sizes": VAE(4, likelihood="poisson", size_factor="sum", **SHORT),
    "VAE, tied": VAE(4, tied_weights=True, **RANDOM),
    "conv": conv(),
    "conv, map": conv(None, bottleneck="map"),
    "conv, valid": conv(padding="valid", kernel_size=2),
    "conv, even": conv(kernel_size=4, output_kernel_size=3, refinement_channels=(4,)),
    "conv, signal": conv(image_shape=(64,)),
    "conv, batch": conv(normalization="batch", downsampling="avg_pool"),
    "conv, group": conv(normalization="group", downsampling="max_pool"),
    "conv, nearest": conv(upsampling="nearest"),
    "conv, bilinear": conv(upsampling="bilinear"),
    "conv, zeros": conv(upsampling="zeros"),
}


@pytest.mark.parametrize("name", MODELS)
def test_halves_are_exported_with_any_number_of_rows(name):
    rows = X / 16 if name == "log loss" else X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = clone(MODELS[name]).fit(rows)
    rows = torch.from_numpy(rows[:6])
    codes = torch.from_numpy(model.transform(rows.numpy()))
    batch = {0: torch.export.Dim("n")}
    for half, given in ((model.encoder_, rows), (model.decoder_, codes)):
        program = torch.export.export(
            half, (given,), dynamic_shapes=(batch,), strict=False
        ).module()
        for n_rows in (1, 2, 6):
            found = program(given[:n_rows])
            torch.testing.assert_close(found, half(given[:n_rows]))
