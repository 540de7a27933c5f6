"""The figure of a learning rate range test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuner.reporting.drawing import BLUE, GREEN, GREY, ORANGE, legend_beside, log_axis, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def lr_figure(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    *,
    steepest: float,
    least: float,
    low: float,
    high: float,
) -> Figure:
    """Training loss over a rising learning rate.

    Args:
        rates: Learning rates, rising.
        losses: The loss at each, finite.
        smoothed: Its running mean.
        steepest: The rate at which it falls fastest.
        least: The rate with the lowest loss; a tenth of it is marked, too.
        low: Lower end of the range to search.
        high: Its upper end.
    """
    figure = new_figure(9.0, 5.0)
    axes = figure.subplots()
    axes.set_title("Training loss while the learning rate rises", loc="left")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("train/loss")
    axes.plot(rates, losses, color=GREY, linewidth=0.8, alpha=0.6, label="each step")
    axes.plot(rates, smoothed, color=BLUE, linewidth=2.0, label="smoothed")
    axes.axvspan(low, high, color=GREEN, alpha=0.1, linewidth=0, label="range to search")
    axes.axvline(steepest, color=GREEN, label=f"steepest: {steepest:.2g}")
    axes.axvline(least / 10, color=ORANGE, linestyle="--", label=f"least / 10: {least / 10:.2g}")
    axes.axvline(least, color=ORANGE, label=f"least: {least:.2g}")
    log_axis(axes, rates)
    spread = max(smoothed) - min(smoothed)
    if spread > 0:  # single steps may lie outside the figure
        axes.set_ylim(min(smoothed) - 0.1 * spread, max(smoothed) + 0.1 * spread)
    legend_beside(axes)
    return figure
