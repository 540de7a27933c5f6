"""Which values went with a good result? The objective against each searched parameter, on its declared range."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tuner.disk.events import RunRecord
from tuner.reporting.about import About
from tuner.reporting.drawing import (
    GREY,
    finite,
    log_axis,
    new_figure,
    ring,
    scatter,
    score_axis,
    state_legend,
    value_of,
)
from tuner.reporting.history_figure import MANY
from tuner.reporting.importance import is_numeric, is_searched_by_logarithm
from tuner.reporting.scored import Scored
from tuner.space.domains import Choices, Domain, Range
from tuner.words import called

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST, _COLUMNS, FEW = 12, 3, 8
"""Largest number of panels, of columns, and of integers that are drawn as choices."""


def parameters_figure(scored: Scored, about: About, winner: int | None) -> Figure | None:
    """A panel per searched parameter that any trial has; None if no trial has a value, or nothing is searched."""
    valued = [record for record in scored.trials if finite(record.value)]
    names = list(dict.fromkeys(name for record in valued for name in record.active))[:_MOST]
    if not names:
        return None
    columns = min(_COLUMNS, len(names))
    lines = math.ceil(len(names) / columns)
    figure = new_figure(3.8 * columns + 0.6, 3.0 * lines + 1.2)
    figure.suptitle("Which values went with a good result?", fontsize=13, x=0.01, ha="left")
    grid = list(figure.subplots(lines, columns, squeeze=False, sharey=True).flat)
    largest = max(max(record.epochs, default=0) for record in valued)
    for axes, name in zip(grid, names, strict=False):
        having = [record for record in valued if name in record.params]
        places = _axis(axes, name, [record.params[name] for record in having], about.domains)
        scatter(axes, [places(record) for record in having], having, largest, unscaled=len(valued) > MANY)
        for record in having:
            if record.number == winner:
                ring(axes, places(record), value_of(record))
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid[len(names) :]:
        axes.remove()
    score_axis(grid[0], [value_of(record) for record in valued], scored.objective, [scored.objective.trivial])
    _references(grid[: len(names)], scored, winner)
    for place, axes in enumerate(grid[: len(names)]):
        axes.set_ylabel(f"{scored.objective.metric}\n({scored.objective.words})" if place % columns == 0 else "")
    handles = [*state_legend(valued, largest), *grid[0].get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def _references(panels: Sequence[Axes], scored: Scored, winner: int | None) -> None:
    """Draw the trivial predictor, and the legend of the ring."""
    trivial = scored.objective.trivial
    for axes in panels:
        if finite(trivial):
            axes.axhline(trivial, color=GREY, linestyle="--", linewidth=1.0, label=scored.objective.trivial_name)
    if winner is not None and any(record.number == winner for record in scored.trials):
        ring(panels[0], math.nan, math.nan, f"{called(winner)}, the winner")


def _axis(axes: Axes, name: str, values: Sequence[Any], domains: Mapping[str, Domain]) -> Any:
    """Set up the axis of a parameter's declared domain; returns the place of a trial on it."""
    axes.set_xlabel(name)
    domain = domains.get(name)
    if isinstance(domain, Choices) or not is_numeric(values):
        return _choices(axes, name, values, domain)
    ends = [domain.low, domain.high] if isinstance(domain, Range) else []
    low, high = min([*values, *ends]), max([*values, *ends])
    if is_searched_by_logarithm(values, domain):
        log_axis(axes, [low, high] if isinstance(domain, Range) else values)
        room = (high / low) ** 0.04
        axes.set_xlim(low / room, high * room)
    else:
        room = 0.04 * (high - low) or 0.5
        axes.set_xlim(low - room, high + room)
    whole = all(isinstance(value, int) for value in [low, high, *values])
    if whole and high - low < FEW:
        axes.set_xticks(range(low, high + 1), map(str, range(low, high + 1)))
        axes.set_xlim(low - 0.4, high + 0.4)
        axes.minorticks_off()
        return lambda record: record.params[name] + _aside(record)
    return lambda record: record.params[name]


def _aside(record: RunRecord) -> float:
    """Shift trials with equal values sideways, so that all are visible."""
    return 0.22 * math.sin(2.4 * record.number)


def _choices(axes: Axes, name: str, values: Sequence[Any], domain: Domain | None) -> Any:
    """All declared choices, including those of no trial."""
    declared = [str(option) for option in domain.options] if isinstance(domain, Choices) else []
    labels = list(dict.fromkeys([*declared, *sorted(map(str, values))]))
    axes.set_xticks(range(len(labels)), labels, fontsize=9)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    if sum(map(len, labels)) > 26:
        axes.tick_params(axis="x", rotation=25)
    return lambda record: labels.index(str(record.params[name])) + _aside(record)
