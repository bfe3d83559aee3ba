"""Rows, their reconstructions, and what is wrong with these."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._images import MAX_IMAGES, draw_image, find_image_shape, value_range
from ._rows import draw_rows
from ._style import (
    check_same_shape,
    color_of,
    dense,
    flat,
    import_pyplot,
    ink,
    literal,
    make_axes,
    name_of,
    refuse_axes,
    styled,
    titled,
)

__all__ = ["ReconstructionDisplay"]

_MAX_COLUMNS = 60


class ReconstructionDisplay:
    """Rows beside their reconstructions.

    Images are drawn over their reconstructions and the errors of these; other rows as
    lines (spectra, signals), or, for tables, as one error per column.

    Parameters
    ----------
    original : array-like of shape (n_rows, n_features)
        Rows.
    reconstructions : dict of str to array-like of shape (n_rows, n_features)
        Reconstructions by the name of who made them.
    image_shape : tuple of int, default=None
        ``(height, width)`` or ``(height, width, 3)`` of a row that is an image; None
        takes it from the axes of `original`.
    feature_names : sequence of str, default=None
        Names of the columns.
    kind : {"images", "lines", "columns"}, default=None
        What to draw; None takes images where there is an image shape, columns for at
        most 60 features, and lines otherwise.
    errors : bool, default=False
        Draw the error below each reconstructed image.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        A line of axes for the originals and one or two per reconstruction, after
        :meth:`plot`; one line in all for rows that are no images.
    figure_ : matplotlib Figure
        Figure of the axes.

    See Also
    --------
    CorruptionDisplay : Clean, corrupted and restored rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ae.displays import ReconstructionDisplay
    >>> rows = np.random.RandomState(0).uniform(size=(5, 4))
    >>> display = ReconstructionDisplay(rows, {"PCA": rows / 2}, image_shape=(2, 2))
    >>> display.plot().axes_.shape
    (2, 5)
    """

    def __init__(
        self,
        original: np.ndarray,
        reconstructions: dict[str, np.ndarray],
        *,
        image_shape: tuple[int, ...] | None = None,
        feature_names: Sequence[str] | None = None,
        kind: str | None = None,
        errors: bool = False,
    ) -> None:
        self.original = original
        self.reconstructions = reconstructions
        self.image_shape = image_shape
        self.feature_names = feature_names
        self.kind = kind
        self.errors = errors

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        image_shape: tuple[int, ...] | None = None,
        kind: str | None = None,
        errors: bool = True,
        name: str | None = None,
        ax=None,
        **kwargs,
    ) -> ReconstructionDisplay:
        """Reconstruct rows with a fitted estimator and draw both.

        Parameters
        ----------
        estimator : object
            Fitted, with ``transform`` and ``inverse_transform``.
        X : array-like of shape (n_samples, n_features)
            The rows. Errors are those of all of them; the first 12 images are drawn,
            or the first 4 other rows.
        image_shape : tuple of int, default=None
            Shape of a row that is an image; None takes it from the axes of X, or from
            a convolutional estimator.
        kind : {"images", "lines", "columns"}, default=None
            What to draw, see the class.
        errors : bool, default=True
            Draw the error below each reconstructed image.
        name : str, default=None
            Name of the reconstructions; None takes the name of the class.
        ax : matplotlib Axes, default=None
            Where to draw columns; None makes a new figure.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        display : ReconstructionDisplay
        """
        check_is_fitted(estimator)
        rebuilt = estimator.inverse_transform(estimator.transform(X))
        return cls.from_predictions(
            X,
            {name_of(estimator, name): rebuilt},
            image_shape=find_image_shape(X, image_shape, estimator),
            kind=kind,
            errors=errors,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        X,
        X_reconstructed,
        *,
        image_shape: tuple[int, ...] | None = None,
        kind: str | None = None,
        errors: bool = True,
        ax=None,
        **kwargs,
    ) -> ReconstructionDisplay:
        """Draw rows and reconstructions that were computed before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; the columns of a DataFrame name the features.
        X_reconstructed : array-like of shape (n_samples, n_features), or dict
            Reconstructions, or several by name.
        image_shape : tuple of int, default=None
            Shape of a row that is an image; None takes it from the axes of X.
        kind : {"images", "lines", "columns"}, default=None
            What to draw, see the class.
        errors : bool, default=True
            Draw the error below each reconstructed image.
        ax : matplotlib Axes, default=None
            Where to draw columns; None makes a new figure.
        **kwargs : dict
            Passed on to :meth:`plot`.

        Returns
        -------
        display : ReconstructionDisplay
        """
        if not isinstance(X_reconstructed, dict):
            X_reconstructed = {"reconstruction": X_reconstructed}
        names = getattr(X, "columns", None)
        display = cls(
            dense(X),
            {name: dense(rows) for name, rows in X_reconstructed.items()},
            image_shape=image_shape,
            feature_names=None if names is None else list(map(str, names)),
            kind=kind,
            errors=errors,
        )
        return display.plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs) -> ReconstructionDisplay:
        """Draw rows and reconstructions.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw columns; None makes a new figure. Must be None for images and
            lines, which need several axes.
        **kwargs : dict
            Passed to ``Axes.imshow`` (of images, not of their errors), ``Axes.bar`` or
            ``Axes.plot``, as befits `kind`.

        Returns
        -------
        self : ReconstructionDisplay
            With the artists as attributes.

        Raises
        ------
        ValueError
            If `kind` is not one of the three, there is no image shape for images, or
            one axes is given for several.
        """
        for name, rows in self.reconstructions.items():
            check_same_shape(self.original, rows, name)
        shape = find_image_shape(self.original, self.image_shape)
        original = flat(self.original)
        rebuilt = {name: flat(rows) for name, rows in self.reconstructions.items()}
        kind = self.kind
        if kind is None:
            few = original.shape[1] <= _MAX_COLUMNS
            kind = "images" if shape is not None else "columns" if few else "lines"
        if kind not in ("images", "lines", "columns"):
            raise ValueError(
                f"kind must be 'images', 'lines', 'columns' or None; got {kind!r}."
            )
        if kind == "images":
            if shape is None:
                raise ValueError(
                    "kind='images' needs image_shape=(height, width) or (height, width,"
                    f" 3) for flat rows; got rows of {original.shape[1]} values."
                )
            refuse_axes(ax, "images")
            self._plot_images(original, rebuilt, shape, **kwargs)
        elif kind == "lines":
            refuse_axes(ax, "lines")
            axes = np.shape(self.original)
            rebuilt = {name: rows.reshape(axes) for name, rows in rebuilt.items()}
            self._plot_lines(original.reshape(axes), rebuilt, **kwargs)
        else:
            self._plot_columns(original, rebuilt, ax, **kwargs)
        return self

    def _plot_images(
        self, original: np.ndarray, rebuilt: dict, shape: tuple[int, ...], **kwargs
    ) -> None:
        lines: list[tuple[str, np.ndarray, tuple | None]] = [
            ("original", original, value_range(original))
        ]
        most = max(np.abs(rows - original).max() for rows in rebuilt.values())
        for name, rows in rebuilt.items():
            error = np.mean((rows - original) ** 2)
            lines.append((f"{name}\nMSE {error:.2g}", rows, value_range(original)))
            if self.errors:
                lines.append(("error", rows - original, None))
        n_lines, n_columns = len(lines), min(len(original), MAX_IMAGES)
        self.figure_, self.axes_ = import_pyplot().subplots(
            n_lines,
            n_columns,
            figsize=(0.9 * n_columns + 1.6, 0.95 * n_lines + 0.4),
            squeeze=False,
            layout="constrained",
        )
        scale = None
        for axes, (label, rows, limits) in zip(self.axes_, lines, strict=True):
            for ax, row in zip(axes, rows, strict=False):
                if limits is not None:
                    draw_image(ax, row, shape, limits, **kwargs)
                    continue
                # Colours cannot show the sign of three channels at once.
                error = row.reshape(shape)
                error = error.mean(axis=2) if len(shape) == 3 else error
                scale = ax.imshow(error, cmap="PuOr_r", vmin=-most, vmax=most)
                ax.set(xticks=[], yticks=[])
            axes[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
        if scale is not None:
            bar = self.figure_.colorbar(scale, ax=self.axes_, shrink=0.8, aspect=30)
            bar.set_label("Error (units of X)", fontsize=8)
            bar.ax.tick_params(labelsize=8)
        title = titled("Images and their reconstructions", n_columns, len(original))
        self.figure_.suptitle(title, fontsize=10)

    def _plot_lines(self, original: np.ndarray, rebuilt: dict, **line_kwargs) -> None:
        looks = [{"color": ink(), "lw": 2, "alpha": 0.5}]
        names = list(rebuilt)
        for name in names:
            dash = "--" if name == "PCA" else "-"
            looks.append({"color": color_of(name, names), "lw": 1.2, "ls": dash})
        versions = {"original": original, **rebuilt}
        self.figure_, self.axes_ = draw_rows(
            versions, looks, line_kwargs, "Rows and their reconstructions"
        )
        if self.feature_names is not None and original.shape[1] <= _MAX_COLUMNS:
            positions = np.arange(original.shape[1])
            last = self.axes_[-1, 0]
            names = list(map(literal, self.feature_names))
            last.set_xticks(positions, names, rotation=45, ha="right")

    def _plot_columns(
        self, original: np.ndarray, rebuilt: dict, ax=None, **bar_kwargs
    ) -> None:
        n_features = original.shape[1]
        ax = make_axes(ax, figsize=(min(12, 3 + 0.3 * n_features), 4))
        positions, width = np.arange(n_features), 0.8 / len(rebuilt)
        if len(original) < 2:
            raise ValueError(
                "kind='columns' needs at least two rows, whose columns vary; got "
                f"{len(original)}. Pass all held-out rows, or kind='lines'."
            )
        spread = original.std(axis=0)
        # What varies by rounding only does not vary, and has no bar.
        rounding = 10 * np.finfo(original.dtype).eps * np.abs(original).max(axis=0)
        spread[spread <= rounding] = np.nan
        for index, (name, rows) in enumerate(rebuilt.items()):
            errors = np.sqrt(np.mean((rows - original) ** 2, axis=0)) / spread
            left = positions + (index - (len(rebuilt) - 1) / 2) * width
            style = {"color": color_of(name, list(rebuilt)), "label": name}
            ax.bar(left, errors, **styled({"width": width} | style, bar_kwargs))
        are_named = self.feature_names is not None
        names = list(map(str, positions))
        if self.feature_names is not None:
            names = list(map(literal, self.feature_names))
        turn = {"rotation": 45, "ha": "right"} if are_named else {}
        step = 1 if are_named else -(-n_features // 20)
        ax.set_xticks(positions[::step], names[::step], **turn)
        ax.axhline(1, color=ink(), linestyle=":", label="the column's mean")
        ax.set(
            title=f"Error of each column, {len(original)} rows",
            xlabel="Column",
            ylabel="RMSE / standard deviation",
        )
        ax.grid(axis="y", alpha=0.3)
        ax.legend()
        self.axes_, self.figure_ = np.array([[ax]]), ax.figure
