"""Convolutional against dense networks on MNIST, 30 codes, at equal seconds of fitting.

60,000 training images, 10,000 test images; error is the squared error per test image,
summed over 784 pixels in [0, 1]. For each budget, the number of epochs is what fits
into it by the duration of an epoch measured just before; everything from reading the
rows to the fitted model counts.

    SKLEARN_AE_DATA=... python benchmarks/conv_mnist.py
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from common import RESULTS, load_images, save
from sklearn.decomposition import PCA

from sklearn_ae import AutoencoderTransformer, ConvAutoencoderTransformer

N_COMPONENTS = 30
NETWORKS = {
    "dense, 1000-500-250": (
        AutoencoderTransformer,
        {"hidden_layer_sizes": (1000, 500, 250)},
    ),
    "conv, defaults": (ConvAutoencoderTransformer, {}),
}
#: Squared error per image of 784-1000-500-250-30 (Hinton & Salakhutdinov 2006, fig. 2).
HINTON_2006 = 3.00


def test_error(model, test: np.ndarray) -> float:
    """Return the squared error per image."""
    rebuilt = model.inverse_transform(model.transform(test))
    return float(((test - rebuilt) ** 2).sum(axis=1).mean())


def run(name: str, seconds: float, train: np.ndarray, test: np.ndarray) -> dict:
    """Fit a network for as many epochs as take about ``seconds``."""
    cls, params = NETWORKS[name]
    model = cls(N_COMPONENTS, random_state=0, max_iter=2, **params)
    start = time.perf_counter()
    model.fit(train)
    short = time.perf_counter() - start
    durations = [record["dur"] for record in model.net_.history]
    overhead = short - sum(durations)
    epochs = max(2, int((seconds - overhead) / durations[-1]))
    start = time.perf_counter()
    model.set_params(max_iter=epochs).fit(train)
    taken = time.perf_counter() - start
    return {
        "network": name,
        "budget": seconds,
        "epochs": epochs,
        "seconds": taken,
        "parameters": model.n_parameters_,
        "error": test_error(model, test),
    }


def table(pca_error: float, runs: list[dict]) -> str:
    """Return the table in Markdown."""
    lines = [
        "| network | parameters | budget (s) | epochs | seconds | error per image |",
        "|---|---|---|---|---|---|",
        f"| PCA | | | | | {pca_error:.2f} |",
    ]
    for r in runs:
        lines.append(
            f"| {r['network']} | {r['parameters']:,} | {r['budget']:g} | {r['epochs']} "
            f"| {r['seconds']:.0f} | {r['error']:.2f} |"
        )
    best = min(runs, key=lambda r: r["error"])
    lines.append(
        f"\nBest of all: {best['error']:.2f} after {best['seconds']:.0f} s "
        f"({best['network']}); Hinton & Salakhutdinov (2006) report {HINTON_2006:.2f}."
    )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the benchmark and write JSON and table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, nargs="+", default=[60, 180])
    budgets = parser.parse_args().seconds
    train, test = (images.X for images in load_images("mnist"))
    pca_error = test_error(PCA(N_COMPONENTS, random_state=0).fit(train), test)
    runs = []
    for seconds in budgets:
        for name in NETWORKS:
            runs.append(run(name, seconds, train, test))
            print(table(pca_error, runs), flush=True)
    (RESULTS / "conv_mnist.txt").write_text(table(pca_error, runs))
    results = {"pca_error": pca_error, "runs": runs}
    save("conv_mnist", "python benchmarks/conv_mnist.py", results)


if __name__ == "__main__":
    main()
