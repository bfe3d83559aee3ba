import io
import os
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.__main__ import main
from sklearn_ae.comparison import comparing


@pytest.fixture
def csv(tmp_path):
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(rng.standard_normal((90, 4)), columns=list("abcd"))
    frame["kind"] = np.where(frame["a"] > 0, "up", "down")
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    return path


def test_compare_on_a_file(csv, tmp_path, capsys):
    csv = csv.rename(tmp_path / "[red]table.csv")
    out = tmp_path / "[red]report[" / "b]"  # a path, and no markup
    words = ["compare", "--data", str(csv), "--target", "kind", "--n-components", "1"]
    assert main([*words, "--folds", "2", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "[red]table: 90 rows, 4 features, mean ± std over folds" in printed
    assert "[red]report[/b]/report.html" in printed.replace("\n", "")
    assert "AutoencoderTransformer" in printed
    assert "accuracy" in printed
    names = {path.name for path in out.iterdir()}
    assert names == {
        "comparison.csv",
        "comparison.png",
        "reconstructions.png",
        "report.html",
    }


def test_fewer_rows(csv, tmp_path, capsys):
    words = ["compare", "--data", str(csv), "--target", "kind", "--n-components", "2"]
    assert main([*words, "--max-rows", "45", "--out", str(tmp_path)]) == 0
    assert "table: 45 rows" in capsys.readouterr().out
    assert (tmp_path / "codes.png").exists()


def test_errors_are_one_line(tmp_path, capsys):
    assert main(["compare", "--data", "cifar", "--out", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("sklearn-ae: data must be 'digits', 'mnist', 'cifar10'")
    assert err.count("\n") == 1


def test_sizes_that_do_not_fit_and_missing_labels_are_told(csv, tmp_path, capsys):
    plain = tmp_path / "plain.csv"
    pd.read_csv(csv).drop(columns="kind").to_csv(plain, index=False)
    words = ["compare", "--data", str(plain), "--n-components", "2", "8"]
    assert main([*words, "--folds", "2", "--out", str(tmp_path)]) == 0
    err = capsys.readouterr().err
    assert "sklearn-ae: no labels: all 4 columns are features (see --target).\n" in err
    assert "sklearn-ae: Code sizes [8] are left out: a code must be smaller than" in err


def test_one_fold(csv, tmp_path, capsys):
    words = ["compare", "--data", str(csv), "--target", "kind", "--folds", "1"]
    assert main([*words, "--out", str(tmp_path)]) == 2
    assert "sklearn-ae: --folds must be at least 2; got 1.\n" in capsys.readouterr().err


def test_missing_values_are_counted_by_column(csv, tmp_path, capsys):
    frame = pd.read_csv(csv)
    frame.loc[[0, 4], "b"] = np.nan
    frame.loc[3, "kind"] = None
    frame.to_csv(csv, index=False)
    words = ["compare", "--data", str(csv), "--target", "kind"]
    assert main([*words, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"sklearn-ae: no value of {csv} may be missing; missing values by column: "
        "{'b': 2, 'kind': 1}. Fill or drop them first.\n"
    )


def test_no_rows(csv, tmp_path, capsys):
    words = ["compare", "--data", str(csv), "--target", "kind", "--max-rows", "0"]
    assert main([*words, "--out", str(tmp_path)]) == 2
    assert "--max-rows must be at least 1; got 0." in capsys.readouterr().err


def test_unknown_target(csv, tmp_path, capsys):
    words = ["compare", "--data", str(csv), "--target", "label"]
    assert main([*words, "--out", str(tmp_path)]) == 2
    assert "target must name a column of" in capsys.readouterr().err


def test_text_columns_are_named(csv, tmp_path, capsys):
    assert main(["compare", "--data", str(csv), "--out", str(tmp_path)]) == 2
    assert "must be numeric; these are not: ['kind']" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.array(3.0)}, "the array 'X' of"),
        ({"X": np.zeros((0, 3))}, "the array 'X' of"),
        ({"X": np.zeros(5, dtype=[("a", float)])}, "the array 'X' of"),
        ({"X": np.array([[None]])}, "must be an NPZ file of arrays without pickled"),
        ({"X": np.ones((5, 3)), "y": np.array(1)}, "must hold a label for each of 5"),
        ({"X": np.ones((5, 3)), "y": np.ones(4)}, "must hold a label for each of 5"),
    ],
    ids=range(6),
)
def test_malformed_arrays_are_told_in_one_line(tmp_path, capsys, arrays, message):
    path = tmp_path / "table.npz"
    np.savez(path, **arrays)
    assert main(["compare", "--data", str(path), "--out", str(tmp_path / "o")]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more"], ids=["no", "cut"])
def test_files_that_are_no_archives(tmp_path, capsys, content):
    path = tmp_path / "table.npz"
    path.write_bytes(content)
    assert main(["compare", "--data", str(path), "--out", str(tmp_path / "o")]) == 2
    assert "must be an NPZ file of arrays" in capsys.readouterr().err


def npz_with_header(header):
    """Return an NPZ file with an array X of a header of one's own."""
    header = header.encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        length = struct.pack("<H", len(header))
        archive.writestr("X.npy", b"\x93NUMPY\x01\x00" + length + header)
    return file.getvalue()


def damaged_npz():
    file = io.BytesIO()
    np.savez_compressed(file, X=np.random.RandomState(0).standard_normal((50, 5)))
    data = bytearray(file.getvalue())
    data[300:700] = bytes(400)
    return bytes(data)


SHAPE = "{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, 2), }}\n"

HOSTILE = {
    "table.csv": {
        "a long field": b'a,b\n"' + b"x" * 200_000 + b'",1\n',
        "a long name": b"x" * 200_000 + b",b\n1,2\n",
        "no text": b"\xff\xfe\x00\x01" * 30,
        "nothing": b"",
        "an open quote": b'a,b\n"1,2\n3,4\n',
        "ragged rows": b"a,b\n1,2\n1,2,3\n",
    },
    "table.parquet": {"nothing": b"", "something else": b"PAR1" + b"0" * 99 + b"PAR1"},
    "table.npz": {
        "more memory than there is": npz_with_header(SHAPE.format(10**14)),
        "more than a number holds": npz_with_header(SHAPE.format("9" * 40)),
        "nested brackets": npz_with_header("[" * 9000),
        "damage": damaged_npz(),
    },
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name, kinds in HOSTILE.items() for kind in kinds],
)
def test_files_of_anything_are_refused_in_one_line(name, kind, tmp_path, capsys):
    path = tmp_path / name
    path.write_bytes(HOSTILE[name][kind])
    assert main(["compare", "--data", str(path), "--out", str(tmp_path / "o")]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"sklearn-ae: {path} must be a")
    assert err.endswith("It may be damaged or something else: write it anew.\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize("cell", ["", "a", "1"])
def test_errors_about_thousands_of_columns_name_a_few(cell, tmp_path, capsys):
    path = tmp_path / "wide.csv"
    lines = [",".join(f"c{i}" for i in range(10_000))]
    lines += [",".join([cell] * 10_000)] * 3
    path.write_text("\n".join(lines))
    words = ["compare", "--data", str(path), "--out", str(tmp_path / "o")]
    assert main(words if cell != "1" else [*words, "--target", "kind"]) == 2
    err = capsys.readouterr().err
    assert "'c0'" in err
    assert len(err) < 500


def test_rows_longer_than_the_header(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "1,2,3\n" * 9)
    assert main(["compare", "--data", str(path), "--out", str(tmp_path / "o")]) == 2
    assert "must have as many fields as its header, 2; got 3" in capsys.readouterr().err


def test_the_folder_is_made_before_training(csv, tmp_path, capsys):
    taken = tmp_path / "taken"
    taken.write_text("")
    words = ["compare", "--data", str(csv), "--target", "kind", "--out", str(taken)]
    assert main(words) == 2
    err = capsys.readouterr().err
    assert "taken" in err
    assert err.count("\n") == 1


class Interrupted(AutoencoderTransformer):
    """Ctrl-C comes during a fit."""

    n_fits, last = 0, 3

    def fit(self, X, y=None):
        cls = type(self)
        cls.n_fits += 1
        if cls.n_fits > cls.last:
            raise KeyboardInterrupt
        return super().fit(X)


@pytest.mark.parametrize(
    ("last", "n_rows"), [(0, None), (1, 2), (3, 6), (4, 8), (5, 10), (99, 12)]
)
def test_ctrl_c_keeps_the_finished_fits(
    csv, tmp_path, capsys, monkeypatch, last, n_rows
):
    """Six fits of PCA and as many of the other: three sizes in each of two folds."""
    monkeypatch.setattr(Interrupted, "n_fits", 0)
    monkeypatch.setattr(Interrupted, "last", last)
    models = [Interrupted(max_iter=1, random_state=0)]
    monkeypatch.setattr(comparing, "_library_estimators", lambda shape: models)
    words = ["compare", "--data", str(csv), "--target", "kind", "--folds", "2"]
    words += ["--n-components", "1", "2", "3", "--out", str(tmp_path / "out")]
    assert main(words) == (0 if last == 99 else 130)
    table = tmp_path / "out" / "comparison.csv"
    if n_rows is None:
        assert not table.exists()
        err = capsys.readouterr().err
        assert "interrupted before there was anything to compare.\n" in err
        return
    frame = pd.read_csv(table)
    assert len(frame) == n_rows
    assert not frame.isna().any(axis=None)
    assert (tmp_path / "out" / "report.html").exists()
    told = "sklearn-ae: interrupted; the report holds the fits that were done.\n"
    assert (told in capsys.readouterr().err) == (last < 99)


def test_ctrl_c_among_the_estimators_of_the_first_fold(csv, tmp_path, monkeypatch):
    monkeypatch.setattr(Interrupted, "n_fits", 0)
    monkeypatch.setattr(Interrupted, "last", 1)
    second = type("Second", (Interrupted,), {"last": 0})
    models = [Interrupted(max_iter=1, random_state=0), second(max_iter=1)]
    monkeypatch.setattr(comparing, "_library_estimators", lambda shape: models)
    words = ["compare", "--data", str(csv), "--target", "kind", "--folds", "2"]
    assert main([*words, "--n-components", "2", "--out", str(tmp_path)]) == 130
    frame = pd.read_csv(tmp_path / "comparison.csv")
    assert frame["estimator"].to_list() == ["PCA", "Interrupted"]


def test_a_terminal_without_some_characters(csv, tmp_path):
    words = ["compare", "--data", str(csv), "--target", "kind", "--folds", "2"]
    words += ["--n-components", "1", "--out", str(tmp_path), "--max-rows", "20"]
    done = subprocess.run(
        [sys.executable, "-m", "sklearn_ae", *words],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0, done.stderr
    assert b"mean ? std over folds" in done.stdout


def test_dollars_in_names_and_labels_are_no_formulas(csv, tmp_path):
    frame = pd.read_csv(csv).rename(columns={"a": "$a_{$"})
    frame["kind"] = np.where(frame["b"] > 0, r"$\frac$", "$5")
    path = tmp_path / r"cost $\badly$.csv"
    frame.to_csv(path, index=False)
    words = ["compare", "--data", str(path), "--target", "kind", "--folds", "2"]
    out = tmp_path / "out"
    assert main([*words, "--n-components", "2", "--out", str(out)]) == 0
    assert {"codes.png", "comparison.png", "reconstructions.png"} <= {
        entry.name for entry in out.iterdir()
    }
