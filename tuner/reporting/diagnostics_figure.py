"""The second figure of one run: gradients through time, gates, units and recurrent weights, by epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from tuner.diagnostics import names
from tuner.diagnostics.catalog import CADENCES
from tuner.diagnostics.thresholds import DeadUnits, ExplodingGradient, SaturatedUnits, VanishingGradient
from tuner.disk.events import RunRecord
from tuner.reporting.drawing import (
    BLUE,
    GREEN,
    GREY,
    MOST_LINES,
    ORANGE,
    RED,
    dots,
    edges,
    epoch_axis,
    heading,
    integer_axis,
    left_out,
    lines_and_band,
    new_figure,
    plain_log,
    short,
    tensor_table,
)
from tuner.reporting.gradient_flow import Profile, judged_slope, lag_of, share_left
from tuner.words import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

_MOST_CELLS = 6
"""Largest number of cells that are drawn; the tables have all."""
_MOST_LOOKS = 6
"""Largest number of epochs with a drawn profile, including the first and the last."""
_CELL_COLOURS = (BLUE, ORANGE, GREEN, "#7d3c98", "#16858c", "#a0522d", "#c0392b", "#5b6675")
_CLOSED, _OPEN = BLUE, ORANGE
_STYLES: tuple[Literal["-", "--"], ...] = ("-", "--")
_SHAPES = ("o", "^")


def diagnostics_figure(record: RunRecord, *, title: str = "") -> Figure | None:
    """What happened inside the network, epoch by epoch; None if nothing was measured.

    Args:
        record: The run; its epochs may be incomplete.
        title: The run's name, if it is not that of its number.
    """
    flow, gates = _profiles(record), _gates(record)
    below = [draw for quantity, draw in _BELOW.items() if tensor_table(record, quantity)[0]]
    heights = {
        "flow": 3.4 if flow else 0.0,
        "gates": 0.75 + 1.05 * len(gates) + 0.35 if gates else 0.0,
        "below": 3.6 if below else 0.0,
    }
    heights = {name: height for name, height in heights.items() if height}
    if not heights:
        return None
    figure = new_figure(12.0, 0.7 + sum(heights.values()))
    figure.suptitle(heading(record, title), fontsize=13, wrap=True)
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=list(heights.values()))[:, 0]
    of = dict(zip(heights, parts, strict=True))
    if flow:
        _draw_flow(of["flow"], record, flow)
    if gates:
        _draw_gates(of["gates"], record, gates)
    if below:
        panels = of["below"].subplots(1, len(below), squeeze=False)[0]
        for axes, draw in zip(panels, below, strict=True):
            draw(axes, record)
    left_out(figure, unmeasured(record))
    return figure


def unmeasured(record: RunRecord) -> list[str]:
    """The parts of a look that are missing, and why; empty if none is."""
    gates, looked = bool(_gates(record)), bool(tensor_table(record, names.CELL_STATE_MAX)[0])
    there = {
        "the gradient through time": bool(_profiles(record)),
        "gates": gates or looked,
        "units, states and recurrent weights": all(tensor_table(record, quantity)[0] for quantity in _BELOW),
    }
    missing = [what for what, measured in there.items() if not measured]
    told = [f"{', '.join(missing)}, not measured ({_level(record)})"] if missing else []
    return [*told, *(["gates, as the cell has none"] if looked and not gates else [])]


def _level(record: RunRecord) -> str:
    """A sentence about when looks are taken."""
    steps = f"{counted(record.step, 'step')} were made; " if record.step else ""
    return (
        f"{steps}the first look is after {CADENCES['standard'].least} steps at diagnostics.level standard, "
        f"{CADENCES['full'].least} at full; `diagnose TASK.yaml` looks at once"
    )


# gradients through time -----------------------------------------------------------------------------------------


def _profiles(record: RunRecord) -> dict[str, dict[int, Profile]]:
    """Cell -> epoch -> share of the state's gradient that is left at each lag, relative to the smallest lag."""
    found: dict[str, dict[int, Profile]] = {}
    for epoch, event in sorted(record.epochs.items()):
        for cell, profile in ((event.get("profiles") or {}).get(names.STATE_GRAD) or {}).items():
            if kept := share_left(profile):
                found.setdefault(cell, {})[epoch] = kept
    return dict(list(found.items())[:_MOST_CELLS])


