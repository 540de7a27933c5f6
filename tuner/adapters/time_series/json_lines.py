"""Tables as JSON lines, an object per row; values of objects within it are columns `sensors.temp`."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.columns import check_columns
from tuner.adapters.files import Encoding, read_text
from tuner.adapters.lines import NO_TEXT, lines_of
from tuner.adapters.room import must_fit
from tuner.adapters.table import json_object
from tuner.errors import DataError, is_text

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".jsonl", ".ndjson", ".json")
_CELL_BYTES = 8


class Rows(NamedTuple):
    """Some rows of a file.

    Args:
        frame: The rows: columns of numbers, of true and false, or of text.
        numbers: The numbers of their lines, from 1.
        refused: Malformed rows: the number of rows before it, its place, and the reason.
    """

    frame: pd.DataFrame
    numbers: NDArray[np.int64]
    refused: Sequence[tuple[int, str, str]] = ()


def read_json_lines(path: Path, text: Sequence[str], encoding: Encoding) -> Rows:
    """The rows of a file; blank lines are skipped.

    Args:
        path: The file.
        text: The columns that are text.
        encoding: Its encoding.

    Raises:
        DataError: The file or a line is damaged.
    """
    rows: list[dict[str, Any]] = []
    numbers = array("q")
    for number, line in enumerate(read_text(path, encoding).split("\n"), start=1):
        if line.strip():
            rows.append(_row(line, f"{path}:{number}"))
            numbers.append(number)
    return Rows(_frame(path, rows, text), np.array(numbers, dtype=np.int64))


def json_parts(path: Path, text: Sequence[str], wanted: Sequence[str], encoding: Encoding, size: int) -> Iterator[Rows]:
    """The rows of a file, some at a time, at least once; malformed ones are reported.

    Args:
        path: The file.
        text: The columns that are text.
        wanted: Columns that later parts may lack.
        encoding: Its encoding.
        size: Characters of a part.

    Raises:
        DataError: The file cannot be opened, or is no text.
    """
    rows: list[dict[str, Any]] = []
    numbers, refused, held, parts = array("q"), list[tuple[int, str, str]](), 0, 0
    for line, where in lines_of(path, encoding):
        if not line.strip():
            continue
        try:
            rows.append(_row(line, where))
            numbers.append(int(where.rpartition(":")[2]))
        except DataError as error:
            refused.append((len(rows), where, error.problem))
        held += len(line)
        if held >= size:
            yield Rows(_frame(path, rows, text, wanted if parts else ()), np.array(numbers, dtype=np.int64), refused)
            rows, numbers, refused, held, parts = [], array("q"), [], 0, parts + 1
    if rows or refused or not parts:
        yield Rows(_frame(path, rows, text, wanted if parts else ()), np.array(numbers, dtype=np.int64), refused)


def _row(line: str, where: str) -> dict[str, Any]:
    if not is_text(line):
        raise DataError("the line must be text", value=NO_TEXT, where=where)
    row = json_object(line, where)
    if "\\u" in line and not is_text(json.dumps(row, ensure_ascii=False)):
        raise DataError("the line must have no half of a surrogate pair", where=where)
    return row


def _frame(path: Path, rows: Sequence[dict[str, Any]], text: Sequence[str], wanted: Sequence[str] = ()) -> pd.DataFrame:
    """The columns in the order of their first appearance; what a row lacks is missing."""
    import pandas as pd

    names = list(dict.fromkeys([*(name for row in rows for name in row), *wanted]))
    check_columns(names, f"{path}:1")
    must_fit(_CELL_BYTES * len(rows) * len(names), path, what=f"{len(rows)} rows of {len(names)} columns")
    columns = {name: _column([row.get(name) for row in rows], as_text=name in text) for name in names}
    return pd.DataFrame(columns, index=range(len(rows)))


def _column(values: Sequence[Any], *, as_text: bool) -> pd.Series[Any]:
    import pandas as pd

    kinds = {type(value) for value in values} - {type(None)}
    if not as_text and kinds <= {int, float}:
        try:
            return pd.Series(values, dtype=np.int64 if kinds == {int} and None not in values else np.float64)
        except OverflowError:  # whole numbers beyond 64 bits
            return pd.Series([None if value is None else float(f"{value}") for value in values], dtype=np.float64)
    if not as_text and kinds == {bool} and None not in values:
        return pd.Series(values, dtype=bool)
    return pd.Series([_as_text(value, typed=not as_text) for value in values], dtype=str)


def _as_text(value: Any, *, typed: bool) -> str | None:
    """A value as text; 1.003 as 1.003e0 among numbers in quotes, so that nobody takes it for 1003."""
    if value is None or value != value:  # null, NaN
        return None
    if typed and isinstance(value, float) and math.isfinite(value):
        return f"{value:.0f}" if value.is_integer() else f"{value!r}{'' if 'e' in repr(value) else 'e0'}"
    return value if isinstance(value, str) else json.dumps(value)
