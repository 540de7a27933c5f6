"""The figures of a search: the trials' scores, learning curves, and scores by parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.reporting.about import About
from tuner.reporting.curves_figure import curves_figure
from tuner.reporting.history_figure import history_figure
from tuner.reporting.parameters_figure import parameters_figure
from tuner.reporting.scored import Scored

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sweep_figures(scored: Scored, about: About, winner: int | None = None) -> dict[str, Figure]:
    """Draw the figures of a search.

    Args:
        scored: Its trials, by number, and its trainings on fresh seeds.
        about: The study.
        winner: Number of the winner, -1 for the baseline; None before there is one.

    Returns:
        Figures by file name without ending: `history` and `parameters` if a trial has a value, and `curves` if one has
        an epoch.
    """
    figures = {
        "history": history_figure(scored, winner),
        "curves": curves_figure(scored, winner),
        "parameters": parameters_figure(scored, about, winner),
    }
    return {name: figure for name, figure in figures.items() if figure is not None}
