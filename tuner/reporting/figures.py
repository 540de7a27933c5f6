"""The figure of one run: whether it learns, its gradients and weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tuner.disk.events import RunRecord
from tuner.objective import Objective
from tuner.reporting.drawing import (
    BLUE,
    GREEN,
    GREY,
    MOST_LINES,
    MOST_TENSORS,
    ORANGE,
    RED,
    dots,
    edges,
    epoch_axis,
    heading,
    integer_axis,
    left_out,
    legend,
    lines_and_band,
    new_figure,
    series,
    short,
    tensor_table,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

HEALTHY_UPDATE = (1e-4, 1e-2)
"""Healthy update-to-weight ratios of a step; 1e-3 is usual (Karpathy, CS231n notes)."""

_MOST_MARKS = 6
"""Largest number of findings marked on the learning curve; `diagnose` shows all."""


def trial_figure(record: RunRecord, objective: Objective, *, title: str = "", also: Sequence[str] = ()) -> Figure:
    """How one training went: learning curves, gradients, and what happened in each weight.

    Args:
        record: The run; its epochs may be incomplete.
        objective: What was optimized, with the trivial predictor's score where it is known.
        title: The run's name, if it is not that of its number.
        also: Other parts that are not shown, and why.
    """
    known: Sequence[tuple[str, Callable[[Axes, RunRecord], None], bool]] = (
        ("gradients", _draw_gradients, bool(series(record, "grad/norm")[0] or series(record, "lr")[0])),
        ("gradient norms of each weight", _draw_gradient_table, bool(tensor_table(record, "grad")[0])),
        ("updates of each weight", _draw_updates, bool(tensor_table(record, "update")[0])),
    )
    panels = {name: draw for name, draw, there in known if there}
    missing = ", ".join(name for name, _, there in known if not there)
    reasons = [*([f"{missing}, not measured"] if missing else []), *also]
    rows = [["learning", *list(panels)[:1]], list(panels)[1:]]
    if len(panels) == 2:
        rows = [["learning", "learning"], list(panels)]
    rows = [row for row in rows if row]
    figure = new_figure(13.0 if panels else 9.0, 0.4 + 4.6 * len(rows))
    figure.suptitle(heading(record, title), fontsize=13, wrap=True)
    places = figure.subplot_mosaic(rows)  # type: ignore[arg-type]
    _draw_learning(places["learning"], record, objective)
    for name, draw in panels.items():
        draw(places[name], record)
    left_out(figure, reasons)
    return figure


def _draw_learning(axes: Axes, record: RunRecord, objective: Objective) -> None:
    axes.set_title("Is it learning?", loc="left")
    for name, colour in (("train/loss", BLUE), ("val/loss", ORANGE)):
        epochs, values = series(record, name)
        axes.plot(epochs, values, color=colour, label=name.replace("/", " "), **dots(epochs))
    axes.set_ylabel("loss (lower is better)")
    epoch_axis(axes, record)
    lines = list(axes.get_lines())
    metric, trivial = objective.metric, objective.trivial
    epochs, values = series(record, metric)
    if metric != "val/loss" and values:
        right = axes.twinx()
        lines += right.plot(epochs, values, color=GREEN, label=metric, **dots(epochs))
        best = min(values, key=objective.loss)
        at = epochs[values.index(best)]
        right.plot([at], [best], marker="*", markersize=12, color=GREEN)
        right.annotate(f"{best:.4g}", (at, best), textcoords="offset points", xytext=(0, 8), ha="center", color=GREEN)
        right.set_ylabel(f"{metric} ({objective.words})", color=GREEN)
        right.spines["right"].set_visible(True)
        right.margins(y=0.15)
    else:
        right = axes
    if trivial is not None and math.isfinite(trivial):
        colour = GREY if right is axes else GREEN
        lines.append(
            right.axhline(trivial, color=colour, linestyle="--", label=f"{metric} of the {objective.trivial_name}")
        )
    marks = _mark_findings(axes, record)
    legend(axes, [*lines, *marks], columns=2 if marks else 0)


def _mark_findings(axes: Axes, record: RunRecord) -> list[Line2D]:
    """Mark the epoch of each finding's first occurrence above the curves; returns entries of the legend."""
    first: dict[str, int] = {}
    for finding in record.results.get("findings") or ():
        first[finding["name"]] = min(finding["epoch"], first.get(finding["name"], finding["epoch"]))
    told = list(first.items())[:_MOST_MARKS]
    at: dict[int, list[int]] = {}
    for number, (_, epoch) in enumerate(told, 1):
        at.setdefault(epoch, []).append(number)
    last = max(record.epochs, default=1)
    for epoch, numbers in at.items():
        x = min(max(epoch, 1), last)
        axes.axvline(x, color=RED, linewidth=0.9, linestyle=":", zorder=0)
        mark = ",".join(map(str, numbers))
        axes.annotate(
            mark,
            (x, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 1),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            color=RED,
            annotation_clip=False,
        )
    if at:
        axes.set_title(axes.get_title("left"), loc="left", pad=16)
    labels = [f"{number}  {name.replace('_', ' ')}, epoch {epoch}" for number, (name, epoch) in enumerate(told, 1)]
    if len(first) > len(told):
        labels.append(f"and {len(first) - len(told)} more")
    return [_entry(label) for label in labels]


