"""Searches over code sizes, of scikit-learn and of Optuna."""

import numpy as np
import optuna
import pytest
import torch
from joblib import Parallel, cpu_count, delayed
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna_integration import OptunaSearchCV
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    ConvArchitecture,
    ConvAutoencoderTransformer,
    DenoisingAE,
    PretrainedClassifier,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:400], y[:400]


def make_pipeline(reduce, **options):
    steps = [("scale", MinMaxScaler()), ("reduce", reduce)]
    steps.append(("classify", LogisticRegression(max_iter=2000)))
    return Pipeline(steps, **options)


def test_one_and_two_processes_find_the_same(digits):
    model = make_pipeline(AutoencoderTransformer(max_iter=3, random_state=0))
    grid = {"reduce__n_components": [2, 8]}
    searches = [
        GridSearchCV(model, grid, cv=3, n_jobs=n_jobs).fit(*digits) for n_jobs in (1, 2)
    ]
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    np.testing.assert_array_equal(*scores)
    assert scores[0][0] < scores[0][1]
    assert searches[0].best_params_ == searches[1].best_params_
    codes = [search.best_estimator_[:-1].transform(digits[0]) for search in searches]
    np.testing.assert_array_equal(*codes)


def test_workers_share_the_cores():
    threads = Parallel(n_jobs=2)(delayed(torch.get_num_threads)() for _ in range(2))
    assert threads == [max(1, cpu_count() // 2)] * 2


def test_pca_and_networks_in_one_grid(digits):
    reducers = [PCA(), AutoencoderTransformer(max_iter=3, random_state=0)]
    reducers.append(VAE(max_iter=3, random_state=0))
    grid = {"reduce": reducers, "reduce__n_components": [2, 8]}
    search = GridSearchCV(make_pipeline(PCA()), grid, cv=2).fit(*digits)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_["reduce__n_components"] == 8


def test_reconstruction_can_be_searched_without_a_scorer(digits):
    model = AutoencoderTransformer(max_iter=3, random_state=0)
    search = GridSearchCV(model, {"n_components": [2, 8]}, cv=2).fit(digits[0])
    assert search.best_params_ == {"n_components": 8}


def test_channels_of_an_architecture(digits):
    architecture = ConvArchitecture(image_shape=(8, 8), channels=(4,))
    model = DenoisingAE(4, architecture=architecture, max_iter=1, random_state=0)
    grid = {"reduce__architecture__channels": [(2,), (4, 4)]}
    search = GridSearchCV(make_pipeline(model), grid, cv=2).fit(*digits)
    found = search.best_estimator_["reduce"].architecture.channels
    assert found == search.best_params_["reduce__architecture__channels"]
    assert architecture.channels == (4,)


def test_channels_of_the_convolutional_estimator(digits):
    model = ConvAutoencoderTransformer(4, max_iter=1, random_state=0)
    grid = {"reduce__channels": [(2,), (4, 4)]}
    search = GridSearchCV(make_pipeline(model), grid, cv=2).fit(*digits)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.filterwarnings("ignore:Ill-conditioned")
def test_halving_with_epochs_as_the_resource(digits):
    model = make_pipeline(AutoencoderTransformer(random_state=0))
    search = HalvingGridSearchCV(
        model,
        {"reduce__n_components": [2, 4, 8]},
        resource="reduce__max_iter",
        min_resources=1,
        max_resources=9,
        factor=3,
        cv=2,
        random_state=0,
    )
    search.fit(*digits)
    assert search.best_params_["reduce__n_components"] == 8
    assert search.best_estimator_["reduce"].max_iter == 3
    assert search.n_resources_ == [1, 3]


@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental")
@pytest.mark.filterwarnings("ignore:`optuna.terminator` module has been deprecated")
@pytest.mark.filterwarnings("ignore:The OptunaSearchCV:FutureWarning")
def test_optuna_prunes_passes(digits):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.GridSampler({"n_components": [8, 4, 2]}, seed=0),
        pruner=optuna.pruners.ThresholdPruner(lower=0.4),
    )
    search = OptunaSearchCV(
        AutoencoderTransformer(random_state=0),
        {"n_components": CategoricalDistribution([8, 4, 2])},
        cv=2,
        enable_pruning=True,
        max_iter=4,
        n_trials=3,
        study=study,
    )
    search.fit(digits[0])
    assert search.best_params_ == {"n_components": 8}
    assert any(trial.state.name == "PRUNED" for trial in search.trials_)


@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental")
@pytest.mark.filterwarnings("ignore:`optuna.terminator` module has been deprecated")
@pytest.mark.filterwarnings("ignore:The OptunaSearchCV:FutureWarning")
def test_optuna_searches_pipelines(digits):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = OptunaSearchCV(
        make_pipeline(AutoencoderTransformer(max_iter=2, random_state=0)),
        {"reduce__n_components": IntDistribution(2, 16, log=True)},
        cv=2,
        n_trials=3,
        random_state=0,
    )
    search.fit(*digits)
    assert 2 <= search.best_params_["reduce__n_components"] <= 16


def test_a_pipeline_caches_the_fit(digits, tmp_path):
    model = make_pipeline(
        AutoencoderTransformer(4, max_iter=2, random_state=0), memory=str(tmp_path)
    )
    grid = {"classify__C": [0.1, 1.0]}
    GridSearchCV(model, grid, cv=2, refit=False).fit(*digits)
    cached = list(tmp_path.rglob("output.pkl"))
    # A scaler and a network for each fold; the second C finds them there.
    assert len(cached) == 4
    first = model.fit(*digits).predict(digits[0])
    np.testing.assert_array_equal(model.fit(*digits).predict(digits[0]), first)
    assert len(list(tmp_path.rglob("output.pkl"))) == 6


def test_a_classifier_is_searched_with_its_autoencoder(digits):
    model = PretrainedClassifier(
        AutoencoderTransformer(max_iter=2), max_iter=5, random_state=0
    )
    grid = {"predict__autoencoder__n_components": [2, 8]}
    pipeline = Pipeline([("scale", MinMaxScaler()), ("predict", model)])
    search = GridSearchCV(pipeline, grid, cv=2).fit(*digits)
    assert search.best_params_ == {"predict__autoencoder__n_components": 8}
