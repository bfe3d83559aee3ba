import numpy as np
import pytest
import torch
from scipy.special import expit, ndtr
from torch import nn

from sklearn_ae.nn.dense import (
    ACTIVATIONS,
    PaddedDecoder,
    TransposedLinear,
    as_layer_sizes,
    check_choice,
    dense_stack,
    tied_stack,
)

FORMULAS = {
    "gelu": lambda x: x * ndtr(x),
    "relu": lambda x: np.maximum(x, 0),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "silu": lambda x: x * expit(x),
    "tanh": np.tanh,
    "logistic": expit,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_those_of_the_books(name):
    x = np.linspace(-4, 4, 33)
    output = ACTIVATIONS[name]()(torch.from_numpy(x))
    np.testing.assert_allclose(output, FORMULAS[name](x), atol=1e-12)


def test_a_transposed_layer_has_the_very_same_weight():
    torch.manual_seed(0)
    linear = nn.Linear(5, 3)
    mirror = TransposedLinear(linear)
    assert mirror.weight is linear.weight
    assert len(list(nn.Sequential(linear, mirror).parameters())) == 3
    nn.init.constant_(mirror.bias, 2.0)
    code = torch.randn(4, 3)
    torch.testing.assert_close(mirror(code), code @ linear.weight + 2)


def test_both_layers_of_a_pair_add_to_one_gradient():
    linear = nn.Linear(2, 1, bias=False)
    nn.init.constant_(linear.weight, 3.0)
    mirror = TransposedLinear(linear)
    mirror(linear(torch.tensor([[1.0, 0.0]]))).sum().backward()
    # The code is 3 and its two reconstructions are 9, so that each value of the weight
    # gets 3 from the decoder, and the first one 6 more from the encoder.
    assert linear.weight.grad.tolist() == [[9.0, 3.0]]


def test_missing_values_of_a_code_are_zeros():
    decoder = PaddedDecoder(nn.Identity(), 5)
    code = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert decoder(code).tolist() == [[1, 2, 0, 0, 0], [3, 4, 0, 0, 0]]


def test_activations_are_between_layers_only():
    stack = dense_stack((6, 4, 3, 2), "tanh")
    kinds = [type(layer) for layer in stack]
    assert kinds == [nn.Linear, nn.Tanh, nn.Linear, nn.Tanh, nn.Linear]
    assert [layer.out_features for layer in stack[::2]] == [4, 3, 2]


def test_a_tied_stack_goes_back_through_the_same_weights():
    stack = dense_stack((6, 4, 2), "relu")
    mirror = tied_stack(stack, "relu")
    kinds = [type(layer) for layer in mirror]
    assert kinds == [TransposedLinear, nn.ReLU, TransposedLinear]
    assert mirror[0].weight is stack[2].weight
    assert mirror[2].weight is stack[0].weight


@pytest.mark.parametrize("sizes", [(8, 0), (8.0,), (True,), True, "8"])
def test_sizes_of_hidden_layers_are_positive_integers(sizes):
    with pytest.raises(ValueError, match="positive integers") as error:
        as_layer_sizes(sizes)
    assert str(error.value) == (
        f"hidden_layer_sizes must hold positive integers; got {sizes!r}. Leave layers "
        "out instead of giving them no units."
    )


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((), ()),
        ([8, 4], (8, 4)),
        (np.array([8, 4]), (8, 4)),
        (8, (8,)),
        (np.int64(8), (8,)),
        ("auto", (3, 2)),
    ],
    ids=str,
)
def test_sizes_of_hidden_layers_may_be_one_number_or_any_sequence(sizes, expected):
    assert as_layer_sizes(sizes, (3, 2)) == expected


def test_unknown_choice():
    with pytest.raises(ValueError, match="must be one of") as error:
        check_choice("activation", "softmax", {"tanh", "relu"})
    assert str(error.value) == (
        "activation must be one of ['relu', 'tanh']; got 'softmax'. For other layers, "
        "pass a callable as architecture."
    )
