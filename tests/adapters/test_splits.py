from collections import Counter
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.adapters.grouping import deal_groups
from tuner.adapters.splits import Dealt, deal, equal_items, split_named, stratified
from tuner.errors import DataError

SHARES = st.floats(0.05, 0.45)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(3, 40), min_size=1),
    SHARES,
    SHARES,
    st.integers(0, 9),
)
def test_every_label_reaches_every_split(counts: dict[str, int], val: float, test: float, seed: int) -> None:
    """Each label is in each split, in its share as far as whole items allow."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    splits = stratified(labels, val=val, test=test, seed=seed)
    for label, count in counts.items():
        dealt = Counter(splits[np.asarray(labels) == label].tolist())
        assert set(dealt) == {"train", "val", "test"}
        assert abs(dealt["val"] - val * count) <= 1.5
        assert abs(dealt["test"] - test * count) <= 1.5


def test_the_seed_alone_decides() -> None:
    """The same seed gives the same split; labels that are added do not move the items of others."""
    labels = list("aabbaabbaabb")
    first = stratified(labels, val=0.25, test=0.25, seed=3)
    assert (first == stratified(labels, val=0.25, test=0.25, seed=3)).all()
    assert (first != stratified(labels, val=0.25, test=0.25, seed=4)).any()
    more = stratified([*labels, "c", "c", "c"], val=0.25, test=0.25, seed=3)
    assert (more[: len(labels)] == first).all()


def test_a_share_of_zero_leaves_the_split_empty() -> None:
    """Nothing is dealt to a split without a share."""
    assert "test" not in stratified(list("aabb"), val=0.5, test=0, seed=0)


def test_a_rare_label_is_refused() -> None:
    """A label with fewer items than splits is named with its count."""
    with pytest.raises(DataError, match=r"^here: label 'b' must occur at least 3 times.*but got 2\. Add items"):
        stratified(list("aaabb"), val=0.2, test=0.2, seed=0, where="here")


GROUPS = st.lists(st.dictionaries(st.sampled_from("ab"), st.integers(1, 9), min_size=1), min_size=3, max_size=14)


def items_of(groups: list[dict[str, int]]) -> tuple[list[str], list[str]]:
    """Labels and groups of the items that the groups have, from each one's items per label."""
    rows = [(label, f"g{n}") for n, group in enumerate(groups) for label, count in group.items() for _ in range(count)]
    return [label for label, _ in rows], [group for _, group in rows]


@settings(max_examples=100, deadline=None)
@given(GROUPS, SHARES, SHARES, st.integers(0, 9))
def test_groups_stay_whole_and_train_has_every_label(
    content: list[dict[str, int]], val: float, test: float, seed: int
) -> None:
    """No group is in two splits, each split has one, train has every label; or no dealing at all could do that."""
    labels, groups = items_of(content)
    try:
        splits = deal_groups(groups, labels, val=val, test=test, seed=seed)
    except DataError:
        for held in permutations(content, 2):
            rest = [group for group in content if not any(group is one for one in held)]
            assert set().union(*rest) != set(labels)
        return
    assert set(splits.tolist()) == {"train", "val", "test"}
    assert set(np.asarray(labels)[splits == "train"].tolist()) == set(labels)
    for group in set(groups):
        assert len(set(splits[np.asarray(groups) == group].tolist())) == 1
    assert (splits == deal_groups(groups, labels, val=val, test=test, seed=seed)).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=3, max_size=30), SHARES, SHARES, st.integers(0, 9))
def test_shares_are_kept_as_whole_groups_allow(sizes: list[int], val: float, test: float, seed: int) -> None:
    """Where groups are alike in their labels, a split misses its share by less than its largest group."""
    labels, groups = items_of([{"a": size, "b": size} for size in sizes])
    dealt = Counter(deal_groups(groups, labels, val=val, test=test, seed=seed).tolist())
    for split, share in (("val", val), ("test", test)):
        assert abs(dealt[split] - share * len(labels)) <= 2 * max(sizes)


@pytest.mark.parametrize("seed", range(10))
def test_groups_are_stratified(seed: int) -> None:
    """Twelve patients, each ill or well: val and test have both kinds, which chance alone seldom gives."""
    labels, groups = items_of([{"ill" if number % 2 else "well": 10} for number in range(12)])
    splits = deal_groups(groups, labels, val=0.2, test=0.2, seed=seed)
    for split in ("val", "test"):
        counts = Counter(np.asarray(labels)[splits == split].tolist())
        assert counts == {"ill": 10, "well": 10}


def test_many_groups_take_little_time() -> None:
    """Ten thousand groups are dealt in their shares, in another way by each seed."""
    labels, groups = items_of([{"ab"[number % 2]: 1 + number % 3} for number in range(10_000)])
    first, other = (deal_groups(groups, labels, val=0.2, test=0.2, seed=seed) for seed in (0, 1))
    assert (first != other).any()
    assert abs(Counter(first.tolist())["val"] / len(labels) - 0.2) < 0.001


