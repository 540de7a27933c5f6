"""Time series from a table, with time step, season and gaps from their times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.ahead import ahead
from tuner.adapters.time_series.clocks import Clock, Clocks
from tuner.adapters.time_series.columns import inputs
from tuner.adapters.time_series.covariate_missing import filled_rows, holes, told_of_holes
from tuner.adapters.time_series.covariates import Covariates, check_calendar, read_covariates, resolved, static_of
from tuner.adapters.time_series.groups import Groups, groups_of
from tuner.adapters.time_series.named_columns import plain, without_dropped
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.origins import Stretches
from tuner.adapters.time_series.steps import Step, foreign, regular, shortest_and_longest, step_of
from tuner.adapters.time_series.table import DROP, SUFFIXES, Table, advice_on_ending
from tuner.adapters.time_series.written import Known
from tuner.errors import DataError
from tuner.words import first_few

ROWS = Step("fixed", 1.0, None, "1 row")
"""The step of a series without times, whose rows are numbered."""
_SHOWN = 3


@dataclass(frozen=True)
class Series:
    """One series of T rows.

    Args:
        name: Its name in the table; empty if there is only one.
        values: (T, channels), in order of time, finite.
        where: Where it was read.
        places: The position of each row on the grid of time steps, ascending, (T,); None without gaps.
        breaks: Rows before which there is a gap.
        made: Whether each row was filled in, bool (T,); None if none was. Such rows are never targets.
        times: Times of the rows, in UTC if they have a zone or an offset; with calendar features only.
        clock: Local time at them.
        covariates: Column -> values, (T,), of covariates that change from row to row.
        static: Column -> value, of static covariates.
    """

    name: str
    values: NDArray[np.float64]
    where: str
    places: NDArray[np.int64] | None = None
    breaks: NDArray[np.int64] | None = None
    made: NDArray[np.bool_] | None = None
    times: NDArray[np.generic] | None = None
    clock: Clock = Clock()  # noqa: RUF009 - it does not change
    covariates: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    static: Mapping[str, Any] = field(default_factory=dict)

    def whole(self, after: int | None = None) -> tuple[Series, NDArray[np.int64]]:
        """The series as read without the rows in which a value is missing, and the numbers of the rows that are left.

        Args:
            after: Rows from this one on are kept.
        """
        kept_T = np.asarray(~np.isnan(self.values).any(axis=1))
        kept_T[len(kept_T) if after is None else after :] = True
        rows = np.flatnonzero(kept_T)
        if len(rows) == len(kept_T):
            return self, rows
        times = None if self.times is None else self.times[rows]
        covariates = {name: values[rows] for name, values in self.covariates.items()}
        return replace(self, values=self.values[rows], times=times, covariates=covariates), rows

    def cut(self, rows: int | None) -> Series:
        """The series up to this row."""
        places = None if self.places is None else self.places[:rows]
        made = None if self.made is None else self.made[:rows]
        breaks = None if self.breaks is None else self.breaks[self.breaks < len(self.values[:rows])]
        times = None if self.times is None else self.times[:rows]
        covariates = {name: values[:rows] for name, values in self.covariates.items()}
        return replace(
            self,
            values=self.values[:rows],
            places=places,
            breaks=breaks,
            made=made,
            times=times,
            covariates=covariates,
        )


@dataclass(frozen=True)
class Collection:
    """Series of the same channels and the same time step.

    Args:
        series: At least one.
        channels: Names of the channels.
        seasonality: Steps in a season; None if no season is known for the time step.
        horizon: Steps to forecast, if the source has an official horizon.
        held_rows: Rows at the end of each series that are its official test part, if any.
        gaps: Number of gaps between the series' rows.
        step: The usual time step, for people; empty if there is none.
        grid: The usual time step; None if there is none.
        kind: Numpy's kind of times: M for dates, i or f for numbers; empty without times.
        notices: Sentences for the user on how the series were read.
        holes: What is missing of covariates, and what becomes of it.
        covariates: The covariates.
        numbers_known: How the table's numbers are written.
    """

    series: list[Series]
    channels: tuple[str, ...]
    seasonality: int | None
    horizon: int | None = None
    held_rows: int | None = None
    gaps: int = 0
    step: str = ""
    grid: Step | None = None
    kind: str = ""
    notices: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()
    covariates: Covariates = Covariates()  # noqa: RUF009 - it does not change
    numbers_known: Known = Known()  # noqa: RUF009 - it does not change


def read_series(path: Path, options: ForecastingOptions) -> Collection:
    """Read the series of a table.

    Raises:
        DataError: The file is missing, damaged or of unknown format; a time does not parse or occurs twice; series have
            different time steps.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            "the file's ending must be one of " + " ".join(SUFFIXES),
            value=path.name,
            fix=advice_on_ending(path),
            key=("data", "path"),
        )
    asked = Covariates.asked(options)
    text = [name for name in (options.time, options.series, *options.categories) if name is not None]
    table = Table(path, text, plain((*options.targets, *asked.rows, *asked.static)), options.writing)
    options = resolved(options, table)
    asked = Covariates.asked(options)
    roles = {*text, *asked.rows, *asked.static}
    columns = options.targets or without_dropped(options.drop, table, roles)
    if not columns:
        raise DataError("there must be a column to forecast", value=table.columns, fix="Add one.", where=str(path))
    groups = groups_of(table, options.series, options.time, options.time_format)
    found = inputs(table, columns, option="data.targets", groups=groups, asked=bool(options.targets), forecast=True)
    channels = tuple(found.names)
    cells = read_covariates(asked, table)
    static = static_of(asked, cells, groups, table)
    check_calendar(options, groups.times)
    clocks = Clocks(table.cells(options.time)) if options.calendar and options.time else None
    step = step_of(groups.times, groups.starts) if options.time else None
    season = options.seasonality or (step.season if step else None)
    values = table.numbers(channels, "data.targets" if options.targets else DROP, missing=True, timed=True)
    values = values if groups.as_written else values[groups.order]
    torn_covariates = holes(asked, cells, static)
    series, gaps, torn = [], Gaps(), np.zeros(len(channels), dtype=np.int64)
    for number, (start, end) in enumerate(pairwise([*groups.starts.tolist(), len(groups.order)])):
        times = groups.times[start:end]
        one = Series(
            groups.names[number],
            values[start:end],
            str(path),
            times=times if clocks else None,
            clock=clocks.of(groups.order[start:end], times) if clocks else Clock(),
            covariates=filled_rows(asked, {name: cells[name][groups.order[start:end]] for name in asked.rows}),
            static=static[number],
        )
        torn += np.isnan(one.values).sum(axis=0)
        one, rows = one.whole()
        if not len(rows):
            where = f"{path}: series {one.name}" if one.name else str(path)
            raise DataError("a series must have a row in which no target is missing", value=0, where=where)
        grid, times = (ROWS, rows + 1) if not options.time else (step, times[rows])
        if grid is not None:
            one, more = on_grid(one, times, grid, options.gaps, season or 1)
            gaps = gaps.and_(more)
        series.append(one)
    return Collection(
        series=series,
        channels=channels,
        seasonality=step.season if step else None,
        gaps=gaps.number,
        step=step.text if step else "",
        grid=step,
        kind=groups.times.dtype.kind if options.time else "",
        covariates=replace(asked, zone=clocks.zone) if clocks else asked,
        holes=tuple(torn_covariates),
        numbers_known=table.written.known(),
        notices=(
            *table.notices,
            *_missing(channels, torn),
            *told_of_holes(torn_covariates),
            *_told(options, groups, step if options.time else ROWS, gaps, len(series), season or 1),
            *found.notices,
            *(clocks.notices(options.time) if clocks else ()),
        ),
    )


