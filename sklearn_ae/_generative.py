"""What a fitted generative model is for: likelihoods, and new rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from ._validation import check_number
from .training.batches import Rows
from .training.seeding import draw_seed, isolated_rng

__all__ = ["GenerativeMixin"]

# Rows whose likelihood is estimated at once, with many draws for each.
_ROWS_AT_ONCE = 128


class GenerativeMixin:
    """Methods of an estimator whose module is a ``VariationalAutoencoder``."""

    def elbo(self, X, n_samples: int = 1) -> np.ndarray:
        """Return the evidence lower bound of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        n_samples : int, default=1
            Latent draws per row over which the reconstruction term is averaged; they
            are the same in each call.

        Returns
        -------
        elbo : ndarray of shape (n_samples,), float32
            In nats, for rows in the units of X and ``beta=1``; at most the
            log-likelihood.
        """
        return self._estimate(self.module_.bound, X, n_samples)

    def log_likelihood(self, X, n_samples: int = 1000) -> np.ndarray:
        """Estimate the log-likelihood of each row by importance sampling.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        n_samples : int, default=1000
            Draws from the posterior per row, the same in each call. The estimate is
            a lower bound on average, which rises to the log-likelihood with them
            (Burda et al. 2015, arXiv:1509.00519).

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,), float32
            In nats, for rows in the units of X, so that it compares with
            ``PCA.score_samples`` and ``FactorAnalysis.score_samples``. For counts and
            binary values it is a log-probability.
        """
        return self._estimate(self.module_.log_likelihood, X, n_samples)

    def _estimate(self, function: Callable, X, n_samples: int) -> np.ndarray:
        check_is_fitted(self)
        check_number("n_samples", n_samples)
        X = self._validate_rows(X, reset=False)
        self._check_values(X, "X")
        rows = Rows(X, self._shift, self.scale_, torch.device(self.device_))
        return self._judge(partial(function, n_draws=n_samples), rows, _ROWS_AT_ONCE)

    def sample(
        self, n_samples: int = 1, *, noise: bool = False, random_state=None
    ) -> np.ndarray:
        """Draw new rows from the model.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        noise : bool, default=False
            Draw values from the likelihood; otherwise they are its means, given latent
            variables drawn from the prior.
        random_state : int, RandomState instance or None, default=None
            Decides the draws; None takes fresh entropy.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), float32
            Rows in the units and with the axes of the training rows.
        """
        check_is_fitted(self)
        check_number("n_samples", n_samples)
        device = torch.device(self.device_)
        with isolated_rng(draw_seed(random_state), device), torch.inference_mode():
            self.module_.eval()
            shape = (n_samples, self.n_components_)
            raw = self.module_.decoder(torch.randn(shape, device=device))
            likelihood = self.module_.output
            rows = likelihood.draw(raw) if noise else likelihood(raw)
        return self._to_units(rows.cpu().numpy())

    def interpolate(self, a, b, n_steps: int = 10) -> np.ndarray:
        """Decode the straight line between the codes of two rows.

        Parameters
        ----------
        a, b : array-like of shape (n_features,)
            Two rows.
        n_steps : int, default=10
            Number of points on the line, its ends included.

        Returns
        -------
        X : ndarray of shape (n_steps, n_features), float32
            From the decoded code of `a` to that of `b`, with the axes of the training
            rows.
        """
        check_is_fitted(self)
        check_number("n_steps", n_steps)
        ends = [np.asarray(row, dtype=np.float64).ravel() for row in (a, b)]
        if any(len(row) != self.n_features_in_ for row in ends):
            raise ValueError(
                f"a and b must be single rows of {self.n_features_in_} values; got "
                f"{len(ends[0])} and {len(ends[1])}. Pass X[0] and X[1], for example."
            )
        device = torch.device(self.device_)
        rows = Rows(np.stack(ends), self._shift, self.scale_, device)
        start, end = self._per_row(self._encode, rows)
        share = np.linspace(0, 1, n_steps, dtype=np.float32)[:, None]
        return self.inverse_transform((1 - share) * start + share * end)
