"""Commands that prepare data show how far they are, where that takes long."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tuner.adapters import progress
from tuner.cli import console
from tuner.cli.commands.init import init
from tuner.cli.commands.validate import validate
from tuner.task import Task, preparing

ROWS = "".join(f"{word} day {n},{label}\n" for n in range(20) for word, label in (("fine", "good"), ("poor", "bad")))


@pytest.fixture(autouse=True)
def slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A preparation that takes its time, of a table in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.csv").write_text(f"text,label\n{ROWS}")
    (tmp_path / "task.yaml").write_text("adapter: nlp/classification\ndata: {path: texts.csv, vocabulary: 300}\n")
    whole = Task.prepare

    def prepare(task: Task) -> object:
        progress.at("reading texts.csv", 0.25)
        return whole(task)

    monkeypatch.setattr(Task, "prepare", prepare)
    monkeypatch.setattr(preparing, "SECONDS", 0.0)
    monkeypatch.setattr(console, "TICK_SECONDS", 0.0)


@pytest.mark.parametrize(("command", "arguments"), [(validate, "task.yaml"), (init, "texts.csv")])
def test_commands_show_it(command: object, arguments: str) -> None:
    """On standard error, beside what they print."""
    done = CliRunner().invoke(command, [arguments, "--no-timing"], catch_exceptions=False)  # type: ignore[arg-type]
    assert done.exit_code == 0, done.output
    assert "reading texts.csv" in done.stderr
    assert "25" in done.stderr
    assert "reading texts.csv" not in done.stdout


def test_short_ones_show_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is shown in the first second."""
    monkeypatch.setattr(preparing, "SECONDS", 60.0)
    with console.preparing():
        progress.at("reading texts.csv", 0.25)
    assert capsys.readouterr() == ("", "")
