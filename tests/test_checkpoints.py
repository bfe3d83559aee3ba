"""Fits that are ended and begun again end as if nothing had happened."""

import copy
import errno
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
import scipy.sparse as sp
from joblib import parallel_config
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, KFold
from skorch.callbacks import Callback, EarlyStopping, LRScheduler, ParamMapper
from skorch.utils import freeze_parameter
from torch import nn

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    CheckpointWarning,
    ConvAutoencoderTransformer,
    DenoisingAE,
    DivergenceWarning,
    InterruptedFitWarning,
    PretrainedClassifier,
    PretrainedRegressor,
    SparseAE,
)
from sklearn_ae.training import checkpointing

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.DeadUnitsWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.PosteriorCollapseWarning"),
]

X, Y = (part[:300] for part in load_digits(return_X_y=True))
FAST = {"n_components": 4, "max_iter": 5, "random_state": 0, "floor": False}
SMALL = {"hidden_layer_sizes": (16,), **FAST}


class Ended(Exception):
    """What ends a fit in these tests."""


class EndIn(Callback):
    """End a fit in its n-th epoch, counted over all its runs."""

    def __init__(self, epoch, n_epochs=0):
        self.epoch = epoch
        self.n_epochs = n_epochs

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs += 1
        if self.n_epochs == self.epoch:
            raise Ended


def end(model, epoch, *data, callbacks=(), **fit_params):
    """Begin a fit that ends in an epoch; return what it has seen of it."""
    callbacks = [*callbacks, EndIn(epoch)]
    with pytest.raises(Ended):
        clone(model).set_params(callbacks=callbacks).fit(*data, **fit_params)


def count_epochs(model, *data):
    """Fit a model, and return it with the epochs that it took."""
    counter = EndIn(None)
    model = clone(model).set_params(callbacks=[counter]).fit(*data)
    return model, counter.n_epochs


def assert_equal_bit_by_bit(model, other):
    for curve in ("loss_curve_", "validation_loss_curve_"):
        np.testing.assert_array_equal(getattr(model, curve), getattr(other, curve))
    weights, others = model.module_.state_dict(), other.module_.state_dict()
    assert list(weights) == list(others)
    for name, value in weights.items():
        np.testing.assert_array_equal(value.numpy(), others[name].numpy(), name)


# ------------------------------------------------------------------------- what goes on

VARIANTS = [
    AutoencoderTransformer(**SMALL),
    AutoencoderTransformer(**SMALL, early_stopping=False),
    AutoencoderTransformer(**{**SMALL, "max_iter": 30}, n_iter_no_change=2, tol=0.05),
    AutoencoderTransformer(**SMALL, nested=True, tied_weights=True),
    AutoencoderTransformer(**{**SMALL, "n_components": 0.7}),
    AutoencoderTransformer(
        **{**SMALL, "hidden_layer_sizes": (16, 8, 6)}, pretraining="layerwise"
    ),
    AutoencoderTransformer(**{**SMALL, "floor": True}, precision="bfloat16"),
    ConvAutoencoderTransformer(**FAST, channels=(4,)),
    ConvAutoencoderTransformer(**FAST, channels=(4,), normalization="batch"),
    DenoisingAE(**SMALL),
    DenoisingAE(**SMALL, corruption=nn.Sequential(nn.BatchNorm1d(64), nn.Dropout())),
    SparseAE(**{**SMALL, "n_components": 80}),
    SparseAE(**SMALL, sparsity="kl"),
    SparseAE(**SMALL, sparsity="batch_topk"),
    VAE(**SMALL),
    VAE(**SMALL, likelihood="poisson"),
]


@pytest.mark.parametrize("model", VARIANTS, ids=str)
def test_a_fit_that_is_ended_twice_ends_as_if_it_had_not_been(model, tmp_path):
    undisturbed, n_epochs = count_epochs(model, X)
    model.set_params(checkpoint=tmp_path / "fit.ckpt", checkpoint_every=1)
    end(model, 2, X)
    end(model, 2, X)
    resumed, n_left = count_epochs(model, X)
    assert_equal_bit_by_bit(resumed, undisturbed)
    assert n_left == n_epochs - 2
    for name in ("best_iter_", "beats_pca_", "reconstruction_error_", "n_components_"):
        assert getattr(resumed, name) == getattr(undisturbed, name)
    np.testing.assert_array_equal(resumed.transform(X), undisturbed.transform(X))


