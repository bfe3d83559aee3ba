"""Every callback that skorch has works on our nets, or is known not to suit them."""

import io

import numpy as np
import pytest
import skorch.callbacks
import torch
from skorch.callbacks import Callback

from sklearn_ae import VAE, AutoencoderTransformer, PretrainedClassifier
from sklearn_ae.training.batches import Rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")


def params_of_first_layer(name):
    return name == "encoder.branch.0.weight"


# What each callback is made with; those that need another service are not here.
CALLBACKS = {
    "BatchScoring": {"scoring": lambda net, X, y: 1.0, "name": "one"},
    "Checkpoint": {"monitor": "valid_loss_best"},
    "EarlyStopping": {"monitor": "valid_loss", "patience": 2},
    "EpochScoring": {"scoring": None, "name": "scored"},
    "EpochTimer": {},
    "Freezer": {"patterns": params_of_first_layer},
    "GradientNormClipping": {"gradient_clip_value": 0.1},
    "Initializer": {"patterns": "decoder.branch.*.bias", "fn": torch.nn.init.zeros_},
    "LRScheduler": {"policy": "StepLR", "step_size": 1},
    "ParamMapper": {"patterns": params_of_first_layer},
    "PassthroughScoring": {"name": "train_loss", "on_train": True},
    "PrintLog": {"sink": lambda text: None},
    "ProgressBar": {},
    "TrainEndCheckpoint": {},
    "Unfreezer": {"patterns": params_of_first_layer, "at": 2},
    "WarmRestartLR": None,  # a policy of LRScheduler, no callback
    "LoadInitState": None,  # tested with a checkpoint below
    "InputShapeSetter": None,  # sets a module's size from X, which is settled here
    "MlflowLogger": None,
    "NeptuneLogger": None,
    "SacredLogger": None,
    "TensorBoard": None,  # tests/test_tracking.py
    "WandbLogger": None,
    "Callback": {},
}


def test_all_callbacks_are_known():
    assert set(CALLBACKS) == set(skorch.callbacks.__all__)


def fit(X, callbacks, cls=AutoencoderTransformer, **params):
    params = {"max_iter": 4, "schedule": "constant", "random_state": 0} | params
    return cls(1, callbacks=callbacks, **params).fit(X)


@pytest.mark.parametrize(
    "name", [name for name, options in CALLBACKS.items() if options is not None]
)
@pytest.mark.parametrize("early_stopping", [True, False])
def test_callback_works(curve, tmp_path, name, early_stopping):
    options = dict(CALLBACKS[name])
    if not early_stopping and options.get("monitor") is not None:
        options["monitor"] = "train_loss" if name == "EarlyStopping" else None
    if name in ("Checkpoint", "TrainEndCheckpoint"):
        options["dirname"] = str(tmp_path)
    callback = getattr(skorch.callbacks, name)(**options)
    model = fit(curve, [callback], early_stopping=early_stopping)
    assert len(model.net_.history) == model.n_iter_ > 0
    assert np.isfinite(model.transform(curve)).all()


@pytest.mark.parametrize("cls", [AutoencoderTransformer, VAE])
def test_checkpoint_of_the_end_holds_the_state_that_is_kept(curve, tmp_path, cls):
    checkpoint = skorch.callbacks.TrainEndCheckpoint(dirname=str(tmp_path))
    model = fit(curve, [checkpoint], cls, init="random", max_iter=20)
    saved = torch.load(tmp_path / "train_end_params.pt")
    for name, value in model.module_.state_dict().items():
        torch.testing.assert_close(saved[name], value, rtol=0, atol=0)


def test_training_goes_on_from_a_checkpoint(curve, tmp_path):
    checkpoint = skorch.callbacks.Checkpoint(monitor=None, dirname=str(tmp_path))
    first = fit(curve, [checkpoint], init="random", early_stopping=False)
    load = skorch.callbacks.LoadInitState(checkpoint)
    second = fit(curve, [load], init="random", early_stopping=False)
    # Its history is loaded, too.
    assert second.n_iter_ == 2 * first.n_iter_
    assert second.loss_curve_[4] < first.loss_curve_[0]


