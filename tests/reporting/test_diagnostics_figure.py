from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.support.figures import is_png
from tests.support.trained import dead, trained, vanishing
from tuner.diagnostics import names
from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting import diagnostics_figure, save, trial_figure
from tuner.reporting.diagnostics_figure import unmeasured
from tuner.reporting.drawing import short
from tuner.reporting.run_figures import draw_into


def words(figure: Figure) -> str:
    """Everything that is written in the axes."""
    return " | ".join(
        text for axes in figure.axes for text in (axes.get_title(), axes.get_title("left"), *map(_said, axes.texts))
    )


def _said(text: Any) -> str:
    return str(text.get_text())


def panel(figure: Figure, title: str) -> Axes:
    """The axes with that title at its left or above."""
    (found,) = [axes for axes in figure.axes if title in (axes.get_title("left"), axes.get_title().split("\n")[0])]
    return found


def drawn(record: RunRecord) -> Figure:
    """The figure of a run that was looked at."""
    figure = diagnostics_figure(record)
    assert figure is not None
    return figure


@pytest.mark.parametrize(
    ("epochs", "layers", "bidirectional", "gates"),
    [
        *((epochs, 1, False, ("input", "forget", "candidate", "output")) for epochs in (1, 3, 60, 400)),
        *((epochs, 3, True, ("reset", "update", "candidate")) for epochs in (1, 60)),
        (60, 4, True, ("forget",)),
        *((epochs, 2, False, ()) for epochs in (1, 60)),
    ],
)
def test_every_network_can_be_drawn(
    epochs: int, layers: int, bidirectional: bool, gates: tuple[str, ...], tmp_path: Path
) -> None:
    """Networks of any depth, direction and cell, trained for any length, should give a picture without a warning."""
    record = trained(epochs=epochs, layers=layers, bidirectional=bidirectional, gates=gates)
    save(drawn(record), tmp_path / "figures" / "diagnostics.png")
    assert is_png(tmp_path / "figures" / "diagnostics.png")


@pytest.mark.parametrize("state", list(State))
def test_every_end_can_be_drawn(state: State, tmp_path: Path) -> None:
    """A run that ended in any state, with values that are not finite, nought or missing, should give a picture."""
    record = trained(epochs=4, state=state)
    tensors = record.epochs[3]["tensors"]
    for quantity in tensors:
        tensors[quantity] = dict.fromkeys(tensors[quantity], math.nan)
    record.epochs[3]["profiles"]["state_grad"] = {"stack.forward_cells.0": [[0, math.nan], [20, math.inf]]}
    for quantity in record.epochs[4]["tensors"]:
        record.epochs[4]["tensors"][quantity] = dict.fromkeys(record.epochs[4]["tensors"][quantity], 0.0)
    record.epochs[4]["profiles"]["state_grad"] = {"stack.forward_cells.0": [[0, 1e-3], [20, 0.0]]}
    record.epochs[2].pop("profiles")
    save(drawn(record), tmp_path / "figures" / "diagnostics.png")
    assert is_png(tmp_path / "figures" / "diagnostics.png")


def test_the_flow_is_the_share_of_the_gradient_that_is_left() -> None:
    """Each look should be its profile over its value at lag 0, and the words the measured attenuation in the end."""
    record = trained(epochs=2, decay=0.06, lag=200)
    axes = panel(drawn(record), "layer 1")
    first, last = (line for line in axes.get_lines() if str(line.get_label()).startswith("epoch"))
    assert (first.get_label(), last.get_label()) == ("epoch 1", "epoch 2")
    np.testing.assert_allclose(np.asarray(first.get_xdata()), range(0, 201, 20))
    np.testing.assert_allclose(np.asarray(first.get_ydata()), np.exp(-0.06 * np.arange(0, 201, 20)))
    assert axes.get_yscale() == "log"
    power = -0.06 / math.sqrt(2) * 200 / math.log(10)
    assert f"by its slope 10^{power:.1f}\nleft over 200 steps:\nit reaches back" in axes.get_title()


def test_a_gradient_that_is_gone_at_once_is_drawn_as_gone() -> None:
    """A profile of nothing but 0 should be a line at the bottom, not a panel that says it was not measured."""
    record = trained(epochs=1, decay=2.0)
    record.epochs[1]["profiles"]["state_grad"] = {"stack.forward_cells.0": [[1, 0.0], [20, 0.0], [200, 0.0]]}
    axes = panel(drawn(record), "layer 1")
    (line,) = (line for line in axes.get_lines() if line.get_label() == "epoch 1")
    assert max(np.asarray(line.get_ydata())) <= 1e-16
    assert "it has vanished" in axes.get_title()


