"""The denoising autoencoder."""

from __future__ import annotations

from math import prod
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from ._nested import NestedCodes
from ._validation import find_shape, fit_context
from .base import BaseAutoencoder, Interval, StrOptions
from .nn.codes import PlainCode
from .nn.contrast import contrast_codes
from .nn.corruption import CORRUPTIONS, CorruptedInput, PairedInput
from .nn.dense import ACTIVATIONS
from .nn.losses import LossOutput
from .nn.nested import nest
from .nn.recipe import Recipe
from .training.batches import PairedTable
from .training.seeding import draw_seed

__all__ = ["DenoisingAE"]


class DenoisingAE(NestedCodes, BaseAutoencoder):
    r"""Autoencoder that minimises the error of clean rows rebuilt from corrupted ones.

    With encoder :math:`f`, decoder :math:`g`, rows :math:`x_i` and corrupted rows
    :math:`\tilde x_i`, drawn anew in each epoch, it minimises [1]_

    .. math:: \frac{1}{n} \sum_{i=1}^{n} \ell\bigl(x_i, g(f(\tilde x_i))\bigr),

    where the loss :math:`\ell` is summed over features. Rows are corrupted while the
    network is trained and evaluated; ``transform`` encodes them as they are.

    Where noisy rows come with their clean ones, as from two instruments,
    ``fit(noisy, clean)`` restores the latter from the former, and draws nothing.

    Use it to clean noisy rows (:meth:`denoise`), or for codes that feed a classifier:
    what must be known to undo the noise is often what tells classes apart. Do not use
    it where clean rows must be rebuilt as closely as possible; the plain autoencoder
    is better at that.

    PCA knows nothing of the corruption, and at full width it returns its input. So the
    baseline is the best *linear denoiser* of the same rank: the regression of clean
    rows on corrupted ones, over all corruptions of the training rows, cut to
    `n_components` directions. Its second moments are known for the corruptions that
    have a name, and estimated from up to 100 corruptions of each row for functions and
    modules. Of more than 1,024 features it sees their leading principal components,
    256 or twice `n_components`. Where the corruption does nothing it is PCA.

    Parameters
    ----------
    n_components : int or float, default=None
        Width of the code; it may exceed the number of features. A float in (0, 1)
        takes the smallest code that keeps this share of the variance of held-out
        rows, found by a nested fit; ``partial_fit`` goes by PCA's share. None takes
        half of the features, at most 32.
    nested : bool or tuple of int, default=False
        Train the code so that its first k values are a good code of size k, for every
        k, or, given sizes, for these sizes (which are then served a little better):
        the code is cut off at random sizes while it is trained [4]_. Then there are
        ``explained_variance_ratio_`` and :meth:`truncate`. The whole code is a little
        worse than without, and a fit takes about half as long again.
    contrast : float, default=0
        Weight of a contrastive term in the loss, in units of the share of the variance
        that is lost: the codes of two altered views of a row become alike, and unlike
        those of other rows [5]_. Views take a tenth of their values from another row. A
        model behind the codes, such as a linear classifier, gains from it, at the price
        of a larger reconstruction error: 0.3 is a mild weight, 3 a strong one. It needs
        ``loss="squared_error"`` and ``nested=False``, and a fit takes about half as
        long again. See :doc:`/downstream`.
    corruption : str or callable, default="gaussian"
        What happens to rows with ``"gaussian"``, ``"masking"``, ``"dropout"``,
        ``"salt_and_pepper"`` and ``"swap"``, in this order: normal noise is added;
        values are set to 0; the same, and the others divided by
        ``1 - corruption_level``; values are set to the smallest
        or the largest of their column; values are replaced by those of other rows of
        the batch. A function or torch module maps rows in the units of X, a float32
        tensor of shape (n, n_features), to corrupted ones; whatever it draws with
        torch follows `random_state`.
    corruption_level : float, default=0.5
        For ``"gaussian"``, at least 0: standard deviation of the noise over that of the
        data (of each column with ``scaling="per_feature"``, of all together
        otherwise). For the other words, in [0, 1): share of the values. Not used by a
        callable.
    code_activation : str, default=None
        Function after the code, one of those of `activation`; networks then start at
        random weights. None leaves the code linear. Without hidden layers a code for
        linear classifiers needs one, for example ``"relu"``.
    hidden_layer_sizes : int, tuple of int or "auto", default="auto"
        Widths of the encoder's hidden layers; the decoder mirrors them. ``()`` gives a
        linear autoencoder. ``"auto"`` is ``(256, 128)``, or narrower where data are
        few: at most two weights between rows and hidden layers for each value of X
        (stored value of a sparse X), or 2**18 if that is more.
    activation : {"gelu", "relu", "elu", "silu", "tanh", "logistic"}, default="gelu"
        Function after each hidden layer. The output is linear, and so is the code
        without `code_activation`.
    tied_weights : bool, default=False
        Let the decoder use the encoder's weights, transposed.
    architecture : Architecture or callable, default=None
        Builds the networks in place of the three parameters above: an object such
        as :class:`DenseArchitecture`, or a callable ``(n_features, n_components) ->
        (encoder, decoder)`` that returns torch modules.
    init : {"pca", "random"}, default="pca"
        ``"pca"`` puts a linear layer beside each network, so that training starts at
        PCA of clean rows, and puts a floor under the result: the best linear denoiser.
        ``"random"`` trains the bare networks from random weights.
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
        `loss_curve_`) would be for the best linear denoiser.
    reconstruction_error_ : float
        Mean squared error per value of clean validation rows, rebuilt from corrupted
        ones (without validation rows, of training rows), in squared units of X.
    pca_reconstruction_error_ : float
        The same for the best linear denoiser with the same number of components.
    beats_pca_ : bool or None
        Whether the gain over the best linear denoiser on held-out rows is larger than
        chance. If not, a :class:`PCAFloorWarning` is given, and with `floor` and
        ``init="pca"`` the model is the best linear denoiser of all rows. None if there
        is a gain on training rows and no new rows were held out
        (``early_stopping=False``, ``partial_fit``, or a fit that goes on and holds out
        other rows than the fits before).
    explained_variance_ratio_ : ndarray of shape (n_components,)
        With `nested`: share of the variance of held-out rows that each code adds to
        those before it, as in PCA; the cumulative sum is the share that the first k
        reconstruct.
    mean_ : ndarray of shape (n_features,)
        Mean of each feature.
    scale_ : ndarray of shape (n_features,)
        What each centred feature was divided by.
    device_ : str
        Where the module is.

    See Also
    --------
    AutoencoderTransformer : The same without corruption.

    References
    ----------
    .. [1] Vincent, P., Larochelle, H., Bengio, Y. & Manzagol, P.-A. (2008). Extracting
       and composing robust features with denoising autoencoders. ICML.
       doi:10.1145/1390156.1390294
    .. [2] Loshchilov, I. & Hutter, F. (2019). Decoupled weight decay regularization.
       arXiv:1711.05101
    .. [3] Smith, L. N. & Topin, N. (2018). Super-convergence. arXiv:1708.07120
    .. [4] Rippel, O., Gelbart, M. & Adams, R. (2014). Learning ordered representations
       with nested dropout. arXiv:1402.0915
    .. [5] Chen, T. et al. (2020). A simple framework for contrastive learning of
       visual representations. arXiv:2002.05709

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import DenoisingAE
    >>> X, _ = load_digits(return_X_y=True)
    >>> noisy = X + np.random.RandomState(0).normal(scale=3, size=X.shape)
    >>> ae = DenoisingAE(max_iter=20, random_state=0).fit(X)
    >>> bool(np.mean((ae.denoise(noisy) - X) ** 2) < 0.5 * np.mean((noisy - X) ** 2))
    True
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "corruption": [StrOptions(set(CORRUPTIONS)), callable],
        "corruption_level": [Interval(Real, 0, None, closed="left")],
        "code_activation": [StrOptions(set(ACTIVATIONS)), None],
    }

    def __init__(
        self,
        n_components: int | float | None = None,
        *,
        nested: bool | tuple[int, ...] = False,
        contrast: float = 0,
        corruption="gaussian",
        corruption_level: float = 0.5,
        code_activation: str | None = None,
        hidden_layer_sizes: int | tuple[int, ...] | str = "auto",
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
        self.nested = nested
        self.contrast = contrast
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.code_activation = code_activation
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

    def _recipe(self) -> Recipe:
        recipe = Recipe(
            architecture=self._make_architecture(),
            corruption=CorruptedInput(self.corruption, self.corruption_level),
            bottleneck=PlainCode(self.code_activation),
            output=LossOutput(self.loss),
            init=self.init,
            scaling=self.scaling,
        )
        return contrast_codes(nest(recipe, self.nested, self.floor), self.contrast)

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X, y=None, X_val=None, groups=None, X_clean=None, X_clean_val=None
    ) -> DenoisingAE:
        """Learn to restore rows: of X, corrupted here, or the clean ones of noisy X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Clean rows, which are corrupted while the network is trained, or noisy
            ones whose clean rows are given, which are used as they are.
        y : array-like of shape (n_samples,) or (n_samples, n_features), default=None
            A table of the shape of X holds the clean rows, as `X_clean` does, so that
            ``fit(noisy, clean)`` works. Labels, one for each row or columns of two
            values, are ignored, unless `validation` is a splitter that looks at them.
            So is all of it where `X_clean` is given. Any other table is an error.
        X_val : {array-like, sparse matrix} of shape (n_validation, n_features), \
                default=None
            Rows on which epochs are evaluated and the best state is chosen, instead of
            a share of X. With noisy X they are noisy, too.
        groups : array-like of shape (n_samples,), default=None
            Names of the groups that rows belong to, subjects for example. Whole groups
            are held out, and each counts once when the gain is evaluated.
        X_clean : {array-like, sparse matrix} of shape (n_samples, n_features), \
                default=None
            The clean row of each row of X. `corruption` is then not used. Rows are
            centred and scaled as the clean ones are.
        X_clean_val : {array-like, sparse matrix} of shape \
                (n_validation, n_features), default=None
            The clean row of each row of X_val.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If the values or shapes of the tables do not fit the parameters, or each
            other.
        """
        if X_clean is None:
            X_clean = _find_clean_rows(X, y)
            y = y if X_clean is None else None
        if (X_clean_val is None) != (X_clean is None or X_val is None):
            raise ValueError(
                "noisy rows and clean ones must be given in pairs: X with X_clean, and "
                "then X_val with X_clean_val; got one without the other. Leave X_val "
                "out to hold out a share of the pairs."
            )
        return self._fit(X, y, X_val, groups, X_clean, X_clean_val)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, X_clean=None) -> DenoisingAE:
        """Take one pass over the rows of X at a constant learning rate.

        The first call also learns the scaling and the start, so it should hold
        a fair sample of the rows and at least ``n_components`` of them. No rows are
        held out: there is no early stopping and no floor. Later calls stay on the
        device of the first; the optimizer starts anew in an estimator that was pickled.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Clean rows, or noisy ones whose clean rows are given. All calls are of one
            kind.
        y : array-like of shape (n_samples, n_features), default=None
            A table of the shape of X holds the clean rows. Labels are ignored, and so
            is all of it where `X_clean` is given. Any other table is an error.
        X_clean : {array-like, sparse matrix} of shape (n_samples, n_features), \
                default=None
            The clean row of each row of X.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        if X_clean is None:
            X_clean = _find_clean_rows(X, y)
        return self._partial_fit(X, X_clean)

    def score(self, X, y=None) -> float:
        """Return the share of the variance that is reconstructed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples, n_features), default=None
            A table of the shape of X holds the clean rows with which reconstructions
            are compared, instead of X itself. Labels are ignored. Any other table is
            an error.

        Returns
        -------
        score : float
            One minus the squared error over the squared distance of the rows to the
            mean of the training rows; 1 is perfect.
        """
        clean = _find_clean_rows(X, y)
        if clean is None:
            return super().score(X, y)
        X, clean = self._check_fitted_rows(X), self._check_fitted_rows(clean, name="y")
        model = self._model
        pairs = PairedTable(clean, X)
        error = model.paired_errors(pairs).mean(dtype=np.float64)
        distance = model.squared_distances(clean).mean(dtype=np.float64)
        return float(1 - error / distance) if distance > 0 else float(error == 0)

    def denoise(self, X) -> np.ndarray:
        """Return noisy rows without their noise.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Noisy rows.

        Returns
        -------
        X_clean : ndarray of shape (n_samples, n_features)
            ``reconstruct(X)``.
        """
        return self.reconstruct(X)

    def corrupt(self, X, random_state=None) -> np.ndarray:
        """Return rows with the corruption that they had in training.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Clean rows; ``"swap"`` takes values from others of them.
        random_state : int, RandomState instance or None, default=None
            Decides the draws; None takes fresh entropy.

        Returns
        -------
        X_corrupted : ndarray of shape (n_samples, n_features)
            In the units and with the axes of the training rows; of float64 where X or
            training rows are, and of float32 otherwise.
        """
        X = self._check_fitted_rows(X)
        model = self._model
        if isinstance(model.recipe.corruption, PairedInput):
            raise ValueError(
                "corrupt needs a corruption that has a name or is a function; got a "
                "model of noisy rows with clean ones. Fit one without clean rows."
            )
        corrupted = model.rowwise(
            model.module.corruption, model.rows(X), seed=draw_seed(random_state)
        )
        return model.scaling.to_units(corrupted, X.dtype)


