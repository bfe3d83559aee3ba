"""A fit on disk: what it takes to go on where a program was ended."""

from __future__ import annotations

import hashlib
import io
import os
import time
import zlib
from contextlib import suppress
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .._version import __version__
from ..exceptions import CheckpointWarning, warn_user
from .atomic import check_folder, explained, remove_leftovers, write_file

__all__ = ["Checkpoint"]

_FORMAT = 1
_HEAD = b"sklearn_ae checkpoint\n"
_SUFFIX = ".ckpt"
_RULE = "checkpoint must name a file that can be read and written"
# With "auto", the share of the time of a fit that writing may take.
_MAX_SHARE = 0.02


class Checkpoint:
    """File of one fit, which is replaced by later states of it.

    A fit consists of runs: of the net, or before it of others, for single layers for
    example. The states of the runs are in the file in their order, so that a program
    that does the same again finds each where it needs it.

    Parameters
    ----------
    path : str or path-like
        With a suffix, a file; otherwise a folder with a file for each fit.
    every : int, float or "auto"
        Epochs (int) or seconds (float) between two writes; ``"auto"`` writes as often
        as takes 2 % of the time.
    identity : dict of str to str
        A digest of each thing that decides what the fit comes to.
    name : str
        How names of files in a folder begin.
    seed : int
        Seed of the fit, unless a file has another.

    Attributes
    ----------
    seed : int
        Seed of the fit.

    Raises
    ------
    OSError
        If the file can neither be read nor written.
    ValueError
        If there is a file of another fit, or one that is no checkpoint.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        every: float | str,
        identity: dict[str, str],
        name: str,
        seed: int,
    ) -> None:
        with explained(_RULE, path):
            self.file = _find_file(path, identity, name)
        self._every = int(every) if isinstance(every, Integral) else every
        self._index = -1
        self._n_waiting = 0
        self._time, self._cost = time.monotonic(), 0.0
        self._has_warned = False
        self._content: dict[str, Any] = {
            "format": _FORMAT,
            "versions": _versions(),
            "identity": identity,
            "seed": seed,
            "runs": [],
        }
        self._claim(identity)
        self.seed: int = self._content["seed"]

    def _claim(self, identity: dict[str, str]) -> None:
        """Read the file, or write it before there is anything to lose."""
        with explained(_RULE, self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self.file)
            found = self._read()
            if found is not None:
                check_folder(self.file)
            elif not self._write(replace=False):
                found = self._read()  # another process was faster
        if found is not None:
            _check_versions(found, self.file)
            _check_identity(found["identity"], identity, self.file)
            self._content = found

    def _read(self) -> dict[str, Any] | None:
        """Return what the file holds, and take note of when that was."""
        self._written = _stamp(self.file)
        return _read(self.file)

    def __enter__(self) -> Checkpoint:
        """Keep what a block trains, however it ends."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Write what was taken; remove a file in which there is nothing."""
        self.write()
        is_empty = not self._content["runs"]
        if kind is not None and is_empty and _stamp(self.file) == self._written:
            with suppress(OSError):
                self.file.unlink()

    def begin_run(self) -> dict[str, Any] | None:
        """Return the state in which the next run goes on; None starts it."""
        self._index += 1
        runs = self._content["runs"]
        return runs[self._index] if self._index < len(runs) else None

    def keep(self, state: dict[str, Any]) -> None:
        """Take the state of the run after an epoch, and write it when it is time."""
        runs = self._content["runs"]
        for earlier in runs[: self._index]:
            earlier.pop("optimizer", None)
        runs[self._index :] = [state]
        self._n_waiting += 1
        if state["stage"] == "finished" or self._is_due():
            self.write()

    def _is_due(self) -> bool:
        waited = time.monotonic() - self._time
        if self._every == "auto":
            return self._cost <= _MAX_SHARE * waited
        if isinstance(self._every, int):
            return self._n_waiting >= self._every
        return waited >= float(self._every)

    def write(self) -> None:
        """Write the last state that was taken, if it is not on disk.

        A fit that cannot be written goes on, and a warning says so.
        """
        if self._n_waiting == 0:
            return
        try:
            if not self._is_ahead_on_disk():
                self._write()
            self._n_waiting = 0
        except (OSError, MemoryError) as error:
            self._say_failure(getattr(error, "strerror", None) or repr(error))

    def _say_failure(self, reason: str) -> None:
        self._time = time.monotonic()
        if self._has_warned:
            return
        self._has_warned = True
        warn_user(
            f"The checkpoint {str(self.file)!r} could not be written: {reason}. "
            "Training goes on, and the state that was written before, if any, is as it "
            "was. Make room, and it is written again.",
            CheckpointWarning,
        )

    def _is_ahead_on_disk(self) -> bool:
        """Return whether another process has brought the same fit further."""
        if _stamp(self.file) == self._written:
            return False
        try:
            found = _read(self.file)
        except (OSError, ValueError):
            return False
        if found is None:
            return False
        same = ("versions", "identity", "seed")
        if any(found[key] != self._content[key] for key in same):
            raise OSError(None, "it holds another fit by now")
        return _progress(found) > _progress(self._content)

    def _write(self, replace: bool = True) -> bool:
        """Write all or nothing; return whether the file is that of this fit."""
        started = time.monotonic()
        done = write_file(self.file, _pack(self._content), replace)
        self._written = _stamp(self.file)
        self._time = time.monotonic()
        self._cost = self._time - started
        return done


