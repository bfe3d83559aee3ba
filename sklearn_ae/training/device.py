"""Where training runs."""

from __future__ import annotations

import torch

__all__ = ["resolve_device"]


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the torch device for a ``device`` parameter.

    Parameters
    ----------
    device : str or torch.device
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
    name = str(device)
    if name == "auto":
        return torch.device(available[1] if len(available) > 1 else "cpu")
    # torch's devices of one kind are numbered, also where there is only one.
    kinds = {entry.partition(":")[0] for entry in available}
    aliases = {f"{kind}:0": kind for kind in kinds & {"cpu", "mps"}}
    name = aliases.get(name, name)
    if name not in {*available, *kinds}:
        raise ValueError(
            f"device must name a device that torch finds here; got {device!r}. "
            f"Use 'auto', or one of {available}."
        )
    return torch.device(name)
