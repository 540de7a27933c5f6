"""The winner's answers on validation data: confusion matrix, most confident mistakes, forecasts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from tuner.report.plot import Frame, legend
from tuner.report.svg import NOTHING, Linear, path, tag
from tuner.reporting.per_class import HEAD, ClassScores, per_class
from tuner.words import counted

NUMBERED = 20
"""Classes up to which the matrix has numbers in its cells."""


@dataclass(frozen=True)
class Mistake:
    """A misclassified item.

    Args:
        truth: Its class.
        predicted: The predicted class.
        probability: Of the predicted class.
        text: The item, if it is a text.
        picture: Of its first channels, if it is a series.
    """

    truth: str
    predicted: str
    probability: float
    text: str
    picture: Markup


@dataclass(frozen=True)
class Utterance:
    """A recording with errors.

    Args:
        errors: Their number, in words.
        words: For each place of the alignment what was said, what was heard, the kind of error and when.
        times: A picture of where in the recording the words were heard; empty if that is unknown.
    """

    errors: str
    words: Sequence[tuple[str, str, str, str]]
    times: Markup


@dataclass(frozen=True)
class Answered:
    """Pictures of answers; empty without any.

    Args:
        matrix: A row per true class, a column per answer.
        words: The most frequent confusion.
        classes: Scores of each class, or of each type of entity.
        head: Names of their columns.
        wrong: The most confident mistakes.
        channels: Names of what their pictures show.
        utterances: Recordings with most errors, or a few without any.
        misheard: How many are right, and the most frequent errors, in words.
        windows: Forecasts with the true values.
        legend: Of the forecasts.
    """

    matrix: Markup = NOTHING
    words: str = ""
    classes: Sequence[ClassScores] = ()
    head: Sequence[str] = HEAD
    wrong: Sequence[Mistake] = ()
    channels: Sequence[str] = ()
    utterances: Sequence[Utterance] = ()
    misheard: str = ""
    windows: Sequence[Markup] = ()
    legend: Markup = NOTHING


def answered(told: Mapping[str, Any]) -> Answered:
    """Pictures of the answers that a test run has recorded (see `tuner.adapters.shown`), if any."""
    windows = [_window(window) for window in told.get("windows") or ()]
    wrong = told.get("wrong") or ()
    return Answered(
        matrix=_matrix(told["classes"], told["counts"]) if told.get("counts") else NOTHING,
        words=_most_frequent(told["classes"], told["counts"]) if told.get("counts") else "",
        classes=per_class(told),
        wrong=[_mistake(one) for one in wrong],
        channels=list(next((one["series"] for one in wrong if one.get("series")), {})),
        utterances=[_utterance(one) for one in told.get("utterances") or ()],
        misheard=_misheard(told) if told.get("recordings") else "",
        windows=[window for window in windows if window],
        legend=legend([("line before", "input"), ("line truth", "true values"), ("line forecast", "forecast")]),
    )


def _mistake(told: Mapping[str, Any]) -> Mistake:
    picture = _series(told.get("series") or {})
    return Mistake(told["truth"], told["predicted"], told["probability"], told.get("text", ""), picture)


def _utterance(told: Mapping[str, Any]) -> Utterance:
    words = [
        (word["said"], word["heard"], _error(word["said"], word["heard"]), _second(word.get("at")))
        for word in told["words"]
    ]
    return Utterance(counted(told["errors"], "error"), words, _times(told["words"]))


def _times(words: Sequence[Mapping[str, Any]]) -> Markup:
    """A picture of the heard words over the seconds of a recording, with what was said above those that are wrong."""
    timed = [word for word in words if word.get("until") is not None]
    if not timed:
        return NOTHING
    frame = Frame(980, 100, 14, 56, 966, 12)
    x = Linear(0.0, max(1.0, *(word["until"] for word in timed)), frame.left, frame.right)
    parts, free = [], 0.0
    for word in timed:
        start, end = x.place(word["at"]), x.place(word["until"])
        error = _error(word["said"], word["heard"])
        about = f"{word['heard']}, {word['at']:.2f} to {word['until']:.2f} s{f': {error}' if error else ''}"
        title = tag("title", f"{about} for {word['said']}" if error and word["said"] else about)
        shape = "cell off" if error else "cell"
        width = max(2.0, end - start)
        parts.append(tag("rect", title, x=start, y=34, width=width, height=18, class_=shape, fill_opacity="0.75"))
        if start >= free:
            parts.append(tag("text", word["heard"], x=start, y=28, class_="tick"))
            free = start + 7 * len(word["heard"]) + 6
    return frame.draw(f"when {counted(len(timed), 'word')} were heard", x, None, parts, x_title="seconds")


def _error(said: str, heard: str) -> str:
    if said == heard:
        return ""
    return "inserted" if not said else "substituted" if heard else "deleted"


def _second(at: float | None) -> str:
    return "" if at is None else f"{at:.2f} s"


def _misheard(told: Mapping[str, Any]) -> str:
    found = f"{told['faultless']} of {counted(told['recordings'], 'recording')} without an error."
    errors = [f"{_confusion(one['said'], one['heard'])} ({one['count']})" for one in told.get("confusions") or ()]
    return f"{found} The most frequent errors: {', '.join(errors)}." if errors else found


def _confusion(said: str, heard: str) -> str:
    if not heard:
        return f"{said} not heard"
    return f"{said} taken for {heard}" if said else f"{heard} heard beside it"


def _matrix(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Markup:
    size = max(16.0, min(52.0, 620 / len(classes)))
    side = size * len(classes)
    left = 30 + 7 * min(22, max(map(len, classes)))
    frame = Frame(980, side + 66, left, 12 + side, left + side, 12)
    names = [name if len(name) <= 22 else f"{name[:21]}…" for name in classes]
    short = [name if 6.5 * len(name) <= size else f"{name[: max(1, int(size / 6.5) - 1)]}…" for name in names]
    parts = []
    for row, line in enumerate(counts):
        total = sum(line)
        for column, count in enumerate(line):
            x, y = frame.left + size * column, frame.top + size * row
            share = count / total if total else 0.0
            title = tag(
                "title", f"{counted(count, 'item')} of {classes[row]} taken for {classes[column]} ({share:.0%})"
            )
            shape = "cell" if row == column else "cell off"
            strength = f"{0.04 + 0.9 * share:.2f}"
            parts.append(
                tag("rect", title, x=x, y=y, width=size - 1.5, height=size - 1.5, class_=shape, fill_opacity=strength)
            )
            if count and len(classes) <= NUMBERED:
                strong = " strong" if share > 0.6 else ""
                place = {"x": x + size / 2 - 0.7, "y": y + size / 2 + 3.5}
                parts.append(tag("text", count, class_=f"oncell middle{strong}", **place))
    for at, name in enumerate(names):
        parts.append(tag("text", name, x=frame.left - 8, y=frame.top + size * (at + 0.5) + 4, class_="tick end"))
        place = {"x": frame.left + size * (at + 0.5), "y": frame.bottom + 16}
        parts.append(tag("text", tag("title", classes[at]), short[at], class_="tick middle", **place))
    parts.append(tag("text", "answer", x=(frame.left + frame.right) / 2, y=frame.bottom + 38, class_="title middle"))
    label = f"confusion matrix of {len(classes)} classes. {_most_frequent(classes, counts)}"
    return frame.draw(label, None, None, parts)


def _most_frequent(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """The most frequent confusion, in words."""
    right = sum(line[at] for at, line in enumerate(counts))
    items = sum(map(sum, counts))
    told = f"{right} of {counted(items, 'item')} right."
    off = [
        (count, row, column) for row, line in enumerate(counts) for column, count in enumerate(line) if row != column
    ]
    count, row, column = max(off, key=lambda one: one[0], default=(0, 0, 0))
    return (
        f"{told} Most often {classes[row]} is taken for {classes[column]} ({counted(count, 'time')})."
        if count
        else told
    )


def _series(series: Mapping[str, Sequence[float]]) -> Markup:
    """A picture of an item's values over its steps."""
    lines = {name: _finite(values) for name, values in series.items()}
    lines = {name: points for name, points in lines.items() if len(points) > 1}
    if not lines:
        return NOTHING
    frame = Frame.of(320, 130, left=44, below=22)
    x = Linear(0, max(points[-1][0] for points in lines.values()), frame.left, frame.right, whole=True)
    y = _heights(lines, frame)
    parts = [
        tag("path", tag("title", name), d=path(_places(points, x, y)), class_=f"line c{at}")
        for at, (name, points) in enumerate(lines.items())
    ]
    return frame.draw(f"values of {', '.join(lines)} over the steps", x, y, parts)


