"""Loading a task file: YAML, `--set` changes, validation, and the paths in it."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tuner.config.changes import DataOptions, changed, split_change
from tuner.config.given import NAME, as_yaml, given, with_changes
from tuner.config.messages import validate_options
from tuner.config.ready import ready_portfolio, ready_search_spaces
from tuner.config.task import TaskFile
from tuner.config.yaml_file import Document, read_yaml
from tuner.errors import TaskFileError, nearest, printable
from tuner.redaction import remember


@dataclass(frozen=True)
class LoadedTask:
    """A valid task file.

    Args:
        task: Its content.
        document: Its values with their places, changes included.
        path: The file; for a task given as Python values, one in the current folder that need not exist.
        text: The file's text, without changes; for a task given as Python values, an equivalent one.
    """

    task: TaskFile
    document: Document
    path: Path
    text: str

    def resolve(self, path: str) -> Path:
        """Resolve a path of the task file: below the task file's folder if it exists there, else unchanged.

        `~` is the home folder; an absolute path stays.
        """
        expanded = os.path.expanduser(path)
        beside = self.path.parent / expanded
        return beside if os.path.lexists(beside) else Path(expanded)

    def search_space(self) -> Document:
        """The search space that the task names or contains, before the changes under `space`.

        Raises:
            TaskFileError: No ready search space has that name, or the file cannot be read.
        """
        space = self.task.search_space
        if not isinstance(space, str):
            return self.document.part("search_space")
        if space.endswith((".yaml", ".yml")):
            path = self.resolve(space)
            if not os.path.isfile(path):
                raise self._no_search_space("search_space must name an existing file", "Correct the path.")
            return read_yaml(path)
        ready = ready_search_spaces()
        if space not in ready:
            rule = "search_space must be a ready search space or the path of a .yaml file"
            raise self._no_search_space(rule, nearest(space, ready))
        return read_yaml(ready[space])

    def portfolio(self) -> Document | None:
        """The configurations that are tried first; None without any.

        Raises:
            TaskFileError: The named file is missing or cannot be read.
        """
        named, space = self.task.portfolio, self.task.search_space
        if named == "none":
            return None
        if named == "auto":
            ready = ready_portfolio(space) if isinstance(space, str) and space in ready_search_spaces() else None
            return None if ready is None else read_yaml(ready)
        path = self.resolve(named)
        if named.endswith((".yaml", ".yml")) and os.path.isfile(path):
            return read_yaml(path)
        key = ("portfolio",)
        raise TaskFileError(
            "portfolio must be auto, none, or the path of a .yaml file that exists",
            value=named,
            fix="Correct the path.",
            where=self.document.place(key),
            key=key,
        )

    def _no_search_space(self, rule: str, fix: str) -> TaskFileError:
        key = ("search_space",)
        return TaskFileError(rule, value=self.task.search_space, fix=fix, where=self.document.place(key), key=key)


def load_task_file(
    source: Path | str | Mapping[str, Any],
    sets: Sequence[str] = (),
    data_options: DataOptions | None = None,
    changes: Mapping[str, Any] = MappingProxyType({}),
) -> LoadedTask:
    """Read and check a task file.

    Args:
        source: The file, or its content as Python values.
        sets: Changes as "key=value": dotted key, value in YAML, or literal text for options of text. They override the
            file, later ones earlier ones.
        data_options: Gives the options of `data`, by the adapter's name.
        changes: Changes as Python values, see `with_changes`; applied before `sets`.

    Raises:
        TaskFileError: The first mistake, with its place; `OptionsError` has the others, too.
    """
    if isinstance(source, Mapping):
        path, document = Path(NAME), with_changes(given(source), changes)
        if "name" not in document.value:
            raise TaskFileError("a task without a file must have a name", fix="Add name, the name of its study.")
        text = as_yaml(document)
    else:
        path = Path(source)
        document, text = with_changes(read_yaml(path), changes), path.read_text(encoding="utf-8-sig")
    for change in sets:
        remember(change)
    for change in sorted(sets, key=lambda change: split_change(change)[0][0] == "data"):  # the adapter comes first
        document = changed(document, change, data_options)
    values = {"name": printable(path.stem), **document.value}
    task = validate_options(TaskFile, values, key=(), place=document.place)
    return LoadedTask(task, document, path, text)
