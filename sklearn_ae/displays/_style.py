"""What all pictures share: matplotlib, its axes, and the colours."""

from __future__ import annotations

import importlib
from math import prod
from types import ModuleType

import numpy as np

__all__ = [
    "CLASS_COLORS",
    "PALETTE",
    "PASS_THE_STEP",
    "check_same_shape",
    "color_of",
    "dense",
    "flat",
    "import_pyplot",
    "ink",
    "literal",
    "make_axes",
    "name_of",
    "refuse_axes",
    "require",
    "styled",
    "titled",
]

#: Okabe and Ito's colours, which colour-blind readers tell apart.
#: https://jfly.uni-koeln.de/color/
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
_BASELINE = "#7F7F7F"

#: Petroff's ten colours for ten classes, chosen for the same readers.
#: arXiv:2107.02270
CLASS_COLORS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)


def import_pyplot() -> ModuleType:
    """Import matplotlib.pyplot, or say which extra brings it."""
    try:
        return importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise ImportError(
            "drawing needs matplotlib; install it with pip install 'sklearn-ae[plot]'."
        ) from error


def make_axes(ax=None, **figure_kwargs):
    """Return the given axes, or those of a new figure."""
    plt = import_pyplot()
    if ax is not None:
        return ax
    _, ax = plt.subplots(layout="constrained", **figure_kwargs)
    return ax


def ink() -> str:
    """Return the colour of text, which is seen on light and on dark grounds."""
    return import_pyplot().rcParams["text.color"]


def literal(text) -> str:
    """Return text of the data, of which matplotlib must not take parts for formulas."""
    return str(text).replace("$", r"\$")


def color_of(name: str, names: list[str]) -> str:
    """Return grey for PCA and one colour of the palette for each other name."""
    if name == "PCA":
        return _BASELINE
    others = [other for other in names if other != "PCA"]
    return PALETTE[others.index(name) % len(PALETTE)]


def titled(title: str, n_shown: int, n_given: int) -> str:
    """Return a title that says so if only the first rows are drawn."""
    if n_shown == n_given:
        return title
    return f"{title} (the first {n_shown} of {n_given})"


def name_of(estimator, name: str | None = None) -> str:
    """Return the name under which an estimator is drawn."""
    return type(estimator).__name__ if name is None else name


def flat(X) -> np.ndarray:
    """Return rows with any axes as flat ones of a floating type."""
    X = dense(X)
    X = X if X.dtype.kind == "f" else X.astype(float)
    return X.reshape(len(X), -1)


def dense(X) -> np.ndarray:
    """Return an array, also of what is sparse."""
    return X.toarray() if hasattr(X, "toarray") else np.asarray(X)


#: What to do where a display is asked for more than a pipeline shows.
PASS_THE_STEP = "Of a pipeline pass the step, pipeline[-1] for example."

#: Short names of what lines and points look like.
_SHORT = {"c": "color", "ls": "linestyle", "lw": "linewidth", "ms": "markersize"}
_SHORT |= {"ec": "edgecolor", "fc": "facecolor", "linewidths": "linewidth"}


def styled(defaults: dict, given: dict) -> dict:
    """Return defaults with what the caller wants in their place, by either name."""
    return {
        _SHORT.get(name, name): value
        for style in (defaults, given)
        for name, value in style.items()
    }


def require(estimator, attribute: str, what: str) -> None:
    """Raise a ValueError if an estimator lacks what is to be drawn.

    Parameters
    ----------
    estimator : object
        Fitted estimator.
    attribute : str
        Attribute that it must have.
    what : str
        What has such an attribute, for the message.
    """
    if not hasattr(estimator, attribute):
        raise ValueError(
            f"estimator must be {what}; got {name_of(estimator)}. {PASS_THE_STEP}"
        )


def check_same_shape(rows, others, name: str) -> None:
    """Raise a ValueError unless two versions of rows have the same values, flat."""
    ours, theirs = (
        (shape[0], prod(shape[1:])) for shape in map(np.shape, (rows, others))
    )
    if ours != theirs:
        raise ValueError(
            f"{name} must hold the same rows, {ours[0]} of {ours[1]} values; got "
            f"{theirs[0]} of {theirs[1]}. Pass both versions of each row."
        )


def refuse_axes(ax, what: str) -> None:
    """Raise a ValueError if one axes is given for what needs several."""
    if ax is not None:
        raise ValueError(
            f"ax must be None for {what}, which make a figure of several axes; got "
            f"{type(ax).__name__}. Draw into the display's axes_ afterwards."
        )
