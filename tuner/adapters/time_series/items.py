"""Sequences with their labels or targets, from any source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Split
from tuner.adapters.classification import check_kept
from tuner.adapters.time_series.options import Missing
from tuner.adapters.time_series.written import Known
from tuner.errors import DataError


@dataclass(frozen=True)
class Items:
    """Labelled sequences.

    Args:
        sequences: (steps, channels) per item; steps may be 0.
        labels: One per item.
        places: Where each item was read: "file:line".
        channels: Names of the channels.
        groups: The group of each item; empty without groups.
        splits: The given split of each item; empty without a split column.
        left_out: Columns of the table that are no measurements.
        steps: Columns of the table that hold the steps, if a row is an item.
        notices: Sentences for the user on how the items were read.
        targets: Names of the items' numbers in a regression; the labels are then these numbers as text.
        values: Those numbers, (items, targets); None if labels are classes.
        missing: The policy for missing values of each channel that is in the data, once it is known.
        numbers_known: How the table's numbers are written.
        time: The kind of the times that order steps, as numpy names it: M, i, f; empty without any.
        of_steps: The label of each step of each item, if steps have labels rather than items.
    """

    sequences: list[NDArray[np.float64]]
    labels: list[str]
    places: list[str]
    channels: tuple[str, ...]
    groups: list[str] | None = None
    splits: list[Split] | None = None
    left_out: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    values: NDArray[np.float64] | None = None
    of_steps: list[NDArray[np.str_]] | None = None
    missing: tuple[Missing, ...] = ()
    numbers_known: Known = Known()  # noqa: RUF009 - it does not change
    time: str = ""

    @property
    def step_labels(self) -> list[NDArray[np.str_]]:
        """The labels of steps, which must exist."""
        assert self.of_steps is not None
        return self.of_steps

    @property
    def classified(self) -> bool:
        """Whether each item has a class."""
        return self.values is None and self.of_steps is None

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The targets of items, which must exist, (items, targets)."""
        assert self.values is not None
        return self.values

    @property
    def unlabelled(self) -> NDArray[np.bool_]:
        """Whether each item lacks its label, or one of its targets."""
        if self.of_steps is not None:
            return np.zeros(len(self), dtype=bool)
        if self.values is not None:
            return np.asarray(np.isnan(self.values).any(axis=1))
        return np.array([not label for label in self.labels])

    def written(self) -> dict[str, Any]:
        """For `facts.json`: how numbers and times are written."""
        return {**self.numbers_known.facts(), **({"time": self.time} if self.time else {})}

    def labelled(self) -> Items:
        """The items with a label, or all targets.

        Raises:
            DataError: There are none.
        """
        kept = np.flatnonzero(~self.unlabelled)
        if not len(kept):
            what = "a label" if self.values is None else "all of its targets"
            raise DataError(f"at least one item must have {what}", value=0, where=self.places[0])
        return self if len(kept) == len(self) else self.subset(kept)

    def __len__(self) -> int:
        return len(self.sequences)

    def subset(self, indices: NDArray[np.int64]) -> Items:
        """The items of these indices."""
        return replace(
            self,
            sequences=[self.sequences[index] for index in indices],
            labels=[self.labels[index] for index in indices],
            places=[self.places[index] for index in indices],
            groups=None if self.groups is None else [self.groups[index] for index in indices],
            splits=None if self.splits is None else [self.splits[index] for index in indices],
            values=None if self.values is None else self.values[indices],
            of_steps=None if self.of_steps is None else [self.of_steps[index] for index in indices],
        )

    def cut(self, rows: int) -> Items:
        """Items with a label per step in pieces of that many rows; the last one of each may be shorter.

        Groups and splits are those of the items.
        """
        counts = [-(-len(sequence) // rows) for sequence in self.sequences]
        pieces = self.subset(np.repeat(np.arange(len(self)), counts))
        ends = [np.arange(rows, len(sequence), rows) for sequence in self.sequences]
        cut = [part for item, at in zip(self.sequences, ends, strict=True) for part in np.split(item, at)]
        labels = [part for item, at in zip(self.step_labels, ends, strict=True) for part in np.split(item, at)]
        return replace(pieces, sequences=cut, of_steps=labels)

    def without_empty(self) -> Items:
        """The items with at least one step.

        Raises:
            DataError: There are none, or a class has none.
        """
        kept = np.flatnonzero([len(sequence) for sequence in self.sequences])
        if not len(kept):
            raise DataError("at least one item must have steps", value=0, where=self.places[0])
        items = self.subset(kept)
        fix = "Check how the items are told apart, or take the class away."
        if self.classified:
            check_kept(self.labels, items.labels, self.places, "without steps", fix)
        return items
