"""Noisy images cleaned by DenoisingAE, against PCA at its best.

Digits (bundled, a quarter held out) and MNIST (60,000 and 10,000), pixels in [0, 1],
with normal noise of standard deviation 0.25 and 0.5, and with a quarter of the pixels
set to 0. PCA has the number of components that is best on the noisy test images
themselves; the autoencoder is trained on the clean training images with the same kind
of noise.

    SKLEARN_AE_DATA=... python benchmarks/denoising.py
"""

from __future__ import annotations

import time

import matplotlib as mpl
import numpy as np
import pandas as pd
from common import RESULTS, load_images, save
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_ae import DenoisingAE
from sklearn_ae.datasets import load

SIZES = (2, 4, 6, 8, 10, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 96, 128, 192)
NOISES = ("normal, 0.25", "normal, 0.5", "25 % masked")
SETTINGS = {
    "digits": {"n_components": 64, "hidden_layer_sizes": (512, 256), "max_iter": 200},
    "mnist": {"n_components": 64, "hidden_layer_sizes": (1000, 500), "max_iter": 15},
}


def images(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return clean training and test images in [0, 1], flat."""
    if name == "mnist":
        train, test = load_images(name)
        return train.X, test.X
    return train_test_split(load(name).X, test_size=0.25, random_state=0)


def add_noise(X: np.ndarray, noise: str, seed: int) -> np.ndarray:
    """Return noisy images."""
    rng = np.random.RandomState(seed)
    if noise == "25 % masked":
        return X * (rng.uniform(size=X.shape) >= 0.25)
    level = float(noise.split()[1])
    return (X + rng.normal(scale=level, size=X.shape)).astype(np.float32)


def corruption(train: np.ndarray, noise: str) -> dict:
    """Return the parameters that corrupt training images in the same way."""
    if noise == "25 % masked":
        return {"corruption": "masking", "corruption_level": 0.25}
    deviation = np.sqrt(train.var(axis=0).mean())
    level = float(noise.split()[1]) / deviation
    return {"corruption": "gaussian", "corruption_level": level}


def best_pca(train: np.ndarray, noisy: np.ndarray, clean: np.ndarray):
    """Return the least error of PCA over its sizes, the size, and the images."""
    most = min(SIZES[-1], *train.shape)
    pca = PCA(most, random_state=0).fit(train)
    codes, found = pca.transform(noisy), []
    for size in [s for s in SIZES if s <= most]:
        rebuilt = codes[:, :size] @ pca.components_[:size] + pca.mean_
        found.append((float(np.mean((rebuilt - clean) ** 2)), size))
    error, size = min(found)
    return error, size, codes[:, :size] @ pca.components_[:size] + pca.mean_


def run(name: str, noise: str) -> tuple[dict, list[np.ndarray]]:
    """Return one row of the table, and images."""
    train, test = images(name)
    noisy = add_noise(test, noise, seed=1)
    pca_error, size, by_pca = best_pca(train, noisy, test)
    start = time.perf_counter()
    model = DenoisingAE(**SETTINGS[name], **corruption(train, noise), random_state=0)
    model.fit(train)
    seconds = time.perf_counter() - start
    rebuilt = model.denoise(noisy)
    error = float(np.mean((rebuilt - test) ** 2))
    record = {
        "data": name,
        "noise": noise,
        "noisy": float(np.mean((noisy - test) ** 2)),
        "PCA": pca_error,
        "components": size,
        "DenoisingAE": error,
        "ratio": error / pca_error,
        "seconds": seconds,
    }
    return record, [block[:8] for block in (test, noisy, by_pca, rebuilt)]


def plot(shown: dict[str, list[np.ndarray]]) -> None:
    """Draw clean, noisy and cleaned images of MNIST, one block for each noise."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(shown), figsize=(12, 2.6), layout="constrained")
    for ax, (noise, blocks) in zip(axes, shown.items(), strict=True):
        side = int(np.sqrt(blocks[0].shape[1]))
        rows = [np.hstack(list(block.reshape(-1, side, side))) for block in blocks]
        ax.imshow(np.vstack(rows), cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(noise)
        labels = ["clean", "noisy", "PCA", "DenoisingAE"]
        ax.set_yticks(
            side * (np.arange(4) + 0.5), labels if ax is axes[0] else [""] * 4
        )
        ax.set_xticks([])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    figure.savefig(RESULTS / "denoising.png", dpi=150, bbox_inches="tight")


def main() -> None:
    """Run all and write table and picture."""
    records, shown = [], {}
    for name in SETTINGS:
        for noise in NOISES:
            record, blocks = run(name, noise)
            records.append(record)
            if name == "mnist":
                shown[noise] = blocks
            text = pd.DataFrame(records).round(4).to_string(index=False)
            print(text, flush=True)
    (RESULTS / "denoising.txt").write_text(text + "\n")
    save("denoising", "python benchmarks/denoising.py", {"runs": records})
    plot(shown)


if __name__ == "__main__":
    main()
