"""What the README claims: its code runs, and its figures are the committed ones."""

import importlib.util
import json
import re
import warnings
from pathlib import Path

import pandas as pd
import pytest
from sklearn.base import BaseEstimator

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """The README's code as a notebook that has run, with what one looks at added."""
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    blocks = [part for block in blocks for part in cells(block)]
    blocks += ["ae", "ae.summary()"]
    blocks.append(
        "compare(X[:400], y[:400], [AutoencoderTransformer(max_iter=5)], [4])"
    )
    blocks[-1] = "from sklearn_ae import compare\n" + blocks[-1]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(block) for block in blocks]
    )
    folder = tmp_path_factory.mktemp("notebook")
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        # Of the client's own libraries.
        warnings.simplefilter("ignore")
        # The other cores are those of the tests beside.
        patch.setenv("OMP_NUM_THREADS", "1")
        return client.NotebookClient(
            notebook, timeout=300, resources={"metadata": {"path": str(folder)}}
        ).execute()


def cells(block):
    """Split a block so that each picture is the last thing of a cell."""
    return [
        part for part in re.split(r"(?<=\))\n(?=\w+Display)", block) if part.strip()
    ]


def outputs(notebook, kind):
    """Return the outputs of a kind: of streams the text, of others their data."""
    found = []
    for cell in notebook.cells:
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == kind:
                found.append(output.text)
            elif kind in output.get("data", {}):
                found.append(output.data[kind])
    return found


def test_code_runs(notebook):
    lines = "".join(outputs(notebook, "stdout")).splitlines()
    assert lines[0].startswith("PCA 0.")
    assert lines[1].startswith("AutoencoderTransformer 0.")
    assert "against PCA's" in lines[2]
    assert "reduce__n_components" in lines[3]
    assert float(lines[4]) > 0.8
    assert lines[5:8] == ["(3, 8, 8)", "True", "(3, 64)"]
    assert float(lines[8]) > 0.85
    shares = [float(share) for share in lines[9].strip("[]").split()]
    assert shares == sorted(shares)
    assert lines[10:] == ["(450, 4)"]


def test_a_notebook_shows_bar_pictures_and_tables(notebook):
    widgets = outputs(notebook, "application/vnd.jupyter.widget-view+json")
    assert len(widgets) == 1  # one bar, for the one fit that asks for it
    assert len(outputs(notebook, "image/png")) == 3
    html = "".join(outputs(notebook, "text/html"))
    assert "sk-estimator-doc-link" in html
    if hasattr(BaseEstimator, "_get_fitted_attr_html"):  # scikit-learn 1.9
        assert "reconstruction_error_" in html
    assert "Total parameters" in html
    assert "With 4 components" in html


def test_table_is_that_of_the_committed_comparison():
    frame = pd.read_csv(RESULTS / "digits" / "comparison.csv")
    mean = frame.groupby(["n_components", "estimator"], sort=False).mean()
    expected = [
        f"| {size} | {name} | {row.error:.4f} | {row.relative_error:.2f} "
        f"| {row.variance:.3f} | {row.score:.3f} |"
        for (size, name), row in mean.iterrows()
    ]
    assert [line for line in README.splitlines() if line in expected] == expected


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_two_commands_are_targets(target):
    assert f"make {target}" in README
    assert f"\n{target}:" in (ROOT / "Makefile").read_text()


def test_figures_in_the_text_are_those_of_the_committed_results():
    floor = json.loads((RESULTS / "pca_floor.json").read_text())
    ours = floor["summary"][0]
    text = " ".join(README.split())
    assert f"{len(floor['cells'])} cells" in text
    assert f"{ours['geometric mean']:.2f} times PCA's error" in text
    assert f"never more than {ours['worst']:.3f} times" in text
    mild = floor["summary"][1]
    assert f"with `contrast=0.3` it is {mild['geometric mean']:.2f} times" in text
    mnist = json.loads((RESULTS / "mnist_reconstruction.json").read_text())
    for run in mnist["ours"]:
        assert f"{run['error']:.2f} after {run['max_iter']} epochs" in text
    assert f"PCA {mnist['pca']['error']:.2f}" in text


