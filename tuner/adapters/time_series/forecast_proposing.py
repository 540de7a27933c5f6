"""Proposes the horizon by the time step, the season and the lengths of the series."""

from __future__ import annotations

import re

import numpy as np

from tuner.adapters.glimpse import Glimpse
from tuner.adapters.glimpsed_roles import Chosen
from tuner.adapters.glimpsed_table import GlimpsedTable
from tuner.adapters.proposal import Line
from tuner.adapters.time_series.steps import Step, step_of
from tuner.adapters.time_series.time_proposing import FoundTimes
from tuner.errors import DataError

_PARTS = 5
"""Horizons that a series must hold: two for val and test, one to train on, and those of the input window."""
_MOST = 96
_TIME = re.compile(
    r"(\d{4}[-/.]\d{1,2}|\d{1,2}[-/.]\d{4}|\d{4}[ _-]?[QqWw]\d{1,2}|(19|20)\d\d|(\d{1,4}[-/.]){2}\d{1,4})([T ].*)?"
)
"""A column's name that is a time: 2024-01, 2024Q1, 2024, 31.12.2024."""
_DATED = 4
"""Number of columns named like times from which on it is no coincidence."""


def check_long(seen: Glimpse, table: GlimpsedTable) -> None:
    """Refuse a table with a row per series, whose columns are named like times.

    Raises:
        DataError: It is one.
    """
    numbers = [column.name for column in table.columns if column.is_number]
    dated = [name for name in numbers if _TIME.fullmatch(name)]
    if len(dated) < _DATED or len(dated) < len(numbers) - 1:
        return
    rest = [column.name for column in table.columns if column.name not in dated]
    read = f"p.read_csv('{seen.path}', sep=None, engine='python', decimal='{table.dialect.decimal}')"
    if table.form == "jsonl":
        read = f"p.read_json('{seen.path}', lines=True)"
    if seen.suffix == ".parquet":
        read = f"p.read_parquet('{seen.path}')"
    long = seen.path.with_suffix(".long.csv")
    melted = f"{read}.melt({rest}, var_name='time', value_name='value').to_csv('{long}', index=False)"
    raise DataError(
        "a table to forecast must have a row per time step",
        value=f"columns named like times, {dated[0]!r} to {dated[-1]!r}",
        fix=f'If each row is a series: python -c "import pandas as p; {melted}"',
        where=f"{seen.path}:1",
    )


def propose_horizon(
    seen: Glimpse, table: GlimpsedTable, times: FoundTimes | None, series: Chosen | None
) -> tuple[list[Line], list[str], list[str]]:
    """The line of the horizon, counts, and warnings."""
    names = np.asarray(series.column.cells if series else [""] * table.rows)
    _, number = np.unique(names, return_inverse=True)
    counts = np.bincount(number)
    rows = int(np.median(counts))
    step = _step(number, times) if times is not None else None
    season = step.season if step is not None else None
    facts, doubts = [], []
    at_least = "" if seen.whole and table.whole else "at least "
    if step is not None:
        facts.append(f"a time step of {step.text}" + (f", a season of {season} steps" if season else ""))
    if len(counts) > 1:
        facts.append(f"series of {at_least}{counts.min()} to {counts.max()} rows")
    else:
        facts.append(f"{at_least}{rows} rows")
    wanted = season if season and season > 1 else 12 if season is None else 1
    horizon = max(1, min(wanted, _MOST if not season else wanted, rows // _PARTS))
    if horizon == season:
        why = f"one season, at a step of {step.text if step else '?'}"
    elif horizon < wanted:
        why = f"the series are too short for more: {rows} rows"
    else:
        why = "no season is known for such steps" if season is None else f"a step of {step.text if step else '?'}"
    lines = [Line(("data", "horizon"), horizon, f"{why}; say how many steps ahead you need", guessed=True)]
    if times is None:
        doubts.append("no column holds times: rows are read in order, without gaps; data.time changes that")
    if rows < 50:
        doubts.append(f"series of {rows} rows leave little to train on and to score")
    return lines, facts, doubts


def _step(number: np.ndarray[tuple[int], np.dtype[np.int64]], times: FoundTimes) -> Step | None:
    order = np.lexsort((times.values, number))
    starts = np.flatnonzero(np.diff(number[order], prepend=-1))
    return step_of(times.values[order], starts)
