"""Whether pretraining helps on 15 tables with labels on a tenth of the rows.

Five splits of at most 4,000 rows, a quarter of them for testing. The same networks with
and without pretraining; logistic regression and gradient boosting on the labelled rows.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd
from common import RESULTS, save
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import DenoisingAE, PCAFloorWarning, PretrainedClassifier
from sklearn_ae.datasets import TABULAR, load

N_SPLITS, MAX_ROWS, LABELLED = 5, 4000, 0.1
FINE_TUNING_RATE = 2e-4


def make_methods(seed: int) -> dict:
    """Return the methods by name."""
    ours = PretrainedClassifier(
        DenoisingAE(scaling="per_feature"), class_weight="balanced", random_state=seed
    )
    linear = LogisticRegression(class_weight="balanced", max_iter=1000)
    return {
        "not pretrained": clone(ours).set_params(pretrain=False),
        # Small steps, so that what was learned without labels is not lost.
        "pretrained": ours.set_params(learning_rate=FINE_TUNING_RATE),
        "logistic regression": make_pipeline(StandardScaler(), linear),
        "gradient boosting": HistGradientBoostingClassifier(
            class_weight="balanced", random_state=seed
        ),
    }


def split(name: str, seed: int) -> tuple[np.ndarray, ...]:
    """Return training rows, labels of which most are -1, test rows and labels."""
    table = load(name)
    X, y = table.X, table.y.astype(int)
    if len(X) > MAX_ROWS:
        X, _, y, _ = train_test_split(
            X, y, train_size=MAX_ROWS, stratify=y, random_state=seed
        )
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=seed
    )
    few = np.full(len(y), -1)
    rng = np.random.RandomState(seed)
    for label in (0, 1):
        rows = rng.permutation(np.flatnonzero(y == label))
        chosen = rows[: max(2, round(LABELLED * len(rows)))]
        few[chosen] = label
    return X, few, X_test, y_test


def run(name: str, seed: int, methods: dict) -> list[dict]:
    X, few, X_test, y_test = split(name, seed)
    records = []
    for method, model in methods.items():
        known = few != -1
        takes_all = isinstance(model, PretrainedClassifier)
        model.fit(X, few) if takes_all else model.fit(X[known], few[known])
        records.append(
            {
                "set": name,
                "split": seed,
                "method": method,
                "balanced_accuracy": balanced_accuracy_score(
                    y_test, model.predict(X_test)
                ),
                "auroc": roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]),
            }
        )
    return records


def summarize(frame: pd.DataFrame) -> tuple[str, dict]:
    """Return the table, and the differences that pretraining makes."""
    text, differences = [], {}
    for measure in ("balanced_accuracy", "auroc"):
        table = frame.pivot(index=["set", "split"], columns="method", values=measure)
        gain = table["pretrained"] - table["not pretrained"]
        per_set = gain.groupby("set").agg(["mean", "sem"])
        worse = per_set.index[per_set["mean"] < -per_set["sem"]]
        means = table.groupby("set").mean()[list(frame["method"].unique())]
        means["gain"] = per_set["mean"]
        means["standard error"] = per_set["sem"]
        means.loc["mean"] = means.mean()
        text.append(f"{measure}\n\n{means.round(3).to_string()}\n")
        text.append(
            f"Worse by more than a standard error: {', '.join(worse) or 'none'}\n"
        )
        differences[measure] = {"mean": gain.mean(), "worse": list(worse)}
    return "\n".join(text), differences


def main() -> None:
    """Run all and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=N_SPLITS)
    options = parser.parse_args()
    warnings.simplefilter("ignore", PCAFloorWarning)
    records = []
    for name in TABULAR:
        for seed in range(options.splits):
            records += run(name, seed, make_methods(seed))
        frame = pd.DataFrame(records)
        print(frame[frame["set"] == name].groupby("method").mean(numeric_only=True))
    text, differences = summarize(frame)
    print(text)
    command = "python benchmarks/few_labels_tabular.py"
    save("few_labels_tabular", command, {"runs": records, "gains": differences})
    (RESULTS / "few_labels_tabular.txt").write_text(text)


if __name__ == "__main__":
    main()
