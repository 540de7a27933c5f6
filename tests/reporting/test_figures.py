from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.support.figures import is_png
from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting import save, sweep_figures, trial_figure
from tuner.reporting.about import About
from tuner.reporting.scored import Scored
from tuner.space import Space

TENSORS = ("rnn.weight_ih", "rnn.weight_hh", "head.weight")


def run(number: int, *, epochs: int, state: State = State.COMPLETED, value: float | None = 0.5) -> RunRecord:
    """A run with every metric and table; its last epoch is NaN where it diverged."""
    record = RunRecord(
        run=f"trials/{number:05d}",
        number=number,
        params={
            "cell": ("gru", "lstm")[number % 2],
            "learning_rate": 10.0 ** -(1 + number % 4),
            "hidden_size": 2 ** (4 + number % 4),
            **({"dropout.between": 0.05 * number} if number % 2 else {}),
        },
        searched=["cell", "learning_rate", "hidden_size"] + ["dropout.between"] * (number % 2),
        state=state,
        value=value,
    )
    for epoch in range(1, epochs + 1):
        bad = state is State.DIVERGED and epoch == epochs
        names = ("train/loss", "val/loss", "val/accuracy", "lr", "grad/norm", "grad/norm_max", "grad/clipped")
        metrics = dict.fromkeys(names, math.nan if bad else 1.0 / (epoch + abs(number)))
        tensors = {q: dict.fromkeys(TENSORS, 0.0 if bad else 1e-3) for q in ("grad", "update")}
        record.epochs[epoch] = {"epoch": epoch, "metrics": metrics, "tensors": tensors}
    return record


def texts(figure: Figure) -> str:
    """All titles and labels."""
    return " | ".join(
        text for axes in figure.axes for text in (axes.get_title("left"), axes.get_xlabel(), axes.get_ylabel())
    )


def searched(
    records: Sequence[RunRecord],
    objective: Objective,
    *,
    confirmed: Sequence[RunRecord] = (),
    winner: int | None = None,
    space: Space | None = None,
) -> dict[str, Figure]:
    """The figures of a search."""
    about = About("study", objective, space=space)
    return sweep_figures(Scored(objective, records, confirmed, {}, {}), about, winner)


class TestTrial:
    @pytest.mark.parametrize(
        ("epochs", "state", "value"),
        [
            (0, State.FAILED, None),
            (1, State.PRUNED, 0.5),
            (1, State.DIVERGED, None),
            (6, State.DIVERGED, None),
            (40, State.COMPLETED, 0.5),
            (3, State.LOST, None),
        ],
    )
    def test_every_kind_of_run_can_be_drawn(
        self, epochs: int, state: State, value: float | None, tmp_path: Path
    ) -> None:
        """A run of any length and end should give a figure, without a warning."""
        record = run(3, epochs=epochs, state=state, value=value)
        figure = trial_figure(record, Objective("val/accuracy", maximize=True, trivial=0.1))
        save(figure, tmp_path / "figures" / "trial.png")
        assert is_png(tmp_path / "figures" / "trial.png")

    def test_what_is_drawn_is_what_was_measured(self) -> None:
        """The curves should be the values by epoch, and the trivial predictor a line at its value."""
        figure = trial_figure(run(1, epochs=4), Objective(trivial=0.7))
        lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
        assert list(np.asarray(lines["train loss"].get_xdata())) == [1, 2, 3, 4]
        assert list(np.asarray(lines["train loss"].get_ydata())) == [1 / 2, 1 / 3, 1 / 4, 1 / 5]
        assert list(np.asarray(lines["val/loss of the trivial predictor"].get_ydata())) == [0.7, 0.7]

    def test_a_run_without_tables_says_so(self, tmp_path: Path) -> None:
        """With the probes off their panels should be left out, with the reason."""
        record = run(1, epochs=4)
        for event in record.epochs.values():
            event["tensors"] = {}
        figure = trial_figure(record, Objective())
        save(figure, tmp_path / "figures" / "trial.png")
        assert "updates of each weight, not measured" in figure.get_supxlabel()
        assert all(axes.has_data() for axes in figure.axes)


