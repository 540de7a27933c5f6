"""Whether what a confirmation says of its intervals holds, simulated: coverage, false differences, power.

    python -m benchmarks.intervals [--studies 2000] [--seed 0]

Scores of configurations and a baseline are drawn from normal distributions, raced as a sweep races them (after each
seed the worse half of the searched ones leave) and given to `confirmation`. Spreads are equal, or one is 10 or 20
times the others': the baseline's, or a searched configuration's. Printed are, by number of seeds and of configurations
(the baseline is one of them), in percent of all studies: how often the winner's interval holds its true mean, and the
interval of the difference to the baseline the true difference; with equal means, how often a difference is told all
the same, to the baseline or between the first two; then the power: how often the best is told to be better than a
baseline which is worse by six of its own standard deviations, first as above, then with another configuration beside
it which is far worse and whose spread is 20 times the others'. At last, how often equal configurations are told apart
where scores are shares of 50 items, so that seeds often agree to the last item.

The last table is of the race itself: by how much the true mean of the chosen configuration is behind the best of the
search's, in units of the configurations' spread. Chosen is by the search alone, by the search alone given as many more
trials as the race has trainings, by three seeds for each of the best three, by the race of as many trainings or fewer,
or by what a sweep of 30 trials pays for: the better of the best two on one seed. A few minutes.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tuner.config.confirm import Confirm
from tuner.objective import Objective
from tuner.reporting.leaderboard import BASELINE, Confirmation, confirmation
from tuner.sweep.race import going_on

SEEDS, CONFIGURATIONS = (3, 5), (2, 3, 4, 6)
SPREADS = ("equal", "baseline x 10", "baseline x 20", "trial x 10", "trial x 20")
APART = 6.0
"""Standard deviations of the baseline by which it is worse where power is asked for."""
FAR = -1000.0
ITEMS = 50
TRIALS = 30
NOISES = (0.1, 0.3, 1.0)
"""Standard deviations over seeds, of a configuration whose true mean is drawn with 1."""
HIGHER = Objective(maximize=True)


@dataclass(frozen=True)
class Normal:
    """A configuration: its true mean, and the standard deviation over seeds."""

    mean: float
    sd: float

    def draw(self, noise: random.Random) -> float:
        """The score of a seed."""
        return noise.gauss(self.mean, self.sd)


@dataclass(frozen=True)
class Rates:
    """Shares of simulated studies.

    Args:
        winner: The winner's interval holds its true mean.
        difference: The interval of the difference to the baseline holds the true one.
        told: A difference is told, to the baseline or to the second.
        better: The best is told to be better than the baseline.
    """

    winner: float
    difference: float
    told: float
    better: float


def simulate(configurations: Mapping[int, Normal], seeds: int, studies: int, seed: int) -> Rates:
    """Confirm such configurations so many times; higher is better."""
    noise = random.Random(seed)
    counts = [0, 0, 0, 0]
    for _ in range(studies):
        drawn = {number: [one.draw(noise) for _ in range(seeds)] for number, one in configurations.items()}
        found = confirmation(raced(drawn), HIGHER, seeds=seeds)
        best, against = found.configurations[0], found.against_baseline
        assert best.interval is not None
        assert against is not None
        assert against.interval is not None
        truth = configurations[against.first].mean - configurations[BASELINE].mean
        counts[0] += best.interval[0] <= configurations[best.number].mean <= best.interval[1]
        counts[1] += against.interval[0] <= truth <= against.interval[1]
        counts[2] += is_told(found)
        counts[3] += against.distinguishable and against.difference > 0
    return Rates(*(count / studies for count in counts))


def raced(drawn: Mapping[int, Sequence[float]]) -> dict[int, Sequence[float]]:
    """What a confirmation sees of such scores: of a searched configuration those before it left."""
    seeds = len(drawn[BASELINE])
    order = [number for number in drawn if number != BASELINE]
    scores = {number: dict[int, float | None](enumerate(drawn[number], 1)) for number in order}
    rounds = Confirm(top=len(order), seeds=seeds).rounds(TRIALS)
    kept: dict[int, Sequence[float]] = {BASELINE: drawn[BASELINE]}
    for seed in range(1, seeds + 1):
        kept |= {number: drawn[number][:seed] for number in going_on(order, scores, rounds, seed, HIGHER) or ()}
    return kept


@dataclass(frozen=True)
class Regrets:
    """Mean distances of the chosen configuration's true mean from the best of the search's; lower is better.

    Args:
        search: Chosen by the search's scores.
        more: Alike, of a search with as many more trials as the race has trainings.
        three: By the mean of three seeds of the search's best three.
        race: By the race.
        few: By the default's race with so few trials, in which one of two stays.
    """

    search: float
    more: float
    three: float
    race: float
    few: float


def regrets(noise: float, factor: float, studies: int, seed: int) -> Regrets:
    """Search and confirm so many times, true means drawn from a normal distribution with standard deviation 1.

    Args:
        noise: Standard deviation over seeds.
        factor: By which it is larger in three of ten configurations.
        studies: To simulate.
        seed: Of the simulation.
    """
    source = random.Random(seed)
    rounds = Confirm(top=4, seeds=3).rounds(TRIALS)
    extra = sum(rounds)
    few = Confirm(seeds=3).rounds(TRIALS)
    sums = [0.0] * 5
    for _ in range(studies):
        made = [
            Normal(source.gauss(0.0, 1.0), noise * (factor if source.random() < 0.3 else 1.0))
            for _ in range(TRIALS + extra)
        ]
        seen = [one.draw(source) for one in made]
        order = sorted(range(TRIALS), key=lambda number: -seen[number])
        drawn = {number: [made[number].draw(source) for _ in range(3)] for number in order[: rounds[0]]}
        kept = raced({**drawn, BASELINE: [0.0] * 3})
        stayed = [number for number in drawn if len(kept[number]) == 3]
        chosen = (
            order[0],
            max(range(TRIALS + extra), key=seen.__getitem__),
            max(order[:3], key=lambda number: sum(drawn[number])),
            max(stayed, key=lambda number: sum(drawn[number])),
            max(order[: few[0]], key=lambda number: drawn[number][0]),
        )
        best = max(one.mean for one in made[:TRIALS])
        sums = [total + best - made[number].mean for total, number in zip(sums, chosen, strict=True)]
    return Regrets(*(total / studies for total in sums))


def is_told(found: Confirmation) -> bool:
    """Whether any difference is told."""
    pairs = (found.against_baseline, found.against_second)
    return any(pair is not None and pair.distinguishable for pair in pairs)


def study(spread: str, configurations: int, worse: float = 0.0) -> dict[int, Normal]:
    """A baseline and searched configurations of equal means and such spreads.

    Args:
        spread: One of `SPREADS`.
        configurations: Their number, the baseline among them, >= 2.
        worse: How much worse the baseline is, in its own standard deviations.
    """
    whose, _, factor = spread.partition(" x ")
    sd = {"baseline": [float(factor or 1), 1.0], "trial": [1.0, float(factor or 1)]}.get(whose, [1.0, 1.0])
    made = {BASELINE: Normal(-worse * sd[0], sd[0]), 0: Normal(0.0, sd[1])}
    return made | {number: Normal(0.0, 1.0) for number in range(1, configurations - 1)}


def beside_a_wide_one(configurations: int) -> dict[int, Normal]:
    """A baseline six standard deviations worse, and a configuration far worse with 20 times the spread; >= 3."""
    return study("equal", configurations - 1, APART) | {configurations: Normal(FAR, 20.0)}


def counted(sd: float, seeds: int, configurations: int, studies: int, seed: int) -> float:
    """How often a difference is told between equal configurations whose scores are shares of `ITEMS` items.

    Args:
        sd: Over seeds, in items.
        seeds: Per configuration.
        configurations: Their number.
        studies: To simulate.
        seed: Of the simulation.
    """
    noise = random.Random(seed)
    told = 0
    for _ in range(studies):
        middle = ITEMS * 0.8 + noise.random()
        drawn = {
            number: [round(noise.gauss(middle, sd)) / ITEMS for _ in range(seeds)]
            for number in range(BASELINE, configurations - 1)
        }
        told += is_told(confirmation(drawn, Objective(maximize=True, within=(0.0, 1.0)), step=1 / ITEMS))
    return told / studies


def rows(studies: int, seed: int) -> Iterator[str]:
    """The lines of the table."""
    yield f"{'seeds':>5} {'configurations':>14}  {'spreads':<14}{'winner':>8}{'difference':>12}{'told':>7}{'power':>7}"
    for seeds in SEEDS:
        for number in CONFIGURATIONS:
            for spread in SPREADS:
                found = simulate(study(spread, number), seeds, studies, seed)
                power = simulate(study(spread, number, APART), seeds, studies, seed).better
                yield (
                    f"{seeds:>5} {number:>14}  {spread:<14}{found.winner:>8.1%}{found.difference:>12.1%}"
                    f"{found.told:>7.1%}{power:>7.1%}"
                )
    yield ""
    yield from _lines(
        "a configuration far worse with a spread of 20 beside them: power",
        CONFIGURATIONS[1:],
        lambda seeds, number: simulate(beside_a_wide_one(number), seeds, studies, seed).better,
    )
    yield from _regret_lines(studies, seed)
    for sd in (0.1, 0.3, 0.5, 1.0):
        yield from _lines(
            f"shares of {ITEMS} items, a standard deviation of {sd:g} items: told",
            CONFIGURATIONS,
            lambda seeds, number, sd=sd: counted(sd, seeds, number, studies, seed),  # type: ignore[misc]
        )


def _regret_lines(studies: int, seed: int) -> Iterator[str]:
    trainings = sum(Confirm(top=4, seeds=3).rounds(TRIALS))
    yield ""
    names = "noise", "3 of 10", "search", f"+{trainings}", "3 x 3", "race", "race / search", "few / search"
    yield "{:>5} {:>8}{:>8}{:>8}{:>8}{:>8}{:>15}{:>14}".format(*names)
    for noise in NOISES:
        for factor in (1.0, 5.0, 20.0):
            of = regrets(noise, factor, studies, seed)
            race, few = (each / of.search if of.search else 1.0 for each in (of.race, of.few))
            yield (
                f"{noise:>5g} {f'x {factor:g}':>8}{of.search:>8.3f}{of.more:>8.3f}{of.three:>8.3f}{of.race:>8.3f}"
                f"{race:>15.2f}{few:>14.2f}"
            )
    yield ""


def _lines(title: str, numbers: Sequence[int], share: Callable[[int, int], float]) -> Iterator[str]:
    for seeds in SEEDS:
        told = ", ".join(f"{number} configurations {share(seeds, number):.1%}" for number in numbers)
        yield f"{title}, {seeds} seeds: {told}"


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000, help="simulated per line")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for line in rows(asked.studies, asked.seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()