def _missing(channels: Sequence[str], torn_C: NDArray[np.int64]) -> list[str]:
    """A sentence on missing values."""
    named = [f"{name} in {_count(int(count), 'row')}" for name, count in zip(channels, torn_C, strict=True) if count]
    told = f"values are missing: {first_few(named, _SHOWN, 'columns')}; these rows are taken for gaps"
    return [told] if named else []


@dataclass(frozen=True)
class Gaps:
    """Counts of missing rows.

    Args:
        number: Number of gaps.
        missing: Number of missing rows in all gaps.
        filled: Number of gaps that were filled.
        series: Number of series with a gap.
        skipped: Number of missing rows that are no gap: holidays.
        first: The series, and the time before its first gap.
    """

    number: int = 0
    missing: int = 0
    filled: int = 0
    series: int = 0
    skipped: int = 0
    first: tuple[str, str] = ("", "")

    def and_(self, other: Gaps) -> Gaps:
        """The sum of both."""
        return Gaps(
            self.number + other.number,
            self.missing + other.missing,
            self.filled + other.filled,
            self.series + other.series,
            self.skipped + other.skipped,
            self.first if self.number else other.first,
        )


def on_grid(one: Series, times: NDArray[np.generic], step: Step, policy: str, season: int) -> tuple[Series, Gaps]:
    """The series with the positions of its rows, its gaps treated by the policy; and the counts of its gaps.

    Raises:
        DataError: It has another step, or its gaps are too long to be filled.
    """
    if regular(times, step):
        return one, Gaps()
    if policy != "ignore" and (own := other_step(times, step)):
        raise DataError(
            f"all series must have the time step of most rows, {step.text}",
            value=f"{own} in series {one.name}" if one.name else own,
            fix="Put series of another step into a file of their own, or set data.gaps to ignore: rows are then steps.",
            where=one.where,
        )
    place_T = step.places(times)
    missing_T = np.diff(place_T) - 1
    gap_T = missing_T > step.skipped
    skipped = int(missing_T[~gap_T].clip(0).sum())
    if not gap_T.any():
        return replace(one, places=place_T if skipped else None), Gaps(skipped=skipped)
    short_T = gap_T & (missing_T <= season) if policy == "fill" else np.zeros_like(gap_T)
    first = str(times[np.argmax(gap_T)]).removesuffix(".000000")
    number, missing, filled = int(gap_T.sum()), int(missing_T[gap_T].sum()), int(short_T.sum())
    gaps = Gaps(number, missing, filled, 1, skipped, (one.name, first))
    if policy == "ignore":
        return one, gaps
    return _filled(one, place_T, np.where(short_T, missing_T, 0), gap_T & ~short_T, season, step), gaps


