import fcntl
import io
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from mlflow.tracking import MlflowClient

from tests.support.fake_study import attempt, begin, create, end, finished, train
from tests.support.processes import answers, below
from tests.support.program import Program, finish, fork_writers
from tests.support.recorded import rows, runs_of
from tuner.disk.folder import StudyFolder, trial_run
from tuner.errors import StudyError
from tuner.recording import Recorder, writer
from tuner.recording.catalog import MLflowOptions
from tuner.recording.lock import recording_lock
from tuner.recording.on_mlflow import END, MLflowRecorder, MLflowRecording
from tuner.recording.projection import Projection
from tuner.recording.sync import sync
from tuner.testing.recorders import RecorderContract

FINDS_TUNER = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    """A study whose sweep has started."""
    return begin(tmp_path / "mlruns" / "studies" / "fake")


def mlflow(uri: str) -> MLflowRecorder:
    """The recorder of the MLflow there."""
    return MLflowRecorder(MLflowOptions(uri=uri))


def wait_for(what: Callable[[], object], seconds: float = 240.0) -> None:
    """Wait until it is so; the writer has low priority, and may get little of a busy machine."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def writers(parent: int | None = None) -> list[psutil.Process]:
    """Writer processes below this one."""
    commands = answers(below(parent), psutil.Process.cmdline)
    return [process for process, command in commands if "tuner.recording" in command]


def rebuilt(study: StudyFolder, migrated: Path) -> dict[str, list[tuple[object, ...]]]:
    """The rows of a projection from nothing."""
    path = study.root / "rebuilt.db"
    shutil.copy(migrated, path)
    Projection(study, f"sqlite:///{path}").project_all()
    return rows(f"sqlite:///{path}")


@pytest.fixture
def forked_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer is a process that is there at once; two tests below start it as a user's sweep does."""
    fork_writers(monkeypatch)


@pytest.mark.usefixtures("forked_writer")
class TestContract(RecorderContract):
    """MLflow fulfils the contract that is shipped."""

    recorder = "mlflow"

    @pytest.fixture(autouse=True)
    def _database(self, migrated: Path) -> None:
        self.database = migrated

    def options(self, folder: Path) -> dict[str, str]:
        """A database with its tables."""
        shutil.copy(self.database, folder / "mlflow.db")
        return {"uri": f"sqlite:///{folder}/mlflow.db"}

    def recorded(self, recorder: Recorder) -> object:
        """Its rows; nothing where it has no run."""
        found = rows(recorder.uri)
        return found if found["runs"] else None


@pytest.mark.slow
def test_a_killed_writer_loses_and_doubles_nothing(study: StudyFolder, uri: str, migrated: Path) -> None:
    """After kill -9 in the middle of writing, the next writer should leave the rows of an undisturbed one."""
    recorder = MLflowRecording(study, uri)
    recorder.start()
    for number in range(60):
        recorder.changed(finished(study, number))
    wait_for(lambda: len(rows(uri)["runs"]) > 10)
    (victim,) = writers()
    assert os.getsid(victim.pid) != os.getsid(0)  # Ctrl+C does not reach it
    assert (
        "libtorch" not in Path(f"/proc/{victim.pid}/maps").read_text()
    )  # half of the time that it would take to start
    niceness = [os.getpriority(os.PRIO_PROCESS, thread.id) for thread in victim.threads()]
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, victim.pid) == usual  # the main thread, which writes what is left in the end
    assert max(niceness) == min(19, usual + 10)
    if (autogroup := Path(f"/proc/{victim.pid}/autogroup")).exists():
        assert autogroup.read_text().split()[-1] == "10"
    victim.kill()
    for number in range(60, 65):
        recorder.changed(finished(study, number))
    told: list[int] = []
    assert recorder.close(60.0, told.append)
    assert recorder.lag() == 0
    assert recorder.problem() == ""
    assert all(left >= 0 for left in told)
    assert rows(uri) == rebuilt(study, migrated)


