from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.adapters.splits import grouped, stratified
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


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=3, max_size=12), SHARES, SHARES, st.integers(0, 9))
def test_no_group_is_in_two_splits(sizes: list[int], val: float, test: float, seed: int) -> None:
    """Groups stay whole, and every split has at least one."""
    groups = [f"speaker {index}" for index, size in enumerate(sizes) for _ in range(size)]
    splits = grouped(groups, val=val, test=test, seed=seed)
    assert set(splits.tolist()) == {"train", "val", "test"}
    for group in set(groups):
        assert len(set(splits[np.asarray(groups) == group].tolist())) == 1


def test_too_few_groups_are_refused() -> None:
    """Two speakers cannot fill three splits."""
    with pytest.raises(DataError, match=r"at least 3 groups, one per split, but got 2\. Leave the group column"):
        grouped(["a", "b", "b"], val=0.2, test=0.2, seed=0)
