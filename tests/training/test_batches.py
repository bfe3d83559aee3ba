import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sklearn_ae.training.batches import Rows

CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_batches_hold_every_row_once_scaled(kind):
    X = np.arange(60.0).reshape(20, 3)
    shift, scale = X.mean(0), np.array([1.0, 2.0, 4.0])
    index = np.arange(3, 20)
    rows = Rows(kind(X), shift, scale, CPU, index)
    batches = list(rows.shuffled_batches(5, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == [5, 4, 4, 4]
    found = torch.cat(batches)
    assert found.dtype == torch.float32
    expected = (X[index] - shift) / scale
    np.testing.assert_allclose(found[found[:, 0].argsort()], expected)
    np.testing.assert_allclose(torch.cat(list(rows.blocks(size=4))), expected)
    np.testing.assert_allclose(rows[2][0], expected[2])
    assert len(rows.sample(4, seed=0)) == 4


def test_rows_leave_read_only_input_alone():
    X = np.arange(6.0).reshape(3, 2)
    X.flags.writeable = False
    rows = Rows(X, np.ones(2), np.ones(2), CPU)
    assert rows.take(torch.tensor([0]))[0, 0] == -1
    assert X[0, 0] == 0
