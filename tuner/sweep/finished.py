"""Whether a study is finished: its summary is written, and the task file asks for the same as then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuner.disk import events
from tuner.disk.events import read_run
from tuner.messages import State
from tuner.task.task import Task
from tuner.words import counted

if TYPE_CHECKING:
    from tuner.study.search import Search


_TOP = _SEEDS = 3
"""Of versions in which `confirm.top` or `confirm.seeds`, where they are not said, were numbers."""


def asked(task: Task) -> dict[str, Any]:
    """The settings of a task file that decide whether a study is finished."""
    confirm = task.file.confirm
    return {
        "trials": task.file.budget.trials,
        "top": confirm.top,
        "seeds": confirm.seeds,
        "baseline": dict(task.baseline),
        "space": task.space.to_json(),
        **({"refit": task.file.refit} if task.file.refit else {}),  # unknown to earlier versions
    }


def _as_before(task: Task) -> list[dict[str, Any]]:
    """What the same task file asked for, also when `confirm.top` and `confirm.seeds`, where not said, were numbers."""
    told = asked(task)
    tops = [told["top"], _TOP] if told["top"] == "auto" else [told["top"]]
    seeds = [told["seeds"], _SEEDS] if told["seeds"] == "auto" else [told["seeds"]]
    return [{**told, "top": top, "seeds": each} for top in tops for each in seeds]


def finished(task: Task, search: Search) -> str:
    """A sentence if the study is finished and the task file asks for nothing more, otherwise empty.

    A study whose test run failed is not: the same command scores its models again.
    """
    last = next(reversed(events.read(task.folder.sweep_events)), {"event": ""})
    if search.running() or last["event"] != "summary" or last.get("asked") not in _as_before(task):
        return ""
    if last.get("timed_out") not in (None, task.file.budget.timeout):  # there is more time, or less
        return ""
    if read_run(task.folder.events("test")).state is State.FAILED:
        return ""
    return (
        f"study {task.folder.name} is finished: {counted(search.counted(), 'trial')}. "
        "Raise budget.trials to extend it, or start over with --fresh."
    )
