"""How a task file changes a search space.

A new entry replaces the domain of its parameter wherever the parameter exists, and keeps the conditions unless it has a
`when`. A list of choices keeps the entries below the choices it keeps; branches replace them. `null` removes a
parameter and the entries below its choices. An unknown name is added. Parameters that could exist only with a removed
choice are removed, too; it is an error if the task file changes such a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tuner.config import Place
from tuner.errors import TaskFileError, nearest
from tuner.space.domains import Domain
from tuner.space.grammar import Definition, Form, Parser, form_of
from tuner.space.order import check_parents


def changed(definitions: Sequence[Definition], changes: Mapping[str, Any], place: Place) -> list[Definition]:
    """The definitions after the changes; their order and consistency are not checked here.

    Args:
        definitions: A valid space.
        changes: Parameter name -> entry, or None.
        place: Turns a key path in `changes` into "file:line".

    Raises:
        TaskFileError: An entry breaks the grammar, an unknown name is removed, or a change has no effect.
    """
    result = list(definitions)
    written: list[Definition] = []
    # Branches first, so that a change to a parameter below them applies wherever it is in the file.
    for name in sorted(changes, key=lambda name: form_of(changes[name]) != "branches"):
        if changes[name] is None:
            result = _dropped(result, name, place)
        else:
            new = Parser(place).entry(name, changes[name], (name,))
            result = _replaced(result, new, form_of(changes[name]))
            written += new
    check_parents(written, result)
    kept = _pruned(result)
    for name in changes:
        lost = [str(each) for each in result if each.name == name]
        if lost and all(each.name != name for each in kept):
            raise TaskFileError(
                f"{name} must be possible with the other changes",
                value=" or ".join(lost),
                fix="Change what it depends on, or leave it out.",
                where=place((name,)),
                key=(name,),
            )
    return kept


def _dropped(definitions: list[Definition], name: str, place: Place) -> list[Definition]:
    if all(each.name != name for each in definitions):
        raise TaskFileError(
            "null must remove a parameter of the search space",
            value=name,
            fix=nearest(name, {each.name for each in definitions}),
            where=place((name,)),
            key=(name,),
        )
    kept = _without_orphans([each for each in definitions if each.name != name])
    for each in kept:
        if any(condition.parent == name for condition in each.conditions):
            raise TaskFileError(
                f"{name} must not be removed while {each.name} depends on it",
                value=str(each),
                fix=f"Remove {each.name}, too, or give {name} one value.",
                where=place((name,)),
                key=(name,),
            )
    return kept


def _replaced(definitions: list[Definition], new: Sequence[Definition], form: Form) -> list[Definition]:
    name = new[0].name
    if form in {"branches", "definitions"}:
        definitions = _without_orphans([each for each in definitions if each.owner != name])
    own = [each for each in new if not each.owner]
    below = [each for each in new if each.owner]
    old = [each for each in definitions if each.name == name]
    if old and not any(each.conditions for each in own):
        own = [replace(own[0], conditions=each.conditions, owner=each.owner) for each in old]
    return [each for each in definitions if each.name != name] + own + below


def _without_orphans(definitions: list[Definition]) -> list[Definition]:
    """The definitions without those below a removed parameter."""
    while True:
        names = {"", *(each.name for each in definitions)}
        kept = [each for each in definitions if each.owner in names]
        if len(kept) == len(definitions):
            return kept
        definitions = kept


def _pruned(definitions: list[Definition]) -> list[Definition]:
    """The definitions that are still possible, with conditions reduced to possible values."""
    while True:
        domains: dict[str, list[Domain]] = {}
        for each in definitions:
            domains.setdefault(each.name, []).append(each.domain)
        kept = []
        for each in definitions:
            left = [condition.within(domains.get(condition.parent, ())) for condition in each.conditions]
            possible = tuple(condition for condition in left if condition is not None)
            if len(possible) == len(left):
                kept.append(replace(each, conditions=possible))
        if kept == definitions:
            return kept
        definitions = kept
