"""How well, and how soon, a deep autoencoder reconstructs MNIST from 30 codes.

60,000 training images, 10,000 test images, the default parameters but
``hidden_layer_sizes=(1000, 500, 250)``; error is the squared error per test image,
summed over 784 pixels in [0, 1]. Beside it, in the same run: PCA, and a plain network
of the same layers from random weights in a tight torch loop (fused AdamW, the same
batches, schedule and precision).

    SKLEARN_AE_DATA=... python benchmarks/mnist_reconstruction.py
"""

from __future__ import annotations

import argparse
import json
import math
import time
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import torch
import torch.nn.functional as F
from common import RESULTS, load_images, save
from sklearn.decomposition import PCA
from skorch.callbacks import Callback

from sklearn_ae import AutoencoderTransformer, DenseArchitecture
from sklearn_ae.training.net import one_cycle

HIDDEN = (1000, 500, 250)
N_COMPONENTS = 30
#: Squared error per image that others report for this net (Hinton & Salakhutdinov
#: 2006, figure 2, fine-tuned after layerwise pretraining).
HINTON_2006 = 3.00


class TestCurve(Callback):
    """Measure the test error after each epoch, with the clock stopped."""

    def __init__(self, test: np.ndarray, shift: float, scale: float) -> None:
        self.test, self.shift, self.scale = test, shift, scale

    def on_train_begin(self, net, **kwargs):
        """Start the clock."""
        self.curve, self.paused, self.start = [], 0.0, time.perf_counter()

    def on_epoch_end(self, net, **kwargs):
        """Note seconds and test error; the measurement does not count."""
        now = time.perf_counter()
        seconds = now - self.start - self.paused
        self.curve.append((seconds, self.error(net.module_)))
        self.paused += time.perf_counter() - now

    def error(self, module) -> float:
        """Return the squared error per test image."""
        module.eval()
        with torch.inference_mode():
            X = torch.from_numpy((self.test - self.shift) / self.scale)
            device = next(module.parameters()).device
            outputs = [module(block.to(device)) for block in X.split(2000)]
            rebuilt = torch.cat([o[0] if isinstance(o, tuple) else o for o in outputs])
        errors = (rebuilt.cpu() - X).numpy() * self.scale
        return float((errors**2).sum(axis=1).mean())


def ours(train: np.ndarray, test: np.ndarray, max_iter: int) -> dict:
    """Fit the estimator; return final error, seconds and the curve."""
    model = AutoencoderTransformer(
        N_COMPONENTS, hidden_layer_sizes=HIDDEN, max_iter=max_iter, random_state=0
    )
    curve = TestCurve(
        test, train.mean(axis=0), np.sqrt(train.var(axis=0).mean(), dtype=np.float32)
    )
    start = time.perf_counter()
    model.set_params(callbacks=[curve]).fit(train)
    seconds = time.perf_counter() - start - curve.paused
    errors = ((test - model.reconstruct(test)) ** 2).sum(axis=1)
    # Reading the images, scaling and PCA come before the first epoch.
    before = seconds - curve.curve[-1][0]
    return {
        "max_iter": max_iter,
        "error": float(errors.mean()),
        "seconds": seconds,
        "curve": [(before + s, e) for s, e in curve.curve],
    }


