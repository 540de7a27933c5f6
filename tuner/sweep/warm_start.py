"""Warm start: what a new study takes over from earlier ones, kept with it so that it is resumed as it was begun."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from tuner.announcements import Listener, Notice
from tuner.disk.events import RunRecord, read_runs
from tuner.disk.folder import StudyFolder
from tuner.disk.study_events import read_sweep
from tuner.errors import TaskFileError, nearest
from tuner.messages import State
from tuner.reporting.about import About
from tuner.space.nearest import nearest as nearest_in
from tuner.study.curves import Curves
from tuner.task.task import Task
from tuner.words import counted

if TYPE_CHECKING:
    from tuner.study.borrowed import Borrowed
    from tuner.study.search import Search

LATEST = 5
"""Studies that `auto` takes; as many as SageMaker's warm start allows."""
MOST = 60
"""Trials that are taken over, from all studies together; each is written into the new study."""
_ATTRIBUTE = "warm_start"


def begin_warm(task: Task, search: Search, tell: Listener) -> None:
    """Let the search of a new study learn from those that its task file names; of an old one, from those it began with.

    Raises:
        TaskFileError: A study that is named does not exist, or has no trial inside this search space.
    """
    from tuner.study.borrowed import Borrowed

    kept = search.attribute(_ATTRIBUTE)
    if kept is None:
        taken = [] if search.count else gathered(task)
        search.set_attribute(_ATTRIBUTE, [each.to_json() for each in taken])
        if task.file.warm_start and not search.count:
            tell(Notice(told(taken)))
    else:
        taken = [Borrowed(**each) for each in kept if task.space.contains(each["params"])]
    search.suggester.borrow(taken)


def told(taken: Sequence[Borrowed]) -> str:
    """A sentence on what a study learns from."""
    studies = Counter(each.study for each in taken)
    if not studies:
        return "warm start: no other study here has the same adapter and metric and trials inside this search space"
    return "warm start: learns from " + ", ".join(
        f"{counted(count, 'trial')} of {study}" for study, count in studies.items()
    )


def best_of_each(borrowed: Sequence[Borrowed]) -> list[Borrowed]:
    """The best trial of each study, then the second best of each, and so on; their studies in the order given."""
    studies: dict[str, list[Borrowed]] = {}
    for each in borrowed:
        studies.setdefault(each.study, []).append(each)
    ordered = [sorted(trials, key=lambda each: each.rank) for trials in studies.values()]
    return [each for turn in zip_longest(*ordered) for each in turn if each is not None]


def gathered(task: Task) -> list[Borrowed]:
    """What the task file's `warm_start` names, as far as it lies inside the task's search space; best first.

    Raises:
        TaskFileError: A study that is named does not exist, or has no trial inside this search space.
    """
    found = [_taken(task, folder, place) for place, folder in _named(task)]
    share = MOST // max(1, len([trials for trials in found if trials]))
    taken = [each for trials in found for each in _thinned(trials, share)]
    return sorted(taken, key=lambda each: each.rank)


def _named(task: Task) -> Iterator[tuple[int | None, StudyFolder]]:
    """The studies, each with its place in the list; None where the task file does not name them."""
    root, asked = task.folder.root.parent, task.file.warm_start
    if asked == "auto":
        yield from ((None, folder) for folder in _alike(task))
        return
    others = {path.name: StudyFolder(path) for path in root.glob("*") if path != task.folder.root}
    known = {name: folder for name, folder in others.items() if folder.exists()}
    for place, name in enumerate(asked):
        if name not in known:
            key = ("warm_start", place)
            fix = nearest(name, known) if known else "There is none."
            rule = f"warm_start must name other studies in {root}"
            raise TaskFileError(rule, value=name, fix=fix, where=task.place(key), key=key)
        yield place, known[name]


def _alike(task: Task) -> list[StudyFolder]:
    """The latest studies of the same adapter and metric."""
    wanted = task.file.adapter, task.objective.metric
    folders = [StudyFolder(path) for path in task.folder.root.parent.glob("*") if path != task.folder.root]
    found = []
    for folder in folders:
        asked = read_sweep(folder).asked if folder.sweep_events.is_file() else {}
        if (asked.get("adapter"), asked.get("metric")) == wanted:
            found.append((folder.sweep_events.stat().st_mtime, folder.name, folder))
    return [folder for _, _, folder in sorted(found, reverse=True)[:LATEST]]


def _taken(task: Task, folder: StudyFolder, place: int | None) -> list[Borrowed]:
    """The trials of a study that lie inside the space, with their ranks among all of it; best first."""
    from tuner.study.borrowed import Borrowed

    records = [
        record
        for record in read_runs(folder.events(run) for run in folder.runs() if run.startswith("trials/"))
        if record.state.final and record.state is not State.FAILED
    ]
    losses = _losses(records, About.of(folder.name, read_sweep(folder).asked))
    taken, outside = [], ""
    for record in sorted(records, key=lambda each: (losses[each.number], each.number)):
        params, outside_by = _inside(task, record)
        outside = outside or outside_by
        if params is not None:
            better = sum(loss < losses[record.number] for loss in losses.values())
            taken.append(Borrowed(f"{folder.name}/{record.number}", params, better / max(1, len(losses) - 1)))
    if not taken and place is not None:
        key = ("warm_start", place)
        raise TaskFileError(
            "warm_start must name studies with trials inside this search space",
            value=f"{folder.name}: {counted(len(records), 'trial')}, none inside"
            + (f" ({outside})" if outside else ""),
            fix="Leave it out, or widen the search space.",
            where=task.place(key),
            key=key,
        )
    return taken


def _losses(records: Sequence[RunRecord], about: About) -> dict[int, float]:
    """Number -> what a trial reached, or is expected to have reached where it was pruned; less is better.

    What diverged, or is not known, is infinite: the worst.
    """
    objective = about.objective
    curves, finals, cut = Curves(objective), {}, []
    for record in records:
        for epoch, value in record.series(objective.metric).items():
            curves.add(record.number, epoch, value)
        if record.state is State.COMPLETED and record.value is not None:
            curves.completed(record.number)
            finals[record.number] = record.value
        elif record.state in {State.PRUNED, State.HOPELESS}:
            cut.append(record.number)
    expected = curves.expected(finals, cut)
    return {record.number: objective.loss(expected.get(record.number)) for record in records}


def _inside(task: Task, record: RunRecord) -> tuple[dict[str, Any] | None, str]:
    """A trial's parameters in the task's space, what it did not search as in the baseline; None where they are outside.

    Then also by which parameter. Values that this task fixes count where that study did not search them.
    """
    params = nearest_in(task.space, record.params, task.baseline)
    searched = record.active
    if params is None or not any(name in searched for name in task.space.searched):
        choices = {name: each.values() for name, each in task.space.domains.items()}
        outside = [name for name, value in searched.items() if (offered := choices.get(name)) and value not in offered]
        return None, outside[0] if outside else "no parameter is searched by both"
    moved = [name for name, value in searched.items() if name in params and params[name] != value]
    return (None, f"{moved[0]}: {searched[moved[0]]}") if moved else (params, "")


def _thinned(trials: Sequence[Borrowed], most: int) -> list[Borrowed]:
    """At most so many of a study's trials, best first: the best, and others evenly over their ranks."""
    if len(trials) <= most:
        return list(trials)
    return [trials[int(place * len(trials) / most)] for place in range(most)]
