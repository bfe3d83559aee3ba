"""Greedy layerwise pretraining: each layer first learns to encode the one below.

Bengio, Y., Lamblin, P., Popovici, D. & Larochelle, H. (2006). Greedy layer-wise
training of deep networks. NeurIPS 19.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from ..nn.autoencoder import Autoencoder
from ..nn.losses import ReconstructionObjective
from ..nn.recipe import mirrored_layers
from .batches import Rows
from .checkpointing import Checkpoint
from .net import AutoencoderNet, TrainingPlan

__all__ = ["EncodedRows", "pretrain"]


class EncodedRows:
    """Rows as frozen layers return them, computed batch by batch.

    Parameters
    ----------
    rows : Rows
        Scaled rows.
    layers : torch.nn.Module
        Maps ``(n, n_features)`` to ``(n, width)``.
    """

    def __init__(self, rows: Rows, layers: nn.Module) -> None:
        self.rows = rows
        self.layers = layers
        self.device = rows.device

    def __len__(self) -> int:
        return len(self.rows)

    @torch.no_grad()
    def shuffled_batches(
        self, batch_size: int, generator: torch.Generator
    ) -> Iterator[torch.Tensor]:
        """Yield all rows once in random order."""
        for batch in self.rows.shuffled_batches(batch_size, generator):
            yield self.layers(batch)

    @torch.no_grad()
    def cached(self) -> Rows:
        """Return the same rows, computed once and kept in memory."""
        blocks = [self.layers(block).cpu().numpy() for block in self.rows.blocks()]
        codes = np.concatenate(blocks)
        width = codes.shape[1]
        return Rows(codes, np.zeros(width), np.ones(width), self.device)


def pretrain(
    module: Autoencoder,
    rows: Rows,
    plan: TrainingPlan,
    make_net: Callable[[Autoencoder, nn.Module], AutoencoderNet],
    *,
    checkpoint: Checkpoint | None,
    pretraining: str,
    architecture: object,
    loss: str,
    starts_at_pca: bool,
) -> None:
    """Train each pair of mirrored dense layers as an autoencoder of its own.

    Parameters
    ----------
    module : Autoencoder
        Its encoder and decoder are dense stacks, perhaps beside a linear path.
    rows : Rows
        Scaled training rows.
    plan : TrainingPlan
        For each pair.
    make_net : callable
        Returns an initialised net for a pair and what it minimises.
    checkpoint : Checkpoint or None
        Where the runs of the pairs go on from, and are kept.
    pretraining : {"layerwise", "layerwise_cached"}
        Compute the codes of the layers that are done for each batch again, or keep
        them in memory.
    architecture : object
        What built the module, for the error.
    loss : str
        Loss of the first pair, whose rows are those of the data.
    starts_at_pca : bool
        Whether there is a linear path; the layers next to the code are left out then.

    Raises
    ------
    ValueError
        If encoder and decoder are not mirrored dense stacks with a hidden layer.
    """
    encoder, decoder = mirrored_layers(module, pretraining, architecture)
    n_pairs = len(encoder) // 2 + (not starts_at_pca)
    for index in range(n_pairs):
        # A layer and the activation after it; next to the code there is none, and
        # neither is there one after the layer that returns rows.
        down = encoder[2 * index : 2 * index + 2]
        mirror = len(decoder) - 1 - 2 * index
        up = decoder[mirror : mirror + 2]
        pair = Autoencoder(nn.Sequential(*down), nn.Sequential(*up), nn.Identity())
        below = (
            rows if index == 0 else _encoded(rows, encoder[: 2 * index], pretraining)
        )
        objective = ReconstructionObjective(loss if index == 0 else "squared_error")
        net = make_net(pair, objective)
        if net.run(below, None, plan, checkpoint=checkpoint).interrupted:
            raise KeyboardInterrupt  # there is no usable model yet


def _encoded(rows: Rows, layers: list[nn.Module], pretraining: str):
    encoded = EncodedRows(rows, nn.Sequential(*layers))
    return encoded.cached() if pretraining == "layerwise_cached" else encoded
