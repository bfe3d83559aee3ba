"""Names of columns, classes and data that would run in a browser, or break a table."""

import io
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    DenoisingAE,
    PretrainedClassifier,
    PretrainedRegressor,
    SparseAE,
    Summary,
    code_size_curve,
    compare,
    datasets,
    displays,
)
from sklearn_ae.__main__ import main

MARK = "<img src=x onerror=alert(1)>\"'&$^_{\\"
SHORT = {"max_iter": 2, "random_state": 0, "hidden_layer_sizes": (8,)}

X, y = load_digits(return_X_y=True)
X, y = X[:150, 20:28], y[:150] % 2
FRAME = pd.DataFrame(
    X,
    columns=[f"{MARK}{i}" for i in range(8)],
    index=[f"{MARK}{i}" for i in range(len(X))],
)
CLASSES = pd.Series(np.array([f"{MARK}a", f"{MARK}b"])[y], name=MARK)


def fit(model, *rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(*rows)


def nested():
    return fit(AutoencoderTransformer(2, nested=True, **SHORT), FRAME)


def classifier():
    ae = DenoisingAE(2, **SHORT)
    model = PretrainedClassifier(
        ae, missing_label=MARK, class_weight={f"{MARK}a": 1.0, f"{MARK}b": 2.0}
    )
    return fit(model.set_params(max_iter=2, random_state=0), FRAME, CLASSES)


def regressor():
    model = PretrainedRegressor(DenoisingAE(2, **SHORT), max_iter=2, random_state=0)
    return fit(model, FRAME, pd.DataFrame({MARK: X[:, 0], "b": X[:, 1]}))


@pytest.fixture(scope="module")
def comparison():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compare(
            FRAME,
            CLASSES,
            estimators={MARK: AutoencoderTransformer(**SHORT)},
            n_components=[2],
            cv=2,
            name=MARK,
            random_state=0,
        )


def is_harmless(html):
    """Return whether text in HTML is escaped wherever it has the mark's tag."""
    return "<img src=x" not in html and "onerror=alert(1)>" not in html


@pytest.mark.parametrize("make", [nested, classifier, regressor])
def test_diagrams_of_estimators_escape_names(make):
    model = make()
    assert is_harmless(model._repr_html_())
    assert is_harmless(make_pipeline(nested(), model)._repr_html_())


def test_tables_escape_names():
    assert is_harmless(nested().summary()._repr_html_())
    table = Summary([(MARK, (1,), 1)])._repr_html_()
    assert is_harmless(table)
    assert "&lt;img" in table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        curve = code_size_curve(nested(), FRAME)
    assert is_harmless(curve._repr_html_())


def test_the_report_escapes_names(comparison, tmp_path):
    comparison.save(tmp_path)
    for html in ((tmp_path / "report.html").read_text(), comparison._repr_html_()):
        assert is_harmless(html)
        assert "&lt;img" in html


DISPLAYS = {
    "code": lambda: displays.CodeDisplay.from_estimator(nested(), FRAME, CLASSES),
    "columns": lambda: displays.ReconstructionDisplay.from_estimator(nested(), FRAME),
    "filters": lambda: displays.FilterDisplay.from_estimator(nested()),
    "sizes": lambda: displays.CodeSizeDisplay.from_estimator(nested(), FRAME),
    "losses": lambda: displays.LossCurveDisplay.from_estimator(nested()),
    "activity": lambda: displays.ActivityDisplay.from_estimator(
        fit(SparseAE(16, **SHORT), FRAME)
    ),
    "corruption": lambda: displays.CorruptionDisplay.from_estimator(
        fit(DenoisingAE(2, **SHORT), FRAME), FRAME
    ),
    "rows drawn": lambda: displays.GenerationDisplay.from_estimator(
        fit(VAE(2, **SHORT), FRAME)
    ),
}


@pytest.mark.parametrize("name", DISPLAYS)
def test_displays_as_svg_escape_names(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        display = DISPLAYS[name]()
    buffer = io.StringIO()
    with plt.rc_context({"svg.fonttype": "none"}):  # text stays text
        display.figure_.savefig(buffer, format="svg")
    plt.close("all")
    assert is_harmless(buffer.getvalue())
    if name in ("code", "columns"):
        assert "&lt;img src=x" in buffer.getvalue()


FORMULA = '=HYPERLINK("http://example.invalid";"x")'


def test_a_table_of_ten_thousand_columns_is_read(tmp_path):
    names = [f"{MARK}{i}" for i in range(10_000)]
    pd.DataFrame(np.eye(3, 10_000), columns=names).to_csv(tmp_path / "wide.csv")
    table = datasets.load(str(tmp_path / "wide.csv"))
    assert table.X.shape == (3, 10_001)


def test_arrays_of_objects_are_not_unpickled(tmp_path):
    X = np.array([[{}, "a"], [1.0, 2.0]], dtype=object)
    np.savez(tmp_path / "rows.npz", X=X)
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        datasets.load(str(tmp_path / "rows.npz"))


@pytest.mark.slow
def test_formulas_in_names_of_columns_are_names(tmp_path):
    frame = FRAME.set_axis([FORMULA, "+1", "-1", "@x", *"efgh"], axis=1)
    frame.assign(y=CLASSES.to_numpy()).to_csv(tmp_path / "=1.csv", index=False)
    words = ["--target", "y", "--folds", "2", "--n-components", "2", "--max-rows", "60"]
    words += ["--out", str(tmp_path / "out"), "--data", str(tmp_path / "=1.csv")]
    assert main(["compare", *words]) == 0
    report = (tmp_path / "out" / "report.html").read_text()
    assert is_harmless(report)
    for line in (tmp_path / "out" / "comparison.csv").read_text().splitlines():
        assert not any(
            cell.lstrip('"')[:1] in "=+@" for cell in line.split(",") if cell
        )
