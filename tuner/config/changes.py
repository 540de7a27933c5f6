"""Changes of a task file from the command line: `--set key=value`.

The value is YAML, except where the option takes only text: there it is taken literally, so that braces, brackets, `#`,
`:`, `*`, `&`, `%`, `@` and `!` have no special meaning, and 7 and `no` are texts. Quotes around the whole are removed,
and null means null where the option may be null.
"""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from tuner.config.options import Options
from tuner.config.task import TaskFile
from tuner.config.yaml_file import Document, is_null, parse_value, plain_text
from tuner.errors import Key, TaskFileError, is_text

DataOptions = Callable[[str], type[Options]]
"""Adapter's name -> its options model; raises a `TaskFileError` if the name is unknown."""

_FLAT = {"data", "space", "baseline", "search_space"}
"""Sections whose keys may contain dots: the part after the first dot is one key."""


def changed(document: Document, change: str, data_options: DataOptions | None) -> Document:
    """The document with one `--set` applied.

    Args:
        document: The task file.
        change: "key=value".
        data_options: Gives the options of `data`; None if unknown.

    Raises:
        TaskFileError: It is no change, or its value cannot be read.
    """
    where = f"--set {change}"
    key, text = split_change(change)
    value = _replaced(document.value, key, _read(text, _kinds_at(key, document, data_options), key, where), where)
    kept = {old: place for old, place in document.places.items() if old[: len(key)] != key}
    made = {key[:length] for length in range(1, len(key))} - kept.keys()  # mappings that the file lacks
    return Document(value, document.name, {**kept, **dict.fromkeys(made, where), key: where})


def split_change(change: str) -> tuple[Key, str]:
    """The key path and the text of a change."""
    if not is_text(change):
        raise TaskFileError("--set must be text that UTF-8 can write", value=change, where="--set")
    dotted, equals, text = change.partition("=")
    key = split_key(dotted.strip())
    if not equals or not all(key):
        raise TaskFileError(
            "--set must be key=value", value=change, where="--set", fix="For example: --set budget.trials=10."
        )
    return key, text


def split_key(dotted: str) -> tuple[str, ...]:
    """A dotted key as a path."""
    first, _, rest = dotted.partition(".")
    return (first, *([rest] if first in _FLAT and rest else rest.split(".") if rest else []))


def _read(text: str, kinds: set[Any] | None, key: Key, where: str) -> Any:
    """The value of a change; `kinds` are the types of its option, None if unknown."""
    if kinds is not None and kinds - {NoneType} == {str} and text.strip():
        return None if NoneType in kinds and is_null(text) else plain_text(text, where)
    try:
        return parse_value(text, where)
    except TaskFileError:
        if kinds is None and key[0] == "data" and text.strip():
            return plain_text(text, where)  # read later, when the adapter is known
        raise


def _kinds_at(key: Key, document: Document, data_options: DataOptions | None) -> set[Any] | None:
    """The types of the option at `key`; None if the option is unknown."""
    models: list[type[BaseModel]] = [TaskFile]
    if key[0] == "data" and len(key) > 1:
        adapter = document.value.get("adapter")
        try:
            models = [data_options(adapter)] if data_options and isinstance(adapter, str) else []
        except TaskFileError:
            models = []  # reported with its place when the file is checked
        key = key[1:]
    found: set[Any] | None = None
    for part in key:
        fields = [info for model in models for name, info in model.model_fields.items() if part in (name, info.alias)]
        found = {kind for info in fields for kind in _kinds(info.annotation)} if fields else None
        models = [kind for kind in found or () if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return found


def _kinds(annotation: Any) -> set[Any]:
    """The members of a union, without their validators; for a `Literal` the types of its values."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kinds(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return {kind for member in get_args(annotation) for kind in _kinds(member)}
    return {type(value) for value in get_args(annotation)} if origin is Literal else {annotation}


def _replaced(values: dict[str, Any], key: Key, new: Any, where: str) -> dict[str, Any]:
    """A copy of nested mappings with the value at `key` replaced; missing mappings are added."""
    name, *rest = (str(part) for part in key)
    if not rest:
        return {**values, name: new}
    inner = values.get(name)
    if inner is None:
        inner = {}
    if not isinstance(inner, dict):
        raise TaskFileError(f"{name} must be a mapping to set a key of it", value=inner, where=where)
    return {**values, name: _replaced(inner, tuple(rest), new, where)}
