"""Warnings, one class for each thing that can go wrong, and an error."""

from __future__ import annotations

import inspect
import warnings
from types import FrameType

__all__ = [
    "CheckpointWarning",
    "CleanRowsWarning",
    "CodeCollapseWarning",
    "DeadUnitsWarning",
    "DependentRowsWarning",
    "DivergenceWarning",
    "InterruptedFitWarning",
    "ModelFileError",
    "ModelVersionWarning",
    "OutOfMemoryWarning",
    "PCAFloorWarning",
    "PosteriorCollapseWarning",
    "ValidationRowsWarning",
]

# A call may pass through these on its way from the user's line to ours.
_BETWEEN = ("sklearn_ae", "sklearn", "joblib", "contextlib")


# These fit many estimators.
_SEARCHES = ("sklearn.model_selection", "sklearn_ae.comparison")


def warn_user(message: str, category: type[Warning]) -> None:
    """Give a warning that points at the line of the user's program.

    A search or comparison that fits many estimators gives each text once.

    Parameters
    ----------
    message : str
        What was seen, and what to do.
    category : type of Warning
        One of the classes of this file.
    """
    level, frame, search = 1, inspect.currentframe(), None
    while frame is not None and frame.f_back is not None and _is_between(frame):
        if frame.f_globals.get("__name__", "").startswith(_SEARCHES):
            search = frame
        level, frame = level + 1, frame.f_back
    if search is None or _is_first_time(search, message):
        warnings.warn(message, category, stacklevel=level)


def _is_first_time(search: FrameType, message: str) -> bool:
    """Return whether a search, by its outermost call, gives a text for the first time.

    Texts are kept beside the call's own variables, so that they end with it. Python's
    memory of warnings is cleared by each ``warnings.catch_warnings``, of which there
    are many in a search.
    """
    given: set[str] = search.f_locals.setdefault("_texts_of_sklearn_ae", set())
    is_first = message not in given
    given.add(message)
    return is_first


def _is_between(frame) -> bool:
    package = frame.f_globals.get("__name__", "").partition(".")[0]
    return package in _BETWEEN


class ModelFileError(ValueError):
    """A file is not what ``sklearn_ae.save`` has written, or not all of it.

    Nothing in it has been executed. Copy the file again, or save the estimator anew;
    the message says what was found.

    See Also
    --------
    load : Raises it.

    Examples
    --------
    >>> import sklearn_ae
    >>> try:
    ...     sklearn_ae.load(".")
    ... except sklearn_ae.ModelFileError as error:
    ...     print(error)
    path must name a file that sklearn_ae.save has written; got the folder '.'.
    """


