"""Codes whose first values are codes of their own."""

from __future__ import annotations

import copy
import warnings
from numbers import Integral
from typing import ClassVar

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted
from torch import nn

from ._pca import is_real_gain
from .exceptions import PCAFloorWarning
from .nn.autoencoder import Autoencoder
from .nn.nested import (
    NestedAutoencoder,
    NestedObjective,
    load_first,
    sizes_to_judge,
)
from .training.batches import Rows
from .training.seeding import isolated_rng

__all__ = ["NestedCodes"]

# Rows on which all sizes are judged.
_MOST_JUDGED = 1000

# The least share of the variance that counts as PCA's loss: a loss of nothing cannot be
# divided by.
_LEAST_SHARE = 1e-3

_PER_SIZE = ("explained_variance_ratio_", "_gains", "_size_errors", "_pca_size_errors")


class NestedCodes:
    """Mixin: train one code of which each beginning is a good code.

    Adds the parameter `nested`, :meth:`truncate`, ``explained_variance_ratio_``, and
    the choice of ``n_components`` by the variance of held-out rows.
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "nested": ["boolean", "array-like"],
    }

    # The width that a fit has found for a share of the variance.
    _found_width: int | None = None

    # --------------------------------------------------------------- module and loss

    def _check_parameters(self, continues: bool) -> None:
        super()._check_parameters(continues)
        if isinstance(self.nested, bool | np.bool_):
            return
        sizes = list(self.nested)
        if not sizes or not all(isinstance(k, Integral) and k > 0 for k in sizes):
            raise ValueError(
                "nested must be True, False or hold code sizes, integers of at least "
                f"1; got {self.nested!r}."
            )

    @property
    def _is_nested(self) -> bool:
        return not isinstance(self.nested, bool | np.bool_) or bool(self.nested)

    @property
    def _betas(self) -> tuple[float, float]:
        # The losses of drawn sizes change from batch to batch; a shorter memory of
        # their squares made each size's error about one percent lower.
        return (0.9, 0.99) if self._is_nested else super()._betas

    def _choose_width(self, n_samples: int) -> int | float:
        if self._found_width is not None:
            return self._found_width
        width = super()._choose_width(n_samples)
        if self._is_nested:
            self._check_nesting(width)
        return width

    def _check_nesting(self, width: int | float) -> None:
        if not self._has_pca_start:
            raise ValueError(
                "nested codes need a linear code of n_components values; got "
                f"{self._find_architecture()!r}. Leave out the code's activation and "
                "feature maps as codes, or set nested=False."
            )
        if self.pretraining is not None:
            raise ValueError(
                "pretraining must be None where codes are nested; got "
                f"{self.pretraining!r}. Set nested=False to pretrain layer by layer."
            )
        if not isinstance(width, int):
            return
        if self._sizes and not min(self._sizes) < width >= max(self._sizes):
            raise ValueError(
                f"nested must hold sizes up to n_components = {width}, and a smaller "
                f"one; got {self.nested!r}."
            )
        if width > self.n_features_in_:
            raise ValueError(
                f"n_components must be at most n_features = {self.n_features_in_} "
                f"where codes are nested; got {width}."
            )

    def _build_module(self, n_features: int, n_components: int) -> Autoencoder:
        if not self._is_nested:
            return super()._build_module(n_features, n_components)
        parts = self._build_parts(n_features, n_components)
        return NestedAutoencoder(*parts, n_components=n_components, at=self._sizes)

    @property
    def _sizes(self) -> tuple[int, ...]:
        """The sizes that were asked for; none means all."""
        is_flag = isinstance(self.nested, bool | np.bool_)
        return () if is_flag else tuple(self.nested)

    def _build_objective(self) -> nn.Module:
        objective = super()._build_objective()
        if not self._is_nested:
            return objective
        losses = self._pca.residuals(self.n_components_)
        losses = np.maximum(losses, _LEAST_SHARE * (losses[0] + self._pca.variances[0]))
        return NestedObjective(objective, torch.as_tensor(losses, dtype=torch.float32))

    @property
    def _row_objective(self) -> nn.Module:
        objective = super()._row_objective
        return objective.objective if self._is_nested else objective

    @property
    def _name_of_loss(self) -> str:
        if not self._is_nested:
            return super()._name_of_loss
        return "Loss over PCA's at the same code size"

    def _loss(self, block: torch.Tensor) -> torch.Tensor:
        if not self._is_nested:
            return super()._loss(block)
        # The whole code decides; small ones are judged one by one, see truncate.
        return self._judge_output((self.module_.forward_whole(block),), block)

    def _pca_objective(self, block: torch.Tensor) -> torch.Tensor:
        if not self._is_nested:
            return super()._pca_objective(block)
        corrupted = self.module_.corruption(block)
        sizes = sizes_to_judge(self.n_components_)
        rebuilt = torch.empty_like(corrupted)
        for start, size in enumerate(sizes):
            chosen = corrupted[start :: len(sizes)]
            rebuilt[start :: len(sizes)] = self._pca.first(size).reconstruct(chosen)
        return self.net_.criterion_.per_row((self._link(rebuilt),), block)

    # ---------------------------------------------------------------------- fitting

    @property
    def _goes_by_share(self) -> bool:
        return not isinstance(self.n_components, Integral | None)

    def _find_width(self, X, X_val, seed: int, device: torch.device) -> None:
        """Find the smallest code that keeps a share, by a nested fit."""
        self._found_width = None
        if not self._goes_by_share or self._is_nested or not self._has_pca_start:
            return
        helper = clone(self).set_params(nested=True, callbacks=None, pretraining=None)
        helper._purpose = "finding n_components"
        helper.n_features_in_, helper._row_shape = self.n_features_in_, self._row_shape
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PCAFloorWarning)
            if helper._fit(X, X_val, seed, device, continues=False):
                raise KeyboardInterrupt
        self._found_width = helper.n_components_

    def _keep_share(self) -> None:
        if self._goes_by_share and self._is_nested:
            self._keep_first(self._count_components(float(self.n_components)))

    def _count_components(self, share: float) -> int:
        """Return the number of codes that keep a share of the held-out variance."""
        reached = np.flatnonzero(self.explained_variance_ratio_.cumsum() >= share)
        return int(reached[0]) + 1 if len(reached) else self.n_components_

    def _record_sizes(self, rows: Rows) -> None:
        for name in _PER_SIZE:
            vars(self).pop(name, None)
        if not self._is_nested:
            return
        rows = rows.sample(_MOST_JUDGED, self.net_.seed)
        sizes = range(1, self.n_components_ + 1)
        module = self.module_

        def clean_errors(block: torch.Tensor) -> torch.Tensor:
            return self._errors_at(sizes, block, block)

        def errors(block: torch.Tensor) -> torch.Tensor:
            return self._errors_at(sizes, module.corruption(block), block)

        def pca_errors(block: torch.Tensor) -> torch.Tensor:
            corrupted = module.corruption(block)
            rebuilt = (self._pca.first(k).reconstruct(corrupted) for k in sizes)
            rebuilt = (module.output(self._link(rows)) for rows in rebuilt)
            return self._errors_in_units(rebuilt, block)

        mean = torch.as_tensor((self.mean_ - self._shift) / self.scale_)
        spread = self._squared_error(lambda block: mean.to(block).expand_as(block))
        total = self._per_row(spread, rows).mean(dtype=np.float64)
        ours, pcas = self._judge(errors, rows), self._judge(pca_errors, rows)
        pairs = zip(ours.T, pcas.T, strict=True)
        self._gains = np.array([is_real_gain(*pair) for pair in pairs])
        self._size_errors = ours.mean(0, dtype=np.float64)
        self._pca_size_errors = pcas.mean(0, dtype=np.float64)
        clean = ours
        if not isinstance(module.corruption, nn.Identity):
            clean = self._per_row(clean_errors, rows)
        shares = 1 - clean.mean(0, dtype=np.float64) / total
        self.explained_variance_ratio_ = np.diff(shares, prepend=0.0)

    def _errors_at(
        self, sizes: range, given: torch.Tensor, wanted: torch.Tensor
    ) -> torch.Tensor:
        """Return the errors of rows that are rebuilt from codes of several sizes."""
        code = self.module_.encode(given)
        rebuilt = (self.module_.decode_first(code, size) for size in sizes)
        return self._errors_in_units(rebuilt, wanted)

    def _errors_in_units(self, rebuilt, block: torch.Tensor) -> torch.Tensor:
        """Return the mean squared errors of rows, one column for each size."""
        columns = [self._squared_error(lambda _, r=r: r)(block) for r in rebuilt]
        return torch.stack(columns, 1)

    # ----------------------------------------------------------------- smaller codes

    def truncate(self, n_components: int):
        """Return the fitted estimator of a smaller code, without any training.

        It is not nested itself. To polish it, let it go on for some epochs:
        ``truncated.set_params(warm_start=True, max_iter=5).fit(X)``.

        Parameters
        ----------
        n_components : int
            Number of codes to keep, the first ones; at most ``n_components_``.

        Returns
        -------
        truncated : object
            A fitted estimator of the same class, whose codes are the first columns of
            this one's. Where the network is not reliably better than PCA at this
            size on held-out rows, it is PCA.

        Raises
        ------
        ValueError
            If the codes are not nested, or there are not so many.
        """
        check_is_fitted(self)
        if not self._structure["nested"]:
            raise ValueError(
                "truncate needs codes that were trained to be cut off; got "
                f"nested={self.nested!r}. Fit with nested=True, and truncate that one."
            )
        if not isinstance(n_components, Integral) or not (
            1 <= n_components <= self.n_components_
        ):
            raise ValueError(
                "n_components must be an integer from 1 to n_components_ = "
                f"{self.n_components_}; got {n_components!r}."
            )
        truncated = copy.deepcopy(self)
        truncated.set_params(n_components=int(n_components))
        truncated._keep_first(int(n_components), nested=False)
        return truncated

    def _keep_first(self, size: int, nested: bool = True) -> None:
        """Make a fitted estimator that of its first codes."""
        source = self.module_ if nested else self.module_.cut(size)
        if not nested:
            self.set_params(nested=False)
            self._structure = {**self._structure, "nested": False}
        error, pca_error = self._size_errors[size - 1], self._pca_size_errors[size - 1]
        self.beats_pca_ = bool(self._gains[size - 1])
        is_pca = self._starts_at_pca and not self.beats_pca_
        self.reconstruction_error_ = float(pca_error if is_pca else error)
        self.pca_reconstruction_error_ = float(pca_error)
        width, self.n_components_ = self.n_components_, size
        self._pca = self._pca.first(size)
        for name in _PER_SIZE:
            setattr(self, name, getattr(self, name)[:size])
        net, device = self.net_, torch.device(self.device_)
        with self._as_fitted(), isolated_rng(net.seed, device):
            module = self._start_module(self._pca)
            if not is_pca:
                load_first(module, source, size, width)
            # Callbacks have seen the fit, and must not start again.
            history = list(net.history)
            self._install(module, net.batch_size, net.seed, device, history, ())
