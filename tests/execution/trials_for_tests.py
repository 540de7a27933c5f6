"""Trial functions that a worker loads by path."""

from __future__ import annotations

import os
import time

from tuner.execution import Link
from tuner.messages import Ended, Epoch, Report, State, TrialSpec, Verdict


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
        if answer is not None and answer.verdict is Verdict.STOP:
            return ended(spec, answer.state, reason=answer.reason, value=value, epochs=epoch)
    return ended(spec, value=value, epochs=spec.epochs, seconds=0.01)


def fails(spec: TrialSpec, link: Link) -> Ended:  # noqa: ARG001 - the contract's
    """Raises what a user's adapter could."""
    return {}["wav"]  # type: ignore[no-any-return]


def dies_once(spec: TrialSpec, link: Link) -> Ended:
    """Its first attempt ends with its process."""
    if spec.attempt == 1:
        os._exit(3)
    return epochs(spec, link)


def environment(spec: TrialSpec, link: Link) -> Ended:  # noqa: ARG001 - the contract's
    """Says how many threads it has."""
    return ended(spec, results={"omp": os.environ.get("OMP_NUM_THREADS"), "pid": os.getpid()})