def test_scores_of_epochs_are_recorded(curve):
    def mean_error(net, X, y):
        raw = net.predict(X)
        rows = np.concatenate([block.numpy() for block in X.blocks()])
        return np.square(raw - rows).sum(1).mean()

    scored = skorch.callbacks.EpochScoring(
        mean_error, name="error", lower_is_better=True
    )
    model = fit(curve, [scored])
    errors = [record["error"] for record in model.net_.history]
    np.testing.assert_allclose(errors, model.validation_loss_curve_, rtol=1e-4)


def test_learning_rate_follows_a_policy(curve):
    scheduler = skorch.callbacks.LRScheduler("StepLR", step_size=1, gamma=0.5)
    seen = []

    class Look(Callback):
        def on_epoch_begin(self, net, **kwargs):
            seen.append(net.optimizer_.param_groups[0]["lr"])

    fit(curve, [scheduler, Look()], learning_rate=0.008)
    assert seen == pytest.approx([0.008, 0.004, 0.002, 0.001])


def test_frozen_parameters_stay(curve):
    freezer = skorch.callbacks.Freezer(params_of_first_layer)
    states = [
        fit(curve, callbacks, init="pca", early_stopping=False)
        for callbacks in ([freezer], [])
    ]
    frozen, free = (state.module_.encoder.branch[0].weight for state in states)
    untrained = fit(curve, [freezer], early_stopping=False, max_iter=1)
    start = untrained.module_.encoder.branch[0].weight
    torch.testing.assert_close(frozen, start, rtol=0, atol=0)
    assert not torch.equal(free, start)


# ------------------------------------------------------- verbs that a net refuses


REFUSED = {
    "fit": "fit(X)",
    "partial_fit": "partial_fit(X)",
    "fit_loop": "fit(X)",
    "predict": "reconstruct(X)",
    "predict_proba": "reconstruct(X)",
    "forward": "transform(X) or reconstruct(X)",
    "score": "score(X)",
}


@pytest.mark.parametrize("verb", REFUSED)
def test_verbs_of_skorch_are_refused_with_the_remedy(curve, verb):
    model = fit(curve, [])
    with pytest.raises(TypeError) as error:
        getattr(model.net_, verb)(curve)
    assert str(error.value) == (
        f"net_.{verb} needs rows as the estimator scales them; got rows in the units "
        f"of X. Call {REFUSED[verb]} of the estimator instead."
    )


def test_forward_iter_is_refused_too(curve):
    with pytest.raises(TypeError, match=r"^net_\.forward_iter needs rows as the"):
        list(fit(curve, []).net_.forward_iter(curve))


def test_scaled_rows_are_predicted(curve):
    model = fit(curve, [], init="random", max_iter=10)
    rows = Rows(curve, model.mean_, model.scale_, torch.device("cpu"))
    predicted = model.net_.predict(rows) * model.scale_ + model.mean_
    np.testing.assert_allclose(predicted, model.reconstruct(curve), atol=1e-4)
    blocks = list(model.net_.forward_iter(rows))
    np.testing.assert_array_equal(torch.cat(blocks).numpy(), model.net_.predict(rows))
    assert model.net_.score(rows) == pytest.approx(-model.net_.evaluate(rows))


def test_histories_hold_a_batch_for_each_epoch(curve):
    model = fit(curve, [])
    for record in model.net_.history:
        (batch,) = record["batches"]
        assert batch["train_loss"] == record["train_loss"]
        assert batch["valid_loss"] == record["valid_loss"]
        assert batch["train_batch_size"] + batch["valid_batch_size"] == len(curve)


def test_parameters_can_be_saved_and_loaded(curve):
    model = fit(curve, [], init="random")
    buffer = io.BytesIO()
    model.net_.save_params(f_params=buffer)
    buffer.seek(0)
    saved = torch.load(buffer)
    assert set(saved) == set(model.module_.state_dict())


def test_callbacks_of_classifiers_work_as_well(curve, tmp_path):
    y = (curve[:, 0] > 0).astype(int)
    checkpoint = skorch.callbacks.TrainEndCheckpoint(dirname=str(tmp_path))
    model = PretrainedClassifier(
        AutoencoderTransformer(2, max_iter=2),
        callbacks=[checkpoint],
        max_iter=5,
        random_state=0,
    ).fit(curve, y)
    assert (tmp_path / "train_end_params.pt").exists()
    assert model.score(curve, y) > 0.5
