"""A model's answers on a split, for the figures of reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Confused:
    """Confusion matrix and mistakes of a classifier.

    Args:
        classes: Names.
        counts: Numbers of items: a row per true class, a column per predicted one.
        wrong: Misclassified items, the most confident first: "truth" and "predicted" (names), "probability",
            and the item: "text", or "series" (channel -> values).
    """

    classes: Sequence[str]
    counts: Sequence[Sequence[int]]
    wrong: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Forecasts with the true values, in the data's own units.

    Args:
        windows: Each "channel", "before" (values of the input window, at most 2 H), "truth" and "forecast" (H values);
            None for missing values.
    """

    windows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PerType:
    """Counts for each type of entity.

    Args:
        types: Names.
        right: Number of correctly found entities per type.
        predicted: Number of predicted entities per type.
        true: Number of true entities per type.
    """

    types: Sequence[str]
    right: Sequence[int]
    predicted: Sequence[int]
    true: Sequence[int]


@dataclass(frozen=True, slots=True)
class Table:
    """Scores of the parts of a split, such as each series.

    Args:
        columns: Columns that identify a row, then scores: "part", "name", "channel", "windows", "mase", ...
        rows: Their cells; the first row is the whole split.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str | float]]
