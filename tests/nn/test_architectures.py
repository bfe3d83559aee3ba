import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_ae import ConvArchitecture, DenseArchitecture
from sklearn_ae.nn.architectures import build_pair


def test_architectures_are_parameter_holders():
    architecture = DenseArchitecture((8, 4), activation="relu")
    copy = clone(architecture).set_params(activation="tanh")
    assert architecture.activation == "relu"
    assert copy == DenseArchitecture((8, 4), activation="tanh")
    assert repr(copy) == (
        "DenseArchitecture(hidden_layer_sizes=(8, 4), activation='tanh', "
        "tied_weights=False)"
    )


def test_unknown_parameter():
    with pytest.raises(ValueError, match="has no parameter") as error:
        DenseArchitecture().set_params(width=3)
    assert str(error.value) == (
        "DenseArchitecture has no parameter 'width'; its parameters are "
        "['activation', 'hidden_layer_sizes', 'tied_weights']."
    )


@pytest.mark.parametrize("tied_weights", [True, False])
@pytest.mark.parametrize("hidden_layer_sizes", [(), (8,), (8, 4)])
def test_decoder_mirrors_the_encoder(hidden_layer_sizes, tied_weights):
    architecture = DenseArchitecture(hidden_layer_sizes, tied_weights=tied_weights)
    encoder, decoder = build_pair(architecture, 6, 2)
    shapes = [tuple(p.shape) for p in encoder.parameters() if p.ndim == 2]
    widths = [6, *hidden_layer_sizes, 2]
    assert shapes == list(zip(widths[1:], widths[:-1], strict=True))
    assert decoder(encoder(torch.zeros(3, 6))).shape == (3, 6)


def test_tied_weights_are_one_parameter():
    encoder, decoder = build_pair(DenseArchitecture((8,), tied_weights=True), 6, 2)
    assert encoder[0].weight is decoder[2].weight
    assert encoder[2].weight is decoder[0].weight


def count_weights(networks):
    """Return the weights between hidden layers and rows or maps, of both networks."""
    layers = [m for net in networks for m in net.modules() if isinstance(m, nn.Linear)]
    return sum(layer.weight.numel() for layer in layers)


@pytest.mark.parametrize(
    ("n_features", "n_values", "expected"),
    [
        (784, 60_000 * 784, (256, 128)),
        (10, 300, (256, 128)),  # 2**18 weights are always there
        (20_000, 60 * 20_000, (59, 29)),
        (20_000, 200_000, (9, 4)),
        (10**6, 10, (1, 1)),
    ],
)
def test_dense_widths_follow_the_data(n_features, n_values, expected):
    architecture = DenseArchitecture().for_values(n_features, n_values)
    assert architecture.hidden_layer_sizes == expected
    if expected == (1, 1):
        return
    limit = max(2 * n_values, 2**18)
    weights = count_weights(architecture.build(n_features, 1))
    assert weights <= limit + 2 * expected[-1]
    if expected != (256, 128):
        wider = DenseArchitecture(tuple(size + 1 for size in expected))
        assert count_weights(wider.build(n_features, 1)) > limit


def test_dense_layers_beside_maps_follow_the_data():
    signals = ConvArchitecture(image_shape=(16_384,))
    architecture = signals.for_values(16_384, 200 * 16_384)
    assert architecture.hidden_layer_sizes == (25,)
    images = ConvArchitecture().for_rows((28, 28))
    architecture = images.for_values(784, 60_000 * 784)
    assert architecture.hidden_layer_sizes == (512,)


@pytest.mark.parametrize("sizes", [(), (300,)])
def test_widths_that_are_given_stay(sizes):
    for cls in (DenseArchitecture, ConvArchitecture):
        architecture = cls(hidden_layer_sizes=sizes)
        assert architecture.for_values(10**6, 10).hidden_layer_sizes == sizes


class Pair(nn.Linear):
    """Returns more than one tensor."""

    def forward(self, X):
        return super().forward(X), 1


class Half(nn.Linear):
    """Returns another type than it takes."""

    def forward(self, X):
        return super().forward(X).half()


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (
            nn.Linear(7, 2),
            "; it failed on zeros of shape (2, 6), see the error above. Check its "
            "first layer, and that each next one takes what the last returns.",
        ),
        (
            nn.Conv2d(1, 2, 3),
            "; it failed on zeros of shape (2, 6), see the error above. Check its "
            "first layer, and that each next one takes what the last returns.",
        ),
        (
            nn.Linear(6, 2, dtype=torch.float64),
            ", in float32 on the CPU, from where it is moved; it has parameters of "
            "torch.float64 on cpu. Build it without dtype and device.",
        ),
        (
            nn.Linear(6, 2, device="meta"),
            ", in float32 on the CPU, from where it is moved; it has parameters of "
            "torch.float32 on meta. Build it without dtype and device.",
        ),
        (
            nn.Sequential(nn.Linear(6, 2), nn.BatchNorm1d(2, dtype=torch.float64)),
            ", in float32 on the CPU, from where it is moved; it has parameters of "
            "torch.float64 on cpu. Build it without dtype and device.",
        ),
        (Pair(6, 2), "; it returned a tuple. Return one tensor."),
        (
            Half(6, 2),
            ", in float32; it returned torch.float16. Leave the type as it is.",
        ),
        (nn.Linear(6, 3), "; it mapped (2, 6) to (2, 3)."),
    ],
)
def test_networks_are_checked_before_training(encoder, message):
    with pytest.raises(ValueError, match="the architecture's encoder") as error:
        build_pair(lambda *widths: (encoder, nn.Linear(2, 6)), 6, 2)
    rule = "the architecture's encoder must map (n, 6) to (n, 2)"
    assert str(error.value) == rule + message
    assert encoder.training


def test_decoders_are_checked_too():
    with pytest.raises(ValueError, match="the architecture's decoder must map"):
        build_pair(lambda *widths: (nn.Linear(6, 2), nn.Linear(3, 6)), 6, 2)
