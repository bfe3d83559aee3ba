"""What a fit leaves behind: curves, errors, warnings."""

from __future__ import annotations

import warnings

from ._networks import AutoencoderNetworks
from ._pca import least_gain
from .exceptions import (
    CodeCollapseWarning,
    InterruptedFitWarning,
    PCAFloorWarning,
)
from .training.batches import Rows
from .training.interrupt import called_from_prompt

__all__ = ["FitRecords"]

# A code is taken to ignore its input if reconstructions vary less than this share of
# what PCA's do. Healthy fits are at about 1 or above (``benchmarks/code_collapse.py``).
_LEAST_SPREAD = 0.2


class FitRecords(AutoencoderNetworks):
    """The part of an estimator that records what training came to."""

    # ------------------------------------------------------------ curves and errors

    @property
    def _name_of_loss(self) -> str:
        if self.loss == "squared_error":
            return "Loss per row (squared error, scaled rows)"
        return f"Loss per row ({self.loss.replace('_', ' ')}, scaled rows)"

    def _record_errors(self, judged: Rows) -> None:
        errors = self._judge(self._squared_error(self._rebuild), judged)
        pca_errors = self._judge(self._squared_error(self._rebuild_by_pca), judged)
        self.reconstruction_error_ = float(errors.mean())
        self.pca_reconstruction_error_ = float(pca_errors.mean())

    def _mean_pca_loss(self, rows: Rows) -> float:
        return float(self._judge(self._pca_objective, rows).mean())

    def _record_floor(self, judged: Rows) -> None:
        """Record the errors of the model that took the network's place."""
        self.reconstruction_error_ = self.pca_reconstruction_error_

    def _is_better(self, rows: Rows) -> bool:
        """Tell whether the model is better than PCA on rows, reliably or not."""
        return self.reconstruction_error_ < self.pca_reconstruction_error_

    # ---------------------------------------------------------------------- warnings

    def _warn_of_a_poor_network(self, judged: Rows) -> None:
        """Warn if the network that is kept ignores its input, or is no gain."""
        spread = self._spread(self._rebuild, judged)
        pca_spread = self._spread(self._rebuild_by_pca, judged)
        if not self.beats_pca_ and spread < _LEAST_SPREAD * pca_spread:
            warnings.warn(
                "Codes hardly depend on the input: reconstructions vary "
                f"{spread / pca_spread:.2g} times as much from row to row as those of "
                "PCA. Likely causes, and what to change: units that are saturated from "
                "the start (activation='logistic', or weights that start at unit "
                "variance: take 'gelu' and torch's own initialisation); a "
                "learning_rate that is too high, or too low for max_iter; rows that "
                "partial_fit was given in the order of their classes (shuffle them)."
                + (" init='pca' starts at PCA's codes." if self._has_pca_start else ""),
                CodeCollapseWarning,
                stacklevel=5,
            )
        elif not self.beats_pca_ and self.n_components_ < self.n_features_in_:
            message = self._no_gain_message(len(judged)) + "The network is kept"
            if self._has_pca_start:
                message += "; init='pca' would start at PCA's error."
            else:
                message += ", because codes of this kind have no PCA start."
            warnings.warn(message, PCAFloorWarning, stacklevel=5)

    def _no_gain_message(self, n_judged: int) -> str:
        message = f"Training made no reliable gain over PCA on {n_judged} rows"
        if self.loss != "squared_error":
            return message + ". "
        # What was judged, which is in proportion to errors where all columns have one
        # scale.
        name, pair = "loss", self._mean_losses
        if self.scaling == "global":
            name = "mean squared error"
            pair = self.reconstruction_error_, self.pca_reconstruction_error_
        least = least_gain(n_judged)
        chance = f"a gain of less than {least:.0%}" if least < 1 else "any gain"
        return (
            f"{message}: {name} {pair[0]:.4g} against PCA's {pair[1]:.4g}, where "
            f"{chance} may be chance. "
        )

    def _report_interrupt(self) -> None:
        if not called_from_prompt():
            raise KeyboardInterrupt
        warnings.warn(
            f"Ctrl-C ended the fit after {self.n_iter_} epochs; the model is usable in "
            "its best state so far. Fit again to train it to the end.",
            InterruptedFitWarning,
            stacklevel=4,
        )