NOISY = X + np.random.RandomState(0).standard_normal(X.shape)


@pytest.mark.parametrize(
    "data",
    [
        {"X": sp.csr_array(X)},
        {"X": X, "X_val": X[:50] + 0.1},
        {"X": X, "groups": Y},
        {"X": NOISY, "X_clean": X},
    ],
    ids=["sparse", "X_val", "groups", "pairs"],
)
def test_fits_to_all_kinds_of_data_go_on(data, tmp_path):
    model = DenoisingAE(**SMALL)
    undisturbed = clone(model).fit(**data)
    model.set_params(checkpoint=tmp_path / "fit.ckpt", checkpoint_every=1)
    end(model, 3, **data)
    assert_equal_bit_by_bit(clone(model).fit(**data), undisturbed)


def test_pairs_are_known_by_both_of_their_rows(tmp_path):
    model = DenoisingAE(**SMALL, checkpoint=tmp_path / "fit.ckpt")
    clone(model).fit(NOISY, X_clean=X)
    for data in ({"X": NOISY + 1, "X_clean": X}, {"X": NOISY, "X_clean": X + 1}):
        assert "other values of: X. " in refusal(model, **data)


@pytest.mark.parametrize("model", VARIANTS[:8], ids=str)
def test_a_fit_that_is_done_is_there_at_once(model, tmp_path):
    model = clone(model).set_params(checkpoint=tmp_path)
    first = clone(model).fit(X)
    again, n_epochs = count_epochs(model, X)
    assert n_epochs == 0
    assert_equal_bit_by_bit(again, first)
    # Its optimizer goes on as well.
    assert_equal_bit_by_bit(again.partial_fit(X), first.partial_fit(X))


PREDICTORS = [
    PretrainedClassifier(DenoisingAE(**SMALL), max_iter=4, random_state=0),
    PretrainedClassifier(max_iter=3, random_state=0, freeze="encoder"),
    PretrainedClassifier(
        AutoencoderTransformer(**SMALL),
        max_iter=6,
        random_state=0,
        freeze="gradual",
        reconstruction_weight=0.1,
        consistency_weight=0.1,
    ),
    PretrainedRegressor(
        SparseAE(**SMALL), max_iter=4, random_state=0, early_stopping=True
    ),
    PretrainedRegressor(VAE(**SMALL), max_iter=4, random_state=0, pretrain=False),
]


@pytest.mark.parametrize("model", PREDICTORS, ids=str)
@pytest.mark.parametrize("stage", ["autoencoder", "head"])
def test_predictors_go_on_in_either_stage(model, stage, tmp_path):
    y = np.where(np.arange(len(Y)) < 90, Y, -1 if hasattr(model, "classes") else Y)
    if model.autoencoder is None:
        small = DenoisingAE(**{**SMALL, "random_state": None})
        model = clone(model).set_params(autoencoder=small)
    undisturbed = clone(model).fit(X, y)
    model = clone(model).set_params(checkpoint=tmp_path / "a.ckpt", checkpoint_every=1)
    if stage == "head":
        end(model, 2, X, y)
    elif model.pretrain:
        inner = clone(model.autoencoder).set_params(callbacks=[EndIn(3)])
        with pytest.raises(Ended):
            clone(model).set_params(autoencoder=inner).fit(X, y)
    resumed, n_epochs = count_epochs(model, X, y)
    assert_equal_bit_by_bit(resumed, undisturbed)
    assert_equal_bit_by_bit(resumed.autoencoder_, undisturbed.autoencoder_)
    assert n_epochs == model.max_iter - (stage == "head")
    assert resumed.autoencoder_.checkpoint is None
    again, n_epochs = count_epochs(model, X, y)
    assert n_epochs == 0
    np.testing.assert_array_equal(again.predict(X), undisturbed.predict(X))


def test_a_fit_without_a_seed_goes_on_with_the_one_it_began_with(tmp_path):
    model = AutoencoderTransformer(**{**SMALL, "random_state": None})
    model.set_params(checkpoint=tmp_path / "fit.ckpt", checkpoint_every=1)
    end(model, 2, X)
    copied = tmp_path / "copy.ckpt"
    copied.write_bytes((tmp_path / "fit.ckpt").read_bytes())
    resumed = clone(model).fit(X)
    other = clone(model).set_params(checkpoint=copied).fit(X)
    assert_equal_bit_by_bit(resumed, other)
    elsewhere = clone(model).set_params(checkpoint=tmp_path / "new.ckpt").fit(X)
    assert elsewhere.loss_curve_ != resumed.loss_curve_


