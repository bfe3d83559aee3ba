"""What the benchmarks share: images, where results go, and how epochs are timed.

Results go to ``benchmarks/results``, or to the folder that the environment variable
``SKLEARN_AE_RESULTS`` names.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import skorch
import torch
import torch.nn.functional as F
from torch import nn

from sklearn_ae.datasets import Table, load

RESULTS = Path(os.environ.get("SKLEARN_AE_RESULTS", Path(__file__).parent / "results"))
# Before hours of work, not after.
RESULTS.mkdir(parents=True, exist_ok=True)

#: How many of the images are for training; they come first.
N_TRAIN = {"mnist": 60_000, "cifar10": 50_000}


def load_images(name: str) -> tuple[Table, Table]:
    """Return training and test images of a key of :data:`N_TRAIN`."""
    table, n_train = load(name), N_TRAIN[name]
    halves = (slice(n_train), slice(n_train, None))
    train, test = (replace(table, X=table.X[h], y=table.y[h]) for h in halves)
    return train, test


def machine() -> dict:
    """Describe the machine and the versions that a result depends on."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return {
        "processor": str(capabilities.get("cpu_name", platform.processor())),
        "cores": os.cpu_count(),
        "native_bfloat16": bool(capabilities.get("avx512_bf16")),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
        "skorch": skorch.__version__,
        "numpy": np.__version__,
    }


def save(name: str, command: str, results: dict) -> None:
    """Write ``NAME.json`` with the command and the machine."""
    content = {"command": command, "machine": machine(), **results}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(content, indent=1, default=float) + "\n")


def tight_loop(
    network: nn.Module,
    X: np.ndarray,
    batch_size: int,
    bfloat16: bool,
    device: torch.device | str = "cpu",
) -> Callable[[], None]:
    """Return a function that trains an epoch as one would write it by hand."""
    device = torch.device(device)
    network, rows = network.to(device), torch.from_numpy(X).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)

    def epoch() -> None:
        order = torch.randperm(len(rows)).to(device)
        total = torch.zeros((), device=device)
        for index in order.split(batch_size):
            batch = rows[index]
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                output = network(batch)
            loss = F.mse_loss(output.float(), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        total.item()

    return epoch


def time_in_turn(epochs: dict[str, Callable[[], None]], rounds: int) -> pd.DataFrame:
    """Return seconds, one row per round, one column per contender, after a warm-up.

    In each round all have their turn, so that a slow spell meets all of them.
    """
    for epoch in epochs.values():
        epoch()
    records = []
    for _ in range(rounds):
        record = {}
        for name, epoch in epochs.items():
            start = time.perf_counter()
            epoch()
            record[name] = time.perf_counter() - start
        records.append(record)
    return pd.DataFrame(records)


def geometric_mean(ratios) -> float:
    """Return the geometric mean of positive ratios."""
    return float(np.exp(np.mean(np.log(ratios))))
