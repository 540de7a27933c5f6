"""The JSON Schema of the task file, with which editors complete and check it.

The options of each adapter, sampler and pruner come from their catalogs. Rules between keys (low < high, conditions)
are not part of it; they are checked when a file is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from tuner.config.ready import ready_search_spaces
from tuner.config.task import TaskFile
from tuner.registry import Catalog

_SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean", "null"]}
_WHEN: dict[str, Any] = {
    "description": "The entry exists only where each of these parameters has one of the values.",
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "anyOf": [
            _SCALAR,
            {"type": "array", "items": _SCALAR, "minItems": 1},
            {
                "type": "object",
                "properties": {"low": {"type": "number"}, "high": {"type": "number"}},
                "minProperties": 1,
                "additionalProperties": False,
            },
        ]
    },
}
_RANGE: dict[str, Any] = {
    "description": "An interval with both ends; whole numbers when low, high and step are whole.",
    "type": "object",
    "properties": {
        "low": {"type": "number"},
        "high": {"type": "number"},
        "log": {"type": "boolean", "default": False},
        "step": {"type": "number", "exclusiveMinimum": 0},
        "prior": {"description": "The value with the highest prior probability.", "type": "number"},
        "when": {"$ref": "#/$defs/when"},
    },
    "required": ["low", "high"],
    "additionalProperties": False,
}
_LIST: dict[str, Any] = {"type": "array", "items": _SCALAR, "minItems": 1, "uniqueItems": True}
_BRANCHES: dict[str, Any] = {
    "description": "Choices, each with entries of its own.",
    "type": "object",
    "properties": {
        "when": {"$ref": "#/$defs/when"},
        **dict.fromkeys(("low", "high", "log", "step", "value", "choices"), False),
    },
    "minProperties": 1,
    "additionalProperties": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/space"}]},
}
_ENTRY: dict[str, Any] = {
    "anyOf": [
        _SCALAR,
        _LIST,
        {"$ref": "#/$defs/range"},
        {"$ref": "#/$defs/branches"},
        {
            "type": "object",
            "properties": {"value": _SCALAR, "when": {"$ref": "#/$defs/when"}},
            "required": ["value"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {
                "choices": {"anyOf": [_LIST, {"$ref": "#/$defs/branches"}]},
                "prior": {
                    "description": "The weight of each choice, in order.",
                    "type": "array",
                    "items": {"type": "number", "exclusiveMinimum": 0},
                    "minItems": 1,
                },
                "when": {"$ref": "#/$defs/when"},
            },
            "required": ["choices"],
            "additionalProperties": False,
        },
        {
            "description": "Definitions under different conditions.",
            "type": "array",
            "items": {"type": "object", "required": ["when"], "allOf": [{"$ref": "#/$defs/entry"}]},
            "minItems": 1,
        },
    ]
}
_SPACE: dict[str, Any] = {
    "type": "object",
    "propertyNames": {
        "pattern": r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$",
        "not": {"pattern": r"(^|\.)seed$"},
        "maxLength": 100,
    },
    "additionalProperties": {"$ref": "#/$defs/entry"},
}


def task_schema(*, adapters: Catalog, samplers: Catalog, pruners: Catalog, recorders: Catalog) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a task file.

    Args:
        adapters: Known adapters; `data` takes the options of the one that `adapter` names.
        samplers: Known samplers, with their options.
        pruners: Known pruners, with their options.
        recorders: Known recorders, with their options.
    """
    catalogs = {"adapter": adapters, "sampler": samplers, "pruner": pruners, "tracking": recorders}
    models: list[type[BaseModel]] = [TaskFile]
    models += [catalog[name].options for catalog in catalogs.values() for name in catalog]
    mode: JsonSchemaMode = "validation"
    references, definitions = models_json_schema([(model, mode) for model in dict.fromkeys(models)])
    defs: dict[str, Any] = definitions["$defs"]
    options = {
        kind: {name: _name(references[catalog[name].options, mode]) for name in catalog}
        for kind, catalog in catalogs.items()
    }
    task = defs.pop(_name(references[TaskFile, mode]))
    task["required"].remove("name")  # defaults to the file's name
    keys = task["properties"]
    keys["adapter"] = {**keys["adapter"], **_names(options["adapter"])}
    keys["search_space"] = {
        "anyOf": [{"enum": sorted(ready_search_spaces())}, {"type": "string"}, {"$ref": "#/$defs/space"}],
        **{name: keys["search_space"][name] for name in ("default", "description")},
    }
    keys["space"] = {**keys["space"], "$ref": "#/$defs/space"}
    task["allOf"] = [
        {
            "if": {"properties": {"adapter": {"const": name}}, "required": ["adapter"]},
            "then": {"properties": {"data": {"$ref": f"#/$defs/{model}"}}},
        }
        for name, model in options["adapter"].items()
    ]
    for kind, key in (("sampler", "name"), ("pruner", "name"), ("tracking", "recorder")):
        section = defs[kind.capitalize()]
        own = list(section["properties"])
        default = section["properties"][key]["default"]
        section["properties"][key] |= _names(options[kind])
        section["allOf"] = [
            {
                "if": {
                    "properties": {key: {"const": name}},
                    "required": [] if name == default else [key],
                },
                "then": {
                    "properties": (properties := defs[model].get("properties", {})),
                    "propertyNames": {"enum": [*own, *properties]},
                },
            }
            for name, model in options[kind].items()
        ]
    grammar = {"when": _WHEN, "range": _RANGE, "branches": _BRANCHES, "entry": _ENTRY, "space": _SPACE}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **task, "$defs": {**defs, **grammar}}


def _name(reference: dict[str, Any]) -> str:
    return str(reference["$ref"].rpartition("/")[2])


def _names(known: Iterable[str]) -> dict[str, Any]:
    return {"anyOf": [{"enum": sorted(known)}, {"pattern": r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"}]}
