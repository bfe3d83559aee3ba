"""One tensor for all parameters that share their optimizer's options.

An optimizer step then costs one call instead of one for each parameter, which is a
large part of the time of a step where layers are small.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

__all__ = ["FlatParameters"]


class FlatParameters:
    """Parameters as views of one tensor, and their gradients as views of another.

    Parameters
    ----------
    parameters : sequence of torch.nn.Parameter
        Float parameters on one device, each given once.

    Attributes
    ----------
    values : torch.nn.Parameter of shape (n_values,)
        What the optimizer updates. Its ``grad`` is allocated once and must be
        zeroed in place.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.parameters = list(parameters)
        with torch.no_grad():
            values = torch.cat([p.detach().reshape(-1) for p in self.parameters])
            self.values = nn.Parameter(values)
            self.values.grad = torch.zeros_like(values)
            sizes = [p.numel() for p in self.parameters]
            views = zip(values.split(sizes), self.values.grad.split(sizes), strict=True)
            for parameter, (value, grad) in zip(self.parameters, views, strict=True):
                parameter.data = value.view_as(parameter)
                parameter.grad = grad.view_as(parameter)
