"""Tables of text cells, with the line number of every row: CSV, TSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tuner.adapters.dialect import LONGEST_CELL, SEPARATORS, Dialect, recognize
from tuner.adapters.files import Encoding, read_text
from tuner.errors import DataError, is_text, nearest

Form = Literal["csv", "jsonl"]

_AN_OBJECT = "Write an object per line, as pandas does by to_json(path, orient='records', lines=True)."

_JOINED = "A value of an object within it is named by both names with a point between them: rename one."

_ABOVE_HEADER = "If the first line is not the header, delete what stands above it, or write one."


class Row(NamedTuple):
    """The cells of the wanted columns, and "file:line"."""

    cells: dict[str, str]
    where: str


NO_LISTS: Mapping[str, str] = {}


def form_of(path: Path) -> Form | None:
    """The format by the name's ending; None for others."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return "csv"
    return "jsonl" if suffix in (".jsonl", ".ndjson", ".json") else None


def read_rows(
    path: Path,
    form: Form,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    encoding: Encoding | None = None,
    lists: Mapping[str, str] = NO_LISTS,
) -> Iterator[Row]:
    """The rows of a table; blank lines are skipped.

    Args:
        path: The file; the separator of a CSV file is recognized.
        form: csv (a header line, then rows) or jsonl (one object a line).
        columns: Columns that every row must have.
        optional: Columns that may be missing.
        encoding: The value of data.encoding; None if the adapter has no such option.
        lists: Columns that may hold a list of texts in JSON lines -> the separator that joins them.

    Raises:
        DataError: The file or a row is damaged, or a column is missing.
    """
    text = read_text(path, encoding)
    if form == "csv":
        yield from delimited_rows(path, *recognize(text, path, wanted=columns), columns, optional)
    else:
        yield from _json_rows(path, text, columns, optional, lists)


def delimited_rows(
    path: Path,
    text: str,
    dialect: Dialect,
    columns: Sequence[str] = (),
    optional: Sequence[str] = (),
    more: str = "",
) -> Iterator[Row]:
    """The rows of delimited text.

    Args:
        path: The file that the text was read from.
        text: Its whole text.
        dialect: Separator and decimal mark.
        columns: Columns that every row must have.
        optional: Columns that may be missing.
        more: A further fix for rows of another length, a sentence.

    Raises:
        DataError: A row is damaged, or a column is missing.
    """
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=dialect.separator, skipinitialspace=dialect.spaced, strict=True
    )
    header: list[str] = []
    line = 1  # the row's first line: quoted cells may span lines
    is_first = True
    try:
        for cells in reader:
            where, line = f"{path}:{line}", reader.line_num + 1
            if not cells:
                continue
            if not header:
                header = [name.strip() for name in cells]
                _check_columns(columns, header, where, by_name=advice_on_name)
                wanted = [(name, header.index(name)) for name in (*columns, *optional) if name in header]
                continue
            if len(cells) != len(header):
                fix = f"Put cells that contain {SEPARATORS[dialect.separator]} in double quotes. {more}".rstrip()
                raise DataError(
                    f"a row must have {len(header)} cells like the header",
                    value=len(cells),
                    fix=f"{fix} {_ABOVE_HEADER}"
                    if (is_first or len(header) == 1) and len(cells) > len(header)
                    else fix,
                    where=where,
                )
            is_first = False
            yield Row({name: cells[index] for name, index in wanted}, where)
    except csv.Error as error:
        raise DataError(
            "the row must be well-formed CSV",
            value=str(error),
            fix='Close every double quote, and write one within quotes twice: "he said ""yes""", not \\".',
            where=f"{path}:{reader.line_num}",
        ) from error


def _json_rows(
    path: Path, text: str, columns: Sequence[str], optional: Sequence[str], lists: Mapping[str, str]
) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        row = json_object(line, where)
        _check_columns(columns, list(row), where)
        for name, joint in lists.items():
            row[name] = joint.join(map(str, row[name])) if isinstance(row[name], list) else row[name]
        cells = {name: _as_text(row[name], name, where) for name in (*columns, *optional) if name in row}
        yield Row(cells, where)


def json_object(line: str, where: str) -> dict[str, Any]:
    """The JSON object of a line; values of objects within it by joint names, `sensors.temp`, as pandas.json_normalize.

    Raises:
        DataError: It is none, or two of its values have the same name.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError("the line must be valid JSON", value=str(error), fix=_AN_OBJECT, where=where) from error
    if not isinstance(row, dict):
        raise DataError("the line must be a JSON object", value=row, fix=_AN_OBJECT, where=where)
    if not any(isinstance(value, dict) for value in row.values()):
        return row
    found: dict[str, Any] = {}
    left = list(reversed(row.items()))
    while left:
        name, value = left.pop()
        if isinstance(value, dict):
            left += [(f"{name}.{key}", inner) for key, inner in reversed(value.items())]
        elif name in found:
            raise DataError("the values of a line must have names of their own", value=name, fix=_JOINED, where=where)
        else:
            found[name] = value
    return found


def advice_on_name(name: str, header: Sequence[str]) -> str:
    """The fix for a missing column: a similar name, or another line as the header."""
    fix = nearest(name, header)
    return fix if fix.startswith("Did you mean") else f"{fix} {_ABOVE_HEADER}"


def _check_columns(
    columns: Sequence[str],
    present: Sequence[str],
    where: str,
    by_name: Callable[[str, Sequence[str]], str] = nearest,
) -> None:
    for name in columns:
        if name not in present:
            raise DataError(f"there must be a column {name!r}", fix=by_name(name, present), where=where)


def _as_text(value: object, name: str, where: str) -> str:
    if value is None or value != value:  # null, NaN
        return ""
    if not isinstance(value, str | int | float):
        raise DataError(f"{name} must be a text or a number", value=value, where=where)
    if not is_text(text := str(value)):
        raise DataError(f"{name} must have no half of a surrogate pair", value=text, where=where)
    return text
