"""Whether repairs helped: each against the trial that it repaired, after the same number of epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.diagnostics.finding import changes_in_words
from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.seed_noise import SeedNoise
from tuner.words import counted

LEAST_GAIN = 0.02
"""A repair that improves the value by a smaller fraction of it did not help."""


@dataclass(frozen=True)
class Repaired:
    """A repair and its outcome.

    Args:
        number: The repair.
        repaired: The trial that it repaired.
        finding: The finding in that trial.
        change: Parameter -> old and new value.
        epochs: Number of epochs after which both are compared: those of the shorter training.
        ended: Number of epochs of the repaired trial if it was ended early, else None.
        before: Best value of the repaired trial by then; None without one.
        after: That of the repair.
        final: The repair's best value if it was trained longer, else None.
        better: Whether the repair is better, by at least a fiftieth of the value.
        helped: Whether it is better beyond the noise of seeds; None if that is unknown.
        cured: Whether the finding is gone.
    """

    number: int
    repaired: int
    finding: str
    change: Mapping[str, Sequence[Any]]
    epochs: int
    ended: int | None
    before: float | None
    after: float | None
    final: float | None
    better: bool
    helped: bool | None
    cured: bool

    @property
    def outcome(self) -> str:
        """Whether it helped, in words."""
        if self.helped is None:
            return "better; whether that is beyond the noise of seeds is not known"
        if self.helped:
            return "it helped"
        return "better, but within the noise of seeds" if self.better else "it did not help"

    @property
    def values(self) -> str:
        """`0.4 -> 0.2 after 3 epochs, 0.1 in the end`."""
        if self.epochs == 0:
            return "no epoch to compare them at" if self.final is None else f"no score -> {self.final:.4g} in the end"
        before, after = ("-" if value is None else f"{value:.4g}" for value in (self.before, self.after))
        ended = "" if self.ended is None else f" (ended after {self.ended})"
        told = f"{before}{ended} -> {after} after {counted(self.epochs, 'epoch')}"
        return told if self.final is None else f"{told}, {self.final:.4g} in the end"

    @property
    def sentence(self) -> str:
        """The repair and its outcome in words."""
        what, change = self.finding.replace("_", " "), changes_in_words(self.change)
        return f"trial {self.number} repaired trial {self.repaired} ({what}; {change}): {self.values}; {self.outcome}."


def repaired(records: Sequence[RunRecord], confirmed: Sequence[RunRecord], objective: Objective) -> list[Repaired]:
    """Every finished repair, by number.

    Args:
        records: The trials of one study.
        confirmed: Its confirmations, which show the noise of seeds.
        objective: What was optimized.
    """
    known = {record.number: record for record in records}
    over = [
        (record, other)
        for record in sorted(records, key=lambda each: each.number)
        if record.state.final and (other := known.get(record.repairs.get("number", -1))) is not None
    ]
    noise = SeedNoise.of(confirmed, records, objective) if over else None
    return [_judged(record, other, noise, objective) for record, other in over if noise is not None]


def _judged(record: RunRecord, other: RunRecord, noise: SeedNoise, objective: Objective) -> Repaired:
    own, others = (max(each.epochs, default=0) for each in (record, other))
    epochs = min(own, others)
    before, after, final = (
        _best(each, objective, upto) for each, upto in ((other, epochs), (record, epochs), (record, own))
    )
    better = False
    helped: bool | None = None if before is None and final is not None else False  # nothing to compare with
    if before is not None and after is not None:
        better = objective.gain(after, before) > LEAST_GAIN * abs(before)
        if better:
            least = noise.least_gain(epochs)
            helped = None if least is None else noise.scale(after) - noise.scale(before) > least
    return Repaired(
        number=record.number,
        repaired=other.number,
        finding=record.repairs["finding"],
        change=record.repairs["change"],
        epochs=epochs,
        ended=others if other.state in {State.DIVERGED, State.HOPELESS} else None,
        before=before,
        after=after,
        final=final if own > epochs else None,
        better=better,
        helped=helped,
        cured=record.repairs["finding"] not in record.found,
    )


def _best(record: RunRecord, objective: Objective, epochs: int) -> float | None:
    return objective.best(value for epoch, value in record.series(objective.metric).items() if epoch <= epochs)
