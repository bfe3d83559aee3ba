"""Rows that are no images: several versions of each, as lines in one axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ._style import import_pyplot, styled, titled

__all__ = ["draw_rows"]

_MAX_ROWS = 4


def draw_rows(
    versions: dict[str, np.ndarray],
    looks: Sequence[dict],
    line_kwargs: dict,
    title: str,
) -> tuple:
    """Draw the first rows, one axes for each, and return figure and axes.

    Parameters
    ----------
    versions : dict of str to ndarray of shape (n_rows, n_features)
        The same rows in several versions; signals of several channels, shape (n_rows,
        length, n_channels), have a line for each channel.
    looks : sequence of dict
        Colour and width of the lines of each version.
    line_kwargs : dict
        Passed to ``Axes.plot`` for all lines.
    title : str
        Title of the figure.
    """
    n_rows = min(_MAX_ROWS, len(next(iter(versions.values()))))
    figure, axes = import_pyplot().subplots(
        n_rows, figsize=(7, 1.7 * n_rows + 0.6), squeeze=False, layout="constrained"
    )
    for index, ax in enumerate(axes[:, 0]):
        for (label, rows), look in zip(versions.items(), looks, strict=True):
            channels = rows[index].reshape(len(rows[index]), -1).T
            for channel in channels:
                style = styled({"label": label} | look, line_kwargs)
                ax.plot(channel, **style)
                label = "_" + label  # one entry in the legend is enough
        ax.set_ylabel(f"row {index + 1}\n(units of X)")
        ax.grid(alpha=0.3)
    ax.set_xlabel("Feature")
    n_given = len(next(iter(versions.values())))
    figure.suptitle(titled(title, n_rows, n_given), fontsize=10)
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8)
    return figure, axes
