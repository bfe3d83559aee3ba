"""Whether an autoencoder ever reconstructs worse than PCA.

15 tabular sets, code sizes 2 and d // 4, 3 splits with 25 % test rows, columns
standardised on the training rows. Each cell is the test error over the test error of
PCA fitted to the same training rows. Beside the defaults stand codes with a contrast,
networks from a random start, and ``MLPRegressor(X, X)`` with the same layers, early
stopping and at most 50 epochs.

    SKLEARN_AE_DATA=... python benchmarks/pca_floor.py
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from common import RESULTS, geometric_mean, save
from joblib import Parallel, delayed
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.datasets import TABULAR, load


class _MLPAutoencoder:
    """``MLPRegressor(X, X)`` with the default hidden layers around the code."""

    def __init__(self, n_components: int, random_state: int) -> None:
        self.net = MLPRegressor(
            hidden_layer_sizes=(256, 128, n_components, 128, 256),
            early_stopping=True,
            max_iter=50,
            random_state=random_state,
        )

    def fit(self, X):
        self.net.fit(X, X)
        return self

    def reconstruct(self, X):
        return self.net.predict(X)


def _plain(n_components: int, random_state: int) -> AutoencoderTransformer:
    return AutoencoderTransformer(
        n_components, init="random", random_state=random_state
    )


METHODS = {
    "AutoencoderTransformer": lambda k, seed: AutoencoderTransformer(
        k, random_state=seed
    ),
    "contrast=0.3": lambda k, seed: AutoencoderTransformer(
        k, contrast=0.3, random_state=seed
    ),
    'init="random"': _plain,
    "MLPRegressor": _MLPAutoencoder,
}


def split(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return standardised training and test rows."""
    X = load(name).X
    train, test = train_test_split(X, test_size=0.25, random_state=seed)
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def cell(name: str, n_components: int, seed: int, methods=None) -> dict:
    """Fit PCA and each method to one split; return test errors and seconds."""
    train, test = split(name, seed)
    pca = PCA(n_components, random_state=seed).fit(train)
    pca_error = np.mean((test - pca.inverse_transform(pca.transform(test))) ** 2)
    row = {"set": name, "rows": len(train), "features": train.shape[1]}
    row |= {"codes": n_components, "seed": seed, "PCA": pca_error}
    for method, make in (methods or METHODS).items():
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make(n_components, seed).fit(train)
        row[f"{method} seconds"] = time.perf_counter() - start
        error = np.mean((test - model.reconstruct(test)) ** 2)
        row[f"{method} ratio"] = error / pca_error
    return row


def cells(seeds: int):
    """Yield (set, code size, seed)."""
    for name in TABULAR:
        n_features = load(name).X.shape[1]
        for n_components in sorted({2, n_features // 4}):
            for seed in range(seeds):
                yield name, n_components, seed


def run(seeds: int, methods=None, n_jobs: int = 2) -> pd.DataFrame:
    """Run all cells, the longest first, so that the cores finish together."""
    todo = sorted(cells(seeds), key=lambda c: -load(c[0]).X.size)
    rows = Parallel(n_jobs)(delayed(cell)(*c, methods) for c in todo)
    return pd.DataFrame(rows)


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per method: mean, worst, share lost, seconds."""
    rows = []
    for column in frame.columns[frame.columns.str.endswith(" ratio")]:
        method, ratios = column.removesuffix(" ratio"), frame[column]
        rows.append(
            {
                "method": method,
                "geometric mean": geometric_mean(ratios),
                "worst": ratios.max(),
                "cells above 1.005": int((ratios > 1.005).sum()),
                "share above 1.005": (ratios > 1.005).mean(),
                "seconds": frame[f"{method} seconds"].sum(),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Run the benchmark and write JSON and tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    start = time.perf_counter()
    frame = run(seeds)
    minutes = (time.perf_counter() - start) / 60
    total = summary(frame)
    ratios = [column for column in frame if column.endswith(" ratio")]
    by_cell = frame.groupby(["set", "rows", "features", "codes"])[ratios].max()
    text = (
        "Test error over PCA's; 1 is PCA, less is better.\n\n"
        f"{total.to_markdown(index=False, floatfmt='.3f')}\n\n"
        f"Worst of {seeds} seeds in each cell:\n\n"
        f"{by_cell.reset_index().to_markdown(index=False, floatfmt='.3f')}\n"
    )
    print(text, f"\n{len(frame)} cells, {minutes:.1f} minutes")
    (RESULTS / "pca_floor.txt").write_text(text)
    save(
        "pca_floor",
        "python benchmarks/pca_floor.py",
        {
            "minutes": minutes,
            "summary": total.to_dict("records"),
            "cells": frame.to_dict("records"),
        },
    )


if __name__ == "__main__":
    main()
