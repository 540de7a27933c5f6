"""The common form of every extension point: a catalog of entries with lazy targets.

A room that offers choices has a `catalog.py`, free of torch, that fills one `Catalog` per kind. Reading a catalog
imports nothing heavy; `Entry.load` imports the entry's own module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from tuner.errors import TaskFileError, nearest


@dataclass(frozen=True)
class Entry:
    """One choice of a catalog: its options model, a one-line summary, its source, and where its code is.

    Args:
        target: "module:Name", imported only by `load`.
        summary: One line for `tuner list`.
        source: The paper, or "ours" for our own invention.
        options: A `tuner.config.options.Options` whose fields are the entry's parameters (names as in a search space).
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
        return {fields[name].alias or name: meaning for name, meaning in self.options.meanings().items()}


@dataclass(frozen=True)
class Catalog:
    """The known names of one kind. Iterated are those of the package and of installed ones, not classes named in full.

    An installed entry that cannot be used is an error where it is chosen, and is in `left_out` instead.

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
        return iter({**self.entries, **self._installed()[0]})

    def __contains__(self, name: object) -> bool:
        return name in self.entries or name in self._outside or any(name == point.name for point in self._points())

    def left_out(self) -> list[str]:
        """A sentence for each installed entry that is not among the names: it cannot be used, or its name is taken."""
        return self._installed()[1]

    def __getitem__(self, name: str) -> Entry:
        """The entry called `name`, or named as `package.module:Class`.

        Such a class carries its options model as the class attribute `Options`.

        Raises:
            TaskFileError: The name is unknown, or that of an installed entry that cannot be used.
        """
        if name in self.entries:
            return self.entries[name]
        for point in self._points():
            if point.name == name:
                return _installed_entry(self.kind, point)
        if name in self._outside:
            return self._outside[name]
        if self.entry_point and _is_target(name):
            return self._outside.setdefault(name, _entry_of(self.kind, name))
        raise TaskFileError(
            f"{self.kind} must be a known name", value=name, fix=nearest(name, self, f"list {self.kind}s")
        )

    def package(self, name: str) -> str:
        """The installed package that brings an entry; "" for one of this package and for a class named in full."""
        points = () if name in self.entries else self._points()
        return next((point.dist.name for point in points if point.name == name and point.dist), "")

    def _points(self) -> tuple[EntryPoint, ...]:
        return _entry_points(self.entry_point)

    def _installed(self) -> tuple[dict[str, Entry], list[str]]:
        """The installed entries that can be used, by name, and a sentence for each that is left out."""
        found: dict[str, Entry] = {}
        owners = dict.fromkeys(self.entries, "this package")
        left_out = []
        for point in self._points():
            if owner := owners.get(point.name):
                fix = f"Name it in full: {_target_of(point)}."
                left_out.append(f"{self.kind} {point.name} of {_package_of(point)} is left out: {owner} has one. {fix}")
                continue
            owners[point.name] = _package_of(point)
            try:
                found[point.name] = _installed_entry(self.kind, point)
            except TaskFileError as error:
                left_out.append(f"{self.kind} {point.name} is left out: {error.problem}")
        return found, left_out


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


def _installed_entry(kind: str, point: EntryPoint) -> Entry:
    """The entry of an entry point.

    Raises:
        TaskFileError: It cannot be used; names the package that brought it.
    """
    try:
        return _entry_of(kind, _target_of(point))
    except TaskFileError as error:
        error.rule += f" (entry point {point.name} of {_package_of(point)})"
        error.fix = "Update that package, or uninstall it."
        raise


def _target_of(point: EntryPoint) -> str:
    return re.sub(r"\[.*|\s", "", point.value)  # without extras


def _package_of(point: EntryPoint) -> str:
    return f"package {point.dist.name} {point.dist.version}" if point.dist else "an installed package"


@cache
def _entry_points(group: str) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=group)) if group else ()
