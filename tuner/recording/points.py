"""Translates events into MLflow's metrics, parameters, tags and statuses. Free of MLflow.

Every metric follows from one event and the epochs before it, with that event's time, so that a replay gives exactly the
points of live recording.
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
"""Largest number of points of a series in MLflow; the event file has all."""
MAX_SERIES = 25
"""Largest number of series by epoch of a run in MLflow."""
_TOLD = (State.PRUNED, State.HOPELESS, State.DIVERGED, State.FAILED)
"""States that are part of a run's name."""

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
"""State -> MLflow's status."""


class Point(NamedTuple):
    """One value of one metric."""

    key: str
    value: float
    time_ms: int
    step: int


@dataclass(frozen=True)
class Data:
    """The data of a study.

    Args:
        source: As the task file names it: a ready set, or a path.
        digest: Changes with the content and its preparation; "" if not recorded yet.
        counts: Items per split.
    """

    source: str = ""
    digest: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    def name(self, split: str) -> str:
        """The dataset name of a split."""
        return f"{PurePath(self.source).name} {split}"[-500:]


@dataclass(frozen=True)
class SweepFacts:
    """The facts that a study's runs share.

    Args:
        identity: Distinguishes this study from an earlier one of the same name.
        epochs: Planned epochs of a trial; 0 if unknown.
        categorical: Searched parameters that are choices.
        data: The runs' data.
        metric: The objective: "val/accuracy".
        registers: Whether the winner is registered.
        origin: Source, user and commit, as MLflow's own tags.
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
        """Number of epochs per point in MLflow."""
        return max(1, math.ceil(self.epochs / MAX_POINTS))


def read_sweep(events: list[dict[str, Any]]) -> SweepFacts | None:
    """The facts that the runs share, from `sweep.jsonl`; None before the first `sweep` event."""
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
    """MLflow's tags for the origin of a study, as far as it is known."""
    told = sweep.get("origin") or {}
    named = {"mlflow.source.name": "file", "mlflow.user": "user", "mlflow.source.git.commit": "commit"}
    tags = {tag: str(told[key])[:5000] for tag, key in named.items() if told.get(key)}
    return {**tags, **({"mlflow.source.type": "LOCAL"} if "mlflow.source.name" in tags else {})}


@dataclass
class Run:
    """A run, from its events so far."""

    sweep: SweepFacts
    record: RunRecord = field(default_factory=RunRecord)
    series: dict[str, None] = field(default_factory=dict)
    """Names of the metrics recorded as curves, in order of their first points."""
    silent: set[str] = field(default_factory=set)
    """Metrics that have been 0 so far: not recorded until they differ."""

    def add(self, event: Mapping[str, Any]) -> Iterator[Point]:
        """Take in an event and return its points."""
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
        """Number of series beyond `MAX_SERIES`."""
        return list(self.series)[MAX_SERIES:]

    def _begun(self, event: Mapping[str, Any]) -> Iterator[Point]:
        """The earlier zeros of series that differ from 0 at this epoch; the objective is always recorded."""
        for name, value in event["metrics"].items():
            if value == 0 and name not in self.series and name != self.sweep.metric:
                self.silent.add(name)
            elif name not in self.silent:
                self.series[name] = None
            elif value and math.isfinite(value):
                self.silent.remove(name)
                self.series[name] = None
                if name in self.left_out:
                    continue  # not part of a recorded curve
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
        """The last epoch's points and the run's facts at its time, so that a repeated end gives the same.

        Facts are at step 0, for which MLflow draws a bar per run instead of a one-point line.
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
        """The tags, so that grouping and filtering need no nesting of runs."""
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
        if record.warm_start:
            tags["tuner.warm_start"] = record.warm_start
        for group, members in (record.results.get("parameter_groups") or {}).items():
            tags[f"tuner.{group}"] = ", ".join(members)[:5000]
        if self.left_out:
            tags["tuner.left_out"] = ", ".join(self.left_out)[:5000]
        return tags

    def name(self) -> str:
        """The run's name for people; with its state if it was not completed, as MLflow has no status for each."""
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
            who = "baseline" if record.number < 0 else f"{record.number}"
            return f"refit {who} seed {record.run.rpartition('-')[2]}"
        return record.kind

    def test_scores(self) -> dict[str, dict[str, float]]:
        """Run -> its scores on the test data, from a test run; empty for any other run."""
        return dict(self.record.results.get("test") or {})

    def tensor_table(self) -> str:
        """A run's tables as CSV, a row per value: quantities of tensors, cells and gates by epoch, profiles by lag.

        The lag is in steps, empty for quantities without one. Long trainings are thinned out like MLflow's series,
        keeping the last epoch. Empty if nothing was measured.
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
    """Rows of epoch, quantity, name, lag ("" without one) and value, from an epoch's tables."""
    for quantity, values in (event.get("tensors") or {}).items():
        yield from ((event["epoch"], quantity, name, "", _rounded(value)) for name, value in values.items())
    for quantity, profiles in (event.get("profiles") or {}).items():
        for name, profile in profiles.items():
            yield from ((event["epoch"], quantity, name, lag, _rounded(value)) for lag, value in profile)


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def test_points(scores: Mapping[str, float], time_ms: int) -> list[Point]:
    """Scores on the test data as metrics `test/…`."""
    return [
        Point(metric_key(f"test/{name.removeprefix('test/')}"), float(value), time_ms, 0)
        for name, value in scores.items()
        if value is not None and math.isfinite(value)
    ]


def sweep_params(first: Mapping[str, Any]) -> dict[str, str]:
    """Constants and budget of the study's first sweep; MLflow's parameters cannot change later."""
    facts = {
        f"budget.{name}": first.get(name) for name in ("trials", "epochs", "seconds") if first.get(name) is not None
    }
    return {metric_key(name): short(value) for name, value in {**(first.get("constants") or {}), **facts}.items()}


def metric_key(name: str) -> str:
    """A metric's name, in a form that every MLflow store accepts.

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
