"""What all pictures share: the import of matplotlib and the colours."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["PALETTE", "color_of", "import_pyplot"]

#: Okabe and Ito's colours, which colour-blind readers tell apart.
#: https://jfly.uni-koeln.de/color/
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
_BASELINE = "#7F7F7F"


def import_pyplot() -> ModuleType:
    """Import matplotlib.pyplot, or say which extra brings it."""
    try:
        return importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise ImportError(
            "drawing needs matplotlib; install it with pip install 'sklearn-ae[plot]'."
        ) from error


def color_of(name: str, names: list[str]) -> str:
    """Return grey for PCA and one colour of the palette for each other name."""
    if name == "PCA":
        return _BASELINE
    others = [other for other in names if other != "PCA"]
    return PALETTE[others.index(name) % len(PALETTE)]