def _find_clean_rows(X, y) -> Any:
    """Return y if it is a table of clean rows; None if it holds labels, or is None.

    Raises
    ------
    ValueError
        If it can be neither for such X.
    """
    given, of_x = () if y is None else find_shape(y, "y"), find_shape(X, "X")
    if not given or len(of_x) < 2:
        return None
    if given[0] != of_x[0]:
        raise ValueError(
            f"y must hold a clean row, or a label, for each of the {of_x[0]} rows of "
            f"X; got {given[0]}. Take both from the same table."
        )
    is_table = len(given) > 1
    if is_table and prod(given[1:]) == prod(of_x[1:]):
        return y
    if is_table and prod(given[1:]) > 1 and not _are_labels(y):
        raise ValueError(
            "y must hold clean rows of the shape of those of X, or labels: one for "
            f"each row, or columns of two values; got rows of the shape {given[1:]} "
            f"where those of X have {of_x[1:]}. Correct the table of clean rows. "
            "Several targets of a regressor behind go into a pipeline one by one, with "
            "sklearn.multioutput.MultiOutputRegressor."
        )
    return None


def _are_labels(y) -> bool:
    """Return whether a table is of words, or of two values at most, as indicators."""
    values = np.append(y.data, 0) if sp.issparse(y) else np.asarray(y)
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError):
        return True
    return len(np.unique(numbers)) <= 2
