"""The winner trained once more, on training and validation data."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from statistics import median_low
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.adapter_data import DATA
from tests.support.tiny import write_task
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.joined import JoinedProblem
from tuner.adapters.preparing import prepare
from tuner.disk import events
from tuner.disk.events import RunRecord, read_run
from tuner.disk.folder import MODEL, StudyFolder, seed_of
from tuner.errors import TunerError
from tuner.messages import State
from tuner.optim.catalog import SCHEDULES
from tuner.optim.schedules import CooledDown, make_schedule
from tuner.predict.opening import load
from tuner.reporting.refitted import median_refit
from tuner.sweep import Sweep
from tuner.sweep.refit_phase import length
from tuner.task.resolve import resolve_task
from tuner.testing.sweeps import run_in_process
from tuner.training import checkpoint
from tuner.training.evaluation import predicted, scored

TASK = """
name: words
adapter: nlp/classification
data: {path: train.csv}
search_space: {cell: [gru], hidden_size: 6, schedule: plateau, plateau_patience: 1, dropout.output: 0.2}
budget: {trials: 1, epochs: 4}
confirm: {top: 1, seeds: 3}
refit: train+val
report: {figures: 0}
tracking: {uri: none}
ray: {address: in-process}
"""


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A task file with its data, in the current folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    words = {"good": ("fine", "lovely"), "bad": ("awful", "poor")}
    rows = ["text,label"]
    for number in range(80):
        label = ("good", "bad")[number % 2]
        rows.append(f"{' '.join(rng.choice([*words[label], 'the', 'a'], 4))} {number},{label}")
    (tmp_path / "train.csv").write_text("\n".join(rows))
    (tmp_path / "words.yaml").write_text(TASK)
    return "words.yaml"


def weights(folder: StudyFolder, run: str) -> dict[str, torch.Tensor]:
    """Of a run's model."""
    network: dict[str, torch.Tensor] = checkpoint.load(folder.run(run) / MODEL, torch.device("cpu"))[0]["network"]
    return network


def test_every_seed_is_trained_again_and_the_median_is_the_model(task: str) -> None:
    """As many passes over all items as to its best epoch; scored in the same reading of the test data.

    No epoch has a validation score. Summary, card and network.json say what it is.
    """
    folder = run_in_process(task).folder
    assert folder is not None
    summary = events.read(folder.sweep_events)[-1]
    runs = [run for run in folder.runs() if run.startswith("refit/")]
    assert runs == [f"refit/{runs[0][6:-2]}-{seed}" for seed in (1, 2, 3)]
    counts = resolve_task(task).prepare()[1].counts
    refits = [read_run(folder.events(run)) for run in runs]
    for run, refit in zip(runs, refits, strict=True):
        seed = read_run(folder.events(f"confirm/{run[6:]}"))
        best = min(epoch for epoch, value in seed.series("val/accuracy").items() if value == seed.value)
        epochs = round(best * (counts["train"] + counts["val"]) / counts["train"])
        assert (refit.state, refit.value, len(refit.epochs)) == (State.COMPLETED, None, epochs)
        assert (refit.step, refit.seed) == (epochs * seed.results["steps_per_epoch"], seed.seed)
        assert not [name for event in refit.epochs.values() for name in event["metrics"] if name.startswith("val/")]
    test = read_run(folder.events("test"))
    assert test.attempts == 1
    assert {*runs} < {*test.results["test"]}
    assert test.results["refit_ensemble"]["runs"] == runs
    (told,) = (each for each in summary["sentences"] if "trained again on training and validation data" in each)
    together = test.results["refit_ensemble"]["test"]["accuracy"]
    assert f"{together:.4g} as an ensemble, which --ensemble uses" in told
    lengths = [refit.step for refit in refits]
    assert summary["model_run"] == runs[lengths.index(median_low(lengths))]
    for kept in (folder.model, folder.ensemble):
        assert json.loads((kept / "network.json").read_text())["value"] is None
        assert "on training and validation data together" in (kept / "README.md").read_text()


def test_of_several_refits_the_median_is_the_model() -> None:
    """By length; of an even number the shorter one of the middle, of equals the first seed."""

    def chosen(*steps: int) -> int:
        refits = [RunRecord(run=f"refit/00001-{seed}", step=step) for seed, step in enumerate(steps, 1)]
        return seed_of(median_refit(refits).run)

    assert [chosen(5), chosen(5, 4), chosen(9, 7, 8), chosen(3, 3, 3), chosen(4, 1, 2, 3)] == [1, 2, 3, 1, 3]


