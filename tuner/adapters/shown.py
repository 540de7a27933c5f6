"""What a model answers on a split, for people; reports have pictures of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Confused:
    """What a classifier takes for what.

    Args:
        classes: Names.
        counts: Row per true class, column per predicted one: items.
        wrong: Items that it gets wrong, the surest first: "truth", "predicted" (names), "probability" (of the latter),
            and what the item is: "text", or "series" (channel -> values).
    """

    classes: Sequence[str]
    counts: Sequence[Sequence[int]]
    wrong: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Forecasts beside what came, in the data's own units.

    Args:
        windows: Each "channel", "before" (the values looked back on, at most 2 H), "truth" and "forecast" (H values);
            None where nothing was read.
    """

    windows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PerType:
    """How well each type of entity is found.

    Args:
        types: Names.
        right: Of each, how many are found as they are.
        predicted: How many are answered.
        true: How many there are.
    """

    types: Sequence[str]
    right: Sequence[int]
    predicted: Sequence[int]
    true: Sequence[int]


@dataclass(frozen=True, slots=True)
class Table:
    """Scores of the parts of a split.

    Args:
        columns: Of what a row is, then scores: "part", "name", "channel", "windows", "mase", ...
        rows: Their cells; the first is of the whole.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str | float]]
