import numpy as np
import pytest
import torch

from sklearn_ae.nn.contrast import (
    ContrastiveCode,
    ContrastiveObjective,
    ImageViews,
    TableViews,
    contrast_codes,
)
from sklearn_ae.nn.linear_path import PCASolution
from sklearn_ae.nn.losses import LossOutput, ReconstructionObjective
from sklearn_ae.nn.nested import nest
from sklearn_ae.nn.randomness import RandomSource, drawing_from
from sklearn_ae.nn.recipe import Recipe
from sklearn_ae.nn.statistics import RowStatistics


@pytest.fixture(autouse=True)
def draws():
    with drawing_from(RandomSource(0)):
        yield


def units(width):
    zero, one = np.zeros(width), np.ones(width)
    return RowStatistics(zero, zero, one, one, one)


def build(width=8, n_components=3, **params):
    recipe = contrast_codes(Recipe(**params), 0.5).for_rows((width,))
    return recipe, recipe.build(units(width), n_components)


def test_views_of_a_table_hold_values_of_the_same_column():
    X = torch.arange(4000.0).reshape(1000, 4)
    first, second = TableViews()(X)
    for view in (first, second):
        assert (view % 4 == X % 4).all()
        changed = (view != X).float().mean().item()
        assert changed == pytest.approx(0.1, abs=0.02)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("image_shape", [(9, 12, 1), (12, 9, 3), (1, 40, 2)])
def test_views_of_images_are_finite_and_differ_row_by_row(image_shape):
    X = torch.randn(20, int(np.prod(image_shape)))
    first, second = ImageViews(image_shape)(X)
    assert first.shape == second.shape == X.shape
    assert torch.isfinite(first).all()
    for one, other in ((first, X), (second, X), (first, second)):
        assert ((one - other).abs().amax(1) > 0).all()


def test_an_image_that_is_moved_stays_the_image():
    views = ImageViews((21, 21, 1))
    at = torch.stack(torch.meshgrid(*[torch.arange(21.0)] * 2, indexing="ij"))
    blob = (-(at - 10).square().sum(0) / 8).exp().flatten().repeat(500, 1)
    views.patch = 0.0  # at least one pixel
    moved = views._alter(blob)
    total = moved.sum(1, keepdim=True)
    centre = (moved[:, None] * at.flatten(1)).sum(2) / total
    # A round blob shows shifts, of at most 9 % of 21 pixels, and no turns.
    assert centre.mean(0).tolist() == pytest.approx([10, 10], abs=0.3)
    assert 1 < (centre - 10).abs().max() < 2.5


def test_a_turn_is_a_turn_also_of_oblong_images():
    views = ImageViews((20, 40, 1))
    views.scale = views.shift = views.patch = 0.0
    at = torch.stack(
        torch.meshgrid(torch.arange(20.0), torch.arange(40.0), indexing="ij")
    )
    middle = torch.tensor([9.5, 19.5])[:, None, None]
    disc = (-(at - middle).square().sum(0) / 30).exp().flatten().repeat(50, 1)
    moved = views._alter(disc)
    # But for the one pixel that is erased, a turned disc is a disc.
    assert ((moved - disc).abs() < 0.02).float().mean() > 0.99


def test_a_patch_of_the_mean_is_put_into_each_image():
    views = ImageViews((20, 20, 2))
    views.turn = views.scale = views.shift = 0.0
    moved = views._alter(torch.ones(30, 800))
    assert (moved == 0).sum(1).tolist() == [32] * 30


def test_only_some_steps_of_training_compare_views():
    _, module = build()
    X = torch.randn(16, 8)
    widths = [len(module.train()(X)) for _ in range(400)]
    assert set(widths) == {2, 4}
    assert widths.count(4) == pytest.approx(100, abs=25)
    assert {len(module.eval()(X)) for _ in range(40)} == {2}
    assert {len(module.train()(X[:1])) for _ in range(40)} == {2}


def test_loss_is_the_cross_entropy_of_who_belongs_to_whom():
    objective = ContrastiveObjective(ReconstructionObjective(), 2.0)
    target, raw, code = torch.randn(5, 4), torch.randn(5, 4), torch.randn(5, 2)
    plain = ReconstructionObjective()((raw, code), target)
    assert objective((raw, code), target) == plain
    first, second = torch.randn(5, 3), torch.randn(5, 3)
    one, other = (v / v.norm(dim=1, keepdim=True) for v in (first, second))
    likeness = (one @ other.T / 0.5).exp()
    own = likeness.diagonal()
    entropy = -(own / likeness.sum(1)).log() - (own / likeness.sum(0)).log()
    found = objective((raw, code, first, second), target)
    # Views are compared in a quarter of the steps, and weigh four times as much.
    torch.testing.assert_close(found, plain + 2 * 4 * entropy.mean() / 2)
    rows = objective.per_row((raw, code), target)
    torch.testing.assert_close(rows, (raw - target).square().sum(1))


def test_weight_is_in_units_of_the_variance():
    pca = PCASolution(np.eye(2, 8), np.zeros(8), np.array([4.0, 2.0]), 0.5)
    recipe, _ = build()
    # 4 + 2 + 6 * 0.5
    assert recipe.build_objective(pca, 2).weight == pytest.approx(0.5 * 9)


def test_what_is_settled_has_neither_views_nor_projection():
    _, module = build()
    names = {name.partition(".")[0] for name, _ in module.settled().named_children()}
    assert names == {"corruption", "encoder", "bottleneck", "decoder", "output"}


def test_without_weight_nothing_changes():
    recipe = Recipe()
    assert contrast_codes(recipe, 0) is recipe


def test_nested_codes_and_other_losses_are_refused():
    with pytest.raises(
        ValueError, match=r"^contrast needs nested=False; got contrast="
    ):
        contrast_codes(nest(Recipe(), True), 0.3)
    recipe = Recipe(bottleneck=ContrastiveCode(), output=LossOutput("log_loss"))
    with pytest.raises(ValueError, match=r"^contrast needs loss='squared_error'"):
        recipe.for_rows((8,))
