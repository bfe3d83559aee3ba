"""What is saved comes back as it was, and nothing else comes in."""

import copy
import json
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import skops.io
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from skorch.callbacks import EpochScoring
from torch import nn

from sklearn_ae import (
    VAE,
    Architecture,
    AutoencoderTransformer,
    ConvArchitecture,
    ConvAutoencoderTransformer,
    DenoisingAE,
    ModelFileError,
    PretrainedClassifier,
    PretrainedRegressor,
    SparseAE,
    load,
    save,
)
from sklearn_ae.base import BaseAutoencoder, Recipe
from sklearn_ae.persistence import SKOPS_TYPES, container
from sklearn_ae.persistence.known import SPLITTERS

from .comparing import assert_equal, fit_quietly, learned, use
from .hostile import find, put_together, take_apart, with_header

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")

X, Y = load_digits(return_X_y=True)
X, Y = X[:90], Y[:90] % 3
WORDS = np.array(["naught", "one", "two"])
SHORT = {"max_iter": 1, "random_state": 0, "device": "cpu"}
SMALL = {"hidden_layer_sizes": (8,), "init": "random", **SHORT}
FRAME = pd.DataFrame(X, columns=[f"<b>{i}</b> é" for i in range(64)])
OLD = Path(__file__).parents[1] / "data" / "format_1.safetensors"


def two_layers(n_features, n_components):
    return nn.Linear(n_features, n_components), nn.Linear(n_components, n_features)


def halve(rows):
    return rows / 2


@dataclass
class Shallow(Architecture):
    width: int = 8

    def build(self, n_features, n_components):
        # A number of its own, which no outline could know.
        offset = torch.full((1,), 0.5).item()
        encoder = nn.Sequential(nn.Linear(n_features, self.width), nn.ELU(1 + offset))
        encoder.append(nn.Linear(self.width, n_components))
        return encoder, nn.Linear(n_components, n_features)


class Tanh(BaseAutoencoder):
    def __init__(self, n_components=2, *, max_iter=1, random_state=0):
        self.n_components = n_components
        self.max_iter = max_iter
        self.random_state = random_state

    def _recipe(self):
        return Recipe(init="random")


OWN = {"two_layers": two_layers, "halve": halve, "Shallow": Shallow, "Tanh": Tanh}

# Estimators, the rows that they are fitted on, and their targets.
FITS = {
    "network": (AutoencoderTransformer(3, **SMALL), X, None),
    "PCA": (AutoencoderTransformer(3, **SHORT), X, None),
    "frame": (AutoencoderTransformer(3, **SMALL), FRAME, None),
    "sparse rows": (DenoisingAE(3, **SHORT), sp.csr_array(X), None),
    "float32": (DenoisingAE(3, corruption="swap", **SMALL), X.astype("f4"), None),
    "images": (
        ConvAutoencoderTransformer(3, channels=(4,), init="random", **SHORT),
        X.reshape(-1, 8, 8),
        None,
    ),
    "counts": (VAE(3, likelihood="negative_binomial", **SMALL), X, None),
    "factors": (VAE(3, noise_variance="per_feature", **SHORT), X, None),
    "nested": (AutoencoderTransformer(3, nested=True, **SHORT), X, None),
    "nested denoiser": (DenoisingAE(4, nested=(2, 4), **SHORT), X, None),
    "tied": (AutoencoderTransformer(3, tied_weights=True, **SMALL), X, None),
    "activation": (DenoisingAE(70, code_activation="relu", **SMALL), X, None),
    "top-k": (SparseAE(**SHORT), X, None),
    "batch top-k": (SparseAE(40, sparsity="batch_topk", **SMALL), X, None),
    "l1": (SparseAE(40, sparsity="l1", **SMALL), X, None),
    "kl": (SparseAE(40, sparsity="kl", **SMALL), X, None),
    "log loss": (AutoencoderTransformer(3, loss="log_loss", **SMALL), X / 16, None),
    "absolute error": (
        AutoencoderTransformer(3, loss="absolute_error", **SHORT, floor=False),
        np.where(np.arange(X.size).reshape(X.shape) % 997 == 0, -999.0, X),
        None,
    ),
    "map": (
        ConvAutoencoderTransformer(channels=(4,), bottleneck="map", **SHORT),
        X,
        None,
    ),
    "conv sparse": (
        SparseAE(32, architecture=ConvArchitecture(channels=(4,)), **SHORT),
        X,
        None,
    ),
    "words": (
        PretrainedClassifier(
            DenoisingAE(3, **SMALL), missing_label=None, max_iter=1, random_state=0
        ),
        FRAME,
        np.where(Y == 2, None, WORDS[Y].astype(object)),
    ),
    "fixed words": (
        PretrainedClassifier(VAE(3, **SMALL), max_iter=1, random_state=0),
        X,
        WORDS[Y],
    ),
    "frozen": (
        PretrainedRegressor(
            FrozenEstimator(fit_quietly(SparseAE(40, **SMALL), X)),
            max_iter=1,
            random_state=0,
        ),
        X,
        np.c_[Y, X[:, 20]].astype(float),
    ),
    "own function": (AutoencoderTransformer(3, architecture=two_layers, **SHORT), X, Y),
    "own architecture": (
        AutoencoderTransformer(3, architecture=Shallow(4), init="random", **SHORT),
        X,
        None,
    ),
    "own corruption": (DenoisingAE(3, corruption=halve, **SMALL), X, None),
    "own class": (Tanh(), X, None),
}


