"""``save`` and ``load``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch

from .._prediction import PretrainedPredictor
from .._version import __version__
from ..base import BaseAutoencoder
from ..exceptions import ModelFileError
from ..training.atomic import explained, write_file
from .container import pack, read_regular_file, unpack
from .known import are_finite
from .tree import Reader, Writer

__all__ = ["FORMAT", "load", "save"]

#: Number of the format that ``save`` writes.
FORMAT = 1


def save(estimator: Any, path: str | os.PathLike) -> None:
    """Write an estimator to a file that holds data alone, and no code.

    The file has safetensors' format: weights and learned arrays as they are, all else
    as JSON in the header. It is written as a whole or not at all.

    Parameters
    ----------
    estimator : object
        One of this library's autoencoders or predictors, fitted or not, or of a class
        that derives from one.
    path : str or path-like
        Where to write; a file that is there is replaced.

    Raises
    ------
    TypeError
        If it is another estimator.
    ValueError
        If weights are not finite.
    OSError
        If the file cannot be written. What was there before stays as it was.

    See Also
    --------
    load : Reads the file.

    Examples
    --------
    >>> import tempfile, os
    >>> from sklearn.datasets import load_digits
    >>> import sklearn_ae
    >>> X, _ = load_digits(return_X_y=True)
    >>> ae = sklearn_ae.AutoencoderTransformer(8, max_iter=5, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "digits.safetensors")
    ...     sklearn_ae.save(ae, path)
    ...     again = sklearn_ae.load(path)
    >>> bool((again.transform(X) == ae.transform(X)).all())
    True
    """
    if not isinstance(estimator, BaseAutoencoder | PretrainedPredictor):
        raise TypeError(
            "estimator must be one of this library's autoencoders or predictors; got "
            f"{type(estimator).__name__}. Save a Pipeline with skops, joblib or "
            "pickle."
        )
    writer = Writer()
    tree = writer.write(estimator)
    _check_finite(estimator)
    description = {
        "format": FORMAT,
        "versions": {
            "sklearn_ae": __version__,
            "scikit-learn": sklearn.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "custom": sorted(writer.custom),
        "estimator": tree,
    }
    data = pack(description, writer.arrays)
    with explained("path must name a file that can be written", path):
        write_file(Path(path), data)


def load(path: str | os.PathLike, custom: Mapping[str, Any] | None = None) -> Any:
    """Read an estimator that :func:`save` has written.

    Nothing in the file is executed, whoever wrote it, and no more memory is taken than
    its size allows.

    Parameters
    ----------
    path : str or path-like
        The file.
    custom : mapping of str to object, default=None
        What is not in the file, because it is your own: functions, classes of
        architectures and estimators, callbacks. The error without it names them.

    Returns
    -------
    estimator : object
        Equal to the one that was saved, in all that it returns. Its optimizer starts
        anew if it goes on training. It is on the device that it was on, if there is
        one, and on the CPU otherwise.

    Raises
    ------
    ModelFileError
        A ValueError, if the file is not what :func:`save` has written, or not all of
        it, or if `custom` lacks something.
    OSError
        If there is no such file, or it cannot be read.

    See Also
    --------
    save : Writes the file.

    Examples
    --------
    >>> import tempfile, os
    >>> import sklearn_ae
    >>> def halve(rows):
    ...     return rows / 2
    >>> ae = sklearn_ae.DenoisingAE(8, corruption=halve)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "denoiser.safetensors")
    ...     sklearn_ae.save(ae, path)
    ...     again = sklearn_ae.load(path, custom={"halve": halve})
    >>> again.corruption is halve
    True
    """
    description, arrays = unpack(read_regular_file(path))
    custom = {} if custom is None else custom
    _check_format(description)
    _check_custom(description, custom)
    try:
        estimator = Reader(arrays, custom).read(description["estimator"])
    # Whatever a stranger has put together, it is one kind of error.
    except Exception as error:
        raise ModelFileError(
            "the file must describe an estimator of this library, as sklearn_ae.save "
            f"does; got an error: {type(error).__name__}: {str(error)[:500]} "
            "It was not written by sklearn_ae.save, or by another version."
        ) from error
    if not isinstance(estimator, BaseAutoencoder | PretrainedPredictor):
        raise ModelFileError(
            "the file must describe an autoencoder or a predictor; got a "
            f"{type(estimator).__name__}. It was not written by sklearn_ae.save."
        )
    return estimator


def _check_format(description: dict) -> None:
    found = description.get("format")
    if type(found) is not int or not 1 <= found <= FORMAT:
        raise ModelFileError(
            f"the file must have a format from 1 to {FORMAT}; got {found!r}. It may be "
            "from a newer version of sklearn-ae: install that."
        )


def _check_custom(description: dict, custom: Mapping[str, Any]) -> None:
    wanted = description.get("custom")
    if not isinstance(wanted, list) or not all(isinstance(w, str) for w in wanted):
        raise ModelFileError(
            "the file must list what belongs to it and is not in it; got "
            f"{str(wanted)[:100]!r}. It was not written by sklearn_ae.save."
        )
    missing = [name for name in wanted if name not in custom]
    if missing:
        known = ", ".join(f"{name!r}: ..." for name in missing)
        raise ModelFileError(
            "custom must hold what the estimator was made of and the file does not "
            f"hold; {missing} is missing. Call load(path, custom={{{known}}})."
        )


def _check_finite(estimator: Any) -> None:
    model = getattr(estimator, "_model", None)
    module = getattr(model, "network", None) or getattr(model, "module", None)
    for name, value in {} if module is None else module.state_dict().items():
        if not are_finite({name: value.cpu().numpy()}):
            raise ValueError(
                "weights must be finite to be saved, since load refuses others; got "
                f"infinite or missing values in {name}. Fit the estimator again, or "
                "register a buffer of your own with persistent=False."
            )
