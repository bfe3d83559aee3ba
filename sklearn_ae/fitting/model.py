"""The fitted model: everything that it takes to encode and decode."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
import torch

from .._version import __version__
from ..exceptions import ModelVersionWarning, warn_user
from ..nn.autoencoder import Autoencoder, CodeDecoder, RowEncoder
from ..nn.codes import PlainCode
from ..nn.linear_path import PCASolution, copy_linear, read_linear
from ..nn.recipe import Recipe
from ..training.batches import PairedTable, Rows
from ..training.device import resolve_device
from ..training.inference import blockwise, rowwise
from ..training.isolation import isolated
from .linear_map import LINEAR, LinearMap
from .scaling import Scaling

if TYPE_CHECKING:
    from .nested import SizeTable

__all__ = ["Model"]


# The weights of PCA: of the two matrices one is the other's transpose.
_DOWN, _, _UP, _MEAN = LINEAR

# What rounding leaves of the mean of centred rows, in standard deviations and in shares
# of what was taken from them.
_ROUNDING, _ROUNDING_OF_SHIFT = 1e-12, 2 * np.finfo(np.float64).eps


class Model:
    """A module with the recipe, the scaling and the device that belong to it.

    It does not change once it is fitted. A pickle holds NumPy arrays instead of torch's
    tensors, and is read on any device.

    Parameters
    ----------
    module : Autoencoder
        As the recipe builds it.
    recipe : Recipe
        Settled for rows and width.
    scaling : Scaling
        Of the training rows.
    n_components : int
        Width of the code.
    device : torch.device
        Where the module is.
    seed : int
        Seed of what is random in evaluations.
    is_pca : bool, default=False
        Whether the module is PCA: linear paths alone.

    Attributes
    ----------
    pca : PCASolution or None
        What smaller codes fall back to, and what later passes are compared with.
    sizes : SizeTable or None
        What smaller codes are worth, if codes are nested.
    unseen : int or None
        Mark of the held-out rows that no training has seen, see
        :func:`~.dependence.mark_rows`; None if there are none.
    exact : dict of str to ndarray, or None
        The module's weights in float64, if it is PCA of rows of float64, which keep all
        of their digits then.
    """

    pca: PCASolution | None = None
    sizes: SizeTable | None = None
    unseen: int | None = None
    exact: dict[str, np.ndarray] | None = None

    _linear: LinearMap | None = None

    def __init__(
        self,
        module: Autoencoder,
        recipe: Recipe,
        scaling: Scaling,
        n_components: int,
        device: torch.device,
        seed: int,
        is_pca: bool = False,
    ) -> None:
        self.module = module.to(device)
        self.recipe = recipe
        self.scaling = scaling
        self.n_components = n_components
        self.device = device
        self.seed = seed
        self.is_pca = is_pca

    @property
    def n_features(self) -> int:
        """Width of a row."""
        return self.scaling.n_features

    @property
    def code_scale(self) -> float:
        """What codes of scaled rows are multiplied by."""
        return self.scaling.code_scale if self.recipe.bottleneck.keeps_unit else 1.0

    @property
    def n_parameters(self) -> int:
        """Number of the module's parameters."""
        return sum(parameter.numel() for parameter in self.module.lasting_parameters())

    def corrupt_and_reconstruct(self, block: torch.Tensor) -> torch.Tensor:
        """Return reconstructions of scaled rows that are corrupted as in training."""
        return self.module.reconstruct(self.module.corruption(block))

    # ----------------------------------------------------------------- PCA in its place

    @isolated()
    def floor(self, pca: PCASolution) -> Model:
        """Return PCA as a model of the same kind: the linear paths alone."""
        exact = None
        if self._is_plain and type(pca) is PCASolution and self.scaling.is_wide:
            pca = _without_rounding(pca, self.scaling)
            weights = pca.weights(self.n_components)
            exact = dict(zip(LINEAR, weights, strict=True))
        module = self.recipe.floor(self.scaling, pca, self.n_components)
        return self._with(module.to(self.device), is_pca=True, exact=exact)

    @property
    def _is_plain(self) -> bool:
        return self.recipe.bottleneck.is_plain

    def plain_pca(self, pca: PCASolution, n_active: int) -> Model:
        """Return PCA of some components, to compare errors with.

        For evaluations only: its recipe stays that of the network, so that it can
        neither be trained nor pickled.
        """
        module = self.recipe.plain_pca(self.scaling, pca, n_active)
        return self._with(module.to(self.device), is_pca=True)

    @isolated()
    def to_train_on(
        self, recipe: Recipe, seed: int, device: torch.device | None = None
    ) -> Model:
        """Return a model with weights of its own, which goes on from this one.

        Parameters
        ----------
        recipe : Recipe
            This model's, perhaps with another objective.
        seed : int
            Seed of its evaluations.
        device : torch.device, default=None
            Where it trains; None stays.
        """
        device = self.device if device is None else device
        if not self.is_pca:
            module = copy.deepcopy(self.module)
        else:
            module = recipe.build(self.scaling, self.n_components)
            copy_linear(self.module, module)
        changes = {"recipe": recipe, "seed": seed, "device": device}
        return self._with(
            module.to(device),
            is_pca=False,
            pca=None,
            sizes=None,
            unseen=None,
            **changes,
        )

    @isolated()
    def twin(self) -> Model:
        """Return a model with weights of its own."""
        return self._with(copy.deepcopy(self.module), exact=self.exact)

    def with_pca(
        self, pca: PCASolution | None = None, sizes: SizeTable | None = None
    ) -> Model:
        """Return the model with what is known of PCA beside it."""
        if pca is not None:
            # The module that is PCA holds it already; half the digits do otherwise.
            is_known = self.is_pca and type(self.recipe.bottleneck) is PlainCode
            pca = None if is_known else pca.rounded()
        return self._with(self.module, pca=pca, sizes=sizes)

    def with_unseen(self, mark: int | None) -> Model:
        """Return the model with the mark of rows that it has not been trained on."""
        return self._with(self.module, unseen=mark)

    def known_pca(self) -> PCASolution | None:
        """Return the PCA that later passes are compared with, if there is one."""
        if self.pca is not None or not self.is_pca:
            return self.pca
        return read_linear(self.module)

    def _with(self, module: Autoencoder, **changes: Any) -> Model:
        twin = copy.copy(self)
        exact = self.exact if module is self.module else None
        vars(twin).update({"exact": exact, **changes}, module=module, _linear=None)
        return twin

    # ------------------------------------------------------------------ rows in and out

    @isolated()
    def rows(self, X: np.ndarray | sp.csr_array) -> Rows:
        """Return scaled rows of a table."""
        return self.scaling.rows(X, self.device)

    def rowwise(self, function: Callable, rows: Rows, **options: Any) -> np.ndarray:
        """Return a function of rows, see :func:`~..training.inference.rowwise`."""
        return rowwise(self.module, function, rows, **options)

    def encode(self, X: np.ndarray | sp.csr_array) -> np.ndarray:
        """Return codes, shape (n_samples, n_components)."""
        if self._encodes_linearly:
            # As quick as PCA, without the way through torch, also for sparse rows.
            return self._find_linear().encode(X).astype(np.float32)
        with isolated():
            codes = self.rowwise(self.module.encode, self.rows(X))
        return codes * np.float32(self.code_scale)

    @property
    def _encodes_linearly(self) -> bool:
        """Whether codes are a linear map of rows."""
        return self.is_pca and self._is_plain

    @property
    def _is_linear(self) -> bool:
        """Whether reconstructions are, too."""
        return self._encodes_linearly and self.recipe.output.returns_rows

    def _find_linear(self) -> LinearMap:
        """Return the linear map in the units of X, in float64."""
        if self._linear is None:
            known = self._weights() if self.exact is None else self.exact
            self._linear = LinearMap.of(known, self.scaling, self.code_scale)
        return self._linear

    def _weights(self) -> dict[str, np.ndarray]:
        """Return the module's weights as arrays."""
        weights = self.module.state_dict().items()
        return {name: value.cpu().numpy() for name, value in weights}

    @isolated()
    def encode_blocks(
        self, X: np.ndarray | sp.csr_array, encode: Callable, keep: Callable
    ) -> list:
        """Return what is to be kept of each block of codes.

        Parameters
        ----------
        X : ndarray or CSR of shape (n_samples, n_features)
            Rows.
        encode : callable
            Function of scaled rows.
        keep : callable
            Maps an array of codes to what is returned of it.
        """
        unit = np.float32(self.code_scale)
        blocks = blockwise(self.module, encode, self.rows(X))
        return [keep(block.cpu().numpy() * unit) for block in blocks]

    @isolated()
    def decode(self, codes: np.ndarray | sp.csr_array) -> np.ndarray:
        """Return rows in the units of X from codes."""
        if self._is_linear:
            return self.scaling.to_shape(self._find_linear().decode(codes), codes.dtype)
        width = self.n_components
        unit = np.full(width, self.code_scale)
        rows = Rows(codes, np.zeros(width), unit, self.device)
        decoded = self.rowwise(self.module.decode, rows)
        return self.scaling.to_units(decoded, codes.dtype)

    @isolated()
    def reconstruct(self, X: np.ndarray | sp.csr_array) -> np.ndarray:
        """Return rows encoded and decoded, in the units of X."""
        if self._is_linear:
            return self.scaling.to_shape(self._find_linear().reconstruct(X), X.dtype)
        reconstructed = self.rowwise(self.module.reconstruct, self.rows(X))
        return self.scaling.to_units(reconstructed, X.dtype)

    @isolated()
    def squared_errors(self, X: np.ndarray | sp.csr_array) -> np.ndarray:
        """Return the mean squared error of each row, in squared units of X.

        In float32, which are the digits that they have, if that has room for them.
        """
        if self._is_linear:
            errors = self._find_linear().squared_errors(X)
        else:
            errors = self.row_errors(self.module.reconstruct, self.rows(X))
        return errors.astype(np.float32) if self.scaling.fits_float32 else errors

    @isolated()
    def paired_errors(self, X: PairedTable) -> np.ndarray:
        """Return the mean squared error of each clean row, from its noisy one."""
        n_features = self.n_features
        return self.row_errors(
            lambda block: self.module.reconstruct(block[:, n_features:]),
            self.scaling.rows(X, self.device),
        )

    @isolated()
    def squared_distances(self, X: np.ndarray | sp.csr_array) -> np.ndarray:
        """Return the mean squared distance of each row to the mean training row."""
        return self.squared_distances_of(self.rows(X))

    def squared_distances_of(self, rows: Rows) -> np.ndarray:
        """Do what :meth:`squared_distances` does for scaled rows."""
        scaling = self.scaling
        mean = torch.as_tensor((scaling.mean - scaling.shift) / scaling.scale)
        return self.row_errors(
            lambda block: mean.to(block).expand_as(block), rows.clean()
        )

    def row_errors(
        self, reconstruct: Callable, rows: Rows, **options: Any
    ) -> np.ndarray:
        """Return the mean squared errors of a reconstruction, in squared units of X.

        In float64.
        """

        def errors(block: torch.Tensor) -> torch.Tensor:
            output = reconstruct(block)
            left = output - block[:, : output.shape[1]]
            return self.scaling.squares(left).mean(1)

        return self.rowwise(errors, rows, **options)

    @isolated()
    def encoder(self) -> RowEncoder:
        """Return a copy of the encoder for rows in the units of X, on the CPU."""
        scaling = self.scaling
        return RowEncoder(self.module, scaling.shift, scaling.scale, self.code_scale)

    @isolated()
    def decoder(self) -> CodeDecoder:
        """Return a copy of the decoder to rows in the units of X, on the CPU."""
        scaling = self.scaling
        return CodeDecoder(self.module, scaling.shift, scaling.scale, self.code_scale)

    def attributes(self) -> dict[str, Any]:
        """Return what an estimator shows of the model."""
        return {
            "module_": self.module,
            "n_components_": self.n_components,
            "n_parameters_": self.n_parameters,
            "mean_": self.scaling.mean,
            "scale_": self.scaling.scale,
            "device_": str(self.device),
        }

    # ------------------------------------------------------------------------- pickling

    def __copy__(self) -> Model:
        """Share the module, where pickling makes it anew."""
        twin = type(self).__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Replace the module by NumPy weights."""
        state = vars(self).copy()
        for name in ("module", "exact", "_linear"):
            state.pop(name, None)
        state["weights"] = self._weights() | (self.exact or {})
        if self.is_pca:
            _leave_out_known(state["weights"])
        state["device"] = str(self.device)
        state["version"] = __version__
        return state

    @isolated()
    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the module again, on a device that is there."""
        state = dict(state)
        weights, version = state.pop("weights"), state.pop("version")
        if version != __version__:
            warn_user(
                f"This model was pickled with sklearn-ae {version} and is read with "
                f"{__version__}; results may differ. Pickle it anew, or install the "
                "version it was made with.",
                ModelVersionWarning,
            )
        try:
            state["device"] = resolve_device(state["device"])
        except ValueError:
            state["device"] = torch.device("cpu")
        vars(self).update(state)
        if self.is_pca:
            weights = _put_in_known(weights)
            is_exact = weights[_DOWN].dtype == np.float64
            self.exact = {name: weights[name] for name in LINEAR} if is_exact else None
            weights |= {name: weights[name].astype(np.float32) for name in LINEAR}
        with isolated(self.seed):
            module = self.recipe.restore(
                self.scaling, self.n_components, weights, linear=self.is_pca
            )
        self.module = module.to(self.device)


def _without_rounding(pca: PCASolution, scaling: Scaling) -> PCASolution:
    """Return PCA with a mean of 0 where it is 0 but for rounding.

    Zeros take no room in pickles.
    """
    bound = _ROUNDING * scaling.feature_deviations
    bound += _ROUNDING_OF_SHIFT * np.abs(scaling.shift)
    is_left = np.abs(pca.mean) * scaling.scale > bound
    return replace(pca, mean=np.where(is_left, pca.mean, 0.0))


def _leave_out_known(weights: dict[str, np.ndarray]) -> None:
    """Leave out what the encoder of PCA says of its decoder, and a mean of 0."""
    if _UP in weights and np.array_equal(weights[_UP], weights[_DOWN].T):
        del weights[_UP]
    if _MEAN in weights and not weights[_MEAN].any():
        del weights[_MEAN]


def _put_in_known(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return weights with those that were left out."""
    down = weights[_DOWN]
    known = {_UP: down.T, _MEAN: np.zeros(down.shape[1], dtype=down.dtype)}
    return known | weights
