"""What files of an estimator take: bytes, and seconds to write and to read.

The default network on rows of 784 values with 32 codes, on one thread. Seconds are the
shortest of some rounds.

    python benchmarks/saving.py
"""

from __future__ import annotations

import pickle
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnxruntime
import skops.io
import torch
from common import RESULTS, save

import sklearn_ae
from sklearn_ae.persistence import SKOPS_TYPES

N_FEATURES, N_COMPONENTS, N_ROWS, ROUNDS = 784, 32, 2000, 5


def write_pickle(model: Any, path: Path) -> None:
    """Write a pickle."""
    path.write_bytes(pickle.dumps(model))


def read_pickle(path: Path) -> Any:
    """Read a pickle."""
    return pickle.loads(path.read_bytes())


def read_skops(path: Path) -> Any:
    """Read what skops wrote, trusting our types."""
    return skops.io.load(path, trusted=SKOPS_TYPES)


WAYS: dict[str, tuple[Callable, Callable]] = {
    "sklearn_ae.save": (sklearn_ae.save, sklearn_ae.load),
    "pickle": (write_pickle, read_pickle),
    "joblib": (joblib.dump, joblib.load),
    "skops": (skops.io.dump, read_skops),
    "to_onnx (transform)": (sklearn_ae.to_onnx, onnxruntime.InferenceSession),
}


def shortest(function: Callable, *arguments: Any) -> float:
    """Return the shortest time of some calls, in seconds."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function(*arguments)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    """Run the benchmark, write JSON and the table."""
    torch.set_num_threads(1)
    X = np.random.RandomState(0).standard_normal((N_ROWS, N_FEATURES))
    model = sklearn_ae.AutoencoderTransformer(
        N_COMPONENTS, init="random", max_iter=1, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X)
    weights = 4 * model.n_parameters_
    lines = [f"{'':22}{'kB':>8}{'write (s)':>11}{'read (s)':>10}"]
    lines.append(f"{'(parameters alone)':22}{weights / 1000:8.0f}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        for way, (write, read) in WAYS.items():
            row = {
                "way": way,
                "write_s": shortest(write, model, path),
                "read_s": shortest(read, path),
                "kb": path.stat().st_size / 1000,
            }
            rows.append(row)
            lines.append(
                f"{way:22}{row['kb']:8.0f}{row['write_s']:11.3f}{row['read_s']:10.3f}"
            )
    table = "\n".join(lines)
    print(table)
    (RESULTS / "saving.txt").write_text(table + "\n")
    results = {"ways": rows, "parameters_kb": weights / 1000}
    save("saving", "python benchmarks/saving.py", results)


if __name__ == "__main__":
    main()
