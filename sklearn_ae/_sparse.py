"""The sparse autoencoder."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from ._base import BaseAutoencoder
from ._pca import PCABaseline
from ._validation import Interval, StrOptions
from .exceptions import DeadUnitsWarning
from .nn.architectures import Architecture
from .nn.losses import LOSSES, ReconstructionObjective
from .nn.sparse import (
    BatchTopK,
    DivergenceFromTarget,
    L1Units,
    LogisticUnits,
    SparseAutoencoder,
    SparseObjective,
    TopK,
    keep_largest,
    start_at_pairs,
    start_tied,
    sum_of_code,
)
from .training.batches import Rows

__all__ = ["SparseAE"]

_MOST_DEFAULT_COMPONENTS = 1024
_MOST_DEFAULT_COEFS = 32

# A warning is given if more than this share of the units, and number, is dead.
_MOST_DEAD = 0.1
_FEW_DEAD = 10


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
    hidden_layer_sizes : tuple of int, default=()
        Widths of the encoder's hidden layers; the decoder mirrors them. ``()`` makes
        each row a sum of few columns of the decoder.
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
    pretraining : {"layerwise", "layerwise_cached"} or None, default=None
        Before all layers learn together, let each dense layer learn to encode the
        outputs of the one below, for up to `max_iter` epochs; layers beside a linear
        or special code are left out. These outputs are computed for each batch
        anew, or, faster and with more memory, once.
    scaling : {"global", "per_feature"} or None, default="global"
        How rows are prepared inside: centred and divided by one number, so that the
        objective is PCA's; centred and divided by each feature's standard deviation;
        or left as they are. Errors are always reported in the units of X.
    loss : {"squared_error", "absolute_error", "log_loss"}, default="squared_error"
        Reconstruction loss. ``"log_loss"`` is the cross-entropy on logits for values
        in [0, 1]; it ignores `scaling`.
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
    beats_pca_ : bool
        Whether the gain over PCA was reliable (after ``partial_fit``: whether there
        is one on the rows it was given). If not, a :class:`PCAFloorWarning` is
        given, and a model that started at PCA is PCA of all rows.
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
        **BaseAutoencoder._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "sparsity": [StrOptions({"topk", "batch_topk", "l1", "kl"})],
        "n_nonzero_coefs": [Interval(Integral, 1, None, closed="left"), None],
        "transform_n_nonzero_coefs": [Interval(Integral, 1, None, closed="left"), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "target": [Interval(Real, 0, 1, closed="neither")],
        "sparse_output": ["boolean"],
    }

    _structure_parameters: ClassVar[tuple[str, ...]] = (
        *BaseAutoencoder._structure_parameters,
        "sparsity",
        "n_nonzero_coefs",
        "target",
    )

    _is_regularised: ClassVar[bool] = True

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
        hidden_layer_sizes: tuple[int, ...] = (),
        activation: str = "gelu",
        tied_weights: bool = False,
        architecture=None,
        init: str = "pca",
        pretraining: str | None = None,
        scaling: str | None = "global",
        loss: str = "squared_error",
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
        self.pretraining = pretraining
        self.scaling = scaling
        self.loss = loss
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
        if not self.sparse_output:
            return super().transform(X)
        blocks = self._blocks(self._encode, self._rows(X))
        unit = np.float32(self._code_unit)
        return sp.vstack([sp.csr_array(block * unit) for block in blocks], format="csr")

    def _encode(self, block: torch.Tensor) -> torch.Tensor:
        n_kept, bottleneck = self.transform_n_nonzero_coefs, self.module_.bottleneck
        if n_kept is None or not isinstance(bottleneck, TopK):
            return self.module_.encode(block)
        n_kept = min(n_kept, self.n_components_)
        return keep_largest(self.module_.encoder(block), n_kept)

    # ------------------------------------------------------------- module, objective

    def _build_module(self, n_features: int, n_components: int) -> SparseAutoencoder:
        encoder, decoder = self._build_networks(n_features, n_components)
        # Networks of one's own keep the weights that they were given.
        is_ours = isinstance(self.architecture, Architecture | None)
        if is_ours and not self._starts_at_pca:
            start_tied(encoder, decoder)
        bottleneck = {
            "topk": lambda: TopK(self.n_nonzero_coefs_),
            "batch_topk": lambda: BatchTopK(self.n_nonzero_coefs_),
            "l1": L1Units,
            "kl": lambda: LogisticUnits(self.target),
        }[self.sparsity]()
        output = LOSSES[self.loss].output()
        module = SparseAutoencoder(encoder, decoder, output, bottleneck, n_components)
        self._check_bare_decoder(module)
        return module

    def _build_objective(self) -> nn.Module:
        penalty = {
            "kl": DivergenceFromTarget(self.target, self.n_components_),
            "l1": sum_of_code,
        }
        return SparseObjective(self.loss, penalty.get(self.sparsity), self.alpha)

    @property
    def _has_pca_start(self) -> bool:
        n_active = self.n_nonzero_coefs_
        has_pairs = n_active is not None and self.n_components_ >= 2 * n_active
        return has_pairs and super()._has_pca_start

    def _start_at(self, module: SparseAutoencoder, pca: PCABaseline) -> None:
        pairs = pca.components[: self.n_components_ // 2]
        start_at_pairs(module.encoder, module.decoder, pairs, pca.mean)

    @property
    def _baseline(self) -> PCABaseline:
        return self._pca.first(self._n_active)

    @property
    def _knows_baseline(self) -> bool:
        return self.sparsity != "l1"

    def _judge_output(self, output: tuple, block: torch.Tensor) -> torch.Tensor:
        # PCA's loss has no penalty.
        return ReconstructionObjective.per_row(self.net_.criterion_, output, block)

    # ----------------------------------------------------------------------- fitting

    def _check_parameters(self, continues: bool) -> None:
        super()._check_parameters(continues)
        if self.transform_n_nonzero_coefs is not None and self.sparsity != "topk":
            raise ValueError(
                "transform_n_nonzero_coefs needs sparsity='topk'; got "
                f"sparsity={self.sparsity!r}. Leave it None."
            )

    def _choose_width(self, n_samples: int) -> int:
        if self.n_components is None and self._settled_code_width() is None:
            width = min(2 * self.n_features_in_, _MOST_DEFAULT_COMPONENTS)
        else:
            width = super()._choose_width(n_samples)
        self.n_nonzero_coefs_ = self._choose_n_nonzero_coefs(width)
        self._n_active = width
        if self.n_nonzero_coefs_ is not None:
            self._n_active = self.n_nonzero_coefs_
        return width

    def _count_pca_components(self) -> int:
        return max(self.n_components_ // 2, self._n_active)

    def _choose_n_nonzero_coefs(self, width: int) -> int | None:
        if self.sparsity not in ("topk", "batch_topk"):
            return None
        if self.n_nonzero_coefs is None:
            return max(1, min(width // 4, _MOST_DEFAULT_COEFS))
        if self.n_nonzero_coefs > width:
            raise ValueError(
                f"n_nonzero_coefs must be at most n_components = {width}; got "
                f"{self.n_nonzero_coefs}. Choose a wider code or fewer active units."
            )
        return self.n_nonzero_coefs

    def _learn_scaling(self, X) -> None:
        super()._learn_scaling(X)
        if self.sparsity == "kl":
            self._code_unit = 1.0

    def _record_errors(self, judged: Rows) -> None:
        if self.sparsity == "l1":
            active = self._per_row(self._count_active, judged)
            self._n_active = max(1, round(float(active.mean())))
        super()._record_errors(judged)

    def _record_floor(self, judged: Rows) -> None:
        # The start may be better than PCA with as many components.
        errors = self._judge(self._squared_error(self._rebuild), judged)
        self.reconstruction_error_ = float(errors.mean())

    def _count_active(self, block: torch.Tensor) -> torch.Tensor:
        return self.module_.is_active(self.module_.encode(block)).sum(1).float()

    def _record_code(self, rows: Rows) -> None:
        codes = self._blocks(self.module_.encode, rows)
        activity = np.zeros(self.n_components_)
        ever = np.zeros(self.n_components_, dtype=bool)
        for block in codes:
            active = block > self.module_.bottleneck.threshold
            activity += (block if self.sparsity == "kl" else active).sum(0)
            ever |= active.any(0)
        self.mean_activity_ = activity / len(rows)
        self.dead_units_ = np.flatnonzero(~ever)

    def _warn_of_a_poor_network(self, judged: Rows) -> None:
        super()._warn_of_a_poor_network(judged)
        n_dead = len(self.dead_units_)
        if n_dead > max(_MOST_DEAD * self.n_components_, _FEW_DEAD):
            warnings.warn(
                f"{n_dead} of {self.n_components_} units are active in no training row "
                "(of up to 50,000). Choose fewer n_components or more active units "
                "(n_nonzero_coefs; a smaller alpha for 'l1'), a smaller learning_rate, "
                "or a larger max_iter, in which dead units are revived.",
                DeadUnitsWarning,
                stacklevel=5,
            )
