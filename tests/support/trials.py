"""Trial functions that a worker loads by path."""

from __future__ import annotations

import ctypes
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tuner.link import Link
from tuner.messages import Ended, Epoch, Report, State, TrialSpec
from tuner.training import run_trial


def ended(spec: TrialSpec, state: State = State.COMPLETED, **fields: object) -> Ended:
    """An end of this attempt."""
    return Ended(run=spec.run, attempt=spec.attempt, state=state, **fields)  # type: ignore[arg-type]


def epochs(spec: TrialSpec, link: Link) -> Ended:
    """Reports `spec.epochs` epochs with the value of parameter x, waits at rungs, obeys."""
    value = float(spec.params["x"])
    for epoch in range(spec.reported + 1, spec.epochs + 1):
        time.sleep(float(spec.params.get("seconds", 0.0)))
        record = Epoch(epoch=epoch, time=time.time(), metrics={"val/loss": value, "train/loss": value})
        answer = link.send(
            Report(
                run=spec.run,
                attempt=spec.attempt,
                epochs=(record,),
                value=value,
                waiting=epoch in spec.rungs,
            )
        )
        if answer is not None and answer.end is not None:
            return ended(spec, answer.end, reason=answer.reason, value=value, epochs=epoch)
    return ended(spec, value=value, epochs=spec.epochs, seconds=0.01)


def fails(spec: TrialSpec, link: Link) -> Ended:  # noqa: ARG001 - the contract's
    """Raises what a user's adapter could."""
    return {}["wav"]  # type: ignore[index]


def fails_when_confirmed(spec: TrialSpec, link: Link) -> Ended:
    """Trains in the search only."""
    return fails(spec, link) if spec.kind == "confirm" else run_trial(spec, link)


def fails_at_its_shape(spec: TrialSpec, link: Link) -> Ended:  # noqa: ARG001 - the contract's
    """Raises with a number of its own."""
    raise ValueError(f"shape [{spec.number}, 4] does not fit")


def dies_once(spec: TrialSpec, link: Link) -> Ended:
    """Its first attempt's process is killed."""
    if spec.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return epochs(spec, link)


def exits(spec: TrialSpec, link: Link) -> Ended:  # noqa: ARG001 - the contract's
    """Ends the process, as parameter `by` says."""
    if spec.params["by"] == "signal":
        ctypes.string_at(0)
    os._exit(7)


def prints(spec: TrialSpec, link: Link) -> Ended:  # noqa: ARG001 - the contract's
    """Prints parameter `megabytes`, by Python and from a process of its own."""
    for number in range(int(spec.params["megabytes"])):
        print(f"{number:07d}" + "x" * 992)  # noqa: T201
        sys.stdout.buffer.write((b"y" * 999 + b"\n") * 999) if hasattr(sys.stdout, "buffer") else None
    print("from Python")  # noqa: T201
    subprocess.run(["/bin/echo", "from a program"], check=True)
    os.write(2, b"to the end\n")
    return ended(spec)


def tells_its_environment(spec: TrialSpec, link: Link) -> Ended:  # noqa: ARG001 - the contract's
    """Prints all variables, and a password of them alone, which it also raises with."""
    password = os.environ["MLFLOW_TRACKING_PASSWORD"]
    print(os.environ)  # noqa: T201
    print(f"password {password}")  # noqa: T201
    raise ValueError(f"no {password} fits")


def forks(spec: TrialSpec, link: Link) -> Ended:
    """Leaves a process running, and one that goes on with the trial as if it were the worker."""
    left = subprocess.Popen(["/bin/sleep", "600"])
    copy = os.fork()
    record = Epoch(epoch=1, time=time.time(), metrics={"val/loss": 1.0 if copy else 2.0})
    link.send(Report(run=spec.run, attempt=spec.attempt, epochs=(record,), value=1.0))
    return ended(spec, value=1.0, epochs=1, results={"left": left.pid, "copy": copy})


def environment(spec: TrialSpec, link: Link) -> Ended:  # noqa: ARG001 - the contract's
    """Says how many threads it has."""
    return ended(spec, results={"omp": os.environ.get("OMP_NUM_THREADS"), "pid": os.getpid()})


def is_second(question: Mapping[str, str]) -> str:
    """What a node could answer; only the first one that is asked lacks something."""
    try:
        Path(question["file"]).touch(exist_ok=False)
    except FileExistsError:
        return ""
    return "be second: it is the first"


def chosen(spec: TrialSpec, link: Link) -> Ended:
    """The trial of this module that the parameter `trial` names."""
    trial: Callable[[TrialSpec, Link], Ended] = globals()[str(spec.params["trial"])]
    return trial(spec, link)


def learns(spec: TrialSpec, link: Link) -> Ended:
    """Makes up a training: better the nearer the learning rate is to 0.01, another number for every seed."""
    return _made_up(spec, link, 0.2)


def learns_nothing(spec: TrialSpec, link: Link) -> Ended:
    """As `learns`, but worse than any guess."""
    return _made_up(spec, link, 0.9)


def _made_up(spec: TrialSpec, link: Link, floor: float) -> Ended:
    if spec.kind == "test":
        runs = ["/".join(Path(place).parts[-2:]) for place in spec.models]
        scores = {run: {"loss": floor + 0.01 * at, "accuracy": 1.0 - floor} for at, run in enumerate(runs)}
        return ended(spec, results={"test": scores})
    off = abs(math.log10(float(spec.params.get("learning_rate", 0.001)) / 0.01))
    value = floor + 0.05 * off + spec.seed % 97 / 10_000
    for epoch in range(spec.reported + 1, spec.epochs + 1):
        loss = value + 0.3 / epoch
        metrics = {"val/loss": loss, "val/accuracy": max(0.0, 1.0 - loss), "train/loss": 0.9 * loss}
        record = Epoch(epoch=epoch, time=time.time(), metrics=metrics)
        link.send(Report(run=spec.run, attempt=spec.attempt, epochs=(record,), value=loss))
    best = value + 0.3 / spec.epochs
    return ended(spec, value=best, epochs=spec.epochs, seconds=0.01, results={"findings": [], "steps_per_epoch": 4})