def test_items_of_many_lengths_are_averaged() -> None:
    """Hundreds of lags should become a few points, none outside of what was measured, with the first as it is."""
    record = trained(epochs=1)
    lags = [float(lag) for lag in range(1, 400)]
    profile = [[lag, (2.0 if lag % 2 else 1.0) * math.exp(-0.01 * lag)] for lag in lags]
    record.epochs[1]["profiles"]["state_grad"] = {"stack.forward_cells.0": profile}
    (line,) = (line for line in panel(drawn(record), "layer 1").get_lines() if line.get_label() == "epoch 1")
    x, y = np.asarray(np.asarray(line.get_xdata())), np.asarray(np.asarray(line.get_ydata()))
    assert (x[0], y[0]) == (1.0, 1.0)
    assert len(x) <= 13
    assert np.all(np.diff(x) > 0)
    assert x[-1] <= 399
    root_mean_square = math.sqrt((1 + 4) / 2) / 2 * np.exp(-0.01 * (x[1:] - 1))
    np.testing.assert_allclose(y[1:], root_mean_square, rtol=0.15)


@pytest.mark.parametrize(
    ("decay", "words_for_it"),
    [(0.0, "1\nleft over 200 steps:\nit reaches back"), (0.1, "it has vanished"), (-0.1, "it explodes")],
)
def test_the_flow_is_told_in_words(decay: float, words_for_it: str) -> None:
    """What keeps its size, vanishes or explodes should be called so."""
    assert words_for_it in panel(drawn(trained(epochs=1, decay=decay)), "layer 1").get_title()


@pytest.mark.parametrize("lag", [None, 1000])
def test_the_longest_measured_lag_is_told_where_the_tasks_is_longer_or_unknown(lag: int | None) -> None:
    """The steps in the words should be those over which the attenuation was measured."""
    record = trained(epochs=1, decay=0.01, lag=50)
    record.results["lag"] = lag
    assert f"{math.exp(-0.5):.2g}\nleft over 50 steps" in panel(drawn(record), "layer 1").get_title()


def test_gates_are_what_was_measured() -> None:
    """The mean should be the line; the areas from below and above the shares that are shut and open."""
    record = trained(epochs=5)
    axes = panel(drawn(record), "forget")
    gate = "stack.forward_cells.0/forget"
    expected = [
        [event["tensors"][quantity][gate] for event in record.epochs.values()]
        for quantity in (names.GATE_MEAN, names.GATE_LEFT, names.GATE_RIGHT)
    ]
    (line,) = axes.get_lines()
    np.testing.assert_allclose(np.asarray(line.get_ydata()), expected[0])
    shut, opened = (patch.get_data() for patch in axes.patches)  # type: ignore[attr-defined]
    np.testing.assert_allclose(shut.values, expected[1])
    np.testing.assert_allclose(1 - opened.values, expected[2])
    assert (shut.baseline, opened.baseline) == (0, 1)


def test_weights_are_the_extremes_of_all_gates() -> None:
    """The largest and the least singular value of a cell should be those over its gates, however many blocks it has."""
    record = trained(epochs=3, gates=tuple(f"gate.{part}" for part in range(32)))
    lines = {
        line.get_label(): list(np.asarray(line.get_ydata()))
        for line in panel(drawn(record), "Do the recurrent weights keep a signal?").get_lines()
    }
    tables = [event["tensors"] for event in record.epochs.values()]
    assert lines["layer 1 largest"] == [max(table[names.SINGULAR_LARGEST].values()) for table in tables]
    assert lines["layer 1 least"] == [min(table[names.SINGULAR_LEAST].values()) for table in tables]


def test_what_was_not_measured_is_left_out_with_its_reason(tmp_path: Path) -> None:
    """With the probes off there is no second figure, and none of the first has a panel without a line."""
    record = trained(epochs=3, step=12)
    for event in record.epochs.values():
        event["tensors"] = {}
        event.pop("profiles")
    assert diagnostics_figure(record) is None
    draw_into(tmp_path, record, Objective())
    assert [path.name for path in tmp_path.iterdir()] == ["training.png"]
    (reason,) = unmeasured(record)
    assert "the gradient through time, gates, units, states and recurrent weights" in reason
    assert "12 steps were made; the first look is after 100 steps" in reason
    figure = trial_figure(record, Objective(), also=[reason])
    assert len(figure.axes) == 2 + 1  # learning, gradients, and the share of clipped steps
    assert figure.get_supxlabel() == (
        "Not shown: gradient norms of each weight, updates of each weight, not measured; " + reason + "."
    )


