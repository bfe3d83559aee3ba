import pytest
import torch
from sklearn.base import clone

from sklearn_ae import DenseArchitecture
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
