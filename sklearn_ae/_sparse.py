"""The sparse autoencoder."""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
import torch

from ._validation import check_number
from .base import BaseAutoencoder, Interval, Recipe, StrOptions
from .nn.losses import LossOutput
from .nn.sparse import SparseCode, SparseObjective, TopK, keep_largest

__all__ = ["SparseAE"]


class SparseAE(BaseAutoencoder):
    r"""Autoencoder that minimises the error of rows rebuilt from few active units.

    With encoder :math:`f`, decoder :math:`g` and rows :math:`x_i` it minimises

    .. math:: \frac{1}{n} \sum_{i=1}^{n} \ell\bigl(x_i, g(f(x_i))\bigr)
       + \alpha\, \Omega\bigl(f(x_1), \dots, f(x_n)\bigr),

    where the loss :math:`\ell` is summed over features. The code is wider than the
    rows, but only few of its units are active in each. Either all but the largest are
    set to zero, and there is no penalty, or :math:`\Omega` keeps activity low.

    Use it for features that are on or off, as parts of images or topics of texts are,
    and as input of linear classifiers. Do not use it where a code must be short:
    its active units differ from row to row.

    Parameters
    ----------
    n_components : int, default=None
        Width of the code; it may exceed the number of features. None takes twice the
        features, at most 1024.
    sparsity : {"topk", "batch_topk", "l1", "kl"}, default="topk"
        What keeps codes sparse: ``"topk"`` keeps the `n_nonzero_coefs` largest codes
        of each row [1]_ [4]_, ``"batch_topk"`` as many per row on average [5]_;
        ``"l1"`` penalises the sum of the codes, each times the norm of its decoder
        column; ``"kl"`` has logistic units, and penalises the divergence of each unit's
        mean from `target`, summed over units. Codes are never negative.
    n_nonzero_coefs : int, default=None
        Active units per row for ``"topk"`` and ``"batch_topk"``. None takes a quarter
        of the code, at most 32.
    transform_n_nonzero_coefs : int, default=None
        Active units per row that ``transform`` keeps with ``"topk"``; None takes
        `n_nonzero_coefs`, and so do training and ``reconstruct`` always. Linear
        classifiers gain from about three times as many [1]_.
    alpha : float, default=1.0
        Weight of the penalty of ``"l1"`` and ``"kl"``, per row and unit, beside the
        loss summed over features on scaled rows.
    target : float, default=0.05
        Mean activity of each unit for ``"kl"``, in (0, 1).
    sparse_output : bool, default=False
        Let ``transform`` return a CSR matrix.
    hidden_layer_sizes : int, tuple of int or "auto", default=()
        Widths of the encoder's hidden layers; the decoder mirrors them. ``()`` makes
        each row a sum of few columns of the decoder. ``"auto"`` is ``(256, 128)``, or
        narrower where data are few, as for :class:`AutoencoderTransformer`.
    activation : {"gelu", "relu", "elu", "silu", "tanh", "logistic"}, default="gelu"
        Function after each hidden layer. The output is linear.
    tied_weights : bool, default=False
        Let the decoder use the encoder's weights, transposed.
    architecture : Architecture or callable, default=None
        Builds the networks in place of the three parameters above: an object such
        as :class:`DenseArchitecture`, or a callable ``(n_features, n_components) ->
        (encoder, decoder)`` that returns torch modules.
    init : {"pca", "random"}, default="pca"
        ``"pca"`` gives each principal component two units, one for either sign, so that
        training with ``"topk"`` and ``"batch_topk"`` starts at PCA with
        `n_nonzero_coefs` components or better, and puts that floor under the result.
        ``"random"``, and ``"l1"``, ``"kl"`` and codes of fewer than
        ``2 * n_nonzero_coefs`` units always, start at random weights.
    scaling : {"global", "per_feature"} or None, default="global"
        How rows are prepared inside: centred and divided by one number, so that the
        objective is PCA's; centred and divided by each feature's standard deviation;
        or left as they are, but for columns further than 100 standard deviations
        from 0, which are centred. Errors are always reported in the units of X.
    loss : {"squared_error", "absolute_error", "log_loss"}, default="squared_error"
        Reconstruction loss. ``"log_loss"`` is the cross-entropy on logits for values
        in [0, 1]; it ignores `scaling`. With ``"absolute_error"`` values more than 10
        interquartile ranges beyond a column's quartiles are drawn in to there for
        scaling, the start and the encoder, but not where they are reconstructed.
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
        Mean training loss per row of each epoch, on scaled rows.
    validation_loss_curve_ : list of float
        The same on validation rows; NaN without them.
    pca_loss_ : float
        What a value of `validation_loss_curve_` (without validation rows, of
        `loss_curve_`) would be for PCA, which has no penalty.
    n_nonzero_coefs_ : int or None
        Active units per row that ``"topk"`` or ``"batch_topk"`` allows.
    mean_activity_ : ndarray of shape (n_components,)
        Share of the training rows in which a unit is active; for ``"kl"``, mean of its
        code.
    dead_units_ : ndarray of int
        Units that are active in no training row (for ``"kl"``: that never exceed twice
        the target, or 0.5).
    reconstruction_error_ : float
        Mean squared error per value on the validation rows (without them, on
        training rows), in squared units of X.
    pca_reconstruction_error_ : float
        The same for PCA with as many components as codes are active in a row (for
        ``"l1"``, on average; for ``"kl"`` with `n_components`).
    beats_pca_ : bool or None
        Whether the gain over PCA on held-out rows is larger than chance. If not, a
        :class:`PCAFloorWarning` is given, and with `floor` a model that started at PCA
        is PCA of all rows. None if there is a gain on training rows and no new rows
        were held out (``early_stopping=False``, ``partial_fit``, or a fit that goes on
        and holds out other rows than the fits before).
    mean_ : ndarray of shape (n_features,)
        Mean of each feature.
    scale_ : ndarray of shape (n_features,)
        What each centred feature was divided by.
    device_ : str
        Where the module is.

    See Also
    --------
    sklearn.decomposition.DictionaryLearning : Sparse codes by optimisation, for small
        data.

    References
    ----------
    .. [1] Makhzani, A. & Frey, B. (2013). k-Sparse autoencoders. arXiv:1312.5663
    .. [2] Loshchilov, I. & Hutter, F. (2019). Decoupled weight decay regularization.
       arXiv:1711.05101
    .. [3] Smith, L. N. & Topin, N. (2018). Super-convergence. arXiv:1708.07120
    .. [4] Gao, L. et al. (2024). Scaling and evaluating sparse autoencoders.
       arXiv:2406.04093
    .. [5] Bussmann, B., Leask, P. & Nanda, N. (2024). BatchTopK sparse autoencoders.
       arXiv:2412.06410

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import SparseAE
    >>> X, _ = load_digits(return_X_y=True)
    >>> ae = SparseAE(n_nonzero_coefs=8, max_iter=20, random_state=0).fit(X)
    >>> codes = ae.transform(X)
    >>> codes.shape, int((codes > 0).sum(axis=1).max())
    ((1797, 128), 8)
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "sparsity": [StrOptions({"topk", "batch_topk", "l1", "kl"})],
        "n_nonzero_coefs": [Interval(Integral, 1, None, closed="left"), None],
        "transform_n_nonzero_coefs": [Interval(Integral, 1, None, closed="left"), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "target": [Interval(Real, 0, 1, closed="neither")],
        "sparse_output": ["boolean"],
    }

    def __init__(
        self,
        n_components: int | None = None,
        *,
        sparsity: str = "topk",
        n_nonzero_coefs: int | None = None,
        transform_n_nonzero_coefs: int | None = None,
        alpha: float = 1.0,
        target: float = 0.05,
        sparse_output: bool = False,
        hidden_layer_sizes: int | tuple[int, ...] | str = (),
        activation: str = "gelu",
        tied_weights: bool = False,
        architecture=None,
        init: str = "pca",
        scaling: str | None = "global",
        loss: str = "squared_error",
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
        self.sparsity = sparsity
        self.n_nonzero_coefs = n_nonzero_coefs
        self.transform_n_nonzero_coefs = transform_n_nonzero_coefs
        self.alpha = alpha
        self.target = target
        self.sparse_output = sparse_output
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.tied_weights = tied_weights
        self.architecture = architecture
        self.init = init
        self.scaling = scaling
        self.loss = loss
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

    def transform(self, X) -> np.ndarray | sp.csr_array:
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        codes : ndarray or CSR of shape (n_samples, n_components), float32
            Codes of at least 0; with ``scaling="global"`` they have the unit of X,
            except those of ``"kl"``, which lie in (0, 1).
        """
        X = self._check_fitted_rows(X)
        self._check_transform()
        if not self.sparse_output:
            return np.concatenate(
                self._model.encode_blocks(X, self._encode, np.asarray)
            )
        blocks = self._model.encode_blocks(X, self._encode, sp.csr_array)
        return sp.vstack(blocks, format="csr")

    def _encode(self, block: torch.Tensor) -> torch.Tensor:
        """Return codes, perhaps with other numbers of active units than in the fit."""
        module, n_kept = self._model.module, self.transform_n_nonzero_coefs
        if n_kept is None or not isinstance(module.bottleneck, TopK):
            return module.encode(block)
        return keep_largest(module.encoder(block), min(n_kept, self.n_components_))

    def _check_transform(self) -> None:
        """Raise a ValueError if rows cannot have so many active units."""
        n_kept = self.transform_n_nonzero_coefs
        if n_kept is None:
            return
        check_number("transform_n_nonzero_coefs", n_kept)
        if self.sparsity != "topk":
            raise ValueError(
                "transform_n_nonzero_coefs needs sparsity='topk'; got "
                f"sparsity={self.sparsity!r}. Leave it None."
            )

    def _recipe(self) -> Recipe:
        self._check_transform()
        return Recipe(
            architecture=self._make_architecture(),
            bottleneck=SparseCode(
                sparsity=self.sparsity,
                n_nonzero_coefs=self.n_nonzero_coefs,
                target=self.target,
            ),
            output=LossOutput(self.loss),
            objective=partial(
                SparseObjective, self.loss, self.sparsity, self.alpha, self.target
            ),
            init=self.init,
            scaling=self.scaling,
        )
