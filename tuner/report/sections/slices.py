"""The objective against each searched parameter, on the declared range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.report.plot import Frame, mark, state_class
from tuner.report.study import ReportedStudy
from tuner.report.svg import Band, Linear, Log, Scale, join, shown, tag, value_scale
from tuner.reporting.importance import is_logarithmic, is_numeric
from tuner.space.domains import Choices, Domain, Range

MOST_SLICES, MOST_WHOLE, MANY = 9, 8, 150
"""Largest number of pictures; of integers that are drawn as choices; of trials with large marks."""


def slices(study: ReportedStudy, names: Sequence[str]) -> Markup:
    """Small pictures, most important parameter first."""
    scored = [one for one in study.trials if one.value is not None and math.isfinite(one.value)]
    pictures = [_slice(study, scored, name) for name in names[:MOST_SLICES]]
    return join(tag("figure", picture, class_="small") for picture in pictures)


def parameter_scale(study: ReportedStudy, name: str, start: float, end: float) -> Scale:
    """The axis of a parameter: the declared range, else the range of the trials."""
    values = [one.params[name] for one in study.trials if name in one.params]
    domain: Domain | None = study.about.domains.get(name)
    if isinstance(domain, Range):
        low = min([domain.low, *_numbers(values)])
        high = max([domain.high, *_numbers(values)])
        if domain.whole and high - low < MOST_WHOLE:
            return Band([str(value) for value in range(int(low), int(high) + 1)], start, end)
        if domain.log and low > 0:
            return Log(low, high, start, end)
        return Linear(low, high, start, end, whole=domain.whole)
    if isinstance(domain, Choices) or not is_numeric(values) or not values:
        declared = [shown(option) for option in domain.options] if isinstance(domain, Choices) else []
        return Band(list(dict.fromkeys([*declared, *map(shown, values)])), start, end)
    if is_logarithmic(values):
        return Log(min(values), max(values), start, end)
    return Linear(min(values), max(values), start, end)


def _numbers(values: Sequence[Any]) -> list[float]:
    return [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]


def _slice(study: ReportedStudy, scored: Sequence[RunRecord], name: str) -> Markup:
    frame = Frame.of(320, 210, left=50, below=46)
    x = parameter_scale(study, name, frame.left + 10, frame.right - 4)
    having = [one for one in scored if name in one.params]
    values = [one.value for one in scored if one.value is not None]
    y = value_scale(values, frame.bottom - 6, frame.top + 4, log=study.objective.is_loss)
    largest = max(1, study.about.epochs or max((max(one.epochs, default=1) for one in having), default=1))
    parts = []
    for one in sorted(having, key=lambda one: (one.state is State.COMPLETED, one.number == study.winner)):
        assert one.value is not None
        size = 1.6 + (3.0 if len(having) < MANY else 1.4) * math.sqrt(min(1.0, max(one.epochs, default=1) / largest))
        at = x.place(one.params[name])
        if isinstance(x, Band):  # side by side, so that trials with equal choices do not hide each other
            at += 0.28 * min(x.width, 60) * math.sin(2.4 * one.number)
        shape = state_class(one.state) + (" chosen" if one.number == study.winner else "")
        if one.number == study.winner:
            parts.append(tag("circle", cx=at, cy=y.place(one.value), r=size + 3, class_="ring"))
        parts.append(mark(at, y.place(one.value), shape.split()[0], size, trial=one.number))
    axis = _short_labels(x) if isinstance(x, Band) else x
    return frame.draw(f"{study.objective.metric} against {name}", axis, y, parts, x_title=name)


def _short_labels(band: Band) -> Scale:
    most = max(3, int(band.width / 7))
    return _Labelled(band, [label if len(label) <= most else f"{label[: most - 1]}…" for label in band.labels])


class _Labelled:
    """A band with other labels."""

    def __init__(self, band: Band, labels: Sequence[str]) -> None:
        self._band, self._labels = band, labels

    def place(self, value: Any) -> float:
        """See `Scale`."""
        return self._band.place(value)

    def ticks(self) -> list[tuple[float, str]]:
        """See `Scale`."""
        return [(at, label) for (at, _), label in zip(self._band.ticks(), self._labels, strict=True)]
