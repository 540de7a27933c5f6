"""Repairs: cures stay within the search space, each cause is cured once, and a resumed sweep decides alike."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.spaces import spaces
from tests.support.sweeps import records, sweep
from tests.support.tiny import write_task
from tuner.announcements import Announcement, RepairBegan, TrialEnded
from tuner.diagnostics.finding import Cure, Finding
from tuner.disk.events import RunRecord
from tuner.errors import UserError
from tuner.messages import State
from tuner.objective import Objective
from tuner.space import Space
from tuner.sweep import Sweep
from tuner.sweep.repairs import EARLY, Repair, Repairs, cured
from tuner.task import resolve_task

SPACE = Space.parse(
    {
        "cell": ["lstm", "gru"],
        "gate_bias": {"choices": ["constant", "chrono"], "when": {"cell": "lstm"}},
        "forget_bias": {"low": 0.0, "high": 3.0, "when": {"cell": "lstm", "gate_bias": "constant"}},
        "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
        "hidden_size": {"low": 16, "high": 64},
        "clip_norm": 1.0,
    },
    lambda _: "",
)
LSTM = {
    "cell": "lstm",
    "gate_bias": "constant",
    "forget_bias": 0.5,
    "learning_rate": 0.01,
    "hidden_size": 20,
    "clip_norm": 1.0,
}
CHRONO, BIAS, RATE = (
    Cure(param="gate_bias", to="chrono"),
    Cure(param="forget_bias", plus=3.0),
    Cure(param="learning_rate", times=0.1),
)


def record(
    number: int,
    value: float | None,
    *found: Finding,
    params: dict[str, Any] = LSTM,
    progress: float | None = 0.02,
    state: State = State.COMPLETED,
    **fields: Any,
) -> RunRecord:
    """A trial that is over."""
    results = {"findings": [finding.as_json() for finding in found], "progress": progress}
    return RunRecord(
        run=f"trials/{number:05d}", number=number, params=params, state=state, value=value, results=results, **fields
    )


def finding(name: str, *cures: Cure) -> Finding:
    """A finding with cures."""
    return Finding(name=name, epoch=1, evidence="", threshold="", source="", cures=cures)


def test_a_cure_keeps_the_rest_and_what_must_follow_follows() -> None:
    """What no longer exists is gone; numbers end where their range ends."""
    assert cured(SPACE, LSTM, CHRONO) == {
        k: v for k, v in {**LSTM, "gate_bias": "chrono"}.items() if k != "forget_bias"
    }
    assert cured(SPACE, LSTM, BIAS) == {**LSTM, "forget_bias": 3.0}
    assert cured(SPACE, LSTM, RATE) == {**LSTM, "learning_rate": pytest.approx(1e-3)}
    gru = {"cell": "gru", "learning_rate": 0.01, "hidden_size": 20, "clip_norm": 1.0}
    assert cured(SPACE, gru, Cure(param="cell", to="lstm")) == {**LSTM, "forget_bias": 1.5}


def test_among_numbers_to_choose_from_the_nearest_is_taken() -> None:
    """By ratio, as rates and sizes are; where that is the old one there is no cure."""
    space = Space.parse({"learning_rate": [1e-9, 1e-3, 3e-2], "batch_size": [16, 64]}, lambda _: "")
    params = {"learning_rate": 3e-2, "batch_size": 64}
    assert cured(space, params, RATE) == {**params, "learning_rate": 1e-3}
    assert cured(space, params, Cure(param="learning_rate", times=0.5)) is None
    assert cured(space, params, Cure(param="batch_size", times=0.25)) == {**params, "batch_size": 16}


@pytest.mark.parametrize(
    "cure",
    [
        Cure(param="gate_bias", to="uniform"),
        Cure(param="clip_norm", times=0.1),
        Cure(param="dropout.output", plus=0.2),
        Cure(param="cell", to="lstm"),
    ],
    ids=str,
)
def test_a_cure_that_the_space_has_no_room_for_is_none(cure: Cure) -> None:
    """Unknown choices, constants, parameters that are not searched, and what is so already."""
    assert cured(SPACE, LSTM, cure) is None


def test_a_number_at_the_end_of_its_range_cannot_be_cured() -> None:
    """No trial is spent on the same values."""
    assert cured(SPACE, {**LSTM, "learning_rate": 1e-4}, RATE) is None
    assert cured(SPACE, {**LSTM, "forget_bias": 2.95}, BIAS) is None


@given(spaces(), st.integers(0, 10_000), st.sampled_from(["to", "times", "plus"]), st.floats(-10, 10), st.data())
def test_whatever_the_cure_the_result_lies_in_the_space(
    space: Space, seed: int, kind: str, number: float, data: st.DataObject
) -> None:
    """Over random spaces."""
    params, other = space.samples(random.Random(seed), 2)
    assume(params)
    name = data.draw(st.sampled_from(sorted(params)))
    value = other.get(name, "red") if kind == "to" else number
    found = cured(space, params, Cure(param=name, **{kind: value}))
    if found is not None:
        assert space.contains(found)
        assert found != params


def begun(repairs: Repairs, refuse: tuple[str, ...] = ()) -> list[str]:
    """Every repair that would be begun one after the other."""
    told: list[str] = []

    def begin(repair: Repair) -> Repair | None:
        return None if any(name in repair.change for name in refuse) else repair

    while (repair := repairs.next(begin)) is not None:
        told.append(str(repair))
    return told


def test_each_cause_is_cured_once_per_region_and_within_the_share() -> None:
    """The first cure that is new is taken; the order is that of the trials."""
    vanishing, steep = finding("vanishing_gradient", CHRONO, BIAS), finding("exploding_gradient", RATE)
    repairs = Repairs(SPACE, 3, Objective())
    repairs.ended(record(0, 1.0, steep, vanishing))  # causes come first, in the catalog's order
    repairs.ended(record(1, 1.0, vanishing, steep, params={**LSTM, "learning_rate": 0.02}))
    gru = {"cell": "gru", "learning_rate": 0.01, "hidden_size": 20, "clip_norm": 1.0}
    repairs.ended(record(2, 1.0, vanishing, steep, params=gru))
    repairs.ended(record(3, 1.0, finding("dead_units", RATE)))
    assert begun(repairs) == [
        "trial 0, vanishing gradient: gate_bias constant -> chrono, forget_bias 0.5 -> -",
        "trial 2, exploding gradient: learning_rate 0.01 -> 0.001",
        "trial 3, dead units: learning_rate 0.01 -> 0.001",
    ]
    again = Repairs(SPACE, 3, Objective())
    again.ended(record(0, 1.0, vanishing))
    assert begun(again, refuse=("gate_bias",)) == ["trial 0, vanishing gradient: forget_bias 0.5 -> 3"]


def test_later_trials_must_promise_something() -> None:
    """The first are repaired when they learned little; later ones only among the best."""
    repairs = Repairs(SPACE, 9, Objective(maximize=True))
    for number in range(EARLY):
        repairs.ended(record(number, float(number)))
    repairs.ended(record(EARLY, 3.0, finding("a", RATE)))
    repairs.ended(record(EARLY + 1, None, finding("b", RATE)))
    repairs.ended(record(EARLY + 2, 9.5, finding("c", RATE)))
    assert begun(repairs) == [f"trial {EARLY + 2}, c: learning_rate 0.01 -> 0.001"]


def test_an_early_trial_must_have_learned_little() -> None:
    """One that did better is repaired of what spoils that only; one that diverged has learned nothing."""
    repairs = Repairs(SPACE, 9, Objective(maximize=True))
    for number in range(3):
        repairs.ended(record(number, 5.0 + number))
    repairs.ended(record(3, 1.0, finding("a", RATE), progress=0.5))
    repairs.ended(record(4, 1.0, finding("b", RATE), progress=None))
    repairs.ended(record(5, None, finding("c", RATE), progress=None, state=State.DIVERGED))
    repairs.ended(record(6, 9.0, finding("growing_weights", RATE), finding("overfitting", RATE), progress=0.5))
    slow = finding("learning_rate_too_low", RATE)
    repairs.ended(record(7, 1.0, finding("d", RATE), slow, progress=0.5, state=State.PRUNED))
    assert begun(repairs) == [
        f"trial {number}, {name}: learning_rate 0.01 -> 0.001"
        for number, name in ((5, "c"), (6, "overfitting"), (7, "learning rate too low"))
    ]


def test_of_a_trial_that_was_cut_only_the_rate_is_cured() -> None:
    """A beginning shows little else: not whether memory would have come."""
    repairs = Repairs(SPACE, 9, Objective())
    repairs.ended(record(0, 1.0, finding("vanishing_gradient", CHRONO, BIAS), state=State.PRUNED))
    repairs.ended(record(1, 1.0, finding("stuck_at_trivial", BIAS, RATE), state=State.PRUNED))
    assert begun(repairs) == ["trial 1, stuck at trivial: learning_rate 0.01 -> 0.001"]


def test_what_is_little_is_held_against_what_can_be_reached() -> None:
    """Where a third of the labels are wrong no trial is far below the trivial loss: one near the best is not sick."""
    repairs = Repairs(SPACE, 9, Objective())
    for number, progress in enumerate((0.0, 0.01, 0.05, 0.02, 0.04)):
        repairs.ended(record(number, 0.69 - progress, progress=progress))
    repairs.ended(record(5, 0.65, finding("dead_units", RATE), progress=0.045))
    assert begun(repairs) == []
    repairs.ended(record(6, 0.68, finding("dead_units", RATE), progress=0.01))
    assert begun(repairs) == ["trial 6, dead units: learning_rate 0.01 -> 0.001"]
    alone = Repairs(SPACE, 9, Objective())
    alone.ended(record(0, 0.65, finding("dead_units", RATE), progress=0.045))
    assert begun(alone) == ["trial 0, dead units: learning_rate 0.01 -> 0.001"]


def test_a_repair_is_not_repaired() -> None:
    """Where the cure left something to cure, the search goes on by itself."""
    repairs = Repairs(SPACE, 9, Objective(maximize=True))
    repairs.ended(record(1, 1.0, finding("a", RATE), repairs={"number": 0, "finding": "b", "change": {}}))
    assert begun(repairs) == []


def test_a_resumed_sweep_knows_what_was_begun() -> None:
    """A repair in the study counts, and its cause is that of the trial that it repaired, whatever the cure changed."""
    cure = Cure(param="cell", to="gru")
    repairs = Repairs(SPACE, 2, Objective())
    repairs.ended(record(0, 1.0, finding("dead_units", cure)))
    made = repairs.next(lambda repair: repair)
    assert made is not None
    again = Repairs(SPACE, 2, Objective())
    again.begun(made.as_json(), made.params)
    again.ended(record(0, 1.0, finding("dead_units", cure)))
    assert begun(again) == []
    again.ended(record(2, 1.0, finding("overfitting", Cure(param="hidden_size", times=2.0))))
    assert begun(again) == ["trial 2, overfitting: hidden_size 20 -> 40"]
    again.ended(record(3, 1.0, finding("other", RATE)))
    assert begun(again) == []


SLOW = """
search_space:
  cell: [lstm, gru]
  hidden_size: {low: 4, high: 16}
  learning_rate: {low: 1e-9, high: 1e-3, log: true}
  batch_size: 16
