"""Digests of what decides the outcome of a fit: parameters and data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from numbers import Integral, Real
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

__all__ = ["WATCHING", "digest"]

#: Parameters that watch a fit, or say where it is kept, and do not change it.
WATCHING = ("callbacks", "checkpoint", "checkpoint_every", "verbose")

# Bytes of an array that are looked at together.
_BLOCK_BYTES = 2**24


def digest(value: Any) -> str:
    """Return a text that is another for other values, the same in each program.

    Parameters
    ----------
    value : object
        Numbers, texts, arrays, functions (by their code), estimators (by their
        parameters and what they have learned), and all that can be pickled, nested at
        will.

    Raises
    ------
    TypeError
        If there is something that can neither be compared nor pickled.
    """
    hasher = hashlib.sha256()
    _Feeder(hasher).feed(value)
    return hasher.hexdigest()[:32]


class _Feeder:
    """Feeds values to a hash function, with marks for what and how many they are."""

    def __init__(self, hasher: Any) -> None:
        self.hasher = hasher
        self.around: list[int] = []

    def feed(self, value: Any) -> None:
        """Feed one value."""
        if id(value) in self.around:
            self._mark("the", self.around.index(id(value)))
            return
        self.around.append(id(value))
        if isinstance(value, dict):
            pairs = sorted(value.items(), key=lambda pair: str(pair[0]))
            self._feed_all("dict", (item for pair in pairs for item in pair))
        elif isinstance(value, list | tuple):
            self._feed_all(type(value).__name__, value)
        elif isinstance(value, set | frozenset):
            self._feed_all("set", sorted(digest(item) for item in value))
        elif isinstance(value, np.ndarray):
            self._feed_array(value)
        elif sp.issparse(value):
            parts = value.shape, value.data, value.indices, value.indptr
            self._feed_all(value.format, parts)
        elif isinstance(value, torch.Tensor):
            self._feed_array(value.detach().cpu().numpy())
        elif not self._feed_single(value):
            self._feed_object(value)
        self.around.pop()

    def _mark(self, *words: object) -> None:
        self.hasher.update(repr(words).encode())

    def _feed_all(self, kind: str, values: Iterable) -> None:
        self._mark(kind)
        for value in values:
            self.feed(value)
        self._mark("end")

    def _feed_array(self, array: np.ndarray) -> None:
        self._mark("array", array.dtype.str, array.shape)
        if array.dtype.hasobject:
            self._feed_all("values", array.ravel().tolist())
            return
        flat = array if array.ndim else array.reshape(1)
        n_rows = max(1, _BLOCK_BYTES * len(flat) // max(1, flat.nbytes))
        for first in range(0, len(flat), n_rows):
            block = np.ascontiguousarray(flat[first : first + n_rows])
            self.hasher.update(block.view(np.uint8) if block.size else b"")

    def _feed_single(self, value: Any) -> bool:
        """Feed a value that has no parts; return whether it was one."""
        if value is None or isinstance(value, bool | str | bytes | complex):
            self._mark(value)
        elif isinstance(value, np.bool_):
            self._mark(bool(value))
        elif isinstance(value, Integral):
            self._mark(int(value))
        elif isinstance(value, Real):
            self._mark(float(value))
        elif isinstance(value, torch.dtype | torch.device | np.dtype | range):
            self._mark(str(value))
        elif isinstance(value, type | BuiltinFunctionType | np.ufunc):
            name = getattr(value, "__qualname__", value.__name__)
            self._mark(getattr(value, "__module__", ""), name)
        else:
            return False
        return True

    def _feed_object(self, value: Any) -> None:
        if isinstance(value, MethodType):
            self._feed_all("method", [value.__func__, value.__self__])
        elif isinstance(value, FunctionType):
            cells = [cell.cell_contents for cell in value.__closure__ or ()]
            defaults = [value.__defaults__, value.__kwdefaults__]
            self._feed_all("function", [value.__code__, *defaults, *cells])
        elif isinstance(value, CodeType):
            names = [value.co_names, value.co_varnames]
            self._feed_all("code", [value.co_code, value.co_consts, *names])
        elif hasattr(value, "get_params") and not isinstance(value, type):
            self._feed_estimator(value)
        else:
            self._feed_pickled(value)

    def _feed_estimator(self, estimator: Any) -> None:
        params = estimator.get_params(deep=False)
        settings = {k: v for k, v in params.items() if k not in WATCHING}
        learned = vars(estimator).get("_model")
        self._feed_all("estimator", (type(estimator), settings, learned))

    def _feed_pickled(self, value: Any) -> None:
        try:
            parts = value.__reduce_ex__(4)
        except Exception as error:
            raise TypeError(
                "checkpoint needs parameters whose values can be compared in a later "
                f"program; got {value!r}, which cannot be pickled. Define it in a "
                "module, or set checkpoint=None."
            ) from error
        if isinstance(parts, str):
            self._mark(type(value).__qualname__, parts)
            return
        # Iterators over items of lists and dicts are made into lists.
        rest = [list(part) for part in parts[3:5] if part is not None]
        self._feed_all("object", (*parts[:3], *rest))
