import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tuner.objective import Objective
from tuner.reporting.learned import Course, learned_by
from tuner.reporting.separation import LEVEL, Separation, separation

Trials = list[Any]


def found_in(trials: Trials, objective: Objective) -> Separation | None:
    """What separates trials that were all trained to their end, of one epoch."""
    ended = [(params, Course({} if value is None else {1: value}, whole=True)) for params, value in trials]
    return separation(ended, objective)


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
    objective = Objective(maximize=maximize, trivial=-1.0 if maximize else 1.0, trivial_name="always 1")
    if maximize:
        trials = [(params, None if value is None else -value) for params, value in trials]
    found = found_in(trials, objective)
    assert found is not None
    chrono = sum(params["gate_bias"] == "chrono" for params, _ in trials)
    assert (found.parameter, found.against) == ("gate_bias", "chrono")
    assert (found.groups[0].hits, found.groups[0].trials) == (chrono, chrono)
    assert all(group.hits == 0 for group in found.groups[1:])
    assert sum(group.trials for group in found.groups) == 30
    told = found.sentence(objective)
    assert told.startswith(
        "gate_bias separates the trials that learned (val/loss " + ("above" if maximize else "below")
    )
    assert f"chrono {chrono} of {chrono}" in told


def test_the_probability_is_fishers() -> None:
    """With two choices of one parameter, the probability should be that of SciPy's exact test, uncorrected."""
    trials: Trials = [({"cell": "gru"}, 0.0)] * 8 + [({"cell": "gru"}, 1.0)] + [({"cell": "rnn"}, 1.0)] * 7
    trials += [({"cell": "rnn"}, 0.1)]
    found = found_in(trials, Objective(trivial=1.0))
    assert found is not None
    assert found.comparisons == 1
    assert found.probability == pytest.approx(stats.fisher_exact([[8, 1], [1, 7]]).pvalue)
    assert found.cut == 0.5


def test_the_middle_of_a_range_is_found() -> None:
    """A range of which only the middle works should be divided, and its middle part be named."""
    trials: Trials = [({"learning_rate": 0.001 * n}, 0.0 if 10 < n <= 20 else 1.0) for n in range(1, 31)]
    found = found_in(trials, Objective(trivial=1.0))
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
    found = found_in(trials, Objective(trivial=1.0))
    assert found is not None
    assert [str(group) for group in found.groups] == ["True 10 of 10", "False 0 of 10"]


def test_chance_is_not_told() -> None:
    """Where choices do not matter, a sentence should be no more frequent than its level says."""
    false = sum(found_in(study(seed, matters=False), Objective(trivial=1.0)) is not None for seed in range(200))
    assert false <= 2 * LEVEL * 200


def test_a_trial_without_a_value_has_not_learned() -> None:
    """Diverged trials should count against their choice."""
    trials: Trials = [({"clip": "norm"}, 0.0)] * 10
    trials += [({"clip": "value"}, None)] * 5 + [({"clip": "value"}, float("nan"))] * 5
    found = found_in(trials, Objective(trivial=1.0))
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
    assert found_in(trials, Objective(trivial=1.0)) is None


def curve(rng: random.Random, at: float, epochs: int = 20) -> list[float]:
    """A loss that falls from 1 to 0.05 around an epoch, with noise; it never falls where that is beyond the end."""
    return [1 - 0.95 / (1 + 2.0 ** (2 * (at - epoch))) + rng.uniform(-0.02, 0.02) for epoch in range(1, epochs + 1)]


def halving(curves: list[list[float]], rungs: tuple[int, ...] = (2, 6, 18)) -> list[Course]:
    """What is left of curves of which at each rung only the best third goes on."""
    going, left = list(range(len(curves))), [len(curves[0])] * len(curves)
    for rung in rungs:
        going.sort(key=lambda number: min(curves[number][:rung]))
        keep = max(1, len(going) // 3)
        for number in going[keep:]:
            left[number] = rung
        going = going[:keep]
    return [
        Course(dict(enumerate(curve[:end], 1)), whole=end == len(curve))
        for curve, end in zip(curves, left, strict=True)
    ]


@pytest.mark.parametrize("seed", range(10))
def test_the_label_of_a_trial_that_was_cut_is_that_of_its_whole_training(seed: int) -> None:
    """By the epoch that is told; a trial that was cut may learn later, and often does."""
    rng = random.Random(seed)
    curves = [curve(rng, rng.choice([1, 2, 4, 8, 16, 90])) for _ in range(30)]
    courses = halving(curves)
    by = learned_by(courses, 0.5, Objective())
    for label, whole in zip(by.labels, curves, strict=True):
        assert label is None or label is (min(whole[: by.epoch]) < 0.5)
    at_their_cut = [min(course.values.values()) < 0.5 for course in courses]
    in_the_end = [min(whole) < 0.5 for whole in curves]
    wrong = sum(cut is not end for cut, end in zip(at_their_cut, in_the_end, strict=True))
    assert wrong / len(curves) > 0.2  # what the label at the cut would be worth


COURSES = st.lists(
    st.builds(
        Course,
        st.lists(st.sampled_from([0.0, 1.0, float("nan")]), max_size=5).map(lambda values: dict(enumerate(values, 1))),
        st.booleans(),
    ),
    max_size=8,
)


@given(COURSES)
def test_no_other_epoch_tells_more_of_both_kinds(courses: list[Course]) -> None:
    """The epoch that is taken leaves most of the fewer, told from the labels of every epoch one by one."""
    by = learned_by(courses, 0.5, Objective())
    fewer = []
    for epoch in range(1, 6):
        learned = {n for n, c in enumerate(courses) if any(v < 0.5 for e, v in c.values.items() if e <= epoch)}
        not_yet = {n for n, c in enumerate(courses) if n not in learned and (c.whole or len(c.values) >= epoch)}
        fewer.append(min(len(learned), len(not_yet)))
        if epoch == by.epoch:
            assert [n for n, label in enumerate(by.labels) if label] == sorted(learned)
            assert [n for n, label in enumerate(by.labels) if label is False] == sorted(not_yet)
    assert by.fewer == max(fewer, default=0)


def test_trials_that_were_pruned_before_are_left_out_and_said() -> None:
    """With the epoch by which the others had learned."""
    fast, slow = Course({1: 1.0, 2: 0.1}, whole=False), Course({1: 1.0, 2: 0.9, 3: 0.9}, whole=False)
    cut, last = Course({1: 1.0}, whole=False), Course({1: 1.0, 2: 0.1, 3: 0.1, 4: 0.0}, whole=True)
    trials: list[tuple[dict[str, object], Course]] = [({"cell": "gru"}, one) for one in [fast] * 8 + [last]]
    trials += [({"cell": "rnn"}, one) for one in [slow] * 8 + [cut] * 2]
    found = separation(trials, Objective(trivial=1.0))
    assert found is not None
    assert (found.epoch, found.unknown) == (3, 2)
    told = found.sentence(Objective())
    assert "separates the trials that had learned by epoch 3 (val/loss below 0.5" in told
    assert "gru 9 of 9, rnn 0 of 8" in told
    assert told.endswith("; left out, as pruned before: 2.")
