"""The driver: search, confirm, test, record. The one room that knows all the others.

It alone writes to the study, the event files and (through the recorder) the record. Whatever instant it dies at, the
same command goes on: a trial is a row in the study before it is sent out, an outcome is in the event file before
it is told, and what is in neither has not happened.
"""

from __future__ import annotations

import math
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.adapters import preparing
from tuner.adapters.base import Prepared
from tuner.announcements import Listener
from tuner.config.kept import without_secrets
from tuner.disk import events, places
from tuner.disk.events import RunRecord, read_runs
from tuner.disk.file_system import check_local
from tuner.disk.folder import MODEL, StudyFolder, trial_run
from tuner.disk.gc import collect
from tuner.disk.lock import DriverLock
from tuner.disk.shape import check_events, check_shape
from tuner.disk.versions import check_format, note_versions, versions
from tuner.errors import Key, StudyError
from tuner.execution import Executor, InProcessExecutor, RayExecutor
from tuner.messages import Ended, Epoch, Kind, TrialSpec, Verdict
from tuner.redaction import redacted
from tuner.space import Space, diff
from tuner.sweep.confirm_phase import ConfirmPhase
from tuner.sweep.progress import Progress
from tuner.sweep.record import Record
from tuner.sweep.runs import Runs
from tuner.sweep.search_phase import SearchPhase
from tuner.sweep.shared import Shared
from tuner.sweep.summary import Summary, summarize
from tuner.task.code import check_code
from tuner.task.machine import check_machine
from tuner.task.specs import RUN_TRIAL, trial_spec
from tuner.task.task import Task, located

if TYPE_CHECKING:
    from tuner.study.search import Search

CONFIRM_SHARE = 0.25
"""Part of `budget.timeout` that is kept for the confirmation."""


@dataclass(frozen=True)
class Outcome:
    """How a run of the driver ended.

    Args:
        finished: False when it was stopped before the end.
        usable: Whether at least one trial completed.
        summary: What was told last; None when stopped or when there was nothing to do.
        recorded: Whether the record is there, with what was recorded.
    """

    finished: bool
    usable: bool
    summary: Summary | None = None
    recorded: bool = True


@dataclass(frozen=True)
class Deadlines:
    """Times of `time.monotonic` at which the search and the whole sweep must end."""

    search: float = math.inf
    all: float = math.inf


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


