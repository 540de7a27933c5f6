"""Which configuration is best, and whether that is beyond noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.contrasts import fisher
from tuner.reporting.intervals import Interval, difference_interval, mean_interval
from tuner.reporting.learned import halfway, learned_or_not
from tuner.words import counted, spoken

BASELINE = -1
"""The number under which the baseline's scores are given."""

COVERS = "intervals cover the choice of training seeds, not of validation items; each configuration has its own spread."
"""What intervals cover, said once beside them."""


def leaderboard(records: Sequence[RunRecord], objective: Objective) -> list[RunRecord]:
    """The completed runs, best first, then the others by number.

    Args:
        records: Runs of one kind.
        objective: Of their values.
    """

    def place(record: RunRecord) -> tuple[bool, float, int]:
        ranked = record.state is State.COMPLETED and record.value is not None
        return not ranked, objective.loss(record.value) if ranked else 0.0, record.number

    return sorted(records, key=place)


@dataclass(frozen=True)
class Scores:
    """One configuration over its seeds.

    Args:
        number: Trial number, or `BASELINE`.
        values: Scores of the seeds that have one.
        missing: Seeds without a score: diverged or failed.
        mean: Of `values`; None without any.
        sd: Standard deviation of `values` (n - 1); None below two.
        interval: Student's t interval of the mean; None below two values, if all are equal, or if `learned` is set.
        learned: Number of seeds that learned the task, if some clearly did and others clearly did not; else None.
        asked: Number of seeds of the configurations that stayed to the end of the confirmation; it was trained on fewer
            if it left.
    """

    number: int
    values: tuple[float, ...]
    missing: int
    mean: float | None
    sd: float | None
    interval: Interval | None
    learned: int | None = None
    asked: int = 0

    @property
    def trained(self) -> int:
        """Number of seeds that it was trained on."""
        return len(self.values) + self.missing

    @property
    def name(self) -> str:
        """Its name within sentences."""
        return spoken(self.number)

    @property
    def eligible(self) -> bool:
        """Whether it can win: it stayed to the end and has a score on every seed."""
        return self.mean is not None and self.missing == 0 and self.trained >= self.asked


@dataclass(frozen=True)
class Comparison:
    """Two configurations.

    Args:
        first: Number of the first.
        second: Number of the second.
        difference: How much better the first is on average, in either direction; negative when worse.
        interval: Welch's, widened for the number of comparisons; None without one (see `difference_interval`), or if
            seeds are counted.
        distinguishable: Whether the interval excludes 0; if seeds are counted, whether Fisher's exact test is
            significant.
        sentence: The comparison in words.
        known: Whether there is something to judge the difference by; not with a single seed, or where all are equal.
    """

    first: int
    second: int
    difference: float
    interval: Interval | None
    distinguishable: bool
    sentence: str
    known: bool = True


@dataclass(frozen=True)
class Confirmation:
    """The outcome of training the best configurations and the baseline on fresh seeds.

    Args:
        configurations: All of them; first those that can win, best mean first.
        winner: Number of the configuration with the best mean among those that can win; None if none can.
        against_baseline: The best searched configuration against the baseline.
        against_second: The winner against the next best.
        sentences: The result in sentences, in order.
    """

    configurations: tuple[Scores, ...]
    winner: int | None
    against_baseline: Comparison | None
    against_second: Comparison | None
    sentences: tuple[str, ...]


