"""Codes of CIFAR-10 images: a convolutional autoencoder against PCA.

50,000 training images, 10,000 test images, 32 x 32 x 3 values in [0, 1]; error is the
mean squared error per value on test images. The network has ``refinement_channels``:
without them it is no better than PCA at these code sizes.

    SKLEARN_AE_DATA=... python benchmarks/conv_cifar10.py
"""

from __future__ import annotations

import argparse
import time

import matplotlib as mpl
import numpy as np
from common import RESULTS, load_images, save
from sklearn.decomposition import PCA

from sklearn_ae import ConvAutoencoderTransformer

#: Mean squared errors of published convolutional autoencoders, loosely defined.
PUBLISHED = {64: 0.0088, 128: 0.0065, 256: 0.0048}


def timed(model, train: np.ndarray, test: np.ndarray) -> dict:
    """Fit a model; return seconds and test error."""
    start = time.perf_counter()
    model.fit(train)
    seconds = time.perf_counter() - start
    rebuilt = model.inverse_transform(model.transform(test))
    error = float(((test - rebuilt) ** 2).mean())
    return {"error": error, "seconds": seconds}


def table(results: dict) -> str:
    """Return the table in Markdown."""
    lines = [
        "| codes | PCA | seconds | conv | seconds | conv / PCA | published conv |",
        "|---|---|---|---|---|---|---|",
    ]
    for size, row in results.items():
        pca, conv = row["PCA"], row["conv"]
        lines.append(
            f"| {size} | {pca['error']:.5f} | {pca['seconds']:.0f} | "
            f"{conv['error']:.5f} | {conv['seconds']:.0f} | "
            f"{conv['error'] / pca['error']:.3f} | {PUBLISHED.get(size, '')} |"
        )
    return "\n".join(lines) + "\n"


def draw(test: np.ndarray, rebuilt: dict[str, np.ndarray]) -> None:
    """Draw test images over their reconstructions."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = {"original": test, **rebuilt}
    figure, axes = plt.subplots(len(rows), 1, figsize=(9, 0.85 * len(rows)))
    for ax, (name, images) in zip(axes, rows.items(), strict=True):
        strip = np.clip(images[:12].reshape(12, 32, 32, 3), 0, 1)
        ax.imshow(strip.transpose(1, 0, 2, 3).reshape(32, 12 * 32, 3))
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    figure.tight_layout(pad=0.3)
    figure.savefig(RESULTS / "conv_cifar10.png", dpi=130, bbox_inches="tight")
    plt.close(figure)


def main() -> None:
    """Run the benchmark and write JSON, table and picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--n-components", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--max-iter", type=int, default=5)
    options = parser.parse_args()
    train, test = (images.X for images in load_images("cifar10"))
    test = np.random.RandomState(0).permutation(test)
    results, rebuilt = {}, {}
    for size in options.n_components:
        models = {
            "PCA": PCA(size, random_state=0),
            "conv": ConvAutoencoderTransformer(
                size,
                image_shape=(32, 32, 3),
                refinement_channels=(32, 32),
                learning_rate=2e-3,
                max_iter=options.max_iter,
                random_state=0,
            ),
        }
        results[size] = {name: timed(m, train, test) for name, m in models.items()}
        for name, model in models.items():
            codes = model.transform(test[:12])
            rebuilt[f"{name}, {size}"] = model.inverse_transform(codes)
        print(table(results), flush=True)
    (RESULTS / "conv_cifar10.txt").write_text(table(results))
    draw(test, rebuilt)
    save("conv_cifar10", "python benchmarks/conv_cifar10.py", {"sizes": results})


if __name__ == "__main__":
    main()
