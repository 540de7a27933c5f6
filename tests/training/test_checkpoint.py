"""What a checkpoint holds, and that one of an earlier version is gone on from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.attempts import Driver, numbers, small_spec
from tuner.messages import State, TrialSpec
from tuner.training import checkpoint, run_trial
from tuner.training.loop import Training

PARTS = {
    "network",
    "optimizer",
    "schedule",
    "clipping",
    "averaging",
    "learner",
    "watch",
    "batches",
    "history",
    "random",
}
FACTS = {"format", "params", "seed", "epochs", "seconds", "updates_per_epoch", "epoch"}
EARLIER = Path(__file__).parent / "checkpoint-0.2.0.pt"
"""Written by version 0.2.0 after two epochs of `make()`: of every part, one that has a state."""


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Builds specs of trials whose every part has a state, within an epoch and a sequence."""
    monkeypatch.setattr("tuner.training.attempt.measured_updates", lambda _: 7)
    data = {"task": "copy", "length": 8, "recall": 2, "train": 70, "val": 20, "test": 20}
    params = {"hidden_size": 3, "truncation": 5, "ema": 0.9, "schedule": "plateau", "clip": "percentile"}

    def build(folder: str, **fields: Any) -> TrialSpec:
        given = {"params": params, "seconds": 4.0, "keep_model": True, **fields}
        return small_spec(tmp_path, folder, "memory/probe", data, **given)

    return build


def test_a_checkpoint_has_what_it_had(make: Any, tmp_path: Path) -> None:
    """Its keys are those of its format, which is another one as soon as they are."""
    run_trial(make("run"), Driver(stop_after=2))
    states, facts = checkpoint.load(tmp_path / "run" / checkpoint.CHECKPOINT, torch.device("cpu"))
    assert (checkpoint.FORMAT, facts["format"], states.keys(), facts.keys()) == (4, 4, PARTS, FACTS)
    assert states["learner"].keys() == {"step", "nonfinite", "states"}
    assert states["batches"].keys() == {"passes", "position"}
    assert states["history"].keys() == {"epochs", "best", "best_epoch", "best_weights"}
    assert states["watch"].keys() == {"looked", "interval", "spikes", "probes"}
    assert states["random"].keys() == {"cpu"}


def test_one_of_an_earlier_version_is_gone_on_from(make: Any, tmp_path: Path) -> None:
    """Its epochs are not made again, and those after it are as if it had not been interrupted."""
    straight, resumed = Driver(), Driver()
    run_trial(make("straight"), straight)
    (tmp_path / "run").mkdir()
    shutil.copy(EARLIER, tmp_path / "run" / checkpoint.CHECKPOINT)
    spec = make("run", attempt=2, reported=2)
    ended = run_trial(spec, resumed)
    assert (ended.state, ended.step, ended.results["updates_per_epoch"]) == (State.COMPLETED, 28, 7)
    assert [epoch.epoch for epoch in resumed.epochs] == [3, 4]
    for found, expected in zip(numbers(resumed.epochs), numbers(straight.epochs)[2:], strict=True):
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-6)  # written on another machine


def test_one_of_an_earlier_version_gives_every_part_what_it_had(make: Any, tmp_path: Path) -> None:
    """Number by number, as it was written."""
    (tmp_path / "run").mkdir()
    shutil.copy(EARLIER, tmp_path / "run" / checkpoint.CHECKPOINT)
    tensors, facts = checkpoint.load(EARLIER, torch.device("cpu"))
    spec = make("run", attempt=2)
    saved = checkpoint.saved(spec)
    assert saved is not None
    training = Training(spec, Driver(), updates_per_epoch=saved.updates_per_epoch)
    training.go_on(saved)
    states = {name: part.state_dict() for name, part in training.parts().items()}
    assert states.keys() == PARTS
    for name in ("network", "random"):
        assert_equal(states[name], tensors[name])
    assert_equal(states["optimizer"]["state"], tensors["optimizer"]["state"])
    for name in ("schedule", "clipping", "averaging"):
        assert tensors[name]
        assert_equal(states[name], tensors[name])
    assert_equal(states["learner"]["states"], tensors["states"])
    assert_equal(states["history"]["best_weights"], tensors["best"])
    assert (states["watch"], states["batches"]) == (facts["watch"], {"passes": 0, "position": 14})
    assert (training.epoch, training.learner.step) == (facts["epoch"], facts["step"]) == (2, 14)
    assert (training.history.best, training.history.best_epoch) == (facts["value"], facts["best_epoch"])


def test_one_of_an_unknown_format_is_left_aside(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later version wrote it: the trial begins anew."""
    with monkeypatch.context() as later:
        later.setattr(checkpoint, "FORMAT", 5)
        run_trial(make("run"), Driver(stop_after=2))
    assert checkpoint.saved(make("run")) is None


def assert_equal(found: Any, expected: Any) -> None:
    """Of nested dictionaries, lists, numbers and tensors, every one."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_equal(found[key], value)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for left, right in zip(found, expected, strict=True):
            assert_equal(left, right)
    elif isinstance(expected, torch.Tensor):
        assert torch.equal(found, expected)
    else:
        assert found == expected
