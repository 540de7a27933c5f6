from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import specs
from tuner.errors import ClusterError
from tuner.execution import Executor, InProcessExecutor, RayExecutor, probe
from tuner.execution.capacity import SlotSize, living_nodes
from tuner.execution.output import EARLIER, OUTPUT, Capped
from tuner.messages import Answer, Ended, Lost, Message, Report, State, Verdict

TRIALS = "tests.support.trials"
FOLDER = tempfile.mkdtemp()
"""Of runs that are not about their folder."""
spec = partial(specs.spec, folder=FOLDER)


@pytest.fixture(scope="module", autouse=True)
def _folder() -> Iterator[None]:
    Path(FOLDER).mkdir(exist_ok=True)
    yield
    shutil.rmtree(FOLDER)


def until_end(executor: Executor, seconds: float = 20.0) -> list[Message]:
    """Messages up to the end of one attempt."""
    deadline, found = time.monotonic() + seconds, []
    while time.monotonic() < deadline:
        found += executor.poll(0.2)
        if any(isinstance(message, Ended | Lost) for message in found):
            return found
    raise AssertionError(f"no end within {seconds} s, but {found}")


def wait_for_idle(executor: Executor, count: int = 1) -> None:
    """Until so many slots are up."""
    deadline = time.monotonic() + 30
    while executor.num_idle < count:
        assert time.monotonic() < deadline, "no slot came up"
        executor.poll(0.2)