def test_callbacks_of_skorch_go_on_where_they_were(tmp_path):
    def watched(**params):
        rate = LRScheduler("StepLR", step_size=2, gamma=0.5)
        stop = EarlyStopping("train_loss", patience=3, threshold=0.9, sink=str)
        model = AutoencoderTransformer(**SMALL, schedule="constant", **params)
        return model.set_params(max_iter=20), [rate, stop]

    model, callbacks = watched()
    undisturbed = model.set_params(callbacks=callbacks).fit(X)
    assert undisturbed.n_iter_ < 20
    for epoch in (2, 2):
        model, callbacks = watched(checkpoint=tmp_path, checkpoint_every=1)
        end(model, epoch, X, callbacks=callbacks)
    model, callbacks = watched(checkpoint=tmp_path)
    assert_equal_bit_by_bit(model.set_params(callbacks=callbacks).fit(X), undisturbed)


def test_layers_that_were_frozen_on_the_way_stay_frozen(tmp_path):
    def freezer():
        return ParamMapper("encoder.*", at=2, schedule=None, fn=freeze_parameter)

    model = AutoencoderTransformer(**SMALL)
    undisturbed = clone(model).set_params(callbacks=[freezer()]).fit(X)
    model.set_params(checkpoint=tmp_path, checkpoint_every=1)
    end(model, 4, X, callbacks=[freezer()])
    resumed = clone(model).set_params(callbacks=[freezer()]).fit(X)
    assert_equal_bit_by_bit(resumed, undisturbed)


class Counting(nn.Module):
    """A layer that counts in Python, and holds another apart."""

    def __init__(self):
        super().__init__()
        self.n_batches, self.sizes, self.last = 0, [], {"mean": None}
        self.apart = [nn.BatchNorm1d(64, affine=False)]

    def forward(self, rows):
        if self.training:
            self.n_batches += 1
            self.sizes = [*self.sizes[-3:], len(rows)]
            self.last["mean"] = float(rows.detach().mean())
        rows = self.apart[0].train(self.training)(rows)
        return rows / self.n_batches + sum(self.sizes) + (self.last["mean"] or 0)


def test_what_layers_count_in_python_goes_on(tmp_path):
    def networks(n_features, n_components):
        encoder = nn.Sequential(Counting(), nn.Linear(n_features, n_components))
        return encoder, nn.Linear(n_components, n_features)

    model = AutoencoderTransformer(**FAST, architecture=networks, init="random")
    undisturbed = clone(model).fit(X)
    model.set_params(checkpoint=tmp_path, checkpoint_every=1)
    end(model, 3, X)
    assert_equal_bit_by_bit(clone(model).fit(X), undisturbed)


def test_a_warm_start_goes_on_too(tmp_path):
    first = AutoencoderTransformer(**SMALL, warm_start=True).fit(X)
    undisturbed = copy.deepcopy(first).fit(X)
    first.set_params(checkpoint=tmp_path, checkpoint_every=1)
    ended = copy.deepcopy(first).set_params(callbacks=[EndIn(3)])
    with pytest.raises(Ended):
        ended.fit(X)
    assert ended.n_iter_ == 5  # what there was before is as it was
    assert_equal_bit_by_bit(copy.deepcopy(first).fit(X), undisturbed)
    assert undisturbed.n_iter_ == 10


def test_steps_that_diverged_stay_small_when_a_fit_goes_on(tmp_path):
    class Spoil(Callback):
        def on_train_begin(self, net, **kwargs):
            self.n_epochs = len(net.history)

        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 2:
                next(net.module_.parameters()).data.fill_(np.nan)

    model = AutoencoderTransformer(**SMALL, callbacks=[Spoil()])
    with pytest.warns(DivergenceWarning):
        undisturbed = clone(model).fit(X)
    model.set_params(checkpoint=tmp_path, checkpoint_every=1)
    with pytest.warns(DivergenceWarning):
        end(model, 4, X, callbacks=[Spoil()])
    assert_equal_bit_by_bit(clone(model).fit(X), undisturbed)