@pytest.fixture(scope="module")
def fitted():
    """Return estimators by name, fitted when they are first asked for."""
    known = {}

    def fit(name):
        if name not in known:
            model, rows, targets = FITS[name]
            known[name] = fit_quietly(clone(model), rows, targets)
        return known[name]

    return fit


# ------------------------------------------------------------------------ round trips


@pytest.mark.parametrize("name", FITS)
def test_a_file_gives_back_what_was_saved_bit_by_bit(name, fitted, tmp_path):
    model, rows = fitted(name), FITS[name][1]
    save(model, tmp_path / "model")
    again = load(tmp_path / "model", custom=OWN)
    assert_equal(use(again, rows), use(model, rows))
    assert_equal(learned(again), learned(model))
    assert repr(again) == repr(model)


@pytest.mark.parametrize("name", FITS)
def test_files_are_hardly_larger_than_what_was_learned(name, fitted, tmp_path):
    save(fitted(name), tmp_path / "model")
    _, arrays = take_apart((tmp_path / "model").read_bytes())
    n_bytes = sum(array.nbytes for array in arrays.values())
    assert os.path.getsize(tmp_path / "model") <= n_bytes + 20_000


@pytest.mark.parametrize("name", ["network", "images", "counts"])
def test_what_is_learned_is_hardly_more_than_the_weights(name, tmp_path):
    model, rows, targets = FITS[name]
    options = {"channels": (16,)} if name == "images" else {"hidden_layer_sizes": 256}
    model = fit_quietly(clone(model).set_params(**options), rows, targets)
    save(model, tmp_path / "model")
    n_bytes = sum(v.nbytes for v in model.module_.state_dict().values())
    assert os.path.getsize(tmp_path / "model") <= 1.1 * n_bytes + 20_000


@pytest.mark.parametrize("name", FITS)
def test_estimators_that_are_not_fitted_come_back(name, tmp_path):
    model = clone(FITS[name][0])
    save(model, tmp_path / "model")
    again = load(tmp_path / "model", custom=OWN)
    assert repr(again) == repr(model)
    assert type(again) is type(model)


def test_equal_estimators_have_equal_files(fitted, tmp_path):
    for path in ("one", "other"):
        save(copy.deepcopy(fitted("network")), tmp_path / path)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("name", ["network", "tied", "PCA", "nested", "l1", "counts"])
