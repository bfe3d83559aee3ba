"""Who would see a Ctrl-C: a person at a prompt, or a program that must stop."""

from __future__ import annotations

import inspect
import sys

__all__ = ["called_from_prompt"]

# A call may pass through these on its way from the prompt to ``fit``.
_TRANSPARENT = (
    "sklearn_ae",
    "sklearn.base",
    "sklearn.pipeline",
    "sklearn.utils",
    "joblib.memory",  # a Pipeline fits all steps but the last through its cache
)


# Fits many models: a Ctrl-C must end it, and not only one of its fits.
_COMPARISON = "sklearn_ae.comparison"


def called_from_prompt(*, by_comparison: bool = False) -> bool:
    """Return whether ``fit`` was called at a prompt, perhaps in a Pipeline.

    Only then is a fit that Ctrl-C ended early of use to somebody. Within a search,
    another library or a script the interrupt must go on.

    Parameters
    ----------
    by_comparison : bool, default=False
        Whether it is a comparison that was called, and not a fit.
    """
    if not hasattr(sys, "ps1"):
        return False
    frame = inspect.currentframe()
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith(_COMPARISON) and not by_comparison:
            return False
        if not any(name == t or name.startswith(t + ".") for t in _TRANSPARENT):
            return name == "__main__"
        frame = frame.f_back
    return False
