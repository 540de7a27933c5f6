"""Proposals of what tables of series have in common: how they are written, and which columns hold values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from tuner.adapters.dialect import SEPARATORS
from tuner.adapters.glimpse import Glimpse
from tuner.adapters.glimpsed_roles import last_word, listed
from tuner.adapters.glimpsed_table import GlimpsedTable
from tuner.adapters.proposal import Line
from tuner.adapters.time_series.named_columns import is_pattern, matches
from tuner.errors import DataError

IDS = frozenset(("id", "ids", "uid", "uuid", "item", "series", "case", "recording", "sequence", "sample", "trial"))
"""Words that end the name of an id."""
_MOST_NAMED = 20
"""From more columns of values on, the others are named."""


def table_in(seen: Glimpse) -> GlimpsedTable | None:
    """The table without the columns that the user leaves out."""
    table = seen.table
    if table is None or not (said := seen.said.get("drop")):
        return table
    drop = _names(said)
    return replace(table, columns=tuple(column for column in table.columns if not matches(column.name, drop)))


def values_in(
    seen: Glimpse,
    table: GlimpsedTable,
    named: Sequence[str],
    option: str,
    fixed: Collection[str] = (),
) -> tuple[list[str], list[Line], list[str]]:
    """The columns of values, the line that names them or the others if one cannot be read, and warnings."""
    if given := seen.said.get(option):
        names = _names(given)
        free = [column.name for column in table.columns if column.name not in named]
        meant = [
            one
            for name in names
            for one in ([each for each in free if matches(each, [name])] if is_pattern(name) else [name])
        ]
        return list(dict.fromkeys(meant)), [Line(("data", option), names, "as asked for")], []
    lists = table.form == "jsonl"  # are empty cells in the first rows
    others = [column for column in table.columns if column.name not in named and (column.counts or lists)]
    words = [column.name for column in others if not column.is_number]
    rare = option == "targets"  # of a series; within items, missing values are filled
    sparse = [column.name for column in others if rare and column.is_number and 2 * column.empty > table.rows]
    kept = [column.name for column in others if column.is_number and column.name not in sparse]
    kept, sparse = (kept, sparse) if kept else (sparse, [])
    doubts = []
    for names, what in ((sparse, "mostly empty cells"), (words, "cells that are no numbers")):
        if names and kept:
            doubts.append(f"columns with {what} are left out: {listed(names)}")
    odd = [f"{column.name} ({column.odd})" for column in others if column.odd]
    if odd and kept:
        doubts.append(
            f"nearly all of their cells are numbers; to keep these columns, correct the others: {listed(odd)}"
        )
    if not (words or sparse) or not kept:
        return kept, [], doubts
    if len(kept) > _MOST_NAMED:
        why = f"not columns of numbers, as {len(kept)} others are"
        return kept, [Line(("data", "drop"), [*words, *sparse], why)], doubts
    kept = [name for name in kept if name not in fixed and last_word(name) not in IDS]
    why = f"columns of numbers; the others are left out: {listed([*words, *sparse], 3)}"
    return kept, [Line(("data", option), kept, why)], doubts


def _names(said: str) -> list[str]:
    return [name.strip() for name in said.split(",")]


def written_as(seen: Glimpse, table: GlimpsedTable) -> list[Line]:
    """Lines for separator, decimal mark and encoding, if they differ from the defaults."""
    lines = []
    encoding, guessed = seen.encoding or ("utf-8", False)
    if table.form is not None and encoding != "utf-8":
        why = "bytes that are no UTF-8; if letters are wrong, name another encoding" if guessed else "by its NULs"
        lines.append(Line(("data", "encoding"), encoding, why, guessed))
    plain = "\t" if seen.suffix == ".tsv" else ","
    if (separator := table.dialect.separator) != plain:
        why = f"{SEPARATORS[separator]} separate {len(table.columns)} cells in every row"
        lines.append(Line(("data", "separator"), "tab" if separator == "\t" else separator, why))
    shown = {column.shown for column in table.columns}
    if table.dialect.decimal == "," and "." not in shown:
        lines.append(Line(("data", "decimal"), ",", "numbers are written as 1,5"))
    doubts = [f"{column.name} {column.in_doubt!r}" for column in table.columns if column.in_doubt]
    if doubts and shown == {None}:
        why = f"thousands are apart in {doubts[0]}; if these are decimals, set ','"
        lines.append(Line(("data", "decimal"), ".", why, guessed=True))
    return lines


def check_headed(seen: Glimpse, table: GlimpsedTable) -> None:
    """Refuse a table whose first line is no header.

    Raises:
        DataError: It looks like a row.
    """
    if not table.headed:
        raise DataError(
            "the first line must name the columns",
            value=[column.name for column in table.columns[:4]],
            fix="Write a header line above the rows.",
            where=f"{seen.path}:1",
        )
