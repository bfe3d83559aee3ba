"""The variational autoencoder."""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.validation import check_array, check_is_fitted

from ._validation import as_numbers, check_magnitude, check_number
from .base import BaseAutoencoder, Interval, Recipe, StrOptions
from .nn.likelihoods import LIKELIHOODS, LikelihoodOutput
from .nn.randomness import normal_like
from .nn.variational import EvidenceBound, LatentCode
from .training.isolation import isolated
from .training.seeding import draw_seed

__all__ = ["VAE"]

# Rows whose likelihood is estimated at once, with many draws for each.
_ROWS_AT_ONCE = 128


class VAE(BaseAutoencoder):
    r"""Variational autoencoder that minimises the negative evidence lower bound.

    With latent variables :math:`z \sim N(0, I)`, a decoder that gives the parameters of
    :math:`p(x \mid z)`, and an encoder that gives the normal posterior
    :math:`q(z \mid x)`, it minimises [1]_

    .. math:: \frac{1}{n} \sum_{i=1}^{n} -\operatorname{E}_{q(z \mid x_i)}
       \log p(x_i \mid z) + \beta\, \mathrm{KL}\bigl(q(z \mid x_i) \,\|\, N(0, I)\bigr)

    in nats on the scale of X. With a normal likelihood it starts at probabilistic PCA
    [6]_, the model behind ``PCA.score_samples``, and can only improve on its likelihood
    of held-out rows.

    Use it for a likelihood (:meth:`log_likelihood`), for new rows (:meth:`sample`), for
    counts or binary values, and for codes that are smooth. Do not use it where only the
    reconstruction matters; the plain autoencoder is better at that.

    Parameters
    ----------
    n_components : int or float, default=None
        Number of latent variables; it may exceed the number of features. A float in
        (0, 1) takes as many as PCA needs to keep this share of the variance. None
        takes half of the features, at most 32.
    likelihood : str, default="gaussian"
        Distribution of values given the latent variables, independent over features:
        ``"gaussian"``, with learned variances, see `noise_variance`;
        ``"bernoulli"`` for 0 and 1 (values in between count as probabilities of a 1);
        ``"poisson"`` and ``"negative_binomial"`` for counts, the latter with a learned
        overdispersion per feature. Networks see scaled logarithms of counts,
        ``log(1 + X / 10)``, where training starts, and rates are at most ten times the
        largest count of a feature, and one more, among the training rows. `scaling` is
        that of the logarithms; counts themselves are not centred.
    noise_variance : {"auto", "shared", "per_feature"}, default="auto"
        Variances of the normal likelihood. ``"shared"``: one for all scaled values, as
        in probabilistic PCA. ``"per_feature"``: one for each feature, as in factor
        analysis, from which training starts; features with little noise rule the code,
        and others are reconstructed worse. ``"auto"``: training has one for all, and
        then each feature is given the variance of its residuals, if held-out rows are
        likelier so. Codes and reconstructions are those of ``"shared"``; the floor is
        the likelier of probabilistic PCA and factor analysis. Without held-out rows and
        beyond 1000 features ``"auto"`` is ``"shared"``. A network's variances are at
        least 1e-3 of each feature's variance, those of the floor at least 1e-12. Other
        likelihoods do not use it.
    beta : float, default=1.0
        Weight of the KL divergence, at least 0; 1 is the bound itself [7]_.
    kl_warmup : float, default=0.0
        Share of `max_iter`, in [0, 1], in which the weight rises from 0 to `beta`.
    free_bits : float, default=0.0
        Nats of KL divergence per component, on average over a batch, that cost
        nothing in training [4]_.
    n_importance_samples : int, default=1
        Latent draws per row; more than one trains the tighter bound of the importance
        weighted autoencoder [5]_, at that many times the decoder's cost.
    size_factor : {"sum"} or None, default=None
        For counts: ``"sum"`` divides rows by their sum over the mean sum before they
        are encoded, and multiplies rates by it, so that codes do not hold it.
        Likelihoods are then given the sum, ``reconstruct`` uses it, and codes alone are
        decoded at the mean sum.
    hidden_layer_sizes : int, tuple of int or "auto", default="auto"
        Widths of the encoder's hidden layers; the decoder mirrors them. ``()`` gives a
        linear autoencoder. ``"auto"`` is ``(256, 128)``, or narrower where data are
        few: at most two weights between rows and hidden layers for each value of X
        (stored value of a sparse X), or 2**18 if that is more.
    activation : {"gelu", "relu", "elu", "silu", "tanh", "logistic"}, default="gelu"
        Function after each hidden layer. Code and output are linear.
    tied_weights : bool, default=False
        Let the decoder use the encoder's weights, transposed.
    architecture : Architecture or callable, default=None
        Builds the networks in place of the three parameters above: an object such
        as :class:`DenseArchitecture`, or a callable ``(n_features, n_components) ->
        (encoder, decoder)`` that returns torch modules. It is called twice: with twice
        as many components for an encoder of means and log-variances, then for the
        decoder.
    init : {"pca", "random"}, default="pca"
        ``"pca"`` puts a linear layer beside each network, so that training starts at
        probabilistic PCA, and puts that floor under the result. ``"random"`` trains
        the bare networks from random weights.
    scaling : {"global", "per_feature"} or None, default="global"
        How rows are prepared inside: centred and divided by one number, so that the
        objective is PCA's; centred and divided by each feature's standard deviation;
        or left as they are, but for columns further than 100 standard deviations
        from 0, which are centred. Errors are always reported in the units of X.
    learning_rate : float, default=4e-3
        Peak step size of AdamW [2]_, greater than 0.
    schedule : {"one_cycle", "constant"}, default="one_cycle"
        ``"one_cycle"`` rises to `learning_rate` in the first fifth of `max_iter`
        epochs and falls to zero at their end [3]_.
    weight_decay : float, default=0.0
        Decoupled weight decay of the networks' weight matrices; the linear path is
        spared.
    batch_size : int or "auto", default="auto"
        Rows per step. ``"auto"`` takes a twentieth of the rows between 32 and 256,
        and a thousandth, at most 4096, for more than 256,000 rows; rounded down to a
        power of two.
    max_iter : int, default=None
        Passes over the rows at most. None takes as many as make 1,500 steps, between
        10 and 100.
    early_stopping : bool, default=True
        Hold out rows to evaluate each epoch, keep the best state and compare it with
        PCA. False trains on all rows for `max_iter` epochs, keeps the last state and
        compares it with PCA on at most 5,000 training rows. With `X_val` the best
        state is kept in both cases.
    validation : {"auto", "random", "last"}, splitter or list, default="auto"
        Which rows are held out. Equal rows never lie on both sides. ``"auto"`` takes
        them at random, unless rows are found to depend on one another: then whole
        groups, or stretches of an ordered table, are held out, and a
        :class:`DependentRowsWarning` says so. ``"random"`` does not look for that.
        ``"last"`` takes the last rows, for rows in time. Of a splitter of scikit-learn,
        or a list of splits, the one that trains on most rows is taken. See
        :doc:`/dependent_rows`.
    validation_fraction : float or "auto", default="auto"
        Share of the rows to hold out, in (0, 1). ``"auto"`` takes 10 %, but at least
        60 rows, and at most 30 % and 5,000 rows.
    n_iter_no_change : int, default=20
        Epochs without progress after which training ends.
    tol : float, default=1e-4
        Share of the best validation loss that counts as progress.
    floor : bool, default=True
        Whether PCA of all rows takes the network's place if it is not better by more
        than chance. ``beats_pca_`` tells it in either case.
    warm_start : bool, default=False
        Let ``fit`` go on from the previous solution and scaling.
    device : str or torch.device, default="auto"
        ``"auto"`` (a GPU where there is one), ``"cpu"``, ``"cuda"``, ``"cuda:1"``,
        ``"mps"``.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Type of the matrix products in training steps. ``"auto"`` takes bfloat16
        where the processor has it and layers are large. Everything else is float32.
    callbacks : list of skorch callbacks, default=None
        Used as they are. They see the losses in ``net.history``.
    checkpoint : str or path-like, default=None
        Where a fit is kept while it trains, so that the same fit goes on, or, once it
        is done, is there at once, when the program runs again. A path with a suffix,
        ``"night.ckpt"``, is the file of one fit; any other is a folder, in which each
        fit has a file of its own, as in a search. See :doc:`/checkpoints`.
    checkpoint_every : int, float or "auto", default="auto"
        When it is written: every so many epochs (int), or at the end of an epoch once
        so many seconds have passed (float). ``"auto"`` writes as often as takes 2 % of
        the time.
    verbose : int, default=0
        1 shows a progress bar on stderr.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, held-out rows and the order of rows. None draws
        fresh entropy; global random state is never read or changed.

    Attributes
    ----------
    module_ : torch.nn.Module
        Trained module with methods ``encode`` and ``decode`` on scaled rows.
    encoder_ : torch.nn.Module
        Copy of the encoder to take away: maps tensors of flat rows, in the units of X,
        to codes.
    decoder_ : torch.nn.Module
        Copy of the decoder: maps tensors of codes to flat rows.
    net_ : skorch.NeuralNet
        The net around it; ``net_.history`` has a record per epoch.
    n_components_ : int
        Width of the code.
    n_parameters_ : int
        Number of the module's parameters.
    n_features_in_ : int
        Number of features seen during ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of features, where X has string column names.
    n_iter_ : int
        Epochs trained.
    best_iter_ : int
        Epoch whose state is kept; 0 is the start.
    loss_curve_ : list of float
        Mean of the negative bound per row of each epoch, in nats.
    validation_loss_curve_ : list of float
        The same on validation rows; NaN without them.
    pca_loss_ : float
        What a value of `validation_loss_curve_` (without validation rows, of
        `loss_curve_`) would be for probabilistic PCA, in nats.
    log_likelihood_bound_ : float
        Mean lower bound of the log-likelihood of the validation rows (without them, of
        training rows) by at least 16 draws per row, in nats, with `beta` as the weight.
    pca_log_likelihood_bound_ : float
        The same for the floor: factor analysis, or probabilistic PCA, of the logarithms
        where values are counts, whose decoder's output is turned into the likelihood's
        parameters.
    kl_per_component_ : ndarray of shape (n_components,)
        KL divergence of each component from the prior, mean over training rows, nats.
    n_active_components_ : int
        Components whose posterior mean has a variance above 0.01 over training rows
        [5]_.
    reconstruction_error_ : float
        Mean squared error per value on the validation rows (without them, on
        training rows), in squared units of X.
    pca_reconstruction_error_ : float
        The same for PCA with the same number of components and training rows, of the
        counts themselves where values are counts.
    beats_pca_ : bool or None
        Whether the gain in the bound over the floor on held-out rows is larger
        than chance. If not, a :class:`PCAFloorWarning` is given, and with `floor` a
        model that started at PCA is that linear model of all rows. None if there is a
        gain on training rows and no new rows were held out (``early_stopping=False``,
        ``partial_fit``, or a fit that goes on and holds out other rows than the fits
        before).
    mean_ : ndarray of shape (n_features,)
        Mean of each feature.
    scale_ : ndarray of shape (n_features,)
        What each centred feature was divided by.
    device_ : str
        Where the module is.

    See Also
    --------
    sklearn.decomposition.PCA : ``score_samples`` is the likelihood to compare with.
    sklearn.decomposition.FactorAnalysis : A linear model with a variance per feature.

    References
    ----------
    .. [1] Kingma, D. P. & Welling, M. (2013). Auto-encoding variational Bayes.
       arXiv:1312.6114
    .. [2] Loshchilov, I. & Hutter, F. (2019). Decoupled weight decay regularization.
       arXiv:1711.05101
    .. [3] Smith, L. N. & Topin, N. (2018). Super-convergence. arXiv:1708.07120
    .. [4] Kingma, D. P. et al. (2016). Improved variational inference with inverse
       autoregressive flow. arXiv:1606.04934
    .. [5] Burda, Y., Grosse, R. & Salakhutdinov, R. (2015). Importance weighted
       autoencoders. arXiv:1509.00519
    .. [6] Tipping, M. E. & Bishop, C. M. (1999). Probabilistic principal component
       analysis. doi:10.1111/1467-9868.00196
    .. [7] Higgins, I. et al. (2017). beta-VAE: learning basic visual concepts with a
       constrained variational framework. ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_ae import VAE
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = VAE(n_components=8, max_iter=20, random_state=0).fit(X[:1500])
    >>> pca = PCA(n_components=8).fit(X[:1500])
    >>> bool(vae.log_likelihood(X[1500:]).mean() > pca.score(X[1500:]))
    True
    >>> vae.sample(3, random_state=0).shape
    (3, 64)
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "likelihood": [StrOptions(set(LIKELIHOODS))],
        "noise_variance": [StrOptions({"auto", "shared", "per_feature"})],
        "beta": [Interval(Real, 0, None, closed="left")],
        "kl_warmup": [Interval(Real, 0, 1, closed="both")],
        "free_bits": [Interval(Real, 0, None, closed="left")],
        "n_importance_samples": [Interval(Integral, 1, None, closed="left")],
        "size_factor": [StrOptions({"sum"}), None],
    }

    def __init__(
        self,
        n_components: int | float | None = None,
        *,
        likelihood: str = "gaussian",
        noise_variance: str = "auto",
        beta: float = 1.0,
        kl_warmup: float = 0.0,
        free_bits: float = 0.0,
        n_importance_samples: int = 1,
        size_factor: str | None = None,
        hidden_layer_sizes: int | tuple[int, ...] | str = "auto",
        activation: str = "gelu",
        tied_weights: bool = False,
        architecture=None,
        init: str = "pca",
        scaling: str | None = "global",
        learning_rate: float = 4e-3,
        schedule: str = "one_cycle",
        weight_decay: float = 0.0,
        batch_size: int | str = "auto",
        max_iter: int | None = None,
        early_stopping: bool = True,
        validation="auto",
        validation_fraction: float | str = "auto",
        n_iter_no_change: int = 20,
        tol: float = 1e-4,
        floor: bool = True,
        warm_start: bool = False,
        device="auto",
        precision: str = "auto",
        callbacks: list | None = None,
        checkpoint=None,
        checkpoint_every: float | str = "auto",
        verbose: int = 0,
        random_state=None,
    ) -> None:
        self.n_components = n_components
        self.likelihood = likelihood
        self.noise_variance = noise_variance
        self.beta = beta
        self.kl_warmup = kl_warmup
        self.free_bits = free_bits
        self.n_importance_samples = n_importance_samples
        self.size_factor = size_factor
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.tied_weights = tied_weights
        self.architecture = architecture
        self.init = init
        self.scaling = scaling
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation = validation
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.floor = floor
        self.warm_start = warm_start
        self.device = device
        self.precision = precision
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose
        self.random_state = random_state

    def _recipe(self) -> Recipe:
        if self.free_bits > 0 and self.n_importance_samples > 1:
            raise ValueError(
                "free_bits needs n_importance_samples=1, because the bound of several "
                "draws has no KL divergence of its own; got "
                f"n_importance_samples={self.n_importance_samples}. Set free_bits=0."
            )
        return Recipe(
            architecture=self._make_architecture(),
            bottleneck=LatentCode(
                n_importance_samples=self.n_importance_samples,
                size_factor=self.size_factor,
            ),
            output=LikelihoodOutput(self.likelihood, self.noise_variance),
            objective=partial(EvidenceBound, self.beta, self.kl_warmup, self.free_bits),
            init=self.init,
            scaling=self.scaling,
        )

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
        return self._estimate("bound", X, n_samples)

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
        return self._estimate("log_likelihood", X, n_samples)

    def _estimate(self, name: str, X, n_samples: int) -> np.ndarray:
        """Return a function of the module, from draws that are the same each time."""
        check_number("n_samples", n_samples)
        X, model = self._check_fitted_rows(X, values=True), self._model
        estimate = partial(getattr(model.module, name), n_draws=n_samples)
        rows = model.rows(X)
        return model.rowwise(estimate, rows, size=_ROWS_AT_ONCE, seed=model.seed)

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
        X : ndarray of shape (n_samples, n_features)
            Rows in the units, with the axes and of the type of the training rows.
        """
        check_is_fitted(self)
        check_number("n_samples", n_samples)
        model = self._model
        module: Any = model.module
        with isolated(draw_seed(random_state)), torch.inference_mode():
            module.eval()
            latent = torch.empty(n_samples, model.n_components, device=model.device)
            raw = module.raw(normal_like(latent))
            rows = module.output.draw(raw) if noise else module.output(raw)
        return model.scaling.to_units(rows.cpu().numpy())

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
        X : ndarray of shape (n_steps, n_features)
            From the decoded code of `a` to that of `b`, with the axes of the training
            rows.
        """
        check_is_fitted(self)
        check_number("n_steps", n_steps)
        ends = [_as_row(row, name) for name, row in (("a", a), ("b", b))]
        if any(len(row) != self.n_features_in_ for row in ends):
            raise ValueError(
                f"a and b must be single rows of {self.n_features_in_} values; got "
                f"{len(ends[0])} and {len(ends[1])}. Pass X[0] and X[1], for example."
            )
        start, end = self._model.encode(np.stack(ends))
        share = np.linspace(0, 1, n_steps, dtype=np.float32)[:, None]
        return self.inverse_transform((1 - share) * start + share * end)


def _as_row(row, name: str) -> np.ndarray:
    """Return the values of a single row, also of a sparse one, checked."""
    row = as_numbers(row, name)
    flat = np.reshape(row.toarray() if sp.issparse(row) else row, (1, -1))
    flat = check_array(flat, dtype=np.float64, ensure_min_features=0, input_name=name)
    check_magnitude(flat, name)
    return flat[0]
