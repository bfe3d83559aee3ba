"""How much each unit of a code is used."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._style import PALETTE, PASS_THE_STEP, ink, make_axes, name_of, styled

__all__ = ["ActivityDisplay"]

_MAX_BARS = 64


class ActivityDisplay:
    """What each unit of a code contributes, in descending order.

    For :class:`~sklearn_ae.SparseAE` the share of rows in which it is active, for
    :class:`~sklearn_ae.VAE` its KL divergence from the prior, in nats, and for nested
    codes the share of the variance that it adds.

    Parameters
    ----------
    activity : array-like of shape (n_components,)
        One number per unit.
    unused : array-like of bool of shape (n_components,), default=None
        Units that are dead or inactive; drawn in another colour.
    name : str, default="Code"
        Title.
    label : str, default="Activity"
        Name and unit of the numbers.
    unused_label : str, default="unused"
        What to call those units.
    ordered : bool, default=False
        Keep the order of the code; otherwise units are sorted.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the bars, after :meth:`plot`.
    figure_ : matplotlib Figure
        Figure of the axes.
    bars_ : list of matplotlib artists
        The bars of used and of unused units.

    See Also
    --------
    FilterDisplay : What each unit draws.
    LossCurveDisplay : How training went.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import VAE
    >>> from sklearn_ae.displays import ActivityDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = VAE(8, max_iter=10, random_state=0).fit(X)
    >>> display = ActivityDisplay.from_estimator(vae)
    >>> display.label
    'KL divergence from the prior (nats)'
    """

    def __init__(
        self,
        activity: np.ndarray,
        unused: np.ndarray | None = None,
        *,
        name: str = "Code",
        label: str = "Activity",
        unused_label: str = "unused",
        ordered: bool = False,
    ) -> None:
        self.activity = activity
        self.unused = unused
        self.name = name
        self.label = label
        self.unused_label = unused_label
        self.ordered = ordered

    @classmethod
    def from_estimator(
        cls, estimator, *, name: str | None = None, ax=None, **bar_kwargs
    ) -> ActivityDisplay:
        """Draw what a fitted estimator has recorded of its code.

        Parameters
        ----------
        estimator : object
            Fitted ``SparseAE``, ``VAE``, or estimator with nested codes.
        name : str, default=None
            Name in the title; None takes the name of the class.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **bar_kwargs : dict
            Passed to ``Axes.bar``.

        Returns
        -------
        display : ActivityDisplay

        Raises
        ------
        ValueError
            If the estimator records nothing of the kind.
        """
        check_is_fitted(estimator)
        name, unused = name_of(estimator, name), None
        words: dict[str, Any] = {}
        if hasattr(estimator, "kl_per_component_"):
            activity = estimator.kl_per_component_
            n_inactive = len(activity) - estimator.n_active_components_
            unused = np.isin(np.arange(len(activity)), activity.argsort()[:n_inactive])
            words = {"label": "KL divergence from the prior (nats)"}
            words["unused_label"] = "inactive"
        elif hasattr(estimator, "mean_activity_"):
            activity = estimator.mean_activity_
            unused = np.isin(np.arange(len(activity)), estimator.dead_units_)
            is_mean = estimator.sparsity == "kl"
            words = {"label": "Mean activity" if is_mean else "Share of rows, active"}
            words["unused_label"] = "dead"
        elif hasattr(estimator, "explained_variance_ratio_"):
            activity = estimator.explained_variance_ratio_
            words = {"label": "Share of the variance added", "ordered": True}
        else:
            raise ValueError(
                "estimator must be a SparseAE, a VAE, or have nested codes, whose units"
                f" have an activity; got {name_of(estimator)}. Use CodeDisplay. "
                f"{PASS_THE_STEP}"
            )
        return cls(activity, unused, name=name, **words).plot(ax, **bar_kwargs)

    def plot(self, ax=None, **bar_kwargs) -> ActivityDisplay:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **bar_kwargs : dict
            Passed to ``Axes.bar``.

        Returns
        -------
        self : ActivityDisplay
            With the artists as attributes.
        """
        ax = make_axes(ax)
        activity = np.asarray(self.activity)
        unused = np.zeros(len(activity), dtype=bool)
        if self.unused is not None:
            unused = np.asarray(self.unused, dtype=bool)
        if not self.ordered:
            # Unused units at the end, whatever their activity.
            order = np.lexsort((-activity, unused))
            activity, unused = activity[order], unused[order]
        positions = np.arange(1, len(activity) + 1)
        self.bars_ = []
        for chosen, color, label in (
            (~unused, PALETTE[0], f"used: {(~unused).sum()}"),
            (unused, PALETTE[1], f"{self.unused_label}: {unused.sum()}"),
        ):
            # Gaps between very many bars would be all that one sees.
            width = 0.8 if len(activity) <= _MAX_BARS else 1.0
            style = {"color": color, "label": label, "width": width}
            if chosen.any():
                style = styled(style, bar_kwargs)
                self.bars_.append(ax.bar(positions[chosen], activity[chosen], **style))
        if unused.any():
            # Bars of nothing cannot be seen.
            ax.plot(
                positions[unused],
                activity[unused],
                color=PALETTE[1],
                linestyle="none",
                marker="x",
                markersize=4,
            )
        ax.axhline(0, color=ink(), linewidth=0.8)
        ax.set(title=f"{self.name}: {len(activity)} units", ylabel=self.label)
        ax.set_xlabel("Unit" if self.ordered else "Unit, the most used first")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(axis="y", alpha=0.3)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