def set_aside(folder: StudyFolder, database: str | None = None) -> None:
    """Move what a study has, all but its lock, to `<name>.before-<time>` beside it, and rename it in the database."""
    kept = folder.root.with_name(f"{folder.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
    if database is not None:
        from tuner.study.database import rename_study

        rename_study(database, folder.name, kept.name)
    if not folder.exists():
        return
    kept.mkdir()
    for path in folder.root.iterdir():
        if path != folder.lock:
            shutil.move(path, kept / path.name)


class Sweep:
    """One run of the driver over one study. What the phases share; they do the work.

    Args:
        task: The resolved task.
        tell: Told what happens.
        executor: Runs the trials; by default the one that the task file asks for.
        fresh: Set an existing study aside and begin anew.
    """

    def __init__(self, task: Task, tell: Listener, *, executor: Executor | None = None, fresh: bool = False) -> None:
        self.task, self.tell = task, tell
        self.folder = task.folder
        self.executor = executor or make_executor(task)
        self.record = Record(task, tell)
        self.progress = Progress(task.objective.maximize, task.file.budget.trials)
        self.deadlines = Deadlines()
        self.stop_reason = ""
        self._fresh = fresh
        self._told_progress = 0.0
        self._told_away = False
        self._began = time.monotonic()
        self.search: Search
        self.shared: Shared
        self.runs: Runs
        self._phase: SearchPhase | ConfirmPhase

    def stop(self, reason: str) -> None:
        """Ask for a clean stop: nothing new is sent out, what runs writes a checkpoint. Callable from a signal."""
        self.stop_reason = self.stop_reason or reason

    def run(self) -> Outcome:
        """Run or resume the sweep to its end.

        Raises:
            UserError: The study is in use or was made for something else, the data is unfit, the cluster too small.
            SweepFailed: The first trials all failed for one reason.
        """
        if not self._fresh:
            check_shape(self.folder)
        check_local(self.folder.root, self.task.place(("storage",)))
        check_machine(self.task)
        with located(self.task.place, ("ray",)):
            self.executor.check()
        _, prepared = self.task.prepare()  # before anything of the study is touched
        lock = DriverLock(self.folder.lock)
        try:
            if self._fresh:
                set_aside(self.folder, self.task.file.storage.study)
                check_shape(self.folder)  # what was no study stands there still
            check_format(self.folder)
            check_events(self.folder)
            self.search = self._open_search()
            try:
                self.shared = Shared(self.task, f"{self.folder.name}-{self.search.attribute('id')}")
                return self._run(prepared)
            finally:
                self.search.close()
        finally:
            lock.release()

    def _run(self, prepared: Prepared) -> Outcome:
        self._began = time.monotonic()
        self.deadlines = self._set_deadlines()
        if sentence := self._nothing_to_do():
            self.tell("nothing", sentence=sentence)
            return Outcome(finished=True, usable=True)
        events.once_there_is_space(self.folder.root, lambda: self._begin(prepared))
        self.record.begin()
        try:
            self._work()
            summary = None
            if not self.stop_reason and not self._no_time():
                summary = self._summarize(prepared)
        except BaseException as error:
            with suppress(OSError):
                self._note_stop(str(error) or type(error).__name__, patient=False)
            self.record.leave()
            raise
        if self.stop_reason:
            self._note_stop(self.stop_reason)
        stopped, self.stop_reason = self.stop_reason, ""
        recorded = self.record.close(lambda: bool(self.stop_reason))  # once more Ctrl+C ends the wait, not the sweep
        return Outcome(not stopped, self.progress.best is not None, summary, recorded)

    def _work(self) -> None:
        if self.task.file.ray.address == "local" and os.environ.get("RAY_ADDRESS"):
            self.tell("notice", sentence="RAY_ADDRESS is not used: ray.address is local; `auto` joins that cluster")
        try:
            with located(self.task.place, ("ray",)):
                self.executor.open()
            self.shared.probe(self.executor)
            self.executor.launch()
            self.runs = Runs(self.executor, self.folder, self.record, self.tell, self, self.task.file.attempts.errors)
            for run in self.folder.runs():
                self.record.changed(run)
            self._search_confirm_test()
        finally:
            self.executor.close()

    def _search_confirm_test(self) -> None:
        self.tell("phase", name="search", runs=self.task.file.budget.trials)
        self._phase = SearchPhase(self)
        self._phase.run()
        if not self.stop_reason:
            self._phase = ConfirmPhase(self)
            self._phase.run()
            if not self.stop_reason:
                self._phase.test()

    @property
    def asked(self) -> dict[str, Any]:
        """What the task file asks for; a finished study that was asked for the same has nothing to do."""
        confirm = self.task.file.confirm
        return {
            "trials": self.progress.trials,
            "top": confirm.top,
            "seeds": confirm.seeds,
            "baseline": dict(self.task.baseline),
            "space": self.task.space.to_json(),
        }

    # what the phases use ----------------------------------------------------------------------------------------

    def spec(self, run: str, kind: Kind, number: int, params: Mapping[str, Any], seed: int, **fields: Any) -> TrialSpec:
        """The spec of a run of the study."""
        file = self.task.file
        return trial_spec(
            self.task,
            params,
            run,
            self.folder.run(run),
            kind=kind,
            number=number,
            seed=seed,
            checkpoints=self.shared.checkpoints(run),
            store=self.shared.store,
            prepared_as=self.shared.prepared_as(params),
            act=file.diagnostics.mode == "act",
            stall_seconds=file.attempts.stall,
            output_bytes=file.disk.output,
            checkpoint_bytes=self._checkpoint_share(),
            **fields,
        )

    def _checkpoint_share(self) -> int | None:
        """Bytes of one checkpoint: each slot may hold one, and another while it is being written."""
        if (budget := self.task.file.disk.checkpoints) is None:
            return None
        models = sum(path.stat().st_size for path in self.folder.root.glob(f"confirm/*/{MODEL}"))
        return max(0, budget - models) // (2 * max(1, self.executor.num_slots))

    def records(self, kind: str) -> Iterator[RunRecord]:
        """The runs of a kind ("trials/", "confirm/"), one after the other."""
        return read_runs(self.folder.events(run) for run in self.folder.runs() if run.startswith(kind))

    def poll(self, timeout: float, *, left: int | None = None) -> None:
        """Take in what has come, and tell the progress once a second.

        Args:
            timeout: Seconds to wait for the first message.
            left: In the confirmation: runs that are not over.
        """
        self.runs.poll(timeout)
        now = time.monotonic()
        if now - self._told_progress >= 1.0:
            self._told_progress = now
            self.record.look()
            self.tell(
                "progress",
                done=self.progress.done,
                trials=self.progress.trials,
                running=self.runs.out,
                idle=self.executor.num_slots - self.runs.out,
                states=dict(self.progress.states),
                best=self.progress.best,
                best_number=self.progress.best_number,
                left=left,
                seconds_left=self._seconds_left(left),
            )

    def reported(self, spec: TrialSpec, epoch: Epoch) -> None:
        """Pass on to the phase. See `Owner`."""
        self._phase.reported(spec, epoch)

    def judge(self, spec: TrialSpec, epoch: int, value: float) -> tuple[Verdict, str]:
        """Pass on to the phase. See `Owner`."""
        return self._phase.judge(spec, epoch, value)

    def may_end(self, spec: TrialSpec, epoch: int, value: float) -> tuple[bool, str]:
        """Pass on to the phase. See `Owner`."""
        return self._phase.may_end(spec, epoch, value)

    def ended(self, spec: TrialSpec, ended: Ended, *, aside: bool) -> None:
        """Pass on to the phase. See `Owner`."""
        self._phase.ended(spec, ended, aside=aside)

    def _seconds_left(self, left: int | None) -> float | None:
        slots = self.executor.num_slots
        remaining = self.deadlines.all - time.monotonic()
        if left is not None:
            seconds = self.progress.full_runs_seconds(left, slots)
        elif (seconds := self.progress.search_seconds()) is not None:
            confirm = self.task.file.confirm
            runs = (confirm.top + 1) * confirm.seeds if confirm.top else 0
            seconds += self.progress.full_runs_seconds(runs, slots) or 0.0
        return None if seconds is None else max(0.0, min(seconds, remaining))

    # opening ----------------------------------------------------------------------------------------------------

    def _open_search(self) -> Search:
        from tuner.study.search import Search  # Optuna, only once task and data are known to be sound

        task, file = self.task, self.task.file
        search = Search(
            self.folder,
            task.space,
            objective=task.against_trivial,
            sampler=task.sampler,
            pruner=task.pruner,
            seed=file.sampler.seed,
            database=file.storage.study,
            waiting=self._database_away,
        )
        try:
            self._check_belonging(search)
        except StudyError:
            search.close()
            raise
        facts: dict[Key, Any] = {
            ("adapter",): file.adapter,
            ("data",): task.adapter.fingerprint(),
            ("objective", "metric"): task.objective.metric,
            ("budget", "epochs"): file.budget.epochs,
            ("budget", "seconds"): file.budget.seconds,
            ("sampler", "seed"): file.sampler.seed,
        }
        stored = search.attribute("facts") or {}
        for key, value in facts.items():
            name = ".".join(map(str, key))
            if stored.get(name, value) != value:
                search.close()
                was, now = ("", "other data or options") if key == ("data",) else (f" ({stored[name]!r})", value)
                raise StudyError(
                    f"{name} must stay what study {self.folder.name} was begun with{was}",
                    value=now,
                    fix="Give the study another name, or begin anew with --fresh.",
                    where=task.place(key),
                )
        edition = preparing.edition(task.adapter)
        earlier = search.attribute("edition") or ""
        if (stored and earlier != edition) and not preparing.reads_alike(
            file.adapter, task.adapter, self.folder.prepared, earlier
        ):
            search.close()
            raise StudyError(
                f"data must be read as when study {self.folder.name} was begun",
                value="the same data, which this version reads in another way",
                fix="See `validate` for how; give the study another name, or begin anew with --fresh.",
                where=task.place(("data",)),
            )
        search.set_attribute("edition", edition)
        search.set_attribute("facts", {".".join(map(str, key)): value for key, value in facts.items()})
        try:
            check_code(task, search)
        except StudyError:
            search.close()
            raise
        definition = task.space.to_json()
        stored_space = search.attribute("space")
        if stored_space is not None and (lines := diff(Space.from_json(stored_space), task.space)):
            self.tell("space", lines=lines, fitting=search.counted())
        search.set_attribute("space", definition)
        return search

    def _check_belonging(self, search: Search) -> None:
        """A study in a database and the event files in the folder must be of one sweep."""
        runs = [run for run in self.folder.runs() if run.startswith("trials/")]
        foreign = [run for run in runs if int(run.rpartition("/")[2]) >= search.count]
        if foreign:
            raise StudyError(
                f"the study must know the runs of its folder {self.folder.root}",
                value=f"{foreign[0]}, which it has not",
                fix="Name the database that they belong to in storage.study, or begin anew with --fresh.",
                where=self.task.place(("storage",)),
            )
        missing = [number for number in search.told() if not events.begins(self.folder.events(trial_run(number)))]
        if missing:
            raise StudyError(
                f"folder {self.folder.root} must hold the event files of study {self.folder.name}",
                value=f"none for trial {missing[0]}",
                fix=f"Go on where it was begun ({search.attribute('begun')}), or copy that folder here; or begin "
                "anew with --fresh.",
                where=self.task.place(("storage",)),
            )
        if search.attribute("id") is None:
            search.set_attribute("id", uuid.uuid4().hex[:12])
        if search.attribute("begun") is None:
            search.set_attribute("begun", f"{os.uname().nodename}:{self.folder.root}")

    def _database_away(self, problem: str) -> None:
        """The study's database does not answer: say so once, and let a stop through."""
        if self.stop_reason:
            raise KeyboardInterrupt(self.stop_reason)
        if not self._told_away:
            self._told_away = True
            self.tell("notice", sentence=f"the study's database is away, the sweep waits for it: {problem}")

    def _begin(self, prepared: Prepared) -> None:
        task, file = self.task, self.task.file
        places.write(str(self.folder.task_file), without_secrets(task.path.read_text()).encode())
        if changed := note_versions(self.folder):
            self.tell("notice", sentence=f"since the last run {', '.join(changed)}: suggestions and losses may differ")
        collect(self.folder, prepared=False)
        common: dict[str, Any] = {
            "study": self.folder.name,
            "adapter": file.adapter,
            "metric": task.objective.metric,
            "trials": file.budget.trials,
            "epochs": file.budget.epochs,
            "seconds": file.budget.seconds,
            "counts": dict(prepared.counts),
        }
        events.append(
            self.folder.sweep_events,
            "sweep",
            version=versions().get("tuner", ""),
            versions=versions(),
            **common,
            direction=task.objective.direction,
            sampler=task.sampler[0],
            pruner=task.pruner[0],
            seed=file.sampler.seed,
            trivial={split: dict(scores) for split, scores in prepared.trivial.items()},
            about=dict(prepared.about),
            notices=list(prepared.notices),
            space={"searched": task.space.kinds(), "definition": task.space.to_json()},
            constants=dict(task.space.constants),
            baseline=dict(task.baseline),
            thresholds=file.diagnostics.thresholds,
            recorder=file.tracking.choice[0],
        )
        self.tell(
            "started",
            **common,
            folder=str(self.folder.root),
            done=self.search.counted() - len(self.search.running()),
            trivial=prepared.trivial.get("val", {}).get(task.objective.name),
            trivial_name=prepared.about.get("name", "trivial predictor"),
            maximize=task.objective.maximize,
            tracking=redacted(task.recorder.uri) or task.recorder.name,
        )
        for sentence in prepared.notices:
            self.tell("notice", sentence=sentence)

    def _nothing_to_do(self) -> str:
        """A sentence, when the study is finished and the task file asks for nothing more."""
        last = next(reversed(events.read(self.folder.sweep_events)), {"event": ""})
        if self.search.running() or last["event"] != "summary" or last.get("asked") != self.asked:
            return ""
        if last.get("timed_out") not in (None, self.task.file.budget.timeout):  # there is more time, or less
            return ""
        return (
            f"study {self.folder.name} is finished: {self.search.counted()} trials. "
            "Raise budget.trials to extend it, or begin anew with --fresh."
        )

    def _set_deadlines(self) -> Deadlines:
        timeout = self.task.file.budget.timeout
        if timeout is None:
            return Deadlines()
        began = time.monotonic() - seconds_used(self.folder)
        kept = CONFIRM_SHARE * timeout if self.task.file.confirm.top else 0.0
        return Deadlines(began + timeout - kept, began + timeout)

    def _seconds(self) -> float:
        """Seconds of this driver, whatever the wall clock did meanwhile."""
        return time.monotonic() - self._began

    # closing ----------------------------------------------------------------------------------------------------

    def _note_stop(self, reason: str, *, patient: bool = True) -> None:
        events.append(self.folder.sweep_events, "stopped", patient=patient, reason=reason, seconds=self._seconds())
        self.record.changed()

    def _no_time(self) -> bool:
        """Say so, when the time was over before there was a trial: a summary would be one of nothing."""
        if self.search.count:
            return False
        reason = f"budget.timeout ({self.task.file.budget.timeout:g} s) was over before a trial began"
        self._note_stop(reason)
        self.tell("notice", sentence=f"{reason}; with a larger one the same command goes on")
        return True

    def _summarize(self, prepared: Prepared) -> Summary:
        self.tell("phase", name="record", runs=0)
        summary = events.once_there_is_space(self.folder.artifacts, lambda: summarize(self, prepared))
        timed_out = self.task.file.budget.timeout if time.monotonic() > self.deadlines.search else None
        facts = {"seconds": self._seconds(), "timed_out": timed_out, **summary.as_event()}
        events.append(self.folder.sweep_events, "summary", durable=True, **facts)
        self.record.changed()
        for run in summary.drawn:
            self.record.changed(run)
        self.tell("summary", **summary.as_event())
        return summary


def seconds_used(folder: StudyFolder) -> float:
    """Wall seconds of the drivers before this one, from the sweep's own events.

    Where the last one died without a word, the newest event file tells when.
    """
    used, began = 0.0, None
    for event in events.read(folder.sweep_events):
        if event["event"] == "sweep":
            began = event["time"]
        elif began is not None:
            used, began = used + event.get("seconds", max(0.0, event["time"] - began)), None
    if began is not None:
        last = max((folder.events(run).stat().st_mtime for run in folder.runs()), default=began)
        used += max(0.0, last - began)
    return used
