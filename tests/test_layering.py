"""Imports run one way, and each outside library has one room."""

import ast
import inspect
import sys
import warnings
from collections import Counter
from pathlib import Path

import pytest
from sklearn.datasets import load_digits

import sklearn_ae
from sklearn_ae.base import BaseAutoencoder
from sklearn_ae.fitting import fit_report

PACKAGE = Path(sklearn_ae.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# A file may import from its own layer's parts only what LAYERS allows: lower layers.
LAYERS = [
    {"_version", "exceptions"},
    {"_validation"},
    {"nn"},
    {"training"},
    {"fitting"},
    {"_estimator"},
    {"base", "_nested"},
    {"_autoencoder", "_conv", "_denoising", "_sparse", "_variational"},
    {"_labels", "_prediction", "displays", "datasets"},
    {"_pretrained_classifier", "_pretrained_regressor", "comparison"},
    {"persistence"},
    {"_onnx"},
    {"__init__", "__main__"},
]

ROOMS = {
    "skorch": {"training"},
    "torch": {
        *("nn", "training", "fitting", "base", "_sparse", "_variational"),
        *("persistence", "_onnx"),
    },
    "safetensors": {"persistence"},
    "matplotlib": {"displays"},
    "rich": {"__main__"},
    "onnx": {"_onnx"},
    "skl2onnx": {"_onnx"},
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


# ------------------------------------------------- what a reader of a class has to know

CLASSES = [
    cls
    for cls in map(sklearn_ae.__dict__.get, sklearn_ae.__all__)
    if isinstance(cls, type) and hasattr(cls, "fit")
]
AUTOENCODERS = [cls for cls in CLASSES if issubclass(cls, BaseAutoencoder)]

# Private attributes that are scikit-learn's.
_OF_SKLEARN = ("_sklearn_output_config", "_metadata_request", "_callback_ctx")


def own_classes(cls):
    """Return the library's classes, but for what stands for one of scikit-learn's."""
    own = [c for c in cls.__mro__ if c.__module__.split(".")[0] == "sklearn_ae"]
    return [c for c in own if c is not fit_report.CallbackSupportMixin]


def methods(cls):
    """Return the modules that define each method and property of a class."""
    found = {}
    for own in own_classes(cls):
        for name, value in vars(own).items():
            is_kind = isinstance(value, property | classmethod | staticmethod)
            is_special = name.startswith("__") and name.endswith("__")
            if (callable(value) or is_kind) and not is_special:
                found.setdefault(name, set()).add(own.__module__)
    return found


@pytest.mark.parametrize("cls", CLASSES)
def test_inheritance_is_for_one_base_and_not_for_cutting_files(cls):
    assert len(own_classes(cls)) <= 3
    assert len(methods(cls)) <= 40
    assert sum(len(modules) > 1 for modules in methods(cls).values()) <= 6


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:200], y[:200]


@pytest.mark.parametrize("cls", CLASSES)
def test_a_fit_leaves_at_most_two_private_attributes(cls, digits):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = cls(max_iter=1, random_state=0).fit(*digits)
    private = [name for name in vars(model) if name.startswith("_")]
    assert len(set(private) - set(_OF_SKLEARN)) <= 2
    assert "_model" in private


@pytest.mark.parametrize("cls", AUTOENCODERS)
def test_a_recipe_is_short_and_stands_for_itself(cls):
    source = inspect.getsource(cls._recipe)
    assert len(source.splitlines()) <= 25
    assert "super()" not in source


@pytest.mark.parametrize(
    "model",
    [
        *(cls(max_iter=3, random_state=0) for cls in CLASSES),
        sklearn_ae.DenoisingAE(6, nested=True, max_iter=3, random_state=0),
    ],
    ids=str,
)
def test_a_fit_hardly_jumps_between_files_of_one_self(model, digits):
    """Count changes of file between consecutive methods of one object."""
    last, jumps = {}, Counter()

    def trace(frame, event, argument):
        file = frame.f_code.co_filename
        owner = frame.f_locals.get("self")
        if event != "call" or owner is None or not file.startswith(str(PACKAGE)):
            return
        _, before = last.get(id(owner), (owner, file))
        jumps[id(owner)] += before != file
        last[id(owner)] = owner, file  # which keeps it, so that no id comes again

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sys.setprofile(trace)
        try:
            model.fit(*digits)
        finally:
            sys.setprofile(None)
    assert jumps[id(model)] <= 8
    assert max(jumps.values()) <= 20


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_stay_readable(path):
    text = path.read_text()
    longest = 0
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            has_docstring = ast.get_docstring(node) is not None
            body = node.body[has_docstring:] or node.body
            longest = max(longest, body[-1].end_lineno - body[0].lineno + 1)
    assert longest <= 60
