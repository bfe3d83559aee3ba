"""Data sets for comparisons: bundled, local, fetched, or the user's own file."""

from __future__ import annotations

import csv
import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from reprlib import Repr
from typing import Any

import numpy as np
from sklearn.datasets import fetch_openml, load_digits

__all__ = ["TABULAR", "Table", "load"]

#: Tabular sets by the names they have in ADBench, with their names at OpenML. The
#: local files hold ADBench's selection of rows, with y = 1 for anomalies; OpenML
#: has all rows of the original data, with the original classes.
TABULAR = {
    "PageBlocks": "page-blocks",
    "SpamBase": "spambase",
    "WDBC": "wdbc",
    "Waveform": "waveform-5000",
    "cardio": "cardiotocography",
    "fault": "steel-plates-fault",
    "glass": "glass",
    "landsat": "satimage",
    "magic.gamma": "MagicTelescope",
    "musk": "musk",
    "optdigits": "optdigits",
    "pendigits": "pendigits",
    "shuttle": "shuttle",
    "vowels": "vowel",
    "wine": "wine",
}

_FOLDER_VARIABLE = "SKLEARN_AE_DATA"


@dataclass(frozen=True)
class Table:
    """Rows, labels where there are any, and the shape of a row that is an image.

    What :func:`load` returns, whatever it was loaded from.

    Parameters
    ----------
    name : str
        Name for titles.
    X : ndarray of shape (n_samples, n_features)
        Float32 or float64; pixels are in [0, 1].
    y : ndarray of shape (n_samples,) or None
        Labels.
    image_shape : tuple of int or None
        ``(height, width)`` or ``(height, width, 3)`` if a row is an image.

    See Also
    --------
    load : Makes it.

    Examples
    --------
    >>> from sklearn_ae.datasets import load
    >>> digits = load("digits")
    >>> digits.name, digits.X.shape, digits.image_shape
    ('digits', (1797, 64), (8, 8))
    """

    name: str
    X: np.ndarray
    y: np.ndarray | None
    image_shape: tuple[int, ...] | None = None


def load(name: str, target: str | None = None) -> Table:
    """Load a data set by name, or a file by its path.

    Local files are looked for in the folder that the environment variable
    ``SKLEARN_AE_DATA`` names (``mnist.npz``, ``cifar10-jpeg.tar.xz``,
    ``tabular/NAME.npz``); without them the data come from OpenML. MNIST and CIFAR-10
    have their training images first, 60,000 and 50,000 of them; those of the local
    CIFAR-10 are sorted by class.

    Parameters
    ----------
    name : str
        ``"digits"`` (bundled with scikit-learn), ``"mnist"``, ``"cifar10"``, a key of
        :data:`TABULAR`, or the path of a ``.csv``, ``.parquet`` or ``.npz`` file. An
        NPZ file holds an array ``X`` and perhaps ``y``.
    target : str, default=None
        Column of a CSV or Parquet file, or array of an NPZ file, that holds the
        labels.

    Returns
    -------
    table : Table
        The data set.

    Raises
    ------
    ValueError
        If the name is unknown, or the file does not hold numeric columns.
    OSError
        If the data are neither local nor to be had from OpenML.

    See Also
    --------
    sklearn.datasets.fetch_openml : Data sets from the network.

    Examples
    --------
    >>> from sklearn_ae.datasets import load
    >>> load("digits").X.shape
    (1797, 64)
    """
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return Table(name, (X / 16).astype(np.float32), y, (8, 8))
    if name == "mnist":
        return _load_mnist()
    if name == "cifar10":
        return _load_cifar10()
    if name in TABULAR:
        return _load_tabular(name)
    if Path(name).suffix in (".csv", ".parquet", ".npz"):
        return _load_file(Path(name), target)
    raise ValueError(
        "data must be 'digits', 'mnist', 'cifar10', the name of a tabular set or the "
        f"path of a .csv, .parquet or .npz file; got {name!r}. Tabular sets: "
        f"{', '.join(TABULAR)}."
    )


def _local(file_name: str) -> Path | None:
    folder = os.environ.get(_FOLDER_VARIABLE)
    path = Path(folder) / file_name if folder else None
    return path if path is not None and path.exists() else None


def _fetch(name: str, openml_name: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        X, y = fetch_openml(openml_name, version=1, return_X_y=True, as_frame=False)
    except (OSError, ValueError) as error:
        raise OSError(
            f"{name} is not in the folder that {_FOLDER_VARIABLE} names "
            f"({os.environ.get(_FOLDER_VARIABLE)!r}), and OpenML could not be reached "
            f"({error}). Set the variable to a folder that holds the data, or use "
            "'digits', which needs neither."
        ) from error
    return np.asarray(X, dtype=np.float32), np.unique(y, return_inverse=True)[1]


def _load_mnist() -> Table:
    path = _local("mnist.npz")
    if path is None:
        X, y = _fetch("mnist", "mnist_784")
    else:
        with np.load(path) as data:
            images = np.concatenate([data["X_train"], data["X_test"]])
            y = np.concatenate([data["y_train"], data["y_test"]])
        X = images.reshape(len(images), -1).astype(np.float32)
    return Table("mnist", X / np.float32(255), y, (28, 28))


def _load_cifar10() -> Table:
    path = _local("cifar10-jpeg.tar.xz")
    if path is None:
        X, y = _fetch("cifar10", "CIFAR_10")
        # OpenML has the three colour planes one after the other.
        X = X.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).reshape(len(X), -1)
    else:
        X, y = _read_pictures(path)
    return Table("cifar10", X / np.float32(255), y, (32, 32, 3))


