"""PCA is a module: a recipe's linear paths are PCA, in every kind of code."""

from dataclasses import FrozenInstanceError
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from sklearn_ae import ConvArchitecture, DenseArchitecture
from sklearn_ae.nn.codes import PlainCode
from sklearn_ae.nn.corruption import CorruptedInput
from sklearn_ae.nn.likelihoods import LikelihoodOutput
from sklearn_ae.nn.linear_path import PCASolution
from sklearn_ae.nn.losses import LossOutput, ReconstructionObjective
from sklearn_ae.nn.nested import nest
from sklearn_ae.nn.recipe import Recipe
from sklearn_ae.nn.sparse import SparseCode
from sklearn_ae.nn.statistics import RowStatistics
from sklearn_ae.nn.variational import EvidenceBound, LatentCode

WIDTH, K = 16, 4


@pytest.fixture(scope="module")
def rows():
    """Values in [0, 1] near a plane, as scaled rows with their PCA and units."""
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(200, K)) @ rng.dirichlet(np.ones(WIDTH), size=K)
    X = np.clip(X + 0.02 * rng.standard_normal(X.shape), 0.02, 0.98)
    pca = PCA(K).fit(X)
    baseline = PCASolution(
        pca.components_, pca.mean_, pca.explained_variance_, pca.noise_variance_
    )
    zero, one = np.zeros(WIDTH), np.ones(WIDTH)
    units = RowStatistics(X.mean(0), zero, one, one, one, X.min(0), X.max(0))
    return torch.tensor(X, dtype=torch.float32), units, pca, baseline


def bound():
    return {
        "bottleneck": LatentCode(),
        "output": LikelihoodOutput("gaussian"),
        "objective": EvidenceBound,
    }


RECIPES = {
    "squared error": Recipe(),
    "absolute error": Recipe(output=LossOutput("absolute_error")),
    "log loss": Recipe(output=LossOutput("log_loss")),
    "tied": Recipe(architecture=DenseArchitecture((8,), tied_weights=True)),
    "linear": Recipe(architecture=DenseArchitecture(())),
    "convolutions": Recipe(architecture=ConvArchitecture(channels=(4,))),
    "refined": Recipe(
        architecture=ConvArchitecture(channels=(4,), refinement_channels=(4,))
    ),
    "corrupted": Recipe(corruption=CorruptedInput("masking", 0.3)),
    "nested": nest(Recipe(), True),
    "sparse": Recipe(bottleneck=SparseCode().settle(2 * K)),
    "latent": Recipe(**bound()),
}
RECIPES = {name: recipe.for_rows((WIDTH,)) for name, recipe in RECIPES.items()}


def evaluate(recipe, module, X, pca, width):
    """Return losses and reconstructions; what is random is the same each time."""
    objective = recipe.build_objective(pca, width)
    with torch.no_grad():
        torch.manual_seed(0)
        losses = objective.loss_without_penalty(module.eval().forward_whole(X), X)
        torch.manual_seed(0)
        rebuilt = module.reconstruct(module.corruption(X))
    return losses.numpy(), rebuilt.numpy()


@pytest.mark.parametrize("name", RECIPES)
def test_a_network_starts_where_its_linear_paths_are(rows, name):
    X, units, _, pca = rows
    recipe, width = RECIPES[name], 2 * K if name == "sparse" else K
    network = evaluate(recipe, recipe.build_start(units, pca, width), X, pca, width)
    floor = evaluate(recipe, recipe.floor(units, pca, width), X, pca, width)
    for ours, theirs in zip(network, floor, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "name", sorted(set(RECIPES) - {"corrupted", "log loss", "latent"})
)
def test_the_linear_paths_are_pca(rows, name):
    X, units, pca, numbers = rows
    recipe = RECIPES[name]
    expected = pca.inverse_transform(pca.transform(X.numpy()))
    modules = [recipe.plain_pca(units, numbers, K)]
    if name != "sparse":  # it is better than PCA
        modules.append(recipe.floor(units, numbers, K))
    for module in modules:
        with torch.no_grad():
            rebuilt = module.eval().reconstruct(X).numpy()
        np.testing.assert_allclose(rebuilt, expected, atol=1e-6)


