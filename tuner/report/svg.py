"""Escaped SVG elements; scales from values to places, with their ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from markupsafe import Markup, escape

NOTHING = Markup("")


def tag(name: str, *children: Any, **attributes: Any) -> Markup:
    """An element. Children that are no markup are escaped; `_` in an attribute's name becomes `-`, the last is dropped.

    Args:
        name: Such as "circle".
        children: Its content.
        attributes: Numbers are written with one decimal; None is left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(str(escape(child)) for child in children)
    return Markup(f"<{name}{written}>{inside}</{name}>")


def join(parts: Iterable[Markup]) -> Markup:
    """Concatenate elements."""
    return NOTHING.join(parts)


def path(points: Iterable[tuple[float, float]]) -> str:
    """A line through points, as the attribute `d`."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _attribute(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return str(escape(value))


class Scale(Protocol):
    """Places of values along an axis."""

    def place(self, value: Any) -> float:
        """The place of a value, clipped to the axis."""
        ...

    def ticks(self) -> Sequence[tuple[float, str]]:
        """Places and labels."""
        ...


@dataclass(frozen=True)
class Linear:
    """Numbers from `low` to `high`, at places from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    whole: bool = False

    def place(self, value: float) -> float:
        """See `Scale`."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """About one per 80 units (45 vertically), spaced by 1, 2 or 5 times a power of ten."""
        span = self.high - self.low
        if span <= 0:
            return [(self.place(self.low), number(self.low))]
        most = max(2, int(abs(self.end - self.start) / (80 if self.end > self.start else 45)))
        step = 10.0 ** math.floor(math.log10(span / most))
        step *= next(times for times in (1, 2, 5, 10) if span / (step * times) <= most)
        step = max(1.0, step) if self.whole else step
        first = math.ceil(self.low / step - 1e-9)
        values = [step * count for count in range(first, math.floor(self.high / step + 1e-9) + 1)]
        return [(self.place(value), number(value)) for value in values]


@dataclass(frozen=True)
class Log:
    """Numbers above 0 by their logarithm; see `Linear`."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """See `Scale`."""
        if value <= 0:
            return self.start
        span = math.log(self.high / self.low)
        share = math.log(value / self.low) / span if span > 0 else 0.5
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Powers of ten, with twice and five times them if there is room; within one octave as for `Linear`."""
        decades = math.log10(self.high / self.low)
        if decades < 0.6:
            linear = Linear(self.low, self.high, self.start, self.end)
            found = [(self.place(float(label)), label) for _, label in linear.ticks() if float(label) > 0]
            return found or [(self.place(self.low), number(self.low))]
        room = abs(self.end - self.start) / decades
        times = (1, 2, 5) if room > 110 else (1, 3) if room > 60 else (1,)
        every = max(1, math.ceil(28 / room))
        values = [
            factor * 10.0**power
            for power in range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            if power % every == 0
            for factor in times
        ]
        within = [value for value in values if self.low * 0.999 <= value <= self.high * 1.001]
        return [(self.place(value), number(value)) for value in within]


@dataclass(frozen=True)
class Band:
    """Choices, each in the middle of its band."""

    labels: Sequence[str]
    start: float
    end: float

    @property
    def width(self) -> float:
        """Of a band."""
        return abs(self.end - self.start) / max(1, len(self.labels))

    def place(self, value: Any) -> float:
        """See `Scale`."""
        at = self.labels.index(shown(value)) if shown(value) in self.labels else 0
        return self.start + (at + 0.5) / max(1, len(self.labels)) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """All of them."""
        return [(self.place(label), label) for label in self.labels]


def number(value: float) -> str:
    """A tick's number: `0.00001` instead of `1e-05` if that is short enough."""
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e6:
        return f"{value:.6g}" if abs(value) < 1 else f"{value:,.6g}".replace(",", "")
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def shown(value: Any) -> str:
    """A parameter's value for people: `true`, `0.00659`, `gru`."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)


def value_scale(values: Iterable[float], start: float, end: float, *, log: bool) -> Scale:
    """A scale for scores, a little wider than their range; a few outliers lie beyond its end.

    Args:
        values: Finite scores; may be empty.
        start: Place of the least.
        end: Place of the largest.
        log: Whether they are losses: logarithmic if all are above 0, with the worst 2 % beyond the end.
    """
    ordered = sorted(value for value in values if math.isfinite(value))
    if not ordered:
        return Linear(0.0, 1.0, start, end)
    low, high = ordered[0], ordered[-1]
    if log:
        high = ordered[min(len(ordered) - 1, math.ceil(0.98 * (len(ordered) - 1)))]
    if log and low > 0:
        if high < 1.05 * low:
            low, high = low / 1.3, high * 1.3
        room = (high / low) ** 0.04
        return Log(low / room, high * room, start, end)
    if not log:
        low = ordered[math.floor(0.02 * (len(ordered) - 1))]
    room = 0.04 * (high - low) or 0.05 * abs(high) or 0.5
    return Linear(low - room, high + room, start, end)
