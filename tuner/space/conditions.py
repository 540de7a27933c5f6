"""Conditions of a parameter: the values of other parameters under which it exists."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tuner.space.domains import Choices, Constant, Domain, Scalar, same, shown


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition that a parameter exists and has one of some values, or lies in a closed interval.

    Args:
        parent: That parameter.
        values: Its accepted values; empty if there is an interval.
        low: Least accepted number.
        high: Greatest accepted number.
    """

    parent: str
    values: tuple[Scalar, ...] = ()
    low: float = -math.inf
    high: float = math.inf

    def accepts(self, value: object) -> bool:
        """Whether the parent's value is accepted."""
        if self.values:
            return any(same(each, value) for each in self.values)
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high

    def holds(self, params: Mapping[str, Any]) -> bool:
        """Whether the condition holds for these parameters; not if the parent does not exist."""
        return self.parent in params and self.accepts(params[self.parent])

    def within(self, domains: Iterable[Domain]) -> Condition | None:
        """The condition reduced to the parent's domains; None if it can never hold."""
        domains = tuple(domains)
        if self.values:
            left = tuple(value for value in self.values if any(domain.contains(value) for domain in domains))
            return Condition(self.parent, left) if left else None
        return self if any(self._meets(domain) for domain in domains) else None

    def excludes(self, other: Condition) -> bool:
        """Whether no value of the same parent fulfils both conditions."""
        if self.parent != other.parent:
            return False
        if self.values:
            return not any(other.accepts(value) for value in self.values)
        if other.values:
            return other.excludes(self)
        return self.high < other.low or other.high < self.low

    def to_json(self) -> dict[str, Any]:
        """Plain data from which `from_json` makes the same condition."""
        if self.values:
            return {"parent": self.parent, "values": list(self.values)}
        finite = {"low": self.low, "high": self.high}
        return {
            "parent": self.parent,
            **{end: value for end, value in finite.items() if math.isfinite(value)},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Condition:
        """The condition that `to_json` described."""
        return cls(**{**data, "values": tuple(data.get("values", ()))})

    def __str__(self) -> str:
        if self.values:
            return f"{self.parent}={'|'.join(map(shown, self.values))}"
        if math.isinf(self.high):
            return f"{self.parent}>={shown(self.low)}"
        if math.isinf(self.low):
            return f"{self.parent}<={shown(self.high)}"
        return f"{self.parent}={shown(self.low)}..{shown(self.high)}"

    def _meets(self, domain: Domain) -> bool:
        if isinstance(domain, Constant | Choices):
            return any(self.accepts(value) for value in domain.values())
        return domain.meets(self.low, self.high)
