"""What the reproductions of published systems share."""

from __future__ import annotations

import time
from functools import cache

import numpy as np
from common import load_images

Result = dict[str, object]


@cache
def mnist() -> tuple[np.ndarray, np.ndarray]:
    """Return training and test images, one flat row each."""
    train, test = load_images("mnist")
    return train.X, test.X


def fit(model, X: np.ndarray) -> float:
    """Fit a model and return the seconds that took."""
    start = time.perf_counter()
    model.fit(X)
    return time.perf_counter() - start


def squared_error(model, X: np.ndarray) -> float:
    """Return the mean squared error per pixel."""
    return float(np.mean((model.reconstruct(X) - X) ** 2))


def result(
    system: str, published: str, goal: str, ours: str, reached: bool, seconds: float
) -> Result:
    """Return one row of the table."""
    return {
        "system": system,
        "published": published,
        "to reach": goal,
        "ours": ours,
        "reached": bool(reached),
        "seconds": seconds,
    }
