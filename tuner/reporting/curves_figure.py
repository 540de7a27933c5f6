"""How did the trials learn?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median_low
from typing import TYPE_CHECKING

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.reporting.drawing import (
    GREEN,
    GREY,
    MOST_LINES,
    ORANGE,
    OTHER_STATES,
    STATE_MARKS,
    band,
    finite,
    integer_axis,
    new_figure,
    score_axis,
    series,
    state_name,
    value_of,
)
from tuner.reporting.leaderboard import BASELINE
from tuner.reporting.scored import Scored
from tuner.words import called

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#2f6db3", "#7d3c98", "#16858c", "#a0522d", "#c0392b", "#5b6675", "#b58900", "#86b0dc")


def curves_figure(scored: Scored, winner: int | None) -> Figure | None:
    """The objective by epoch: at most eight lines, the rest as a band; None if no trial has an epoch."""
    objective = scored.objective
    learned = [record for record in scored.trials if _values(record, scored)]
    if not learned:
        return None
    figure = new_figure(10.0, 5.2)
    axes = figure.subplots()
    axes.set_title("How did the trials learn?", loc="left")
    axes.set_xlabel("epoch")
    integer_axis(axes)
    axes.spines[["top", "right"]].set_visible(False)
    baseline = _middle(scored, BASELINE)
    lines, others = _chosen(learned, scored, winner, MOST_LINES - (baseline is not None))
    first, colours = _ahead(learned, scored, winner), iter(_COLOURS)
    for record in lines:
        label = f"{called(record.number)}, {state_name(record.state if record.state.final else None)}"
        if record is first:
            label = f"{called(record.number)}, {'best so far' if winner is None else 'the winner'}"
        _draw(axes, record, scored, ORANGE if record is first else next(colours), label, ahead=record is first)
    if baseline is not None:
        label = f"baseline{', the winner' * (winner == BASELINE)}, its seed with the median score"
        _draw(axes, baseline, scored, GREEN, label, ahead=winner == BASELINE)
    _draw_others(axes, others, objective.metric)
    score_axis(axes, [value for record in learned for value in _values(record, scored)], objective, [objective.trivial])
    if finite(objective.trivial):
        axes.axhline(objective.trivial, color=GREY, linestyle="--", linewidth=1.2, label=objective.trivial_name)
    axes.legend(fontsize=9, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _values(record: RunRecord, scored: Scored) -> list[float]:
    return series(record, scored.objective.metric)[1]


def _middle(scored: Scored, number: int) -> RunRecord | None:
    """A configuration's training on fresh seeds with the median score."""
    runs = {record.run: record for record in scored.confirmed if record.number == number and finite(record.value)}
    middle = median_low(value_of(record) for record in runs.values()) if runs else None
    return next((record for record in runs.values() if record.value == middle), None)


def _ahead(learned: Sequence[RunRecord], scored: Scored, winner: int | None) -> RunRecord | None:
    """The winner's trial; before there is one, the best completed trial."""
    if winner is not None:
        return next((record for record in learned if record.number == winner), None)
    completed = [record for record in learned if record.state is State.COMPLETED and finite(record.value)]
    return scored.objective.best_of(completed, score=value_of)


def _chosen(
    learned: Sequence[RunRecord], scored: Scored, winner: int | None, most: int
) -> tuple[list[RunRecord], list[RunRecord]]:
    """The drawn trials (winner and best), and the others."""
    objective, first = scored.objective, _ahead(learned, scored, winner)
    ranked = sorted(learned, key=lambda one: (one is not first, objective.loss(objective.best(_values(one, scored)))))
    return ranked[:most], ranked[most:]


def _draw(axes: Axes, record: RunRecord, scored: Scored, colour: str, label: str, *, ahead: bool) -> None:
    """Draw a line, with the mark of its state at its end."""
    epochs, values = series(record, scored.objective.metric)
    _, shape = STATE_MARKS.get(record.state, OTHER_STATES)
    axes.plot(
        epochs,
        values,
        color=colour,
        linewidth=2.6 if ahead else 1.4,
        marker=shape,
        markevery=[len(epochs) - 1],
        markersize=5,
        markerfacecolor="white" if record.state is State.PRUNED else colour,
        zorder=4 if ahead else 3,
        label=label,
    )


def _draw_others(axes: Axes, others: Sequence[RunRecord], metric: str) -> None:
    curves = [record.series(metric) for record in others]
    epochs = range(1, max((max(curve) for curve in curves), default=0) + 1)
    values = [[curve.get(epoch, math.nan) for curve in curves] for epoch in epochs]
    band(axes, epochs, values, f"the other {len(others)} while trained")
