"""The scores of configurations: on validation data at the epochs of the kept weights, and on test data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.words import called


@dataclass(frozen=True)
class Scored:
    """A study's scores, gathered from its runs.

    Args:
        objective: What was optimized.
        trials: Of the search.
        confirmed: Trainings on fresh seeds.
        test: Run of the confirmation -> score -> value on test data; a value may be None.
        known: Split -> score -> the trivial predictor's; a value may be None.
        floors: Method that is no network -> split -> score -> its own; a value may be None.
    """

    objective: Objective
    trials: Sequence[RunRecord]
    confirmed: Sequence[RunRecord]
    test: Mapping[str, Mapping[str, float | None]]
    known: Mapping[str, Mapping[str, float | None]]
    floors: Mapping[str, Mapping[str, Mapping[str, float | None]]] = field(default_factory=dict)

    def trained(self, number: int) -> list[RunRecord]:
        """A configuration's completed trainings on fresh seeds; before there are any, its trial."""
        return _completed(self.confirmed, number) or _completed(self.trials, number)

    def searched(self, number: int) -> float | None:
        """A trial's score in the search, whether it was completed or not."""
        return next((run.value for run in self.trials if run.number == number), None)

    def validation(self, number: int, name: str = "") -> list[float]:
        """Scores on validation data, by seed, of the runs of `trained`.

        Args:
            number: Of the trial, or -1 of the baseline.
            name: Without its split; by default the objective's.
        """
        return self._kept(self.trained(number), name)

    def fresh(self, number: int, name: str = "") -> list[float]:
        """The scores of fresh seeds only. See `validation`."""
        return self._kept(_completed(self.confirmed, number), name)

    def tests(self, number: int, name: str = "") -> list[float]:
        """Scores on test data, by seed; empty if it was not read. See `validation`."""
        runs = sorted(run.run for run in self.confirmed if run.number == number)
        values = [self.test.get(run, {}).get(name or self.objective.name) for run in runs]
        return [value for value in values if value is not None]

    def trivial(self, split: str, name: str = "") -> float | None:
        """The trivial predictor's score on a split; None if unknown."""
        return self.known.get(split, {}).get(name or self.objective.name)

    def floor(self, method: str, split: str, name: str = "") -> float | None:
        """The score on a split of one of `floors`; None where it is not known."""
        return self.floors[method].get(split, {}).get(name or self.objective.name)

    def _kept(self, runs: Sequence[RunRecord], name: str) -> list[float]:
        values = [self._at_best(run, name or self.objective.name) for run in runs]
        return [value for value in values if value is not None]

    def _at_best(self, run: RunRecord, name: str) -> float | None:
        """A validation score at the epoch of the kept weights; for the objective the run's value."""
        if name == self.objective.name:
            return run.value
        best = self.objective.best_of(run.series(self.objective.metric).items(), score=lambda pair: pair[1])
        value: Any = None if best is None else run.epochs[best[0]]["metrics"].get(f"val/{name}")
        return value if isinstance(value, int | float) else None


def compared(confirmed: Sequence[RunRecord], summary: Mapping[str, Any]) -> list[RunRecord]:
    """The trainings that a summary compares, where there is one: not those of what was asked for before."""
    if "rows" not in summary:  # none, or one of an earlier version
        return list(confirmed)
    names = {row["name"] for row in summary["rows"]}
    return [run for run in confirmed if called(run.number) in names]


def seed_scores(confirmed: Sequence[RunRecord]) -> dict[int, list[float | None]]:
    """Number of a configuration -> its score per seed, None without one; unfinished runs are left out."""
    scores: dict[int, list[float | None]] = {}
    for run in confirmed:
        if run.state.final:
            scores.setdefault(run.number, []).append(run.value if run.state is State.COMPLETED else None)
    return scores


def _completed(runs: Sequence[RunRecord], number: int) -> list[RunRecord]:
    return [run for run in runs if run.number == number and run.state is State.COMPLETED and run.value is not None]
