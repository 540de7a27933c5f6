"""A picture with two axes, and the marks of trials in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tuner.messages import State
from tuner.report.svg import NOTHING, Linear, Scale, join, path, tag

CLASSES = {
    State.COMPLETED: "completed",
    State.PRUNED: "pruned",
    State.HOPELESS: "hopeless",
    State.DIVERGED: "diverged",
    State.FAILED: "failed",
}
"""State -> class of its marks; each has its own shape beside its own colour."""
OPEN = "open"
"""Class of unfinished trials."""


@dataclass(frozen=True)
class Frame:
    """The positions of a picture's axes.

    Args:
        width: Of the picture.
        height: Of the picture.
        left: Place of the vertical axis.
        bottom: Place of the horizontal axis.
        right: End of the horizontal axis.
        top: End of the vertical axis.
    """

    width: float
    height: float
    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def of(cls, width: float, height: float, *, left: float = 62, below: float = 44) -> Frame:
        """A picture with room for its labels."""
        return cls(width, height, left, height - below, width - 14, 12)

    def draw(
        self,
        label: str,
        x: Scale | None,
        y: Scale | None,
        marks: Iterable[Markup],
        *,
        x_title: str = "",
        y_title: str = "",
    ) -> Markup:
        """The picture.

        Args:
            label: The text alternative, for screen readers.
            x: Of the horizontal axis; None for none.
            y: Of the vertical axis; None for none.
            marks: Its marks.
            x_title: Of the horizontal axis.
            y_title: Of the vertical axis.
        """
        return tag(
            "svg",
            self._grid(x, y),
            join(marks),
            self._titles(x_title, y_title),
            viewBox=f"0 0 {self.width:g} {self.height:g}",
            role="img",
            aria_label=label,
        )

    def _grid(self, x: Scale | None, y: Scale | None) -> Markup:
        parts = []
        for at, text in _apart(x.ticks()) if x is not None else ():
            parts += [
                tag("line", x1=at, x2=at, y1=self.top, y2=self.bottom, class_="grid"),
                tag("text", text, x=at, y=self.bottom + 16, class_="tick middle"),
            ]
        for at, text in y.ticks() if y is not None else ():
            parts += [
                tag("line", x1=self.left, x2=self.right, y1=at, y2=at, class_="grid"),
                tag("text", text, x=self.left - 7, y=at + 4, class_="tick end"),
            ]
        parts.append(tag("line", x1=self.left, x2=self.right, y1=self.bottom, y2=self.bottom, class_="axis"))
        return join(parts)

    def _titles(self, x_title: str, y_title: str) -> Markup:
        middle_x, middle_y = (self.left + self.right) / 2, (self.top + self.bottom) / 2
        below = tag("text", x_title, x=middle_x, y=self.height - 6, class_="title middle") if x_title else NOTHING
        turned = f"rotate(-90 14 {middle_y:.1f})"
        beside = tag("text", y_title, x=14, y=middle_y, class_="title middle", transform=turned) if y_title else NOTHING
        return below + beside


def epoch_scale(last: int, frame: Frame) -> Linear:
    """The horizontal axis of epochs 1 to `last`; a single epoch is in the middle."""
    low, high = (1, last) if last > 1 else (0.5, 1.5)
    return Linear(low, high, frame.left, frame.right, whole=True)


def _apart(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Ticks along a horizontal axis, without those whose labels would overlap."""
    kept: list[tuple[float, str]] = []
    for at, text in ticks:
        if not kept or at - kept[-1][0] > 3.5 * (len(text) + len(kept[-1][1])) + 6:
            kept.append((at, text))
    return kept


def state_class(state: State) -> str:
    """The class of a state's marks."""
    return CLASSES.get(state, OPEN)


def mark(x: float, y: float, shape: str, size: float = 4.0, *, trial: int | None = None, title: str = "") -> Markup:
    """One mark, in the shape of its class: a state, `val`, `test` or `search`.

    Args:
        x: Place.
        y: Place.
        shape: Its class.
        size: Half of its width.
        trial: Its trial, for the hover text.
        title: Its hover text.
    """
    inside = tag("title", title) if title else NOTHING
    if shape in _OUTLINES:
        d = _OUTLINES[shape].format(x=x, y=y, s=size, a=x - size, b=x + size, c=y - size, e=y + size)
        return tag("path", inside, d=_short(d), class_=f"m {shape}", data_t=trial)
    return tag("circle", inside, cx=x, cy=y, r=size, class_=f"m {shape}", data_t=trial)


def line(places: Sequence[tuple[float, float]], class_: str, *, trial: int | None = None, title: str = "") -> Markup:
    """A line through places; a dot for a single place.

    Args:
        places: At least one.
        class_: Classes, `line` first.
        trial: Its trial, for the hover text.
        title: Its hover text.
    """
    inside = tag("title", title) if title else NOTHING
    if len(places) == 1:
        ((x, y),) = places
        return tag("circle", inside, cx=x, cy=y, r=3.5, class_=class_.replace("line", "dot", 1), data_t=trial)
    return tag("path", inside, d=path(places), class_=class_, data_t=trial)


_OUTLINES = {
    "hopeless": "M{x:.1f} {c:.1f}L{b:.1f} {e:.1f}L{a:.1f} {e:.1f}Z",
    "diverged": "M{a:.1f} {c:.1f}L{b:.1f} {e:.1f}M{a:.1f} {e:.1f}L{b:.1f} {c:.1f}",
    "failed": "M{a:.1f} {c:.1f}H{b:.1f}V{e:.1f}H{a:.1f}Z",
    "test": "M{a:.1f} {c:.1f}H{b:.1f}V{e:.1f}H{a:.1f}Z",
    "search": "M{x:.1f} {c:.1f}L{b:.1f} {y:.1f}L{x:.1f} {e:.1f}L{a:.1f} {y:.1f}Z",
}


def _short(d: str) -> str:
    return d.replace(".0", "")


def legend(entries: Sequence[tuple[str, str]]) -> Markup:
    """The legend of the marks: class and words of each."""
    parts = []
    for shape, words in entries:
        if shape.startswith(("line", "rule")):
            sample = tag("path", d="M0 8H22", class_=shape)
        elif shape.startswith("bar"):
            sample = tag("rect", x=2, y=2, width=18, height=12, class_=shape)
        else:
            sample = mark(11, 8, shape, 5)
        parts.append(tag("li", tag("svg", sample, viewBox="0 0 22 16", aria_hidden="true"), words))
    return tag("ul", join(parts), class_="legend")
