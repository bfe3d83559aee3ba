import sys
import warnings

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
    PrintLog,
)

from sklearn_ae import (
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DivergenceWarning,
    InterruptedFitWarning,
    PCAFloorWarning,
)
from sklearn_ae.training.net import one_cycle

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")


def fit(X, **params):
    return AutoencoderTransformer(1, random_state=0, **params).fit(X)


class Recorder(Callback):
    """Count the calls of each hook."""

    def __init__(self):
        self.calls = {}

    def count(self, name):
        self.calls[name] = self.calls.get(name, 0) + 1

    def on_train_begin(self, net, **kwargs):
        self.count("train")

    def on_epoch_begin(self, net, **kwargs):
        self.count("epoch")

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        assert len(dataset_train) == 540
        assert len(dataset_valid) == 60
        self.count("epoch")

    def on_train_end(self, net, **kwargs):
        self.count("train")


class BatchRecorder(Recorder):
    def on_batch_end(self, net, batch=None, training=None, loss=None, **kwargs):
        assert training
        assert np.isfinite(loss.item())
        self.count("batch")

    def on_grad_computed(self, net, named_parameters, **kwargs):
        assert any(parameter.grad.any() for _, parameter in named_parameters)
        self.count("gradient")


def test_epoch_callbacks_are_called():
    recorder = Recorder()
    fit(curve_of(600), callbacks=[recorder], max_iter=4)
    assert recorder.calls == {"train": 2, "epoch": 8}


def test_batch_callbacks_are_called_and_change_nothing():
    recorder = BatchRecorder()
    observed = fit(curve_of(600), callbacks=[("recorder", recorder)], max_iter=4)
    steps = 4 * -(-540 // observed.net_.batch_size)
    assert recorder.calls["batch"] == recorder.calls["gradient"] == steps
    assert len(observed.net_.history[-1]["batches"]) == steps // 4
    assert observed.loss_curve_ == fit(curve_of(600), max_iter=4).loss_curve_


def curve_of(n_rows):
    rng = np.random.RandomState(0)
    t = rng.uniform(-3, 3, size=(n_rows, 1))
    return np.hstack([t, t**2, np.sin(t)]) + 0.05 * rng.standard_normal((n_rows, 3))


def test_callbacks_of_skorch_work():
    lines = []
    scoring = EpochScoring(
        lambda net, X, y=None: float(len(X)), name="rows", lower_is_better=False
    )
    callbacks = [
        PrintLog(sink=lines.append),
        LRScheduler("StepLR", step_size=2, gamma=0.5),
        GradientNormClipping(1.0),
        scoring,
    ]
    model = fit(curve_of(600), callbacks=callbacks, schedule="constant", max_iter=5)
    assert "train_loss" in lines[0]
    assert len(lines) == 2 + 5
    rate = model.net_.optimizer_.param_groups[0]["lr"]
    assert rate == pytest.approx(model.learning_rate * 0.5**2)
    assert model.net_.history[:, "rows"] == [60.0] * 5


def test_early_stopping_of_skorch_ends_the_fit_without_a_word():
    stopper = EarlyStopping(monitor="train_loss", patience=2, threshold=0.5, sink=str)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InterruptedFitWarning)
        model = fit(curve_of(600), callbacks=[stopper], max_iter=200)
    assert model.n_iter_ < 200


def test_nothing_is_printed(capsys):
    fit(curve_of(600), max_iter=3)
    assert capsys.readouterr() == ("", "")


