"""What every estimator is, whatever it learns: rows in, a torch module inside."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from math import prod
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from ._validation import check_container, check_magnitude
from .training.batches import Rows

__all__ = ["ModuleEstimator"]


@cache
def _documentation() -> str:
    """Return the address of the documentation, as the installed package states it."""
    try:
        urls = metadata("sklearn-ae").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    return dict(url.split(", ", 1) for url in urls).get("Documentation", "")


class ModuleEstimator(BaseEstimator, metaclass=ABCMeta):
    """Estimator that keeps what it learned in ``module_``, trained by ``net_``."""

    # scikit-learn links to this page from the diagram of an estimator in notebooks.
    _doc_link_module: ClassVar[str] = "sklearn_ae"

    @property
    def _doc_link_template(self) -> str:
        base = _documentation()
        page = "/generated/{estimator_module}.{estimator_name}.html"
        return base and base + page

    @abstractmethod
    def _restore(self, weights: dict[str, torch.Tensor], net: tuple) -> None:
        """Make ``module_`` and ``net_`` again after unpickling."""

    @property
    @abstractmethod
    def _name_of_loss(self) -> str:
        """What the loss curves hold, for their axis."""

    def _record_history(self) -> None:
        """Record the losses of each epoch."""
        history = self.net_.history
        self._loss_label = self._name_of_loss
        self.n_iter_ = len(history)
        self.loss_curve_ = [row["train_loss"] for row in history]
        self.validation_loss_curve_ = [row.get("valid_loss", np.nan) for row in history]

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Put everything learned before back if a block fails."""
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    @contextmanager
    def _as_fitted(self) -> Iterator[None]:
        """Give parameters that shape the module their values of the fit."""
        now = {name: getattr(self, name) for name in self._structure}
        try:
            vars(self).update(self._structure)
            yield
        finally:
            vars(self).update(now)

    # -------------------------------------------------------------- checking rows

    def _flatten(self, X, reset: bool, name: str):
        """Return images or signals as flat rows, and check that rows fit the model."""
        if getattr(X, "ndim", 0) <= 2:
            return X
        shape = tuple(X.shape[1:])
        if not reset and shape != self._row_shape:
            raise ValueError(
                f"the rows of {name} must have the shape {self._row_shape}, as in fit, "
                f"or be flat, with {self.n_features_in_} values; got rows of shape "
                f"{shape}. Reshape {name}."
            )
        return np.asarray(X).reshape(len(X), prod(shape))

    def _validate_rows(self, X, *, reset: bool, name: str = "X"):
        check_container(X, name)
        if isinstance(X, list | tuple) and np.ndim(X) > 2:
            X = np.asarray(X)
        row_shape = tuple(getattr(X, "shape", ())[1:])
        X = self._flatten(X, reset, name)
        X = validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            order="C",
            reset=reset,
            ensure_min_samples=2 if reset else 1,
        )
        check_magnitude(X, name)
        if reset:
            self._row_shape = row_shape if len(row_shape) > 1 else X.shape[1:]
        return X

    # ------------------------------------------------- functions of a block of rows

    @torch.inference_mode()
    def _blocks(
        self, function: Callable, rows: Rows, size: int | None = None
    ) -> Iterator[np.ndarray]:
        """Yield a function of the rows, block by block, in evaluation mode."""
        self.module_.eval()
        for block in rows.blocks(size):
            yield function(block).cpu().numpy()

    def _per_row(
        self, function: Callable, rows: Rows, size: int | None = None
    ) -> np.ndarray:
        """Return a function of all rows, computed in evaluation mode."""
        return np.concatenate(list(self._blocks(function, rows, size)))

    # -------------------------------------------------------------------- pickling

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether there is a module."""
        return hasattr(self, "module_")

    def __copy__(self) -> ModuleEstimator:
        """Share module and net, where pickling makes them anew."""
        shallow = type(self).__new__(type(self))
        vars(shallow).update(vars(self))
        return shallow

    def __getstate__(self) -> dict[str, Any]:
        """Replace module and net by NumPy weights, so that no device is needed."""
        state = dict(super().__getstate__())
        if "module_" in state:
            module, net = state.pop("module_"), state.pop("net_")
            weights = module.state_dict().items()
            state["_weights"] = {name: value.cpu().numpy() for name, value in weights}
            state["_net"] = (list(net.history), net.batch_size, net.seed)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build module and net again and load the weights."""
        state = dict(state)
        weights, net = state.pop("_weights", None), state.pop("_net", None)
        super().__setstate__(state)
        if weights is not None:
            self._restore({k: torch.tensor(v) for k, v in weights.items()}, net)
