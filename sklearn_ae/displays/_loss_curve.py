"""The loss of each epoch, beside PCA's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._style import PALETTE, color_of, ink, make_axes, name_of, require, styled

__all__ = ["LossCurveDisplay"]


class LossCurveDisplay:
    """Loss of each epoch on training and validation rows, with PCA's as a line.

    Where losses fall by more than a factor of ten the axis is logarithmic.

    Parameters
    ----------
    train_loss : array-like of shape (n_epochs,)
        Mean loss per training row.
    validation_loss : array-like of shape (n_epochs,), default=None
        The same on validation rows; None or NaN without them.
    pca_loss : float, default=None
        PCA's loss on the same scale.
    best_iter : int, default=None
        Epoch whose state was kept; 0 is the start.
    name : str, default="Training"
        Title.
    label : str, default="Loss per row"
        Name and unit of the loss.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves, after :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : dict of str to matplotlib Line2D
        ``"train"``, and where there are such data ``"validation"``, ``"PCA"`` and
        ``"best"``.

    See Also
    --------
    CodeSizeDisplay : Error or score against the code size.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import AutoencoderTransformer
    >>> from sklearn_ae.displays import LossCurveDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> ae = AutoencoderTransformer(8, max_iter=10, random_state=0).fit(X)
    >>> display = LossCurveDisplay.from_estimator(ae)
    >>> sorted(display.lines_)
    ['PCA', 'best', 'train', 'validation']
    """

    def __init__(
        self,
        train_loss: Sequence[float],
        validation_loss: Sequence[float] | None = None,
        *,
        pca_loss: float | None = None,
        best_iter: int | None = None,
        name: str = "Training",
        label: str = "Loss per row",
    ) -> None:
        self.train_loss = train_loss
        self.validation_loss = validation_loss
        self.pca_loss = pca_loss
        self.best_iter = best_iter
        self.name = name
        self.label = label

    @classmethod
    def from_estimator(
        cls, estimator, *, name: str | None = None, ax=None, **line_kwargs
    ) -> LossCurveDisplay:
        """Draw the losses that a fitted estimator has recorded.

        Parameters
        ----------
        estimator : object
            Fitted estimator of this library.
        name : str, default=None
            Name in the title; None takes the name of the class.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_kwargs : dict
            Passed to ``Axes.plot`` for the two curves.

        Returns
        -------
        display : LossCurveDisplay
        """
        check_is_fitted(estimator)
        require(estimator, "loss_curve_", "one of this library")
        display = cls(
            estimator.loss_curve_,
            estimator.validation_loss_curve_,
            pca_loss=getattr(estimator, "pca_loss_", None),
            best_iter=getattr(estimator, "best_iter_", None),
            name=name_of(estimator, name),
            label=estimator.net_.loss_name,
        )
        return display.plot(ax, **line_kwargs)

    def plot(self, ax=None, **line_kwargs) -> LossCurveDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_kwargs : dict
            Passed to ``Axes.plot`` for the two curves.

        Returns
        -------
        self : LossCurveDisplay
            With the artists as attributes.

        Raises
        ------
        ValueError
            If there is no loss to draw.
        """
        if not np.isfinite(self.train_loss).any():
            raise ValueError(
                "train_loss must hold the loss of at least one epoch; got "
                f"{self.train_loss!r}. Fit with max_iter of at least 1."
            )
        ax = make_axes(ax)
        curves = {"train": self.train_loss, "validation": self.validation_loss}
        self.lines_ = {}
        for (name, losses), color in zip(curves.items(), PALETTE, strict=False):
            if losses is None or not np.isfinite(losses).any():
                continue
            epochs = np.arange(1, len(losses) + 1)
            style: dict[str, Any] = {"color": color, "label": name}
            if len(losses) < 30:
                style |= {"marker": "o", "markersize": 3}
            (self.lines_[name],) = ax.plot(epochs, losses, **styled(style, line_kwargs))
        if self.pca_loss is not None:
            style = {"color": color_of("PCA", []), "linestyle": "--"}
            self.lines_["PCA"] = ax.axhline(self.pca_loss, label="PCA", **style)
        if self.best_iter is not None:
            kept = self.best_iter
            style = {"color": ink(), "linestyle": ":", "linewidth": 1}
            label = f"kept: {f'epoch {kept}' if kept else 'the start'}"
            self.lines_["best"] = ax.axvline(kept, label=label, **style)
        ax.set(title=f"{self.name}: loss", xlabel="Epoch", ylabel=self.label)
        low, high = np.nanmin(self.train_loss), np.nanmax(self.train_loss)
        if low > 0 and high > 10 * low:
            ax.set_yscale("log")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(alpha=0.3)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
