"""How items are dealt to train, val and test: once, by seed, before anything is fitted.

Every function returns an array of split names, one per item.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.errors import DataError
from tuner.seeding import derive_seed


def stratified(labels: Sequence[str], *, val: float, test: float, seed: int, where: str = "") -> NDArray[np.str_]:
    """Deal the items of each label in proportion; every label reaches every split that has a share.

    Args:
        labels: One label per item.
        val: Share of validation items, in [0, 1).
        test: Share of test items, in [0, 1).
        seed: Same seed, same labels: same split.
        where: Place named in the message.

    Raises:
        DataError: A label has fewer items than there are splits.
    """
    splits = np.full(len(labels), "train", dtype="<U5")
    needed = 1 + (val > 0) + (test > 0)
    for label in sorted(set(labels)):
        items = np.flatnonzero(np.asarray(labels) == label)
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


def grouped(groups: Sequence[str], *, val: float, test: float, seed: int, where: str = "") -> NDArray[np.str_]:
    """Deal whole groups (speakers, patients), so that none is in two splits.

    Raises:
        DataError: There are fewer groups than splits.
    """
    names, sizes = np.unique(np.asarray(groups), return_counts=True)
    needed = 1 + (val > 0) + (test > 0)
    if len(names) < needed:
        raise DataError(
            f"the data must have at least {needed} groups, one per split",
            value=len(names),
            fix="Leave the group column out, or bring recordings of more speakers.",
            where=where,
        )
    order = np.random.default_rng(derive_seed(seed, "split", "groups")).permutation(len(names))
    wanted = {"val": val * sizes.sum(), "test": test * sizes.sum()}
    split_of: dict[str, str] = {}
    left = list(order)
    for split in ("val", "test"):
        taken = 0
        others = 1 if split == "test" else 1 + (test > 0)
        while wanted[split] > 0 and len(left) > others and (taken == 0 or taken + sizes[left[0]] / 2 < wanted[split]):
            group = left.pop(0)
            split_of[str(names[group])] = split
            taken += sizes[group]
    return np.asarray([split_of.get(str(group), "train") for group in groups], dtype="<U5")
