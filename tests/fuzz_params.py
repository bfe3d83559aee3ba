"""Parameters that are valid for a table, by the rules that their documentation says."""

from numbers import Integral

import numpy as np
from parameter_values import companions, small, values_of

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    SparseAE,
)

AUTOENCODERS = [
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    SparseAE,
    VAE,
]

# Values that make fits long, and those that are drawn for the table instead.
_LEFT_OUT = {"max_iter", "image_shape", "autoencoder", "likelihood", "loss"}


def draw_params(cls, rng, table):
    """Return values of a few parameters, valid for a table."""
    names = [name for name in cls._parameter_constraints if name not in _LEFT_OUT]
    params = {}
    for name in rng.choice(names, size=rng.randint(1, 6), replace=False):
        values = values_of(cls, name)
        value = values[rng.randint(len(values))]
        params.update({**companions(cls, name, value), name: value})
    if "autoencoder" in cls._parameter_constraints:
        params = {"autoencoder": draw_autoencoder(rng, table), **params}
        return settle_predictor(small(cls, params).get_params(deep=False), rng)
    params |= draw_for_values(cls, rng, table)
    return settle(cls, small(cls, params).get_params(deep=False), table, rng)


def draw_autoencoder(rng, table):
    kinds = AUTOENCODERS if len(table.row_shape) == 1 else [ConvAutoencoderTransformer]
    cls = kinds[rng.randint(len(kinds))]
    return cls(**draw_params(cls, rng, table))


def draw_for_values(cls, rng, table):
    """Return what the values of a table, and the shape of its rows, allow."""
    params = {}
    if "loss" in cls._parameter_constraints:
        losses = ["squared_error", "absolute_error"]
        losses += ["log_loss"] * table.are_shares
        params["loss"] = losses[rng.randint(len(losses))]
    if cls is VAE:
        names = ["gaussian"]
        names += ["bernoulli"] * table.are_shares
        names += ["poisson", "negative_binomial"] * table.are_counts
        params["likelihood"] = names[rng.randint(len(names))]
    if cls is ConvAutoencoderTransformer:
        shapes = [None, table.row_shape, list(table.row_shape)]
        params["image_shape"] = shapes[rng.randint(3)]
    return params


def settle(cls, params, table, rng):
    """Change parameters of an autoencoder that contradict each other, or the rows."""
    known = dict(params)
    for rule in (settle_hold_out, settle_parts, settle_maps, settle_width):
        known |= rule(cls, known, table)
    known["max_iter"] = rng.randint(1, 3)
    return known


def settle_hold_out(cls, known, table):
    fraction, n_rows = known["validation_fraction"], table.n_rows
    changes = {}
    is_auto = isinstance(fraction, str)
    if not is_auto and not 1 <= round(fraction * n_rows) <= n_rows - 2:
        changes["validation_fraction"] = "auto"
    if not isinstance(known["validation"], str) and n_rows < 4:
        changes["validation"] = "random"
    return changes


def settle_parts(cls, known, table):
    """Obey the rules between parameters that are not of shapes."""
    changes = {}
    if known.get("output_activation") is not None:
        changes |= {"init": "random", "scaling": None, "loss": "squared_error"}
    if cls is VAE:
        if known["likelihood"] not in ("poisson", "negative_binomial"):
            changes["size_factor"] = None
        if known["tied_weights"]:
            changes["init"] = "random"
        if known["free_bits"] > 0:
            changes["n_importance_samples"] = 1
    if known.get("pretraining") is not None:
        changes |= {"architecture": None, "nested": False}
        changes |= {"hidden_layer_sizes": (8, 4)}
    if known.get("code_activation") is not None:
        changes["nested"] = False
    if cls is DenoisingAE and known["corruption"] != "gaussian":
        changes["corruption_level"] = min(known["corruption_level"], 0.9)
    if known.get("transform_n_nonzero_coefs") is not None:
        changes["sparsity"] = "topk"
    return changes


def settle_maps(cls, known, table):
    """Obey the rules of convolutions."""
    if cls is not ConvAutoencoderTransformer:
        return {}
    changes = {}
    if known["upsampling"] == "unpool":
        changes |= {"downsampling": "max_pool", "output_kernel_size": None}
        changes["nested"] = False
    if known["bottleneck"] == "map":
        changes |= {"nested": False, "n_components": None}
    kernels = np.ravel(known["kernel_size"]).tolist()
    if len(kernels) > 1:
        changes["channels"] = (4,) * len(kernels)
    strides = known["downsampling"] == "stride" or known["upsampling"] == "transpose"
    if strides and 1 in kernels:
        changes["kernel_size"] = 2
    if known["padding"] == "valid":
        shape = (16, 16) if table.n_features == 256 else None
        is_large = shape is not None and table.row_shape in ((16, 16), (256,))
        changes |= {"channels": (4,), "kernel_size": 3, "convs_per_block": 1}
        if not is_large:
            changes["padding"] = "same"
    if known["normalization"] == "batch" and table.n_features < 75:
        changes["normalization"] = "group"
    if len(table.row_shape) > 1:
        changes["architecture"] = None
    return changes


def settle_width(cls, known, table):
    """Obey the rules of the width of a code."""
    width, changes = known["n_components"], {}
    may_be_wide = cls in (DenoisingAE, SparseAE, VAE)
    limit = table.n_features if may_be_wide else min(table.n_rows, table.n_features)
    nested = known.get("nested", False)
    lists_sizes = not isinstance(nested, bool | np.bool_)
    if lists_sizes and limit >= 3:
        return {"n_components": 3}
    if lists_sizes:
        nested = changes["nested"] = False
    is_wide = may_be_wide and not nested
    if isinstance(width, Integral) and not is_wide:
        width = changes["n_components"] = min(int(width), limit)
    if known.get("n_nonzero_coefs") is not None:
        most = 2 * table.n_features if width is None else width
        changes["n_nonzero_coefs"] = min(int(known["n_nonzero_coefs"]), int(most))
    return changes


def settle_predictor(params, rng):
    known = dict(params)
    if known["freeze"] == "encoder":
        known["reconstruction_weight"] = 0.0
    known["validation_fraction"] = "auto"
    known["max_iter"] = rng.randint(1, 3)
    return known
