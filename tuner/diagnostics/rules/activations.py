"""Rules about a network's inputs, gates and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.diagnostics import names, thresholds
from tuner.diagnostics.case import Case
from tuner.diagnostics.finding import Cure, Finding
from tuner.diagnostics.rules.rule import Rule

MEMORY_GATES = {"forget", "update", "input"}
"""Gates that control what is kept; they may be near 0 or 1 if much must be kept for long. See `NoMemory`."""


class InputScale(Rule[thresholds.InputScale]):
    """The first layer's input is so large that it saturates every gate."""

    is_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        for epoch, table in case.tables(names.INPUT_SD):
            where, sd = next(iter(table.items()))
            if sd > self.limits.sd:
                return self.finding(
                    case,
                    epoch,
                    f"the first layer's input has a standard deviation of {sd:.3g}",
                    f"a standard deviation of at most {self.limits.sd:g}; standardized data has 1",
                    where=where,
                    numbers={"sd": sd},
                    advice=("standardize the inputs (an option of `data:`), or divide them by this number",),
                )
        return None


class NoMemory(Rule[thresholds.NoMemory]):
    """The gates that keep the state are shut: it is forgotten at once."""

    is_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        if case.lag is None or case.lag < self.limits.lag:
            return None
        for epoch, table in case.tables(names.MEMORY_TIME):
            where = max(table, key=lambda at: table[at])
            if table[where] < self.limits.steps:
                return self.finding(
                    case,
                    epoch,
                    f"even the units that remember longest forget within {table[where]:.2g} steps; the task's lag is "
                    f"{case.lag}",
                    f"a memory of at least {self.limits.steps:g} steps where the lag is {self.limits.lag} or more",
                    source="Gers et al. 2000; the limit is ours",
                    where=where,
                    numbers={"steps": table[where], "lag": float(case.lag)},
                    cures=(Cure(param="gate_bias", to="chrono"), Cure(param="forget_bias", to=1.0)),
                )
        return None


class SaturatedGate(Rule[thresholds.SaturatedGate]):
    """A gate is always shut or open, whatever its input; except gates of the memory, which may be."""

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        last, left = case.last_table(names.GATE_LEFT)
        _, right = case.last_table(names.GATE_RIGHT)
        for where, shut in left.items():
            gate, open_ = where.rpartition("/")[2], right.get(where, 0.0)
            if gate in MEMORY_GATES or not self._is_stuck(shut, open_):
                continue
            evidence = f"{shut:.0%} of the {gate} gate's values are below 0.1"
            threshold = f"at most {self.limits.closed:.0%} of them"
            if shut <= self.limits.closed:
                evidence += f" and {open_:.0%} above 0.9"
                threshold = f"at most {self.limits.open:.0%} of them together"
            return self.finding(
                case,
                self._first(case, where) or last,
                evidence,
                threshold,
                source="after Karpathy et al. 2016; the limit is ours",
                where=where,
                numbers={"closed": shut, "open": open_},
                cures=(Cure(param="learning_rate", times=0.3), Cure(param="initializer", to="orthogonal")),
                advice=("standardize the inputs", "a cell with layer normalization (ln_lstm, ln_gru)"),
            )
        return None

    def _is_stuck(self, shut: float, open_: float) -> bool:
        return shut > self.limits.closed or shut + open_ > self.limits.open

    def _first(self, case: Case, where: str) -> int:
        opened = dict(case.tables(names.GATE_RIGHT))
        for epoch, left in case.tables(names.GATE_LEFT):
            if self._is_stuck(left.get(where, 0.0), opened.get(epoch, {}).get(where, 0.0)):
                return epoch
        return 0


class SaturatedUnits(Rule[thresholds.SaturatedUnits]):
    """Outputs are at the ends of tanh, where its slope is 0; only in networks with such outputs."""

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        _, largest = case.last_table(names.OUTPUT_MAX)
        if max(largest.values(), default=0.0) > 1.0 + 1e-6:  # relu, linear: not bounded
            return None
        return _share(
            self,
            case,
            names.UNITS_SATURATED,
            self.limits.share,
            "of the outputs are above 0.95 in magnitude",
            (Cure(param="learning_rate", times=0.3), Cure(param="initializer", to="orthogonal")),
            ("standardize the inputs", "a cell with layer normalization (ln_lstm, ln_gru)"),
        )


class DeadUnits(Rule[thresholds.DeadUnits]):
    """The outputs of units are constant."""

    is_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        return _share(
            self,
            case,
            names.UNITS_DEAD,
            self.limits.share,
            "of the units do not vary",
            (
                Cure(param="learning_rate", times=0.3),
                Cure(param="initializer", to="orthogonal"),
                Cure(param="nonlinearity", to="tanh"),
                Cure(param="cell", to="lstm"),
            ),
            ("a smaller hidden_size",),
        )


def _share(
    rule: Rule[Any],
    case: Case,
    quantity: str,
    limit: float,
    words: str,
    cures: Sequence[Cure],
    advice: Sequence[str],
) -> Finding | None:
    """The finding of a rule about a share of each cell, if it is too large in the last look; its first epoch."""
    last, table = case.last_table(quantity)
    if not table or max(table.values()) <= limit:
        return None
    where = max(table, key=lambda at: table[at])
    first = last
    looks: list[tuple[int, Mapping[str, float]]] = list(case.tables(quantity))
    for epoch, cells in reversed(looks):
        if cells.get(where, 0.0) <= limit:
            break
        first = epoch
    return rule.finding(
        case,
        first,
        f"{table[where]:.0%} {words}",
        f"at most {limit:.0%} of them",
        where=where,
        numbers={"share": table[where]},
        cures=tuple(cures),
        advice=tuple(advice),
    )
