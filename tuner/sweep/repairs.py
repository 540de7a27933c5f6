"""Repairs: the cure of a curable finding, tried as a new trial of the search.

What is repaired follows from the records of the trials that are over, in their order, so that a resumed sweep decides
as one that was never stopped.
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
"""The first so many trials are worth a repair: the search knows nothing better yet."""
PROMISING = 0.25
"""Any trial among this share of the best so far is worth one, too."""
LITTLE = 0.3
"""A trial whose best epoch is below the trivial predictor's loss by a larger share of it has learned something: of its
findings only those few are cured that spoil what was learned (`Rule.cured_anyway`). So has one that came this share of
the way that the best so far came, once some are over: where labels are noisy, none is far below that loss."""
SOME = 5
"""So many trials show how far one can come."""
NOTHING = 0.03
"""As small a share of the trivial predictor's loss is nothing, whatever the best has."""
AT_ONCE = "learning_rate"
"""Of a trial that was cut only this is cured: a beginning shows little else, as on a plateau all trials look alike."""
REGION = ("cell", "optimizer")
"""Trials that agree in these are in one region, where a cause is repaired once."""
LEAST_CHANGE = 0.1
"""A number that changes by less, relative to the old one, is no cure: the range of the search ends there."""


@dataclass(frozen=True)
class Repair:
    """A cure to be tried.

    Args:
        number: The trial that it repairs.
        finding: What was found there.
        change: Parameter -> its old and its new value; the cure, and what had to follow it.
        params: The new trial's parameters.
    """

    number: int
    finding: str
    change: Mapping[str, tuple[Any, Any]]
    params: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """As the new trial's first event holds it."""
        change = {name: list(values) for name, values in self.change.items()}
        return {"number": self.number, "finding": self.finding, "change": change}

    def __str__(self) -> str:
        return f"trial {self.number}, {self.finding.replace('_', ' ')}: {changes_in_words(self.change)}"


class Repairs:
    """Which cure to try next.

    Args:
        space: Today's search space; a cure that leads out of it is not tried.
        most: Number of repairs in the whole sweep.
        objective: What is optimized.
    """

    def __init__(self, space: Space, most: int, objective: Objective) -> None:
        self._space, self._left, self._objective = space, most, objective
        self._curable: deque[tuple[RunRecord, list[Finding]]] = deque()
        self._tried: set[tuple[Any, ...]] = set()
        self._losses: list[float] = []
        """Of the trials that are over, the best first; see `Objective.loss`."""
        self._furthest = 0.0
        """The largest progress (`Case.progress`) of a trial that is over."""

    def begun(self, repairs: Mapping[str, Any], params: Mapping[str, Any]) -> None:
        """Count a repair that is in the study.

        Args:
            repairs: What `Repair.as_json` gave.
            params: The new trial's parameters.
        """
        self._left -= 1
        before = {name: old for name, (old, _) in repairs["change"].items()}
        self._tried.add(_cause(repairs["finding"], {**params, **before}))

    def ended(self, record: RunRecord) -> None:
        """Take in a trial that is over."""
        loss = self._loss(record)
        if loss is not None:
            insort(self._losses, loss)
        self._furthest = max(self._furthest, record.results.get("progress") or 0.0)
        found = [Finding.from_json(fields) for fields in record.results.get("findings", ())]
        findings = sorted(found, key=lambda finding: _ORDER.get(finding.name, len(_ORDER)))  # causes before symptoms
        if record.repairs:
            return  # a cure that left something to cure was none
        learned_little = self._learned_little(record)
        if record.number < EARLY or (loss is not None and self._is_promising(loss)):
            wanted = [finding for finding in findings if learned_little or finding.name in _CURED_ANYWAY]
            self._curable.append((record, wanted))

    def next(self, begin: Callable[[Repair], T | None]) -> T | None:
        """Begin the repair that has waited longest: of a trial's first finding that the space has a cure for.

        Args:
            begin: Begins it; None where it cannot, as such a trial was there before.

        Returns:
            What `begin` gave; None where there is nothing to repair.
        """
        while self._left > 0 and self._curable:
            record, findings = self._curable.popleft()
            for finding in findings:
                if _cause(finding.name, record.params) in self._tried:
                    break  # what else was found may follow from it
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
    """The parameters after a cure, inside the space; None where the space has no room for it.

    Numbers go as far as their range. What the cure brings into being gets the middle of its range or its first choice.
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
    """A `Suggester` that keeps what it can of a trial's parameters, but for the one that is cured."""

    def __init__(self, params: Mapping[str, Any], name: str, value: Any) -> None:
        self._wanted = {**params, name: value}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """What is wanted, where it can be chosen, else the number nearest to it, else the first."""
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
        """What is wanted, or the end of the range on its side; the middle where nothing is."""
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
    """As a ratio where both are positive: rates and sizes are compared so."""
    return abs(math.log(one / other)) if one > 0 and other > 0 else abs(one - other)


def _cause(finding: str, params: Mapping[str, Any]) -> tuple[Any, ...]:
    return (finding, *(params.get(name) for name in REGION))


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs, the parameters that are gone or new with None."""
    names = dict.fromkeys([*old, *new])
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}
