"""Repairs: the remedy of a curable finding, tried as a new trial of the search.

Repairs follow only from the records of finished trials, in order, so that a resumed sweep decides like an uninterrupted
one.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard, TypeVar

from tuner.diagnostics.catalog import FINDINGS
from tuner.diagnostics.finding import Cure, Finding, changes_in_words
from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.space import Space
from tuner.space.domains import same

T = TypeVar("T")
_ORDER = {name: number for number, name in enumerate(FINDINGS)}
_CURED_ANYWAY = {name for name in FINDINGS if FINDINGS[name].load().cured_anyway}

EARLY = 10
"""The first trials, this many, are worth a repair: the search knows nothing better yet."""
PROMISING = 0.25
"""A later trial is worth a repair if it is in this best share so far."""
LITTLE = 0.3
"""A trial whose best loss is below the trivial predictor's by more than this fraction of it has learned something: only
findings that spoil what was learned (`Rule.cured_anyway`) are then repaired. The same holds for a trial with this
fraction of the best trial's progress: with noisy labels no loss is far below the trivial one."""
SOME = 5
"""Number of finished trials from which the best trial's progress is used."""
NOTHING = 0.03
"""A smaller fraction of the trivial predictor's loss is never counted as progress."""
AT_ONCE = "learning_rate"
"""The only parameter repaired in a pruned trial: a short training shows little else, as all look alike on a plateau."""
REGION = ("cell", "optimizer")
"""Trials with equal values of these are in one region, where each cause is repaired once."""
LEAST_CHANGE = 0.1
"""A smaller relative change of a number is no repair: the end of the search range prevents it."""


@dataclass(frozen=True)
class Repair:
    """A repair to be tried.

    Args:
        number: The trial that it repairs.
        finding: The finding in that trial.
        change: Parameter -> old and new value: the repair and the changes that it requires.
        params: The new trial's parameters.
    """

    number: int
    finding: str
    change: Mapping[str, tuple[Any, Any]]
    params: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The fields in the new trial's first event."""
        change = {name: list(values) for name, values in self.change.items()}
        return {"number": self.number, "finding": self.finding, "change": change}

    def __str__(self) -> str:
        return f"trial {self.number}, {self.finding.replace('_', ' ')}: {changes_in_words(self.change)}"


class Repairs:
    """Chooses the next repair.

    Args:
        space: The current search space; repairs outside it are not tried.
        most: Largest number of repairs in the whole sweep.
        objective: What is optimized.
    """

    def __init__(self, space: Space, most: int, objective: Objective) -> None:
        self._space, self._left, self._objective = space, most, objective
        self._curable: deque[tuple[RunRecord, list[Finding]]] = deque()
        self._tried: set[tuple[Any, ...]] = set()
        self._losses: list[float] = []
        """Losses (`Objective.loss`) of the finished trials, the best first."""
        self._furthest = 0.0
        """The largest progress (`Case.progress`) of a finished trial."""

    def begun(self, repairs: Mapping[str, Any], params: Mapping[str, Any]) -> None:
        """Count a repair that the study has.

        Args:
            repairs: From `Repair.as_json`.
            params: The new trial's parameters.
        """
        self._left -= 1
        before = {name: old for name, (old, _) in repairs["change"].items()}
        self._tried.add(_cause(repairs["finding"], {**params, **before}))

    def ended(self, record: RunRecord) -> None:
        """Take in a finished trial."""
        loss = self._loss(record)
        if loss is not None:
            insort(self._losses, loss)
        self._furthest = max(self._furthest, record.results.get("progress") or 0.0)
        found = [Finding.from_json(fields) for fields in record.results.get("findings", ())]
        findings = sorted(found, key=lambda finding: _ORDER.get(finding.name, len(_ORDER)))  # causes before symptoms
        if record.repairs:
            return  # a repair is not repaired itself
        learned_little = self._learned_little(record)
        if record.number < EARLY or (loss is not None and self._is_promising(loss)):
            wanted = [finding for finding in findings if learned_little or finding.name in _CURED_ANYWAY]
            self._curable.append((record, wanted))

    def next(self, begin: Callable[[Repair], T | None]) -> T | None:
        """Begin the repair that has waited longest: for a trial's first finding that can be repaired inside the space.

        Args:
            begin: Begins it; returns None if such a trial exists already.

        Returns:
            The result of `begin`; None if there is nothing to repair.
        """
        while self._left > 0 and self._curable:
            record, findings = self._curable.popleft()
            for finding in findings:
                if _cause(finding.name, record.params) in self._tried:
                    break  # other findings may be consequences of this one
                if (begun := self._begin(record, finding, begin)) is not None:
                    return begun
        return None

    def _begin(self, record: RunRecord, finding: Finding, begin: Callable[[Repair], T | None]) -> T | None:
        for cure in finding.cures:
            if record.state is State.PRUNED and cure.param != AT_ONCE:
                continue
            params = cured(self._space, record.params, cure)
            if params is None:
                continue
            repair = Repair(record.number, finding.name, _changes(record.params, params), params)
            if (begun := begin(repair)) is not None:
                self.begun(repair.as_json(), params)
                return begun
        return None

    def _loss(self, record: RunRecord) -> float | None:
        if record.value is None or not math.isfinite(record.value):
            return None
        return self._objective.loss(record.value)

    def _learned_little(self, record: RunRecord) -> bool:
        if record.state in {State.DIVERGED, State.HOPELESS}:
            return True
        progress = record.results.get("progress")
        reachable = self._furthest if len(self._losses) >= SOME else 1.0
        return progress is not None and progress < max(NOTHING, LITTLE * reachable)

    def _is_promising(self, loss: float) -> bool:
        return bisect_left(self._losses, loss) < max(1, PROMISING * len(self._losses))


