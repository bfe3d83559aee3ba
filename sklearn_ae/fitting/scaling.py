"""How a table becomes scaled rows, and scaled rows become a table again."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.preprocessing import StandardScaler

from ..nn.statistics import CountStatistics, RowStatistics
from ..training.batches import PairedRows, PairedTable, Rows
from .robust import find_reach

__all__ = ["Scaling"]

# Below it float32 loses digits, and its reciprocal leaves float32.
_MIN_DEVIATION = 1e-35

# Columns further from 0 than so many standard deviations lose two of float32's digits.
_MAX_DISTANCE = 100

# Squared errors of rows are of float32 where the standard deviation lies between this
# and its reciprocal. Even those of rows a million times closer, or farther, fit then.
_MIN_UNIT = 1e-12


@dataclass(frozen=True, eq=False, kw_only=True)
class Scaling(RowStatistics):
    """What is learned of a table before any network.

    Parameters
    ----------
    mean, shift, scale, deviation, feature_deviations, low, high, reach, counts
        As in :class:`~sklearn_ae.nn.statistics.RowStatistics`.
    code_scale : float
        What codes in scaled units are multiplied by to have the unit of X; 1 where
        features have no unit in common.
    row_shape : tuple of int
        Shape of a row of X.
    dtype : {"float32", "float64"}
        Type of X.
    """

    code_scale: float
    row_shape: tuple[int, ...]
    dtype: str

    @classmethod
    def learn(
        cls,
        X: np.ndarray | sp.csr_array,
        scaling: str | None,
        row_shape: tuple[int, ...],
        *,
        extremes: bool = False,
        robust: bool = False,
        counts: CountStatistics | None = None,
        centres_far: bool = False,
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
        robust : bool, default=False
            Find values that are far from the others, and draw them in first.
        counts : CountStatistics, default=None
            What is known of counts, which are not centred: those that are large in one
            feature and small in another keep all digits.
        centres_far : bool, default=False
            Also centre columns that lie so far from 0 that float32 would take their
            digits where rows stay as they are.

        Raises
        ------
        ValueError
            If all columns are constant, or vary by less than float32 can hold.
        """
        is_sparse = sp.issparse(X)
        # Of sparse rows it returns numbers in their type, whose squares may be none.
        values = X.astype(np.float64) if is_sparse else X
        reach = find_reach(X) if robust else None
        if reach is not None:
            values = np.clip(X, *(bound.astype(X.dtype) for bound in reach))
        scaler = StandardScaler(with_mean=not is_sparse).fit(values)
        _check_deviations(X, np.sqrt(scaler.var_))
        n_features, overall = X.shape[1], np.sqrt(scaler.var_.mean())
        scale = {
            "global": np.full(n_features, overall),
            "per_feature": np.where(
                scaler.var_ < _MIN_DEVIATION**2, 1.0, scaler.scale_
            ),
            None: np.ones(n_features),
        }[scaling]
        is_own, deviations = scaling == "per_feature", np.sqrt(scaler.var_)
        is_centred: Any = scaling is not None and counts is None
        if scaling is None and centres_far:
            is_centred = _is_far(scaler.mean_, deviations)
        low = high = None
        if extremes:
            low, high = (_as_row(extreme) for extreme in (X.min(axis=0), X.max(axis=0)))
        return cls(
            mean=scaler.mean_,
            # In the type of X, in which rows are centred.
            shift=_find_shift(scaler.mean_, is_centred, X.dtype),
            scale=scale,
            deviation=deviations if is_own else np.full(n_features, overall),
            feature_deviations=deviations,
            low=low,
            high=high,
            reach=reach,
            counts=counts,
            # Where all features share one unit, codes have it too, as PCA's do.
            code_scale=float(overall) if scaling == "global" else 1.0,
            row_shape=row_shape,
            dtype=X.dtype.name,
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

    def to_units(
        self, rows: np.ndarray, dtype: np.typing.DTypeLike = np.float32
    ) -> np.ndarray:
        """Return scaled rows in the units and with the axes of the training rows.

        Scale and mean come back in float64, so that rows have the seven digits of
        float32 in their distance from the mean, however far from 0 that is. The result
        is of float64 where the training rows were, or where `dtype` is.
        """
        return self.to_shape(rows * self.scale + self.shift, dtype)

    def to_shape(
        self, X: np.ndarray, dtype: np.typing.DTypeLike = np.float32
    ) -> np.ndarray:
        """Return rows in the units of X with the axes and type of training rows."""
        X = X.astype(np.result_type(dtype, self.dtype), copy=False)
        return X.reshape(len(X), *self.row_shape)

    def squares(self, differences: torch.Tensor) -> torch.Tensor:
        """Return squares of differences of scaled rows, in squared units of X.

        In float64, because squares of 1e-21 and less are 0 in float32.
        """
        if differences.device.type == "mps":  # which has no float64
            differences = differences.cpu()
        scale = torch.tensor(self.scale, device=differences.device)
        return (differences.double() * scale).square()

    @property
    def is_wide(self) -> bool:
        """Whether training rows have more digits than float32."""
        return self.dtype == "float64"

    @property
    def is_far(self) -> np.ndarray:
        """Whether float32 would take digits of each column if it were not centred."""
        return _is_far(self.mean, self.feature_deviations)

    @property
    def fits_float32(self) -> bool:
        """Whether float32 has room for squared errors in the units of X."""
        unit = self.deviation.max()
        return bool(_MIN_UNIT < unit < 1 / _MIN_UNIT)


def _find_shift(mean: np.ndarray, is_centred: Any, dtype: np.dtype) -> np.ndarray:
    """Return the mean of columns that are centred, as a type rounds it, and 0."""
    shift = np.where(is_centred, mean.astype(dtype).astype(np.float64), 0.0)
    # One array for both takes half the room in pickles.
    return mean if np.array_equal(shift, mean) else shift


def _is_far(mean: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    return np.abs(mean) > _MAX_DISTANCE * deviations


def _check_deviations(X: np.ndarray | sp.csr_array, deviations: np.ndarray) -> None:
    """Raise a ValueError unless a column varies, and by more than float32 can hold."""
    if deviations.max() > _MIN_DEVIATION:
        return
    low, high = (_as_row(extreme) for extreme in (X.min(axis=0), X.max(axis=0)))
    if (low == high).all():
        raise ValueError(
            "X must vary in at least one column, or there is nothing to encode; "
            f"all {X.shape[1]} columns are constant. Check how X was made."
        )
    raise ValueError(
        f"a column of X must have a standard deviation above {_MIN_DEVIATION:.0e}, "
        "because codes have the unit of X and are of float32; got at most "
        f"{deviations.max():.3g}. Take a smaller unit, so that numbers are larger."
    )


def _squeeze(value: Any) -> Any:
    """Return an array that holds one value as an array of that value alone."""
    if isinstance(value, np.ndarray) and (value == value[0]).all():
        return value[:1].copy()
    return value


def _as_row(extremes) -> np.ndarray:
    return extremes.toarray().ravel() if sp.issparse(extremes) else extremes
