"""Sparse codes: layers that make them, a module that keeps units alive, an objective.

Gao, L. et al. (2024). Scaling and evaluating sparse autoencoders. arXiv:2406.04093.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..exceptions import DeadUnitsWarning
from .autoencoder import Autoencoder
from .codes import Complaint, PlainCode
from .dense import TransposedLinear
from .linear_path import PCASolution, Refined, is_linear, load_linear
from .losses import Objective, ReconstructionObjective
from .randomness import normal_like
from .statistics import RowStatistics
from .unpool import check_bare_codes

if TYPE_CHECKING:
    from .recipe import Recipe

__all__ = [
    "BatchTopK",
    "DivergenceFromTarget",
    "L1Units",
    "LogisticUnits",
    "SparseAutoencoder",
    "SparseCode",
    "SparseObjective",
    "Threshold",
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

_MAX_DEFAULT_COMPONENTS = 1024
_MAX_DEFAULT_COEFS = 32

# What the target is where there is none, so that it makes no difference.
_NO_TARGET = 0.05

# A warning is given if more than this share of the units, and number, is dead.
_MAX_DEAD_SHARE = 0.1
_MAX_DEAD = 10


class LogisticUnits(nn.Module):
    """Codes in (0, 1), whose mean over rows the objective holds at a target.

    The target holds for each unit, so that there are no dead units to bring back.
    """

    n_revived = 0

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
    n_revived = _N_REVIVED

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
        self.n_kept = self.n_revived = n_kept

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_components)`` to codes."""
        return keep_largest(raw, self.n_kept)


class Threshold(nn.Module):
    """Keep codes above a positive number.

    Parameters
    ----------
    least : float
        The number.
    """

    def __init__(self, least: float) -> None:
        super().__init__()
        self.least = least

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_components)`` to codes."""
        return torch.where(raw > self.least, raw, 0.0)


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

    least: torch.Tensor

    def __init__(self, n_kept: int) -> None:
        super().__init__()
        self.n_kept = self.n_revived = n_kept
        self.register_buffer("least", torch.zeros(()))

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_components)`` to codes."""
        if not self.training:
            return self.settled()(raw)
        code = F.relu(raw)
        n_kept = min(self.n_kept * len(code), code.numel())
        least = code.detach().flatten().topk(n_kept, sorted=False).values.min()
        self._learn(least.float())
        return torch.where(code >= least, code, 0.0)

    def settled(self) -> nn.Module:
        """Return the layer that it has become in training."""
        least = self.least.item()
        return Threshold(least) if least > 0 else TopK(self.n_kept)

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

    rows_seen: torch.Tensor
    rows_since_active: torch.Tensor

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        output: nn.Module,
        bottleneck: nn.Module,
        n_components: int,
    ) -> None:
        super().__init__(encoder, decoder, output, bottleneck=bottleneck)
        self.bottleneck: Any
        self.n_components = n_components
        self.register_buffer("rows_seen", torch.zeros(()))
        self.register_buffer("rows_since_active", torch.zeros(n_components))
        self._n_batches = 0
        self._has_dead = False

    def settled(self) -> SparseAutoencoder:
        """Return the module without anything that only training needs."""
        if isinstance(self.bottleneck, BatchTopK):
            self.bottleneck = self.bottleneck.settled()
        return self

    def is_active(self, code: torch.Tensor) -> torch.Tensor:
        """Return which codes count as active, shape (n, n_components)."""
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
        n_revived = min(self.bottleneck.n_revived, self.n_components)
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
            self._has_dead = self.bottleneck.n_revived > 0 and bool(dead.any())
        self._n_batches += 1
        return dead


def _first_layers(network: nn.Module) -> list[Any]:
    """Return the dense layers that see a decoder's input."""
    if isinstance(network, Refined):
        return _first_layers(network.decoder)
    if isinstance(network, nn.Sequential):
        return _first_layers(network[0])
    return [network] if isinstance(network, nn.Linear | TransposedLinear) else []


def _squared_columns(layer: nn.Linear | TransposedLinear) -> torch.Tensor:
    """Return the squared norm of what each input adds to a layer's output."""
    return layer.weight.square().sum(int(isinstance(layer, TransposedLinear)))


