import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from sklearn_ae.training.batches import Rows
from sklearn_ae.training.labels import LabelledRows, distance_to_neighbour

CPU = torch.device("cpu")


def make_rows(n_rows=50, index=None):
    X = np.random.RandomState(0).standard_normal((n_rows, 3))
    return Rows(X, np.zeros(3), np.ones(3), CPU, index)


def test_an_epoch_is_a_pass_over_the_labelled_rows():
    rows = LabelledRows(make_rows(), torch.arange(50), torch.ones(50))
    assert len(rows) == 50
    batches = list(rows.shuffled_batches(8, torch.Generator().manual_seed(0)))
    assert sorted(torch.cat([b.targets for b in batches]).tolist()) == list(range(50))
    for batch in batches:
        torch.testing.assert_close(batch.rows, make_rows().take(batch.targets))
        assert batch.others is None


def test_with_all_rows_labelled_ones_come_again_and_again():
    few = make_rows(index=np.arange(4))
    rows = LabelledRows(few, torch.arange(4), torch.ones(4), make_rows())
    assert len(rows) == 50
    batches = list(rows.shuffled_batches(10, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == [10] * 5
    assert [len(batch.rows) for batch in batches] == [4] * 5
    counts = torch.cat([batch.targets for batch in batches]).bincount()
    assert counts.tolist() == [5] * 4
    together = torch.cat([batch.others for batch in batches])
    assert len(torch.unique(together, dim=0)) == 50


def test_labelled_rows_are_at_most_half_a_batch():
    rows = LabelledRows(make_rows(), torch.arange(50), torch.ones(50), make_rows())
    batches = rows.shuffled_batches(10, torch.Generator().manual_seed(0))
    assert {len(batch.rows) for batch in batches} == {5}


def test_blocks_hold_the_labelled_rows_in_order():
    few = make_rows(index=np.arange(4))
    rows = LabelledRows(few, torch.arange(4), torch.ones(4), make_rows())
    (block,) = rows.blocks()
    assert block.targets.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("rank", [1, 10])
def test_distance_to_a_neighbour(rank):
    rows = make_rows(200)
    X = rows.to_numpy(np.float64)
    distances, _ = NearestNeighbors(n_neighbors=rank + 1).fit(X).kneighbors(X)
    expected = np.median(distances[:, rank])
    # torch's median is the lower of two middle values.
    assert distance_to_neighbour(rows, rank, 0) == pytest.approx(expected, rel=0.02)


def test_the_farthest_row_stands_in_for_neighbours_that_are_not_there():
    assert distance_to_neighbour(make_rows(3), 10, 0) > 0
