import io
import tarfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sklearn_ae import datasets
from sklearn_ae.datasets import TABULAR, load


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SKLEARN_AE_DATA", str(tmp_path))
    return tmp_path


def test_digits_are_bundled(monkeypatch):
    monkeypatch.delenv("SKLEARN_AE_DATA", raising=False)
    table = load("digits")
    assert table.X.shape == (1797, 64)
    assert table.X.dtype == np.float32
    assert (table.X.min(), table.X.max()) == (0, 1)
    assert table.image_shape == (8, 8)


def test_local_mnist(folder):
    images = np.arange(3 * 784, dtype=np.uint8).reshape(3, 28, 28)
    parts = {"X_train": images[:2], "y_train": [1, 2], "X_test": images[2:]}
    np.savez(folder / "mnist.npz", y_test=[3], **parts)
    table = load("mnist")
    np.testing.assert_allclose(table.X[2] * 255, images[2].ravel(), rtol=1e-6)
    assert table.y.tolist() == [1, 2, 3]


def test_local_cifar10(folder):
    with tarfile.open(folder / "cifar10-jpeg.tar.xz", "w:xz") as archive:
        for name, grey in (("test/cat/0001", 200), ("train/dog/0001", 100)):
            buffer = io.BytesIO()
            Image.new("RGB", (32, 32), (grey, grey, grey)).save(buffer, "JPEG")
            info = tarfile.TarInfo(f"{name}.jpg")
            info.size = len(buffer.getvalue())
            archive.addfile(info, io.BytesIO(buffer.getvalue()))
    table = load("cifar10")
    assert table.image_shape == (32, 32, 3)
    np.testing.assert_allclose(table.X.mean(axis=1) * 255, [100, 200], atol=2)
    assert table.y.tolist() == [1, 0]


def test_local_tabular(folder):
    (folder / "tabular").mkdir()
    np.savez(folder / "tabular" / "wine.npz", X=np.eye(3), y=np.array([0, 0, 1]))
    table = load("wine")
    assert table.X.dtype == np.float64
    assert table.y.tolist() == [0, 0, 1]


@pytest.mark.parametrize("name", ["mnist", "cifar10", *TABULAR])
def test_openml_stands_in_for_local_files(name, monkeypatch):
    monkeypatch.delenv("SKLEARN_AE_DATA", raising=False)
    width = {"mnist": 784, "cifar10": 3072}.get(name, 4)
    fetched = []

    def fetch(openml_name, **options):
        fetched.append(openml_name)
        return np.full((2, width), 255), np.array(["b", "a"])

    monkeypatch.setattr(datasets, "fetch_openml", fetch)
    table = load(name)
    assert table.X.shape == (2, width)
    assert table.y.tolist() == [1, 0]
    assert len(fetched) == 1


def test_without_files_and_network_the_error_says_so(folder, monkeypatch):
    def fail(*args, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(datasets, "fetch_openml", fail)
    with pytest.raises(OSError, match="is not in the folder") as error:
        load("glass")
    assert str(error.value) == (
        f"glass is not in the folder that SKLEARN_AE_DATA names ({str(folder)!r}), and "
        "OpenML could not be reached (no route to host). Set the variable to a folder "
        "that holds the data, or use 'digits', which needs neither."
    )


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_frames(tmp_path, suffix):
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4], "label": ["x", "y"]})
    path = tmp_path / f"file{suffix}"
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    table = load(str(path), "label")
    assert table.name == "file"
    assert table.X.tolist() == [[1, 3], [2, 4]]
    assert table.y.tolist() == ["x", "y"]


def test_npz(tmp_path):
    path = tmp_path / "arrays.npz"
    np.savez(path, X=np.zeros((5, 2, 3)), y=np.arange(5), kind=np.ones(5))
    assert load(str(path)).X.shape == (5, 6)
    assert load(str(path)).y.tolist() == [0, 1, 2, 3, 4]
    assert load(str(path), "kind").y.tolist() == [1] * 5


def test_bad_files(tmp_path):
    with pytest.raises(ValueError, match="data must name an existing file; got"):
        load(str(tmp_path / "none.csv"))
    path = tmp_path / "other.npz"
    np.savez(path, Z=np.zeros(3))
    with pytest.raises(ValueError, match=r"must hold an array 'X'; .* holds \['Z'\]"):
        load(str(path))