def _versions() -> dict[str, str]:
    return {"sklearn-ae": __version__, "torch": str(torch.__version__)}


def _progress(content: dict[str, Any]) -> tuple[int, bool, int]:
    """Return how far a fit is, in an order of its states."""
    runs = content["runs"]
    if not runs:
        return 0, False, 0
    last = runs[-1]
    return len(runs), last["stage"] == "finished", last["n_done"]


# ------------------------------------------------------------------------------ reading


def _find_file(path: str | os.PathLike, identity: dict[str, str], name: str) -> Path:
    file = Path(path)
    ends_in_separator = os.fspath(path).endswith(("/", os.sep))
    is_new_folder = not file.exists() and (not file.suffix or ends_in_separator)
    if not (file.is_dir() or is_new_folder):
        return file
    digest = hashlib.sha256("".join(identity.values()).encode()).hexdigest()
    return file / f"{name}-{digest[:16]}{_SUFFIX}"


def _read(file: Path) -> dict[str, Any] | None:
    """Return what a file holds; None if there is no file."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    start = len(_HEAD) + 4
    packed = memoryview(data)[start:]
    if data[:start] != _HEAD + _checksum(packed):
        raise _no_checkpoint(file)
    try:
        content = torch.load(io.BytesIO(packed), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a file of the right checksum leads to
        raise _no_checkpoint(file) from error
    kinds = {
        "format": int,
        "versions": dict,
        "identity": dict,
        "seed": int,
        "runs": list,
    }
    is_dict = isinstance(content, dict)
    if not is_dict or any(type(content.get(k)) is not v for k, v in kinds.items()):
        raise _no_checkpoint(file)
    return content


def _pack(content: dict[str, Any]) -> memoryview:
    """Return the bytes of a file: what it is, a checksum, and the content."""
    buffer = io.BytesIO()
    start = len(_HEAD) + 4
    buffer.seek(start)
    torch.save(_without_numpy(content), buffer)
    packed = buffer.getbuffer()
    packed[:start] = _HEAD + _checksum(packed[start:])
    return packed


def _without_numpy(value: Any) -> Any:
    """Return a value with Python's numbers, which alone are read, for NumPy's."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) is dict:
        return {key: _without_numpy(part) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_without_numpy, value))
    return value


def _checksum(packed: memoryview) -> bytes:
    return zlib.crc32(packed).to_bytes(4, "big")


def _no_checkpoint(file: Path) -> ValueError:
    return ValueError(
        f"checkpoint must name a file that a fit has written, or a new one; "
        f"{str(file)!r} is damaged or something else. Give another path, or remove the "
        "file."
    )


def _check_versions(found: dict[str, Any], file: Path) -> None:
    was, now = (
        ", ".join(f"{name} {version}" for name, version in each.items())
        for each in (
            {"format": found["format"]} | found["versions"],
            {"format": _FORMAT} | _versions(),
        )
    )
    if was != now:
        raise ValueError(
            f"checkpoint must be of the versions that go on with it, {now}; "
            f"{str(file)!r} is of {was}. Install these, give another path, or remove "
            "the file."
        )


def _check_identity(found: dict[str, str], wanted: dict[str, str], file: Path) -> None:
    other = [n for n in {**wanted, **found} if found.get(n) != wanted.get(n)]
    if other:
        raise ValueError(
            f"checkpoint must be of the same fit; {str(file)!r} is of one with other "
            f"values of: {', '.join(other)}. Give another path, or a folder, in which "
            "each fit has a file of its own, or remove the file."
        )


# ------------------------------------------------------------------------------ writing


def _stamp(file: Path) -> tuple[int, int] | None:
    """Return what is another number as soon as the file has been replaced."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
