"""Opening a study: checks before anything is changed, the study's lock, and its search."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from tuner.announcements import Listener, Notice, SpaceChanged
from tuner.disk.file_system import check_local
from tuner.disk.folder import StudyFolder
from tuner.disk.lock import DriverLock
from tuner.disk.shape import check_events, check_shape
from tuner.disk.versions import check_format
from tuner.execution import Executor
from tuner.space import Space, diff
from tuner.sweep.stopping import Stop
from tuner.sweep.unchanged import check_unchanged
from tuner.sweep.warm_start import begin_warm
from tuner.task.machine import check_machine
from tuner.task.preparing import preparation_told
from tuner.task.specs import search_peak
from tuner.task.task import Task, located

if TYPE_CHECKING:
    from tuner.study.search import Search


def check_startable(task: Task, executor: Executor, tell: Listener, *, fresh: bool) -> None:
    """Check that a sweep can start here, before its study is changed; prepares the data.

    Raises:
        UserError: The study's folder, this machine, the cluster or the data are unfit.
    """
    if not fresh:
        check_shape(task.folder)
    check_local(task.folder.root, task.place(("storage",)))
    check_machine(task)
    with located(task.place, ("ray",)):
        executor.check()
    with preparation_told(tell):
        task.prepare()


@contextmanager
def opened_study(task: Task, tell: Listener, stop: Stop, *, fresh: bool) -> Iterator[Search]:
    """The search of a task's study, locked for this process while the context lasts.

    Args:
        task: The resolved task, whose data are prepared.
        tell: Called when the search space has changed or the study's database does not answer.
        stop: Ends the wait for a database.
        fresh: Rename an existing study and start over.

    Raises:
        StudyError: The study is in use, damaged, or was made for something else.
    """
    folder = task.folder
    lock = DriverLock(folder.lock)
    try:
        if fresh:
            _set_aside(folder, task.file.storage.study)
            check_shape(folder)  # a folder that is no study is still there
        check_format(folder)
        check_events(folder)
        search = _search(task, tell, stop)
        try:
            check_unchanged(task, search)
            _note_space(task, search, tell)
            begin_warm(task, search, tell)
            yield search
        finally:
            search.close()
    finally:
        lock.release()


def _search(task: Task, tell: Listener, stop: Stop) -> Search:
    from tuner.study.search import Search  # imports Optuna, so only once task and data are known to be valid

    told = False

    def away(problem: str) -> None:
        nonlocal told
        if stop:
            raise KeyboardInterrupt(stop.reason)
        if not told:
            told = True
            tell(Notice(f"the study's database does not answer; the sweep waits for it: {problem}"))

    return Search(
        task.folder,
        task.space,
        objective=task.against_trivial,
        sampler=task.sampler,
        pruner=task.pruner,
        seed=task.file.sampler.seed,
        peak=partial(search_peak, task),
        database=task.file.storage.study,
        waiting=away,
    )


def _note_space(task: Task, search: Search, tell: Listener) -> None:
    stored = search.attribute("space")
    if stored is not None and (lines := diff(Space.from_json(stored), task.space)):
        tell(SpaceChanged(lines, fitting=search.counted()))
    search.set_attribute("space", task.space.to_json())


def _set_aside(folder: StudyFolder, database: str | None) -> None:
    """Move a study's files except its lock to `<name>.before-<time>` beside it, and rename it in the database."""
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
