"""Turns pydantic's validation errors into messages with place, rule, value and fix."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, get_args

import pydantic_core
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tuner.config.options import Options
from tuner.errors import Key, TaskFileError, UserError, nearest

Place = Callable[[Key], str]
"""Key path -> "file:line"."""

_Model = TypeVar("_Model", bound=Options)

SIZE_PHRASE = 'be bytes, or text such as "500MB", "20GB" or "1TB"'
_PHRASES = {
    "greater_than": "be > {gt}",
    "greater_than_equal": "be >= {ge}",
    "less_than": "be < {lt}",
    "less_than_equal": "be <= {le}",
    "multiple_of": "be a multiple of {multiple_of}",
    "finite_number": "be a finite number",
    "too_short": "have at least {min_length} entries",
    "too_long": "have at most {max_length} entries",
    "string_too_short": "have at least {min_length} characters",
    "string_too_long": "have at most {max_length} characters",
    "string_pattern_mismatch": "match {pattern}",
    "literal_error": "be {expected}",
    "enum": "be {expected}",
    "none_required": "be null",
    "byte_size": SIZE_PHRASE,
    "byte_size_unit": SIZE_PHRASE,
}
_KINDS = {
    "bool": "be true or false",
    "int": "be a whole number",
    "float": "be a number",
    "string": "be text",
    "list": "be a list",
    "tuple": "be a list",
    "set": "be a list",
    "dict": "be a mapping",
    "model": "be a mapping",
}
"""Wording of pydantic's error types such as `<kind>_type` and `<kind>_parsing`."""

_QUOTED = "Put it in quotes."


class OptionsError(TaskFileError):
    """Options do not fit their model; the message is the first mistake in the order of the file.

    Args:
        first: The mistake that is reported.
        others: The mistakes after it.
    """

    def __init__(self, first: TaskFileError, others: Sequence[TaskFileError]) -> None:
        super().__init__(first.rule, value=first.value, fix=first.fix, where=first.where, key=first.key)
        self.others = tuple(others)


def validate_options(model: type[_Model], values: Mapping[str, Any], *, key: Key = (), place: Place) -> _Model:
    """Make options from a file's values. Types are not converted: "5" and true are no numbers.

    Args:
        model: The options model.
        values: Option name -> value, as read from YAML.
        key: Key path of `values` in the file: ("sampler",).
        place: Turns a key path into "file:line".

    Raises:
        OptionsError: A name is unknown or a value is not allowed.
    """
    try:
        return model.model_validate_json(pydantic_core.to_json(values), strict=True)
    except ValidationError as error:
        mistakes: dict[Key, list[ErrorDetails]] = {}
        for details in error.errors(include_url=False):
            mistakes.setdefault(_path(details, values), []).append(details)
        paths = sorted(mistakes, key=lambda path: _position(path, values))
        first, *others = [_message(model, path, mistakes[path], key) for path in paths]
        for mistake in (first, *others):
            mistake.at(place(mistake.key))
            if mistake.where.startswith("--set ") and mistake.fix == _QUOTED:  # the shell removes quotes
                mistake.fix = (
                    f"""Quote it, and the whole too: --set 'key="{mistake.value}"', or 'key=["…"]' in a list."""
                )
        raise OptionsError(first, others) from None


def phrase(details: ErrorDetails) -> str:
    """The rule for the value, after "must": "be >= 1"."""
    kind, context = details["type"], details.get("ctx", {})
    if template := _PHRASES.get(kind):
        return template.format(**{name: _plain(value) for name, value in context.items()})
    if known := _KINDS.get(kind.partition("_")[0]):
        return known
    message = details["msg"]
    for start in ("Value error, must ", "Input should "):
        if message.startswith(start):
            return message.removeprefix(start)
    text = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return f"be valid ({text[:1].lower()}{text[1:]})"


def _message(model: type[BaseModel], path: Key, group: Sequence[ErrorDetails], key: Key) -> TaskFileError:
    """One message from all errors of one key; a union has one error for each of its members."""
    details, whole = group[0], (*key, *path)
    name, parent = dotted(whole), dotted(whole[:-1]) or "the top level"
    if details["type"] == "missing":
        return TaskFileError(f"{name} must be given", key=whole, fix=f"Add `{path[-1]}:` to {parent}.")
    if details["type"] == "extra_forbidden":
        known = _names(model, path[:-1])
        return TaskFileError(
            f"{parent} must have known keys only",
            value=path[-1],
            key=whole,
            fix=nearest(str(path[-1]), known, "list adapters" if whole[0] == "data" else "schema"),
        )
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, UserError):
        return TaskFileError(cause.rule, value=cause.value, fix=cause.fix, key=(*whole, *cause.key))
    phrases = list(dict.fromkeys(phrase(each) for each in group))
    rule = " or ".join([phrases[0], *(each.removeprefix("be ") for each in phrases[1:])])
    value = details["input"]
    if isinstance(value, dict) and details["type"] == "value_error":
        return TaskFileError(f"{name or 'the file'} must {rule}", key=whole)
    return TaskFileError(f"{name or 'the file'} must {rule}", value=value, fix=_fix(group, rule), key=whole)


def _fix(group: Sequence[ErrorDetails], rule: str) -> str:
    value = group[0]["input"]
    if isinstance(value, str):
        if "number" in rule and re.fullmatch(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?", value):
            return "Remove the quotes."
        if any(each["type"] in {"literal_error", "enum"} for each in group):
            return nearest(value, re.findall(r"'([^']*)'", rule))
    if isinstance(value, float) and "whole number" in rule and value.is_integer():
        return f"Write {int(value)}."
    if isinstance(value, bool | int | float) and rule == "be text":
        return _QUOTED
    if value is None and "null" not in rule:
        return "Fill it in, or remove the key."
    return ""


def _path(details: ErrorDetails, values: Any) -> Key:
    """The key path of an error, without the names of union members and validators."""
    path: list[str | int] = []
    for index, part in enumerate(details["loc"]):
        if isinstance(values, list) and len(values) == 1 and part in _keys(values[0]):
            values = values[0]  # a validator has unpacked a list of one entry
            path.append(0)
        if part in _keys(values):
            values = values[part]
        elif details["type"] != "missing" or index < len(details["loc"]) - 1:
            continue
        path.append(part)
    return tuple(path)


def _position(path: Key, values: Any) -> tuple[int, ...]:
    """Sort key of a key path: the order of the file, a missing key last in its mapping."""
    position = []
    for part in path:
        keys = _keys(values)
        position.append(keys.index(part) if part in keys else len(keys))
        values = values[part] if part in keys else None
    return tuple(position)


def _keys(values: object) -> list[str | int]:
    if isinstance(values, Mapping):
        return list(values)
    return list(range(len(values))) if isinstance(values, list) else []


def _names(model: type[BaseModel], path: Key) -> list[str]:
    """The keys that the model knows at `path`."""
    models = [model]
    for part in path:
        if isinstance(part, str):
            fields = [info for each in models for name, info in each.model_fields.items() if part in (name, info.alias)]
            # A part that is no field is a key of a mapping of models.
            models = [found for info in fields for found in _models(info.annotation)] or models
    return [info.alias or name for each in models for name, info in each.model_fields.items()]


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _models(argument)]


def dotted(key: Key) -> str:
    """A key path as messages show it: "objective[0].metric"."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).removeprefix(".")


def _plain(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e6 else value