def test_too_few_groups_are_refused() -> None:
    """Two speakers cannot fill three splits; nor can three that are the only ones with a label each."""
    with pytest.raises(DataError, match=r"at least 3 groups \(speaker\), one per split, but got 2\. Add more"):
        deal_groups(["a", "b", "b"], ["x", "y", "x"], val=0.2, test=0.2, seed=0, name="speaker")
    with pytest.raises(DataError, match=r"train one of every label, but got 'labels that few groups have: x, y, z'"):
        deal_groups(list("abc"), list("xyz"), val=0.2, test=0.2, seed=0)


def dealt(labels: str, given: list[str] | None = None, groups: str | None = None, **options: Any) -> Dealt:
    """Deal the items of one-letter labels and groups."""
    places = [f"t.csv:{number}" for number in range(2, len(labels) + 2)]
    said = (
        None if given is None else [split_named(cell, place, "part") for cell, place in zip(given, places, strict=True)]
    )
    rest = {"val": 0.25, "test": 0.25, "seed": 0, **options}
    return deal(list(labels), places, given=said, groups=None if groups is None else list(groups), **rest)


def test_a_split_column_is_taken_at_its_word() -> None:
    """All three splits as the column says it, in the words that are usual, without a word more."""
    found = dealt("ababab", ["Train", " training", "VALID", "dev", "testing", "test"])
    assert found.splits.tolist() == ["train", "train", "val", "val", "test", "test"]
    assert found.notices == []


def test_a_split_that_the_column_lacks_is_dealt_from_train() -> None:
    """Validation items, or test items, come from those to train on, which is said."""
    found = dealt("ab" * 10, ["train"] * 16 + ["test"] * 4)
    assert Counter(found.splits.tolist()) == {"train": 12, "val": 4, "test": 4}
    assert found.notices == [
        "the split column has no val, so it is drawn from the items of train (data.val = 0.25 of them)"
    ]
    found = dealt("ab" * 10, ["train"] * 20)
    assert Counter(found.splits.tolist()) == {"train": 12, "val": 4, "test": 4}
    assert "no val and test, so they are drawn" in found.notices[0]


def test_what_a_split_column_cannot_say_is_refused() -> None:
    """Other words by their line; no training items; a label that only others have; test beside a test file."""
    with pytest.raises(DataError, match=r"^t\.csv:3: part must be train, val or test, but got 'fold 2'\. Correct"):
        dealt("ab", ["train", "fold 2"])
    with pytest.raises(DataError, match="must have train for some items"):
        dealt("ab", ["val", "test"])
    with pytest.raises(DataError, match=r"^t\.csv:7: a label must occur in the training items, but got 'c'"):
        dealt("ababac", ["train"] * 2 + ["val"] * 2 + ["test"] * 2)
    with pytest.raises(DataError, match=r"^t\.csv:4: the split column must have no test with data\.test_path"):
        dealt("abab", ["train", "train", "test", "val"], held=True)


def test_groups_and_a_split_column_go_together() -> None:
    """What the column leaves open is dealt by group; a group that the column has on both sides is named."""
    found = dealt("ab" * 8, ["train"] * 12 + ["test"] * 4, "1122334455667777")
    assert not set(np.asarray(list("1122334455667777"))[found.splits == "val"]) & set("7")
    told = "groups (patient) stay whole: 4 in train, 2 in val, 1 in test"
    found = dealt("ab" * 8, ["train"] * 12 + ["test"] * 4, "1122334455667777", group="patient", val=0.3)
    assert told in found.notices
    found = dealt("ab" * 3, ["train", "train", "val", "val", "test", "test"], "112213", group="patient")
    assert found.notices == [
        "in more than one split, by the split column: 1 of 3 groups (patient), such as '1' in train and test; "
        "scores on them say little about new ones"
    ]


def test_a_class_that_a_split_lacks_is_told() -> None:
    """Scores of a split say nothing about a class that it does not have."""
    found = dealt("ababab", ["train", "train", "val", "val", "test", "train"])
    assert found.notices == ["test has no item of 1 of the classes: b"]


def test_equal_items_in_two_splits_are_told() -> None:
    """Items equal value by value, on both sides of a split; those within one split are nobody's business."""
    items = [np.array(values) for values in ([1.0, 2], [3.0], [1.0, 2], [1.0, 2], [1.0])]
    (told,) = equal_items(items, ["val", "train", "train", "train", "test"], list("pqrst"), "items", "aaaaa")
    assert told == "equal items in two splits make scores too good: 1 of val and test, such as p (val) and r (train)"
    assert equal_items(items, ["train"] * 4 + ["val"], list("pqrst"), "items", "aaaaa") == []
    (told,) = equal_items(items, ["train"] * 5, list("pqrst"), "items", "abcde")
    assert told.startswith("equal items have different labels: ")
