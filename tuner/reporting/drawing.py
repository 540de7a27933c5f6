"""Shared by the figures: colours, axes, legends; without a screen and without matplotlib's global state."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.words import called, counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

BLUE, ORANGE, GREEN, RED, GREY = "#2f6db3", "#e07b1a", "#3a8f4d", "#c0392b", "#8a8a8a"
STATE_MARKS = {
    State.COMPLETED: (BLUE, "o"),
    State.PRUNED: (GREY, "o"),
    State.HOPELESS: ("#a0522d", "^"),
    State.DIVERGED: (RED, "x"),
    State.FAILED: ("#7d3c98", "s"),
}
"""Colour and marker of a trial by its state; a pruned one's is hollow."""
OTHER_STATES = ("#c9b458", "D")
MOST_LINES = 8
"""Largest number of lines in a panel; the others are drawn as a band."""
MOST_TENSORS = 24
"""Largest number of tensors in a panel."""


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.part")
    figure.savefig(half, format="png", dpi=110)
    half.replace(path)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def series(record: RunRecord, name: str, *, positive: bool = False) -> tuple[list[int], list[float]]:
    """Epochs and values of a metric, where it is finite (and above 0)."""
    pairs = [
        (epoch, value)
        for epoch, value in record.series(name).items()
        if math.isfinite(value) and (value > 0 or not positive)
    ]
    return [epoch for epoch, _ in pairs], [value for _, value in pairs]


def tensor_table(record: RunRecord, quantity: str, most: int | None = None) -> tuple[list[str], list[int], Any]:
    """Names (of tensors, cells or gates), epochs, and an array (names N, epochs E), NaN where a value is missing.

    Args:
        record: The run.
        quantity: Row of its tables.
        most: Number of names at most; None for all.
    """
    import numpy as np

    found: dict[int, Mapping[str, float]] = {
        epoch: event["tensors"][quantity]
        for epoch, event in sorted(record.epochs.items())
        if (event.get("tensors") or {}).get(quantity)
    }
    names = list(dict.fromkeys(name for tensors in found.values() for name in tensors))[:most]
    table_NE = np.array([[tensors.get(name, math.nan) for tensors in found.values()] for name in names], float)
    return names, list(found), table_NE


def edges(epochs: Sequence[int]) -> list[float]:
    """Borders of the cells around epochs, which may be spaced unevenly."""
    between = [(left + right) / 2 for left, right in pairwise(epochs)]
    return [epochs[0] - 0.5, *between, epochs[-1] + 0.5]


def run_name(record: RunRecord) -> str:
    """The name of a run: `trial 12`, `baseline (confirm)`."""
    name = called(record.number)
    return name if record.kind == "trial" else f"{name} ({record.kind})"


def heading(record: RunRecord, title: str = "") -> str:
    """The heading: the run's name or the title, and how it ended."""
    because = f", {record.reason}" if record.reason else ""
    return f"{title or run_name(record)}: {record.state.value.lower()}{because}"


def by_state(records: Sequence[RunRecord]) -> list[tuple[State | None, str, str, list[RunRecord]]]:
    """State, colour, marker and records of each state that occurs; unfinished runs form one group."""
    groups: list[tuple[State | None, str, str, list[RunRecord]]] = [
        (state, *mark, [r for r in records if r.state is state]) for state, mark in reversed(STATE_MARKS.items())
    ]
    groups.append((None, *OTHER_STATES, [r for r in records if not r.state.final]))
    return [group for group in groups if group[3]]


def state_name(state: State | None) -> str:
    """The name of a state in legends."""
    return "not over" if state is None else state.value.lower()


def scatter(
    axes: Axes, places: Sequence[float], records: Sequence[RunRecord], largest: int, *, unscaled: bool = False
) -> None:
    """A mark per run: colour and shape tell its state, the size its epochs.

    Args:
        axes: Where.
        places: Along the horizontal axis, one per run.
        records: Runs with a value.
        largest: Epochs of the largest mark.
        unscaled: Whether all marks are small, as there are many.
    """
    at = {record.run: place for record, place in zip(records, places, strict=True)}
    for state, colour, shape, group in by_state(records):
        hollow = state in (State.PRUNED, None)
        ink: dict[str, Any] = {"facecolors": "none", "edgecolors": colour} if hollow else {"color": colour}
        axes.scatter(
            [at[record.run] for record in group],
            [value_of(record) for record in group],
            s=[mark_size(record, largest) / (2 if unscaled else 1) for record in group],
            marker=shape,
            alpha=0.85,
            zorder=3 if state is State.COMPLETED else 2,
            linewidths=1.0,
            **ink,
        )


