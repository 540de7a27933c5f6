"""Items in folds: how they are dealt, and what each fold opens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import adapter_data
from tuner.adapters.defaults import folds_of
from tuner.adapters.folds import FoldedProblem, deal_folds
from tuner.adapters.splits import deal
from tuner.errors import DataError
from tuner.testing.adapters import opened_adapter


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(2, 20), min_size=1).filter(
        lambda all_: sum(all_.values()) > 5
    ),
    st.integers(2, 5),
    st.integers(0, 3),
)
def test_folds_are_even_in_every_label(counts: dict[str, int], folds: int, seed: int) -> None:
    """Sizes differ by an item at most, of all and of each label, and a seed gives the same folds again."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    fold_N = deal_folds(labels, folds, seed=seed, where="here")
    assert np.ptp(np.bincount(fold_N, minlength=folds)) <= 1
    for label in counts:
        assert np.ptp(np.bincount(fold_N[np.asarray(labels) == label], minlength=folds)) <= 1
    assert (deal_folds(labels, folds, seed=seed, where="here") == fold_N).all()


def test_groups_are_in_one_fold_each() -> None:
    """Of 12 groups of unequal size, each fold has some, about as many items of each label."""
    rng = np.random.default_rng(0)
    groups = [str(group) for group in range(12) for _ in range(rng.integers(3, 9))]
    labels = ["ab"[rng.integers(2)] for _ in groups]
    fold_N = deal_folds(labels, 4, seed=0, where="here", groups=groups)
    assert all(len(set(fold_N[np.asarray(groups) == group])) == 1 for group in set(groups))
    shares = np.bincount(fold_N) / len(fold_N)
    assert len(shares) == 4
    assert (abs(shares - 0.25) < 0.1).all()


@pytest.mark.parametrize(
    ("labels", "folds", "more", "told"),
    [
        (
            list("aabb"),
            5,
            {},
            r"^here: data\.folds must be at most as many as there are items .*got 5\. Set it to 4 or less",
        ),
        (list("aaab"), 2, {}, "^here: every label must be in two folds or more"),
        (list("aabb"), 3, {"groups": list("xxyy")}, r"groups beside the test items, but got 3\. Set it to 2 or less"),
    ],
)
def test_what_cannot_be_folds_is_refused(labels: list[str], folds: int, more: dict[str, Any], told: str) -> None:
    """With what to do, which works."""
    with pytest.raises(DataError, match=told):
        deal_folds(labels, folds, seed=0, where="here", **more)


def test_test_items_are_in_no_fold_and_a_column_may_not_say_val() -> None:
    """The folds stand in the place of val: what a split column says of it is refused, test is taken."""
    labels = list("ab") * 12
    given_: Any = ["test" if item < 4 else "train" for item in range(24)]
    dealt = deal(labels, ["here"] * 24, val=0.2, test=0.2, seed=0, given=given_, folds=5)
    assert dealt.folds is not None
    assert ((dealt.folds == -1) == (np.asarray(given_) == "test")).all()
    assert ((dealt.folds == 0) == (dealt.splits == "val")).all()
    assert "each validated on a fold of 4 items" in dealt.notices[-1]
    with pytest.raises(DataError, match=r"the split column must have no val with data\.folds"):
        deal(labels, ["here"] * 24, val=0.2, test=0.2, seed=0, given=["train", "val"] * 12, folds=5)


@pytest.mark.parametrize(
    ("adapter", "data"),
    [
        ("time_series/classification", adapter_data.series_items),
        ("time_series/regression", adapter_data.series_numbers),
        ("nlp/classification", adapter_data.texts),
        ("nlp/classification", adapter_data.many_labels),
        ("nlp/regression", adapter_data.text_numbers),
        ("speech/classification", adapter_data.DATA["speech/classification"]),
    ],
    ids=["series", "series-numbers", "texts", "many-labels", "text-numbers", "speech"],
)
def test_every_item_validates_once(adapter: str, data: Callable[[Path], dict[str, Any]], tmp_path: Path) -> None:
    """Over the folds of every adapter that has them, and is trained on in all others; test items stay as they are."""
    (tmp_path / "prepared").mkdir()
    opened = opened_adapter(adapter, {**data(tmp_path), "folds": 3}, tmp_path / "prepared")
    assert isinstance(opened.problem, FoldedProblem)

    def seen(problem: Any, split: str) -> list[bytes]:
        items = problem.dataset(split)
        items = getattr(items, "rows", items)  # before they are made steps
        pairs = zip(range(len(items)), items.targets, strict=True)
        return sorted(items.sequences[number].tobytes() + target.tobytes() for number, target in pairs)

    problems = folds_of(opened.problem)
    assert len(problems) == 3
    pool = sorted([*seen(opened.problem, "train"), *seen(opened.problem, "val")])
    assert sorted(item for problem in problems for item in seen(problem, "val")) == pool
    for problem in problems:
        assert sorted([*seen(problem, "train"), *seen(problem, "val")]) == pool
        assert seen(problem, "test") == seen(opened.problem, "test")
    assert seen(problems[0], "val") == seen(opened.problem, "val")
    assert opened.prepared.counts["val"] == len(problems[0].dataset("val"))
