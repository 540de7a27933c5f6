from __future__ import annotations

import math
import os
import pickle
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.attempts import Driver, numbers, small_spec
from tests.support.tiny import write_waves
from tuner.diagnostics import names
from tuner.errors import TaskFileError, TrialError
from tuner.link import end
from tuner.messages import Answer, Ended, Report, State, TrialSpec, Verdict
from tuner.optim.catalog import OPTIMIZERS, SCHEDULES
from tuner.training import checkpoint, run_trial
from tuner.training.attempt import train
from tuner.training.learner import NONFINITE_STEPS
from tuner.training.loop import Training

STALLS = {"learning_rate": 1e-12, "patience": 3}
"""Parameters of a training that has no gain after its first epoch."""


@pytest.fixture
def make(tmp_path: Path) -> Any:
    """Builds specs of trials on 60 short waves."""
    data = {"path": str(write_waves(tmp_path / "waves.csv")), "label": "label"}
    return lambda folder="run", **fields: small_spec(tmp_path, folder, "time_series/classification", data, **fields)


def test_a_trial_learns_reports_every_epoch_once_and_leaves_only_its_checkpoint(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss falls below the trivial predictor's, epochs come in order; the checkpoint is the driver's to remove.

    Torch's compiler, which takes a second to import, is not needed.
    """
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)
    driver = Driver()
    ended = run_trial(make(epochs=12, params={"hidden_size": 16, "learning_rate": 0.03}), driver)
    assert ended.state is State.COMPLETED
    assert ended.value is not None
    assert ended.value < 0.5 < math.log(2)
    assert [epoch.epoch for epoch in driver.epochs] == list(range(1, 13))
    assert ended.value == min(epoch.metrics["val/loss"] for epoch in driver.epochs)
    assert ended.results["parameters"] > 0
    assert {file.name for file in (tmp_path / "run").iterdir()} <= {checkpoint.CHECKPOINT}


def test_a_trial_whose_outcome_was_lost_does_not_begin_anew(make: Any) -> None:
    """The worker or the driver died with the outcome in flight: the next attempt goes on from the last checkpoint."""
    assert run_trial(make(), Driver()).state is State.COMPLETED
    second = Driver()
    ended = run_trial(make(attempt=2, reported=3), second)
    assert (ended.state, [epoch.epoch for epoch in second.epochs]) == (State.COMPLETED, [4])


def test_metric_names_follow_the_grammar_and_are_at_most_25(make: Any) -> None:
    """Names are such as MLflow takes; values are finite; per-tensor tables are of probed epochs."""
    driver = Driver()
    run_trial(make(), driver)
    for epoch in driver.epochs:
        assert len(epoch.metrics) <= 25
        assert all(re.fullmatch(r"[A-Za-z0-9_./ -]+", name) for name in epoch.metrics)
        assert all(math.isfinite(value) for value in epoch.metrics.values())
    steps = {names.GRAD, names.WEIGHT, names.UPDATE}
    assert [set(epoch.tensors) for epoch in driver.epochs] == [steps | {names.START_GAIN}, *[set()] * 3]


COMBINATIONS = [
    *({"optimizer": name} for name in OPTIMIZERS.entries),
    *({"schedule": name} for name in SCHEDULES.entries),
    {"dropout.input": 0.2, "dropout.output": 0.3, "dropout.variational": 0.2},
    {"clip": "value", "clip_value": 0.01},
    {"clip": "percentile", "clip_percentile": 30.0},
    {"ema": 0.9},
    {"average_after": 1, "optimizer": "sgd", "schedule": "constant", "learning_rate": 0.5},
]


@pytest.mark.parametrize("params", COMBINATIONS, ids=str)
def test_stopped_and_resumed_equals_straight_through_bit_for_bit(make: Any, params: dict[str, Any]) -> None:
    """Stopped at epoch 2 and gone on in another attempt, every number of epochs 1 to 4 is the same."""
    straight = Driver()
    run_trial(make("straight", params=params), straight)
    first, second = Driver(stop_after=2), Driver()
    stopped = run_trial(make("resumed", params=params), first)
    assert stopped.state is State.STOPPED
    ended = run_trial(make("resumed", params=params, attempt=2, reported=2), second)
    assert ended.state is State.COMPLETED
    assert [epoch.epoch for epoch in second.epochs] == [3, 4]
    assert numbers(first.epochs + second.epochs) == numbers(straight.epochs)


class StopWithin(Driver):
    """Stops at the first sign of life after an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._epoch = epoch

    def send(self, report: Report) -> Answer | None:
        answer = super().send(report)
        if report.epochs or len(self.epochs) < self._epoch:
            return answer
        return end(report, State.STOPPED, "asked")


def test_an_epoch_that_was_stopped_within_is_made_again(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the checkpoint before it: every epoch is recorded, with the numbers of a training that was not stopped."""
    straight = Driver()
    run_trial(make("straight"), straight)
    monkeypatch.setattr("tuner.training.reporter.LIFE_SECONDS", 0.0)  # a sign of life at every step
    stopped = StopWithin(2)
    assert run_trial(make("stopped"), stopped).state is State.STOPPED
    assert len(stopped.epochs) == 2
    resumed = Driver()
    run_trial(make("stopped", attempt=2, reported=2), resumed)
    assert numbers([*stopped.epochs, *resumed.epochs]) == numbers(straight.epochs)


def test_epochs_that_the_driver_lacks_are_sent_again_on_resume(make: Any) -> None:
    """When a report was lost with its worker, the checkpoint has it and sends it."""
    run_trial(make(), Driver(stop_after=2))
    second = Driver()
    run_trial(make(attempt=2, reported=1), second)
    assert [epoch.epoch for epoch in second.epochs] == [2, 3, 4]


@pytest.mark.parametrize(("reported", "asked"), [(1, [2, 3]), (2, [2, 3]), (3, [3])])
def test_a_rung_that_was_not_answered_is_asked_again_on_resume(make: Any, reported: int, asked: list[int]) -> None:
    """A checkpoint written at a rung does not carry a trial past it, unless the driver has seen what came after."""
    run_trial(make(), Driver(stop_after=2))
    second = Driver()
    run_trial(make(attempt=2, reported=reported), second)
    known, waits = reported, []
    for report in second.reports:
        known = max([known, *(epoch.epoch for epoch in report.epochs)])
        if report.waiting:
            waits.append(known)
    assert waits == asked


def test_without_a_checkpoint_no_rung_is_asked_that_was_passed_before(make: Any) -> None:
    """An attempt that begins anew, as nothing was saved, should not wait where an earlier one went on from."""
    driver = Driver()
    run_trial(make(attempt=2, reported=2), driver)
    assert [epoch.epoch for epoch in driver.epochs] == [3, 4]
    assert sum(report.waiting for report in driver.reports) == 2  # at 2, where the other may have waited, and at 3


def test_another_trials_checkpoint_is_not_used(make: Any) -> None:
    """A checkpoint with other parameters or another seed is left aside."""
    run_trial(make(), Driver(stop_after=2))
    second = Driver()
    run_trial(make(seed=4, attempt=2), second)
    assert [epoch.epoch for epoch in second.epochs] == [1, 2, 3, 4]


def test_a_trial_repeats_after_others_in_the_same_process(make: Any) -> None:
    """What ran before in the process changes no number."""
    first, second = Driver(), Driver()
    run_trial(make("a", params={"dropout.output": 0.4}), first)
    run_trial(make("b", params={"hidden_size": 9, "dropout.output": 0.1}), Driver())
    torch.rand(17)
    run_trial(make("c", params={"dropout.output": 0.4}), second)
    assert numbers(first.epochs) == numbers(second.epochs)


@pytest.fixture
def make_copy(tmp_path: Path) -> Any:
    """Builds specs of trials on a short copy task, which predicts at each step."""
    data = {"task": "copy", "length": 8, "recall": 2, "train": 70, "val": 20, "test": 20}
    return lambda folder="run", **fields: small_spec(tmp_path, folder, "memory/probe", data, **fields)


def test_chunks_as_long_as_the_sequence_change_nothing(make_copy: Any) -> None:
    """Truncation beyond the last step is no truncation, bit for bit; a shorter one makes more steps."""
    epochs, steps = [], []
    for number, params in enumerate([{}, {"truncation": 12}, {"truncation": 5}]):
        driver = Driver()
        steps.append(run_trial(make_copy(str(number), params=params), driver).step)
        epochs.append(numbers(driver.epochs))
    assert epochs[0] == epochs[1] != epochs[2]
    assert steps == [20, 20, 60]


@pytest.mark.parametrize(
    "fields", [{"params": {"truncation": 5}}, {"params": {"truncation": 5}, "seconds": 4.0}], ids=str
)
def test_a_truncated_training_resumes_bit_for_bit(
    make_copy: Any, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where an epoch is a part of the time, and ends within a sequence whose state is carried on."""
    monkeypatch.setattr("tuner.training.attempt.measured_updates", lambda _: 7)
    straight = Driver()
    run_trial(make_copy("straight", **fields), straight)
    first, second = Driver(stop_after=2), Driver()
    run_trial(make_copy("resumed", **fields), first)
    ended = run_trial(make_copy("resumed", attempt=2, reported=2, **fields), second)
    assert ended.state is State.COMPLETED
    assert numbers(first.epochs + second.epochs) == numbers(straight.epochs)
    if "seconds" in fields:
        assert ended.step == 4 * 7
        assert ended.results["updates_per_epoch"] == 7


def test_a_budget_of_seconds_gives_slow_configurations_fewer_steps(make: Any) -> None:
    """Two very different costs per step take about the same processor time, in as many epochs."""
    used, steps = [], []
    for folder, params in {"fast": {"hidden_size": 8}, "slow": {"hidden_size": 256, "layers": 2}}.items():
        driver = Driver()
        began = time.thread_time()
        spec = make(folder, params={"patience": None, **params}, seconds=3.0, epochs=4, rungs=(), diagnostics="off")
        steps.append(run_trial(spec, driver).step)
        used.append(time.thread_time() - began)
        assert [epoch.epoch for epoch in driver.epochs] == [1, 2, 3, 4]
    assert steps[0] > 3 * steps[1]
    assert used == pytest.approx([3.0, 3.0], rel=0.5)  # a busy machine makes steps dearer, once or later


def poison(training: Training, name: str, steps: set[int]) -> None:
    """Make the gradient of a parameter infinite at some optimizer steps."""
    parameter = dict(training.learner.network.named_parameters())[name]

    def hook(gradient: torch.Tensor) -> torch.Tensor | None:
        if training.learner.step not in steps:
            return None
        poisoned = gradient.clone()
        poisoned.view(-1)[0] = math.inf
        return poisoned

    parameter.register_hook(hook)


def recurrent_weight(training: Training) -> str:
    """Name of the first recurrent weight."""
    return next(name for name, _ in training.learner.network.named_parameters() if "weight_hh" in name)


def test_a_step_with_an_infinite_gradient_changes_nothing_and_is_counted(make: Any) -> None:
    """The update is left out, parameters stay bit for bit, and the epoch's record has one such step."""
    driver = Driver()
    training = Training(make(epochs=1), driver)
    poison(training, recurrent_weight(training), {1})
    before: list[dict[str, torch.Tensor]] = []
    update = training.learner.update

    def watched(batch: Any) -> torch.Tensor:
        before.append({name: value.clone() for name, value in training.learner.network.state_dict().items()})
        return update(batch)

    training.learner.update = watched  # type: ignore[method-assign, assignment]
    training.run()
    assert all(torch.equal(before[1][name], before[2][name]) for name in before[1])
    assert not all(torch.equal(before[0][name], before[1][name]) for name in before[0])
    assert driver.epochs[0].metrics[names.GRAD_NONFINITE_STEPS] == 1


def test_infinite_gradients_in_a_row_end_the_trial_with_the_tensors_name(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten in a row are divergence, told with the tensor, epoch and step."""
    poisoned: list[str] = []
    init = Training.__init__

    def poisoned_init(self: Training, *arguments: Any, **options: Any) -> None:
        init(self, *arguments, **options)
        poisoned.append(recurrent_weight(self))
        poison(self, poisoned[0], set(range(2, 1000)))

    monkeypatch.setattr(Training, "__init__", poisoned_init)
    ended = train(make(epochs=20), Driver())
    assert ended.state is State.DIVERGED
    assert poisoned[0] in ended.reason
    assert f"in {NONFINITE_STEPS} steps in a row" in ended.reason
    assert ended.step == 2 + NONFINITE_STEPS
    (finding, *_) = ended.results["findings"]
    assert (finding["name"], finding["fatal"]) == ("non_finite", True)
    assert ended.reason.startswith(finding["evidence"])


def test_patience_ends_a_trial_early_with_the_reason(make: Any) -> None:
    """With a rate that learns nothing, training stops `patience` epochs after the best."""
    ended = run_trial(make(epochs=40, rungs=(), params=STALLS), Driver())
    assert ended.state is State.COMPLETED
    assert ended.epochs < 40
    assert "stopped early: no gain since epoch" in ended.reason


HOPELESS = {
    "epochs": 20,
    "rungs": (),
    "params": {"learning_rate": 1e-9, "patience": None},
    "trivial": {"loss": math.log(2)},
    "act": True,
}


def test_a_hopeless_trial_ends_early_with_its_cause(make: Any) -> None:
    """A quarter into its budget; what ended it is its first finding, and every epoch was sent."""
    driver = Driver()
    ended = run_trial(make(**HOPELESS), driver)
    assert ended.state is State.HOPELESS
    assert ended.epochs == 5
    assert [epoch.epoch for epoch in driver.epochs] == [1, 2, 3, 4, 5]
    assert re.fullmatch(
        r"learning rate too low: a step changes the weights by at most \S+ of their size \(epoch \d\), so that all 60 "
        r"steps of the budget move them by at most \S+ times their size \(epoch 5, step 15\)",
        ended.reason,
    )
    first, second = ended.results["findings"]
    assert (first["name"], first["fatal"], second["name"]) == ("learning_rate_too_low", True, "stuck_at_trivial")
    assert ended.results["progress"] == pytest.approx(0.0, abs=0.03)


def test_one_that_the_driver_spares_goes_on(make: Any) -> None:
    """It asks whenever it is time to, waits for the answer, and is judged at its end as any other."""
    driver = Driver(spares=True)
    ended = run_trial(make(**HOPELESS), driver)
    assert (ended.state, ended.epochs) == (State.COMPLETED, 20)
    asked = [report for report in driver.reports if report.hopeless]
    assert [report.epochs[-1].epoch for report in asked] == list(range(5, 20))
    assert all(report.waiting and report.hopeless.startswith("learning rate too low: a step") for report in asked)
    assert [epoch.epoch for epoch in driver.epochs] == list(range(1, 21))


def test_one_without_a_fault_of_its_own_ends_with_its_cause(make: Any) -> None:
    """What learned nothing, and could not for some reason that is known, names both."""
    longer = {"learning_rate_too_low": {"end": 1.0}}
    ended = run_trial(make(**HOPELESS, thresholds=longer), Driver())
    assert (ended.state, ended.epochs) == (State.HOPELESS, 6)
    assert re.fullmatch(
        r"stuck at trivial: after 6 of 20 epochs the least validation loss is 0\.\d+, the trivial predictor's is "
        r"0.693, and the training loss no longer falls; the cause: learning rate too low, a step changes .*",
        ended.reason,
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"act": False},
        {"kind": "confirm"},
        {"trivial": {}},
        {"thresholds": {"stuck_at_trivial": {"end": 1.0}, "learning_rate_too_low": {"end": 1.0}}},
    ],
    ids=str,
)
def test_it_goes_on_where_nothing_may_be_done_or_is_known(make: Any, changed: dict[str, Any]) -> None:
    """When acting is off, in a confirmation, without a trivial predictor, and with a longer allowance."""
    ended = run_trial(make(**{**HOPELESS, **changed}), Driver())
    assert (ended.state, ended.epochs) == (State.COMPLETED, 20)
    assert "learning_rate_too_low" in {finding["name"] for finding in ended.results["findings"]}


@pytest.mark.parametrize(("verdict", "told"), [(Verdict.PRUNE, True), (Verdict.STOP, False)])
def test_a_trial_that_is_cut_at_a_rung_is_judged_as_one_that_is_behind(make: Any, verdict: Verdict, told: bool) -> None:
    """Not one that is stopped there because time is up: nobody was said to be further."""
    spec = make(rungs=(2,), params={"learning_rate": 1e-5}, thresholds={"learning_rate_too_low": {"travel": 1e-9}})
    ended = run_trial(spec, Driver(stop_after=2, state=State.PRUNED, verdict=verdict))
    assert (ended.state, ended.epochs) == (State.PRUNED, 2)
    assert ("learning_rate_too_low" in {finding["name"] for finding in ended.results["findings"]}) == told


def test_a_pruned_trial_ends_with_the_drivers_reason(make: Any) -> None:
    """The answer at a rung gives the reason."""
    ended = run_trial(make(), Driver(stop_after=2, verdict=Verdict.PRUNE))
    assert (ended.state, ended.reason, ended.epochs) == (State.PRUNED, "asked", 2)


@pytest.mark.parametrize("state", [State.PRUNED, State.STOPPED])
@pytest.mark.parametrize(
    ("fields", "epochs"), [({}, 4), ({"rungs": (), "epochs": 40, "params": STALLS}, 4)], ids=["all", "patience"]
)
def test_what_ends_a_trial_after_its_last_epoch_comes_too_late(
    make: Any, state: State, fields: dict[str, Any], epochs: int
) -> None:
    """The time of the search may be over then, or a stop be asked for: it has trained as long as it was to."""
    ended = run_trial(make(**fields), Driver(stop_after=epochs, state=state))
    assert (ended.state, ended.epochs) == (State.COMPLETED, epochs)
    assert ended.value is not None


def test_a_confirmation_keeps_its_best_weights_and_the_test_scores_them(make: Any, tmp_path: Path) -> None:
    """The stored model scores on the validation split what its best epoch had, and the test split is read from it."""
    ended = run_trial(make(keep_model=True, epochs=6), Driver())
    tensors, facts = checkpoint.load(str(tmp_path / "run" / checkpoint.MODEL), torch.device("cpu"))
    assert facts["value"] == ended.value
    spec = make("test", models=(str(tmp_path / "run"),))
    result: Ended = run_trial(TrialSpec(**{**_fields(spec), "kind": "test"}), Driver())
    (scores,) = result.results["test"].values()
    assert 0.0 <= scores["accuracy"] <= 1.0
    assert set(tensors["network"])


def test_an_unconnected_parameter_is_refused_before_training(make: Any) -> None:
    """A forget bias on a GRU is an error with its fix, not a parameter that does nothing."""
    with pytest.raises(TaskFileError, match=r"forget_bias acts only with cell .*lstm.*, but got 'gru'\. Give it `when"):
        run_trial(make(params={"cell": "gru", "forget_bias": 1.0}), Driver())


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch canary",)


def test_a_checkpoint_that_would_run_code_is_refused(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pickle bomb in place of a checkpoint runs nothing and is told in one line."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "run" / checkpoint.CHECKPOINT
    file.parent.mkdir()
    file.write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(TrialError, match=r"checkpoint\.pt must be a checkpoint, but reading it failed"):
        run_trial(make(), Driver())
    torch.save({"tensors": _Bomb(), "facts": "{}"}, file)
    with pytest.raises(TrialError, match=r"checkpoint\.pt must be a checkpoint, but reading it failed"):
        run_trial(make(), Driver())
    assert not (tmp_path / "canary").exists()


def _fields(spec: TrialSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in spec.__dataclass_fields__}