def test_figures_of_images_are_those_of_the_committed_results():
    text = " ".join(README.split())
    for run in json.loads((RESULTS / "conv_mnist.json").read_text())["runs"]:
        assert f"{run['error']:.2f} after {run['seconds']:.0f} s" in text
    sizes = json.loads((RESULTS / "conv_cifar10.json").read_text())["sizes"]
    for row in sizes.values():
        assert f"{row['conv']['error'] / row['PCA']['error']:.2f}" in text
    accuracies = json.loads((RESULTS / "pipeline_accuracy.json").read_text())["mean"]
    for row in accuracies:
        if row["estimator"] != "AutoencoderTransformer":
            assert f"{row['accuracy']:.3f}" in text


def test_figures_of_the_variants_are_those_of_the_committed_results():
    text = " ".join(README.split())
    runs = json.loads((RESULTS / "denoising.json").read_text())["runs"]
    ratios = [run["ratio"] for run in runs]
    assert f"{min(ratios):.2f} to {max(ratios):.2f} of the error of PCA" in text
    summary = json.loads((RESULTS / "vae_likelihood.json").read_text())["summary"]
    assert f"In {summary['cells']} cells of {summary['sets']} tabular sets" in text
    assert f"at worst {-summary['least gain']:.4f} nats per feature below" in text
    assert f"on {summary['sets better']} sets above it" in text
    mnist = json.loads((RESULTS / "vae_mnist.json").read_text())
    nats = mnist["negative log-likelihood"]
    assert f"{nats:.2f} nats after {mnist['epochs']} epochs" in text
    methods = json.loads((RESULTS / "code_classification.json").read_text())["methods"]
    for row in methods.values():
        assert f"{row['test error [%]']:.2f} %" in text


def test_figures_of_labels_and_sizes_are_those_of_the_committed_results():
    text = " ".join(README.split())
    runs = pd.DataFrame(json.loads((RESULTS / "few_labels.json").read_text())["runs"])
    errors = runs.groupby(["method", "labels"])["error"].mean()
    for method in ("pretrained, consistency", "no pretraining"):
        for n_labels in (100, 1000):
            assert f"{errors[method, n_labels]:.1f} %" in text
    results = json.loads((RESULTS / "few_labels_tabular.json").read_text())
    means = pd.DataFrame(results["runs"]).groupby("method")["balanced_accuracy"].mean()
    expected = "is {pretrained:.3f} with pretraining and {not pretrained:.3f} without"
    assert expected.format(**means) in text
    nested = json.loads((RESULTS / "nested.json").read_text())
    ratios = nested["ratios"]["nested=True"]
    for stage in ("cut", "polished"):
        low, high = min(ratios[stage]), max(ratios[stage])
        assert f"{low:.2f} to {high:.2f}" in text
    seconds = nested["seconds"]
    share = seconds["nested"]["nested=True"] / sum(seconds["dedicated"].values())
    assert f"takes {share:.2f} of the time" in text


def test_figures_of_models_behind_codes_are_those_of_the_committed_results():
    tables = json.loads((RESULTS / "downstream.json").read_text())["tables"]
    gains = {
        row["features"].partition("contrast=")[2]: row["logistic"] for row in tables
    }
    text = " ".join(README.split())
    assert f"by {gains['0.3)']:.1f} points with `contrast=0.3`" in text
    assert f"by {gains['3)']:.1f} with `contrast=3`" in text
    assert f"it is less accurate, by {-gains['0)']:.1f} (" in text


def test_badges_are_true():
    folder = ROOT / "docs" / "badges"
    spec = importlib.util.spec_from_file_location("make_badges", folder / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, svg in module.badges().items():
        assert (folder / name).read_text() == svg
        assert f"docs/badges/{name}" in README


def test_files_that_the_readme_points_to_are_there():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
