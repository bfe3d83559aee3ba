"""In which precision training runs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

__all__ = ["autocast", "training_dtype"]

# Below this size of the largest weight matrix, casting costs more than the shorter
# products save (benchmarks/training_speed.py, both networks).
_MIN_WEIGHTS_FOR_BFLOAT16 = 2**17


def training_dtype(
    precision: str, device: torch.device, module: nn.Module
) -> torch.dtype:
    """Return the type of the matrix products while training.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
        ``"auto"`` means bfloat16 where the processor multiplies it natively and the
        largest weight matrix is big enough to gain by it.
    device : torch.device
        Where the module trains.
    module : torch.nn.Module
        The module to be trained.
    """
    if precision == "auto":
        largest = max((weight.numel() for weight in module.parameters()), default=0)
        gains = largest >= _MIN_WEIGHTS_FOR_BFLOAT16 and _has_bfloat16(device)
        return torch.bfloat16 if gains else torch.float32
    return getattr(torch, precision)


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(key) for key in ("avx512_bf16", "amx_bf16"))
    return False


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager:
    """Return a context in which matrix products run in ``dtype``."""
    if dtype == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype)
