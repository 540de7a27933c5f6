"""Trial functions that workers load: real training that keeps a log, and trials that misbehave."""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.faults.sweeps import LOG
from tuner.disk.events import append
from tuner.link import Link
from tuner.messages import Ended, Epoch, Report, State, TrialSpec
from tuner.training import run_trial


def logged(spec: TrialSpec, link: Link) -> Ended:
    """Train, and note every epoch that is trained and every checkpoint that is written, in one file for all."""
    from tuner.training import checkpoint, loop

    log = Path(spec.folder).parents[1] / LOG
    train_epoch, save = loop.Training.run_epoch, checkpoint.save

    def noted_epoch(self: Any) -> Any:
        note(log, "trained", spec, self.epoch)
        pause = float(os.environ.get("FAULTS_EPOCH_SECONDS", "0.1"))
        time.sleep(pause)
        return train_epoch(self)

    def noted_save(path: str, tensors: Any, facts: Any, **options: Any) -> Any:
        saved = save(path, tensors, facts, **options)
        if os.path.basename(path) == checkpoint.CHECKPOINT:
            note(log, "saved", spec, facts["epoch"])
        return saved

    loop.Training.run_epoch = noted_epoch  # type: ignore[method-assign]
    checkpoint.save = noted_save
    try:
        return run_trial(spec, link)
    finally:
        loop.Training.run_epoch = train_epoch  # type: ignore[method-assign]
        checkpoint.save = save


def note(log: Path, event: str, spec: TrialSpec, epoch: int) -> None:
    """One line; workers take turns, as an event file has one writer."""
    with (log.parent / "trained.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        append(log, event, patient=False, run=spec.run, attempt=spec.attempt, epoch=epoch)


def misbehaving(spec: TrialSpec, link: Link) -> Ended:
    """Trial 1 does what `FAULTS_MISDEED` says, in each of its attempts; the others report four epochs."""
    if spec.number == 1:
        MISDEEDS[os.environ["FAULTS_MISDEED"]]()
    return reporting(spec, link)


def reporting(spec: TrialSpec, link: Link) -> Ended:
    """Report every epoch, `FAULTS_EPOCH_SECONDS` apart, and wait at rungs."""
    began, value, state, reason = time.monotonic(), 1.0 + spec.number / 1000, State.COMPLETED, ""
    pause = float(os.environ.get("FAULTS_EPOCH_SECONDS", "0.0"))
    epoch = spec.reported
    for epoch in range(spec.reported + 1, spec.epochs + 1):
        time.sleep(pause)
        metrics = {"val/loss": value, "train/loss": value, "val/accuracy": 1.0 / value}
        waiting = epoch in spec.rungs and epoch < spec.epochs
        sent = time.monotonic()
        answer = link.send(
            Report(
                run=spec.run,
                attempt=spec.attempt,
                epochs=(Epoch(epoch=epoch, time=time.time(), metrics=metrics),),
                value=1.0 / value,
                waiting=waiting,
            )
        )
        if waiting and (times := os.environ.get("FAULTS_ANSWERS")):
            with open(times, "a") as file:
                file.write(f"{time.monotonic() - sent}\n")
        if answer is not None and answer.end is not None:
            state, reason = answer.end, answer.reason
            break
    return Ended(
        run=spec.run,
        attempt=spec.attempt,
        state=state,
        reason=reason,
        value=1.0 / value,
        epochs=epoch,
        seconds=time.monotonic() - began,
    )


def _print_a_gigabyte() -> None:
    line = "x" * 999
    for _ in range(1_000_000):
        print(line)


def _allocate_beyond_a_limit() -> None:
    import torch

    limit = 4 * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (max(limit, _address_space() + 2**30), resource.RLIM_INFINITY))
    kept = []
    try:
        while True:
            kept.append(torch.empty(64 * 2**20))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _allocate_in_a_cgroup() -> None:
    """Ended by the system itself: the process is put into a memory cgroup of 1 GB of its own."""
    for root, limit in (
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
        (Path("/sys/fs/cgroup"), "memory.max"),
    ):
        group = root / f"tuner-faults-{os.getpid()}"
        if root.is_dir() and (root / "cgroup.procs").exists():
            group.mkdir()
            (group / limit).write_text(str(2**30))
            (group / "cgroup.procs").write_text(str(os.getpid()))
            kept = []
            while True:
                kept.append(b"x" * 2**26)


def _fork() -> None:
    for _ in range(3):
        if os.fork() == 0:
            time.sleep(3600)


def _fork_and_go_on() -> None:
    os.fork()


def _exit() -> None:
    os._exit(7)


def _crash() -> None:
    ctypes.string_at(0)


def _be_killed() -> None:
    """By someone else, twice."""
    count = Path("killed")
    if not count.exists() or len(count.read_text()) < 2:
        with count.open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)


def _hang_natively() -> None:
    ctypes.PyDLL(None).sleep(3600)  # with Python's lock held: no thread of this process runs any more


def _fill_the_object_store() -> None:
    import numpy as np
    import ray

    kept = [ray.put(np.ones(20 * 2**20, dtype=np.uint8)) for _ in range(20)]  # 400 MB into 128
    assert int(ray.get(kept[0])[0]) == 1


MISDEEDS = {
    "prints 1 GB": _print_a_gigabyte,
    "allocates beyond RLIMIT_AS": _allocate_beyond_a_limit,
    "allocates beyond its cgroup": _allocate_in_a_cgroup,
    "forks and leaves them": _fork,
    "forks and goes on twice": _fork_and_go_on,
    "exits with os._exit": _exit,
    "crashes (SIGSEGV)": _crash,
    "is killed twice": _be_killed,
    "hangs in native code": _hang_natively,
    "fills the object store": _fill_the_object_store,
}
if __name__ == "__main__":
    sys.exit("\n".join(MISDEEDS))
