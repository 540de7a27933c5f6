"""The consistency of definitions: parents before children, no loops, never two of one name at once."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import combinations

from tuner.errors import TaskFileError, nearest
from tuner.space.conditions import Condition
from tuner.space.grammar import Definition

MAX_DEFINITIONS = 500
"""Largest number of definitions of a search space; far beyond what a search can explore."""


def ordered(definitions: Sequence[Definition]) -> tuple[Definition, ...]:
    """The definitions sorted, every parameter after those it depends on.

    Raises:
        TaskFileError: A condition names no parameter or a value it never has, conditions form a loop, or two
            definitions of one parameter do not exclude each other.
    """
    if len(definitions) > MAX_DEFINITIONS:
        raise TaskFileError(
            f"a search space must have at most {MAX_DEFINITIONS} definitions",
            value=len(definitions),
            where=definitions[MAX_DEFINITIONS].where,
        )
    check_parents(definitions, definitions)
    groups = _by_name(definitions)
    graph = {name: [c.parent for each in group for c in each.conditions] for name, group in groups.items()}
    try:
        names = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        loop = error.args[1]
        raise TaskFileError(
            "conditions must not form a loop", value=" <- ".join(loop), where=groups[loop[0]][0].where
        ) from None
    for group in groups.values():
        _check_exclusive(group, groups)
    return tuple(definition for name in names for definition in groups[name])


def check_parents(definitions: Sequence[Definition], space: Sequence[Definition]) -> None:
    """Check that the conditions of `definitions` can hold in `space`.

    Raises:
        TaskFileError: A condition names no parameter or a value it never has.
    """
    groups = _by_name(space)
    for definition in definitions:
        for condition in definition.conditions:
            parent, rule = condition.parent, f"the condition of {definition.name} must ask for"
            if parent not in groups:
                raise TaskFileError(
                    f"{rule} a parameter of the search space",
                    value=parent,
                    fix=nearest(parent, groups),
                    where=definition.where,
                    key=(definition.name,),
                )
            domains = [each.domain for each in groups[parent]]
            if condition.within(domains) != condition:
                raise TaskFileError(
                    f"{rule} values that {parent} can have",
                    value=str(condition),
                    fix=f"{parent} is {' or '.join(map(str, domains))}.",
                    where=definition.where,
                    key=(definition.name,),
                )


def _by_name(definitions: Sequence[Definition]) -> dict[str, list[Definition]]:
    groups: dict[str, list[Definition]] = {}
    for definition in definitions:
        groups.setdefault(definition.name, []).append(definition)
    return groups


def _check_exclusive(group: Sequence[Definition], groups: dict[str, list[Definition]]) -> None:
    for first, second in combinations(group, 2):
        if not any(one.excludes(other) for one in _implied(first, groups) for other in _implied(second, groups)):
            raise TaskFileError(
                f"definitions of {first.name} must exclude each other",
                value=f"{first} and {second}",
                fix="Give each a `when` on the same parameter.",
                where=second.where or first.where,
                key=(first.name,),
            )


def _implied(definition: Definition, groups: dict[str, list[Definition]]) -> list[Condition]:
    """All conditions of a definition: its own, and those of parents that are defined once."""
    implied, pending, seen = list(definition.conditions), list(definition.conditions), {definition.name}
    while pending:
        parent = pending.pop().parent
        if parent not in seen and len(groups[parent]) == 1:
            implied += groups[parent][0].conditions
            pending += groups[parent][0].conditions
        seen.add(parent)
    return implied
