"""Architectures: small parameter holders that build an encoder and a decoder."""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import nn

from .dense import (
    ACTIVATIONS,
    AUTO,
    as_layer_sizes,
    check_choice,
    dense_stack,
    narrow,
    tied_stack,
)

__all__ = ["Architecture", "DenseArchitecture", "Networks", "build_pair"]


# What "auto" is where data are many.
_DENSE_SIZES = (256, 128)


class Architecture(ABC):
    """Recipe for an encoder and a decoder, with searchable parameters.

    A subclass is a dataclass whose fields are its parameters, and overrides
    :meth:`build`. It carries no weights. ``get_params`` and ``set_params`` follow
    scikit-learn's protocol, so that an architecture can be cloned and searched
    (``architecture__hidden_layer_sizes``).

    See Also
    --------
    DenseArchitecture : Fully connected networks.
    ConvArchitecture : Convolutional networks.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from torch import nn
    >>> from sklearn_ae import Architecture
    >>> @dataclass
    ... class Shallow(Architecture):
    ...     width: int = 32
    ...
    ...     def build(self, n_features, n_components):
    ...         def layers(n_in, n_out):
    ...             last = nn.Linear(self.width, n_out)
    ...             return nn.Sequential(nn.Linear(n_in, self.width), nn.Tanh(), last)
    ...
    ...         encoder = layers(n_features, n_components)
    ...         return encoder, layers(n_components, n_features)
    >>> Shallow(width=8).build(64, 2)[0](torch.zeros(5, 64)).shape
    torch.Size([5, 2])
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Changes nothing here; scikit-learn's protocol has it.

        Returns
        -------
        params : dict
            Parameters of the recipe.
        """
        return {name: getattr(self, name) for name in self.names()}

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the parameters.

        Returns
        -------
        names : list of str
            In the order of the signature.
        """
        return list(inspect.signature(cls).parameters)

    def set_params(self, **params: Any) -> Architecture:
        """Set parameters by name.

        Parameters
        ----------
        **params : dict
            New values.

        Returns
        -------
        self : Architecture
            The recipe itself.
        """
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}; "
                    f"its parameters are {sorted(known)}."
                )
            setattr(self, name, value)
        return self

    def for_rows(self, shape: tuple[int, ...]) -> Architecture:
        """Return the recipe for rows of a shape.

        Parameters
        ----------
        shape : tuple of int
            Shape of one row of X; ``(n_features,)`` for a table.

        Returns
        -------
        architecture : Architecture
            The recipe, with what the shape of the rows decides.

        Raises
        ------
        ValueError
            If rows of that shape cannot be encoded.
        """
        if len(shape) > 1:
            raise ValueError(
                f"{type(self).__name__} takes rows of one axis; got rows of shape "
                f"{shape}. Flatten them with X.reshape(len(X), -1), or use "
                "ConvAutoencoderTransformer."
            )
        return self

    @property
    def image_axes(self) -> tuple[int, int, int] | None:
        """Height, width and channels of rows that are images; None for tables."""
        return None

    def for_values(self, n_features: int, n_values: int) -> Architecture:
        """Return the recipe for so many values to learn from.

        Parameters
        ----------
        n_features : int
            Width of a row.
        n_values : int
            Values in the training rows; stored ones of sparse rows.

        Returns
        -------
        architecture : Architecture
            The recipe, with widths that follow the data.
        """
        return self

    def code_width(self, n_features: int) -> int | None:
        """Return the width of the code where it is not ``n_components`` to decide.

        Parameters
        ----------
        n_features : int
            Width of a row.

        Returns
        -------
        width : int or None
            None leaves it to ``n_components``.
        """
        return None

    def build_refinement(self, n_features: int) -> nn.Module | None:
        """Build what corrects the output of the whole decoder, or return None.

        Parameters
        ----------
        n_features : int
            Width of a row.

        Returns
        -------
        refinement : torch.nn.Module or None
            Maps ``(n, n_features)`` to a correction of the same shape.
        """
        return None

    @abstractmethod
    def build(self, n_features: int, n_components: int) -> tuple[nn.Module, nn.Module]:
        """Build the two networks with fresh random weights.

        Parameters
        ----------
        n_features : int
            Width of a row.
        n_components : int
            Width of a code.

        Returns
        -------
        encoder : torch.nn.Module
            Maps ``(n, n_features)`` to ``(n, n_components)``.
        decoder : torch.nn.Module
            Maps ``(n, n_components)`` to ``(n, n_features)``.
        """


@dataclass
class DenseArchitecture(Architecture):
    """Fully connected encoder with a mirrored decoder.

    The default of all estimators but the convolutional one; its parameters are in
    their signatures.

    Parameters
    ----------
    hidden_layer_sizes : int, tuple of int or "auto", default="auto"
        Widths of the encoder's hidden layers; the decoder has them in reverse
        order. ``()`` gives a linear autoencoder. ``"auto"`` is ``(256, 128)``, or
        narrower where data are few: at most two weights between rows and hidden layers
        for each value of X (stored value of a sparse X), or 2**18 if that is more.
    activation : {"gelu", "relu", "elu", "silu", "tanh", "logistic"}, default="gelu"
        Function after each hidden layer. The code and the output are linear.
    tied_weights : bool, default=False
        Let each decoder layer use the transposed weight of the encoder layer that
        it mirrors. Biases stay separate.

    See Also
    --------
    ConvArchitecture : For images and signals.
    Architecture : The base, for networks of one's own.

    Examples
    --------
    >>> from sklearn_ae import AutoencoderTransformer, DenseArchitecture
    >>> DenseArchitecture((64,), "tanh")
    DenseArchitecture(hidden_layer_sizes=(64,), activation='tanh', tied_weights=False)
    >>> model = AutoencoderTransformer(architecture=DenseArchitecture((64,)))
    >>> model.get_params()["architecture__hidden_layer_sizes"]
    (64,)
    """

    hidden_layer_sizes: int | tuple[int, ...] | str = AUTO
    activation: str = "gelu"
    tied_weights: bool = False

    def for_rows(self, shape: tuple[int, ...]) -> Architecture:
        """Return the recipe, checked."""
        check_choice("activation", self.activation, ACTIVATIONS)
        as_layer_sizes(self.hidden_layer_sizes)
        return super().for_rows(shape)

    def for_values(self, n_features: int, n_values: int) -> Architecture:
        """Return the recipe for so many values to learn from."""
        if not isinstance(self.hidden_layer_sizes, str):
            return self
        sizes = narrow(_DENSE_SIZES, n_features, n_values)
        return replace(self, hidden_layer_sizes=sizes)

    def build(self, n_features: int, n_components: int) -> tuple[nn.Module, nn.Module]:
        """Build the two networks with fresh random weights."""
        self.for_rows((n_features,))
        hidden = as_layer_sizes(self.hidden_layer_sizes, _DENSE_SIZES)
        sizes = (n_features, *hidden, n_components)
        encoder = dense_stack(sizes, self.activation)
        if self.tied_weights:
            return encoder, tied_stack(encoder, self.activation)
        return encoder, dense_stack(sizes[::-1], self.activation)


#: An architecture, or a callable in its place.
Networks: TypeAlias = Architecture | Callable[[int, int], tuple[nn.Module, nn.Module]]


def build_pair(
    architecture: Networks,
    n_features: int,
    n_components: int,
) -> tuple[nn.Module, nn.Module]:
    """Build encoder and decoder, and check what they map to before any training.

    Parameters
    ----------
    architecture : object with ``build``, or callable
        Called with ``(n_features, n_components)``.
    n_features, n_components : int
        Widths of a row and of a code.

    Returns
    -------
    encoder, decoder : torch.nn.Module
        Float32 modules on the CPU.

    Raises
    ------
    TypeError
        If the result is not a pair of modules.
    ValueError
        If one of them returns another shape than ``(n, n_components)`` or
        ``(n, n_features)``, or is not of float32.
    """
    if isinstance(architecture, Architecture):
        pair = architecture.build(n_features, n_components)
    else:
        pair = architecture(n_features, n_components)
    is_pair = isinstance(pair, tuple) and len(pair) == 2
    if not is_pair or not all(isinstance(module, nn.Module) for module in pair):
        raise TypeError(
            "architecture must return a pair (encoder, decoder) of torch modules; "
            f"got {pair!r}."
        )
    checks = (
        ("encoder", n_features, n_components),
        ("decoder", n_components, n_features),
    )
    for (name, width_in, width_out), module in zip(checks, pair, strict=True):
        _check_network(name, module, width_in, width_out)
    # A callable may return the same modules again; models must not share weights. One
    # copy of both keeps what encoder and decoder share.
    return copy.deepcopy(pair)


def _check_network(name: str, module: nn.Module, width_in: int, width_out: int) -> None:
    """Raise a ValueError unless a module maps float32 rows of one width to another."""
    rule = f"the architecture's {name} must map (n, {width_in}) to (n, {width_out})"
    # The CPU, unless only an outline is built.
    expected = torch.float32, torch.get_default_device().type
    for values in (*module.parameters(), *module.buffers()):
        is_number = values.is_floating_point() or values.is_complex()
        if is_number and (values.dtype, values.device.type) != expected:
            raise ValueError(
                f"{rule}, in float32 on the CPU, from where it is moved; it has "
                f"parameters of {values.dtype} on {values.device.type}. Build it "
                "without dtype and device."
            )
    was_training = module.training
    try:
        with torch.no_grad():
            output = module.eval()(torch.zeros(2, width_in))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise ValueError(
            f"{rule}; it failed on zeros of shape (2, {width_in}), see the error "
            "above. Check its first layer, and that each next one takes what the last "
            "returns."
        ) from error
    finally:
        module.train(was_training)
    if not isinstance(output, torch.Tensor):
        raise ValueError(
            f"{rule}; it returned a {type(output).__name__}. Return one tensor."
        )
    if output.shape != (2, width_out):
        raise ValueError(f"{rule}; it mapped (2, {width_in}) to {tuple(output.shape)}.")
    if output.dtype != torch.float32:
        raise ValueError(
            f"{rule}, in float32; it returned {output.dtype}. Leave the type as it is."
        )
