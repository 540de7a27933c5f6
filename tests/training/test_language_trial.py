"""A trial on a running text: chunks of parallel streams, a tied matrix, scores of an evaluation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tests.support.attempts import Driver, numbers
from tuner.adapters.nlp.language_modelling import LanguageModelling
from tuner.messages import State, TrialSpec
from tuner.objective import Objective
from tuner.training import run_trial
from tuner.training.loop import Training

TEXT = "".join(f"{line} green bottles hanging on the wall\n" for line in range(200))


@pytest.fixture
def make(tmp_path: Path) -> Any:
    """Builds specs of trials on numbered lines."""
    path = tmp_path / "text.txt"
    path.write_text(TEXT)

    def build(folder: str, **params: Any) -> TrialSpec:
        return TrialSpec(
            study="s",
            run=f"trials/{folder}",
            kind="trial",
            number=0,
            attempt=1,
            seed=3,
            params={"hidden_size": 24, "batch_size": 4, "learning_rate": 0.02, **params},
            adapter="nlp/language_modelling",
            data={"path": str(path), "embedding_size": 24},
            prepared=str(tmp_path / "prepared"),
            folder=str(tmp_path / folder),
            epochs=4,
            rungs=(1, 2, 3),
            objective=Objective("val/bpc"),
        )

    return build


@pytest.mark.parametrize("tied", [False, True])
def test_a_trial_learns_to_spell(make: Any, tied: bool) -> None:
    """An epoch has a step per 64 tokens of the streams; most of a repeating text is told by its beginning."""
    driver = Driver()
    ended = run_trial(make("run", **{"data.tied": tied}), driver)
    assert ended.state is State.COMPLETED
    assert ended.step == 4 * math.ceil(int(0.9 * len(TEXT)) // 4 / 64)
    assert ended.value is not None
    assert ended.value < 1.5
    last = driver.epochs[-1].metrics
    assert {f"val/{metric.name}" for metric in LanguageModelling.metrics} <= set(last)
    assert last["val/perplexity"] == pytest.approx(math.exp(last["val/loss"]))
    assert last["val/bpc"] == pytest.approx(last["val/loss"] / math.log(2))


def test_an_interrupted_trial_goes_on_as_if_it_had_not_been(make: Any) -> None:
    """Streams are cut at the same places; a tied matrix is tied again, with its optimizer's state."""
    whole = Driver()
    tied = {"data.tied": True}
    run_trial(make("whole", **tied), whole)
    first, second = Driver(stop_after=2), Driver()
    assert run_trial(make("cut", **tied), first).state is State.STOPPED
    assert run_trial(make("cut", **tied), second).state is State.COMPLETED
    assert numbers([*first.epochs[:2], *second.epochs[-2:]]) == numbers(whole.epochs)


def test_chunks_of_random_lengths_differ_between_passes_and_scale_the_rate(make: Any) -> None:
    """A step's rate is the schedule's times the chunk's length over the usual one; a seed repeats its lengths."""
    spec = make("run", variable_truncation=True, schedule="constant", warmup=0.0, truncation=20)
    training = Training(spec, Driver())
    first, second = ([chunk.batch.x.shape[1] for chunk in training.batches.epoch(number)] for number in (1, 2))
    assert first != second
    assert first == [chunk.batch.x.shape[1] for chunk in Training(spec, Driver()).batches.epoch(1)]
    for chunk in list(training.batches.epoch(1))[:3]:
        training.learner.update(chunk)
        length = chunk.batch.x.shape[1]
        assert training.learner.optimizer.param_groups[0]["lr"] == pytest.approx(0.02 * length / 20)
