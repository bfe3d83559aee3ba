from itertools import product

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_ae import ConvArchitecture
from sklearn_ae.nn.architectures import build_pair
from sklearn_ae.nn.autoencoder import Autoencoder
from sklearn_ae.nn.conv import infer_image_shape
from sklearn_ae.nn.maps import MapChain, ToMaps, ToRow
from sklearn_ae.nn.summary import summarize


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def shapes(networks):
    """Return the shapes of the maps that convolutions return."""
    summary = summarize(Autoencoder(*networks, torch.nn.Identity()), 784)
    return [shape for name, shape, _ in summary.layers if "(Conv" in name]


# ----------------------------------------------------------------- published networks


@pytest.mark.parametrize("downsampling", ["stride", "max_pool"])
def test_the_small_convolutional_autoencoder_of_tf_autoencoder(downsampling):
    """Three blocks, 28 -> 14 -> 7 -> 4, a code of 4 x 4 x 8."""
    architecture = ConvArchitecture(
        (28, 28),
        channels=(16, 8, 8),
        convs_per_block=(2, 1),
        downsampling=downsampling,
        output_kernel_size=3,
        bottleneck="map",
    )
    assert architecture.code_width(784) == 128
    encoder, decoder = build_pair(architecture, 784, 128)
    assert count(encoder) == 5392
    assert count(decoder) == 2481


def test_strides_without_padding():
    """Kernels of 2 x 2, stride 2: 28 -> 14 -> 7, 1568 values before dense layers."""
    architecture = ConvArchitecture(
        (28, 28), kernel_size=2, padding="valid", hidden_layer_sizes=(100,)
    )
    networks = build_pair(architecture, 784, 10)
    assert shapes(networks) == [(16, 14, 14), (32, 7, 7), (16, 14, 14), (1, 28, 28)]
    assert networks[0][6][0].in_features == 1568


# ------------------------------------------------------------------------- the layers


def test_values_of_a_row_are_in_the_order_of_the_image():
    image = np.arange(24, dtype=np.float32).reshape(1, 2, 4, 3)
    row = torch.from_numpy(image.reshape(1, -1))
    maps = ToMaps((2, 4, 3))(row)
    np.testing.assert_array_equal(maps.numpy(), np.moveaxis(image, 3, 1))
    assert maps.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(ToRow()(maps), row)


def test_zeros_surround_each_value():
    chain = MapChain(1, (2, 2), "relu", None)
    chain.enlarge("zeros", (3, 4), None)
    maps = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, None]
    expected = [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0]]
    enlarged = torch.nn.Sequential(*chain.layers)(maps)
    assert enlarged[0, 0].tolist() == expected


def test_unpooling_puts_maxima_back():
    architecture = ConvArchitecture(
        (4, 6),
        channels=(2,),
        downsampling="max_pool",
        upsampling="unpool",
        bottleneck="map",
    )
    encoder, decoder = architecture.build(24, 12)
    pool, unpool = encoder[3], decoder[1]
    maps = torch.rand(3, 2, 4, 6)
    restored = unpool(pool(maps))
    kept = restored != 0
    assert kept.sum() == 3 * 2 * 6
    assert torch.equal(restored[kept], maps[kept])


@pytest.mark.parametrize(
    ("size", "kernel_size", "how"),
    list(
        product(
            [(28, 32), (11, 7), (1, 30), (13, 2), (1, 1)],
            [2, 3, 4, 5],
            ["transpose", "nearest", "bilinear", "zeros"],
        )
    ),
)
def test_every_size_comes_back(size, kernel_size, how):
    architecture = ConvArchitecture(
        size, channels=(2, 3), kernel_size=kernel_size, upsampling=how
    )
    n_features = size[0] * size[1]
    encoder, decoder = build_pair(architecture, n_features, 1)
    X = torch.rand(2, n_features)
    assert decoder(encoder(X)).shape == X.shape


@pytest.mark.parametrize("normalization", ["batch", "group"])
def test_normalization_follows_all_convolutions_but_the_last(normalization):
    architecture = ConvArchitecture((8, 8), (4, 6), normalization=normalization)
    encoder, decoder = architecture.build(64, 2)
    kind = {"batch": torch.nn.BatchNorm2d, "group": torch.nn.GroupNorm}[normalization]
    counts = [sum(isinstance(part, kind) for part in net) for net in (encoder, decoder)]
    assert counts == [2, 1]


# ---------------------------------------------------------------------- the parameters


@pytest.mark.parametrize(
    ("row_shape", "expected"),
    [
        ((784,), (28, 28, 1)),
        ((3072,), (32, 32, 3)),
        ((30,), (1, 30, 1)),
        ((1,), (1, 1, 1)),
        ((3,), (1, 3, 1)),
        ((11, 7), (11, 7, 1)),
        ((128, 9), (1, 128, 9)),
        ((32, 24, 3), (32, 24, 3)),
    ],
)
def test_image_shape_is_inferred(row_shape, expected):
    assert infer_image_shape(row_shape) == expected


def test_architecture_is_a_parameter_holder():
    architecture = ConvArchitecture((8, 8), channels=(4,))
    copy = clone(architecture).set_params(channels=(4, 8))
    assert architecture.channels == (4,)
    assert copy == ConvArchitecture((8, 8), channels=(4, 8))


ERRORS = {
    "channels": ({"channels": (4, 0)}, "channels must hold positive integers; got"),
    "no channels": ({"channels": ()}, "channels must name at least one block"),
    "kernels": (
        {"kernel_size": (3,)},
        "kernel_size must hold 2 positive integers; got (3,).",
    ),
    "convolutions": (
        {"convs_per_block": (1, 2, 3)},
        "convs_per_block must hold 2 positive integers; got (1, 2, 3).",
    ),
    "a kernel of 1": (
        {"kernel_size": 1},
        "kernel_size must be at least 2 with downsampling='stride' or "
        "upsampling='transpose'; got 1.",
    ),
    "valid padding": (
        {"padding": "valid", "kernel_size": 5},
        "padding='valid' needs maps at least as large as their kernels; got 2 x 2 "
        "maps and a kernel of 5 x 5. Set padding='same', or fewer channels or a "
        "smaller kernel_size.",
    ),
    "unpool without pool": (
        {"upsampling": "unpool"},
        "upsampling='unpool' needs downsampling='max_pool', so that each map of the "
        "decoder has a pooled one; got 'stride'.",
    ),
    "a word": ({"padding": "full"}, "padding must be one of ['same', 'valid']; got"),
    "image shape": (
        {"image_shape": (2, 2, 2, 8)},
        "image_shape must be (length,), (height, width) or (height, width, channels); "
        "got (2, 2, 2, 8).",
    ),
    "product": (
        {"image_shape": (8, 9)},
        "image_shape must match the rows of X: 8 x 9 = 72 values, but rows have 64 = "
        "64. Set image_shape to (height, width, channels) of X.",
    ),
}


@pytest.mark.parametrize(("params", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_name_rule_value_and_remedy(params, message):
    with pytest.raises(ValueError, match=r"must|needs") as error:
        ConvArchitecture(**params).build(64, 2)
    assert message in str(error.value)
