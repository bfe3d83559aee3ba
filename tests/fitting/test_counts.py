"""What is learned of counts."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from sklearn_ae.fitting.counts import add_logs, learn_counts
from sklearn_ae.fitting.pca import fit_pca
from sklearn_ae.fitting.scaling import Scaling
from sklearn_ae.nn.statistics import UNIT_COUNT


@pytest.fixture
def counts():
    rng = np.random.RandomState(0)
    return rng.poisson(np.exp(rng.normal(2, 1, (80, 6)))).astype(float)


@pytest.mark.parametrize("has_sizes", [False, True])
@pytest.mark.parametrize("scaling", ["global", "per_feature"])
def test_logarithms_are_centred_and_scaled(counts, scaling, has_sizes):
    found = learn_counts(counts, scaling, has_sizes)
    values = counts
    if has_sizes:
        assert found.mean_size == pytest.approx(counts.sum() / 80)
        values = counts / counts.sum(axis=1, keepdims=True) * found.mean_size
    logs = np.log1p(values / UNIT_COUNT)
    scaled = (logs - found.log_mean) / found.log_scale
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-9)
    assert scaled.var(axis=0).mean() == pytest.approx(1)
    np.testing.assert_allclose(found.centre, np.log(values.mean(axis=0)))
    np.testing.assert_allclose(np.exp(found.high), 10 * (values.max(axis=0) + 1))
    least = values.min(axis=0).clip(min=1 / 80)
    np.testing.assert_allclose(np.exp(found.low), least / 10)


def test_sparse_counts_are_as_dense_ones(counts):
    for has_sizes in (False, True):
        dense = learn_counts(counts, "global", has_sizes)
        sparse = learn_counts(sp.csr_array(counts), "global", has_sizes)
        for name, value in vars(dense).items():
            if value is not None:
                np.testing.assert_allclose(getattr(sparse, name), value)


def test_pca_of_logarithms_stands_beside_that_of_counts(counts):
    learned = learn_counts(counts, "global", has_sizes=False)
    scaling = Scaling.learn(counts, "global", (6,), counts=learned)
    np.testing.assert_array_equal(scaling.shift, 0)
    rows = scaling.rows(counts, torch.device("cpu"), np.arange(50))
    pca = fit_pca(rows, 2, 0)
    found = add_logs(pca, learned, rows, 2, 0).first(1)
    np.testing.assert_array_equal(found.components, pca.components[:1])
    logs = np.log1p(counts[:50] / UNIT_COUNT)
    logs = (logs - learned.log_mean) / learned.log_scale
    np.testing.assert_allclose(found.normal_mean, logs.mean(axis=0), atol=1e-6)
    assert len(found.normal_model()[0]) == len(found.rounded().logs.components) == 1
    leading = np.linalg.svd(logs - logs.mean(axis=0))[2][0]
    assert abs(leading @ found.logs.components[0]) == pytest.approx(1, abs=1e-5)
