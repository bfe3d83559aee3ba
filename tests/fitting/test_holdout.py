import numpy as np
import pytest
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)

from sklearn_ae.fitting.holdout import hold_out

from .test_dependence import copies, oversampled, rows, shuffled, subjects, walk
from .test_windows import windows


def split(X, validation="auto", fraction="auto", groups=None, y=None, seed=0):
    held_out = hold_out(X, y, validation, fraction, groups, seed)
    assert not set(held_out.train) & set(held_out.validation)
    return held_out


def test_different_rows_are_drawn_at_random():
    X = rows(300)
    found = split(X)
    order = np.random.RandomState(0).permutation(300)
    np.testing.assert_array_equal(found.validation, order[:60])
    np.testing.assert_array_equal(found.train, order[60:])
    assert found.groups is found.at_end is found.warning is None


@pytest.mark.parametrize("validation", ["auto", "random"])
@pytest.mark.parametrize("fraction", ["auto", 0.2])
def test_equal_rows_never_lie_on_both_sides(validation, fraction):
    at = np.random.RandomState(0).randint(100, size=400)
    found = split(rows(100)[at], validation, fraction)
    assert not set(at[found.train]) & set(at[found.validation])
    assert len(found.train) + len(found.validation) == 400
    assert len(np.unique(found.groups)) == len(set(at[found.validation]))
    assert found.warning is None


def test_repeating_rows_does_not_change_how_many_are_held_out():
    once, often = split(rows(100)), split(np.repeat(rows(100), 10, axis=0))
    assert len(np.unique(often.groups)) == len(once.validation) == 30


@pytest.mark.parametrize("X", [copies(0.01), subjects(40, 50, 0.1)])
def test_whole_groups_of_alike_rows_are_held_out(X):
    group = np.arange(len(X)) // (10 if len(X) == 1000 else 50)
    at = np.random.RandomState(0).permutation(len(X))
    found = split(X[at])
    assert not set(group[at][found.train]) & set(group[at][found.validation])
    # Each group has a number of its own.
    pairs = set(zip(found.groups, group[at][found.validation], strict=True))
    assert len(pairs) == len(np.unique(found.groups))
    assert found.warning.startswith("Many rows are near copies of others")
    assert split(X[at], "random").warning is None


@pytest.mark.parametrize(("X", "lag"), [(windows(1001), 50), (walk(1000), 83)])
def test_stretches_are_held_out_and_rows_beside_them_left_out(X, lag):
    found = split(X)
    gaps = np.abs(found.train[:, None] - found.validation)
    assert gaps.min() > lag
    last = found.validation[found.at_end]
    np.testing.assert_array_equal(last, np.arange(last[0], len(X)))
    assert 0.05 * len(X) < len(found.validation) <= 0.3 * len(X) + lag
    assert len(found.train) > 0.4 * len(X)
    text = (
        "Rows are windows that overlap" if lag == 50 else "Consecutive rows are alike"
    )
    assert found.warning.startswith(text)


def test_no_row_that_lies_next_to_a_held_out_one_is_trained_on():
    X, ends = oversampled(400, rows(200))
    at = np.random.RandomState(0).permutation(600)
    found = split(X[at])
    held_out, train = at[found.validation], at[found.train]
    assert np.mean(held_out < 200) > 0.9
    assert len(held_out) >= 55  # of the 200 that were not drawn
    drawn = train[train >= 200] - 200
    assert np.isin(ends[drawn], held_out).any(axis=1).mean() < 0.1
    assert len(drawn) > 100
    assert found.warning.startswith("Many rows lie between two others")


def test_the_end_of_a_sorted_table_is_held_out_too():
    X = rows(400)
    found = split(X[X[:, 0].argsort()] + 10 * np.linspace(0, 1, 400)[:, None])
    assert found.at_end.sum() == 30
    assert set(range(370, 400)) <= set(found.validation)
    assert len(found.validation) == 60
    assert found.warning is None


