"""Accuracy of a pipeline with convolutional codes, against the same with PCA.

``Pipeline([("ae", ConvAutoencoderTransformer()), ("clf", LogisticRegression())])`` with
defaults, on rows of pixels: the bundled digits (six stratified splits, 30 % held out)
and MNIST (60,000 training and 10,000 test images). PCA has 32 components, as many as
the default code.

    SKLEARN_AE_DATA=... python benchmarks/pipeline_accuracy.py
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd
from common import N_TRAIN, RESULTS, save
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import Pipeline

from sklearn_ae import AutoencoderTransformer, ConvAutoencoderTransformer
from sklearn_ae.datasets import load

N_SPLITS = 6


def estimators(seed: int) -> dict:
    """Return the reducers to compare."""
    return {
        "PCA(32)": PCA(n_components=32, random_state=seed),
        "AutoencoderTransformer": AutoencoderTransformer(random_state=seed),
        "ConvAutoencoderTransformer": ConvAutoencoderTransformer(random_state=seed),
    }


def evaluate(data: str, X, y, splits) -> list[dict]:
    """Return accuracy and seconds of each pipeline on each split."""
    records = []
    for seed, (train, test) in enumerate(splits):
        for name, reducer in estimators(seed).items():
            pipeline = Pipeline([("ae", reducer), ("clf", LogisticRegression())])
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                pipeline.fit(X[train], y[train])
            records.append(
                {
                    "data": data,
                    "estimator": name,
                    "split": seed,
                    "accuracy": pipeline.score(X[test], y[test]),
                    "seconds": time.perf_counter() - start,
                }
            )
    return records


def main() -> None:
    """Run the benchmark and write JSON and table."""
    digits, mnist = load("digits"), load("mnist")
    splitter = StratifiedShuffleSplit(N_SPLITS, test_size=0.3, random_state=0)
    records = evaluate("digits", digits.X, digits.y, splitter.split(digits.X, digits.y))
    whole = [np.split(np.arange(len(mnist.X)), [N_TRAIN["mnist"]])]
    records += evaluate("MNIST", mnist.X, mnist.y, whole)
    frame = pd.DataFrame(records)
    means = frame.groupby(["data", "estimator"], sort=False)[["accuracy", "seconds"]]
    table = means.mean().reset_index()
    text = table.to_markdown(index=False, floatfmt=("", "", ".4f", ".1f")) + "\n"
    print(text)
    (RESULTS / "pipeline_accuracy.txt").write_text(text)
    results = {"mean": table.to_dict("records"), "runs": records}
    save("pipeline_accuracy", "python benchmarks/pipeline_accuracy.py", results)


if __name__ == "__main__":
    main()
