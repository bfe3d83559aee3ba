import pytest
import torch
from torch import nn

from sklearn_ae.nn.autoencoder import Autoencoder
from sklearn_ae.nn.dense import dense_stack, tied_stack
from sklearn_ae.nn.summary import Summary, summarize


def make(encoder, decoder):
    return Autoencoder(encoder, decoder, nn.Identity())


@pytest.fixture
def tied():
    encoder = dense_stack((6, 4, 2), "gelu")
    return make(encoder, tied_stack(encoder, "gelu"))


def test_a_shared_weight_counts_where_it_is_met_first(tied):
    assert summarize(tied, 6).layers == [
        ("encoder.0 (Linear)", (4,), 28),
        ("encoder.1 (GELU)", (4,), 0),
        ("encoder.2 (Linear)", (2,), 10),
        ("code", (2,), 0),
        ("decoder.0 (TransposedLinear)", (4,), 4),
        ("decoder.1 (GELU)", (4,), 0),
        ("decoder.2 (TransposedLinear)", (6,), 6),
        ("output (Identity)", (6,), 0),
    ]


def test_all_parameters_are_counted_once(tied):
    n_parameters = sum(parameter.numel() for parameter in tied.parameters())
    assert summarize(tied, 6).n_parameters == n_parameters == 48


def test_parameters_that_no_row_passes_are_counted_too(tied):
    tied.unused = nn.Linear(3, 5)
    assert summarize(tied, 6).layers[-1] == ("parameters of no layer's own", (), 20)


@pytest.mark.parametrize("training", [True, False])
def test_the_module_stays_as_it_is(training):
    encoder = nn.Sequential(nn.Linear(6, 2), nn.BatchNorm1d(2))
    module = make(encoder, nn.Linear(2, 6)).train(training)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    summarize(module, 6)
    torch.testing.assert_close(dict(module.state_dict()), before, rtol=0, atol=0)
    assert {part.training for part in module.modules()} == {training}
    assert not any(part._forward_hooks for part in module.modules())


LAYERS = [("0 (Linear)", (4, 2, 2), 12345), ("x<y & z", (), 7)]


def test_text():
    assert str(Summary(LAYERS)) == (
        "Layer       Output shape  Parameters\n"
        "------------------------------------\n"
        "0 (Linear)  (n, 4, 2, 2)      12,345\n"
        "x<y & z                            7\n"
        "------------------------------------\n"
        "Total parameters: 12,352"
    )


def test_html_escapes_names():
    assert Summary(LAYERS)._repr_html_() == (
        "<table><thead><tr><th>Layer</th><th>Output shape</th><th>Parameters</th></tr>"
        "</thead><tbody>"
        "<tr><td>0 (Linear)</td><td>(n, 4, 2, 2)</td>"
        '<td style="text-align: right">12,345</td></tr>'
        "<tr><td>x&lt;y &amp; z</td><td></td>"
        '<td style="text-align: right">7</td></tr>'
        "</tbody></table><p>Total parameters: 12,352</p>"
    )
