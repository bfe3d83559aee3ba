"""Originals over their reconstructions."""

from __future__ import annotations

import numpy as np

from ._style import color_of, import_pyplot

__all__ = ["ReconstructionDisplay"]


class ReconstructionDisplay:
    """Rows over their reconstructions: pictures for images, lines for other rows.

    Parameters
    ----------
    original : ndarray of shape (n_rows, n_features)
        Rows.
    reconstructions : dict of str to ndarray of shape (n_rows, n_features)
        Reconstructions by the name of who made them.
    image_shape : tuple of int, default=None
        ``(height, width)`` or ``(height, width, 3)`` of a row that is an image with
        values in [0, 1].
    feature_names : list of str, default=None
        Names of the features of rows that are no images.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        A line of axes for the originals and one per reconstruction, after
        :meth:`plot`; one line in all for rows that are no images.
    figure_ : matplotlib Figure
        Figure of the axes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ae.displays import ReconstructionDisplay
    >>> rows = np.zeros((2, 4))
    >>> display = ReconstructionDisplay(rows, {"PCA": rows}, image_shape=(2, 2))
    """

    def __init__(
        self,
        original: np.ndarray,
        reconstructions: dict[str, np.ndarray],
        *,
        image_shape: tuple[int, ...] | None = None,
        feature_names: list[str] | None = None,
    ) -> None:
        self.original = original
        self.reconstructions = reconstructions
        self.image_shape = image_shape
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls, estimator, X, *, image_shape: tuple[int, ...] | None = None
    ) -> ReconstructionDisplay:
        """Reconstruct rows with a fitted estimator and draw both.

        Parameters
        ----------
        estimator : object
            Fitted, with ``transform`` and ``inverse_transform``.
        X : array-like of shape (n_samples, n_features)
            The rows to draw.
        image_shape : tuple of int, default=None
            Shape of a row that is an image.

        Returns
        -------
        display : ReconstructionDisplay
        """
        rebuilt = np.asarray(estimator.inverse_transform(estimator.transform(X)))
        rows = {type(estimator).__name__: rebuilt}
        return cls(np.asarray(X), rows, image_shape=image_shape).plot()

    def plot(self) -> ReconstructionDisplay:
        """Draw rows and reconstructions in a new figure.

        Returns
        -------
        self : ReconstructionDisplay
        """
        plt = import_pyplot()
        lines = {"original": self.original, **self.reconstructions}
        if self.image_shape is None:
            self._plot_lines(plt, lines)
        else:
            self._plot_images(plt, lines)
        return self

    def _plot_images(self, plt, lines: dict[str, np.ndarray]) -> None:
        shape = (len(lines), len(self.original))
        self.figure_, self.axes_ = plt.subplots(
            *shape,
            figsize=(0.9 * shape[1] + 1.2, 0.95 * shape[0] + 0.3),
            squeeze=False,
            layout="constrained",
        )
        for axes, (name, rows) in zip(self.axes_, lines.items(), strict=True):
            for ax, row in zip(axes, rows, strict=True):
                image = row.reshape(self.image_shape).clip(0, 1)
                ax.imshow(image, cmap="gray", vmin=0, vmax=1)
                ax.set(xticks=[], yticks=[])
            error = np.mean((rows - self.original) ** 2)
            label = name if rows is self.original else f"{name}\nMSE {error:.2g}"
            axes[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
        self.figure_.suptitle("Originals and their reconstructions", fontsize=10)

    def _plot_lines(self, plt, lines: dict[str, np.ndarray]) -> None:
        n_rows = min(4, len(self.original))
        self.figure_, self.axes_ = plt.subplots(
            n_rows, figsize=(7, 1.7 * n_rows + 0.6), squeeze=False, layout="constrained"
        )
        names = list(self.reconstructions)
        positions = np.arange(self.original.shape[1])
        for index, ax in enumerate(self.axes_[:, 0]):
            for name, rows in lines.items():
                color = "black" if name == "original" else color_of(name, names)
                width = 2 if name == "original" else 1.2
                ax.plot(positions, rows[index], color=color, lw=width, label=name)
            ax.set_ylabel(f"row {index + 1}")
            ax.grid(alpha=0.3)
        handles, labels = self.axes_[0, 0].get_legend_handles_labels()
        self.figure_.legend(
            handles, labels, loc="outside lower center", ncols=3, fontsize=8
        )
        if self.feature_names is not None and len(positions) <= 30:
            ax.set_xticks(positions, self.feature_names, rotation=45, ha="right")
        ax.set_xlabel("feature")
        self.figure_.suptitle("Rows and their reconstructions", fontsize=10)
