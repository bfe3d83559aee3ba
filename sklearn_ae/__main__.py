"""Command line: ``python -m sklearn_ae compare --data digits --out report``."""

from __future__ import annotations

import argparse
import io
import os
import sys
import warnings
from pathlib import Path

import numpy as np

from .comparison import Comparison
from .comparison.comparing import compare_until_interrupted
from .datasets import load

__all__ = ["main"]

# Columns of a terminal that hold the whole table, and the table without spreads.
_WIDE, _MEDIUM = 140, 110

# What a shell expects of a program that Ctrl-C has ended.
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, default=None
        Words of the command line; None takes ``sys.argv``.

    Returns
    -------
    status : int
        0; 2 after an error, which is told in one line on stderr; 130 after Ctrl-C,
        with a report of the fits that were done.
    """
    options = _parser().parse_args(arguments)
    try:
        console = _console()
        table = load(options.data, options.target)
        _make_folder(options.out)
        X, y = _spread_rows(table.X, table.y, options.max_rows)
        if options.folds < 2:
            raise ValueError(f"--folds must be at least 2; got {options.folds}.")
        if y is None:
            _tell(f"no labels: all {X.shape[1]} columns are features (see --target).")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            result, interrupted = compare_until_interrupted(
                X,
                y,
                estimators=None,
                n_components=options.n_components,
                cv=options.folds,
                random_state=options.random_state,
                name=table.name,
                image_shape=table.image_shape,
                verbose=1,
            )
        for message in dict.fromkeys(str(warning.message) for warning in caught):
            _tell(message)
        if result is None:
            _tell("interrupted before there was anything to compare.")
            return _INTERRUPTED
        paths = result.save(options.out)
    except (ImportError, MemoryError, OSError, TypeError, ValueError) as error:
        _tell(str(error))
        return 2
    _show(console, result, X.shape, paths)
    if interrupted:
        _tell("interrupted; the report holds the fits that were done.")
        return _INTERRUPTED
    return 0


def _make_folder(path: Path) -> None:
    """Make the folder for the report before anything is trained."""
    path.mkdir(parents=True, exist_ok=True)
    if not os.access(path, os.W_OK):
        raise OSError(f"--out must be a folder to write to; got {str(path)!r}.")


def _tell(message: str) -> None:
    """Write a message in one line, however many its values take."""
    sys.stderr.write(f"sklearn-ae: {' '.join(message.split())}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sklearn_ae",
        description="Autoencoders that stand where PCA stood.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "compare", help="compare every autoencoder with PCA on a data set"
    )
    command.add_argument(
        "--data",
        default="digits",
        help="digits, mnist, cifar10, the name of a tabular set, or the path of a "
        ".csv, .parquet or .npz file (default: digits)",
    )
    command.add_argument("--target", help="column that holds the labels")
    command.add_argument(
        "--n-components",
        type=int,
        nargs="+",
        default=[2, 8, 32],
        metavar="K",
        help="code sizes (default: 2 8 32)",
    )
    command.add_argument(
        "--folds", type=int, default=3, help="number of folds (default: 3)"
    )
    command.add_argument(
        "--max-rows",
        type=int,
        help="use only this many rows, evenly spread over the table",
    )
    command.add_argument(
        "--out", type=Path, default=Path("report"), help="folder (default: report)"
    )
    command.add_argument(
        "--random-state", type=int, default=0, help="seed (default: 0)"
    )
    return parser


def _spread_rows(X, y, max_rows: int | None):
    if max_rows is None or max_rows >= len(X):
        return X, y
    if max_rows < 1:
        raise ValueError(f"--max-rows must be at least 1; got {max_rows}.")
    chosen = np.linspace(0, len(X) - 1, max_rows).astype(int)
    return X[chosen], None if y is None else y[chosen]


def _console():
    try:
        from rich.console import Console
    except ImportError as error:
        raise ImportError(
            "the command line needs rich; install it with "
            "pip install 'sklearn-ae[plot]'."
        ) from error
    # A terminal may lack "±" and lines of tables: they become question marks there.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    # Without a terminal rich would assume 80 columns.
    return Console(width=None if sys.stdout.isatty() else _WIDE)


def _show(
    console, result: Comparison, shape: tuple[int, int], paths: list[Path]
) -> None:
    from rich.table import Table
    from rich.text import Text

    frame = result._display_frame(spread=console.width >= _WIDE)
    if console.width < _MEDIUM:
        frame = frame.drop(columns=["variance", "transform (s)"])
    figures = "mean ± std" if console.width >= _WIDE else "mean"
    title = f"{result.name}: {shape[0]} rows, {shape[1]} features, {figures} over folds"
    table = Table(title=Text(title))  # names are no markup
    for column in (*frame.index.names, *frame.columns):
        is_text = column == "estimator"
        table.add_column(column, justify="left" if is_text else "right", no_wrap=True)
    best = result.summary()[("error", "mean")].groupby("n_components").idxmin()
    for key, row in frame.iterrows():
        style = "bold" if key == best[key[0]] else None
        ends = key[1] == result.estimators[-1]
        table.add_row(str(key[0]), key[1], *row, style=style, end_section=ends)
    console.print(table)
    for sentence in result.sentences():
        console.print(sentence, highlight=False, markup=False)
    written = "Written: " + ", ".join(map(str, paths))
    console.print(written, highlight=False, markup=False)


if __name__ == "__main__":
    sys.exit(main())
