"""Labels of which some are missing: which rows have one, and scores of those."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from ._validation import safe_indexing

__all__ = ["find_labelled", "labelled_rows", "labelled_scorer"]


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, or what pandas has for them."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, Real) and bool(value != value)


def find_labelled(
    y: Any, missing_label: Any, classes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return classes as an array, and which of its rows have one.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Classes, and marks.
    missing_label : object
        What marks rows without a label; None, NaN and pandas.NA stand for each other.
    classes : ndarray, default=None
        Those of a fitted classifier. -1 and 1 are the classes of a binary problem
        where they are these, or, in a fit, where y holds no others.

    Raises
    ------
    ValueError
        If values are missing that the mark does not stand for, or classes are no
        classes, or of several types.
    """
    is_numpy = isinstance(getattr(y, "dtype", None), np.dtype | None)
    y = column_or_1d(y if is_numpy else np.asarray(y, dtype=object), warn=True)
    if y.dtype == object:
        missing = np.array([is_missing(value) for value in y.tolist()], dtype=bool)
    else:
        missing = np.isnan(y) if y.dtype.kind == "f" else np.zeros(len(y), dtype=bool)
    if is_missing(missing_label):
        known = ~missing
    elif missing.any():
        raise ValueError(
            f"y must mark rows without a label by {missing_label!r}, which is "
            f"missing_label; got {missing.sum()} missing values, the first "
            f"{y[missing.argmax()]!r}. Set missing_label=None, which stands for None, "
            "NaN and pandas.NA."
        )
    else:
        known = _differ_from(y, missing_label, classes)
    if y.dtype == object and known.any():
        y = _as_one_type(y, known)
    _check_classes(y[known])
    return y, known


def _as_one_type(y: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return objects as numbers if all labels are numbers; marks are any of them."""
    if not all(isinstance(value, Real) for value in y[known].tolist()):
        return y
    y = y.copy()
    y[~known] = y[known][0]
    return np.array(y.tolist())


def _differ_from(y: np.ndarray, mark: Any, classes: np.ndarray | None) -> np.ndarray:
    """Return which values are no mark."""
    if y.dtype.kind == "U" and not isinstance(mark, str) and (y == str(mark)).any():
        raise ValueError(
            f"y must have the type object where {mark!r} marks unlabelled rows and "
            f"classes are strings; got the type {y.dtype} with the string "
            f"{str(mark)!r}. Set missing_label={str(mark)!r}, or use "
            "y.astype(object) and the number."
        )
    known = np.array([value != mark for value in y.tolist()], dtype=bool)
    if classes is not None:
        is_class = any(value == mark for value in classes.tolist())
    else:
        is_class = mark == -1 and set(y[known].tolist()) == {1}
    return np.ones(len(y), dtype=bool) if is_class else known


def _check_classes(classes: np.ndarray) -> None:
    if classes.dtype == object:
        kinds = {"text" if isinstance(v, str) else "number" for v in classes.tolist()}
        if len(kinds) > 1:
            text = next(v for v in classes.tolist() if isinstance(v, str))
            number = next(v for v in classes.tolist() if not isinstance(v, str))
            raise TypeError(
                "y must hold classes of one type, all strings or all numbers; got "
                f"{text!r} and {number!r}. If one of them marks rows without a label, "
                "set missing_label to it."
            )
    assert_all_finite(classes, input_name="y")
    check_classification_targets(classes)


def labelled_rows(known: np.ndarray, *arrays) -> list:
    """Return the rows that are labelled, of X, y and weights."""
    chosen = np.flatnonzero(known)
    return [None if a is None else safe_indexing(a, chosen) for a in arrays]


class _LabelledScorer:
    """A scorer that leaves rows without labels out."""

    def __init__(self, scorer: Callable, missing_label: Any) -> None:
        self.scorer = scorer
        self.missing_label = missing_label

    def __call__(self, estimator, X, y, sample_weight=None) -> float:
        """Return the score on the rows that have labels."""
        if is_missing(self.missing_label):
            table = np.asarray(y, dtype=object).reshape(len(y), -1).tolist()
            known = np.array([not any(map(is_missing, row)) for row in table], bool)
        else:
            classes = getattr(estimator, "classes_", None)
            _, known = find_labelled(y, self.missing_label, classes)
        X, y, weights = labelled_rows(known, X, y, sample_weight)
        if weights is None:
            return self.scorer(estimator, X, y)
        return self.scorer(estimator, X, y, sample_weight=weights)


def labelled_scorer(scoring: str | Callable, missing_label: Any = -1) -> Callable:
    """Return a scorer that leaves rows without labels out.

    Searches and cross-validation score on all rows of a fold. Where some of them have
    no label, scikit-learn's scorers take the mark for a class.

    Parameters
    ----------
    scoring : str or callable
        Name of one of scikit-learn's scorers, or a scorer.
    missing_label : int, float, str or None, default=-1
        What marks rows without a label in y. None stands for every missing value, as
        for regressors, whose y holds NaN.

    Returns
    -------
    scorer : callable
        Takes ``(estimator, X, y)``, for ``scoring=`` of scikit-learn's tools.

    See Also
    --------
    PretrainedClassifier : Whose own ``score`` does the same for accuracy.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_ae import DenoisingAE, PretrainedClassifier, labelled_scorer
    >>> X, y = load_digits(return_X_y=True)
    >>> few = np.where(np.arange(len(y)) % 5 == 0, y, -1)
    >>> ae = DenoisingAE(16, max_iter=10)
    >>> model = PretrainedClassifier(ae, max_iter=20, random_state=0)
    >>> scorer = labelled_scorer("neg_log_loss")
    >>> bool(cross_val_score(model, X, few, cv=2, scoring=scorer).mean() > -1)
    True
    """
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    return _LabelledScorer(scorer, missing_label)
