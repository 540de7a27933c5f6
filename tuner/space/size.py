"""How many configurations a search space has."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.space.conditions import Condition
from tuner.space.domains import Scalar
from tuner.space.grammar import Definition

_MANY = 10_000
"""More combinations than this, as far as conditions tell them apart, are not counted."""


def count(definitions: Sequence[Definition]) -> int | None:
    """The number of different configurations; None when a range is dense or there are too many combinations.

    Args:
        definitions: Parents before children.
    """
    asked: dict[str, list[Condition]] = {}
    last: dict[str, int] = {}  # parent -> index of the last definition that depends on it
    for index, definition in enumerate(definitions):
        for condition in definition.conditions:
            asked.setdefault(condition.parent, []).append(condition)
            last[condition.parent] = index
    # Values of the parameters that later definitions depend on -> configurations so far that agree in them.
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
    """The values in groups that no condition tells apart."""
    if not conditions:
        return [values]
    groups: dict[tuple[bool, ...], list[Scalar]] = {}
    for value in values:
        groups.setdefault(tuple(condition.accepts(value) for condition in conditions), []).append(value)
    return list(groups.values())
