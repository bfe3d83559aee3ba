"""The comparison with PCA: who reconstructs better, by how much, in what time."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from itertools import product
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.multiclass import type_of_target

from .._autoencoder import AutoencoderTransformer
from .._conv import ConvAutoencoderTransformer
from .._denoising import DenoisingAE
from .._sparse import SparseAE
from .._validation import as_integers, check_groups
from .._variational import VAE
from ..base import BaseAutoencoder
from ..exceptions import InterruptedFitWarning, PCAFloorWarning, warn_user
from ..nn.nested import is_nested
from ..training.interrupt import called_from_prompt
from ..training.progress import progress_bar
from .result import ACTIVE_UNITS, Comparison

__all__ = ["compare", "compare_until_interrupted"]

# What is compared where nothing is named.
_ESTIMATORS = (
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    SparseAE,
    VAE,
)

# Rows on which the classifier of codes is trained: its ranking settles long before.
_MAX_PROBE_ROWS = 5000
_N_PICTURES = 10
_MAX_POINTS = 3000


def compare(
    X,
    y=None,
    estimators: dict[str, BaseEstimator] | Sequence[BaseEstimator] | None = None,
    n_components: int | Sequence[int] = (2, 8, 32),
    *,
    cv=3,
    groups=None,
    random_state: int = 0,
    name: str = "data",
    image_shape: tuple[int, ...] | None = None,
    verbose: int = 0,
) -> Comparison:
    """Compare estimators with PCA over code sizes, on held-out rows.

    Every estimator sees the same folds; errors are those of rows that it has not seen.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows, as they are: scale columns first if their units differ. Images may keep
        their axes, (n_samples, height, width) or (n_samples, height, width, channels).
    y : array-like of shape (n_samples,), default=None
        Labels; adds the score of a linear model on the codes (logistic regression, or
        ridge regression for a continuous y).
    estimators : dict of str to estimator, or sequence of estimators, default=None
        Transformers with ``n_components`` and ``inverse_transform``. None takes every
        estimator of the library with its defaults. Those with ``nested=True`` are
        fitted once per fold, with the largest size, and cut off for the others. PCA is
        always added; an entry named ``"PCA"`` takes its place as the baseline. Sparse
        codes are also compared in their default width with as many units *active* as
        PCA has components: "(active units)".
    n_components : int or sequence of int, default=(2, 8, 32)
        Code sizes. Those that are not below the number of features and of training
        rows are left out with a warning.
    cv : int or splitter, default=3
        Number of folds, at least 2; stratified by the classes of y. Or a splitter of
        scikit-learn, :class:`~sklearn.model_selection.TimeSeriesSplit` for example.
    groups : array-like of shape (n_samples,), default=None
        Groups of rows that depend on one another. They stay together in the folds, and
        where the library's estimators hold out rows.
    random_state : int, default=0
        Seed of the folds and the estimators.
    name : str, default="data"
        Name of the data, for titles.
    image_shape : tuple of int, default=None
        Shape of a row that is an image with values in [0, 1]; None takes it from the
        axes of X.
    verbose : int, default=0
        1 shows a progress bar on stderr.

    Returns
    -------
    comparison : Comparison
        Figures by size, estimator and fold; prints as a table with sentences. After
        Ctrl-C at a prompt, of the fits that were done.

    Raises
    ------
    ValueError
        If no code size fits the data or one is no integer, or if two estimators have
        the same name.

    See Also
    --------
    code_size_curve : Scores of a nested autoencoder at every size, also in pipelines.

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
    result, interrupted = compare_until_interrupted(
        X,
        y,
        estimators,
        n_components,
        cv=cv,
        groups=groups,
        random_state=random_state,
        name=name,
        image_shape=image_shape,
        verbose=verbose,
    )
    if interrupted:
        if result is None or not called_from_prompt(by_comparison=True):
            raise KeyboardInterrupt
        warn_user(
            "Ctrl-C ended the comparison; it holds the fits that were done.",
            InterruptedFitWarning,
        )
    return result


