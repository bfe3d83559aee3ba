import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sklearn_ae import CleanRowsWarning, DenoisingAE
from sklearn_ae.fitting.clean_rows import find_foreign_pairs
from sklearn_ae.training.batches import PairedTable

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")

SETS = {
    "digits": load_digits().data[:500],
    "wine": load_wine().data,
    "iris": load_iris().data,
    "normal": 5 * np.random.RandomState(0).standard_normal((300, 8)),
}


def noisy_version(clean, level, seed=0):
    noise = np.random.RandomState(seed + 1).standard_normal(clean.shape)
    return clean + level * clean.std(axis=0) * noise


def is_foreign(noisy, clean):
    return bool(find_foreign_pairs(PairedTable(clean, noisy)))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("level", [0.01, 0.5, 3, 30])
def test_noise_of_any_size_is_no_other_unit(name, level):
    clean = SETS[name]
    for seed in range(5):
        noisy = noisy_version(clean, level, seed)
        assert not is_foreign(noisy, clean)
        assert not is_foreign(noisy[:15], clean[:15])
        assert not is_foreign(sp.csr_array(noisy), sp.csr_array(clean))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_lost_values_are_no_other_unit(name, share):
    clean, rng = SETS[name], np.random.RandomState(0)
    is_lost = rng.uniform(size=clean.shape) < share
    assert not is_foreign(np.where(is_lost, 0, clean), clean)
    swapped = np.random.default_rng(0).permuted(clean, axis=0)
    assert not is_foreign(np.where(is_lost, swapped, clean), clean)


@pytest.mark.parametrize("name", ["digits", "iris", "normal"])
@pytest.mark.parametrize(
    "scaler",
    [
        StandardScaler(),
        MinMaxScaler(),
        RobustScaler(),
        QuantileTransformer(n_quantiles=100),
    ],
    ids=str,
)
def test_rows_that_one_side_alone_was_scaled(name, scaler):
    clean = SETS[name]
    noisy = noisy_version(clean, 0.3)
    assert is_foreign(scaler.fit_transform(noisy), clean)
    assert not is_foreign(scaler.transform(noisy), scaler.transform(clean))
    if not isinstance(scaler, QuantileTransformer):
        alone = StandardScaler(with_mean=False, with_std=False).fit(clean)
        assert not is_foreign(alone.transform(noisy), clean)


def test_another_unit_or_zero_of_all_columns():
    clean = SETS["normal"]
    noisy = noisy_version(clean, 0.3)
    for other in (0.001 * noisy, 10 * noisy, -10 * noisy, noisy + 100):
        assert is_foreign(other, clean)
        assert is_foreign(clean, other)
    one = noisy.copy()
    one[:, 0] *= 100
    assert not is_foreign(one, clean)


def test_tables_that_say_nothing():
    clean = SETS["normal"]
    assert not is_foreign(100 * clean[:9], clean[:9])
    assert not is_foreign(clean, np.ones_like(clean))
    assert find_foreign_pairs(clean) == []


def test_a_pipeline_that_scales_noisy_rows_alone_is_told():
    clean = SETS["digits"]
    noisy = noisy_version(clean, 1)
    model = DenoisingAE(4, max_iter=1, random_state=0)
    with pytest.warns(CleanRowsWarning) as caught:
        make_pipeline(StandardScaler(), model).fit(noisy, clean)
    texts = [str(w.message) for w in caught if w.category is CleanRowsWarning]
    assert texts == [
        "DenoisingAE(n_components=4): The noisy rows of X are in other units than the "
        "clean ones, or scaled as these are not. The model returns rows in the units "
        "of the clean ones. A pipeline transforms X alone: pass the clean rows as "
        "X_clean, with metadata routing and transform_input=['X_clean'] in Pipeline, "
        "or scale both alike before. Ignore this if noisy rows were measured in other "
        "units."
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error", CleanRowsWarning)
        with sklearn.config_context(enable_metadata_routing=True):
            steps = [("scale", StandardScaler()), ("ae", model)]
            model.set_fit_request(X_clean=True)
            pipeline = Pipeline(steps, transform_input=["X_clean"])
            pipeline.fit(noisy, X_clean=clean)
    restored = pipeline.inverse_transform(pipeline.transform(noisy))
    assert np.mean((restored - clean) ** 2) < np.mean((noisy - clean) ** 2)


def test_passes_over_pairs_in_other_units_are_told():
    clean = SETS["digits"]
    with pytest.warns(CleanRowsWarning, match="in other units than the clean ones"):
        DenoisingAE(4).partial_fit(StandardScaler().fit_transform(clean), clean)
