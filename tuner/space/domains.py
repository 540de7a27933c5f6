"""The domains of parameters: a constant, choices, or a range; and how values are suggested."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

Scalar = str | int | float | bool | None


class Suggester(Protocol):
    """Picks values: Optuna's `Trial` or `FixedTrial`, or `tuner.space.sampling.Covering`."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices."""
        ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number in [low, high], on the grid low + k step with a step."""
        ...

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number in [low, high], on the grid low + k step."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """A single value; not searched."""

    value: Scalar

    def contains(self, value: object) -> bool:
        """Whether the parameter can have this value."""
        return same(self.value, value)

    def values(self) -> tuple[Scalar, ...]:
        """All values."""
        return (self.value,)

    def suggest(self, key: str, trial: Suggester) -> Scalar:  # noqa: ARG002 - the form of all domains
        """The value; the trial is not used."""
        return self.value

    def to_json(self) -> dict[str, Any]:
        """Plain data from which `domain_from_json` makes the same domain."""
        return {"value": self.value}

    def __str__(self) -> str:
        return shown(self.value)


@dataclass(frozen=True, slots=True)
class Choices:
    """Two or more different values without an order."""

    options: tuple[Scalar, ...]

    def contains(self, value: object) -> bool:
        """Whether the parameter can have this value."""
        return any(same(option, value) for option in self.options)

    def values(self) -> tuple[Scalar, ...]:
        """All values."""
        return self.options

    def suggest(self, key: str, trial: Suggester) -> Any:
        """The trial's choice."""
        return trial.suggest_categorical(key, self.options)

    def to_json(self) -> dict[str, Any]:
        """Plain data from which `domain_from_json` makes the same domain."""
        return {"choices": list(self.options)}

    def __str__(self) -> str:
        return f"[{', '.join(map(shown, self.options))}]"


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from low to high, both included; whole ones when low, high and step are whole.

    Args:
        low: Least value; > 0 with `log`.
        high: Greatest value, > low.
        log: Whether the logarithm is searched; not with `step`.
        step: Width of the grid low + k step, > 0, on which `high` lies; None for none (whole numbers: 1).
    """

    low: int | float
    high: int | float
    log: bool = False
    step: int | float | None = None

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers."""
        return isinstance(self.low, int)

    def contains(self, value: object) -> bool:
        """Whether the parameter can have this value."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        steps = (value - self.low) / self.step if self.step else 0
        return self.low <= value <= self.high and abs(steps - round(steps)) < 1e-8

    def values(self) -> Sequence[Scalar] | None:
        """All values; None if they are continuous or more than a million."""
        step = self.step or int(self.whole)
        if not step or (self.high - self.low) / step > 1e6:
            return None
        if self.whole:
            return range(int(self.low), int(self.high) + 1, int(step))
        low, width = Decimal(str(self.low)), Decimal(str(step))
        return tuple(float(low + k * width) for k in range(int((Decimal(str(self.high)) - low) / width) + 1))

    def meets(self, low: float, high: float) -> bool:
        """Whether a value lies in [low, high]."""
        first, step = max(low, self.low), self.step or int(self.whole)
        if step:
            first = self.low + math.ceil((first - self.low) / step - 1e-9) * step
        return first <= min(high, self.high)

    def suggest(self, key: str, trial: Suggester) -> int | float:
        """The trial's number."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(key, self.low, self.high, step=int(self.step or 1), log=self.log)
        return trial.suggest_float(key, self.low, self.high, step=self.step, log=self.log)

    def to_json(self) -> dict[str, Any]:
        """Plain data from which `domain_from_json` makes the same domain."""
        return {"low": self.low, "high": self.high, "log": self.log, "step": self.step}

    def __str__(self) -> str:
        text = f"{shown(self.low, log=self.log)}..{shown(self.high, log=self.log)}"
        return f"{text} log" if self.log else f"{text} step {shown(self.step)}" if self.step else text


Domain = Constant | Choices | Range


def domain_from_json(data: dict[str, Any]) -> Domain:
    """The domain that `to_json` described; other keys are ignored."""
    if "value" in data:
        return Constant(data["value"])
    if "choices" in data:
        return Choices(tuple(data["choices"]))
    return Range(data["low"], data["high"], data["log"], data["step"])


def same(one: object, other: object) -> bool:
    """Equality, with true and 1 different."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def shown(value: Scalar, *, log: bool = False) -> str:
    """A value as in YAML; on a log scale 3e-2 rather than 0.03.

    >>> shown(0.03, log=True), shown(0.25, log=True), shown(0.03), shown(None), shown(True)
    ('3e-2', '0.25', '0.03', 'null', 'true')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float):
        return str(value)
    plain = repr(value).removesuffix(".0")
    if not value or not (log or "e" in plain):
        return plain
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    mantissa = f"{digits[0]}.{''.join(map(str, digits[1:]))}".rstrip(".")
    scientific = f"{'-' * sign}{mantissa}e{int(exponent) + len(digits) - 1}"
    return scientific if len(scientific) <= len(plain) else plain