@pytest.mark.slow
def test_a_killed_driver_leaves_nothing_running(study: StudyFolder, uri: str) -> None:
    """When the driver dies, its writer should complete the runs, and a new one wait for it."""
    for number in range(20):
        finished(study, number)
    path = create(study, trial_run(20), 20)
    train(path, 1, 2)
    code = (
        "import sys, time; from pathlib import Path; from tuner.disk.folder import StudyFolder\n"
        "from tuner.recording.on_mlflow import MLflowRecording\n"
        "r = MLflowRecording(StudyFolder(Path(sys.argv[1])), sys.argv[2]); r.start(); r.changed('trials/00020')\n"
        "print('started', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(study.root), uri]
    with subprocess.Popen(command, env=FINDS_TUNER, stdout=subprocess.PIPE) as driver:
        assert driver.stdout is not None
        driver.stdout.readline()
        wait_for(lambda: any(name == "trial 20" and status == "RUNNING" for name, status, *_ in rows(uri)["runs"]))
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    recorder = MLflowRecording(study, uri)
    recorder.start()
    attempt(path, 2)
    recorder.changed(trial_run(20))
    wait_for(lambda: runs_of(study, uri)[trial_run(20)].data.tags["tuner.attempts"] == "2")
    wait_for(lambda: runs_of(study, uri)["sweep"].info.status == "RUNNING")
    wait_for(lambda: runs_of(study, uri)[trial_run(20)].info.status == "RUNNING")  # the old writer may come in between
    assert recorder.close(60.0)
    found = runs_of(study, uri)
    assert found[trial_run(20)].info.status == "SCHEDULED"
    assert found["sweep"].info.status == "SCHEDULED"
    assert [name for name, *_ in rows(uri)["params"]].count("cell") == 21


@pytest.mark.usefixtures("forked_writer")
def test_an_absent_mlflow_delays_nothing_and_loses_nothing(study: StudyFolder, migrated: Path) -> None:
    """While MLflow is away, changes should be taken at once; when it is back, all should arrive once."""
    place = study.root / "server"
    place.write_text("a file where the database's folder will be")
    recorder = MLflowRecording(study, f"sqlite:///{place}/mlflow.db")
    recorder.start()
    names = [finished(study, number) for number in range(10)]
    begun = time.perf_counter()
    for _ in range(1000):
        for name in names:
            recorder.changed(name)
    assert (time.perf_counter() - begun) / 10_000 < 0.001
    wait_for(recorder.problem)
    assert recorder.lag() >= 10
    place.unlink()
    place.mkdir()
    shutil.copy(migrated, place / "mlflow.db")
    assert recorder.close(60.0)
    assert rows(f"sqlite:///{place}/mlflow.db") == rebuilt(study, migrated)


def test_an_unreachable_server_is_given_up_after_the_driver(
    study: StudyFolder, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no driver and no server the writer should end and say so; `sync` later completes the runs."""
    monkeypatch.setattr(writer, "_GIVE_UP_SECONDS", 0.1)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server = f"http://127.0.0.1:{closed.getsockname()[1]}"
    run = finished(study, 0)
    answers = io.StringIO()
    inbox = writer.Inbox(io.StringIO(f"sweep\n{run}\n"))
    assert not writer.Writer(study, server, inbox, answers).run()
    assert '"left": 4' in answers.getvalue()
    assert "Connection refused" in answers.getvalue()
    assert sync(study, mlflow(uri)).written == 8
    assert runs_of(study, uri)[run].info.status == "FINISHED"


class StandIn:
    """A projection that takes nothing before the input has ended."""

    def __init__(self, inbox: writer.Inbox) -> None:
        self.inbox = inbox
        self.by: dict[str, int] = {}
        self.reached = threading.Event()

    def project(self, run: str) -> int:
        """Note whose thread does it, and how urgent that is."""
        self.by[run] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        self.reached.set()
        self.inbox.wait_for_end()
        return 1

    def close_open(self) -> None:
        """Nothing is open."""


def test_what_is_left_at_the_end_is_written_at_full_priority(
    study: StudyFolder, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that stands back ends with the change it is at; the others do not wait for it to be scheduled."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe, os.fdopen(reading) as lines:
        pipe.write("trials/00000\ntrials/00001\ntrials/00002\n")
        pipe.flush()
        inbox = writer.Inbox(lines)
        projection = StandIn(inbox)
        monkeypatch.setattr(writer, "Projection", lambda *_: projection)

        def end() -> None:
            projection.reached.wait()
            pipe.write(f"{END}\n")
            pipe.close()

        ending = threading.Thread(target=end)
        ending.start()
        assert writer.Writer(study, uri, inbox, io.StringIO()).run()
        ending.join()
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    assert list(projection.by.values()) == [min(19, usual + 10), usual, usual]


SPEAKING = "import json, sys, time\ndef say(left, problem='', away=False):\n    print(json.dumps("
SPEAKING += "{'left': left, 'problem': problem, 'away': away}), flush=True)\n"


def speaking(recorder: MLflowRecording, code: str, monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[str]]:
    """Let the recorder's writers be processes that run this code; returns those that were started."""
    started: list[subprocess.Popen[str]] = []

    def spawn() -> subprocess.Popen[str]:
        command = [sys.executable, "-S", "-c", SPEAKING + code]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    monkeypatch.setattr(recorder, "_spawn", spawn)
    return started


class TestTheEnd:
    def test_a_slow_writer_is_waited_for_while_it_gets_on(
        self, study: StudyFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As long as it takes one change after the other, the patience begins anew."""
        recorder = MLflowRecording(study, "")
        speaking(recorder, "sys.stdin.read()\nfor left in range(4): time.sleep(0.4); say(3 - left)", monkeypatch)
        recorder.start()
        began = time.monotonic()
        assert recorder.close(1.2)
        assert time.monotonic() - began > 1.2

    def test_a_silent_writer_is_left_to_itself(self, study: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        """One that gets nowhere is waited for no longer than the patience, and that is why it is behind."""
        recorder = MLflowRecording(study, "")
        started = speaking(recorder, "say(3)\ntime.sleep(60)", monkeypatch)
        recorder.start()
        began = time.monotonic()
        assert not recorder.close(0.3)
        assert time.monotonic() - began < 5.0
        assert recorder.problem() == "it has taken nothing for 0.3 s"
        assert not recorder.away()
        started[0].kill()

    def test_who_has_enough_need_not_wait(self, study: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        """A stop while MLflow is caught up ends the wait; the writer goes on."""
        monkeypatch.setattr("tuner.recording.on_mlflow._UNTOLD_SECONDS", 0.0)
        recorder = MLflowRecording(study, "")
        started = speaking(recorder, "while True: say(3); time.sleep(0.1)", monkeypatch)
        recorder.start()
        told: list[int] = []
        assert not recorder.close(60.0, told.append, lambda: len(told) > 1)
        assert recorder.problem() == "the sweep did not wait for it; its writer continues"
        assert started[0].poll() is None
        started[0].kill()

    @pytest.mark.parametrize(("untold", "words"), [(0.0, True), (60.0, False)])
    def test_a_record_that_lacks_little_is_not_told_of(
        self, study: StudyFolder, untold: float, words: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The end of a small sweep has no last word about what is written a moment later."""
        monkeypatch.setattr("tuner.recording.on_mlflow._UNTOLD_SECONDS", untold)
        recorder = MLflowRecording(study, "")
        speaking(recorder, "say(2); time.sleep(1.2)", monkeypatch)
        recorder.start()
        told: list[int] = []
        assert recorder.close(60.0, told.append)
        assert bool(told) is words

    def test_why_is_told_while_it_runs_and_at_the_end(
        self, study: StudyFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A problem is known with its cause; what has just come up may be gone the next moment."""
        recorder = MLflowRecording(study, "")
        speaking(recorder, "say(3, 'no answer', away=True)\nsys.stdin.read()\nsys.exit(3)", monkeypatch)
        recorder.start()
        wait_for(recorder.problem)
        assert (recorder.problem(), recorder.problem(lasting=True)) == ("no answer", "")
        monkeypatch.setattr("tuner.recording.on_mlflow.LASTING_SECONDS", 0.0)
        assert recorder.problem(lasting=True) == "no answer"
        assert not recorder.close(30.0)
        assert (recorder.problem(), recorder.away()) == ("no answer", True)

    def test_writers_that_die_at_the_end_are_given_up(
        self, study: StudyFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two that die of the same are enough, and where the reason is to be read is told."""
        monkeypatch.setattr("tuner.recording.on_mlflow._RESTART_SECONDS", 0.01)
        recorder = MLflowRecording(study, "")
        started = speaking(recorder, "say(3)\nsys.stdin.read()\nsys.exit(9)", monkeypatch)
        recorder.start()
        assert not recorder.close(30.0)
        assert len(started) == 2
        assert recorder.problem() == f"its writer ended with status 9; see {study.root}/recording.log"


@pytest.mark.usefixtures("forked_writer")
def test_a_deleted_experiment_is_told_with_the_command_that_restores_it(study: StudyFolder, uri: str) -> None:
    """From the first round on; when it is restored, everything arrives."""
    run = finished(study, 0)
    sync(study, mlflow(uri))
    experiment = MlflowClient(uri).get_experiment_by_name("fake")
    assert experiment is not None
    number = experiment.experiment_id
    MlflowClient(uri).delete_experiment(number)
    recorder = MLflowRecording(study, uri)
    recorder.start()
    wait_for(recorder.problem)
    assert recorder.away()
    (command,) = re.findall(r"`(.*?)`", recorder.problem())
    assert command == f"MLFLOW_TRACKING_URI={uri} python -m mlflow experiments restore -x {number}"
    MlflowClient(uri).restore_experiment(number)
    assert recorder.close()
    assert runs_of(study, uri)[run].info.status == "FINISHED"


def test_what_a_killed_driver_did_not_tell_is_found(study: StudyFolder, uri: str) -> None:
    """When the input ends without its last line, every event file should be read."""
    run = finished(study, 0)
    assert writer.Writer(study, uri, writer.Inbox(io.StringIO("sweep\n")), io.StringIO()).run()
    assert runs_of(study, uri)[run].info.status == "FINISHED"


@pytest.mark.usefixtures("forked_writer")
def test_who_waits_for_another_writer_says_so(study: StudyFolder, uri: str) -> None:
    """`sync` once, before it goes on; the driver as the reason why MLflow is behind."""
    finished(study, 0)
    told: list[str] = []
    with recording_lock(study, told.append):
        assert not told
        syncing = threading.Thread(target=sync, args=(study, mlflow(uri), told.append))
        syncing.start()
        recorder = MLflowRecording(study, uri)
        recorder.start()
        wait_for(lambda: told and recorder.problem() == told[0])
    syncing.join()
    assert told == ["the writer of an earlier run is still writing"]
    assert recorder.close()


def test_what_is_damaged_is_set_aside(study: StudyFolder, uri: str) -> None:
    """A damaged event file should cost its own run alone, and be told at the end."""
    damaged = finished(study, 0)
    study.events(damaged).write_text("nonsense\n")
    run = finished(study, 1)
    answers = io.StringIO()
    assert not writer.Writer(study, uri, writer.Inbox(io.StringIO("all\n")), answers).run()
    assert "an event file must be unchanged" in answers.getvalue()
    assert runs_of(study, uri)[run].info.status == "FINISHED"


class TestSync:
    def test_it_counts(self, study: StudyFolder, uri: str) -> None:
        """The first sync should write every event, the second none."""
        finished(study, 0)
        assert sync(study, mlflow(uri)).written == 8
        assert (report := sync(study, mlflow(uri))).written == 0
        assert report.runs == 1

    def test_a_running_study_is_refused(self, study: StudyFolder, uri: str) -> None:
        """A study whose driver lives should be left to its own writer."""
        with study.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(StudyError, match="study fake must not be running"):
                sync(study, mlflow(uri))
        sync(study, mlflow(uri))

    def test_an_unusable_mlflow_is_told_in_a_line(self, study: StudyFolder) -> None:
        """A server that is not there should be a user's error without its password."""
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        with pytest.raises(StudyError, match=rf"MLflow at http://…@127.0.0.1:{port} must be usable"):
            sync(study, mlflow(f"http://me:secret@127.0.0.1:{port}"))

    @pytest.mark.slow
    def test_a_moved_folder_finds_its_artifacts(self, study: StudyFolder, uri: str, tmp_path: Path) -> None:
        """After a move of the whole folder, sync should point MLflow to the artifacts' new place."""
        run = finished(study, 0)
        study.run_artifacts(run).mkdir()
        (study.run_artifacts(run) / "note.txt").write_text("here")
        sync(study, mlflow(uri))
        here, there = tmp_path, tmp_path.parent / f"{tmp_path.name}-moved"
        with sqlite3.connect(here / "mlflow.db") as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        shutil.copytree(here, there)
        (here / "mlruns").rename(here / "gone")
        moved = StudyFolder(there / "mlruns" / "studies" / "fake")
        place = f"sqlite:///{there}/mlflow.db"
        # another process, as MLflow remembers the places of artifacts
        finish(Program(there, "sync", "fake", "--uri", place))
        client = MlflowClient(place)
        found = runs_of(moved, place)[run]
        assert str(found.info.artifact_uri).startswith(f"{there}/mlruns/")
        assert Path(client.download_artifacts(found.info.run_id, "note.txt")).read_text() == "here"
        assert not (here / "mlruns").exists()


def test_an_end_is_seen_by_the_next_reading(study: StudyFolder, uri: str) -> None:
    """A run that went on after its end (a larger budget) should get its further epochs."""
    path = create(study, trial_run(0), 0)
    train(path, 1, 2)
    end(path, "FAILED", epochs=2)
    sync(study, mlflow(uri))
    attempt(path, 2)
    train(path, 3, 5)
    end(path, "COMPLETED")
    assert sync(study, mlflow(uri)).written == 5
    found = runs_of(study, uri)[trial_run(0)]
    history = MlflowClient(uri).get_metric_history(found.info.run_id, "val/loss")
    assert [m.step for m in history] == [1, 2, 3, 4, 5]
    assert found.info.status == "FINISHED"
