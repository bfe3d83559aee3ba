"""A regressor on codes that were learned from all rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_array, check_consistent_length

from ._labels import labelled_rows
from ._prediction import PretrainedPredictor
from ._validation import as_numbers
from .base import BaseAutoencoder

__all__ = ["PretrainedRegressor"]


@dataclass(frozen=True, eq=False)
class Targets:
    """Shape of one target of y, and how targets are scaled, one number for each."""

    shape: tuple[int, ...]
    mean: np.ndarray = field(default_factory=lambda: np.zeros(0))
    scale: np.ndarray = field(default_factory=lambda: np.ones(0))


class PretrainedRegressor(RegressorMixin, PretrainedPredictor):
    r"""Regressor on the code of an autoencoder that has learned from all rows.

    Takes rows with and without targets, the latter marked by NaN. It fits the
    autoencoder on all rows, puts a head :math:`h` on its encoder :math:`f`, and
    minimises

    .. math::
        \frac{1}{|L|} \sum_{i \in L} \lVert y_i - h(f(x_i)) \rVert^2
        + \lambda R + \gamma C

    over the labelled rows :math:`L`, where targets are centred and scaled inside,
    :math:`R` is the autoencoder's own objective over all rows, per feature, and
    :math:`C` the squared change of predictions of all rows at a small step in the most
    sensitive direction [2]_.

    Use it where rows are many and targets are few. Do not use it where all rows have a
    target; a model that sees X alone, gradient boosting for one, is then simpler and
    often better.

    Parameters
    ----------
    autoencoder : estimator, default=None
        One of this library's autoencoders. It is cloned and fitted on all rows. One
        that is fitted already is used as it is; wrap it in scikit-learn's
        ``FrozenEstimator`` to keep it so in clones, as in a search. None stands for
        ``DenoisingAE()``.
    pretrain : bool, default=True
        False leaves the encoder at random weights, to see what pretraining is good
        for.
    hidden_layer_sizes : int or tuple of int, default=()
        Widths of layers between the code and the prediction.
    activation : {"gelu", "relu", "elu", "silu", "tanh", "logistic"}, default="gelu"
        Function after each of them.
    freeze : {"none", "encoder", "gradual"}, default="none"
        ``"none"`` trains encoder and head together from the start, ``"encoder"`` the
        head alone. ``"gradual"`` begins with the head and adds the encoder's layers
        one by one, from the code down; each stage has an equal share of the epochs
        [1]_.
    reconstruction_weight : float, default=0.0
        Weight :math:`\lambda`, at least 0: keep the reconstruction of all rows in the
        objective. The term is per feature, on scaled rows: 1 stands for all of the
        variance.
    consistency_weight : float, default=0.0
        Weight :math:`\gamma`, at least 0: let predictions of all rows be
        stable. The step has a quarter of the median distance of a row to its tenth
        neighbour.
    learning_rate : float, default=2e-3
        Peak step size of AdamW, greater than 0; it rises and falls in one cycle.
    weight_decay : float, default=0.0
        Decoupled weight decay of weight matrices.
    batch_size : int or "auto", default="auto"
        Rows per step, chosen as by the autoencoder. Where all rows take part, up to
        half as many labelled rows come with them.
    max_iter : int, default=None
        Epochs at most. An epoch is a pass over the labelled rows, or over all rows
        where they take part. None takes as many as make 1,500 steps, between 10 and
        100.
    early_stopping : bool, default=False
        Hold out labelled rows to evaluate each epoch, and keep the best state.
    validation_fraction : float or "auto", default="auto"
        Share of the labelled rows to hold out, in (0, 1). ``"auto"`` takes 10 %, but
        at least 60 rows, and at most 30 % and 5,000 rows.
    n_iter_no_change : int, default=20
        Epochs without progress after which training ends, with early stopping.
    tol : float, default=1e-4
        Share of the best validation loss that counts as progress.
    callbacks : list of skorch callbacks, default=None
        Used as they are, while the head is trained.
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
        Decides all that is random, the autoencoder's fit included if it has no seed
        of its own. Device and precision are those of the autoencoder.

    Attributes
    ----------
    autoencoder_ : estimator
        The autoencoder, as it was before the head was trained.
    module_ : torch.nn.Module
        The trained network; ``module_.predict`` takes scaled rows.
    net_ : skorch.NeuralNet
        The net around it.
    encoder_ : torch.nn.Module
        Copy of the trained encoder to take away: maps tensors of flat rows, in the
        units of X, to codes.
    n_features_in_ : int
        Number of features seen during ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of features, where X has string column names.
    n_iter_ : int
        Epochs for which the head was trained.
    loss_curve_ : list of float
        Mean objective of each epoch.
    validation_loss_curve_ : list of float
        Mean loss of the labelled rows that were held out; NaN without them.

    See Also
    --------
    PretrainedClassifier : The same for classes.

    References
    ----------
    .. [1] Howard, J. & Ruder, S. (2018). Universal language model fine-tuning for text
       classification. arXiv:1801.06146
    .. [2] Miyato, T., Maeda, S., Koyama, M. & Ishii, S. (2018). Virtual adversarial
       training. arXiv:1704.03976

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ae import AutoencoderTransformer, PretrainedRegressor
    >>> t = np.random.RandomState(0).uniform(-2, 2, size=600)
    >>> X = np.column_stack([t, t**2, np.sin(3 * t), np.exp(t)])
    >>> y = np.cos(t)
    >>> some = np.where(np.arange(len(y)) < 50, y, np.nan)
    >>> ae = AutoencoderTransformer(2, max_iter=20)
    >>> model = PretrainedRegressor(ae, random_state=0).fit(X, some)
    >>> bool(model.score(X[50:], y[50:]) > 0.9)
    True
    """

    def __init__(
        self,
        autoencoder: BaseAutoencoder | None = None,
        *,
        pretrain: bool = True,
        hidden_layer_sizes: int | tuple[int, ...] = (),
        activation: str = "gelu",
        freeze: str = "none",
        reconstruction_weight: float = 0.0,
        consistency_weight: float = 0.0,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.0,
        batch_size: int | str = "auto",
        max_iter: int | None = None,
        early_stopping: bool = False,
        validation_fraction: float | str = "auto",
        n_iter_no_change: int = 20,
        tol: float = 1e-4,
        callbacks: list | None = None,
        checkpoint=None,
        checkpoint_every: float | str = "auto",
        verbose: int = 0,
        random_state=None,
    ) -> None:
        self.autoencoder = autoencoder
        self.pretrain = pretrain
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.freeze = freeze
        self.reconstruction_weight = reconstruction_weight
        self.consistency_weight = consistency_weight
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose
        self.random_state = random_state

    def _validate_targets(self, y) -> tuple[np.ndarray, np.ndarray]:
        y = _as_targets(y)
        self._targets = Targets(y.shape[1:])
        y = y.reshape(len(y), -1)
        return y, ~np.isnan(y).all(axis=1)

    def _encode_targets(
        self, y: np.ndarray, known: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        unknown = np.flatnonzero(np.isnan(y).all(axis=0))
        if len(unknown):
            raise ValueError(
                "y must hold a number for each target in at least one row; columns "
                f"{unknown.tolist()} are all NaN. Leave them out."
            )
        weights = np.where(np.isnan(y), 0, weights[:, None])
        numbers, total = np.nan_to_num(y), weights.sum(axis=0)
        mean = (weights * numbers).sum(axis=0) / total
        deviation = np.sqrt((weights * (numbers - mean) ** 2).sum(axis=0) / total)
        scale = np.where(deviation > 0, deviation, 1.0)
        self._targets = replace(self._targets, mean=mean, scale=scale)
        return ((y - mean) / scale).astype(np.float32)

    @property
    def _n_outputs(self) -> int:
        return len(self._targets.mean)

    def score(self, X, y, sample_weight=None) -> float:
        """Return the coefficient of determination on the rows that have targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; rows with a NaN do not count. For other scores see
            :func:`labelled_scorer`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows.

        Returns
        -------
        score : float
            1 is perfect, 0 that of the mean.
        """
        predicted = self.predict(X)
        y = _as_targets(y)
        check_consistent_length(predicted, y, sample_weight)
        known = np.asarray(~np.isnan(y.reshape(len(y), -1)).any(axis=1))
        y, predicted, weights = labelled_rows(known, y, predicted, sample_weight)
        return float(r2_score(y, predicted, sample_weight=weights))

    def predict(self, X) -> np.ndarray:
        """Return the predicted numbers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        values : ndarray of shape (n_samples,) or (n_samples, n_outputs), float64
            In the units and with the shape of y.
        """
        # In double precision, so that a row's value does not depend on its batch.
        values = self._predict_raw(X, double=True)
        values = values * self._targets.scale + self._targets.mean
        return values.reshape(len(values), *self._targets.shape)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _as_targets(y) -> np.ndarray:
    """Return numbers, one or more for each row, or NaN."""
    return check_array(
        as_numbers(y, "y"),
        dtype=np.float64,
        ensure_2d=False,
        ensure_all_finite="allow-nan",
        input_name="y",
    )
