"""A table of the layers of an autoencoder."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from html import escape

import torch
from torch import nn

from .autoencoder import Autoencoder

__all__ = ["Summary", "summarize"]


@dataclass(frozen=True)
class Summary:
    """Layers in the order in which rows pass them.

    Prints as a table, and shows as one in notebooks.

    Parameters
    ----------
    layers : list of tuple
        Name, output shape and number of parameters of each layer; a shared parameter
        counts where it is met first. The row named "code" has the code's shape.

    See Also
    --------
    AutoencoderTransformer.summary : Makes it.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import AutoencoderTransformer
    >>> X, _ = load_digits(return_X_y=True)
    >>> ae = AutoencoderTransformer(8, max_iter=10)
    >>> ae = ae.set_params(random_state=0).fit(X)
    >>> ae.summary().n_parameters == ae.n_parameters_
    True
    """

    layers: list[tuple[str, tuple[int, ...], int]]

    @property
    def n_parameters(self) -> int:
        """Number of parameters in all."""
        return sum(number for _, _, number in self.layers)

    def _cells(self) -> list[tuple[str, str, str]]:
        return [
            (name, f"(n, {', '.join(map(str, shape))})" if shape else "", f"{number:,}")
            for name, shape, number in self.layers
        ]

    def __str__(self) -> str:
        """Draw the table in text."""
        rows = [("Layer", "Output shape", "Parameters"), *self._cells()]
        wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"{a:<{wide[0]}}  {b:<{wide[1]}}  {c:>{wide[2]}}" for a, b, c in rows]
        rule = "-" * len(lines[0])
        total = f"Total parameters: {self.n_parameters:,}"
        return "\n".join([lines[0], rule, *lines[1:], rule, total])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Draw the table for notebooks."""
        head = "<tr><th>Layer</th><th>Output shape</th><th>Parameters</th></tr>"
        body = "".join(
            f"<tr><td>{escape(name)}</td><td>{shape}</td>"
            f'<td style="text-align: right">{number}</td></tr>'
            for name, shape, number in self._cells()
        )
        return (
            f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
            f"<p>Total parameters: {self.n_parameters:,}</p>"
        )


@torch.inference_mode()
def summarize(module: Autoencoder, n_features: int) -> Summary:
    """Send two rows through a module and note what each layer returns.

    Parameters
    ----------
    module : Autoencoder
        Module in any state; its state does not change.
    n_features : int
        Width of a row.
    """
    # A copy, because calls in other threads would pass the hooks too.
    module = copy.deepcopy(module).eval()
    layers, counted = [], set()

    def note(name: str, part: nn.Module):
        def hook(_, inputs, output):
            fresh = [p for p in part.parameters(recurse=False) if id(p) not in counted]
            counted.update(map(id, fresh))
            label = f"{name} ({type(part).__name__.lstrip('_')})"
            first = output[0] if isinstance(output, tuple) else output
            shape = tuple(first.shape[1:])
            layers.append((label, shape, sum(p.numel() for p in fresh)))

        return hook

    for name, part in module.named_modules():
        if part is module.bottleneck and isinstance(part, nn.Identity):
            continue
        if not list(part.children()) or list(part.parameters(recurse=False)):
            part.register_forward_hook(note(name, part))
    device = next(module.parameters()).device
    code = module.encode(torch.zeros(2, n_features, device=device))
    layers.append(("code", tuple(code.shape[1:]), 0))
    module.decode(code)
    others = {
        id(p): p.numel() for p in module.lasting_parameters() if id(p) not in counted
    }
    if others:
        layers.append(("parameters of no layer's own", (), sum(others.values())))
    return Summary(layers)
