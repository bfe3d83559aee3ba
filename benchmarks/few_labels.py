"""Test error on MNIST with few labels and 60,000 images.

One configuration for all numbers of labels; three draws of 100 and of 1,000 labels with
equally many of each digit, and one of 20,000.
"""

from __future__ import annotations

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from common import RESULTS, load_images, save
from joblib import Parallel, delayed
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from sklearn_ae import DenoisingAE, PretrainedClassifier
from sklearn_ae.datasets import Table

DRAWS = {100: 3, 1000: 3, 20_000: 1}
# Beside the point and slow: the first draw has to do.
ONE_DRAW = ("pretrained, joint", "no pretraining, consistency")
EPOCHS = 10


def draw_labels(y: np.ndarray, n_labels: int, seed: int) -> np.ndarray:
    """Return y with all but equally many labels of each class replaced by -1."""
    rng = np.random.RandomState(seed)
    per_class = n_labels // 10
    few = np.full(len(y), -1)
    for digit in range(10):
        chosen = rng.permutation(np.flatnonzero(y == digit))[:per_class]
        few[chosen] = digit
    return few


def make_autoencoder() -> DenoisingAE:
    return DenoisingAE(
        64,
        hidden_layer_sizes=(1000, 500),
        init="random",
        learning_rate=2e-3,
        max_iter=8,
        random_state=0,
    )


def make_methods(fitted: DenoisingAE, seed: int) -> dict:
    """Return the methods by name; with the fitted autoencoder or a fresh one."""

    def ours(autoencoder=fitted, **options):
        return PretrainedClassifier(autoencoder, random_state=seed, **options)

    fresh = {"autoencoder": make_autoencoder(), "pretrain": False}
    all_rows = {"consistency_weight": 1.0, "max_iter": EPOCHS}
    return {
        "no pretraining": ours(**fresh),
        "frozen codes + logistic regression": OnCodes(fitted),
        "PCA + logistic regression": OnCodes(None),
        "PCA + SelfTraining": OnCodes(None, SelfTrainingClassifier(_logistic())),
        "PCA + LabelSpreading": OnCodes(None, LabelSpreading("knn", n_neighbors=7)),
        "pretrained, fine-tuned": ours(),
        "pretrained, consistency": ours(**all_rows),
        "pretrained, joint": ours(reconstruction_weight=1.0, max_iter=EPOCHS),
        "no pretraining, consistency": ours(**fresh, **all_rows),
    }


def _logistic() -> LogisticRegression:
    return LogisticRegression(max_iter=1000)


class OnCodes:
    """A classifier on the codes of an autoencoder of all rows, or of PCA."""

    def __init__(self, autoencoder, classifier=None) -> None:
        self.codes = autoencoder
        self.classifier = classifier

    def fit(self, X, y):
        """Learn codes from all rows, and classes from the labelled ones."""
        if self.codes is None:
            self.codes = PCA(50, random_state=0).fit(X)
        chosen = np.ones(len(y), bool) if self.classifier is not None else y != -1
        model = self.classifier if self.classifier is not None else _logistic()
        self.classifier = model.fit(self.codes.transform(X[chosen]), y[chosen])
        return self

    def score(self, X, y) -> float:
        """Return the accuracy."""
        return self.classifier.score(self.codes.transform(X), y)


def run(
    train: Table, test: Table, fitted: DenoisingAE, n_labels: int, seed: int
) -> list[tuple]:
    """Return the error of each method for one draw of labels."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    # LabelSpreading divides by zero for rows that no label reaches.
    warnings.filterwarnings("ignore", message="invalid value encountered in divide")
    few = draw_labels(train.y, n_labels, seed)
    records = []
    for name, model in make_methods(fitted, seed).items():
        if seed and name in ONE_DRAW:
            continue
        start = time.perf_counter()
        error = 100 * (1 - model.fit(train.X, few).score(test.X, test.y))
        records.append((name, n_labels, seed, error, time.perf_counter() - start))
        print(records[-1], flush=True)
    return records


def plot(means: pd.DataFrame) -> None:
    """Draw the error of each method against the number of labels."""
    figure, ax = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
    markers = "osD^vP*Xh"
    for (name, errors), marker in zip(means.iterrows(), markers, strict=True):
        style = "-" if name.startswith("pretrained") else "--"
        ax.plot(means.columns, errors, style, marker=marker, label=name)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(means.columns, [f"{n:,}" for n in means.columns])
    ticks = [1, 2, 5, 10, 20]
    ax.set_yticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set(
        title="MNIST: 60,000 images, few of them with labels",
        xlabel="Number of labels",
        ylabel="Test error (%)",
    )
    ax.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small")
    figure.savefig(RESULTS / "few_labels.png", dpi=150)


def main() -> None:
    """Run all, two draws at a time, and write the table."""
    train, test = load_images("mnist")
    fitted = make_autoencoder().fit(train.X)
    draws = [(n, seed) for n, n_draws in DRAWS.items() for seed in range(n_draws)]
    # The longest first.
    draws.sort(key=lambda draw: draw[1])
    found = Parallel(n_jobs=2)(
        delayed(run)(train, test, fitted, *draw) for draw in draws
    )
    records = [record for part in found for record in part]
    columns = ["method", "labels", "draw", "error", "seconds"]
    frame = pd.DataFrame(records, columns=columns)
    groups = frame.groupby(["method", "labels"], sort=False)["error"]
    means = groups.mean().unstack().round(2)
    spread = groups.agg(np.ptp).unstack().round(2)
    text = (
        "Test error in %, mean over draws (joint and no pretraining with consistency:"
    )
    text += " the first)\n\n" + means.to_string()
    text += "\n\nLargest minus smallest error over draws\n\n"
    text += spread[[n for n in spread if DRAWS[n] > 1]].to_string() + "\n"
    print(text)
    results = {"runs": frame.to_dict("records"), "configuration": repr(fitted)}
    plot(means)
    save("few_labels", "python benchmarks/few_labels.py", results)
    (RESULTS / "few_labels.txt").write_text(text)


if __name__ == "__main__":
    main()