def confirmation(
    scores: Mapping[int, Sequence[float | None]],
    objective: Objective,
    level: float = 0.95,
    *,
    step: float = 0.0,
    seeds: int | None = None,
) -> Confirmation:
    """Choose the winner by its mean, with confidence intervals.

    Each configuration has its own spread, as spreads may differ by any factor. The reported one is the best of k, so
    that a plain interval would be too narrow: it is wrong if any of k was lucky, or the best one unlucky. These k + 1
    events share 1 - level (Bonferroni), a tail of (1 - level) / (k + 1) at each end.

    mean +- t(n - 1) * sd / sqrt(n)    k configurations
    difference, Welch's interval       k searched configurations against the baseline; all but one against the second

    A configuration with fewer seeds than another has left the confirmation in the worse half; it cannot win, but counts
    among the k.

    If some seeds of a configuration learned the task and others did not get beyond the trivial predictor, its mean says
    little: then the seeds that learned are counted, and compared by Fisher's exact test.

    `python -m benchmarks.intervals` prints coverage, false differences and power.

    Args:
        scores: Number -> its score per seed; None or a value that is not finite without one.
        objective: Of the scores, with the trivial predictor's if known; its limits are those of the intervals.
        level: Confidence of each statement, in (0, 1).
        step: The smallest change of a score that counts items; 0 for others.
        seeds: Number of seeds of the configurations that stay to the end; None, or if there is no such one yet: the
            largest number of seeds of any.

    Reference:
        Student's t; Welch 1947, doi:10.2307/2332510; Bonferroni's inequality; Fisher 1922, doi:10.2307/2340521.
    """
    every = [value for values in scores.values() for value in values]
    most = max((len(values) for number, values in scores.items() if number != BASELINE), default=0)
    asked = most if seeds is None else min(seeds, most)
    judge = _Judge(objective, level, step, halfway(every, objective), len(scores), asked)
    configurations = sorted(
        (judge.scores(number, values) for number, values in scores.items()),
        key=lambda c: (not c.eligible, objective.loss(c.mean), c.number),
    )
    able = [c for c in configurations if c.eligible]
    searched = [c for c in able if c.number != BASELINE]
    baseline = next((c for c in able if c.number == BASELINE), None)
    against_baseline = judge.compare(searched[0], baseline, len(searched)) if searched and baseline else None
    against_second = judge.compare(able[0], able[1], len(able) - 1) if len(able) > 1 else None
    return Confirmation(
        configurations=tuple(configurations),
        winner=able[0].number if able else None,
        against_baseline=against_baseline,
        against_second=against_second,
        sentences=tuple(_sentences(judge, configurations, against_baseline, against_second)),
    )


