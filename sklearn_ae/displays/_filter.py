"""What each unit of a code draws, or looks for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._images import find_image_shape, tile
from ._style import dense, flat, literal, make_axes, name_of, require

__all__ = ["FilterDisplay"]

_MAX_NAMES = 60


class FilterDisplay:
    """One picture for each unit: what it draws, or the weights that feed it.

    The scale ends at the 99th percentile of the values, so that a few large ones do not
    leave the others pale.

    Parameters
    ----------
    filters : array-like of shape (n_filters, n_features)
        One row per unit. Zero is drawn in the middle of the colour scale.
    image_shape : tuple of int, default=None
        ``(height, width)`` or ``(height, width, 3)`` of a filter; None takes it from
        the axes of `filters`, and draws flat ones as lines of a heat map.
    name : str, default="Filters"
        Title.
    label : str, default="Weight"
        Name and unit of the values.
    feature_names : sequence of str, default=None
        Names of the features of filters that are no images.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with all filters, after :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the axes.
    image_ : matplotlib AxesImage
        The picture.

    See Also
    --------
    ActivityDisplay : How much each unit is used.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import SparseAE
    >>> from sklearn_ae.displays import FilterDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> ae = SparseAE(36, max_iter=10, random_state=0).fit(X)
    >>> display = FilterDisplay.from_estimator(ae, image_shape=(8, 8))
    >>> display.filters.shape
    (36, 64)
    """

    def __init__(
        self,
        filters: np.ndarray,
        *,
        image_shape: tuple[int, ...] | None = None,
        name: str = "Filters",
        label: str = "Weight",
        feature_names: Sequence[str] | None = None,
    ) -> None:
        self.filters = filters
        self.image_shape = image_shape
        self.name = name
        self.label = label
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X=None,
        *,
        kind: str = "decoder",
        n_filters: int = 64,
        image_shape: tuple[int, ...] | None = None,
        name: str | None = None,
        ax=None,
        **image_kwargs,
    ) -> FilterDisplay:
        """Draw what the units of a fitted estimator do.

        Parameters
        ----------
        estimator : object
            Fitted, with ``inverse_transform``; for ``kind="encoder"`` one of this
            library's.
        X : array-like of shape (n_samples, n_features), default=None
            Rows whose mean code is the point of departure, and whose codes' standard
            deviations are the steps. None departs from a code of zeros by steps of one.
        kind : {"decoder", "encoder"}, default="decoder"
            ``"decoder"`` draws how the reconstruction changes if one value of the code
            grows by a step; for linear decoders these are the columns of its weights.
            ``"encoder"`` draws the weights of the first layer of the encoder's network
            (kernels, averaged over input channels, for convolutions), or those of its
            linear layer where there is no network or the fit fell back to PCA.
        n_filters : int, default=64
            Units to draw: the first ones, or those whose change is largest where there
            are more.
        image_shape : tuple of int, default=None
            Shape of a row that is an image; None takes it from the axes of the training
            rows.
        name : str, default=None
            Name in the title; None takes the name of the class.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **image_kwargs : dict
            Passed to ``Axes.imshow``.

        Returns
        -------
        display : FilterDisplay

        Raises
        ------
        ValueError
            If `kind` is another word, or the encoder has no layer that sees rows.
        """
        check_is_fitted(estimator)
        require(estimator, "inverse_transform", "a transformer that can be inverted")
        name = name_of(estimator, name)
        if kind == "decoder":
            filters = _drawn_by_units(estimator, X)
            label = "Change of the reconstruction (units of X)"
            name += ": what each unit draws"
            image_shape = find_image_shape(filters, image_shape, estimator)
        elif kind == "encoder":
            filters, label = _first_weights(estimator), "Weight"
            name += ": weights of the first layer"
            if filters.ndim > 2:
                image_shape = filters.shape[1:]
            else:
                image_shape = find_image_shape(filters, image_shape, estimator)
        else:
            raise ValueError(f"kind must be 'decoder' or 'encoder'; got {kind!r}.")
        filters = flat(filters)
        if len(filters) > n_filters:
            largest = np.argsort(-np.square(filters).sum(axis=1), kind="stable")
            filters = filters[np.sort(largest[:n_filters])]
        display = cls(
            filters,
            image_shape=image_shape,
            name=name,
            label=label,
            feature_names=getattr(estimator, "feature_names_in_", None),
        )
        return display.plot(ax, **image_kwargs)

    def plot(self, ax=None, **image_kwargs) -> FilterDisplay:
        """Draw the filters.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **image_kwargs : dict
            Passed to ``Axes.imshow``.

        Returns
        -------
        self : FilterDisplay
            With the artists as attributes.
        """
        shape = find_image_shape(self.filters, self.image_shape)
        filters = flat(self.filters)
        # A few large values would leave the others pale.
        most = np.quantile(np.abs(filters), 0.99) or 1.0
        style = {"cmap": "PuOr_r", "vmin": -most, "vmax": most}
        ax = make_axes(ax)
        if "norm" in image_kwargs:
            style = {"cmap": style["cmap"]}
        if shape is None:
            style["aspect"] = "auto"
            self.image_ = ax.imshow(filters, **(style | image_kwargs))
            ax.set(xlabel="Feature", ylabel="Unit")
            ax.yaxis.get_major_locator().set_params(integer=True)
            if self.feature_names is not None and filters.shape[1] <= _MAX_NAMES:
                positions = range(filters.shape[1])
                names = list(map(literal, self.feature_names))
                ax.set_xticks(positions, names, rotation=45, ha="right")
        else:
            n_columns = int(np.ceil(np.sqrt(len(filters))))
            canvas = tile(filters, shape, n_columns, gap=np.nan)
            if len(shape) == 3:
                # Grey is no change.
                canvas = np.nan_to_num(0.5 + canvas / (2 * most), nan=1).clip(0, 1)
                style = {}
            self.image_ = ax.imshow(canvas, **(style | image_kwargs))
            ax.set(xticks=[], yticks=[], facecolor="gray")  # seen between pictures
            ax.set_xlabel(f"{len(filters)} units, line by line")
        if shape is None or len(shape) == 2:
            bar = ax.figure.colorbar(self.image_, ax=ax, shrink=0.8, extend="both")
            bar.set_label(self.label)
        ax.set_title(self.name)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _drawn_by_units(estimator, X) -> np.ndarray:
    """Return how reconstructions change with each unit, shape (n_units, ...)."""
    if X is None:
        width = len(estimator.get_feature_names_out())
        start = np.zeros(width, dtype=np.float32)
        steps = np.ones(width, dtype=np.float32)
    else:
        codes = dense(estimator.transform(X))
        start, steps = codes.mean(axis=0), codes.std(axis=0)
    moved = np.asarray(estimator.inverse_transform(start + np.diag(steps)))
    return moved - np.asarray(estimator.inverse_transform(start[None]))


def _first_weights(estimator) -> np.ndarray:
    """Return the weights of the first layer: rows, or images for kernels."""
    require(estimator, "module_", "an autoencoder of this library")
    encoder = estimator.module_.encoder
    is_pca = estimator.best_iter_ == 0 and not estimator.beats_pca_
    branch = getattr(encoder, "branch", None)
    if branch is not None:  # beside a linear layer
        encoder = encoder.linear if is_pca else branch
    for part in encoder.modules():
        weight = getattr(part, "weight", None)
        if weight is None or weight.ndim < 2:
            continue
        weight = weight.detach().cpu().float().numpy()
        if weight.ndim == 4:
            # From units, channels, height and width
            return weight.mean(axis=1)
        if weight.shape[1] == estimator.n_features_in_:
            return weight
    raise ValueError(
        "kind='encoder' needs an encoder with a dense or convolutional layer that sees "
        f"rows; got {type(encoder).__name__}. Use kind='decoder'."
    )
