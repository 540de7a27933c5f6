"""Training the configurations, one after the other, in this process; what is done stays done."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.laboratory import configurations, records
from benchmarks.laboratory.records import BASELINE, Training
from benchmarks.laboratory.tasks import TASKS, Half, resolved
from tuner.errors import Diverged
from tuner.link import NullLink
from tuner.messages import State
from tuner.seeding import derive_seed
from tuner.task.specs import trial_spec
from tuner.task.task import Task
from tuner.training import loop
from tuner.training.evaluation import evaluate

BLOCK = 10
"""Configurations that a task is trained with before the next task is: its data stay open so long."""
REPEATED = 5
"""Every fifth of the first `SEEDED` configurations gets `SEEDS` seeds: a tenth of all."""
SEEDED = 100
SEEDS = 3
Key = tuple[str, int, int]


class _Whole(loop.Training):
    """A training that keeps no checkpoint: it is too short to be worth one."""

    def save_checkpoint(self) -> None:
        """Nothing is kept."""


def order(tasks: list[str], count: int) -> Iterator[Key]:
    """Task, configuration and repeat of all that is to be trained, in an order of which each beginning is of use.

    The baselines, then all tasks in blocks of configurations; the repeats of the first 20 after these, and so those of
    the first 60 and 100.
    """
    yield from ((task, BASELINE, repeat) for task in tasks for repeat in range(SEEDS))
    repeated = list(range(0, min(SEEDED, count), REPEATED))
    for first in range(0, count, BLOCK):
        block = range(first, min(first + BLOCK, count))
        yield from ((task, number, 0) for task in tasks for number in block)
        if block.stop in (20, 60, SEEDED, count):
            due = [number for number in repeated if number < block.stop]
            yield from ((task, number, repeat) for task in tasks for number in due for repeat in range(1, SEEDS))
            repeated = repeated[len(due) :]


def train(task: Task, name: str, key: tuple[int, int], params: Mapping[str, Any]) -> Training:
    """Train one configuration to its end and score its best epoch on the test data."""
    number, repeat = key
    seed = derive_seed(0, "laboratory", number, repeat)
    with tempfile.TemporaryDirectory() as folder:
        spec = trial_spec(task, params, "trials/0", folder, seed=seed, keep_model=True)
        began = time.process_time()
        training = _Whole(spec, NullLink())
        state, diverged, test = State.COMPLETED, "", {}
        try:
            training.run()
        except Diverged as error:
            state, diverged = State.DIVERGED, str(error)
        seconds = (time.process_time() - began) / max(1, training.epoch)
        history, learner = training.history, training.learner
        if history.best_weights and state is State.COMPLETED:
            learner.network.load_state_dict(history.best_weights)
            test = evaluate(learner.network, training.problem, training.problem.dataset("test"), training.device)
        findings = [finding["name"] for finding in training.judge.judgment(diverged)["findings"]]
    return Training(
        task=name,
        configuration=number,
        repeat=repeat,
        state=state.value,
        values=[epoch.metrics[task.objective.metric] for epoch in history.epochs],
        train_losses=[epoch.metrics["train/loss"] for epoch in history.epochs],
        seconds=seconds,
        parameters=learner.num_parameters,
        best_epoch=history.best_epoch,
        test=test,
        findings=sorted(set(findings)),
    )


class Recorder:
    """Trains what is neither in the records nor in a journal, and appends it to this part's journal.

    Args:
        folder: Data, prepared data, journals.
        space: The ready space.
        tasks: Names.
        count: How many configurations.
        part: This process takes every n-th training, from the k-th on: (k, n), from (1, 1).
        keep: Where the records are, and the configurations.
    """

    def __init__(
        self, folder: Path, space: str, tasks: list[str], count: int, part: tuple[int, int], keep: Path
    ) -> None:
        self._folder, self._space, self._tasks, self._count, self._part, self._keep = (
            folder, space, tasks, count, part, keep,
        )  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        keep.mkdir(parents=True, exist_ok=True)
        if not configurations.file_of(keep, space).exists():
            configurations.keep(keep, space, configurations.drawn(space))
        self._params = configurations.kept(keep, space)
        self._task = cache(lambda name: resolved(name, folder, space, configurations.CHANGES[space]))

    def done(self) -> dict[Key, Training]:
        """All that was trained, by whatever process."""
        found: dict[Key, Training] = {}
        for path in sorted(self._keep.glob(f"{self._space}.*.parquet")):
            found |= {each.key: each for each in records.read(path)}
        for path in sorted(self._folder.glob(f"{self._space}.*.journal")):
            found |= {each.key: each for each in records.journal(path)}
        return found

    def open(self) -> list[Key]:
        """What this part has still to train, in its order."""
        done = self.done()
        k, n = self._part
        keys = list(order(self._tasks, self._count))
        groups = {key: (key[0], key[1] // BLOCK) for key in keys}
        parts = {group: index % n + 1 for index, group in enumerate(dict.fromkeys(groups.values()))}
        return [key for key in keys if key not in done and parts[groups[key]] == k]

    def record(self, told: Callable[[str], None] = lambda line: print(line, flush=True)) -> None:
        """Train all that is open."""
        path = self._folder / f"{self._space}.{self._part[0]}of{self._part[1]}.journal"
        _cut_torn_line(path)
        keys = self.open()
        began = time.monotonic()
        with path.open("a") as file:
            for count, (name, number, repeat) in enumerate(keys, 1):
                task = self._task(name)
                training = train(task, name, (number, repeat), self._parameters(task, name, number))
                file.write(json.dumps(asdict(training)) + "\n")
                file.flush()
                if count % 20 == 0 or count == len(keys):
                    minutes = (time.monotonic() - began) / 60
                    told(f"{count} of {len(keys)} in {minutes:.1f} minutes, last {name} {number} {repeat}")

    def facts(self) -> dict[str, Any]:
        """Task -> what is known of its data."""
        return {name: _facts(self._task(name)) for name in self._tasks}

    def _parameters(self, task: Task, name: str, number: int) -> dict[str, Any]:
        return dict(task.baseline) if number == BASELINE else {**self._params[number], **TASKS[name].constants}

    def pack(self) -> dict[Half, int]:
        """Write all that is done into the records."""
        counts = records.write(self.done().values(), self._keep, self._space)
        text = json.dumps(self.facts(), indent=1, sort_keys=True)
        (self._keep / f"{self._space}.tasks.json").write_text(text + "\n")
        return counts


def _facts(task: Task) -> dict[str, Any]:
    _, prepared = task.prepare()
    return {
        "items": dict(prepared.counts),
        "lag": prepared.lag,
        "trivial": {split: dict(scores) for split, scores in prepared.trivial.items()},
        "baseline": {name: value for name, value in task.baseline.items() if not name.startswith("data.")},
    }


def _cut_torn_line(path: Path) -> None:
    """A journal that was cut off within a line goes on with a new one."""
    if path.exists() and path.stat().st_size:
        with path.open("rb+") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")


def part_of(text: str) -> tuple[int, int]:
    """`2/3` as (2, 3)."""
    k, _, n = text.partition("/")
    if not (k.isdigit() and n.isdigit() and 1 <= int(k) <= int(n)):
        sys.exit(f"--part must be k/n with 1 <= k <= n, but got {text}")
    return int(k), int(n)