def test_what_was_loaded_goes_on_as_a_pickle_would(name, fitted, tmp_path):
    rows = FITS[name][1]
    save(fitted(name), tmp_path / "model")
    ours, theirs = load(tmp_path / "model"), pickle.loads(pickle.dumps(fitted(name)))
    for again in (ours, theirs):
        again.partial_fit(rows)
        again.set_params(warm_start=True).fit(rows)
    assert_equal(use(ours, rows), use(theirs, rows))


def test_clones_of_what_was_loaded_learn_the_same(fitted, tmp_path):
    save(fitted("network"), tmp_path / "model")
    again = clone(load(tmp_path / "model")).fit(X)
    assert_equal(again.transform(X), fitted("network").transform(X))


def test_weights_that_layers_share_stay_shared(fitted, tmp_path):
    save(fitted("tied"), tmp_path / "model")
    module = load(tmp_path / "model").module_
    assert module.encoder[0].weight is module.decoder[-1].weight


PARAMETERS = [
    AutoencoderTransformer(np.int64(3), hidden_layer_sizes=[np.int32(8), 4]),
    AutoencoderTransformer(np.float32(0.9), learning_rate=np.float64(0.1)),
    AutoencoderTransformer(hidden_layer_sizes=np.array([8, 4]), nested=np.bool_(True)),
    AutoencoderTransformer(validation=KFold(3, shuffle=True, random_state=1)),
    AutoencoderTransformer(validation=GroupKFold(4), device=torch.device("cpu", 0)),
    PretrainedClassifier(class_weight={"a": 0.5, 1: np.inf}, missing_label=np.nan),
    PretrainedClassifier(FrozenEstimator(ConvAutoencoderTransformer(3, **SHORT))),
    VAE(architecture=ConvArchitecture(channels=(4,), kernel_size=(3, 5))),
    DenoisingAE(n_components=-1, callbacks=[]),
]


@pytest.mark.parametrize("model", PARAMETERS, ids=range(len(PARAMETERS)))
def test_parameters_keep_their_values_and_types(model, tmp_path):
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert repr(again) == repr(model)
    for name, value in model.get_params(deep=False).items():
        assert type(getattr(again, name)) is type(value)


def test_a_random_state_goes_on_where_it_was(tmp_path):
    state = np.random.RandomState(3)
    state.standard_normal(3)
    save(DenoisingAE(random_state=state), tmp_path / "model")
    again = load(tmp_path / "model").random_state
    np.testing.assert_array_equal(again.standard_normal(9), state.standard_normal(9))