def test_a_fit_that_took_no_training_needs_none_again(tmp_path):
    model = AutoencoderTransformer(2, random_state=0, checkpoint=tmp_path / "a.ckpt")
    rows = X[:20, 20:22]  # of which PCA's two components leave nothing
    first = clone(model).fit(rows)
    assert first.n_iter_ == 0
    again = clone(model).fit(rows)
    np.testing.assert_array_equal(again.transform(rows), first.transform(rows))


# ---------------------------------------------------------------- what is another fit


def refusal(model, *data, **fit_params):
    with pytest.raises(ValueError, match="checkpoint must") as error:
        clone(model).fit(*data, **fit_params)
    return str(error.value)


@pytest.fixture
def begun(tmp_path):
    """A model whose fit has a file."""
    file = tmp_path / "fit.ckpt"
    model = AutoencoderTransformer(**SMALL, checkpoint=file, checkpoint_every=1)
    end(model, 3, X)
    return model


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"learning_rate": 1e-3}, "learning_rate"),
        ({"max_iter": 6, "activation": "relu"}, "activation, max_iter"),
        ({"random_state": 1}, "random_state"),
        ({"random_state": None}, "random_state"),
    ],
    ids=str,
)
def test_a_file_of_other_parameters_is_refused_and_stays(begun, params, named):
    content = begun.checkpoint.read_bytes()
    assert refusal(begun.set_params(**params), X) == (
        f"checkpoint must be of the same fit; {str(begun.checkpoint)!r} is of one with "
        f"other values of: {named}. Give another path, or a folder, in which each fit "
        "has a file of its own, or remove the file."
    )
    assert begun.checkpoint.read_bytes() == content


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"X": X + (X == 3)}, "X"),
        ({"X": X[::-1]}, "X"),
        ({"X": X.astype(np.float32)}, "X"),
        ({"X": sp.csr_array(X)}, "X"),
        ({"X": X, "X_val": X[:9]}, "X_val"),
        ({"X": X, "groups": Y}, "groups"),
    ],
    ids=["a value", "order", "type", "sparse", "X_val", "groups"],
)
def test_a_file_of_other_data_is_refused_and_stays(begun, data, named):
    content = begun.checkpoint.read_bytes()
    assert f"other values of: {named}. " in refusal(begun, **data)
    assert begun.checkpoint.read_bytes() == content


def test_a_file_of_another_estimator_is_refused(begun):
    other = DenoisingAE(**SMALL, checkpoint=begun.checkpoint)
    assert "other values of: class, " in refusal(other, X)


def test_a_predictor_refuses_other_labels_and_weights(tmp_path):
    model = PretrainedClassifier(
        DenoisingAE(**SMALL), max_iter=2, checkpoint=tmp_path / "a.ckpt"
    )
    clone(model).fit(X, Y)
    assert "other values of: y. " in refusal(model, X, Y[::-1])
    named = "other values of: sample_weight. "
    assert named in refusal(model, X, Y, sample_weight=1 + Y)
    model.set_params(autoencoder__corruption_level=0.1)
    assert "other values of: autoencoder. " in refusal(model, X, Y)


def test_a_fitted_autoencoder_is_known_by_its_weights(tmp_path):
    first, second = (DenoisingAE(**SMALL).set_params(random_state=s) for s in (0, 0))
    second.fit(X[::-1]), first.fit(X)
    model = PretrainedClassifier(
        first, max_iter=2, random_state=0, checkpoint=tmp_path / "a.ckpt"
    )
    model.fit(X, Y)
    with pytest.raises(ValueError, match="other values of: autoencoder"):
        model.set_params(autoencoder=second).fit(X, Y)


def test_targets_count_where_a_splitter_looks_at_them(tmp_path):
    file = tmp_path / "a.ckpt"
    model = AutoencoderTransformer(**SMALL, checkpoint=file)
    clone(model).fit(X, Y)
    clone(model).fit(X, Y[::-1])
    file.unlink()
    model.set_params(validation=KFold(3))
    clone(model).fit(X, Y)
    assert "other values of: y. " in refusal(model, X, Y[::-1])


def test_a_fit_that_failed_before_training_leaves_no_file(tmp_path):
    model = AutoencoderTransformer(
        **{**SMALL, "hidden_layer_sizes": ()},
        pretraining="layerwise",
        checkpoint=tmp_path / "a.ckpt",
    )
    with pytest.raises(ValueError, match="at least one hidden layer"):
        model.fit(X)
    assert os.listdir(tmp_path) == []
    model.set_params(pretraining=None).fit(X)


