"""Codes in the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from ._style import (
    CLASS_COLORS,
    dense,
    import_pyplot,
    literal,
    make_axes,
    name_of,
    refuse_axes,
    styled,
)

__all__ = ["CodeDisplay"]

_MAX_CLASSES = 20
_MARKERS = ("o", "^")


class CodeDisplay:
    """Scatter plot of codes, coloured by class or by number.

    Ten classes have colours of their own, the next ten the same colours with another
    marker; more, and numbers, have a colour scale.

    Parameters
    ----------
    codes : array-like of shape (n_samples, n_components)
        Codes.
    labels : array-like of shape (n_samples,), default=None
        Classes, or numbers for a colour scale. Rows whose label is missing (NaN, None)
        are grey.
    name : str, default="codes"
        Title.
    projection : {"first", "pca", "pairs"}, default="first"
        Draw the first two components of the code, the two principal components of the
        code, or each pair of the first `n_pairs` components.
    n_pairs : int, default=4
        Number of components for ``"pairs"``.
    label : str, default="label"
        What the colours mean.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the points, after :meth:`plot`; for pairs the first of them.
    axes_ : ndarray of matplotlib Axes
        All axes.
    figure_ : matplotlib Figure
        Figure of the axes.
    points_ : list of matplotlib PathCollection
        The points, one collection per class and pair.

    See Also
    --------
    GenerationDisplay : Rows decoded over a code of two.
    ReconstructionDisplay : Rows beside what is rebuilt from codes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ae.displays import CodeDisplay
    >>> codes = np.random.RandomState(0).standard_normal((20, 3))
    >>> display = CodeDisplay(codes, np.arange(20) % 2, projection="pca").plot()
    >>> display.ax_.get_xlabel()
    'Principal component 1 of 3 codes'
    """

    def __init__(
        self,
        codes: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        name: str = "codes",
        projection: str = "first",
        n_pairs: int = 4,
        label: str = "label",
    ) -> None:
        self.codes = codes
        self.labels = labels
        self.name = name
        self.projection = projection
        self.n_pairs = n_pairs
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        projection: str = "first",
        n_pairs: int = 4,
        label: str = "label",
        name: str | None = None,
        ax=None,
        **scatter_kwargs,
    ) -> CodeDisplay:
        """Encode rows with a fitted transformer and draw their codes.

        Parameters
        ----------
        estimator : object
            Fitted, with ``transform``.
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,), default=None
            Classes or numbers.
        projection : {"first", "pca", "pairs"}, default="first"
            What to draw, see the class.
        n_pairs : int, default=4
            Number of components for ``"pairs"``.
        label : str, default="label"
            What the colours mean.
        name : str, default=None
            Name in the title; None takes the name of the class.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **scatter_kwargs : dict
            Passed to ``Axes.scatter``.

        Returns
        -------
        display : CodeDisplay
        """
        check_is_fitted(estimator)
        return cls(
            dense(estimator.transform(X)),
            None if y is None else np.asarray(y),
            name=name_of(estimator, name),
            projection=projection,
            n_pairs=n_pairs,
            label=label,
        ).plot(ax, **scatter_kwargs)

    def plot(self, ax=None, **scatter_kwargs) -> CodeDisplay:
        """Draw the codes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure, and so do pairs always.
        **scatter_kwargs : dict
            Passed to ``Axes.scatter``.

        Returns
        -------
        self : CodeDisplay
            With the artists as attributes.

        Raises
        ------
        ValueError
            If codes have only one component, or `projection` is another word.
        """
        codes, labels = dense(self.codes), self._check_labels()
        if codes.shape[1] < 2:
            raise ValueError(
                "codes must have at least 2 components to be drawn in a plane; got "
                f"{codes.shape[1]}. Fit with n_components=2."
            )
        self.points_: list[Any] = []
        if self.projection == "pairs":
            refuse_axes(ax, "pairs")
            self._plot_pairs(codes, labels, scatter_kwargs)
        elif self.projection in ("first", "pca"):
            self._plot_plane(codes, labels, ax, scatter_kwargs)
        else:
            raise ValueError(
                "projection must be 'first', 'pca' or 'pairs'; got "
                f"{self.projection!r}."
            )
        self.ax_ = self.axes_[0, 0]
        self.figure_ = self.ax_.figure
        return self

    def _check_labels(self) -> np.ndarray | None:
        """Return labels as one column, None where one is missing."""
        from pandas import isna

        if self.labels is None:
            return None
        labels = column_or_1d(self.labels)
        check_consistent_length(self.codes, labels)
        missing = isna(labels)
        if missing.any():
            labels = labels.astype(object)
            labels[missing] = None
        return labels

    def _plot_plane(self, codes: np.ndarray, labels, ax, scatter_kwargs: dict) -> None:
        is_own, ax = ax is None, make_axes(ax)
        axis = "Component {}"
        if self.projection == "pca":
            axis = f"Principal component {{}} of {codes.shape[1]} codes"
            if len(codes) < 2:
                raise ValueError(
                    "projection='pca' needs at least two rows; got "
                    f"{len(codes)}. Pass more, or projection='first'."
                )
            codes = PCA(2, random_state=0).fit_transform(codes)
        scale = self._scatter(ax, codes[:, :2], labels, scatter_kwargs)
        ax.set(xlabel=axis.format(1), ylabel=axis.format(2))
        if scale is not None:
            ax.figure.colorbar(scale, ax=ax, label=self.label)
        elif self.labels is not None:
            # A legend of its own place hides no points.
            legend = {"title": self.label, "markerscale": 2, "fontsize": 8}
            if is_own:
                ax.figure.legend(loc="outside right center", **legend)
            else:
                ax.legend(**legend)
        self.axes_ = np.array([[ax]])
        ax.set_title(self.name)

    def _plot_pairs(self, codes: np.ndarray, labels, scatter_kwargs: dict) -> None:
        if self.n_pairs < 2:
            raise ValueError(
                f"n_pairs must be at least 2 components; got {self.n_pairs}."
            )
        n = min(self.n_pairs, codes.shape[1])
        figure, self.axes_ = import_pyplot().subplots(
            n - 1,
            n - 1,
            figsize=(2.2 * (n - 1) + 1.2, 2.1 * (n - 1) + 0.4),
            squeeze=False,
            sharex="col",
            sharey="row",
            layout="constrained",
        )
        for (row, column), ax in np.ndenumerate(self.axes_):
            if column > row:
                ax.set_axis_off()
                continue
            pair = codes[:, [column, row + 1]]
            scale = self._scatter(ax, pair, labels, {"s": 4} | scatter_kwargs)
            if row == n - 2:
                ax.set_xlabel(f"Component {column + 1}")
            if column == 0:
                ax.set_ylabel(f"Component {row + 2}")
        handles, names = self.axes_[0, 0].get_legend_handles_labels()
        if handles:
            figure.legend(
                handles, names, loc="upper right", title=self.label, markerscale=3
            )
        if scale is not None:
            figure.colorbar(scale, ax=self.axes_, label=self.label)
        figure.suptitle(f"{self.name}: pairs of components")

    def _scatter(self, ax, pair: np.ndarray, labels, scatter_kwargs: dict):
        """Draw points by class, or return what a colour bar needs."""
        style = styled({"s": 12, "alpha": 0.8, "linewidth": 0}, scatter_kwargs)
        if labels is None:
            style = {"color": CLASS_COLORS[0]} | style
            self.points_.append(ax.scatter(*pair.T, **style))
            return None
        known = np.array([label is not None for label in labels])
        if not known.all():
            look = {"color": "#7F7F7F", "label": "none", "marker": "."} | style
            self.points_.append(ax.scatter(*pair[~known].T, **look))
            pair, labels = pair[known], np.array(labels[known].tolist())
        classes = np.unique(labels)
        if len(classes) <= _MAX_CLASSES:
            for index, name in enumerate(classes):
                cycle = len(CLASS_COLORS)
                look = {"color": CLASS_COLORS[index % cycle], "label": literal(name)}
                look |= {"marker": _MARKERS[index // cycle]} | style
                self.points_.append(ax.scatter(*pair[labels == name].T, **look))
            return None
        if not np.issubdtype(labels.dtype, np.number):
            labels = np.unique(labels, return_inverse=True)[1]
        style = {name: value for name, value in style.items() if name != "color"}
        points = ax.scatter(*pair.T, c=labels, **style)
        self.points_.append(points)
        return points
