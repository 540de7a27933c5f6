"""What did each trial reach?"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from tuner.messages import State
from tuner.reporting.drawing import (
    GREEN,
    GREY,
    ORANGE,
    RED,
    finite,
    integer_axis,
    new_figure,
    ring,
    scatter,
    score_axis,
    state_legend,
    value_of,
)
from tuner.reporting.leaderboard import BASELINE
from tuner.reporting.scored import Scored
from tuner.words import called

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MANY = 300
"""Number of trials from which all marks are small."""


def history_figure(scored: Scored, winner: int | None) -> Figure | None:
    """The value of every trial by number, and the best so far; None if no trial has a value."""
    valued = [record for record in scored.trials if finite(record.value)]
    if not valued:
        return None
    objective = scored.objective
    figure = new_figure(10.0, 5.2)
    axes = figure.subplots()
    axes.set_title("What did each trial reach?", loc="left")
    axes.set_xlabel("trial")
    integer_axis(axes)
    axes.spines[["top", "right"]].set_visible(False)
    largest = max(max(record.epochs, default=0) for record in valued)
    scatter(axes, [record.number for record in valued], valued, largest, unscaled=len(valued) > MANY)
    _best_so_far(axes, scored)
    fresh = {number: scored.fresh(number) for number in (BASELINE, winner) if number is not None}
    means = {number: fmean(values) for number, values in fresh.items() if values}
    score_axis(axes, [value_of(r) for r in valued], objective, [objective.trivial, *means.values()])
    _references(axes, scored, winner, means)
    without = [record for record in scored.trials if record.state.final and not finite(record.value)]
    if without:
        axes.scatter(
            [record.number for record in without],
            [0.015] * len(without),
            transform=axes.get_xaxis_transform(),
            marker="x",
            color=RED,
            s=22,
            label=f"without a value ({len(without)})",
            clip_on=False,
        )
    numbers = [record.number for record in scored.trials]
    axes.set_xlim(min(numbers) - 0.5, max(numbers) + 0.5)
    handles = [*state_legend(valued, largest), *axes.get_legend_handles_labels()[0]]
    axes.legend(handles=handles, fontsize=9, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _best_so_far(axes: Axes, scored: Scored) -> None:
    objective, best = scored.objective, scored.objective.worst
    steps: list[tuple[int, float]] = []
    for record in scored.trials:
        if record.state is State.COMPLETED and finite(record.value):
            best = objective.best([best, record.value], default=best)
            steps.append((record.number, best))
    if steps:
        steps.append((scored.trials[-1].number, best))
        axes.step(*zip(*steps, strict=True), where="post", color=ORANGE, linewidth=1.6, label="best so far")


def _references(axes: Axes, scored: Scored, winner: int | None, means: dict[int, float]) -> None:
    """Draw the scores of the trivial predictor, the baseline and the winner for comparison."""
    trivial = scored.objective.trivial
    if finite(trivial):
        axes.axhline(trivial, color=GREY, linestyle="--", linewidth=1.2, label=scored.objective.trivial_name)
    if BASELINE in means:
        axes.axhline(
            means[BASELINE], color=GREEN, linestyle="-.", linewidth=1.2, label="baseline, mean of its fresh seeds"
        )
    if winner is None or winner < 0:
        return
    if finite(seen := scored.searched(winner)):
        ring(axes, winner, seen, f"{called(winner)}, the winner")
    if winner in means:
        label = f"{called(winner)}, mean of its fresh seeds"
        axes.plot([winner], [means[winner]], "D", markersize=8, color=ORANGE, markeredgecolor="black", label=label)
