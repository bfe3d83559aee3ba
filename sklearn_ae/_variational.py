"""The variational autoencoder."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from ._base import BaseAutoencoder
from ._generative import GenerativeMixin
from ._pca import PCABaseline, is_real_likelihood_gain
from ._validation import (
    Interval,
    StrOptions,
    check_counts,
    check_unit_interval,
)
from .exceptions import PosteriorCollapseWarning
from .nn.architectures import build_pair
from .nn.dense import PaddedDecoder
from .nn.likelihoods import LIKELIHOODS
from .nn.linear_path import LinearPath
from .nn.variational import (
    EvidenceBound,
    VariationalAutoencoder,
    kl_to_prior,
    start_at_probabilistic_pca,
)
from .training.batches import Rows

__all__ = ["VAE"]

# A component counts as active if its posterior mean varies more than this over rows
# (Burda et al. 2015).
_LEAST_ACTIVE_VARIANCE = 0.01

# A warning is given if no more than this share of the components is active.
_FEW_ACTIVE = 0.1


class VAE(GenerativeMixin, BaseAutoencoder):
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
        ``"gaussian"``, with one learned variance for all scaled values;
        ``"bernoulli"`` for 0 and 1 (values in between count as probabilities of a 1);
        ``"poisson"`` and ``"negative_binomial"`` for counts, the latter with a learned
        overdispersion per feature.
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
        decoded at the mean sum. Training starts at random weights.
    hidden_layer_sizes : tuple of int, default=(256, 128)
        Widths of the encoder's hidden layers; the decoder mirrors them. ``()`` gives
        a linear autoencoder.
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
    pretraining : {"layerwise", "layerwise_cached"} or None, default=None
        Before all layers learn together, let each dense layer learn to encode the
        outputs of the one below, for up to `max_iter` epochs; layers beside a linear
        or special code are left out. These outputs are computed for each batch
        anew, or, faster and with more memory, once.
    scaling : {"global", "per_feature"} or None, default="global"
        How rows are prepared inside: centred and divided by one number, so that the
        objective is PCA's; centred and divided by each feature's standard deviation;
        or left as they are. Errors are always reported in the units of X.
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
        Hold out rows to judge each epoch, keep the best state and compare it with
        PCA. False trains on all rows for `max_iter` epochs, keeps the last state and
        compares it with PCA on at most 5,000 training rows. With `X_val` the best
        state is kept in both cases.
    validation_fraction : float or "auto", default="auto"
        Share of the rows to hold out, in (0, 1). ``"auto"`` takes 10 %, but at least
        60 rows, and at most 30 % and 5,000 rows.
    n_iter_no_change : int, default=20
        Epochs without progress after which training ends.
    tol : float, default=1e-4
        Share of the best validation loss that counts as progress.
    warm_start : bool, default=False
        Let ``fit`` go on from the previous solution and scaling.
    device : str, default="auto"
        ``"auto"`` (a GPU where there is one), ``"cpu"``, ``"cuda"``, ``"cuda:1"``,
        ``"mps"``.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Type of the matrix products in training steps. ``"auto"`` takes bfloat16
        where the processor has it and layers are large. Everything else is float32.
    callbacks : list of skorch callbacks, default=None
        Used as they are. They see the losses in ``net.history``.
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
        training rows), in nats per row, with `beta` as the weight.
    pca_log_likelihood_bound_ : float
        The same for probabilistic PCA, whose decoder's output is turned into the
        likelihood's parameters.
    kl_per_component_ : ndarray of shape (n_components,)
        KL divergence of each component from the prior, mean over training rows, nats.
    n_active_components_ : int
        Components whose posterior mean has a variance above 0.01 over training rows
        [5]_.
    reconstruction_error_ : float
        Mean squared error per value on the validation rows (without them, on
        training rows), in squared units of X.
    pca_reconstruction_error_ : float
        The same for PCA with the same number of components and training rows.
    beats_pca_ : bool
        Whether the gain in the bound over probabilistic PCA was reliable. If not, a
        :class:`PCAFloorWarning` is given, and a model that started there is
        probabilistic PCA of all rows.
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
        **{
            name: constraint
            for name, constraint in BaseAutoencoder._parameter_constraints.items()
            if name != "loss"
        },
        "likelihood": [StrOptions(set(LIKELIHOODS))],
        "beta": [Interval(Real, 0, None, closed="left")],
        "kl_warmup": [Interval(Real, 0, 1, closed="both")],
        "free_bits": [Interval(Real, 0, None, closed="left")],
        "n_importance_samples": [Interval(Integral, 1, None, closed="left")],
        "size_factor": [StrOptions({"sum"}), None],
    }

    _structure_parameters: ClassVar[tuple[str, ...]] = (
        "architecture",
        "init",
        "pretraining",
        "scaling",
        "likelihood",
        "n_importance_samples",
        "size_factor",
    )

    _is_regularised: ClassVar[bool] = True
    _outputs_per_component: ClassVar[int] = 2

    def __init__(
        self,
        n_components: int | float | None = None,
        *,
        likelihood: str = "gaussian",
        beta: float = 1.0,
        kl_warmup: float = 0.0,
        free_bits: float = 0.0,
        n_importance_samples: int = 1,
        size_factor: str | None = None,
        hidden_layer_sizes: tuple[int, ...] = (256, 128),
        activation: str = "gelu",
        tied_weights: bool = False,
        architecture=None,
        init: str = "pca",
        pretraining: str | None = None,
        scaling: str | None = "global",
        learning_rate: float = 4e-3,
        schedule: str = "one_cycle",
        weight_decay: float = 0.0,
        batch_size: int | str = "auto",
        max_iter: int | None = None,
        early_stopping: bool = True,
        validation_fraction: float | str = "auto",
        n_iter_no_change: int = 20,
        tol: float = 1e-4,
        warm_start: bool = False,
        device: str = "auto",
        precision: str = "auto",
        callbacks: list | None = None,
        verbose: int = 0,
        random_state=None,
    ) -> None:
        self.n_components = n_components
        self.likelihood = likelihood
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
        self.pretraining = pretraining
        self.scaling = scaling
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.device = device
        self.precision = precision
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    # -------------------------------------------------------------- module, objective

    def _build_pair(self, architecture, n_features: int, n_components: int):
        width = self._outputs_per_component * n_components
        encoder, decoder = build_pair(architecture, n_features, width)
        if getattr(architecture, "tied_weights", False):
            return encoder, PaddedDecoder(decoder, width)
        return encoder, build_pair(architecture, n_features, n_components)[1]

    def _build_link(self) -> nn.Module | None:
        return LIKELIHOODS[self.likelihood].link(self._shift, self.scale_)

    def _build_module(
        self, n_features: int, n_components: int
    ) -> VariationalAutoencoder:
        encoder, decoder = self._build_networks(n_features, n_components)
        likelihood = LIKELIHOODS[self.likelihood](self._shift, self.scale_)
        mean_size = float(self.mean_.sum()) if self.size_factor == "sum" else None
        n_draws = self.n_importance_samples
        module = VariationalAutoencoder(
            encoder, decoder, likelihood, n_draws, mean_size
        )
        self._check_bare_decoder(module)
        return module

    def _build_objective(self) -> nn.Module:
        return EvidenceBound(self.beta, self.kl_warmup, self.free_bits)

    def _start_at(self, module: VariationalAutoencoder, pca: PCABaseline) -> None:
        start_at_probabilistic_pca(
            module, pca.components, pca.variances, pca.noise_variance, pca.mean
        )

    def _pca_loss(self, block: torch.Tensor) -> torch.Tensor:
        n_features, n_components = self.n_features_in_, self.n_components_
        module = VariationalAutoencoder(
            LinearPath(nn.Linear(n_features, 2 * n_components), None),
            LinearPath(nn.Linear(n_components, n_features), None, self._build_link()),
            LIKELIHOODS[self.likelihood](self._shift, self.scale_),
            self.n_importance_samples,
        )
        self._start_at(module, self._pca)
        module = module.to(block.device).eval()
        return self.net_.criterion_.per_row(module(block), block)

    def _is_real_gain(
        self, losses: np.ndarray, pca_losses: np.ndarray, judged: Rows
    ) -> bool:
        self._record_bounds(losses, pca_losses)
        return is_real_likelihood_gain(losses, pca_losses, self.n_features_in_)

    # ----------------------------------------------------------------------- fitting

    def _check_parameters(self, continues: bool) -> None:
        super()._check_parameters(continues)
        if self.size_factor is not None and not LIKELIHOODS[self.likelihood].of_counts:
            raise ValueError(
                "size_factor needs a likelihood of counts, 'poisson' or "
                f"'negative_binomial'; got likelihood={self.likelihood!r}. Set "
                "size_factor=None."
            )
        if self.free_bits > 0 and self.n_importance_samples > 1:
            raise ValueError(
                "free_bits needs n_importance_samples=1, because the bound of several "
                "draws has no KL divergence of its own; got "
                f"n_importance_samples={self.n_importance_samples}. Set free_bits=0."
            )

    def _check_values(self, X, name: str) -> None:
        if self.likelihood == "bernoulli":
            check_unit_interval(
                X, name, "likelihood='bernoulli'", "likelihood='gaussian'"
            )
        elif LIKELIHOODS[self.likelihood].of_counts:
            check_counts(X, name, self.likelihood)

    @property
    def _has_pca_start(self) -> bool:
        return self.size_factor is None and super()._has_pca_start

    @property
    def _warm_up(self) -> float:
        return self.kl_warmup

    @property
    def _scaling_in_use(self) -> str | None:
        return self.scaling

    def _check_architecture(self, architecture) -> None:
        if getattr(architecture, "output_activation", None) is not None:
            raise ValueError(
                "output_activation must be None in VAE, where the likelihood decides "
                f"what rows may be; got {architecture.output_activation!r}. For values "
                "in [0, 1] use likelihood='bernoulli'."
            )
        if self._settled_code_width() is not None:
            raise ValueError(
                "the code of VAE must be a vector of latent variables; got an "
                "architecture whose feature map is the code. Set bottleneck='vector'."
            )
        if getattr(architecture, "tied_weights", False) and self._starts_at_pca:
            raise ValueError(
                "tied_weights=True needs init='random' in VAE, because the encoder of "
                "probabilistic PCA is not its decoder's transpose; got init='pca'."
            )

    def _learn_scaling(self, X) -> None:
        super()._learn_scaling(X)
        self._code_unit = 1.0  # the prior's

    def _record_floor(self, judged: Rows) -> None:
        # Probabilistic PCA rebuilds rows a little nearer to their mean than PCA.
        errors = self._judge(self._squared_error(self._rebuild), judged)
        self.reconstruction_error_ = float(errors.mean())
        self.log_likelihood_bound_ = self.pca_log_likelihood_bound_

    def _is_better(self, rows: Rows) -> bool:
        losses = (self._judge(loss, rows) for loss in (self._loss, self._pca_loss))
        self._record_bounds(*losses)
        return self.log_likelihood_bound_ > self.pca_log_likelihood_bound_

    def _record_bounds(self, losses: np.ndarray, pca_losses: np.ndarray) -> None:
        self.log_likelihood_bound_ = -float(losses.mean())
        self.pca_log_likelihood_bound_ = -float(pca_losses.mean())

    def _record_code(self, rows: Rows) -> None:
        def describe(block: torch.Tensor) -> torch.Tensor:
            mean, log_variance = self.module_.posterior(block)
            return torch.cat([kl_to_prior(mean, log_variance), mean], 1)

        divergence, mean = np.split(self._per_row(describe, rows), 2, axis=1)
        self.kl_per_component_ = divergence.mean(axis=0, dtype=np.float64)
        active = mean.var(axis=0, dtype=np.float64) > _LEAST_ACTIVE_VARIANCE
        self.n_active_components_ = int(active.sum())

    def _warn_of_a_poor_network(self, judged: Rows) -> None:
        if self.n_active_components_ > _FEW_ACTIVE * self.n_components_:
            super()._warn_of_a_poor_network(judged)
            return
        warnings.warn(
            f"{self.n_active_components_} of {self.n_components_} components are "
            "active; the posteriors of the others say nothing of the row. "
            "Set a smaller beta, kl_warmup=0.3 or free_bits=0.1, or fewer n_components"
            + ("." if self.init == "pca" else "; init='pca' starts with active ones."),
            PosteriorCollapseWarning,
            stacklevel=5,
        )

    @property
    def _name_of_loss(self) -> str:
        return "Negative bound per row (nats)"

    def _no_gain_message(self, n_judged: int) -> str:
        return (
            f"Training made no reliable gain over probabilistic PCA on {n_judged} "
            f"rows: {self.log_likelihood_bound_:.4g} nats per row against "
            f"{self.pca_log_likelihood_bound_:.4g}. "
        )
