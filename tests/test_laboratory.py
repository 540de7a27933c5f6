"""The laboratory: its configurations, its halves, its records, and a recording that goes on where it was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.laboratory import configurations, records
from benchmarks.laboratory import recorder as recording
from benchmarks.laboratory.records import BASELINE, JudgingOnlyError, Training, pools
from benchmarks.laboratory.tasks import TASKS, names
from tuner.config.yaml_file import read_yaml
from tuner.space import Space
from tuner.space.domains import Choices
from tuner.task.task import Task

READY = Path(__file__).resolve().parents[1] / "search_spaces"


def training(task: str, number: int, repeat: int = 0, *values: float) -> Training:
    """A record of made values."""
    found = list(values or (2.0, 1.0, 1.5))
    best = found.index(min(found)) + 1
    return Training(task, number, repeat, "COMPLETED", found, found, 0.5, 7, best, {"loss": 0.25, "mase": 0.5}, ["x"])


def test_configurations_are_the_same_whenever_they_are_drawn() -> None:
    """The first of many are those of a few."""
    assert configurations.drawn("gated_rnn", 20)[:5] == configurations.drawn("gated_rnn", 5)


@pytest.mark.parametrize("name", configurations.CHANGES)
def test_configurations_lie_in_the_ready_space(name: str) -> None:
    """What is learned from them is of use there."""
    space = Space.parse(read_yaml(READY / f"{name}.yaml").value, lambda _: f"{name}.yaml:1")
    assert all(space.contains(params) for params in configurations.drawn(name))


def test_configurations_take_every_branch_early() -> None:
    """Among the first 60 every choice is there, and every conditional parameter both exists and does not."""
    drawn = configurations.drawn("gated_rnn", 60)
    for definition in configurations.space("gated_rnn").definitions:
        found = [params.get(definition.name) for params in drawn]
        if definition.conditions:
            assert any(definition.active(params) for params in drawn)
            assert any(not definition.active(params) for params in drawn)
        if isinstance(definition.domain, Choices):
            assert set(definition.domain.options) <= set(found)


def test_each_half_has_every_family() -> None:
    """What is tuned on one half is judged on tasks of the same kinds."""
    families = [{TASKS[name].family for name in names(half)} for half in ("tuning", "judging")]
    assert families[0] == families[1]
    assert len(names("tuning")) == len(names("judging")) == 9


def test_the_judging_half_is_what_was_fixed() -> None:
    """It was fixed before anything was tuned; a task that changes sides spoils every figure."""
    assert names("judging") == (
        "recall", "motions", "power-days", "made-digits", "genres", "review-pieces", "review-marks", "m1-quarterly",
        "tourism-quarterly",
    )  # fmt: skip


def test_the_judging_half_is_read_by_who_judges() -> None:
    """Whoever reads it says so."""
    with pytest.raises(JudgingOnlyError, match="judge=True"):
        pools("judging")


def test_records_are_read_as_they_were_written(tmp_path: Path) -> None:
    """Each half from its own file; a pool has what is recorded of its task, with the task's own constants."""
    configurations.keep(tmp_path, "gated_rnn", configurations.drawn("gated_rnn", 2))
    (tmp_path / "gated_rnn.tasks.json").write_text('{"play-letters": {"lag": 3}, "recall": {}}')
    written = [training("play-letters", 1), training("play-letters", 1, 1), training("play-letters", BASELINE)]
    assert records.write([*written, training("recall", 0)], tmp_path) == {"tuning": 3, "judging": 1}
    pool = pools("tuning", folder=tmp_path)["play-letters"]
    assert list(pool.trainings.values()) == [written[2], written[0], written[1]]
    assert (pool.count, pool.facts, pool.epochs) == (1, {"lag": 3}, TASKS["play-letters"].epochs)
    assert pool.params[1]["truncation"] == 8
    assert pool.repeats(1) == written[:2]
    assert list(pools("judging", folder=tmp_path, judge=True)) == ["recall"]


def test_what_diverged_is_no_result() -> None:
    """Its values until then do not count."""
    broken = Training("recall", 0, 0, "DIVERGED", [1.0, math.inf], [1.0, 2.0], 0.1, 3, 1)
    assert broken.best == broken.test_value == math.inf


def test_forecasts_are_scored_by_their_own_metric() -> None:
    """The losses of series of any scale would be those of the largest."""
    assert (training("demand", 0).test_value, training("recall", 0).test_value) == (0.5, 0.25)


def test_each_beginning_of_the_order_is_of_use() -> None:
    """All tasks have about as many configurations at any time; seeds follow the first 20."""
    keys = list(recording.order(["a", "b"], 200))
    assert len(keys) == len(set(keys)) == 2 * (3 + 200 + 40)
    for end in range(0, len(keys), 7):
        counts = [sum(task == each and number >= 0 for each, number, _ in keys[:end]) for task in "ab"]
        assert abs(counts[0] - counts[1]) <= 24
    first_seed = next(at for at, (_, number, repeat) in enumerate(keys) if number >= 0 and repeat)
    assert {number for _, number, repeat in keys[:first_seed] if repeat == 0} == {BASELINE, *range(20)}


def test_a_recording_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that was cut off is trained again, nothing else; two parts share the rest; `pack` has all."""

    def made(task: Task, name: str, key: tuple[int, int], params: Mapping[str, Any]) -> Training:
        assert key[0] == BASELINE or params["cell"] in ("lstm", "gru")
        assert task.file.budget.epochs == TASKS[name].epochs
        return training(name, *key)

    monkeypatch.setattr(recording, "train", made)

    def part(k: int, n: int) -> recording.Recorder:
        return recording.Recorder(tmp_path, "gated_rnn", ["adding", "recall"], 30, (k, n), tmp_path)

    whole = part(1, 1).open()
    part(1, 1).record(lambda _: None)
    assert part(1, 1).open() == []
    journal = tmp_path / "gated_rnn.1of1.journal"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:50]) + '{"task": "adding", "conf')
    left = part(1, 1).open()
    assert left == whole[50:]
    first, second = part(1, 2).open(), part(2, 2).open()
    assert sorted(first + second) == sorted(left)
    assert first
    assert second
    part(1, 1).record(lambda _: None)
    assert part(1, 1).open() == []
    counts = part(1, 1).pack()
    assert sum(counts.values()) == len(whole)
    journal.unlink()
    assert part(1, 1).open() == []
    facts = pools("tuning", folder=tmp_path)["adding"].facts
    assert facts["trivial"]["val"]["loss"] == pytest.approx(1 / 6)


def test_the_records_in_the_repository_are_whole() -> None:
    """Every training is of a kept configuration, ends with what it was chosen by, and has its test score."""
    found = {**pools("tuning"), **pools("judging", judge=True)}
    assert set(found) == set(TASKS)
    assert sum(path.stat().st_size for path in records.RECORDS.iterdir()) < 15e6
    for pool in found.values():
        assert len(pool.repeats(BASELINE)) == recording.SEEDS
        for one in pool.trainings.values():
            assert len(one.values) == len(one.train_losses) <= pool.epochs
            if one.state == "COMPLETED":
                assert one.best == one.values[one.best_epoch - 1] == min(one.values)
                assert math.isfinite(one.test_value)
            assert one.seconds > 0
