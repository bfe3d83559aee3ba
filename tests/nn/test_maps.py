import pytest
import torch
from torch import nn

from sklearn_ae.nn.maps import NORMALIZATIONS, MapChain, ToMaps, ToRow, times


@pytest.mark.parametrize("shape", [(4, 6, 3), (5, 5, 1), (1, 9, 2), (1, 1, 1)], ids=str)
def test_rows_and_maps_are_the_same_values(shape):
    torch.manual_seed(0)
    height, width, channels = shape
    X = torch.randn(3, height * width * channels)
    maps = ToMaps(shape)(X)
    assert maps.shape == (3, channels, height, width)
    assert torch.equal(ToRow()(maps), X)
    assert torch.equal(ToMaps(shape)(ToRow()(maps)), maps)


# ------------------------------------------------------------------------ normalisation


@pytest.mark.parametrize(
    ("maps", "n_groups"), [(1, 1), (3, 1), (6, 1), (8, 2), (14, 2), (16, 4)]
)
def test_groups_hold_at_least_four_maps_where_there_are_as_many(maps, n_groups):
    assert NORMALIZATIONS["group"](maps).num_groups == n_groups


def gradients(layer, maps):
    """Return the gradients of a layer's weight and bias."""
    layer.zero_grad()
    layer(maps).square().sum().backward()
    return layer.weight.grad.clone(), layer.bias.grad.clone()


@pytest.mark.parametrize("is_frozen", [True, False])
def test_group_normalisation_learns_alike_from_both_orders_of_memory(is_frozen):
    """Of maps that need no gradient too, because the layers before are frozen."""
    torch.manual_seed(0)
    layer, plain = NORMALIZATIONS["group"](8), nn.GroupNorm(2, 8)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    plain.load_state_dict(layer.state_dict())
    maps = torch.randn(3, 8, 5, 7)
    last = maps.contiguous(memory_format=torch.channels_last)
    last.requires_grad_(not is_frozen)
    torch.testing.assert_close(layer(last), plain(maps))
    torch.testing.assert_close(gradients(layer, last), gradients(plain, maps))


# --------------------------------------------------------------------------- the chains

STEPS = {
    "convolution": lambda chain: chain.convolve(5, 3),
    "even kernel": lambda chain: chain.convolve(5, 4),
    "stride": lambda chain: chain.convolve(5, 3, stride=2),
    "even kernel and stride": lambda chain: chain.convolve(5, 2, stride=2),
    "no padding": lambda chain: chain.convolve(5, 3, padding="valid"),
    "no padding and stride": lambda chain: chain.convolve(5, 2, 2, padding="valid"),
    "maxima": lambda chain: chain.pool("max_pool", "same", remember=False),
    "maxima, remembered": lambda chain: chain.pool("max_pool", "same", remember=True),
    "means": lambda chain: chain.pool("avg_pool", "valid", remember=False),
    "transpose": lambda chain: chain.transpose(5, 3, (15, 13), "same"),
    "transpose, no padding": lambda chain: chain.transpose(5, 3, (16, 14), "valid"),
    "nearest": lambda chain: chain.enlarge("nearest", (15, 14), None),
    "zeros": lambda chain: chain.enlarge("zeros", (15, 13), None),
    "crop": lambda chain: chain.fit((6, 9)),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_chain_knows_the_shape_that_comes_out(name):
    chain = MapChain(3, (8, 7), "relu", None)
    STEPS[name](chain)
    maps = nn.Sequential(*chain.layers)(torch.zeros(2, 3, 8, 7))
    height, width, n_maps = chain.shape
    assert maps.shape == (2, n_maps, height, width)


@pytest.mark.parametrize(
    "name", ["convolution", "even kernel", "stride", "no padding", "maxima", "means"]
)
def test_a_signal_keeps_its_height_of_one(name):
    chain = MapChain(3, (1, 12), "relu", None)
    STEPS[name](chain)
    maps = nn.Sequential(*chain.layers)(torch.zeros(2, 3, 1, 12))
    assert chain.size[0] == maps.shape[2] == 1
    assert chain.size[1] == maps.shape[3]


def test_maps_are_normalised_before_they_are_activated():
    chain = MapChain(8, (4, 4), "tanh", "batch")
    chain.activate()
    assert [type(layer) for layer in chain.layers] == [nn.BatchNorm2d, nn.Tanh]


def test_the_odd_line_is_added_and_cropped_at_the_end():
    chain = MapChain(1, (1, 2), "relu", None)
    chain.fit((1, 5))
    chain.fit((1, 2))
    larger, smaller = chain.layers
    maps = torch.tensor([[[[1.0, 2.0]]]])
    assert larger(maps).flatten().tolist() == [0, 1, 2, 0, 0]
    assert smaller(larger(maps)).flatten().tolist() == [1, 2]


def test_sizes_are_read_aloud():
    assert times((28, 28, 3)) == "28 x 28 x 3"
