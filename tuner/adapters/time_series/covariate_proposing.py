"""Which columns of a table to forecast from are proposed as covariates, by their names and values."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from tuner.adapters.glimpsed_roles import Chosen, last_word, listed
from tuner.adapters.glimpsed_table import GlimpsedColumn, GlimpsedTable
from tuner.adapters.proposal import Line

_KNOWN = frozenset(
    ("holiday", "holidays", "weekday", "weekend", "dow", "dayofweek", "month", "hour", "week", "quarter", "promo",
     "promotion", "onpromotion", "campaign", "discount", "event", "school", "workday", "workingday", "planned",
     "scheduled", "calendar", "feiertag", "aktion")
)  # fmt: skip
"""Words in names of columns that are known for the future."""
_MOST_CATEGORIES = 50
"""Largest number of values of a column of categories or calendar features."""
OPTIONS = ("known_covariates", "static_covariates", "past_covariates", "categories")


def propose_covariates(
    table: GlimpsedTable, named: Collection[str], series: Chosen | None, said: Mapping[str, str]
) -> tuple[list[Line], list[str]]:
    """Lines that name known or static covariates rather than targets, and the names of these columns.

    Args:
        table: The first rows.
        named: Columns that have a role already.
        series: The column with a row's series.
        said: Options that the user has given: with one of covariates, nothing is guessed.
    """
    if any(option in said for option in OPTIONS):
        return [], []
    wanted = [name.strip() for name in said.get("targets", "").split(",")]
    able = [
        column
        for column in table.columns
        if column.name not in (*named, *wanted) and not column.timed and _may_be(column)
    ]
    static = [column for column in able if series is not None and _of_series(column, series.column)]
    known = [column for column in able if column not in static and _is_known(column)]
    names = [column.name for column in (*known, *static)]
    if not any(column.is_number and column.name not in (*named, *names) for column in table.columns):
        return [], []
    lines = []
    if known:
        why = (
            f"known beforehand, by {_names(known)}; rows to forecast must have them; without this line, numbers among "
            "them are forecast, too"
        )
        lines.append(Line(("data", "known_covariates"), [column.name for column in known], why, guessed=True))
    if static:
        why = "the same in all rows of a series; leave the line out where they say nothing"
        lines.append(Line(("data", "static_covariates"), [column.name for column in static], why, guessed=True))
    if words := [column.name for column in (*known, *static) if not column.is_number]:
        lines.append(Line(("data", "categories"), words, "covariates that are words", guessed=True))
    return lines, names


def _may_be(column: GlimpsedColumn) -> bool:
    return len(column.counts) > 1 and (column.is_number or len(column.counts) <= _MOST_CATEGORIES)


def _is_known(column: GlimpsedColumn) -> bool:
    return len(column.counts) <= _MOST_CATEGORIES and not _words(column.name).isdisjoint(_KNOWN)


def _of_series(column: GlimpsedColumn, series: GlimpsedColumn) -> bool:
    """Whether a column describes each series, and is not just another name of it."""
    pairs = {pair for pair in zip(series.cells, column.cells, strict=True) if pair[1] in column.counts}
    fixed = len(pairs) == len({name for name, _ in pairs})
    other_name = len(column.counts) == len(series.counts) and (not column.is_number or last_word(column.name) == "id")
    return fixed and not other_name


def _words(name: str) -> set[str]:
    """The words of a name, also in camel case: is_holiday, IsHoliday, day_of_week."""
    parts = [part.lower() for part in re.split(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])", name) if part]
    return {*parts, "".join(parts)}


def _names(columns: Sequence[GlimpsedColumn]) -> str:
    return f"the name{'s' if len(columns) > 1 else ''} {listed([column.name for column in columns], 3)}"
