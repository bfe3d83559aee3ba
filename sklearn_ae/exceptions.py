"""The warnings of the library, one class for each thing that can go wrong."""

from __future__ import annotations

__all__ = [
    "CodeCollapseWarning",
    "DeadUnitsWarning",
    "DivergenceWarning",
    "InterruptedFitWarning",
    "PCAFloorWarning",
    "PosteriorCollapseWarning",
]


class PCAFloorWarning(UserWarning):
    """Training found nothing that is reliably better than PCA.

    A model that started at PCA then equals PCA of all rows; one that did not
    (``init="random"``, or a feature map as the code) is kept although it is no better.
    A matter of taste on very small or very linear data: silence it with
    ``warnings.filterwarnings("ignore", category=PCAFloorWarning)`` and read
    ``beats_pca_`` instead.
    """


class CodeCollapseWarning(UserWarning):
    """Codes hardly depend on the input, so that all rows are reconstructed alike.

    Given if reconstructions of the rows on which a fit is judged vary around their mean
    less than 20 % as much as those of PCA with the same number of components.
    """


class DeadUnitsWarning(UserWarning):
    """Many units of a sparse code are active in no training row.

    They cost time and memory for nothing; ``dead_units_`` lists them.
    """


class DivergenceWarning(UserWarning):
    """The training loss became non-finite and training went on with a smaller step."""


class InterruptedFitWarning(UserWarning):
    """Ctrl-C ended a fit early; the model is usable in its best state so far."""


class PosteriorCollapseWarning(UserWarning):
    """Next to no latent variable of a VAE depends on the input.

    Given if at most a tenth of the components are active: if the posterior mean of the
    others varies less than 0.01 over rows, where the prior's variance is 1.
    """
