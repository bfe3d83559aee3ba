"""Autoencoders that others have published, rebuilt here and held against their figures.

One function per system: the same layers and the same budget, our training. Images are
MNIST's 60,000 + 10,000 or CIFAR-10's 50,000 + 10,000, pixels in [0, 1]; a mean squared
error is per pixel, on test images.

    SKLEARN_AE_DATA=... python benchmarks/reference_systems.py [--only S1a S1c]
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from functools import cache

import matplotlib as mpl
import numpy as np
import torch
from common import RESULTS, load_images, save
from reference_common import Result, fit, mnist, result, squared_error
from reference_dense import DENSE_SYSTEMS
from torch import nn

from sklearn_ae import (
    AutoencoderTransformer,
    CodeCollapseWarning,
    ConvArchitecture,
    ConvAutoencoderTransformer,
)
from sklearn_ae.training.batches import Rows

PATH = RESULTS / "reference_systems.json"


@cache
def cifar10() -> tuple[np.ndarray, np.ndarray]:
    """Return training and test images in random order, one flat row each."""
    rng = np.random.RandomState(0)
    train, test = (rng.permutation(images.X) for images in load_images("cifar10"))
    return train, test


# ------------------------------------------------------ S0: the collapsing autoencoder


def saturated(*networks: nn.Sequential) -> tuple[nn.Sequential, ...]:
    """Let networks end in sigmoids and start at unit variance."""
    for network in networks:
        network.append(nn.Sigmoid())
        for parameter in network.parameters():
            nn.init.normal_(parameter)
    return networks


def unit_variance_sigmoids(n_features: int, n_components: int):
    """Build S0's layers as they were: sigmoids everywhere, weights of unit variance."""
    networks = ConvArchitecture(
        kernel_size=2,
        padding="valid",
        hidden_layer_sizes=(500,),
        activation="logistic",
    ).build(n_features, n_components)
    return saturated(*networks)


