"""Whether "never worse than PCA" holds where rows depend on one another.

Each situation makes training rows and new rows. Claimed is the error of the fitted
model over PCA's as the estimator reports it; true is the same ratio on new rows, over
PCA of the training rows. A situation is lost if the estimator says that it beats PCA
and the true ratio is above 1.01. Beside the defaults stands ``validation="random"``,
which does not look for dependence.

    SKLEARN_AE_DATA=... python benchmarks/dependent_rows.py
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from common import RESULTS, geometric_mean, save
from joblib import Parallel, delayed
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TimeSeriesSplit
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import (
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    PretrainedClassifier,
)
from sklearn_ae.datasets import TABULAR, load

N_FEATURES, N_COMPONENTS, N_NEW = 20, 5, 1000

Situation = tuple[np.ndarray, np.ndarray, dict]


def _mixing(random: np.random.RandomState) -> np.ndarray:
    return random.standard_normal((N_FEATURES, N_FEATURES))


def independent(random, n_rows: int = 100) -> Situation:
    """Return Gaussian rows."""
    mixing = _mixing(random)
    train = random.standard_normal((n_rows, N_FEATURES)) @ mixing
    return train, random.standard_normal((N_NEW, N_FEATURES)) @ mixing, {}


def repeated(random) -> Situation:
    """Return each row ten times."""
    train, new, _ = independent(random)
    return np.repeat(train, 10, axis=0), new, {}


def bootstrap(random) -> Situation:
    """Return 300 draws of 100 rows."""
    train, new, _ = independent(random)
    return train[random.randint(100, size=300)], new, {}


def oversampled(random) -> Situation:
    """Return rows of which some are there often, as from a random oversampler."""
    train, new, _ = independent(random, 200)
    return np.vstack([train, train[:20][random.randint(20, size=160)]]), new, {}


def near_copies(random) -> Situation:
    """Return each row ten times, with a little noise."""
    train, new, _ = repeated(random)
    return train + 0.01 * random.standard_normal(train.shape), new, {}


def some_near_copies(random) -> Situation:
    """Return rows of which half have a near copy somewhere else."""
    train, new, _ = independent(random, 200)
    twins = train[:100] + 0.01 * random.standard_normal((100, N_FEATURES))
    return random.permutation(np.vstack([train, twins])), new, {}


def subjects(random, n_subjects: int = 40, n_rows: int = 50) -> Situation:
    """Return rows of subjects; new rows are those of other subjects."""
    train, new, _ = declared_subjects(random, n_subjects, n_rows)
    return random.permutation(train), new, {}


def few_subjects(random) -> Situation:
    """Return rows of 15 subjects, 20 each."""
    return subjects(random, 15, 20)


def declared_subjects(random, n_subjects: int = 8, n_rows: int = 50) -> Situation:
    """Return rows of 8 subjects, 50 each, whose numbers are passed as groups."""
    mixing = _mixing(random) / np.sqrt(N_FEATURES)

    def draw(n: int) -> np.ndarray:
        centres = random.standard_normal((n, N_FEATURES)) @ mixing
        rows = np.repeat(centres, n_rows, axis=0)
        return rows + 0.1 * random.standard_normal(rows.shape)

    groups = np.repeat(np.arange(n_subjects), n_rows)
    return draw(n_subjects), draw(40), {"groups": groups}


def visits(random, within: float = 1.0) -> Situation:
    """Return 20 visits of 30 subjects, one after another, which vary within, too."""
    mixing = random.standard_normal((4, N_FEATURES))

    def draw(n: int) -> np.ndarray:
        centres = random.standard_normal((n, 4)) @ mixing
        centres = np.tile(centres + random.standard_normal(centres.shape), (20, 1))
        return centres + within * random.standard_normal(centres.shape)

    return draw(30), draw(200), {}


def blurred_visits(random) -> Situation:
    """Return visits of subjects that vary within more than half as much as between."""
    return visits(random, 1.5)


def curved_subjects(random) -> Situation:
    """Return rows near a curved surface, of 30 subjects that are passed as groups."""
    mixing = random.standard_normal((6, N_FEATURES))

    def draw(n: int) -> np.ndarray:
        places = np.repeat(random.standard_normal((n, 2)), 20, axis=0)
        places = places + 0.3 * random.standard_normal(places.shape)
        rows = np.hstack([places, np.sin(2 * places), places**2]) @ mixing
        return rows + 0.1 * random.standard_normal(rows.shape)

    given = {"groups": np.repeat(np.arange(30), 20), "n_components": 2}
    return draw(30), draw(200), given


def interpolated(random) -> Situation:
    """Return rows and three times as many between two of them, as SMOTE draws them."""
    train, new, _ = independent(random, 200)
    near = NearestNeighbors(n_neighbors=6).fit(train).kneighbors(train)[1]
    at = random.randint(200, size=600)
    ends = train[near[at, random.randint(1, 6, size=600)]]
    drawn = train[at] + random.random_sample((600, 1)) * (ends - train[at])
    return np.vstack([train, drawn]), new, {}


def _series(random, n_values: int) -> np.ndarray:
    values, noise = [0.0, 0.0], random.standard_normal(n_values + 200)
    for value in noise:
        values.append(1.6 * values[-1] - 0.8 * values[-2] + value)
    return np.array(values[-n_values:])


def windows(random, stride: int = 1) -> Situation:
    """Return windows of a series, in order; new ones are from its future."""
    values = _series(random, 800 * stride + 1200)
    rows = np.lib.stride_tricks.sliding_window_view(values, 50)[::stride].copy()
    return rows[:700], rows[700 + 50 // stride + 1 :], {}


def sparse_windows(random) -> Situation:
    """Return windows of which one begins ten values after the other."""
    return windows(random, 10)


def shuffled_windows(random) -> Situation:
    """Return the same windows in any order."""
    train, new, _ = windows(random)
    return random.permutation(train), new, {}


def scaled_windows(random) -> Situation:
    """Return windows in any order, behind a StandardScaler."""
    train, new, _ = shuffled_windows(random)
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(new), {}


def noisy_windows(random) -> Situation:
    """Return windows in any order, with a little noise."""
    train, new, _ = shuffled_windows(random)
    noise = 0.02 * train.std()
    train, new = (
        rows + noise * random.standard_normal(rows.shape) for rows in (train, new)
    )
    return train, new, {}


def walk(random) -> Situation:
    """Return a random walk; new rows are its future."""
    steps = random.standard_normal((1300, N_FEATURES)) @ _mixing(random)
    rows = steps.cumsum(axis=0)
    return rows[:1000], rows[1000:], {}


def trend(random) -> Situation:
    """Return rows that drift along a curve; new rows are from later."""
    t = np.linspace(0, 2, 1000)[:, None]
    ways = [_mixing(random)[:1] for _ in range(3)]
    drift = 3 * (t * ways[0] + t**2 * ways[1] + np.sin(4 * t) * ways[2])
    rows = drift + 0.5 * random.standard_normal((1000, N_FEATURES)) @ _mixing(random)
    return rows[:700], rows[700:], {}


def declared_time(random) -> Situation:
    """Return a slowly varying process, with a split in time."""
    states = np.zeros((1300, N_FEATURES))
    for now, noise in enumerate(random.standard_normal((1299, N_FEATURES))):
        states[now + 1] = 0.98 * states[now] + 0.2 * noise
    rows = states @ _mixing(random)
    return rows[:1000], rows[1000:], {"validation": TimeSeriesSplit(4)}


def classes(random) -> Situation:
    """Return rows of 30 classes of near-equal rows; new rows are of other classes."""
    return subjects(random, 30, 30)


DENSE = (
    independent,
    repeated,
    bootstrap,
    oversampled,
    near_copies,
    some_near_copies,
    subjects,
    few_subjects,
    declared_subjects,
    curved_subjects,
    visits,
    blurred_visits,
    classes,
    interpolated,
    windows,
    sparse_windows,
    shuffled_windows,
    scaled_windows,
    noisy_windows,
    walk,
    trend,
    declared_time,
)


def _judge(fit: Callable, situation: Situation) -> dict:
    """Return what a fit claims, and what is true."""
    new = situation[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = fit(situation)
    ratios = []
    for model, rows in models:
        pca = PCA(model.n_components_, random_state=0).fit(rows)
        pca_error = np.mean((new - pca.inverse_transform(pca.transform(new))) ** 2)
        error = np.mean((new - model.reconstruct(new).reshape(new.shape)) ** 2)
        claimed = model.reconstruction_error_ / model.pca_reconstruction_error_
        ratios.append((claimed, error / pca_error, model.beats_pca_))
    claimed, true, beats = max(ratios, key=lambda r: (r[2] is True) * r[1])
    return {"claimed": claimed, "true": true, "beats PCA": str(beats)}


def _dense(validation: str) -> Callable:
    def fit(situation: Situation):
        train, _, given = situation
        given = dict(given)
        chosen = given.pop("validation", validation)
        n_components = given.pop("n_components", N_COMPONENTS)
        if validation == "random":
            chosen, given = "random", {}
        model = AutoencoderTransformer(n_components, validation=chosen, random_state=0)
        return [(model.fit(train, **given), train)]

    return fit


def _conv(validation: str) -> Callable:
    def fit(situation: Situation):
        model = ConvAutoencoderTransformer(
            N_COMPONENTS, validation=validation, max_iter=10, random_state=0
        )
        return [(model.fit(situation[0]), situation[0])]

    return fit


def _bagging(validation: str) -> Callable:
    def fit(situation: Situation):
        train = situation[0]
        y = (train[:, 0] > 0).astype(int)
        ae = AutoencoderTransformer(N_COMPONENTS, validation=validation, random_state=0)
        bag = BaggingClassifier(
            make_pipeline(ae, LogisticRegression()), n_estimators=3, random_state=0
        ).fit(train, y)
        samples = zip(bag.estimators_, bag.estimators_samples_, strict=True)
        return [(pipe[0], train[chosen]) for pipe, chosen in samples]

    return fit


def _weights(validation: str) -> Callable:
    def fit(situation: Situation):
        train = situation[0]
        y = (train[:, 0] > 0).astype(int)
        ae = AutoencoderTransformer(N_COMPONENTS, validation=validation, random_state=0)
        model = PretrainedClassifier(ae, max_iter=1, freeze="encoder", random_state=0)
        model.fit(train, y, sample_weight=np.full(len(train), 10))
        return [(model.autoencoder_, train)]

    return fit


def situations() -> Iterator[tuple[str, Callable, Callable]]:
    """Yield (name, maker of rows, maker of a fit for a kind of validation)."""
    for make in DENSE:
        yield make.__name__.replace("_", " "), make, _dense
    yield "windows, convolutional", windows, _conv
    yield "bagging over a pipeline", independent, _bagging
    yield "constant weights", independent, _weights


def cell(name: str, make: Callable, kind: Callable, validation: str, seed: int) -> dict:
    """Judge one fit."""
    situation = make(np.random.RandomState(seed))
    start = time.perf_counter()
    judged = _judge(kind(validation), situation)
    seconds = time.perf_counter() - start
    row = {"situation": name, "validation": validation, "seed": seed}
    return row | judged | {"seconds": seconds}


def small_table(name: str, n_components: int, early_stopping: bool) -> dict:
    """Fit 150 rows of a table, with and without held-out rows."""
    X = load(name).X
    order = np.random.RandomState(0).permutation(len(X))
    n_rows = min(150, len(X) // 2)
    scaler = StandardScaler().fit(X[order[:n_rows]])
    train, new = (
        scaler.transform(X[part]) for part in (order[:n_rows], order[n_rows:][:N_NEW])
    )

    def fit(situation: Situation):
        model = AutoencoderTransformer(
            n_components, early_stopping=early_stopping, random_state=0
        )
        return [(model.fit(situation[0]), situation[0])]

    row = {"set": name, "codes": n_components, "early stopping": early_stopping}
    return row | _judge(fit, (train, new, {}))


def is_lost(frame: pd.DataFrame) -> pd.Series:
    """Return where a gain was claimed that is a loss."""
    return (frame["beats PCA"] == "True") & (frame["true"] > 1.01)


def main() -> None:
    """Run the benchmark and write JSON and tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--n-jobs", type=int, default=2)
    arguments = parser.parse_args()
    todo = [
        (*situation, validation, seed)
        for situation in situations()
        for validation in ("auto", "random")
        for seed in range(arguments.seeds)
    ]
    frame = pd.DataFrame(Parallel(arguments.n_jobs)(delayed(cell)(*c) for c in todo))
    frame["lost"] = is_lost(frame)
    tables = [
        (name, k, early_stopping)
        for name in TABULAR
        for k in sorted({2, load(name).X.shape[1] // 4})
        for early_stopping in (False, True)
    ]
    small = pd.DataFrame(
        Parallel(arguments.n_jobs)(delayed(small_table)(*c) for c in tables)
    )
    small["lost"] = is_lost(small)
    by_situation = frame.groupby(["situation", "validation"], sort=False).agg(
        claimed=("claimed", geometric_mean),
        true=("true", geometric_mean),
        worst=("true", "max"),
        says_gain=("beats PCA", lambda b: (b == "True").sum()),
        lost=("lost", "sum"),
    )
    by_stopping = small.groupby("early stopping").agg(
        fits=("true", "size"),
        true=("true", geometric_mean),
        worst=("true", "max"),
        says_gain=("beats PCA", lambda b: (b == "True").sum()),
        says_nothing=("beats PCA", lambda b: (b == "None").sum()),
        lost=("lost", "sum"),
    )
    text = (
        "Error over PCA's, as the estimator reports it and on new rows: geometric "
        f"means of {arguments.seeds} seeds.\n\n"
        f"{by_situation.reset_index().to_markdown(index=False, floatfmt='.3f')}\n\n"
        "150 rows of the 15 tables:\n\n"
        f"{by_stopping.reset_index().to_markdown(index=False, floatfmt='.3f')}\n"
    )
    print(text)
    (RESULTS / "dependent_rows.txt").write_text(text)
    save(
        "dependent_rows",
        "python benchmarks/dependent_rows.py",
        {"situations": frame.to_dict("records"), "tables": small.to_dict("records")},
    )


if __name__ == "__main__":
    main()
