"""Rules about the size of the recurrent weights, at the start and during training."""

from __future__ import annotations

import math

from tuner.diagnostics import names, thresholds
from tuner.diagnostics.case import Case
from tuner.diagnostics.finding import Cure, Finding
from tuner.diagnostics.rules.readings import start_gain
from tuner.diagnostics.rules.rule import Rule


class InitializationScale(Rule[thresholds.InitializationScale]):
    """The initial recurrent matrices are far too large or too small."""

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        for epoch, table in case.tables(names.START_GAIN):
            low, high = min(table, key=lambda at: table[at]), max(table, key=lambda at: table[at])
            if table[high] > self.limits.largest:
                where, word = high, "at most"
            elif max(table.values()) < self.limits.least:
                where, word = low, "at least"
            else:
                continue
            limit = self.limits.largest if word == "at most" else self.limits.least
            return self.finding(
                case,
                epoch,
                f"a recurrent block scales a state by {table[where]:.3g} at the start (root mean square)",
                f"a gain of {word} {limit:g}; an orthogonal matrix has 1",
                source="Pascanu et al. 2013; the limit is ours",
                where=where,
                numbers={"gain": table[where]},
                cures=(Cure(param="initializer", to="orthogonal"), Cure(param="initializer", to="xavier_uniform")),
            )
        return None


class ShrinkingWeights(Rule[thresholds.ShrinkingWeights]):
    """Weight decay shrinks the weights faster than learning makes them grow."""

    is_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        sizes = _sizes(case)
        if not case.params.get("weight_decay") or len(sizes) < 2 or sizes[-1][1] >= self.limits.kept * sizes[0][1]:
            return None
        first = sizes[0][1]
        return self.finding(
            case,
            next(epoch for epoch, size in sizes if size < self.limits.kept * first),
            f"the norm of the recurrent layers' weights fell from {first:.3g} to {sizes[-1][1]:.3g}",
            f"a norm of at least {self.limits.kept:.0%} of the first epoch's",
            numbers={"first": first, "last": sizes[-1][1]},
            cures=(Cure(param="weight_decay", times=0.01),),
        )


class GrowingWeights(Rule[thresholds.GrowingWeights]):
    """The recurrent weights grow without end."""

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        start = start_gain(case)
        for epoch, table in case.tables(names.SINGULAR_LARGEST):
            where = max(table, key=lambda at: table[at])
            if table[where] > self.limits.singular * max(start, 1.0):
                return self.finding(
                    case,
                    epoch,
                    f"the largest singular value of a recurrent block is {table[where]:.3g}; at the start about "
                    f"{start:.3g}",
                    f"at most {self.limits.singular:g} times the gain at the start (or {self.limits.singular:g}, where "
                    "that gain is below 1)",
                    where=where,
                    numbers={"start": start, "singular": table[where]},
                    cures=(
                        Cure(param="clip_norm", times=0.25),
                        Cure(param="learning_rate", times=0.3),
                        Cure(param="weight_decay", times=10.0),
                    ),
                    advice=("gradient clipping",) if case.params.get("clip_norm", 1.0) is None else (),
                )
        return None


def _sizes(case: Case) -> list[tuple[int, float]]:
    """Epoch and norm of the recurrent layers' weights, without biases."""
    tables = case.tables(names.WEIGHT)
    return [
        (epoch, math.hypot(*(table[at] for at in table if "_cells." in at and "bias" not in at)))
        for epoch, table in tables
    ]
