"""Dates in words and digits, whose format is recognized by a column's first cell: one format per column.

A day, week, month or quarter stands for its first instant. A time of day may follow, and then a time zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.time_column import Column, by_slices, either

if TYPE_CHECKING:
    import pandas as pd

Days = NDArray[Any]
"""datetime64[D], (rows,); NaT for invalid dates."""

_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?)?"
_INSTANT = re.compile(
    rf"(?P<date>.*?)(?:(?:T| +|(?<=\d):)(?P<clock>{_CLOCK})"
    r"|(?<=\d)T(?P<basic>\d{2}|\d{4}|\d{6}(?:[.,]\d{1,9})?)"
    r"|(?<=\d{8}) +(?P<digits>\d{4}|\d{6}))(?: ?(?P<zone>Z|UTC|GMT|[-+]\d{2}(?::?\d{2})?))?"
)
_ISO = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?"
_ONLY_CLOCK = re.compile(_CLOCK)
_NAMED_ZONE = re.compile(rf".*{_CLOCK} ?(?:[A-Z]{{2,5}}|\[?[A-Za-z]+/[A-Za-z_/]+\]?)")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"
_MEND = "Correct the cell, or say how dates are written in data.time_format."
_PATTERNS = "such as '%d.%m.%Y %H:%M'"


class _Form(NamedTuple):
    """A date format; `days` gets the named parts as columns of text."""

    pattern: re.Pattern[str]
    days: Callable[[pd.DataFrame], Days]


def read_dates(column: Column) -> NDArray[np.generic]:
    """The instants of a column in UTC, datetime64[us], or [ns] if the digits need it.

    Raises:
        DataError: The format is unknown or ambiguous; a cell has another format than the first, or is no valid
            date.
    """
    if (plain := _plain_iso(column.cells)) is not None:
        return plain
    cells = column.cells.str.replace(r"\s+", " ", regex=True)
    first = str(cells.iloc[0])
    _refuse_named(column, first)
    parts = cells.str.extract(_anchored(_INSTANT))
    timed = parts["date"].notna()
    dates = parts["date"].where(timed, cells).str.strip().str.removesuffix(",")
    days = _days(column, dates)
    zoned = parts["zone"].notna().to_numpy()
    if zoned.any():
        same = zoned == zoned[0]
        column.check(
            same, "have an offset from UTC in all rows or in none", "Write it out, as in 2024-03-01T12:00+01:00."
        )
    clock = parts["clock"].fillna(parts["basic"]).fillna(parts["digits"])
    offset, there = _offsets(parts["zone"])
    column.check(there, "have an offset from UTC that exists", _MEND)
    nanoseconds = _nanoseconds(column, clock) - offset
    return _joined(column, days, nanoseconds)


def offsets(cells: pd.Series[str]) -> NDArray[Any] | None:
    """The offsets from UTC that are written in cells, timedelta64[ns], 0 where there is none; None without any."""
    zone = cells.str.extract(_anchored(_INSTANT))["zone"]
    return _offsets(zone)[0].astype("timedelta64[ns]") if zone.notna().any() else None


def _plain_iso(cells: pd.Series[str]) -> NDArray[np.generic] | None:
    """Dates in the usual form of ISO 8601, by pandas' fast parser; None if a cell has another form."""
    import pandas as pd

    if not any(cells.str.fullmatch(_ISO + zone).all() for zone in ("", r"(?:Z|[-+]\d{2}:\d{2})")):
        return None
    dates = by_slices(cells, lambda some: pd.to_datetime(some, format="ISO8601", errors="coerce", utc=True))
    return None if dates.isna().any() else dates.dt.tz_localize(None).to_numpy()


