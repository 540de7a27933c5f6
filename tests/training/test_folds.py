"""A trial whose data are in folds: a network per fold, one value."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch

from tests.support.attempts import Driver, numbers, small_spec
from tests.support.tiny import write_waves
from tuner.messages import State
from tuner.training import checkpoint, run_trial
from tuner.training.loop import Training


@pytest.fixture
def make(tmp_path: Path) -> Any:
    """Builds specs of trials on 30 short waves in three folds."""
    data = {"path": str(write_waves(tmp_path / "waves.csv", items=30)), "label": "label", "folds": 3}
    return lambda folder="run", **fields: small_spec(tmp_path, folder, "time_series/classification", data, **fields)


def test_its_value_is_the_mean_over_folds(make: Any) -> None:
    """Epoch by epoch; each network is trained on the items of the other folds, from weights of its own."""
    training = Training(make(epochs=2, rungs=()), Driver())
    assert len(training.folds) == 3
    begun = [fold.learner.network.state_dict() for fold in training.folds]
    assert all(not torch.equal(begun[0][name], begun[1][name]) for name in begun[0] if "weight_hh" in name)
    training.run()
    each = [fold.validate() for fold in training.folds]
    last = training.history.epochs[-1].metrics
    for name in ("loss", "accuracy"):
        assert last[f"val/{name}"] == pytest.approx(fmean(scores[name] for scores in each), rel=1e-6)
    assert len({scores["loss"] for scores in each}) == 3
    assert [fold.learner.step for fold in training.folds] == [training.learner.step] * 3


@pytest.mark.parametrize(
    "params",
    [{"dropout.output": 0.3, "ema": 0.9}, {"schedule": "plateau"}, {"optimizer": "sgd", "clip": "percentile"}],
    ids=str,
)
def test_stopped_and_resumed_equals_straight_through_bit_for_bit(make: Any, params: dict[str, Any]) -> None:
    """Of all folds, with what is random and what follows the validation loss; rungs are asked after the same epochs."""
    straight = Driver()
    run_trial(make("straight", params=params), straight)
    first, second = Driver(stop_after=2), Driver()
    assert run_trial(make("resumed", params=params), first).state is State.STOPPED
    ended = run_trial(make("resumed", params=params, attempt=2, reported=2), second)
    assert ended.state is State.COMPLETED
    assert numbers(first.epochs + second.epochs) == numbers(straight.epochs)
    assert [report.epochs[-1].epoch for report in straight.reports if report.waiting] == [1, 2, 3]


def test_the_first_folds_network_is_the_model(make: Any, tmp_path: Path) -> None:
    """Of the epoch that is best over all folds."""
    training = Training(make(epochs=3, keep_model=True, rungs=()), Driver())
    training.run()
    kept = training.history.best_weights
    assert kept.keys() == training.folds[0].learner.network.state_dict().keys()
    if training.history.best_epoch == 3:
        assert all(torch.equal(kept[name], value) for name, value in training.learner.network.state_dict().items())
    run_trial(make(epochs=3, keep_model=True), Driver())
    tensors, facts = checkpoint.load(str(tmp_path / "run" / checkpoint.MODEL), torch.device("cpu"))
    assert facts["value"] == training.history.best
    assert all(torch.equal(tensors["network"][name], value) for name, value in kept.items())
