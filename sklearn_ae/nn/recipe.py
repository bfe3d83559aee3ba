"""Everything that shapes a fit, in one frozen object that builds its networks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import partial
from math import prod
from types import FunctionType, MethodType
from typing import Any

import numpy as np
from torch import nn

from .architectures import Architecture, DenseArchitecture, Networks
from .autoencoder import Autoencoder
from .codes import PlainCode
from .corruption import CorruptedInput, PairedInput
from .dense import AUTO, as_layer_sizes
from .likelihoods import LikelihoodOutput
from .linear_path import (
    LinearPath,
    PCASolution,
    Reach,
    Refined,
    add_linear_path,
    dense_layers,
    linear_pair,
    start_at,
)
from .losses import LossOutput, Objective, ReconstructionObjective
from .outline import fill, outline
from .randomness import redirected_draws
from .statistics import RowStatistics

__all__ = ["MUST_STAY", "Recipe", "are_equal", "mirrored_layers"]

#: Error of a parameter, with its fitted value and the one that is wanted.
MUST_STAY = (
    "{} must stay {!r} while a fitted network goes on training; got {!r}. Clone the "
    "estimator, or set warm_start=False and call fit."
)

# Half-ranges from the middle of a feature beyond which values do not change what a
# denoiser, or a code with a contrast, adds to the linear paths: networks that have seen
# altered rows are further off where no row was. On tables with far values 1.5 to 5 were
# as good.
_MAX_REACH = 3.0


@dataclass(frozen=True)
class Recipe:
    """What an estimator's parameters come to: how to build networks, and PCA.

    Names of fields, also those of parts, appear in errors, so they are the names of the
    estimators' parameters. All parts together decide a network; with the same scaling
    and width, :meth:`build` always returns the
    same layers.

    Parameters
    ----------
    architecture : Architecture or callable
        Builds encoder and decoder.
    corruption : CorruptedInput or None
        What happens to rows before they are encoded in training.
    bottleneck : PlainCode or one of its kind
        What lies between encoder and decoder.
    output : LossOutput or LikelihoodOutput
        What the decoder's output means.
    objective : callable
        Returns the torch module that training minimises, without arguments: a class, or
        a ``functools.partial`` of one. Its module is called with the network's output
        and the rows, see :class:`~sklearn_ae.nn.losses.ReconstructionObjective`. None
        is the reconstruction loss. It may change while a fitted network goes on
        training.
    init : {"pca", "random"}
        Where training starts.
    pretraining : str or None
        What is trained before all layers learn together.
    scaling : {"global", "per_feature"} or None
        How rows are scaled.
    code_width : int or None
        Width of the code where the architecture decides it, as :meth:`for_rows` finds
        it.
    """

    architecture: Networks = field(default_factory=DenseArchitecture)
    corruption: CorruptedInput | PairedInput | None = None
    bottleneck: PlainCode = field(default_factory=PlainCode)
    output: LossOutput | LikelihoodOutput = field(default_factory=LossOutput)
    objective: Callable[[], Objective] | None = field(default=None, compare=False)
    init: str = "pca"
    pretraining: str | None = None
    scaling: str | None = "global"
    code_width: int | None = field(default=None, compare=False)

    # --------------------------------------------------------------- what it amounts to

    def for_rows(self, row_shape: tuple[int, ...]) -> Recipe:
        """Return the recipe for rows of a shape, checked.

        Raises
        ------
        ValueError
            If its parts, or rows of that shape, do not go together.
        """
        # A copy, because the user may change the original later.
        architecture, width = copy.deepcopy(self.architecture), None
        bottleneck = self.bottleneck
        if isinstance(architecture, Architecture):
            architecture = architecture.for_rows(row_shape)
            width = architecture.code_width(prod(row_shape))
            bottleneck = bottleneck.for_images(architecture.image_axes)
        settled = replace(
            self, architecture=architecture, code_width=width, bottleneck=bottleneck
        )
        settled._check_output_activation()
        settled._check_pretraining()
        settled.bottleneck.check(settled)
        return settled

    def for_values(self, n_features: int, n_values: int) -> Recipe:
        """Return the recipe for so many values to learn from."""
        if not isinstance(self.architecture, Architecture):
            return self
        architecture = self.architecture.for_values(n_features, n_values)
        return replace(self, architecture=architecture)

    def _check_pretraining(self) -> None:
        """Raise a ValueError where it is plain that no pair can be pretrained."""
        architecture = self.architecture
        if self.pretraining is None or not isinstance(architecture, DenseArchitecture):
            return
        sizes = architecture.hidden_layer_sizes
        if not as_layer_sizes(sizes, auto=(1,)):
            raise _cannot_pretrain(self.pretraining, architecture)

    def _check_output_activation(self) -> None:
        bounded = getattr(self.architecture, "output_activation", None) is not None
        if not bounded or not isinstance(self.output, LossOutput):
            return
        is_free = self.scaling is None and self.output.loss != "log_loss"
        if self.starts_at_pca or not is_free:
            raise ValueError(
                "output_activation needs init='random', scaling=None and a loss other "
                "than 'log_loss', because it bounds what the decoder returns; got "
                f"init={self.init!r}, scaling={self.scaling!r} and "
                f"loss={self.output.loss!r}. For values in [0, 1], loss='log_loss' "
                "without it starts at PCA."
            )

    @property
    def can_start_at_pca(self) -> bool:
        """Whether codes of this kind can be PCA's before training."""
        return self.code_width is None and self.bottleneck.can_start_at_pca

    @property
    def can_be_nested(self) -> bool:
        """Whether each beginning of a code could be a code of its own."""
        sees_codes_alone = getattr(self.architecture, "upsampling", None) != "unpool"
        can_be_nested = self.bottleneck.can_be_nested and self.can_start_at_pca
        return can_be_nested and sees_codes_alone

    @property
    def starts_at_pca(self) -> bool:
        """Whether training starts at PCA."""
        return self.init == "pca" and self.can_start_at_pca

    @property
    def draws_in(self) -> bool:
        """Whether values beyond those of training rows change linear paths alone."""
        return self.denoises or self.bottleneck.contrast > 0

    @property
    def denoises(self) -> bool:
        """Whether rows are corrupted, so that the best linear denoiser is "PCA"."""
        return self.corruption is not None and self.bottleneck.is_plain

    @property
    def baseline_name(self) -> str:
        """What networks are compared with, as warnings call it."""
        if self.has_factors:
            return "FactorAnalysis"
        if self.output.of_counts:
            return "the linear model of log counts"
        return "the best linear denoiser" if self.denoises else "PCA"

    @property
    def has_factors(self) -> bool:
        """Whether factor analysis is "PCA"; False while that is open."""
        return self.output.has_factors

    def with_factors(self, has_factors: bool) -> Recipe:
        """Return the recipe with it settled whether factor analysis is "PCA"."""
        if not isinstance(self.output, LikelihoodOutput):
            return self
        return replace(self, output=self.output.with_factors(has_factors))

    @property
    def allows_wide_codes(self) -> bool:
        """Whether something but the width keeps a code from copying its row."""
        return self.corruption is not None or self.bottleneck.is_regularised

    @property
    def scaling_in_use(self) -> str | None:
        """How rows are scaled, where the output has a say."""
        return self.output.scaling_in_use(self.scaling)

    @property
    def can_be_centred(self) -> bool:
        """Whether rows may be centred though they are to stay as they are.

        Networks of the user's own, and those that bound what they return, may need
        them uncentred.
        """
        architecture = self.architecture
        is_bounded = getattr(architecture, "output_activation", None) is not None
        is_free = isinstance(architecture, Architecture) and not is_bounded
        return self.output.returns_rows and (is_free or self.starts_at_pca)

    def go_on_from(self, fitted: Recipe, n_components: int) -> Recipe:
        """Return the recipe for a fitted network that goes on training.

        Raises
        ------
        ValueError
            If it is the recipe of another network. Objectives may differ.
        """
        bottleneck = self.bottleneck.settle(n_components)
        recipe = replace(self, bottleneck=bottleneck)
        recipe = recipe.with_factors(fitted.has_factors)
        architecture: Any = self.architecture
        widths = getattr(fitted.architecture, "hidden_layer_sizes", None)
        asked = getattr(architecture, "hidden_layer_sizes", None)
        if isinstance(asked, str) and asked == AUTO:
            # Widths that follow the data have followed the first.
            architecture = replace(architecture, hidden_layer_sizes=widths)
            recipe = replace(recipe, architecture=architecture)
        for name, wanted, has in _differences("recipe", recipe, fitted):
            raise ValueError(MUST_STAY.format(name, has, wanted))
        return recipe

    # ------------------------------------------------------------------------ building

    def build(
        self, units: RowStatistics, n_components: int, *, linear: bool = False
    ) -> Autoencoder:
        """Return the network with fresh weights, on the CPU.

        Parameters
        ----------
        units : RowStatistics
            How rows were scaled.
        n_components : int
            Width of the code.
        linear : bool, default=False
            Only the linear paths, for PCA as this network; their weights are not set.
        """
        bottleneck = self.bottleneck.for_pca() if linear else self.bottleneck
        make_pair = self._linear_pair if linear else self._networks
        with redirected_draws():
            encoder, decoder = make_pair(units, n_components)
        corruption = None if self.corruption is None else self.corruption.build(units)
        return bottleneck.assemble(
            encoder,
            decoder,
            self.output.build(units),
            corruption,
            units,
            n_components,
        )

    def restore(
        self,
        units: RowStatistics,
        n_components: int,
        weights: Mapping[str, np.ndarray],
        *,
        linear: bool = False,
    ) -> Autoencoder:
        """Return the network with given weights, on the CPU.

        Weights of other names or shapes are refused before the network takes memory,
        unless a part of it is the user's own.

        Parameters
        ----------
        units, n_components, linear
            As for :meth:`build`.
        weights : mapping of str to ndarray
            As the network's ``state_dict`` has them.

        Raises
        ------
        ValueError
            If the weights are those of another network.
        """

        def build() -> Autoencoder:
            return self.build(units, n_components, linear=linear)

        module = outline(build, len(weights)) if self._is_known(linear) else build()
        fill(module, weights)
        return module

    def _is_known(self, linear: bool) -> bool:
        """Return whether all parts that networks consist of are this library's."""
        parts: list[Any] = [self.bottleneck, self.output]
        if not linear:
            parts.append(self.architecture)
        package = __name__.partition(".")[0]
        return all(type(part).__module__.split(".")[0] == package for part in parts)

    def __getstate__(self) -> dict[str, Any]:
        """Take a partial apart, so that readers have no call to trust."""
        state, objective = vars(self).copy(), self.objective
        if isinstance(objective, partial):
            parts = objective.func, objective.args, objective.keywords
            state["objective"] = parts
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Put a partial together again."""
        objective = state["objective"]
        if isinstance(objective, tuple):
            kind, values, options = objective
            objective = partial(kind, *values, **options)
        vars(self).update(state, objective=objective)

    def _linear_pair(
        self, units: RowStatistics, n_components: int
    ) -> tuple[LinearPath, LinearPath]:
        return linear_pair(
            units.n_features,
            self.bottleneck.outputs_per_component * n_components,
            n_components,
            self.output.build_link(units),
        )

    def _networks(
        self, units: RowStatistics, n_components: int
    ) -> tuple[nn.Module, nn.Module]:
        architecture, n_features = self.architecture, units.n_features
        encoder, decoder = self.bottleneck.build_pair(
            architecture, n_features, n_components
        )
        if self.starts_at_pca:
            encoder, decoder = add_linear_path(
                encoder,
                decoder,
                n_features,
                n_components,
                n_outputs=self.bottleneck.outputs_per_component * n_components,
                tied=getattr(architecture, "tied_weights", False),
                gated=self.pretraining is not None,
                link=self.output.build_link(units),
                reach=_build_reach(units),
                branch_reach=_build_branch_reach(units) if self.draws_in else None,
            )
        refinement = None
        if isinstance(architecture, Architecture):
            refinement = architecture.build_refinement(n_features)
            if not self.starts_at_pca:
                # Networks of the user keep the weights that they were given.
                self.bottleneck.initialize(encoder, decoder)
        if refinement is not None:
            decoder = Refined(decoder, refinement, n_features)
        return encoder, decoder

    def build_start(
        self, units: RowStatistics, pca: PCASolution, n_components: int
    ) -> Autoencoder:
        """Return the network before training."""
        module = self.build(units, n_components)
        if self.starts_at_pca:
            self.bottleneck.load_pca(module, pca, n_components)
        self.bottleneck.leave_to_pca(module, pca, n_components)
        return module

    def check_networks(self, units: RowStatistics, n_components: int) -> None:
        """Raise an error if networks of the user's own could not be trained.

        They are built to see it; those of the library were checked with the recipe.
        """
        if self._is_known(linear=False):
            return
        module = self.build(units, n_components)
        if self.pretraining is not None:
            mirrored_layers(module, self.pretraining, self.architecture)

    def floor(
        self, units: RowStatistics, pca: PCASolution, n_components: int
    ) -> Autoencoder:
        """Return PCA as this network: its linear paths alone, with nothing learned."""
        module = self.build(units, n_components, linear=True)
        self.bottleneck.load_pca(module, pca, n_components)
        return module

    def plain_pca(
        self, units: RowStatistics, pca: PCASolution, n_components: int
    ) -> Autoencoder:
        """Return PCA as a plain linear autoencoder, with the corruption and output."""
        link, output = self.output.build_for_pca(units)
        encoder, decoder = linear_pair(
            units.n_features, n_components, n_components, link
        )
        start_at(encoder, decoder, pca.first(n_components))
        corruption = None if self.corruption is None else self.corruption.build(units)
        return Autoencoder(encoder, decoder, output, corruption)

    def build_objective(self, pca: PCASolution | None, n_components: int) -> Objective:
        """Return what training minimises."""
        objective: Objective
        if self.objective is not None:
            objective = self.objective()
        elif isinstance(self.output, LossOutput):
            objective = ReconstructionObjective(self.output.loss)
        else:
            raise TypeError("a likelihood needs an objective of its own; got None.")
        return self.bottleneck.wrap_objective(objective, pca, n_components)


def _build_reach(units: RowStatistics) -> Reach | None:
    if units.reach is None:
        return None
    low, high = ((bound - units.shift) / units.scale for bound in units.reach)
    return Reach(low, high)


def _build_branch_reach(units: RowStatistics) -> Reach | None:
    """Return the map that holds the rows of a nonlinear denoiser to where it learned.

    A linear denoiser is safer for values far from all that were seen.
    """
    if units.low is None or units.high is None:
        return None
    # Corrupted values go further: masked ones are 0, others have noise.
    low = np.minimum(units.low - units.deviation, 0)
    high = np.maximum(units.high + units.deviation, 0)
    low, high = ((bound - units.shift) / units.scale for bound in (low, high))
    middle, half = (low + high) / 2, (high - low) / 2
    return Reach(middle - _MAX_REACH * half, middle + _MAX_REACH * half)


def _differences(name: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    names = _parts(one) | _parts(other)
    if names and all(hasattr(part, n) for part in (one, other) for n in names):
        for part in sorted(names):
            yield from _differences(part, getattr(one, part), getattr(other, part))
    elif not are_equal(one := _plain(one), other := _plain(other)):
        yield name, one, other


def _parts(value: Any) -> set[str]:
    """Return the names of what a part of a recipe consists of, but for strengths."""
    if isinstance(value, Architecture):
        return set(value.names())
    if not is_dataclass(value) or isinstance(value, type):
        return set()
    names = {part.name for part in fields(value) if part.compare}
    if isinstance(value, PlainCode):
        # Users know these parts by the names of the parameters.
        names = names - {"at", "weight", "image_shape"} | {"nested", "contrast"}
    return names


def _plain(value: Any) -> Any:
    """Return lists and arrays as tuples, which can be compared and read."""
    is_sequence = isinstance(value, list | tuple | np.ndarray)
    return tuple(np.asarray(value).tolist()) if is_sequence else value


def are_equal(one: Any, other: Any) -> bool:
    """Return whether two values are equal, also if they are copies of one object."""
    if one is other or type(one) is not type(other):
        return one is other or bool(np.all(one == other))
    if isinstance(one, partial):
        pairs = [(p.func, p.args, p.keywords) for p in (one, other)]
        return all(map(are_equal, *pairs))
    if isinstance(one, MethodType):
        is_same = one.__func__ is other.__func__
        return is_same and are_equal(one.__self__, other.__self__)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, nn.Module):
        return repr(one) == repr(other)
    if type(one).__eq__ is not object.__eq__ or isinstance(one, FunctionType | type):
        return bool(one == other)
    parts = vars(one), vars(other)
    is_alike = parts[0].keys() == parts[1].keys()
    return is_alike and all(are_equal(parts[0][k], parts[1][k]) for k in parts[0])


def mirrored_layers(
    module: Any, pretraining: str, architecture: Any
) -> tuple[list[nn.Module], list[nn.Module]]:
    """Return the layers of encoder and decoder, of which pairs can be pretrained.

    Raises
    ------
    ValueError
        If encoder and decoder are not mirrored dense stacks with a hidden layer.
    """
    encoder = dense_layers(module.encoder) or []
    decoder = dense_layers(module.decoder) or []
    if not len(encoder) == len(decoder) > 1:
        raise _cannot_pretrain(pretraining, architecture)
    return encoder, decoder


def _cannot_pretrain(pretraining: str, architecture: Any) -> ValueError:
    """Return the error of networks without pairs of layers to pretrain."""
    return ValueError(
        f"pretraining={pretraining!r} needs mirrored dense networks with at least "
        f"one hidden layer; got architecture={architecture!r}. Give "
        "hidden_layer_sizes, or set pretraining=None."
    )
