"""The common form of every extension point: a catalog of entries with lazy targets.

A room that offers choices has a `catalog.py`, free of torch, that fills one `Catalog` per kind. Reading a catalog
imports nothing heavy; `Entry.load` imports the entry's own module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from tuner.errors import TaskFileError, nearest


@dataclass(frozen=True)
class Entry:
    """One choice of a catalog: its options model, a one-line summary, its source, and where its code is.

    Args:
        target: "module:Name", imported only by `load`.
        summary: One line for `tuner list`.
        source: The paper, or "ours" for our own invention.
        options: pydantic model whose fields are the entry's parameters (names as in a search space).
    """

    target: str
    summary: str
    source: str
    options: type[Any]

    def load(self) -> Any:
        """Import and return the target."""
        return load_target(self.target)

    def parameters(self) -> dict[str, str]:
        """Parameter name -> its description, in the order of the options model."""
        fields: Mapping[str, Any] = self.options.model_fields
        return {info.alias or name: info.description or "" for name, info in fields.items()}


@dataclass(frozen=True)
class Catalog:
    """The known names of one kind. Iterated are those of the package and of installed ones, not classes named in full.

    Args:
        kind: In the singular, for messages: "cell".
        entries: YAML name -> entry.
        entry_point: Group through which installed packages add entries: each is a class with `Options`, or an `Entry`
            for one, so that listing need not import the class.
    """

    kind: str
    entries: Mapping[str, Entry]
    entry_point: str = ""
    _outside: dict[str, Entry] = field(default_factory=dict, repr=False)

    def __iter__(self) -> Iterator[str]:
        return iter({**self.entries, **_installed(self.kind, self.entry_point)})

    def __contains__(self, name: object) -> bool:
        return name in self._outside or name in set(self)

    def __getitem__(self, name: str) -> Entry:
        """The entry called `name`, or named as `package.module:Class`.

        Such a class carries its options model as the class attribute `Options`.

        Raises:
            TaskFileError: The name is unknown.
        """
        if name in self.entries:
            return self.entries[name]
        if name in (installed := _installed(self.kind, self.entry_point)):
            return installed[name]
        if name in self._outside:
            return self._outside[name]
        if self.entry_point and _is_target(name):
            return self._outside.setdefault(name, _entry_of(self.kind, name))
        raise TaskFileError(
            f"{self.kind} must be a known name", value=name, fix=nearest(name, self, f"list {self.kind}s")
        )


def load_target(target: str) -> Any:
    """Import "module:Name".

    Raises:
        TaskFileError: The module cannot be imported, for whatever reason, or has no such name.
    """
    module_name, _, name = target.partition(":")
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:  # a user's own module may raise anything
        what = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise TaskFileError(
            f"{target} must be importable",
            value=what,
            fix="Correct it, put the module beside the task file or into the current folder, or install its package.",
        ) from error
    try:
        return getattr(module, name)
    except AttributeError as error:
        raise TaskFileError(
            f"{target} must be importable",
            value=f"no {name} in {getattr(module, '__file__', module_name)}",
            fix="Correct the name; if another module of that name is installed, rename yours.",
        ) from error


def _is_target(name: str) -> bool:
    module_name, colon, attribute = name.partition(":")
    return bool(colon) and attribute.isidentifier() and all(p.isidentifier() for p in module_name.split("."))


def _entry_of(kind: str, target: str) -> Entry:
    loaded = load_target(target)
    if isinstance(loaded, Entry):
        return loaded
    options = getattr(loaded, "Options", None)
    if not isinstance(options, type) or not hasattr(options, "model_fields"):
        raise TaskFileError(f"{kind} {target} must carry its options model as the class attribute `Options`")
    return Entry(target, (loaded.__doc__ or target).strip().splitlines()[0], target, options)


@cache
def _installed(kind: str, group: str) -> dict[str, Entry]:
    points = entry_points(group=group) if group else ()
    return {point.name: _entry_of(kind, f"{point.module}:{point.attr}") for point in points}
