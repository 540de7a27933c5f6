"""Searches replayed over the laboratory: what trains, its clock, this project's search in it, its peers."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.laboratory import configurations
from benchmarks.laboratory.peers import AsPriorBand, AsRayTune, WithOptuna, tpe
from benchmarks.laboratory.records import BASELINE, Pool, Training
from benchmarks.laboratory.simulator import Log, Own, best_trial, confirm, simulate
from benchmarks.laboratory.surrogate import Curve, Encoding, Surrogate, fidelity
from tuner.messages import State

EPOCHS = 8
COUNT = 60


def final(params: Mapping[str, Any]) -> float:
    """Best at a rate of 3e-3; a little worse with dropout."""
    return 0.2 + abs(math.log10(params["learning_rate"] / 3e-3)) + params["dropout.output"]


def made(number: int, params: Mapping[str, Any], repeat: int) -> Training:
    """A curve that falls to its level, times a factor of its seed; a high rate diverges."""
    if params["learning_rate"] > 2e-2:
        return Training("vowels", number, repeat, "DIVERGED", [2.0, math.nan], [2.0, 2.0], 0.5, 9, 1)
    factor = 1 + 0.05 * repeat
    values = [factor * (final(params) + 2 * math.exp(-epoch)) for epoch in range(EPOCHS)]
    seconds = 0.1 * params["layers"]
    return Training("vowels", number, repeat, "COMPLETED", values, values, seconds, 9, EPOCHS, {"loss": 2 * values[-1]})


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Trained by a formula."""
    params = dict(enumerate(configurations.drawn("gated_rnn", COUNT)))
    repeats = {number: 3 if number % 5 == 0 else 1 for number in params}
    trainings = {(n, r): made(n, params[n], r) for n in params for r in range(repeats[n])}
    base = {"learning_rate": 3e-4, "dropout.output": 0.0, "layers": 1}
    trainings |= {(BASELINE, r): made(BASELINE, base, r) for r in range(3)}
    return Pool("vowels", "series", EPOCHS, params, trainings, {})


@pytest.fixture(scope="module")
def world(pool: Pool) -> Surrogate:
    """Its model."""
    return Surrogate(pool)


class Timed:
    """A world in which trial n takes n + 1 epochs of a second and ends at 10 - n."""

    epochs = 5
    full_seconds = 5.0
    space = configurations.space("gated_rnn")

    def train(self, params: Mapping[str, Any], seed: int) -> Curve:
        """By the number that the parameters hold."""
        del seed
        values = [10.0 - params["number"]] * (params["number"] + 1)
        return Curve(values, 1.0, 0.5, State.COMPLETED, 0.0)


class Counting:
    """A way of searching that suggests numbers, and cuts as it is told."""

    def __init__(self, cut: Mapping[int, int]) -> None:
        self.cut, self.count = cut, 0
        self.heard: list[tuple[int, int]] = []

    def suggest(self) -> tuple[int, Mapping[str, Any]]:
        """The next number."""
        self.count += 1
        return self.count - 1, {"number": self.count - 1}

    def goes_on(self, number: int, epoch: int, value: float, curve: Curve) -> bool:
        """Until its cut."""
        assert value == curve.values[epoch - 1]
        self.heard.append((number, epoch))
        return self.cut.get(number) != epoch

    def ended(self, number: int, state: State, epochs: int, value: float) -> None:
        """Nothing is learned."""


def test_the_model_ranks_what_it_has_not_seen(pool: Pool) -> None:
    """By the rate that decides; what a seed adds is a twentieth of what a configuration does."""
    found = fidelity(pool)
    assert found.values > 0.7
    assert found.tests > 0.7
    assert found.noise < 0.2


def test_a_training_is_the_same_with_the_same_seed(pool: Pool, world: Surrogate) -> None:
    """Another seed gives another curve, a few per cent from it; values so far only fall, tests go with them."""
    params = next(params for params in pool.params.values() if 2e-3 < params["learning_rate"] < 5e-3)
    one, again, other = (world.train(params, seed) for seed in (1, 1, 2))
    assert one == again != other
    assert one.values[-1] == pytest.approx(other.values[-1], rel=0.25)
    assert list(one.values) == sorted(one.values, reverse=True)
    value, test = world.level(params)
    assert test == pytest.approx(2 * value, rel=0.1)


def test_what_diverges_in_the_records_diverges_in_the_model(pool: Pool, world: Surrogate) -> None:
    """As often as those near it did; it has no test score."""
    high = max(pool.params.values(), key=lambda params: params["learning_rate"])
    low = min(pool.params.values(), key=lambda params: params["learning_rate"])
    curves = [world.train(high, seed) for seed in range(20)]
    assert {curve.state for curve in curves} == {State.DIVERGED, State.COMPLETED}
    assert all(math.isinf(curve.test) == (curve.state is State.DIVERGED) for curve in curves)
    assert all(world.train(low, seed).state is State.COMPLETED for seed in range(20))


