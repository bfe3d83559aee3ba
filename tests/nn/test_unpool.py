import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from sklearn_ae.nn.unpool import (
    RememberingPool,
    Unpool,
    check_bare_codes,
    needs_positions,
)


@pytest.fixture
def pair():
    pool = RememberingPool(2, ceil_mode=True)
    return pool, Unpool(pool)


def test_maxima_return_to_their_places(pair):
    pool, unpool = pair
    maps = torch.tensor([[1.0, 2, 9], [4, 3, 5], [6, 8, 7]])[None, None]
    pooled = pool(maps)
    assert pooled[0, 0].tolist() == [[4, 9], [8, 7]]
    expected = [[0, 0, 9], [4, 0, 0], [0, 8, 7]]
    assert unpool(pooled)[0, 0].tolist() == expected


def test_other_values_go_where_the_maxima_were(pair):
    pool, unpool = pair
    pool(torch.tensor([[1.0, 2], [4, 3]])[None, None])
    assert unpool(torch.tensor([[[[-7.0]]]]))[0, 0].tolist() == [[0, 0], [-7, 0]]


def test_threads_do_not_see_the_positions_of_each_other(pair):
    pool, unpool = pair
    first = torch.tensor([[9.0, 1], [2, 3]])[None, None]
    second = torch.tensor([[1.0, 2], [3, 9]])[None, None]
    pooled = pool(first)
    with ThreadPoolExecutor(1) as other:
        there = other.submit(pool, second).result()
        assert torch.equal(unpool(pooled), torch.where(first == 9, first, 0))
        restored = other.submit(unpool, there).result()
    assert torch.equal(restored, torch.where(second == 9, second, 0))


def test_nothing_stays_on_the_layers(pair):
    pool, unpool = pair
    before = set(vars(pool)), set(vars(unpool))
    unpool(pool(torch.rand(2, 3, 4, 4)))
    assert (set(vars(pool)), set(vars(unpool))) == before


def test_the_layer_of_the_encoder_is_no_part_of_the_decoder(pair):
    _, unpool = pair
    assert list(unpool.modules()) == [unpool]


def test_copies_of_a_pair_belong_together(pair):
    torch.manual_seed(0)
    pool, unpool = copy.deepcopy(nn.ModuleList(pair))
    maps = torch.rand(2, 3, 4, 4)
    restored = unpool(pool(maps))
    kept = restored != 0
    assert kept.sum() == 2 * 3 * 4
    assert torch.equal(restored[kept], maps[kept])


def test_decoders_that_need_positions_are_known(pair):
    pool, unpool = pair
    assert needs_positions(unpool)
    assert needs_positions(nn.Sequential(nn.Identity(), nn.Sequential(unpool)))
    assert not needs_positions(nn.Sequential(nn.Identity(), pool))


def test_codes_alone_do_for_other_decoders():
    check_bare_codes(nn.Linear(2, 5), "nested codes need", "Take another.")


def test_what_needs_codes_alone_says_so(pair):
    with pytest.raises(ValueError, match="sees codes alone") as error:
        check_bare_codes(nn.Sequential(pair[1]), "nested codes need", "Take another.")
    assert str(error.value) == (
        "nested codes need a decoder that sees codes alone; with upsampling='unpool' "
        "it also needs the positions of the encoder's maxima, which codes do not hold. "
        "Take another."
    )