def test_a_predictor_that_failed_before_training_leaves_no_file(tmp_path):
    inner = DenoisingAE(**SMALL).fit(X)
    model = PretrainedClassifier(
        inner, class_weight=dict.fromkeys(range(10), 0), checkpoint=tmp_path / "a.ckpt"
    )
    with pytest.raises(ValueError, match="class_weight must leave a labelled row"):
        model.fit(X, Y)
    assert os.listdir(tmp_path) == []


def test_who_watches_and_where_is_no_other_fit(begun):
    begun.set_params(verbose=0, callbacks=[EndIn(None)], checkpoint_every=9.0)
    assert clone(begun).fit(X).n_iter_ == 5


def test_rows_with_other_axes_are_other_rows(tmp_path):
    model = ConvAutoencoderTransformer(**FAST, channels=(4,), image_shape=(8, 8))
    model.set_params(checkpoint=tmp_path / "a.ckpt").fit(X)
    assert "other values of: row_shape. " in refusal(model, X.reshape(-1, 8, 8))


@pytest.mark.parametrize(
    ("version", "named"),
    [
        ({"format": 2}, "format 2, sklearn-ae"),
        (
            {"versions": {"sklearn-ae": "9.9", "torch": "2.4"}},
            "sklearn-ae 9.9, torch 2.4",
        ),
    ],
    ids=str,
)
def test_a_file_of_another_version_is_refused_and_stays(begun, version, named):
    file = begun.checkpoint
    content = checkpointing._pack(checkpointing._read(file) | version)
    file.write_bytes(content)
    said = refusal(begun, X)
    assert said.startswith("checkpoint must be of the versions that go on with it, ")
    assert f"{str(file)!r} is of format " in said
    assert named in said
    assert said.endswith(". Install these, give another path, or remove the file.")
    assert file.read_bytes() == content


def with_checksum(data):
    return checkpointing._HEAD + checkpointing._checksum(data) + data


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: b"some text",
        lambda content: content[: len(content) // 2],
        lambda content: content[:3000] + b"!" + content[3001:],
        lambda content: pickle.dumps({"runs": []}),
        lambda content: with_checksum(pickle.dumps(os.getcwd)),
        lambda content: with_checksum(pickle.dumps({"format": "1"}, protocol=2)),
    ],
    ids=["empty", "text", "half", "one byte", "a pickle", "a program", "a dict"],
)
def test_what_is_no_checkpoint_is_refused_and_stays(begun, spoil):
    spoiled = spoil(begun.checkpoint.read_bytes())
    begun.checkpoint.write_bytes(spoiled)
    assert refusal(begun, X) == (
        "checkpoint must name a file that a fit has written, or a new one; "
        f"{str(begun.checkpoint)!r} is damaged or something else. Give another path, "
        "or remove the file."
    )
    assert begun.checkpoint.read_bytes() == spoiled


# ----------------------------------------------------------------- folders and searches


@pytest.mark.parametrize("name", ["folder", "folder.d/", "deep/er"])
def test_a_folder_has_a_file_for_each_fit(tmp_path, name):
    folder = f"{tmp_path}/{name}"
    for width in (2, 3, 3):
        AutoencoderTransformer(**{**SMALL, "n_components": width}).set_params(
            checkpoint=folder
        ).fit(X)
    SparseAE(**SMALL, checkpoint=folder).fit(X)
    kinds = sorted(file.partition("-")[0] for file in os.listdir(folder))
    assert kinds == ["AutoencoderTransformer"] * 2 + ["SparseAE"]


def test_functions_are_told_apart_by_what_they_do(tmp_path):
    for factor in (0.5, 0.25):
        DenoisingAE(
            **SMALL, corruption=lambda rows, f=factor: rows * f, checkpoint=tmp_path
        ).fit(X)
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize(
    "backend", ["sequential", "threading", pytest.param("loky", marks=pytest.mark.slow)]
)
def test_a_search_that_was_ended_goes_on(tmp_path, backend):
    def search(**params):
        model = AutoencoderTransformer(**SMALL, **params)
        grid = {"n_components": [2, 3], "learning_rate": [1e-3, 1e-2]}
        return GridSearchCV(model, grid, cv=2)

    with parallel_config(backend, n_jobs=2):
        check_search(search, tmp_path)


