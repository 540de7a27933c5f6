"""Writes future times in the table's format: in its time zone, by the first pattern that reproduces its last cells.

R rows of a series as read, T rows including filled ones, N times. Times are in UTC if the table has a time zone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.ahead import ahead, keeps_days
from tuner.adapters.time_series.steps import Step
from tuner.adapters.time_series.times import EXCEL_DAY_0, UNIX

if TYPE_CHECKING:
    import pandas as pd

_COMPARED = 24
"""Number of latest cells of a series that a pattern must reproduce."""
_ZONED = re.compile(r"(.*\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)( ?(?:Z|UTC|GMT|[-+]\d{2}(?::?\d{2})?))")
_DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y%m%d"),
    *("%-d.%-m.%Y", "%-d/%-m/%Y", "%-m/%-d/%Y", "%d %b %Y", "%-d %b %Y", "%d-%b-%Y", "%d %B %Y", "%-d %B %Y"),
    *("%b %d, %Y", "%b %-d, %Y", "%B %d, %Y", "%B %-d, %Y"),
)
_CLOCKS = ("%H:%M", "%H:%M:%S", "%-H:%M", "%-H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%-I:%M %p", "%I:%M:%S %p", "%H%M")
_PERIODS = (
    *("%Y", "%Y-%m", "%Y/%m", "%Y.%m", "%Y%m", "%m/%Y", "%m.%Y", "%m-%Y", "%YM%m", "%Y-M%m", "%b %Y", "%b-%Y"),
    *("%B %Y", "%Y-%b", "%Y %b", "%G-W%V", "%GW%V", "%Y-%j", "%Y%m%d%H", "%Y%m%d%H%M", "%Y%m%d%H%M%S"),
    *("%YQ%q", "%Y-Q%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y"),
)
_PATTERNS = (*_DAYS, *(f"{day}{mark}{clock}" for mark in " T" for clock in _CLOCKS for day in _DAYS), *_PERIODS, *UNIX)
_LOOKED_AT = 64
"""Number of latest times of a series by which its calendar is recognized."""


class Stamps:
    """The format of a table's times, for continuing them.

    Args:
        cells: The table's column of times as it was read, row by row.
        form: The value of data.time_format.
    """

    def __init__(self, cells: pd.Series[Any], form: str) -> None:
        self.zone: tzinfo | None = getattr(cells.dtype, "tz", None)
        self.texts: NDArray[np.object_] | None = None
        """Cells of text or numbers by row; None for typed times of a Parquet file or a DataFrame."""
        if cells.dtype.kind not in "mM" and not str(cells.dtype).startswith("period"):
            self.texts = cells.astype(str).str.strip().to_numpy(dtype=object)
        self.patterns = [form] if "%" in form else []
        """Patterns to try first: the one that fitted the previous series."""


class SeriesStamps:
    """The times of one series.

    Args:
        table: The stamps of its table.
        rows_R: Its row numbers in the table, in order of time.
        times_R: Their times.
        step: Their usual step; None if there is none.
        made_T: Which of its rows were filled in; None if none was.
    """

    def __init__(
        self,
        table: Stamps,
        rows_R: NDArray[np.int64],
        times_R: NDArray[np.generic],
        step: Step | None,
        made_T: NDArray[np.bool_] | None,
    ) -> None:
        self._table, self._step = table, step
        self._rows_R, self._times_T = rows_R, times_R
        self._zone, self._suffix, self._pattern = table.zone, "", ""
        if times_R.dtype.kind == "M":
            self._learn(times_R)
        self._read_T = np.ones(len(times_R), dtype=bool) if made_T is None else ~made_T
        if made_T is None:
            return
        self._times_T = times_R[np.cumsum(self._read_T) - 1]
        for row in np.flatnonzero(np.diff(self._read_T.astype(np.int8), append=1) == -1):  # before a gap
            number = int(np.argmax(self._read_T[row + 1 :]))
            made = self._after(row + 1, number)
            self._times_T = self._times_T.astype(made.dtype)
            self._times_T[row + 1 : row + 1 + number] = made

    def rows(self, start: int, end: int) -> list[Any]:
        """The written times of rows: text for dates, numbers for numbers; those that were read are unchanged."""
        written = self._written(self._times_T[start:end])
        if self._table.texts is None or self._times_T.dtype.kind != "M":
            return written
        cells = iter(self._table.texts[self._rows_R[int(self._read_T[:start].sum()) :]])
        return [next(cells) if read else text for read, text in zip(self._read_T[start:end], written, strict=True)]

    def ahead(self, end: int, number: int) -> list[Any]:
        """The written times after row `end`; empty without a step."""
        return [] if self._step is None else self._written(self._after(end, number))

    def times_ahead(self, end: int, number: int) -> NDArray[np.generic]:
        """The times after row `end`, in UTC if the table has a time zone; NaT without a step."""
        return np.full(number, np.datetime64("NaT", "us")) if self._step is None else self._after(end, number)

    def _after(self, end: int, number: int) -> NDArray[np.generic]:
        """Times after row `end`; steps of days and longer keep the time of day in the table's time zone."""
        assert self._step is not None, "without a step there are no gaps, and nothing goes on"
        times_T = self._times_T[max(end - _LOOKED_AT, 0) : end]
        if self._zone is None or times_T.dtype.kind != "M" or not keeps_days(self._step):
            return ahead(times_T, self._step, number)
        here_T = _dates(times_T).tz_localize(UTC).tz_convert(self._zone).tz_localize(None).to_numpy()
        here_N = _dates(ahead(here_T, self._step, number)).tz_localize(
            self._zone, ambiguous=np.ones(number, dtype=bool), nonexistent="shift_forward"
        )
        return np.asarray(here_N.tz_convert(UTC).tz_localize(None).to_numpy())

    def _learn(self, times_R: NDArray[np.generic]) -> None:
        """Recognize time zone and pattern from the latest cells."""
        if self._table.texts is None:
            return
        cells = self._table.texts[self._rows_R[-_COMPARED:]].tolist()
        times = times_R[-_COMPARED:]
        if last := _ZONED.fullmatch(cells[-1]):
            self._suffix = last[2]
            alike = np.array([cell.endswith(self._suffix) for cell in cells])
            cells = [cell.removesuffix(self._suffix) for cell in cells if cell.endswith(self._suffix)]
            times, written = times[alike], self._suffix.strip()
            offset = "+00:00" if written in ("Z", "UTC", "GMT") else written
            self._zone = datetime.fromisoformat(f"2000-01-01T00:00{offset}").tzinfo
        here = _clock(times, self._zone)
        for pattern in (*self._table.patterns, *_PATTERNS):
            if _by(here[-1:], pattern) == cells[-1:] and _by(here, pattern) == cells:
                self._table.patterns, self._pattern = [pattern], pattern
                return

    def _written(self, times_N: NDArray[np.generic]) -> list[Any]:
        if times_N.dtype.kind != "M":
            numbers: list[Any] = times_N.tolist()
            return numbers
        here_N = _clock(times_N, self._zone)
        if self._pattern:
            return [text + self._suffix for text in _by(here_N, self._pattern)]
        if self._zone is not None:
            return [moment.isoformat(" ") for moment in here_N]
        dates = self._step is not None and keeps_days(self._step) and all(_at_midnight(moment) for moment in here_N)
        return [str(moment.date() if dates else moment) for moment in here_N]