def _draw_flow(part: SubFigure, record: RunRecord, flow: Mapping[str, Mapping[int, Profile]]) -> None:
    from matplotlib import colormaps

    _title(part, "Does the gradient reach back through time?")
    epochs = sorted({epoch for looks in flow.values() for epoch in looks})
    chosen = _spread(epochs, _MOST_LOOKS)
    shade = colormaps["viridis"]
    colours = {epoch: shade(0.9 * place / max(1, len(chosen) - 1)) for place, epoch in enumerate(chosen)}
    row = part.subplots(1, len(flow), sharey=True, squeeze=False)[0]
    vanishes, explodes = VanishingGradient().attenuation, ExplodingGradient().growth
    values = [value for looks in flow.values() for look in looks.values() for _, value in look]
    low, high = min([vanishes / 30, *values]) / 2, max([explodes * 30, *values]) * 2
    for axes, (cell, looks) in zip(row, flow.items(), strict=True):
        axes.axhspan(low, vanishes, color=RED, alpha=0.07, linewidth=0)
        axes.axhspan(explodes, high, color=ORANGE, alpha=0.1, linewidth=0)
        for epoch in chosen:
            if epoch in looks:
                lags, kept = zip(*looks[epoch], strict=True)
                axes.plot(lags, kept, color=colours[epoch], label=f"epoch {epoch}", **dots(lags, longest=40))
        _draw_slope(axes, record, cell, max(looks))
        axes.set_yscale("log")
        axes.set_ylim(low, high)
        axes.set_title(f"{short(cell)}\n{_left(record, cell, looks)}", fontsize=9)
        axes.set_xlabel("steps back")
        axes.spines[["top", "right"]].set_visible(False)
    place = row[0].get_yaxis_transform()
    row[0].text(0.02, vanishes, "vanished", transform=place, va="top", fontsize=8, color=RED)
    row[0].text(0.02, explodes, "exploding", transform=place, va="bottom", fontsize=8, color=ORANGE)
    row[0].set_ylabel("share of the gradient left")
    row[-1].legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _draw_slope(axes: Axes, record: RunRecord, cell: str, epoch: int) -> None:
    """Draw the line by which the last look is judged, fitted to the logarithms of all values, over the task's lag."""
    if slope := judged_slope(record, cell, epoch):
        axes.plot(*zip(*slope, strict=True), ":", color="black", linewidth=1.4, label="fitted slope, as judged")


def _left(record: RunRecord, cell: str, looks: Mapping[int, Profile]) -> str:
    """The share left after the task's lag (or the longest measured one), extrapolated by the slope, in words."""
    last = max(looks)
    power = ((record.epochs[last].get("tensors") or {}).get(names.CELL_ATTENUATION) or {}).get(cell)
    if power is None:
        power = math.log10(looks[last][-1][1])
    lag = lag_of(record, last)
    limits = VanishingGradient().attenuation, ExplodingGradient().growth
    word = "it reaches back"
    if power < math.log10(limits[0]):
        word = "it has vanished"
    elif power > math.log10(limits[1]):
        word = "it explodes"
    elif max(value for _, value in looks[last]) > limits[1]:
        word = "it explodes on the way"
    share_left = f"10^{power:.1f}" if abs(power) > 3 else f"{10**power:.2g}"
    return f"by its slope {share_left}\nleft over {lag:g} steps:\n{word}"


