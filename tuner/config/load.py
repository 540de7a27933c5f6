"""Loading a task file: YAML, `--set` changes, validation, and the paths in it."""

from __future__ import annotations

import os.path
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.config.messages import validate_options
from tuner.config.ready import ready_search_spaces
from tuner.config.task import TaskFile
from tuner.config.yaml_file import Document, parse_value, read_yaml
from tuner.errors import Key, TaskFileError, nearest

_FLAT = {"data", "space", "baseline", "search_space"}
"""Sections whose keys may hold dots: after the first dot all is one key."""


@dataclass(frozen=True)
class LoadedTask:
    """A valid task file.

    Args:
        task: What it says.
        document: Its values with their places, `--set` changes included.
        path: The file.
    """

    task: TaskFile
    document: Document
    path: Path

    def resolve(self, path: str) -> Path:
        """A path written in the task file: below the task file's folder if it exists there, else as it is.

        `~` is the home folder; an absolute path stays.
        """
        expanded = os.path.expanduser(path)
        beside = self.path.parent / expanded
        return beside if os.path.lexists(beside) else Path(expanded)

    def search_space(self) -> Document:
        """The search space that the task names or holds, before the changes under `space`.

        Raises:
            TaskFileError: No ready search space has that name, or the file cannot be read.
        """
        space = self.task.search_space
        if not isinstance(space, str):
            return self.document.part("search_space")
        if space.endswith((".yaml", ".yml")):
            path = self.resolve(space)
            if not os.path.isfile(path):
                raise self._no_search_space("search_space must name an existing file", "Mend the path.")
            return read_yaml(path)
        ready = ready_search_spaces()
        if space not in ready:
            rule = "search_space must be a ready search space or the path of a .yaml file"
            raise self._no_search_space(rule, nearest(space, ready))
        return read_yaml(ready[space])

    def _no_search_space(self, rule: str, fix: str) -> TaskFileError:
        key = ("search_space",)
        return TaskFileError(rule, value=self.task.search_space, fix=fix, where=self.document.place(key), key=key)


def load_task_file(path: Path | str, sets: Sequence[str] = ()) -> LoadedTask:
    """Read and check a task file.

    Args:
        path: The file.
        sets: Changes as "key=value": dotted key, value in YAML. They win over the file, later over earlier.

    Raises:
        TaskFileError: The first mistake, with its place; see `OptionsError` for the others.
    """
    path = Path(path)
    document = read_yaml(path)
    for change in sets:
        document = _changed(document, change)
    values = {"name": path.stem, **document.value}
    task = validate_options(TaskFile, values, key=(), place=document.place)
    return LoadedTask(task, document, path)


def _changed(document: Document, change: str) -> Document:
    """The document with one `--set` applied."""
    where = f"--set {change}"
    dotted, equals, text = change.partition("=")
    first, _, rest = dotted.strip().partition(".")
    key = (first, *([rest] if first in _FLAT and rest else rest.split(".") if rest else []))
    if not equals or not all(key):
        raise TaskFileError(
            "--set must be key=value", value=change, where="--set", fix="For example: --set budget.trials=10."
        )
    value = _replaced(document.value, key, parse_value(text, where), where)
    kept = {old: place for old, place in document.places.items() if old[: len(key)] != key}
    made = {key[:length] for length in range(1, len(key))} - kept.keys()  # mappings that were not in the file
    return Document(value, document.name, {**kept, **dict.fromkeys(made, where), key: where})


def _replaced(values: dict[str, Any], key: Key, new: Any, where: str) -> dict[str, Any]:
    """A copy of nested mappings with the value at `key` replaced; missing mappings are made."""
    name, *rest = (str(part) for part in key)
    if not rest:
        return {**values, name: new}
    inner = values.get(name)
    if inner is None:
        inner = {}
    if not isinstance(inner, dict):
        raise TaskFileError(f"{name} must be a mapping, so that a key of it can be set", value=inner, where=where)
    return {**values, name: _replaced(inner, tuple(rest), new, where)}
