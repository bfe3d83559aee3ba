"""Sparse codes: layers that make them, a module that keeps units alive, an objective.

Gao, L. et al. (2024). Scaling and evaluating sparse autoencoders. arXiv:2406.04093.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .autoencoder import Autoencoder
from .dense import TransposedLinear
from .linear_path import LinearPath, Refined, is_linear, load_linear
from .losses import ReconstructionObjective

__all__ = [
    "BatchTopK",
    "DivergenceFromTarget",
    "L1Units",
    "LogisticUnits",
    "SparseAutoencoder",
    "SparseObjective",
    "TopK",
    "keep_largest",
    "start_at_pairs",
    "start_tied",
    "sum_of_code",
]

# A unit counts as dead if it was silent for this share of all rows seen in training.
_DEAD_SHARE = 0.01
# Weight of the loss that brings dead units back. The 1/32 of the reference above, made
# for far longer training, left many dead.
_REVIVAL_WEIGHT = 0.3
_BATCHES_PER_LOOK = 8
# Dead units that take part per row, where no number of active units is given.
_N_REVIVED = 32
# Units that are no part of the PCA start begin so small that they hardly compete.
_BYSTANDER = 0.01


class LogisticUnits(nn.Module):
    """Codes in (0, 1), whose mean over rows the objective holds at a target.

    The target holds for each unit, so that there are no dead units to bring back.
    """

    n_kept = 0

    def __init__(self, target: float) -> None:
        super().__init__()
        self.threshold = min(2 * target, 0.5)
        # So that units start near the target instead of at a half.
        self.offset = math.log(target / (1 - target))

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_components)`` to codes."""
        return torch.sigmoid(raw + self.offset)


class L1Units(nn.Module):
    """Codes of at least 0, whose sum the objective keeps small."""

    threshold = 0.0
    n_kept = _N_REVIVED

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_components)`` to codes."""
        return F.relu(raw)


class TopK(nn.Module):
    """Keep the largest codes of each row.

    Parameters
    ----------
    n_kept : int
        Codes per row that may differ from 0.
    """

    threshold = 0.0

    def __init__(self, n_kept: int) -> None:
        super().__init__()
        self.n_kept = n_kept

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_components)`` to codes."""
        return keep_largest(raw, self.n_kept)