def test_random_states_of_other_generators_are_refused(tmp_path):
    state = np.random.RandomState(np.random.PCG64(0))
    message = (
        r"^random_state must be an integer, or a RandomState of NumPy's usual bit "
        r"generator, MT19937, to be kept in a file; got RandomState\(PCG64\).*\. Pass "
        r"an integer\.$"
    )
    with pytest.raises(ValueError, match=message):
        save(DenoisingAE(random_state=state), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_output_settings_come_back(fitted, tmp_path):
    model = copy.copy(fitted("frame")).set_output(transform="pandas")
    save(model, tmp_path / "model")
    again = load(tmp_path / "model").transform(FRAME)
    pd.testing.assert_frame_equal(again, model.transform(FRAME))


def through_file(model, tmp_path, custom=None):
    save(model, tmp_path / "model")
    return load(tmp_path / "model", custom)


def through_skops(model, tmp_path):
    return skops.io.loads(skops.io.dumps(model), trusted=SKOPS_TYPES)


def through_pickle(model, tmp_path):
    return pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize("through", [through_file, through_skops, through_pickle])
def test_requests_of_metadata_come_back(fitted, through, tmp_path):
    model = copy.copy(fitted("words"))
    with config_context(enable_metadata_routing=True):
        model.set_fit_request(sample_weight="w", groups=True)
        model.set_score_request(sample_weight=False)
        model.autoencoder_.set_fit_request(X_val=False)
    again = through(model, tmp_path)
    assert str(again.get_metadata_routing()) == str(
        {
            "fit": {"sample_weight": "w", "groups": True},
            "score": {"sample_weight": False},
        }
    )
    for one, other in ((again, model), (again.autoencoder_, model.autoencoder_)):
        assert str(one._metadata_request) == str(other._metadata_request)
        assert str(clone(one)._metadata_request) == str(one._metadata_request)
    # Of a model that never asked there is nothing to give back.
    assert not hasattr(again.autoencoder, "_metadata_request")


def test_requests_of_splitters_come_back(tmp_path):
    with config_context(enable_metadata_routing=True):
        splitter = GroupKFold().set_split_request(groups="subject")
    again = through_file(DenoisingAE(validation=splitter), tmp_path).validation
    assert str(again.get_metadata_routing()) == "{'split': {'groups': 'subject'}}"


@pytest.mark.parametrize(
    ("requests", "message"),
    [
        ([["fit", {"dict": [["n_codes", True]]}]], r"got \['n_codes'\]"),
        ([["fit", {"dict": [["groups", "no name"]]}]], "should be either a valid"),
        ([["owner", {"dict": []}]], "no attribute 'requests'"),
    ],
)
def test_requests_that_no_estimator_has_are_refused(requests, message, small, read):
    description, arrays = take_apart(small)
    state = description["estimator"]["object"][1]
    state["_metadata_request"] = {"dict": requests}
    with pytest.raises(ModelFileError, match=message):
        read(put_together(description, arrays))


ARGUMENTS = {"LeavePGroupsOut": [2], "LeavePOut": [2], "PredefinedSplit": [[0, 1, 1]]}
NAMES = [name for name in SPLITTERS if not name.startswith("Base")]


@pytest.mark.parametrize("name", NAMES)
def test_every_splitter_of_scikit_learn_comes_back(name, tmp_path):
    splitter = SPLITTERS[name](*ARGUMENTS.get(name, []))
    again = through_file(DenoisingAE(validation=splitter), tmp_path).validation
    assert type(again) is type(splitter)
    assert repr(again) == repr(splitter)
    assert vars(again).keys() == vars(splitter).keys()


class Watcher:
    """A callback of scikit-learn that keeps the estimators of each epoch."""

    def __init__(self):
        self.seen = []

    def __reduce__(self):
        return Watcher, ()

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        if fitted_estimator.__sklearn_is_fitted__():
            codes = fitted_estimator.transform(X)
            self.seen.append((self.keep(fitted_estimator), codes))

    def teardown(self, estimator, context):
        pass


def test_callbacks_of_scikit_learn_are_handed_back(tmp_path):
    pytest.importorskip("sklearn.callback")
    watcher = Watcher()
    model = DenoisingAE().set_callbacks(watcher)
    again = through_file(model, tmp_path, {"Watcher": watcher})
    assert again._skl_callbacks == [watcher]
    with pytest.raises(ModelFileError, match="following the FitCallback protocol"):
        load(tmp_path / "model", custom={"Watcher": halve})


@pytest.mark.parametrize("through", [through_file, through_pickle])
def test_what_a_callback_sees_can_be_kept(through, tmp_path):
    pytest.importorskip("sklearn.callback")
    watcher = Watcher()
    custom = [{"Watcher": watcher}] if through is through_file else []
    watcher.keep = lambda model: through(model, tmp_path, *custom)
    model = DenoisingAE(3, **{**SMALL, "max_iter": 2}).set_callbacks(watcher)
    fit_quietly(model, X)
    for kept, codes in watcher.seen:
        assert_equal(kept.transform(X), codes)
        assert "_callback_fit_ctx" not in vars(kept)
    assert ["net_" in vars(kept) for kept, _ in watcher.seen] == [False, False, True]


class Private(Tanh):
    def fit(self, X, y=None):
        super().fit(X)
        self._own = 3
        return self


def test_attributes_that_no_file_keeps_are_refused(tmp_path):
    save(Private(), tmp_path / "model")
    with pytest.raises(ValueError, match="attributes of Private") as raised:
        save(fit_quietly(Private(), X), tmp_path / "model")
    assert str(raised.value) == (
        "attributes of Private must be parameters, or end in an underscore and begin "
        "with none, to be saved; got '_own'."
    )


def test_a_file_names_no_checkpoint(tmp_path):
    save(DenoisingAE(checkpoint="night.ckpt"), tmp_path / "model")
    assert b"night" not in (tmp_path / "model").read_bytes()
    assert load(tmp_path / "model").checkpoint is None


# ------------------------------------------------------------------- what is the user's


def test_what_is_the_users_own_is_named(fitted, tmp_path):
    model = DenoisingAE(corruption=halve, architecture=two_layers, callbacks=[])
    save(model, tmp_path / "model")
    with pytest.raises(ModelFileError) as raised:
        load(tmp_path / "model", custom={"halve": halve})
    assert str(raised.value) == (
        "custom must hold what the estimator was made of and the file does not hold; "
        "['two_layers'] is missing. Call load(path, custom={'two_layers': ...})."
    )


def test_callbacks_are_handed_back(tmp_path):
    callback = EpochScoring("neg_mean_squared_error")
    save(DenoisingAE(callbacks=[("score", callback)]), tmp_path / "model")
    again = load(tmp_path / "model", custom={"EpochScoring": callback})
    assert again.callbacks == [("score", callback)]


def test_an_architecture_must_be_handed_over_as_its_class(fitted, tmp_path):
    save(fitted("own architecture"), tmp_path / "model")
    with pytest.raises(ModelFileError, match="custom must hold the class Shallow"):
        load(tmp_path / "model", custom={"Shallow": Shallow()})
    with pytest.raises(ModelFileError, match="Shallow must be an estimator or an arch"):
        load(tmp_path / "model", custom={"Shallow": dict})


# ---------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("position", [-1, 625, 2**30])
def test_random_states_that_would_read_other_memory_are_refused(position, tmp_path):
    save(DenoisingAE(random_state=np.random.RandomState(3)), tmp_path / "model")
    description, arrays = take_apart((tmp_path / "model").read_bytes())
    state = description["estimator"]["object"][1]["random_state"]
    state["random_state"]["tuple"][2] = position
    (tmp_path / "model").write_bytes(put_together(description, arrays))
    with pytest.raises(ModelFileError, match="no such position"):
        load(tmp_path / "model")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return the bytes of a small file."""
    path = tmp_path_factory.mktemp("small") / "model"
    save(fit_quietly(AutoencoderTransformer(2, **SMALL), X[:, 20:30]), path)
    return path.read_bytes()


@pytest.fixture
def read(tmp_path):
    """Return a function that loads bytes."""

    def read(data):
        (tmp_path / "given").write_bytes(data)
        return load(tmp_path / "given")

    return read


def test_a_file_that_is_cut_off_anywhere_is_refused(small, read):
    for length in [*range(0, 12), *range(12, len(small), 97), len(small) - 1]:
        with pytest.raises(ModelFileError):
            read(small[:length])


def test_a_file_in_which_one_bit_has_flipped_is_refused(small, read):
    rng = np.random.RandomState(0)
    for at in [*range(12), *rng.randint(0, len(small), 150)]:
        flipped = bytearray(small)
        flipped[at] ^= 1 << rng.randint(8)
        with pytest.raises(ModelFileError):
            read(bytes(flipped))


def test_a_file_with_more_behind_it_is_refused(small, read):
    with pytest.raises(ModelFileError, match="must have the checksum that it names"):
        read(small + b"\0")


class Canary:
    def __reduce__(self):
        return os.system, ("echo this must not run >&2",)


def test_a_pickle_in_disguise_is_refused(small, read, capfd):
    pickled = pickle.dumps(Canary())
    for data in (pickled, small[:8] + pickled, b"{" + pickled):
        with pytest.raises(ModelFileError, match="If it is a pickle, read it with"):
            read(data)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("number", [0, 2, -1, "1", None, 1.0, True])
def test_other_formats_are_refused(small, read, number):
    description, arrays = take_apart(small)
    with pytest.raises(ModelFileError) as raised:
        read(put_together(description | {"format": number}, arrays))
    assert str(raised.value) == (
        f"the file must have a format from 1 to 1; got {number!r}. It may be from a "
        "newer version of sklearn-ae: install that."
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(small, read, value, fitted, tmp_path):
    description, arrays = take_apart(small)
    name = next(name for name in arrays if "weights" in name)
    arrays = {**arrays, name: np.full_like(arrays[name], value)}
    with pytest.raises(ModelFileError, match="weights must be finite"):
        read(put_together(description, arrays))
    model = copy.deepcopy(fitted("network"))
    nn.init.constant_(model.module_.encoder[0].weight, value)
    with pytest.raises(ValueError, match="weights must be finite to be saved"):
        save(model, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def rename(description):
    description["estimator"]["object"][0]["kind"] = "Popen"


def add_parameter(description):
    description["estimator"]["object"][1]["n_codes"] = 3


def shadow_method(description):
    description["estimator"]["object"][1]["score_"] = 3
    description["estimator"]["object"][1]["transform"] = 3


def add_checkpoint(description):
    description["estimator"]["object"][1]["checkpoint"] = "/etc/passwd"


def swap_model(description):
    state = description["estimator"]["object"][1]
    state["_model"] = {"object": [{"kind": "PlainCode"}, {}]}


def end_elsewhere(description):
    description["estimator"] = find(description, "Model")["recipe"]


def name_function(description):
    find(description, "Recipe")["objective"] = {
        "tuple": [{"custom": "system"}, {"tuple": ["ls"]}, {"dict": []}]
    }


CHANGES = {
    "an unknown class": (rename, "KeyError: 'Popen'"),
    "an unknown parameter": (add_parameter, "has no parameter 'n_codes'"),
    "a method's name": (shadow_method, "has no parameter 'transform'"),
    "a checkpoint": (add_checkpoint, "must not name a checkpoint"),
    "another model": (swap_model, "the model must be a Model, in an? Auto"),
    "no estimator": (end_elsewhere, "got a Recipe"),
    "a function": (name_function, "KeyError: 'system'"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_descriptions_of_something_else_are_refused(name, small, read):
    change, message = CHANGES[name]
    description, arrays = take_apart(small)
    change(description)
    with pytest.raises(ModelFileError, match=message):
        read(put_together(description, arrays))


HUGE = 10**9


def widen_code(d):
    find(d, "Model")["n_components"] = HUGE


def widen_layers(d):
    find(d, "DenseArchitecture")["hidden_layer_sizes"] = {"tuple": [HUGE]}


def add_layers(d):
    sizes = {"tuple": [1] * 50_000}
    find(d, "DenseArchitecture")["hidden_layer_sizes"] = sizes


def widen_rows(d):
    find(d, "Scaling")["row_shape"] = {"tuple": [HUGE]}


def widen_filters(d):
    find(d, "Recipe")["architecture"] = {
        "object": [
            {"kind": "ConvArchitecture"},
            {"image_shape": {"tuple": [1, 10]}, "channels": {"tuple": [HUGE]}},
        ]
    }


def add_filters(d):
    widen_filters(d)
    state = find(d, "ConvArchitecture")
    state.update(channels={"tuple": [2]}, convs_per_block=HUGE)


def add_filters_of_the_decoder(d):
    add_filters(d)
    find(d, "ConvArchitecture")["convs_per_block"] = {"tuple": [1, HUGE]}


def add_epochs(d):
    epochs = {"dict": [["epoch", 1], ["train_loss", 0.5]]}
    batches = {"dict": [["train_loss", None]]}
    packed = [["n_epochs", HUGE], ["epochs", epochs], ["batches", batches]]
    d["estimator"]["object"][1]["net_"]["tuple"][0] = {"dict": packed}


def nest(d):
    tree = None
    for _ in range(50_000):
        tree = [tree]
    d["estimator"] = tree


def widen_words(d):
    words = {"values": ["<U1000000", [1000], ["a" * 1_000_000] + [""] * 999]}
    d["estimator"]["object"][1]["classes_"] = words


BOMBS = [
    *(widen_code, widen_layers, add_layers, widen_rows, widen_filters, add_filters),
    *(add_filters_of_the_decoder, add_epochs, widen_words),
]

LOADS = """
import json, resource, sys, time, warnings
import sklearn_ae
from sklearn_ae import load, ModelFileError
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
try:
    load(sys.argv[1])  # which imports what it needs
except ModelFileError:
    pass
for path in sys.argv[1:]:
    before, start = peak(), time.process_time()
    try:
        load(path)
        error = None
    except ModelFileError as raised:
        error = str(raised)
    print(json.dumps([path, error, peak() - before, time.process_time() - start]))
"""


def test_huge_shapes_take_neither_memory_nor_time(small, tmp_path):
    paths = []
    for change in BOMBS:
        description, arrays = take_apart(small)
        change(description)
        paths.append(tmp_path / change.__name__)
        paths[-1].write_bytes(put_together(description, arrays))
    (tmp_path / "small").write_bytes(small)
    done = subprocess.run(
        [sys.executable, "-c", LOADS, tmp_path / "small", *paths],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(BOMBS) + 1
    for path, error, memory, seconds in lines[1:]:
        assert error is not None, path
        assert memory <= 2 * os.path.getsize(path) + 50e6, path
        assert seconds < 2, path


@pytest.mark.parametrize("depth", [500, 100_000])
def test_deep_nesting_is_refused(small, read, depth):
    text = "[" * depth + "]" * depth

    def change(header):
        header["__metadata__"]["sklearn_ae"] = text

    with pytest.raises(ModelFileError):
        read(with_header(small, change))
    description, arrays = take_apart(small)
    tree = None
    for _ in range(500):
        tree = [tree]
    with pytest.raises(ModelFileError, match="nested too deeply"):
        read(put_together(description | {"estimator": tree}, arrays))


def test_many_small_parts_are_refused_before_they_are_read(small, read):
    text = "[" + "[]," * 10**6 + "1]"

    def change(header):
        header["__metadata__"]["sklearn_ae"] = text

    with pytest.raises(ModelFileError, match=r"got one of 2000\d+ parts in a file of"):
        read(with_header(small, change))


def test_headers_that_point_elsewhere_are_refused(small, read):
    def change(header):
        name = next(name for name in header if name != "__metadata__")
        header[name]["data_offsets"] = [0, 10**12]

    with pytest.raises(ModelFileError):
        read(with_header(small, change))


def test_folders_and_devices_are_refused(tmp_path):
    with pytest.raises(ModelFileError, match="got the folder"):
        load(tmp_path)
    with pytest.raises(ModelFileError, match="got the device or pipe '/dev/zero'"):
        load("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="got the device or pipe"):
        load(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing")


# ------------------------------------------------------------------------------ writing


def test_a_write_that_fails_leaves_the_old_file(small, tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_bytes(small)

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(container.os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        save(DenoisingAE(), path)
    assert path.read_bytes() == small
    assert os.listdir(tmp_path) == ["model"]


def test_what_cannot_be_written_is_named_as_the_user_does(tmp_path):
    path = tmp_path / "none" / "model"
    with pytest.raises(FileNotFoundError) as raised:
        save(DenoisingAE(), path)
    assert str(raised.value) == (
        "[Errno 2] path must name a file that can be written, but: No such file or "
        f"directory. Give another path: '{path}'"
    )


def test_links_stay_and_lead_to_the_file(tmp_path):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "model", tmp_path / "link"
    link.symlink_to(target)
    for n_components in (2, 3):
        save(DenoisingAE(n_components), link)
        assert link.is_symlink()
        assert load(target).n_components == n_components
    assert os.listdir(target.parent) == ["model"]


def test_devices_and_pipes_are_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="but: it is a device or pipe"):
        save(DenoisingAE(), pipe)
    assert pipe.is_fifo()
    assert os.listdir(tmp_path) == ["pipe"]


WITHIN_QUOTA = """
import os, resource, sys
from sklearn.datasets import load_digits
from sklearn_ae import AutoencoderTransformer, save, to_onnx
path = sys.argv[1]
model = AutoencoderTransformer(4, init="random", max_iter=1).fit(load_digits().data)
to_onnx(model)  # imports all that it takes
if os.geteuid() == 0:
    os.seteuid(65534)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for write in (save, to_onnx):
    try:
        write(model, path)
    except OSError as error:
        print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "reason"), [(0o777, "27] {}File too large"), (0o555, "13] {}Permission")]
)
def test_full_disks_and_read_only_folders_leave_the_old_file(
    mode, reason, small, tmp_path
):
    path = tmp_path / "folder" / "model"
    path.parent.mkdir()
    path.write_bytes(small)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.owner() == tmp_path.owner() and "pytest-" in parent.name:
            parent.chmod(0o755)
    tmp_path.chmod(0o755)
    path.parent.chmod(mode)
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHIN_QUOTA, path],
        capture_output=True,
        text=True,
        check=True,
    )
    start = "[Errno " + reason.format(
        "path must name a file that can be written, but: "
    )
    lines = said.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(start) and str(path) in line for line in lines)
    assert path.read_bytes() == small
    assert os.listdir(path.parent) == ["model"]