def s0() -> Result:
    """Collapse: detected with the original start, absent with the defaults."""
    train, test = mnist()
    original = ConvAutoencoderTransformer(
        32,
        architecture=unit_variance_sigmoids,
        init="random",
        scaling=None,
        learning_rate=1e-4,
        schedule="constant",
        batch_size=1000,
        max_iter=8,  # 501 iterations of 1000 images
        early_stopping=False,
        random_state=0,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        seconds = fit(original, train)
    detected = any(issubclass(w.category, CodeCollapseWarning) for w in caught)
    ours = ConvAutoencoderTransformer(
        32,
        kernel_size=2,
        padding="valid",
        hidden_layer_sizes=(500,),
        max_iter=10,
        random_state=0,
    )
    seconds += fit(ours, train)
    error = squared_error(ours, test)
    differ = float(ours.transform(test).std(axis=0).min())
    return result(
        "strided 2 x 2 kernels, 1568-500-32, sigmoids",
        "the same code for every image; loss 0.06 to 0.09",
        "collapse detected; with our defaults < 0.02 within 20 epochs",
        f"{'detected' if detected else 'missed'} at "
        f"{squared_error(original, test):.4f}; our defaults {error:.4f} in 10 epochs, "
        f"least standard deviation of a code {differ:.2f}",
        detected and error < 0.02 and differ > 0,
        seconds,
    )


# ------------------------------------- S1: strided, pooled, and three ways to upsample


def convolutional_map(**params) -> ConvAutoencoderTransformer:
    """Return S1's network: 5 x 5 kernels, 16 and 32 maps, code 7 x 7 x 32, ReLU."""
    shared = {
        "kernel_size": 5,
        "activation": "relu",
        "bottleneck": "map",
        "early_stopping": False,
        "batch_size": 60,
        "max_iter": 5,  # 300,000 images
        "init": "random",
        "random_state": 0,
    }
    return ConvAutoencoderTransformer(**(shared | params))


def s1(system: str, published: str, goal: float, **params) -> Result:
    """Fit a variant of S1 on no more images than were published, 300,000."""
    train, test = mnist()
    model = convolutional_map(**params)
    seconds = fit(model, train)
    error = squared_error(model, test)
    return result(
        system,
        published,
        f"<= {goal}",
        f"{error:.6f} after {len(train) * model.n_iter_:,} images",
        error <= goal,
        seconds,
    )


def s1a() -> Result:
    """Strided convolutions and transposed convolutions back."""
    return s1("strided convolutions", "0.000948", 0.00095)


def s1b() -> Result:
    """Train through zeros: with the cross-entropy, and as published."""
    train, test = mnist()
    shared = {"downsampling": "max_pool", "upsampling": "zeros", "max_iter": 1}
    ours = convolutional_map(loss="log_loss", **shared)
    published = convolutional_map(output_activation="logistic", scaling=None, **shared)
    seconds = fit(ours, train)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        seconds += fit(published, train)
    warned = any(issubclass(w.category, CodeCollapseWarning) for w in caught)
    error = squared_error(ours, test)
    return result(
        "max-pool, unpooling that fills zeros, sigmoid",
        "0.0858",
        "<= 0.0858",
        f"{error:.5f} with cross-entropy after 60,000 images; squared error after the "
        f"sigmoid: {squared_error(published, test):.4f}, "
        f"{'collapse detected' if warned else 'no warning'}",
        error <= 0.0858,
        seconds,
    )


def s1c() -> Result:
    """Max-pooling and nearest-neighbour upsampling, on five seeds."""
    train, test = mnist()
    errors, seconds = [], 0.0
    for seed in range(5):
        model = convolutional_map(
            downsampling="max_pool", upsampling="nearest", max_iter=1, random_state=seed
        )
        seconds += fit(model, train)
        errors.append(squared_error(model, test))
    return result(
        "max-pool, nearest-neighbour upsampling",
        "0.0173; 0.119 when repeated",
        "<= 0.0173 on 5 of 5 seeds",
        " ".join(f"{error:.5f}" for error in errors) + " after 60,000 images",
        max(errors) <= 0.0173,
        seconds,
    )


def s1d() -> Result:
    """Max-unpooling with remembered positions."""
    train, test = mnist()
    model = convolutional_map(downsampling="max_pool", upsampling="unpool", max_iter=1)
    seconds = fit(model, train)
    error = squared_error(model, test)
    try:
        model.inverse_transform(model.transform(test[:10]))
    except ValueError as refusal:
        told = str(refusal)
    else:
        told = ""
    return result(
        "max-unpooling with remembered positions",
        "wished for",
        "reconstruct works; inverse_transform says why it cannot",
        f"{error:.6f}; {'refusal explained' if 'positions' in told else 'no refusal'}",
        error < 0.0173 and "positions" in told,
        seconds,
    )


# ------------------------------------------------- S2: an estimator with 7,873 weights


def s2() -> Result:
    """Train a small convolutional net and a dense one with 28 times its weights."""
    train, test = mnist()
    shared = {
        "init": "random",
        "loss": "log_loss",
        "max_iter": 10,
        "early_stopping": False,
        "random_state": 0,
    }
    models = {
        "conv": ConvAutoencoderTransformer(
            channels=(16, 8, 8),
            convs_per_block=(2, 1),
            output_kernel_size=3,
            bottleneck="map",
            activation="relu",
            **shared,
        ),
        "dense": AutoencoderTransformer(
            32, hidden_layer_sizes=(128, 64), activation="relu", **shared
        ),
    }
    seconds = sum(fit(model, train) for model in models.values())
    losses = {}
    for name, model in models.items():
        # The cross-entropy is taken on rows as they are.
        shift, scale = np.zeros_like(model.mean_), np.ones_like(model.scale_)
        rows = Rows(test, shift, scale, torch.device(model.device_))
        losses[name] = model.net_.evaluate(rows)
    counts = {name: model.n_parameters_ for name, model in models.items()}
    return result(
        "three blocks of two convolutions, code 4 x 4 x 8",
        "7,873 weights do what a dense net with 222,384 does",
        "both counts exact, cross-entropy at most 5 % above the dense net's",
        f"{counts['conv']:,} and {counts['dense']:,} weights; "
        f"{losses['conv']:.2f} and {losses['dense']:.2f} nats per image, 10 epochs",
        counts == {"conv": 7873, "dense": 222384}
        and losses["conv"] <= 1.05 * losses["dense"],
        seconds,
    )


# ---------------------------------------------- S3: CIFAR-10, three learning rates

#: Width of S3's code, 10 x 10 x 16.
S3_CODES = 1600


class Maps(nn.Module):
    """Shape rows into 32 x 32 x 3 maps, or codes into maps of 10 x 10."""

    def __init__(self, side: int, maps: int) -> None:
        super().__init__()
        self.shape = (side, side, maps)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return maps with torch's order of axes."""
        return X.reshape(-1, *self.shape).permute(0, 3, 1, 2)


class Row(nn.Module):
    """Flatten maps into rows."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return rows in the order height, width, channels."""
        return maps.permute(0, 2, 3, 1).reshape(len(maps), -1)


def unpadded(n_features: int, n_components: int):
    """Build S3's layers: no padding, pooling at stride 1, three transposed layers."""
    n_maps = n_components // 100
    pool = [nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(2, 1)]
    encoder = [
        Maps(32, 3),
        *(nn.Conv2d(3, 32, 6, 2), nn.ReLU(), *pool),
        *(nn.Conv2d(32, 32, 3), nn.ReLU(), *pool),
        *(nn.Conv2d(32, n_maps, 3), nn.ReLU()),
        Row(),
    ]
    decoder = [
        Maps(10, n_maps),
        *(nn.ConvTranspose2d(n_maps, 16, 3), nn.ReLU()),
        *(nn.ConvTranspose2d(16, 32, 3), nn.ReLU()),
        *(nn.ConvTranspose2d(32, 64, 6, 2), nn.ReLU()),
        *(nn.Conv2d(64, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Sigmoid()),
        Row(),
    ]
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


def s3() -> Result:
    """Train an architecture of one's own at three learning rates."""
    train, test = (X[:n] for X, n in zip(cifar10(), (10000, 2000), strict=True))
    rates, models, seconds = (1e-2, 1e-3, 1e-4), {}, 0.0
    for rate in rates:
        models[rate] = ConvAutoencoderTransformer(
            S3_CODES,
            architecture=unpadded,
            init="random",
            scaling=None,
            schedule="constant",
            learning_rate=rate,
            batch_size=500,
            max_iter=6,
            precision="bfloat16",
            random_state=0,
        )
        seconds += fit(models[rate], train)
    errors = {rate: squared_error(model, test) for rate, model in models.items()}
    best = min(errors, key=errors.get)
    draw_learning_rates(models, test, best)
    falls = all(m.loss_curve_[-1] < m.loss_curve_[0] for m in models.values())
    return result(
        "CIFAR-10, no padding, code 10 x 10 x 16, batch-norm and sigmoid",
        "pictures and three loss curves",
        "can be expressed and trains; curves and picture from one script",
        "test error "
        + ", ".join(f"{errors[rate]:.4f} at {rate:g}" for rate in rates)
        + " (10,000 images, 6 epochs)",
        falls and errors[best] < 0.02,
        seconds,
    )


def draw_learning_rates(models: dict, test: np.ndarray, best: float) -> None:
    """Draw the three loss curves, and originals over reconstructions."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(8, 6), height_ratios=(2.2, 1), layout="constrained"
    )
    for (rate, model), color in zip(
        models.items(), ("#0072B2", "#D55E00", "#009E73"), strict=True
    ):
        epochs = range(1, model.n_iter_ + 1)
        values = np.array(model.validation_loss_curve_) / test.shape[1]
        top.plot(epochs, values, "o-", color=color, label=f"learning rate {rate:g}")
    top.set(
        xlabel="Epoch",
        ylabel="Mean squared error per value",
        title="CIFAR-10, validation rows",
        yscale="log",
    )
    top.legend()
    top.grid(alpha=0.3)
    rows = np.stack([test[:12], models[best].reconstruct(test[:12])])
    images = rows.reshape(2, 12, 32, 32, 3).transpose(0, 2, 1, 3, 4)
    bottom.imshow(np.clip(images.reshape(64, 12 * 32, 3), 0, 1), interpolation="none")
    bottom.set_title(f"Originals over reconstructions, learning rate {best:g}")
    bottom.set_axis_off()
    figure.savefig(RESULTS / "reference_S3.png", dpi=120)
    plt.close(figure)


SYSTEMS: dict[str, Callable[[], Result]] = {
    "S0": s0,
    "S1a": s1a,
    "S1b": s1b,
    "S1c": s1c,
    "S1d": s1d,
    "S2": s2,
    "S3": s3,
    **DENSE_SYSTEMS,
}


def table(systems: dict[str, Result]) -> str:
    """Return the table of all systems in Markdown."""
    lines = [
        "| id | system | published | to reach | ours | reached | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for key, row in systems.items():
        cells = [row["system"], row["published"], row["to reach"], row["ours"]]
        reached = "yes" if row["reached"] else "no"
        lines.append(
            f"| {key} | {' | '.join(cells)} | {reached} | {row['seconds']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the systems asked for; the others keep their figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    wanted = parser.parse_args().only
    known = json.loads(PATH.read_text())["systems"] if PATH.exists() else {}
    for key in wanted:
        known[key] = SYSTEMS[key]()
        print(table({key: known[key]}), flush=True)
        systems = {key: known[key] for key in SYSTEMS if key in known}
        save(PATH.stem, "python benchmarks/reference_systems.py", {"systems": systems})
        PATH.with_suffix(".txt").write_text(table(systems))


if __name__ == "__main__":
    main()
