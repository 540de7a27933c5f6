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
    """Counts for each type of entity, or of segment.

    Args:
        types: Names.
        right: Number of correctly found ones per type.
        predicted: Number of predicted ones per type.
        true: Number of true ones per type.
    """

    types: Sequence[str]
    right: Sequence[int]
    predicted: Sequence[int]
    true: Sequence[int]


@dataclass(frozen=True, slots=True)
class Misheard:
    """Transcripts aligned with what was said, word by word.

    Args:
        utterances: Recordings with errors, the most first, or a few if there is no error: "errors", their number, and
            "words", each "said", "heard" ("" where there is none), "at" and "until", the seconds at which the heard one
            begins and ends, or None.
        confusions: The most frequent errors: "said", "heard" ("" as above) and their "count".
        recordings: Number of all recordings.
        faultless: Number of those without an error.
    """

    utterances: Sequence[Mapping[str, Any]]
    confusions: Sequence[Mapping[str, Any]]
    recordings: int
    faultless: int


@dataclass(frozen=True, slots=True)
class Table:
    """Scores of the parts of a split, such as each series.

    Args:
        columns: Columns that identify a row, then scores: "part", "name", "channel", "windows", "mase", ...
        rows: Their cells; the first row is the whole split.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str | float]]
