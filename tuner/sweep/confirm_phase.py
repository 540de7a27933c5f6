"""After the search: the best and the baseline on fresh seeds, then one reading of the test data."""

from __future__ import annotations

import math
import shutil
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.disk.events import RunRecord, read_run
from tuner.disk.folder import confirm_run
from tuner.messages import Ended, Epoch, State, TrialSpec, Verdict
from tuner.seeding import derive_seed

if TYPE_CHECKING:
    from tuner.sweep.driver import Sweep

BASELINE = -1
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Candidate:
    """A configuration to be trained again on fresh seeds; number -1 is the baseline."""

    number: int
    params: Mapping[str, Any]


class ConfirmPhase:
    """Trains the `confirm.top` best trials and the baseline, `confirm.seeds` times each, full budget.

    All configurations get the same seeds; none was used in the search.
    """

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._task, self._folder = sweep.task, sweep.folder

    def run(self) -> None:
        """Train what is not trained yet; nothing when no trial completed."""
        confirm = self._task.file.confirm
        if confirm.top == 0 or self._sweep.progress.best is None:
            return
        plan = {
            confirm_run(candidate.number, repeat): (candidate, repeat)
            for repeat in range(1, confirm.seeds + 1)
            for candidate in self._candidates(confirm.top)
        }
        waiting = deque(
            spec
            for run, (candidate, repeat) in plan.items()
            if (spec := self._open_spec(run, candidate, repeat)) is not None
        )
        for record in self._sweep.records("trials/"):
            if record.state.comparable and self._sweep.search.fits(record.number) and self._is_baseline(record.params):
                sentence = f"trial {record.number} is the baseline's configuration, and is confirmed as the baseline"
                self._sweep.tell("notice", sentence=sentence)
        if waiting:
            self._sweep.tell("phase", name="confirm", runs=len(waiting))
        drive(self._sweep, waiting, deadline=self._sweep.deadlines.all)

    def _bring_model(self, run: str) -> None:
        try:
            self._sweep.shared.bring_model(run)
        except OSError as error:
            self._sweep.tell("notice", sentence=f"the model of {run} stays in storage.checkpoints: {error}")

    def confirmed(self) -> list[RunRecord]:
        """The trainings that the winner is chosen by: today's candidates', and those of an earlier run of the study.

        An earlier candidate that is none today counts where it lies in today's space and has all seeds.
        """
        confirm = self._task.file.confirm
        if confirm.top == 0:
            return []
        by_number: dict[int, list[RunRecord]] = {}
        for record in self._sweep.records("confirm/"):
            if record.number != BASELINE or record.params == dict(self._task.baseline):
                by_number.setdefault(record.number, []).append(record)
        today = {candidate.number for candidate in self._candidates(confirm.top)}
        return [
            record
            for number, trained in by_number.items()
            if number in today
            or (self._sweep.search.fits(number) and sum(each.state.final for each in trained) >= confirm.seeds)
            for record in trained
        ]

    def test(self) -> None:
        """Score the models of all confirmed runs on the test data, unless exactly these were scored before."""
        completed = [record.run for record in self.confirmed() if record.state is State.COMPLETED]
        before = read_run(self._folder.events("test"))
        scored = set(before.results.get("test", {}))
        if not completed or scored == set(completed):
            return
        self._sweep.tell("phase", name="test", runs=len(completed))
        if scored:
            self._sweep.tell(
                "notice", sentence="the test data is read again: the confirmed configurations have changed"
            )
        models = tuple(self._sweep.shared.kept(run) for run in completed)
        spec = self._sweep.spec("test", "test", BASELINE, {}, 0, attempt=before.attempts + 1, models=models)
        if not before.run:
            self._sweep.runs.create(spec, [])
        drive(self._sweep, deque([spec]), deadline=math.inf)
        for run in completed:
            self._sweep.record.changed(run)

    def reported(self, spec: TrialSpec, epoch: Epoch) -> None:
        """Nothing waits for a confirmation's epochs. See `Owner`."""

    def judge(self, spec: TrialSpec, epoch: int, value: float) -> tuple[Verdict, str]:
        """Confirmations have no rungs. See `Owner`."""
        raise AssertionError(f"{spec.run} waits at epoch {epoch} with {value}, but has no rungs")

    def may_end(self, spec: TrialSpec, epoch: int, value: float) -> tuple[bool, str]:
        """A confirmation is trained to its end. See `Owner`."""
        raise AssertionError(f"{spec.run} asks to be ended at epoch {epoch} with {value}, but may not")

    def ended(self, spec: TrialSpec, ended: Ended, *, aside: bool) -> None:  # noqa: ARG002 - the contract's
        """Say so. See `Owner`."""
        if ended.state is State.COMPLETED and spec.keep_model:
            self._bring_model(spec.run)
        self._sweep.tell(
            "confirm" if spec.kind == "confirm" else "tested",
            run=spec.run,
            number=spec.number,
            state=ended.state.value,
            value=ended.value,
            reason=ended.reason,
        )

    def _candidates(self, top: int) -> list[Candidate]:
        """The best by what they reached or, where they were cut, are expected to; of equals a completed one first.

        The first trials of a search always come to their end, and one that was cut beside good ones may be better. One
        that is the baseline's configuration is confirmed as that: with the same seeds it would be the same training.
        """
        expected, sign = self._sweep.search.expected(), -1.0 if self._task.objective.maximize else 1.0
        ranked = sorted(
            (sign * expected[record.number], record.state is not State.COMPLETED, record.number, record.params)
            for record in self._sweep.records("trials/")
            if record.state.comparable and record.number in expected and not self._is_baseline(record.params)
        )
        return [
            *(Candidate(number, params) for _, _, number, params in ranked[:top]),
            Candidate(BASELINE, dict(self._task.baseline)),
        ]

    def _is_baseline(self, params: Mapping[str, Any]) -> bool:
        return self._task.settings(params) == self._task.settings(self._task.baseline)

    def _open_spec(self, run: str, candidate: Candidate, repeat: int) -> TrialSpec | None:
        """The attempt that a run still needs, if any."""
        record = read_run(self._folder.events(run))
        if record.run and record.params != dict(candidate.params):  # the baseline was changed since
            shutil.rmtree(self._folder.run(run))
            record = RunRecord()
        if record.state.final:
            return None
        spec = self._sweep.spec(
            run,
            "confirm",
            candidate.number,
            candidate.params,
            derive_seed(self._task.file.sampler.seed, "confirm", repeat),
            attempt=record.attempts + 1,
            reported=max(record.epochs, default=0),
            keep_model=True,
        )
        if not record.run:
            searched = self._task.space.searched
            self._sweep.runs.create(spec, [name for name in searched if name in candidate.params])
        return spec


def drive(sweep: Sweep, waiting: deque[TrialSpec], *, deadline: float) -> None:
    """Run what is waiting to its end, or until a stop is asked for or the time is up."""
    reason = ""
    while waiting or sweep.runs.open:
        reason = sweep.stop_reason or ("budget.timeout is over" if time.monotonic() > deadline else "")
        if reason:
            break
        sweep.runs.send_waiting()
        while sweep.runs.room and waiting:
            sweep.runs.send(waiting.popleft())
        sweep.poll(POLL_SECONDS, left=len(waiting) + sweep.runs.open)
    if reason:
        sweep.tell("stopping", reason=reason)
        sweep.runs.stop(State.STOPPED, reason)
        while sweep.runs.out:
            sweep.poll(POLL_SECONDS)
