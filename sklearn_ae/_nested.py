"""Codes whose first values are codes of their own."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from sklearn.utils.validation import check_is_fitted

from ._validation import is_count
from .fitting.model import Model
from .fitting.nested import keep_first
from .training.net import AutoencoderNet

__all__ = ["NestedCodes"]


class NestedCodes:
    """Mixin of estimators with a parameter `nested`: fitted codes can be cut off."""

    nested: bool | Sequence[int]
    net_: AutoencoderNet
    _model: Model

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
        model = self._model
        if model.sizes is None:
            raise ValueError(
                "truncate needs codes that were trained to be cut off; got a fit with "
                "nested=False. Fit with nested=True, and truncate that one."
            )
        if not is_count(n_components) or n_components > model.n_components:
            raise ValueError(
                "n_components must be an integer from 1 to n_components_ = "
                f"{model.n_components}; got {n_components!r}."
            )
        size = int(n_components)
        smaller = keep_first(model, model.sizes, size, nested=False)
        truncated: Any = copy.copy(self)
        truncated.set_params(n_components=size, nested=False)
        learned = smaller.attributes() | model.sizes.numbers_at(size)
        vars(truncated).update(learned, _model=smaller)
        net = self.net_
        truncated._surround(net.history, net.batch_size, net.loss_name)
        return truncated
