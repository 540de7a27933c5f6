"""The figures of a search: what each trial reached, how it learned, and which values went with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.drawing import (
    GREY,
    ORANGE,
    RED,
    by_state,
    clip_outliers,
    dots,
    finite,
    integer_axis,
    legend_beside,
    log_axis,
    new_figure,
    series,
    value_of,
)
from tuner.reporting.importance import is_logarithmic, is_numeric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_SLICES = 12
_MOST_CURVES = 200


def sweep_figures(records: Sequence[RunRecord], objective: Objective) -> dict[str, Figure]:
    """What a search found.

    Args:
        records: Its trials, by number.
        objective: What was optimized.

    Returns:
        Figures by file name without ending: `history`, `parameters` (with searched parameters), `curves`.
    """
    figures = {"history": _history(records, objective), "curves": _curves(records, objective)}
    searched = list(dict.fromkeys(name for record in records for name in record.searched))
    if searched and any(record.value is not None for record in records):
        figures["parameters"] = _slices(records, searched[:_MOST_SLICES], objective)
    return figures


def _history(records: Sequence[RunRecord], objective: Objective) -> Figure:
    figure = new_figure(9.0, 5.0)
    axes = figure.subplots()
    axes.set_title("What each trial reached", loc="left")
    axes.set_xlabel("trial")
    axes.set_ylabel(f"{objective.metric} ({objective.words})")
    integer_axis(axes)
    scored = [record for record in records if finite(record.value)]
    for state, colour, label, group in by_state(scored):
        axes.scatter(
            [r.number for r in group],
            [value_of(r) for r in group],
            color=colour,
            s=28 if state is State.COMPLETED else 16,
            alpha=0.9,
            label=f"{label} ({len(group)})",
            zorder=3 if state is State.COMPLETED else 2,
        )
    best = objective.worst
    steps: list[tuple[int, float]] = []
    for record in scored:
        if record.state is State.COMPLETED:
            best = objective.best([best, value_of(record)], default=best)
            steps.append((record.number, best))
    if steps:
        axes.step(*zip(*steps, strict=True), where="post", color=ORANGE, linewidth=1.6, label="best so far")
    without = [record for record in records if not finite(record.value)]
    if without:
        marks = axes.get_xaxis_transform()
        axes.scatter(
            [r.number for r in without],
            [0.015] * len(without),
            transform=marks,
            marker="x",
            color=RED,
            s=22,
            label=f"without a value ({len(without)})",
            clip_on=False,
        )
    clip_outliers(axes, [value_of(r) for r in scored], objective)
    legend_beside(axes)
    return figure


def _curves(records: Sequence[RunRecord], objective: Objective) -> Figure:
    figure = new_figure(9.0, 5.0)
    axes = figure.subplots()
    axes.set_title("How each trial learned", loc="left")
    axes.set_ylabel(f"{objective.metric} ({objective.words})")
    axes.set_xlabel("epoch")
    integer_axis(axes)
    shown = [record for record in records if series(record, objective.metric)[0]][:_MOST_CURVES]
    completed = [r for r in shown if r.state is State.COMPLETED and finite(r.value)]
    winner = objective.best_of(completed, score=value_of)
    values: list[float] = []
    for _, colour, label, group in by_state(shown):
        for number, record in enumerate(group):
            epochs, scores = series(record, objective.metric)
            values += scores
            axes.plot(
                epochs,
                scores,
                color=colour,
                alpha=0.45,
                linewidth=1.0,
                label=f"{label} ({len(group)})" if number == 0 else None,
                **dots(epochs, longest=1),
            )
    if winner is not None:
        axes.plot(*series(winner, objective.metric), color=ORANGE, linewidth=2.4, label=f"best: trial {winner.number}")
    clip_outliers(axes, values, objective)
    legend_beside(axes)
    return figure


def _slices(records: Sequence[RunRecord], names: Sequence[str], objective: Objective) -> Figure:
    columns = min(3, len(names))
    lines = math.ceil(len(names) / columns)
    figure = new_figure(3.7 * columns + 0.6, 3.0 * lines + 0.7)
    figure.suptitle(f"{objective.metric} ({objective.words}) against each searched parameter", fontsize=12)
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True)
    scored = [record for record in records if finite(record.value)]
    for position, name in enumerate(names):
        axes = grid[position // columns][position % columns]
        _draw_slice(axes, [record for record in scored if name in record.params], name)
        if position % columns == 0:
            axes.set_ylabel(objective.metric)
    for position in range(len(names), lines * columns):
        grid[position // columns][position % columns].set_visible(False)
    clip_outliers(grid[0][0], [value_of(r) for r in scored], objective)
    handles, labels = max((a.get_legend_handles_labels() for a in grid.flat), key=lambda pair: len(pair[1]))
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def _draw_slice(axes: Axes, records: Sequence[RunRecord], name: str) -> None:
    axes.set_title(name, loc="left", fontsize=10)
    values = [record.params[name] for record in records]
    numeric = is_numeric(values)
    choices = sorted({str(value) for value in values})
    places = {choice: place for place, choice in enumerate(choices)}
    if not numeric:
        completed = [
            [value_of(r) for r in records if str(r.params[name]) == choice and r.state is State.COMPLETED]
            for choice in choices
        ]
        boxes = [(place, group) for place, group in enumerate(completed) if len(group) > 2]
        if boxes:
            axes.boxplot(
                [group for _, group in boxes],
                positions=[place for place, _ in boxes],
                widths=0.55,
                showfliers=False,
                manage_ticks=False,
                boxprops={"color": GREY},
                whiskerprops={"color": GREY},
                capprops={"color": GREY},
                medianprops={"color": ORANGE, "linewidth": 2},
            )
        axes.set_xticks(range(len(choices)), choices, fontsize=8)
        axes.set_xlim(-0.6, len(choices) - 0.4)
        if sum(map(len, choices)) > 24:
            axes.tick_params(axis="x", rotation=25)
    elif is_logarithmic(values):
        log_axis(axes, values)
    for state, colour, label, group in by_state(records):
        if numeric:
            x = [record.params[name] for record in group]
        else:  # beside each other, by number, so that equal choices do not hide one another
            x = [places[str(r.params[name])] + 0.18 * math.sin(2.4 * r.number) for r in group]
        axes.scatter(
            x,
            [value_of(record) for record in group],
            color=colour,
            s=18 if state is State.COMPLETED else 9,
            alpha=0.75,
            label=label,
            linewidths=0,
        )
