"""What the benchmarks share: where results go, and on what machine they were made."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import numpy as np
import sklearn
import skorch
import torch

RESULTS = Path(__file__).parent / "results"


def machine() -> dict:
    """Describe the machine and the versions that a result depends on."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return {
        "processor": str(capabilities.get("cpu_name", platform.processor())),
        "cores": os.cpu_count(),
        "native_bfloat16": bool(capabilities.get("avx512_bf16")),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
        "skorch": skorch.__version__,
        "numpy": np.__version__,
    }


def save(name: str, command: str, results: dict) -> None:
    """Write ``results/NAME.json`` with the command and the machine."""
    RESULTS.mkdir(exist_ok=True)
    content = {"command": command, "machine": machine(), **results}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(content, indent=1, default=float) + "\n")


def geometric_mean(ratios) -> float:
    """Return the geometric mean of positive ratios."""
    return float(np.exp(np.mean(np.log(ratios))))