def ring(axes: Axes, x: float, y: float, label: str | None = None) -> None:
    """A ring around the winner's mark."""
    axes.plot([x], [y], "o", markersize=12, markerfacecolor="none", color=ORANGE, markeredgewidth=2, label=label)


def mark_size(record: RunRecord, largest: int) -> float:
    """Area of a run's mark in points, from its epochs."""
    return 10 + 45 * min(1.0, max(record.epochs, default=0) / max(1, largest))


def state_legend(records: Sequence[RunRecord], largest: int) -> list[Line2D]:
    """The legend of `scatter`: states with their numbers of runs, and two sizes."""
    from matplotlib.lines import Line2D

    entries = []
    for state, colour, shape, group in reversed(by_state(records)):
        face = "none" if state in (State.PRUNED, None) else colour
        label = f"{state_name(state)} ({len(group)})"
        entries.append(Line2D([], [], linestyle="", marker=shape, color=colour, markerfacecolor=face, label=label))
    lengths = sorted({max(record.epochs, default=0) for record in records})
    if len(lengths) > 1:
        for record in (min(records, key=_length), max(records, key=_length)):
            size, epochs = math.sqrt(mark_size(record, largest)), counted(_length(record), "epoch")
            entries.append(Line2D([], [], linestyle="", marker="o", color=GREY, markersize=size, label=epochs))
    return entries


def _length(record: RunRecord) -> int:
    return max(record.epochs, default=0)


def score_axis(axes: Axes, values: Sequence[float], objective: Objective, also: Sequence[float | None] = ()) -> None:
    """A vertical axis for scores: logarithmic for losses above 0; a few very bad values lie outside the figure.

    Args:
        axes: Where.
        values: Finite scores.
        objective: Of the scores.
        also: Further scores to include, unless they are too far off.
    """
    axes.set_ylabel(f"{objective.metric} ({objective.words})")
    if not values:
        return
    log = objective.is_loss and min(values) > 0
    height = (lambda value: math.log(value) if value > 0 else -math.inf) if log else float
    known = [value for value in also if finite(value) and math.isfinite(height(value))]
    if log:
        axes.set_yscale("log")
    ends = _ends([height(value) for value in values], [height(value) for value in known], objective)
    low, high = (math.exp(end) for end in ends) if log else ends
    axes.set_ylim(low, high)
    if log:
        plain_log(axes.yaxis, low, high)
    out = sum(value > high if objective.is_loss else value < low for value in values)
    if out:
        y, va = (0.98, "top") if objective.is_loss else (0.02, "bottom")
        words = f"{counted(out, 'worse value')} outside"
        axes.text(0.99, y, words, transform=axes.transAxes, ha="right", va=va, fontsize=8, color=GREY)


def _ends(heights: Sequence[float], also: Sequence[float], objective: Objective) -> tuple[float, float]:
    """Ends of an axis: those of all values, or a little beyond the best three quarters if the worst are far off."""
    ordered = sorted(heights, key=objective.loss)
    best, middle, worst = ordered[0], ordered[3 * len(ordered) // 4], ordered[-1]
    spread = abs(middle - best)
    if len(ordered) >= 8 and spread > 0 and abs(worst - best) > 4 * spread:
        worst = best + objective.sign * 3 * spread
    reach = 4 * (spread or abs(worst - best)) or math.inf
    ends = [best, worst, *(height for height in also if abs(height - best) <= max(reach, abs(worst - best)))]
    room = 0.05 * (max(ends) - min(ends)) or 0.05 * abs(best) or 0.05
    return min(ends) - room, max(ends) + room


def integer_axis(axes: Axes) -> None:
    """A horizontal axis of whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def log_axis(axes: Axes, values: Sequence[float]) -> None:
    """A horizontal logarithmic axis with plain numbers; few different values get a tick each."""
    axes.set_xscale("log")
    plain_log(axes.xaxis, min(values), max(values))
    different = sorted(set(values))
    if 2 < len(different) <= 6:
        axes.set_xticks(different)
        axes.minorticks_off()


def plain_log(axis: Axis, low: float, high: float) -> None:
    """Plain numbers on a logarithmic axis, as many as are needed to read it."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
    if high < 3 * low:
        axis.set_major_locator(MaxNLocator(5))
    elif high < 100 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))


