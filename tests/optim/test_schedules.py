"""Schedules against closed forms written by hand, at every step."""

import json
import math
from collections.abc import Callable
from math import cos, floor, pi
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.optim.catalog import SCHEDULES
from tuner.optim.schedules import Schedule, make_schedule

TOTAL, EPOCH = 200, 20
RISING = [name for name in SCHEDULES if "warmup" not in SCHEDULES[name].parameters()]
"""Schedules whose own rise is their warm-up."""


def warmed(share: float, shape: Callable[[int, int], float]) -> Callable[[int], float]:
    """The warm-up's closed form around a shape whose clock starts after it."""
    w = round(share * TOTAL)
    return lambda t: (t + 1) / (w + 1) if t < w else shape(t - w, TOTAL - w)


def one_cycle(t: int) -> float:
    """The one cycle of default options."""
    if t < 60:
        return 1 / 25 + (1 - 1 / 25) * (1 - cos(pi * t / 60)) / 2
    low = 1 / (25 * 1e4)
    return low + (1 - low) * (1 + cos(pi * min(1, (t - 60) / 140))) / 2


def waves(t: int, lengths: list[int]) -> float:
    """Half cosine waves from 1 to 0 of these lengths."""
    for length in lengths:
        if t < length:
            return (1 + cos(pi * t / length)) / 2
        t -= length
    raise AssertionError(t)


def triangle(cycles: float, low: float = 0.25) -> float:
    """From `low` up to 1 in the first half of a cycle, then down."""
    phase = cycles % 1
    return low + (1 - low) * (2 * phase if phase <= 0.5 else 2 - 2 * phase)


