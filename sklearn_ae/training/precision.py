"""Where training runs and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

__all__ = ["autocast", "resolve_device", "training_dtype"]

# Below this size of the largest weight matrix, casting costs more than the shorter
# products save (benchmarks/training_speed.py, both networks).
_MIN_WEIGHTS_FOR_BFLOAT16 = 2**17


def resolve_device(device: str) -> torch.device:
    """Return the torch device for a ``device`` parameter.

    Parameters
    ----------
    device : str
        ``"auto"`` takes the first GPU where there is one, the CPU elsewhere; any
        other string is torch's own name of a device.

    Raises
    ------
    ValueError
        If torch does not know the name or finds no such device.
    """
    available = ["cpu"]
    available += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    available += ["mps"] if torch.backends.mps.is_available() else []
    if device == "auto":
        return torch.device(available[1] if len(available) > 1 else "cpu")
    names = {*available, *(name.partition(":")[0] for name in available)}
    if device not in names:
        raise ValueError(
            f"device must name a device that torch finds here; got {device!r}. "
            f"Use 'auto', or one of {available}."
        )
    return torch.device(device)


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
