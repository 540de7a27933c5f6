"""Cross-validation: the items outside the test split are split into folds, each of which validates once.

Fold 0 is the split "val" of the prepared data, "train" holds the others; what is fitted on it (scaling, vocabulary) is
fitted once, for all folds. Letters of shapes: N items of both splits, F folds.

Reference:
    Stone 1974, doi:10.1111/j.2517-6161.1974.tb00994.x; stratified: Kohavi 1995, IJCAI.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Problem, Split
from tuner.adapters.grouping import deal_groups
from tuner.adapters.ragged import Ragged
from tuner.errors import DataError
from tuner.seeding import derive_seed

FILE = "train.fold.npy"
"""File with the fold of each item of the split "train", if there are folds."""
Items = TypeVar("Items", NDArray[Any], list[Any])


@runtime_checkable
class FoldedProblem(Problem, Protocol):
    """A problem with cross-validation: a trial trains a network per fold."""

    folds: int
    """Number of folds; 1 without cross-validation."""

    def of_fold(self, number: int) -> Problem:
        """The problem that validates on this fold and trains on the others; for 0, the problem itself."""
        ...


def deal_folds(
    labels: Sequence[str],
    folds: int,
    *,
    seed: int,
    where: str,
    groups: Sequence[str] | None = None,
    group: str = "group",
) -> NDArray[np.int64]:
    """Assign each item to a fold, (N,): stratified by label, or by whole groups.

    Args:
        labels: One per item.
        folds: F >= 2.
        seed: Same seed, same items: same folds.
        where: Place that messages name.
        groups: The group of each item; no group is in two folds.
        group: What a group is called.

    Raises:
        DataError: There are too few items or groups, or a label is in only one fold.
    """
    if (enough := len(set(groups or range(len(labels))))) < folds:
        raise DataError(
            f"data.folds must be at most as many as there are {'groups' if groups else 'items'} beside the test items",
            value=folds,
            fix=f"Set it to {enough} or less.",
            where=where,
            key=("data", "folds"),
        )
    fold_N = _stratified(labels, folds, seed) if groups is None else _grouped(groups, labels, folds, seed, group, where)
    held = Counter(label for label, _ in set(zip(labels, fold_N.tolist(), strict=True)))
    if alone := sorted(label for label in held if held[label] < 2):
        raise DataError(
            "every label must be in two folds or more, so that each fold's others have it",
            value=alone[0],
            fix="Add items of that label, or leave data.folds out.",
            where=where,
        )
    return fold_N


def _stratified(labels: Sequence[str], folds: int, seed: int) -> NDArray[np.int64]:
    fold_N, dealt = np.zeros(len(labels), dtype=np.int64), 0
    for label in sorted(set(labels)):
        items = np.flatnonzero(np.asarray(labels) == label)
        items = np.random.default_rng(derive_seed(seed, "folds", label)).permutation(items)
        fold_N[items] = (dealt + np.arange(len(items))) % folds
        dealt += len(items)
    return fold_N


def _grouped(
    groups: Sequence[str], labels: Sequence[str], folds: int, seed: int, name: str, where: str
) -> NDArray[np.int64]:
    fold_N, left = np.full(len(labels), folds - 1), np.arange(len(labels))
    for fold in range(folds - 1):
        own = deal_groups(
            [groups[item] for item in left.tolist()],
            [labels[item] for item in left.tolist()],
            val=1 / (folds - fold),
            test=0,
            seed=derive_seed(seed, "folds", fold),
            name=name,
            where=where,
        )
        fold_N[left[own == "val"]] = fold
        left = left[own == "train"]
    return fold_N


def told(fold_N: NDArray[np.int64]) -> str:
    """The consequences of the folds, in a sentence.

    Args:
        fold_N: The fold of each item; -1: in none.
    """
    counts = np.bincount(fold_N[fold_N >= 0])
    span = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    return (
        f"data.folds: a trial trains {len(counts)} networks, each validated on a fold of {span} items and trained on "
        f"the others; its value is their mean, and it takes {len(counts)} times as long. The model is that of the "
        "first fold; refit: train+val trains one on all of them"
    )


def averaged(
    parts: Mapping[Any, Items],
    fold_N: NDArray[np.int64] | None,
    score: Callable[[Mapping[Any, Items]], dict[str, dict[str, float]]],
) -> dict[str, dict[str, float]]:
    """Scores by split; those of "val" are means over folds.

    Args:
        parts: The scored values of each split, item by item.
        fold_N: The fold of each item of "train"; None without folds.
        score: Maps parts to scores by split and metric.
    """
    found = score(parts)
    if fold_N is None:
        return found
    each = [found["val"]]
    for fold in range(1, int(fold_N.max()) + 1):
        own, others = parts["train"][fold_N == fold], parts["train"][fold_N != fold]
        each.append(score({**parts, "train": np.concatenate([others, parts["val"]]), "val": own})["val"])
    return {**found, "val": {name: float(np.mean([one[name] for one in each])) for name in found["val"]}}


def write_folds(folder: Path, fold_N: NDArray[np.int64] | None) -> None:
    """Store the fold of each item of the split "train", if there are folds."""
    if fold_N is not None:
        np.save(folder / FILE, fold_N)


def fold_of(folder: Path) -> NDArray[np.int64] | None:
    """The fold of each item of the split "train"; None without folds."""
    fold_N: NDArray[np.int64] | None = np.load(folder / FILE) if (folder / FILE).is_file() else None
    return fold_N


def sequences(folder: Path, split: Split, fold: int, name: str = "x") -> Ragged:
    """The sequences of a fold's split: memory-mapped for fold 0, in memory for others."""
    if fold == 0 or split == "test":
        return Ragged(folder, f"{split}.{name}")
    train, val, fold_N = Ragged(folder, f"train.{name}"), Ragged(folder, f"val.{name}"), np.load(folder / FILE)
    if split == "val":
        return Ragged.of([train[item] for item in np.flatnonzero(fold_N == fold)])
    others = [train[item] for item in np.flatnonzero(fold_N != fold)]
    return Ragged.of([*others, *(val[item] for item in range(len(val)))])


def targets(folder: Path, split: Split, fold: int) -> NDArray[np.generic]:
    """The targets of the same items."""
    own: NDArray[np.generic] = np.load(folder / f"{split}.y.npy")
    if fold == 0 or split == "test":
        return own
    fold_N = np.load(folder / FILE)
    if split == "val":
        held: NDArray[np.generic] = np.load(folder / "train.y.npy")[fold_N == fold]
        return held
    return np.concatenate([own[fold_N != fold], np.load(folder / "val.y.npy")])
