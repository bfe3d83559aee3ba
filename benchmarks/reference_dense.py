"""The dense systems among the published ones: stacked, denoising, sparse, variational.

Run by ``reference_systems.py``. Errors are per pixel, pixels in [0, 1].
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import torch
from common import RESULTS
from reference_common import Result, fit, mnist, result, squared_error
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA
from torch import nn

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    DenoisingAE,
    PCAFloorWarning,
    SparseAE,
)
from sklearn_ae.nn.autoencoder import Autoencoder
from sklearn_ae.nn.linear_path import dense_layers
from sklearn_ae.nn.losses import ReconstructionObjective
from sklearn_ae.training.batches import Rows
from sklearn_ae.training.layerwise import EncodedRows
from sklearn_ae.training.net import AutoencoderNet, TrainingPlan

STACKED = {
    "hidden_layer_sizes": (300,),
    "activation": "elu",
    "batch_size": 150,
    "max_iter": 5,
    "early_stopping": False,
    "random_state": 0,
}


def s4a() -> Result:
    """Train a linear autoencoder from random weights, and compare it with PCA."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((200, 3)) * [3.0, 1.5, 0.2] @ rng.standard_normal((3, 3))
    model = AutoencoderTransformer(
        2,
        hidden_layer_sizes=(),
        init="random",
        batch_size=200,
        max_iter=3000,
        learning_rate=0.1,
        early_stopping=False,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PCAFloorWarning)  # PCA cannot be beaten here
        seconds = fit(model, X)
    pca = PCA(2).fit(X)
    decoder = model.module_.decoder[0].weight.detach().cpu().numpy()
    angle = float(subspace_angles(decoder, pca.components_.T).max())
    error = float(np.mean((model.reconstruct(X) - X) ** 2))
    ratio = error / float(np.mean((pca.inverse_transform(pca.transform(X)) - X) ** 2))
    return result(
        "linear autoencoder on 3-D data, 2 codes, random start",
        "a picture",
        "angle to PCA's plane < 0.001 rad, squared error within 0.1 %",
        f"angle {angle:.1e} rad, error {ratio:.5f} of PCA's",
        angle < 1e-3 and abs(ratio - 1) < 1e-3,
        seconds,
    )


def s4b() -> Result:
    """Stack 784-300-150-300-784 with ELU, five epochs."""
    train, _ = mnist()
    model = AutoencoderTransformer(150, learning_rate=1e-3, **STACKED)
    seconds = fit(model, train)
    error = squared_error(model, train)
    return result(
        "stacked 784-300-150-300-784, ELU, 5 epochs",
        "0.0104 on training images (PCA: 0.0035)",
        "below PCA's 0.0035",
        f"{error:.5f}; PCA {model.pca_reconstruction_error_:.5f}",
        error < 0.0035 and model.beats_pca_,
        seconds,
    )


def s4c() -> Result:
    """Tie the weights of S4b."""
    train, _ = mnist()
    model = AutoencoderTransformer(
        150, tied_weights=True, learning_rate=1e-3, **STACKED
    )
    seconds = fit(model, train)
    error = squared_error(model, train)
    encoder = {id(p) for p in model.module_.encoder.parameters() if p.ndim > 1}
    decoder = {id(p) for p in model.module_.decoder.parameters() if p.ndim > 1}
    return result(
        "the same with tied weights",
        "0.0156 on training images",
        "one parameter, used transposed; <= 0.0104",
        f"{error:.5f}; {len(encoder & decoder)} of {len(encoder)} matrices shared",
        error <= 0.0104 and encoder == decoder,
        seconds,
    )


def s4d() -> Result:
    """Train one autoencoder at a time, in both ways, and then all layers together."""
    train, test = mnist()
    errors, seconds = {}, {}
    for way in ("layerwise", "layerwise_cached"):
        model = AutoencoderTransformer(
            150, init="random", pretraining=way, learning_rate=1e-3, **STACKED
        )
        seconds[way] = fit(model, train)
        errors[way] = squared_error(model, test)
    plain = AutoencoderTransformer(150, init="random", learning_rate=1e-3, **STACKED)
    fit(plain, train)
    ratios = [
        second_phase(plain, train, cached=True)
        / second_phase(plain, train, cached=False)
        for _ in range(3)
    ]
    return result(
        "one autoencoder at a time, then stacked",
        "0.0098 on test images",
        "<= 0.0098 in both ways; the one with cached codes faster",
        f"{errors['layerwise']:.5f} and {errors['layerwise_cached']:.5f} cached; with "
        f"cached codes the second autoencoder takes {np.median(ratios):.2f} of the "
        f"time; {squared_error(plain, test):.5f} without pretraining",
        max(errors.values()) <= 0.0098 and np.median(ratios) < 1,
        sum(seconds.values()),
    )