class BatchTopK(nn.Module):
    """Keep the largest codes of a batch, so that rows may share them unevenly.

    Afterwards codes above a threshold learned in training are kept, so that the code of
    a row does not depend on its batch. Bussmann, B., Leask, P. & Nanda, N. (2024).
    BatchTopK sparse autoencoders. arXiv:2412.06410.

    Parameters
    ----------
    n_kept : int
        Mean number of codes per row that may differ from 0.
    """

    threshold = 0.0
    momentum = 0.02

    def __init__(self, n_kept: int) -> None:
        super().__init__()
        self.n_kept = n_kept
        self.register_buffer("least", torch.zeros(()))

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_components)`` to codes."""
        code = F.relu(raw)
        if not self.training:
            if self.least == 0:  # not learned yet
                return keep_largest(raw, self.n_kept)
            return torch.where(code > self.least, code, 0)
        n_kept = min(self.n_kept * len(code), code.numel())
        least = code.detach().flatten().topk(n_kept, sorted=False).values.min()
        self._learn(least.float())
        return torch.where(code >= least, code, 0)

    def _learn(self, least: torch.Tensor) -> None:
        momentum = torch.where(self.least > 0, self.momentum, 1.0)
        self.least.lerp_(least, momentum)


def keep_largest(raw: torch.Tensor, n_kept: int) -> torch.Tensor:
    """Set all but the largest positive values of each row to 0."""
    values, index = F.relu(raw).topk(n_kept, dim=1, sorted=False)
    return torch.zeros_like(raw).scatter(1, index, values)


class SparseAutoencoder(Autoencoder):
    """Autoencoder whose code passes a sparse layer; silent units are brought back.

    Parameters
    ----------
    encoder, decoder, output : torch.nn.Module
        As for :class:`Autoencoder`.
    bottleneck : torch.nn.Module
        One of the layers above.
    n_components : int
        Width of the code.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        output: nn.Module,
        bottleneck: nn.Module,
        n_components: int,
    ) -> None:
        super().__init__(encoder, decoder, output, bottleneck=bottleneck)
        self.n_components = n_components
        self.register_buffer("rows_seen", torch.zeros(()))
        self.register_buffer("rows_since_active", torch.zeros(n_components))
        self._n_batches = 0
        self._has_dead = False

    def is_active(self, code: torch.Tensor) -> torch.Tensor:
        """Tell which codes count as active, shape (n, n_components)."""
        return code > self.bottleneck.threshold

    def forward(self, X: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return raw output and code; in training, also what revives dead units.

        The second item is the code in units of the decoder's columns, so that nothing
        is gained by small codes with large columns. The third is there while units are
        dead: the output with what the strongest of them would add.
        """
        raw = self.encoder(X)
        code = self.bottleneck(raw)
        output = self.decoder(code)
        if not self.training:
            return output, self._weigh(code)
        dead = self._find_dead(code)
        if not self._has_dead:
            return output, self._weigh(code)
        n_revived = min(self.bottleneck.n_kept, self.n_components)
        revived = keep_largest(raw.masked_fill(~dead, -torch.inf), n_revived)
        # Two rows, because batch normalisation refuses one.
        nothing = torch.zeros_like(revived[:2])
        change = self.decoder(revived) - self.decoder(nothing)[:1]
        return output, self._weigh(code), output.detach() + change

    def _weigh(self, code: torch.Tensor) -> torch.Tensor:
        if not isinstance(self.bottleneck, L1Units):
            return code
        squares = [_squared_columns(layer) for layer in _first_layers(self.decoder)]
        return code * torch.stack(squares).sum(0).sqrt() if squares else code

    @torch.no_grad()
    def _find_dead(self, code: torch.Tensor) -> torch.Tensor:
        """Count rows, and return which units were silent for too many of them."""
        self.rows_seen += len(code)
        self.rows_since_active += len(code)
        self.rows_since_active.masked_fill_(self.is_active(code).any(0), 0)
        dead = self.rows_since_active > _DEAD_SHARE * self.rows_seen
        # To look is to wait for the device, so it is not done for each batch.
        if self._n_batches % _BATCHES_PER_LOOK == 0:
            self._has_dead = self.bottleneck.n_kept > 0 and bool(dead.any())
        self._n_batches += 1
        return dead


def _first_layers(network: nn.Module) -> list[nn.Module]:
    """Return the dense layers that see a decoder's input."""
    if isinstance(network, Refined):
        return _first_layers(network.decoder)
    if isinstance(network, nn.Sequential):
        return _first_layers(network[0])
    return [network] if isinstance(network, nn.Linear | TransposedLinear) else []


def _squared_columns(layer: nn.Linear | TransposedLinear) -> torch.Tensor:
    """Return the squared norm of what each input adds to a layer's output."""
    return layer.weight.square().sum(int(isinstance(layer, TransposedLinear)))


class SparseObjective(ReconstructionObjective):
    """Reconstruction loss, plus a penalty of the code, plus the revival of dead units.

    Parameters
    ----------
    loss : str
        As for :class:`ReconstructionObjective`.
    penalty : callable or None
        Maps codes ``(n, n_components)`` to the penalty of each row, ``(n,)``.
    alpha : float
        Weight of the penalty.
    """

    def __init__(self, loss: str, penalty, alpha: float) -> None:
        super().__init__(loss)
        self.penalty = penalty
        self.alpha = alpha

    def forward(
        self, output: tuple[torch.Tensor, ...], target: torch.Tensor
    ) -> torch.Tensor:
        """Return the mean over rows for what :class:`SparseAutoencoder` returns."""
        total = super().forward(output, target)
        if self.penalty is not None:
            total = total + self.alpha * self.penalty(output[1].float()).mean()
        if len(output) > 2:
            total = total + _REVIVAL_WEIGHT * super().forward(output[2:], target)
        return total

    def per_row(
        self, output: tuple[torch.Tensor, ...], target: torch.Tensor
    ) -> torch.Tensor:
        """Return loss and penalty of each row, shape (n,)."""
        losses = super().per_row(output, target)
        if self.penalty is None:
            return losses
        return losses + self.alpha * self.penalty(output[1].float())


class DivergenceFromTarget(nn.Module):
    """KL divergence of a target activity from each unit's mean, summed over units.

    The mean is taken over the rows at hand, all of which get the same penalty. In
    training it runs on from batch to batch: the mean of a small batch varies so much
    that the divergence would hold activity far above the target.

    Parameters
    ----------
    target : float
        Mean activity in (0, 1).
    n_components : int
        Number of units.
    """

    # Rows that the running mean remembers.
    memory = 1000

    def __init__(self, target: float, n_components: int) -> None:
        super().__init__()
        self.target = target
        self.register_buffer("mean", torch.zeros(n_components))
        self.register_buffer("n_rows", torch.zeros(()))

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_components)`` to ``(n,)``."""
        mean = code.mean(0)
        if code.requires_grad:
            with torch.no_grad():
                self.n_rows += len(code)
                share = len(code) / self.n_rows.clamp(max=max(self.memory, len(code)))
                # After a step that diverged training goes on from a better state.
                self.mean.lerp_(torch.where(mean.isfinite(), mean, self.mean), share)
            # The value of the running mean, and the gradient of the batch's.
            mean = self.mean + mean - mean.detach()
        mean = mean.clamp(1e-6, 1 - 1e-6)
        wanted = torch.full_like(mean, self.target)
        on = wanted * (wanted / mean).log()
        off = (1 - wanted) * ((1 - wanted) / (1 - mean)).log()
        return (on + off).sum().expand(len(code))


def sum_of_code(code: torch.Tensor) -> torch.Tensor:
    """Return the L1 norm of codes of at least 0, shape (n,)."""
    return code.sum(1)


def start_at_pairs(
    encoder: LinearPath,
    decoder: LinearPath | Refined,
    components: np.ndarray,
    mean: np.ndarray,
) -> None:
    """Give each principal component two units, one for either sign.

    The k largest codes of a row are then its k largest scores, so that it is rebuilt
    at least as closely as by the first k components.

    Parameters
    ----------
    encoder, decoder : LinearPath
        The pair that ``add_linear_path`` made; the decoder may be refined.
    components : ndarray of shape (n_pairs, n_features)
        Orthonormal rows; twice as many units must be there.
    mean : ndarray of shape (n_features,)
        Point that has the code zero.
    """
    n_units, n_features = encoder.linear.weight.shape
    others = F.normalize(torch.randn(n_units - 2 * len(components), n_features), dim=1)
    columns = np.concatenate([components, -components, others.numpy()])
    weight = np.concatenate([components, -components, _BYSTANDER * others.numpy()])
    load_linear(encoder, decoder, weight, -weight @ mean, columns.T, mean)


@torch.no_grad()
def start_tied(encoder: nn.Module, decoder: nn.Module) -> None:
    """Let a pair of single layers start with unit columns, the one's in the other.

    An encoder that is its decoder's transpose at first leaves fewer units dead (Gao et
    al. 2024). Networks of more layers stay as they are.
    """
    if not (is_linear(encoder) and is_linear(decoder)):
        return
    *_, first = encoder.modules()
    *_, last = decoder.modules()
    F.normalize(first.weight, dim=1, out=first.weight)
    first.bias.zero_()
    last.bias.zero_()
    if not isinstance(last, TransposedLinear):
        last.weight.copy_(first.weight.t())
