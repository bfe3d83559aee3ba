"""GridSearchCV over code sizes in one and in two processes, and one nested fit instead.

Digits, five sizes, three folds, in a pipeline with a scaler and a classifier.
"""

from __future__ import annotations

import time

import numpy as np
from common import RESULTS, save
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_ae import AutoencoderTransformer, code_size_curve
from sklearn_ae.datasets import load

SIZES = [2, 4, 8, 16, 32]


def pipeline(**options) -> Pipeline:
    return Pipeline(
        [
            ("scale", MinMaxScaler()),
            ("reduce", AutoencoderTransformer(random_state=0, **options)),
            ("classify", LogisticRegression(max_iter=5000)),
        ]
    )


def main() -> None:
    """Run the searches in turn."""
    table = load("digits")
    grid = {"reduce__n_components": SIZES}
    pipeline(n_components=2).set_params(reduce__max_iter=1).fit(table.X, table.y)
    searches, seconds = {}, {}
    # Worker processes start once per session, and import torch then.
    for name, n_jobs in (("first", 2), (1, 1), (2, 2)):
        start = time.perf_counter()
        search = GridSearchCV(pipeline(), grid, cv=3, n_jobs=n_jobs, refit=False)
        searches[name] = search.fit(table.X, table.y)
        seconds[name] = time.perf_counter() - start
    scores = {k: s.cv_results_["mean_test_score"] for k, s in searches.items()}
    splits = [f"split{fold}_test_score" for fold in range(3)]
    equal = all(
        np.array_equal(searches[1].cv_results_[k], searches[2].cv_results_[k])
        for k in splits
    )
    best = {n_jobs: search.best_params_ for n_jobs, search in searches.items()}
    start = time.perf_counter()
    curve = code_size_curve(
        pipeline(n_components=32, nested=True), table.X, table.y, SIZES, cv=3
    )
    seconds["nested"] = time.perf_counter() - start
    nested = curve.summary()[curve.name, "mean"]
    lines = [
        f"{'k':>4}  GridSearchCV  code_size_curve   (accuracy)",
        *(
            f"{size:4d}  {score:12.4f}  {nested[size]:15.4f}"
            for size, score in zip(SIZES, scores[1], strict=True)
        ),
        "",
        f"best parameters equal: {best[1] == best[2]}",
        f"scores equal bit by bit: {equal}",
        f"n_jobs=1: {seconds[1]:.1f} s",
        f"n_jobs=2: {seconds[2]:.1f} s, {seconds[2] / seconds[1]:.2f} of it; "
        f"{seconds['first']:.1f} s, {seconds['first'] / seconds[1]:.2f} of it, where "
        "workers start",
        f"one nested fit per fold, PCA beside: {seconds['nested']:.1f} s, "
        f"{seconds['nested'] / seconds[1]:.2f} of it",
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    results = {
        "seconds": {str(key): value for key, value in seconds.items()},
        "scores": scores[1].tolist(),
        "nested_scores": nested.tolist(),
        "equal": equal,
    }
    save("code_size_search", "python benchmarks/code_size_search.py", results)
    (RESULTS / "code_size_search.txt").write_text(text)


if __name__ == "__main__":
    main()
