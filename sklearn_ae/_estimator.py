"""What all estimators of the library do alike, whatever they learn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

from .exceptions import InterruptedFitWarning, warn_user
from .fitting.fingerprint import WATCHING, digest
from .training.checkpointing import Checkpoint
from .training.interrupt import called_from_prompt

__all__ = [
    "all_or_nothing",
    "documentation_page",
    "open_checkpoint",
    "replace_learned",
    "report_interrupt",
    "set_requests",
    "share",
    "state_to_keep",
]

# What scikit-learn puts on an estimator while its callbacks watch a fit.
_PASSING = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")

# Where scikit-learn keeps what set_fit_request and its like were told.
_REQUESTS = "_metadata_request"

# What the checks of rows learn.
_OF_ROWS = ("n_features_in_", "feature_names_in_")


@cache
def documentation_page() -> str:
    """Return the address of an estimator's page, for scikit-learn to fill in."""
    try:
        urls = metadata("sklearn-ae").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    base = dict(url.split(", ", 1) for url in urls).get("Documentation", "")
    return base and base + "/generated/{estimator_module}.{estimator_name}.html"


@contextmanager
def all_or_nothing(estimator: Any) -> Iterator[None]:
    """Put everything that an estimator learned before back if a block fails."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def open_checkpoint(estimator: Any, seed: int, **data: Any) -> Checkpoint | None:
    """Return the checkpoint of a fit; None if there is to be none.

    Parameters
    ----------
    estimator : object
        About to be fitted.
    seed : int
        Drawn from its `random_state`. If that is None, a fit that goes on has the seed
        that it began with instead: see the checkpoint's.
    data : object
        What it is fitted to.
    """
    if estimator.checkpoint is None or isinstance(estimator.checkpoint, Checkpoint):
        return estimator.checkpoint
    name = type(estimator).__name__
    decisive = {"class": name} | estimator.get_params(deep=False) | data
    if estimator.random_state is not None:
        decisive["random_state"] = seed
    identity = {k: digest(v) for k, v in decisive.items() if k not in WATCHING}
    every = estimator.checkpoint_every
    return Checkpoint(estimator.checkpoint, every, identity, name, seed)


def replace_learned(estimator: Any, learned: dict[str, Any]) -> None:
    """Give an estimator what a fit has learned, and nothing of an earlier fit."""
    for name in list(vars(estimator)):
        is_learned = name.endswith("_") and not name.startswith("_")
        if is_learned and name not in _OF_ROWS:
            delattr(estimator, name)
    vars(estimator).update(learned)


def share(estimator: Any) -> Any:
    """Return a shallow copy, which shares networks instead of pickling them."""
    twin = object.__new__(type(estimator))
    vars(twin).update(vars(estimator))
    return twin


def state_to_keep(state: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of an object of scikit-learn's kind that outlive it.

    Metadata requests become plain data, since they refer to the object itself, which
    not all formats can write. :func:`set_requests` makes requests of them again.
    """
    state = {name: value for name, value in state.items() if name not in _PASSING}
    if _REQUESTS in state:
        methods = vars(state[_REQUESTS]).items()
        state[_REQUESTS] = {
            name: dict(method.requests) for name, method in methods if name != "owner"
        }
    return state


def set_requests(owner: Any) -> None:
    """Let an object with the attributes of :func:`state_to_keep` request metadata.

    Raises
    ------
    ValueError
        If a request is for none of the arguments of a method, or asks for something
        that is no request.
    """
    requests = vars(owner).pop(_REQUESTS, None)
    if requests is None:
        return
    routing = owner.get_metadata_routing()
    for name, wanted in requests.items():
        known = getattr(routing, name).requests
        unknown = wanted.keys() - known.keys()
        if unknown:
            raise ValueError(
                f"metadata requests must be for arguments of {name}, {sorted(known)}; "
                f"got {sorted(unknown)}."
            )
        known.clear()
        for argument, alias in wanted.items():
            getattr(routing, name).add_request(param=argument, alias=alias)
    vars(owner)[_REQUESTS] = routing


def report_interrupt(n_epochs: int) -> None:
    """Tell a person at a prompt that Ctrl-C ended a fit; stop any other program."""
    if not called_from_prompt():
        raise KeyboardInterrupt
    warn_user(
        f"Ctrl-C ended the fit after {n_epochs} epochs; the model is usable in its "
        "best state so far. Fit again to train it to the end.",
        InterruptedFitWarning,
    )
