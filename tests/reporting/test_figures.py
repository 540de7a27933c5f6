import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.support.figures import is_png
from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting import save, sweep_figures, trial_figure

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
        metrics = dict.fromkeys(names, math.nan if bad else 1.0 / (epoch + number))
        tensors = {q: dict.fromkeys(TENSORS, 0.0 if bad else 1e-3) for q in ("grad", "update")}
        record.epochs[epoch] = {"epoch": epoch, "metrics": metrics, "tensors": tensors}
    return record


def texts(figure: Figure) -> str:
    """All titles and labels."""
    return " | ".join(
        text for axes in figure.axes for text in (axes.get_title("left"), axes.get_xlabel(), axes.get_ylabel())
    )


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
        assert list(np.asarray(lines["val/loss of a trivial guess"].get_ydata())) == [0.7, 0.7]

    def test_a_run_without_tables_says_so(self, tmp_path: Path) -> None:
        """With the probes off the two panels should say that nothing was measured."""
        record = run(1, epochs=4)
        for event in record.epochs.values():
            event["tensors"] = {}
        figure = trial_figure(record, Objective())
        save(figure, tmp_path / "figures" / "trial.png")
        shown = [text.get_text() for axes in figure.axes for text in axes.texts]
        assert "no updates per weight were measured" in shown


class TestSweep:
    def test_a_whole_search_is_drawn(self, tmp_path: Path) -> None:
        """A search with every kind of end should give three figures."""
        states = (*State, State.COMPLETED)
        without = {State.DIVERGED, State.FAILED}
        records = [
            run(n, epochs=1 + n % 5, state=states[n % 9], value=None if states[n % 9] in without else 0.01 * n)
            for n in range(45)
        ]
        figures = sweep_figures(records, Objective("val/accuracy", maximize=True))
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
        figure = sweep_figures(records, Objective("val/accuracy", maximize=maximize))["history"]
        (line,) = figure.axes[0].get_lines()
        expected = [0.3, 0.5, 0.5, 0.9, 0.9] if maximize else [0.3, 0.3, 0.2, 0.2, 0.1]
        assert list(np.asarray(line.get_ydata())) == expected

    def test_one_absurd_value_does_not_hide_the_others(self) -> None:
        """An outlier should leave the figure, and be told."""
        records = [run(number, epochs=1, value=0.1 + 0.01 * number) for number in range(20)]
        records[5].value = 1e9
        axes = sweep_figures(records, Objective())["history"].axes[0]
        assert axes.get_ylim()[1] < 2
        assert "1 worse value outside" in [text.get_text() for text in axes.texts]

    def test_an_empty_search_is_drawn(self, tmp_path: Path) -> None:
        """Before the first value there should be figures all the same, without parameters."""
        figures = sweep_figures([run(0, epochs=0, state=State.LOST, value=None)], Objective())
        assert set(figures) == {"history", "curves"}
        for name, figure in figures.items():
            save(figure, tmp_path / f"{name}.png")


def test_a_leaderboard_starts_fast() -> None:
    """Importing the package should bring in none of the heavy libraries."""
    code = (
        "import sys, tuner.reporting as r; r.leaderboard([], True)\n"
        "sys.exit(any(name in sys.modules for name in ('matplotlib', 'scipy', 'optuna', 'numpy', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
