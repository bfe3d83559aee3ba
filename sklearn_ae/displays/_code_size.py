"""Error and score against the size of the code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted

from ._style import color_of, flat, ink, make_axes, name_of, require, styled

__all__ = ["CodeSizeDisplay"]


class CodeSizeDisplay:
    """Curves of one measure over code sizes, with a band for the spread.

    The band reaches from the lowest to the highest fold.

    Parameters
    ----------
    n_components : ndarray of shape (n_sizes,)
        Code sizes.
    curves : dict of str to ndarray of shape (n_folds, n_sizes)
        One array per estimator; ``"PCA"`` is drawn as the baseline.
    label : str
        Name of the measure, for the vertical axis.
    reference : tuple of (str, float), default=None
        Name and height of a horizontal line.
    log : bool, default=False
        Draw the vertical axis in logarithmic scale.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves, after :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : list of matplotlib Artist
        The curves, in the order of `curves`.

    See Also
    --------
    sklearn_ae.code_size_curve : Scores on held-out rows, with their spread.
    ActivityDisplay : What each value of a nested code adds.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ae.displays import CodeSizeDisplay
    >>> curves = {"PCA": np.array([[2.0, 1.0]]), "AE": np.array([[1.5, 0.6]])}
    >>> display = CodeSizeDisplay(np.array([2, 8]), curves, label="error")
    """

    def __init__(
        self,
        n_components: np.ndarray,
        curves: dict[str, np.ndarray],
        *,
        label: str,
        reference: tuple[str, float] | None = None,
        log: bool = False,
    ) -> None:
        self.n_components = n_components
        self.curves = curves
        self.label = label
        self.reference = reference
        self.log = log

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        n_components: Sequence[int] | None = None,
        name: str | None = None,
        ax=None,
        **line_kwargs,
    ) -> CodeSizeDisplay:
        """Draw how well a fitted nested code rebuilds rows at each of its sizes.

        For scores on held-out rows with their spread, and for pipelines, see
        :func:`~sklearn_ae.code_size_curve`.

        Parameters
        ----------
        estimator : object
            Fitted with ``nested=True`` or nested sizes.
        X : array-like of shape (n_samples, n_features)
            Rows to rebuild; best such as ``fit`` has not seen.
        n_components : sequence of int, default=None
            Sizes; None takes about 12 from 1 to the width of the code.
        name : str, default=None
            Name in the legend; None takes the name of the class.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_kwargs : dict
            Passed to ``Axes.plot``.

        Returns
        -------
        display : CodeSizeDisplay
            With the curve of a PCA that was fitted to `X` itself, which is the best
            that any linear code can do there.
        """
        check_is_fitted(estimator)
        require(estimator, "truncate", "one with nested codes")
        width = estimator.n_components_
        if n_components is None:
            sizes = np.unique(np.geomspace(1, width, 12).round().astype(int))
        else:
            sizes = np.asarray(n_components)
        ours = [estimator.truncate(int(size)).score(X) for size in sizes]
        rows = flat(X)
        if len(rows) < 2:
            raise ValueError(
                "X must hold at least two rows, whose variance is rebuilt; got "
                f"{len(rows)}. Pass all rows that fit has not seen."
            )
        pca = PCA(min(int(max(sizes)), *rows.shape)).fit(rows)
        shares = pca.explained_variance_ratio_.cumsum()
        pcas = shares[np.minimum(sizes, len(shares)) - 1]
        curves = {"PCA": pcas[None], name_of(estimator, name): np.array([ours])}
        label = "Share of the variance rebuilt"
        return cls(sizes, curves, label=label).plot(ax, **line_kwargs)

    def plot(self, ax=None, **line_kwargs) -> CodeSizeDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_kwargs : dict
            Passed to ``Axes.plot``.

        Returns
        -------
        self : CodeSizeDisplay
            With the artists as attributes.
        """
        ax = make_axes(ax)
        self.lines_ = []
        names = list(self.curves)
        for name, values in self.curves.items():
            values = np.atleast_2d(values)
            # Of an interrupted comparison some folds are missing at some sizes.
            known = ~np.isnan(values).all(axis=0)
            sizes, values = np.asarray(self.n_components)[known], values[:, known]
            mean, color = np.nanmean(values, axis=0), color_of(name, names)
            style = {"marker": "o", "linestyle": "--" if name == "PCA" else "-"}
            style |= {"color": color, "label": name}
            self.lines_ += ax.plot(sizes, mean, **styled(style, line_kwargs))
            low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
            ax.fill_between(sizes, low, high, color=color, alpha=0.2, lw=0)
        if self.reference is not None:
            name, height = self.reference
            ax.axhline(height, color=ink(), linestyle=":", label=name)
        ax.set(xlabel="Code size (number of components)", ylabel=self.label)
        ax.set_title(f"{self.label} against code size", fontsize="medium")
        ax.set_xscale("log", base=2)
        ax.set_xticks(self.n_components, [str(size) for size in self.n_components])
        ax.minorticks_off()
        if self.log:
            ax.set_yscale("log")
        ax.grid(alpha=0.3)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
