"""Numbers as people write them: 1,003.77 and 1.003,77, 1 003, $12.50, 7%, (12.50). Here text becomes a number.

A cell may be read in two ways, with a decimal point and with a decimal comma: 1,003 is 1003 or 1.003. Which one it is,
the cells of its column say together; where none of them does, the caller may know, else the cell is in doubt and is no
number. Signs of currency and percent are left out, so that 7% is 7; a column has one of them or none.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.dialect import Decimal
from tuner.adapters.missing import WORDS

MARKS = {",": "comma", ".": "point"}
_CODES = (
    "AED|ARS|AUD|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|KRW|MXN|MYR|NOK|NZD|PHP|PLN|"
    "RON|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR"
)
"""Codes of currencies by ISO 4217: those of the largest economies."""
_CURRENCY = f"[$€£¥₹₽₩₺₪₴₫฿]|{_CODES}"
_CELL = re.compile(
    rf"(?P<sign>[-+]?) ?(?P<open>\(?)(?P<before>{_CURRENCY})? ?(?P<inner>[-+(]?)"
    r"(?P<number>[0-9.,' ]*[0-9][.,]?(?:[eE][-+]?[0-9]+)?)"
    rf"(?P<close>\)?) ?(?P<after>%|{_CURRENCY})?(?P<last>\)?)"
)
_PLAIN = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_GROUPED = re.compile(
    r"[1-9][0-9]{0,2}([,' ])[0-9]{3}(?:\1[0-9]{3})*(?:\.[0-9]+)?|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?"
)
"""Thousands apart, or as in India, 12,34,567."""
_APART = str.maketrans("", "", ",' ")
_SWAPPED = str.maketrans(".,", ",.")
_SAME = str.maketrans("\u00a0\u202f\u2009\u2007\u2019\u2212\u2013", "    '--")
"""Kinds of blanks, of apostrophes and of minus."""
_LONGEST = 60
_NONE = (math.nan, math.nan, "")
_UNIT = re.compile(r"[^\d\s.,]{1,3}\s?[-+]?[\d.,]+|[-+]?[\d.,]+\s?[^\d\s.,]{1,3}")


class Written(NamedTuple):
    """How the numbers of a column are written.

    Args:
        decimal: The decimal mark; None if no cell shows it.
        percent: Whether they have percent signs.
        currency: Their sign or code of currency, "" without.
    """

    decimal: Decimal | None = None
    percent: bool = False
    currency: str = ""


class Cells(NamedTuple):
    """The different cells of a column, N, as numbers.

    Args:
        words: Their texts, without blanks around them.
        point: Values with a decimal point, NaN where they have none, (N,).
        comma: Values with a decimal comma.
        percent: Whether they have a percent sign.
        currency: Their currencies, "" without.
        missing: Whether they stand for a missing value.
    """

    words: Sequence[str]
    point: NDArray[np.float64]
    comma: NDArray[np.float64]
    percent: NDArray[np.bool_]
    currency: NDArray[np.str_]
    missing: NDArray[np.bool_]

    @property
    def doubtful(self) -> NDArray[np.bool_]:
        """Cells that are another number with a decimal point than with a decimal comma."""
        return np.asarray(np.isfinite(self.point) & np.isfinite(self.comma) & (self.point != self.comma))

    @property
    def shown(self) -> Decimal | None:
        """The decimal mark that most cells show which can be read in one way only; None if there are none."""
        point = int((np.isfinite(self.point) & np.isnan(self.comma)).sum())
        comma = int((np.isfinite(self.comma) & np.isnan(self.point)).sum())
        return None if not point and not comma else "," if comma > point else "."

    def written(self, decimal: Decimal | None, known: Written | None = None) -> Written:
        """How they are written.

        Args:
            decimal: The decimal mark.
            known: How cells of the same column were written before: it says what those without signs mean.
        """
        signed = self.percent & ~self.missing
        there = ~self.missing & (self.point != 0)
        used = Counter(self.currency[self.currency != ""].tolist())
        common = used.most_common(1)[0][0] if used else ""
        if known is not None:
            return Written(decimal, known.percent, known.currency or common)
        return Written(decimal, bool(2 * signed.sum() > there.sum()), common)

    def values(self, written: Written, known: Written | None = None) -> NDArray[np.float64]:
        """Their numbers, (N,); NaN where they are missing, infinite where they are none."""
        found = np.where(self.doubtful, np.nan, np.where(np.isnan(self.point), self.comma, self.point))
        if written.decimal is not None:
            found = self.comma if written.decimal == "," else self.point
        other = self.percent != written.percent
        if known is not None:  # without a sign they mean the same
            other = self.percent & ~np.bool_(written.percent)
        other = (other & (found != 0)) | ((self.currency != "") & (self.currency != written.currency))
        return np.where(self.missing, np.nan, np.where(np.isnan(found) | other, np.inf, found))


def read(words: Sequence[str], *, whole: bool = False) -> Cells | None:
    """The different cells of a column as numbers.

    Args:
        words: Their texts, without blanks around them.
        whole: Whether to stop, with None, at the first cell that is no number in any way.
    """
    point, comma, signs, missing = array("d"), array("d"), list[str](), bytearray()
    for word in words:
        missing.append(word in WORDS)
        found = None if missing[-1] else _number(word)
        if found is None and whole and not missing[-1]:
            return None
        first, second, sign = found or _NONE
        point.append(first)
        comma.append(second)
        signs.append(sign)
    sign_N = np.array(signs, dtype="<U3")
    return Cells(
        words,
        np.array(point),
        np.array(comma),
        sign_N == "%",
        np.where(sign_N == "%", "", sign_N),
        np.frombuffer(missing, dtype=bool),
    )


def _number(word: str) -> tuple[float, float, str] | None:
    """The number with a decimal point and with a comma, NaN where it is none, and its sign; None if both are none."""
    if len(word) > _LONGEST:
        return None
    parts = _CELL.fullmatch(word if word.isascii() else word.translate(_SAME))
    if parts is None:
        return None
    sign, opened, before, inner, number, close, after, last = parts.groups("")
    enclosed = (opened + inner).count("(")
    signs = (sign + inner).replace("(", "")
    if (close + last).count(")") != enclosed or enclosed + len(signs) > 1 or (before and after):
        return None
    point = _plain(number)
    comma = _plain(number.translate(_SWAPPED)) if "." in number or "," in number else point
    if math.isnan(point) and math.isnan(comma):
        return None
    return (-point, -comma, before or after) if enclosed or signs == "-" else (point, comma, before or after)


def _plain(number: str) -> float:
    """The number with a decimal point, thousands apart or not; NaN if it is none, or too large."""
    if _PLAIN.fullmatch(number):
        value = float(number)
    elif _GROUPED.fullmatch(number):
        value = float(number.translate(_APART))
    else:
        return math.nan
    return value if math.isfinite(value) else math.nan


def is_plain(word: str) -> bool:
    """Whether a number is written as programs write it."""
    try:
        float(word)
    except ValueError:
        return False
    return True


class Refused(NamedTuple):
    """Why a cell is no number, as a rule that it breaks, and the fix; "" where there is none."""

    rule: str = "must be a finite number"
    fix: str = ""


def why_not(word: str, written: Written, asked: Decimal | None) -> Refused:
    """Why a cell is no number in its column.

    Args:
        word: The cell.
        written: How the cells of its column are written.
        asked: The decimal mark that the options set.
    """
    found = _number(word)
    if found is None:
        unit = _UNIT.fullmatch(word.strip()) and not set("()%").intersection(word)
        return Refused(fix="Write plain numbers, without a unit." if unit else "")
    point, comma, sign = found
    mark = written.decimal
    if mark is None and point == point and comma == comma and point != comma:
        point_first = f"Set data.decimal to '.' if it is {point:.15g}, to ',' if it is {comma:.15g}."
        return Refused("must be a number that can be read in one way only", point_first)
    if mark is not None and np.isnan(comma if mark == "," else point):
        other = "." if mark == "," else ","
        if asked:
            return Refused(fix=f"If the {MARKS[other]} is the decimal mark, set data.decimal to '{other}'.")
        return Refused(f"must have a decimal {MARKS[mark]} as the column's other cells have", "Write it with one.")
    if sign and sign != "%" and sign != written.currency:
        return Refused(f"must have the currency of the column's other cells, {written.currency}", "Convert it.")
    if (sign == "%") != written.percent:
        return Refused(
            "must have a percent sign if the column's other cells have one, and else none",
            "Write the whole column in percent, or none of it.",
        )
    return Refused()
