"""The state of a run between two epochs, as plain values and tensors."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import nn

from ..nn.randomness import draw_states, set_draw_states
from .checkpoint import BestState

__all__ = ["capture", "restore"]

# What every module has; its tensors and parts are taken by themselves.
_OF_ANY_MODULE = frozenset(vars(nn.Module()))


class _Unknown:
    """Stands for a value that is neither a number, a text nor a tensor."""


_UNKNOWN = _Unknown()


def capture(net: Any, best: BestState, n_before: int, stage: str) -> dict[str, Any]:
    """Return a copy of all that the rest of a run depends on.

    Parameters
    ----------
    net : AutoencoderNet
        Between two epochs.
    best : BestState
        Of its module.
    n_before : int
        Epochs in its history that came before the run.
    stage : {"training", "stopped", "finished"}
        Whether epochs may follow, and whether the module is in its best state.

    Returns
    -------
    state : dict
        Numbers, texts, tensors, and lists and dicts of them.
    """
    return {
        "stage": stage,
        "parts": [_state_of(part) for part in _parts(net)],
        "best": best.state(with_copies=stage != "finished"),
        "optimizer": _plain(net.optimizer_.state_dict()),
        "order": net.generator_.get_state(),
        "draws": draw_states(),
        "batch_size": net.batch_size,
        "n_done": net.n_done_,
        "n_restarts": net.n_restarts_,
        "callbacks": {name: _learned(callback) for name, callback in net.callbacks_},
        "history": _plain(list(net.history)[n_before:]),
    }


@torch.no_grad()
def restore(net: Any, best: BestState, n_before: int, state: dict[str, Any]) -> None:
    """Put a captured state back into a net that is about to start the same run."""
    for part, values in zip(_parts(net), state["parts"], strict=True):
        _set_state(part, values, torch.device(net.device))
    best.set_state(state["best"])
    if "optimizer" in state:  # only that of the last run is kept
        net.optimizer_.load_state_dict(state["optimizer"])
    net.generator_.set_state(state["order"])
    set_draw_states(state["draws"])
    net.batch_size = state["batch_size"]
    net.n_done_, net.n_restarts_ = state["n_done"], state["n_restarts"]
    net.history[n_before:] = state["history"]
    for name, callback in net.callbacks_:
        # Others may watch the fit now than when it began.
        _set_learned(callback, state["callbacks"].get(name, {}))


# ------------------------------------------------------------------------------ modules


def _parts(net: Any) -> Iterator[nn.Module]:
    """Yield the modules that take part in training, and those that they hold apart."""
    for root in (net.module_, net.criterion_):
        for part in root.modules():
            yield part
            for value in vars(part).values():
                for item in value if isinstance(value, list | tuple) else ():
                    if isinstance(item, nn.Module):
                        yield from item.modules()


def _tensors_of(part: nn.Module) -> dict[str, torch.Tensor]:
    own = part._parameters | part._buffers
    return {name: value for name, value in own.items() if value is not None}


def _state_of(part: nn.Module) -> dict[str, Any]:
    """Return the tensors of one module, and other values that it may count with."""
    values = {
        name: _plain(value)
        for name, value in vars(part).items()
        if name not in _OF_ANY_MODULE and _is_plain(value)
    }
    learning = [p.requires_grad for p in part.parameters(recurse=False)]
    return {
        "tensors": _plain(_tensors_of(part)),
        "values": values,
        "learning": learning,
    }


def _set_state(part: nn.Module, state: dict[str, Any], device: torch.device) -> None:
    for name, value in _tensors_of(part).items():
        value.copy_(state["tensors"][name])
    for name, value in state["values"].items():
        is_tensor = isinstance(value, torch.Tensor)
        vars(part)[name] = value.to(device) if is_tensor else value
    parameters = part.parameters(recurse=False)
    for parameter, learns in zip(parameters, state["learning"], strict=True):
        parameter.requires_grad_(learns)


# ---------------------------------------------------------------------------- callbacks


def _learned(callback: Any) -> dict[str, Any]:
    """Return what a callback has learned, whose names end in an underscore."""
    learned = {}
    for name, value in vars(callback).items():
        if name.endswith("_"):
            has_state = _has_state(value)
            learned[name] = {"state": value.state_dict()} if has_state else value
    return _plain(learned)


def _has_state(value: Any) -> bool:
    return hasattr(value, "load_state_dict") and not isinstance(value, type)


def _set_learned(callback: Any, learned: dict[str, Any]) -> None:
    for name, value in learned.items():
        present: Any = getattr(callback, name, None)
        if _has_state(present):
            present.load_state_dict(value["state"])
        else:
            vars(callback)[name] = value


# ------------------------------------------------------------------------- plain values


def _is_plain(value: Any) -> bool:
    """Return whether a value is as it was after it has been written and read."""
    if type(value) in (list, tuple):
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(map(_is_plain, [*value.keys(), *value.values()]))
    kinds = (str, Real, np.generic, torch.Tensor)
    return value is None or isinstance(value, kinds)


def _plain(value: Any) -> Any:
    """Return a copy that holds plain values alone, without what has none."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, dict):
        copies = {key: _plain(item) for key, item in value.items()}
        return {key: item for key, item in copies.items() if item is not _UNKNOWN}
    if isinstance(value, list | tuple):
        items = [_plain(item) for item in value]
        known = [item for item in items if item is not _UNKNOWN]
        return tuple(known) if isinstance(value, tuple) else known
    return _UNKNOWN
