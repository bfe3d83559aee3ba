"""scikit-learn's callbacks (1.9), which learn of each epoch of a fit."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .model import Model


class _NoCallbackSupport:
    """Stand-in for scikit-learn before 1.9, which has nothing to support."""


def _find_callback_support() -> Any:
    try:
        return import_module("sklearn.callback").CallbackSupportMixin
    except ImportError:
        return _NoCallbackSupport


CallbackSupportMixin: Any = _find_callback_support()


__all__ = ["CallbackSupportMixin", "FitReport"]


class FitReport:
    """Tells the callbacks of ``set_callbacks`` of one fit and its epochs.

    Making it lets them prepare, and is the first thing in ``fit``.

    Parameters
    ----------
    estimator : object
        Whose fit it is.
    X : array-like
        Rows as the caller gave them. They are also handed on as the target, since they
        are what is to be reconstructed.
    """

    def __init__(self, estimator, X) -> None:
        self._estimator, self._rows = estimator, {"X": X, "y": X}
        self._root: Any = None
        self._epoch: Any = None
        if getattr(estimator, "_skl_callbacks", None):
            self._root = estimator._init_callback_context(max_subtasks=None)

    def begin(self, n_epochs: int, model: Model) -> None:
        """Let callbacks know that training of a model begins."""
        self._model = model
        if self._root is not None:
            self._root.max_subtasks = n_epochs  # not known before rows were held out
            self._root.call_on_fit_task_begin(estimator=self._estimator, **self._rows)

    def begin_epoch(self) -> None:
        """Let callbacks know that an epoch begins."""
        if self._root is not None:
            self._epoch = self._root.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._rows)

    def end_epoch(self) -> bool:
        """Let callbacks know that an epoch has ended; return whether to stop."""
        if self._root is None:
            return False
        return self._epoch.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=self._model_as_it_is,
            **self._rows,
        )

    def end(self) -> None:
        """Let callbacks know that the fit is done; the last thing in it."""
        if self._root is not None:
            self._root.call_on_fit_task_end(
                estimator=self._estimator, reconstruction_attributes=dict, **self._rows
            )

    def _model_as_it_is(self) -> dict:
        model = self._model.twin()
        return {"_model": model, **model.attributes()}