def test_a_parameter_that_is_not_there_has_a_value_of_its_own() -> None:
    """-1, where ranges go from 0 to 1 and choices have a column each."""
    encode = Encoding(configurations.space("gated_rnn"))
    rows = np.stack([encode(params) for params in configurations.drawn("gated_rnn", 100)])
    assert set(np.unique(rows[rows < 0])) == {-1.0}
    assert rows.max() == 1.0
    assert len({tuple(row) for row in rows}) == 100


def test_the_clock_of_one_worker_is_what_it_spends() -> None:
    """Trials of 1, 2, 3 and 4 seconds, one after the other; the last begins before the budget is spent."""
    log = simulate(Counting({}), Timed(), workers=1, seed=0, spend=6.5)  # type: ignore[arg-type]
    assert [(trial.at, trial.spent) for trial in log.trials] == [(1, 1), (3, 3), (6, 6), (10, 10)]
    best = best_trial(log)
    assert best is not None
    assert (best.number, best.spent, best.at) == (3, 10.0, 10.0)


def test_workers_share_the_time() -> None:
    """Two take trials 0 and 1 at once; a cut trial frees its worker, and is no model to hand over."""
    way = Counting({3: 1})
    log = simulate(way, Timed(), workers=2, seed=0, trials=4)  # type: ignore[arg-type]
    assert [(trial.number, trial.state, trial.at, trial.spent) for trial in log.trials] == [
        (0, State.COMPLETED, 1.0, 1.0),
        (1, State.COMPLETED, 2.0, 4.0),
        (3, State.PRUNED, 3.0, 6.0),
        (2, State.COMPLETED, 4.0, 7.0),
    ]
    best = best_trial(log)
    assert best is not None
    assert best.number == 2
    assert way.heard == [(1, 1), (2, 1), (2, 2), (3, 1)]


def test_a_pruned_trial_that_is_suggested_again_goes_on() -> None:
    """It is trained only beyond where it was, and is over once."""

    class Returning(Counting):
        def suggest(self) -> tuple[int, Mapping[str, Any]]:
            if self.count == 4:
                self.cut = {}
                return 3, {"number": 3}
            return super().suggest()

    way = Returning({3: 2})
    log = simulate(way, Timed(), workers=1, seed=0, spend=9)  # type: ignore[arg-type]
    assert [(trial.number, trial.state, trial.epochs, trial.spent) for trial in log.trials] == [
        (0, State.COMPLETED, 1, 1.0),
        (1, State.COMPLETED, 2, 3.0),
        (2, State.COMPLETED, 3, 6.0),
        (3, State.COMPLETED, 4, 10.0),
    ]
    assert way.heard == [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3)]