def test_the_progress_bar_shows_losses_beside_pca(capsys):
    fit(curve_of(600), max_iter=3, verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    for word in ("3/3", "loss=", "validation=", "PCA="):
        assert word in err


class CtrlC(Callback):
    """Raise what Ctrl-C raises, in the middle of an epoch."""

    def on_batch_end(self, net, **kwargs):
        if len(net.history) == 3:
            raise KeyboardInterrupt


def test_ctrl_c_stops_a_program_and_leaves_a_usable_model():
    model = AutoencoderTransformer(1, random_state=0, callbacks=[CtrlC()])
    with pytest.raises(KeyboardInterrupt):
        model.fit(curve_of(600))
    assert model.transform(curve_of(5)).shape == (5, 1)


def test_ctrl_c_at_a_prompt_ends_the_fit_with_a_warning(monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    namespace = {
        "__name__": "__main__",
        "model": AutoencoderTransformer(1, random_state=0, callbacks=[CtrlC()]),
        "X": curve_of(600),
    }
    with pytest.warns(InterruptedFitWarning) as record:
        exec("fitted = model.fit(X)", namespace)
    assert namespace["fitted"].transform(curve_of(5)).shape == (5, 1)
    messages = [str(w.message) for w in record if w.category is InterruptedFitWarning]
    assert messages[0] == (
        "Ctrl-C ended the fit after 2 epochs; the model is usable in its best state so "
        "far. Fit again to train it to the end."
    )


def test_ctrl_c_at_a_prompt_within_a_pipeline(monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    model = AutoencoderTransformer(1, random_state=0, callbacks=[CtrlC()])
    namespace = {
        "__name__": "__main__",
        "pipeline": make_pipeline(model, LinearRegression()),
        "X": curve_of(600),
    }
    with pytest.warns(InterruptedFitWarning):
        exec("pipeline.fit(X, X[:, 0])", namespace)
    assert namespace["pipeline"].predict(curve_of(5)).shape == (5,)


def test_ctrl_c_at_a_prompt_stops_a_grid_search(monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    namespace = {
        "__name__": "__main__",
        "model": AutoencoderTransformer(1, random_state=0, callbacks=[CtrlC()]),
        "X": curve_of(600),
    }
    program = (
        "from sklearn.model_selection import GridSearchCV\n"
        "GridSearchCV(model, {'batch_size': [64, 128]}, cv=2).fit(X)"
    )
    with pytest.raises(KeyboardInterrupt):
        exec(program, namespace)


class Poison(Callback):
    """Make the weights infinite after the first epochs."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) in self.epochs:
            with torch.no_grad():
                next(net.module_.parameters()).fill_(torch.inf)


def test_a_diverged_fit_goes_on_from_its_best_state():
    with pytest.warns(DivergenceWarning) as record:
        model = fit(curve_of(600), callbacks=[Poison([6])], max_iter=40)
    assert model.beats_pca_
    assert str(record[0].message) == (
        "The training loss became non-finite in epoch 6; training goes on from the "
        "best state with learning rate 4.0e-04. Set a smaller learning_rate to avoid "
        "this."
    )


def test_a_fit_that_diverges_again_and_again_is_an_error():
    poison = Poison(range(1, 100))
    with (
        pytest.warns(DivergenceWarning),
        pytest.raises(ValueError, match="must stay finite") as error,
    ):
        fit(curve_of(600), callbacks=[poison])
    assert str(error.value) == (
        "the training loss must stay finite; it did not, even at a learning rate of "
        "4.0e-06. Set scaling='global' or 'per_feature', or a smaller learning_rate."
    )


@pytest.mark.filterwarnings("ignore::sklearn_ae.DivergenceWarning")
@pytest.mark.parametrize("max_iter", [1, 2, 3])
@pytest.mark.parametrize("early_stopping", [True, False])
def test_a_fit_without_any_finite_epoch_is_an_error(max_iter, early_stopping):
    poison, params = Poison(range(1, 9)), {"early_stopping": early_stopping}
    with pytest.raises(ValueError, match="the training loss must stay finite"):
        fit(curve_of(600), callbacks=[poison], max_iter=max_iter, **params)
    with pytest.raises(ValueError, match="the training loss must stay finite"):
        AutoencoderTransformer(1, callbacks=[poison]).partial_fit(curve_of(600))


def normalised(n_features, n_components):
    encoder = torch.nn.Linear(n_features, n_components)
    decoder = torch.nn.Linear(n_components, n_features)
    return torch.nn.Sequential(encoder, torch.nn.BatchNorm1d(n_components)), decoder


def test_layers_that_normalise_over_a_batch_of_one_row_are_refused_before_training():
    model = AutoencoderTransformer(1, architecture=normalised, batch_size=1, max_iter=1)
    seen = Poison([])
    with pytest.raises(ValueError, match="normalises over a batch") as error:
        model.set_params(callbacks=[seen]).fit(curve_of(600))
    assert str(error.value) == (
        "a layer that normalises over a batch needs more than one value of each "
        "channel; got a batch of one row, and maps of one value. Set another "
        "batch_size, or leave that layer out (normalization='group' or None)."
    )
    model.set_params(batch_size=2).fit(curve_of(600))


@pytest.mark.parametrize("batch_size", [1, 2])
def test_batch_normalised_maps_of_one_pixel_need_two_rows(batch_size):
    X = np.random.RandomState(0).standard_normal((21, 16))
    params = {"normalization": "batch", "max_iter": 1, "batch_size": batch_size}
    params |= {"early_stopping": False, "channels": (2, 2), "image_shape": (4, 4)}
    model = ConvAutoencoderTransformer(1, **params)
    with pytest.raises(ValueError, match="needs more than one value of each channel"):
        model.fit(X)
    model.set_params(channels=(2,)).fit(X)


def test_warnings_point_at_the_line_that_called_fit():
    X = np.random.RandomState(0).standard_normal((60, 3))
    with pytest.warns(PCAFloorWarning) as record:
        AutoencoderTransformer(2, max_iter=1, random_state=0).fit(X)
    assert record[0].filename == __file__


def test_frozen_parameters_stay():
    def build(n_features, n_components):
        encoder = torch.nn.Linear(n_features, n_components).requires_grad_(False)
        return encoder, torch.nn.Linear(n_components, n_features)

    model = AutoencoderTransformer(
        1, architecture=build, init="random", weight_decay=1.0, random_state=0
    )
    first = model.partial_fit(curve_of(600)).module_.encoder.weight.clone()
    model.partial_fit(curve_of(600))
    assert torch.equal(first, model.module_.encoder.weight)


def test_the_schedule_ends_at_zero():
    assert one_cycle(0.0) == pytest.approx(0.04)
    assert one_cycle(0.2) == pytest.approx(1.0)
    assert one_cycle(1.0) == pytest.approx(0.0, abs=1e-12)


def test_weight_decay_spares_the_linear_path():
    X = np.random.RandomState(0).standard_normal((200, 4))
    decayed = AutoencoderTransformer(
        2, weight_decay=100.0, learning_rate=1e-3, max_iter=30, random_state=0
    )
    decayed.set_params(callbacks=[probe := Probe()])
    with pytest.warns(PCAFloorWarning):
        decayed.fit(X)
    first, last = probe.norms[0], probe.norms[-1]
    assert last["linear"] == pytest.approx(first["linear"], rel=0.1)
    assert last["branch"] < 0.5 * first["branch"]


class Probe(Callback):
    """Record the norms of the encoder's weights."""

    def on_epoch_end(self, net, **kwargs):
        encoder = net.module_.encoder
        norms = {
            "linear": encoder.linear.weight.norm().item(),
            "branch": encoder.branch[0].weight.norm().item(),
        }
        self.norms = [*getattr(self, "norms", []), norms]
