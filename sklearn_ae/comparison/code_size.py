"""The score at every code size, from one fit per fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.decomposition import PCA
from sklearn.metrics import check_scoring
from sklearn.model_selection import GroupKFold, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import indexable

from .._validation import as_integers, safe_indexing
from ..base import BaseAutoencoder
from ..displays import CodeSizeDisplay
from ..nn.nested import is_nested
from ..training.progress import track

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CodeSizeCurve", "code_size_curve"]


@dataclass
class CodeSizeCurve:
    """Result of :func:`~sklearn_ae.code_size_curve`.

    Shows as a table in notebooks.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per code size, estimator and fold. Columns: ``n_components``,
        ``estimator`` (the class of the autoencoder, or ``"PCA"``), ``fold`` and
        ``score`` (higher is better).
    score_name : str
        What the score is.
    name : str
        Class of the autoencoder.

    See Also
    --------
    code_size_curve : Makes it.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import AutoencoderTransformer, code_size_curve
    >>> X, _ = load_digits(return_X_y=True)
    >>> ae = AutoencoderTransformer(4, nested=True, max_iter=10, random_state=0)
    >>> curve = code_size_curve(ae, X, cv=2)
    >>> list(curve.summary().columns.levels[0])
    ['AutoencoderTransformer', 'PCA']
    """

    frame: pd.DataFrame = field(repr=False)
    score_name: str
    name: str

    def summary(self) -> pd.DataFrame:
        """Return mean and standard deviation of the scores over folds.

        Returns
        -------
        summary : pandas.DataFrame
            Indexed by code size; columns are pairs of an estimator and ``"mean"`` or
            ``"std"``.
        """
        groups = self.frame.groupby(["n_components", "estimator"])["score"]
        return (
            groups.agg(["mean", "std"]).unstack().swaplevel(axis=1).sort_index(axis=1)
        )

    @property
    def best_n_components(self) -> int:
        """Code size with the highest mean score."""
        return int(self.summary()[self.name, "mean"].idxmax())

    @property
    def smallest_n_components(self) -> int:
        """Smallest code size within a standard error of the best one."""
        scores = self.summary()[self.name]
        best = scores.loc[self.best_n_components]
        n_folds = self.frame["fold"].nunique()
        # A single fold has no spread.
        least = best["mean"] - np.nan_to_num(best["std"]) / np.sqrt(n_folds)
        return int(scores.index[scores["mean"] >= least][0])

    @property
    def _headline(self) -> str:
        return (
            f"Held-out {self.score_name}: best with {self.best_n_components} "
            f"components, within a standard error of it with "
            f"{self.smallest_n_components}."
        )

    def _repr_html_(self) -> str:
        table = self.summary().to_html(float_format="{:.4g}".format)
        return f"<p>{self._headline}</p>{table}"

    def __str__(self) -> str:
        """Print the table over the code sizes, and the best."""
        table = self.summary().to_string(float_format="{:.4g}".format)
        return f"{table}\n\n{self._headline}"

    def plot(self, ax=None, **line_kwargs) -> CodeSizeDisplay:
        """Draw score against code size, with PCA beside.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_kwargs : dict
            Passed to ``Axes.plot``.

        Returns
        -------
        display : CodeSizeDisplay
            The curves, drawn.
        """
        table = self.frame.pivot(
            index="fold", columns=["estimator", "n_components"], values="score"
        )
        curves = {name: table[name].to_numpy() for name in ("PCA", self.name)}
        sizes = np.unique(self.frame["n_components"])
        label = f"Held-out {self.score_name}"
        return CodeSizeDisplay(sizes, curves, label=label).plot(ax, **line_kwargs)


def code_size_curve(
    estimator: BaseEstimator,
    X,
    y=None,
    n_components: int | Sequence[int] | None = None,
    *,
    cv=None,
    groups=None,
    scoring=None,
    verbose: int = 0,
) -> CodeSizeCurve:
    """Score every code size on held-out rows, with one fit of networks per fold.

    The autoencoder is fitted once per fold with its whole code, and then cut off at
    each size. Steps after it in a pipeline, a classifier for one, are fitted for each
    size. The same is done with PCA in its place.

    Parameters
    ----------
    estimator : estimator or Pipeline
        An autoencoder with ``nested=True``, or a pipeline with one as a step. Its
        ``n_components`` is the largest size.
    X : array-like of shape (n_samples, n_features)
        Rows.
    y : array-like of shape (n_samples,), default=None
        Targets.
    n_components : int or sequence of int, default=None
        Sizes to score; None takes all from 1 to the width of the code.
    cv : int, splitter or iterable, default=None
        As in ``GridSearchCV``.
    groups : array-like of shape (n_samples,), default=None
        Groups of rows that depend on one another, for `cv` and for the rows that the
        autoencoder holds out. An integer or None as `cv` keeps them together.
    scoring : str or callable, default=None
        As in ``GridSearchCV``; None takes the estimator's own score, which for a bare
        autoencoder is the share of the variance that is reconstructed.
    verbose : int, default=0
        1 shows a progress bar on stderr.

    Returns
    -------
    curve : CodeSizeCurve
        Scores by size and fold, the best size, and a picture.

    Raises
    ------
    ValueError
        If there is not exactly one nested autoencoder, or it has fewer components
        than asked for.

    See Also
    --------
    compare : Several estimators, each fitted for each size.
    displays.CodeSizeDisplay : The picture.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import AutoencoderTransformer, code_size_curve
    >>> X, _ = load_digits(return_X_y=True)
    >>> ae = AutoencoderTransformer(4, nested=True, max_iter=20, random_state=0)
    >>> curve = code_size_curve(ae, X, cv=2)
    >>> curve.best_n_components
    4
    >>> curve.frame.groupby("estimator").size().to_dict()
    {'AutoencoderTransformer': 8, 'PCA': 8}
    """
    import pandas as pd

    steps = list(getattr(estimator, "steps", [("reduce", estimator)]))
    position = _find_nested(steps)
    name, largest = type(steps[position][1]).__name__, steps[position][1].n_components
    if isinstance(largest, Integral):
        _check_sizes(n_components, int(largest))  # before any fit
    X, y, groups = indexable(X, y, groups)
    if groups is not None and (cv is None or isinstance(cv, Integral)):
        cv = GroupKFold(5 if cv is None else int(cv))
    splitter = check_cv(cv, y, classifier=is_classifier(estimator))
    folds = list(splitter.split(X, y, groups))
    records = []
    for fold, (train, test) in enumerate(track(folds, "fold", verbose)):
        rows = [safe_indexing(X, train), None if y is None else safe_indexing(y, train)]
        head = Pipeline(
            [(key, clone(step, safe=False)) for key, step in steps[: position + 1]]
        )
        grouped = {}
        if groups is not None:
            grouped = {f"{head.steps[-1][0]}__groups": safe_indexing(groups, train)}
        head.fit(*rows, **grouped)
        unseen = [safe_indexing(data, test) for data in (X, y) if data is not None]
        sizes = _check_sizes(n_components, head[-1].n_components_)
        for size in sizes:
            pair = {name: head[-1].truncate(size), "PCA": _FlatPCA(size)}
            for label, reducer in pair.items():
                model = _complete(head, reducer, steps[position + 1 :], *rows)
                score = float(check_scoring(model, scoring)(model, *unseen))
                records.append((size, label, fold, score))
    columns = ["n_components", "estimator", "fold", "score"]
    frame = pd.DataFrame(records, columns=columns)
    # Where the width is found by a share of the variance, folds differ in it.
    n_folds = frame.groupby("n_components")["fold"].nunique()
    frame = frame[frame["n_components"].map(n_folds) == len(folds)]
    score_name = _score_name(estimator, scoring, bare=position == len(steps) - 1)
    return CodeSizeCurve(frame.reset_index(drop=True), score_name, name)


def _find_nested(steps: list[tuple[str, BaseEstimator]]) -> int:
    nested = [
        index
        for index, (_, step) in enumerate(steps)
        if isinstance(step, BaseAutoencoder)
        and is_nested(getattr(step, "nested", False))
    ]
    if len(nested) != 1:
        raise ValueError(
            "estimator must be, or have as a step, one autoencoder whose codes are "
            f"nested; got {len(nested)} of them in {[step for _, step in steps]!r}. "
            "Set nested=True."
        )
    return nested[0]


def _check_sizes(asked: int | Sequence[int] | None, largest: int) -> list[int]:
    if asked is None:
        return list(range(1, largest + 1))
    sizes = as_integers("n_components", asked)
    wrong = [size for size in sizes if not 1 <= size <= largest]
    if wrong or not len(sizes):
        raise ValueError(
            "n_components must hold sizes from 1 to the width of the nested code, "
            f"{largest}; got {sizes}. Give the autoencoder more n_components."
        )
    return sorted(set(sizes))


def _complete(head: Pipeline, reducer, tail: list, X, y) -> Pipeline:
    """Return a fitted pipeline with another reducer, and the steps that follow it."""
    before = head.steps[:-1]
    if before:
        X = Pipeline(before).transform(X)
    if isinstance(reducer, PCA):
        reducer.fit(X)
    steps = [*before, (head.steps[-1][0], reducer)]
    if tail:
        last = Pipeline([(key, clone(step, safe=False)) for key, step in tail])
        steps += last.fit(reducer.transform(X), y).steps
    return Pipeline(steps)


class _FlatPCA(PCA):
    """PCA of rows that may be images, with the score of our estimators."""

    def fit(self, X, y=None) -> _FlatPCA:
        return super().fit(_flat(X))

    def transform(self, X) -> np.ndarray:
        return super().transform(_flat(X))

    def score(self, X, y=None) -> float:
        """Return the share of the variance; PCA's own score is a likelihood."""
        rows = np.asarray(_flat(X))
        rebuilt = self.inverse_transform(self.transform(rows))
        return float(
            1 - np.square(rows - rebuilt).sum() / np.square(rows - self.mean_).sum()
        )


def _flat(X):
    return np.reshape(X, (len(X), -1)) if np.ndim(X) > 2 else X


def _score_name(estimator, scoring, *, bare: bool) -> str:
    if scoring is not None:
        return scoring if isinstance(scoring, str) else "score"
    if bare:
        return "share of the variance"
    return "accuracy" if is_classifier(estimator) else "score"