def test_a_part_that_was_not_measured_is_left_out() -> None:
    """The others are there, and what is missing is told below."""
    record = trained(epochs=3)
    for event in record.epochs.values():
        event.pop("profiles")
    figure = drawn(record)
    assert "Do the units work?" in words(figure)
    assert figure.get_supxlabel().startswith("Not shown: the gradient through time, not measured (")


def test_a_cell_without_gates_says_so() -> None:
    """Where the network was looked at, nothing is asked for."""
    record = trained(epochs=3)
    for event in record.epochs.values():
        event["tensors"] = {name: table for name, table in event["tensors"].items() if not name.startswith("gate")}
    assert drawn(record).get_supxlabel() == "Not shown: gates, as the cell has none."


@pytest.mark.parametrize("title", ["Do the units work?", "Do the recurrent weights keep a signal?"])
def test_two_quantities_are_told_apart_without_their_line(title: str) -> None:
    """A look at one epoch leaves a mark of each quantity, in shapes of their own; of many layers four are drawn."""
    axes = panel(drawn(trained(epochs=1, layers=3, bidirectional=True)), title)
    lines = [line for line in axes.get_lines() if str(line.get_label()).startswith("layer")]
    assert len(lines) == 8
    assert {line.get_marker() for line in lines} == {"o", "^"}
    assert {line.get_marker() for line in lines if str(line.get_label()).endswith(("dead", "largest"))} == {"o"}


def test_the_slope_that_is_judged_is_drawn() -> None:
    """From all of the gradient to what is told to be left over the task's lag."""
    record = trained(epochs=2, decay=0.06, lag=200)
    axes = panel(drawn(record), "layer 1")
    (line,) = (line for line in axes.get_lines() if line.get_label() == "fitted slope, as judged")
    power = record.epochs[2]["tensors"]["attenuation"]["stack.forward_cells.0"]
    np.testing.assert_allclose(np.asarray(line.get_xydata()), [(0, 1), (200, 10**power)])


def test_many_weights_are_eight_lines_and_a_band() -> None:
    """The ones that move least well are the lines."""
    record = trained(epochs=4)
    for event in record.epochs.values():
        event["tensors"]["update"] = {f"weight.{number:02d}": 10.0 ** (-3 - number / 10) for number in range(20)}
    axes = panel(trial_figure(record, Objective()), "Do the weights move at a healthy pace?")
    named = [line.get_label() for line in axes.get_lines() if str(line.get_label()).startswith("weight")]
    assert named == [f"weight.{number:02d}" for number in range(12, 20)]
    assert [patch.get_label() for patch in axes.collections] == ["12 others: middle 80 %"]


def test_a_gradient_that_explodes_on_the_way_is_not_sound() -> None:
    """Its slope says little then."""
    record = trained(epochs=1, decay=0.0)
    profile = record.epochs[1]["profiles"]["state_grad"]["stack.forward_cells.0"]
    profile[len(profile) // 2] = (profile[len(profile) // 2][0], 1e9)
    assert "it explodes on the way" in panel(drawn(record), "layer 1").get_title()


def test_findings_are_marked_on_the_learning_curve() -> None:
    """Each finding should have a line at its first epoch and an entry of the legend, of two epochs the first."""
    record = trained(findings=(vanishing(7), dead(5), vanishing(3)))
    axes = panel(trial_figure(record, Objective("val/accuracy", maximize=True)), "Is it learning?")
    marked = [line for line in axes.get_lines() if line.get_linestyle() == ":"]
    assert sorted(next(iter(np.asarray(line.get_xdata()))) for line in marked) == [3, 5]
    legend = axes.get_legend()
    assert legend is not None
    told = [text.get_text() for text in legend.get_texts()]
    assert {"1  vanishing gradient, epoch 3", "2  dead units, epoch 5"} <= set(told)
    assert "train loss" in told


def test_many_findings_are_counted(tmp_path: Path) -> None:
    """More findings than fit should be counted, and a run that never had an epoch be drawn."""
    record = trained(epochs=0, findings=tuple(vanishing(n, name=f"finding_{n}") for n in range(9)))
    figure = trial_figure(record, Objective("val/accuracy", maximize=True))
    legend = panel(figure, "Is it learning?").get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()][-1] == "and 3 more"
    save(figure, tmp_path / "figures" / "training.png")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stack.forward_cells.0.kernel.weight_hh_l0", "layer 1 weight_hh"),
        ("stack.backward_cells.2", "layer 3 backward"),
        ("forward_cells.1/forget", "layer 2 forget"),
        ("head.weight", "head.weight"),
        ("a" * 40, "aaaaaaaaaaaa…aaaaaaaaaaaaaaa"),
    ],
)
def test_names_are_short(name: str, expected: str) -> None:
    """Tensors, cells and gates should be called by their layer."""
    assert short(name) == expected