class SparseObjective(Objective):
    """Reconstruction loss, plus a penalty of the code, plus the revival of dead units.

    Parameters
    ----------
    loss : str
        As for :class:`ReconstructionObjective`.
    sparsity : {"topk", "batch_topk", "l1", "kl"}
        Kind of code; the last two have a penalty.
    alpha : float
        Weight of the penalty.
    target : float
        Mean activity for "kl".
    """

    def __init__(
        self, loss: str, sparsity: str, alpha: float = 1.0, target: float = 0.05
    ) -> None:
        super().__init__()
        self.objective = ReconstructionObjective(loss)
        self.name = self.objective.name
        # Maps codes (n, n_components) to the penalty of each row, (n,).
        self.penalty: Callable[[torch.Tensor], torch.Tensor] | None = None
        if sparsity == "l1":
            self.penalty = sum_of_code
        elif sparsity == "kl":
            self.penalty = DivergenceFromTarget(target)
        self.alpha = alpha

    def forward(self, output: tuple, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over rows for what :class:`SparseAutoencoder` returns."""
        total = self.objective(output, target)
        if self.penalty is not None:
            total = total + self.alpha * self.penalty(output[1].float()).mean()
        if len(output) > 2:
            total = total + _REVIVAL_WEIGHT * self.objective(output[2:], target)
        return total

    def per_row(self, output: tuple, target: torch.Tensor) -> torch.Tensor:
        """Return loss and penalty of each row, shape (n,)."""
        losses = self.loss_without_penalty(output, target)
        if self.penalty is None:
            return losses
        return losses + self.alpha * self.penalty(output[1].float())

    def per_row_of_pca(self, output: tuple, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each row, since PCA's codes have no penalty."""
        return self.loss_without_penalty(output, target)

    def loss_without_penalty(self, output: tuple, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each row without the penalty, shape (n,)."""
        return self.objective.per_row(output, target)

    def least(self, target: torch.Tensor) -> torch.Tensor:
        """Return the smallest loss that any output has for each row, shape (n,)."""
        return self.objective.least(target)


class DivergenceFromTarget(nn.Module):
    """KL divergence of a target activity from each unit's mean, summed over units.

    The mean is taken over the rows at hand, all of which get the same penalty. In
    training it runs on from batch to batch: the mean of a small batch varies so much
    that the divergence would hold activity far above the target.

    Parameters
    ----------
    target : float
        Mean activity in (0, 1).
    """

    # Rows that the running mean remembers.
    memory = 1000

    def __init__(self, target: float) -> None:
        super().__init__()
        self.target = target
        self.mean: torch.Tensor | None = None
        self.n_rows = 0

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        """Map ``(n, n_components)`` to ``(n,)``."""
        mean = code.mean(0)
        if code.requires_grad:
            # The value of the running mean, and the gradient of the batch's.
            mean = self._running_mean(mean.detach(), len(code)) + mean - mean.detach()
        mean = mean.clamp(1e-6, 1 - 1e-6)
        wanted = torch.full_like(mean, self.target)
        on = wanted * (wanted / mean).log()
        off = (1 - wanted) * ((1 - wanted) / (1 - mean)).log()
        return (on + off).sum().expand(len(code))

    def _running_mean(self, mean: torch.Tensor, n_rows: int) -> torch.Tensor:
        if self.mean is None:
            self.mean = torch.zeros_like(mean)
        self.n_rows += n_rows
        share = n_rows / min(self.n_rows, max(self.memory, n_rows))
        # After a step that diverged training goes on from a better state.
        return self.mean.lerp_(torch.where(mean.isfinite(), mean, self.mean), share)


def sum_of_code(code: torch.Tensor) -> torch.Tensor:
    """Return the L1 norm of codes of at least 0, shape (n,)."""
    return code.sum(1)


def start_at_pairs(
    encoder: Any,
    decoder: Any,
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
    others = torch.empty(n_units - 2 * len(components), n_features)
    others = F.normalize(normal_like(others), dim=1)
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
    first: Any = list(encoder.modules())[-1]
    last: Any = list(decoder.modules())[-1]
    F.normalize(first.weight, dim=1, out=first.weight)
    first.bias.zero_()
    last.bias.zero_()
    if not isinstance(last, TransposedLinear):
        last.weight.copy_(first.weight.t())


@dataclass(frozen=True)
class SparseCode(PlainCode):
    """Codes of which few units are active in each row.

    Parameters
    ----------
    sparsity : {"topk", "batch_topk", "l1", "kl"}
        What keeps units inactive.
    n_nonzero_coefs : int or None
        Active units per row of the first two kinds; None takes a quarter of the units,
        at most 32.
    target : float
        Mean activity for "kl".
    """

    sparsity: str = "topk"
    n_nonzero_coefs: int | None = None
    target: float = 0.05

    is_regularised: ClassVar[bool] = True
    can_be_nested: ClassVar[bool] = False
    # The k largest scores of a row are at least as good as the first k.
    compares_losses_with_floor: ClassVar[bool] = False
    is_plain: ClassVar[bool] = False

    @property
    def _counts(self) -> bool:
        return self.sparsity in ("topk", "batch_topk")

    @property
    def keeps_unit(self) -> bool:
        """Whether codes have the unit of rows."""
        return self.sparsity != "kl"

    @property
    def can_start_at_pca(self) -> bool:
        """Whether each principal component can have two units."""
        return self._counts and self._has_pairs

    # Whether there are two units for each that is active; known once settled.
    _has_pairs: bool = field(default=True, compare=False)

    def for_pca(self) -> SparseCode:
        """Return the kind of code of the linear paths alone, which are PCA."""
        return self

    def default_width(self, n_features: int) -> int:
        """Return the default for ``n_components``."""
        return min(2 * n_features, _MAX_DEFAULT_COMPONENTS)

    def settle(self, n_components: int) -> SparseCode:
        """Return the part with the number of active units."""
        if self.sparsity == "kl":
            return replace(self, n_nonzero_coefs=None)
        if not self._counts:
            return replace(self, n_nonzero_coefs=None, target=_NO_TARGET)
        n_active = self.n_nonzero_coefs
        if n_active is None:
            n_active = max(1, min(n_components // 4, _MAX_DEFAULT_COEFS))
        if n_active > n_components:
            raise ValueError(
                f"n_nonzero_coefs must be at most n_components = {n_components}; got "
                f"{n_active}. Choose a wider code or fewer active units."
            )
        has_pairs = n_components >= 2 * n_active
        return replace(
            self, n_nonzero_coefs=n_active, target=_NO_TARGET, _has_pairs=has_pairs
        )

    def initialize(self, encoder: nn.Module, decoder: nn.Module) -> None:
        """Let single layers start as each other's transpose."""
        start_tied(encoder, decoder)

    def assemble(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        output: nn.Module,
        corruption: nn.Module | None,
        units: RowStatistics,
        n_components: int,
    ) -> SparseAutoencoder:
        """Return the module around encoder and decoder."""
        n_kept = self.n_nonzero_coefs or n_components
        layers: dict[str, Callable[[], nn.Module]] = {
            "topk": lambda: TopK(n_kept),
            "batch_topk": lambda: BatchTopK(n_kept),
            "l1": L1Units,
            "kl": lambda: LogisticUnits(self.target),
        }
        layer = layers[self.sparsity]()
        module = SparseAutoencoder(encoder, decoder, output, layer, n_components)
        check_bare_codes(decoder, "sparse codes need", "Take upsampling='nearest'.")
        return module

    def count_pca_components(self, n_components: int) -> int:
        """Return how many principal components start and baseline need."""
        return max(n_components // 2, self.n_nonzero_coefs or n_components)

    def load_pca(self, module: Any, pca: PCASolution, n_components: int) -> None:
        """Load PCA into the linear paths of a module, two units per component."""
        pairs = pca.components[: n_components // 2]
        start_at_pairs(module.encoder, module.decoder, pairs, pca.mean)

    def count_active(self, n_components: int) -> int | None:
        """Return how many components PCA has in a comparison."""
        return None if self.sparsity == "l1" else self.n_nonzero_coefs or n_components

    def count_active_in(self, module: Any, blocks: Iterable[torch.Tensor]) -> int:
        """Return the mean number of active units."""
        counts = [module.is_active(module.encode(block)).sum(1) for block in blocks]
        return max(1, round(float(torch.cat(counts).double().mean())))

    def describe(
        self, module: Any, blocks: Iterable[torch.Tensor], n_components: int
    ) -> dict[str, Any]:
        """Return how much each unit is used, and which are not."""
        activity, n_rows = np.zeros(n_components), 0
        ever = np.zeros(n_components, dtype=bool)
        for block in blocks:
            code = module.encode(block)
            active = module.is_active(code)
            used = code if self.sparsity == "kl" else active
            activity += used.cpu().numpy().sum(0)
            ever |= active.any(0).cpu().numpy()
            n_rows += len(block)
        return {
            "n_nonzero_coefs_": self.n_nonzero_coefs,
            "mean_activity_": activity / n_rows,
            "dead_units_": np.flatnonzero(~ever),
        }

    def complain(self, described: dict[str, Any], recipe: Recipe) -> list[Complaint]:
        """Return a warning where many units are dead."""
        n_dead, n_units = (
            len(described["dead_units_"]),
            len(described["mean_activity_"]),
        )
        if n_dead <= max(_MAX_DEAD_SHARE * n_units, _MAX_DEAD):
            return []
        message = (
            f"{n_dead} of {n_units} units are active in no training row (of up to "
            "50,000). Choose fewer n_components or more active units (n_nonzero_coefs; "
            "a smaller alpha for 'l1'), a smaller learning_rate, or a larger max_iter, "
            "in which dead units are revived."
        )
        return [(message, DeadUnitsWarning)]
