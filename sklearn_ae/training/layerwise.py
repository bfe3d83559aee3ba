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
from ..nn.linear_path import dense_layers
from .batches import Rows
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
        codes = [self.layers(block).cpu().numpy() for block in self.rows.blocks()]
        codes = np.concatenate(codes)
        width = codes.shape[1]
        return Rows(codes, np.zeros(width), np.ones(width), self.device)


def pretrain(
    module: Autoencoder,
    rows: Rows,
    plan: TrainingPlan,
    make_net: Callable[[Autoencoder, bool], AutoencoderNet],
    *,
    skips_code: bool,
    cached: bool,
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
        Returns an initialised net for a pair; the second argument tells whether its
        rows are those of the data.
    skips_code : bool
        Leave out the layers next to the code.
    cached : bool
        Keep the codes of the layers that are done in memory, instead of computing them
        again for each batch.
    """
    encoder, decoder = dense_layers(module.encoder), dense_layers(module.decoder)
    n_pairs = len(encoder) // 2 + (not skips_code)
    for index in range(n_pairs):
        # A layer and the activation after it; next to the code there is none, and
        # neither is there one after the layer that returns rows.
        down = encoder[2 * index : 2 * index + 2]
        mirror = len(decoder) - 1 - 2 * index
        up = decoder[mirror : mirror + 2]
        is_first = index == 0
        pair = Autoencoder(
            nn.Sequential(*down),
            nn.Sequential(*up),
            nn.Identity(),
            module.corruption if is_first else None,
        )
        below = rows
        if not is_first:
            below = EncodedRows(rows, nn.Sequential(*encoder[: 2 * index]))
            below = below.cached() if cached else below
        outcome = make_net(pair, is_first).run(below, None, plan)
        if outcome.interrupted:
            raise KeyboardInterrupt  # there is no usable model yet