def test_logits_of_pca_are_clamped(rows):
    X, units, pca, numbers = rows
    with torch.no_grad():
        rebuilt = RECIPES["log loss"].floor(units, numbers, K).reconstruct(X).numpy()
    expected = pca.inverse_transform(pca.transform(X.numpy())).clip(0.01, 0.99)
    np.testing.assert_allclose(rebuilt, expected, atol=1e-6)


def test_the_bound_of_the_linear_paths_is_pca_s_likelihood(rows):
    X, units, pca, numbers = rows
    recipe = RECIPES["latent"]
    module = recipe.floor(units, numbers, K)
    losses, _ = evaluate(recipe, module, X, numbers, K)
    expected = pca.score_samples(X.numpy())
    np.testing.assert_allclose(-losses, expected, atol=1e-3 * WIDTH)


def test_sparse_pairs_are_at_least_as_good_as_pca(rows):
    X, units, _, numbers = rows
    recipe = Recipe(bottleneck=SparseCode(n_nonzero_coefs=2).settle(2 * K))
    _, ours = evaluate(recipe, recipe.floor(units, numbers, 2 * K), X, numbers, 2 * K)
    _, pcas = evaluate(recipe, recipe.plain_pca(units, numbers, 2), X, numbers, 2 * K)
    errors = [np.square(rebuilt - X.numpy()).mean(1) for rebuilt in (ours, pcas)]
    assert (errors[0] <= errors[1] + 1e-7).all()
    assert errors[0].mean() < errors[1].mean()


def test_building_linear_paths_draws_no_random_number(rows):
    _, units, _, numbers = rows
    before = torch.get_rng_state()
    RECIPES["squared error"].floor(units, numbers, K)
    RECIPES["squared error"].plain_pca(units, numbers, K)
    assert torch.equal(before, torch.get_rng_state())


def test_a_recipe_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Recipe().init = "random"


def test_the_architecture_is_a_copy():
    architecture = DenseArchitecture((8,))
    recipe = Recipe(architecture=architecture).for_rows((WIDTH,))
    architecture.set_params(hidden_layer_sizes=(4,))
    assert recipe.architecture.hidden_layer_sizes == (8,)


@pytest.mark.parametrize(
    ("change", "name", "fitted", "wanted"),
    [
        ({"output": LossOutput("absolute_error")}, "loss", "squared_error", None),
        ({"init": "random"}, "init", "pca", "random"),
        ({"scaling": None}, "scaling", "global", None),
        ({"bottleneck": PlainCode("relu")}, "code_activation", None, "relu"),
        (
            {"architecture": DenseArchitecture((3,))},
            "hidden_layer_sizes",
            (256, 128),
            (3,),
        ),
        ({"corruption": CorruptedInput("swap", 0.1)}, "corruption", None, None),
    ],
)
def test_another_network_cannot_go_on(change, name, fitted, wanted):
    recipe = Recipe(**change).for_rows((WIDTH,))
    with pytest.raises(ValueError, match=f"^{name} must stay") as error:
        recipe.go_on_from(Recipe().for_rows((WIDTH,)).for_values(WIDTH, 1000), K)
    if name not in ("loss", "corruption"):
        assert str(error.value) == (
            f"{name} must stay {fitted!r} while a fitted network goes on training; got "
            f"{wanted!r}. Clone the estimator, or set warm_start=False and call fit."
        )


def test_nested_codes_are_told_by_the_parameter():
    plain = Recipe().for_rows((WIDTH,))
    with pytest.raises(ValueError, match=r"^nested must stay False .* got True\. Cl"):
        nest(plain, True).go_on_from(plain, K)
    with pytest.raises(ValueError, match=r"^nested must stay True .* got \(2, 4\)\."):
        nest(plain, (2, 4)).go_on_from(nest(plain, True), K)


def test_objectives_may_differ():
    recipe = Recipe(objective=partial(ReconstructionObjective, "squared_error"))
    assert recipe.for_rows((WIDTH,)).go_on_from(Recipe().for_rows((WIDTH,)), K)
