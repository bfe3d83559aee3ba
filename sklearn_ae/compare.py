"""The comparison with PCA: who reconstructs better, by how much, in what time."""

from __future__ import annotations

import base64
import html
import io
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.multiclass import type_of_target

from ._base import BaseAutoencoder
from .displays import CodeDisplay, CodeSizeDisplay, ReconstructionDisplay
from .displays._style import import_pyplot
from .exceptions import PCAFloorWarning

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "compare"]

# Rows on which the classifier of codes is trained: its ranking settles long before.
_MOST_PROBE_ROWS = 5000
_N_PICTURES = 10
_MOST_POINTS = 3000


@dataclass
class Comparison:
    """Result of :func:`compare`.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per code size, estimator and fold. Columns: ``n_components``,
        ``estimator``, ``fold``, ``error`` (held-out mean squared error per value, in
        squared units of X), ``relative_error`` (over PCA's in the same fold),
        ``variance`` (share of the held-out variance that is reconstructed),
        ``score`` (of a linear model on the codes of held-out rows; NaN without y),
        ``fit_seconds`` and ``transform_seconds``.
    raw_score : float
        Score of the same linear model on the raw features, mean over folds.
    score_name : str
        ``"accuracy"``, or ``"R2"`` for a continuous y.
    name : str
        Name of the data.
    image_shape : tuple of int or None
        Shape of a row that is an image.
    """

    frame: pd.DataFrame
    raw_score: float
    score_name: str
    name: str
    image_shape: tuple[int, ...] | None
    original: np.ndarray = field(repr=False)
    reconstructions: dict[str, np.ndarray] = field(repr=False)
    codes: dict[str, np.ndarray] = field(repr=False)
    labels: np.ndarray | None = field(repr=False)

    @property
    def sizes(self) -> list[int]:
        """Code sizes, ascending."""
        return sorted(map(int, self.frame["n_components"].unique()))

    @property
    def estimators(self) -> list[str]:
        """Names of the estimators, PCA first."""
        return list(self.frame["estimator"].unique())

    def summary(self) -> pd.DataFrame:
        """Return mean and standard deviation over folds.

        Returns
        -------
        summary : pandas.DataFrame
            Indexed by code size and estimator; columns are pairs of a column of
            :attr:`frame` and ``"mean"`` or ``"std"``.
        """
        columns = list(self.frame.columns[3:])
        groups = self.frame.groupby(["n_components", "estimator"], sort=False)
        return groups[columns].agg(["mean", "std"])

    def sentences(self) -> list[str]:
        """Say for each code size who reconstructs best, by how much, and when PCA does.

        Returns
        -------
        sentences : list of str
            One per code size, ascending.
        """
        return [self._sentence(size) for size in self.sizes]

    def _sentence(self, size: int) -> str:
        at_size = self.frame[self.frame["n_components"] == size]
        mean = at_size.groupby("estimator")[["error", "score"]].mean()
        others = mean.drop(index="PCA")
        best = others["error"].idxmin()
        error, pca_error = others.loc[best, "error"], mean.loc["PCA", "error"]
        of_best = at_size[at_size["estimator"] == best]
        won, folds = int((of_best["relative_error"] < 1).sum()), len(of_best)
        figures = f"held-out error {error:.4g} against PCA's {pca_error:.4g}"
        change = abs(1 - error / pca_error) if pca_error > 0 else 0.0
        if change < 1e-3:
            text = f"{best} and PCA reconstruct equally well: {figures}"
        elif error < pca_error:
            text = (
                f"{best} reconstructs best: {figures}, {change:.0%} less "
                f"(better in {won} of {folds} folds)"
            )
        else:
            text = (
                f"PCA reconstructs best; next is {best}: {figures}, {change:.0%} more"
            )
        if np.isfinite(self.raw_score):
            text += (
                f"; {self.score_name} of a linear model on its codes "
                f"{mean.loc[best, 'score']:.3f}, on PCA's "
                f"{mean.loc['PCA', 'score']:.3f}, on raw features {self.raw_score:.3f}"
            )
        return f"With {size} components {text}."

    def plot(self, ax=None):
        """Draw error, and score where there is one, against the size of the code.

        Parameters
        ----------
        ax : sequence of matplotlib Axes, default=None
            One, or two where there are labels; None makes a new figure.

        Returns
        -------
        figure : matplotlib Figure
        """
        plt = import_pyplot()
        measures = [("error", "Held-out mean squared error", None)]
        if np.isfinite(self.raw_score):
            label = f"Held-out {self.score_name} of a linear model on the codes"
            measures.append(("score", label, ("raw features", self.raw_score)))
        if ax is None:
            _, ax = plt.subplots(
                1, len(measures), figsize=(5 * len(measures), 4), layout="constrained"
            )
        axes = np.atleast_1d(ax)
        for axis, (column, label, reference) in zip(axes, measures, strict=True):
            CodeSizeDisplay(
                np.array(self.sizes),
                {name: self._by_fold(name, column) for name in self.estimators},
                label=label,
                reference=reference,
                log=column == "error",
            ).plot(axis)
        figure = axes[0].figure
        figure.suptitle(f"{self.name}: PCA and autoencoders")
        return figure

    def _by_fold(self, name: str, column: str) -> np.ndarray:
        rows = self.frame[self.frame["estimator"] == name]
        return rows.pivot(
            index="fold", columns="n_components", values=column
        ).to_numpy()

    def plot_reconstructions(self):
        """Draw held-out rows over their reconstructions, at the median code size."""
        display = ReconstructionDisplay(
            self.original, self.reconstructions, image_shape=self.image_shape
        ).plot()
        size = _middle(self.sizes)
        display.figure_.suptitle(f"{self.name}: held-out rows from {size} components")
        return display.figure_

    def plot_codes(self):
        """Draw held-out codes of two components, coloured by label."""
        plt = import_pyplot()
        n_panels = len(self.codes)
        figure, axes = plt.subplots(
            1,
            n_panels,
            figsize=(4.5 * n_panels, 4.2),
            squeeze=False,
            layout="constrained",
        )
        for ax, (name, codes) in zip(axes[0], self.codes.items(), strict=True):
            CodeDisplay(codes, self.labels, name=name).plot(ax)
        handles, names = axes[0, 0].get_legend_handles_labels()
        if handles:
            figure.legend(handles, names, loc="outside right", markerscale=2)
        figure.suptitle(f"{self.name}: codes of held-out rows")
        return figure

    def pictures(self) -> Iterator[tuple[str, Any]]:
        """Yield the name and the figure of each picture that the data allow."""
        yield "comparison", self.plot()
        yield "reconstructions", self.plot_reconstructions()
        if self.codes:
            yield "codes", self.plot_codes()

    def save(self, folder: str | Path) -> list[Path]:
        """Write table, pictures and a report that holds all of it in one file.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there.

        Returns
        -------
        paths : list of Path
            ``comparison.csv``, ``comparison.png``, ``reconstructions.png``,
            ``codes.png`` (if a code of two components was fitted) and ``report.html``.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / "comparison.csv"]
        self.frame.to_csv(paths[0], index=False)
        images = []
        for name, figure in self.pictures():
            paths.append(folder / f"{name}.png")
            paths[-1].write_bytes(_as_png(figure))
            images.append((name, base64.b64encode(paths[-1].read_bytes()).decode()))
        paths.append(folder / "report.html")
        paths[-1].write_text(self._report(images), encoding="utf-8")
        return paths

    def _report(self, images: list[tuple[str, str]]) -> str:
        pictures = "".join(
            f'<img alt="{name}" src="data:image/png;base64,{data}">\n'
            for name, data in images
        )
        title = html.escape(f"{self.name}: PCA and autoencoders")
        return _PAGE.format(title=title, body=self._repr_html_() + pictures)

    def _repr_html_(self) -> str:
        sentences = "".join(f"<li>{html.escape(s)}</li>" for s in self.sentences())
        return f"<ul>{sentences}</ul>\n{self._display_frame().to_html()}\n"

    def __str__(self) -> str:
        table = self._display_frame().to_string()
        return "\n".join([table, "", *self.sentences()])

    def _display_frame(self) -> pd.DataFrame:
        """Return the summary with mean and spread in one cell."""
        import pandas as pd

        summary = self.summary()
        return pd.DataFrame(
            {
                title: [
                    _with_spread(*row, digits)
                    for row in summary[column][["mean", "std"]].to_numpy()
                ]
                for column, (title, digits) in self._titles().items()
            },
            index=summary.index.set_names(["size", "estimator"]),
        )

    def _titles(self) -> dict[str, tuple[str, str]]:
        titles = {
            "error": ("error", ".3g"),
            "relative_error": ("error / PCA's", ".3f"),
            "variance": ("variance", ".3f"),
            "score": (self.score_name, ".3f"),
            "fit_seconds": ("fit (s)", ".2g"),
            "transform_seconds": ("transform (s)", ".1g"),
        }
        if not np.isfinite(self.raw_score):
            del titles["score"]
        return titles


def compare(
    X,
    y=None,
    estimators: dict[str, BaseEstimator] | Sequence[BaseEstimator] | None = None,
    n_components: Sequence[int] = (2, 8, 32),
    *,
    cv: int = 3,
    random_state: int = 0,
    name: str = "data",
    image_shape: tuple[int, ...] | None = None,
    verbose: int = 0,
) -> Comparison:
    """Compare estimators with PCA over code sizes, on held-out rows.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows, as they are: scale columns first if their units differ.
    y : array-like of shape (n_samples,), default=None
        Labels; adds the score of a linear model on the codes (logistic regression, or
        ridge regression for a continuous y).
    estimators : dict of str to estimator, or sequence of estimators, default=None
        Transformers with ``n_components`` and ``inverse_transform``. None takes every
        estimator of the library with its defaults. PCA is always added.
    n_components : sequence of int, default=(2, 8, 32)
        Code sizes. Those that are not below the number of features and of training
        rows are left out with a warning.
    cv : int, default=3
        Number of folds, at least 2; stratified by the classes of y.
    random_state : int, default=0
        Seed of the folds and the estimators.
    name : str, default="data"
        Name of the data, for titles.
    image_shape : tuple of int, default=None
        Shape of a row that is an image with values in [0, 1].
    verbose : int, default=0
        1 shows a progress bar on stderr.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If no code size fits the data.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_ae import AutoencoderTransformer, compare
    >>> X, y = load_iris(return_X_y=True)
    >>> fast = AutoencoderTransformer(max_iter=5)
    >>> result = compare(X, y, [fast], n_components=[2], name="iris")
    >>> result.estimators
    ['PCA', 'AutoencoderTransformer']
    """
    import pandas as pd
    from tqdm.auto import tqdm

    X = check_array(X, dtype=[np.float64, np.float32])
    if y is not None:
        y = np.asarray(y)
        check_consistent_length(X, y)
    candidates = _named(estimators)
    score_name, probe, splitter = _protocol(y, cv, random_state)
    folds = list(splitter.split(X, y))
    sizes = _fitting_sizes(n_components, X.shape[1], min(len(t) for t, _ in folds))
    records, raw_scores, shown = [], [], _Shown(sizes)
    total = len(folds) * len(sizes) * len(candidates)
    with tqdm(total=total, unit="fit", disable=not verbose) as bar:
        for fold, (train, test) in enumerate(folds):
            raw_scores.append(_probe_score(probe, X, X, y, train, test))
            for size in sizes:
                pca_error = None
                for label, template in candidates.items():
                    bar.set_postfix_str(f"{label}, {size} components, fold {fold + 1}")
                    seed = random_state + fold
                    model = _with_seed(template, size, seed)
                    record, codes, rebuilt = _measure(model, X, train, test)
                    pca_error = record["error"] if pca_error is None else pca_error
                    relative = record["error"] / pca_error if pca_error > 0 else 1.0
                    score = _probe_score(probe, codes, X, y, train, test)
                    records.append(
                        {"n_components": size, "estimator": label, "fold": fold}
                        | record
                        | {"relative_error": relative, "score": score}
                    )
                    if fold == 0:
                        shown.add(label, size, rebuilt, codes[test])
                    bar.update()
    first_test = folds[0][1]
    columns = ["n_components", "estimator", "fold", "error", "relative_error"]
    columns += ["variance", "score", "fit_seconds", "transform_seconds"]
    return Comparison(
        frame=pd.DataFrame(records)[columns],
        raw_score=float(np.mean(raw_scores)),
        score_name=score_name,
        name=name,
        image_shape=image_shape,
        original=X[first_test[:_N_PICTURES]],
        reconstructions=shown.reconstructions,
        codes=shown.codes,
        labels=None if y is None else y[first_test[:_MOST_POINTS]],
    )


class _Shown:
    """What the pictures show: some reconstructions, and codes of two components."""

    def __init__(self, sizes: list[int]) -> None:
        self.size = _middle(sizes)
        self.reconstructions: dict[str, np.ndarray] = {}
        self.codes: dict[str, np.ndarray] = {}

    def add(self, name: str, size: int, rebuilt: np.ndarray, codes: np.ndarray) -> None:
        if size == self.size:
            self.reconstructions[name] = rebuilt[:_N_PICTURES]
        if size == 2:
            self.codes[name] = codes[:_MOST_POINTS]


def _middle(sizes: list[int]) -> int:
    return sizes[len(sizes) // 2]


def _named(estimators) -> dict[str, BaseEstimator]:
    """Return the estimators by name, PCA first."""
    if estimators is None:
        estimators = [cls() for cls in _library_estimators()]
    if not isinstance(estimators, dict):
        estimators = {type(model).__name__: model for model in estimators}
    return {"PCA": PCA()} | {k: v for k, v in estimators.items() if k != "PCA"}


def _library_estimators() -> list[type[BaseAutoencoder]]:
    return [
        cls
        for cls in BaseAutoencoder.__subclasses__()
        if cls.__module__.startswith(__package__ + ".")
    ]


def _protocol(y, cv: int, random_state: int):
    """Return the name of the score, the linear model and the splitter that suit y."""
    kind = None if y is None else type_of_target(y)
    if kind in ("binary", "multiclass"):
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        return (
            "accuracy",
            probe,
            StratifiedKFold(cv, shuffle=True, random_state=random_state),
        )
    splitter = KFold(cv, shuffle=True, random_state=random_state)
    if y is None:
        return "accuracy", None, splitter
    if kind == "continuous":
        return "R2", make_pipeline(StandardScaler(), Ridge()), splitter
    raise ValueError(
        "y must hold one class or one number per row; got a target of type "
        f"{kind!r}. Pass one column."
    )


def _fitting_sizes(sizes: Sequence[int], n_features: int, n_rows: int) -> list[int]:
    limit = min(n_features, n_rows)
    fitting = sorted({int(size) for size in sizes if 1 <= size < limit})
    left_out = sorted(set(map(int, sizes)) - set(fitting))
    if not fitting:
        raise ValueError(
            "n_components must hold a code size of at least 1 and less than "
            f"min(n_features, n_training_rows) = {limit}; got {list(sizes)}."
        )
    if left_out:
        warnings.warn(
            f"Code sizes {left_out} are left out: a code must be smaller than "
            f"min(n_features, n_training_rows) = {limit}.",
            stacklevel=3,
        )
    return fitting


def _with_seed(template: BaseEstimator, n_components: int, seed: int) -> BaseEstimator:
    model = clone(template).set_params(n_components=n_components)
    if "random_state" in model.get_params():
        model.set_params(random_state=seed)
    return model


def _measure(
    model: BaseEstimator, X: np.ndarray, train: np.ndarray, test: np.ndarray
) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Fit, and return figures, the codes of all rows and rebuilt test rows."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        # That an autoencoder equals PCA is what the comparison is about to say.
        warnings.simplefilter("ignore", PCAFloorWarning)
        model.fit(X[train])
    fitted = time.perf_counter()
    test_codes = np.asarray(model.transform(X[test]))
    transformed = time.perf_counter()
    rebuilt = np.asarray(model.inverse_transform(test_codes))
    codes = np.empty((len(X), test_codes.shape[1]), dtype=test_codes.dtype)
    codes[test], codes[train] = test_codes, model.transform(X[train])
    error = np.mean((X[test] - rebuilt) ** 2, dtype=np.float64)
    spread = np.mean((X[test] - X[train].mean(axis=0)) ** 2, dtype=np.float64)
    record = {
        "error": error,
        "variance": 1 - error / spread,
        "fit_seconds": fitted - start,
        "transform_seconds": transformed - fitted,
    }
    return record, codes, rebuilt


def _probe_score(probe, codes: np.ndarray, X, y, train, test) -> float:
    """Return the score of a linear model on held-out codes."""
    if probe is None:
        return np.nan
    chosen = train[:_MOST_PROBE_ROWS]
    return clone(probe).fit(codes[chosen], y[chosen]).score(codes[test], y[test])


def _with_spread(mean: float, std: float, digits: str) -> str:
    return f"{mean:{digits}} ± {std:.1g}"


def _as_png(figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    import_pyplot().close(figure)
    return buffer.getvalue()


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; color: #1b1b1b; }}
table {{ border-collapse: collapse; font-size: 0.85rem; display: block;
  overflow-x: auto; }}
th, td {{ padding: 0.3rem 0.6rem; border: 0; border-bottom: 1px solid #ddd;
  text-align: right; }}
img {{ display: block; max-width: 100%; margin: 1.5rem 0; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
