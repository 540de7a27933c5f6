"""Describe one name: meaning, legal interval, default, when it acts, its ranges in ready files, its source."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from tuner.cli.catalogs import CATALOGS, FILES, describe, first_comment, parameter_models, plain, searched_fields
from tuner.config import Options, TaskFile, read_yaml, ready_search_spaces
from tuner.errors import UserError, nearest
from tuner.nets.catalog import NEEDS
from tuner.space.conditions import Condition
from tuner.space.space import Space
from tuner.space.words import condition_in_words, conditions_in_words, domain_in_words

_CHOSEN = {
    "adapters": "adapter: {}",
    "cells": "cell: {}, in a search space",
    "initializers": "initializer: {}, in a search space",
    "optimizers": "optimizer: {}, in a search space",
    "poolings": "pooling: {}, in a search space",
    "pruners": "pruner: {{name: {}}}",
    "recorders": "tracking: {{recorder: {}}}",
    "samplers": "sampler: {{name: {}}}",
    "schedules": "schedule: {}, in a search space",
    "search_spaces": "search_space: {}",
}
"""How a task file selects an entry."""
_SEARCHED = {"cells", "initializers", "optimizers", "poolings", "schedules"}
"""Kinds whose entries are values of a parameter named after the kind: `cells`, `cell`."""
_WHOSE = {"parameters": "parameter", "adapters": "option", "findings": "threshold", "samplers": "option"}

Story = dict[str, Any]
"""The description of one thing; plain data.

`name`, `kind` (singular), `summary`, `source`; of a parameter `uses`, where it acts, and `spaces`, its ranges in
ready search spaces; of an entry `chosen`, `spaces` (names), and `parameters`; of a file `path` and `text`.
"""


def explain(name: str, kind: str = "") -> list[Story]:
    """The descriptions of everything of this name: one in most cases.

    Args:
        name: A parameter, a key of the task file, or an entry of what can be listed.
        kind: One of `kinds()`, to describe an entry of that kind only.

    Raises:
        UserError: Nothing has this name.
    """
    found = [story for kinds, story in _stories(name) if not kind or kind in kinds]
    if not found:
        known = _names() if not kind else [str(entry["name"]) for entry in describe(kind)]
        rule = f"NAME must be an entry of {kind}" if kind else "NAME must be a parameter, a key or an entry of `list`"
        raise UserError(rule, value=name, fix=nearest(name, known, f"list {kind}".rstrip()))
    return found


def _names() -> list[str]:
    listed = {str(entry["name"]) for kind in [*CATALOGS, *FILES, "parameters", "sources"] for entry in describe(kind)}
    return sorted({*listed, *(key for key, _ in _keys(TaskFile))})


def _stories(name: str) -> Iterator[tuple[set[str], Story]]:
    """Everything of this name, with the kinds that list it."""
    if uses := _uses(name):
        yield {"parameters", *({"regularizers"} if name in CATALOGS["regularizers"] else ())}, _parameter(name, uses)
    for kind, catalog in CATALOGS.items():
        if name in catalog and kind != "regularizers":
            yield {kind}, _entry(kind, name)
    for kind, files in FILES.items():
        if (path := files().get(name)) is not None:
            text = path.read_text(encoding="utf-8")
            facts: Story = {"chosen": _chosen(kind, name), "path": os.path.relpath(path), "text": text}
            if kind == "search_spaces":
                facts["searched"] = list(_searched(name))
            yield {kind}, {**_head(name, kind), "summary": first_comment(text), "source": str(path), **facts}
    for row in describe("sources"):
        adapter, _, source = str(row["name"]).partition(": ")
        if name in (row["name"], source):
            chosen = f"adapter: {adapter}, data: {{source: {source}}}"
            head = _head(str(row["name"]), "sources")
            yield {"sources"}, {**head, "summary": row["summary"], "source": row["source"], "chosen": chosen}
    for key, field in _keys(TaskFile):
        if key == name:
            yield set(), {**_head(name, "task file key"), "summary": field["meaning"], "source": "", **field}


def _parameter(name: str, uses: list[dict[str, Any]]) -> Story:
    """A parameter of search spaces."""
    regularizer = CATALOGS["regularizers"].entries.get(name)
    return {
        **_head(name, "parameter"),
        "summary": uses[0]["meaning"] if regularizer is None else regularizer.summary,
        "source": "" if regularizer is None else regularizer.source,
        "needs": [condition_in_words(_condition(*need)) for need in NEEDS.get(name, {}).items()],
        "uses": uses,
        "spaces": [each for space in ready_search_spaces() for each in _in_space(space, name)],
    }


def _head(name: str, kind: str) -> Story:
    return {"name": name, "kind": kind.replace("_", " ").removesuffix("s")}


def _entry(kind: str, name: str) -> Story:
    """An entry of a catalog."""
    entry = CATALOGS[kind][name]
    story = {**_head(name, kind), "summary": entry.summary, "source": entry.source}
    if kind in _SEARCHED:
        parameter = kind.removesuffix("s")
        story["spaces"] = [space for space in ready_search_spaces() if name in _choices(space, parameter)]
    if kind in _CHOSEN:
        story["chosen"] = _chosen(kind, name)
    model: type[Options] = entry.options
    return {**story, "parameters": list(_fields(model)), "called": _WHOSE.get(kind, "parameter")}


def _chosen(kind: str, name: str) -> str:
    return _CHOSEN[kind].format(name) if kind in _CHOSEN else f"python -m tuner run tasks/{name}.yaml"


@cache
def _fields(model: type[Options]) -> Sequence[Mapping[str, str]]:
    """Every field of an options model: name, default, legal values, meaning."""
    schema, meanings = model.model_json_schema(), model.meanings()
    return [
        {
            "name": field.alias or name,
            "default": "" if field.is_required() else _value(field.get_default(call_default_factory=True)),
            "legal": _legal(schema["properties"][field.alias or name], schema.get("$defs", {})),
            "meaning": plain(meanings[name]),
        }
        for name, field in model.model_fields.items()
    ]


def _uses(name: str) -> list[dict[str, Any]]:
    """Where a parameter acts, with its default, legal values and meaning there; equal ones are merged."""
    found: list[dict[str, Any]] = []
    for kind, owner, model, source in parameter_models():
        if name not in searched_fields(kind, model):
            continue
        field = name.removeprefix("data.") if kind == "adapter" else name
        facts = next(each for each in _fields(model) if each["name"] == field)
        if name in ("cell", "initializer", "optimizer", "pooling", "schedule"):
            facts = {**facts, "legal": ", ".join(CATALOGS[f"{name}s"])}
        use = {**facts, "name": name, "with": [owner], "of": kind, "source": source}
        alike = ("default", "legal", "meaning", "of")
        same = [each for each in found if all(each[key] == use[key] for key in alike)]
        if same:
            same[0]["with"].append(owner)
        else:
            found.append(use)
    return found


def _in_space(space: str, name: str) -> Iterator[dict[str, str]]:
    """A parameter's range in a ready search space, and its condition."""
    for definition in _space(space).definitions:
        if definition.name == name:
            when = conditions_in_words(definition)
            yield {"space": space, "range": domain_in_words(definition.domain), "when": when}


