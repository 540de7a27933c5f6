"""Findings: a symptom of a training, its evidence, and remedies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """A change of one parameter that may remove a symptom; exactly one of `to`, `times` and `plus` is given.

    Args:
        param: The parameter.
        to: Its new value.
        times: Factor of its value.
        plus: Number added to its value.
        old: The old value, if known.
    """

    param: str
    to: Value = None
    times: float | None = None
    plus: float | None = None
    old: Value = None

    def changed(self, value: Any) -> Any:
        """The new value; None if there is no number to change."""
        if self.times is None and self.plus is None:
            return self.to
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return value * self.times if self.times is not None else value + (self.plus or 0.0)

    def __str__(self) -> str:
        if self.to is None and (new := self.changed(self.old)) is not None:
            return f"{self.param} {self.old:.3g} -> {new:.3g}"
        if self.times is not None:
            return f"{self.param} times {self.times:.2g}"
        if self.plus is not None:
            return f"{self.param} {'plus' if self.plus >= 0 else 'minus'} {abs(self.plus):g}"
        return f"{self.param}: {self.to}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A symptom that was seen in one training.

    Args:
        name: The rule's name in the catalog: "vanishing_gradient".
        where: Tensor, cell or gate; "" for the whole training.
        epoch: First epoch in which it was seen, from 1.
        step: Optimizer step at the end of that epoch; 0 if unknown.
        evidence: One sentence with numbers.
        numbers: Those numbers by name.
        threshold: The violated rule, in words.
        source: The source of the threshold.
        cures: Parameters to change, most promising first.
        advice: Further remedies, in words.
        fatal: Whether the training is hopeless: it may be ended.
    """

    name: str
    where: str = ""
    epoch: int
    step: int = 0
    evidence: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    threshold: str
    source: str
    cures: tuple[Cure, ...] = ()
    advice: tuple[str, ...] = ()
    fatal: bool = False

    @property
    def title(self) -> str:
        """The name in words: "vanishing gradient"."""
        return self.name.replace("_", " ")

    @property
    def remedies(self) -> list[str]:
        """The remedies, most promising first, in words."""
        return [*map(str, self.cures), *self.advice]

    def beside(self, params: Mapping[str, Any]) -> Finding:
        """The finding with its cures applied to a training's parameters; cures without effect are left out.

        Args:
            params: All active ones, including defaults.
        """
        cures = (
            replace(cure, old=params[cure.param])
            for cure in self.cures
            if cure.param in params and cure.changed(params[cure.param]) not in {None, params[cure.param]}
        )
        return replace(self, cures=tuple(cures))

    def as_json(self) -> dict[str, Any]:
        """JSON-able fields, for `results["findings"]` of an ended run."""
        return {**asdict(self), "cures": [asdict(cure) for cure in self.cures], "advice": list(self.advice)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Finding:
        """The finding of such fields."""
        cures = tuple(Cure(**cure) for cure in fields["cures"])
        return cls(**{**fields, "cures": cures, "advice": tuple(fields["advice"])})


def changes_in_words(change: Mapping[str, Sequence[Any]]) -> str:
    """Write changes (parameter -> old and new value, None if missing) as "learning_rate 0.1 -> 0.01"."""
    return ", ".join(f"{name} {_shown(old)} -> {_shown(new)}" for name, (old, new) in change.items())


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "-" if value is None else str(value)
