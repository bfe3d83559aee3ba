import numpy as np
import pytest
import torch

from sklearn_ae.nn.corruption import CORRUPTIONS, Corruption
from sklearn_ae.nn.statistics import RowStatistics

N_ROWS, N_FEATURES = 20000, 3
SHIFT = np.array([4.0, -1.0, 0.0])
UNIT = np.array([2.0, 0.5, 1.0])


@pytest.fixture
def scaled():
    X = np.random.RandomState(0).uniform(1, 2, size=(N_ROWS, N_FEATURES))
    return torch.tensor((X - SHIFT) / UNIT, dtype=torch.float32)


def make(kind, level, X):
    low, high = (to_units(extreme.values) for extreme in (X.min(0), X.max(0)))
    deviation = UNIT * np.array([1.0, 2.0, 3.0])
    return Corruption(
        kind, level, RowStatistics(SHIFT, SHIFT, UNIT, deviation, deviation, low, high)
    )


def to_units(X):
    return X.double().numpy() * UNIT + SHIFT


def test_gaussian_noise_has_its_standard_deviation(scaled):
    torch.manual_seed(0)
    noise = make("gaussian", 0.5, scaled)(scaled) - scaled
    np.testing.assert_allclose(noise.mean(0), 0, atol=0.05)
    np.testing.assert_allclose(noise.std(0), [0.5, 1.0, 1.5], rtol=0.02)


@pytest.mark.parametrize("kind", ["masking", "dropout"])
def test_share_of_values_becomes_zero_in_the_units_of_x(scaled, kind):
    torch.manual_seed(0)
    X, corrupted = to_units(scaled), to_units(make(kind, 0.3, scaled)(scaled))
    masked = np.abs(corrupted) < 1e-6
    assert abs(masked.mean() - 0.3) < 0.01
    factor = 1 / 0.7 if kind == "dropout" else 1
    np.testing.assert_allclose(corrupted[~masked], factor * X[~masked], rtol=1e-5)
    if kind == "dropout":
        np.testing.assert_allclose(corrupted.mean(0), X.mean(0), rtol=0.02)


def test_salt_and_pepper_are_the_extremes_of_a_column(scaled):
    torch.manual_seed(0)
    corrupted = make("salt_and_pepper", 0.2, scaled)(scaled)
    changed = corrupted != scaled
    assert abs(changed.double().mean() - 0.2) < 0.01
    for column in range(N_FEATURES):
        found = corrupted[changed[:, column], column].unique()
        extremes = [scaled[:, column].min().item(), scaled[:, column].max().item()]
        assert sorted(found.tolist()) == pytest.approx(extremes, rel=1e-6)


def test_swapped_values_come_from_the_same_column():
    X = torch.arange(300.0).reshape(100, 3)
    torch.manual_seed(0)
    corrupted = make("swap", 0.4, X)(X)
    changed = (corrupted != X).double().mean().item()
    assert 0.25 < changed < 0.5
    assert torch.equal(corrupted % 3, X % 3)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_moments_are_those_of_corrupted_rows(kind):
    rng = np.random.RandomState(0)
    X = rng.uniform(1, 2, size=(N_ROWS, 1)) + 0.5 * rng.uniform(
        size=(N_ROWS, N_FEATURES)
    )
    X = torch.tensor((X - SHIFT) / UNIT, dtype=torch.float32)
    corruption, clean = make(kind, 0.3, X), X.double().numpy()
    covariance = np.cov(clean.T)
    moments = corruption.moments(clean.mean(axis=0), covariance.diagonal())
    torch.manual_seed(0)
    corrupted = corruption(X).double().numpy()
    drawn = np.cov(corrupted.T, clean.T)
    np.testing.assert_allclose(moments.mean, corrupted.mean(axis=0), atol=0.04)
    expected = moments.spread * covariance + np.diag(moments.noise)
    scale = np.sqrt(np.outer(drawn.diagonal(), drawn.diagonal()))
    np.testing.assert_allclose(
        expected / scale[:3, :3], drawn[:3, :3] / scale[:3, :3], atol=0.03
    )
    np.testing.assert_allclose(
        moments.signal * covariance / scale[:3, 3:],
        drawn[:3, 3:] / scale[:3, 3:],
        atol=0.03,
    )


def test_moments_of_a_function_are_unknown(scaled):
    corruption = make(torch.sin, 0.3, scaled)
    assert corruption.moments(np.zeros(N_FEATURES), np.ones(N_FEATURES)) is None


def test_own_function_sees_the_units_of_x(scaled):
    seen = []

    def double(X):
        seen.append(X)
        return 2 * X

    corrupted = make(double, 0.0, scaled)(scaled)
    np.testing.assert_allclose(seen[0], to_units(scaled), rtol=1e-5)
    np.testing.assert_allclose(to_units(corrupted), 2 * to_units(scaled), rtol=1e-5)


def test_own_function_may_return_another_type(scaled):
    corrupted = make(lambda X: 2 * X.double(), 0.0, scaled)(scaled)
    assert corrupted.dtype == torch.float32
    np.testing.assert_allclose(to_units(corrupted), 2 * to_units(scaled), rtol=1e-5)


def test_own_function_must_return_a_tensor(scaled):
    with pytest.raises(TypeError, match="must return a tensor") as error:
        make(lambda X: X.numpy(), 0.0, scaled)(scaled)
    assert str(error.value) == (
        "corruption must return a tensor, as it is given one; got a ndarray. Wrap it "
        "in torch.as_tensor."
    )


def test_own_function_must_return_as_many_values(scaled):
    with pytest.raises(ValueError, match="rows of the shape that it is given") as error:
        make(lambda X: X[:, 1:], 0.0, scaled)(scaled)
    assert str(error.value) == (
        "corruption must return rows of the shape that it is given, "
        f"{tuple(scaled.shape)}; got {tuple(scaled[:, 1:].shape)}. It must not leave "
        "out rows or features."
    )


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_level_zero_changes_nothing(scaled, kind):
    corrupted = make(kind, 0.0, scaled)(scaled)
    torch.testing.assert_close(corrupted, scaled)