def check_search(search, tmp_path):
    undisturbed = search().fit(X)
    kept = {"checkpoint": tmp_path / "search", "checkpoint_every": 1}
    with pytest.raises(ValueError, match="All the 8 fits failed"):
        search(**kept, callbacks=[EndIn(3)]).fit(X)
    assert len(os.listdir(tmp_path / "search")) == 8
    resumed = search(**kept).fit(X)
    for name, values in undisturbed.cv_results_.items():
        if name.endswith("score"):
            np.testing.assert_array_equal(resumed.cv_results_[name], values)
    assert_equal_bit_by_bit(resumed.best_estimator_, undisturbed.best_estimator_)


class KillOnce(Callback):
    """Kill the process of the first fit that comes here, without a word."""

    def __init__(self, mark):
        self.mark = mark

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 3:
            try:
                self.mark.touch(exist_ok=False)
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_a_search_goes_on_after_a_worker_was_killed(tmp_path):
    def search(**params):
        model = AutoencoderTransformer(**SMALL, **params)
        return GridSearchCV(model, {"n_components": [2, 3, 4]}, cv=2, n_jobs=2)

    callbacks = [KillOnce(tmp_path / "mark")]
    kept = {"checkpoint": tmp_path / "search", "checkpoint_every": 1}
    with pytest.raises(Exception, match=r"terminated|killed|SIGKILL"):
        search(**kept, callbacks=callbacks).fit(X)
    resumed = search(**kept, callbacks=callbacks).fit(X)
    undisturbed = search().fit(X)
    np.testing.assert_array_equal(
        resumed.cv_results_["mean_test_score"],
        undisturbed.cv_results_["mean_test_score"],
    )
    assert_equal_bit_by_bit(resumed.best_estimator_, undisturbed.best_estimator_)


# -------------------------------------------------------------------- disks and folders


def test_a_path_that_cannot_be_written_is_an_error_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    model = AutoencoderTransformer(**SMALL, checkpoint=tmp_path / "file" / "a.ckpt")
    counter = EndIn(1)
    with pytest.raises(OSError, match="checkpoint must name a file that can be read"):
        model.set_params(callbacks=[counter]).fit(X)
    assert counter.n_epochs == 0
    assert not hasattr(model, "loss_curve_")


