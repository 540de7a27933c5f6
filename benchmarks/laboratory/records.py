"""What was recorded: read, checked and written.

In `benchmarks/laboratory/records/`, for each ready space S:

    S.jsonl             the configurations: line n has the parameters of configuration n, inactive ones absent
    S.tuning.parquet    a row per training, tasks of the half `tuning`
    S.judging.parquet   the same, tasks of the half `judging`
    S.tasks.json        task -> facts of its data

The columns of a row (`Training` says what each means): task, configuration, repeat, state, values, train_losses,
seconds, parameters, best_epoch, test, findings. Numbers of float columns have 32 bits. Tasks may have different numbers
of configurations while the recording goes on; `Pool.count` says how many.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.laboratory import configurations
from benchmarks.laboratory.tasks import TASKS, Half
from tuner.optim.catalog import SCHEDULES
from tuner.optim.schedules import peak_epoch

RECORDS = Path(__file__).with_name("records")
SPACE = "gated_rnn"
BASELINE = -1
"""The number under which the task's baseline is recorded: the defaults of every part and the space's constants."""
_SCHEMA = pa.schema(
    {
        "task": pa.string(),
        "configuration": pa.int32(),
        "repeat": pa.int32(),
        "state": pa.string(),
        "values": pa.list_(pa.float32()),
        "train_losses": pa.list_(pa.float32()),
        "seconds": pa.float32(),
        "parameters": pa.int32(),
        "best_epoch": pa.int32(),
        "test": pa.map_(pa.string(), pa.float32()),
        "findings": pa.list_(pa.string()),
    }
)


class JudgingOnlyError(Exception):
    """Something that does not say that it judges asks for records that are for judging."""


@dataclass(frozen=True)
class Training:
    """One configuration trained to its end on one task with one seed.

    Args:
        task: The task.
        configuration: Number of the configuration; `BASELINE` is the task's baseline.
        repeat: 0 for the first training, with further seeds 1, 2, ...
        state: COMPLETED, or DIVERGED.
        values: The task's metric on the validation data after each epoch, less is better; fewer than the task has
            epochs where patience or divergence ended it.
        train_losses: The training loss of each epoch.
        seconds: Processor time of an epoch, on one thread, with its validation.
        parameters: Weights of the network; 0 where the network was not built.
        best_epoch: The epoch of the least value, from 1; 0 without a finite one.
        test: Test scores of the weights after that epoch, by metric ("loss", "accuracy", ...); empty without them.
        findings: Names of what the diagnostics found.
    """

    task: str
    configuration: int
    repeat: int
    state: str
    values: Sequence[float]
    train_losses: Sequence[float]
    seconds: float
    parameters: int
    best_epoch: int
    test: Mapping[str, float] = field(default_factory=dict)
    findings: Sequence[str] = ()

    @property
    def key(self) -> tuple[str, int, int]:
        """What there is one record of."""
        return self.task, self.configuration, self.repeat

    @property
    def best(self) -> float:
        """The least value; infinite where it diverged, as such a training cannot win."""
        finite = [value for value in self.values if math.isfinite(value)]
        return min(finite, default=math.inf) if self.state == "COMPLETED" else math.inf

    @property
    def test_value(self) -> float:
        """The task's metric on the test data after the best epoch; infinite where it diverged."""
        return self.test[TASKS[self.task].metric] if self.test else math.inf


@dataclass(frozen=True)
class Pool:
    """What is recorded of one task.

    Args:
        task: Its name.
        family: Its family.
        epochs: Of a full training.
        params: Parameters by number of the configuration: of those that have a record.
        trainings: By number and repeat.
        facts: Of the data: trivial scores, items, the longest expected lag, ...
    """

    task: str
    family: str
    epochs: int
    params: Mapping[int, Mapping[str, Any]]
    trainings: Mapping[tuple[int, int], Training]
    facts: Mapping[str, Any]

    @property
    def count(self) -> int:
        """How many configurations are recorded, the baseline not among them."""
        return len(self.params)

    def repeats(self, number: int) -> list[Training]:
        """All trainings of a configuration, or of the baseline, by seed."""
        return [training for (each, _), training in sorted(self.trainings.items()) if each == number]

    def first(self, number: int) -> Training:
        """The first training of a configuration."""
        return self.trainings[number, 0]

    def peak(self, number: int) -> float:
        """Epochs until the learning rate of a configuration has been at its highest."""
        return peak_of(self.params[number], self.epochs)


def peak_of(params: Mapping[str, Any], epochs: int) -> float:
    """Epochs, of so many, until the learning rate has been at its highest."""
    schedule = params["schedule"]
    options = SCHEDULES[schedule].options
    given = {name: params[name] for name in options.model_fields if name in params}
    return peak_epoch(schedule, options.model_validate(given), epochs)


def pools(half: Half, *, space: str = SPACE, judge: bool = False, folder: Path = RECORDS) -> dict[str, Pool]:
    """What is recorded of the tasks of a half.

    Args:
        half: `tuning`, or `judging`.
        space: The ready space.
        judge: Must be said to read the half `judging`: nothing is chosen by what comes out.
        folder: Where the records are.

    Raises:
        JudgingOnlyError: The half `judging` is read without saying that it is to judge.
    """
    if half == "judging" and not judge:
        raise JudgingOnlyError(
            "records of the half `judging` are read with judge=True, by what chooses nothing by them"
        )
    params = configurations.kept(folder, space)
    facts = json.loads((folder / f"{space}.tasks.json").read_text())
    trained: dict[str, dict[tuple[int, int], Training]] = {}
    for training in read(folder / f"{space}.{half}.parquet"):
        trained.setdefault(training.task, {})[training.configuration, training.repeat] = training
    found = {}
    for name, trainings in trained.items():
        numbers = sorted({number for number, repeat in trainings if number != BASELINE and repeat == 0})
        task = TASKS[name]
        own = {number: {**params[number], **task.constants} for number in numbers}
        found[name] = Pool(name, task.family, task.epochs, own, trainings, facts[name])
    return {name: found[name] for name in TASKS if name in found}


def read(path: Path) -> list[Training]:
    """The trainings of a file; none where it is not there."""
    if not path.exists():
        return []
    rows = pq.read_table(path, schema=_SCHEMA).to_pylist(maps_as_pydicts="strict")
    return [Training(**row) for row in rows]


def write(trainings: Iterable[Training], folder: Path, space: str = SPACE) -> dict[Half, int]:
    """Write trainings, each into the file of its half, and say how many there are in each."""
    counts: dict[Half, int] = {"tuning": 0, "judging": 0}
    ordered = sorted(trainings, key=lambda training: (list(TASKS).index(training.task), training.key))
    for half in counts:
        rows = [asdict(training) for training in ordered if TASKS[training.task].half == half]
        for row in rows:
            row["test"] = sorted(row["test"].items())
        table = pa.Table.from_pylist(rows, schema=_SCHEMA)
        pq.write_table(table, folder / f"{space}.{half}.parquet", compression="zstd", compression_level=19)
        counts[half] = len(rows)
    return counts


def journal(path: Path) -> Iterator[Training]:
    """The trainings of a journal, a JSON object a line; a line that was cut off is left out."""
    if path.exists():
        for line in path.read_text().splitlines():
            try:
                yield Training(**json.loads(line))
            except ValueError:
                continue
