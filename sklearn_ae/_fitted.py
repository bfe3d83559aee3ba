"""Using a fitted model: codes, reconstructions, scores, pickling."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from ._estimator import ModuleEstimator
from .nn.autoencoder import Autoencoder, CodeDecoder, RowEncoder
from .nn.summary import Summary, summarize
from .training.batches import Rows
from .training.precision import resolve_device
from .training.seeding import isolated_rng

__all__ = ["FittedAutoencoder"]


class FittedAutoencoder(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, ModuleEstimator
):
    """The half of an estimator that works once ``module_`` is there.

    The other half, :class:`~sklearn_ae._base.BaseAutoencoder`, makes it.
    """

    @abstractmethod
    def _build_module(self, n_features: int, n_components: int) -> Autoencoder:
        """Return the module with fresh weights, on the CPU."""

    @abstractmethod
    def _check_values(self, X, name: str) -> None:
        """Raise a ValueError if the loss is not made for the values of X."""

    @abstractmethod
    def _install(self, module, batch_size, seed, device, history) -> None:
        """Put a net around a module."""

    # ------------------------------------------------- functions of a block of rows

    def _squared_error(self, function: Callable) -> Callable:
        """Turn a reconstruction into the row's mean squared error in X's units."""

        def squared_error(block: torch.Tensor) -> torch.Tensor:
            scale = torch.as_tensor(self.scale_).to(block)
            return ((function(block) - block) * scale).square().mean(1)

        return squared_error

    def _reconstruct(self, block: torch.Tensor) -> torch.Tensor:
        return self.module_.reconstruct(block)

    def _encode(self, block: torch.Tensor) -> torch.Tensor:
        return self.module_.encode(block)

    @torch.inference_mode()
    def _spread(self, function: Callable, rows: Rows) -> float:
        """Return the outputs' variance over rows, summed over features."""
        self.module_.eval()
        total = squares = 0.0
        for block in rows.blocks():
            output = function(block).cpu().double()
            total, squares = total + output.sum(0), squares + output.square().sum(0)
        return float((squares / len(rows) - (total / len(rows)).square()).sum())

    # ------------------------------------------------------------------- using it

    def _rows(self, X) -> Rows:
        check_is_fitted(self)
        X = self._validate_rows(X, reset=False)
        return Rows(X, self._shift, self.scale_, torch.device(self.device_))

    def _check_rows(self, X) -> None:
        """Raise an error if rows are not such as the model takes."""
        check_is_fitted(self)
        self._check_values(self._validate_rows(X, reset=False), "X")

    def transform(self, X) -> np.ndarray:
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components), float32
            Codes; where they are linear and ``scaling="global"`` they have the unit of
            X, as PCA's have. Those of :class:`VAE` have the prior's.
        """
        rows = self._rows(X)
        return self._per_row(self._encode, rows) * np.float32(self._code_unit)

    def inverse_transform(self, X) -> np.ndarray:
        """Decode codes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_components)
            Codes as :meth:`transform` returns them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features), float32
            Reconstructed rows, in the unit and with the axes of the training rows.
        """
        check_is_fitted(self)
        self._check_decodable()
        codes = check_array(
            X, accept_sparse="csr", dtype=np.float32, order="C", input_name="X"
        )
        if codes.shape[1] != self.n_components_:
            raise ValueError(
                f"X must hold codes of {self.n_components_} components, as transform "
                f"returns them; got {codes.shape[1]} columns. To reconstruct rows, use "
                "reconstruct."
            )
        width = self.n_components_
        unit = np.full(width, self._code_unit)
        rows = Rows(codes, np.zeros(width), unit, torch.device(self.device_))
        return self._to_units(self._per_row(self.module_.decode, rows))

    def reconstruct(self, X) -> np.ndarray:
        """Encode and decode rows in one pass.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features), float32
            ``inverse_transform(transform(X))``, with the axes of the training rows,
            unless an option of the estimator says otherwise.
        """
        return self._to_units(self._per_row(self._reconstruct, self._rows(X)))

    def score_samples(self, X) -> np.ndarray:
        """Return minus the mean squared reconstruction error of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float32
            In squared units of X, averaged over features; at most 0, and lower for
            more unusual rows.
        """
        return -self._per_row(self._squared_error(self._reconstruct), self._rows(X))

    def score(self, X, y=None) -> float:
        """Return the share of the variance that is reconstructed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.

        Returns
        -------
        score : float
            One minus the squared reconstruction error of X over its squared distance
            to the mean of the training rows. 1 is perfect; for a PCA of the training
            rows it is ``explained_variance_ratio_.sum()``. ``PCA.score`` is a
            log-likelihood and cannot be compared with it.
        """
        rows = self._rows(X)
        offset = torch.as_tensor((self.mean_ - self._shift) / self.scale_)
        errors = self._per_row(self._squared_error(self._reconstruct), rows)
        spread = self._per_row(
            self._squared_error(lambda block: offset.to(block).expand_as(block)), rows
        )
        return float(1 - errors.mean(dtype=np.float64) / spread.mean(dtype=np.float64))

    def _check_decodable(self) -> None:
        """Raise a ValueError if a code alone does not determine a reconstruction."""
        if not self.module_.decodes_bare_codes:
            raise ValueError(
                "inverse_transform needs a decoder that sees codes alone; with "
                "upsampling='unpool' it also needs the positions of the encoder's "
                "maxima, which codes do not hold. Use reconstruct(X), or "
                "upsampling='nearest'."
            )

    def _to_units(self, X: np.ndarray) -> np.ndarray:
        """Return scaled rows in the unit and the layout of the training rows."""
        rows = (X * self.scale_ + self._shift).astype(np.float32)
        return rows.reshape(len(rows), *self._row_shape)

    @property
    def encoder_(self) -> RowEncoder:
        """Copy of the encoder on the CPU: a torch module from flat rows to codes."""
        return RowEncoder(*self._half())

    @property
    def decoder_(self) -> CodeDecoder:
        """Copy of the decoder on the CPU: a torch module from codes to flat rows."""
        check_is_fitted(self)
        try:
            self._check_decodable()
        except ValueError as error:
            # Diagrams in notebooks look at all attributes, and skip those that are not.
            raise AttributeError(str(error)) from error
        return CodeDecoder(*self._half())

    def _half(self) -> tuple:
        check_is_fitted(self)
        return self.module_, self._shift, self.scale_, self._code_unit

    def summary(self) -> Summary:
        """Return a table of layers, output shapes and numbers of parameters.

        Returns
        -------
        summary : Summary
            Prints as text, and as a table in notebooks. Maps have torch's order of
            axes, ``(n, channels, height, width)``; n stands for the number of rows.
        """
        check_is_fitted(self)
        return summarize(self.module_, self.n_features_in_)

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _restore(self, weights: dict[str, torch.Tensor], net: tuple) -> None:
        history, batch_size, seed = net
        try:
            device = resolve_device(self.device_)
        except ValueError:
            device = torch.device("cpu")
        with self._as_fitted(), isolated_rng(seed, device):
            module = self._build_module(self.n_features_in_, self.n_components_)
            module.load_state_dict(weights)
            self._install(module, batch_size, seed, device, history)
