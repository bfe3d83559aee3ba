"""The VAE's likelihood of held-out rows, against PCA's.

Fifteen tabular sets, columns standardised, a quarter of the rows held out; likelihoods
in nats per feature, estimated with 1,000 draws per row. FactorAnalysis, which has a
variance for each feature, stands beside PCA. Then counts: the digits' integer pixels
under three likelihoods. Then points in the plane with as many codes as features, where
a VAE written by hand stands beside: two layers of 64 units each way, one learned
variance, a KL term that rises over the first half, 4,000 steps of Adam.

    SKLEARN_AE_DATA=... python benchmarks/vae_likelihood.py
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd
import torch
from common import RESULTS, save
from sklearn.datasets import load_digits, make_circles, make_moons
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
        "gain": (likelihood.mean() - max(pca, factors)) / n_features,
        "beats floor": vae.beats_pca_,
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


# ------------------------------------------------------------------ points in the plane


class HandWrittenVAE(torch.nn.Module):
    """The textbook's VAE of 2 codes: normal, with one learned variance."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = _network(2, 4), _network(2, 2)
        self.log_variance = torch.nn.Parameter(torch.zeros(()))

    def weigh(self, X, n_draws: int):
        """Return log p(x | z), the posterior's means and log-variances, and z."""
        mean, log_variance = self.encoder(X).chunk(2, 1)
        noise = torch.randn(n_draws, *mean.shape)
        z = mean + (0.5 * log_variance).exp() * noise
        squares = (self.decoder(z) - X).square() / self.log_variance.exp()
        density = -0.5 * (squares + self.log_variance + np.log(2 * np.pi)).sum(-1)
        return density, mean, log_variance, z

    def train_on(self, X, n_steps: int) -> None:
        """Minimise the negative evidence lower bound."""
        adam = torch.optim.Adam(self.parameters(), lr=2e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, n_steps)
        for step in range(n_steps):
            batch = X[torch.randint(len(X), (256,))]
            density, mean, log_variance, _ = self.weigh(batch, 1)
            divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
            loss = min(1, 2 * step / n_steps) * divergence.mean() - density.mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            schedule.step()

    @torch.no_grad()
    def log_likelihood(self, X, n_draws: int) -> float:
        """Estimate the mean log-likelihood by importance sampling."""
        density, mean, log_variance, z = self.weigh(X, n_draws)
        ratio = (z - mean).square() / log_variance.exp() + log_variance - z.square()
        weights = density + 0.5 * ratio.sum(-1)
        return float((weights.logsumexp(0) - np.log(n_draws)).mean())


def _network(n_inputs: int, n_outputs: int) -> torch.nn.Module:
    layers: list[torch.nn.Module] = []
    for before, after in ((n_inputs, 64), (64, 64)):
        layers += [torch.nn.Linear(before, after), torch.nn.GELU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(64, n_outputs))


def draw_points(name: str, n_rows: int, seed: int) -> np.ndarray:
    """Return points in the plane."""
    if name == "two moons":
        return make_moons(n_rows, noise=0.05, random_state=seed)[0]
    if name == "rings":
        return make_circles(n_rows, noise=0.05, factor=0.5, random_state=seed)[0]
    rng = np.random.RandomState(seed)
    angle = rng.randint(8, size=n_rows) * np.pi / 4
    centres = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return centres + 0.1 * rng.standard_normal((n_rows, 2))


def compare_in_plane(name: str, n_rows: int = 4000, n_steps: int = 4000) -> dict:
    """Return mean log-likelihoods, in nats, with as many codes as features."""
    train, test = draw_points(name, n_rows, 0), draw_points(name, 1000, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PCAFloorWarning)
        vae = VAE(2, random_state=0).fit(train)
    torch.manual_seed(0)
    written = HandWrittenVAE()
    written.train_on(torch.as_tensor(train, dtype=torch.float32), n_steps)
    points = torch.as_tensor(test, dtype=torch.float32)
    return {
        "points": name,
        "PCA": float(PCA(2).fit(train).score(test)),
        "VAE": float(vae.log_likelihood(test).mean()),
        "hand-written": written.log_likelihood(points, 1000),
    }


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
    names = "two moons", "rings", "eight Gaussians"
    plane = pd.DataFrame([compare_in_plane(name) for name in names])
    print(plane, flush=True)
    better = frame.groupby("set")["gain"].max() > 0.01
    summary = {
        "cells": len(frame),
        "least gain": round(float(frame["gain"].min()), 4),
        "cells at least the better": int((frame["gain"] > -1e-3).sum()),
        "sets better": int(better.sum()),
        "sets": len(better),
    }
    text = f"{frame.round(3).to_string(index=False)}\n\n{summary}\n\n"
    text += f"Digits as counts, 8 codes\n{pixels.round(2).to_string(index=False)}\n"
    text += f"\nPoints in the plane, 2 codes\n{plane.round(2).to_string(index=False)}\n"
    (RESULTS / "vae_likelihood.txt").write_text(text)
    content = {
        "cells": records,
        "summary": summary,
        "plane": plane.to_dict("records"),
        "counts": pixels.to_dict("records"),
    }
    save("vae_likelihood", "python benchmarks/vae_likelihood.py", content)


if __name__ == "__main__":
    main()
