"""Which configurations go on in the confirmation."""

from __future__ import annotations

import math
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sweeps import records, sweep
from tests.support.tiny import write_task
from tuner.announcements import PhaseBegan, RunConfirmed
from tuner.config.confirm import Confirm
from tuner.disk.folder import seed_of
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.leaderboard import confirmation
from tuner.sweep.driver import Sweep
from tuner.sweep.race import going_on
from tuner.task.resolve import resolve_task


@pytest.mark.parametrize(
    ("confirm", "trials", "rounds"),
    [
        (Confirm(top=5), 30, [5, 3, 2]),
        (Confirm(top=3, seeds=2), 30, [3, 2]),
        (Confirm(top=1), 30, [1, 1, 1]),
        (Confirm(top=8, seeds=5), 1, [8, 4, 2, 2, 2]),
        (Confirm(top=0), 30, []),
        (Confirm(), 35, [2, 1, 1]),
        (Confirm(), 36, [2, 2, 2]),
        (Confirm(seeds=1), 6, [2]),
        (Confirm(), 40, [3, 2, 2]),
        (Confirm(), 60, [6, 3, 2]),
        (Confirm(), 10_000, [8, 4, 2]),
        (Confirm(seeds=3), 6, [2, 1, 1]),
        (Confirm(top=2), 6, [2, 2, 2]),
        (Confirm(top=0, seeds=3), 6, []),
    ],
)
def test_half_of_a_race_leaves_after_each_seed(confirm: Confirm, trials: int, rounds: list[int]) -> None:
    """Two stay to the end; by default as many begin as a quarter of the trials pays for, or one of two stays."""
    assert confirm.rounds(trials) == rounds
    assert confirm.trainings(trials) == sum(rounds) + len(rounds)


def test_by_default_the_confirmation_is_a_quarter_of_all_trainings() -> None:
    """At most, rounded up, and at least two; the larger the search, the more, up to a race to the end."""
    races = {top: [top, max(2, math.ceil(top / 2)), max(2, math.ceil(top / 4))] for top in range(2, 9)}
    forms = [[1 + two] + [1] * more for two in (False, True) for more in (0, 2)]  # on one seed, or on three
    before = 0
    for trials in range(1, 61):
        rounds, count = Confirm().rounds(trials), Confirm().trainings(trials)
        assert count == sum(rounds) + len(rounds)  # the baseline is trained on each of the winner's seeds
        assert count == 2 or 3 * count < trials + 3  # 4 * count <= trials + count, rounded up
        assert count >= max(2, before)
        before = count
        paid = [race for race in races.values() if 4 * (sum(race) + 3) <= trials]
        small = [form for form in forms if sum(form) + len(form) <= max(2, math.ceil(trials / 3))]
        assert rounds == max(paid or small, key=lambda form: sum(form) + len(form))
    assert [Confirm().rounds(trials) for trials in (6, 7, 15, 16, 18, 19)] == [
        [1], [2], [2], [1, 1, 1], [1, 1, 1], [2, 1, 1],
    ]  # fmt: skip


@given(top=st.integers(1, 100), seeds=st.integers(1, 20), trials=st.integers(1, 1000))
def test_no_round_is_larger_than_the_one_before(top: int, seeds: int, trials: int) -> None:
    """Nor does anyone who stays miss a seed; what is chosen by itself stays within a quarter, or is the least."""
    rounds = Confirm(top=top, seeds=seeds).rounds(trials)
    assert len(rounds) == seeds
    assert rounds == sorted(rounds, reverse=True)
    assert rounds[-1] >= min(top, 2)
    chosen = Confirm(seeds=seeds)
    assert chosen.trainings(trials) <= max(trials / 4, 2 * seeds + 1)


def test_the_better_half_goes_on_and_nothing_is_known_of_a_seed_that_is_not_over() -> None:
    """By the mean of all seeds so far; one without a score comes last."""
    loss, rounds = Objective(), [4, 2, 2]
    order = [7, 3, 9, 1]
    scores: dict[int, dict[int, float | None]] = {7: {1: 0.5}, 3: {1: 0.2}, 9: {}, 1: {1: None}}
    assert going_on(order, scores, rounds, 1, loss) == order
    assert going_on(order, scores, rounds, 2, loss) is None
    scores[9][1] = 0.4
    assert going_on(order, scores, rounds, 2, loss) == [3, 9]
    assert going_on(order, scores, rounds, 2, Objective(maximize=True)) == [7, 9]
    scores[3][2], scores[9][2] = 0.9, 0.1
    assert going_on(order, scores, rounds, 3, loss) == [9, 3]


