"""Tasks given as Python values instead of a file, and changes to them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import yaml

from tuner.config.changes import split_key
from tuner.config.yaml_file import MAX_DEPTH, Document
from tuner.errors import Key, TaskFileError, is_text
from tuner.redaction import remember

NAME = "task"
"""Its name in messages."""
_WHOLE = {"search_space"}
"""Sections that a change replaces as a whole."""


def given(values: Mapping[str, Any]) -> Document:
    """A task as a document.

    Args:
        values: The content of a task file. Tuples become lists, paths texts, NumPy's scalars numbers.

    Raises:
        TaskFileError: A task file cannot hold a value.
    """
    return Document(_plain_mapping(values, (), NAME), NAME, {})


def as_yaml(document: Document) -> str:
    """The text of an equivalent task file."""
    return yaml.safe_dump(document.value, sort_keys=False, allow_unicode=True, width=120)


def with_changes(document: Document, changes: Mapping[str, Any]) -> Document:
    """A document with changes: a mapping changes the keys that it names, any other value replaces the old one.

    Args:
        document: The task.
        changes: Key -> value, such as `{"budget": {"trials": 10}}`, or `{"budget.trials": 10}` as `--set` has it.

    Raises:
        TaskFileError: As `given`.
    """
    value, places = document.value, dict(document.places)
    for name, change in _plain_mapping(changes, (), NAME).items():
        for part in reversed(split_key(name)[1:]):
            change = {part: change}
        value = _merged(value, {name.partition(".")[0]: change}, (), places)
    return Document(value, document.name, places)


def as_sets(changes: Mapping[str, Any]) -> tuple[str, ...]:
    """The same changes in the form of `--set`, one per changed key.

    Raises:
        TaskFileError: As `given`.
    """
    return tuple(_sets(_plain_mapping(changes, (), NAME), ""))


def _sets(changes: Mapping[str, Any], before: str) -> Iterator[str]:
    for name, value in changes.items():
        if isinstance(value, dict) and value and name not in _WHOLE and not before.startswith("space."):
            yield from _sets(value, f"{before}{name}.")
        else:
            yield f"{before}{name}={json.dumps(value, ensure_ascii=False)}"


def _merged(old: Mapping[str, Any], new: Mapping[str, Any], key: Key, places: dict[Key, str]) -> dict[str, Any]:
    merged = dict(old)
    for name, value in new.items():
        here, was = (*key, name), old.get(name)
        if isinstance(value, dict) and isinstance(was, dict) and name not in _WHOLE and key[:1] != ("space",):
            merged[name] = _merged(was, value, here, places)
            continue
        merged[name] = value
        for inner in [place for place in places if place[: len(here)] == here]:
            del places[inner]
        places[here] = ".".join(map(str, here))
    return merged


def _plain_mapping(values: Mapping[str, Any], key: Key, where: str) -> dict[str, Any]:
    for name in values:
        if not isinstance(name, str):
            raise _unfit("keys must be texts", name, key, where)
    return {name: _plain(value, (*key, name), where) for name, value in values.items()}


def _plain(value: Any, key: Key, where: str) -> Any:
    """The value in the types of a task file."""
    if len(key) > MAX_DEPTH:
        raise _unfit(f"values must be nested at most {MAX_DEPTH} deep", type(value).__name__, key[:1], where)
    if isinstance(value, Mapping):
        return _plain_mapping(value, key, where)
    if isinstance(value, list | tuple):
        return [_plain(item, (*key, place), where) for place, item in enumerate(value)]
    if isinstance(value, PurePath):
        value = str(value)
    elif type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, str) and is_text(value):
        remember(value)
        return str(value)
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    rule = "must be a finite number, a text, a truth value, None, or a list or dict of these"
    if hasattr(value, "shape"):  # a table or an array
        fix = "Write it to a file first, a table with `to_parquet`, and name the file."
        raise _unfit(rule, type(value).__name__, key, where, fix)
    raise _unfit(rule, value, key, where)


def _unfit(rule: str, value: object, key: Key, where: str, fix: str = "") -> TaskFileError:
    dotted = ".".join(map(str, key))
    return TaskFileError(f"{dotted} {rule}".strip(), value=value, fix=fix, where=where, key=key)
