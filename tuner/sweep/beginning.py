"""The first events that a driver writes: the task file, the versions in use, and what is asked for."""

from __future__ import annotations

from typing import Any

from tuner.adapters.base import Prepared
from tuner.announcements import Notice, Started
from tuner.config.kept import without_secrets
from tuner.disk import events, places
from tuner.disk.gc import collect
from tuner.disk.versions import note_versions, versions
from tuner.redaction import redacted
from tuner.reporting.commands import here
from tuner.sweep.open_sweep import OpenSweep
from tuner.sweep.origin import origin
from tuner.task.code import code_now
from tuner.task.specs import modelless, unpruned


def begin(sweep: OpenSweep, prepared: Prepared, digest: str) -> None:
    """Record and announce how this run of the driver begins.

    Args:
        sweep: The sweep.
        prepared: Its data.
        digest: Of the data and how they are prepared.
    """
    task, file, folder = sweep.task, sweep.task.file, sweep.folder
    places.write(str(folder.task_file), without_secrets(task.text).encode())
    if changed := note_versions(folder):
        sweep.tell(Notice(f"since the last run {', '.join(changed)}: suggestions and losses may differ"))
    collect(folder, prepared=False)
    common: dict[str, Any] = {
        "study": folder.name,
        "adapter": file.adapter,
        "metric": task.objective.metric,
        "trials": file.budget.trials,
        "epochs": file.budget.epochs,
        "seconds": file.budget.seconds,
        "counts": dict(prepared.counts),
    }
    events.append(
        folder.sweep_events,
        "sweep",
        version=versions().get("tuner", ""),
        versions=versions(),
        code=code_now(task),
        origin=origin(task.path),
        **common,
        direction=task.objective.direction,
        sampler=task.sampler[0],
        pruner=task.pruner[0],
        seed=file.sampler.seed,
        file=here(task.path),
        sets=list(task.sets),
        recorder=file.tracking.choice[0],
        registers=file.tracking.choice[1].get("register") is True,
        data={"source": str(file.data.get("source") or file.data.get("path") or file.adapter), "digest": digest},
        trivial={split: dict(scores) for split, scores in prepared.trivial.items()},
        floors=prepared.floors,
        about=dict(prepared.about),
        notices=list(prepared.notices),
        space={"searched": task.space.kinds(), "definition": task.space.to_json()},
        constants=dict(task.space.constants),
        baseline=dict(task.baseline),
        thresholds=file.diagnostics.thresholds,
    )
    sweep.record.changed()
    sweep.tell(
        Started(
            **common,
            folder=str(folder.root),
            done=sweep.search.counted() - len(sweep.search.running()),
            trivial=task.against_trivial.trivial,
            trivial_name=task.against_trivial.trivial_name,
            maximize=task.objective.maximize,
            tracking=redacted(task.recorder.uri) or task.recorder.name,
        )
    )
    for sentence in (*prepared.notices, *unpruned(task), *modelless(task)):
        sweep.tell(Notice(sentence))
