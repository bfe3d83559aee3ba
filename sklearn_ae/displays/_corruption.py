"""Clean rows, corrupted ones, and what a denoiser makes of these."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._images import MAX_IMAGES, draw_image, find_image_shape, value_range
from ._rows import draw_rows
from ._style import (
    PALETTE,
    PASS_THE_STEP,
    check_same_shape,
    dense,
    flat,
    import_pyplot,
    ink,
    name_of,
    titled,
)

__all__ = ["CorruptionDisplay"]


class CorruptionDisplay:
    """Rows, the same rows corrupted, and restored.

    Images are drawn over each other, other rows as lines.

    Parameters
    ----------
    clean : array-like of shape (n_rows, n_features)
        Rows as they should be.
    corrupted : array-like of shape (n_rows, n_features)
        What the model saw.
    restored : array-like of shape (n_rows, n_features)
        What it made of it.
    image_shape : tuple of int, default=None
        ``(height, width)`` or ``(height, width, 3)`` of a row that is an image; None
        takes it from the axes of `clean`, and draws flat rows as lines.
    name : str, default="Denoiser"
        Title.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        Images: three lines of axes; other rows: one line per row.
    figure_ : matplotlib Figure
        Figure of the axes.

    See Also
    --------
    ReconstructionDisplay : Rows beside their reconstructions.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import DenoisingAE
    >>> from sklearn_ae.displays import CorruptionDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> ae = DenoisingAE(max_iter=10, random_state=0).fit(X)
    >>> display = CorruptionDisplay.from_estimator(ae, X[:6], image_shape=(8, 8))
    >>> display.axes_.shape
    (3, 6)
    """

    def __init__(
        self,
        clean: np.ndarray,
        corrupted: np.ndarray,
        restored: np.ndarray,
        *,
        image_shape: tuple[int, ...] | None = None,
        name: str = "Denoiser",
    ) -> None:
        self.clean = clean
        self.corrupted = corrupted
        self.restored = restored
        self.image_shape = image_shape
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        X_corrupted=None,
        *,
        image_shape: tuple[int, ...] | None = None,
        random_state=0,
        name: str | None = None,
        **kwargs,
    ) -> CorruptionDisplay:
        """Corrupt rows, restore them with a fitted estimator, and draw all three.

        Parameters
        ----------
        estimator : object
            Fitted ``DenoisingAE``; with `X_corrupted`, any transformer with
            ``inverse_transform``.
        X : array-like of shape (n_samples, n_features)
            Clean rows. Errors are those of all; the first 12 images are drawn, or the
            first 4 other rows.
        X_corrupted : array-like of shape (n_samples, n_features), default=None
            The same rows with noise; None takes the corruption that the estimator was
            trained with.
        image_shape : tuple of int, default=None
            Shape of a row that is an image; None takes it from the axes of X, or from
            a convolutional estimator.
        random_state : int, RandomState instance or None, default=0
            Decides the corruption.
        name : str, default=None
            Name in the title; None takes the name of the class.
        **kwargs : dict
            Passed to ``Axes.imshow`` for images, and to ``Axes.plot`` for other rows.

        Returns
        -------
        display : CorruptionDisplay
        """
        check_is_fitted(estimator)
        if X_corrupted is None:
            if not hasattr(estimator, "corrupt"):
                raise ValueError(
                    "X_corrupted must be given for an estimator that corrupts nothing "
                    f"itself; got None for {name_of(estimator)}. {PASS_THE_STEP}"
                )
            X_corrupted = estimator.corrupt(X, random_state=random_state)
            if hasattr(X, "iloc"):  # or the columns would miss their names
                X_corrupted = type(X)(X_corrupted, index=X.index, columns=X.columns)
        restored = estimator.inverse_transform(estimator.transform(X_corrupted))
        display = cls(
            dense(X),
            dense(X_corrupted),
            dense(restored),
            image_shape=find_image_shape(X, image_shape, estimator),
            name=name_of(estimator, name),
        )
        return display.plot(**kwargs)

    def plot(self, **kwargs) -> CorruptionDisplay:
        """Draw the rows in a new figure.

        Parameters
        ----------
        **kwargs : dict
            Passed to ``Axes.imshow`` for images, and to ``Axes.plot`` for other rows.

        Returns
        -------
        self : CorruptionDisplay
            With the artists as attributes.
        """
        title = f"{self.name}: clean, corrupted and restored rows"
        check_same_shape(self.clean, self.corrupted, "corrupted")
        check_same_shape(self.clean, self.restored, "restored")
        shape = find_image_shape(self.clean, self.image_shape)
        clean = flat(self.clean)
        axes = clean.shape if shape is not None else np.shape(self.clean)
        stages = {"clean": clean.reshape(axes)}
        for label, rows in (("corrupted", self.corrupted), ("restored", self.restored)):
            error = np.mean((flat(rows) - clean) ** 2)
            stages[f"{label}\nMSE {error:.2g}"] = flat(rows).reshape(axes)
        if shape is None:
            looks = (
                {"color": ink(), "lw": 2, "alpha": 0.5},
                {"color": PALETTE[1], "lw": 0.8, "alpha": 0.6},
                {"color": PALETTE[0], "lw": 1.2},
            )
            stages = {label.replace("\n", ", "): rows for label, rows in stages.items()}
            self.figure_, self.axes_ = draw_rows(stages, looks, kwargs, title)
        else:
            self._plot_images(stages, shape, title, **kwargs)
        return self

    def _plot_images(
        self, stages: dict[str, np.ndarray], shape: tuple, title: str, **image_kwargs
    ) -> None:
        clean = stages["clean"]
        n_shown = min(len(clean), MAX_IMAGES)
        self.figure_, self.axes_ = import_pyplot().subplots(
            3,
            n_shown,
            figsize=(0.9 * n_shown + 1.2, 3.2),
            squeeze=False,
            layout="constrained",
        )
        for axes, (label, rows) in zip(self.axes_, stages.items(), strict=True):
            for ax, row in zip(axes, rows, strict=False):
                draw_image(ax, row, shape, value_range(clean), **image_kwargs)
            axes[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
        self.figure_.suptitle(titled(title, n_shown, len(clean)), fontsize=10)
