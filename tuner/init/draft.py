"""Choose an adapter for the user's files by the adapters' proposals, and draft the lines of the task file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.defaults import propose_of
from tuner.adapters.files import check_plain
from tuner.adapters.glimpse import Glimpse, glimpse
from tuner.adapters.glimpsed_table import GlimpsedTable
from tuner.adapters.proposal import Fit, Line, Proposal
from tuner.adapters.splits import WORDS
from tuner.errors import DataError, Key, TaskFileError, UserError, is_text, nearest
from tuner.execution.failures import in_one_line
from tuner.own_code import find_modules

_MOST_NAME = 60
_COLUMNS = ("audio", "text", "words", "tags", "id", "time", "series", "label", "target", "targets")
"""Options of `data` that name the columns of a table, in the order of their telling."""


@dataclass(frozen=True)
class Draft:
    """A proposed task file.

    Args:
        path: The file or folder to learn from.
        adapter: The adapter's name.
        proposal: What it proposed.
        others: Other adapters that could read the files, and as what.
        lines: All lines of the task file, in order, except the files' paths.
        paths: Options of `data` that name files: "path", "test_path", "val_path".
        seen: Which part of the data was looked at, in words.
    """

    path: Path
    adapter: str
    proposal: Proposal
    others: Mapping[str, str]
    lines: Sequence[Line]
    paths: Mapping[str, Path]
    seen: str

    def without(self, key: Key) -> Draft | None:
        """The same without a guessed line; None where no such line was guessed."""
        if not any(line.key == key and line.guessed for line in self.lines):
            return None
        lines = [line for line in self.lines if line.key != key]
        return Draft(self.path, self.adapter, self.proposal, self.others, lines, self.paths, self.seen)


def draft(paths: Sequence[Path], *, adapter: str | None = None, said: Mapping[Key, Any] | None = None) -> Draft:
    """Look at files, and propose a task file.

    Args:
        paths: The training file or folder, then optionally a test one; the names may tell which is which.
        adapter: The adapter; None to choose it by the data.
        said: Keys of the task file that the user has set.

    Raises:
        DataError: A file cannot be read, or no adapter reads it.
        TaskFileError: The adapter is unknown.
    """
    said = said or {}
    roles = _roles(paths)
    hints = {str(key[1]): _hint(value) for key, value in said.items() if key[0] == "data" and len(key) == 2}
    seen = glimpse(roles["path"], {name: path for name, path in roles.items() if name != "path"}, hints)
    for path in list(roles.values())[1:]:
        glimpse(path)
    if adapter is not None:
        find_modules((os.getcwd(),))
    found, refusals = _proposals(seen, [adapter] if adapter else _with_options(hints))
    if not found:
        raise _nothing(seen, refusals, adapter)
    name, proposal = max(found.items(), key=lambda each: each[1].fit)
    _check_roles(name, roles)
    others = {
        other: each.taken_for
        for other, each in found.items()
        if other != name and (each.fit > Fit.POSSIBLE or proposal.fit < Fit.SURE)
    }
    first = Line(("name",), _study(roles["path"]), "from the file's name")
    why = proposal.taken_for + (f"; --adapter says otherwise: {', '.join(others)}" if others else "")
    lines = [first, Line(("adapter",), name, why, guessed=bool(others) and proposal.fit < Fit.SURE), *proposal.lines]
    return Draft(roles["path"], name, proposal, others, _with(lines, said), roles, _looked_at(seen))


def _hint(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _with_options(names: Iterable[str]) -> list[str]:
    """The adapters that have all these options of `data`.

    Raises:
        TaskFileError: There is none.
    """
    known = {name: ADAPTERS[name].options.model_fields.keys() for name in ADAPTERS}
    names = list(names)
    found = [adapter for adapter, options in known.items() if options >= set(names)]
    if found:
        return found
    every = {option for options in known.values() for option in options}
    if unknown := [name for name in names if name not in every]:
        fix = nearest(unknown[0], every, "list adapters")
        raise TaskFileError("--set must name an option of an adapter", value=f"data.{unknown[0]}", fix=fix)
    told = ", ".join(f"data.{name}" for name in names)
    raise TaskFileError("the options of --set must be those of one adapter", value=told, fix="Leave one out.")


def _proposals(seen: Glimpse, names: Iterable[str]) -> tuple[dict[str, Proposal], list[UserError]]:
    """The adapters' proposals by name, and why other adapters for such files cannot read these."""
    found: dict[str, Proposal] = {}
    refusals: list[UserError] = []
    for name in names:
        try:
            if (propose := propose_of(ADAPTERS[name].load())) is None:
                continue
            with in_one_line(f"adapter {name} must propose a task file", DataError):
                proposal = propose(seen)
        except UserError as error:
            refusals.append(error)
            continue
        if proposal is not None:
            found[name] = proposal
    return found, refusals