sampler: {name: random, seed: 1}
confirm: {top: 0}
diagnostics: {repairs: 0.4, mode: MODE}
"""


class TestInASweep:
    """Real trials in this process."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def test_a_finding_is_repaired_in_a_new_trial_that_counts_and_is_told(self, tmp_path: Path) -> None:
        """Rates that move nothing are found, and cured once per cell."""
        path = write_task(tmp_path, trials=10, more=SLOW.replace("MODE", "act"))
        outcome, told = sweep(path)
        trials = records(path)
        assert [trial.number for trial in trials] == list(range(10))
        repairs = [trial for trial in trials if trial.repairs]
        assert 1 <= len(repairs) <= 4
        assert [event.number for event in told.of(RepairBegan)] == [trial.number for trial in repairs]
        for trial in repairs:
            sick = trials[trial.repairs["number"]]
            assert trial.repairs["finding"] == "learning_rate_too_low"
            assert trial.repairs["finding"] in {found["name"] for found in sick.results["findings"]}
            old, new = trial.repairs["change"]["learning_rate"]
            assert sick.params["learning_rate"] == old < new == trial.params["learning_rate"]
            assert {**sick.params, "learning_rate": new} == trial.params
        assert len({trial.params["cell"] for trial in repairs}) == len(repairs)
        assert outcome.summary is not None
        assert sum(f"repaired trial {trial.repairs['number']}" in " ".join(outcome.summary.sentences)
                   for trial in repairs) == len(repairs)  # fmt: skip

    def test_to_observe_is_to_tell_only(self, tmp_path: Path) -> None:
        """The suggestions are those of a sweep without diagnostics; the findings are there all the same."""
        path = write_task(tmp_path, trials=6, more=SLOW.replace("MODE", "observe"))
        sweep(path)
        off = write_task(
            tmp_path, name="unwatched", trials=6, more=SLOW.replace("mode: MODE", 'level: "off", mode: observe')
        )
        sweep(off)
        assert [trial.params for trial in records(path)] == [trial.params for trial in records(off)]
        assert not any(trial.repairs for trial in records(path))
        assert any(trial.results["findings"] for trial in records(path))

    def test_a_sweep_that_was_stopped_repairs_as_one_that_was_not(self, tmp_path: Path) -> None:
        """With one worker, wherever it was stopped."""
        path = write_task(tmp_path, trials=8, more=SLOW.replace("MODE", "act"))
        sweep(path)
        other = write_task(tmp_path, name="other", trials=8, more=SLOW.replace("MODE", "act"))
        for trials in range(1, 8):
            driver: Sweep
            ended = iter(range(trials))

            def stop(event: Announcement, _ended: Iterator[int] = ended) -> None:
                if isinstance(event, TrialEnded) and next(_ended, None) is None:
                    driver.stop("enough")  # noqa: B023 - of this round

            driver = Sweep(resolve_task(other), stop)
            driver.run()
        sweep(other)
        assert [(trial.params, trial.repairs) for trial in records(other)] == [
            (trial.params, trial.repairs) for trial in records(path)
        ]
        assert any(trial.repairs for trial in records(path))

    def test_thresholds_of_the_task_file_reach_the_worker(self, tmp_path: Path) -> None:
        """A threshold that every rate is below is passed by all."""
        more = SLOW.replace(
            "mode: MODE", "mode: observe, thresholds: {learning_rate_too_low: {travel: 1e9, progress: 1.0}}"
        )
        path = write_task(tmp_path, trials=2, more=more)
        sweep(path)
        for trial in records(path):
            assert "learning_rate_too_low" in {found["name"] for found in trial.results["findings"]}

    @pytest.mark.parametrize(
        ("thresholds", "message"),
        [
            ("{vanishing: {attenuation: 1e-3}}", "finding must be a known name, but got 'vanishing'"),
            (
                "{dead_units: {shares: 0.1}}",
                "diagnostics.thresholds.dead_units must have known keys only, but got 'shares'",
            ),
            ("{dead_units: {share: 7}}", "must be <= 1, but got 7"),
        ],
    )
    def test_unknown_findings_and_thresholds_are_refused_in_one_line(
        self, tmp_path: Path, thresholds: str, message: str
    ) -> None:
        """With file and line."""
        path = write_task(tmp_path, more=f"diagnostics: {{thresholds: {thresholds}}}")
        with pytest.raises(UserError, match=re.escape(message)) as caught:
            resolve_task(path)
        assert re.match(r".*tiny\.yaml:\d+: ", str(caught.value))

    @pytest.mark.slow
    def test_a_vanishing_gradient_is_named_and_its_repair_solves_the_task(self, tmp_path: Path) -> None:
        """The adding problem with torch's own start values: one trial gets nowhere, its repair learns."""
        path = tmp_path / "adding.yaml"
        path.write_text(ADDING)
        outcome, _ = sweep(path)
        sick, repair = records(path)
        (vanishing,) = (found for found in sick.results["findings"] if found["name"] == "vanishing_gradient")
        assert vanishing["evidence"].startswith("over 54 of the task's lag of 60 steps the gradient falls to 10^-")
        assert vanishing["numbers"]["attenuation"] < -4
        assert repair.repairs["finding"] == "vanishing_gradient"
        assert repair.repairs["change"]["gate_bias"] == ["constant", "chrono"]
        assert repair.state is State.COMPLETED
        assert sick.value is not None
        assert repair.value is not None
        assert sick.value > 0.16
        assert repair.value < 0.01
        assert outcome.summary is not None
        assert outcome.summary.sentences[-1].endswith("whether that is beyond the noise of seeds is not known.")


ADDING = """
adapter: memory/probe
data: {task: adding, length: 60, train: 2500, val: 500, test: 100}
search_space:
  cell: lstm
  gate_bias: {choices: [constant, chrono], prior: [1, 0.001]}
  forget_bias: {low: 0.0, high: 0.5, when: {gate_bias: constant}}
  initializer: torch_default
  hidden_size: 24
  optimizer: adam
  learning_rate: {low: 1.0e-2, high: 2.0e-2, log: true}
  schedule: cosine
  clip_norm: 1.0
  batch_size: 25
  patience: null
budget: {trials: 2, epochs: 10}
sampler: {name: random, seed: 1}
pruner: {name: none}
confirm: {top: 0}
ray: {address: in-process}
tracking: {uri: none}
report: {figures: 0}
diagnostics: {repairs: 0.5}
"""
