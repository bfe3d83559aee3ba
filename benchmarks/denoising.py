"""Noisy rows cleaned by DenoisingAE, against PCA at its best and linear denoisers.

Many images: digits (bundled, a quarter held out) and MNIST (60,000 and 10,000), pixels
in [0, 1], with normal noise of standard deviation 0.25 and 0.5, and with a quarter of
the pixels set to 0. PCA has the number of components that is best on the noisy test
images themselves; the autoencoder is trained on the clean training images with the same
kind of noise.

Few rows: 300 rows of seven tables, standardised, and of MNIST, with normal noise of
half of the data's standard deviation and with a quarter of the values set to 0; codes
of a quarter of the width and of the whole, 32 and 128 for MNIST. Errors of up to 2,000
new rows are over those of PCA, and over those of ``RidgeCV`` from ten corrupted copies
of the 300 rows to the clean ones, cut to the rank of the code by PCA of its
predictions.

    SKLEARN_AE_DATA=... python benchmarks/denoising.py
"""

from __future__ import annotations

import time
import warnings

import matplotlib as mpl
import numpy as np
import pandas as pd
from common import RESULTS, geometric_mean, load_images, save
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_ae import DenoisingAE
from sklearn_ae.datasets import TABULAR, load

SIZES = (2, 4, 6, 8, 10, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 96, 128, 192)
NOISES = ("normal, 0.25", "normal, 0.5", "25 % masked")
SETTINGS = {
    "digits": {"n_components": 64, "hidden_layer_sizes": (512, 256), "max_iter": 200},
    "mnist": {"n_components": 64, "hidden_layer_sizes": (1000, 500), "max_iter": 15},
}

# Few rows: tables, kinds of noise with their levels, rows and seeds.
TABLES = ("WDBC", "Waveform", "cardio", "landsat", "pendigits", "vowels", "fault")
CORRUPTIONS = {"gaussian": 0.5, "masking": 0.25}
N_FEW, MAX_TEST, SEEDS = 300, 2000, 3


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


def few_rows(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 300 rows to train on, and others; tables are standardised."""
    X = load(name).X
    X = X[:, X.std(axis=0) > 0]
    order = np.random.RandomState(seed).permutation(len(X))
    n_train = min(N_FEW, 2 * len(X) // 3)
    train, test = X[order[:n_train]], X[order[n_train : n_train + MAX_TEST]]
    if name == "mnist":
        return train, test
    varies = train.std(axis=0) > 0
    scaler = StandardScaler().fit(train[:, varies])
    return scaler.transform(train[:, varies]), scaler.transform(test[:, varies])


def add_corruption(X: np.ndarray, kind: str, deviation: float, seed: int) -> np.ndarray:
    """Return corrupted rows."""
    rng, level = np.random.RandomState(seed), CORRUPTIONS[kind]
    if kind == "masking":
        return X * (rng.uniform(size=X.shape) >= level)
    return X + rng.normal(scale=level * deviation, size=X.shape)


def ridge_error(train, noisy, clean, rank: int, corrupt) -> float:
    """Return the error of ridge regression, cut to a rank."""
    copies = np.vstack([corrupt(train, seed) for seed in range(10)])
    ridge = RidgeCV(np.logspace(-2, 4, 13)).fit(copies, np.tile(train, (10, 1)))
    pca = PCA(rank, svd_solver="full").fit(ridge.predict(copies))
    rebuilt = pca.inverse_transform(pca.transform(ridge.predict(noisy)))
    return float(np.mean((rebuilt - clean) ** 2))


def run_few(name: str, kind: str, n_components: int, seed: int) -> dict:
    """Return one row of the table of few rows."""
    train, test = few_rows(name, seed)
    deviation = float(np.sqrt(train.var(axis=0).mean()))

    def corrupt(X, seed):
        return add_corruption(X, kind, deviation, seed)

    noisy = corrupt(test, 1000 + seed)
    pca = PCA(n_components, svd_solver="full").fit(train)
    by_pca = pca.inverse_transform(pca.transform(noisy))
    pca_error = float(np.mean((by_pca - test) ** 2))
    by_ridge = ridge_error(train, noisy, test, n_components, corrupt)
    level, start = CORRUPTIONS[kind], time.perf_counter()
    model = DenoisingAE(
        n_components, corruption=kind, corruption_level=level, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(train)
    seconds = time.perf_counter() - start
    error = float(np.mean((model.denoise(noisy) - test) ** 2))
    return {
        "data": name,
        "features": train.shape[1],
        "noise": kind,
        "codes": n_components,
        "seed": seed,
        "noisy": float(np.mean((noisy - test) ** 2)),
        "PCA": pca_error,
        "ridge": by_ridge,
        "DenoisingAE": error,
        "network kept": model.beats_pca_,
        "over PCA": error / pca_error,
        "over ridge": error / by_ridge,
        "seconds": seconds,
    }


def run_all_few() -> pd.DataFrame:
    """Run all cells of few rows."""
    records = []
    for name in [name for name in TABLES if name in TABULAR] + ["mnist"]:
        for seed in range(SEEDS):
            train, _ = few_rows(name, seed)
            n_features = train.shape[1]
            widths = (32, 128) if name == "mnist" else (n_features // 4, n_features)
            for width in widths:
                rank = min(width, len(train))
                for kind in CORRUPTIONS:
                    records.append(run_few(name, kind, rank, seed))
        print(pd.DataFrame(records).tail(12).round(3).to_string(), flush=True)
    return pd.DataFrame(records)


def summarize_few(frame: pd.DataFrame) -> str:
    """Return the table of few rows, and what it comes to."""
    ratios = ["over PCA", "over ridge"]
    kept = ["noisy", "PCA", "ridge", "DenoisingAE", *ratios, "network kept"]
    cells = frame.groupby(["data", "noise", "codes"], sort=False)[kept].mean()
    cells["worst over ridge"] = frame.groupby(["data", "noise", "codes"], sort=False)[
        "over ridge"
    ].max()
    lines = [
        f"{name}: geometric mean {geometric_mean(frame[name]):.3f}, "
        f"worst {frame[name].max():.3f}, {(frame[name] > 1.005).sum()} of "
        f"{len(frame)} above 1.005"
        for name in ratios
    ]
    return (
        cells.round(3).reset_index().to_string(index=False) + "\n\n" + "\n".join(lines)
    )


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
    few = run_all_few()
    text += f"\n\nFew rows, mean of {SEEDS} seeds\n\n{summarize_few(few)}"
    (RESULTS / "denoising.txt").write_text(text + "\n")
    results = {"runs": records, "few rows": few.to_dict("records")}
    save("denoising", "python benchmarks/denoising.py", results)
    plot(shown)


if __name__ == "__main__":
    main()
