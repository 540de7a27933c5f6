"""What a sweep says of its record: while it takes nothing, at the end, and where there is none."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from tests.support.sweeps import Events
from tests.support.tiny import write_task
from tuner.announcements import Notice, RecordingLeft
from tuner.cli import main
from tuner.disk.folder import StudyFolder
from tuner.errors import TaskFileError
from tuner.recording import Recorder, Recording
from tuner.recording.on_mlflow import MLflowRecording
from tuner.sweep.record import Record, sync_command
from tuner.task import resolve_task


class Fake(MLflowRecording):
    """A recording whose MLflow is as the test says."""

    def __init__(self, *, complete: bool = False, away: bool = False, problem: str = "") -> None:
        self.complete, self.is_away, self.is_problem = complete, away, problem

    def away(self) -> bool:
        """Whether nothing is taken."""
        return self.is_away

    def problem(self, *, lasting: bool = False) -> str:  # noqa: ARG002 - the recording's
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


def record(tmp_path: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> tuple[Record, Events]:
    """The record of a task, begun, and what it tells."""
    told = Events()
    task = resolve_task(write_task(tmp_path, more="tracking: {uri: 'http://me:secret@mlflow.lab:5000'}"))
    monkeypatch.setattr(task.recorder, "begin", lambda _: fake)
    begun = Record(task, told)
    begun.begin()
    return begun, told


def test_that_mlflow_takes_nothing_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as it lasts, with its cause and without a password; a problem of single runs is not for then."""
    fake = Fake(problem="run trials/00001 is damaged")
    looked, told = record(tmp_path, fake, monkeypatch)
    looked.look()
    assert told == []
    fake.is_away, fake.is_problem = True, "ConnectionError: refused"
    looked.look()
    looked.look()
    assert told == [
        Notice(
            "MLflow at http://…@mlflow.lab:5000 takes nothing (ConnectionError: refused); "
            "the sweep goes on, and its records are kept for later",
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
def test_the_end_tells_how_far_mlflow_is(
    tmp_path: Path, fake: Fake, there: bool, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each number of changes once, then what is missing, why, and the command that writes it."""
    looked, told = record(tmp_path, fake, monkeypatch)
    assert looked.close(lambda: False) is there
    assert told[:2] == [RecordingLeft(3), RecordingLeft(1)]
    assert len(told) == (3 if words else 2)
    assert words in str(told[-1])


def test_the_command_that_syncs_works_as_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the folder and the URI where they are not the defaults, and finds the study."""
    monkeypatch.chdir(tmp_path)
    path = write_task(tmp_path, mlflow=True)
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
    path = write_task(tmp_path, trials=2, epochs=1, mlflow=True, more="confirm: {top: 0}")
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


NO_MLFLOW = """
import os
open(os.environ["IMPORTED"], "w").close()
raise ImportError("there is no MLflow here")
"""


def test_a_sweep_that_is_recorded_nowhere_needs_no_mlflow(tmp_path: Path) -> None:
    """It says so, ends well and names no page; no process of it imports MLflow, and no database is made."""
    path = write_task(tmp_path, trials=1, epochs=1, more="confirm: {top: 0}\ntracking: {uri: none}")
    (tmp_path / "hides").mkdir()
    (tmp_path / "hides/mlflow.py").write_text(NO_MLFLOW)
    paths = [str(tmp_path / "hides"), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "IMPORTED": str(tmp_path / "imported")}
    command = [sys.executable, "-m", "tuner", "run", path.name]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "tracking is none: nothing is recorded in MLflow" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1] == "stored in mlruns/studies/tiny"
    assert "mlflow ui" not in done.stdout
    assert not (tmp_path / "imported").exists()
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize("study", ["tiny", "tiny.yaml"])
def test_a_study_without_a_record_has_nothing_to_sync_or_show(
    study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both commands say so in a line, whether the study is named or its task file; `--uri` says where to write it."""
    monkeypatch.chdir(tmp_path)
    sets = () if study == "tiny.yaml" else ("--set", "tracking.uri=none")  # by the name, what it was run with counts
    more = "confirm: {top: 0}" + ("" if sets else "\ntracking: {recorder: none}")
    path = write_task(tmp_path, trials=1, epochs=1, more=more)
    ran = CliRunner().invoke(main, ["run", str(path), *sets, "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout.splitlines()[0])["tracking"] == "none"
    for command, line in (
        ("sync", "study tiny must have a place to be recorded in, but got 'tracking none'. Name one: --uri sqlite:"),
        (
            "ui",
            "there must be a record to be shown, but got 'tracking none'. Show the trials with `python -m tuner top",
        ),
    ):
        answer = CliRunner().invoke(main, [command, study])
        assert (answer.exit_code, answer.stdout) == (2, "")
        assert answer.stderr.startswith(line)
        assert answer.stderr.count("\n") == 1
    assert not Path("mlflow.db").exists()


class Failing(Recorder):
    """A recorder of someone's own, with a mistake in it."""

    class Options(BaseModel):
        """None."""

    name, uri = "my records", "nowhere"

    def __init__(self, options: Options) -> None:
        pass

    def begin(self, folder: StudyFolder) -> Recording:  # noqa: ARG002 - the contract's
        """A recording that fails as soon as it is told something."""
        return FailingRecording()


class FailingRecording(Recording):
    def changed(self, run: str) -> None:
        """Fail."""
        raise KeyError(run)


def test_a_recorder_without_pages_says_where_its_record_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ui` of a study that someone's own recorder records answers in a line; so does an option that is not its own."""
    monkeypatch.chdir(tmp_path)
    recorder = f"tracking: {{recorder: '{__name__}:Failing'}}"
    write_task(tmp_path, more=recorder)
    answer = CliRunner().invoke(main, ["ui", "tiny.yaml"])
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr == "my records must have pages of its own to be served. The record is at nowhere.\n"
    with pytest.raises(TaskFileError, match=r"tracking must have known keys only, but got 'uri'\. There are none\."):
        resolve_task(write_task(tmp_path, more="tracking: {recorder: none, uri: 'http://host:5000'}"))


def test_a_recorder_that_raises_ends_no_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time is reported, with where its traceback is; at the end how the record is completed."""
    monkeypatch.chdir(tmp_path)
    more = f"confirm: {{top: 0}}\ntracking: {{recorder: '{__name__}:Failing'}}"
    path = write_task(tmp_path, trials=2, epochs=1, more=more)
    done = CliRunner().invoke(main, ["run", str(path)])
    assert done.exit_code == 0, done.output
    first, last = (line for line in done.stdout.splitlines() if line.startswith("my records at nowhere "))
    log = tmp_path / "mlruns/studies/tiny/recording.log"
    assert first == f"my records at nowhere fails (KeyError: 'trials/00000'; see {log}); the sweep goes on without it"
    assert last.endswith(f"`python -m tuner sync {path}` writes it when that is mended")
    assert log.read_text().count("raise KeyError(run)") == 1
    assert "study tiny: 2 trials (" in done.stdout