@pytest.mark.parametrize(("stride", "lag"), [(1, 50), (10, 5)])
def test_windows_that_lie_in_any_order_are_put_in_order(stride, lag):
    X = windows(1001, stride)
    at = np.random.RandomState(0).permutation(len(X))
    found = split(X[at])
    gaps = np.abs(at[found.train][:, None] - at[found.validation])
    assert gaps.min() > lag
    assert set(at[found.validation][found.at_end]) <= set(range(800, 1001))
    assert found.warning.startswith("Rows are windows that overlap")


def test_equal_rows_share_what_was_found_of_one_of_them():
    X = windows(1001)
    at = np.random.RandomState(0).randint(1001, size=3000)
    found = split(X[at])
    # Some windows were not drawn, so that 50 rows reach further than 50 windows.
    gaps = np.abs(at[found.train][:, None] - at[found.validation])
    assert gaps.min() > 50
    assert len(found.groups) == len(found.at_end) == len(found.validation)


# ------------------------------------------------------------- what the user declares


@pytest.mark.parametrize("validation", ["auto", "random"])
def test_declared_groups_stay_whole(validation):
    names = np.array(list("abcdefghij"))[np.random.RandomState(0).randint(10, size=200)]
    found = split(rows(200), validation, 0.3, groups=names)
    held_out = set(names[found.validation])
    assert len(held_out) == 3
    assert not held_out & set(names[found.train])
    assert len(np.unique(found.groups)) == 3


def test_the_last_rows_are_held_out():
    found = split(rows(200), "last", 0.25)
    np.testing.assert_array_equal(found.validation, np.arange(150, 200))
    np.testing.assert_array_equal(found.train, np.arange(150))


def test_rows_before_the_last_are_left_out_where_windows_overlap():
    found = split(windows(1001), "last", 0.2)
    assert found.validation.min() - found.train.max() > 50
    assert len(np.unique(found.groups)) <= 5


