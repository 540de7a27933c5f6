import math
import random
from typing import Any

import pytest

from tuner.objective import Objective
from tuner.reporting.importance import FEWEST, importance, is_logarithmic


def test_the_parameter_that_matters_is_found() -> None:
    """The one parameter that moves the value should have the largest share; shares add up to 1."""
    draw = random.Random(0)
    trials = []
    for _ in range(60):
        params: dict[str, Any] = {
            "learning_rate": 10 ** draw.uniform(-5, -1),
            "cell": draw.choice(["gru", "lstm"]),
            "hidden_size": draw.choice([32, 64, 128]),
        }
        trials.append((params, -abs(math.log10(params["learning_rate"]) + 3)))
    found = importance(trials, Objective(maximize=True)).shares
    assert found is not None
    assert next(iter(found)) == "learning_rate"
    assert found["learning_rate"] > 0.6
    assert sum(found.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("maximize", [True, False])
def test_conditional_and_constant_parameters(maximize: bool) -> None:
    """A parameter that some trials lack should have a share; one that never changes should have none."""
    draw = random.Random(1)
    trials = []
    for _ in range(60):
        params: dict[str, object] = {"layers": draw.choice([1, 2]), "batch_size": 32, "norm": None}
        value = draw.gauss(0, 0.1)
        if params["layers"] == 2:
            dropout = draw.uniform(0, 0.5)
            params["dropout.between"] = dropout
            value += dropout if maximize else -dropout
        trials.append((params, value))
    found = importance(trials, Objective(maximize=maximize)).shares
    assert found is not None
    assert set(found) == {"layers", "dropout.between"}


def test_few_trials_have_no_importance() -> None:
    """Below the least number of trials there should be a reason instead of numbers."""
    few = importance([({"x": float(n)}, 0.0) for n in range(FEWEST - 1)], Objective(maximize=True))
    assert few.shares is None
    assert few.reason == "importance needs 10 trials, and there are 9."


def test_equal_trials_have_no_importance() -> None:
    """When nothing was varied there should be a reason instead of numbers."""
    same = importance([({"x": 1}, float(n)) for n in range(20)], Objective(maximize=True))
    assert same.shares is None
    assert "same parameters" in same.reason


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1e-4, 1e-3, 1e-2], True),
        ([32, 64, 128, 256], True),
        ([0.05 * n for n in range(1, 11)], False),
        ([0.0, 1.0, 100.0], False),
        ([1, 2, 3], False),
        (["a"], False),
        ([True, False], False),
        ([], False),
    ],
)
def test_the_scale_is_seen_from_the_values(values: list[object], expected: bool) -> None:
    """Values spread by ratios should get a logarithmic axis, others not."""
    assert is_logarithmic(values) is expected


@pytest.mark.parametrize("seed", range(5))
def test_what_lets_trials_learn_is_found_among_few(seed: int) -> None:
    """A choice that a third of 24 trials owe their success to should come first when those are the best."""
    draw = random.Random(seed)
    trials = []
    for number in range(24):
        params = {"gate_bias": ("chrono", "constant", "uniform")[number % 3], "layers": draw.choice([1, 2])}
        trials.append((params, draw.uniform(0.0, 0.1) if number % 3 == 0 else draw.uniform(0.9, 1.1)))
    shares = importance(trials, Objective(), best=8).shares
    assert shares is not None
    assert shares["gate_bias"] > 0.6
