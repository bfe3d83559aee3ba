"""How long an epoch takes, as ratios measured in one run.

Two networks, 784-300-30-300-784 on 60,000 rows (batch 256) and 20-64-5-64-20 on 20,000
rows (batch 128), ReLU, random data. Each round trains one epoch with each contender in
turn, so that a slow spell of the machine meets all of them; a ratio is the median over
rounds of the ratio within a round.

    python benchmarks/training_speed.py
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from common import RESULTS, save, tight_loop, time_in_turn
from sklearn.neural_network import MLPRegressor
from skorch import NeuralNetRegressor

from sklearn_ae import AutoencoderTransformer, DenseArchitecture
from sklearn_ae.training.batches import Rows
from sklearn_ae.training.net import TrainingPlan

NETWORKS = {
    "784-300-30-300-784": {"n": 60000, "d": 784, "hidden": 300, "k": 30, "batch": 256},
    "20-64-5-64-20": {"n": 20000, "d": 20, "hidden": 64, "k": 5, "batch": 128},
}
OURS = "ours, float32"
TIGHT = "tight loop, float32"
CONTENDERS = [
    TIGHT,
    "tight loop, bfloat16",
    OURS,
    "ours, auto precision",
    "ours, auto, PCA start",
    "skorch",
    "MLPRegressor",
]


def _network(spec: dict) -> torch.nn.Sequential:
    architecture = DenseArchitecture((spec["hidden"],), "relu")
    return torch.nn.Sequential(*architecture.build(spec["d"], spec["k"]))


def ours(X: np.ndarray, spec: dict, precision: str, init: str) -> Callable[[], None]:
    """Return a function that trains an epoch with the library's engine."""
    model = AutoencoderTransformer(
        spec["k"],
        hidden_layer_sizes=(spec["hidden"],),
        activation="relu",
        batch_size=spec["batch"],
        precision=precision,
        init=init,
        learning_rate=1e-3,
        random_state=0,
    ).partial_fit(X)
    rows = Rows(X, model.mean_, model.scale_, torch.device(model.device_))
    plan = TrainingPlan(n_epochs=1)
    return lambda: model.net_.run(rows, None, plan)


def skorch_net(X: np.ndarray, spec: dict) -> Callable[[], None]:
    """Return a function that trains an epoch with skorch as it comes."""
    net = NeuralNetRegressor(
        _network(spec),
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=spec["batch"],
        iterator_train__shuffle=True,
        train_split=None,
        max_epochs=1,
        verbose=0,
    ).initialize()
    return lambda: net.partial_fit(X, X)


def mlp_regressor(X: np.ndarray, spec: dict) -> Callable[[], None]:
    """Return a function that trains an epoch of scikit-learn's MLPRegressor."""
    hidden = (spec["hidden"], spec["k"], spec["hidden"])
    net = MLPRegressor(hidden_layer_sizes=hidden, batch_size=spec["batch"])
    return lambda: net.partial_fit(X, X)


def contenders(X: np.ndarray, spec: dict) -> dict[str, Callable[[], None]]:
    """Return an epoch of each contender."""
    made = [
        tight_loop(_network(spec), X, spec["batch"], bfloat16=False),
        tight_loop(_network(spec), X, spec["batch"], bfloat16=True),
        ours(X, spec, "float32", "random"),
        ours(X, spec, "auto", "random"),
        ours(X, spec, "auto", "pca"),
        skorch_net(X, spec),
        mlp_regressor(X, spec),
    ]
    return dict(zip(CONTENDERS, made, strict=True))


def measure(spec: dict, rounds: int) -> pd.DataFrame:
    """Return seconds per epoch, one row per round, one column per contender."""
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(spec["n"], spec["d"])).astype(np.float32)
    return time_in_turn(contenders(X, spec), rounds)


def main() -> None:
    """Run the benchmark and write JSON and table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    results, tables = {}, []
    for name, spec in NETWORKS.items():
        seconds = measure(spec, rounds)
        ratios = {
            f"ours / {other}": float((seconds[OURS] / seconds[other]).median())
            for other in (TIGHT, "skorch", "MLPRegressor")
        }
        auto = seconds["ours, auto precision"]
        ratios["ours, auto / tight loop, float32"] = float(
            (auto / seconds[TIGHT]).median()
        )
        with_pca = seconds["ours, auto, PCA start"]
        ratios["PCA start / no PCA start"] = float((with_pca / auto).median())
        results[name] = {
            "median_seconds": seconds.median().to_dict(),
            "ratios": ratios,
            "rounds": seconds.to_dict("list"),
        }
        median = seconds.median().rename("seconds per epoch").to_frame()
        tables.append(f"**{name}**\n\n{median.to_markdown(floatfmt='.4f')}\n")
        ratio_table = pd.Series(ratios, name="ratio").to_frame()
        tables.append(f"{ratio_table.to_markdown(floatfmt='.3f')}\n")
    text = "\n".join(tables)
    print(text)
    (RESULTS / "training_speed.txt").write_text(text)
    save("training_speed", "python benchmarks/training_speed.py", results)


if __name__ == "__main__":
    main()
