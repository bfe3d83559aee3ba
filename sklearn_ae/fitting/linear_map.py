"""Linear encoding and decoding in float64, for models that are PCA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from .scaling import Scaling

__all__ = ["LINEAR", "LinearMap"]

#: Names of a module's linear weights: the encoder's with its bias, and the decoder's.
LINEAR = tuple(
    f"{half}.linear.{part}"
    for half in ("encoder", "decoder")
    for part in ("weight", "bias")
)

# Rows are worked on in blocks of about this many values.
_BLOCK_VALUES = 2**22


@dataclass(frozen=True, eq=False)
class LinearMap:
    """What PCA does to rows in the units of X, without the rounding of float32.

    Parameters
    ----------
    weight : ndarray of shape (n_features, n_components)
        What rows are multiplied by.
    bias : ndarray of shape (n_components,)
        What is added to products of centred rows.
    components : ndarray of shape (n_components, n_features)
        What codes are multiplied by.
    left : ndarray of shape (n_features,)
        What is added then to have centred rows.
    shift : ndarray of shape (n_features,)
        What is taken from rows to centre them.
    centres_first : bool
        Whether rows are centred before they are multiplied, which takes time, because
        columns lie so far from 0 that products would lose digits.
    """

    weight: np.ndarray
    bias: np.ndarray
    components: np.ndarray
    left: np.ndarray
    shift: np.ndarray
    centres_first: bool

    @classmethod
    def of(
        cls, weights: dict[str, np.ndarray], scaling: Scaling, code_scale: float
    ) -> LinearMap:
        """Return the map of a module's linear weights, which are those of scaled rows.

        Codes are in units of ``code_scale``.
        """
        down, bias, up, left = (weights[name].astype(np.float64) for name in LINEAR)
        scale = scaling.scale
        return cls(
            np.ascontiguousarray((down / scale).T) * code_scale,
            bias * code_scale,
            np.ascontiguousarray(up.T) * (scale / code_scale),
            left * scale,
            scaling.shift,
            bool(scaling.is_far.any()),
        )

    def encode(self, X: np.ndarray | sp.csr_array) -> np.ndarray:
        """Return codes of rows."""
        if self.centres_first and not sp.issparse(X):
            return self._encode_centred(X - self.shift)
        return X @ self.weight + (self.bias - self.shift @ self.weight)

    def decode(self, codes: np.ndarray | sp.csr_array) -> np.ndarray:
        """Return rows of codes."""
        return self._decode_centred(codes) + self.shift

    def reconstruct(self, X: np.ndarray | sp.csr_array) -> np.ndarray:
        """Return rows encoded and decoded."""
        return np.concatenate(
            [
                self._decode_centred(self._encode_centred(rows)) + self.shift
                for rows in self._centred_blocks(X)
            ]
        )

    def squared_errors(self, X: np.ndarray | sp.csr_array) -> np.ndarray:
        """Return the mean squared error of each row."""
        return np.concatenate(
            [
                np.square(self._decode_centred(self._encode_centred(rows)) - rows).mean(
                    axis=1
                )
                for rows in self._centred_blocks(X)
            ]
        )

    def _encode_centred(self, rows: np.ndarray) -> np.ndarray:
        return rows @ self.weight + self.bias

    def _decode_centred(self, codes: np.ndarray | sp.csr_array) -> np.ndarray:
        return codes @ self.components + self.left

    def _centred_blocks(self, X: Any) -> Iterator[np.ndarray]:
        size = max(1, _BLOCK_VALUES // X.shape[1])
        for first in range(0, X.shape[0], size):
            rows = X[first : first + size]
            yield (rows.toarray() if sp.issparse(rows) else rows) - self.shift