def _searched(space: str) -> Iterator[dict[str, str]]:
    """All parameters of a ready search space."""
    for name in dict.fromkeys(each.name for each in _space(space).definitions):
        yield from ({"name": name, "range": each["range"], "when": each["when"]} for each in _in_space(space, name))


def _choices(space: str, name: str) -> set[str]:
    of_it = [each.domain for each in _space(space).definitions if each.name == name]
    return {str(value) for domain in of_it for value in domain.values() or ()}


@cache
def _space(name: str) -> Space:
    document = read_yaml(ready_search_spaces()[name])
    return Space.parse(document.value, document.place)


def _condition(parent: str, wanted: object) -> Condition:
    if isinstance(wanted, Mapping):
        return Condition(parent, (), **wanted)
    return Condition(parent, (wanted,))  # type: ignore[arg-type]  # a scalar of YAML


def _keys(model: type[Options], prefix: str = "") -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every key of the task file: `budget`, `budget.trials`, with its default, legal values and meaning."""
    for field, info in zip(_fields(model), model.model_fields.values(), strict=True):
        below = info.default if isinstance(info.default, Options) else None
        key = f"{prefix}{field['name']}"
        if below is None:
            yield key, field
        else:
            inner = ", ".join(f"{key}.{name}" for name in type(below).model_fields)
            yield key, {**field, "default": "", "legal": f"its keys: {inner}"}
            yield from _keys(type(below), f"{key}.")


def _value(value: object) -> str:
    """A default as it is written in YAML."""
    if isinstance(value, Options):
        return ""
    if isinstance(value, str):
        return value
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, default=str)


_TYPES = {"boolean": "true or false", "null": "null", "string": "text", "array": "a list", "object": "a mapping"}


def _legal(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> str:
    """The legal values, from a JSON Schema."""
    if "$ref" in schema:
        return _legal(defined[schema["$ref"].rpartition("/")[2]], defined)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_legal(each, defined) for each in schema[several]))
    if "enum" in schema or "const" in schema:
        *most, last = [_value(each) for each in schema.get("enum", [schema.get("const")])]
        return f"{', '.join(most)} or {last}" if most else last
    kind = schema.get("type", "")
    if kind not in ("integer", "number"):
        return _TYPES.get(kind, "anything")
    interval = _interval(schema)
    return f"whole number{interval and f', {interval}'}" if kind == "integer" else interval or "number"


def _interval(schema: Mapping[str, Any]) -> str:
    low, above, high, below = (
        None if (end := schema.get(key)) is None else f"{end:,}" if isinstance(end, int) else f"{end:g}"
        for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
    )
    start = low if low is not None else above and f"above {above}"
    if high is None and below is None:
        return f"at least {low}" if low is not None else start or ""
    if start is None:
        return f"up to {high}" if high is not None else f"below {below}"
    if high is not None:
        return f"{start}{',' if low is None else ''} {'up to' if low is None else 'to'} {high}"
    return f"{start} to below {below}" if low is not None else f"between {above} and {below}"