AS_NOBODY = """
import os, sys
from sklearn_ae import AutoencoderTransformer
from sklearn.datasets import load_digits
X = load_digits().data[:300]
AutoencoderTransformer(4, random_state=0).fit(X)  # imports all that it takes
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    AutoencoderTransformer(4, checkpoint=sys.argv[1], random_state=0).fit(X)
except PermissionError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("is_there", [False, True])
def test_a_folder_that_is_read_only_is_an_error_before_training(tmp_path, is_there):
    folder = tmp_path / "read-only"
    folder.mkdir()
    file = folder / "a.ckpt"
    if is_there:
        fit = AutoencoderTransformer(4, checkpoint=file, random_state=0).fit
        fit(load_digits().data[:300])
        file.chmod(0o444)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.owner() == tmp_path.owner() and "pytest-" in parent.name:
            parent.chmod(0o755)
    tmp_path.chmod(0o755)
    folder.chmod(0o555)
    command = [sys.executable, "-c", AS_NOBODY, str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout == (
        "[Errno 13] checkpoint must name a file that can be read and written, but: "
        f"Permission denied. Give another path: '{file}'\n"
    )


def fail_with(code, after=0):
    """Return a function in the place of os.fsync that fails after so many calls."""
    calls = []
    sync = os.fsync

    def fail(descriptor):
        calls.append(descriptor)
        if len(calls) > after:
            raise OSError(code, os.strerror(code))
        sync(descriptor)

    return fail


def test_a_disk_that_is_full_from_the_start_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fail_with(errno.ENOSPC))
    model = AutoencoderTransformer(**SMALL, checkpoint=tmp_path / "a.ckpt")
    with pytest.raises(OSError, match="but: No space left on device"):
        model.fit(X)
    assert os.listdir(tmp_path) == []


def test_a_disk_that_fills_later_costs_no_fit_and_no_checkpoint(tmp_path, monkeypatch):
    file = tmp_path / "a.ckpt"
    model = AutoencoderTransformer(**SMALL, checkpoint=file, checkpoint_every=1)
    undisturbed = AutoencoderTransformer(**SMALL).fit(X)
    end(model, 3, X)
    content = file.read_bytes()
    monkeypatch.setattr(os, "fsync", fail_with(errno.ENOSPC))
    with pytest.warns(CheckpointWarning) as said:
        fitted = clone(model).fit(X)
    messages = [str(w.message) for w in said if w.category is CheckpointWarning]
    assert messages == [
        f"The checkpoint {str(file)!r} could not be written: No space left on device. "
        "Training goes on, and the state that was written before, if any, is as it "
        "was. Make room, and it is written again."
    ]
    assert_equal_bit_by_bit(fitted, undisturbed)
    assert os.listdir(tmp_path) == ["a.ckpt"]
    assert file.read_bytes() == content
    monkeypatch.undo()
    assert_equal_bit_by_bit(clone(model).fit(X), undisturbed)


# ---------------------------------------------------------------- signals and callbacks


class Signal(Callback):
    """Send a signal to this process as an epoch begins, or as it ends."""

    def __init__(self, number, hook="on_epoch_begin"):
        setattr(self, hook, self.send)
        self.number = number

    def send(self, net, **kwargs):
        if len(net.history) == 3:
            signal.raise_signal(self.number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_epoch_end"])
def test_a_signal_ends_a_fit_whose_epochs_are_kept(
    tmp_path, usual_handlers, number, hook
):
    model = AutoencoderTransformer(
        **SMALL, checkpoint=tmp_path / "a.ckpt", checkpoint_every=100
    )
    ended = clone(model).set_params(callbacks=[Signal(number, hook)])
    with pytest.raises(KeyboardInterrupt):
        ended.fit(X)
    for each, handler in usual_handlers.items():
        assert signal.getsignal(each) is handler
    resumed, n_epochs = count_epochs(model, X)
    assert n_epochs == 3
    assert_equal_bit_by_bit(resumed, AutoencoderTransformer(**SMALL).fit(X))


@pytest.mark.usefixtures("usual_handlers")
def test_sigterm_at_a_prompt_leaves_the_best_state_so_far(tmp_path, monkeypatch):
    monkeypatch.setattr("sklearn_ae._estimator.called_from_prompt", lambda: True)
    model = AutoencoderTransformer(**SMALL, checkpoint=tmp_path)
    ended = clone(model).set_params(callbacks=[Signal(signal.SIGTERM)])
    with pytest.warns(InterruptedFitWarning, match="ended the fit after 2 epochs"):
        ended.fit(X)
    assert ended.n_iter_ == 2
    assert ended.transform(X).shape == (300, 4)
    assert count_epochs(model, X)[1] == 3


def test_a_program_that_handles_sigterm_goes_on_doing_so():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        callbacks = [Signal(signal.SIGTERM)]
        model = AutoencoderTransformer(**SMALL, callbacks=callbacks).fit(X)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
    assert model.n_iter_ == 5


@pytest.mark.usefixtures("usual_handlers")
def test_fits_in_other_threads_leave_signals_alone(tmp_path):
    seen = []

    class Look(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(signal.getsignal(signal.SIGTERM))

    model = AutoencoderTransformer(**SMALL, callbacks=[Look()], checkpoint=tmp_path)
    thread = threading.Thread(target=model.fit, args=(X,))
    thread.start()
    thread.join()
    assert set(seen) == {signal.SIG_DFL}
    assert model.n_iter_ == 5


@pytest.mark.slow
def test_a_program_that_is_terminated_has_written_its_checkpoint(tmp_path):
    program = textwrap.dedent("""
        import sys, signal
        from sklearn.datasets import load_digits
        from sklearn_ae import AutoencoderTransformer
        from skorch.callbacks import Callback

        class Terminate(Callback):
            def on_epoch_begin(self, net, **kwargs):
                if len(net.history) == 3:
                    signal.raise_signal(signal.SIGTERM)

        AutoencoderTransformer(
            4, hidden_layer_sizes=(16,), max_iter=5, random_state=0, floor=False,
            checkpoint=sys.argv[1], checkpoint_every=100, callbacks=[Terminate()]
        ).fit(load_digits().data[:300])
    """)
    file = tmp_path / "a.ckpt"
    command = [sys.executable, "-c", program, str(file)]
    assert subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode
    resumed, n_epochs = count_epochs(
        AutoencoderTransformer(**SMALL, checkpoint=file), X
    )
    assert n_epochs == 3
    assert_equal_bit_by_bit(resumed, AutoencoderTransformer(**SMALL).fit(X))


# ------------------------------------------------------------------ whole programs

LIMITED = """
import resource, sys, warnings
from sklearn.datasets import load_digits
from sklearn_ae import AutoencoderTransformer, CheckpointWarning
from skorch.callbacks import Callback

