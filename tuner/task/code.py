"""Checks that the code of a task's own adapter and cells has not changed since the study was begun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tuner.adapters.catalog import ADAPTERS
from tuner.errors import Key, StudyError
from tuner.nets.catalog import CELLS
from tuner.own_code import Code, changed_files, code_of, root_of
from tuner.registry import Entry
from tuner.task.task import Task, cells

if TYPE_CHECKING:
    from tuner.study.search import Search


def check_code(task: Task, search: Search) -> None:
    """Refuse code that has changed since the study was begun; store new code with the study.

    A study from before code was stored takes today's code.

    Raises:
        StudyError: Some code has changed.
    """
    stored: dict[str, Code] = search.attribute("code") or {}
    now = code_now(task)
    for what, (_, key) in _own(task).items():
        if what in stored and (files := changed_files(stored[what], now[what])):
            raise StudyError(
                f"the code of {what} must stay what study {task.file.name} was begun with",
                value=f"changes in {', '.join(files)}",
                fix="Undo them, give the study another name, or start over with --fresh.",
                where=task.place(key),
                key=key,
            )
    if now:
        search.set_attribute("code", {**stored, **now})


def code_now(task: Task) -> dict[str, Code]:
    """Today's code of everything that the task uses from outside this package."""
    return {what: code_of(entry.target.partition(":")[0]) for what, (entry, _) in _own(task).items()}


def own_code_folder(adapter: str, params: Mapping[str, Any]) -> str:
    """The folder of a configuration's adapter or cell that is named `module:Class`; "" without one."""
    for name in (adapter, str(params.get("cell", ""))):
        module, colon, _ = name.partition(":")
        if colon:
            return str(root_of(module) or "")
    return ""


def _own(task: Task) -> dict[str, tuple[Entry, Key]]:
    """Description (`cell my_cells:UGRNN`) -> entry and key of all that the task uses from outside this package."""
    names = dict.fromkeys([*cells(task), task.settings(task.baseline).net.cell])
    used: dict[str, tuple[Entry, Key]] = {f"cell {name}": (CELLS[name], ("search_space",)) for name in names}
    used[f"adapter {task.file.adapter}"] = ADAPTERS[task.file.adapter], ("adapter",)
    return {what: found for what, found in used.items() if not found[0].target.startswith("tuner.")}
