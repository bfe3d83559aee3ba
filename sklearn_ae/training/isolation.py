"""A guest in the program: what torch has to be while the library computes.

The program around may have set torch's modes to its own needs, may run calls in several
threads, and may fork. Whatever the library computes, it computes within
:func:`isolated`, which leaves everything as it was.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from ..nn.randomness import RandomSource, drawing_from

__all__ = ["isolated"]

_DEVICE_TYPES = ("cpu", "cuda", "mps")


class _DefaultType:
    """Float32 as torch's default type, as long as a call of any thread is running.

    The default type belongs to the process, unlike the other modes, which belong to a
    thread. So the first call sets it, and the last one puts it back.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.n_calls = 0
        self.before = torch.float32

    def enter(self) -> None:
        """Count a call in."""
        with self.lock:
            if self.n_calls == 0:
                self.before = torch.get_default_dtype()
                self._set(torch.float32)
            self.n_calls += 1

    def leave(self) -> None:
        """Count a call out."""
        with self.lock:
            self.n_calls -= 1
            if self.n_calls == 0:
                self._set(self.before)

    def _set(self, dtype: torch.dtype) -> None:
        if self.before != torch.float32:
            torch.set_default_dtype(dtype)

    def forget_other_threads(self, n_calls: int) -> None:
        """Keep, in a forked child, the calls of the one thread that it has."""
        self.lock = threading.Lock()
        if self.n_calls > 0 and n_calls == 0:
            self._set(self.before)
        self.n_calls = n_calls


class _Thread(threading.local):
    """What is known of a thread."""

    n_calls: int = 0


_default_type = _DefaultType()
_thread = _Thread()
_has_computed = False


def _start_in_child() -> None:
    """Make torch usable in a forked child.

    torch's threads are not forked, and a child would wait for them for ever. Children
    of a program that has only imported the library are left alone.
    """
    if _has_computed:
        torch.set_num_threads(1)
    _default_type.forget_other_threads(_thread.n_calls)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_in_child)


@contextmanager
def isolated(seed: int | None = None) -> Iterator[None]:
    """Let torch be as the library needs it, in this thread and within a block.

    Gradients can be taken, nothing is cast, new tensors are of float32 and on the CPU,
    and draws come from generators of their own. It is also a decorator.

    Parameters
    ----------
    seed : int, default=None
        Seed of what is drawn. None draws nothing, or goes on with the generators of
        the block around.
    """
    global _has_computed
    _has_computed = True
    with ExitStack() as stack:
        _thread.n_calls += 1
        _default_type.enter()
        stack.callback(_leave)
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in _DEVICE_TYPES:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if seed is not None:
            stack.enter_context(drawing_from(RandomSource(seed)))
        yield


def _leave() -> None:
    _thread.n_calls -= 1
    _default_type.leave()