def written(times: Sequence[np.generic], form: str) -> list[Any]:
    """Times in the format data.time_format: text for dates, in ISO 8601 if it names no pattern; numbers for numbers.

    Args:
        times: Times of one type.
        form: The value of data.time_format.
    """
    if np.asarray(times).dtype.kind != "M":
        return np.asarray(times).tolist()  # type: ignore[no-any-return]  # a list, of an array
    if form == "excel":
        return [str(float((time - EXCEL_DAY_0) / np.timedelta64(1, "D"))) for time in np.asarray(times)]
    return _by(_clock(np.asarray(times), None), form if "%" in form or form in UNIX else "%Y-%m-%d %H:%M:%S")


def _dates(times: Any) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(times)


def _clock(times: NDArray[np.generic], zone: tzinfo | None) -> list[datetime]:
    """Local times in the time zone."""
    whole = times.astype("datetime64[us]")
    if (whole != times).any():  # nanoseconds, which only pandas' datetime has
        moments = _dates(times)
        return list(moments if zone is None else moments.tz_localize(UTC).tz_convert(zone))
    plain: list[datetime] = whole.tolist()
    return plain if zone is None else [moment.replace(tzinfo=UTC).astimezone(zone) for moment in plain]


def _at_midnight(moment: datetime) -> bool:
    return moment == moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _by(moments: Sequence[datetime], pattern: str) -> list[str]:
    if pattern in UNIX:
        plain = [moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment for moment in moments]
        unit = UNIX[pattern][0]
        return [str(number) for number in _dates(plain).to_numpy().astype(f"datetime64[{unit}]").astype(np.int64)]
    if "%q" in pattern:
        quarters = [(moment.month + 2) // 3 for moment in moments]
        return [
            pattern.replace("%q", str(quarter)).replace("%Y", f"{moment.year:04d}")
            for moment, quarter in zip(moments, quarters, strict=True)
        ]
    return [_text(moment.replace(tzinfo=None) if moment.tzinfo else moment, pattern) for moment in moments]


@lru_cache(maxsize=4096)
def _text(moment: datetime, pattern: str) -> str:
    """Cached, because the series of a table mostly have the same times."""
    return moment.strftime(pattern)
