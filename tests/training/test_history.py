import math
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.training.history import loss_curves, pack_epochs, unpack_epochs


def records(n_epochs, n_batches=1):
    rng = np.random.RandomState(0)
    history = []
    for epoch in range(1, n_epochs + 1):
        loss, valid_loss = rng.uniform(size=2).tolist()
        batch = {"train_loss": loss, "valid_loss": valid_loss, "train_batch_size": 300}
        best = {"valid_loss_best": epoch % 2 == 0, "dur": 0.1}
        losses = {"epoch": epoch, "train_loss": loss, "valid_loss": valid_loss}
        history.append({"batches": [dict(batch)] * n_batches, **losses, **best})
    return history


def without_durations(history):
    return [{k: v for k, v in record.items() if k != "dur"} for record in history]


@pytest.mark.parametrize("n_epochs", [0, 1, 2, 300])
@pytest.mark.parametrize("n_batches", [0, 1, 3])
def test_what_is_packed_comes_back(n_epochs, n_batches):
    history = records(n_epochs, n_batches)
    again = unpack_epochs(pickle.loads(pickle.dumps(pack_epochs(history))))
    assert again == without_durations(history)
    assert [list(record) for record in again] == [
        list(record) for record in without_durations(history)
    ]
    types = [type(value) for record in again for value in record.values()]
    assert types == [type(v) for r in without_durations(history) for v in r.values()]


@pytest.mark.parametrize(
    "change",
    [
        {"event": "best"},
        {"valid_loss": None},
        {"train_loss": 1},
        {"extra": [1, 2]},
        {"epoch": 2**70},
    ],
)
def test_records_that_make_no_table_stay_as_they_are(change):
    history = records(5)
    history[3].update(change)
    assert unpack_epochs(pack_epochs(history)) == without_durations(history)


def test_losses_that_are_not_finite_come_back():
    history = records(3)
    for record in history:
        record["valid_loss"] = record["batches"][0]["valid_loss"] = math.nan
    again = unpack_epochs(pack_epochs(history))
    assert all(math.isnan(record["valid_loss"]) for record in again)
    assert all(math.isnan(record["batches"][0]["valid_loss"]) for record in again)


def test_an_epoch_takes_few_bytes():
    sizes = [len(pickle.dumps(pack_epochs(records(n)))) for n in (100, 200)]
    assert sizes[1] - sizes[0] <= 25 * 100


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
def test_curves_of_a_pickled_estimator_are_those_before():
    X = load_digits().data[:200]
    model = AutoencoderTransformer(2, max_iter=3, random_state=0).fit(X)
    again = pickle.loads(pickle.dumps(model))
    assert again.loss_curve_ == model.loss_curve_
    assert again.validation_loss_curve_ == model.validation_loss_curve_
    assert loss_curves(again.net_.history) == loss_curves(model.net_.history)
