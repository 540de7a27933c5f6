"""The driver: open, search, confirm, test, summarize. The one room that knows all the others.

It alone writes to the study, the event files and (through the recorder) the record. The same command resumes it
whenever it dies: a trial is stored in the study before it is sent out, and an outcome in the event file before Optuna
is told. What is in neither has not happened.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tuner.adapters.base import Prepared
from tuner.announcements import Listener, NothingToDo, Notice, PhaseBegan, ReportWritten, Summary
from tuner.disk import events
from tuner.execution import Executor, InProcessExecutor, RayExecutor
from tuner.report import write_report
from tuner.sweep.beginning import begin
from tuner.sweep.confirm_phase import ConfirmPhase
from tuner.sweep.drawing import draw, undrawn
from tuner.sweep.finished import finished
from tuner.sweep.loop import run_phase
from tuner.sweep.models import keep_models
from tuner.sweep.open_sweep import OpenSweep
from tuner.sweep.opening import check_startable, opened_study
from tuner.sweep.progress import Progress
from tuner.sweep.record import Record
from tuner.sweep.refit_phase import RefitPhase
from tuner.sweep.search_phase import SearchPhase
from tuner.sweep.shared_storage import SharedStorage
from tuner.sweep.standing import last_summary, models_of
from tuner.sweep.stopping import Deadlines, Stop
from tuner.sweep.summary import summarize
from tuner.sweep.test_phase import TestPhase, write_tables
from tuner.task.code import own_code_folder
from tuner.task.specs import RUN_TRIAL
from tuner.task.task import Task, located

if TYPE_CHECKING:
    from tuner.study.search import Search


@dataclass(frozen=True)
class Outcome:
    """How a run of the driver ended.

    Args:
        finished: False when it was stopped before the end.
        usable: Whether a trial completed, or one that was cut short was confirmed.
        summary: The last summary; None when stopped or when there is nothing to summarize.
        recorded: Whether the recorder has received everything.
    """

    finished: bool
    usable: bool
    summary: Summary | None = None
    recorded: bool = True


def make_executor(task: Task, run_trial: str = RUN_TRIAL) -> Executor:
    """The executor that the task file asks for."""
    file = task.file
    if file.ray.address == "in-process":
        return InProcessExecutor(run_trial)
    return RayExecutor(
        run_trial,
        address=file.ray.address,
        workers=file.resources.workers,
        cpus=file.resources.cpus,
        gpus=file.resources.gpus,
        temp_dir=file.ray.temp_dir or "",
        allow_open=file.ray.allow_unauthenticated_cluster,
        modules=task.modules,
    )


class Sweep:
    """One run of the driver over one study.

    Args:
        task: The resolved task.
        tell: Called with each event.
        executor: Runs the trials; by default the one that the task file asks for.
        fresh: Rename an existing study and start over.
    """

    def __init__(self, task: Task, tell: Listener, *, executor: Executor | None = None, fresh: bool = False) -> None:
        self._task, self._tell = task, tell
        self._executor = executor or make_executor(task)
        self._fresh = fresh
        self._stop = Stop()
        self._began = time.monotonic()

    def stop(self, reason: str) -> None:
        """Ask for a clean stop: nothing new is sent out, running trials save checkpoints. Safe in a signal handler."""
        self._stop.ask(reason)

    def run(self) -> Outcome:
        """Run or resume the sweep to its end.

        Raises:
            UserError: The study is in use or was made for something else, the data is unfit, the cluster too small.
            SweepFailed: The first trials all failed for one reason.
        """
        check_startable(self._task, self._executor, self._tell, fresh=self._fresh)
        with opened_study(self._task, self._tell, self._stop, fresh=self._fresh) as search:
            if sentence := finished(self._task, search):
                return self._again(sentence, search)
            return self._run(self._open(search))

    def _again(self, sentence: str, search: Search) -> Outcome:
        """Report a finished study's summary again."""
        summary = last_summary(self._task.folder)
        if summary is not None:
            self._tell(summary)
        self._tell(NothingToDo(sentence))
        recorded = True
        if summary is not None and (left := undrawn(self._task.folder, summary.drawn)):
            record = Record(self._task, self._tell)
            record.begin()
            self._draw(record, search, left)
            recorded = record.close(lambda: bool(self._stop))
        return Outcome(finished=True, usable=True, summary=summary, recorded=recorded)

    def _open(self, search: Search) -> OpenSweep:
        task, self._began = self._task, time.monotonic()
        return OpenSweep(
            task=task,
            search=search,
            executor=self._executor,
            storage=SharedStorage(task, f"{task.folder.name}-{search.attribute('id')}"),
            record=Record(task, self._tell),
            tell=self._tell,
            stop=self._stop,
            deadlines=Deadlines.of(task.file.budget.timeout, task.folder, confirmed=task.file.confirm.top != 0),
            progress=Progress(task.objective, task.file.budget.trials),
        )

    def _run(self, sweep: OpenSweep) -> Outcome:
        folder, prepared = self._task.prepare()
        events.once_there_is_space(sweep.folder.root, lambda: begin(sweep, prepared, folder.name))
        sweep.record.begin()
        try:
            self._search_confirm_test(sweep)
            summary = None if sweep.stop or self._no_time(sweep) else self._summarize(sweep, prepared)
        except BaseException as error:
            with suppress(OSError):
                self._note_stop(sweep, str(error) or type(error).__name__, patient=False)
            sweep.record.leave()
            raise
        if summary is not None:
            return self._record(sweep, summary)
        if sweep.stop:
            self._note_stop(sweep, sweep.stop.reason)
        stopped, sweep.stop.reason = bool(sweep.stop), ""
        recorded = sweep.record.close(lambda: bool(sweep.stop))  # another Ctrl+C ends only this wait
        return Outcome(not stopped, sweep.progress.best is not None, None, recorded)

    def _record(self, sweep: OpenSweep, summary: Summary) -> Outcome:
        """Draw figures and wait for the recorder; a stop ends both without loss, as the summary is on disk."""
        try:
            sweep.record.changed()
            self._report(sweep)
            self._draw(sweep.record, sweep.search, summary.drawn)
        except BaseException:
            sweep.record.leave()
            raise
        recorded = sweep.record.close(lambda: bool(sweep.stop))
        usable = sweep.progress.best is not None or bool(summary.winner)
        return Outcome(finished=True, usable=usable, summary=summary, recorded=recorded)

    def _draw(self, record: Record, search: Search, runs: Sequence[str]) -> None:
        """Draw the figures of a sweep and of some of its runs; after a stop the next run draws the rest."""
        if not runs:
            return
        self._tell(PhaseBegan("record", runs=len(runs)))
        if not draw(self._task.folder, runs, search.fits, record.changed, lambda: bool(self._stop)):
            self._tell(Notice("not all figures are drawn; the same command draws the rest"))

    def _search_confirm_test(self, sweep: OpenSweep) -> None:
        try:
            self._start_workers(sweep)
            for run in sweep.folder.runs():
                sweep.record.changed(run)
            _search(sweep)
            if not sweep.stop:
                _confirm(sweep)
            if not sweep.stop:
                _refit(sweep)
            if not sweep.stop:
                _test(sweep)
        finally:
            sweep.executor.close()

    def _start_workers(self, sweep: OpenSweep) -> None:
        if self._task.file.ray.address == "local" and os.environ.get("RAY_ADDRESS"):
            self._tell(Notice("RAY_ADDRESS is ignored since ray.address is local; ray.address=auto joins that cluster"))
        with located(self._task.place, ("ray",)):
            sweep.executor.open()
        sweep.storage.probe(sweep.executor)
        sweep.executor.launch()

    def _summarize(self, sweep: OpenSweep, prepared: Prepared) -> Summary:
        summary = events.once_there_is_space(sweep.folder.artifacts, lambda: summarize(sweep, prepared))
        write_tables(sweep)
        kept = keep_models(sweep, summary)
        own_code = own_code_folder(sweep.task.file.adapter, summary.winner_params) if kept.winner else ""
        summary = replace(summary, own_code=own_code, **models_of(sweep.folder, kept.winner, kept.others))
        search_end = sweep.deadlines.of_search(sweep.progress.longest)
        timed_out = self._task.file.budget.timeout if time.monotonic() > search_end else None
        runs = {"model_run": kept.winner, "other_runs": list(kept.others)}
        facts = {"seconds": self._seconds(), "timed_out": timed_out, **runs, **summary.as_json()}
        events.append(sweep.folder.sweep_events, "summary", durable=True, **facts)
        self._tell(summary)
        return summary

    def _report(self, sweep: OpenSweep) -> None:
        """Write the study's page, which is then recorded; an error here does not fail the sweep."""
        try:
            path = events.once_there_is_space(sweep.folder.artifacts, lambda: write_report(sweep.folder))
        except Exception as error:  # noqa: BLE001 - whatever it is, the sweep's result stands
            self._tell(Notice(f"the report could not be written: {error}"))
            return
        sweep.record.changed()
        self._tell(ReportWritten(str(path)))

    def _no_time(self, sweep: OpenSweep) -> bool:
        """Report that the time was over before the first trial; there is nothing to summarize then."""
        if sweep.search.count:
            return False
        reason = f"budget.timeout ({self._task.file.budget.timeout:g} s) was over before a trial began"
        self._note_stop(sweep, reason)
        self._tell(Notice(f"{reason}; raise it and run the same command again"))
        return True

    def _note_stop(self, sweep: OpenSweep, reason: str, *, patient: bool = True) -> None:
        events.append(sweep.folder.sweep_events, "stopped", patient=patient, reason=reason, seconds=self._seconds())
        sweep.record.changed()

    def _seconds(self) -> float:
        """Seconds since this driver began, independent of changes to the wall clock."""
        return time.monotonic() - self._began


def _search(sweep: OpenSweep) -> None:
    sweep.tell(PhaseBegan("search", runs=sweep.task.file.budget.trials))
    phase = SearchPhase(sweep)
    run_phase(sweep, phase)
    if not sweep.stop:
        phase.close()


def _confirm(sweep: OpenSweep) -> None:
    phase = ConfirmPhase(sweep)
    if phase.left:
        sweep.tell(PhaseBegan("confirm", runs=phase.left))
    run_phase(sweep, phase)


def _refit(sweep: OpenSweep) -> None:
    phase = RefitPhase(sweep)
    if phase.left:
        sweep.tell(PhaseBegan("refit", runs=phase.left))
    run_phase(sweep, phase)


def _test(sweep: OpenSweep) -> None:
    phase = TestPhase(sweep)
    if not phase.left:
        return
    sweep.tell(PhaseBegan("test", runs=len(phase.scored)))
    run_phase(sweep, phase)
    for run in phase.scored:
        sweep.record.changed(run)
