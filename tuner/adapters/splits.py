"""Splits items into train, val and test: once, by seed, before anything is fitted.

A split column is followed; a split that it lacks is drawn: whole groups if there are groups (speakers, patients),
else the items of each label in proportion. S splits, L labels, G groups.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Split
from tuner.adapters.files import Encoding
from tuner.adapters.folds import deal_folds, told
from tuner.adapters.grouping import deal_groups
from tuner.adapters.table import form_of, read_rows
from tuner.errors import DataError
from tuner.seeding import derive_seed
from tuner.words import first_few

SPLITS: tuple[Split, ...] = ("train", "val", "test")
WORDS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "development"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Allowed cells of a split column, in upper or lower case, and their splits."""


@dataclass(frozen=True)
class Dealt:
    """The splits of items; can be unpacked: `splits, notices = deal(...)`.

    Args:
        splits: Split names, one per item.
        notices: Sentences about the splits for the user.
        folds: The fold of each item, -1 for test items; None without folds.
    """

    splits: NDArray[np.str_]
    notices: list[str]
    folds: NDArray[np.int64] | None = None

    def __iter__(self) -> Iterator[Any]:
        """The splits and the notices."""
        return iter((self.splits, self.notices))

    @property
    def trained(self) -> NDArray[np.int64] | None:
        """The fold of each training item."""
        return None if self.folds is None else self.folds[self.splits == "train"]


def split_named(cell: str, where: str, column: str) -> Split:
    """The split that a cell of a split column names.

    Raises:
        DataError: It names none.
    """
    try:
        return WORDS[cell.strip().lower()]
    except KeyError:
        raise DataError(
            f"{column} must be train, val or test",
            value=cell,
            fix="Correct the cell, or leave data.split out to split the items at random.",
            where=where,
        ) from None


