"""The VAE's likelihood of held-out rows, against PCA's.

Fifteen tabular sets, columns standardised, a quarter of the rows held out; likelihoods
in nats per feature, estimated with 1,000 draws per row. FactorAnalysis, which has a
variance for each feature, stands beside PCA. Then counts: the digits' integer pixels
under three likelihoods.

    SKLEARN_AE_DATA=... python benchmarks/vae_likelihood.py
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd
from common import RESULTS, save
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_ae import VAE, PCAFloorWarning
from sklearn_ae.datasets import TABULAR, load

MAX_TEST_ROWS = 2000


def split(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return standardised training and test rows."""
    train, test = train_test_split(X, test_size=0.25, random_state=0)
    varies = train.std(axis=0) > 0
    scaler = StandardScaler().fit(train[:, varies])
    test = scaler.transform(test[:MAX_TEST_ROWS, varies])
    return scaler.transform(train[:, varies]), test


def compare(name: str, n_components: int, train, test) -> dict:
    """Return the mean log-likelihoods per feature of one cell."""
    n_features = train.shape[1]
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PCAFloorWarning)
        vae = VAE(n_components, random_state=0).fit(train)
    seconds = time.perf_counter() - start
    likelihood = vae.log_likelihood(test).astype(np.float64)
    pca = PCA(n_components).fit(train).score(test)
    factors = FactorAnalysis(n_components).fit(train).score(test)
    return {
        "set": name,
        "rows": len(train),
        "features": n_features,
        "codes": n_components,
        "PCA": pca / n_features,
        "FactorAnalysis": factors / n_features,
        "VAE": likelihood.mean() / n_features,
        "gain": (likelihood.mean() - pca) / n_features,
        "beats PCA": vae.beats_pca_,
        "seconds": seconds,
    }


def counts() -> pd.DataFrame:
    """Return the likelihood of the digits' pixels under each distribution."""
    train, test = train_test_split(load_digits().data, test_size=0.25, random_state=0)
    test, records = test[:MAX_TEST_ROWS], []
    for likelihood in ("gaussian", "poisson", "negative_binomial"):
        vae = VAE(8, likelihood=likelihood, random_state=0).fit(train)
        nats = float(vae.log_likelihood(test).mean())
        records.append({"likelihood": likelihood, "nats per row": nats})
    return pd.DataFrame(records)


def main() -> None:
    """Run all cells and write the tables."""
    records = []
    for name in TABULAR:
        train, test = split(load(name).X)
        for size in sorted({2, max(1, train.shape[1] // 4)}):
            records.append(compare(name, size, train, test))
            print(records[-1], flush=True)
    frame = pd.DataFrame(records)
    pixels = counts()
    better = frame.groupby("set")["gain"].max() > 0.01
    summary = {
        "cells": len(frame),
        "least gain": round(float(frame["gain"].min()), 4),
        "sets better": int(better.sum()),
        "sets": len(better),
    }
    text = f"{frame.round(3).to_string(index=False)}\n\n{summary}\n\n"
    text += f"Digits as counts, 8 codes\n{pixels.round(2).to_string(index=False)}\n"
    (RESULTS / "vae_likelihood.txt").write_text(text)
    content = {
        "cells": records,
        "summary": summary,
        "counts": pixels.to_dict("records"),
    }
    save("vae_likelihood", "python benchmarks/vae_likelihood.py", content)


if __name__ == "__main__":
    main()
