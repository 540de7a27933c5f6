"""The number of configurations of a search space."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.space.conditions import Condition
from tuner.space.domains import Scalar
from tuner.space.grammar import Definition

_MANY = 10_000
"""Counting stops at so many combinations that conditions distinguish."""


def count(definitions: Sequence[Definition]) -> int | None:
    """The number of different configurations; None if a range is continuous or there are too many combinations.

    Args:
        definitions: Parents before children.
    """
    asked: dict[str, list[Condition]] = {}
    last: dict[str, int] = {}  # parent -> index of the last definition that depends on it
    for index, definition in enumerate(definitions):
        for condition in definition.conditions:
            asked.setdefault(condition.parent, []).append(condition)
            last[condition.parent] = index
    # Values of the parameters that later definitions depend on -> number of configurations with them so far.
    counts: dict[tuple[tuple[str, Scalar], ...], int] = {(): 1}
    for index, definition in enumerate(definitions):
        values = definition.domain.values()
        if values is None or len(counts) > _MANY:
            return None
        groups = _alike(values, asked.get(definition.name, ()))
        before, counts = counts, {}
        for state, number in before.items():
            alive = tuple(each for each in state if last.get(each[0], -1) >= index)
            if definition.active(dict(state)):
                choices = [((*alive, (definition.name, group[0])), len(group)) for group in groups]
            else:
                choices = [(alive, 1)]
            for chosen, times in choices:
                counts[chosen] = counts.get(chosen, 0) + number * times
    return sum(counts.values())


def _alike(values: Sequence[Scalar], conditions: Sequence[Condition]) -> list[Sequence[Scalar]]:
    """The values in groups that no condition distinguishes."""
    if not conditions:
        return [values]
    groups: dict[tuple[bool, ...], list[Scalar]] = {}
    for value in values:
        groups.setdefault(tuple(condition.accepts(value) for condition in conditions), []).append(value)
    return list(groups.values())