def _read_pictures(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read ``train|test/CLASS/NNNN.jpg`` from an archive, training pictures first."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "reading CIFAR-10 needs Pillow; install it with "
            "pip install 'sklearn-ae[plot]'."
        ) from error
    pictures = {}
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.endswith(".jpg"):
                file: Any = archive.extractfile(member)
                picture = Image.open(io.BytesIO(file.read())).convert("RGB")
                pictures[member.name] = np.asarray(picture)
    names = sorted(pictures, key=lambda name: ("train/" not in name, name))
    X = np.stack([pictures[name].ravel() for name in names]).astype(np.float32)
    return X, np.unique(
        [Path(name).parent.name for name in names], return_inverse=True
    )[1]


def _load_tabular(name: str) -> Table:
    path = _local(f"tabular/{name}.npz")
    if path is None:
        return Table(name, *_fetch(name, TABULAR[name]))
    with np.load(path) as data:
        return Table(name, data["X"].astype(np.float64), data["y"].astype(int))


def _load_file(path: Path, target: str | None) -> Table:
    if not path.exists():
        raise ValueError(f"data must name an existing file; got {str(path)!r}.")
    if path.suffix == ".npz":
        return _read_npz(path, target)
    import pandas as pd

    if path.suffix == ".csv":
        with _refusing(path, "a CSV file in UTF-8 with a header"):
            frame = pd.read_csv(path)
            header, row = _first_lines(path)
        _check_fields(path, header, row)
    else:
        with _refusing(path, "a Parquet file"):
            frame = pd.read_parquet(path)
    _check_target(target, frame.columns, path)
    y = None if target is None else frame.pop(target).to_numpy()
    text = list(frame.columns.difference(frame.select_dtypes("number").columns))
    if text:
        raise ValueError(
            f"all columns of {path} but the target must be numeric; these are not: "
            f"{_few(text)}. Encode or drop them, or name the label column with "
            "--target."
        )
    empty = frame.isna().sum()
    if y is not None and pd.isna(y).any():
        empty[target] = pd.isna(y).sum()
    if empty.any():
        counts = {str(name): int(count) for name, count in empty[empty > 0].items()}
        raise ValueError(
            f"no value of {path} may be missing; missing values by column: "
            f"{_few(counts)}. Fill or drop them first."
        )
    return Table(path.stem, frame.to_numpy(dtype=np.float64), y)


def _read_npz(path: Path, target: str | None) -> Table:
    """Read arrays X and y, and check that they are a table and its labels."""
    with (
        _refusing(path, "an NPZ file of arrays without pickled objects"),
        path.open("rb") as file,
        np.load(file) as arrays,
    ):
        columns = {name: arrays[name] for name in arrays.files}
    if "X" not in columns:
        raise ValueError(
            f"an NPZ file must hold an array 'X'; {path} holds {_few(sorted(columns))}."
        )
    _check_target(target, columns, path)
    X, y = columns["X"], columns.get(target or "y")
    if X.ndim == 0 or X.size == 0 or X.dtype.kind not in "biuf":
        raise ValueError(
            f"the array 'X' of {path} must hold rows of numbers; got an array of shape "
            f"{X.shape} and type {X.dtype}. Write it with numpy.savez(path, X=X, y=y)."
        )
    if y is not None and y.shape != (len(X),):
        raise ValueError(
            f"the array {target or 'y'!r} of {path} must hold a label for each of "
            f"{len(X)} rows; got an array of shape {y.shape}. Leave it out if there "
            "are no labels."
        )
    return Table(path.stem, X.reshape(len(X), -1), y)


@contextmanager
def _refusing(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a reader raises about the content of a file into a ValueError."""
    try:
        yield
    except (ImportError, OSError):
        raise
    # Readers raise what they happen to stumble over, MemoryErrors for example.
    except Exception as error:
        raise ValueError(
            f"{path} must be {kind}; got a file that cannot be read ({error}). "
            "It may be damaged or something else: write it anew."
        ) from error


def _first_lines(path: Path) -> tuple[list[str], list[str]]:
    """Return the fields of the first two lines of a CSV file."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        lines: list[list[str]] = list(islice(csv.reader(file), 2))
    return (lines[0], lines[1]) if len(lines) == 2 else ([], [])


def _check_fields(path: Path, header: list[str], row: list[str]) -> None:
    """Raise a ValueError if the first row of a CSV file is longer than its header.

    Pandas takes surplus fields for names of rows, and shifts the others.
    """
    if len(row) > len(header):
        raise ValueError(
            f"each row of {path} must have as many fields as its header, "
            f"{len(header)}; got {len(row)}. Name the columns that have no name, or "
            "drop them."
        )


def _few(names: Any) -> str:
    """Return names for an error: not all of many, and not all of a long one."""
    shortened = Repr()
    shortened.maxlist = shortened.maxdict = 10
    shortened.maxstring = shortened.maxother = 60
    return shortened.repr(names)


def _check_target(target: str | None, names, path: Path) -> None:
    if target is not None and target not in names:
        raise ValueError(
            f"target must name a column of {path}; got {target!r}. Its columns are "
            f"{_few(list(names))}."
        )
