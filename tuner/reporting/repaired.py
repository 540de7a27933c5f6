"""Whether repairs helped: each against the trial that it repaired, after the same number of epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.diagnostics.finding import changes_in_words
from tuner.events import RunRecord
from tuner.messages import State

LEAST_GAIN = 0.02
"""A repair that gains less than this share of the value did not help."""


@dataclass(frozen=True)
class Repaired:
    """A repair and what came of it.

    Args:
        number: The repair.
        repaired: The trial that it repaired.
        finding: What was found there.
        change: Parameter -> old and new value.
        epochs: Epochs after which both are compared: those of the shorter one; all that the repair has where the other
            was ended as it got nowhere.
        ended: Epochs of the repaired trial where it was ended; None else.
        before: Best value of the repaired trial by then; None without one.
        after: That of the repair.
        helped: Whether it is better by a fiftieth of the value at least.
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
    helped: bool
    cured: bool

    @property
    def sentence(self) -> str:
        """All that in words."""
        before, after = ("-" if value is None else f"{value:.4g}" for value in (self.before, self.after))
        ended = "" if self.ended is None else f" (ended after {self.ended})"
        values = f"{before}{ended} -> {after} after {self.epochs} epoch{'s' if self.epochs > 1 else ''}"
        word = "helped" if self.helped else "did not help"
        what = self.finding.replace("_", " ")
        change = changes_in_words(self.change)
        return f"trial {self.number} repaired trial {self.repaired} ({what}; {change}): {values}, it {word}."


def repaired(records: Sequence[RunRecord], metric: str, maximize: bool) -> list[Repaired]:
    """Every repair that is over, by number.

    Args:
        records: The trials of one study.
        metric: The objective.
        maximize: Whether higher values are better.
    """
    known = {record.number: record for record in records}
    found = []
    for record in sorted(records, key=lambda each: each.number):
        other = known.get(record.repairs.get("number", -1))
        if other is None or not record.state.final:
            continue
        own, others = (max(each.epochs, default=0) for each in (record, other))
        ended = others if other.state in {State.DIVERGED, State.HOPELESS} else None
        epochs = min(own, others) if ended is None else own
        before, after = (_best(each, metric, maximize, epochs) for each in (other, record))
        helped = after is not None and (before is None or _gain(before, after, maximize) > LEAST_GAIN * abs(before))
        cause = record.repairs
        found.append(
            Repaired(
                number=record.number,
                repaired=other.number,
                finding=cause["finding"],
                change=cause["change"],
                epochs=epochs,
                ended=ended,
                before=before,
                after=after,
                helped=helped,
                cured=cause["finding"] not in record.found,
            )
        )
    return found


def _gain(before: float, after: float, maximize: bool) -> float:
    return after - before if maximize else before - after


def _best(record: RunRecord, metric: str, maximize: bool, epochs: int) -> float | None:
    values = [value for epoch, value in record.series(metric).items() if epoch <= epochs and math.isfinite(value)]
    return (max if maximize else min)(values, default=None)