def _spread(epochs: Sequence[int], most: int) -> list[int]:
    """A selection of at most so many, evenly spread, with the first and the last."""
    if len(epochs) <= most:
        return list(epochs)
    return [epochs[round(place * (len(epochs) - 1) / (most - 1))] for place in range(most)]


# gates ----------------------------------------------------------------------------------------------------------


def _gates(record: RunRecord) -> dict[str, dict[str, tuple[list[int], Any]]]:
    """Cell -> gate -> epochs and an array (3, epochs): mean, share below 0.1, share above 0.9."""
    import numpy as np

    found: dict[str, dict[str, tuple[list[int], Any]]] = {}
    whole = [tensor_table(record, quantity) for quantity in (names.GATE_MEAN, names.GATE_LEFT, names.GATE_RIGHT)]
    for name in whole[0][0]:
        if all(name in table[0] and table[1] == whole[0][1] for table in whole):
            cell, _, gate = name.rpartition("/")
            values_3E = np.array([table[2][table[0].index(name)] for table in whole])
            found.setdefault(cell, {})[gate] = (whole[0][1], values_3E)
    return dict(list(found.items())[:_MOST_CELLS])


def _draw_gates(part: SubFigure, record: RunRecord, gates: Mapping[str, Mapping[str, tuple[list[int], Any]]]) -> None:
    _title(part, "Do the gates decide, or are they stuck shut or open?")
    columns = max(map(len, gates.values()))
    grid = part.subplots(len(gates), columns, squeeze=False, sharex=True, sharey=True)
    for row, (cell, of_cell) in zip(grid, gates.items(), strict=True):
        row[0].set_ylabel(short(cell).replace(" backward", "\nbackward"), fontsize=9)
        for axes, (gate, (epochs, (mean_E, closed_E, open_E))) in zip(row, of_cell.items(), strict=False):
            borders = edges(epochs)
            axes.stairs(closed_E, borders, fill=True, color=_CLOSED, alpha=0.35, label="values below 0.1: shut")
            axes.stairs(1 - open_E, borders, baseline=1, fill=True, color=_OPEN, alpha=0.35, label="above 0.9: open")
            axes.plot(epochs, mean_E, color="black", linewidth=1.3, label="mean", **dots(epochs))
            axes.set_title(gate, fontsize=9, pad=3)
            axes.set_ylim(0, 1)
            axes.set_yticks([0, 0.5, 1])
            axes.tick_params(labelsize=8)
        for axes in row[len(of_cell) :]:
            axes.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlim(0.5, max(record.epochs) + 0.5)
        integer_axis(axes)
        axes.set_xlabel("epoch", fontsize=8)
    handles, labels = grid[0][0].get_legend_handles_labels()
    part.legend(handles, labels, loc="outside upper right", ncols=3, fontsize=8, frameon=False)


# units and weights ----------------------------------------------------------------------------------------------


def _draw_units(axes: Axes, record: RunRecord) -> None:
    import numpy as np

    axes.set_title("Do the units work?", loc="left")
    pair = (_by_cell(record, names.UNITS_DEAD, np.fmax), _by_cell(record, names.UNITS_SATURATED, np.fmax))
    _draw_pair(axes, pair, ("dead", "outputs saturated"), lambda row_E: 100 * row_E)
    epoch_axis(axes, record)
    axes.set_ylim(-3, 103)
    axes.set_ylabel("share, in %")
    place = axes.get_yaxis_transform()
    for share, word in ((DeadUnits().share, "too many dead"), (SaturatedUnits().share, "too many saturated")):
        axes.axhline(100 * share, color=RED, linewidth=0.8, linestyle=":")
        axes.text(0.99, 100 * share, f"{word} ", transform=place, ha="right", va="bottom", fontsize=8, color=RED)


