import pytest
import torch
from torch import nn

from sklearn_ae.nn.sparse import (
    BatchTopK,
    DivergenceFromTarget,
    L1Units,
    SparseAutoencoder,
    SparseObjective,
    TopK,
    start_tied,
    sum_of_code,
)


def make(bottleneck, n_components=6, n_features=4):
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(n_features, n_components))
    decoder = nn.Sequential(nn.Linear(n_components, n_features))
    return SparseAutoencoder(encoder, decoder, nn.Identity(), bottleneck, n_components)


def test_top_k_keeps_the_largest_positive_codes():
    raw = torch.tensor([[3.0, 1, 2, -5], [-1, -2, 4, -3]])
    expected = torch.tensor([[3.0, 0, 2, 0], [0, 0, 4, 0]])
    assert torch.equal(TopK(2)(raw), expected)


def test_batch_top_k_keeps_the_largest_of_the_batch():
    raw = torch.tensor([[5.0, 4, 3, 2], [1, 0.5, -1, -2]])
    layer = BatchTopK(2)
    assert torch.equal(layer(raw), torch.tensor([[5.0, 4, 3, 2], [0, 0, 0, 0]]))
    assert layer.least == 2
    layer.eval()
    assert torch.equal(layer(raw), torch.tensor([[5.0, 4, 3, 0], [0, 0, 0, 0]]))


def test_divergence_is_that_of_bernoulli_variables():
    code = torch.rand(50, 6)
    wanted = torch.distributions.Bernoulli(torch.tensor(0.1))
    seen = torch.distributions.Bernoulli(code.mean(0))
    expected = torch.distributions.kl_divergence(wanted, seen).sum()
    penalty = DivergenceFromTarget(0.1)
    torch.testing.assert_close(penalty(code), expected.expand(50))
    torch.testing.assert_close(penalty(code.requires_grad_()), expected.expand(50))


def test_small_batches_have_the_gradient_of_the_running_mean():
    """At the target there is none, however far off the mean of a batch is."""
    penalty = DivergenceFromTarget(0.25)
    codes = (torch.arange(2000) % 4 == 0).float().reshape(-1, 1)
    for batch in codes.split(2):
        batch.requires_grad_()
        penalty(batch).mean().backward()
    assert batch.grad.abs().max() < 0.02


def test_l1_penalty_does_not_depend_on_the_scale_of_columns():
    module = make(L1Units())
    X = torch.randn(20, 4)
    before = module(X)
    with torch.no_grad():
        for parameter in module.encoder.parameters():
            parameter.mul_(0.5)
        module.decoder[0].weight.mul_(2)
    after = module(X)
    torch.testing.assert_close(after[0], before[0])
    torch.testing.assert_close(sum_of_code(after[1]), sum_of_code(before[1]))


def test_silent_units_are_revived():
    """Dead units learn to explain what the others leave, though they never win."""
    module = make(TopK(1))
    with torch.no_grad():
        module.encoder[0].weight[0].zero_()
        module.encoder[0].bias.copy_(torch.tensor([100.0, 1, 1, 1, 1, 1]))
    X = torch.randn(64, 4)
    objective = SparseObjective("squared_error", None, 0.0)
    for _ in range(3):
        output = module(X)
    assert len(output) == 3
    assert module.rows_since_active.tolist() == [0] + 5 * [192]
    objective(output, X).backward()
    assert (module.encoder[0].weight.grad.abs().sum(1) > 0).all()
    module.eval()
    assert len(module(X)) == 2


def test_tied_start_has_unit_columns():
    encoder, decoder = nn.Sequential(nn.Linear(4, 9)), nn.Sequential(nn.Linear(9, 4))
    start_tied(encoder, decoder)
    assert torch.equal(encoder[0].weight, decoder[0].weight.t())
    torch.testing.assert_close(decoder[0].weight.norm(dim=0), torch.ones(9))


@pytest.mark.parametrize("depth", [1, 2])
def test_tied_start_leaves_deep_networks_alone(depth):
    encoder = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 9))
    before = [p.clone() for p in encoder.parameters()]
    start_tied(encoder, nn.Sequential(*[nn.Linear(9, 9) for _ in range(depth)]))
    assert all(map(torch.equal, before, encoder.parameters()))
