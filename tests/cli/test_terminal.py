"""Every command on a real terminal: no line is wider than it, and what must be copied is whole."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.support.reported import MadeUp
from tests.support.terminal import MISSING, screen
from tests.support.tiny import write_task
from tuner.announcements import SweepProgress
from tuner.cli import main
from tuner.cli.console import progress_line
from tuner.cli.wrapping import cells
from tuner.disk.events import read_run
from tuner.sweep import study_rows

SIZES = [(80, 24), (120, 40)]
COPIED = {
    "list": ["initializers"],
    "list cells": ["gru_reset_before"],
    "list parameters": ["data.channel_independence"],
    "list sources": ["time_series/classification: aeon/PickupGestureWiimoteZ"],
    "list tasks": ["time_series/classification"],
    "list cells gru": ["  source: Cho et al. 2014, arXiv:1406.1078v1"],
    "explain learning_rate": ["learning_rate: a parameter"],
    "explain quick": ["  cell: lstm, gru", "  asked for by: search_space: quick"],
    "explain budget.trials": ["  default: 30"],
    "show tiny": ["  mlruns/studies/tiny/model", "  python -m tuner predict tiny FILE -o answers.csv"],
    "top tiny": [],
    "diagnose tiny": ["  python -m tuner diagnose tiny --trial 0"],
    "diagnose tiny --trial 1": [],
    "validate tiny.yaml": ["study tiny in mlruns/studies/tiny"],
    "lr-range tiny.yaml --steps 20": ["python -m tuner run tiny.yaml "],
    "rerun tiny.yaml 1": ["trial 1: 2 epochs repeated, every number equal"],
    "report tiny -o page.html": ["page.html"],
    "predict tiny waves.csv -o answers.csv": ["60 items, written to answers.csv"],
    "export tiny -o model": ["model written to model"],
    "init waves.csv -o task.yaml": ["  python -m tuner run task.yaml"],
    "run tiny.yaml": ["study tiny is finished"],
    "gc tiny": ["study tiny: nothing to remove"],
}
"""Command -> beginnings of lines that must be there whole."""
MISTAKES = {
    "explain learning_rat": "`python -m tuner list`",
    "list cels": "`python -m tuner list`",
    "top tinny": "'tiny'?",
    "run tiny.yaml --set budget.trial=3": "'trials'?",
    "ui --host 0.0.0.0": "'0.0.0.0'.",
    "serve tinny": "'tiny'?",
    "sync tiny --uri file:./mlruns": "tracking.uri",
}
"""Command -> what its one message has in a piece."""

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(scope="module")
def own(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished study, to write into."""
    return Path(shutil.copytree(study, tmp_path_factory.mktemp("own") / "copy"))


def check(lines: list[str], width: int) -> None:
    """No line is wider than the terminal, but a path that stands alone, which must not be broken."""
    assert not [line for line in lines if cells(line) > width and " " in line.strip()]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("command", COPIED)
def test_what_a_command_shows_fits(command: str, size: tuple[int, int], own: Path) -> None:
    """And what must be copied stands in a line that begins with it."""
    for made in ("answers.csv", "task.yaml", "page.html", "model"):
        shutil.rmtree(own / made) if (own / made).is_dir() else (own / made).unlink(missing_ok=True)
    with screen(*size) as shown:
        assert shown.run(own, *command.split()) == 0, shown.lines()
        lines = shown.lines()
    check(lines, size[0])
    for text in COPIED[command]:
        assert any(line.startswith(text) for line in lines), lines


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_help_fits(size: tuple[int, int], tmp_path: Path) -> None:
    """Of the program and of every command; no example is broken, no summary cut."""
    with screen(*size) as shown:
        shown.run(tmp_path, "--help")
        lines = shown.lines()
        check(lines, size[0])
        assert not [line for line in lines[1:] if line.endswith("...")]
        for command in main.commands:
            shown.tmux("send-keys", "-R", ";", "clear-history")
            shown.run(tmp_path, command, "--help")
            lines = shown.lines()
            check(lines, size[0])
            examples = (main.commands[command].help or "").partition("Examples:\n")[2].splitlines()
            assert {f"  {example}".rstrip() for example in examples} <= set(lines)


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_breaks_between_words(command: str, own: Path) -> None:
    """A message of one line is told in as many as it needs; what stands in quotes stays whole."""
    with screen(60, 24) as shown:
        assert shown.run(own, *command.split()) == 2
        lines = shown.lines()
    check(lines, 60)
    assert any(MISTAKES[command] in line for line in lines), lines


def test_a_sweep_shows_fits(tmp_path: Path) -> None:
    """From its first line to the last; the live line leaves nothing behind."""
    path = write_task(tmp_path, trials=2, epochs=2, more="confirm: {top: 1, seeds: 1}")
    with screen(80, 24) as shown:
        assert shown.run(tmp_path, "run", path.name) == 0, shown.lines()
        lines = shown.lines()
    check(lines, 80)
    assert not [line for line in lines if " running" in line]
    assert "  python -m tuner predict tiny FILE -o answers.csv" in lines
    assert any(line.startswith("report: mlruns/studies/tiny/artifacts/_report.html") for line in lines)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_live_line_fits(width: int) -> None:
    """What is done and the time that is left stay; all is told where there is room."""
    states = {"COMPLETED": 712, "PRUNED": 2034, "HOPELESS": 81, "DIVERGED": 17, "FAILED": 3}
    event = SweepProgress(2847, 10_000, 128, 0, states, 0.012345, 2711, 12, 86_400.0)
    line = progress_line(event, width)
    assert cells(line) <= width
    assert line.startswith("2847/10000 trials")
    assert line.endswith("about 24h00m left")
    assert ("81 hopeless" in line) == (width == 200)


@pytest.mark.parametrize("ended", ["summary", ""])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_study_of_eight_workers(size: tuple[int, int], ended: str, tmp_path: Path) -> None:
    """Finished or killed, its summary, trials and story are whole; what a rule ended is hopeless, not diverged."""
    folder = MadeUp(trials=30, workers=8, ended=ended).write(tmp_path / "mlruns/studies/eight")
    records = [read_run(path) for path in folder.root.glob("trials/*/events.jsonl")]
    count = Counter(record.state.name for record in records)
    assert min(count["HOPELESS"], count["DIVERGED"], count["FAILED"], count["PRUNED"]) > 0
    told: dict[str, list[str]] = {}
    for command in ("show eight", "top eight --limit 0", "diagnose eight"):
        with screen(*size) as shown:
            assert shown.run(tmp_path, *command.split()) == 0, shown.lines()
            told[command.split()[0]] = shown.lines()
    for lines in told.values():
        check(lines, size[0])
    summary = " ".join(told["show"])
    if ended:
        (winner,) = {row["number"] for row in study_rows(folder) if row["winner"]}
        assert f"trial {winner}: cell " in summary
        assert sum(line.lstrip().startswith(f"* {winner} ") for line in told["top"]) == 4
    else:
        assert "study eight is not finished: its driver was killed" in summary
        assert f"{count['HOPELESS']} hopeless" in summary
        assert "22 of 30 trials done" in summary
    rows = [line for line in told["top"] if " hopeless " in f" {line} "]
    assert len(rows) >= count["HOPELESS"]
    assert f"{count['HOPELESS']} hopeless trial" in " ".join(told["diagnose"])
