"""Who is best, and whether that is more than luck."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from tuner.events import RunRecord
from tuner.messages import State

BASELINE = -1
"""The number under which the baseline's scores are given."""

Interval = tuple[float, float]


def leaderboard(records: Sequence[RunRecord], maximize: bool) -> list[RunRecord]:
    """The completed runs, best first, and after them the others by number.

    Args:
        records: Runs of one kind.
        maximize: Whether higher values are better.
    """
    sign = -1.0 if maximize else 1.0

    def place(record: RunRecord) -> tuple[bool, float, int]:
        ranked = record.state is State.COMPLETED and record.value is not None
        return not ranked, sign * (record.value or 0.0) if ranked else 0.0, record.number

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
        interval: Student's t interval of the mean; None below two values.
    """

    number: int
    values: tuple[float, ...]
    missing: int
    mean: float | None
    sd: float | None
    interval: Interval | None

    @property
    def name(self) -> str:
        """As sentences call it."""
        return "the baseline" if self.number == BASELINE else f"trial {self.number}"

    @property
    def eligible(self) -> bool:
        """Whether it can win: it has a score on every seed."""
        return self.mean is not None and self.missing == 0


@dataclass(frozen=True)
class Comparison:
    """Two configurations.

    Args:
        first: Number of the one that is asked about.
        second: Number of the other.
        difference: How much better the first is on average, in either direction; negative when worse.
        interval: Student's, widened for the number of comparisons; None with one seed.
        distinguishable: Whether the interval leaves out 0.
        sentence: All that in words.
    """

    first: int
    second: int
    difference: float
    interval: Interval | None
    distinguishable: bool
    sentence: str


@dataclass(frozen=True)
class Confirmation:
    """The outcome of training the best configurations and the baseline on fresh seeds.

    Args:
        configurations: All of them, those that can win first, best mean first.
        winner: Number of the best mean among those that can win; None when none can.
        against_baseline: The best searched configuration against the baseline.
        against_second: The winner against the next best.
        sentences: What to tell, in order.
    """

    configurations: tuple[Scores, ...]
    winner: int | None
    against_baseline: Comparison | None
    against_second: Comparison | None
    sentences: tuple[str, ...]


def confirmation(
    scores: Mapping[int, Sequence[float | None]],
    maximize: bool,
    level: float = 0.95,
    within: Interval = (-math.inf, math.inf),
) -> Confirmation:
    """Choose the winner by mean, and say how sure that is.

    The winner is the best of several, so a plain interval would promise too much. Each statement below holds
    for all its candidates together (Bonferroni): the level of k comparisons is 1 - (1 - level) / k.

    mean +- t(df) * sd / sqrt(n)                      k = configurations
    difference +- t(df) * sd * sqrt(1 / n1 + 1 / n2)   k = searched configurations, against the baseline;
                                                      k = configurations - 1, against the second

    sd^2 = sum (n_i - 1) sd_i^2 / df, df = sum (n_i - 1): one spread for all configurations. Three seeds say next to
    nothing about the spread of one configuration (t = 4.3 with two degrees of freedom), those of all together do.

    Args:
        scores: Number -> its score per seed; None, or a value that is not finite, where it has none.
        maximize: Whether higher scores are better.
        level: Confidence of each statement, in (0, 1).
        within: The least and the largest score that there can be; intervals of a mean end there.

    Reference:
        Student's t for several groups of one variance; Bonferroni's inequality. No deviation.
    """
    sign = 1.0 if maximize else -1.0
    found = {
        number: tuple(v for v in values if v is not None and math.isfinite(v)) for number, values in scores.items()
    }
    spread = _pooled(list(found.values()), level)
    configurations = sorted(
        (_scores(number, found[number], len(scores[number]), spread, within) for number in scores),
        key=lambda c: (not c.eligible, -sign * (c.mean or 0.0), c.number),
    )
    able = [c for c in configurations if c.eligible]
    searched = [c for c in able if c.number != BASELINE]
    baseline = next((c for c in able if c.number == BASELINE), None)
    against_baseline = _compare(searched[0], baseline, sign, spread, len(searched)) if searched and baseline else None
    against_second = _compare(able[0], able[1], sign, spread, len(able) - 1) if len(able) > 1 else None
    return Confirmation(
        configurations=tuple(configurations),
        winner=able[0].number if able else None,
        against_baseline=against_baseline,
        against_second=against_second,
        sentences=tuple(_sentences(configurations, against_baseline, against_second, level)),
    )


@dataclass(frozen=True)
class _Spread:
    """What all configurations together say about the scatter of one score."""

    sd: float
    freedom: int
    level: float
    configurations: int

    def half_width(self, standard_errors: float, comparisons: int) -> float | None:
        """Half of an interval that holds for so many comparisons at once; None with one seed."""
        if self.freedom == 0:
            return None
        from scipy.special import stdtrit  # here, so that a leaderboard starts without SciPy

        level = 1.0 - (1.0 - self.level) / comparisons
        return float(stdtrit(self.freedom, 0.5 + level / 2.0)) * self.sd * standard_errors


def _pooled(scores: Sequence[Sequence[float]], level: float) -> _Spread:
    several = [values for values in scores if len(values) > 1]
    freedom = sum(len(values) - 1 for values in several)
    squares = sum((len(values) - 1) * stdev(values) ** 2 for values in several)
    return _Spread(math.sqrt(squares / freedom) if freedom else 0.0, freedom, level, max(1, len(scores)))


def _around(middle: float, half: float | None) -> Interval | None:
    return None if half is None else (middle - half, middle + half)


def _scores(number: int, found: tuple[float, ...], asked: int, spread: _Spread, within: Interval) -> Scores:
    mean = fmean(found) if found else None
    sd = stdev(found) if len(found) > 1 else None
    interval = None
    if mean is not None:
        interval = _around(mean, spread.half_width(1.0 / math.sqrt(len(found)), spread.configurations))
    if interval is not None:
        interval = max(interval[0], within[0]), min(interval[1], within[1])
    return Scores(number, found, asked - len(found), mean, sd, interval)


def _compare(first: Scores, second: Scores, sign: float, spread: _Spread, comparisons: int) -> Comparison:
    assert first.mean is not None
    assert second.mean is not None
    level, difference = spread.level, sign * (first.mean - second.mean)
    errors = math.sqrt(1.0 / len(first.values) + 1.0 / len(second.values))
    interval = _around(difference, spread.half_width(errors, comparisons))
    distinguishable = interval is not None and not interval[0] <= 0.0 <= interval[1]
    if interval is None:
        sure = "no interval with one seed"
    else:
        sure = f"{level:.0%} interval {interval[0]:.3g} to {interval[1]:.3g}".replace("%", " %")
    seeds = (
        f"{len(first.values)} seeds each"
        if len(first.values) == len(second.values)
        else f"{len(first.values)} and {len(second.values)} seeds"
    )
    if distinguishable:
        word = "better" if difference > 0 else "worse"
        sentence = f"{first.name} is {word} than {second.name} by {abs(difference):.3g} ({sure}, {seeds})."
    elif interval is None:
        sentence = f"{first.name} and {second.name} cannot be told apart (difference {difference:.3g}, {sure})."
    else:
        sentence = (
            f"{first.name} and {second.name} are not distinguishable (difference {difference:.3g}, {sure}, {seeds})."
        )
    return Comparison(first.number, second.number, difference, interval, distinguishable, sentence)


def _sentences(
    configurations: Sequence[Scores],
    against_baseline: Comparison | None,
    against_second: Comparison | None,
    level: float,
) -> list[str]:
    told = []
    best = configurations[0] if configurations else None
    if best is None or not best.eligible or best.mean is None:
        told.append("no configuration can win: none has a score on every seed.")
    else:
        seeds = f"{len(best.values)} seed{'s' if len(best.values) > 1 else ''}"
        sure = "no interval with one seed"
        if best.interval is not None:
            sure = f"{level:.0%} interval {best.interval[0]:.4g} to {best.interval[1]:.4g}".replace("%", " %")
            sure += ", one spread for all"
        told.append(f"{best.name} has the best mean, {best.mean:.4g} over {seeds} ({sure}).")
    if against_baseline is not None:
        told.append(against_baseline.sentence)
    if against_second is not None and BASELINE not in (against_second.first, against_second.second):
        told.append(against_second.sentence)
    for one in configurations:
        if one.missing:
            trained = one.missing + len(one.values)
            told.append(f"{one.name} has no score on {one.missing} of {trained} seeds and cannot win.")
    return told
