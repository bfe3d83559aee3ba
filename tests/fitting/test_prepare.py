from dataclasses import replace

import numpy as np
import pytest
import torch

from sklearn_ae.fitting.prepare import FitOptions, Table, make_plan, split
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
        floor=True,
        validation="auto",
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


def split_of(X, options, **given):
    scaling = Scaling.learn(X, "global", X.shape[1:])
    return split(Table(X, X.shape[1:], **given), scaling, options)


def test_training_and_validation_rows_share_none_and_are_all(curve, options):
    rows = split_of(curve, options)
    train, validation = positions(rows.train), positions(rows.validation)
    assert len(validation) == 150
    assert not train & validation
    assert train | validation == set(range(600))
    assert rows.held_out.rows is rows.validation
    assert rows.held_out.are_new
    assert positions(split_of(curve, options).validation) == validation
    other = split_of(curve, replace(options, seed=4))
    assert positions(other.validation) != validation


def test_rows_of_the_user_are_the_validation_rows(curve, options):
    rows = split_of(curve[10:], options, X_val=curve[:10])
    assert len(rows.train) == 590
    found = rows.validation.to_numpy(float)
    scaling = Scaling.learn(curve[10:], "global", curve.shape[1:])
    expected = (curve[:10] - scaling.shift) / scaling.scale
    np.testing.assert_allclose(found, expected)
    assert rows.held_out.are_new


def test_rows_of_the_user_that_are_in_x_are_not_evaluated(curve, options):
    mixed = split_of(curve[10:], options, X_val=curve[:30])
    assert len(mixed.validation) == 30
    assert len(mixed.held_out.rows) == 10
    nearly = curve[:30] * (1 + 1e-12)
    for known in (curve[:30], curve[:30].astype(np.float32), nearly):
        assert not split_of(curve, options, X_val=known).held_out.are_new


def test_a_few_new_rows_among_those_of_x_say_nothing(curve, options):
    X_val = curve[4:100]
    assert not split_of(curve[8:], options, X_val=X_val).held_out.are_new
    assert split_of(curve[9:], options, X_val=X_val).held_out.are_new


def test_repeated_rows_of_the_user_count_as_one(curve, options):
    held_out = split_of(curve[4:], options, X_val=np.repeat(curve[:4], 60, 0)).held_out
    assert held_out.are_new
    assert len(held_out.rows) == 240
    assert held_out.n_units == 4


def test_without_early_stopping_all_rows_are_trained_on(curve, options):
    rows = split_of(curve, replace(options, early_stopping=False))
    assert len(rows.train) == 600
    assert rows.validation is None
    assert not rows.held_out.are_new


def test_the_plan_is_made_of_the_parameters(curve, options):
    train = split_of(curve, options).train
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
