"""What ends a fit from outside: Ctrl-C and SIGTERM.

Who would see it is a person at a prompt, or a program that must stop.
"""

from __future__ import annotations

import inspect
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Interrupt", "called_from_prompt", "signals_as_interrupts"]

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


class Interrupt(KeyboardInterrupt):
    """Raised by a signal, and so not by a callback that ends training."""


def _raise(signum: int, frame: object) -> None:
    raise Interrupt


@contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM raise an :class:`Interrupt` within a block.

    Only in the main thread, which alone sees signals, and only those for which the
    program has no handler of its own.
    """
    defaults = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
    }
    taken = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for signum, default in defaults.items():
                if signal.getsignal(signum) is default:
                    taken[signum] = default
                    signal.signal(signum, _raise)
        yield
    finally:
        for signum, handler in taken.items():
            signal.signal(signum, handler)