def _window(window: Mapping[str, Any]) -> Markup:
    """A picture of a forecast with the true values, after the input."""
    before, truth, forecast = (_finite(window.get(part) or ()) for part in ("before", "truth", "forecast"))
    if not truth or not forecast:
        return NOTHING
    start = len(window.get("before") or ())
    lines = {
        "before": before,
        "truth": [*before[-1:], *((start + step, value) for step, value in truth)],
        "forecast": [*before[-1:], *((start + step, value) for step, value in forecast)],
    }
    frame = Frame.of(320, 190, left=54, below=42)
    x = Linear(0, max(points[-1][0] for points in lines.values() if points), frame.left, frame.right, whole=True)
    y = _heights(lines, frame)
    parts = []
    if start:
        at = x.place(start - 1)
        parts.append(tag("line", x1=at, x2=at, y1=frame.top, y2=frame.bottom, class_="axis"))
    parts += [
        tag("path", d=path(_places(points, x, y)), class_=f"line {shape}")
        for shape, points in lines.items()
        if len(points) > 1
    ]
    return frame.draw(
        f"forecast of {window['channel']} with the true values", x, y, parts, x_title=f"{window['channel']}, steps"
    )


def _heights(lines: Mapping[str, Sequence[tuple[float, float]]], frame: Frame) -> Linear:
    """A scale that contains all values."""
    values = [value for points in lines.values() for _, value in points]
    room = 0.05 * (max(values) - min(values)) or 0.5
    return Linear(min(values) - room, max(values) + room, frame.bottom, frame.top)


def _places(points: Sequence[tuple[float, float]], x: Linear, y: Linear) -> list[tuple[float, float]]:
    return [(x.place(at), y.place(value)) for at, value in points]


def _finite(values: Sequence[float | None]) -> list[tuple[float, float]]:
    return [(float(at), float(value)) for at, value in enumerate(values) if value is not None and math.isfinite(value)]
