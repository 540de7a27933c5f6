"""Training and validation data as one training split, for a final training without model selection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tuner.adapters.base import Batch, Dataset, Problem, Split


class JoinedProblem:
    """A problem whose training split also has the items of the validation split; all else is unchanged.

    Args:
        problem: Its method `train_and_val`, if any, returns the split; else batches of both are mixed.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def __getattr__(self, name: str) -> Any:
        return getattr(self._problem, name)

    def dataset(self, split: Split) -> Dataset:
        """See `Problem.dataset`."""
        if split != "train":
            return self._problem.dataset(split)
        own = getattr(self._problem, "train_and_val", None)
        if own is not None:
            made: Dataset = own()
            return made
        return Joined(self._problem.dataset("train"), self._problem.dataset("val"))


class Joined:
    """Two splits as one; each batch has items of only one of them, and batches of both come in random order."""

    def __init__(self, first: Dataset, second: Dataset) -> None:
        self._parts = (first, second)

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def num_batches(self, batch_size: int) -> int:
        """Batches of one pass."""
        return sum(part.num_batches(batch_size) for part in self._parts)

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One pass; see `Dataset.batches`."""
        turns = np.repeat((0, 1), [part.num_batches(batch_size) for part in self._parts])
        own: tuple[np.random.Generator | None, ...] = (None, None)
        if rng is not None:
            rng.shuffle(turns)
            own = tuple(np.random.default_rng(seed) for seed in rng.integers(2**63, size=2))
        passes = [part.batches(batch_size, rng=each) for part, each in zip(self._parts, own, strict=True)]
        for turn in turns:
            yield next(passes[turn])
