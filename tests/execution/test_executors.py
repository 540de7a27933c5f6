from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import is_over
from tests.support.specs import HANGING_SECONDS, spec, until_end, wait_for_idle
from tuner.execution import Executor, InProcessExecutor, RayExecutor, probe
from tuner.execution.capacity import SlotSize, living_nodes
from tuner.execution.on_ray import _cause
from tuner.execution.output import EARLIER, OUTPUT, Capped
from tuner.messages import Answer, Ended, Lost, Message, Report, State, Verdict

TRIALS = "tests.support.trials"
PASSWORD = "Gruffalo7"


@pytest.fixture(scope="module")
def on_ray() -> Iterator[RayExecutor]:
    """One worker on a Ray of our own, for all that leaves that Ray alone, whatever it does to the worker."""
    executor = RayExecutor(f"{TRIALS}:chosen", workers=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
        executor.open()
    executor.launch()
    yield executor
    executor.close()


@pytest.fixture(params=["in-process", pytest.param("ray", marks=pytest.mark.ray)])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """Both executors, with a slot; the contract is the same."""
    if request.param == "ray":
        shared: RayExecutor = request.getfixturevalue("on_ray")
        wait_for_idle(shared)
        yield shared
        return
    own = InProcessExecutor(f"{TRIALS}:chosen")
    own.open()
    own.launch()
    yield own
    own.close()


@pytest.fixture
def one_worker(on_ray: RayExecutor) -> Callable[..., Message]:
    """A function that runs one attempt on Ray's worker, and gives its last message."""

    def run(trial: str, folder: Path, **fields: Any) -> Message:
        wait_for_idle(on_ray)
        on_ray.start(spec(trial, folder=str(folder), **fields))
        return until_end(on_ray)[-1]

    return run


def epochs_of(messages: Sequence[Message]) -> list[int]:
    """Epoch numbers in the order in which they came."""
    return [epoch.epoch for message in messages if isinstance(message, Report) for epoch in message.epochs]


def test_reports_come_in_order_and_the_end_last(executor: Executor, tmp_path: Path) -> None:
    """Every epoch arrives once, in order, and then the end with its value."""
    executor.start(spec(folder=str(tmp_path)))
    messages = until_end(executor)
    assert epochs_of(messages) == [1, 2, 3]
    assert isinstance(messages[-1], Ended)
    assert (messages[-1].state, messages[-1].value) == (State.COMPLETED, 0.5)


def test_a_rung_waits_for_its_answer_and_obeys_it(executor: Executor, tmp_path: Path) -> None:
    """At a rung nothing happens until the answer, which names the state to end in."""
    executor.start(spec(rungs=(2,), folder=str(tmp_path)))
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


def test_an_answer_to_another_attempt_changes_nothing(executor: Executor, tmp_path: Path) -> None:
    """A late answer, to an attempt that is over, is dropped."""
    executor.start(spec(attempt=2, epochs=20, params={"x": 1.0, "seconds": 0.02}, folder=str(tmp_path)))
    executor.answer(Answer(run="trials/00000", attempt=1, verdict=Verdict.STOP, state=State.PRUNED))
    ended = until_end(executor)[-1]
    assert isinstance(ended, Ended)
    assert ended.state is State.COMPLETED


def test_an_exception_is_the_outcome_of_its_trial(executor: Executor, tmp_path: Path) -> None:
    """A trial that raises is FAILED with one line that names file and line; the slot serves on."""
    executor.start(spec("fails", folder=str(tmp_path)))
    ended = until_end(executor)[-1]
    assert isinstance(ended, Ended)
    assert ended.state is State.FAILED
    assert ended.reason.startswith("KeyError: 'wav' (trials.py:")
    assert "Traceback" in ended.trace
    wait_for_idle(executor)


@pytest.mark.ray
def test_prints_are_kept_per_run_and_capped(one_worker: Callable[..., Message], tmp_path: Path) -> None:
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
def test_what_a_trial_prints_tells_no_secret(one_worker: Callable[..., Message], tmp_path: Path) -> None:
    """A trial that prints its environment and raises with it: neither its prints nor its end have the password."""
    end = one_worker("tells_its_environment", tmp_path)
    assert isinstance(end, Ended)
    one_worker("epochs", tmp_path / "next")  # it begins when all prints before are written
    told = (tmp_path / OUTPUT).read_text()
    assert "'MLFLOW_TRACKING_PASSWORD': '…'" in told
    assert told.endswith("\npassword …\n")
    assert PASSWORD not in told + end.reason + end.trace
    assert end.reason.startswith("ValueError: no … fits (")


@pytest.mark.ray
def test_what_a_trial_forks_ends_with_it(one_worker: Callable[..., Message], tmp_path: Path) -> None:
    """A copy of the trial tells nothing, and processes that a trial leaves are gone when it is over."""
    end = one_worker("forks", tmp_path)
    assert isinstance(end, Ended)
    assert end.state is State.COMPLETED
    for pid in end.results.values():
        assert is_over(pid)
    assert isinstance(one_worker("forks", tmp_path), Ended)


@pytest.mark.ray
def test_a_dead_worker_is_told_and_replaced(one_worker: Callable[..., Message], tmp_path: Path) -> None:
    """The attempt of a worker that dies is Lost; another slot takes its place."""
    lost = one_worker("dies_once", tmp_path)
    assert isinstance(lost, Lost)
    assert lost.attempt == 1
    ended = one_worker("dies_once", tmp_path, attempt=2)
    assert isinstance(ended, Ended)
    assert ended.state is State.COMPLETED


@pytest.mark.ray
@pytest.mark.parametrize(
    ("by", "reason"),
    [
        ("exit", r"the trial ended its worker's process by os\._exit\(7\) \(trials\.py:\d+\)"),
        ("signal", r"the trial crashed its worker's process: Segmentation fault \(trials\.py:\d+\)"),
    ],
)
def test_a_trial_that_ends_its_process_has_failed(
    one_worker: Callable[..., Message], tmp_path: Path, by: str, reason: str
) -> None:
    """What a trial does to its own worker is that trial's error, with file and line; the next attempt has a worker."""
    for attempt in (1, 2):
        end = one_worker("exits", tmp_path, params={"by": by}, attempt=attempt)
        assert isinstance(end, Ended)
        assert end.state is State.FAILED
        assert re.fullmatch(reason, end.reason), end.reason
        assert "trials.py" in end.trace


@pytest.mark.ray
def test_a_worker_that_dies_while_it_is_idle_is_replaced_and_costs_nobody_anything(
    on_ray: RayExecutor, tmp_path: Path
) -> None:
    """It is seen at once, not when the next attempt is sent there."""
    wait_for_idle(on_ray)
    worker, _ = on_ray.start(spec(folder=str(tmp_path)))
    until_end(on_ray)
    os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
    deadline = time.monotonic() + HANGING_SECONDS
    while on_ray.num_idle:
        assert time.monotonic() < deadline, "its death was not seen"
        assert on_ray.poll(0.2) == []
    wait_for_idle(on_ray)
    on_ray.start(spec(folder=str(tmp_path), attempt=2))
    assert isinstance(until_end(on_ray)[-1], Ended)


@pytest.mark.ray
@pytest.mark.usefixtures("on_ray")
def test_nodes_of_one_machine_answer_each_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two nodes with the same host and address: what one lacks is told, whichever is asked last."""
    nodes = living_nodes()
    monkeypatch.setattr(probe, "living_nodes", lambda: nodes * 2)
    answers = probe.probe_nodes(f"{TRIALS}:is_second", {"file": str(tmp_path / "asked")}, SlotSize())
    assert sorted(answer for _, answer in answers) == ["", "be second: it is the first"]
    assert len({name for name, _ in answers}) == 1


def test_ray_says_in_its_own_words_why_no_worker_starts() -> None:
    """All of them, and not the lines that describe the actor."""
    from ray.core.generated.common_pb2 import ActorDiedErrorContext  # type: ignore[attr-defined]
    from ray.exceptions import ActorDiedError

    died = ActorDiedErrorContext(
        class_name="RayWorker", actor_id=b"\1" * 16, error_message="The node has no memory.\nTry later."
    )
    assert _cause(ActorDiedError(died)) == "The node has no memory. Try later."
    died.never_started = True
    assert _cause(ActorDiedError(died)).startswith("The node has no memory. Try later. The actor never ran")
    assert _cause(RuntimeError("one line")) == "one line"
