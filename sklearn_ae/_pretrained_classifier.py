"""A classifier on codes that were learned from all rows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_consistent_length

from ._labels import find_labelled, labelled_rows
from ._prediction import PretrainedPredictor
from ._validation import MissingValues, StrOptions
from .base import BaseAutoencoder

__all__ = ["PretrainedClassifier"]


class PretrainedClassifier(ClassifierMixin, PretrainedPredictor):
    r"""Classifier on the code of an autoencoder that has learned from all rows.

    Takes labelled and unlabelled rows, the latter marked by -1 in y, or by
    `missing_label`. It fits the
    autoencoder on all rows, puts a head :math:`h` on its encoder :math:`f`, and
    minimises

    .. math::
        \frac{1}{|L|} \sum_{i \in L} -\log h_{y_i}(f(x_i))
        + \lambda R + \gamma C

    over the labelled rows :math:`L`, where :math:`R` is the autoencoder's own objective
    over all rows, per feature, and :math:`C` is about predictions of all rows: they
    should not change at a small step in the most sensitive direction [2]_, they should
    be certain, and their classes should have the shares that labelled rows have [3]_.

    Use it where rows are many and labels are few; ``consistency_weight=1`` is then
    worth a try first. Do not use it where all rows are labelled: gradient boosting is
    then hard to beat on tables. The consistency term assumes that classes are separated
    by gaps, and does harm where they overlap.

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
        consistent and certain. The step has a quarter of the median distance of a row
        to its tenth neighbour.
    missing_label : int, float, str or None, default=-1
        What marks rows without a label in y, as -1 does in
        ``sklearn.semi_supervised``. None stands for every missing value: None, NaN and
        ``pandas.NA``. Set it where -1 is a class beside others, as in sentiments -1, 0
        and 1; -1 and 1 alone are two classes in any case.
    class_weight : dict, "balanced" or None, default=None
        Weights of classes in the loss of labelled rows, as in ``LogisticRegression``.
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
    classes_ : ndarray of shape (n_classes,)
        The classes, without `missing_label`.
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
    sklearn.semi_supervised.SelfTrainingClassifier : The same for any classifier.

    References
    ----------
    .. [1] Howard, J. & Ruder, S. (2018). Universal language model fine-tuning for text
       classification. arXiv:1801.06146
    .. [2] Miyato, T., Maeda, S., Koyama, M. & Ishii, S. (2018). Virtual adversarial
       training. arXiv:1704.03976
    .. [3] Hu, W., Miyato, T., Tokui, S., Matsumoto, E. & Sugiyama, M. (2017). Learning
       discrete representations via information maximizing self-augmented training.
       arXiv:1702.08720

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import DenoisingAE, PretrainedClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> few = np.where(np.arange(len(y)) % 15 == 0, y, -1)
    >>> ae = DenoisingAE(32, max_iter=20)
    >>> model = PretrainedClassifier(ae, freeze="gradual", random_state=0).fit(X, few)
    >>> bool(model.score(X[few == -1], y[few == -1]) > 0.85)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **PretrainedPredictor._parameter_constraints,
        "missing_label": [MissingValues()],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

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
        missing_label: int | float | str | None = -1,
        class_weight: dict | str | None = None,
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
        self.missing_label = missing_label
        self.class_weight = class_weight
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
        y, known = find_labelled(y, self.missing_label)
        return y, known

    def _encode_targets(
        self, y: np.ndarray, known: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        self.classes_, classes = np.unique(y[known], return_inverse=True)
        if len(self.classes_) == 1 and not known.all():
            raise ValueError(
                f"y must hold at least two classes beside {self.missing_label!r}, "
                f"which marks unlabelled rows; got one class, {self.classes_[0]}. If "
                f"{self.missing_label!r} is a class, set missing_label=None."
            )
        targets = np.full(len(y), -1)
        targets[known] = classes
        return targets

    @property
    def _n_outputs(self) -> int:
        return len(self.classes_)

    def _find_shares(
        self, targets: np.ndarray, weights: np.ndarray
    ) -> tuple[float, ...]:
        counts = np.bincount(targets, weights, minlength=len(self.classes_))
        return tuple((counts / weights.sum()).tolist())

    def _weigh(self, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
        classes = self.classes_[targets]
        return weights * compute_sample_weight(self.class_weight, classes)

    def score(self, X, y, sample_weight=None) -> float:
        """Return the accuracy on the rows that are labelled.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Classes; rows with `missing_label` do not count. For other scores see
            :func:`labelled_scorer`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows.

        Returns
        -------
        accuracy : float
            Share of right predictions, in [0, 1].
        """
        predicted = self.predict(X)
        y, labelled = find_labelled(y, self.missing_label, self.classes_)
        check_consistent_length(predicted, y, sample_weight)
        y, predicted, weights = labelled_rows(labelled, y, predicted, sample_weight)
        return float(accuracy_score(y, predicted, sample_weight=weights))

    def decision_function(self, X) -> np.ndarray:
        """Return the logits of classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        logits : ndarray of shape (n_samples, n_classes), or (n_samples,), float32
            For two classes the log-odds of the second one.
        """
        logits = self._predict_raw(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X) -> np.ndarray:
        """Return the probabilities of classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), float32
            In the order of ``classes_``.
        """
        return softmax(self._predict_raw(X), axis=1)

    def predict(self, X) -> np.ndarray:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        classes : ndarray of shape (n_samples,)
            The most probable class of each row.
        """
        logits = self._predict_raw(X)
        return self.classes_[logits.argmax(axis=1)]
