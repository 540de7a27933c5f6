"""Series in time as they come from a table, and what their time steps tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.columns import inputs
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.table import SUFFIXES, Groups, Table
from tuner.errors import DataError

_DAY = 86_400.0
_SEASONS = (
    (1_800.0, 1_800.0, 48),
    (3_600.0, 3_600.0, 24),
    (_DAY, _DAY, 7),
    (28 * _DAY, 31 * _DAY, 12),
    (89 * _DAY, 92 * _DAY, 4),
)
"""Shortest and longest step in seconds, and steps per season: a day, a week, a year."""


@dataclass(frozen=True)
class Series:
    """One series.

    Args:
        name: As the table says it; empty when there is only one.
        values: (steps, channels), in order of time, finite.
        where: Where it was read.
    """

    name: str
    values: NDArray[np.float64]
    where: str


@dataclass(frozen=True)
class Collection:
    """Series of the same channels and the same time step.

    Args:
        series: At least one.
        channels: Names of the channels.
        seasonality: Steps in a season.
        horizon: Steps to forecast, where the source says it.
        held_rows: Rows at the end of each series that are its official test part, where it has one.
        gaps: Time steps longer than 1.5 times the usual one.
        notices: What the user should hear of how the series were read.
    """

    series: list[Series]
    channels: tuple[str, ...]
    seasonality: int
    horizon: int | None = None
    held_rows: int | None = None
    gaps: int = 0
    notices: tuple[str, ...] = ()


def read_series(path: Path, options: ForecastingOptions) -> Collection:
    """Read the series of a table.

    Raises:
        DataError: The file is missing, damaged or of no known form; a time does not parse or occurs twice.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            "the file's ending must be one of " + " ".join(SUFFIXES),
            value=path.name,
            fix="Convert the file, or rename it if it is one of these.",
            key=("data", "path"),
        )
    text = [name for name in (options.time, options.series) if name is not None]
    table = Table(path, text, options.targets, options.writing)
    columns = options.targets or [name for name in table.columns if name not in text]
    if not columns:
        raise DataError("there must be a column to forecast", value=table.columns, fix="Add one.", where=str(path))
    groups = table.groups(options.series, options.time, options.time_format)
    found = inputs(table, columns, option="data.targets", groups=groups, asked=bool(options.targets))
    channels = tuple(found.names)
    values = np.split(table.numbers(channels)[groups.order], groups.starts[1:])
    step, gaps = _time_step(groups)
    return Collection(
        series=[Series(name, part, str(path)) for name, part in zip(groups.names, values, strict=True)],
        channels=channels,
        seasonality=_season(step) if options.time else 1,
        gaps=gaps if options.time else 0,
        notices=(*table.notices, *_told(options.time, groups), *found.notices),
    )


def _told(time: str | None, groups: Groups) -> Iterator[str]:
    if groups.guessed:
        yield f"{time} is read as {groups.guessed}; data.time_format says otherwise"
    if groups.unordered:
        yield f"rows were put in order of {time}: {groups.unordered} stood after a later one"


def _time_step(groups: Groups) -> tuple[float, int]:
    """The usual time step, in seconds where times are dates (else 0), and the number of gaps."""
    within = np.ones(len(groups.times) - 1, dtype=bool)
    within[groups.starts[1:] - 1] = False
    steps = np.diff(groups.times)[within]
    if not len(steps):
        return 0.0, 0
    dates = steps.dtype.kind == "m"
    lengths = steps / np.timedelta64(1, "s") if dates else steps
    usual = float(np.median(lengths))
    return usual if dates else 0.0, int((lengths > 1.5 * usual).sum())


def _season(step_seconds: float) -> int:
    return next((season for low, high, season in _SEASONS if low <= step_seconds <= high), 1)
