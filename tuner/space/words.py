"""Ranges and conditions of a search space in words."""

from __future__ import annotations

import math

from tuner.space.conditions import Condition
from tuner.space.domains import Choices, Constant, Domain, shown
from tuner.space.grammar import Definition


def domain_in_words(domain: Domain) -> str:
    """Such as `1e-4 to 3e-2, on a log scale`, `lstm, gru`, `always 32`."""
    if isinstance(domain, Constant):
        return f"always {shown(domain.value)}"
    if isinstance(domain, Choices):
        return ", ".join(map(shown, domain.options))
    low, high = (shown(end, log=domain.log) for end in (domain.low, domain.high))
    steps = ", on a log scale" if domain.log else f", in steps of {shown(domain.step)}" if domain.step else ""
    return f"{low} to {high}{steps}"


def condition_in_words(condition: Condition) -> str:
    """Such as `layers 2 or more`, `cell lstm or gru`."""
    if condition.values:
        *most, last = map(shown, condition.values)
        return f"{condition.parent} {', '.join(most)}{' or ' * bool(most)}{last}"
    low, high = (None if math.isinf(end) else shown(end) for end in (condition.low, condition.high))
    if low is None or high is None:
        return f"{condition.parent} {low} or more" if high is None else f"{condition.parent} {high} or less"
    return f"{condition.parent} {low} to {high}"


def conditions_in_words(definition: Definition) -> str:
    """All conditions of a definition in words; empty without any."""
    return " and ".join(map(condition_in_words, definition.conditions))
