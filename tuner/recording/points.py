"""What the events of a study mean in MLflow's words: metrics, parameters, tags and statuses. Free of MLflow.

Every metric follows from one event and the epochs before it, with that event's time, so that a replay gives
the very same points as live recording did.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, NamedTuple

from tuner.disk.events import RunRecord
from tuner.messages import State

MAX_POINTS = 200
"""Points of one series in MLflow; the event file holds them all."""
MAX_SERIES = 25
"""Series by epoch of one run in MLflow."""
_TOLD = (State.PRUNED, State.HOPELESS, State.DIVERGED, State.FAILED)
"""States that a run's name tells."""

STATUS = {
    State.RUNNING: "RUNNING",
    State.LOST: "SCHEDULED",
    State.STOPPED: "KILLED",
    State.COMPLETED: "FINISHED",
    State.PRUNED: "FINISHED",
    State.HOPELESS: "FINISHED",
    State.DIVERGED: "FAILED",
    State.FAILED: "FAILED",
}
"""MLflow's status of a run in each state."""


class Point(NamedTuple):
    """One value of one metric."""

    key: str
    value: float
    time_ms: int
    step: int


@dataclass(frozen=True)
class Data:
    """What a study learns from.

    Args:
        source: As the task file names it: a ready set, or a path.
        digest: Changes with its content and with how it is prepared; "" of a study that did not tell it yet.
        counts: Items per split.
    """

    source: str = ""
    digest: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    def name(self, split: str) -> str:
        """What a split is called among the study's datasets."""
        return f"{PurePath(self.source).name} {split}"[-500:]


@dataclass(frozen=True)
class SweepFacts:
    """What the runs of a study share.

    Args:
        identity: Tells this study from an earlier one of the same name.
        epochs: Planned epochs of a trial; 0 when not known.
        categorical: Searched parameters that are choices.
        data: What the runs learn from.
        metric: What is optimized: "val/accuracy".
        registers: Whether the winner goes into the registry.
        origin: Where it comes from, as MLflow's own tags: source, user, commit.
    """

    identity: str
    epochs: int = 0
    categorical: tuple[str, ...] = ()
    data: Data = Data()
    metric: str = ""
    registers: bool = False
    origin: Mapping[str, str] = field(default_factory=dict)

    @property
    def stride(self) -> int:
        """Every how many epochs a point goes to MLflow."""
        return max(1, math.ceil(self.epochs / MAX_POINTS))


def read_sweep(events: list[dict[str, Any]]) -> SweepFacts | None:
    """What the runs share, from the events of `sweep.jsonl`; None before the first `sweep` event."""
    sweeps = [event for event in events if event["event"] == "sweep"]
    if not sweeps:
        return None
    searched = ((sweeps[-1].get("space") or {}).get("searched")) or {}
    return SweepFacts(
        identity=str(milliseconds(sweeps[0]["time"])),
        epochs=sweeps[-1].get("epochs") or 0,
        categorical=tuple(name for name, kind in searched.items() if kind == "categorical"),
        data=Data(
            **{"source": "", "digest": "", **(sweeps[-1].get("data") or {})}, counts=sweeps[-1].get("counts") or {}
        ),
        metric=str(sweeps[-1].get("metric", "")),
        registers=bool(sweeps[-1].get("registers")),
        origin=origin(sweeps[-1]),
    )


def origin(sweep: Mapping[str, Any]) -> dict[str, str]:
    """MLflow's tags of where a study comes from, as far as it told."""
    told = sweep.get("origin") or {}
    named = {"mlflow.source.name": "file", "mlflow.user": "user", "mlflow.source.git.commit": "commit"}
    tags = {tag: str(told[key])[:5000] for tag, key in named.items() if told.get(key)}
    return {**tags, **({"mlflow.source.type": "LOCAL"} if "mlflow.source.name" in tags else {})}