def compare_until_interrupted(
    X,
    y,
    estimators: dict[str, BaseEstimator] | Sequence[BaseEstimator] | None,
    n_components: int | Sequence[int],
    *,
    cv=3,
    groups=None,
    random_state: int,
    name: str,
    image_shape: tuple[int, ...] | None,
    verbose: int,
) -> tuple[Any, bool]:
    """Do what :func:`compare` does, and keep what is done when Ctrl-C comes.

    Returns
    -------
    comparison : Comparison or None
        None if it was interrupted before two estimators could be compared.
    interrupted : bool
        Whether Ctrl-C ended it.
    """
    if getattr(X, "ndim", 2) > 2:
        image_shape = tuple(X.shape[1:]) if image_shape is None else image_shape
        X = np.reshape(X, (len(X), -1))
    X = check_array(X, dtype=[np.float64, np.float32], input_name="X")
    if y is not None:
        y = np.asarray(y)
        check_consistent_length(X, y)
    if estimators is None:
        estimators = _library_estimators(image_shape)
    candidates = _candidates(_named(estimators))
    groups = check_groups(groups, X)
    protocol = _protocol(y, cv, groups, random_state)
    rng = np.random.RandomState(random_state)
    # Splitters sort the rows of a fold; what takes the first of them must not see a
    # table that is ordered by its labels.
    split = protocol[2].split(X, y, groups)
    folds = [tuple(map(rng.permutation, fold)) for fold in split]
    sizes = _fitting_sizes(n_components, X.shape[1], min(len(t) for t, _ in folds))
    done = _Done(sizes)
    try:
        parts = candidates, protocol[1], folds, random_state, verbose
        done.fit_all(X, y, groups, *parts)
        interrupted = False
    except KeyboardInterrupt:
        interrupted = True
    frame = done.frame(len(candidates))
    if frame is None:
        return None, interrupted
    first_test = folds[0][1]
    comparison = Comparison(
        frame=frame,
        raw_score=float(np.mean(done.raw_scores)),
        score_name=protocol[0],
        name=name,
        image_shape=image_shape,
        original=X[first_test[:_N_PICTURES]],
        reconstructions=done.shown.reconstructions,
        shown_size=done.shown.size,
        codes=done.shown.codes,
        labels=None if y is None else y[first_test[:_MAX_POINTS]],
    )
    return comparison, interrupted


