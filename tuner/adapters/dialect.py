"""Separator and decimal mark of a file of delimited text: by the options, else recognized.

Defaults by the file's ending: commas (.csv) or tabs (.tsv), and a decimal point. Spreadsheets of much of the
world write semicolons and decimal commas instead.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Literal, NamedTuple

from tuner.adapters.files import Encoding

Separator = Literal[",", ";", "|", "\t", "\\t", "tab"]
Decimal = Literal[".", ","]

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "upright strokes"}
LONGEST_CELL = 1 << 26
"""Characters a cell may have; the csv module's own limit of 131,072 is below a long document."""

_SAMPLE = 1 << 16
"""Number of characters by which the separator is recognized."""
_SAID = re.compile(r"sep=([,;|\t])[ \t]*\r?\n")
"""The first line by which spreadsheet programs tell each other the separator."""


class Writing(NamedTuple):
    """The options of delimited text; None: recognized from the file."""

    separator: Separator | None = None
    decimal: Decimal | None = None
    encoding: Encoding = "utf-8"


class Dialect(NamedTuple):
    """Separator and decimal mark of one file.

    Args:
        separator: The separator of cells.
        decimal: The decimal mark.
        guessed: What differs from the default and was not set by an option, a part of a sentence each.
        spaced: Whether a blank follows each separator of the header; such blanks are then not part of cells.
    """

    separator: str = ","
    decimal: Decimal = "."
    guessed: tuple[str, ...] = ()
    spaced: bool = False

    def notices(self, path: Path) -> list[str]:
        """A sentence on what was guessed and which option changes it; empty if nothing was."""
        if not self.guessed:
            return []
        how = " and ".join(self.guessed)
        return [
            f"{path.name} is read with {how}, as its cells suggest; set data.separator or data.decimal to change that"
        ]


def recognize(
    text: str,
    path: Path,
    *,
    separator: Separator | None = None,
    decimal: Decimal | None = None,
    wanted: Sequence[str] = (),
    rest: Iterable[str] = (),
    usual: Separator | None = None,
) -> tuple[str, Dialect]:
    """The dialect of a file.

    A header with the wanted columns decides; else rows that all have as many cells as the header, more than one.

    Args:
        text: The whole file, or its beginning.
        path: Its name.
        separator: The separator of cells; None: recognized.
        decimal: The decimal mark; None: recognized.
        wanted: Required columns.
        rest: The rest of the file in blocks of whole lines; used only where the decimal mark must be recognized.
        usual: The separator of such files, where several fit; None: by the file's ending.

    Returns:
        The text, its line `sep=;` (if any) left out, and the dialect.
    """
    plain = _character(usual) if usual else "\t" if path.suffix.lower() == ".tsv" else ","
    guessed = []
    said = _SAID.match(text)
    text = without_separator_line(text)
    part: str
    if separator is not None:
        part = _character(separator)
    elif said:
        part = said[1]
    else:
        part = _separator(text, plain, wanted)
        if part != plain:
            guessed.append(f"{SEPARATORS[part]} between cells")
    if decimal is None:
        decimal = _decimal(chain([text], rest), part)
        if decimal == ",":
            guessed.append("decimal commas")
    return text, Dialect(part, decimal, tuple(guessed), _spaced(text, part))


def _character(separator: Separator) -> str:
    return "\t" if separator in ("tab", "\\t") else separator


def without_separator_line(text: str) -> str:
    """The text with its line `sep=;`, if any, left empty, so that lines keep their numbers."""
    said = _SAID.match(text)
    return "\n" + text[said.end() :] if said else text


def _separator(text: str, plain: str, wanted: Sequence[str]) -> str:
    """The separator that fits the beginning of a file best."""
    sample = text[:_SAMPLE]

    def fit(separator: str) -> tuple[bool, bool, bool, bool, int]:
        rows = _rows(sample, separator, cut=len(text) > _SAMPLE)
        header = [name.strip() for name in rows[0]] if rows else []
        several = len(header) > 1
        even = several and all(len(row) == len(header) for row in rows)
        return all(name in header for name in wanted), even, several, separator == plain, len(header)

    return max(SEPARATORS, key=fit)


def _rows(sample: str, separator: str, *, cut: bool) -> list[list[str]]:
    """The rows before the first malformed one; the last may be cut off."""
    csv.field_size_limit(LONGEST_CELL)
    rows: list[list[str]] = []
    try:
        cells = csv.reader(io.StringIO(sample, newline=""), delimiter=separator, skipinitialspace=True)
        rows.extend(row for row in cells if row)
    except csv.Error:
        return rows
    return rows[:-1] if cut and len(rows) > 1 else rows


def _spaced(text: str, separator: str) -> bool:
    """Whether the cells of the header are separated by the separator and a blank."""
    lines = csv.reader(io.StringIO(text[:_SAMPLE], newline=""), delimiter=separator)
    try:
        header = next((row for row in lines if row), [])
    except csv.Error:
        return False
    return len(header) > 1 and all(name.startswith(" ") for name in header[1:])


def _decimal(blocks: Iterable[str], separator: str) -> Decimal:
    """A comma if at least as many cells are numbers with it as with a point.

    Numbers that may have their thousands apart instead, 1.003, count only where there are no others.
    """
    part = re.escape(separator)
    patterns = {mark: _in_cells(_decimals(mark), rf'(?:^|{part}) *"?', rf'"? *(?={part}|\r?$)') for mark in ",."}
    if separator == ",":
        blocks = islice(blocks, 1)  # such a file has decimal commas in quotes, from its beginning
        patterns[","] = _in_cells(_decimals(","), '"', '"')
    sure, doubtful = dict.fromkeys(patterns, 0), dict.fromkeys(patterns, 0)
    for block in blocks:
        for mark, pattern in patterns.items():
            if (mark in block or _THOUSANDS.search(block)) and (separator != "," or '"' in block):
                found = pattern.findall(block)
                unsure = len(found) - found.count("")
                doubtful[mark] += unsure
                sure[mark] += len(found) - unsure
    count = sure if any(sure.values()) or separator == "," else doubtful
    least = count["."] + 1 if separator == "," else max(count["."], 1)
    return "," if count[","] >= least else "."


def _in_cells(number: str, before: str, after: str) -> re.Pattern[str]:
    return re.compile(before + _BESIDE + number + _BESIDE + after, re.MULTILINE)


_BESIDE = r'[^\d\n.,;|\t"]{0,6}+'
"""What may stand beside a number in its cell: blanks, signs, a currency."""
_THOUSANDS = re.compile(r"([.,])\d{3}\1\d{3}")


def _decimals(mark: str) -> str:
    """A pattern of numbers that show a decimal mark; a group for those that may have their thousands apart instead."""
    mark, other = re.escape(mark), re.escape("." if mark == "," else ",")
    doubtful = rf"([1-9]\d{{0,2}}{mark}\d{{3}})(?!\d)"
    whole = rf"[1-9]\d{{0,2}}(?:{other}\d{{3}}){{2,}}+"
    return rf"(?:{doubtful}|\d++(?:[{other}' ]\d{{3}})*+{mark}\d++(?:[eE][-+]?\d++)?|{whole})"