def test_who_left_cannot_win_however_good_its_only_seed_was() -> None:
    """A single lucky seed, seen to be behind then, is no better than the mean of three."""
    scores = {1: [0.30, 0.31, 0.35], 2: [0.29, 0.34, 0.36], 3: [0.31], -1: [0.5, 0.5, 0.51]}
    found = confirmation(scores, Objective(), seeds=3)
    assert found.winner == 1
    assert [one.number for one in found.configurations] == [1, 2, -1, 3]
    assert "in the worse half, and so not trained on all 3 seeds: trial 3 after 1." in found.sentences
    earlier = {4: [0.2, 0.2, 0.2, 0.2, 0.3], 1: [0.1, 0.1, 0.1]}
    assert confirmation(earlier, Objective(), seeds=3).winner == 1


def test_a_race_finds_a_better_winner_than_the_same_trainings_of_three() -> None:
    """Where one of the best of the search was lucky and spreads differ; see `benchmarks.intervals`."""
    noise, loss = random.Random(3), Objective()
    regrets = {"race": 0.0, "three": 0.0}
    for _ in range(600):
        truth = [noise.gauss(0, 1) for _ in range(30)]
        spread = [noise.choice([0.3, 0.3, 1.5]) for _ in truth]
        seen = sorted(range(30), key=lambda n: truth[n] + noise.gauss(0, spread[n]))
        scores = {n: {seed: truth[n] + noise.gauss(0, spread[n]) for seed in (1, 2, 3)} for n in seen[:5]}
        raced = going_on(seen, scores, [4, 2, 2], 3, loss)
        assert raced is not None
        race = min(raced, key=lambda n: sum(scores[n].values()))
        three = min(seen[:3], key=lambda n: sum(scores[n].values()))
        regrets["race"] += truth[race] - min(truth)
        regrets["three"] += truth[three] - min(truth)
    assert regrets["race"] < regrets["three"]


def stopped(path: Path, after: int) -> bool:
    """Whether a sweep finished that was asked to stop after so many trainings of its confirmation."""
    over: list[RunConfirmed] = []

    def tell(event: object) -> None:
        if isinstance(event, RunConfirmed):
            over.append(event)
            if len(over) == after:
                driver.stop("a test")

    driver = Sweep(resolve_task(path), tell)
    return driver.run().finished


def test_a_race_that_is_stopped_goes_on_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in its first round and again in its last, it trains the same configurations on the same seeds."""

    def trained(folder: Path) -> list[tuple[str, State, float | None]]:
        return sorted((run.run, run.state, run.value) for run in records(folder, "confirm"))

    monkeypatch.chdir(tmp_path)
    more = "pruner: {name: none}\nconfirm: {top: 4}"
    whole = write_task(tmp_path, name="whole", trials=5, epochs=1, more=more)
    assert sweep(whole)[0].finished
    path = write_task(tmp_path, trials=5, epochs=1, more=more)
    for stop_after in (2, 3):
        assert not stopped(path, stop_after)
    assert sweep(path)[0].finished
    assert trained(path) == trained(whole)
    assert len(trained(path)) == 4 + 2 + 2 + 3


def test_trainings_to_come_are_told_without_those_on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the baseline, too, for which there are seeds ahead of the race."""
    monkeypatch.chdir(tmp_path)
    path = write_task(tmp_path, trials=2, epochs=1, more="confirm: {top: 1, seeds: 3}")
    sweep(path)
    lost = next(run.run for run in records(path, "confirm") if run.number >= 0 and seed_of(run.run) == 2)
    shutil.rmtree(resolve_task(path).folder.run(lost))
    _, told = sweep(path, "confirm.seeds=4")
    began = [event.runs for event in told.of(PhaseBegan) if event.name == "confirm"]
    assert began == [len(told.of(RunConfirmed))] == [3]