def _entry(label: str) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=RED, linewidth=0.9, linestyle=":", label=label)


def _draw_gradients(axes: Axes, record: RunRecord) -> None:
    axes.set_title("Are the gradients and the learning rate healthy?", loc="left")
    epoch_axis(axes, record)
    epochs, norms = series(record, "grad/norm", positive=True)
    _, highest = series(record, "grad/norm_max", positive=True)
    lines = axes.plot(epochs, norms, color=BLUE, label="gradient norm, mean", **dots(epochs))
    if len(highest) == len(norms):
        lines += axes.plot(epochs, highest, color=BLUE, alpha=0.4, linewidth=1, label="gradient norm, largest")
    rate_epochs, rates = series(record, "lr", positive=True)
    lines += axes.plot(rate_epochs, rates, color=ORANGE, label="learning rate", **dots(rate_epochs))
    axes.set_ylabel("norm, rate (log scale)")
    if norms or rates:
        axes.set_yscale("log")
    clip_epochs, shares = series(record, "grad/clipped")
    if any(shares):
        right = axes.twinx()
        bars = right.bar(
            clip_epochs, [100 * s for s in shares], width=0.9, color=GREY, alpha=0.25, label="steps clipped"
        )
        right.set_ylim(0, 100)
        right.set_ylabel("steps clipped (%)", color=GREY)
        right.spines["right"].set_visible(True)
        legend(axes, [*lines, bars])
    else:
        legend(axes, lines)
    skipped = sum(series(record, "grad/nonfinite_steps")[1])
    if skipped:
        axes.text(
            0.02,
            0.03,
            f"{skipped:g} step{'s' * (skipped > 1)} skipped: gradient not finite",
            transform=axes.transAxes,
            color=RED,
        )


def _draw_gradient_table(axes: Axes, record: RunRecord) -> None:
    import numpy as np
    from matplotlib.colors import Normalize

    axes.set_title("Where do gradient norms vanish or explode?", loc="left")
    names, epochs, table_NE = tensor_table(record, "grad", MOST_TENSORS)
    with np.errstate(divide="ignore"):
        logs_NE = np.where(table_NE > 0, np.log10(table_NE), np.nan)
    image = axes.pcolormesh(
        edges(epochs), np.arange(len(names) + 1) - 0.5, logs_NE, cmap="viridis", norm=Normalize(-6, 2)
    )
    axes.set_facecolor("#eeeeee")
    axes.set_yticks(range(len(names)), [short(name) for name in names], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("epoch")
    integer_axis(axes)
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02, extend="both", ticks=[-6, -4, -2, 0, 2])
    bar.ax.set_yticklabels(["1e-6\nvanished", "1e-4", "1e-2", "1", "100\nexploding"], fontsize=7)


def _draw_updates(axes: Axes, record: RunRecord) -> None:
    """Draw the weights with the least healthy updates as lines, the others as a band."""
    import numpy as np
    from matplotlib import colormaps

    axes.set_title("Do the weights move at a healthy pace?", loc="left")
    names, epochs, table_NE = tensor_table(record, "update")
    epoch_axis(axes, record)
    low, high = HEALTHY_UPDATE
    axes.axhspan(low, high, color=GREEN, alpha=0.12, linewidth=0)
    for level, word, side in ((high, "too fast ", "bottom"), (low, "too slow ", "top")):
        place = axes.get_yaxis_transform()
        axes.text(0.99, level, word, transform=place, ha="right", va=side, fontsize=8, color=RED)
    shown_NE = np.where(table_NE > 0, table_NE, np.nan)
    middle = math.log10(low * high) / 2
    off = {name: _farthest(row_E, middle) for name, row_E in zip(names, shown_NE, strict=True)}
    worst = sorted(names, key=lambda name: -off[name])
    ordered = [*(name for name in names if name in worst[:MOST_LINES]), *worst[MOST_LINES:]]
    lines = [(short(name), shown_NE[names.index(name)].tolist()) for name in ordered]
    lines_and_band(axes, epochs, lines, list(colormaps["turbo"](np.linspace(0.05, 0.95, MOST_LINES))), linewidth=1.3)
    axes.set_yscale("log")
    finite = table_NE[np.isfinite(table_NE) & (table_NE > 0)]
    axes.set_ylim(min([low / 5, *finite]) / 1.5, max([high * 5, *finite]) * 1.5)
    axes.set_ylabel("size of a step / size of the weight")
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)


def _farthest(row_E: Any, middle: float) -> float:
    """The largest distance of a weight's updates from the healthy range, in powers of ten."""
    values = [abs(math.log10(value) - middle) for value in row_E if math.isfinite(value)]
    return max(values, default=0.0)