def plain_loop(train: np.ndarray, test: np.ndarray, max_iter: int) -> dict:
    """Train the bare network in a tight loop on the same scaled rows."""
    torch.manual_seed(0)
    shift = train.mean(axis=0)
    scale = np.sqrt(train.var(axis=0).mean(), dtype=np.float32)
    X = torch.from_numpy((train - shift) / scale)
    encoder, decoder = DenseArchitecture(HIDDEN).build(784, N_COMPONENTS)
    net = torch.nn.Sequential(encoder, decoder)
    rate = AutoencoderTransformer().learning_rate
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, fused=True, weight_decay=0)
    measure = TestCurve(test, shift, scale)
    steps = -(-len(X) // 256)
    curve, clock = [], 0.0
    for epoch in range(max_iter):
        start = time.perf_counter()
        for step, rows in enumerate(torch.randperm(len(X)).tensor_split(steps)):
            for group in optimizer.param_groups:
                group["lr"] = rate * one_cycle((epoch + step / steps) / max_iter)
            batch = X[rows]
            with torch.autocast("cpu", torch.bfloat16):
                output = net(batch)
            loss = F.mse_loss(output.float(), batch, reduction="sum") / len(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        clock += time.perf_counter() - start
        curve.append((clock, measure.error(net)))
    return {
        "max_iter": max_iter,
        "error": curve[-1][1],
        "seconds": clock,
        "curve": curve,
    }


def seconds_to_reach(curve: list[tuple[float, float]], error: float) -> float:
    """Return when a curve first reaches an error, interpolated; infinity if never."""
    for (before, high), (after, low) in pairwise(curve):
        if low <= error:
            return before + (after - before) * (high - error) / (high - low)
    return math.inf


def draw(results: dict, path) -> None:
    """Draw error against seconds."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
    styles = {"ours": ("#0072B2", "-"), "plain": ("#D55E00", "--")}
    for key, label in (
        ("ours", "AutoencoderTransformer"),
        ("plain", "plain net, tight loop"),
    ):
        color, line = styles[key]
        for run in results[key]:
            name = f"{label}, {run['max_iter']} epochs: {run['error']:.2f}"
            width = 2.2 if run["max_iter"] > 10 else 1.2
            ax.plot(
                *zip(*run["curve"], strict=True),
                line,
                color=color,
                lw=width,
                label=name,
            )
    pca_error = results["pca"]["error"]
    label = f"PCA: {pca_error:.2f}"
    ax.axhline(pca_error, color="#7F7F7F", ls="--", label=label)
    ax.axhline(
        HINTON_2006, color="black", ls=":", label="Hinton & Salakhutdinov 2006: 3.00"
    )
    ax.set(
        xlabel="Seconds of training",
        ylabel="Squared error per test image",
        title="MNIST, 30 codes, 784-1000-500-250-30",
        yscale="log",
    )
    ax.set_yticks([3, 4, 5, 7, 10, 14, 20, 30, 50], [3, 4, 5, 7, 10, 14, 20, 30, 50])
    ax.minorticks_off()
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
    figure.savefig(path, dpi=150)


def measure(epochs: list[int]) -> dict:
    """Return figures and curves of PCA, the estimator and the plain network."""
    train, test = (images.X for images in load_images("mnist"))
    start = time.perf_counter()
    pca = PCA(N_COMPONENTS, random_state=0).fit(train)
    seconds = time.perf_counter() - start
    rebuilt = pca.inverse_transform(pca.transform(test))
    pca_error = float(((test - rebuilt) ** 2).sum(axis=1).mean())
    results = {"pca": {"error": pca_error, "seconds": seconds}, "ours": [], "plain": []}
    for max_iter in epochs:
        results["ours"].append(ours(train, test, max_iter))
        results["plain"].append(plain_loop(train, test, max_iter))
    return results


def report(results: dict) -> str:
    """Return the table, and how much sooner the PCA start is clearly past PCA."""
    pca = results["pca"]
    lines = ["| method | epochs | seconds | squared error per test image |"]
    lines += [
        "|---|---|---|---|",
        f"| PCA | | {pca['seconds']:.1f} | {pca['error']:.2f} |",
    ]
    names = {"ours": "AutoencoderTransformer", "plain": "plain net, tight loop"}
    for key, name in names.items():
        for run in results[key]:
            figures = f"{run['max_iter']} | {run['seconds']:.0f} | {run['error']:.2f}"
            lines.append(f"| {name} | {figures} |")
    # The shortest schedule passes PCA first, for both. Ours is at PCA when its first
    # epoch starts, which is taken to last as long as the second.
    first, plain = results["ours"][0], results["plain"][0]
    started = 2 * first["curve"][0][0] - first["curve"][1][0]
    target = 0.95 * pca["error"]
    ours_passes = seconds_to_reach([(started, pca["error"]), *first["curve"]], target)
    plain_passes = seconds_to_reach([(0.0, 1e9), *plain["curve"]], target)
    results["seconds_to_5_percent_below_pca"] = [ours_passes, plain_passes]
    results["ratio"] = plain_passes / ours_passes
    lines.append(
        f"\nSeconds until the error is 5 % below PCA's: {ours_passes:.1f} with the PCA "
        f"start (reading, scaling and PCA included), {plain_passes:.1f} for the plain "
        f"net: {results['ratio']:.1f} times as long."
    )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the benchmark and write JSON, table and picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--max-iter", type=int, nargs="+", default=[10, 60])
    parser.add_argument(
        "--again", action="store_true", help="write the reports of the last run again"
    )
    options = parser.parse_args()
    path = RESULTS / "mnist_reconstruction.json"
    results = (
        json.loads(path.read_text()) if options.again else measure(options.max_iter)
    )
    text = report(results)
    print(text)
    path.with_suffix(".txt").write_text(text)
    if options.again:
        path.write_text(json.dumps(results, indent=1) + "\n")
    else:
        save(path.stem, "python benchmarks/mnist_reconstruction.py", results)
    draw(results, path.with_suffix(".png"))


if __name__ == "__main__":
    main()
