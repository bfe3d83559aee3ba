"""One nested fit against a fit for each code size, on MNIST.

20,000 training and 10,000 test images, layers 512-256, the same epochs and learning
rate. A nested code is used as it is after cutting it off, and after polishing for a
fifth of the epochs.
"""

from __future__ import annotations

import argparse
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from common import RESULTS, geometric_mean, load_images, save
from sklearn.decomposition import PCA

from sklearn_ae import AutoencoderTransformer

SIZES = (2, 4, 8, 16, 32)
N_ROWS, EPOCHS = 20_000, 15


def timed_fit(model, X) -> float:
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
    """Return errors, and how they compare with a fit for each size."""
    records = []
    for row in rows:
        record = {"k": row["size"], "PCA": row["pca"], "dedicated": row["dedicated"]}
        for name in seconds["nested"]:
            for stage in ("cut", "polished"):
                record[f"{name}, {stage}"] = row[name][stage]
        records.append(record)
    frame = pd.DataFrame(records).set_index("k")
    ratios = frame.div(frame["dedicated"], axis=0).drop(columns="dedicated")
    one = np.mean(list(seconds["dedicated"].values()))
    whole = seconds["dedicated"][max(SIZES)] if len(rows) == len(SIZES) else one
    lines = ["Test mean squared error", "", frame.round(4).to_string(), ""]
    lines += ["The same over that of a dedicated fit", "", ratios.round(3).to_string()]
    lines.append("")
    for name, value in seconds["nested"].items():
        lines.append(
            f"{name}: {value:.1f} s, {value / whole:.2f} of a dedicated fit of "
            f"{max(SIZES)} codes, {value / (one * len(SIZES)):.2f} of one for each size"
        )
    return "\n".join(lines)


def plot(rows: list[dict], names: list[str]) -> None:
    """Draw errors over those of dedicated fits against the size."""
    figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
    curves = {"PCA": [row["pca"] / row["dedicated"] for row in rows]}
    for name in names:
        for stage in ("cut", "polished"):
            curves[f"{name}, {stage}"] = [
                row[name][stage] / row["dedicated"] for row in rows
            ]
    styles = ["k:", "C0-", "C0--", "C1-", "C1--"]
    for (name, values), style in zip(curves.items(), styles, strict=True):
        ax.plot(SIZES, values, style, marker="o", label=name)
    ax.axhline(1, color="0.5", lw=1)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(SIZES, [str(size) for size in SIZES])
    ticks = [1, 1.2, 1.5, 2, 2.5]
    ax.set_yticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set(
        title="MNIST: one nested fit for all code sizes",
        xlabel="Code size (number of components)",
        ylabel="Test error over a dedicated fit's",
    )
    ax.grid(alpha=0.3)
    ax.legend()
    figure.savefig(RESULTS / "nested.png", dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs-to-polish", type=int, default=EPOCHS // 5)
    options = parser.parse_args()
    train, test = (images.X for images in load_images("mnist"))
    train = train[:N_ROWS]
    contenders = {"nested=True": True, f"nested={SIZES}": SIZES}
    seconds = {"dedicated": {}, "nested": {}}
    nested = {}
    make(max(SIZES)).set_params(max_iter=1).fit(train)  # a warm-up
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
    plot(rows, list(nested))
    save("nested", "python benchmarks/nested.py", results)


if __name__ == "__main__":
    main()
