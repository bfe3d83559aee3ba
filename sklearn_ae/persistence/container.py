"""The file around a description and its arrays: safetensors, with a checksum."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as read_arrays
from safetensors.numpy import save as write_arrays

from ..exceptions import ModelFileError

__all__ = ["pack", "read_regular_file", "unpack"]

# Name of the description in the header, and of the checksum in it.
_KEY, _CHECKSUM = "sklearn_ae", "checksum"
_NO_CHECKSUM = "0" * 64

# What objects of Python take, in bytes, for each bracket and comma of their text; so
# much more than the file's size they may take.
_BYTES_PER_PART, _ALLOWANCE = 72, 40 * 2**20


def pack(description: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the bytes of a file.

    Parameters
    ----------
    description : dict
        What JSON can hold.
    arrays : mapping of str to ndarray
        Of numbers, C-ordered and in the machine's byte order.
    """
    text = json.dumps(
        {_CHECKSUM: _NO_CHECKSUM, **description},
        allow_nan=False,
        separators=(",", ":"),
    )
    data = write_arrays(dict(arrays), metadata={_KEY: text})
    at = data.index(_NO_CHECKSUM.encode())
    digest = hashlib.sha256(data).hexdigest().encode()
    return data[:at] + digest + data[at + len(digest) :]


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the description and the arrays in the bytes of a file.

    Raises
    ------
    ModelFileError
        If they are not what :func:`pack` returns.
    """
    header = _read_header(data)
    _check_size(header, len(data))
    try:
        names = json.loads(header, parse_constant=_refuse)
        text = names["__metadata__"][_KEY]
        description = json.loads(text, parse_constant=_refuse)
        checksum = description[_CHECKSUM]
        is_text = isinstance(checksum, str) and len(checksum) == len(_NO_CHECKSUM)
        at = data.index(checksum.encode()) if is_text else -1
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError(
            "path must name a file that sklearn_ae.save has written; its header is "
            "none. If it is a pickle, read it with pickle or joblib, and only if you "
            "trust its sender."
        ) from error
    _check_checksum(data, checksum, at)
    try:
        return description, read_arrays(data)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(
            f"the arrays in the file must be as safetensors has them; got: {error}. "
            "Save the estimator anew."
        ) from error


def _read_header(data: bytes) -> bytes:
    """Return the JSON text that a safetensors file begins with."""
    length = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + length]
    if len(data) < 8 or len(header) < length or header[:1] != b"{":
        raise ModelFileError(
            "path must name a whole file that sklearn_ae.save has written; got "
            f"{len(data)} bytes that begin with {data[:12]!r}. It may have been cut "
            "off on its way: copy it again. If it is a pickle, read it with pickle or "
            "joblib, and only if you trust its sender."
        )
    return header


def _check_size(header: bytes, size: int) -> None:
    """Raise a ModelFileError if the objects in a header would take too much memory."""
    n_parts = sum(header.count(mark) for mark in (b"[", b"{", b","))
    if n_parts * _BYTES_PER_PART > 2 * size + _ALLOWANCE:
        raise ModelFileError(
            "the header of the file must describe an estimator; got one of "
            f"{n_parts} parts in a file of {size} bytes. It was not written by "
            "sklearn_ae.save."
        )


def _check_checksum(data: bytes, checksum: str, at: int) -> None:
    digest = hashlib.sha256(data[: max(at, 0)])
    digest.update(_NO_CHECKSUM.encode())
    digest.update(memoryview(data)[max(at, 0) + len(_NO_CHECKSUM) :])
    if at < 0 or digest.hexdigest() != checksum:
        raise ModelFileError(
            f"the file must have the checksum that it names, {checksum!r}; got "
            f"{digest.hexdigest()!r}. It was changed or damaged on its way: copy it "
            "again, or save the estimator anew."
        )


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def read_regular_file(path: str | os.PathLike) -> bytes:
    """Return the bytes of a file; devices and pipes, which may never end, are none."""
    # A pipe would wait for a writer, and a device may have no end.
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        kind = "folder" if stat.S_ISDIR(status.st_mode) else "device or pipe"
        raise ModelFileError(
            f"path must name a file that sklearn_ae.save has written; got the {kind} "
            f"{os.fspath(path)!r}."
        )
    with open(path, "rb") as stream:
        return stream.read(status.st_size)
