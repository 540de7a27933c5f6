"""Rules about the gradient on its way back through time."""

from __future__ import annotations

from statistics import median

from tuner.diagnostics import names, thresholds
from tuner.diagnostics.case import Case, reach
from tuner.diagnostics.finding import Cure, Finding
from tuner.diagnostics.rules.rule import Rule

PLAIN = {"rnn", "indrnn"}
"""Cells without gates, for which a gated cell is a cure."""


class VanishingGradient(Rule[thresholds.VanishingGradient]):
    """The state's gradient vanishes before it has reached back over the task's lag, and the task is not learned."""

    is_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        looks = case.series(names.ATTENUATION)
        progress = case.progress
        if not looks or case.lag is None or progress is None or progress > self.limits.progress:
            return None
        limit = 10.0 ** looks[-1][1]
        if limit >= self.limits.attenuation:
            return None
        first = next(epoch for epoch, value in looks if 10.0**value < self.limits.attenuation)
        _, cells = case.last_table(names.CELL_ATTENUATION)
        _, memory = case.last_table(names.MEMORY_TIME)
        where = max(cells, key=lambda at: cells[at], default="")
        remembers = f"; its units remember for {memory[where]:.3g} steps at most" if where in memory else ""
        return self.finding(
            case,
            first,
            f"over {_reach(case)} the gradient falls to 10^{looks[-1][1]:.1f} of itself{remembers}",
            f"at least {self.limits.attenuation:g} of it left, unless the loss is {self.limits.progress:.0%} below "
            "the trivial predictor's",
            where=where,
            numbers={"attenuation": looks[-1][1], "lag": float(case.lag), "progress": progress},
            cures=(
                Cure(param="gate_bias", to="chrono"),
                Cure(param="forget_bias", plus=3.0),
                *((Cure(param="cell", to="lstm"),) if case.params.get("cell") in PLAIN else ()),
                Cure(param="initializer", to="orthogonal"),
            ),
            advice=("a shorter window or coarser steps, if the task allows",),
        )

    def explains(self, finding: Finding) -> bool:
        """See `Rule.explains`: a weak gradient may still suffice for learning."""
        return bool(10.0 ** finding.numbers["attenuation"] < self.limits.hopeless)


class ExplodingGradient(Rule[thresholds.ExplodingGradient]):
    """The gradient grows on its way back through time, or jumps by orders of magnitude."""

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        cures = (
            Cure(param="clip_norm", times=0.25),
            Cure(param="learning_rate", times=0.3),
            Cure(param="initializer", to="orthogonal"),
        )
        for epoch, cells in case.tables(names.CELL_ATTENUATION):
            where = max(cells, key=lambda at: cells[at])
            if 10.0 ** min(cells[where], 300.0) > self.limits.growth:
                return self.finding(
                    case,
                    epoch,
                    f"over {_reach(case)} the gradient grows to 10^{cells[where]:.1f} of itself",
                    f"growth by a factor of at most {self.limits.growth:g}",
                    where=where,
                    numbers={"attenuation": cells[where]},
                    cures=cures,
                )
        norms, clipped = case.series(names.GRAD_NORM), dict(case.series(names.GRAD_CLIPPED))
        # In a good training the norm falls by orders of magnitude, so it is compared with the norm at the start.
        typical = max(norms[0][1], median(value for _, value in norms)) if norms else 0.0
        for epoch, value in case.series(names.GRAD_NORM_MAX):
            if typical > 0 and value > self.limits.outlier * typical and not clipped.get(epoch):
                return self.finding(
                    case,
                    epoch,
                    f"the gradient norm jumps to {value:.3g}, {value / typical:.3g} times what is usual, unclipped",
                    f"at most {self.limits.outlier:g} times what is usual",
                    numbers={"norm": value, "typical": typical},
                    cures=cures,
                )
        return None


def _reach(case: Case) -> str:
    """The steps over which an attenuation was measured, in words: the task's lag, or the length of sequences."""
    steps = reach((epoch.profiles.get(names.STATE_GRAD, {}) for epoch in case.epochs), case.lag)
    if steps == case.lag:
        return f"the task's lag of {case.lag} steps"
    return f"{steps:.0f} of the task's lag of {case.lag} steps"
