"""What a sweep says of MLflow: while it takes nothing, and at the end."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.tiny import write_task
from tuner.cli import main
from tuner.recording import Recorder
from tuner.sweep.record import Record, sync_command
from tuner.task import resolve_task


class Fake(Recorder):
    """A recorder whose MLflow is as the test says."""

    def __init__(self, *, complete: bool = False, away: bool = False, problem: str = "") -> None:
        self.complete, self.is_away, self.is_problem = complete, away, problem

    def away(self) -> bool:
        """Whether nothing is taken."""
        return self.is_away

    def problem(self, *, lasting: bool = False) -> str:  # noqa: ARG002 - the recorder's
        """Why."""
        return self.is_problem

    def close(
        self,
        patience: float = 0.0,  # noqa: ARG002
        tell: Callable[[int], None] | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> bool:
        """The end, after some rounds."""
        assert not enough()
        assert tell is not None
        for left in (3, 3, 1):
            tell(left)
        return self.complete


def record(tmp_path: Path, fake: Fake) -> tuple[Record, list[tuple[str, Any]]]:
    """A record of a task, and what it tells."""
    told: list[tuple[str, Any]] = []
    task = resolve_task(write_task(tmp_path, more="tracking: {uri: 'http://me:secret@mlflow.lab:5000'}"))
    return Record(task, fake, lambda event, **fields: told.append((event, *fields.values()))), told


def test_that_mlflow_takes_nothing_is_told_once(tmp_path: Path) -> None:
    """As soon as it lasts, with its cause and without a password; a problem of single runs is not for then."""
    fake = Fake(problem="run trials/00001 is damaged")
    looked, told = record(tmp_path, fake)
    looked.look()
    assert told == []
    fake.is_away, fake.is_problem = True, "ConnectionError: refused"
    looked.look()
    looked.look()
    assert told == [
        (
            "notice",
            "MLflow at http://…@mlflow.lab:5000 takes nothing (ConnectionError: refused); "
            "the sweep goes on, and what it records is kept for later",
        )
    ]


@pytest.mark.parametrize(
    ("fake", "there", "words"),
    [
        (Fake(complete=True), True, ""),
        (Fake(away=True, problem="no answer."), False, "takes nothing (no answer); `MLFLOW_TRACKING_URI=… python -m "),
        (Fake(problem="it has taken nothing for 60 s"), True, "lacks some of this study (it has taken nothing for 60"),
    ],
)
def test_the_end_tells_how_far_mlflow_is(tmp_path: Path, fake: Fake, there: bool, words: str) -> None:
    """Each number of changes once, then what is missing, why, and the command that writes it."""
    looked, told = record(tmp_path, fake)
    assert looked.close(lambda: False) is there
    assert told[:2] == [("recording", 3), ("recording", 1)]
    assert len(told) == (3 if words else 2)
    assert words in str(told[-1][1])


def test_the_command_that_syncs_works_as_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the folder and the URI where they are not the defaults, and finds the study."""
    monkeypatch.chdir(tmp_path)
    path = write_task(tmp_path)
    assert sync_command(resolve_task(path)) == "python -m tuner sync tiny"
    sets = ["storage=my studies", "tracking.uri=sqlite:///other runs.db"]
    words = shlex.split(sync_command(resolve_task(path, sets)))
    assert words[3:] == [
        *("sync", "tiny", "--storage", f"{tmp_path}/my studies"),
        *("--uri", f"sqlite:///{tmp_path}/other runs.db"),
    ]
    answer = CliRunner().invoke(main, words[3:])
    assert "There is no study in " in answer.stderr


def test_a_dead_mlflow_costs_a_sweep_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The summary comes first, then why nothing is there and how it comes there; no page is offered to look at."""
    monkeypatch.chdir(tmp_path)
    path = write_task(tmp_path, trials=2, epochs=1, more="confirm: {top: 0}")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{closed.getsockname()[1]}"
        done = CliRunner().invoke(main, ["run", str(path), "--set", f"tracking.uri={uri}"])
    assert done.exit_code == 0, done.output
    *_, notice, _, last = done.stdout.splitlines()
    assert notice.startswith(f"MLflow at {uri} takes nothing (")
    assert "Connection refused" in notice
    assert notice.endswith(f"`python -m tuner sync tiny --uri {uri}` writes it when that is mended")
    assert done.stdout.index("study tiny: 2 trials (") < done.stdout.index(notice)
    assert last == "stored in mlruns/studies/tiny"
