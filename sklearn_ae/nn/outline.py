"""Networks without memory, whose shapes are known before they take any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from .arrays import as_tensor

__all__ = ["fill", "outline"]

Module = TypeVar("Module", bound=nn.Module)

# Operations that it takes to build a network: some, and so many for each weight.
_N_STEPS, _N_STEPS_PER_WEIGHT = 500, 50

_META = torch.device("meta")


class _Outlining(TorchDispatchMode):
    """Let tensors have shapes alone, and end what takes too many steps."""

    def __init__(self, n_steps: int) -> None:
        super().__init__()
        self.n_left = n_steps

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.n_left -= 1
        if self.n_left < 0:
            raise ValueError(
                "weights must be those of the network that they come with; got fewer "
                "weights than that has layers."
            )
        kwargs = dict(kwargs or {})
        if kwargs.get("device") is not None:
            kwargs["device"] = _META
        return func(*args, **kwargs)


def outline(build: Callable[[], Module], n_weights: int) -> Module:
    """Return a network whose weights have shapes and types, but no values.

    Parameters
    ----------
    build : callable
        Returns the network.
    n_weights : int
        Number of weights that it shall have, to which the number of operations in
        building it is limited.

    Raises
    ------
    ValueError
        If it is a much larger network.
    """
    steps = _N_STEPS + _N_STEPS_PER_WEIGHT * n_weights
    with torch.device(_META), _Outlining(steps):
        return build()


def fill(module: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Load weights into a network, which may be an outline.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    weights : mapping of str to ndarray
        As its ``state_dict`` has them.

    Raises
    ------
    ValueError
        If names, shapes or types are not those of the network; it takes no memory then.
    """
    wanted = {
        name: (tuple(value.shape), str(value.dtype).removeprefix("torch."))
        for name, value in module.state_dict().items()
    }
    found = {name: (v.shape, v.dtype.name) for name, v in weights.items()}
    if wanted != found:
        names = sorted(
            name
            for name in wanted.keys() | found.keys()
            if wanted.get(name) != found.get(name)
        )
        raise ValueError(
            "weights must have the names, shapes and types of the network's; "
            f"{names[0]} has {_describe(found, names[0])} instead of "
            f"{_describe(wanted, names[0])}."
        )
    _take_memory(module)
    module.load_state_dict({name: as_tensor(v) for name, v in weights.items()})


def _describe(weights: dict[str, tuple], name: str) -> str:
    shape, dtype = weights.get(name, (None, None))
    return "no values" if shape is None else f"the shape {shape} and type {dtype}"


def _take_memory(module: nn.Module) -> None:
    """Give tensors of an outline values; those that layers share stay shared."""
    made: dict[int, Any] = {}
    for part in module.modules():
        kept: tuple[dict, ...] = part._parameters, part._buffers
        for store in kept:
            for name, value in store.items():
                if value is not None and value.is_meta:
                    if id(value) not in made:
                        values = torch.empty_like(value, device="cpu")
                        is_weight = isinstance(value, nn.Parameter)
                        made[id(value)] = nn.Parameter(values) if is_weight else values
                    store[name] = made[id(value)]
