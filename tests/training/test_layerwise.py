import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.fitting import fit
from sklearn_ae.fitting.verdict import evaluate_errors
from sklearn_ae.nn.linear_path import dense_layers
from sklearn_ae.training.layerwise import EncodedRows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")


@pytest.fixture(scope="module")
def digits():
    return load_digits().data / 16


def pretrained(digits, **params):
    shared = {"max_iter": 25, "random_state": 0, "hidden_layer_sizes": (24, 12)}
    return AutoencoderTransformer(4, **(shared | params)).fit(digits)


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("tied_weights", [False, True])
def test_both_ways_lead_to_the_same_layers(digits, init, tied_weights):
    params = {"init": init, "tied_weights": tied_weights}
    codes = [
        pretrained(digits, pretraining=way, **params).transform(digits)
        for way in ("layerwise", "layerwise_cached", None)
    ]
    np.testing.assert_allclose(codes[0], codes[1], atol=2e-2)
    assert np.abs(codes[0] - codes[2]).max() > 0.02


def watch_pretraining(model, X):
    """Return error and weights of the encoder before and after pretraining."""
    seen = []
    original = fit.pretrain_layers

    def look(model, rows):
        layers = dense_layers(model.module.encoder)
        weights = [layer.weight.detach().clone() for layer in layers[::2]]
        seen.append((evaluate_errors(model, rows).mean(), weights))

    def pretrain(model, rows, *args):
        look(model, rows)
        original(model, rows, *args)
        look(model, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "pretrain_layers", pretrain)
        model.fit(X)
    return seen


def test_stacked_layers_reconstruct_before_they_learn_together(digits):
    """Without the last phase the stack is only what the pairs learned."""
    model = AutoencoderTransformer(
        16,
        hidden_layer_sizes=(48,),
        init="random",
        pretraining="layerwise",
        max_iter=40,
        random_state=0,
    )
    (before, _), (after, _) = watch_pretraining(model, digits)
    assert after < 0.4 * before


@pytest.mark.parametrize("tied_weights", [False, True])
def test_training_still_starts_at_pca(digits, tied_weights):
    """Pretrained layers wait behind gates; those beside the code are left out."""
    model = AutoencoderTransformer(
        4,
        hidden_layer_sizes=(24, 12),
        pretraining="layerwise",
        tied_weights=tied_weights,
        max_iter=3,
        random_state=0,
    )
    (before, start), (after, ready) = watch_pretraining(model, digits)
    assert after == pytest.approx(before, rel=1e-5)
    learned = [not torch.equal(a, b) for a, b in zip(start, ready, strict=True)]
    assert learned == [True, True, False]


def test_ctrl_c_ends_the_whole_fit(digits):
    def interrupted(self, batch_size, generator):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EncodedRows, "shuffled_batches", interrupted)
        model = AutoencoderTransformer(4, pretraining="layerwise", max_iter=2)
        with pytest.raises(KeyboardInterrupt):
            model.set_params(random_state=0).fit(digits)
    assert not hasattr(model, "module_")


def test_a_network_without_hidden_layers(digits):
    with pytest.raises(ValueError, match="needs mirrored dense") as error:
        pretrained(digits, pretraining="layerwise", hidden_layer_sizes=())
    assert str(error.value) == (
        "pretraining='layerwise' needs mirrored dense networks with at least one "
        "hidden layer; got architecture=DenseArchitecture(hidden_layer_sizes=(), "
        "activation='gelu', tied_weights=False). Give hidden_layer_sizes, or set "
        "pretraining=None."
    )


def test_pretraining_is_repeatable_and_local(digits):
    before = torch.get_rng_state()
    first, second = (
        pretrained(digits, pretraining="layerwise").transform(digits) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("verb", ["fit", "partial_fit"])
def test_networks_without_layers_are_refused_also_where_nothing_is_trained(verb):
    few = np.random.RandomState(0).standard_normal((5, 8))
    model = AutoencoderTransformer(
        2, pretraining="layerwise", hidden_layer_sizes=(), random_state=0
    )
    with pytest.raises(ValueError, match=r"^pretraining='layerwise' needs"):
        getattr(model, verb)(few)