@dataclass
class Run:
    """A run as far as its events were read."""

    sweep: SweepFacts
    record: RunRecord = field(default_factory=RunRecord)
    series: dict[str, None] = field(default_factory=dict)
    """Names of metrics by epoch that are a curve, in the order in which they became one."""
    silent: set[str] = field(default_factory=set)
    """Those that have been 0 throughout: no curve, until they are something else."""

    def add(self, event: Mapping[str, Any]) -> Iterator[Point]:
        """Fold one event in and give its points."""
        name, known = event["event"], event.get("epoch") in self.record.epochs
        self.record.add(event)
        if name == "epoch" and not known:
            yield from self._begun(event)
            if event["epoch"] % self.sweep.stride == 0:
                yield from self._epoch(event)
        elif name == "ended" and self.record.state.final:
            yield from self._end(event["time"])

    @property
    def left_out(self) -> list[str]:
        """Series beyond `MAX_SERIES`."""
        return list(self.series)[MAX_SERIES:]

    def _begun(self, event: Mapping[str, Any]) -> Iterator[Point]:
        """The zeros of series that are something else from this epoch on; the objective is told in any case."""
        for name, value in event["metrics"].items():
            if value == 0 and name not in self.series and name != self.sweep.metric:
                self.silent.add(name)
            elif name not in self.silent:
                self.series[name] = None
            elif value and math.isfinite(value):
                self.silent.remove(name)
                self.series[name] = None
                if name in self.left_out:
                    continue  # no part of a curve that is not told
                for epoch, before in sorted(self.record.epochs.items()):
                    if epoch % self.sweep.stride == 0 and before["metrics"].get(name) == 0:
                        yield Point(metric_key(name), 0.0, milliseconds(before["time"]), epoch)

    def _epoch(self, event: Mapping[str, Any]) -> Iterator[Point]:
        """The epoch's finite values; others are left out and counted in `nonfinite`."""
        left_out, missing = {*self.left_out, *self.silent}, 0
        time_ms, step = milliseconds(event["time"]), event["epoch"]
        for name, value in event["metrics"].items():
            if value is None or not math.isfinite(value):
                missing += 1
            elif name not in left_out:
                yield Point(metric_key(name), float(value), time_ms, step)
        if missing:
            yield Point("nonfinite", missing, time_ms, step)

    def _end(self, time: float) -> Iterator[Point]:
        """The last epoch, and at its time the run's facts: ending there twice gives the same.

        A fact stands at step 0, where MLflow draws a bar per run, rather than a line of one point.
        """
        record = self.record
        last = max(record.epochs, default=0)
        if last % self.sweep.stride:
            yield from self._epoch(record.epochs[last])
        time_ms = milliseconds(record.epochs[last]["time"] if last else time)
        facts: dict[str, Any] = {
            "objective": record.value,
            "epochs": last,
            "seconds": record.seconds,
            "parameters": record.results.get("parameters"),
        }
        for name, value in facts.items():
            if value is not None and math.isfinite(value):
                yield Point(name, float(value), time_ms, 0)

    def params(self) -> dict[str, str]:
        """Searched parameters only; an inactive choice reads "-", an inactive number is absent."""
        record = self.record
        active = {name: record.params[name] for name in record.searched if name in record.params}
        inactive = {name: "-" for name in self.sweep.categorical if name not in record.params}
        return {metric_key(name): short(value) for name, value in {**active, **inactive}.items()}

    def tags(self, state: State) -> dict[str, str]:
        """Plain tags, so that grouping and filtering do not rest on nesting."""
        record = self.record
        tags = {
            "tuner.kind": record.kind,
            "tuner.trial": str(record.number),
            "tuner.state": state,
            "tuner.reason": record.reason[:500],
            "mlflow.note.content": record.reason[:5000],
            "tuner.attempts": str(record.attempts),
            **self.sweep.origin,
        }
        if record.found:
            tags["tuner.findings"] = ",".join(record.found)
        if record.repairs:
            tags["tuner.repairs"] = str(record.repairs["number"])
        if record.portfolio:
            tags["tuner.portfolio"] = str(record.portfolio)
        for group, members in (record.results.get("parameter_groups") or {}).items():
            tags[f"tuner.{group}"] = ", ".join(members)[:5000]
        if self.left_out:
            tags["tuner.left_out"] = ", ".join(self.left_out)[:5000]
        return tags

    def name(self) -> str:
        """The run's name for people; that of a run that was not completed says so, as MLflow has no status for each."""
        state = self.record.state
        return f"{self._called()} ({state.lower()})" if state in _TOLD else self._called()

    def _called(self) -> str:
        record = self.record
        if record.kind == "trial":
            return f"trial {record.number}"
        if record.kind == "confirm":
            who = "baseline" if record.number < 0 else f"confirm {record.number}"
            return f"{who} seed {record.run.rpartition('-')[2]}"
        if record.kind == "refit":
            return f"refit of {'the baseline' if record.number < 0 else record.number}"
        return record.kind

    def test_scores(self) -> dict[str, dict[str, float]]:
        """Run -> its scores on the test data, as this test run found them; empty for any other run."""
        return dict(self.record.results.get("test") or {})

    def tensor_table(self) -> str:
        """Quantities of tensors, cells and gates by epoch, and those through time by lag, as CSV; a row per value.

        The lag is in steps, and empty where a quantity has none. Of a long training it holds every so many epochs, as
        MLflow's series do, and the last. Empty when nothing was measured.
        """
        epochs = self.record.epochs
        last = max(epochs, default=0)
        told = [epochs[epoch] for epoch in sorted(epochs) if epoch % self.sweep.stride == 0 or epoch == last]
        rows = [row for event in told for row in _table_rows(event)]
        if not rows:
            return ""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("epoch", "quantity", "name", "lag", "value"))
        writer.writerows(rows)
        return text.getvalue()


