"""The module that every estimator trains."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

__all__ = ["Autoencoder", "CodeDecoder", "InUnits", "RowEncoder"]


class Autoencoder(nn.Module):
    """Encoder and decoder in one module.

    Parameters
    ----------
    encoder : torch.nn.Module
        Maps ``(n, n_features)`` to ``(n, n_components)``.
    decoder : torch.nn.Module
        Maps ``(n, n_components)`` to the raw output ``(n, n_features)``.
    output : torch.nn.Module
        Elementwise map from the raw output to the reconstruction: the identity, or
        the sigmoid where the loss is taken on logits.
    corruption : torch.nn.Module, default=None
        What happens to rows before they are encoded while the module is trained or
        evaluated; None leaves them as they are.
    bottleneck : torch.nn.Module, default=None
        Elementwise or rowwise map from the encoder's output to the code; None is the
        identity.
    contrast : torch.nn.Module, default=None
        Part that compares codes in training, called with clean rows and the encoder;
        what it returns follows the code. None compares nothing.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        output: nn.Module,
        corruption: nn.Module | None = None,
        bottleneck: nn.Module | None = None,
        contrast: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.corruption = nn.Identity() if corruption is None else corruption
        self.encoder = encoder
        self.bottleneck = nn.Identity() if bottleneck is None else bottleneck
        self.decoder = decoder
        self.output = output
        self.contrast = contrast

    def encode(self, X: torch.Tensor) -> torch.Tensor:
        """Return the codes, shape (n, n_components)."""
        return self.bottleneck(self.encoder(X))

    def decode(self, code: torch.Tensor) -> torch.Tensor:
        """Return the reconstruction, shape (n, n_features)."""
        return self.output(self.decoder(code))

    def reconstruct(self, X: torch.Tensor) -> torch.Tensor:
        """Return rows encoded and decoded, shape (n, n_features)."""
        return self.decode(self.encode(X))

    def forward(self, X: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the decoder's raw output and the code, of corrupted rows.

        In training they may be followed by what the objective compares.
        """
        code = self.bottleneck(self.encoder(self.corruption(X)))
        raw = self.decoder(code)
        if self.contrast is None or not self.training:
            return raw, code
        # Noisy rows may follow the clean ones.
        return raw, code, *self.contrast(X[:, : raw.shape[1]], self.encode)

    def lasting_parameters(self) -> Iterator[nn.Parameter]:
        """Iterate over the parameters that encode and decode."""
        for name, parameter in self.named_parameters():
            if not name.startswith("contrast."):
                yield parameter

    def settled(self) -> Autoencoder:
        """Return the module without anything that only training needs."""
        if self.contrast is None:
            return self
        parts = self.encoder, self.decoder, self.output, self.corruption
        return Autoencoder(*parts, self.bottleneck)

    def forward_whole(self, X: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return what :meth:`forward` does, from whole codes."""
        return self(X)


class InUnits(nn.Module):
    """Base of modules that know the scaling which belongs to an autoencoder.

    Parameters
    ----------
    module : Autoencoder
        A copy on the CPU, in evaluation mode.
    shift, scale : ndarray of shape (n_features,)
        Scaled rows are ``(X - shift) / scale``.
    """

    shift: torch.Tensor
    scale: torch.Tensor
    module: Any

    def __init__(
        self, module: Autoencoder, shift: np.ndarray, scale: np.ndarray
    ) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("shift", torch.tensor(shift))
        self.register_buffer("scale", torch.tensor(scale))

    def _scaled(self, X: torch.Tensor) -> torch.Tensor:
        return ((X - self.shift) / self.scale).float()


class _Half(InUnits):
    """Half of a trained autoencoder.

    Parameters
    ----------
    module : Autoencoder
        Copied to the CPU; the half that is not needed is left out.
    shift, scale : ndarray of shape (n_features,)
        As for :class:`InUnits`.
    unit : float
        Unit of the codes.
    """

    _other_half: str

    def __init__(
        self, module: Autoencoder, shift: np.ndarray, scale: np.ndarray, unit: float
    ) -> None:
        super().__init__(copy.deepcopy(module).cpu().eval().settled(), shift, scale)
        setattr(self.module, self._other_half, nn.Identity())
        self.unit = unit


class RowEncoder(_Half):
    """Map rows in the units of X to codes."""

    _other_half = "decoder"

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_features)`` to ``(n, n_components)``, float32."""
        return self.module.encode(self._scaled(X)) * self.unit


class CodeDecoder(_Half):
    """Map codes to rows in the units of X."""

    _other_half = "encoder"

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_components)`` to ``(n, n_features)``.

        Rows are of float64 where codes are, and of float32 otherwise.
        """
        scaled = self.module.decode(code.float() / self.unit)
        dtype = torch.promote_types(code.dtype, torch.float32)
        return (scaled * self.scale + self.shift).to(dtype)
