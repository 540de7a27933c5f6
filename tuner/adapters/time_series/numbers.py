"""Numbers as other programs write them, where a table holds them otherwise: which option or change would help."""

from __future__ import annotations

import re

from tuner.adapters.dialect import Decimal

_MARKS = {",": "comma", ".": "point"}
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:([.,'\u2019\s])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
_UNIT = re.compile(r"[^\d\s.,]{1,3}\s?[-+]?[\d.,]+|[-+]?[\d.,]+\s?[^\d\s.,]{1,3}")


def advice_on(cell: str, decimal: Decimal) -> str:
    """What helps where a cell would be a number in another way of writing; empty where it would not.

    Args:
        cell: What is no number.
        decimal: What parts off fractions in the cell's table.
    """
    other, cell = "." if decimal == "," else ",", cell.strip()
    if _GROUPED.fullmatch(cell):
        fix = "Write numbers without what parts their thousands"
        single = cell.count(other) == 1 and not re.search(rf"[^-+\d{re.escape(other)}]", cell)
        return fix + (
            f"; if the {_MARKS[other]} parts off fractions, set data.decimal to '{other}'." if single else "."
        )
    if re.fullmatch(rf"[-+]?\d*{re.escape(other)}\d+([eE][-+]?\d+)?", cell):
        return f"If the {_MARKS[other]} parts off fractions, set data.decimal to '{other}'."
    if _UNIT.fullmatch(cell):
        return "Write plain numbers, without a unit."
    return ""
