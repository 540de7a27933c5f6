"""Advice for cells that would be numbers with another decimal mark or without thousands separators."""

from __future__ import annotations

import re

from tuner.adapters.dialect import Decimal

_MARKS = {",": "comma", ".": "point"}
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:([.,'\u2019\s])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
_UNIT = re.compile(r"[^\d\s.,]{1,3}\s?[-+]?[\d.,]+|[-+]?[\d.,]+\s?[^\d\s.,]{1,3}")


def advice_on(cell: str, decimal: Decimal) -> str:
    """The fix for a cell that would be a number in another notation; empty if it would not.

    Args:
        cell: The cell, which is no number.
        decimal: The decimal mark of the cell's table.
    """
    other, cell = "." if decimal == "," else ",", cell.strip()
    if _GROUPED.fullmatch(cell):
        fix = "Write numbers without thousands separators"
        single = cell.count(other) == 1 and not re.search(rf"[^-+\d{re.escape(other)}]", cell)
        return fix + (
            f"; if the {_MARKS[other]} is the decimal mark, set data.decimal to '{other}'." if single else "."
        )
    if re.fullmatch(rf"[-+]?\d*{re.escape(other)}\d+([eE][-+]?\d+)?", cell):
        return f"If the {_MARKS[other]} is the decimal mark, set data.decimal to '{other}'."
    if _UNIT.fullmatch(cell):
        return "Write plain numbers, without a unit."
    return ""
