"""Several displays beside each other, under one title and with one legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._style import import_pyplot

__all__ = ["GridDisplay"]


class GridDisplay:
    """Displays in one figure, as a :class:`~sklearn_ae.Comparison` draws them.

    Each display has an axes of its own; title and legend are those of all.

    Parameters
    ----------
    displays : sequence of displays
        Each draws into one axes: ``CodeSizeDisplay`` and ``CodeDisplay`` do.
    title : str, default=""
        Title of the figure.
    n_columns : int, default=3
        Axes beside each other, at least 1.
    legend : {"lower center", "right"}, default="lower center"
        Where the legend of all is, outside the axes.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure, after :meth:`plot`.
    axes_ : ndarray of matplotlib Axes
        The axes, one for each display.

    See Also
    --------
    Comparison.plot : Returns such a display.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_ae.displays import CodeDisplay, GridDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> codes = [PCA(2, whiten=w).fit_transform(X) for w in (False, True)]
    >>> display = GridDisplay([CodeDisplay(c, y) for c in codes], "iris").plot()
    >>> len(display.axes_)
    2
    """

    figure_: Any
    axes_: np.ndarray

    def __init__(
        self,
        displays: Sequence[Any],
        title: str = "",
        *,
        n_columns: int = 3,
        legend: str = "lower center",
    ) -> None:
        self.displays = displays
        self.title = title
        self.n_columns = n_columns
        self.legend = legend

    def plot(self, axes=None) -> GridDisplay:
        """Draw each display into an axes of its own.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, default=None
            One for each display; None makes a new figure with one legend for all.

        Returns
        -------
        self : GridDisplay
            With the figure and its axes.

        Raises
        ------
        ValueError
            If there is not one axes for each display.
        """
        n_displays = len(self.displays)
        if axes is not None:
            self.axes_ = np.atleast_1d(axes).ravel()
            if len(self.axes_) != n_displays:
                raise ValueError(
                    f"axes must hold one matplotlib Axes for each of {n_displays} "
                    f"displays; got {len(self.axes_)}. Leave it out to make a figure."
                )
        else:
            self.axes_ = self._make_axes(n_displays)
        for display, ax in zip(self.displays, self.axes_, strict=True):
            display.plot(ax)
        self.figure_ = self.axes_[0].figure
        if axes is None:
            self._share_legend()
        self.figure_.suptitle(self.title)
        return self

    def _make_axes(self, n_displays: int) -> np.ndarray:
        n_columns = min(self.n_columns, n_displays)
        n_lines = -(-n_displays // n_columns)
        _, axes = import_pyplot().subplots(
            n_lines,
            n_columns,
            figsize=(4.8 * n_columns, 4.4 * n_lines),
            squeeze=False,
            layout="constrained",
        )
        for ax in axes.flat[n_displays:]:
            ax.set_axis_off()
        return axes.flat[:n_displays]

    def _share_legend(self) -> None:
        """Show one legend for all, which hides no curve."""
        handles, names = self.axes_[-1].get_legend_handles_labels()
        if not handles:
            return
        for ax in self.axes_:
            ax.get_legend().remove()
        is_below = self.legend == "lower center"
        n_columns = 4 if is_below else 1
        self.figure_.legend(
            handles, names, loc=f"outside {self.legend}", ncols=n_columns
        )
