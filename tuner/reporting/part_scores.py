"""Scores of the parts of the test data, of what a test run has recorded: see `tuner.adapters.shown.Table`."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any


def rows_of(table: Mapping[str, Any], part: str) -> list[dict[str, Any]]:
    """The rows of a kind of part ("series", "channel", "step"), column -> cell; none where nothing was recorded."""
    found = [dict(zip(table["columns"], row, strict=True)) for row in table.get("rows") or ()]
    return [row for row in found if row["part"] == part]


def as_csv(table: Mapping[str, Any]) -> str:
    """All rows; an empty cell where a score is not finite."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table["columns"])
    writer.writerows(["" if cell is None else cell for cell in row] for row in _rows(table))
    return text.getvalue()


def _rows(table: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    rows: Sequence[Sequence[Any]] = table["rows"]
    return rows
