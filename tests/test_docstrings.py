"""Every public name is documented in full."""

import inspect
import re
import warnings

import pytest

import sklearn_ae
from sklearn_ae import datasets, displays
from sklearn_ae.base import BaseAutoencoder

PUBLIC = [
    *(getattr(sklearn_ae, name) for name in sklearn_ae.__all__),
    *(getattr(displays, name) for name in displays.__all__),
    datasets.load,
    datasets.Table,
]
CLASSES = [thing for thing in PUBLIC if inspect.isclass(thing)]
ESTIMATORS = [cls for cls in CLASSES if hasattr(cls, "fit")]
AUTOENCODERS = [cls for cls in ESTIMATORS if issubclass(cls, BaseAutoencoder)]
PREDICTORS = [cls for cls in ESTIMATORS if cls not in AUTOENCODERS]


def documented(section, doc):
    """Return the names that a numpydoc section lists."""
    match = re.search(
        rf"^ *{section}\n *-+\n(.*?)(\n\s*\w[\w ]*\n\s*---|\Z)", doc, re.S | re.M
    )
    if match is None:
        return set()
    lines = inspect.cleandoc("x\n" + match.group(1)).splitlines()[1:]
    margin = min((len(li) - len(li.lstrip()) for li in lines if li.strip()), default=0)
    heads = [li for li in lines if li.strip() and len(li) - len(li.lstrip()) == margin]
    return {
        name.strip(" *")
        for head in heads
        for name in head.split(" : ")[0].split(",")
        if " : " in head
    }


def entries(section, doc):
    """Return the text of each entry of a numpydoc section by the entry's name."""
    match = re.search(
        rf"^ *{section}\n *-+\n(.*?)(\n\s*\w[\w ]*\n\s*---|\Z)", doc, re.S | re.M
    )
    found = re.findall(r"^(\w+) : (.*?)(?=^\w|\Z)", match.group(1), re.S | re.M)
    return {name: " ".join(text.split()) for name, text in found}


# What these are differs from one estimator to another.
OWN_WORDS = {"n_components", "architecture", "hidden_layer_sizes", "activation"}
OWN_WORDS |= {"init", "loss_curve_", "beats_pca_"}
OWN_WORDS |= {"reconstruction_error_", "pca_reconstruction_error_"}
OWN_WORDS |= {
    "pca_loss_",
    "nested",
    "consistency_weight",
}  # for a reference, and for the task


@pytest.mark.parametrize(
    ("cls", "first"),
    [(cls, family[0]) for family in (AUTOENCODERS, PREDICTORS) for cls in family[1:]],
)
@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
def test_shared_parameters_are_documented_alike(cls, first, section):
    reference = entries(section, inspect.getdoc(first))
    for name, text in entries(section, inspect.getdoc(cls)).items():
        if name in reference and name not in OWN_WORDS:
            assert text == reference[name], name


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda t: t.__name__)
def test_public_names_have_docstrings(thing):
    assert len(inspect.getdoc(thing).splitlines()[0]) > 20


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda t: t.__name__)
def test_every_parameter_is_documented(thing):
    if issubclass(thing, Exception) if inspect.isclass(thing) else False:
        return
    made_by_functions = (sklearn_ae.Comparison, sklearn_ae.CodeSizeCurve)
    if thing in (*made_by_functions, sklearn_ae.Architecture):
        return
    expected = set(inspect.signature(thing).parameters)
    assert documented("Parameters", inspect.getdoc(thing)) == expected


@pytest.mark.parametrize("cls", CLASSES, ids=lambda t: t.__name__)
def test_every_public_method_documents_its_parameters(cls):
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        if name.startswith("_") or not method.__module__.startswith("sklearn_ae"):
            continue
        doc = inspect.getdoc(method)
        assert doc, f"{cls.__name__}.{name}"
        expected = set(inspect.signature(method).parameters) - {"self"}
        listed = documented("Parameters", doc)
        assert not listed or listed == expected, f"{cls.__name__}.{name}"


@pytest.mark.parametrize("cls", ESTIMATORS, ids=lambda t: t.__name__)
def test_learned_attributes_are_documented(cls, curve):
    model = cls(max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(curve[:50], curve[:50, 0] > 0)
    learned = {name for name in vars(model) if name.endswith("_") and name[0] != "_"}
    assert learned - documented("Attributes", inspect.getdoc(cls)) == set()


# Names of returned values are given as scikit-learn gives them, with their types.
NOT_OURS = {"RT02"}
# As in scikit-learn, methods need no page of their own.
OF_NAMES_ONLY = {"EX01", "SA01", "ES01"}


def validated():
    """Yield the public names, and the public members that classes define."""
    for thing in PUBLIC:
        name = f"{thing.__module__}.{thing.__qualname__}"
        yield name
        for member, value in vars(thing).items() if inspect.isclass(thing) else ():
            inherited = any(hasattr(base, member) for base in thing.__bases__)
            is_method = inspect.isroutine(value) or isinstance(value, property)
            if is_method and not member.startswith("_") and not inherited:
                yield f"{name}.{member}"
    for base in (BaseAutoencoder, *BaseAutoencoder.__mro__):
        for member, value in vars(base).items():
            if base.__module__.startswith("sklearn_ae") and inspect.isfunction(value):
                if not member.startswith("_"):
                    yield f"{base.__module__}.{base.__qualname__}.{member}"


@pytest.mark.parametrize("name", sorted(set(validated())))
def test_numpydoc_finds_nothing_to_say(name):
    validate = pytest.importorskip("numpydoc.validate").validate
    is_method = name.rsplit(".", 2)[1][0].isupper()
    ignored = NOT_OURS | (OF_NAMES_ONLY if is_method else set())
    assert not [error for error in validate(name)["errors"] if error[0] not in ignored]
