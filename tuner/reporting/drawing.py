"""What the figures share: colours, axes, legends; no screen, and none of matplotlib's global state."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from tuner.diagnostics.case import reach
from tuner.diagnostics.names import STATE_GRAD
from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.words import called

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, GREY = "#2f6db3", "#e07b1a", "#3a8f4d", "#c0392b", "#8a8a8a"
STATE_COLOURS = {
    State.COMPLETED: BLUE,
    State.PRUNED: GREY,
    State.HOPELESS: "#a0522d",
    State.DIVERGED: RED,
    State.FAILED: "#7d3c98",
}
OTHER_STATES = "#c9b458"
MOST_TENSORS = 24
"""Tensors that a panel has room for."""


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; the file is whole or not there."""
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


def lag_of(record: RunRecord, epoch: int) -> float | None:
    """See `reach`, of one epoch."""
    profiles = record.epochs.get(epoch, {}).get("profiles") or {}
    return reach([profiles.get(STATE_GRAD) or {}], record.results.get("lag"))


def edges(epochs: Sequence[int]) -> list[float]:
    """Borders of the cells around epochs that may be apart."""
    between = [(left + right) / 2 for left, right in pairwise(epochs)]
    return [epochs[0] - 0.5, *between, epochs[-1] + 0.5]


def run_name(record: RunRecord) -> str:
    """What a run is called: `trial 12`, `baseline (confirm)`."""
    name = called(record.number)
    return name if record.kind == "trial" else f"{name} ({record.kind})"


def heading(record: RunRecord, title: str = "") -> str:
    """Which run it is, unless a title says so, and how it ended."""
    because = f", {record.reason}" if record.reason else ""
    return f"{title or run_name(record)}: {record.state.value.lower()}{because}"


def by_state(
    records: Sequence[RunRecord],
) -> list[tuple[State | None, str, str, list[RunRecord]]]:
    """State, colour, label and records of each state that occurs; those not over yet come together."""
    groups: list[tuple[State | None, str, str, list[RunRecord]]] = [
        (state, colour, state.value.lower(), [r for r in records if r.state is state])
        for state, colour in reversed(STATE_COLOURS.items())
    ]
    groups.append((None, OTHER_STATES, "not over", [r for r in records if not r.state.final]))
    return [group for group in groups if group[3]]


def clip_outliers(axes: Axes, values: Sequence[float], objective: Objective) -> None:
    """Let a few very bad values run out of the figure, so that the good ones can be told apart."""
    if len(values) < 8:
        return
    ordered = sorted(values, key=objective.loss)
    best, middle, worst = ordered[0], ordered[3 * len(ordered) // 4], ordered[-1]
    spread = abs(middle - best)
    if spread > 0 and abs(worst - best) > 4 * spread:
        bad, good = best + objective.sign * 3 * spread, best - objective.sign * 0.15 * spread
        y, va = (0.98, "top") if bad > good else (0.02, "bottom")
        axes.set_ylim(min(bad, good), max(bad, good))
        out = sum(1 for value in values if abs(value - best) > 3 * spread)
        axes.text(
            0.99,
            y,
            f"{out} worse value{'s' * (out > 1)} outside",
            transform=axes.transAxes,
            ha="right",
            va=va,
            fontsize=7,
            color=GREY,
        )


def integer_axis(axes: Axes) -> None:
    """Whole numbers below."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def log_axis(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic axis below with plain numbers; few different values are named each."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    different = sorted(set(values))
    if len(different) <= 6:
        axes.set_xticks(different)
        axes.minorticks_off()
    elif max(values) < 100 * min(values):
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))


def epoch_axis(axes: Axes, record: RunRecord) -> None:
    """The run's epochs below."""
    axes.set_xlabel("epoch")
    integer_axis(axes)
    axes.set_xlim(0.5, max(record.epochs, default=1) + 0.5)
    axes.spines[["top", "right"]].set_visible(False)


def legend(axes: Axes, handles: Sequence[Any], *, columns: int = 0) -> None:
    """A legend below the axes, where it hides nothing, in so many columns; 0 for one line."""
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


def empty(axes: Axes, text: str) -> None:
    """Say why there is nothing to see."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)
    axes.set_xticks([])
    axes.set_yticks([])


def dots(epochs: Sequence[int], *, longest: int = 30) -> dict[str, Any]:
    """Markers for a short series, so that a single epoch is seen."""
    return {"marker": "o", "markersize": 3.5} if len(epochs) <= longest else {}


def short(name: str) -> str:
    """A name that fits beside an axis: `stack.forward_cells.0.kernel.weight_hh_l0` is `layer 1 weight_hh`.

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
