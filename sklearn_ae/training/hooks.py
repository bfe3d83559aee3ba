"""A skorch callback that calls functions around each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skorch import NeuralNet
from skorch.callbacks import Callback

__all__ = ["around_epochs"]


class _EpochHooks(Callback):
    def __init__(self, begin: Callable, end: Callable) -> None:
        self.begin = begin
        self.end = end

    def on_epoch_begin(self, net: NeuralNet, **_) -> None:
        """Call the first function."""
        self.begin()

    def on_epoch_end(self, net: NeuralNet, **_) -> None:
        """Call the second one; if it is true, end training as skorch's callbacks do."""
        if self.end():
            raise KeyboardInterrupt


@contextmanager
def around_epochs(net: NeuralNet, begin: Callable, end: Callable) -> Iterator[None]:
    """Call functions around each epoch of a net; training ends if ``end()`` is true."""
    entry = "around_epochs", _EpochHooks(begin, end)
    net.callbacks_.append(entry)
    try:
        yield
    finally:
        net.callbacks_.remove(entry)