def _draw_state(axes: Axes, record: RunRecord) -> None:
    axes.set_title("Does the state stay small?", loc="left")
    cells, epochs, table_NE = tensor_table(record, names.CELL_STATE_MAX)
    lines = [(short(cell), _positive(row_E).tolist()) for cell, row_E in zip(cells, table_NE, strict=True)]
    lines_and_band(axes, epochs, lines, _CELL_COLOURS)
    _plain_log_axis(axes)
    epoch_axis(axes, record)
    axes.set_ylabel("largest value in the state")
    _legend_below(axes, axes.get_lines())


def _draw_weights(axes: Axes, record: RunRecord) -> None:
    import numpy as np

    axes.set_title("Do the recurrent weights keep a signal?", loc="left")
    axes.axhline(1.0, color=GREY, linewidth=0.8, linestyle=":")
    pair = (_by_cell(record, names.SINGULAR_LARGEST, np.fmax), _by_cell(record, names.SINGULAR_LEAST, np.fmin))
    _draw_pair(axes, pair, ("largest", "least"), _positive)
    _plain_log_axis(axes)
    epoch_axis(axes, record)
    axes.set_ylabel("singular values of all gates")


ByCell = tuple[list[int], dict[str, Any]]
"""Epochs, and cell -> its values."""


def _draw_pair(axes: Axes, pair: tuple[ByCell, ByCell], words: tuple[str, str], shown: Callable[[Any], Any]) -> None:
    """Two quantities of each cell: the colour tells the cell, line style and marker the quantity.

    Of more than four cells the four with the largest values are drawn.
    """
    from matplotlib.lines import Line2D

    first = pair[0][1]
    largest = {cell: max((v for v in row_E if math.isfinite(v)), default=0.0) for cell, row_E in first.items()}
    ranked = sorted(first, key=lambda cell: -largest[cell])[: MOST_LINES // 2]
    colours = dict(zip((cell for cell in first if cell in ranked), _CELL_COLOURS, strict=False))
    entries = [Line2D([], [], color=colour, label=short(cell)) for cell, colour in colours.items()]
    if len(first) > len(colours):
        entries.append(Line2D([], [], linestyle="", label=f"(the largest of {len(first)})"))
    for (epochs, rows), word, style, marker in zip(pair, words, _STYLES, _SHAPES, strict=True):
        for cell, colour in colours.items():
            if cell in rows:
                look = {"color": colour, "label": f"{short(cell)} {word}", **dots(epochs, marker=marker)}
                axes.plot(epochs, shown(rows[cell]), style, **look)
        entries.append(Line2D([], [], color="black", linestyle=style, marker=marker, markersize=4, label=word))
    _legend_below(axes, entries)


def _legend_below(axes: Axes, entries: Sequence[Line2D]) -> None:
    axes.legend(handles=entries, fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)


def _by_cell(record: RunRecord, quantity: str, extreme: Any) -> ByCell:
    """A quantity of each cell by epoch; for several gates their largest or least value."""
    blocks, epochs, table_NE = tensor_table(record, quantity)
    cells = [block.rpartition("/")[0] or block for block in blocks]
    return epochs, {cell: extreme.reduce(table_NE[[other == cell for other in cells]]) for cell in dict.fromkeys(cells)}


def _positive(row_E: Any) -> Any:
    """The values, with NaN where a logarithmic axis cannot show them."""
    import numpy as np

    return np.where(row_E > 0, row_E, np.nan)


_BELOW = {
    names.UNITS_DEAD: _draw_units,
    names.CELL_STATE_MAX: _draw_state,
    names.SINGULAR_LARGEST: _draw_weights,
}
"""Quantity -> function that draws it in the last row."""


# shared ---------------------------------------------------------------------------------------------------------


def _title(part: SubFigure, text: str) -> None:
    part.suptitle(text, x=0.008, ha="left", fontsize=12)


def _plain_log_axis(axes: Axes) -> None:
    """A vertical logarithmic axis with plain numbers, wide enough that small changes look small."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(low / 2, high * 2)
    plain_log(axes.yaxis, low / 2, high * 2)
