import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sklearn_ae.nn.dense import dense_stack
from sklearn_ae.nn.randomness import (
    RandomSource,
    draw_states,
    drawing_from,
    find_generator,
    may_draw,
    normal_like,
    redirected_draws,
    set_draw_states,
    uniform_like,
)

CPU = torch.device("cpu")
ONES = torch.ones(64)


def lstm():
    return nn.LSTM(3, 4, 2, dropout=0.5)(torch.ones(2, 2, 3))[0]


def attention():
    heads = torch.ones(1, 2, 3, 4)
    return F.scaled_dot_product_attention(heads, heads, heads, dropout_p=0.5)


DRAWS = {
    "rand": lambda: torch.rand(9),
    "randn": lambda: torch.randn(9),
    "rand_like": lambda: torch.rand_like(ONES),
    "randn_like": lambda: torch.randn_like(ONES),
    "randint": lambda: torch.randint(2, 99, (9,)),
    "randint_like": lambda: torch.randint_like(ONES, 99),
    "randperm": lambda: torch.randperm(99),
    "bernoulli": lambda: torch.bernoulli(ONES / 2),
    "poisson": lambda: torch.poisson(ONES * 9),
    "multinomial": lambda: torch.multinomial(ONES, 9),
    "normal": lambda: torch.normal(ONES, ONES),
    "exponential_": lambda: ONES.clone().exponential_(),
    "gamma": lambda: torch.distributions.Gamma(ONES, ONES).sample(),
    "beta": lambda: torch.distributions.Beta(ONES, ONES).sample(),
    "dropout": lambda: F.dropout(ONES),
    "native_dropout": lambda: torch.native_dropout(ONES, 0.5, True)[0],
    "alpha_dropout": lambda: F.alpha_dropout(ONES, 0.5, training=True),
    "dropout1d": lambda: F.dropout1d(ONES[:, None]),
    "rrelu": lambda: F.rrelu(-ONES, training=True),
    "gumbel": lambda: F.gumbel_softmax(ONES),
    "lstm": lstm,
    "attention": attention,
    "linear": lambda: nn.Linear(3, 4).weight,
    "conv": lambda: nn.Conv2d(1, 2, 3).weight,
    "orthogonal": lambda: nn.init.orthogonal_(torch.empty(3, 3)),
    "truncated": lambda: nn.init.trunc_normal_(torch.empty(9)),
}
MODES = {
    "grad": torch.enable_grad,
    "no_grad": torch.no_grad,
    "inference": torch.inference_mode,
}


def draw(seed, function):
    with drawing_from(RandomSource(seed)), redirected_draws():
        return function()


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("mode", MODES)
def test_whatever_torch_draws_comes_from_the_source(name, mode):
    before = torch.get_rng_state()
    with MODES[mode]():
        one, again, other = (draw(seed, DRAWS[name]) for seed in (3, 3, 4))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_source_draws_what_the_global_generator_would_draw():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        wanted = torch.rand(4), torch.randn(20), nn.Linear(3, 4).weight
    with drawing_from(RandomSource(5)), redirected_draws():
        found = torch.rand(4), torch.randn(20), nn.Linear(3, 4).weight
    assert all(map(torch.equal, found, wanted))


def test_layers_ask_for_the_generator_of_their_thread():
    with drawing_from(RandomSource(5)):
        first = uniform_like(ONES), normal_like(ONES)
        with drawing_from(RandomSource(6)):
            assert not torch.equal(uniform_like(ONES), first[0])
        assert find_generator(CPU) is not None
        seen = []
        other = threading.Thread(target=lambda: seen.append(find_generator(CPU)))
        other.start()
        other.join()
        assert seen == [None]
    assert find_generator(CPU) is None
    with drawing_from(RandomSource(5)):
        assert torch.equal(uniform_like(ONES), first[0])
        assert torch.equal(normal_like(ONES), first[1])


def test_numbers_have_the_type_of_what_they_are_like():
    for dtype in (torch.float32, torch.float64):
        assert uniform_like(ONES.to(dtype)).dtype == dtype
        assert normal_like(ONES.to(dtype)).dtype == dtype


def test_without_a_source_torch_draws_as_ever():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        wanted = torch.rand(4)
        torch.manual_seed(5)
        with redirected_draws():
            assert torch.equal(torch.rand(4), wanted)


def test_a_generator_that_was_given_is_used():
    own = torch.Generator().manual_seed(1)
    found = draw(3, lambda: torch.rand(4, generator=own))
    assert torch.equal(found, torch.rand(4, generator=own.manual_seed(1)))


def test_redirections_nest():
    def nested():
        with redirected_draws():
            return F.dropout(ONES)

    with torch.inference_mode():
        assert torch.equal(draw(3, nested), draw(3, lambda: F.dropout(ONES)))


def test_layers_that_may_draw_are_known():
    class Own(nn.Module):
        pass

    assert not may_draw(dense_stack((3, 4, 2), "gelu"), nn.BatchNorm1d(3))
    assert may_draw(nn.Linear(3, 4), nn.Sequential(nn.Dropout()))
    assert may_draw(nn.Sequential(Own()))
    assert may_draw(nn.GRU(3, 4))


def test_meta_tensors_draw_nothing():
    with torch.device("meta"):
        layer = draw(3, lambda: nn.Linear(3, 4))
    assert layer.weight.device.type == "meta"


def test_draws_go_on_from_states_that_were_kept():
    with drawing_from(RandomSource(0)):
        uniform_like(ONES)
        states = draw_states()
        expected = uniform_like(ONES), normal_like(ONES)
    with drawing_from(RandomSource(1)):
        set_draw_states(states)
        found = uniform_like(ONES), normal_like(ONES)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_outside_of_a_call_there_are_no_states():
    set_draw_states(RandomSource(0).states())
    assert draw_states() == {}
