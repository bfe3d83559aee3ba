"""Memory format and precision of convolutions, and the price of the library's loop.

Three networks on random rows, batch 256. Each round trains one epoch with each
contender in turn, so that a slow spell of the machine meets all of them; a ratio is the
median over rounds of the ratio within a round. The tight loops train the very modules
that the library builds, without the linear path; in "channels first" rows are copied
into torch's usual memory format before the first convolution.

    python benchmarks/conv_speed.py
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from common import RESULTS, save, tight_loop, time_in_turn
from torch import nn

from sklearn_ae import ConvArchitecture, ConvAutoencoderTransformer
from sklearn_ae.nn.maps import ToMaps
from sklearn_ae.training.batches import Rows
from sklearn_ae.training.device import resolve_device
from sklearn_ae.training.net import TrainingPlan

NETWORKS = {
    "28 x 28 x 1, 16-32 maps, defaults": (7680, (28, 28, 1), {}),
    "32 x 32 x 3, 16-32 maps, defaults": (5120, (32, 32, 3), {}),
    "32 x 32 x 3, 32-64-128 maps": (
        2560,
        (32, 32, 3),
        {"channels": (32, 64, 128), "upsampling": "nearest"},
    ),
}
N_COMPONENTS, BATCH = 32, 256
FORMATS = ("channels first", "channels last")
PRECISIONS = ("float32", "bfloat16")


class ChannelsFirst(nn.Module):
    """Copy maps into torch's usual memory format."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the same values."""
        return maps.clone(memory_format=torch.contiguous_format)


def networks(shape: tuple[int, ...], params: dict, memory_format: str) -> nn.Module:
    """Return encoder and decoder as the library builds them, in a memory format."""
    architecture = ConvArchitecture(shape, **params)
    parts = nn.Sequential(*architecture.build(int(np.prod(shape)), N_COMPONENTS))
    if memory_format == "channels last":
        return parts
    flat = []
    for part in parts:
        for layer in part:
            flat.append(layer)
            if isinstance(layer, ToMaps):
                flat.append(ChannelsFirst())
    return nn.Sequential(*flat)


def ours(
    X: np.ndarray, shape: tuple[int, ...], params: dict, precision: str
) -> Callable[[], None]:
    """Return a function that trains an epoch with the library's engine."""
    model = ConvAutoencoderTransformer(
        N_COMPONENTS,
        image_shape=shape,
        batch_size=BATCH,
        precision=precision,
        init="random",
        learning_rate=1e-3,
        random_state=0,
        **params,
    ).partial_fit(X)
    rows = Rows(X, model.mean_, model.scale_, torch.device(model.device_))
    plan = TrainingPlan(n_epochs=1)
    return lambda: model.net_.run(rows, None, plan)


def measure(
    n_rows: int,
    shape: tuple[int, ...],
    params: dict,
    rounds: int,
    device: torch.device,
) -> pd.DataFrame:
    """Return seconds per 1,000 rows, one row per round, one column per contender."""
    X = np.random.RandomState(0).uniform(size=(n_rows, int(np.prod(shape))))
    X = X.astype(np.float32)
    epochs = {
        f"tight loop, {memory}, {precision}": tight_loop(
            networks(shape, params, memory), X, BATCH, precision == "bfloat16", device
        )
        for memory in FORMATS
        for precision in PRECISIONS
    }
    for precision in (*PRECISIONS, "auto"):
        epochs[f"ours, {precision}"] = ours(X, shape, params, precision)
    return time_in_turn(epochs, rounds) / n_rows * 1000


def main() -> None:
    """Run the benchmark and write JSON and table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    device = resolve_device("auto")
    results, tables = {}, []
    for name, (n_rows, shape, params) in NETWORKS.items():
        seconds = measure(n_rows, shape, params, rounds, device)
        ratios = {
            f"ours / tight loop, {precision}": float(
                (
                    seconds[f"ours, {precision}"]
                    / seconds[f"tight loop, channels last, {precision}"]
                ).median()
            )
            for precision in PRECISIONS
        }
        medians = seconds.median()
        results[name] = {"seconds_per_1000_rows": medians.to_dict(), "ratios": ratios}
        column = medians.rename("seconds per 1,000 rows").to_frame()
        tables.append(f"**{name}**\n\n{column.to_markdown(floatfmt='.4f')}\n")
        ratio_table = pd.Series(ratios, name="ratio").to_frame()
        tables.append(f"{ratio_table.to_markdown(floatfmt='.3f')}\n")
        print("\n".join(tables[-2:]), flush=True)
    stem = "conv_speed" if device.type == "cpu" else f"conv_speed_{device.type}"
    (RESULTS / f"{stem}.txt").write_text("\n".join(tables))
    save(stem, "python benchmarks/conv_speed.py", {"device": str(device), **results})


if __name__ == "__main__":
    main()
