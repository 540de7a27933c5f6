"""What must not change within a study: the task's facts, its data, its own code."""

from __future__ import annotations

import json
import os
import uuid
from typing import TYPE_CHECKING, Any

from tuner.adapters import preparing
from tuner.disk import events
from tuner.disk.folder import trial_run
from tuner.errors import Key, StudyError
from tuner.redaction import redacted
from tuner.task.code import check_code
from tuner.task.task import Task

if TYPE_CHECKING:
    from tuner.study.search import Search


def check_unchanged(task: Task, search: Search) -> None:
    """Refuse a study that does not belong to this task; a new study records what must not change.

    Raises:
        StudyError: The first thing that differs.
    """
    for check in (_check_belonging, _check_facts, _check_edition, check_code):
        check(task, search)


def _check_belonging(task: Task, search: Search) -> None:
    """Check that a study in a database and the event files in the folder belong to one sweep."""
    folder = task.folder
    runs = [run for run in folder.runs() if run.startswith("trials/")]
    foreign = [run for run in runs if int(run.rpartition("/")[2]) >= search.count]
    if foreign:
        raise StudyError(
            f"the study must know the runs of its folder {folder.root}",
            value=f"{foreign[0]}, which it has not",
            fix="Name the database that they belong to in storage.study, or start over with --fresh.",
            where=task.place(("storage",)),
        )
    missing = [number for number in search.told() if not events.begins(folder.events(trial_run(number)))]
    if missing:
        raise StudyError(
            f"folder {folder.root} must hold the event files of study {folder.name}",
            value=f"none for trial {missing[0]}",
            fix=f"Resume it where it was begun ({search.attribute('begun')}), or copy that folder here; or begin "
            "anew with --fresh.",
            where=task.place(("storage",)),
        )
    if search.attribute("id") is None:
        search.set_attribute("id", uuid.uuid4().hex[:12])
    if search.attribute("begun") is None:
        search.set_attribute("begun", f"{os.uname().nodename}:{folder.root}")


def _check_facts(task: Task, search: Search) -> None:
    """Refuse another adapter, other data, another objective or epoch: trials could not be compared."""
    file = task.file
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
            was, now = ("", _other_data(task, search)) if key == ("data",) else (f" ({stored[name]!r})", value)
            raise StudyError(
                f"{name} must stay what study {task.folder.name} was begun with{was}",
                value=now,
                fix="Give the study another name, or start over with --fresh.",
                where=task.place(key),
            )
    search.set_attribute("facts", {".".join(map(str, key)): value for key, value in facts.items()})
    search.set_attribute("data", _told(task))


def _other_data(task: Task, search: Search) -> str:
    """Which options of the data are others than the study's, or that the files are."""
    was, now = search.attribute("data"), _told(task)
    if was is None:  # a study of a version before
        return "other data or options"
    others = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    return f"another {', '.join(others)}" if others else "other data in its files"


def _told(task: Task) -> dict[str, str]:
    """Every option of the data, as text without secrets."""
    return {name: redacted(json.dumps(value, default=str)) for name, value in task.data.items()}


def _check_edition(task: Task, search: Search) -> None:
    """Check that this version reads the same data as the study's version did."""
    edition = preparing.edition(task.adapter)
    earlier = search.attribute("edition")
    if earlier is None and not search.count:
        earlier = edition  # a new study
    if (earlier or "") != edition and not preparing.reads_alike(
        task.file.adapter, task.adapter, task.folder.prepared, earlier or ""
    ):
        raise StudyError(
            f"data must be read as when study {task.folder.name} was begun",
            value="the same data, which this version reads in another way",
            fix="`validate` shows how. Give the study another name, or start over with --fresh.",
            where=task.place(("data",)),
        )
    search.set_attribute("edition", edition)
