"""Two-dimensional codes."""

from __future__ import annotations

import numpy as np

from ._style import import_pyplot

__all__ = ["CodeDisplay"]


class CodeDisplay:
    """Scatter plot of the first two components of codes, coloured by label.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        Codes; the first two components are drawn.
    labels : ndarray of shape (n_samples,), default=None
        Classes, or numbers for a colour scale.
    name : str, default="codes"
        Title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the points, after :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the axes.
    points_ : list of matplotlib PathCollection
        The points, one collection per class.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ae.displays import CodeDisplay
    >>> display = CodeDisplay(np.zeros((3, 2)), np.array([0, 1, 1]), name="PCA")
    """

    _MOST_CLASSES = 20

    def __init__(
        self,
        codes: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        name: str = "codes",
    ) -> None:
        self.codes = codes
        self.labels = labels
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, X, y=None, ax=None, **kwargs) -> CodeDisplay:
        """Encode rows with a fitted transformer and draw their codes.

        Parameters
        ----------
        estimator : object
            Fitted, with ``transform``.
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,), default=None
            Labels.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to ``Axes.scatter``.

        Returns
        -------
        display : CodeDisplay
        """
        labels = None if y is None else np.asarray(y)
        codes = np.asarray(estimator.transform(X))
        return cls(codes, labels, name=type(estimator).__name__).plot(ax, **kwargs)

    def plot(self, ax=None, **scatter_kwargs) -> CodeDisplay:
        """Draw the codes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **scatter_kwargs : dict
            Passed to ``Axes.scatter``.

        Returns
        -------
        self : CodeDisplay
        """
        plt = import_pyplot()
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        if self.codes.shape[1] < 2:
            raise ValueError(
                "codes must have at least 2 components to be drawn in a plane; got "
                f"{self.codes.shape[1]}. Fit with n_components=2."
            )
        horizontal, vertical = self.codes[:, 0], self.codes[:, 1]
        style = {"s": 8, "alpha": 0.7, "linewidths": 0} | scatter_kwargs
        classes = [] if self.labels is None else np.unique(self.labels)
        if 0 < len(classes) <= self._MOST_CLASSES:
            colors = plt.get_cmap("tab10" if len(classes) <= 10 else "tab20").colors
            self.points_ = []
            for label, color in zip(classes, colors, strict=False):
                chosen = self.labels == label
                points = ax.scatter(
                    horizontal[chosen],
                    vertical[chosen],
                    **({"color": color, "label": str(label)} | style),
                )
                self.points_.append(points)
        else:
            values = self.labels
            if values is not None and not np.issubdtype(values.dtype, np.number):
                values = np.unique(values, return_inverse=True)[1]
            points = ax.scatter(horizontal, vertical, c=values, **style)
            self.points_ = [points]
            if self.labels is not None:
                ax.figure.colorbar(points, ax=ax, label="label")
        ax.set(title=self.name, xlabel="Component 1", ylabel="Component 2")
        self.ax_, self.figure_ = ax, ax.figure
        return self
