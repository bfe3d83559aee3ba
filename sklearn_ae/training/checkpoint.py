"""The best state of a module, kept while it trains."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["BestState"]


class BestState:
    """Copy of a module's tensors at its lowest loss so far.

    Parameters
    ----------
    module : torch.nn.Module
        The module that trains; its present state is the first candidate.
    loss : float
        Its loss now.
    tol : float
        Share of the best loss by which a loss must be lower to count as progress.
    epoch : int, default=0
        Epochs that the module has already been trained for.

    Attributes
    ----------
    loss : float
        Lowest loss so far.
    epoch : int
        Epoch that reached it.
    n_stalled : int
        Epochs since the last progress.
    """

    def __init__(
        self, module: nn.Module, loss: float, tol: float, epoch: int = 0
    ) -> None:
        self.tensors = [*module.parameters(), *module.buffers()]
        self.copies = [tensor.detach().clone() for tensor in self.tensors]
        self.tol = float(tol)  # inf times a NumPy number would warn
        self.loss = self.bar = loss
        self.epoch = epoch
        self.n_stalled = 0

    @torch.no_grad()
    def update(self, loss: float, epoch: int) -> bool:
        """Take the present state if its loss is the lowest; return whether it was."""
        self.n_stalled += 1
        # The margin is taken of the magnitude: a likelihood may be negative.
        if loss < self.bar - self.tol * abs(self.bar):
            self.bar, self.n_stalled = loss, 0
        if not loss < self.loss:
            return False
        self.loss, self.epoch = loss, epoch
        for copy, tensor in zip(self.copies, self.tensors, strict=True):
            copy.copy_(tensor)
        return True

    @torch.no_grad()
    def restore(self) -> None:
        """Put the best state back into the module."""
        for copy, tensor in zip(self.copies, self.tensors, strict=True):
            tensor.copy_(copy)

    def state(self, with_copies: bool = True) -> dict[str, Any]:
        """Return a copy of what is known, as numbers and tensors.

        Parameters
        ----------
        with_copies : bool, default=True
            False leaves out the tensors, for a module that is in its best state.
        """
        state = {n: getattr(self, n) for n in ("loss", "bar", "epoch", "n_stalled")}
        if with_copies:
            state["copies"] = [copy.clone() for copy in self.copies]
        return state

    @torch.no_grad()
    def set_state(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`state` returned, once the module is as it was then."""
        self.loss, self.bar = state["loss"], state["bar"]
        self.epoch, self.n_stalled = state["epoch"], state["n_stalled"]
        best = state.get("copies", self.tensors)
        for copy, tensor in zip(self.copies, best, strict=True):
            copy.copy_(tensor)
