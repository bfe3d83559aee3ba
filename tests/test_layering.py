"""Imports run one way, and each outside library has one room."""

import ast
from pathlib import Path

import pytest

import sklearn_ae

PACKAGE = Path(sklearn_ae.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# A file may import from its own layer's parts only what LAYERS allows: lower layers.
LAYERS = [
    {"_version", "exceptions", "_validation"},
    {"nn"},
    {"training"},
    {"fitting"},
    {"_estimator"},
    {"base", "_nested"},
    {"_autoencoder", "_conv", "_denoising", "_sparse", "_variational"},
    {"_prediction", "displays", "datasets"},
    {"_pretrained_classifier", "_pretrained_regressor", "comparison"},
    {"__init__", "__main__"},
]

ROOMS = {
    "skorch": {"training"},
    "torch": {"nn", "training", "fitting", "base", "_sparse", "_variational"},
    "matplotlib": {"displays"},
    "rich": {"__main__"},
    "PIL": {"datasets"},
}


def part_of(path):
    """Return the name of the file or folder that a file belongs to."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def layer_of(part):
    return next(level for level, parts in enumerate(LAYERS) if part in parts)


def imports(path):
    """Yield absolute dotted names of what a file imports, with the node."""
    package = ["sklearn_ae", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield ".".join([*base, node.module] if node.module else base)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_downwards(path):
    part = part_of(path)
    for name in imports(path):
        if not name.startswith("sklearn_ae."):
            continue
        other = name.split(".")[1]
        assert other == part or layer_of(other) < layer_of(part), name


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_each_library_has_its_room(path):
    for name in imports(path):
        library = name.split(".")[0]
        assert part_of(path) in ROOMS.get(library, {part_of(path)}), name


@pytest.mark.parametrize("path", sorted((PACKAGE / "nn").glob("*.py")))
def test_nn_knows_neither_scikit_learn_nor_skorch(path):
    assert not {name.split(".")[0] for name in imports(path)} & {"sklearn", "skorch"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_private_names_of_scikit_learn_have_one_door(path):
    tree = ast.parse(path.read_text())
    private = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and not node.level
        for alias in node.names
        if node.module.startswith("sklearn.")
        and any(p.startswith("_") for p in (*node.module.split("."), alias.name))
    ]
    assert not private or part_of(path) == "_validation", private
