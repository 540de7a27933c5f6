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

    A name that was installed and is now one of this package's own is other code, and so is the reverse.
    A study from before code was stored takes today's code of what is named in full.

    Raises:
        StudyError: Some code has changed.
    """
    stored: dict[str, Code] = search.attribute("code") or {}
    used, now = _used(task), code_now(task)
    begun = {f"cell {trial.user_attrs['params'].get('cell')}" for trial in search.stored()}
    if search.count:
        begun.add(f"adapter {task.file.adapter}")
    for what, (entry, key) in used.items():
        fix = "Give the study another name, or start over with --fresh."
        if what in stored and what not in now:
            change = f"{entry.target} of this package"
        elif what in stored and (files := changed_files(stored[what], now[what])):
            change, fix = f"changes in {', '.join(files)}", f"Undo them, {fix[0].lower()}{fix[1:]}"
        elif what in now and what in begun - stored.keys() and ":" not in what:
            change = f"{entry.target} of an installed package"
        else:
            continue
        raise StudyError(
            f"the code of {what} must stay what study {task.file.name} was begun with",
            value=change,
            fix=fix,
            where=task.place(key),
            key=key,
        )
    if now:
        search.set_attribute("code", {**stored, **now})


def code_now(task: Task) -> dict[str, Code]:
    """Today's code of everything that the task uses from outside this package."""
    used = {what: entry.target for what, (entry, _) in _used(task).items()}
    return {what: code_of(target.partition(":")[0]) for what, target in used.items() if not target.startswith("tuner.")}


def changed_code(task: Task, before: Mapping[str, Code]) -> dict[str, list[str]]:
    """Of what the task uses and had code of its own before: the files in which it differs today, if any."""
    now = code_now(task)
    changed = {what: changed_files(before[what], now.get(what, {})) for what in _used(task) if what in before}
    return {what: files for what, files in changed.items() if files}


def own_code_folder(adapter: str, params: Mapping[str, Any]) -> str:
    """The folder of a configuration's adapter or cell that is named `module:Class`; "" without one."""
    for name in (adapter, str(params.get("cell", ""))):
        module, colon, _ = name.partition(":")
        if colon:
            return str(root_of(module) or "")
    return ""


def _used(task: Task) -> dict[str, tuple[Entry, Key]]:
    """Description (`cell my_cells:UGRNN`) -> entry and key of the cells and the adapter that the task uses."""
    names = dict.fromkeys([*cells(task), task.settings(task.baseline).net.cell])
    used: dict[str, tuple[Entry, Key]] = {f"cell {name}": (CELLS[name], ("search_space",)) for name in names}
    return {**used, f"adapter {task.file.adapter}": (ADAPTERS[task.file.adapter], ("adapter",))}
