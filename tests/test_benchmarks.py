"""The scripts in benchmarks/ are run by hand; here is what they rest on: an adapter outside the package, arithmetic."""

from __future__ import annotations

import math
import re
from io import StringIO
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
import torch
from scipy.io import savemat

from benchmarks import acting, alone, findings, intervals, placebo, samplers
from benchmarks.curve_pools import MADE, made, read_lcbench
from benchmarks.jsb_chorales import TASK
from benchmarks.piano_rolls import PITCHES, PianoRollOptions, PianoRolls, note_frequencies, read_pieces
from benchmarks.pruning import RULES, Curve, confirmed, laboratory, pool, replay, studied, survival, table
from benchmarks.running import records
from tests.support.rolls import FRAMES, write_rolls
from tests.support.trained import trained
from tuner.adapters.catalog import ADAPTERS
from tuner.cli.console import JsonLines
from tuner.config.ready import ready_tasks
from tuner.disk.events import read_run
from tuner.errors import DataError
from tuner.objective import Objective
from tuner.reporting.about import About
from tuner.study.curves import Curves
from tuner.sweep import Sweep
from tuner.task import resolve_task


@pytest.fixture
def rolls(tmp_path: Path) -> Path:
    """Such a file."""
    return write_rolls(tmp_path / "rolls.mat")


def test_the_pieces_are_those_of_the_file(rolls: Path) -> None:
    """Every piece should come back whole, in its split."""
    pieces = read_pieces(rolls)
    assert [tuple(map(len, pieces[split])) for split in ("train", "val", "test")] == list(FRAMES.values())
    assert all(set(np.unique(roll)) <= {0, 1} for rolls in pieces.values() for roll in rolls)


def test_the_trivial_predictor_by_hand(rolls: Path, tmp_path: Path) -> None:
    """Both means of the note frequencies should be those of plain loops."""
    (tmp_path / "prepared").mkdir()
    prepared = PianoRolls(PianoRollOptions(path=str(rolls))).prepare(tmp_path / "prepared")
    pieces = read_pieces(rolls)
    heard = [sum(int(roll[t, p]) for roll in pieces["train"] for t in range(1, len(roll))) for p in range(PITCHES)]
    frames = sum(length - 1 for length in FRAMES["traindata"])
    frequency = [(count + 0.5) / (frames + 1) for count in heard]
    assert note_frequencies(pieces["train"]) == pytest.approx(frequency)
    losses = [
        [
            -sum(math.log(frequency[p] if roll[t, p] else 1 - frequency[p]) for p in range(PITCHES))
            for t in range(1, len(roll))
        ]
        for roll in pieces["test"]
    ]
    every = [loss for piece in losses for loss in piece]
    assert prepared.trivial["test"]["loss"] == pytest.approx(sum(every) / len(every))
    means = [sum(piece) / len(piece) for piece in losses]
    assert prepared.trivial["test"]["piece_loss"] == pytest.approx(sum(means) / len(means))


def test_padding_does_not_count(rolls: Path, tmp_path: Path) -> None:
    """Loss and scores of padded batches should be those of the pieces one by one, by plain formulas."""
    (tmp_path / "prepared").mkdir()
    adapter = PianoRolls(PianoRollOptions(path=str(rolls)))
    adapter.prepare(tmp_path / "prepared")
    problem = adapter.problem(tmp_path / "prepared")
    torch.manual_seed(0)
    head = problem.head(PITCHES).double()
    (batch,) = problem.dataset("train").batches(8)
    assert batch.lengths is not None
    assert batch.lengths.tolist() == sorted(length - 1 for length in FRAMES["traindata"])
    by_piece = []
    for roll in sorted(read_pieces(rolls)["train"], key=len):
        p = torch.sigmoid(head(torch.from_numpy(roll[:-1]).double()))
        y = torch.from_numpy(roll[1:]).double()
        by_piece.append(-(y * p.log() + (1 - y) * (1 - p).log()).sum(dim=1))
    prediction = head(batch.x.double())
    prediction[0, int(batch.lengths[0]) :] = 1e3  # whatever is predicted for padding
    over_frames = torch.cat(by_piece).mean().item()
    assert problem.loss(prediction, batch).item() == pytest.approx(over_frames, rel=1e-9)
    scores = problem.evaluate([prediction.detach()], [batch])
    assert scores["loss"] == pytest.approx(over_frames, rel=1e-9)
    over_pieces = torch.stack([losses.mean() for losses in by_piece]).mean().item()
    assert scores["piece_loss"] == pytest.approx(over_pieces, rel=1e-9)


@pytest.mark.parametrize("wrong", ["text", "cells", "numbers"])
def test_another_file_is_refused(tmp_path: Path, wrong: str) -> None:
    """A file without such pieces should be told by its name."""
    path = tmp_path / "other.mat"
    if wrong == "text":
        path.write_text("not MATLAB's")
    elif wrong == "cells":
        savemat(path, {"something": np.zeros(3)})
    else:
        savemat(write_rolls(path), {cell: np.array([[np.full((4, PITCHES), 2)]]) for cell in FRAMES})
    with pytest.raises(DataError, match=r"other\.mat"):
        read_pieces(path)