def _filled(
    one: Series,
    place_T: NDArray[np.int64],
    made_T: NDArray[np.int64],
    break_T: NDArray[np.bool_],
    season: int,
    step: Step,
) -> Series:
    """The series with short gaps filled with the rows one season earlier, so that no later value leaks into them.

    Args:
        one: The series as read.
        place_T: Positions of its rows.
        made_T: Number of rows to fill in after each row but the last.
        break_T: Whether a gap remains after each row but the last.
        season: Steps in a season.
        step: The time step.
    """
    if made_T.sum() > 10 * len(place_T):
        raise DataError(
            "gaps in time must not be filled with ten times as many rows as there are",
            value=int(made_T.sum()),
            fix="Set data.gaps to split, or correct the times.",
            where=f"{one.where}: series {one.name}" if one.name else one.where,
        )
    number_T = np.append(made_T, 0) + 1
    first_T = np.cumsum(number_T) - number_T
    row_K = np.repeat(np.arange(len(place_T)), number_T)
    after_K = np.arange(len(row_K)) - first_T[row_K]
    place_K, made_K = place_T[row_K] + after_K, after_K > 0
    source_K = row_K.copy()
    for row in np.flatnonzero(made_K):
        before = np.searchsorted(place_K, place_K[row] - season)
        source_K[row] = source_K[before if place_K[before] == place_K[row] - season else row - 1]
    times = one.times
    if times is not None and step.kind == "slots":
        times = times[row_K]
        for row in np.flatnonzero(made_T):
            first = first_T[row] + 1
            times[first : first + made_T[row]] = ahead(times[first - 1 : first], step, int(made_T[row]))
    elif times is not None:
        since = (times - times[0]).astype("timedelta64[us]").astype(np.float64)
        times = times[0] + np.interp(place_K, place_T, since).astype("timedelta64[us]")
    breaks = first_T[np.flatnonzero(break_T) + 1]
    whole = not len(breaks) and place_K[-1] == len(place_K) - 1
    return replace(
        one,
        values=one.values[source_K],
        places=None if whole else place_K,
        breaks=breaks,
        made=made_K if made_K.any() else None,
        times=times,
        covariates={name: values[source_K] for name, values in one.covariates.items()},
    )


