"""The first sentence of a verdict: whether the winner is better than the trivial predictor."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from tuner.disk.events import RunRecord
from tuner.objective import Objective
from tuner.reporting.intervals import Interval
from tuner.verdict import Verdict
from tuner.words import counted

__all__ = ["Held", "Standing", "Verdict", "against_floors", "verdict", "what_to_try", "why_none"]

FEW_TRIALS, FEW_ITEMS = 20, 1000
"""Below these numbers, more trials or more training data are suggested. Our choice."""


def why_none(*, confirmed: bool) -> str:
    """Why a study that is over has no winner: of its confirmation, or, without one, of its search."""
    return "no configuration has a score on every fresh seed" if confirmed else "no trial completed"


class Standing(StrEnum):
    """The comparison of a configuration with the trivial predictor on a split, in words; worst first."""

    WORSE = "not better than"
    UNSURE = "not distinguishable from"
    BETTER = "better than"


@dataclass(frozen=True)
class Held:
    """A configuration's scores on a split, compared with those of the trivial predictor or another method.

    Args:
        split: Its name in sentences: "validation", "test".
        metric: With its split: "test/mse".
        values: One per seed, at least one, finite.
        trivial: The trivial predictor's, finite.
        interval: Of the mean; None without one.
    """

    split: str
    metric: str
    values: Sequence[float]
    trivial: float
    interval: Interval | None

    def standing(self, objective: Objective) -> Standing:
        """Better if the mean is better and the interval excludes the trivial predictor's score."""
        mean = fmean(self.values)
        if not objective.better(mean, self.trivial):
            return Standing.WORSE
        if self.interval is not None and self.interval[0] <= self.trivial <= self.interval[1]:
            return Standing.UNSURE
        return Standing.BETTER

    def numbers(self, standing: Standing) -> str:
        """`test/mse 2114 against 201`."""
        told = f"{self.metric} {fmean(self.values):.4g} against {self.trivial:.4g}"
        if standing is Standing.UNSURE and self.interval is not None:
            told += f", 95 % interval {self.interval[0]:.4g} to {self.interval[1]:.4g}"
        if standing is Standing.BETTER and len(self.values) == 1:
            told += " with one seed"
        return told


def verdict(name: str, held: Sequence[Held], objective: Objective) -> Verdict:
    """Compare the winner with the trivial predictor, the worst split first.

    Args:
        name: The winner: "trial 3".
        held: Per split; splits without finite scores and trivial score are left out.
        objective: What was optimized.
    """
    known = [one for one in held if one.values and all(map(math.isfinite, [one.trivial, *one.values]))]
    if not known:
        return Verdict("", beats=True)
    by_standing = {
        standing: [one for one in known if one.standing(objective) is standing]
        for standing in Standing
        if any(one.standing(objective) is standing for one in known)
    }
    parts: list[str] = []
    for standing, ones in by_standing.items():
        splits = " and ".join(one.split for one in ones)
        numbers = ", ".join(one.numbers(standing) for one in ones)
        if parts:
            parts.append(f"on {splits} data it is {standing} that predictor ({numbers})")
        else:
            trivial = f"the trivial predictor ({objective.trivial_name})"
            parts.append(f"{name} is {standing} {trivial} on {splits} data ({numbers})")
    return Verdict("; ".join(parts) + ".", beats=list(by_standing) == [Standing.BETTER])


def against_floors(name: str, held: Mapping[str, Held], objective: Objective, together: float | None = None) -> str:
    """Hold the winner against methods that are no network, the worst said first; "" where there are none.

    Args:
        name: The winner: "trial 3".
        held: Method -> its scores beside the method's, all of one split; those that are not finite are left out.
        objective: What was optimized.
        together: What the winner's seeds reach as one on that split; None where that is not known.
    """
    known = {method: one for method, one in held.items() if all(map(math.isfinite, [one.trivial, *one.values]))}
    if not known:
        return ""
    standings = {method: one.standing(objective) for method, one in known.items()}
    told = _in_words(standings, lambda method: f"{method} ({known[method].numbers(standings[method])})")
    sentence = f"{name} is {told} on {next(iter(known.values())).split} data"
    if together is None:
        return f"{sentence}."
    beaten = {
        method: Standing.BETTER if objective.better(together, one.trivial) else Standing.WORSE
        for method, one in known.items()
    }
    return f"{sentence}; its seeds together, {together:.4g}, are {_in_words(beaten, str)}."


def _in_words(standings: Mapping[str, Standing], named: Callable[[str], str]) -> str:
    groups = {each: [named(method) for method, one in standings.items() if one is each] for each in Standing}
    return ", ".join(f"{standing} {' and '.join(methods)}" for standing, methods in groups.items() if methods)


def what_to_try(
    runs: Sequence[RunRecord],
    objective: Objective,
    *,
    epochs: int,
    trials: int | None,
    items: int,
    more: Iterable[str],
    seeds: int | None = None,
) -> str:
    """One sentence of advice for a winner that does not beat the trivial predictor.

    Args:
        runs: Trainings of the winner, at least one.
        objective: What was optimized.
        epochs: Of a full training.
        trials: Of the search; None if the space is exhausted.
        items: Number of training items.
        more: Further advice for this kind of data.
        seeds: Its number of seeds, if their interval alone leaves open whether it is better.
    """
    advice = []
    if seeds is not None:
        advice.append(f"more than {counted(seeds, 'seed')}, as the fewer, the wider the interval (confirm.seeds)")
    still = sum(_best_epoch(run, objective) == epochs for run in runs)
    if 2 * still > len(runs):
        advice.append(f"more epochs, as the last of its {epochs} was still its best (budget.epochs)")
    found = Counter(name for run in runs for name in run.found)
    if found:
        names = ", ".join(name.replace("_", " ") for name, _ in found.most_common(2))
        advice.append(f"the remedies of its findings, {names}")
    advice += more
    if trials is not None and trials < FEW_TRIALS:
        advice.append(f"more than {counted(trials, 'trial')} (budget.trials)")
    if items < FEW_ITEMS:
        learned_from = f"there {'is' if items == 1 else 'are'} {counted(items, 'item')} to learn from"
        advice.append(f"more data, as {learned_from}, or a smaller network")
    advice.append("another search_space")
    return f"what to try: {'; '.join(advice)}."


def _best_epoch(run: RunRecord, objective: Objective) -> int:
    best = objective.best_of(run.series(objective.metric).items(), score=lambda pair: pair[1])
    return 0 if best is None else best[0]
