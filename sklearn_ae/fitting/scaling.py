"""How a table becomes scaled rows, and scaled rows become a table again."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.preprocessing import StandardScaler

from ..nn.statistics import RowStatistics
from ..training.batches import PairedRows, PairedTable, Rows

__all__ = ["Scaling"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scaling(RowStatistics):
    """What is learned of a table before any network.

    Parameters
    ----------
    mean, shift, scale, deviation, low, high
        As in :class:`~sklearn_ae.nn.statistics.RowStatistics`.
    code_scale : float
        What codes in scaled units are multiplied by to have the unit of X; 1 where
        features have no unit in common.
    row_shape : tuple of int
        Shape of a row of X.
    """

    code_scale: float
    row_shape: tuple[int, ...]

    @classmethod
    def learn(
        cls,
        X: np.ndarray | sp.csr_array,
        scaling: str | None,
        row_shape: tuple[int, ...],
        *,
        extremes: bool = False,
    ) -> Scaling:
        """Learn the scaling of a table.

        Parameters
        ----------
        X : ndarray or CSR of shape (n_samples, n_features)
            Rows.
        scaling : {"global", "per_feature"} or None
            One scale for all features, one for each, or the rows as they are.
        row_shape : tuple of int
            Shape of a row of X.
        extremes : bool, default=False
            Also find the smallest and the largest value of each feature.

        Raises
        ------
        ValueError
            If all columns are constant.
        """
        scaler = StandardScaler(with_mean=not sp.issparse(X)).fit(X)
        if not scaler.var_.any():
            raise ValueError(
                "X must vary in at least one column, or there is nothing to encode; "
                f"all {X.shape[1]} columns are constant. Check how X was made."
            )
        n_features, overall = X.shape[1], np.sqrt(scaler.var_.mean())
        scale = {
            "global": np.full(n_features, overall),
            "per_feature": scaler.scale_,
            None: np.ones(n_features),
        }[scaling]
        is_own = scaling == "per_feature"
        low = high = None
        if extremes:
            low, high = (_as_row(extreme) for extreme in (X.min(axis=0), X.max(axis=0)))
        return cls(
            mean=scaler.mean_,
            shift=np.zeros(n_features) if scaling is None else scaler.mean_,
            scale=scale,
            deviation=np.sqrt(scaler.var_) if is_own else np.full(n_features, overall),
            low=low,
            high=high,
            # Where all features share one unit, codes have it too, as PCA's do.
            code_scale=float(overall) if scaling == "global" else 1.0,
            row_shape=row_shape,
        )

    def rows(
        self,
        X: np.ndarray | sp.csr_array | PairedTable,
        device: torch.device,
        index: np.ndarray | None = None,
    ) -> Rows:
        """Return scaled rows of a table, without a copy."""
        if isinstance(X, PairedTable):
            return PairedRows(X, self.shift, self.scale, device, index)
        return Rows(X, self.shift, self.scale, device, index)

    def __getstate__(self) -> dict[str, Any]:
        """Keep one value of arrays that hold no other."""
        return {name: _squeeze(value) for name, value in vars(self).items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Repeat the values of such arrays."""
        n_features = prod(state["row_shape"])
        vars(self).update(
            {
                name: np.full(n_features, value[0])
                if isinstance(value, np.ndarray) and len(value) == 1
                else value
                for name, value in state.items()
            }
        )

    def to_units(self, rows: np.ndarray) -> np.ndarray:
        """Return scaled rows in the units and with the axes of the training rows."""
        X = (rows * self.scale + self.shift).astype(np.float32)
        return X.reshape(len(X), *self.row_shape)


def _squeeze(value: Any) -> Any:
    """Return an array that holds one value as an array of that value alone."""
    if isinstance(value, np.ndarray) and (value == value[0]).all():
        return value[:1].copy()
    return value


def _as_row(extremes) -> np.ndarray:
    return extremes.toarray().ravel() if sp.issparse(extremes) else extremes
