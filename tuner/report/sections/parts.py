"""Where the winner is good and where it is not: its error per step ahead, its best and its worst series."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from tuner.report.plot import Frame, line
from tuner.report.svg import NOTHING, Linear
from tuner.reporting.part_scores import rows_of

MOST = 5
"""Series of each end that are named."""
_ERRORS = ("mase", "mae", "mse")
"""Scores in which parts are told, the first that there is."""


@dataclass(frozen=True)
class ByPart:
    """Scores of parts of the test data; empty where there are none.

    Args:
        error: The score that is told.
        steps: Its picture, by step ahead.
        head: Columns of `series`.
        series: Cells of the worst, and then of the best.
        count: Of all series.
    """

    error: str = ""
    steps: Markup = NOTHING
    head: Sequence[str] = ()
    series: Sequence[Sequence[str]] = ()
    count: int = 0


def by_part(table: Mapping[str, Any]) -> ByPart:
    """What a test run has recorded of the winner's best seed; it may be empty."""
    error = next((name for name in _ERRORS if name in (table.get("columns") or ())), "")
    if not error:
        return ByPart()
    series = sorted((row for row in rows_of(table, "series") if _finite(row[error])), key=lambda row: -row[error])
    channels = len({row["channel"] for row in series}) > 1
    ends = series if len(series) <= 2 * MOST else [*series[:MOST], *series[-MOST:]]
    scores = [name for name in table["columns"][table["columns"].index("windows") + 1 :] if name != "mse"]
    return ByPart(
        error=error.upper(),
        steps=_steps([row[error] for row in rows_of(table, "step")], error),
        head=["series", *(["channel"] if channels else []), "windows", *scores],
        series=[
            [
                row["name"],
                *([row["channel"]] if channels else []),
                f"{row['windows']:,.0f}",
                *("-" if row[name] is None else f"{row[name]:.4g}" for name in scores),
            ]
            for row in ends
        ],
        count=len(series),
    )


def _steps(errors: Sequence[float | None], error: str) -> Markup:
    """The error by step ahead."""
    points = [(float(step), value) for step, value in enumerate(errors, 1) if value is not None and _finite(value)]
    if len(points) < 2:
        return NOTHING
    frame = Frame.of(480, 240, left=64)
    x = Linear(1, len(errors), frame.left, frame.right, whole=True)
    y = Linear(0, 1.05 * max(value for _, value in points) or 1, frame.bottom, frame.top)
    drawn = line([(x.place(at), y.place(value)) for at, value in points], "line winner")
    label = f"{error} by step ahead, from {points[0][1]:.4g} to {points[-1][1]:.4g}"
    return frame.draw(label, x, y, [drawn], x_title="step ahead", y_title=error.upper())


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
