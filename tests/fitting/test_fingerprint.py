import copy
import functools
import subprocess
import sys
import threading

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GroupKFold, KFold
from torch import nn

from sklearn_ae import ConvArchitecture, DenoisingAE, DenseArchitecture
from sklearn_ae.fitting.fingerprint import digest

ROWS = np.arange(12.0).reshape(4, 3)


def halve(rows):
    return rows / 2


def scaler(factor, offset=0.0):
    return lambda rows: rows * factor + offset


class Holder:
    def __init__(self, value):
        self.value = value

    def double(self, rows):
        return rows * self.value


ALL_DIFFERENT = [
    *(None, True, False, 1, 2, 1.5, -1.5, "1", "1.5", b"1", ""),
    *((), [], {}, set(), (1, 2), (2, 1), [1, 2], ((1,), 2), ((1, 2),)),
    *({"a": 1}, {"a": 2}, {"b": 1}, {"a": {"b": 1}}, {1, 2}, {1, 3}),
    *(ROWS, ROWS.astype(np.float32), ROWS[::-1], ROWS.T, ROWS.ravel(), ROWS[:3]),
    *(np.array(["a", "b"]), np.array(["a", "c"]), np.array(["a", 1], dtype=object)),
    *(np.zeros((0, 3)), np.zeros((3, 0)), np.array(1.0)),
    *(sp.csr_array(ROWS), sp.csr_array(ROWS[::-1]), sp.csc_array(ROWS)),
    *(torch.float32, torch.float64, torch.device("cpu"), torch.device("cuda:1")),
    *(halve, scaler(2), scaler(3), scaler(2, 1.0), lambda rows: rows, np.sqrt, len),
    *(functools.partial(scaler, 2), functools.partial(scaler, 3)),
    *(Holder(2).double, Holder(3).double, Holder(2), Holder(3), Holder),
    *(KFold(3), KFold(4), GroupKFold(3), np.random.RandomState(0)),
    *(DenseArchitecture((8,)), DenseArchitecture((9,)), ConvArchitecture()),
    *(DenoisingAE(), DenoisingAE(3), DenoisingAE(corruption=halve)),
]


def test_different_values_have_different_digests():
    digests = [digest(value) for value in ALL_DIFFERENT]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("value", ALL_DIFFERENT, ids=lambda v: type(v).__name__)
def test_equal_values_have_equal_digests(value):
    assert digest(copy.deepcopy(value)) == digest(value)


def test_numbers_of_numpy_are_numbers():
    assert digest(np.int64(3)) == digest(3)
    assert digest(np.float64(0.1)) == digest(0.1)
    assert digest(np.bool_(True)) == digest(True)


def test_how_an_array_lies_in_memory_does_not_matter():
    assert digest(np.asfortranarray(ROWS)) == digest(ROWS)
    assert digest(np.repeat(ROWS, 2, axis=0)[::2]) == digest(ROWS)


def test_large_arrays_are_looked_at_to_the_end():
    large = np.zeros((5000, 1001))
    other = large.copy()
    other[-1, -1] = 1
    assert digest(large) != digest(other)


def test_what_watches_a_fit_is_no_part_of_an_estimator():
    watched = DenoisingAE(verbose=1, callbacks=[object()], checkpoint="a")
    assert digest(watched) == digest(DenoisingAE())


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
def test_fitted_estimators_differ_by_what_they_learned():
    rng = np.random.RandomState(0)
    first, again, other = (
        DenoisingAE(2, max_iter=2, random_state=seed).fit(rows)
        for rows in [rng.standard_normal((200, 5))]
        for seed in (0, 0, 1)
    )
    assert digest(first) == digest(again)
    assert digest(first) != digest(DenoisingAE(2, max_iter=2, random_state=0))
    assert digest(FrozenEstimator(first)) != digest(FrozenEstimator(other))


def test_weights_of_modules_count():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.1))
    other = copy.deepcopy(module)
    assert digest(other) == digest(module)
    with torch.no_grad():
        other[0].weight[0, 0] += 1
    assert digest(other) != digest(module)


def test_circles_end():
    circle = Holder(None)
    circle.value = [circle]
    assert digest(circle) == digest(copy.deepcopy(circle))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(TypeError) as error:
        digest({"architecture": threading.Lock()})
    assert str(error.value).startswith(
        "checkpoint needs parameters whose values can be compared in a later program; "
        "got <unlocked _thread.lock object"
    )
    assert str(error.value).endswith(
        "which cannot be pickled. Define it in a module, or set checkpoint=None."
    )


PROGRAM = """
from sklearn_ae import DenseArchitecture
from sklearn_ae.fitting.fingerprint import digest
def scaler(factor):
    return lambda rows: [rows * factor, {1, "a", 2.5}, "text"]
print(digest([scaler(2), {"b": 1, "a": {"x", "y", "z"}}, DenseArchitecture()]))
"""


@pytest.mark.slow
def test_digests_are_the_same_in_each_program():
    command = [sys.executable, "-c", PROGRAM]
    said = {subprocess.check_output(command, text=True) for _ in range(4)}
    assert len(said) == 1