def test_the_groups_that_begin_last_are_held_out():
    found = split(rows(100), "last", 0.2, groups=np.arange(100) // 10)
    np.testing.assert_array_equal(found.validation, np.arange(80, 100))


@pytest.mark.parametrize(
    ("splitter", "expected"),
    [
        (TimeSeriesSplit(4), np.arange(80, 100)),
        (KFold(5), np.arange(20)),
        (PredefinedSplit(np.where(np.arange(100) < 7, 0, -1)), np.arange(7)),
    ],
    ids=["time", "folds", "own"],
)
def test_of_a_splitter_the_split_with_most_training_rows_is_taken(splitter, expected):
    found = split(rows(100), splitter)
    np.testing.assert_array_equal(found.validation, expected)


def test_splitters_get_groups_and_labels():
    groups = np.arange(100) // 5
    splitter = GroupShuffleSplit(1, test_size=0.2, random_state=0)
    found = split(rows(100), splitter, groups=groups)
    assert not set(groups[found.train]) & set(groups[found.validation])
    assert len(np.unique(found.groups)) == 4
    y = np.arange(100) % 2
    found = split(rows(100), StratifiedKFold(5), y=y)
    assert y[found.validation].mean() == 0.5


def test_held_out_rows_that_are_in_training_rows_are_not_evaluated():
    X = np.vstack([rows(90), rows(90)[:5]])
    found = split(X, "last", 0.2)
    np.testing.assert_array_equal(found.validation, np.arange(76, 90))


def test_one_group_cannot_be_split():
    with pytest.raises(ValueError, match="at least two groups") as error:
        split(rows(50), groups=np.zeros(50))
    assert str(error.value) == (
        "groups must name at least two groups, one to train on and one to hold out; "
        "got 1. Leave groups out, or name what rows have in common."
    )


def test_a_splitter_must_leave_rows_on_both_sides():
    splitter = PredefinedSplit(np.where(np.arange(50) < 49, 0, -1))
    with pytest.raises(ValueError, match=r"^validation must leave at least 2 rows for"):
        split(rows(50), splitter)


def test_rows_that_are_all_equal_leave_none_to_evaluate():
    assert len(split(np.ones((50, 3))).validation) == 0
    assert len(split(shuffled(rows(3)), fraction="auto").validation) == 0


class Splits:
    def __init__(self, *splits):
        self.splits = splits

    def __repr__(self):
        return "Splits()"

    def split(self, X, y=None, groups=None):
        return iter(self.splits)


def test_splitters_may_yield_masks_and_negative_positions():
    is_held_out = np.arange(20) % 4 == 0
    for train, validation in (
        (~is_held_out, is_held_out),
        (list(np.flatnonzero(~is_held_out)), np.arange(-20, 0, 4)),
    ):
        found = split(rows(20), Splits((train, validation)))
        np.testing.assert_array_equal(found.validation, np.arange(0, 20, 4))
        np.testing.assert_array_equal(found.train, np.flatnonzero(~is_held_out))


def test_rows_on_both_sides_of_a_splitter_are_not_evaluated():
    at = np.arange(20)
    found = split(rows(20), Splits((at[:15], at[10:])))
    np.testing.assert_array_equal(found.validation, at[15:])
    assert not len(split(rows(20), Splits((at, at))).validation)


@pytest.mark.parametrize(
    "split_of_rows",
    [
        (np.arange(15), np.array([15, 20])),
        (np.arange(15), np.array([0.5])),
        (np.arange(15), np.ones(3, dtype=bool)),
        (np.arange(15), ["a"]),
        (np.arange(15),),
        (np.arange(9), np.arange(9, 12), np.arange(12, 20)),
        3,
    ],
    ids=["too far", "numbers", "short mask", "words", "one", "three", "none"],
)
def test_a_split_is_a_pair_of_positions(split_of_rows):
    message = (
        r"^validation must yield pairs of positions of rows of X, to train on and to "
        r"hold out, from 0 to 19, or masks; the list yields something else\.$"
    )
    with pytest.raises(ValueError, match=message):
        split(rows(20), [split_of_rows])


def test_a_split_must_have_rows_on_both_sides():
    with pytest.raises(ValueError, match="got 20 and 0 from the list"):
        split(rows(20), [(np.arange(20), [])])


def test_a_splitter_must_yield_a_split():
    message = (
        r"^validation must be a splitter that yields at least one split; Splits\(\) "
        r"yields none\.$"
    )
    with pytest.raises(ValueError, match=message):
        split(rows(20), Splits())


@pytest.mark.parametrize(
    "splitter", [GroupKFold(3), GroupShuffleSplit(2), LeaveOneGroupOut()], ids=str
)
def test_a_splitter_that_needs_groups_asks_for_them(splitter):
    with pytest.raises(ValueError, match="a splitter that can split X") as error:
        split(rows(20), splitter)
    assert str(error.value) == (
        f"validation must be a splitter that can split X; {splitter!r} fails with: The "
        "'groups' parameter should not be None. If it looks at groups or y, pass them "
        "to fit."
    )


def test_a_splitter_that_needs_labels_asks_for_them():
    with pytest.raises(ValueError, match="looks at groups or y, pass them to fit"):
        split(rows(20), StratifiedKFold(3))


def test_a_splitter_needs_no_fraction():
    found = split(rows(50), KFold(3), 0.005)
    assert len(found.validation) == 16


def test_splitters_must_keep_groups_whole():
    at, groups = np.arange(30), np.repeat(np.arange(10), 3)
    message = (
        r"^validation must keep the rows of a group together, because groups were "
        r"given; Splits\(\) has rows of 10 groups on both sides\. Pass a splitter that "
        r"looks at groups, such as GroupShuffleSplit, or no groups\.$"
    )
    with pytest.raises(ValueError, match=message):
        split(rows(30), Splits((at[at % 3 > 0], at[at % 3 == 0])), groups=groups)


@pytest.mark.parametrize("fraction", [0.5, 0.7, 0.8, 0.95])
@pytest.mark.parametrize("validation", ["auto", "last"])
@pytest.mark.parametrize("X", [walk(600), windows(300, length=200)])
def test_however_many_ordered_rows_are_held_out_some_are_left(X, validation, fraction):
    found = split(X, validation, fraction)
    assert len(found.validation) >= 0.3 * len(X)
    assert len(found.train) >= min(0.15, 0.49 * (1 - fraction)) * len(X)


def test_the_last_groups_must_leave_rows_to_train_on():
    message = (
        r"^validation='last' must leave at least 2 rows for training; the groups that "
        r"begin last have 99 of the 100 rows\. Set a smaller validation_fraction, or "
        r"validation='auto'\.$"
    )
    with pytest.raises(ValueError, match=message):
        split(rows(100), "last", groups=np.arange(100) > 0)


@pytest.mark.parametrize("n_equal", [0, 1])
def test_a_share_that_is_asked_for_is_held_out(n_equal):
    X = rows(40_000)[:, :3]
    X[:n_equal] = X[-1]
    found = split(X, "random", 0.3)
    assert len(found.validation) == pytest.approx(12_000, abs=2)
    assert len(found.train) + len(found.validation) == 40_000


def test_by_default_large_groups_do_not_hold_out_more_than_is_evaluated():
    found = split(rows(60_000)[:, :3], groups=np.arange(60_000) // 2)
    assert len(found.validation) == 5000


# ------------------------------------------------------- what is said of few of them


@pytest.mark.parametrize("validation", ["auto", "last"])
def test_enough_groups_to_show_a_gain_are_held_out_of_few(validation):
    found = split(rows(300), validation, groups=np.repeat(np.arange(15), 20))
    assert len(np.unique(found.groups)) == 5
    # If half of the rows are enough for that.
    found = split(rows(160), validation, groups=np.repeat(np.arange(8), 20))
    assert len(np.unique(found.groups)) == 2


def test_enough_of_the_last_rows_to_show_a_gain_are_held_out():
    found = split(windows(600), "last")
    assert len(np.unique(found.groups)) == 5
    assert len(found.validation) == 5 * 50
    assert found.validation.min() - found.train.max() > 50


def test_a_share_that_was_asked_for_is_kept():
    found = split(windows(600), "last", 0.1)
    assert len(found.validation) == 60
    found = split(rows(300), fraction=0.2, groups=np.repeat(np.arange(15), 20))
    assert len(np.unique(found.groups)) == 3


GROUPS = np.repeat(np.arange(8), 20)


@pytest.mark.parametrize(
    ("X", "given", "units", "advice"),
    [
        (
            rows(160),
            {},
            "rows",
            "Give more rows, a larger validation_fraction, or X_val.",
        ),
        (
            np.repeat(rows(20), 8, axis=0),
            {},
            "different rows",
            "Give more different rows, a larger validation_fraction, or X_val.",
        ),
        (
            rows(160),
            {"groups": GROUPS},
            "groups",
            "Give more groups, a larger validation_fraction, or X_val.",
        ),
        (
            rows(160),
            {"groups": GROUPS, "validation": "last"},
            "groups",
            "Give more groups, a larger validation_fraction, or X_val.",
        ),
        (
            rows(160),
            {"groups": GROUPS, "validation": GroupShuffleSplit(1, random_state=0)},
            "groups",
            "Let the splitter hold out more groups, or pass X_val.",
        ),
        (
            shuffled(copies(0.01)),
            {},
            "groups of rows that were found to be alike",
            "Pass the groups to fit if you know them, or more rows, or X_val.",
        ),
        (
            windows(300),
            {"validation": "last"},
            "stretches of rows, as long as rows were found to depend on one another",
            "Give more rows, a larger validation_fraction, or X_val.",
        ),
        (
            np.tile(rows(40), (4, 1)),
            {"validation": "last"},
            "different rows",
            "Each row that validation='last' would hold out is equal to one to train "
            "on; validation='auto' holds equal rows out together.",
        ),
        (
            np.tile(rows(40), (4, 1)),
            {"validation": KFold(4)},
            "different rows",
            "Each row that the splitter would hold out is equal to one to train on; "
            "validation='auto' holds equal rows out together.",
        ),
    ],
)
def test_it_is_told_what_counts_and_what_gives_more(X, given, units, advice):
    found = split(X, **given)
    assert (found.units, found.advice) == (units, advice)
