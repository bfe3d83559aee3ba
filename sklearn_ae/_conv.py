"""The convolutional autoencoder."""

from __future__ import annotations

from numbers import Integral
from typing import ClassVar

from ._nested import NestedCodes
from .base import BaseAutoencoder, Interval, StrOptions
from .nn.contrast import contrast_codes
from .nn.conv import CHOICES, ConvArchitecture
from .nn.losses import LossOutput
from .nn.nested import nest
from .nn.recipe import Recipe

__all__ = ["ConvAutoencoderTransformer"]


class ConvAutoencoderTransformer(NestedCodes, BaseAutoencoder):
    r"""Convolutional autoencoder that minimises the reconstruction error of images.

    With encoder :math:`f`, decoder :math:`g` and images or signals :math:`x_i` it
    minimises

    .. math:: \frac{1}{n} \sum_{i=1}^{n} \ell\bigl(x_i, g(f(x_i))\bigr),

    where the loss :math:`\ell` is summed over pixels and channels. It is
    :class:`AutoencoderTransformer` with :class:`ConvArchitecture`, whose parameters it
    has in its own signature. The PCA start and the PCA floor hold: convolutions add to
    what PCA does.

    Use it where neighbouring values belong together: images, spectra, time series. It
    takes flat rows too, so that it fits into any pipeline. Do not use it for tables
    whose columns have no order.

    Parameters
    ----------
    n_components : int or float, default=None
        Width of the code, at most ``min(n_samples, n_features)``. A float in (0, 1)
        takes the smallest code that keeps this share of the variance of held-out
        rows, found by a nested fit; ``partial_fit`` goes by PCA's share, and so does
        ``upsampling="unpool"``. None takes half of the features, at most 32; with
        ``bottleneck="map"`` it must be None.
    nested : bool or tuple of int, default=False
        Train the code so that its first k values are a good code of size k, for every
        k, or, given sizes, for these sizes (which are then served a little better):
        the code is cut off at random sizes while it is trained [4]_. Then there are
        ``explained_variance_ratio_`` and :meth:`truncate`. The whole code is a little
        worse than without, and a fit takes about half as long again.
    contrast : float, default=0
        Weight of a contrastive term in the loss, in units of the share of the variance
        that is lost: the codes of two altered views of a row become alike, and unlike
        those of other rows [5]_. Views are turned, scaled and shifted a little, and a
        patch of each is erased. A model behind the codes, such as a linear classifier,
        gains from it, at the price of a larger reconstruction error: 0.3 is a mild
        weight, 3 a strong one. It needs ``loss="squared_error"`` and ``nested=False``,
        and a fit takes about half as long again. See :doc:`/downstream`.
    image_shape : tuple of int, default=None
        ``(height, width)``, ``(height, width, channels)``, or ``(length,)`` for a
        signal; a signal of several channels is ``(1, length, channels)``. The values
        of a row are in that order. None takes the shape of X, whose rows of two axes
        are signals of several channels if the first axis is at least eight times the
        second, and grey images otherwise; where rows are flat, s*s values are a grey
        image, 3*s*s values a colour image, and others a signal.
    channels : tuple of int, default=(16, 32)
        Maps of each block of the encoder; the decoder mirrors them.
    kernel_size : int or tuple of int, default=3
        Height and width of the kernels, in all blocks or for each block.
    convs_per_block : int or pair of int, default=1
        Convolutions in a block; a pair is for encoder and decoder.
    downsampling : {"stride", "max_pool", "avg_pool"}, default="stride"
        A stride of 2 in the last convolution of a block, or pooling of 2 x 2 after it.
    upsampling : str, default="transpose"
        ``"transpose"``, ``"nearest"``, ``"bilinear"``, ``"zeros"`` or ``"unpool"``:
        how a block of the decoder doubles the size, by a transposed convolution, or,
        before a convolution, by repeating values, by interpolating, by putting each
        value in the upper left corner of zeros, or by putting it where the encoder's
        maximum was (needs ``downsampling="max_pool"``; works in ``reconstruct`` only,
        for a code does not hold the positions).
    padding : {"same", "valid"}, default="same"
        Whether convolutions of the encoder see zeros beyond the border, or lose it.
    normalization : {"batch", "group"} or None, default=None
        Normalisation after each convolution but the last.
    activation : {"gelu", "relu", "elu", "silu", "tanh", "logistic"}, default="gelu"
        Function after each hidden layer and convolution but the last. A code that is
        a vector is linear.
    output_kernel_size : int or None, default=None
        Kernel of one more convolution at full size. None lets the last block return
        the image.
    refinement_channels : tuple of int, default=()
        Maps of convolutions at full size that correct what the rest of the decoder
        returns, starting with no correction at all. Worth their time on photographs,
        whose edges PCA and dense layers leave blurred.
    output_activation : str, default=None
        Function of the output, a word as for `activation`; needs
        ``init="random"`` and ``scaling=None``.
    hidden_layer_sizes : int, tuple of int or "auto", default="auto"
        Widths of the dense layers between the last map and the code; there are none
        with ``bottleneck="map"``. ``"auto"`` is ``(512,)``, or narrower where data are
        few: at most two weights between maps and hidden layer for each value of X, or
        2**18 if that is more.
    bottleneck : {"vector", "map"}, default="vector"
        ``"vector"`` has a code of `n_components` values. With ``"map"`` the last
        feature map, flattened, is the code: `n_components` must be None, and the
        network starts from random weights.
    architecture : Architecture or callable, default=None
        Builds the networks in place of the parameters above: an object such as
        :class:`ConvArchitecture`, or a callable ``(n_features, n_components) ->
        (encoder, decoder)`` that returns torch modules for flat rows.
    init : {"pca", "random"}, default="pca"
        ``"pca"`` puts a linear layer beside each network, so that training starts at
        PCA, and puts a floor under the result: PCA. ``"random"`` trains the bare
        networks from random weights.
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
    reconstruction_error_ : float
        Mean squared error per value on the validation rows (without them, on
        training rows), in squared units of X.
    pca_reconstruction_error_ : float
        The same for PCA with the same number of components and training rows.
    beats_pca_ : bool or None
        Whether the gain over PCA on held-out rows is larger than chance. If not, a
        :class:`PCAFloorWarning` is given, and with `floor` a model that started at PCA
        is PCA of all rows. None if there is a gain on training rows and no new rows
        were held out (``early_stopping=False``, ``partial_fit``, or a fit that goes on
        and holds out other rows than the fits before).
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
    AutoencoderTransformer : The same with dense networks, for tables.
    ConvArchitecture : The same networks for the other estimators.

    Notes
    -----
    X may have the shape (n, height, width), (n, height, width, channels), (n, length,
    channels), or (n, n_features); ``inverse_transform`` and ``reconstruct`` return the
    layout that ``fit`` saw. Codes are always of the shape (n, n_components). Where an
    array (n, length, channels) could be taken for images, set ``image_shape=(1, length,
    channels)``.

    References
    ----------
    .. [1] Masci, J., Meier, U., Ciresan, D. & Schmidhuber, J. (2011). Stacked
       convolutional auto-encoders for hierarchical feature extraction. ICANN.
       doi:10.1007/978-3-642-21735-7_7
    .. [2] Loshchilov, I. & Hutter, F. (2019). Decoupled weight decay regularization.
       arXiv:1711.05101
    .. [3] Smith, L. N. & Topin, N. (2018). Super-convergence. arXiv:1708.07120
    .. [4] Rippel, O., Gelbart, M. & Adams, R. (2014). Learning ordered representations
       with nested dropout. arXiv:1402.0915
    .. [5] Chen, T. et al. (2020). A simple framework for contrastive learning of
       visual representations. arXiv:2002.05709

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import ConvAutoencoderTransformer
    >>> X = load_digits().images
    >>> X.shape
    (1797, 8, 8)
    >>> ae = ConvAutoencoderTransformer(8, max_iter=10, random_state=0).fit(X)
    >>> ae.transform(X).shape
    (1797, 8)
    >>> ae.reconstruct(X).shape
    (1797, 8, 8)
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "image_shape": ["array-like", None],
        "channels": ["array-like"],
        "kernel_size": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "convs_per_block": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "refinement_channels": ["array-like"],
        "output_kernel_size": [Interval(Integral, 1, None, closed="left"), None],
        **{
            name: [StrOptions(choices - {None}), *(choices & {None})]
            for name, choices in CHOICES.items()
        },
    }

    def __init__(
        self,
        n_components: int | float | None = None,
        *,
        nested: bool | tuple[int, ...] = False,
        contrast: float = 0,
        image_shape: tuple[int, ...] | None = None,
        channels: tuple[int, ...] = (16, 32),
        kernel_size: int | tuple[int, ...] = 3,
        convs_per_block: int | tuple[int, int] = 1,
        downsampling: str = "stride",
        upsampling: str = "transpose",
        padding: str = "same",
        normalization: str | None = None,
        activation: str = "gelu",
        output_kernel_size: int | None = None,
        refinement_channels: tuple[int, ...] = (),
        output_activation: str | None = None,
        hidden_layer_sizes: int | tuple[int, ...] | str = "auto",
        bottleneck: str = "vector",
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
        self.image_shape = image_shape
        self.channels = channels
        self.kernel_size = kernel_size
        self.convs_per_block = convs_per_block
        self.downsampling = downsampling
        self.upsampling = upsampling
        self.padding = padding
        self.normalization = normalization
        self.activation = activation
        self.output_kernel_size = output_kernel_size
        self.refinement_channels = refinement_channels
        self.output_activation = output_activation
        self.hidden_layer_sizes = hidden_layer_sizes
        self.bottleneck = bottleneck
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _recipe(self) -> Recipe:
        recipe = Recipe(
            architecture=self._make_architecture(ConvArchitecture),
            output=LossOutput(self.loss),
            init=self.init,
            scaling=self.scaling,
        )
        return contrast_codes(nest(recipe, self.nested, self.floor), self.contrast)
