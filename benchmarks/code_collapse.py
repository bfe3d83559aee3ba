"""How far healthy and collapsed fits are from the threshold of ``CodeCollapseWarning``.

The statistic is the variance of reconstructions from row to row over that of PCA's
reconstructions from as many codes. Healthy fits start from random weights, without the
help of the PCA start, on the tabular sets, digits and MNIST images. Against them stand
networks that tend to collapse: sigmoids everywhere, weights of unit variance and a
learning rate of 1e-4; not all of them do.

    SKLEARN_AE_DATA=... python benchmarks/code_collapse.py
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from common import RESULTS, save
from reference_systems import saturated, unit_variance_sigmoids
from sklearn.decomposition import PCA
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklearn_ae import (
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenseArchitecture,
)
from sklearn_ae.datasets import TABULAR, load

MAX_ROWS = 1500

#: Below it the warning is given, see the class's documentation.
THRESHOLD = 0.2


def statistic(model, X: np.ndarray) -> float:
    """Fit a model and return its spread over PCA's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X)
    pca = PCA(model.n_components_, random_state=0).fit(X)
    rebuilt_by_pca = pca.inverse_transform(pca.transform(X))
    return spread(model.reconstruct(X)) / spread(rebuilt_by_pca)


def spread(rows: np.ndarray) -> float:
    """Return the variance over rows, summed over features."""
    return float(rows.var(axis=0, dtype=np.float64).sum())


def dense_sigmoids(n_features: int, n_components: int):
    """Build a dense net of sigmoids with weights of unit variance."""
    networks = DenseArchitecture((256, 128), "logistic").build(n_features, n_components)
    return saturated(*networks)


def tables() -> dict[str, np.ndarray]:
    """Return standardised rows of the tabular sets, and images."""
    sets = {
        name: StandardScaler().fit_transform(load(name).X[:MAX_ROWS])
        for name in TABULAR
    }
    images = {"digits": load("digits").X, "mnist": load("mnist").X[:MAX_ROWS]}
    return sets | images


def table(healthy: list[dict], collapsed: list[dict]) -> str:
    """Return the table in Markdown."""
    rows = []
    for label, cells in (("healthy", healthy), ("sigmoids", collapsed)):
        values = np.array([cell["statistic"] for cell in cells])
        rows.append(
            {
                "fits": label,
                "number": len(values),
                "least": values.min(),
                "median": np.median(values),
                "largest": values.max(),
                f"below {THRESHOLD}": int((values < THRESHOLD).sum()),
            }
        )
    return pd.DataFrame(rows).to_markdown(index=False, floatfmt=".3g") + "\n"


def main() -> None:
    """Run the benchmark and write JSON and table."""
    healthy, collapsed = [], []
    for name, X in tables().items():
        is_image = name in ("digits", "mnist")
        cls = ConvAutoencoderTransformer if is_image else AutoencoderTransformer
        for size in sorted({2, max(1, X.shape[1] // 4)}):
            shared = {"n_components": size, "init": "random", "random_state": 0}
            value = statistic(cls(**shared), X)
            healthy.append({"data": name, "n_components": size, "statistic": value})
            unit = MinMaxScaler().fit_transform(X)
            is_mnist = name == "mnist"
            model = AutoencoderTransformer(
                architecture=unit_variance_sigmoids if is_mnist else dense_sigmoids,
                scaling=None,
                learning_rate=1e-4,
                schedule="constant",
                max_iter=10,
                **shared,
            )
            value = statistic(model, unit)
            collapsed.append({"data": name, "n_components": size, "statistic": value})
            print(healthy[-1], collapsed[-1]["statistic"], flush=True)
    text = table(healthy, collapsed)
    print(text)
    (RESULTS / "code_collapse.txt").write_text(text)
    results = {"threshold": THRESHOLD, "healthy": healthy, "collapsed": collapsed}
    save("code_collapse", "python benchmarks/code_collapse.py", results)


if __name__ == "__main__":
    main()
