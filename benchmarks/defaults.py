"""Why the defaults are what they are: one parameter changed at a time.

The cells of ``pca_floor.py`` (15 tabular sets, two code sizes) with one split each:
geometric mean of test error over PCA's, worst cell, and seconds on one core.

    SKLEARN_AE_DATA=... python benchmarks/defaults.py
"""

from __future__ import annotations

from functools import partial

from common import RESULTS, save
from pca_floor import run, summary

from sklearn_ae import AutoencoderTransformer

VARIANTS = {
    "the defaults": {},
    "learning_rate=2e-3": {"learning_rate": 2e-3},
    "learning_rate=8e-3": {"learning_rate": 8e-3},
    "hidden_layer_sizes=(128,)": {"hidden_layer_sizes": (128,)},
    "hidden_layer_sizes=(512, 256)": {"hidden_layer_sizes": (512, 256)},
    'activation="relu"': {"activation": "relu"},
    'activation="tanh"': {"activation": "tanh"},
    "weight_decay=0.1": {"weight_decay": 0.1},
    'schedule="constant"': {"schedule": "constant", "learning_rate": 1e-3},
}


def make(params: dict, n_components: int, seed: int) -> AutoencoderTransformer:
    """Return the estimator with some parameters changed."""
    return AutoencoderTransformer(n_components, random_state=seed, **params)


def main() -> None:
    """Run the study and write JSON and table."""
    frame = run(1, {name: partial(make, params) for name, params in VARIANTS.items()})
    total = summary(frame).drop(columns="share above 1.005")
    text = total.to_markdown(index=False, floatfmt=".3f") + "\n"
    print(text)
    (RESULTS / "defaults.txt").write_text(text)
    results = {"summary": total.to_dict("records"), "cells": frame.to_dict("records")}
    save("defaults", "python benchmarks/defaults.py", results)


if __name__ == "__main__":
    main()
