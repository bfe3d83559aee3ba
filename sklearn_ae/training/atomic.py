"""Files that are written as a whole, or not at all."""

from __future__ import annotations

import errno
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows refuses to remove files that are open
    fcntl = None  # type: ignore[assignment]

__all__ = ["check_folder", "explained", "remove_leftovers", "write_file"]

_UNFINISHED = ".tmp"


def write_file(file: Path, data: Any, replace: bool = True) -> bool:
    """Write a file as a whole, or leave what is there as it is.

    Parameters
    ----------
    file : Path
        Where to write; of a link the file that it points to.
    data : bytes-like
        What to write.
    replace : bool, default=True
        Whether a file that is there is replaced.

    Returns
    -------
    done : bool
        False if it exists and is not to be replaced.
    """
    file = _find_target(file)
    stream, unfinished = _open_unfinished(file)
    try:
        with stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
            with suppress(OSError):  # a private file stays private
                shutil.copymode(file, unfinished)
            if fcntl is None:
                stream.close()  # Windows renames no open file
            if replace:
                os.replace(unfinished, file)
            else:
                _link(unfinished, file)
    except FileExistsError:
        return False
    finally:
        with suppress(OSError):
            unfinished.unlink()
    _sync_folder(file.parent)
    return True


@contextmanager
def explained(rule: str, file: str | os.PathLike) -> Iterator[None]:
    """Let the OSErrors of a block name a rule, the reason and the user's file."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        message = f"{rule}, but: {reason}. Give another path"
        raise OSError(error.errno, message, str(file)) from error


def check_folder(file: Path) -> None:
    """Raise an OSError if no file can be made in the folder of a file."""
    stream, unfinished = _open_unfinished(_find_target(file))
    stream.close()
    unfinished.unlink()


def remove_leftovers(file: Path) -> None:
    """Remove what processes have left that were killed while they wrote a file."""
    file = Path(os.path.realpath(file))
    pattern = f"{glob.escape(file.name)}.*{_UNFINISHED}"
    for unfinished in file.parent.glob(pattern):
        with suppress(OSError), unfinished.open("ab") as stream:
            if fcntl is None:
                stream.close()  # Windows removes no open file, of whatever process
            else:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unfinished.unlink()


def _find_target(file: Path) -> Path:
    """Return the file itself, wherever links lead; a device is none to replace."""
    target = Path(os.path.realpath(file))
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise OSError(errno.EINVAL, "it is a device or pipe", str(file))
    return target


def _open_unfinished(file: Path) -> tuple[Any, Path]:
    """Return a new file in the same folder, locked as long as it is written to."""
    unfinished = file.with_name(f"{file.name}.{secrets.token_hex(4)}{_UNFINISHED}")
    stream = unfinished.open("xb")
    if fcntl is not None:
        with suppress(OSError):  # not every file system has locks
            fcntl.flock(stream, fcntl.LOCK_EX)
    return stream, unfinished


def _link(unfinished: Path, file: Path) -> None:
    """Give a file its name, unless there is one of this name."""
    try:
        os.link(unfinished, file)
    except FileExistsError:
        raise
    except OSError:  # not every file system has links
        os.replace(unfinished, file)


def _sync_folder(folder: Path) -> None:
    """Let the new name outlive a power cut, where folders can be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
