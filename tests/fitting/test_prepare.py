from dataclasses import replace

import numpy as np
import pytest
import torch

from sklearn_ae.fitting.prepare import FitOptions, make_plan, split
from sklearn_ae.fitting.scaling import Scaling
from sklearn_ae.nn.losses import ReconstructionObjective
from sklearn_ae.nn.variational import EvidenceBound


@pytest.fixture
def options():
    return FitOptions(
        n_components=2,
        learning_rate=4e-3,
        schedule="one_cycle",
        weight_decay=0.0,
        batch_size="auto",
        max_iter=None,
        early_stopping=True,
        validation_fraction=0.25,
        n_iter_no_change=7,
        tol=1e-4,
        precision="auto",
        callbacks=(),
        verbose=0,
        seed=3,
        device=torch.device("cpu"),
    )


def positions(rows):
    return set(rows.index.tolist())


def test_training_and_validation_rows_share_none_and_are_all(curve, options):
    scaling = Scaling.learn(curve, "global", curve.shape[1:])
    train, validation = split(curve, None, scaling, options)
    assert len(validation) == 150
    assert not positions(train) & positions(validation)
    assert positions(train) | positions(validation) == set(range(600))
    again = split(curve, None, scaling, options)
    assert positions(again[1]) == positions(validation)
    other = split(curve, None, scaling, replace(options, seed=4))
    assert positions(other[1]) != positions(validation)


def test_rows_of_the_user_are_the_validation_rows(curve, options):
    scaling = Scaling.learn(curve, "global", curve.shape[1:])
    train, validation = split(curve, curve[:10], scaling, options)
    assert len(train) == 600
    np.testing.assert_allclose(validation.to_numpy(float), train.to_numpy(float)[:10])


def test_without_early_stopping_all_rows_are_trained_on(curve, options):
    scaling = Scaling.learn(curve, "global", curve.shape[1:])
    rows = split(curve, None, scaling, replace(options, early_stopping=False))
    assert len(rows[0]) == 600
    assert rows[1] is None


def test_the_plan_is_made_of_the_parameters(curve, options):
    scaling = Scaling.learn(curve, "global", curve.shape[1:])
    train, _ = split(curve, None, scaling, options)
    plan = make_plan(ReconstructionObjective(), train, options, reference=1.5)
    assert plan.n_epochs == 100
    assert plan.patience == 7
    assert plan.one_cycle
    assert plan.warm_up == 0
    assert plan.reference == 1.5
    patient = replace(options, early_stopping=False, schedule="constant", max_iter=4)
    plan = make_plan(EvidenceBound(kl_warmup=0.3), train, patient, reference=None)
    assert plan.n_epochs == 4
    assert plan.patience is None
    assert not plan.one_cycle
    assert plan.warm_up == 0.3