def lines_and_band(
    axes: Axes, epochs: Sequence[int], lines: Sequence[tuple[str, Sequence[float]]], colours: Sequence[Any], **look: Any
) -> None:
    """The first `MOST_LINES` as lines; the middle 80 % and the median of the others as a band.

    Args:
        axes: Where.
        epochs: One per value.
        lines: Labels and values, NaN where one is missing.
        colours: Of the lines, in order.
        look: Of all lines.
    """
    shown, others = lines[:MOST_LINES], [values for _, values in lines[MOST_LINES:]]
    for (label, values), colour in zip(shown, colours, strict=False):
        axes.plot(epochs, values, color=colour, label=label, **dots(epochs), **look)
    if others:
        band(axes, epochs, [[row[at] for row in others] for at in range(len(epochs))], f"{len(others)} others")


def band(axes: Axes, epochs: Sequence[int], values: Sequence[Sequence[float]], label: str) -> None:
    """The middle 80 % of some values at each epoch, and their median.

    Args:
        axes: Where.
        epochs: One per group of values.
        values: The values at each; those that are not finite do not count.
        label: Their name.
    """
    import numpy as np

    kept = [[each for each in group if math.isfinite(each)] for group in values]
    known = [(epoch, np.percentile(group, [10, 50, 90])) for epoch, group in zip(epochs, kept, strict=True) if group]
    if not known:
        return
    at = [epoch for epoch, _ in known]
    low, middle, high = zip(*(cuts for _, cuts in known), strict=True)
    axes.fill_between(at, low, high, color=GREY, alpha=0.22, linewidth=0, zorder=1, label=f"{label}: middle 80 %")
    axes.plot(at, middle, color=GREY, linewidth=1.2, zorder=1, label="their median", **dots(at, longest=1))


def epoch_axis(axes: Axes, record: RunRecord) -> None:
    """A horizontal axis of the run's epochs."""
    axes.set_xlabel("epoch")
    integer_axis(axes)
    axes.set_xlim(0.5, max(record.epochs, default=1) + 0.5)
    axes.spines[["top", "right"]].set_visible(False)


def legend(axes: Axes, handles: Sequence[Any], *, columns: int = 0) -> None:
    """A legend below the axes, where it hides nothing, in a number of columns; 0 for one line."""
    if handles:
        axes.legend(
            handles=list(handles),
            fontsize=8,
            frameon=False,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.13),
            ncols=columns or len(handles),
            columnspacing=1.2,
        )


def legend_beside(axes: Axes) -> None:
    """A legend to the right of the axes."""
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def left_out(figure: Figure, reasons: Sequence[str]) -> None:
    """Write below a figure why panels are missing; nothing without a reason."""
    if reasons:
        figure.supxlabel(f"Not shown: {'; '.join(reasons)}.", fontsize=8, color=GREY, wrap=True)


def dots(epochs: Sequence[int], *, longest: int = 30, marker: str = "o") -> dict[str, Any]:
    """Markers for a short series, so that a single epoch is visible; different shapes where lines differ by style."""
    return {"marker": marker, "markersize": 4.0} if len(epochs) <= longest else {}


def short(name: str) -> str:
    """A short name for an axis: `stack.forward_cells.0.kernel.weight_hh_l0` is `layer 1 weight_hh`.

    A cell's own name is the layer's, a gate's `cell/gate` is `layer 1 gate`.
    """
    if match := re.fullmatch(r"(?:stack\.)?(forward|backward)_cells\.(\d+)(?:[./](?:kernel\.)?(.+?)(?:_l0)?)?", name):
        backward = " backward" if match[1] == "backward" else ""
        name = f"layer {int(match[2]) + 1}{backward} {match[3] or ''}".rstrip()
    return name if len(name) <= 28 else f"{name[:12]}…{name[-15:]}"


def value_of(record: RunRecord) -> float:
    """The value, NaN where there is none."""
    return math.nan if record.value is None else record.value


def finite(value: float | None) -> TypeGuard[float]:
    """Whether there is a value that can be drawn."""
    return value is not None and math.isfinite(value)