def second_phase(
    model: AutoencoderTransformer, train: np.ndarray, *, cached: bool
) -> float:
    """Return the seconds that the second autoencoder takes on codes of the first."""
    device = torch.device(model.device_)
    first = nn.Sequential(*dense_layers(model.module_.encoder)[:2])
    rows = Rows(train, model.mean_, model.scale_, device)
    pair = Autoencoder(
        nn.Linear(300, 150), nn.Sequential(nn.Linear(150, 300), nn.ELU()), nn.Identity()
    )
    net = AutoencoderNet(
        pair,
        ReconstructionObjective("squared_error"),
        lr=model.learning_rate,
        weight_decay=model.weight_decay,
        batch_size=model.batch_size,
        precision=model.precision,
        seed=0,
        callbacks=(),
        device=device,
        verbose=0,
    ).initialize()
    start = time.perf_counter()
    below = EncodedRows(rows, first)
    net.run(below.cached() if cached else below, None, TrainingPlan(n_epochs=5))
    return time.perf_counter() - start


def s4f() -> Result:
    """Denoise normal and dropout noise; errors on clean test images."""
    train, test = mnist()
    deviation = float(np.sqrt(train.var(axis=0).mean()))
    noises = {
        "normal": ("gaussian", 300**-0.5 / deviation),
        "dropout": ("dropout", 0.3),
    }
    errors, seconds = {}, 0.0
    for name, (corruption, level) in noises.items():
        model = DenoisingAE(
            150, corruption=corruption, corruption_level=level, **STACKED
        )
        seconds += fit(model, train)
        errors[name] = squared_error(model, test)
    return result(
        "denoising 300-150, ELU, normal noise 1/sqrt(300), dropout of 30 %",
        "0.0409 and 0.0242",
        "both below 0.0098 on clean test images",
        f"{errors['normal']:.5f} and {errors['dropout']:.5f} after 5 epochs",
        max(errors.values()) < 0.0098,
        seconds,
    )


def s4g() -> Result:
    """Hold 1,000 sigmoid units at a mean activity of 0.1."""
    train, test = mnist()
    model = SparseAE(
        1000,
        sparsity="kl",
        target=0.1,
        alpha=10.0,
        batch_size=1000,
        max_iter=40,
        random_state=0,
    )
    seconds = fit(model, train)
    error = squared_error(model, test)
    activity = float(model.transform(test).mean())
    curve = np.array(model.validation_loss_curve_)
    rises = float(np.max(curve[1:] / np.minimum.accumulate(curve)[:-1]))
    return result(
        "sparse, 1,000 sigmoid units, KL to 0.1, batches of 1,000",
        "0.0135 to 0.0245, oscillating; mean activity near 0.1",
        "<= 0.0135 without oscillation, mean activity 0.10 +- 0.01",
        f"{error:.5f}, mean activity {activity:.3f}; the validation loss is never more "
        f"than {rises:.3f} times its lowest before",
        error <= 0.0135 and abs(activity - 0.1) <= 0.01 and rises < 1.05,
        seconds,
    )


def s4h() -> Result:
    """Train a variational autoencoder on grey pixels, draw digits, interpolate."""
    train, test = mnist()
    model = VAE(
        20,
        likelihood="bernoulli",
        hidden_layer_sizes=(500, 500),
        activation="elu",
        batch_size=150,
        learning_rate=1e-3,
        max_iter=50,
        early_stopping=False,
        random_state=0,
    )
    seconds = fit(model, train)
    loss = -float(model.elbo(train).mean(dtype=np.float64))
    test_loss = -float(model.elbo(test).mean(dtype=np.float64))
    drawn = model.sample(60, random_state=0)
    path = model.interpolate(test[0], test[1], n_steps=12)
    draw_digits(drawn, path)
    return result(
        "variational 784-500-500-20, ELU, 50 epochs",
        "96 to 101 nats per training digit",
        "<= 96 nats in 50 epochs; 60 digits drawn; interpolation",
        f"{loss:.2f} nats on training and {test_loss:.2f} on test digits, "
        f"{model.n_active_components_} components active; {len(drawn)} digits drawn",
        loss <= 96,
        seconds,
    )


def draw_digits(drawn: np.ndarray, path: np.ndarray) -> None:
    """Draw sampled digits above an interpolation."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = np.concatenate([drawn, path]).reshape(-1, 12, 28, 28)
    figure, axes = plt.subplots(figsize=(8, 4.4), layout="constrained")
    axes.imshow(rows.swapaxes(1, 2).reshape(-1, 12 * 28), cmap="gray_r")
    axes.axhline(len(drawn) // 12 * 28 - 0.5, color="#D55E00", lw=1)
    axes.set_title(
        "60 digits drawn from the prior; below, from one test digit to another"
    )
    axes.set_axis_off()
    figure.savefig(RESULTS / "reference_S4h.png", dpi=120, bbox_inches="tight")
    plt.close(figure)


DENSE_SYSTEMS: dict[str, Callable[[], Result]] = {
    "S4a": s4a,
    "S4b": s4b,
    "S4c": s4c,
    "S4d": s4d,
    "S4f": s4f,
    "S4g": s4g,
    "S4h": s4h,
}
