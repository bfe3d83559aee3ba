"""MNIST's labels from frozen codes that were learned without them.

Codes of 60,000 images feed a logistic regression, whose strength of regularisation is
chosen on the last 10,000 of them; test error on 10,000 images. Raw pixels and PCA stand
beside. Published with as many units: k-sparse 1.35 % (Makhzani & Frey 2013,
arXiv:1312.5663), denoising 1.95 %.

    SKLEARN_AE_DATA=... python benchmarks/code_classification.py [--only SparseAE]
"""

from __future__ import annotations

import argparse
import json
import time
import warnings

import numpy as np
import pandas as pd
from common import RESULTS, load_images, save
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from sklearn_ae import DenoisingAE, SparseAE

PATH = RESULTS / "code_classification.json"
STRENGTHS = (0.003, 0.01, 0.03, 0.1)

METHODS = {
    "raw pixels": lambda: FunctionTransformer(),
    "PCA(50)": lambda: PCA(50, random_state=0),
    "SparseAE": lambda: SparseAE(
        1000,
        sparsity="topk",
        n_nonzero_coefs=25,
        transform_n_nonzero_coefs=75,
        init="random",
        tied_weights=True,
        learning_rate=2e-3,
        max_iter=16,
        early_stopping=False,
        random_state=0,
    ),
    "DenoisingAE": lambda: DenoisingAE(
        1000,
        corruption="masking",
        corruption_level=0.5,
        hidden_layer_sizes=(),
        code_activation="relu",
        tied_weights=True,
        learning_rate=2e-3,
        max_iter=20,
        early_stopping=False,
        random_state=0,
    ),
}


def train_classifier(codes, y, strength: float) -> LogisticRegression:
    """Fit a logistic regression for 200 iterations at most."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=strength, max_iter=200).fit(codes, y)


def alive(model: BaseEstimator, codes: np.ndarray) -> float:
    """Return the share of units that some training image activates."""
    dead = getattr(model, "dead_units_", np.flatnonzero(~(codes > 0).any(axis=0)))
    return 1 - len(dead) / codes.shape[1]


def run(name: str) -> dict:
    """Return one row of the table."""
    train, test = load_images("mnist")
    start = time.perf_counter()
    model = METHODS[name]().fit(train.X)
    seconds = time.perf_counter() - start
    codes, y = model.transform(train.X), train.y
    scale = codes.std()
    codes, test_codes = codes / scale, model.transform(test.X) / scale
    n_fit, errors = len(codes) * 5 // 6, {}
    for strength in STRENGTHS:
        classifier = train_classifier(codes[:n_fit], y[:n_fit], strength)
        errors[strength] = 1 - classifier.score(codes[n_fit:], y[n_fit:])
    best = min(errors, key=errors.get)
    classifier = train_classifier(codes, y, best)
    return {
        "codes": name,
        "units": codes.shape[1],
        "test error [%]": 100 * (1 - classifier.score(test_codes, test.y)),
        "alive [%]": 100 * alive(model, codes),
        "C": best,
        "fit seconds": seconds,
    }


def main() -> None:
    """Run the methods, keep the results of others, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=METHODS, default=list(METHODS))
    known = json.loads(PATH.read_text())["methods"] if PATH.exists() else {}
    for name in parser.parse_args().only:
        known[name] = run(name)
        print(known[name], flush=True)
    rows = {name: known[name] for name in METHODS if name in known}
    text = pd.DataFrame(list(rows.values())).round(3).to_string(index=False)
    (RESULTS / "code_classification.txt").write_text(text + "\n")
    command = "python benchmarks/code_classification.py"
    save("code_classification", command, {"methods": rows})


if __name__ == "__main__":
    main()