def other_step(times: NDArray[np.generic], step: Step) -> str:
    """The time step of a series that has another one than this; "" if it has not."""
    if regular(times, step) or not foreign(times, step):
        return ""
    own = step_of(times, np.array([0]))
    return own.text if own else "another"


def _done(policy: str, gaps: Gaps, season: int) -> str:
    """A part of a sentence on the treatment of gaps."""
    if policy == "ignore":
        return "ignored, as data.gaps says: each row is a step"
    left = gaps.number - gaps.filled
    rows = f"of at most {_count(season, 'row')}, one season,"
    filled = f"those {rows}" if left else "all"
    made = f"{filled} filled with the value one season earlier, as inputs only, never forecast"
    split = "no window spans " + ("the others" if gaps.filled else "them")
    return "; ".join([made] * (gaps.filled > 0) + [split] * (left > 0)) + "; set data.gaps to change that"


def _told(
    options: ForecastingOptions, groups: Groups, step: Step | None, gaps: Gaps, series: int, season: int
) -> Iterator[str]:
    time = options.time
    yield from groups.notices(time) if time else ()
    if step is None and len(groups.times) > len(groups.starts):
        low, high = shortest_and_longest(groups.times, groups.starts)
        yield f"{time} has no regular step, but steps of {low} to {high}: each row is taken as a step"
    if gaps.number:
        assert step is not None
        name, last = gaps.first
        whose = f"{gaps.series} of {series} series have " if series > 1 else ""
        first = f"the first after {last}" + (f" in series {name}" if series > 1 else "")
        what = (
            _count(gaps.number, "gap")
            + (" in time" if time else "")
            + f" ({_count(gaps.missing, 'row')} missing at a step of {step.text})"
        )
        yield f"{whose}{what}, {first}: {_done(options.gaps, gaps, season)}"
    if gaps.skipped:
        yield f"{_count(gaps.skipped, 'further day')} without a row: treated as holidays, not as gaps"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def stretches(series: Sequence[Series]) -> Stretches:
    """The stretches of rows without a gap."""
    found = []
    for number, one in enumerate(series):
        starts = [0, *(one.breaks if one.breaks is not None else ())]
        found += [(number, start, end) for start, end in zip(starts, [*starts[1:], len(one.values)], strict=True)]
    return Stretches(*np.array(found, dtype=np.int64).T)


def made_rows(series: Sequence[Series]) -> NDArray[np.int64]:
    """Series number and row of the filled values, (2, rows)."""
    found = [
        np.stack([np.full(one.made.sum(), number), np.flatnonzero(one.made)])
        for number, one in enumerate(series)
        if one.made is not None
    ]
    return np.concatenate(found, axis=1) if found else np.empty((2, 0), dtype=np.int64)
