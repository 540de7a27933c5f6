"""Sends runs to workers and takes in their messages: writes event files, sends lost attempts again.

The same for search trials, confirmations and the test. The caller (`Owner`) decides at rungs and after an end.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple, Protocol

from tuner.announcements import Notice, RunLost, RunRetried
from tuner.disk import events, places
from tuner.disk.folder import CHECKPOINT
from tuner.execution import STACKS
from tuner.messages import Answer, Ended, Epoch, Lost, Message, Report, State, TrialSpec, Verdict
from tuner.sweep.nodes import MAX_FAILURES
from tuner.sweep.open_sweep import OpenSweep

MAX_DELAY_SECONDS = 60.0
"""Longest wait before a run is sent again that is lost repeatedly without a new epoch."""
KEPT_SECONDS = 32.0
"""Longest such wait during which the run keeps its slot, so that one worker's trials stay in order."""
MAX_TRACE = 20_000
"""Characters kept of a silent attempt's stacks."""
STALL_SLACK_SECONDS = 5.0
"""Seconds for a worker to write its stacks before it is killed."""


class Owner(Protocol):
    """The phase that sends runs out and decides about them."""

    def reported(self, spec: TrialSpec, epoch: Epoch) -> None:
        """Take in an epoch, whose event is on disk."""
        ...

    def judge(self, spec: TrialSpec, epoch: int, value: float) -> tuple[Verdict, str]:
        """Decide about a run that waits at a rung: the verdict, and a reason with numbers."""
        ...

    def may_end(self, spec: TrialSpec, epoch: int, value: float) -> tuple[bool, str]:
        """Whether a run that a rule finds hopeless ends here, and a reason with numbers."""
        ...

    def ended(self, spec: TrialSpec, ended: Ended, *, aside: bool) -> None:
        """Take in a final outcome, whose event is on disk. `aside`: it comes from a node that is set aside."""
        ...


@dataclass
class _Live:
    spec: TrialSpec
    node: str
    seen: int
    """Epochs on disk."""
    heard: float
    """Time of its last sign of life, by `time.monotonic`."""
    stopping: tuple[State, str] | None = None
    """State and reason of an end that it was asked for."""


class _Retry(NamedTuple):
    """A run waiting to be sent again."""

    due: float
    """When, by `time.monotonic`."""
    spec: TrialSpec
    keeps_place: bool = True