class TestSweep:
    def test_a_whole_search_is_drawn(self, tmp_path: Path) -> None:
        """A search with every kind of end should give three figures."""
        states = (*State, State.COMPLETED)
        without = {State.DIVERGED, State.FAILED}
        records = [
            run(n, epochs=1 + n % 5, state=states[n % 9], value=None if states[n % 9] in without else 0.01 * n)
            for n in range(45)
        ]
        figures = searched(records, Objective("val/accuracy", maximize=True))
        assert set(figures) == {"history", "parameters", "curves"}
        for name, figure in figures.items():
            save(figure, tmp_path / name / f"{name}.png")
            assert is_png(tmp_path / name / f"{name}.png")
        assert "val/accuracy (higher is better)" in texts(figures["history"])

    @pytest.mark.parametrize("maximize", [True, False])
    def test_the_best_so_far_only_gets_better(self, maximize: bool) -> None:
        """The line should follow the best completed value."""
        values = [0.3, 0.5, 0.2, 0.9, 0.1]
        records = [run(number, epochs=1, value=value) for number, value in enumerate(values)]
        figure = searched(records, Objective("val/accuracy", maximize=maximize))["history"]
        (line,) = (line for line in figure.axes[0].get_lines() if line.get_label() == "best so far")
        expected = [0.3, 0.5, 0.5, 0.9, 0.9, 0.9] if maximize else [0.3, 0.3, 0.2, 0.2, 0.1, 0.1]
        assert list(np.asarray(line.get_ydata())) == expected

    def test_one_absurd_value_does_not_hide_the_others(self) -> None:
        """An outlier should leave the figure, and be told."""
        records = [run(number, epochs=1, value=0.1 + 0.01 * number) for number in range(20)]
        records[5].value = 1e9
        axes = searched(records, Objective())["history"].axes[0]
        assert axes.get_ylim()[1] < 3
        assert "1 worse value outside" in [text.get_text() for text in axes.texts]

    def test_a_search_without_a_value_has_no_figure(self) -> None:
        """Before the first epoch there is nothing to see; with epochs alone there are the curves."""
        assert searched([run(0, epochs=0, state=State.LOST, value=None)], Objective()) == {}
        assert set(searched([run(0, epochs=2, state=State.DIVERGED, value=None)], Objective())) == {"curves"}

    def test_an_axis_is_the_declared_one(self) -> None:
        """Its range and scale are those of the search space, whatever the trials had; all choices are named."""
        space = Space.from_json(
            [
                {"name": "cell", "choices": ["gru", "lstm", "mgu"], "when": [], "owner": ""},
                {"name": "learning_rate", "low": 1e-6, "high": 1.0, "log": True, "step": None, "when": [], "owner": ""},
                {"name": "hidden_size", "low": 8, "high": 512, "log": False, "step": None, "when": [], "owner": ""},
            ]
        )
        records = [run(number, epochs=2) for number in range(12)]
        panels = {axes.get_xlabel(): axes for axes in searched(records, Objective(), space=space)["parameters"].axes}
        assert [label.get_text() for label in panels["cell"].get_xticklabels()] == ["gru", "lstm", "mgu"]
        assert (panels["learning_rate"].get_xscale(), panels["hidden_size"].get_xscale()) == ("log", "linear")
        low, high = panels["learning_rate"].get_xlim()
        assert low < 1e-6 < 1.0 < high
        assert panels["hidden_size"].get_xlim()[1] > 512

    def test_trivial_predictor_baseline_and_winner_are_seen(self) -> None:
        """On history and curves, with the scores of fresh seeds."""
        records = [run(number, epochs=1 + number % 5, value=0.3 + number / 100) for number in range(40)]
        confirmed = [
            replace(run(number, epochs=5, value=value), run=f"confirm/{number}-{value}", kind="confirm")
            for number, values in ((7, (0.4, 0.5, 0.6)), (-1, (0.7, 0.8, 0.9)))
            for value in values
        ]
        figures = searched(records, Objective(trivial=0.95, trivial_name="last value"), confirmed=confirmed, winner=7)
        lines = {str(line.get_label()): line for line in figures["history"].axes[0].get_lines()}
        assert list(np.asarray(lines["last value"].get_ydata())) == [0.95, 0.95]
        assert next(iter(np.asarray(lines["baseline, mean of its fresh seeds"].get_ydata()))) == pytest.approx(0.8)
        assert np.asarray(lines["trial 7, the winner"].get_xydata()).tolist() == [[7, pytest.approx(0.37)]]
        assert np.asarray(lines["trial 7, mean of its fresh seeds"].get_ydata()).tolist() == [pytest.approx(0.5)]
        drawn = [str(line.get_label()) for line in figures["curves"].axes[0].get_lines()]
        assert {
            "last value",
            "baseline, its seed with the median score",
            "trial 7, the winner",
            "their median",
        } <= set(drawn)
        assert sum(label.startswith(("trial", "baseline")) for label in drawn) == 8
        assert "the other 33 while trained: middle 80 %" in [
            str(patch.get_label()) for patch in figures["curves"].axes[0].collections
        ]

    def test_longer_trainings_have_larger_marks(self) -> None:
        """And the legend names the smallest and the largest."""
        records = [run(number, epochs=epochs) for number, epochs in enumerate((1, 5, 20))]
        axes = searched(records, Objective())["history"].axes[0]
        (marks,) = (each for each in axes.collections if len(np.asarray(each.get_offsets())) == 3)
        sizes = marks.get_sizes()  # type: ignore[attr-defined]
        assert sizes[0] < sizes[1] < sizes[2]
        legend = axes.get_legend()
        assert legend is not None
        assert {"1 epoch", "20 epochs"} <= {text.get_text() for text in legend.get_texts()}


def test_a_leaderboard_starts_fast() -> None:
    """Importing the package should bring in none of the heavy libraries."""
    code = (
        "import sys, tuner.reporting as r; r.leaderboard([], True)\n"
        "sys.exit(any(name in sys.modules for name in ('matplotlib', 'scipy', 'optuna', 'numpy', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
