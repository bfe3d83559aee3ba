import warnings

import numpy as np
import pytest
import torch

from sklearn_ae.nn.arrays import as_tensor


def one_row_of_a_table(dtype):
    table = np.zeros(3, dtype=[("mark", "i1"), ("values", dtype, 4)])
    table["values"] = np.arange(12).reshape(3, 4)
    return table["values"][1:2]


def field_of_one_row(dtype):
    table = np.zeros(5, dtype=[("mark", "i1"), ("value", dtype)])
    table["value"] = np.arange(5)
    return table["value"][:4].reshape(4, 1)


LAYOUTS = {
    "reversed": lambda d: np.arange(12, dtype=d).reshape(3, 4)[::-1],
    "one reversed row": lambda d: np.arange(12, dtype=d).reshape(3, 4)[::-1][:1],
    "reversed columns": lambda d: np.arange(12, dtype=d).reshape(3, 4)[:, ::-1],
    "row of a structured array": one_row_of_a_table,
    "field of a structured array": field_of_one_row,
    "transposed": lambda d: np.arange(12, dtype=d).reshape(3, 4).T,
    "every other": lambda d: np.arange(12, dtype=d).reshape(3, 4)[::2, ::2],
    "broadcast": lambda d: np.broadcast_to(np.arange(4, dtype=d), (3, 4)),
    "empty": lambda d: np.empty((0, 4), dtype=d),
    "scalar": lambda d: np.array(2, dtype=d),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("writeable", [True, False])
def test_every_layout_holds_the_same_values(layout, dtype, writeable):
    array = LAYOUTS[layout](dtype)
    if not writeable:
        array.flags.writeable = False
    np.testing.assert_array_equal(as_tensor(array).numpy(), array)


def test_memory_is_shared_where_torch_knows_the_layout():
    array = np.arange(6.0).reshape(2, 3)
    view = array[:]
    view.flags.writeable = False
    tensor = as_tensor(view)
    array[0, 0] = 9
    assert tensor[0, 0] == 9


def test_memory_outlives_the_array_that_lent_it():
    array = np.full(100_000, 7.0)
    array.flags.writeable = False
    tensor = as_tensor(array)
    del array
    np.full(100_000, 3.0)
    assert torch.equal(tensor, torch.full((100_000,), 7.0, dtype=torch.float64))


def test_memory_maps_give_no_warning(tmp_path):
    np.save(tmp_path / "rows.npy", np.arange(6.0))
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert as_tensor(rows).sum() == 15
