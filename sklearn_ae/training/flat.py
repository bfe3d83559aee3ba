"""One tensor for all parameters that share their optimizer's options.

An optimizer step then costs one call instead of one for each parameter, and so does the
conversion between the float32 values that are learned and the bfloat16 values that
training steps multiply.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["FlatParameters"]


class FlatParameters:
    """Parameters as views of one tensor, and their gradients as views of another.

    Parameters
    ----------
    parameters : sequence of torch.nn.Parameter
        Float32 parameters on one device, each given once.
    dtype : torch.dtype
        Type in which training steps see the parameters. The optimizer always updates
        float32 values.

    Attributes
    ----------
    values : torch.nn.Parameter of shape (n_values,)
        What the optimizer updates. Its ``grad`` is allocated once.
    """

    grad: torch.Tensor

    @torch.no_grad()
    def __init__(
        self, parameters: Sequence[nn.Parameter], dtype: torch.dtype = torch.float32
    ) -> None:
        self.parameters = list(parameters)
        values = torch.cat([p.detach().reshape(-1) for p in self.parameters])
        self.values = nn.Parameter(values)
        self.frozen: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.grad = torch.zeros_like(values)
        self.values.grad = self.grad
        self.has_copy = dtype != torch.float32
        if self.has_copy:
            self.copy = values.to(dtype)
            self.copy_grad = torch.zeros_like(self.copy)
        self._point_at(self.values.detach(), self.grad)

    def _point_at(self, values: torch.Tensor, grads: torch.Tensor) -> None:
        sizes = [parameter.numel() for parameter in self.parameters]
        views = zip(values.split(sizes), grads.split(sizes), strict=True)
        for parameter, (value, grad) in zip(self.parameters, views, strict=True):
            parameter.grad = None
            parameter.data = value.view_as(parameter)
            parameter.grad = grad.view_as(parameter)

    @contextmanager
    def in_training_type(self) -> Iterator[None]:
        """Let the parameters have the type of training steps within a block."""
        if not self.has_copy:
            yield
            return
        self.copy.copy_(self.values.detach())
        self._point_at(self.copy, self.copy_grad)
        try:
            yield
        finally:
            self._point_at(self.values.detach(), self.grad)

    def hold_frozen(self) -> None:
        """Take note of parameters that are frozen now, which are not to decay."""
        pieces = self.values.detach().split([p.numel() for p in self.parameters])
        self.frozen = [
            (piece, piece.clone())
            for parameter, piece in zip(self.parameters, pieces, strict=True)
            if not parameter.requires_grad
        ]

    def zero_grad(self) -> None:
        """Zero the gradients of the parameters in place."""
        (self.copy_grad if self.has_copy else self.grad).zero_()

    def before_step(self) -> None:
        """Hand the gradients to the optimizer."""
        if self.has_copy:
            self.grad.copy_(self.copy_grad)

    def after_step(self) -> None:
        """Hand the updated values to the parameters."""
        for piece, before in self.frozen:
            piece.copy_(before)
        if self.has_copy:
            self.copy.copy_(self.values.detach())
