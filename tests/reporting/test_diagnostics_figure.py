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
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting import diagnostics_figure, save, trial_figure
from tuner.reporting.drawing import short


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


@pytest.mark.parametrize(
    ("epochs", "layers", "bidirectional", "gates"),
    [
        *((epochs, 1, False, ("input", "forget", "candidate", "output")) for epochs in (0, 1, 3, 60, 400)),
        *((epochs, 3, True, ("reset", "update", "candidate")) for epochs in (0, 1, 60)),
        (60, 4, True, ("forget",)),
        *((epochs, 2, False, ()) for epochs in (0, 1, 60)),
    ],
)
def test_every_network_can_be_drawn(
    epochs: int, layers: int, bidirectional: bool, gates: tuple[str, ...], tmp_path: Path
) -> None:
    """Networks of any depth, direction and cell, trained for any length, should give a picture without a warning."""
    record = trained(epochs=epochs, layers=layers, bidirectional=bidirectional, gates=gates)
    save(diagnostics_figure(record), tmp_path / "figures" / "diagnostics.png")
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
    save(diagnostics_figure(record), tmp_path / "figures" / "diagnostics.png")
    assert is_png(tmp_path / "figures" / "diagnostics.png")


def test_the_flow_is_the_share_of_the_gradient_that_is_left() -> None:
    """Each look should be its profile over its value at lag 0, and the words the measured attenuation in the end."""
    record = trained(epochs=2, decay=0.06, lag=200)
    axes = panel(diagnostics_figure(record), "layer 1")
    first, last = (line for line in axes.get_lines() if str(line.get_label()).startswith("epoch"))
    assert (first.get_label(), last.get_label()) == ("epoch 1", "epoch 2")
    np.testing.assert_allclose(np.asarray(first.get_xdata()), range(0, 201, 20))
    np.testing.assert_allclose(np.asarray(first.get_ydata()), np.exp(-0.06 * np.arange(0, 201, 20)))
    assert axes.get_yscale() == "log"
    power = -0.06 / math.sqrt(2) * 200 / math.log(10)
    assert f"by its slope 10^{power:.1f} left over 200 steps:\nit reaches back" in axes.get_title()


def test_a_gradient_that_is_gone_at_once_is_drawn_as_gone() -> None:
    """A profile of nothing but 0 should be a line at the bottom, not a panel that says it was not measured."""
    record = trained(epochs=1, decay=2.0)
    record.epochs[1]["profiles"]["state_grad"] = {"stack.forward_cells.0": [[1, 0.0], [20, 0.0], [200, 0.0]]}
    axes = panel(diagnostics_figure(record), "layer 1")
    (line,) = (line for line in axes.get_lines() if line.get_label() == "epoch 1")
    assert max(np.asarray(line.get_ydata())) <= 1e-16
    assert "it has vanished" in axes.get_title()


def test_items_of_many_lengths_are_averaged() -> None:
    """Hundreds of lags should become a few points, none outside of what was measured, with the first as it is."""
    record = trained(epochs=1)
    lags = [float(lag) for lag in range(1, 400)]
    profile = [[lag, (2.0 if lag % 2 else 1.0) * math.exp(-0.01 * lag)] for lag in lags]
    record.epochs[1]["profiles"]["state_grad"] = {"stack.forward_cells.0": profile}
    (line,) = (
        line for line in panel(diagnostics_figure(record), "layer 1").get_lines() if line.get_label() == "epoch 1"
    )
    x, y = np.asarray(np.asarray(line.get_xdata())), np.asarray(np.asarray(line.get_ydata()))
    assert (x[0], y[0]) == (1.0, 1.0)
    assert len(x) <= 13
    assert np.all(np.diff(x) > 0)
    assert x[-1] <= 399
    root_mean_square = math.sqrt((1 + 4) / 2) / 2 * np.exp(-0.01 * (x[1:] - 1))
    np.testing.assert_allclose(y[1:], root_mean_square, rtol=0.15)


@pytest.mark.parametrize(
    ("decay", "words_for_it"),
    [(0.0, "1 left over 200 steps:\nit reaches back"), (0.1, "it has vanished"), (-0.1, "it explodes")],
)
def test_the_flow_is_told_in_words(decay: float, words_for_it: str) -> None:
    """What keeps its size, vanishes or explodes should be called so."""
    assert words_for_it in panel(diagnostics_figure(trained(epochs=1, decay=decay)), "layer 1").get_title()


@pytest.mark.parametrize("lag", [None, 1000])
def test_the_longest_measured_lag_is_told_where_the_tasks_is_longer_or_unknown(lag: int | None) -> None:
    """The steps in the words should be those over which the attenuation was measured."""
    record = trained(epochs=1, decay=0.01, lag=50)
    record.results["lag"] = lag
    assert f"{math.exp(-0.5):.2g} left over 50 steps" in panel(diagnostics_figure(record), "layer 1").get_title()


def test_gates_are_what_was_measured() -> None:
    """The mean should be the line; the areas from below and above the shares that are shut and open."""
    record = trained(epochs=5)
    axes = panel(diagnostics_figure(record), "forget")
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
        for line in panel(diagnostics_figure(record), "Do the recurrent weights keep a signal?").get_lines()
    }
    tables = [event["tensors"] for event in record.epochs.values()]
    assert lines["layer 1 largest"] == [max(table[names.SINGULAR_LARGEST].values()) for table in tables]
    assert lines["layer 1 least"] == [min(table[names.SINGULAR_LEAST].values()) for table in tables]


def test_what_was_not_measured_says_so() -> None:
    """With the probes off every panel should say that there is nothing to see."""
    record = trained(epochs=3)
    for event in record.epochs.values():
        event["tensors"] = {}
        event.pop("profiles")
    said = words(diagnostics_figure(record))
    for what in ("gradient through time was", "gates were looked", "units were", "states were", "singular values were"):
        assert f"no {what}" in said


def test_a_cell_without_gates_says_so() -> None:
    """Where the network was looked at, nothing is asked for."""
    record = trained(epochs=3)
    for event in record.epochs.values():
        event["tensors"] = {name: table for name, table in event["tensors"].items() if not name.startswith("gate")}
    assert "the cell has no gates" in words(diagnostics_figure(record))


def test_a_gradient_that_explodes_on_the_way_is_not_sound() -> None:
    """Its slope says little then."""
    record = trained(epochs=1, decay=0.0)
    profile = record.epochs[1]["profiles"]["state_grad"]["stack.forward_cells.0"]
    profile[len(profile) // 2] = (profile[len(profile) // 2][0], 1e9)
    assert "it explodes on the way" in panel(diagnostics_figure(record), "layer 1").get_title()


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
