"""The search: suggestions are sent out, reports at rungs are judged, outcomes are told to the study."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tuner.announcements import Notice, RepairBegan, Resumed, TrialEnded
from tuner.disk import events
from tuner.disk.events import RunRecord, read_run
from tuner.disk.folder import trial_run
from tuner.messages import Ended, Epoch, State, TrialSpec, Verdict
from tuner.seeding import derive_seed
from tuner.sweep.open_sweep import OpenSweep
from tuner.sweep.repairs import Repair, Repairs
from tuner.sweep.warm_start import best_of_each
from tuner.task.specs import search_rungs

if TYPE_CHECKING:
    from tuner.study.suggesting import Suggestion

Known = tuple[Mapping[str, Any], Mapping[str, Any]]
"""Where a configuration is known from (see `Suggestion.origin`), and its parameters."""
SAME_FAILURES = 3
"""The sweep stops when the first trials, this many, that end under a driver fail for the same reason."""


class SweepFailed(Exception):  # noqa: N818 - an outcome told to the user
    """The sweep cannot continue; the text says why."""


class SearchPhase:
    """The search of one run of the driver. See `Phase`.

    Raises:
        SweepFailed: By `ended`: the first trials all failed for one reason.
    """

    late = (State.PRUNED, "the search's share of budget.timeout is over")
    left = None

    def __init__(self, sweep: OpenSweep) -> None:
        self._sweep = sweep
        self._search, self._task = sweep.search, sweep.task
        self._ready: deque[TrialSpec] = deque()
        self._missing = max(0, self._task.file.budget.trials - self._search.counted())
        diagnostics = self._task.file.diagnostics
        most = math.floor(diagnostics.repairs * self._task.file.budget.trials) if diagnostics.mode != "observe" else 0
        self._repairs = Repairs(self._task.space, most, self._task.objective)
        self._first: list[str] = []
        self._reconcile()
        self._known = self._open_known()  # then trial 0 has its first event even if the driver was killed

    @property
    def deadline(self) -> float:
        """Time is left for the confirmation. See `Phase`."""
        return self._sweep.deadlines.of_search(self._sweep.progress.longest)

    def close(self) -> None:
        """Close trials in the study that were suggested but never began because the time was over."""
        for spec in self._ready:
            self._tell_unsent(spec, State.PRUNED, "budget.timeout was over before it began")

    # sending ----------------------------------------------------------------------------------------------------

    def more(self) -> bool:
        """True until every trial of the budget is sent out or the space is exhausted. See `Phase`."""
        return bool(self._ready or self._missing)

    def next(self) -> TrialSpec | None:
        """The next trial. See `Phase`."""
        return self._ready.popleft() if self._ready or self._suggest() else None

    def look_ahead(self) -> None:
        """With several slots, prepare one suggestion; with one slot, wait for the last result. See `Phase`."""
        if self._sweep.executor.num_slots > 1 and not self._ready:
            self._suggest()

    def unsent(self, spec: TrialSpec, state: State, reason: str) -> None:
        """Close a trial that waited for a worker, unless the next run of the driver resumes it. See `Phase`."""
        if state.final:
            self._tell_unsent(spec, state, reason)

    def _suggest(self) -> bool:
        if not self._missing:
            return False
        suggestion = self._next_known() or self._repairs.next(self._begin_repair) or self._search.suggest()
        if suggestion is None:
            self._missing = 0
            self._sweep.tell(Notice("the search space is exhausted: every configuration was tried"))
            return False
        self._missing -= 1
        spec = self._spec(suggestion)
        self._sweep.create(spec, self._task.space.searched, suggestion.origin)
        self._ready.append(spec)
        return True

    def _open_known(self) -> deque[Known]:
        """Configurations of other studies and of the portfolio to be tried; none in a study that began without any."""
        task, trials = self._task, self._task.file.budget.trials
        if task.sampler[0] == "grid" or (self._search.count and not read_run(task.folder.events(trial_run(0))).known):
            return deque()
        borrowed = best_of_each(self._search.suggester.borrowed)[: math.ceil(trials / 4)]
        known: list[Known] = [({"warm_start": each.source}, each.params) for each in borrowed]
        known += [({"portfolio": place}, params) for place, params in enumerate(task.portfolio, 1)]
        return deque(known[: trials // 2])

    def _next_known(self) -> Suggestion | None:
        """The next of them that is not tried yet."""
        suggestion = None
        while suggestion is None and self._known:
            origin, params = self._known.popleft()
            suggestion = self._search.enqueue(params, origin)
        return suggestion

    def _begin_repair(self, repair: Repair) -> Suggestion | None:
        suggestion = self._search.enqueue(repair.params, {"repairs": repair.as_json()})
        if suggestion is not None:
            self._sweep.tell(RepairBegan(suggestion.number, f"trial {suggestion.number} repairs {repair}"))
        return suggestion

    def _spec(self, suggestion: Suggestion, *, attempt: int = 1, reported: int = 0) -> TrialSpec:
        return self._sweep.spec(
            trial_run(suggestion.number),
            "trial",
            suggestion.number,
            suggestion.params,
            derive_seed(self._task.file.sampler.seed, "trial", suggestion.number),
            attempt=attempt,
            reported=reported,
            rungs=search_rungs(self._task, suggestion.params),
        )

    # resuming ---------------------------------------------------------------------------------------

    def _reconcile(self) -> None:
        """Bring study and event files into agreement: tell the study which trials have ended, send the others again."""
        sweep = self._sweep
        for suggestion in self._search.running():
            record = read_run(sweep.folder.events(trial_run(suggestion.number)))
            if record.state.final:
                self._tell_study(record.number, record)
                continue
            spec = self._spec(suggestion, attempt=record.attempts + 1, reported=max(record.epochs, default=0))
            if not record.run:
                sweep.create(spec, self._task.space.searched, suggestion.origin)
            if self._search.fits(suggestion.number):
                self._ready.append(spec)
            else:
                self._tell_unsent(spec, State.PRUNED, "outside the changed search space")
        if self._ready:
            sweep.tell(Resumed([spec.run for spec in self._ready]))
        for record in sweep.records("trials/"):
            if record.repairs:
                self._repairs.begun(record.repairs, record.params)
            if not self._search.fits(record.number):
                continue
            for epoch, value in record.series(self._task.objective.metric).items():
                self._search.reported(record.number, epoch, value)
            if record.state.final:
                self._repairs.ended(record)
                sweep.progress.add(record, here=False)

    def _tell_unsent(self, spec: TrialSpec, state: State, reason: str) -> None:
        """Close a trial without a worker."""
        file = self._sweep.folder.events(spec.run)
        events.append_ended(file, Ended(run=spec.run, attempt=spec.attempt, state=state, reason=reason))
        self._search.tell(spec.number, state, None, reason)
        self._sweep.record.changed(spec.run)
        if self._search.fits(spec.number):
            self._sweep.progress.add(read_run(file), here=False)

    # incoming messages --------------------------------------------------------------------------------------------

    def reported(self, spec: TrialSpec, epoch: Epoch) -> None:
        """Let the study compare other trials with it. See `Phase`."""
        self._search.reported(spec.number, epoch.epoch, epoch.metrics[self._task.objective.metric])

    def judge(self, spec: TrialSpec, epoch: int, value: float) -> tuple[Verdict, str]:
        """Answer a trial at a rung. See `Phase`."""
        if not math.isfinite(value):
            return Verdict.CONTINUE, f"epoch {epoch}: no finite value yet"
        decision = self._search.judge(spec.number, epoch, value, spec.epochs)
        return Verdict.CONTINUE if decision.go_on else Verdict.PRUNE, decision.reason

    def may_end(self, spec: TrialSpec, epoch: int, value: float) -> tuple[bool, str]:
        """Answer a trial that a rule finds hopeless. See `Phase`."""
        decision = self._search.judge_hopeless(spec.number, epoch, value)
        return not decision.go_on, decision.reason

    def ended(self, spec: TrialSpec, ended: Ended, *, aside: bool) -> None:
        """Tell the study, count it, and report it. See `Phase`."""
        sweep = self._sweep
        record = read_run(sweep.folder.events(spec.run))
        self._tell_study(spec.number, record)
        self._repairs.ended(record)
        sweep.progress.add(record, here=True)
        sweep.tell(
            TrialEnded(
                number=spec.number,
                state=ended.state.value,
                value=ended.value,
                reason=ended.reason,
                epochs=len(record.epochs),
                seconds=round(record.seconds, 3),
                params=dict(spec.params),
                findings=record.found,
                best=sweep.progress.best,
                best_number=sweep.progress.best_number,
                done=sweep.progress.done,
                trials=sweep.progress.trials,
                states=dict(sweep.progress.states),
            )
        )
        if not aside:
            self._check_first(ended)

    def _tell_study(self, number: int, record: RunRecord) -> None:
        trained = len(record.epochs) / self._task.file.budget.epochs
        self._search.tell(number, record.state, record.value, record.reason, trained=trained)

    def _check_first(self, ended: Ended) -> None:
        """Stop if the first trials of this driver have all failed alike; numbers in their messages may differ."""
        if len(self._first) == SAME_FAILURES:
            return
        self._first.append(re.sub(r"\d+", "#", ended.reason) if ended.state is State.FAILED else "")
        if len(self._first) == SAME_FAILURES and len(set(self._first)) == 1 and self._first[0]:
            raise SweepFailed(f"the first {SAME_FAILURES} trials failed alike: {ended.reason}")
