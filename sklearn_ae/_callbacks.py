"""scikit-learn's callbacks (1.9), which learn of each epoch of a fit."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn before 1.9 has none

    class CallbackSupportMixin:
        """Stand-in with nothing to support."""


__all__ = ["EpochReports"]


class EpochReports(CallbackSupportMixin):
    """Mixin: call the callbacks of ``set_callbacks`` at the ends of fit and epochs."""

    def _begin_reports(self) -> None:
        """Let the callbacks prepare; the first thing in ``fit``."""
        if hasattr(self, "_init_callback_context"):
            self._init_callback_context(max_subtasks=None)

    @contextmanager
    def _reported(self, X, n_epochs: int) -> Iterator[tuple[Callable, Callable]]:
        """Report the training in a block, and yield what to call around epochs.

        The second function returns whether a callback wants training to end.
        """
        root = getattr(self, "_callback_fit_ctx", None)
        if root is None or not getattr(self, "_skl_callbacks", None):
            yield _nothing, _nothing
            return
        root.max_subtasks = n_epochs  # not known before rows were held out
        root.call_on_fit_task_begin(estimator=self, X=X)
        running = []

        def begin_epoch() -> None:
            running.append(root.subcontext(task_name="epoch"))
            running[-1].call_on_fit_task_begin(estimator=self, X=X)

        def end_epoch() -> bool:
            return running.pop().call_on_fit_task_end(
                estimator=self,
                X=X,
                reconstruction_attributes=lambda: {
                    "module_": copy.deepcopy(self.module_)
                },
            )

        yield begin_epoch, end_epoch

    def _end_reports(self, X) -> None:
        """Report the fitted estimator; the last thing in ``fit``."""
        root = getattr(self, "_callback_fit_ctx", None)
        if root is not None:
            root.call_on_fit_task_end(
                estimator=self, X=X, reconstruction_attributes=dict
            )


def _nothing() -> bool:
    return False
