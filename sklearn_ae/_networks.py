"""Making the networks of an estimator, and the losses that they are judged by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from ._fitted import FittedAutoencoder
from ._pca import PCABaseline, is_real_gain
from ._validation import check_unit_interval
from .nn.architectures import Architecture, DenseArchitecture, build_pair
from .nn.autoencoder import Autoencoder
from .nn.linear_path import Refined, add_linear_path, dense_layers, start_at
from .nn.losses import LOSSES, ReconstructionObjective
from .training.batches import Rows
from .training.layerwise import pretrain
from .training.net import AutoencoderNet, TrainingPlan
from .training.seeding import isolated_rng

__all__ = ["AutoencoderNetworks"]


class AutoencoderNetworks(FittedAutoencoder):
    """The part of an estimator that turns parameters into a module and a net."""

    # The recipe whose parameters a subclass has flat in its signature.
    _default_architecture: ClassVar[type[Architecture]] = DenseArchitecture

    # Whether something else than the width keeps a code from copying its input, so that
    # it may be wider than rows.
    _is_regularised: ClassVar[bool] = False

    # ------------------------------------------------------------------- two hooks

    def _build_module(self, n_features: int, n_components: int) -> Autoencoder:
        """Return the module with fresh weights, on the CPU."""
        return Autoencoder(*self._build_parts(n_features, n_components))

    def _build_objective(self) -> nn.Module:
        """Return what training minimises: callable, with a ``per_row`` method."""
        return ReconstructionObjective(self.loss)

    def _build_parts(self, n_features: int, n_components: int) -> tuple:
        """Return encoder, decoder, output, corruption and bottleneck of the module."""
        encoder, decoder = self._build_networks(n_features, n_components)
        output = LOSSES[self.loss].output()
        corruption, bottleneck = self._build_corruption(), self._build_bottleneck()
        return encoder, decoder, output, corruption, bottleneck

    def _build_corruption(self) -> nn.Module | None:
        """Return what happens to rows before they are encoded, in training."""

    def _build_bottleneck(self) -> nn.Module | None:
        """Return the map from the encoder's output to the code."""

    # ------------------------------------ what a code or likelihood of its own changes

    # Decay rates of the optimizer's running means of gradients and their squares.
    _betas: tuple[float, float] = (0.9, 0.999)

    # Whether it is known before the fit how many components PCA is to have beside.
    _knows_baseline: bool = True

    # Values that the encoder returns for each component of the code.
    _outputs_per_component: ClassVar[int] = 1

    @property
    def _scaling_in_use(self) -> str | None:
        # The logarithmic loss is taken on the data as they are, in [0, 1].
        return None if self.loss == "log_loss" else self.scaling

    def _check_values(self, X, name: str) -> None:
        """Raise a ValueError if the loss is not made for the values of X."""
        if self.loss == "log_loss":
            check_unit_interval(X, name, "loss='log_loss'", "loss='squared_error'")

    def _check_architecture(self, architecture: Architecture | Callable) -> None:
        """Raise a ValueError if an architecture does not suit loss and start."""
        bounded = getattr(architecture, "output_activation", None) is not None
        is_free = self.scaling is None and self.loss != "log_loss"
        if bounded and (self._starts_at_pca or not is_free):
            raise ValueError(
                "output_activation needs init='random', scaling=None and a loss other "
                "than 'log_loss', because it bounds what the decoder returns; got "
                f"init={self.init!r}, scaling={self.scaling!r} and loss={self.loss!r}. "
                "For values in [0, 1], loss='log_loss' without it starts at PCA."
            )

    def _build_pair(
        self, architecture: Architecture | Callable, n_features: int, n_components: int
    ) -> tuple[nn.Module, nn.Module]:
        return build_pair(architecture, n_features, n_components)

    def _check_bare_decoder(self, module: Autoencoder) -> None:
        """Raise a ValueError if a decoder needs more of the encoder than the code."""
        if not module.decodes_bare_codes:
            raise ValueError(
                f"{type(self).__name__} needs a decoder that sees codes alone; got "
                "upsampling='unpool', which also needs the positions of the encoder's "
                "maxima. Take upsampling='nearest'."
            )

    def _build_link(self) -> nn.Module | None:
        """Return the map from a reconstruction to the decoder's raw output."""
        link = LOSSES[self.loss].link
        return None if link is None else link()

    # --------------------------------------------------------------- module and net

    def _find_architecture(self) -> Architecture | Callable:
        """Return the recipe that applies, for rows of the shape that fit saw."""
        architecture = self.architecture
        if architecture is None:
            recipe = self._default_architecture
            architecture = recipe(
                **{field.name: getattr(self, field.name) for field in fields(recipe)}
            )
        if isinstance(architecture, Architecture):
            return architecture.for_rows(self._row_shape)
        return architecture

    def _settled_code_width(self) -> int | None:
        """Return the width of the code where the architecture decides it."""
        architecture = self._find_architecture()
        if isinstance(architecture, Architecture):
            return architecture.code_width(self.n_features_in_)
        return None

    @property
    def _has_pca_start(self) -> bool:
        """Whether there is a PCA start for codes of this kind."""
        return self._settled_code_width() is None

    @property
    def _starts_at_pca(self) -> bool:
        return self.init == "pca" and self._has_pca_start

    def _build_networks(
        self, n_features: int, n_components: int
    ) -> tuple[nn.Module, nn.Module]:
        """Return encoder and decoder, with a linear path where they start at PCA."""
        architecture = self._find_architecture()
        self._check_architecture(architecture)
        encoder, decoder = self._build_pair(architecture, n_features, n_components)
        if self._starts_at_pca:
            encoder, decoder = add_linear_path(
                encoder,
                decoder,
                n_features,
                n_components,
                n_outputs=self._outputs_per_component * n_components,
                tied=getattr(architecture, "tied_weights", False),
                gated=self.pretraining is not None,
                link=self._build_link(),
            )
        refinement = None
        if isinstance(architecture, Architecture):
            refinement = architecture.build_refinement(n_features)
        if refinement is not None:
            decoder = Refined(decoder, refinement, n_features)
        return encoder, decoder

    def _start_module(self, pca: PCABaseline) -> Autoencoder:
        """Return a module with fresh weights that starts at PCA if asked to."""
        module = self._build_module(self.n_features_in_, self.n_components_)
        if self._starts_at_pca:
            self._start_at(module, pca)
        return module

    def _start_at(self, module: Autoencoder, pca: PCABaseline) -> None:
        """Load PCA into the linear paths of a module."""
        start_at(module.encoder, module.decoder, pca.components, pca.mean)

    def _make_net(
        self,
        module: Autoencoder,
        objective: nn.Module,
        batch_size: int,
        seed: int,
        device: torch.device,
        callbacks: Sequence = (),
    ) -> AutoencoderNet:
        return AutoencoderNet(
            module,
            objective,
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            batch_size=batch_size,
            precision=self.precision,
            seed=seed,
            callbacks=callbacks,
            device=device,
            verbose=self.verbose,
            betas=self._betas,
        ).initialize()

    def _pretrain(
        self, rows: Rows, batch_size: int, seed: int, plan: TrainingPlan
    ) -> None:
        """Let each layer learn to encode the one below, before all learn together."""
        encoder = dense_layers(self.module_.encoder) or []
        decoder = dense_layers(self.module_.decoder) or []
        if not len(encoder) == len(decoder) > 1:
            raise ValueError(
                f"pretraining={self.pretraining!r} needs mirrored dense networks with "
                "at least one hidden layer; got "
                f"architecture={self._find_architecture()!r}. Give "
                "hidden_layer_sizes, or set pretraining=None."
            )

        def make_net(pair: Autoencoder, is_first: bool) -> AutoencoderNet:
            loss = getattr(self, "loss", "squared_error")
            objective = ReconstructionObjective(loss if is_first else "squared_error")
            return self._make_net(pair, objective, batch_size, seed, rows.device)

        is_plain = isinstance(self.module_.bottleneck, nn.Identity)
        pretrain(
            self.module_,
            rows,
            plan,
            make_net,
            skips_code=self._starts_at_pca
            or not is_plain
            or self._outputs_per_component > 1,
            cached=self.pretraining == "layerwise_cached",
        )

    def _install(
        self,
        module: Autoencoder,
        batch_size: int,
        seed: int,
        device: torch.device,
        history: Sequence[dict],
        callbacks: Sequence | None = None,
    ) -> None:
        """Make a net around a module; its history goes on from the one given."""
        if callbacks is None:
            callbacks = () if self.callbacks is None else self.callbacks
        self.net_ = self._make_net(
            module, self._build_objective(), batch_size, seed, device, callbacks
        )
        self.net_.history.extend(history)
        self.module_ = self.net_.module_
        self.n_parameters_ = sum(p.numel() for p in self.module_.parameters())
        self.device_ = str(device)

    # -------------------------------------------------- losses of a block of rows

    def _loss(self, block: torch.Tensor) -> torch.Tensor:
        return self._judge_output(self.module_(block), block)

    def _pca_loss(self, block: torch.Tensor) -> torch.Tensor:
        return self._judge_output((self._raw_by_pca(block),), block)

    def _pca_objective(self, block: torch.Tensor) -> torch.Tensor:
        """Return what the training objective of each row would be if this were PCA."""
        return self._pca_loss(block)

    @property
    def _row_objective(self) -> nn.Module:
        """The objective with the loss of a row that is rebuilt from its whole code."""
        return self.net_.criterion_

    def _judge_output(self, output: tuple, block: torch.Tensor) -> torch.Tensor:
        """Return the loss of each row in which a model is held against PCA."""
        return self._row_objective.per_row(output, block)

    @property
    def _baseline(self) -> PCABaseline:
        """The PCA that the network is held against."""
        return self._pca

    def _raw_by_pca(self, block: torch.Tensor) -> torch.Tensor:
        """Return what the decoder would return if the model were PCA."""
        return self._link(self._baseline.reconstruct(self.module_.corruption(block)))

    def _link(self, rebuilt: torch.Tensor) -> torch.Tensor:
        link = self._build_link()
        return rebuilt if link is None else link.to(rebuilt.device)(rebuilt)

    def _rebuild_by_pca(self, block: torch.Tensor) -> torch.Tensor:
        return self.module_.output(self._raw_by_pca(block))

    def _rebuild(self, block: torch.Tensor) -> torch.Tensor:
        return self.module_.reconstruct(self.module_.corruption(block))

    def _judge(
        self, function: Callable, rows: Rows, size: int | None = None
    ) -> np.ndarray:
        """Apply a function to all rows; what is random in it is the same each time."""
        with isolated_rng(self.net_.seed, rows.device):
            return self._per_row(function, rows, size)

    def _is_real_gain(
        self, losses: np.ndarray, pca_losses: np.ndarray, judged: Rows
    ) -> bool:
        """Tell whether the network is reliably better than PCA."""
        least = self._per_row(self._row_objective.least, judged)
        return is_real_gain(losses - least, pca_losses - least)