def _table_rows(event: Mapping[str, Any]) -> Iterator[tuple[int, str, str, float | str, float]]:
    """Epoch, quantity, name, lag ("" where there is none) and value of all that an epoch has in tables."""
    for quantity, values in (event.get("tensors") or {}).items():
        yield from ((event["epoch"], quantity, name, "", value) for name, value in values.items())
    for quantity, profiles in (event.get("profiles") or {}).items():
        for name, profile in profiles.items():
            yield from ((event["epoch"], quantity, name, lag, value) for lag, value in profile)


def test_points(scores: Mapping[str, float], time_ms: int) -> list[Point]:
    """Scores on the test data as metrics `test/…`."""
    return [
        Point(metric_key(f"test/{name.removeprefix('test/')}"), float(value), time_ms, 0)
        for name, value in scores.items()
        if value is not None and math.isfinite(value)
    ]


def sweep_params(first: Mapping[str, Any]) -> dict[str, str]:
    """Constants and budget, as the study's first sweep had them; MLflow lets no parameter change later."""
    facts = {
        f"budget.{name}": first.get(name) for name in ("trials", "epochs", "seconds") if first.get(name) is not None
    }
    return {metric_key(name): short(value) for name, value in {**(first.get("constants") or {}), **facts}.items()}


def metric_key(name: str) -> str:
    """A name that every MLflow store accepts.

    >>> metric_key("val/f1[macro]")
    'val/f1_macro_'
    """
    plain = re.sub(r"[^A-Za-z0-9_./ -]", "_", name)
    return "/".join(part for part in plain.split("/") if part.strip(". "))[:250] or "_"


def short(value: Any) -> str:
    """A parameter's value as text: six significant digits, at most 250 characters."""
    values = value if isinstance(value, list | tuple) else (value,)
    text = ", ".join(f"{one:.6g}" if isinstance(one, float) else str(one) for one in values)
    return text if len(text) <= 250 else text[:249] + "…"


def milliseconds(seconds: float) -> int:
    """Unix seconds as whole milliseconds."""
    return round(seconds * 1000)
