"""The result of a comparison: figures, sentences, pictures and a report."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..displays import (
    CodeDisplay,
    CodeSizeDisplay,
    GridDisplay,
    ReconstructionDisplay,
)
from ..displays._style import import_pyplot, literal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ACTIVE_UNITS", "Comparison"]

#: Ends the names of sparse codes that are compared by their number of active units.
ACTIVE_UNITS = " (active units)"


@dataclass
class Comparison:
    """Result of :func:`~sklearn_ae.compare`.

    Prints as a table and a sentence per code size, and shows so in notebooks.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per code size, estimator and fold. Columns: ``n_components``,
        ``estimator``, ``fold``, ``error`` (held-out mean squared error per value, in
        squared units of X), ``relative_error`` (over PCA's in the same fold),
        ``variance`` (share of the held-out variance that is reconstructed),
        ``score`` (of a linear model on the codes of held-out rows; NaN without y),
        ``fit_seconds`` (of a nested code, an equal share of its one fit) and
        ``transform_seconds``.
    raw_score : float
        Score of the same linear model on the raw features, mean over folds.
    score_name : str
        ``"accuracy"``, or ``"R2"`` for a continuous y.
    name : str
        Name of the data.
    image_shape : tuple of int or None
        Shape of a row that is an image.
    original : ndarray of shape (n_rows, n_features)
        Some held-out rows.
    reconstructions : dict of str to ndarray of shape (n_rows, n_features)
        Their reconstructions by each estimator.
    shown_size : int
        Code size of these.
    codes : dict of str to ndarray of shape (n_points, 2)
        Held-out codes of two components by each estimator.
    labels : ndarray of shape (n_points,) or None
        Their labels.

    See Also
    --------
    compare : Makes it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_ae import AutoencoderTransformer, compare
    >>> X, y = load_iris(return_X_y=True)
    >>> fast = AutoencoderTransformer(max_iter=5)
    >>> result = compare(X, y, [fast], n_components=[2], name="iris")
    >>> result.summary()["error"].columns.to_list()
    ['mean', 'std']
    >>> len(result.sentences())
    1
    """

    frame: pd.DataFrame
    raw_score: float
    score_name: str
    name: str
    image_shape: tuple[int, ...] | None
    original: np.ndarray = field(repr=False)
    reconstructions: dict[str, np.ndarray] = field(repr=False)
    shown_size: int = field(repr=False)
    codes: dict[str, np.ndarray] = field(repr=False)
    labels: np.ndarray | None = field(repr=False)

    @property
    def sizes(self) -> list[int]:
        """Code sizes, ascending."""
        return sorted(map(int, self.frame["n_components"].unique()))

    @property
    def estimators(self) -> list[str]:
        """Names of the estimators, PCA first."""
        return list(self.frame["estimator"].unique())

    def summary(self) -> pd.DataFrame:
        """Return mean and standard deviation over folds.

        Returns
        -------
        summary : pandas.DataFrame
            Indexed by code size and estimator; columns are pairs of a column of
            :attr:`frame` and ``"mean"`` or ``"std"``.
        """
        columns = list(self.frame.columns[3:])
        groups = self.frame.groupby(["n_components", "estimator"], sort=False)
        return groups[columns].agg(["mean", "std"])

    def sentences(self) -> list[str]:
        """Say for each code size who reconstructs best, by how much, and when PCA does.

        Returns
        -------
        sentences : list of str
            One per code size, ascending.
        """
        return [self._sentence(size) for size in self.sizes]

    def _sentence(self, size: int) -> str:
        at_size = self.frame[self.frame["n_components"] == size]
        mean = at_size.groupby("estimator")[["error", "score"]].mean()
        # Codes that are wider, with so many units active, are in the table only.
        wider = [name for name in mean.index if name.endswith(ACTIVE_UNITS)]
        others = mean.drop(index=["PCA", *wider])
        if others.empty:
            others = mean.drop(index="PCA")
        best = others["error"].idxmin()
        error, pca_error = others.loc[best, "error"], mean.loc["PCA", "error"]
        of_best = at_size[at_size["estimator"] == best]
        won, folds = int((of_best["relative_error"] < 1).sum()), len(of_best)
        figures = f"held-out error {error:.4g} against PCA's {pca_error:.4g}"
        change = abs(1 - error / pca_error) if pca_error > 0 else 0.0
        if change < 1e-3:
            text = f"{best} and PCA reconstruct equally well: {figures}"
        elif error < pca_error:
            text = (
                f"{best} reconstructs best: {figures}, {change:.0%} less "
                f"(better in {won} of {folds} folds)"
            )
        else:
            text = (
                f"PCA reconstructs best; next is {best}: {figures}, {change:.0%} more"
            )
        if np.isfinite(self.raw_score):
            text += (
                f"; {self.score_name} of a linear model on its codes "
                f"{mean.loc[best, 'score']:.3f}, on PCA's "
                f"{mean.loc['PCA', 'score']:.3f}, on raw features {self.raw_score:.3f}"
            )
        return f"With {size} components {text}."

    def plot(self, ax=None) -> GridDisplay:
        """Draw error, and score where there is one, against the size of the code.

        Parameters
        ----------
        ax : sequence of matplotlib Axes, default=None
            One, or two where there are labels; None makes a new figure.

        Returns
        -------
        display : GridDisplay
            With one axes per measure.
        """
        measures: list[tuple[str, str, tuple[str, float] | None]] = [
            ("error", "Held-out mean squared error", None)
        ]
        if np.isfinite(self.raw_score):
            label = f"Held-out {self.score_name} on the codes"
            measures.append(("score", label, ("raw features", self.raw_score)))
        displays = [
            CodeSizeDisplay(
                np.array(self.sizes),
                {
                    literal(name): self._by_fold(name, column)
                    for name in self.estimators
                },
                label=label,
                reference=reference,
                log=column == "error",
            )
            for column, label, reference in measures
        ]
        title = f"{literal(self.name)}: PCA and autoencoders"
        return GridDisplay(displays, title).plot(ax)

    def _by_fold(self, name: str, column: str) -> np.ndarray:
        rows = self.frame[self.frame["estimator"] == name]
        table = rows.pivot(index="fold", columns="n_components", values=column)
        return table.reindex(columns=self.sizes).to_numpy()

    def plot_reconstructions(self) -> ReconstructionDisplay:
        """Draw held-out rows over their reconstructions, at the median code size.

        Returns
        -------
        display : ReconstructionDisplay
            Images, or lines for other rows.
        """
        display = ReconstructionDisplay(
            self.original,
            {literal(name): rows for name, rows in self.reconstructions.items()},
            image_shape=self.image_shape,
            kind="lines" if self.image_shape is None else "images",
        ).plot()
        title = f"{literal(self.name)}: held-out rows from {self.shown_size} components"
        display.figure_.suptitle(title)
        return display

    def plot_codes(self) -> GridDisplay:
        """Draw held-out codes of two components, coloured by label.

        Returns
        -------
        display : GridDisplay
            With one axes per estimator.
        """
        displays = [
            CodeDisplay(codes, self.labels, name=literal(name))
            for name, codes in self.codes.items()
        ]
        title = f"{literal(self.name)}: codes of held-out rows"
        return GridDisplay(displays, title, legend="right").plot()

    def pictures(self) -> Iterator[tuple[str, Any]]:
        """Yield the name and the figure of each picture that the data allow.

        Yields
        ------
        name : str
            ``"comparison"``, ``"reconstructions"`` or ``"codes"``.
        figure : matplotlib Figure
            The picture.
        """
        yield "comparison", self.plot().figure_
        if self.reconstructions:
            yield "reconstructions", self.plot_reconstructions().figure_
        if self.codes:
            yield "codes", self.plot_codes().figure_

    def save(self, folder: str | Path) -> list[Path]:
        """Write table, pictures and a report that holds all of it in one file.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there.

        Returns
        -------
        paths : list of Path
            ``comparison.csv``, ``comparison.png``, ``reconstructions.png``,
            ``codes.png`` (if a code of two components was fitted) and ``report.html``.
            Of a comparison that was interrupted those of what it has.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / "comparison.csv"]
        self.frame.to_csv(paths[0], index=False)
        images = []
        for name, figure in self.pictures():
            paths.append(folder / f"{name}.png")
            paths[-1].write_bytes(_as_png(figure))
            images.append((name, base64.b64encode(paths[-1].read_bytes()).decode()))
        paths.append(folder / "report.html")
        paths[-1].write_text(self._report(images), encoding="utf-8")
        return paths

    def _report(self, images: list[tuple[str, str]]) -> str:
        pictures = "".join(
            f'<img alt="{name}" src="data:image/png;base64,{data}">\n'
            for name, data in images
        )
        title = html.escape(f"{self.name}: PCA and autoencoders")
        return _PAGE.format(title=title, body=self._repr_html_() + pictures)

    def _repr_html_(self) -> str:
        sentences = "".join(f"<li>{html.escape(s)}</li>" for s in self.sentences())
        return f"<ul>{sentences}</ul>\n{self._display_frame().to_html()}\n"

    def __str__(self) -> str:
        table = self._display_frame().to_string()
        return "\n".join([table, "", *self.sentences()])

    def _display_frame(self, spread: bool = True) -> pd.DataFrame:
        """Return the summary as text: the mean, and the spread if wanted."""
        import pandas as pd

        summary = self.summary()
        return pd.DataFrame(
            {
                title: [
                    f"{mean:{digits}} ± {std:.1g}" if spread else f"{mean:{digits}}"
                    for mean, std in summary[column][["mean", "std"]].to_numpy()
                ]
                for column, (title, digits) in self._titles().items()
            },
            index=summary.index.set_names(["size", "estimator"]),
        )

    def _titles(self) -> dict[str, tuple[str, str]]:
        titles = {
            "error": ("error", ".3g"),
            "relative_error": ("error / PCA", ".3f"),
            "variance": ("variance", ".3f"),
            "score": (self.score_name, ".3f"),
            "fit_seconds": ("fit (s)", ".2g"),
            "transform_seconds": ("transform (s)", ".1g"),
        }
        if not np.isfinite(self.raw_score):
            del titles["score"]
        return titles


def _as_png(figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    import_pyplot().close(figure)
    return buffer.getvalue()


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; color: #1b1b1b; }}
table {{ border-collapse: collapse; font-size: 0.85rem; display: block;
  overflow-x: auto; }}
th, td {{ padding: 0.3rem 0.6rem; border: 0; border-bottom: 1px solid #ddd;
  text-align: right; }}
img {{ display: block; max-width: 100%; margin: 1.5rem 0; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
