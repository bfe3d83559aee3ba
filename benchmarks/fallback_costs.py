"""What a fit costs that ends at PCA, beside PCA's own cost.

Random tables, in which there is nothing to find: 60 rows of 20,000 features, 150 rows
of 8, and a sparse table of 2,000 rows and 20,000 columns of which 0.5 % hold a value.
Seconds of ``fit`` and ``transform`` (the least of several runs in turn) and bytes of
pickles are divided by those of PCA, or of ``TruncatedSVD`` for the sparse table, with
the same number of components. Then the sizes that networks get from data: parameters
over values of X.

The committed results were made on one thread (``OMP_NUM_THREADS=1``): two spend most of
their time on waiting where products are so small.

    python benchmarks/fallback_costs.py
"""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import scipy.sparse as sp
from common import RESULTS, save
from sklearn.decomposition import PCA, TruncatedSVD

from sklearn_ae import (
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
)

N_COMPONENTS, ROUNDS, CALLS = 10, 5, 50
WIDTH = 20_000
SHAPES = (
    (60, 20_000, AutoencoderTransformer),
    (300, 20_000, AutoencoderTransformer),
    (300, 784, AutoencoderTransformer),
    (200, 16_384, ConvAutoencoderTransformer),
)


def tables() -> dict[str, np.ndarray | sp.csr_array]:
    """Return tables without structure."""
    rng = np.random.RandomState(0)
    return {
        f"60 x {WIDTH}": rng.standard_normal((60, WIDTH)),
        "150 x 12": rng.standard_normal((150, 12)),
        f"2000 x {WIDTH}, CSR": sp.random(
            2000, WIDTH, density=0.005, format="csr", random_state=rng
        ),
    }


def least_seconds(calls: list[Callable], rounds: int) -> list[float]:
    """Return the least time of each call; all have their turn in each round."""
    least = [np.inf] * len(calls)
    for _ in range(rounds):
        for index, call in enumerate(calls):
            start = time.perf_counter()
            call()
            least[index] = min(least[index], time.perf_counter() - start)
    return least


def measure(name: str, X: np.ndarray | sp.csr_array) -> dict:
    """Return one row of the table of ratios."""
    linear = (TruncatedSVD if sp.issparse(X) else PCA)(N_COMPONENTS, random_state=0)
    model = AutoencoderTransformer(N_COMPONENTS, random_state=0)
    fits = least_seconds([partial(m.fit, X) for m in (linear, model)], ROUNDS)
    row = {
        "table": name,
        "fit, s": fits[1],
        "fit": fits[1] / fits[0],
        "epochs": model.n_iter_,
        "beats_pca_": model.beats_pca_,
    }
    for n_rows in (1, X.shape[0]):
        rows = X[:n_rows]
        pair = [partial(fitted.transform, rows) for fitted in (linear, model)]
        seconds = least_seconds(pair, CALLS)
        label = "transform, 1 row" if n_rows == 1 else "transform, all"
        row[label] = seconds[1] / seconds[0]
    row["pickle"] = len(pickle.dumps(model)) / len(pickle.dumps(linear))
    return row


def sizes() -> pd.DataFrame:
    """Return parameters of networks for tables of several shapes, in one epoch."""
    rng, records = np.random.RandomState(0), []
    for n_rows, width, cls in SHAPES:
        # Near a curved line, so that there is something to train for.
        t = rng.uniform(-3, 3, size=(n_rows, 1))
        curve = np.hstack([t, t**2, np.sin(2 * t), np.cos(2 * t)])
        X = curve @ rng.standard_normal((4, width))
        model = cls(1, init="random", max_iter=1, random_state=0)
        if cls is ConvAutoencoderTransformer:
            model.set_params(image_shape=(width,))
        start = time.perf_counter()
        model.fit(X)
        records.append(
            {
                "estimator": cls.__name__,
                "rows": n_rows,
                "features": width,
                "parameters": model.n_parameters_,
                "per value": model.n_parameters_ / X.size,
                "fit with one epoch, s": time.perf_counter() - start,
            }
        )
    return pd.DataFrame(records)


def main() -> None:
    """Run all and write the tables."""
    warnings.simplefilter("ignore")
    rng = np.random.RandomState(0)
    AutoencoderTransformer(2, max_iter=1).fit(rng.standard_normal((100, 5)))
    costs = pd.DataFrame([measure(name, X) for name, X in tables().items()])
    networks = sizes()
    text = (
        "Over PCA's, or TruncatedSVD's\n\n"
        f"{costs.round(3).to_string(index=False)}\n\n"
        "Sizes that follow the data\n\n"
        f"{networks.round(3).to_string(index=False)}\n"
    )
    print(text)
    (RESULTS / "fallback_costs.txt").write_text(text)
    save(
        "fallback_costs",
        "python benchmarks/fallback_costs.py",
        {"costs": costs.to_dict("records"), "sizes": networks.to_dict("records")},
    )


if __name__ == "__main__":
    main()
