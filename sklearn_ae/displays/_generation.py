"""Rows that a model makes up."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm
from sklearn.utils.validation import check_is_fitted

from ._images import find_image_shape, tile
from ._style import PASS_THE_STEP, dense, import_pyplot, make_axes, name_of, styled

__all__ = ["GenerationDisplay"]

# The manifold is drawn between these quantiles of each of the two components.
_EDGE = 0.02


class GenerationDisplay:
    """Rows made from codes: samples, a grid over a code of two, or interpolations.

    Images are drawn as one large picture, other rows as lines.

    Parameters
    ----------
    rows : array-like of shape (n_lines, n_columns, n_features)
        Generated rows; for interpolations each line leads from one row to another.
        Signals of several channels have two axes instead of the last.
    image_shape : tuple of int, default=None
        ``(height, width)`` or ``(height, width, 3)`` of a row that is an image; None
        draws rows as lines.
    name : str, default="Model"
        Title.
    extent : tuple of float, default=None
        Quantiles at the left, right, bottom and top edge of a manifold, for its axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the rows, after :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the axes.
    image_ : matplotlib AxesImage
        The picture, where rows are images.
    lines_ : list of matplotlib Line2D
        The lines, where they are not.

    See Also
    --------
    CodeDisplay : Where rows lie in the code.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import VAE
    >>> from sklearn_ae.displays import GenerationDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = VAE(2, max_iter=10, random_state=0).fit(X)
    >>> display = GenerationDisplay.from_estimator(
    ...     vae, kind="manifold", n_columns=5, image_shape=(8, 8)
    ... )
    >>> display.rows.shape
    (5, 5, 64)
    """

    def __init__(
        self,
        rows: np.ndarray,
        *,
        image_shape: tuple[int, ...] | None = None,
        name: str = "Model",
        extent: tuple[float, float, float, float] | None = None,
    ) -> None:
        self.rows = rows
        self.image_shape = image_shape
        self.name = name
        self.extent = extent

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X=None,
        *,
        kind: str = "samples",
        n_lines: int | None = None,
        n_columns: int = 10,
        image_shape: tuple[int, ...] | None = None,
        random_state=0,
        name: str | None = None,
        ax=None,
        **kwargs,
    ) -> GenerationDisplay:
        """Let a fitted estimator make rows, and draw them.

        Parameters
        ----------
        estimator : object
            Fitted; a ``VAE`` for samples, any autoencoder for the others.
        X : array-like of shape (n_samples, n_features), default=None
            For interpolations the rows to connect, the first with the second, the third
            with the fourth, and so on; an odd last one is left out. For the manifold of
            codes that have no prior, rows whose codes it shall span.
        kind : {"samples", "manifold", "interpolation"}, default="samples"
            ``"samples"`` draws from the model, ``"manifold"`` decodes a grid over codes
            of two components, evenly spaced in probability, and ``"interpolation"``
            decodes straight lines between codes of rows.
        n_lines : int, default=None
            Lines of the picture; None takes 4 for samples, `n_columns` for the
            manifold, and one per pair of rows for interpolations.
        n_columns : int, default=10
            Rows per line.
        image_shape : tuple of int, default=None
            Shape of a row that is an image; None takes it from the axes of the training
            rows.
        random_state : int, RandomState instance or None, default=0
            Decides the samples.
        name : str, default=None
            Name in the title; None takes the name of the class.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to ``Axes.imshow``, or to ``Axes.plot`` for rows that are no images.

        Returns
        -------
        display : GenerationDisplay

        Raises
        ------
        ValueError
            If `kind` is another word, or what it needs is missing.
        """
        check_is_fitted(estimator)
        name, extent = name_of(estimator, name), None
        if kind == "samples":
            n_lines = 4 if n_lines is None else n_lines
            rows = _samples(estimator, n_lines * n_columns, random_state)
            name += ": samples"
        elif kind == "manifold":
            n_lines = n_columns if n_lines is None else n_lines
            rows, extent = _manifold(estimator, X, n_lines, n_columns)
            name += ": rows decoded over the code"
        elif kind == "interpolation":
            rows = _interpolations(estimator, X, n_lines, n_columns)
            name += ": from row to row"
        else:
            raise ValueError(
                f"kind must be 'samples', 'manifold' or 'interpolation'; got {kind!r}."
            )
        shape = find_image_shape(rows, image_shape, estimator)
        rows = np.asarray(rows)
        axes = rows.shape[1:] if shape is None else (estimator.n_features_in_,)
        rows = rows.reshape(-1, n_columns, *axes)
        return cls(rows, image_shape=shape, name=name, extent=extent).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs) -> GenerationDisplay:
        """Draw the rows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to ``Axes.imshow``, or to ``Axes.plot`` for rows that are no images.

        Returns
        -------
        self : GenerationDisplay
            With the artists as attributes.
        """
        rows = np.asarray(self.rows)
        n_lines, n_columns = rows.shape[:2]
        if self.image_shape is None:
            ax = make_axes(ax)
            colors = import_pyplot().get_cmap("viridis")(np.linspace(0, 0.9, n_columns))
            self.lines_ = []
            for line in rows:
                for row, color in zip(line, colors, strict=True):
                    style = styled({"color": color, "linewidth": 1}, kwargs)
                    self.lines_ += ax.plot(row, **style)
            ax.set(xlabel="Feature", ylabel="Value (units of X)")
            ax.grid(alpha=0.3)
        else:
            size = (min(10, 1 + 0.7 * n_columns), min(10, 0.8 + 0.7 * n_lines))
            ax = make_axes(ax, figsize=size)
            # What a model makes up has no exact black.
            low, high = np.quantile(rows, [0.05, 0.995])
            scaled = rows.reshape(n_lines * n_columns, -1) - low
            scaled = scaled / (high - low if high > low else 1)
            canvas = tile(scaled, self.image_shape, n_columns, gap=1.0)
            style = {"cmap": "gray", "vmin": 0, "vmax": 1, "extent": self.extent}
            if self.extent is not None:
                style["aspect"] = "auto"
            self.image_ = ax.imshow(canvas.clip(0, 1), **(style | kwargs))
            if self.extent is None:
                ax.set(xticks=[], yticks=[])
            else:
                for axis in (ax.xaxis, ax.yaxis):
                    axis.set_major_formatter("{x:.0%}")
                ax.set(xlabel="Component 1 (quantile)", ylabel="Component 2 (quantile)")
        ax.set_title(self.name)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _samples(estimator, n_samples: int, random_state) -> np.ndarray:
    if not hasattr(estimator, "sample"):
        raise ValueError(
            "kind='samples' needs a model to draw from, a VAE; got "
            f"{name_of(estimator)}, whose codes have no distribution. Use "
            f"kind='interpolation'. {PASS_THE_STEP}"
        )
    return estimator.sample(n_samples, random_state=random_state)


def _manifold(estimator, X, n_lines: int, n_columns: int):
    """Return rows decoded over a grid, from the top down, and the grid's edges."""
    width = len(estimator.get_feature_names_out())
    if width != 2:
        raise ValueError(
            "kind='manifold' needs a code of 2 components; got "
            f"{width}. Fit with n_components=2, or use "
            "kind='interpolation'."
        )
    across = np.linspace(_EDGE, 1 - _EDGE, n_columns)
    up = np.linspace(1 - _EDGE, _EDGE, n_lines)
    if X is not None:
        codes = dense(estimator.transform(X))
        grid = [np.quantile(codes[:, 0], across), np.quantile(codes[:, 1], up)]
    elif hasattr(estimator, "sample"):
        grid = [norm.ppf(across), norm.ppf(up)]
    else:
        raise ValueError(
            "kind='manifold' needs X where codes have no prior, to know where they "
            f"lie; got None for {type(estimator).__name__}. Pass the training rows."
        )
    points = np.stack(np.meshgrid(*grid), axis=-1).reshape(-1, 2)
    # Quantiles belong to the middles of rows, half a row from the edges.
    beside, above = ((1 - 2 * _EDGE) / max(n - 1, 1) / 2 for n in (n_columns, n_lines))
    extent = (_EDGE - beside, 1 - _EDGE + beside, _EDGE - above, 1 - _EDGE + above)
    return estimator.inverse_transform(points), extent


def _interpolations(estimator, X, n_lines: int | None, n_steps: int) -> np.ndarray:
    n_rows = 0 if X is None else np.shape(X)[0]
    if n_rows < 2:
        raise ValueError(
            "kind='interpolation' needs X with at least two rows to connect; got "
            f"{n_rows}. Pass X[:2], for example."
        )
    codes = dense(estimator.transform(X))
    n_pairs = len(codes) // 2
    n_pairs = n_pairs if n_lines is None else min(n_lines, n_pairs)
    starts, ends = codes[: 2 * n_pairs : 2], codes[1 : 2 * n_pairs : 2]
    share = np.linspace(0, 1, n_steps, dtype=codes.dtype)[None, :, None]
    points = (1 - share) * starts[:, None] + share * ends[:, None]
    return np.asarray(estimator.inverse_transform(points.reshape(-1, codes.shape[1])))