class _Done:
    """What the fits of a comparison have come to so far."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes
        self.records: list[dict[str, Any]] = []
        self.raw_scores: list[float] = []
        self.shown = _Shown(sizes)

    def fit_all(
        self,
        X: np.ndarray,
        y: np.ndarray | None,
        groups: np.ndarray | None,
        candidates: dict[str, tuple[BaseEstimator, str]],
        probe,
        folds: list,
        random_state: int,
        verbose: int,
    ) -> None:
        """Fit each estimator at each size in each fold."""
        total = len(folds) * len(self.sizes) * len(candidates)
        with progress_bar(total, None, verbose, unit="fit") as bar:
            for fold, (train, test) in enumerate(folds):
                grouped, seed = None if groups is None else groups[train], random_state
                fits = _FitsOfFold(X[train], grouped, self.sizes, seed + fold)
                self.raw_scores.append(_probe_score(probe, X, X, y, train, test))
                for size, (label, (template, width)) in product(
                    self.sizes, candidates.items()
                ):
                    bar.set_postfix_str(f"{label}, {size} components, fold {fold + 1}")
                    model, seconds = fits.fit(label, template, width, size)
                    record, codes, rebuilt = _measure(model, X, train, test)
                    record["fit_seconds"] = seconds
                    record["score"] = _probe_score(probe, codes, X, y, train, test)
                    place = {"n_components": size, "estimator": label, "fold": fold}
                    self.records.append(place | record)
                    if fold == 0:
                        self.shown.add(label, size, rebuilt, codes[test])
                    bar.update()

    def frame(self, n_candidates: int) -> Any:
        """Return the frame of a comparison; None if there is nothing to compare.

        Where the last fold was interrupted, it is left out at that size, unless it is
        the only one.
        """
        import pandas as pd

        records = self.records
        n_last = len(records) % n_candidates
        if n_last and (n_last == 1 or records[-1]["fold"] > 0):
            records = records[:-n_last]
        if not records:
            return None
        frame = pd.DataFrame(records)
        # PCA is the first of each size and fold.
        cells = frame.groupby(["n_components", "fold"])["error"]
        pca_errors = cells.transform("first")
        relative = frame["error"] / pca_errors.where(pca_errors > 0)
        frame["relative_error"] = relative.fillna(1.0)
        columns = ["n_components", "estimator", "fold", "error", "relative_error"]
        columns += ["variance", "score", "fit_seconds", "transform_seconds"]
        return frame[columns]


class _FitsOfFold:
    """Fits of one fold; nested estimators are fitted once and then cut off."""

    def __init__(
        self, X: np.ndarray, groups: np.ndarray | None, sizes: list[int], seed: int
    ) -> None:
        self.X, self.groups, self.sizes, self.seed = X, groups, sizes, seed
        self.whole: dict[str, tuple[BaseEstimator, float]] = {}

    def fit(
        self, label: str, template: BaseEstimator, width: str, size: int
    ) -> tuple[BaseEstimator, float]:
        """Return the fitted estimator of a size, and its seconds of training."""
        if not is_nested(getattr(template, "nested", False)):
            return self._timed_fit(template, {width: size})
        if label not in self.whole:
            self.whole[label] = self._timed_fit(template, {width: max(self.sizes)})
        model, seconds = self.whole[label]
        return model.truncate(size), seconds / len(self.sizes)

    def _timed_fit(
        self, template: BaseEstimator, size: dict[str, int]
    ) -> tuple[BaseEstimator, float]:
        model = clone(template).set_params(**size)
        if "random_state" in model.get_params():
            model.set_params(random_state=self.seed)
        start = time.perf_counter()
        with warnings.catch_warnings():
            # That an autoencoder equals PCA is what the comparison is about to say.
            warnings.simplefilter("ignore", PCAFloorWarning)
            if self.groups is not None and isinstance(model, BaseAutoencoder):
                model.fit(self.X, groups=self.groups)
            else:
                model.fit(self.X)
        return model, time.perf_counter() - start


class _Shown:
    """What the pictures show: some reconstructions, and codes of two components."""

    def __init__(self, sizes: list[int]) -> None:
        self.size = sizes[len(sizes) // 2]
        self.reconstructions: dict[str, np.ndarray] = {}
        self.codes: dict[str, np.ndarray] = {}

    def add(self, name: str, size: int, rebuilt: np.ndarray, codes: np.ndarray) -> None:
        if size == self.size:
            self.reconstructions[name] = rebuilt[:_N_PICTURES]
        if size == 2 and codes.shape[1] == 2:
            self.codes[name] = codes[:_MAX_POINTS]


def _named(estimators) -> dict[str, BaseEstimator]:
    """Return the estimators by name, PCA first."""
    if not isinstance(estimators, dict):
        names = [type(model).__name__ for model in estimators]
        if len(set(names)) < len(names):
            raise ValueError(
                "estimators must have different names, and a sequence names them by "
                f"their classes; got {names}. Pass a dict of name to estimator."
            )
        estimators = dict(zip(names, estimators, strict=True))
    named = {"PCA": PCA()} | estimators
    if len(named) == 1:
        raise ValueError(
            "estimators must hold at least one estimator beside PCA; got "
            f"{list(estimators)}. Leave it out to compare all of the library."
        )
    return named


def _library_estimators(image_shape: tuple[int, ...] | None) -> list[BaseAutoencoder]:
    models = [cls() for cls in _ESTIMATORS]
    for model in models:
        if "image_shape" in model.get_params():
            model.set_params(image_shape=image_shape)
    return models


def _protocol(y, cv, groups: np.ndarray | None, random_state: int):
    """Return the name of the score, the linear model and the splitter that suit y."""
    kind = None if y is None else type_of_target(y)
    has_classes = kind in ("binary", "multiclass")
    splitter = cv
    if isinstance(cv, Integral):
        splitter = _make_splitter(
            int(cv), has_classes, groups is not None, random_state
        )
    if has_classes:
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        return "accuracy", probe, splitter
    if y is None:
        return "accuracy", None, splitter
    if kind == "continuous":
        return "R2", make_pipeline(StandardScaler(), Ridge()), splitter
    raise ValueError(
        "y must hold one class or one number per row; got a target of type "
        f"{kind!r}. Pass one column."
    )


def _make_splitter(n_folds: int, has_classes: bool, has_groups: bool, seed: int):
    """Return folds that suit classes and groups."""
    if has_groups and not has_classes:
        return GroupKFold(n_folds)
    kind = KFold
    if has_classes:
        kind = StratifiedGroupKFold if has_groups else StratifiedKFold
    return kind(n_folds, shuffle=True, random_state=seed)


def _fitting_sizes(
    asked: int | Sequence[int], n_features: int, n_rows: int
) -> list[int]:
    sizes = as_integers("n_components", asked)
    limit = min(n_features, n_rows)
    fitting = sorted({size for size in sizes if 1 <= size < limit})
    left_out = sorted(set(sizes) - set(fitting))
    if not fitting:
        raise ValueError(
            "n_components must hold a code size of at least 1 and less than "
            f"min(n_features, n_training_rows) = {limit}; got {sizes}."
        )
    if left_out:
        warn_user(
            f"Code sizes {left_out} are left out: a code must be smaller than "
            f"min(n_features, n_training_rows) = {limit}.",
            UserWarning,
        )
    return fitting


def _candidates(
    named: dict[str, BaseEstimator],
) -> dict[str, tuple[BaseEstimator, str]]:
    """Return each estimator with the parameter that is its code size.

    A sparse code is compared at its width, and at the number of units that are active.
    """
    candidates = {}
    for label, model in named.items():
        candidates[label] = model, "n_components"
        if getattr(model, "sparsity", None) in ("topk", "batch_topk"):
            candidates[label + ACTIVE_UNITS] = model, "n_nonzero_coefs"
    return candidates


def _measure(
    model: BaseEstimator, X: np.ndarray, train: np.ndarray, test: np.ndarray
) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Return figures of a fitted model, the codes of all rows and rebuilt test rows."""
    start = time.perf_counter()
    test_codes = np.asarray(model.transform(X[test]))
    transformed = time.perf_counter()
    rebuilt = np.asarray(model.inverse_transform(test_codes))
    codes = np.empty((len(X), test_codes.shape[1]), dtype=test_codes.dtype)
    codes[test], codes[train] = test_codes, model.transform(X[train])
    if isinstance(model, BaseAutoencoder):
        # Before rebuilt rows are rounded to the type of X, which large offsets feel.
        error = -np.mean(model.score_samples(X[test]), dtype=np.float64)
    else:
        error = np.mean((X[test] - rebuilt) ** 2, dtype=np.float64)
    spread = np.mean((X[test] - X[train].mean(axis=0)) ** 2, dtype=np.float64)
    record = {
        "error": error,
        "variance": 1 - error / spread,
        "transform_seconds": transformed - start,
    }
    return record, codes, rebuilt


def _probe_score(probe, codes: np.ndarray, X, y, train, test) -> float:
    """Return the score of a linear model on held-out codes."""
    if probe is None:
        return np.nan
    chosen = train[:_MAX_PROBE_ROWS]
    return clone(probe).fit(codes[chosen], y[chosen]).score(codes[test], y[test])