class Fill(Callback):
    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    model = AutoencoderTransformer(
        4, hidden_layer_sizes=(16,), max_iter=5, random_state=0, floor=False,
        checkpoint=sys.argv[1], checkpoint_every=1, callbacks=[Fill()]
    ).fit(load_digits().data[:300])
print(model.n_iter_, [str(w.message) for w in said if w.category is CheckpointWarning])
"""


@pytest.mark.slow
def test_a_file_that_may_not_grow_costs_no_fit(tmp_path):
    file = tmp_path / "a.ckpt"
    command = [sys.executable, "-c", LIMITED, str(file)]
    said = subprocess.check_output(command, text=True)
    assert said.startswith(f'5 ["The checkpoint {str(file)!r} could not be written: ')
    assert "File too large. Training goes on" in said
    assert os.listdir(tmp_path) == ["a.ckpt"]
    resumed, n_epochs = count_epochs(
        AutoencoderTransformer(**SMALL, checkpoint=file), X
    )
    assert n_epochs == 3
    assert_equal_bit_by_bit(resumed, AutoencoderTransformer(**SMALL).fit(X))


TOGETHER = """
import sys, warnings
import numpy as np
from sklearn.datasets import load_digits
from sklearn_ae import AutoencoderTransformer
warnings.simplefilter("ignore")
model = AutoencoderTransformer(
    4, hidden_layer_sizes=(16,), max_iter=60, floor=False,
    checkpoint=sys.argv[1], checkpoint_every=1,
).fit(load_digits().data[:300])
print(model.loss_curve_)
"""


@pytest.mark.slow
def test_two_programs_at_once_do_the_same_fit(tmp_path):
    command = [sys.executable, "-c", TOGETHER, str(tmp_path / "a.ckpt")]
    programs = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    said = [program.communicate()[0] for program in programs]
    assert said[0] == said[1] == subprocess.check_output(command)
    assert os.listdir(tmp_path) == ["a.ckpt"]


OTHERS = """
import sys, time
from sklearn.datasets import load_digits
from sklearn_ae import AutoencoderTransformer
X = load_digits().data[:300]
options = {"hidden_layer_sizes": (16,), "max_iter": 20, "floor": False}
model = AutoencoderTransformer(4, **options, random_state=int(sys.argv[2]))
model.fit(X)  # imports all that it takes
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.readline()
try:
    again = AutoencoderTransformer(**model.get_params()).set_params(
        checkpoint=sys.argv[1], checkpoint_every=1
    ).fit(X)
    print(again.loss_curve_ == model.loss_curve_)
except ValueError as error:
    print(error)
"""


@pytest.mark.slow
def test_of_two_fits_with_one_path_one_is_refused(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", OTHERS, str(tmp_path / "a.ckpt")]
    programs = [
        subprocess.Popen(
            [*command, seed], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for seed in "01"
    ]
    for program in programs:
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        program.stdin.write("go\n")
        program.stdin.flush()
    said = sorted(program.communicate()[0] for program in programs)
    assert said[0] == "True\n"  # as without the checkpoint
    assert said[1].startswith("checkpoint must be of the same fit; ")
    assert os.listdir(tmp_path) == ["a.ckpt"]


def test_parameters_may_be_numbers_of_numpy(tmp_path):
    X, y = np.random.RandomState(0).standard_normal((30, 3)), np.arange(30) % 2
    ae = AutoencoderTransformer(1, max_iter=2, batch_size=np.int64(8), random_state=0)
    model = PretrainedClassifier(
        ae,
        batch_size=np.int64(8),
        learning_rate=np.float64(1e-3),
        max_iter=np.int64(2),
        checkpoint=tmp_path,
        random_state=0,
    )
    wanted = clone(model).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(clone(model).fit(X, y).predict_proba(X), wanted)
