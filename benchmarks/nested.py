"""One nested fit against a fit for each code size, on MNIST.

20,000 training and 10,000 test images, layers 512-256, the same epochs and learning
rate. A nested code is used as it is after cutting it off, and after polishing for a
fifth of the epochs.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from common import RESULTS, geometric_mean, save
from sklearn.decomposition import PCA

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.datasets import load

SIZES = (2, 4, 8, 16, 32)
N_TRAIN, EPOCHS = 20_000, 15


def timed_fit(model, X):
    start = time.perf_counter()
    model.fit(X)
    return time.perf_counter() - start


def error(model, X) -> float:
    return -float(np.mean(model.score_samples(X), dtype=np.float64))


def make(n_components: int, **options) -> AutoencoderTransformer:
    return AutoencoderTransformer(
        n_components,
        hidden_layer_sizes=(512, 256),
        max_iter=EPOCHS,
        learning_rate=6e-3,
        random_state=0,
        **options,
    )


def table(rows: list[dict], seconds: dict) -> str:
    lines = [
        "Test mean squared error; in brackets over that of the dedicated fit.",
        "",
        " k     PCA  dedicated  "
        + "  ".join(f"{name:>24}" for name in seconds["nested"]),
        "                       " + "  ".join(["   cut off     polished "] * 2),
    ]
    for row in rows:
        line = f"{row['size']:2d}  {row['pca']:.4f}     {row['dedicated']:.4f}"
        for name in seconds["nested"]:
            for stage in ("cut", "polished"):
                value = row[name][stage]
                line += f"  {value:.4f} ({value / row['dedicated']:.2f})"[:14]
        lines.append(line)
    one = np.mean(list(seconds["dedicated"].values()))
    lines.append("")
    for name, value in seconds["nested"].items():
        lines.append(
            f"{name}: {value:.1f} s, {value / one:.2f} of the mean dedicated fit "
            f"({one:.1f} s) and {value / (one * len(SIZES)):.2f} of all five"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs-to-polish", type=int, default=EPOCHS // 5)
    options = parser.parse_args()
    X = load("mnist").X
    train, test = X[:N_TRAIN], X[60_000:]
    contenders = {"nested=True": True, f"nested={SIZES}": SIZES}
    seconds = {"dedicated": {}, "nested": {}}
    nested = {}
    for name, value in contenders.items():
        nested[name] = make(max(SIZES), nested=value)
        seconds["nested"][name] = timed_fit(nested[name], train)
    rows = []
    for size in SIZES:
        dedicated = make(size)
        seconds["dedicated"][size] = timed_fit(dedicated, train)
        pca = PCA(size, random_state=0).fit(train)
        rebuilt = pca.inverse_transform(pca.transform(test))
        row = {"size": size, "pca": float(np.mean((test - rebuilt) ** 2))}
        row["dedicated"] = error(dedicated, test)
        for name, model in nested.items():
            cut = model.truncate(size)
            row[name] = {"cut": error(cut, test)}
            epochs = options.epochs_to_polish
            cut.set_params(warm_start=True, max_iter=epochs, learning_rate=8e-3)
            row[name]["seconds_to_polish"] = timed_fit(cut, train)
            row[name]["polished"] = error(cut, test)
        rows.append(row)
        print(table(rows, seconds), flush=True)
    ratios = {
        name: {
            stage: [row[name][stage] / row["dedicated"] for row in rows]
            for stage in ("cut", "polished")
        }
        for name in nested
    }
    means = {n: geometric_mean(r["cut"]) for n, r in ratios.items()}
    results = {"rows": rows, "seconds": seconds, "ratios": ratios, "means": means}
    (RESULTS / "nested.txt").write_text(table(rows, seconds) + "\n")
    save("nested", "python benchmarks/nested.py", results)


if __name__ == "__main__":
    main()