@pytest.fixture(params=["in-process", pytest.param("ray", marks=pytest.mark.ray)])
def make(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Both executors, opened; the contract is the same."""
    opened: list[Executor] = []

    def build(function: str) -> Executor:
        path = f"{TRIALS}:{function}"
        executor: Executor = InProcessExecutor(path) if request.param == "in-process" else RayExecutor(path, workers=2)
        executor.open()
        executor.launch()
        opened.append(executor)
        wait_for_idle(executor)
        return executor

    yield build
    for executor in opened:
        executor.close()


def epochs_of(messages: Sequence[Message]) -> list[int]:
    """Epoch numbers in the order in which they came."""
    return [epoch.epoch for message in messages if isinstance(message, Report) for epoch in message.epochs]


def test_reports_come_in_order_and_the_end_last(make: Any) -> None:
    """Every epoch arrives once, in order, and then the end with its value."""
    executor = make("epochs")
    executor.start(spec())
    messages = until_end(executor)
    assert epochs_of(messages) == [1, 2, 3]
    assert isinstance(messages[-1], Ended)
    assert (messages[-1].state, messages[-1].value) == (State.COMPLETED, 0.5)


def test_a_rung_waits_for_its_answer_and_obeys_it(make: Any) -> None:
    """At a rung nothing happens until the answer, which names the state to end in."""
    executor = make("epochs")
    executor.start(spec(rungs=(2,)))
    seen: list[Message] = []
    while not (seen and isinstance(seen[-1], Report) and seen[-1].waiting):
        seen += executor.poll(1.0)
    assert executor.poll(0.3) == []
    executor.answer(
        Answer(run="trials/00000", attempt=1, verdict=Verdict.STOP, state=State.PRUNED, reason="rank 9 of 9")
    )
    ended = until_end(executor)[-1]
    assert isinstance(ended, Ended)
    assert (ended.state, ended.reason, ended.epochs) == (State.PRUNED, "rank 9 of 9", 2)


def test_an_answer_to_another_attempt_changes_nothing(make: Any) -> None:
    """A late answer, to an attempt that is over, is dropped."""
    executor = make("epochs")
    executor.start(spec(attempt=2, epochs=20, params={"x": 1.0, "seconds": 0.02}))
    executor.answer(Answer(run="trials/00000", attempt=1, verdict=Verdict.STOP, state=State.PRUNED))
    ended = until_end(executor)[-1]
    assert isinstance(ended, Ended)
    assert ended.state is State.COMPLETED


def test_an_exception_is_the_outcome_of_its_trial(make: Any) -> None:
    """A trial that raises is FAILED with one line that names file and line; the slot serves on."""
    executor = make("fails")
    executor.start(spec())
    ended = until_end(executor)[-1]
    assert isinstance(ended, Ended)
    assert ended.state is State.FAILED
    assert ended.reason.startswith("KeyError: 'wav' (trials.py:")
    assert "Traceback" in ended.trace
    wait_for_idle(executor)


@pytest.mark.ray
def test_a_dead_worker_is_told_and_replaced() -> None:
    """The attempt of a worker that dies is Lost; another slot takes its place."""
    executor = RayExecutor(f"{TRIALS}:dies_once", workers=1)
    executor.open()
    executor.launch()
    try:
        wait_for_idle(executor)
        executor.start(spec())
        lost = until_end(executor)[-1]
        assert isinstance(lost, Lost)
        assert lost.attempt == 1
        wait_for_idle(executor)
        executor.start(spec(attempt=2))
        ended = until_end(executor)[-1]
        assert isinstance(ended, Ended)
        assert ended.state is State.COMPLETED
    finally:
        executor.close()


@pytest.fixture
def one_worker() -> Iterator[Any]:
    """A function that runs one attempt on a Ray with one worker, and gives its last message."""
    opened: list[RayExecutor] = []

    def run(function: str, folder: Path, **fields: Any) -> Message:
        if not opened:
            opened.append(RayExecutor(f"{TRIALS}:{function}", workers=1))
            opened[0].open()
            opened[0].launch()
        wait_for_idle(opened[0])
        opened[0].start(spec(folder=str(folder), **fields))
        return until_end(opened[0])[-1]

    yield run
    for executor in opened:
        executor.close()


@pytest.mark.ray
@pytest.mark.parametrize(
    ("by", "reason"),
    [
        ("exit", r"the trial ended its worker's process by os\._exit\(7\) \(trials\.py:\d+\)"),
        ("signal", r"the trial crashed its worker's process: Segmentation fault \(trials\.py:\d+\)"),
    ],
)
def test_a_trial_that_ends_its_process_has_failed(one_worker: Any, tmp_path: Path, by: str, reason: str) -> None:
    """What a trial does to its own worker is that trial's error, with file and line; the next attempt has a worker."""
    for attempt in (1, 2):
        end = one_worker("exits", tmp_path, params={"by": by}, attempt=attempt)
        assert isinstance(end, Ended)
        assert end.state is State.FAILED
        assert re.fullmatch(reason, end.reason), end.reason
        assert "trials.py" in end.trace


@pytest.mark.ray
def test_prints_are_kept_per_run_and_capped(one_worker: Any, tmp_path: Path) -> None:
    """Of 40 MB printed the last 1 MB is kept, whoever prints; another run's prints go to its own folder."""
    end = one_worker("prints", tmp_path / "much", params={"megabytes": 40}, output_bytes=1_000_000)
    assert isinstance(end, Ended)
    assert end.state is State.COMPLETED, end
    one_worker("prints", tmp_path / "little", params={"megabytes": 0}, output_bytes=1_000_000)
    one_worker("prints", tmp_path / "last", params={"megabytes": 0}, output_bytes=1_000_000)
    files = sorted((tmp_path / "much").iterdir())
    assert [file.name for file in files] == [EARLIER, OUTPUT]
    assert 500_000 <= sum(file.stat().st_size for file in files) <= 1_000_000
    assert files[1].read_text().endswith("from Python\nfrom a program\nto the end\n")
    assert (tmp_path / "little" / OUTPUT).read_text() == "from Python\nfrom a program\nto the end\n"


@pytest.mark.ray
def test_what_a_trial_prints_tells_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A trial that prints its environment and raises with it: neither its prints nor its end have the password."""
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "Gruffalo7")
    executor = RayExecutor(f"{TRIALS}:tells_its_environment", workers=1)
    executor.open()
    executor.launch()
    try:
        wait_for_idle(executor)
        executor.start(spec(folder=str(tmp_path)))
        end = until_end(executor)[-1]
        assert isinstance(end, Ended)
    finally:
        executor.close()
    told = (tmp_path / OUTPUT).read_text()
    assert "'MLFLOW_TRACKING_PASSWORD': '…'" in told
    assert told.endswith("\npassword …\n")
    assert "Gruffalo7" not in told + end.reason + end.trace
    assert end.reason.startswith("ValueError: no … fits (")


def test_prints_are_cut_into_lines_that_are_whole(tmp_path: Path) -> None:
    """A secret that comes in two parts is left out; bytes that are no text, and a line without end, stay."""
    output = Capped(str(tmp_path), 1000)
    for part in (b"a http://me:se", b"cret@host\n\xff\xfe ", b"half"):
        output.write(part)
    output.end()
    assert (tmp_path / OUTPUT).read_bytes() == "a http://…@host\n".encode() + b"\xff\xfe half"
    output.write(b"x" * 200_000)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 1000


@pytest.mark.ray
def test_what_a_trial_forks_ends_with_it(one_worker: Any, tmp_path: Path) -> None:
    """A copy of the trial tells nothing, and processes that a trial leaves are gone when it is over."""
    end = one_worker("forks", tmp_path)
    assert isinstance(end, Ended)
    assert end.state is State.COMPLETED
    for pid in end.results.values():
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert isinstance(one_worker("forks", tmp_path), Ended)


@pytest.mark.ray
@pytest.mark.parametrize("server", ["raylet", "gcs_server"])
def test_a_ray_of_our_own_that_dies_is_started_again(server: str, tmp_path: Path) -> None:
    """What ran on it is lost and can be sent again; nothing of the dead one is left."""
    executor = RayExecutor(f"{TRIALS}:epochs", workers=1)
    executor.open()
    executor.launch()
    try:
        wait_for_idle(executor)
        executor.start(spec(folder=str(tmp_path), epochs=100, params={"x": 1.0, "seconds": 1.0}))
        before = {child.name(): child for child in psutil.Process().children(recursive=True)}
        before[server].kill()
        lost = until_end(executor)[-1]
        assert isinstance(lost, Lost)
        assert "Ray died" in lost.reason
        wait_for_idle(executor)
        executor.start(spec(folder=str(tmp_path), attempt=2))
        end = until_end(executor)[-1]
        assert isinstance(end, Ended)
        assert end.state is State.COMPLETED
        of_ray = [child for name, child in before.items() if name.startswith("ray") or name == "gcs_server"]
        assert psutil.wait_procs(of_ray, timeout=5)[1] == []
    finally:
        executor.close()


@pytest.mark.ray
def test_a_worker_that_dies_while_it_is_idle_is_replaced_and_costs_nobody_anything() -> None:
    """It is seen at once, not when the next attempt is sent there."""
    executor = RayExecutor(f"{TRIALS}:epochs", workers=1)
    executor.open()
    executor.launch()
    try:
        wait_for_idle(executor)
        worker, _ = executor.start(spec())
        until_end(executor)
        os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
        deadline = time.monotonic() + 20
        while executor.num_idle and time.monotonic() < deadline:
            assert executor.poll(0.2) == []
        assert executor.num_idle == 0
        wait_for_idle(executor)
        executor.start(spec(attempt=2))
        assert isinstance(until_end(executor)[-1], Ended)
    finally:
        executor.close()


ORPHANED = """
import os, sys, time
import pytest
parent = os.getpid()
if os.fork():
    os._exit(0)
while os.getppid() == parent:
    time.sleep(0.01)
pytest.main(["-q", "-p", "no:cacheprovider", "--basetemp", sys.argv[1], sys.argv[2]])
"""


@pytest.mark.ray
def test_a_driver_without_a_parent_outlives_its_ray(tmp_path: Path) -> None:
    """As under `nohup`: Ray ends a process whose parent is 1 when it cannot reach its raylet."""
    test = f"{__file__}::{test_a_ray_of_our_own_that_dies_is_started_again.__name__}[raylet]"
    command = [sys.executable, "-c", ORPHANED, str(tmp_path / "inner"), test]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)  # until its pipe is closed
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.ray
def test_local_ray_listens_on_loopback_only_and_leaves_nothing(tmp_path: Path) -> None:
    """No port of a local Ray is reachable from outside, workers have one thread, and close ends every process."""
    del tmp_path
    executor = RayExecutor(f"{TRIALS}:environment", workers=2)
    executor.open()
    executor.launch()
    try:
        wait_for_idle(executor, 2)
        children = psutil.Process().children(recursive=True)
        own = {psutil.Process().pid, *(child.pid for child in children)}
        listening = [c for c in psutil.net_connections("inet") if c.status == "LISTEN" and c.pid in own]
        assert listening
        assert all(ip_address(connection.laddr.ip.removeprefix("::ffff:")).is_loopback for connection in listening)
        executor.start(spec())
        ended = until_end(executor)[-1]
        assert isinstance(ended, Ended)
        assert ended.results["omp"] == "1"
    finally:
        executor.close()
    _, alive = psutil.wait_procs(children, timeout=15)
    assert [process.name() for process in alive] == []


@pytest.mark.ray
def test_a_slot_that_fits_nowhere_is_refused() -> None:
    """Asking for a GPU on a machine without one names the request and the best node."""
    executor = RayExecutor(f"{TRIALS}:epochs", workers=1, gpus=4)
    try:
        with pytest.raises(ClusterError, match=r"resources\.gpus 4\) must fit on a node, but got .* 0 GPUs"):
            executor.open()
    finally:
        executor.close()


@pytest.mark.ray
def test_nodes_of_one_machine_answer_each_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two nodes with the same host and address: what one lacks is told, whichever is asked last."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    executor = RayExecutor(f"{TRIALS}:epochs", workers=1)
    executor.open()
    try:
        nodes = living_nodes()
        monkeypatch.setattr(probe, "living_nodes", lambda: nodes * 2)
        answers = probe.probe_nodes(f"{TRIALS}:is_second", {"file": str(tmp_path / "asked")}, SlotSize())
    finally:
        executor.close()
    assert sorted(answer for _, answer in answers) == ["", "be second: it is the first"]
    assert len({name for name, _ in answers}) == 1
