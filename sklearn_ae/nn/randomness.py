"""Random numbers from generators of a call's own.

torch's global generators are neither read nor changed, so that calls in several threads
draw what they would draw alone. Layers of this library ask for the generator of the
call that runs in their thread. Initial weights of torch's layers, and whatever networks
and functions of the user draw, come from it by :func:`redirected_draws`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = [
    "RandomSource",
    "draw_states",
    "drawing_from",
    "find_generator",
    "may_draw",
    "normal_like",
    "redirected_draws",
    "set_draw_states",
    "uniform_like",
]

# torch's own layers that draw while a network is trained.
_DRAWING = (_DropoutNd, nn.RReLU, nn.RNNBase, nn.MultiheadAttention)
_KNOWN_PACKAGES = {"torch", __name__.partition(".")[0]}

# Held where an operation of torch can draw from the global generator alone.
_global_draws = threading.Lock()


class RandomSource:
    """Generators of one seed, one on each device.

    Parameters
    ----------
    seed : int
        Seed of all of them.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._generators: dict[str, torch.Generator] = {}

    def on(self, device: torch.device) -> torch.Generator:
        """Return the generator on a device."""
        key = str(device)
        if key not in self._generators:
            generator = torch.Generator(device=device)
            self._generators[key] = generator.manual_seed(self.seed)
        return self._generators[key]

    def states(self) -> dict[str, torch.Tensor]:
        """Return the states of the generators that were asked for, by device."""
        return {key: each.get_state() for key, each in self._generators.items()}

    def set_states(self, states: dict[str, torch.Tensor]) -> None:
        """Let the generators go on from given states."""
        for key, state in states.items():
            self.on(torch.device(key)).set_state(state)


class _Current(threading.local):
    """Where the call that runs in a thread draws from, and whether all of it does."""

    source: RandomSource | None = None
    is_redirected: bool = False


_current = _Current()


@contextmanager
def drawing_from(source: RandomSource) -> Iterator[None]:
    """Let layers draw from a source, in this thread and within a block."""
    before = _current.source
    _current.source = source
    try:
        yield
    finally:
        _current.source = before


def find_generator(device: torch.device) -> torch.Generator | None:
    """Return this thread's generator; None, torch's global one, outside of a call."""
    source = _current.source
    return None if source is None else source.on(device)


def draw_states() -> dict[str, torch.Tensor]:
    """Return the states of this thread's generators, by device."""
    return {} if _current.source is None else _current.source.states()


def set_draw_states(states: dict[str, torch.Tensor]) -> None:
    """Let this thread's generators go on from given states."""
    if _current.source is not None:
        _current.source.set_states(states)


def uniform_like(X: torch.Tensor) -> torch.Tensor:
    """Return numbers drawn evenly from [0, 1), in the shape and type of X."""
    generator = find_generator(X.device)
    return torch.rand(X.shape, generator=generator, dtype=X.dtype, device=X.device)


def normal_like(X: torch.Tensor) -> torch.Tensor:
    """Return standard normal numbers, in the shape and type of X."""
    generator = find_generator(X.device)
    return torch.randn(X.shape, generator=generator, dtype=X.dtype, device=X.device)


# ----------------------------------------------------- what others draw in their code


class _RedirectedDraws(TorchDispatchMode):
    """Hand this thread's generator to all operations that draw."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = {} if kwargs is None else kwargs
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        device = _find_device(args, kwargs)
        is_given = kwargs.get("generator") is not None
        if is_given or _current.source is None or device.type == "meta":
            return func(*args, **kwargs)
        generator = _current.source.on(device)
        taking = _with_generator(func)
        if taking is not None:
            return taking(*args, **{**kwargs, "generator": generator})
        with self:  # parts of the operation may take one
            result = func.decompose(*args, **kwargs)
        if result is not NotImplemented:
            return result
        return _draw_globally(func, args, kwargs, generator)


def _find_device(args: tuple, kwargs: dict[str, Any]) -> torch.device:
    if kwargs.get("device") is not None:
        return kwargs["device"]
    devices = (value.device for value in args if isinstance(value, torch.Tensor))
    return next(devices, torch.device("cpu"))


def _with_generator(func: Any) -> Any:
    """Return the form of an operation that takes a generator, if there is one."""
    wanted = _argument_names(func) | {"generator"}
    packet = func.overloadpacket
    forms = [func, *(getattr(packet, name) for name in packet.overloads())]
    return next((form for form in forms if _argument_names(form) == wanted), None)


def _argument_names(func: Any) -> set[str]:
    return {argument.name for argument in func._schema.arguments}


def _draw_globally(func: Any, args: tuple, kwargs: dict, generator: torch.Generator):
    """Seed torch's global generator for one operation, and put it back."""
    device = generator.device
    words = torch.empty((), dtype=torch.int64, device=device)
    seed = int(words.random_(generator=generator))
    devices = [device] if device.type == "cuda" else []
    with _global_draws, torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        return func(*args, **kwargs)


@contextmanager
def redirected_draws(active: bool = True) -> Iterator[None]:
    """Let whatever torch draws come from this thread's source, within a block.

    Outside of a call, which has no source, torch draws as ever.

    Parameters
    ----------
    active : bool, default=True
        False changes nothing.
    """
    if not active or _current.is_redirected:
        yield
        return
    _current.is_redirected = True
    try:
        with _RedirectedDraws():
            yield
    finally:
        _current.is_redirected = False


def may_draw(*modules: nn.Module) -> bool:
    """Return whether modules may draw in code that does not ask for a generator.

    Layers of this library ask, and torch's, but for a few, do not draw. To look at each
    operation would cost time there.
    """
    return any(_may_draw(part) for module in modules for part in module.modules())


def _may_draw(module: nn.Module) -> bool:
    package = type(module).__module__.partition(".")[0]
    return package not in _KNOWN_PACKAGES or isinstance(module, _DRAWING)