def test_other_estimators_are_refused(tmp_path):
    with pytest.raises(TypeError) as raised:
        save(make_pipeline(DenoisingAE(), LogisticRegression()), tmp_path / "model")
    assert str(raised.value) == (
        "estimator must be one of this library's autoencoders or predictors; got "
        "Pipeline. Save a Pipeline with skops, joblib or pickle."
    )


def test_what_contains_itself_is_refused(tmp_path):
    weights = {}
    weights["a"] = weights
    with pytest.raises(ValueError, match="nested at most 40 deep"):
        save(PretrainedClassifier(class_weight=weights), tmp_path / "model")


# -------------------------------------------------------------------------- old formats


def test_files_of_format_1_stay_readable():
    expected = np.load(OLD.with_suffix(".npz"))
    again = load(OLD)
    assert again.classes_.tolist() == ["naught", "one", "two"]
    assert list(again.feature_names_in_) == [f"<b>{i}</b> é" for i in range(10)]
    frame = FRAME.iloc[:20, 20:30].set_axis(again.feature_names_in_, axis=1)
    # Other processors round in their own way.
    np.testing.assert_allclose(
        again.predict_proba(frame), expected["probabilities"], atol=1e-5
    )
    np.testing.assert_allclose(
        again.autoencoder_.transform(frame), expected["codes"], atol=1e-4
    )
    assert again.autoencoder_.nested is True


def write_old():
    """Write the file that the test above reads; once for each format."""
    frame = FRAME.iloc[:, 20:30].set_axis(FRAME.columns[:10], axis=1)
    ae = DenoisingAE(4, nested=True, hidden_layer_sizes=(8,), **SHORT)
    model = PretrainedClassifier(ae, max_iter=3, random_state=0).fit(frame, WORDS[Y])
    save(model, OLD)
    np.savez(
        OLD.with_suffix(".npz"),
        probabilities=model.predict_proba(frame[:20]),
        codes=model.autoencoder_.transform(frame[:20]),
    )


if __name__ == "__main__":
    write_old()
