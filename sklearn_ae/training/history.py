"""The records of epochs: as learned curves, and as columns, which pickles have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

__all__ = ["loss_curves", "pack_epochs", "unpack_epochs"]

# What differs from run to run.
_DURATION = "dur"


def loss_curves(history: Iterable[dict]) -> dict[str, list[float]]:
    """Return the losses of epochs as learned attributes."""
    return {
        "loss_curve_": [row["train_loss"] for row in history],
        "validation_loss_curve_": [row.get("valid_loss", np.nan) for row in history],
    }


def pack_epochs(history: Iterable[dict]) -> Any:
    """Return the records of epochs in little room, without their durations.

    Parameters
    ----------
    history : iterable of dict
        Records of skorch, each with a list of records of batches.

    Returns
    -------
    packed : dict or list of dict
        Columns of numbers; the records as they are if they do not make a table.
    """
    records = [
        {name: value for name, value in record.items() if name != _DURATION}
        for record in history
    ]
    if any(len(record.get("batches", ())) != 1 for record in records):
        return records
    batches = [record["batches"][0] for record in records]
    epochs = [
        {name: value for name, value in record.items() if name != "batches"}
        for record in records
    ]
    columns, of_batches = _as_columns(epochs), _as_columns(batches)
    if columns is None or of_batches is None:
        return records
    # Most of what is known of an epoch's only batch is known of the epoch.
    own = {
        name: None if _are_equal(column, columns.get(name)) else column
        for name, column in of_batches.items()
    }
    return {"n_epochs": len(epochs), "epochs": columns, "batches": own}


def unpack_epochs(packed: Any) -> list[dict]:
    """Return the records that :func:`pack_epochs` was given.

    Raises
    ------
    ValueError
        If the columns are not of as many epochs as there are said to be.
    """
    if not isinstance(packed, dict):
        return packed
    columns, n_epochs = packed["epochs"], packed["n_epochs"]
    # Epochs have numbers, so that one column at least is no number that all have.
    if n_epochs > 1 and not any(np.shape(c) == (n_epochs,) for c in columns.values()):
        raise ValueError(f"records must be of {n_epochs} epochs; got one number each.")
    of_batches = {
        name: columns[name] if column is None else column
        for name, column in packed["batches"].items()
    }
    epochs = _as_records(columns, n_epochs)
    batches = _as_records(of_batches, n_epochs)
    return [
        {"batches": [batch], **epoch}
        for epoch, batch in zip(epochs, batches, strict=True)
    ]


def _as_columns(records: Sequence[dict]) -> dict[str, Any] | None:
    """Return columns, as one number if all are equal; None if they are no numbers."""
    names = list(records[0]) if records else []
    if any(list(record) != names for record in records):
        return None
    columns: dict[str, Any] = {}
    for name in names:
        values = [record[name] for record in records]
        kinds = {type(value) for value in values}
        if len(kinds) > 1 or not kinds <= {bool, int, float}:
            return None
        column = np.array(values)
        if kinds == {int}:
            column = column.astype(np.result_type(*map(np.min_scalar_type, values)))
        columns[name] = values[0] if (column == values[0]).all() else column
    return columns


def _are_equal(one: Any, other: Any) -> bool:
    return other is not None and np.array_equal(one, other, equal_nan=True)


def _as_records(columns: dict[str, Any], n_records: int) -> list[dict]:
    lists = {
        name: np.broadcast_to(column, n_records).tolist()
        for name, column in columns.items()
    }
    return [
        {name: values[i] for name, values in lists.items()} for i in range(n_records)
    ]