@dataclass(frozen=True)
class _Judge:
    """The common criteria for all configurations."""

    objective: Objective
    level: float
    step: float
    cut: float | None
    configurations: int
    asked: int

    def tail(self, several: int) -> float:
        """Probability beyond each end of an interval that is reported for the best of several."""
        return (1 - self.level) / (several + 1)

    def scores(self, number: int, values: Sequence[float | None]) -> Scores:
        """A configuration's scores with its interval, or its count of seeds that learned."""
        found = tuple(value for value in values if value is not None and math.isfinite(value))
        learned = None if self.cut is None else learned_or_not(found, self.cut, self.objective)
        interval = None
        if learned is None:
            interval = mean_interval(found, self.tail(self.configurations), self.step, self.objective.within)
        mean = fmean(found) if found else None
        sd = stdev(found) if len(found) > 1 else None
        asked = len(values) if number == BASELINE else self.asked
        return Scores(number, found, len(values) - len(found), mean, sd, interval, learned, asked)

    def compare(self, first: Scores, second: Scores, comparisons: int) -> Comparison:
        """Compare two configurations, corrected for a number of comparisons."""
        assert first.mean is not None
        assert second.mean is not None
        difference = self.objective.gain(first.mean, second.mean)
        if first.learned is not None or second.learned is not None:
            return self._counted(first, second, difference, comparisons)
        if min(len(first.values), len(second.values)) == 1:
            told = self._ahead(first, second, difference)
            return Comparison(first.number, second.number, difference, None, False, told, known=False)
        one, other = (second, first) if self.objective.direction == "minimize" else (first, second)
        interval = difference_interval(
            one.values, other.values, self.tail(comparisons), self.step, self.objective.within
        )
        known = interval is not None
        distinguishable = interval is not None and not interval[0] <= 0.0 <= interval[1]
        if distinguishable:
            word = "better" if difference > 0 else "worse"
            told = f"{first.name} is {word} than {second.name} by {abs(difference):.3g} ("
        else:
            cannot = "are not distinguishable" if known else "cannot be told apart"
            told = f"{first.name} and {second.name} {cannot} (difference {difference:.3g}, "
        told += self.sure(interval, ".3g")
        if known:
            told += f", {_seeds_of(first, second)}"
        return Comparison(first.number, second.number, difference, interval, distinguishable, f"{told}).", known)

    def _ahead(self, first: Scores, second: Scores, difference: float) -> str:
        """Which is ahead where one of them has a single seed; how there would be an interval, beside the baseline."""
        way = f"{'ahead of' if difference > 0 else 'behind'} {second.name} by {abs(difference):.3g}"
        told = f"{first.name} is {way if difference else f'level with {second.name}'} with {_seeds_of(first, second)}"
        more = self.asked == 1 and second.number == BASELINE
        return f"{told}; confirm.seeds=3 gives an interval." if more else f"{told}, which gives no interval."

    def _counted(self, first: Scores, second: Scores, difference: float, comparisons: int) -> Comparison:
        hits, others = self._count(first), self._count(second)
        seeds, all_others = len(first.values), len(second.values)
        p = min(1.0, comparisons * fisher(hits, seeds, others, all_others))
        told = f"{hits} of {seeds} seeds learned against {others} of {all_others}, p = {p:.2g} by Fisher's exact test"
        if comparisons > 1:
            told += f", corrected for {counted(comparisons, 'comparison')}"
        distinguishable = p <= 1 - self.level
        word = "better" if hits * all_others > others * seeds else "worse"
        pair = f"{first.name} is {word} than {second.name}"
        if not distinguishable:
            pair = f"{first.name} and {second.name} are not distinguishable"
        return Comparison(first.number, second.number, difference, None, distinguishable, f"{pair} ({told}).")

    def _count(self, scores: Scores) -> int:
        assert self.cut is not None
        return sum(self.objective.better(value, self.cut) for value in scores.values)

    def sure(self, interval: Interval | None, digits: str) -> str:
        """`95 % interval 0.1 to 0.3`, or the reason why several seeds have none."""
        if interval is None:
            return "no interval, as all seeds gave the same value"
        return f"{100 * self.level:.0f} % interval {interval[0]:{digits}} to {interval[1]:{digits}}"


def _seeds_of(first: Scores, second: Scores) -> str:
    one, other = len(first.values), len(second.values)
    if one == other:
        return "one seed each" if one == 1 else f"{one} seeds each"
    return f"{one} and {other} seeds"


def _sentences(
    judge: _Judge,
    configurations: Sequence[Scores],
    against_baseline: Comparison | None,
    against_second: Comparison | None,
) -> list[str]:
    told = []
    best = configurations[0] if configurations else None
    if best is None or not best.eligible or best.mean is None:
        told.append("no configuration can win: none has a score on every seed.")
    else:
        count = len(best.values)
        sure = judge.sure(best.interval, ".4g") if best.learned is None else f"{best.learned} of them learned"
        if count > 1:
            told.append(f"{best.name} has the best mean, {best.mean:.4g} over {count} seeds ({sure}).")
        else:
            told.append(f"{best.name} has the best score, {best.mean:.4g} with one seed.")
    pairs = [against_baseline] if against_baseline else []
    if against_second is not None and BASELINE not in (against_second.first, against_second.second):
        pairs.append(against_second)
    told += [pair.sentence for pair in pairs]
    if any(
        interval is not None
        for interval in [*(one.interval for one in configurations[:1]), *(p.interval for p in pairs)]
    ):
        told.append(COVERS)
    if any(one.learned is not None for one in configurations):
        told.append(
            f"a seed has learned beyond {judge.cut:.3g}, halfway from the trivial predictor to the best seed; if "
            "some of a configuration's have and the others are far from it, they are counted, as a mean says little."
        )
    for one in configurations:
        if one.missing:
            told.append(f"{one.name} has no score on {one.missing} of {one.trained} seeds and cannot win.")
    if left := [one for one in configurations if one.trained < one.asked and not one.missing]:
        names = ", ".join(f"{one.name} after {one.trained}" for one in left)
        told.append(f"in the worse half, and so not trained on all {judge.asked} seeds: {names}.")
    return told