def test_priorband_promotes_what_it_has_trained(world: Surrogate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parameters are those of the space, its prior what is given; one that ended early is not trained again."""
    params = next(iter(world.pool.params.values()))
    known = world.space.resolve(params)
    assert known is not None
    config = dict(known.values())
    script = [("0_rung_0", 2), ("0_rung_1", 6), ("1_rung_0", 2), ("1_rung_1", 6), ("2_rung_0", 2)]
    spaces: list[Any] = []
    told: list[tuple[str, float]] = []

    def space(fields: Mapping[str, Any]) -> Mapping[str, Any]:
        spaces.append(fields)
        return fields

    def ask() -> SimpleNamespace:
        name, epochs = script.pop(0)
        return SimpleNamespace(id=name, config={**config, "epochs": epochs})

    def tell(trial: SimpleNamespace, value: float) -> None:
        told.append((trial.id, value))

    neps, search = ModuleType("neps"), SimpleNamespace(ask=ask, tell=tell)
    own, algorithms = ModuleType("neps.space"), ModuleType("neps.optimizers.algorithms")
    vars(own).update(
        HPOCategorical=lambda choices, prior: {"choices": choices, "prior": prior},
        HPOFloat=lambda low, high, **given: {"low": low, "high": high, **given},
        HPOInteger=lambda low, high, **given: {"low": low, "high": high, **given},
        SearchSpace=space,
    )
    vars(algorithms).update(priorband=lambda space: space)
    vars(neps).update(AskAndTell=lambda found: search)  # noqa: ARG005
    for module in (neps, own, ModuleType("neps.optimizers"), algorithms):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    way = AsPriorBand(world, params, 0)
    (fields,) = spaces
    assert fields["epochs"] == {"low": 1, "high": EPOCHS, "is_fidelity": True}
    priors = {key: field["prior"] for key, field in fields.items() if key != "epochs"}
    assert {key: prior for key, prior in priors.items() if prior is not None} == config
    curve = world.train(params, 0)
    assert way.suggest() == (0, params)
    assert [way.goes_on(0, epoch, 1.0, curve) for epoch in (1, 2)] == [True, False]
    way.ended(0, State.PRUNED, 2, 1.0)
    assert way.suggest() == (0, params)
    assert [way.goes_on(0, epoch, 1.0, curve) for epoch in (3, 5, 6)] == [True, True, False]
    way.ended(0, State.PRUNED, 6, 0.5)
    assert way.suggest() == (1, params)
    way.ended(1, State.COMPLETED, 2, 0.7)
    assert way.suggest() == (2, params)
    way.ended(2, State.DIVERGED, 1, 0.1)
    assert told == [("0_rung_0", 1.0), ("0_rung_1", 0.5), ("1_rung_0", 0.7), ("1_rung_1", 0.7), ("2_rung_0", 1e9)]


def test_this_search_finds_what_is_good_and_confirms_it(world: Surrogate) -> None:
    """Some are cut; the handed over one is good; its confirmation, seven trainings, is paid for."""
    with Own(world, sampler="tpe", pruner="asha", seed=0) as way:
        log = simulate(way, world, workers=4, seed=0, trials=30)
        handed = confirm(way, log, world, workers=4, seed=0)
    states = {trial.state for trial in log.trials}
    assert {State.PRUNED, State.COMPLETED} <= states
    assert handed is not None
    levels = sorted(world.level(trial.params)[1] for trial in log.trials)
    assert handed.test <= levels[5] * 1.2
    paid = (handed.spent - log.spent) / world.full_seconds
    assert 4 <= paid <= 24
    assert (handed.spent - log.spent) / 4 <= handed.at - log.now < handed.spent - log.spent


def test_running_trials_are_known_as_they_are() -> None:
    """After each epoch those that go on, with what they have trained; none that is over."""
    seen = []
    simulate(
        Counting({3: 1}), Timed(), workers=2, seed=0, trials=4,  # type: ignore[arg-type]
        told=lambda log: seen.append((log.spent, {number: each.epochs for number, each in log.running.items()})),
    )  # fmt: skip
    assert seen == [(1, {}), (2, {1: 1}), (3, {1: 1, 2: 1}), (4, {2: 1}), (5, {2: 2}), (6, {2: 2}), (7, {})]


def test_a_model_is_handed_over_before_any_trial_is_completed(world: Surrogate) -> None:
    """Of 16 that are cut short after two of eight epochs the best is trained to its end, on as few seeds as that."""
    found: dict[int, Any] = {}

    def told(log: Log) -> None:
        if log.spent / world.full_seconds > 4 and not found:
            found[len(log.running)] = confirm(way, log, world, workers=16, seed=0), log.best(), log.spent

    with Own(world, sampler="random", pruner="none", seed=0) as way:
        simulate(way, world, workers=16, seed=0, trials=16, told=told)
    ((running, (handed, best, spent)),) = found.items()
    assert best is None
    assert running > 10
    assert handed is not None
    assert (handed.spent - spent) / world.full_seconds < 4


def test_a_search_repeats_with_its_seed(world: Surrogate) -> None:
    """Trial by trial, whatever the folder is called."""
    found = []
    for seed in (0, 0, 1):
        with Own(world, sampler="random", pruner="asha", seed=seed) as way:
            log = simulate(way, world, workers=2, seed=seed, trials=8)
        found.append([(trial.number, dict(trial.params), trial.value, trial.at) for trial in log.trials])
    assert found[0] == found[1] != found[2]


def test_ray_tune_stops_below_the_best_quarter(world: Surrogate) -> None:
    """At epoch 1 and 4; the first is never stopped, and what is stopped is told as completed."""
    way = AsRayTune(world, 0)
    curve = Curve([1.0], 1.0, 1.0, State.COMPLETED, 0.0)
    for _ in range(5):
        way.suggest()
    assert [way.goes_on(number, 1, value, curve) for number, value in enumerate([1.0, 2.0, 0.5, 0.6, 0.7])] == [
        True, False, True, True, False,
    ]  # fmt: skip
    assert way.goes_on(0, 2, 9.0, curve)
    way.ended(1, State.PRUNED, 1, 2.0)
    assert [trial.values for trial in way._study.trials if trial.state.is_finished()] == [[2.0]]


def test_optuna_is_told_as_a_user_tells_it(world: Surrogate) -> None:
    """A pruner sees each epoch; what is pruned, has completed or has failed is so."""
    import optuna

    way = WithOptuna(world, tpe, lambda _: optuna.pruners.ThresholdPruner(upper=5.0), 0)
    curve = Curve([1.0], 1.0, 1.0, State.COMPLETED, 0.0)
    for _ in range(3):
        way.suggest()
    assert way.goes_on(0, 1, 1.0, curve)
    assert not way.goes_on(1, 1, 6.0, curve)
    way.ended(0, State.COMPLETED, 2, 1.0)
    way.ended(1, State.PRUNED, 1, 6.0)
    way.ended(2, State.DIVERGED, 1, math.inf)
    assert [trial.state.name for trial in way._study.trials] == ["COMPLETE", "PRUNED", "FAIL"]
