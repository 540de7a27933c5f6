import random

import pytest
from scipy import stats

from tuner.reporting.separation import LEVEL, separation

Trials = list[tuple[dict[str, object], float | None]]


def study(seed: int, *, matters: bool, trials: int = 30) -> Trials:
    """Trials of which those with gate_bias chrono learn, or as many at random; 1 is trivial, 0 is perfect."""
    draw = random.Random(seed)
    made: Trials = []
    for _ in range(trials):
        params: dict[str, object] = {
            "gate_bias": draw.choice(["chrono", "constant", "uniform"]),
            "learning_rate": 10 ** draw.uniform(-4, -2),
            "hidden_size": draw.randint(16, 64),
            "nesterov": draw.random() < 0.5,
        }
        if params["gate_bias"] == "constant":
            params["forget_bias"] = draw.uniform(0, 3)
        learned = params["gate_bias"] == "chrono" if matters else draw.random() < 1 / 3
        made.append((params, draw.uniform(0, 0.1) if learned else draw.uniform(0.9, 1.1)))
    return made


@pytest.mark.parametrize("maximize", [True, False])
def test_the_choice_that_matters_is_named(maximize: bool) -> None:
    """The choice that decides should be found, with its counts, whichever way is better."""
    trials = study(0, matters=True)
    if maximize:
        trials = [(params, None if value is None else -value) for params, value in trials]
    found = separation(trials, -1.0 if maximize else 1.0, maximize)
    assert found is not None
    chrono = sum(params["gate_bias"] == "chrono" for params, _ in trials)
    assert (found.parameter, found.against) == ("gate_bias", "chrono")
    assert (found.groups[0].hits, found.groups[0].trials) == (chrono, chrono)
    assert all(group.hits == 0 for group in found.groups[1:])
    assert sum(group.trials for group in found.groups) == 30
    told = found.sentence("val/loss", maximize, "always 1")
    assert told.startswith(
        "gate_bias separates the trials that learned (val/loss " + ("above" if maximize else "below")
    )
    assert f"chrono {chrono} of {chrono}" in told


def test_the_probability_is_fishers() -> None:
    """With two choices of one parameter, the probability should be that of SciPy's exact test, uncorrected."""
    trials: Trials = [({"cell": "gru"}, 0.0)] * 8 + [({"cell": "gru"}, 1.0)] + [({"cell": "rnn"}, 1.0)] * 7
    trials += [({"cell": "rnn"}, 0.1)]
    found = separation(trials, 1.0, maximize=False)
    assert found is not None
    assert found.comparisons == 1
    assert found.probability == pytest.approx(stats.fisher_exact([[8, 1], [1, 7]]).pvalue)
    assert found.cut == 0.5


def test_the_middle_of_a_range_is_found() -> None:
    """A range of which only the middle works should be divided, and its middle part be named."""
    trials: Trials = [({"learning_rate": 0.001 * n}, 0.0 if 10 < n <= 20 else 1.0) for n in range(1, 31)]
    found = separation(trials, 1.0, maximize=False)
    assert found is not None
    assert [str(group) for group in found.groups] == [
        "0.011 to 0.02 10 of 10",
        "0.001 to 0.01 0 of 10",
        "0.021 to 0.03 0 of 10",
    ]


def test_a_conditional_parameter_is_judged_where_it_exists() -> None:
    """Trials without a parameter should count for none of its groups."""
    trials: Trials = [({"layers": 1}, 1.0)] * 20
    trials += [({"layers": 2, "residual": n % 2 == 0}, 0.0 if n % 2 == 0 else 1.0) for n in range(20)]
    found = separation(trials, 1.0, maximize=False)
    assert found is not None
    assert [str(group) for group in found.groups] == ["True 10 of 10", "False 0 of 10"]


def test_chance_is_not_told() -> None:
    """Where choices do not matter, a sentence should be no more frequent than its level says."""
    false = sum(separation(study(seed, matters=False), 1.0, maximize=False) is not None for seed in range(200))
    assert false <= 2 * LEVEL * 200


def test_a_trial_without_a_value_has_not_learned() -> None:
    """Diverged trials should count against their choice."""
    trials: Trials = [({"clip": "norm"}, 0.0)] * 10
    trials += [({"clip": "value"}, None)] * 5 + [({"clip": "value"}, float("nan"))] * 5
    found = separation(trials, 1.0, maximize=False)
    assert found is not None
    assert [str(group) for group in found.groups] == ["norm 10 of 10", "value 0 of 10"]


@pytest.mark.parametrize(
    "trials",
    [
        [],
        [({"cell": "gru"}, 1.0), ({"cell": "rnn"}, 1.2)],  # none beats the trivial predictor
        [({"cell": "gru"}, 0.1)] * 20,  # nothing was varied
        [({}, 0.1)] * 20,
        [({"cell": "gru"}, 0.1)] * 10 + [({"cell": "rnn"}, 0.2)] * 10,  # all learned
        [({"cell": "gru"}, 0.1), ({"cell": "rnn"}, 1.0)],  # too few
    ],
)
def test_nothing_to_tell(trials: Trials) -> None:
    """Where nothing separates, nothing should be said."""
    assert separation(trials, 1.0, maximize=False) is None
