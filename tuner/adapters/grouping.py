"""Assigns whole groups (speakers, patients) to splits, stratified by label as well as possible.

S splits, L labels, G groups. A local search lowers Pearson's chi-squared between each split's number of items per label
and the number by its share: from a random start, it moves a group or exchanges two.

Reference:
    Stratified groups as in scikit-learn's StratifiedGroupKFold (Pedregosa et al. 2011). Deviation: unequal
    shares, every label stays in the training split, and exchanges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.errors import DataError
from tuner.seeding import derive_seed

_PASSES = 8
_VISITS = 20_000
"""Largest number of groups tried in all passes: with so many, a random split is already close."""
_PAIRS = 1_000_000
"""Largest product of pairs of groups and labels for which exchanges are tried."""


def deal_groups(
    groups: Sequence[str],
    labels: Sequence[str],
    *,
    val: float,
    test: float,
    seed: int,
    name: str = "group",
    where: str = "",
) -> NDArray[np.str_]:
    """The split of each item.

    Args:
        groups: The group of each item.
        labels: The label of each item; every label stays in train.
        val: Share of validation items, in [0, 1).
        test: Share of test items, in [0, 1).
        seed: Same seed, same items: same split.
        name: The word for a group.
        where: Place that the message names.

    Raises:
        DataError: There are too few groups for the splits, or for every label in train.
    """
    splits = [split for split, share in (("val", val), ("test", test)) if share > 0]
    names, group_N = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) <= len(splits):
        raise DataError(
            f"the data must have at least {len(splits) + 1} groups ({name}), one per split",
            value=len(names),
            fix="Add more groups; data.group: null splits items instead, whose scores say little about new groups.",
            where=where,
        )
    kinds, label_N = np.unique(np.asarray(labels), return_inverse=True)
    items_GL = np.zeros((len(names), len(kinds)))
    np.add.at(items_GL, (group_N, label_N), 1)
    shares_S = np.array([1 - val - test, *(share for share in (val, test) if share > 0)])
    dealing = _Dealing(items_GL, shares_S, np.random.default_rng(derive_seed(seed, "split", "groups")))
    if not dealing.start():
        only = [str(kind) for kind, holders in zip(kinds, dealing.holders_L, strict=True) if holders < len(shares_S)]
        raise DataError(
            f"every split must have a group ({name}), and train one of every label",
            value=f"labels that few groups have: {', '.join(only[:5])}",
            fix="Add more groups of them; data.group: null splits items; scores then say little about new groups.",
            where=where,
        )
    dealing.improve()
    return np.asarray(["train", *splits], dtype="<U5")[dealing.split_G][group_N]


class _Dealing:
    """The assignment of groups: train is split 0 and always has every label; every split has a group."""

    def __init__(self, items_GL: NDArray[np.float64], shares_S: NDArray[np.float64], rng: np.random.Generator) -> None:
        self.items_GL, self.shares_S, self.rng = items_GL, shares_S, rng
        self.wanted_SL = np.maximum(shares_S, 1e-9)[:, None] * items_GL.sum(0)
        self.has_GL = items_GL > 0
        self.holders_L = self.has_GL.sum(0)
        """Number of train's groups per label."""
        self.split_G = np.zeros(len(items_GL), dtype=np.int64)
        self.items_SL = np.zeros_like(self.wanted_SL)

    def start(self) -> bool:
        """Fill the splits in random order; False if not every split can get a group."""
        order = self.rng.permutation(len(self.split_G))
        if not self._seed(order, 1):
            return False
        size_G = self.items_GL.sum(1)
        for split in range(1, len(self.shares_S)):
            wanted = self.shares_S[split] * size_G.sum() - size_G[self.split_G == split].sum()
            for group in order:
                if self.split_G[group] == 0 and size_G[group] / 2 < wanted and self._may_leave(group):
                    self._move(group, split)
                    wanted -= size_G[group]
        self.items_SL = np.stack([self.items_GL[self.split_G == split].sum(0) for split in range(len(self.shares_S))])
        return True

    def _seed(self, order: NDArray[np.int64], split: int) -> bool:
        """Give each split from `split` on a group, by backtracking."""
        if split == len(self.shares_S):
            return True
        size_G = self.items_GL.sum(1)
        large_G = size_G / 2 > self.shares_S[split] * size_G.sum()
        for group in order[np.argsort(large_G[order], kind="stable")]:
            if self.split_G[group] == 0 and self._may_leave(group):
                self._move(group, split)
                if self._seed(order, split + 1):
                    return True
                self._move(group, 0)
        return False

    def improve(self) -> None:
        """Move and exchange groups as long as that brings the splits closer to their shares."""
        visits, exchanging = 0, len(self.split_G) ** 2 * len(self.holders_L) <= _PAIRS
        for _ in range(_PASSES):
            better = False
            for group in self.rng.permutation(len(self.split_G)):
                visits += 1
                if visits > _VISITS:
                    return
                better |= self._best_move(int(group)) or (exchanging and self._best_exchange(int(group)))
            if not better:
                return

    def _best_move(self, group: int) -> bool:
        here = self.split_G[group]
        if (self.split_G == here).sum() == 1 or (here == 0 and not self._may_leave(group)):
            return False
        change = self.items_GL[group]
        gains = [self._gain(int(here), there, change) for there in range(len(self.shares_S))]
        there = int(np.argmax(gains))
        if there == here or gains[there] <= 1e-9:
            return False
        self.items_SL[here] -= change
        self.items_SL[there] += change
        self._move(group, there)
        return True

    def _best_exchange(self, group: int) -> bool:
        here = int(self.split_G[group])
        best, partner = 1e-9, -1
        for there in range(len(self.shares_S)):
            if there == here:
                continue
            others = np.flatnonzero(self.split_G == there)
            change_OL = self.items_GL[group] - self.items_GL[others]
            gain_O = self._gain(here, there, change_OL)
            if 0 in (here, there):
                leaves, comes = (self.has_GL[[group]], self.has_GL[others])[:: 1 if here == 0 else -1]
                gain_O = np.where((self.holders_L - leaves + comes > 0).all(-1), gain_O, -np.inf)
            if gain_O.max() > best:
                best, partner = float(gain_O.max()), int(others[gain_O.argmax()])
        if partner < 0:
            return False
        there, change = int(self.split_G[partner]), self.items_GL[group] - self.items_GL[partner]
        self.items_SL[here] -= change
        self.items_SL[there] += change
        self._move(group, there)
        self._move(partner, here)
        return True

    def _gain(self, here: int, there: int, change: NDArray[np.float64]) -> NDArray[np.float64]:
        """Decrease of chi-squared if these numbers of items per label, (..., L), move from one split to another."""
        if here == there:
            return np.zeros(change.shape[:-1])
        gain: NDArray[np.float64] = np.zeros(change.shape[:-1])
        for split, sign in ((here, -1), (there, 1)):
            before = self.items_SL[split] - self.wanted_SL[split]
            gain = gain + ((before**2 - (before + sign * change) ** 2) / self.wanted_SL[split]).sum(-1)
        return gain

    def _may_leave(self, group: int) -> bool:
        """Whether train keeps every label without the group."""
        return bool((self.holders_L - self.has_GL[group] > 0).all())

    def _move(self, group: int, there: int) -> None:
        self.holders_L += self.has_GL[group] * (int(there == 0) - int(self.split_G[group] == 0))
        self.split_G[group] = there