def _joined(column: Column, days: Days, nanoseconds: NDArray[np.int64]) -> NDArray[np.generic]:
    if not (nanoseconds % 1000).any():
        instants: NDArray[np.generic] = days.astype("datetime64[us]") + (nanoseconds // 1000).astype("timedelta64[us]")
        return instants
    near = (days > np.datetime64("1678-01-01")) & (days < np.datetime64("2262-01-01"))
    column.check(near, "lie between 1678 and 2261 to be told to the nanosecond", _MEND)
    fine: NDArray[np.generic] = days.astype("datetime64[ns]") + nanoseconds.astype("timedelta64[ns]")
    return fine


def _anchored(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"^(?:{pattern.pattern})$", pattern.flags)


def _refuse_named(column: Column, first: str) -> None:
    """Refuse cells without a date or with a named time zone."""
    if _ONLY_CLOCK.fullmatch(first):
        column.refuse(
            0,
            "have a date beside the time of day",
            "Write the date too; if all rows are of one day, say how the time is written in data.time_format, "
            "such as '%H:%M'.",
        )
    if _NAMED_ZONE.fullmatch(first) and not re.search(r"(?:UTC|GMT|[AP]M)$", first):
        fix = "Write the offset in place of the zone's name, as in 2024-03-01T12:00+01:00, or leave it out."
        column.refuse(0, "have no zone but an offset from UTC", fix)


def _days(column: Column, dates: pd.Series[str]) -> Days:
    """The day of each date, by the format of the first."""
    first = str(dates.iloc[0])
    if _SLASHED.fullmatch(first):
        return _slashed(column, dates)
    if _SHORT.fullmatch(first):
        _refuse_short(column, dates)
    form = next((form for form in _FORMS if form.pattern.fullmatch(first)), None)
    if form is None:
        column.refuse(
            0,
            "be a number or a date in a known format",
            f"Write 2024-03-01 or 2024-03-01 12:00, or say how dates are written in data.time_format, {_PATTERNS}.",
        )
    parts = dates.str.extract(_anchored(form.pattern))
    written = parts.iloc[:, 0].notna().to_numpy()
    column.check(written, f"be a number or a date written like the first, {str(column.cells.iloc[0])!r}", _MEND)
    days = form.days(parts)
    column.check(~np.isnat(days), "be a number or a date that exists", _MEND)
    return days


_SLASHED = re.compile(r"(?P<a>\d{1,2})(?P<mark>[-/.])(?P<b>\d{1,2})(?P=mark)(?P<year>\d{4})")
_SHORT = re.compile(
    r"(?P<a>\d{1,2})(?P<mark>[-/.])(?P<b>\d{1,2})(?P=mark)(?P<year>\d{2})"
    r"|(?P<name>(\d{1,2}[-/ ])?[A-Za-z]{3,9}[-/ ']+\d{2})"
)


def _slashed(column: Column, dates: pd.Series[str]) -> Days:
    """Day and month in either order, decided by a day beyond the twelfth."""
    parts = dates.str.extract(_anchored(_SLASHED))
    written = parts["year"].notna().to_numpy()
    column.check(written, f"be a number or a date written like the first, {str(column.cells.iloc[0])!r}", _MEND)
    readings = {
        order: _calendar(parts["year"], parts[month], parts[day])
        for order, day, month in (("%d{}%m", "a", "b"), ("%m{}%d", "b", "a"))
    }
    sound = {order: days for order, days in readings.items() if not np.isnat(days).any()}
    if len(sound) == 1:
        return next(iter(sound.values()))
    mark = str(parts["mark"].iloc[0])
    forms = [f"{order.format(mark)}{mark}%Y{_clock_form(column)}" for order in readings]
    if sound:
        column.refuse(0, "tell day and month apart", f"Set data.time_format to {either(forms)}.")
    best = min(readings.values(), key=lambda days: np.isnat(days).sum())
    column.check(~np.isnat(best), "be a number or a date that exists", _MEND)
    raise AssertionError("both readings fail, but neither at a cell")


def _clock_form(column: Column) -> str:
    """The pattern of the time of day, with its separator from the date; empty without a time."""
    found = re.search(r"([T ]+)\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?)([AaPp][Mm])?", str(column.cells.iloc[0]))
    if found is None:
        return ""
    seconds = (":%S" if found[2] else "") + (".%f" if found[3] else "")
    return f"{found[1]}%{'I' if found[5] else 'H'}:%M{seconds}" + (f"{found[4]}%p" if found[5] else "")


def _refuse_short(column: Column, dates: pd.Series[str]) -> None:
    """Refuse years of two digits, and list the patterns that can read the column."""
    import pandas as pd

    first = str(dates.iloc[0])
    mark = next(iter(re.findall(r"[-/. ']", first)), "")
    forms = [
        mark.join(order)
        for order in (("%d", "%m", "%y"), ("%m", "%d", "%y"), ("%y", "%m", "%d"), ("%d", "%b", "%y"), ("%b", "%y"))
    ]
    fitting = [form for form in forms if pd.to_datetime(dates, format=form, errors="coerce").notna().all()]
    whole = [form + _clock_form(column) for form in fitting]
    known = either(whole) if whole else f"a pattern with %y, {_PATTERNS.replace('%Y', '%y')}"
    column.refuse(0, "have years of four digits", f"Set data.time_format to {known}, or write them out.")


def _number(texts: pd.Series[str]) -> NDArray[np.int64]:
    return np.asarray(texts.astype(np.int64), dtype=np.int64)


def _calendar(year: pd.Series[str], month: pd.Series[str] | None = None, day: pd.Series[str] | None = None) -> Days:
    """Days by year, month and day; NaT for invalid ones."""
    month_N = _number(month) if month is not None else np.ones(len(year), dtype=np.int64)
    return _of_numbers(_number(year), month_N, _number(day) if day is not None else np.ones_like(month_N))


def _of_numbers(year_N: NDArray[np.int64], month_N: NDArray[np.int64], day_N: NDArray[np.int64]) -> Days:
    months = ((year_N - 1970) * 12 + month_N - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day_N - 1).astype("timedelta64[D]")
    there = (month_N >= 1) & (month_N <= 12) & (day_N >= 1) & (days.astype("datetime64[M]") == months) & (year_N >= 1)
    return np.where(there, days, np.datetime64("NaT"))


def _quarters(parts: pd.DataFrame) -> Days:
    quarter_N = _number(parts["quarter"])
    return _of_numbers(_number(parts["year"]), 3 * quarter_N - 2, np.ones_like(quarter_N))


def _weeks(parts: pd.DataFrame) -> Days:
    """Days by ISO 8601 weeks: week 1 has the year's first Thursday; Monday if no day is written."""
    year_N, week_N = _number(parts["year"]), _number(parts["week"])
    day_N = _number(parts["weekday"].fillna("1"))
    one = np.ones_like(year_N)

    def monday(year_N: NDArray[np.int64]) -> Days:
        fourth = _of_numbers(year_N, one, 4 * one)
        weekday_N = (fourth.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
        days: Days = fourth - weekday_N.astype("timedelta64[D]")
        return days

    days = monday(year_N) + ((week_N - 1) * 7 + day_N - 1).astype("timedelta64[D]")
    there = (week_N >= 1) & (days < monday(year_N + 1)) & (day_N >= 1) & (day_N <= 7)
    return np.where(there, days, np.datetime64("NaT"))


def _ordinal(parts: pd.DataFrame) -> Days:
    """Days by their ordinal number in the year."""
    year_N, day_N = _number(parts["year"]), _number(parts["day"])
    days = ((year_N - 1970).astype("datetime64[Y]")).astype("datetime64[D]") + (day_N - 1).astype("timedelta64[D]")
    there = (day_N >= 1) & (days.astype("datetime64[Y]").astype(np.int64) == year_N - 1970)
    return np.where(there, days, np.datetime64("NaT"))


def _named(parts: pd.DataFrame) -> Days:
    """Days whose month is an English name, whole or its first three letters."""
    numbers = {name: str(index) for index, name in enumerate(_MONTHS.split(), start=1)}
    month = parts["month"].str[:3].str.lower().map(numbers).fillna("0")
    return _calendar(parts["year"], month, parts["day"].fillna("1") if "day" in parts else None)


_Y, _M, _D = r"(?P<year>\d{4})", r"(?P<month>\d{1,2})", r"(?P<day>\d{1,2})"
_NAME = (
    r"(?P<month>(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?))\.?"
)
_WEEKDAY = r"(?:[A-Za-z]{3,9},? )?"


def _ymd(parts: pd.DataFrame) -> Days:
    return _calendar(parts["year"], parts["month"], parts.get("day"))


_FORMS = tuple(
    _Form(re.compile(pattern), days)
    for pattern, days in (
        (rf"{_Y}(?P<mark>[-/.]){_M}(?P=mark){_D}", _ymd),
        (r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})", _ymd),
        (rf"{_Y}[-/.]{_M}", _ymd),
        (rf"{_M}[-/.]{_Y}", _ymd),
        (rf"{_Y}[- ]?M{_M}", _ymd),
        (rf"{_Y}[-/ ]?[Qq](?P<quarter>[1-4])", _quarters),
        (rf"[Qq](?P<quarter>[1-4])[-/ ]?{_Y}", _quarters),
        (rf"{_Y}-?W(?P<week>\d{{2}})(?:-?(?P<weekday>\d))?", _weeks),
        (rf"{_Y}-(?P<day>\d{{3}})", _ordinal),
        (rf"{_NAME}[-/ ]{_Y}", _named),
        (rf"{_Y}[-/ ]{_NAME}", _named),
        (rf"{_WEEKDAY}{_D}\.?[-/ ]{_NAME},?[-/ ]{_Y}", _named),
        (rf"{_WEEKDAY}{_NAME} {_D}(?:st|nd|rd|th)?,? {_Y}", _named),
        (rf"{_Y}[-/ ]{_NAME}[-/ ]{_D}", _named),
    )
)
"""Tried in order; the first that fits the first cell is used for the whole column."""


def _nanoseconds(column: Column, clock: pd.Series[str]) -> NDArray[np.int64]:
    """Nanoseconds of the time of day; 0 without one; 24:00 belongs to the next day."""
    basic = clock.str.replace(r"^(\d\d)(\d\d)?(\d\d)?", r"\1:\2:\3", regex=True).str.replace(r":+$", "", regex=True)
    whole = clock.where(clock.str.contains(":", na=True), basic)
    parts = whole.str.extract(
        r"^(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?(?::(?P<second>\d{2}))?(?:[.,](?P<part>\d{1,9}))?"
        r"(?: ?(?P<half>[AaPp]))?"
    )
    hour_N, minute_N, second_N = (_number(parts[name].fillna("0")) for name in ("hour", "minute", "second"))
    part_N = _number(parts["part"].fillna("0").str.ljust(9, "0"))
    half = parts["half"].str.lower()
    told = half.notna().to_numpy()
    sound = ~told | ((hour_N >= 1) & (hour_N <= 12))
    hour_N = np.where(told, hour_N % 12 + 12 * (half == "p").to_numpy(), hour_N)
    sound &= (hour_N < 24) | ((hour_N == 24) & (minute_N + second_N + part_N == 0))
    sound &= (minute_N < 60) & (second_N < 60)
    column.check(sound, "have a time of day that exists", _MEND)
    total: NDArray[np.int64] = ((hour_N * 60 + minute_N) * 60 + second_N) * 1_000_000_000 + part_N
    return total


def _offsets(zone: pd.Series[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Offsets from UTC in nanoseconds, and which of them exist."""
    parts = zone.str.extract(r"^(?P<sign>[-+])(?P<hours>\d{2}):?(?P<minutes>\d{2})?$")
    hours_N, minutes_N = (_number(parts[name].fillna("0")) for name in ("hours", "minutes"))
    sign_N = np.where((parts["sign"] == "-").to_numpy(), -1, 1)
    offset: NDArray[np.int64] = sign_N * (hours_N * 60 + minutes_N) * 60_000_000_000
    return offset, (hours_N < 24) & (minutes_N < 60)
