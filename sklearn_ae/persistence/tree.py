"""Objects as JSON and arrays, and back, by rules for each type that may occur."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator

from .._estimator import set_requests, state_to_keep
from ..nn.architectures import Architecture
from ..nn.recipe import are_equal
from .known import CLASSES, KINDS, OWN_KINDS, check_state

__all__ = ["Reader", "Writer"]

_MAX_DEPTH = 40

# Of arrays of strings, which have the width of the longest.
_MAX_CHARACTERS = 10**7

# Arrays of so few numbers are in the JSON; their names would be longer.
_MAX_INLINE = 4

# What set_output and set_callbacks of scikit-learn leave on an estimator.
_OUTPUT, _CALLBACKS = "_sklearn_output_config", "_skl_callbacks"

# Private attributes that belong to the state of an estimator.
_PRIVATE = ("_model", "_targets", "_metadata_request", _OUTPUT, _CALLBACKS)

# Of a search or a pipeline that an estimator is fitted by.
_PARENT = "_parent_callback_ctx"

# A parameter that files do not keep. A stranger could name any path in it.
_CHECKPOINT = "checkpoint"

# Types of arrays: those of numbers that safetensors knows.
_NUMBERS = {
    *("bool", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"),
}


class Writer:
    """Turns objects into JSON, and keeps arrays and what only the user has.

    Attributes
    ----------
    arrays : dict of str to ndarray
        By name.
    custom : dict of str to object
        What ``load`` has to be handed: functions, classes, objects of other libraries.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.custom: dict[str, Any] = {}
        self._names: dict[tuple, str] = {}

    def write(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """Return a value as JSON; the path names its arrays.

        Raises
        ------
        ValueError
            If it is nested too deeply, as what contains itself.
        """
        if len(path) > _MAX_DEPTH:
            raise ValueError(
                f"an estimator must hold objects that are nested at most {_MAX_DEPTH} "
                f"deep; got {'.'.join(path[:5])}... Leave out what contains itself."
            )
        if value is None or type(value) in (bool, int, str):
            return value
        for kind, write in self._rules():
            if isinstance(value, kind):
                return write(value, path)
        return self._write_object(value, path)

    def _rules(self) -> tuple[tuple[type, Callable], ...]:
        return (
            (np.ndarray, self._write_array),
            (np.generic, self._write_scalar),
            (bytes, lambda v, path: {"bytes": v.decode("latin-1")}),
            (float, self._write_float),
            (list, self._write_items),
            (tuple, lambda v, path: {"tuple": self._write_items(v, path)}),
            (dict, self._write_dict),
            (torch.device, lambda v, path: {"device": str(v)}),
            (np.random.RandomState, self._write_random_state),
        )

    def _write_float(self, value: float, path: tuple[str, ...]) -> Any:
        return float(value) if math.isfinite(value) else {"float": str(float(value))}

    def _write_items(self, values: Any, path: tuple[str, ...]) -> list:
        return [self.write(v, (*path, str(i))) for i, v in enumerate(values)]

    def _write_dict(self, value: dict, path: tuple[str, ...]) -> Any:
        pairs = [
            [self.write(key, path), self.write(part, (*path, str(key)))]
            for key, part in value.items()
        ]
        return {"dict": pairs}

    def _write_scalar(self, value: np.generic, path: tuple[str, ...]) -> Any:
        if isinstance(value, str):
            return str(value)
        return {"scalar": [value.dtype.name, self.write(value.item(), path)]}

    def _write_random_state(self, value: Any, path: tuple[str, ...]) -> Any:
        state: Any = value.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            raise ValueError(
                "random_state must be an integer, or a RandomState of NumPy's usual "
                f"bit generator, MT19937, to be kept in a file; got {value!r}. Pass "
                "an integer."
            )
        return {"random_state": self.write(value.get_state(legacy=True), path)}

    def _write_array(self, value: np.ndarray, path: tuple[str, ...]) -> Any:
        if value.dtype.kind in "OUS":
            values = self.write(value.ravel().tolist(), path)
            kind = "object" if value.dtype.kind == "O" else value.dtype.str
            return {"values": [kind, list(value.shape), values]}
        if value.size <= _MAX_INLINE:
            values = self.write(value.ravel().tolist(), path)
            return {"values": [value.dtype.name, list(value.shape), values]}
        value = np.ascontiguousarray(value).reshape(value.shape)
        value = value.astype(value.dtype.newbyteorder("="), copy=False)
        # What several parts share is written once.
        key = value.ctypes.data, value.shape, value.dtype.str
        if key not in self._names:
            name = _make_unique(".".join(path), self.arrays)
            self.arrays[name] = value
            self._names[key] = name
        return {"array": self._names[key]}

    def _write_object(self, value: Any, path: tuple[str, ...]) -> Any:
        kind = type(value)
        if isinstance(value, type) and CLASSES.get(value.__name__) is value:
            return {"class": value.__name__}
        if KINDS.get(kind.__name__) is kind:
            name = {"kind": kind.__name__}
        elif isinstance(value, OWN_KINDS):
            name = {"custom": self._name_custom(kind)}
        else:
            return {"custom": self._name_custom(value)}
        state = {
            key: self.write(part, (*path, key)) for key, part in _state(value).items()
        }
        return {"object": [name, state]}

    def _name_custom(self, value: Any) -> str:
        """Return the name under which a value has to be handed to ``load``."""
        for name, known in self.custom.items():
            if are_equal(known, value):
                return name
        named = value if hasattr(value, "__name__") else type(value)
        name = _make_unique(named.__name__, self.custom)
        self.custom[name] = value
        return name


class Reader:
    """Makes objects of what a :class:`Writer` has written; it calls nothing else.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        By name.
    custom : mapping of str to object
        What the user hands over.
    """

    def __init__(
        self, arrays: Mapping[str, np.ndarray], custom: Mapping[str, Any]
    ) -> None:
        self.arrays, self.custom = arrays, custom
        self.n_values = sum(array.size for array in arrays.values())
        self._rules: dict[str, Callable] = {
            "float": self._read_float,
            "tuple": lambda v, depth: tuple(self._read_items(v, depth)),
            "dict": self._read_dict,
            "bytes": lambda v, depth: v.encode("latin-1"),
            "scalar": self._read_scalar,
            "random_state": self._read_random_state,
            "array": lambda v, depth: self.arrays[v],
            "values": self._read_values,
            "device": lambda v, depth: torch.device(v),
            "class": lambda v, depth: CLASSES[v],
            "custom": lambda v, depth: self.custom[v],
            "object": self._read_object,
        }

    def read(self, value: Any, depth: int = 0) -> Any:
        """Return the object that a part of the JSON stands for.

        Raises
        ------
        ValueError, TypeError, LookupError and others
            If it stands for none.
        """
        if depth > 3 * _MAX_DEPTH:
            raise ValueError("objects are nested too deeply.")
        if isinstance(value, list):
            return self._read_items(value, depth)
        if not isinstance(value, dict):
            return value
        ((kind, content),) = value.items()
        return self._rules[kind](content, depth + 1)

    def _read_items(self, values: Any, depth: int) -> list:
        if not isinstance(values, list):
            raise TypeError("a sequence must be a list.")
        return [self.read(value, depth + 1) for value in values]

    def _read_float(self, value: Any, depth: int) -> float:
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[value]

    def _read_dict(self, pairs: Any, depth: int) -> Any:
        return {self.read(k, depth): self.read(v, depth) for k, v in pairs}

    def _read_scalar(self, value: Any, depth: int) -> np.generic:
        name, content = value
        if name not in _NUMBERS:
            raise ValueError(f"{name!r} is no type of numbers.")
        return np.dtype(name).type(self.read(content, depth))

    def _read_random_state(self, value: Any, depth: int) -> np.random.RandomState:
        state, wanted = np.random.RandomState(), self.read(value, depth)
        # NumPy would read memory at whatever position it is told.
        if wanted[0] != "MT19937" or not 0 <= wanted[2] <= len(wanted[1]):
            raise ValueError("a random state has no such position.")
        state.set_state(wanted)
        return state

    def _read_values(self, value: Any, depth: int) -> np.ndarray:
        kind, shape, content = value
        values = self._read_items(content, depth)
        if kind != "object" and kind not in _NUMBERS:
            width = int(kind[2:])
            is_tight = width <= max(map(len, values), default=1) or width == 1
            if kind[:2] not in ("<U", ">U", "|S") or not is_tight:
                raise ValueError(f"{kind!r} is no type of these strings.")
            if width * len(values) > _MAX_CHARACTERS:
                raise ValueError("an array of strings has too many characters.")
        array = np.empty(len(values), dtype=kind)
        array[:] = values
        return array.reshape(shape)

    def _read_object(self, value: Any, depth: int) -> Any:
        name, state = value
        kind = self._find_kind(name)
        state = {key: self.read(part, depth) for key, part in state.items()}
        check_state(kind, state, self.n_values)
        return _restore(kind, state)

    def _find_kind(self, name: dict[str, str]) -> Any:
        """Return the class that a file names, of the library or the user's own."""
        ((source, key),) = name.items()
        kind = {"kind": KINDS, "custom": self.custom}[source][key]
        if not isinstance(kind, type):
            raise TypeError(f"custom must hold the class {key} itself; got {kind!r}.")
        if source == "custom" and not issubclass(kind, OWN_KINDS):
            raise TypeError(f"{key} must be an estimator or an architecture.")
        return kind


def _state(value: Any) -> dict[str, Any]:
    """Return the attributes that an object can be restored from."""
    if isinstance(value, Architecture):
        return value.get_params()
    if is_dataclass(value) and not hasattr(type(value), "__setstate__"):
        return {part.name: getattr(value, part.name) for part in fields(value)}
    if isinstance(value, BaseEstimator) and type(value).__module__.startswith(
        "sklearn."
    ):
        return value.get_params(deep=False)
    if isinstance(value, BaseEstimator):
        return _state_of_estimator(value)
    if hasattr(type(value), "__setstate__"):
        return value.__getstate__()
    return state_to_keep(vars(value))


def _state_of_estimator(value: BaseEstimator) -> dict[str, Any]:
    state = value.__getstate__()
    state.pop(_PARENT, None)
    if _CHECKPOINT in state:  # a path means nothing elsewhere
        state[_CHECKPOINT] = None
    kind = type(value)
    unknown = [name for name in state if not _is_kept(kind, name)]
    if unknown:
        raise ValueError(
            f"attributes of {kind.__name__} must be parameters, or end in an "
            f"underscore and begin with none, to be saved; got {unknown[0]!r}."
        )
    return state


def _restore(kind: Any, state: dict[str, Any]) -> Any:
    """Return an object of a known class with a checked state."""
    if issubclass(kind, BaseEstimator):
        return _restore_estimator(kind, state)
    if hasattr(kind, "__setstate__"):
        restored = object.__new__(kind)
        restored.__setstate__(state)
        return restored
    if is_dataclass(kind) or issubclass(kind, Architecture):
        return kind(**state)
    restored = object.__new__(kind)
    _check_names(kind, [name for name in state if hasattr(kind, name)])
    vars(restored).update(state)
    set_requests(restored)
    return restored


def _restore_estimator(kind: Any, state: dict[str, Any]) -> Any:
    """Return an estimator; parameters that came later have their defaults."""
    _check_names(kind, [name for name in state if not _is_kept(kind, name)])
    if state.get(_CHECKPOINT) is not None:
        raise ValueError("a file must not name a checkpoint.")
    callbacks, output = state.pop(_CALLBACKS, ()), state.pop(_OUTPUT, {})
    params = state.keys() & set(kind._get_param_names())
    estimator = kind(**{name: state[name] for name in params})
    if state.keys() - params:
        estimator.__setstate__({**vars(estimator), **state})
    if callbacks:
        estimator.set_callbacks(*callbacks)
    if output:
        estimator.set_output(**output)
    return estimator


def _is_kept(kind: Any, name: str) -> bool:
    """Return whether a file keeps an attribute of an estimator."""
    if name in _PRIVATE or name in kind._get_param_names():
        return True
    is_public = name.endswith("_") and not name.startswith("_")
    return is_public and name.isidentifier() and not hasattr(kind, name)


def _check_names(kind: type, unknown: list[str]) -> None:
    if unknown:
        raise ValueError(f"{kind.__name__} has no parameter {sorted(unknown)[0]!r}.")


def _make_unique(name: str, taken: Mapping[str, Any]) -> str:
    """Return a name with a number behind it if it is taken."""
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name}_{number}"
    return unique