def test_the_ensemble_of_refits_answers_as_it_was_scored(task: str) -> None:
    """Its accuracy on the rows of the test data, by `predict`, is the recorded one."""
    folder = run_in_process(task).folder
    assert folder is not None
    read = resolve_task(task)
    where, _ = read.prepare()
    problem = read.adapter.problem(where)
    network = load(folder.ensemble).network
    known = predicted(network, problem, problem.dataset("test"), torch.device("cpu"))
    results = read_run(folder.events("test")).results
    assert scored(problem, *known)["accuracy"] == results["refit_ensemble"]["test"]["accuracy"]
    members = len([run for run in folder.runs() if run.startswith("refit/")])
    assert json.loads((folder.ensemble / "network.json").read_text())["members"] == members


def test_it_gets_the_losses_of_its_seed_at_the_same_part_of_the_way() -> None:
    """By an oracle in fractions: the first epoch of the seed that is not before the same part of its own way."""
    losses = {epoch: 1 / epoch for epoch in range(1, 21)}
    for train, val, best in ((80, 20, 8), (90, 60, 12), (4, 1, 1), (1000, 0, 5)):
        refit = length(7, losses, best, {"train": train, "val": val, "test": 9})
        assert refit.steps == 7
        assert len(refit.losses) == round(Fraction(best * (train + val), train))
        for epoch, loss in enumerate(refit.losses, 1):
            part = Fraction(epoch * train, train + val)
            assert loss == losses[next((e for e in range(1, best + 1) if e >= part), best)]


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_any_schedule_has_fallen_at_the_end(name: str) -> None:
    """It is as it was for four fifths, and then falls to 0, whatever the schedule."""
    options = SCHEDULES[name].options()
    plain, cooled = make_schedule(name, options, 100, 10), CooledDown(make_schedule(name, options, 100, 10))
    assert [cooled.factor(step) for step in range(81)] == [plain.factor(step) for step in range(81)]
    for step in range(80, 101):
        assert cooled.factor(step) == pytest.approx(plain.factor(step) * (100 - step) / 20)
    assert cooled.factor(103) == 0
    assert cooled.peak_step == plain.peak_step
    for loss in (2.0, 1.0, *[3.0] * 50):
        cooled.observe(loss)
        plain.observe(loss)
    again = CooledDown(make_schedule(name, options, 100, 10))
    again.load_state_dict(cooled.state_dict())
    assert again.factor(40) == cooled.factor(40) == plain.factor(40)


def test_a_sweep_that_is_stopped_before_it_goes_on_the_same(task: str) -> None:
    """Stopped within the refit, it is resumed to the same weights and one reading of the test data."""
    whole = run_in_process(task).folder
    assert whole is not None
    runs = [run for run in whole.runs() if run.startswith("refit/")]
    assert len(runs) > 1
    (whole.root.parent / "words.aside").mkdir()
    kept = whole.root.rename(whole.root.parent / "words.aside" / "words")
    wanted = [weights(StudyFolder(kept), run) for run in runs]

    resolved = resolve_task(task)
    stopping: list[Sweep] = []

    def tell(event: Any) -> None:
        if getattr(event, "name", "") == "refit":
            stopping[0].stop("a test")

    stopping.append(Sweep(resolved, tell))
    assert not stopping[0].run().finished
    assert not resolved.folder.events("test").exists()
    assert Sweep(resolve_task(task), lambda _: None).run().finished
    for run, before in zip(runs, wanted, strict=True):
        found = weights(resolved.folder, run)
        assert all(torch.equal(found[name], tensor) for name, tensor in before.items())
    assert read_run(resolved.folder.events("test")).attempts == 1


@pytest.mark.parametrize("case", list(DATA))
def test_both_parts_are_learned_from(tmp_path: Path, case: str) -> None:
    """Of every adapter: a pass has all items of both parts, once each, the same for one seed."""
    name = case.partition(":")[0]
    entry = ADAPTERS[name]
    adapter = entry.load()(entry.options.model_validate(DATA[case](tmp_path)))
    folder, _ = prepare(name, adapter, tmp_path / "prepared")
    problem = adapter.problem(folder)
    joined = JoinedProblem(problem).dataset("train")
    assert len(joined) == len(problem.dataset("train")) + len(problem.dataset("val"))

    def batches(seed: int) -> list[Any]:
        return [batch.x for batch in joined.batches(4, rng=np.random.default_rng(seed))]

    assert len(batches(0)) == joined.num_batches(4)
    assert all(torch.equal(one, other) for one, other in zip(batches(0), batches(0), strict=True))
    with torch.no_grad():
        encoder = problem.encoder()
        for batch in joined.batches(4, rng=np.random.default_rng(0)):
            assert encoder(batch.x).shape[:1] == batch.x.shape[:1]


def test_without_a_confirmation_it_is_refused(tmp_path: Path) -> None:
    """There would be no number of steps."""
    with pytest.raises(TunerError, match="refit"):
        resolve_task(write_task(tmp_path), ["confirm.top=0", "refit=train+val"])