def cured(space: Space, params: Mapping[str, Any], cure: Cure) -> dict[str, Any] | None:
    """The parameters after a repair, inside the space; None if the space does not allow it.

    Numbers are clipped to their range. Parameters that become active get the middle of their range or their first
    choice.
    """
    old = params.get(cure.param)
    new = cure.changed(old)
    if new is None:
        return None
    suggester = _Curing(params, cure.param, new)
    found = space.suggest(suggester)
    if cure.param not in found or not _differs(old, found[cure.param]):
        return None
    if isinstance(new, str | bool) and found[cure.param] != new:
        return None
    return found


class _Curing:
    """A `Suggester` that keeps a trial's parameters where possible, except the repaired one."""

    def __init__(self, params: Mapping[str, Any], name: str, value: Any) -> None:
        self._wanted = {**params, name: value}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """The wanted value if it is a choice, else the nearest number, else the first choice."""
        wanted = self._wanted.get(_plain(name))
        for choice in choices:
            if same(choice, wanted):
                return choice
        if _is_number(wanted) and all(map(_is_number, choices)):
            return min(choices, key=lambda choice: _distance(choice, wanted))
        return choices[0]

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """The wanted value clipped to the range; the middle of the range without a wanted value."""
        value = self._number(name, low, high, log)
        if step is not None:
            value = low + step * round((value - low) / step)
        return min(max(float(value), low), high)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """The same for whole numbers."""
        value = low + step * round((self._number(name, low, high, log) - low) / step)
        return min(max(int(value), low), high)

    def _number(self, name: str, low: float, high: float, log: bool) -> float:
        wanted = self._wanted.get(_plain(name))
        if not _is_number(wanted):
            return math.sqrt(low * high) if log else (low + high) / 2
        return min(max(wanted, low), high)


def _plain(key: str) -> str:
    """A parameter's name without the hash of its definition."""
    return key.rpartition("@")[0] or key


def _differs(old: Any, new: Any) -> bool:
    if _is_number(old) and _is_number(new):
        return bool(abs(new - old) > LEAST_CHANGE * abs(old))
    return not same(old, new)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _distance(one: float, other: float) -> float:
    """The log ratio if both are positive, as rates and sizes are compared, else the difference."""
    return abs(math.log(one / other)) if one > 0 and other > 0 else abs(one - other)


def _cause(finding: str, params: Mapping[str, Any]) -> tuple[Any, ...]:
    return (finding, *(params.get(name) for name in REGION))


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Parameter -> old and new value of all that differ; None for removed or added ones."""
    names = dict.fromkeys([*old, *new])
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}