def unused_split(path: Path, encoding: Encoding = "utf-8") -> list[str]:
    """A sentence about a split that the data seem to have and no option uses; empty if they seem to have none.

    Args:
        path: A table with a column "split", or a folder of folders train, val or test.
        encoding: The table's encoding.
    """
    if path.is_dir():
        names = [entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
        if len(names) > 1 and all(name.lower() in WORDS for name in names):
            return [
                f"the folders {', '.join(sorted(names))} are not used; to use them, set data.split: split and a "
                "data.pattern that begins with {split}/"
            ]
    elif (form := form_of(path)) is not None:
        row = next(read_rows(path, form, (), ("split",), encoding), None)
        if row is not None and row.cells.get("split", "").strip().lower() in WORDS:
            return ["the column 'split' is not used; data.split: split takes train, val and test from it"]
    return []


def deal(
    labels: Sequence[str],
    places: Sequence[str],
    *,
    val: float,
    test: float,
    seed: int,
    groups: Sequence[str] | None = None,
    given: Sequence[Split] | None = None,
    held: bool = False,
    group: str = "group",
    folds: int = 1,
    held_out: Mapping[Split, Sequence[str]] | None = None,
) -> Dealt:
    """Assign items to splits, by the split column and the groups.

    Args:
        labels: One label per item.
        places: Where each item was read.
        val: Share of validation items among those that are drawn, in (0, 1).
        test: Share of test items, in (0, 1).
        seed: Same seed, same items: same split.
        groups: The group of each item; no group is in two of the splits that are drawn here.
        given: The cells of the split column; a split that it lacks is drawn from the training items.
        held: Whether the test items are in another file: no test split is drawn.
        group: The word for a group: "speaker".
        folds: Number of folds of the items outside the test split, two or more; the first one is then val. 1: val
            is drawn by its share.
        held_out: The groups of a split, if any are named; all others are for training, or drawn.

    Raises:
        DataError: A named group does not exist, or no other is left; a label has no training item, or there are too
            few items or groups.
    """
    if held_out := {split: names for split, names in (held_out or {}).items() if names}:
        given = _by_group(groups, held_out, group, places[0])
    named = set(given or ())
    if folds > 1 and "val" in named:
        raise DataError(
            "the split column must have no val with data.folds",
            value="val",
            fix="Write train for those items, or leave data.folds out.",
            where=places[given.index("val") if given else 0],
        )
    own = "val" in named or folds > 1
    shares = {"val": 0.0 if own else val, "test": 0.0 if held or "test" in named else test}
    splits = np.asarray(given or ["train"] * len(labels), dtype="<U5")
    notices = _missing(named, shares) if given is not None and not held_out else []
    if held and "test" in named:
        row = given.index("test") if given else 0
        raise DataError(
            "the split column must have no test with data.test_path",
            value="test",
            fix="Leave data.test_path out, or remove those rows.",
            where=places[row],
        )
    if given is not None and "train" not in named:
        raise DataError("the split column must have train for some items", value=sorted(named), where=places[0])
    open_ = np.flatnonzero(splits == "train")
    if any(shares.values()):
        parts = [labels[index] for index in open_]
        if groups is None:
            dealt = stratified(parts, **shares, seed=seed, where=places[open_[0]])
        else:
            dealt = deal_groups([groups[index] for index in open_], parts, **shares, seed=seed, name=group,
                                where=places[open_[0]])  # fmt: skip
        splits[open_] = dealt
    fold_N = None
    if folds > 1:
        fold_N, open_ = np.full(len(labels), -1), np.flatnonzero(splits == "train")
        of_groups = None if groups is None else [groups[index] for index in open_]
        fold_N[open_] = deal_folds([labels[index] for index in open_], folds, seed=seed, where=places[open_[0]],
                                   groups=of_groups, group=group)  # fmt: skip
        splits[fold_N == 0] = "val"
        notices.append(told(fold_N))
    _check_trained(labels, places, splits)
    notices += _absent(labels, splits, held=held)
    if groups is not None:
        notices += [_fallen(groups, splits, group)]
    return Dealt(splits, notices, fold_N)


def _by_group(
    groups: Sequence[str] | None, held_out: Mapping[Split, Sequence[str]], group: str, where: str
) -> list[Split]:
    """The split of each item: that of its group if it is named, else train."""
    split_of = {name: split for split, names in held_out.items() for name in names}
    key = ("data", f"{next(iter(held_out))}_groups")
    if groups is None:
        raise DataError(
            f"every recording must have its {group}, so that it can be held out",
            value=next(iter(split_of)),
            fix="Say where it is: data.group, and data.pattern for names of files.",
            where=where,
            key=key,
        )
    known = sorted(set(groups))
    for name, split in split_of.items():
        if name not in known:
            raise DataError(
                f"data.{split}_groups must name values of {group}",
                value=name,
                fix=f"Known: {first_few(known, 12)}.",
                where=where,
                key=("data", f"{split}_groups"),
            )
    if not set(known) - set(split_of):
        raise DataError(f"one {group} or more must be left for training", value=list(split_of), where=where, key=key)
    return [split_of.get(name, "train") for name in groups]


def stratified(labels: Sequence[str], *, val: float, test: float, seed: int, where: str = "") -> NDArray[np.str_]:
    """Stratified split by label; every label is in every split that has a share.

    Args:
        labels: One label per item.
        val: Share of validation items, in [0, 1).
        test: Share of test items, in [0, 1).
        seed: Same seed, same labels: same split.
        where: Place that the message names.

    Raises:
        DataError: A label has fewer items than there are splits.
    """
    splits = np.full(len(labels), "train", dtype="<U5")
    needed = 1 + (val > 0) + (test > 0)
    items_of: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        items_of.setdefault(label, []).append(index)
    for label in sorted(items_of):
        items = np.asarray(items_of[label])
        if len(items) < needed:
            raise DataError(
                f"label {label!r} must occur at least {needed} times, once per split",
                value=len(items),
                fix="Add items of that label, or remove it.",
                where=where,
            )
        items = np.random.default_rng(derive_seed(seed, "split", label)).permutation(items)
        num_val, num_test = (max(1, round(share * len(items))) if share else 0 for share in (val, test))
        while num_val + num_test >= len(items):
            num_val, num_test = (num_val - 1, num_test) if num_val >= num_test else (num_val, num_test - 1)
        splits[items[:num_val]] = "val"
        splits[items[num_val : num_val + num_test]] = "test"
    return splits


def straddling(groups: Sequence[str], splits: Sequence[str], group: str) -> list[str]:
    """A sentence about groups in more than one split; empty without any."""
    where: dict[str, list[str]] = {}
    for name, split in zip(groups, splits, strict=True):
        if split not in where.setdefault(str(name), []):
            where[str(name)].append(str(split))
    both = {name: found for name, found in where.items() if len(found) > 1}
    if not both:
        return []
    name, found = next(iter(both.items()))
    ordered = sorted(found, key=lambda split: SPLITS.index(cast(Split, split)))
    return [
        f"in more than one split, by the split column: {len(both)} of {len(where)} groups ({group}), such as "
        f"{name!r} in {' and '.join(ordered)}; scores on them say little about new ones"
    ]


def equal_items(
    items: Sequence[NDArray[np.generic]],
    splits: Sequence[str] | NDArray[np.str_],
    places: Sequence[str],
    what: str,
    labels: Sequence[str],
) -> list[str]:
    """Sentences about equal items: items of val or test that are also in another split, and those of different labels.

    Args:
        items: The items.
        splits: The split of each.
        places: Where each item was read.
        what: The word for items, in the plural.
        labels: The label of each.
    """
    first: dict[tuple[tuple[int, ...], bytes], int] = {}
    twins, torn = [], []
    for index in sorted(range(len(items)), key=lambda index: SPLITS.index(cast(Split, str(splits[index])))):
        values = np.ascontiguousarray(items[index])
        other = first.setdefault((values.shape, hashlib.sha256(values.data).digest()), index)
        if splits[other] != splits[index]:
            twins.append((other, index))
        if labels[other] != labels[index]:
            torn.append((other, index))
    sentences = []
    for other, index in twins[:1]:
        sentences.append(
            f"equal {what} in two splits make scores too good: {len(twins)} of val and test, such as {places[index]} "
            f"({splits[index]}) and {places[other]} ({splits[other]})"
        )
    for other, index in torn[:1]:
        sentences.append(
            f"equal {what} have different labels: {len(torn)} with another label than the first of them, such as "
            f"{labels[index]!r} at {places[index]} and {labels[other]!r} at {places[other]}"
        )
    return sentences


def _fallen(groups: Sequence[str], splits: NDArray[np.str_], group: str) -> str:
    """A sentence on the numbers of groups per split."""
    if told := straddling(groups, splits.tolist(), group):
        return told[0]
    names = np.asarray(groups)
    parts = [f"{len(set(names[splits == split].tolist()))} in {split}" for split in SPLITS if (splits == split).any()]
    return f"groups ({group}) stay whole: {', '.join(parts)}"


def _missing(named: set[Split], shares: dict[str, float]) -> list[str]:
    """A sentence on the splits that the split column lacks and that were drawn."""
    dealt = [split for split in ("val", "test") if shares[split]]
    if not dealt or not named:
        return []
    are = f"{' and '.join(dealt)}, so {'they are' if len(dealt) > 1 else 'it is'}"
    parts = " and ".join(f"data.{split} = {shares[split]:g}" for split in dealt)
    return [f"the split column has no {are} drawn from the items of train ({parts} of them)"]


def _check_trained(labels: Sequence[str], places: Sequence[str], splits: NDArray[np.str_]) -> None:
    known = {label for label, split in zip(labels, splits, strict=True) if split == "train"}
    for label, place in zip(labels, places, strict=True):
        if label not in known:
            raise DataError(
                "a label must occur in the training items",
                value=label,
                fix="Correct the split column, or remove that label's items.",
                where=place,
            )


def _absent(labels: Sequence[str], splits: NDArray[np.str_], *, held: bool) -> list[str]:
    """A sentence per split that lacks labels."""
    sentences = []
    for split in SPLITS[1 : 2 if held else 3]:
        missing = sorted(set(labels) - set(np.asarray(labels)[splits == split].tolist()))
        if missing:
            sentences.append(f"{split} has no item of {len(missing)} of the classes: {first_few(missing, 5)}")
    return sentences