def test_the_task_of_the_chorales_runs(rolls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmark's task file, made small, should end with a tested winner under both means."""
    monkeypatch.chdir(tmp_path)
    task = TASK
    values = {"PATH": str(rolls), "CELLS": "[lstm, gru]", "TRIALS": "2", "EPOCHS": "1", "SEEDS": "1", "WORKERS": "1"}
    for name, value in values.items():
        task = task.replace(name, value)
    (tmp_path / "task.yaml").write_text(task)
    small = (
        "tracking.uri=none",
        "space.hidden_size=4",
        "ray.address=in-process",
        "report.figures=0",
        "pruner.min_epochs=1",
    )
    resolved = resolve_task(tmp_path / "task.yaml", small)
    outcome = Sweep(resolved, JsonLines(StringIO())).run()
    assert outcome.usable
    test = read_run(resolved.folder.events("test")).results["test"]
    assert all(set(scores) == {"loss", "piece_loss"} for scores in test.values())


def test_a_replay_spends_what_the_trials_got() -> None:
    """A trial that is cut costs its epochs only, one that would go beyond the budget is not counted."""
    good, bad = (Curve([level] * 10, seconds=1.0, peak=0.0, epochs=10) for level in (0.1, 0.9))
    order = [bad, good, bad, bad, good]
    assert replay(order, RULES["none"], [9.9, 29.9]) == [(math.inf, 0), (0.1, 2)]
    assert replay([good, *order], RULES["asha"], [42.0]) == [(0.1, 5)]  # after four controls, one of ten epochs
    assert replay([bad, *order], RULES["Optuna Median"], [60.0, 99.0]) == [(0.1, 6), (0.1, 6)]


def test_pools_of_curves_are_replayed(tmp_path: Path) -> None:
    """Made ones of every kind, and LCBench's from an NPZ file, with the trials that would be confirmed."""
    np.savez(tmp_path / "curves.npz", task=made("ranks settled at once", 40).astype(np.float32))
    (read,) = read_lcbench(tmp_path / "curves.npz").values()
    assert read == pytest.approx(made("ranks settled at once", 40), abs=1e-6)
    for kind in MADE:
        completed, every = confirmed([pool(made(kind, 40))], 2)
        assert 0 <= completed <= 3
        assert 0 <= every <= 3
    told = table("settled", [pool(read)], 2).splitlines()
    assert told[0] == "settled: 40 configurations"
    assert [line.strip().split("  ")[0] for line in told[1:-3]] == list(RULES)
    assert told[-3].startswith("  three best of 30 confirmed: ")
    assert told[-2:] == [
        f"  a trial of the best fifth of {trials} trained to its end: in 100% of studies" for trials in (60, 30)
    ]


def test_late_bloomers_survive() -> None:
    """Of curves that cross after the first rung; in almost every study, even of 30 trials."""
    curves = pool(made("crossing"))
    for trials, orders in ((30, 50), (60, 15)):
        studies = [studied(curves, trials, order) for order in range(orders)]
        assert fmean(any(one.whole for one in study if one.fifth == 0) for study in studies) >= 0.9
        assert 0.3 < fmean(not one.whole for study in studies for one in study) < 0.8


def test_a_late_peak_is_cut_no_more_often_than_the_final_rank_deserves() -> None:
    """Recorded trainings: `one_cycle`, in its own company, beside the others that end in the same fifths."""
    told = survival(list(laboratory().values())[:4], 6)[-1]
    found = re.fullmatch(r"  late peak: ([\d.]+)% cut; of others that end in the same fifths ([\d.]+)%", told)
    assert found
    assert 40 < float(found[1]) <= float(found[2]) + 10


def test_confirmed_losses_are_compared_by_their_ratios(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the loss for each of three seeds is a geometric mean of a half; ten times it is beyond their spread."""
    scores = {(0, "observe"): 1.0, (1, "observe"): 1.1, (2, "observe"): 0.9}
    pairs = [acting.Pair(Path(), "spoken", seed, 24) for seed in range(3)]
    monkeypatch.setattr(acting, "confirmed", lambda pair, mode: [scores[pair.seed, mode]])
    halves = {(seed, "act"): scores[seed, "observe"] / 2 for seed in range(3)}
    scores.update(halves)
    told = acting.compared("spoken", pairs)
    assert "geometric mean 0.50 (95 % interval over 3 seeds: 0.50 to 0.50)" in told
    assert told.endswith("above that: none")
    scores[2, "act"] = 9.0
    assert acting.compared("spoken", pairs).endswith("above that: seed 2")


def test_what_acting_would_have_ended_is_told_with_its_place() -> None:
    """Of a training whose steps move nothing the epoch, a quarter into its budget; none of a healthy one."""
    of = About("fake", Objective(trivial=0.7), epochs=20, trivial={"loss": 0.7})
    slow, healthy, late = trained(0), trained(1), trained(2)
    for record, level, ratio in ((slow, 0.7, 1e-7), (healthy, 0.3, 1e-2), (late, 0.7, 1e-2)):
        record.results["steps_per_epoch"] = 100
        for event in record.epochs.values():
            event["metrics"] |= {"val/loss": level, "train/loss": level, "update/ratio": ratio, "lr": 1e-3}
            event["tensors"] = {}
            event["metrics"].pop("grad/attenuation", None)
    curves = Curves(of.objective)
    assert findings.ended(slow, of, curves) is None  # nothing is known of what can be reached
    assert findings.ended(healthy, of, curves) is None
    slow.number = 3
    found = findings.ended(slow, of, curves)
    assert found is not None
    assert (found.record.number, found.epoch, found.finding.name) == (3, 5, "learning_rate_too_low")
    assert findings.ended(late, of, curves) is None
    slow.number = 0
    late.epochs[20]["metrics"]["val/loss"] = 0.2
    assert findings.ranks([slow, healthy, late], of) == {2: 0, 1: 1, 0: 2}


def test_a_row_of_the_samplers() -> None:
    """Name, best and later levels over the seeds, share of trials that were cut, seconds, milliseconds."""
    words = samplers.row("cmaes", 12, 2).split()
    assert (words[0], len(words)) == ("cmaes", 12)
    assert 0 < float(words[1]) < float(words[5])
    assert 0 < float(words[9].rstrip("%")) < 100


@pytest.mark.parametrize("seeds", intervals.SEEDS)
@pytest.mark.parametrize("spread", ["equal", "baseline x 20", "trial x 10"])
def test_intervals_hold_what_they_promise_whatever_the_spreads(spread: str, seeds: int) -> None:
    """Of 400 simulated studies of each kind, some three standard errors aside."""
    for configurations in (2, 6):
        found = intervals.simulate(intervals.study(spread, configurations), seeds, studies=400, seed=1)
        assert found.winner >= 0.92
        assert found.difference >= 0.92
        assert found.told <= 0.08


def test_a_clearly_worse_baseline_is_told_also_beside_a_wide_spread() -> None:
    """Six of its own standard deviations, at least at 85 %."""
    for spread in ("equal", "baseline x 20"):
        worse = intervals.study(spread, 4, intervals.APART)
        assert intervals.simulate(worse, seeds=3, studies=300, seed=1).better >= 0.85
    assert intervals.simulate(intervals.beside_a_wide_one(4), seeds=3, studies=300, seed=1).better >= 0.85


def test_seeds_that_agree_to_the_last_item_tell_no_difference() -> None:
    """Where a seed is one item off as often as not."""
    for seeds in (2, 3):
        assert intervals.counted(0.4, seeds, configurations=2, studies=300, seed=1) <= 0.05


def test_the_table_of_intervals_is_whole() -> None:
    """A line for each kind of study."""
    lines = list(intervals.rows(studies=3, seed=0))
    kinds = len(intervals.SEEDS) * len(intervals.CONFIGURATIONS) * len(intervals.SPREADS)
    assert len(lines) == 1 + kinds + 1 + 5 * len(intervals.SEEDS) + 2 + 3 * len(intervals.NOISES) + 1


def test_a_race_loses_less_than_the_search_alone() -> None:
    """By a quarter at least, over 300 simulated searches, also where some spreads are five times the others'."""
    for factor in (1.0, 5.0):
        found = intervals.regrets(0.3, factor, studies=300, seed=1)
        assert found.race <= 0.75 * found.search
        assert found.race <= 1.2 * found.three
        assert found.race <= found.few <= found.search


def test_a_placebo_is_trained_and_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every configuration a second time from another seed, both ways round, whatever epoch both are cut at."""
    monkeypatch.chdir(tmp_path)
    small = ("tracking.uri=none", "data.length=6", "data.train=60", "data.val=20", "data.test=20", "budget.epochs=2")
    placebo.train(tmp_path, "adding", 1, 5, *small, "space.hidden_size=4", "space.layers=1")
    (first,) = records(tmp_path / "adding", "adding")
    second = placebo.again(tmp_path / "adding", first)
    assert list(second.epochs) == list(first.epochs) == [1, 2]
    assert second.series("val/loss") != first.series("val/loss")
    found = placebo.said(tmp_path, "adding", 0.5)
    assert (found.epochs, found.pairs) == (1, 2)
    assert found.helped <= found.gained <= 1


def test_every_ready_task_and_every_adapter_is_tried_alone() -> None:
    """A new ready task, and a new adapter whose models answer, have their case."""
    tasks = [case.task for case in alone.CASES.values()]
    assert set(ready_tasks()) <= set(tasks)
    own = list(ADAPTERS)
    answering = {name for name in own if getattr(ADAPTERS[name].load(), "model_files", ())}
    assert {name for name in answering if any(f"adapter: {name}," in task for task in tasks)} == answering - {
        "memory/probe"  # which reads no file
    }
