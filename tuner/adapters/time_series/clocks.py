"""Local time at the instants of a table: in a time zone known by name, or by the offsets written in its rows.

T rows of a series, N times, M rows of a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.dates import offsets
from tuner.adapters.time_series.written import coded
from tuner.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

UTC = ""
"""In place of a zone: UTC, as in models of earlier versions."""
WRITTEN = "written"
"""In place of a zone: as the rows tell, which have an offset from UTC or local time."""


def meant_by(zone: str) -> str:
    """The local time of a model's zone, for people."""
    return {UTC: "in UTC", WRITTEN: "in local time"}.get(zone, f"in local time of {zone}")


@dataclass(frozen=True)
class Clock:
    """Local time in one series.

    Args:
        zone: Name of its time zone; empty: by offsets.
        times: Times of its rows in UTC, ascending, (T,); None: local time is given.
        offsets: Their offsets from UTC, timedelta64, (T,).
    """

    zone: str = ""
    times: NDArray[Any] | None = None
    offsets: NDArray[Any] | None = None

    def local(self, times: NDArray[np.generic]) -> NDArray[np.generic]:
        """The local time at instants in UTC, (N,); without a zone, by the offset of the row before."""
        import pandas as pd

        if self.zone:
            local = pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(self.zone).tz_localize(None)
            return np.asarray(local.to_numpy())
        if self.times is None or self.offsets is None:
            return times
        before_N = (np.searchsorted(self.times, times, side="right") - 1).clip(0)
        return np.asarray(times + self.offsets[before_N])


class Clocks:
    """Local time in the series of a table.

    Args:
        column: The table's column of times.
        zone: The zone whose local time is meant: a name, WRITTEN or UTC; None: that of the column.

    Raises:
        DataError: The zone is needed, and not known on this machine.
    """

    def __init__(self, column: pd.Series[Any], zone: str | None = None) -> None:
        own = _zone_of(column)
        self.zone = (own or WRITTEN) if zone is None else zone
        """What to keep for further tables."""
        self._offsets_M = None if self.zone == UTC else _offsets_in(column)
        self._name = (own if self.zone == WRITTEN else self.zone) if self._offsets_M is not None else ""
        if self._name and not _is_known(self._name):
            raise DataError(
                "the model's time zone must be known on this machine", value=self._name, fix="Run pip install tzdata."
            )

    def of(self, rows_T: NDArray[np.int64], times_T: NDArray[np.generic]) -> Clock:
        """Local time in the series of these rows, ascending in time."""
        if self._offsets_M is None or self._name:
            return Clock(self._name)
        return Clock("", times_T, self._offsets_M[rows_T])

    def notices(self, time: str | None) -> list[str]:
        """A sentence on the local time; none where the table has no offsets from UTC."""
        if self._offsets_M is None:
            return []
        if self._name:
            return [f"data.calendar is of local time in {self._name}, the zone of {time}"]
        if not self._offsets_M.astype(np.int64).any():
            return [f"data.calendar is of UTC, as the offsets in {time} are"]
        return [
            f"data.calendar is of local time by the offsets in {time}; "
            "after the last row of a series, that row's offset goes on"
        ]


def _zone_of(column: pd.Series[Any]) -> str:
    """The name of the time zone of a typed column; empty if it has none."""
    name = str(getattr(column.dtype, "tz", ""))
    return name if _is_known(name) else ""  # no name: a fixed offset, or no zone


def _is_known(name: str) -> bool:
    """Whether this is the name of a time zone that this machine knows."""
    try:
        return bool(ZoneInfo(name).key)
    except (ValueError, OSError, KeyError):
        return False


def _offsets_in(column: pd.Series[Any]) -> NDArray[Any] | None:
    """The offset of each row, timedelta64, (M,); None if the column has none."""
    if getattr(column.dtype, "tz", None) is not None:
        return np.asarray((column.dt.tz_localize(None) - column.dt.tz_convert(None)).to_numpy())
    if column.dtype.kind in "iufmM" or str(column.dtype).startswith("period"):
        return None
    import pandas as pd

    codes, words = coded(column)
    found = offsets(pd.Series(words, dtype=str))
    return None if found is None else found[codes]
