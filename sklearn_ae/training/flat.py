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

# Each parameter begins at a multiple of so many values: of 64 bytes in bfloat16, and of
# 128 in float32. Tensors of their own begin so, too, and products of values that begin
# elsewhere are rounded otherwise: a network and its pickle would not be equal.
_ALIGNMENT = 32


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
        What the optimizer updates, with zeros between parameters. Its ``grad`` is
        allocated once.
    """

    grad: torch.Tensor

    @torch.no_grad()
    def __init__(
        self, parameters: Sequence[nn.Parameter], dtype: torch.dtype = torch.float32
    ) -> None:
        self.parameters = list(parameters)
        # Strides of each, without gaps.
        self.layouts = [torch.empty_like(p).stride() for p in self.parameters]
        self.sizes = [p.numel() for p in self.parameters]
        steps = [-(-size // _ALIGNMENT) * _ALIGNMENT for size in self.sizes]
        self.steps = steps
        values = self.parameters[0].new_zeros(sum(steps))
        for view, parameter in zip(self._views(values), self.parameters, strict=True):
            view.copy_(parameter)
        self.values = nn.Parameter(values)
        self.frozen: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.grad = torch.zeros_like(values)
        self.values.grad = self.grad
        self.has_copy = dtype != torch.float32
        if self.has_copy:
            self.copy = values.to(dtype)
            self.copy_grad = torch.zeros_like(self.copy)
        self._point_at(self.values.detach(), self.grad)

    def pieces(self, values: torch.Tensor) -> list[torch.Tensor]:
        """Return what of a tensor like `values` belongs to each parameter, flat."""
        parts = zip(values.split(self.steps), self.sizes, strict=True)
        return [part[:size] for part, size in parts]

    def join(self, pieces: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return a tensor like `values` of what belongs to each parameter."""
        whole = torch.zeros_like(self.grad)
        for piece, known in zip(self.pieces(whole), pieces, strict=True):
            piece.copy_(known)
        return whole

    def _views(self, values: torch.Tensor) -> list[torch.Tensor]:
        shapes = [parameter.shape for parameter in self.parameters]
        parts = zip(self.pieces(values), shapes, self.layouts, strict=True)
        return [piece.as_strided(shape, layout) for piece, shape, layout in parts]

    def _point_at(self, values: torch.Tensor, grads: torch.Tensor) -> None:
        views = zip(self._views(values), self._views(grads), strict=True)
        for parameter, (value, grad) in zip(self.parameters, views, strict=True):
            parameter.grad = None
            parameter.data = value
            parameter.grad = grad

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
        pieces = self.pieces(self.values.detach())
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
