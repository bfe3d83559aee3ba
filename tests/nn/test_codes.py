import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from sklearn_ae import DenseArchitecture
from sklearn_ae.nn.codes import PlainCode
from sklearn_ae.nn.linear_path import PCASolution, linear_pair
from sklearn_ae.nn.losses import ReconstructionObjective
from sklearn_ae.nn.statistics import RowStatistics

UNITS = RowStatistics(np.zeros(6), np.zeros(6), np.ones(6), np.ones(6), np.ones(6))


def assemble(bottleneck, encoder, decoder):
    return bottleneck.assemble(encoder, decoder, nn.Identity(), None, UNITS, 2)


@pytest.mark.parametrize(("activation", "is_linear"), [(None, True), ("tanh", False)])
def test_linear_codes_start_at_pca_and_have_the_unit_of_rows(activation, is_linear):
    bottleneck = PlainCode(activation)
    assert bottleneck.can_start_at_pca is is_linear
    assert bottleneck.keeps_unit is is_linear
    assert bottleneck.for_pca() == PlainCode()


def test_the_activation_is_the_last_layer_before_the_code():
    torch.manual_seed(0)
    encoder, X = nn.Linear(6, 2), torch.randn(3, 6)
    module = assemble(PlainCode("tanh"), encoder, nn.Linear(2, 6))
    torch.testing.assert_close(module.encode(X), torch.tanh(encoder(X)))
    plain = assemble(PlainCode(), encoder, nn.Linear(2, 6))
    torch.testing.assert_close(plain.encode(X), encoder(X))


def test_the_encoder_returns_one_value_for_each_component():
    encoder, decoder = PlainCode().build_pair(DenseArchitecture((4,)), 6, 2)
    code = encoder(torch.zeros(3, 6))
    assert code.shape == (3, 2)
    assert decoder(code).shape == (3, 6)
    assert PlainCode.outputs_per_component == 1


def test_pca_is_loaded_into_the_linear_paths():
    X = np.random.RandomState(0).standard_normal((50, 6)) * np.arange(1, 7)
    pca = PCA(2).fit(X)
    baseline = PCASolution(pca.components_, pca.mean_, pca.explained_variance_, 1.0)
    module = assemble(PlainCode(), *linear_pair(6, 2, 2))
    PlainCode().load_pca(module, baseline, 2)
    rows = torch.from_numpy(X).float()
    with torch.no_grad():
        codes, rebuilt = module.encode(rows), module.reconstruct(rows)
    np.testing.assert_allclose(codes, pca.transform(X), atol=1e-4)
    expected = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(rebuilt, expected, atol=1e-4)


def test_the_plain_code_adds_nothing_to_a_fit():
    bottleneck, objective = PlainCode(), ReconstructionObjective()
    assert bottleneck.wrap_objective(objective, None, 5) is objective
    assert bottleneck.settle(5) is bottleneck
    assert bottleneck.default_width(100) is None
    assert bottleneck.count_pca_components(5) == bottleneck.count_active(5) == 5
    assert bottleneck.describe(None, [], 5) == {}
    assert bottleneck.complain({}, None) == []
    assert not any((bottleneck.nested, bottleneck.is_nested, bottleneck.is_regularised))