def _nothing(seen: Glimpse, refusals: Sequence[UserError], adapter: str | None) -> UserError:
    """The error that says why no adapter has proposed anything."""
    if refusals:
        return refusals[0]
    if adapter and propose_of(ADAPTERS[adapter].load()) is None:
        fix = "Write the task file by hand, as docs/extending.md does."
        return TaskFileError("init needs an adapter with the attribute `propose`", value=adapter, fix=fix)
    try:
        if not seen.is_folder:
            check_plain(seen.start, seen.path)
    except DataError as error:
        return error
    if (table := seen.table) is not None:
        _check_cells(seen, table)
        keys = [f"data.{name}" for name in _COLUMNS if adapter and name in ADAPTERS[adapter].options.model_fields]
        if adapter and keys and (table.headed or table.form == "jsonl"):
            return DataError(
                f"the table must have columns that {adapter} recognizes",
                value=", ".join(column.name for column in table.columns),
                fix=f"Name those that it has by --set: {', '.join(f'{key}=COLUMN' for key in keys)}.",
                where=str(seen.path),
            )
    what = "names unknown to every adapter" if seen.is_folder else "text" if seen.text is not None else "no text"
    who = f"adapter {adapter}" if adapter else "some adapter"
    return DataError(
        f"{'the folder' if seen.is_folder else 'the file'} must be of a form that {who} reads",
        value=what,
        fix="A table must be called .csv, .tsv, .parquet or .jsonl, and a .csv have a header; docs/your-data has all "
        "forms. A label that is not found is named by --set data.label=COLUMN.",
        where=str(seen.path),
    )


def _check_cells(seen: Glimpse, table: GlimpsedTable) -> None:
    """Refuse a table that has all it needs, but in cells that no adapter reads.

    Raises:
        DataError: It has such cells.
    """
    if odd := next((column for column in table.columns if column.odd), None):
        raise DataError(
            f"{odd.name} must hold numbers, as nearly all of its cells do",
            value=odd.odd,
            fix="Correct the cell, or empty it where nothing is known.",
            where=str(seen.path),
        )
    if table.form == "jsonl" and (bare := [column.name for column in table.columns if not column.counts]):
        raise DataError(
            "each object must have its values themselves",
            value=f"{bare[0]} with null or lists",
            fix=f"Write a key for each value: {bare[0]}_text.",
            where=f"{seen.path}:1",
        )


def _roles(paths: Sequence[Path]) -> dict[str, Path]:
    """The role of each file: by the words in its name, else by the order."""
    expanded = [Path(os.path.expanduser(path)) for path in paths]
    if len(expanded) > 3:
        raise DataError(
            "at most three files can be named, for training, validation and test",
            value=len(expanded),
            fix="Name the folder that holds them, or put their rows into one file.",
        )
    roles: dict[str, Path] = {}
    names = {"train": "path", "val": "val_path", "test": "test_path"}
    left = []
    for path in expanded:
        words = {WORDS[word] for word in re.split(r"[^a-z]+", path.stem.lower() + path.suffix.lower()) if word in WORDS}
        role = names[words.pop()] if len(words) == 1 and len(expanded) > 1 else ""
        if role and role not in roles:
            roles[role] = path
        else:
            left.append(path)
    for path in left:
        roles[next(role for role in ("path", "test_path", "val_path") if role not in roles)] = path
    if "path" not in roles:
        raise DataError("one of the files must be for training", value=[str(path) for path in paths])
    return {role: roles[role] for role in ("path", "val_path", "test_path") if role in roles}


def _check_roles(adapter: str, roles: Mapping[str, Path]) -> None:
    known = ADAPTERS[adapter].options.model_fields
    for role, path in roles.items():
        if role not in known:
            raise DataError(
                f"{adapter} has no option data.{role}",
                value=str(path),
                fix="Name one file only: data.val and data.test split it.",
            )


def _with(lines: Sequence[Line], said: Mapping[Key, Any]) -> list[Line]:
    """The lines with the user's settings, changed or added."""
    changed = [_changed(line, said[line.key]) if line.key in said else line for line in lines]
    there = {line.key for line in lines}
    more = [Line(key, value, "as asked for") for key, value in said.items() if key not in there]
    return [*(line for line in changed if line.key[:-1] not in said), *more]


def _changed(line: Line, value: Any) -> Line:
    """The line with the user's value; a single name becomes a list where a list is wanted."""
    alone = isinstance(line.value, list) and isinstance(value, str)
    return Line(line.key, [value] if alone else value, "as asked for")


def _study(path: Path) -> str:
    """A study's name, made from a file's."""
    stem = path.stem if path.is_file() else path.name
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", stem or path.resolve().name).strip("-_")[:_MOST_NAME]
    return name or "task"


def _looked_at(seen: Glimpse) -> str:
    if not is_text(str(seen.path)):
        raise DataError("a path must be text that UTF-8 can write", value=str(seen.path), fix="Rename it.")
    if seen.is_folder:
        return f"the names of {len(seen.files):,} files" + ("" if seen.whole else ", the first ones only")
    return "the whole file" if seen.whole else f"the first {len(seen.start) >> 20} MB of the file"