class Runs:
    """The runs of a phase that have a worker, and those waiting to be sent again.

    Args:
        sweep: The open sweep.
        owner: Decides about the runs.
    """

    def __init__(self, sweep: OpenSweep, owner: Owner) -> None:
        self._sweep, self._owner = sweep, owner
        self._executor, self._folder, self._record = sweep.executor, sweep.folder, sweep.record
        self._live: dict[str, _Live] = {}
        self._again: list[_Retry] = []
        self._told_unsaved = False
        self._losses: dict[str, int] = {}

    @property
    def out(self) -> int:
        """Runs with a worker."""
        return len(self._live)

    @property
    def open(self) -> int:
        """Runs with a worker or waiting for one again."""
        return len(self._live) + len(self._again)

    @property
    def room(self) -> bool:
        """Whether another run can be sent out now."""
        return self._executor.num_idle > sum(again.keeps_place for again in self._again)

    def send(self, spec: TrialSpec) -> None:
        """Send out a run, whose first event is written."""
        worker, node = self._executor.start(spec)
        events.append(self._folder.events(spec.run), "attempt", attempt=spec.attempt, worker=worker)
        self._sweep.nodes.sent(node)
        self._live[spec.run] = _Live(spec, node, spec.reported, time.monotonic())
        self._record.changed(spec.run)

    def send_waiting(self) -> None:
        """Send the lost runs again whose delay is over."""
        for again in [again for again in self._again if again.due <= time.monotonic()]:
            if not self._executor.num_idle:
                return
            self._again.remove(again)
            self.send(again.spec)

    def poll(self, timeout: float) -> None:
        """Take in the messages that have arrived."""
        for message in self._executor.poll(timeout):
            self._take(message)
        for live in list(self._live.values()):
            self._check_silence(live)

    def stop(self, state: State, reason: str) -> list[TrialSpec]:
        """Ask every run to end in `state`; returns those without a worker that could be asked."""
        for live in self._live.values():
            if live.stopping is None:
                live.stopping = state, reason
                self._executor.answer(_answer(live.spec, Verdict.STOP, reason, state))
        waiting = [again.spec for again in self._again]
        self._again.clear()
        return waiting

    def _take(self, message: Message) -> None:
        live = self._live.get(message.run)
        if live is None or live.spec.attempt != message.attempt:
            return  # a late or repeated message: the attempt is over
        live.heard = time.monotonic()
        if isinstance(message, Report):
            self._report(live, message)
        elif isinstance(message, Lost):
            self._lost(live, message)
        else:
            self._end(live, message)

    def _report(self, live: _Live, report: Report) -> None:
        new = [epoch for epoch in report.epochs if epoch.epoch > live.seen]
        if new:
            live.seen = new[-1].epoch
            self._losses.pop(report.run, None)  # it gets on
            records = [{"event": "epoch", "attempt": report.attempt, **asdict(epoch)} for epoch in new]
            events.append_many(self._folder.events(report.run), records)
        for epoch in new:
            self._owner.reported(live.spec, epoch)
        if report.waiting:
            self._answer(live, report)
        self._record.changed(report.run)

    def _answer(self, live: _Live, report: Report) -> None:
        spec = live.spec
        if live.stopping:  # the stop was sent and is the answer
            return
        told: dict[str, Any]
        state = State.RUNNING
        if report.hopeless:
            ends, reason = self._owner.may_end(spec, live.seen, report.value)
            event, told = "hopeless", {"finding": report.hopeless}
            verdict, state = (Verdict.STOP, State.HOPELESS) if ends else (Verdict.CONTINUE, State.RUNNING)
        else:
            event, told = "rung", {}
            verdict, reason = self._owner.judge(spec, live.seen, report.value)
        events.append(
            self._folder.events(spec.run),
            event,
            attempt=spec.attempt,
            epoch=live.seen,
            value=report.value,
            verdict=verdict.value,
            reason=reason,
            **told,
        )
        self._executor.answer(_answer(spec, verdict, reason, state))

    def _end(self, live: _Live, ended: Ended) -> None:
        del self._live[ended.run]
        self._judge_node(live.node, ended.state)
        if (unsaved := ended.results.get("unsaved")) and not self._told_unsaved:
            self._told_unsaved = True
            self._sweep.tell(Notice(f"{ended.run} could not write its checkpoint: {unsaved}"))
        if ended.state is State.FAILED and not live.stopping and self._may_try_again(live, ended):
            return
        events.append_ended(self._folder.events(ended.run), ended)
        if ended.state.final:
            self._losses.pop(ended.run, None)
            self._remove_checkpoint(live.spec)  # only now: before, the outcome could have been lost
            self._owner.ended(live.spec, ended, aside=live.node in self._sweep.nodes.aside)
        self._record.changed(ended.run)

    def _remove_checkpoint(self, spec: TrialSpec) -> None:
        with suppress(OSError):  # the store does not answer; `tuner gc` removes what is left here
            places.remove(places.join(spec.checkpoints or spec.folder, CHECKPOINT))

    def _may_try_again(self, live: _Live, ended: Ended) -> bool:
        """Send a run again from its last checkpoint after an error in its own code, as the task file allows."""
        path = self._folder.events(ended.run)
        if events.read_run(path).errors >= self._sweep.task.file.attempts.errors:
            return False
        events.append(path, "error", attempt=ended.attempt, reason=ended.reason, trace=ended.trace)
        self._sweep.tell(RunRetried(ended.run, ended.reason, ended.attempt))
        self._again.append(_Retry(time.monotonic(), replace(live.spec, attempt=ended.attempt + 1, reported=live.seen)))
        self._record.changed(ended.run)
        return True

    def _check_silence(self, live: _Live) -> None:
        """End an attempt that has been silent for longer than `attempts.silence`."""
        allowed = live.spec.stall_seconds
        if allowed is None or time.monotonic() - live.heard <= allowed + STALL_SLACK_SECONDS:
            return
        self._executor.abandon(live.spec.run)
        stacks = self._folder.run(live.spec.run) / STACKS
        trace = ""
        with suppress(OSError):
            trace = stacks.read_text(errors="replace")[-MAX_TRACE:]
        self._end(
            live,
            Ended(
                run=live.spec.run,
                attempt=live.spec.attempt,
                state=State.FAILED,
                reason=f"stalled: no sign of life for {allowed:g} s; the stacks are in its trace",
                trace=trace,
            ),
        )

    def _lost(self, live: _Live, lost: Lost) -> None:
        """Send a lost run again from its checkpoint, without limit: at once, then after 1, 2, 4, … 60 seconds."""
        del self._live[lost.run]
        losses = self._losses[lost.run] = self._losses.get(lost.run, 0) + 1
        self._sweep.tell(RunLost(lost.run, lost.reason, lost.attempt))
        self._judge_node(live.node, State.LOST)
        if live.stopping is None:
            delay = min(MAX_DELAY_SECONDS, 2.0 ** (losses - 2)) if losses > 1 else 0.0
            spec = replace(live.spec, attempt=live.spec.attempt + 1, reported=live.seen)
            self._again.append(_Retry(time.monotonic() + delay, spec, keeps_place=delay <= KEPT_SECONDS))
        elif live.stopping[0].final:  # it was asked to end for good
            state, reason = live.stopping
            self._live[lost.run] = live
            self._end(live, Ended(run=lost.run, attempt=lost.attempt, state=state, reason=reason))
        self._record.changed(lost.run)

    def _judge_node(self, node: str, state: State) -> None:
        """Set a node aside that only fails, if there is another one."""
        if not node or node in self._sweep.nodes.aside or not self._sweep.nodes.record_outcome(node, state):
            return
        if self._executor.avoid(node):
            self._sweep.nodes.aside.add(node)
            self._sweep.tell(Notice(f"node {node[:12]} is set aside: its last {MAX_FAILURES} attempts failed"))


def _answer(spec: TrialSpec, verdict: Verdict, reason: str, state: State = State.RUNNING) -> Answer:
    return Answer(run=spec.run, attempt=spec.attempt, verdict=verdict, state=state, reason=reason)