CASES = [
    ("constant", {}, warmed(0.05, lambda _t, _n: 1)),
    ("constant", {"warmup": 0}, lambda _: 1),
    ("step", {}, warmed(0.05, lambda t, _: 0.1 ** floor(t / 200))),
    (
        "step",
        {"warmup": 0.5, "step_epochs": 1.5, "step_factor": 0.5},
        warmed(0.5, lambda t, _: 0.5 ** (t // 30)),
    ),
    ("exponential", {"warmup": 0.1}, warmed(0.1, lambda t, _: 0.95 ** (t / 20))),
    ("cosine", {}, warmed(0.05, lambda t, n: (1 + cos(pi * min(t, n) / n)) / 2)),
    (
        "cosine",
        {"warmup": 0, "final_factor": 0.1},
        lambda t: 0.1 + 0.9 * (1 + cos(pi * min(t, 200) / 200)) / 2,
    ),
    ("cosine_restarts", {}, warmed(0.05, lambda t, _: waves(t, [200, 400]))),
    (
        "cosine_restarts",
        {"warmup": 0, "restart_epochs": 1.5, "restart_growth": 2, "final_factor": 0.2},
        lambda t: 0.2 + 0.8 * waves(t, [30, 60, 120, 240]),
    ),
    (
        "cosine_restarts",
        {"warmup": 0.1, "restart_epochs": 2, "restart_growth": 1},
        warmed(0.1, lambda t, _: (1 + cos(pi * (t % 40) / 40)) / 2),
    ),
    ("wsd", {}, warmed(0.05, lambda t, n: 1 - max(0, min(1, (t - (n - 40)) / 40)) ** 0.5)),
    (
        "wsd",
        {"warmup": 0.5, "cooldown": 0.5, "cooldown_form": "linear"},
        warmed(0.5, lambda t, n: 1 - min(1, t / n)),
    ),
    ("cyclical", {}, lambda t: triangle(t / 160)),
    ("cyclical", {"cycle_epochs": 0.5, "cycle_low": 0.1}, lambda t: triangle(t / 10, 0.1)),
    ("one_cycle", {}, one_cycle),
    ("plateau", {}, warmed(0.05, lambda _t, _n: 1)),
]


def make(name: str, total: int = TOTAL, epoch: int = EPOCH, **options: Any) -> Schedule:
    """A schedule from the catalog."""
    return make_schedule(name, SCHEDULES[name].options.model_validate(options), total, epoch)


def test_every_schedule_has_a_closed_form() -> None:
    """A schedule that is listed is compared with a closed form below."""
    assert {name for name, _, _ in CASES} == set(SCHEDULES)


@pytest.mark.parametrize(("name", "options", "closed_form"), CASES)
def test_equals_the_closed_form(name: str, options: dict[str, Any], closed_form: Callable[[int], float]) -> None:
    """The factor equals the closed form at every step, and at ten more than planned."""
    schedule = make(name, **options)
    for step in range(TOTAL + 10):
        assert schedule.factor(step) == pytest.approx(closed_form(step), rel=1e-9, abs=1e-12), step


@pytest.mark.parametrize("name", SCHEDULES.entries)
class TestContract:
    def test_factor_changes_nothing(self, name: str) -> None:
        """Factors asked for in another order, or twice, are the same."""
        schedule, other = make(name), make(name)
        ahead = [schedule.factor(step) for step in range(TOTAL)]
        back = [other.factor(step) for step in reversed(range(TOTAL))]
        assert ahead == back[::-1]

    def test_state_round_trip(self, name: str) -> None:
        """A fresh schedule with the saved state, through JSON, goes on bit for bit, losses included."""
        losses = [3.0, 2.0, 2.5, 2.4, 2.3, 2.2, 2.9, 2.8, 1.0, 1.5]
        whole, first = make(name), make(name)
        for loss in losses[:5]:
            whole.observe(loss)
            first.observe(loss)
        second = make(name)
        second.load_state_dict(json.loads(json.dumps(first.state_dict())))
        for epoch, loss in enumerate(losses[5:], 5):
            steps = range(epoch * EPOCH, (epoch + 1) * EPOCH)
            assert [whole.factor(step) for step in steps] == [second.factor(step) for step in steps]
            whole.observe(loss)
            second.observe(loss)

    @given(total=st.integers(1, 50), epoch=st.integers(1, 50), warmup=st.floats(0, 0.5))
    def test_any_horizon(self, name: str, total: int, epoch: int, warmup: int) -> None:
        """For any horizon, down to one step, factors lie in [0, 1], the first above 0, and none raises."""
        schedule = make(name, total, epoch, **({} if name in RISING else {"warmup": warmup}))
        factors = [schedule.factor(step) for step in range(2 * total + 5)]
        assert factors[0] > 0
        assert all(0 <= factor <= 1 for factor in factors)


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name not in RISING])
def test_warm_up_rises_to_the_peak(name: str) -> None:
    """The rate rises in equal parts and is first at its peak at the first step after the warm-up."""
    schedule = make(name, warmup=0.1)
    assert [schedule.factor(step) for step in range(21)] == pytest.approx([(k + 1) / 21 for k in range(21)])


class TestPlateau:
    def test_drops_after_patience(self) -> None:
        """The rate drops at the third evaluation in a row without gain, and again at the third after that."""
        schedule = make("plateau", warmup=0, plateau_factor=0.5, plateau_patience=3)
        factors = []
        for loss in [1.0, 1.1, 1.0, 1.2, 1.0, 1.0, 1.0, 0.5, 0.6]:
            schedule.observe(loss)
            factors.append(schedule.factor(0))
        assert factors == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]

    @pytest.mark.parametrize(("best", "close", "better"), [(1.0, 0.95, 0.85), (-1.0, -1.05, -1.15)])
    def test_gain_is_a_share_of_the_best(self, best: float, close: float, better: float) -> None:
        """A fall below the asked share is no gain, one above it is, for losses of either sign."""
        for loss, reductions in ((close, 1), (better, 0)):
            schedule = make("plateau", plateau_patience=1, plateau_gain=0.1)
            schedule.observe(best)
            schedule.observe(loss)
            assert schedule.state_dict()["reductions"] == reductions

    def test_nan_is_no_gain(self) -> None:
        """A loss that is not a number counts as no gain and does not become the best."""
        schedule = make("plateau", plateau_patience=2)
        for loss in (math.nan, 1.0, math.nan, math.nan):
            schedule.observe(loss)
        assert schedule.state_dict() == {"best": 1.0, "without_gain": 0, "reductions": 1}
