import numpy as np
import pytest
import torch
from torch import nn

from sklearn_ae.nn.autoencoder import Autoencoder, CodeDecoder, RowEncoder


class Zero(nn.Module):
    def forward(self, X):
        return torch.zeros_like(X)


@pytest.fixture
def parts():
    torch.manual_seed(0)
    return nn.Linear(5, 2), nn.Linear(2, 5), nn.Sigmoid()


@pytest.fixture
def X():
    return torch.randn(4, 5, generator=torch.Generator().manual_seed(0))


def test_training_sees_corrupted_rows_and_encoding_does_not(parts, X):
    module = Autoencoder(*parts, corruption=Zero())
    encoder, decoder, _ = parts
    raw, code = module(X)
    torch.testing.assert_close(code, encoder(torch.zeros_like(X)))
    torch.testing.assert_close(raw, decoder(code))
    torch.testing.assert_close(module.encode(X), encoder(X))


def test_codes_have_passed_the_bottleneck(parts, X):
    module = Autoencoder(*parts, bottleneck=nn.ReLU())
    expected = parts[0](X).relu()
    torch.testing.assert_close(module.encode(X), expected)
    torch.testing.assert_close(module(X)[1], expected)


def test_reconstructions_have_passed_the_output_and_raw_output_has_not(parts, X):
    module = Autoencoder(*parts)
    raw, code = module(X)
    torch.testing.assert_close(module.decode(code), torch.sigmoid(raw))
    torch.testing.assert_close(module.reconstruct(X), torch.sigmoid(raw))


# ------------------------------------------------------------- halves in the units of X

SHIFT = np.array([1.0, -2.0, 0.0, 5.0, 3.0])
SCALE = np.full(5, 4.0)
UNIT = 10.0


def in_units_of_x(rows):
    return rows.double() * torch.tensor(SCALE) + torch.tensor(SHIFT)


def test_the_encoder_takes_rows_in_the_units_of_x(parts, X):
    module = Autoencoder(*parts)
    half = RowEncoder(module, SHIFT, SCALE, UNIT)
    rows = in_units_of_x(X)
    torch.testing.assert_close(half(rows), UNIT * module.encode(X))
    assert half(rows).dtype == torch.float32


def test_the_decoder_returns_rows_in_the_units_of_x(parts, X):
    module = Autoencoder(*parts)
    half = CodeDecoder(module, SHIFT, SCALE, UNIT)
    rows = half(UNIT * module.encode(X))
    expected = in_units_of_x(module.reconstruct(X))
    torch.testing.assert_close(rows, expected.float())
    assert rows.dtype == torch.float32


def test_large_offsets_cost_the_encoder_no_digits(parts, X):
    module = Autoencoder(*parts)
    half = RowEncoder(module, SHIFT + 1e9, SCALE, UNIT)
    rows = in_units_of_x(X) + 1e9
    torch.testing.assert_close(half(rows), UNIT * module.encode(X), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("cls", "part"), [(RowEncoder, 0), (CodeDecoder, 1)])
def test_halves_are_copies_without_the_other_half(parts, cls, part):
    half = cls(Autoencoder(*parts), SHIFT, SCALE, UNIT)
    own = [parameter.clone() for parameter in half.parameters()]
    theirs = [parameter.clone() for parameter in parts[part].parameters()]
    torch.testing.assert_close(own, theirs, rtol=0, atol=0)
    nn.init.zeros_(parts[part].weight)
    torch.testing.assert_close(list(half.parameters()), own, rtol=0, atol=0)