class PCAFloorWarning(UserWarning):
    """Training found nothing that is reliably better than PCA.

    A model that started at PCA then equals PCA of all rows, or, where rows are
    corrupted, the best linear denoiser; one that did not (``init="random"``, or a
    feature map as the code) is kept although it is no better. Also given where training
    was skipped, because it could show no gain, and where no new rows were held out, so
    that nothing tells whether the network is better and ``beats_pca_`` is None.
    A matter of taste on very small or very linear data: silence it with
    ``warnings.filterwarnings("ignore", category=PCAFloorWarning)`` and read
    ``beats_pca_`` instead.

    See Also
    --------
    compare : Shows where PCA is not beaten.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn_ae import AutoencoderTransformer, PCAFloorWarning
    >>> X = np.random.RandomState(0).standard_normal((100, 6))
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", PCAFloorWarning)
    ...     ae = AutoencoderTransformer(2, max_iter=3, random_state=0).fit(X)
    >>> ae.beats_pca_
    False
    """


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written, and the fit went on without.

    The disk may be full. What was written before is as it was. Before training it is an
    error.

    See Also
    --------
    AutoencoderTransformer : Its parameter `checkpoint`.

    Examples
    --------
    Let a fit end rather than go on without:

    >>> import warnings
    >>> from sklearn_ae import CheckpointWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", CheckpointWarning)
    """


class CleanRowsWarning(UserWarning):
    """Clean rows that were given seem to be in other units than the noisy ones.

    Given if noisy values, on at least half of the columns, follow the clean ones with a
    slope below 1/4 or above 4, or lie more than 4 of their standard deviations off, by
    more than chance. Most often a pipeline scales the noisy rows, and the clean ones
    came as they were. Where they were measured in other units it means nothing.

    See Also
    --------
    DenoisingAE.fit : Its parameters `y` and `X_clean`.
    sklearn.pipeline.Pipeline : Its parameter `transform_input`.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_ae import CleanRowsWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", CleanRowsWarning)
    """


class CodeCollapseWarning(UserWarning):
    """Codes hardly depend on the input, so that all rows are reconstructed alike.

    Given if reconstructions of the rows on which a fit is evaluated vary around their
    mean less than 20 % as much as those of PCA with the same number of components.

    See Also
    --------
    PosteriorCollapseWarning : The same for latent variables.

    Examples
    --------
    Let a search give up on such a fit instead of scoring it:

    >>> import warnings
    >>> from sklearn_ae import CodeCollapseWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", CodeCollapseWarning)
    """


class DeadUnitsWarning(UserWarning):
    """Many units of a sparse code are active in no training row.

    They cost time and memory for nothing; ``dead_units_`` lists them.

    See Also
    --------
    displays.ActivityDisplay : Draws how much each unit is used.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_ae import DeadUnitsWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DeadUnitsWarning)
    """


class DependentRowsWarning(UserWarning):
    """Rows of X depend on one another, and were held out in groups or stretches.

    Found if many rows are near copies of others, if they come in many groups of rows
    that are alike, or if rows next to each other are. A random split would put such
    rows on both sides, and any network would look better than it is.

    See Also
    --------
    AutoencoderTransformer : Its parameter `validation`, and `groups` of its ``fit``.

    Examples
    --------
    Say that new rows will come from the same groups, so that rows may be held out at
    random:

    >>> import numpy as np
    >>> from sklearn_ae import AutoencoderTransformer
    >>> rng = np.random.RandomState(0)
    >>> X = np.repeat(rng.standard_normal((40, 6)), 10, axis=0)
    >>> X += 0.01 * rng.standard_normal(X.shape)
    >>> ae = AutoencoderTransformer(2, validation="random", max_iter=3, random_state=0)
    >>> ae.fit(X).n_iter_
    3
    """


class DivergenceWarning(UserWarning):
    """The training loss became non-finite and training went on with a smaller step.

    The best state so far is kept, and the learning rate divided by ten, up to three
    times; then an error is raised.

    See Also
    --------
    displays.LossCurveDisplay : Draws the loss of each epoch.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_ae import DivergenceWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", DivergenceWarning)
    """


class InterruptedFitWarning(UserWarning):
    """Ctrl-C or SIGTERM ended a fit; the model is usable in its best state so far.

    Only at a prompt or in a notebook. A program that is interrupted gets the usual
    KeyboardInterrupt, and so does a search.

    See Also
    --------
    AutoencoderTransformer.fit : With ``warm_start=True`` it goes on.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_ae import InterruptedFitWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", InterruptedFitWarning)
    """


class OutOfMemoryWarning(UserWarning):
    """A GPU has too little memory for a batch, and training went on with smaller ones.

    The batch size is halved as often as it takes. Another size is another fit:
    set the one that was found.

    See Also
    --------
    AutoencoderTransformer : Its parameter `batch_size`.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_ae import OutOfMemoryWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", OutOfMemoryWarning)
    """


class PosteriorCollapseWarning(UserWarning):
    """Next to no latent variable of a VAE depends on the input.

    Given if at most a tenth of the components are active: if the posterior mean of the
    others varies less than 0.01 over rows, where the prior's variance is 1.

    See Also
    --------
    displays.ActivityDisplay : Draws the KL divergence of each component.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_ae import PosteriorCollapseWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", PosteriorCollapseWarning)
    """


class ValidationRowsWarning(UserWarning):
    """Validation rows that were given seem to be in other units than the training rows.

    Given if the median row of `X_val` is more than ten times as far from the mean of X
    as the median row of X, in squares of standard deviations, or if the standard
    deviations of `X_val` are less than a tenth of those of X. Most often a pipeline
    scales X, and `X_val` came as it was.

    See Also
    --------
    sklearn.pipeline.Pipeline : Its parameter `transform_input`.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_ae import ValidationRowsWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", ValidationRowsWarning)
    """


class ModelVersionWarning(UserWarning):
    """A pickled model is read by another version of the library than wrote it.

    It may work all the same. To be sure, read it with the version that wrote it, or fit
    the model again.

    See Also
    --------
    sklearn.exceptions.InconsistentVersionWarning : The same for scikit-learn's models.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_ae import ModelVersionWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", ModelVersionWarning)
    """
