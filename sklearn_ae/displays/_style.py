"""What all pictures share: matplotlib, its axes, and the colours."""

from __future__ import annotations

import importlib
from types import ModuleType

import numpy as np

__all__ = ["CLASS_COLORS", "PALETTE", "color_of", "import_pyplot", "ink", "make_axes"]

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


def color_of(name: str, names: list[str]) -> str:
    """Return grey for PCA and one colour of the palette for each other name."""
    if name == "PCA":
        return _BASELINE
    others = [other for other in names if other != "PCA"]
    return PALETTE[others.index(name) % len(PALETTE)]


def name_of(estimator, name: str | None = None) -> str:
    """Return the name under which an estimator is drawn."""
    return type(estimator).__name__ if name is None else name


def flat(X) -> np.ndarray:
    """Return rows with any axes as flat ones."""
    X = np.asarray(X)
    return X.reshape(len(X), -1)
