"""The parent run of a study in MLflow, from its events: state, tags and metrics. Free of MLflow."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.recording.points import Point, metric_key, milliseconds, origin
from tuner.verdict import Verdict
from tuner.words import called

_ENDINGS = ("summary", "stopped")
_TOLD = ("version", "metric", "direction", "trials", "epochs")


@dataclass(frozen=True)
class Parent:
    """The parent run, from the study's events so far.

    Args:
        lines: Of `sweep.jsonl`, at least one `sweep`.
    """

    lines: Sequence[Mapping[str, Any]]

    @cached_property
    def first(self) -> Mapping[str, Any]:
        """The first `sweep` event."""
        return next(line for line in self.lines if line["event"] == "sweep")

    @cached_property
    def latest(self) -> Mapping[str, Any]:
        """The last `sweep` event."""
        return next(line for line in reversed(self.lines) if line["event"] == "sweep")

    @cached_property
    def end(self) -> Mapping[str, Any] | None:
        """The last driver's end; None while it runs, or if it was killed."""
        last = next(line for line in reversed(self.lines) if line["event"] in ("sweep", *_ENDINGS))
        return None if last["event"] == "sweep" else last

    def state(self, *, live: bool) -> State:
        """The study's state; `live`: whether it has a running driver."""
        if self.end is None:
            return State.RUNNING if live else State.LOST
        return State.COMPLETED if self.end["event"] == "summary" else State.STOPPED

    def tags(self, state: State) -> dict[str, str]:
        """The tags; the description has the verdict, details and next commands, as Markdown."""
        end = self.end or {}
        tags = {
            "tuner.kind": "sweep",
            "tuner.state": state,
            "tuner.reason": str(end.get("reason", ""))[:500],
            "tuner.events": str(len(self.lines)),
            **{f"tuner.{name}": _tag(self.latest[name]) for name in _TOLD if self.latest.get(name) is not None},
            **origin(self.latest),
        }
        if state is State.COMPLETED:
            tags["tuner.winner"] = _tag(end.get("winner"))
            tags["mlflow.note.content"] = "\n\n".join(_told(end))[:5000]
        return tags

    def confirmed(self, records: Sequence[RunRecord]) -> dict[int, Point]:
        """Trial -> mean objective of its configuration on fresh seeds, once the study has ended.

        Configurations with fewer scores than others (they left the race or diverged) are left out: they cannot win, and
        means over different seeds are not compared.
        """
        if self.end is None or self.end["event"] != "summary":  # a stop's text would stay
            return {}
        numbers = sorted({record.number for record in records if record.kind == "confirm" and record.number >= 0})
        scores = {number: _values(_seeds(records, called(number))) for number in numbers}
        most, time_ms = max(map(len, scores.values()), default=0), milliseconds(self.end["time"])
        return {
            number: Point("confirmed", fmean(values), time_ms, 0)
            for number, values in scores.items()
            if values and len(values) == most
        }

    def points(self, records: Sequence[RunRecord]) -> list[Point]:
        """The study's results as metrics; empty before its end.

        `best` is the search's best objective; `confirmed` and `baseline` are means over fresh seeds, `test` that of the
        winner on test data, `trivial` the trivial predictor's objective; `trials/pruned` counts trials by state;
        `hours` are those of all its drivers. The step is the number of earlier ends, as a study can be extended and end
        again.
        """
        if self.end is None:
            return []
        split, _, name = str(self.latest.get("metric", "")).partition("/")
        trials = [record for record in records if record.kind == "trial" and record.state.final]
        objective = Objective(name, maximize=self.latest.get("direction") == "maximize")
        tests: Mapping[str, Any] = next((one.results.get("test") or {} for one in records if one.kind == "test"), {})
        winners = _seeds(records, str(self.end.get("winner", "")))
        facts = {
            "best": objective.best(_values(trials)),
            "confirmed": _mean(_values(winners)),
            "baseline": _mean(_values(_seeds(records, "baseline"))),
            "trivial": ((self.latest.get("trivial") or {}).get(split) or {}).get(name),
            "test": _mean([found for one in winners if (found := tests.get(one.run, {}).get(name)) is not None]),
            **{f"trials/{state.lower()}": n for state, n in Counter(record.state.value for record in trials).items()},
            "hours": sum(line.get("seconds") or 0.0 for line in self.lines if line["event"] in _ENDINGS) / 3600,
        }
        time_ms = milliseconds(self.end["time"])
        step = sum(line["event"] in _ENDINGS for line in self.lines) - 1
        return [
            Point(metric_key(key), float(value), time_ms, step)
            for key, value in facts.items()
            if value is not None and math.isfinite(value)
        ]


def _seeds(records: Sequence[RunRecord], configuration: str) -> list[RunRecord]:
    """The confirmations of the configuration of a name."""
    return [record for record in records if record.kind == "confirm" and configuration == called(record.number)]


def _values(records: Sequence[RunRecord]) -> list[float]:
    """Objectives of the completed runs."""
    completed = [record.value for record in records if record.state is State.COMPLETED]
    return [value for value in completed if value is not None and math.isfinite(value)]


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _told(summary: Mapping[str, Any]) -> list[str]:
    verdict = Verdict(**(summary.get("verdict") or {}))
    commands = [f"{what}: `{command}`" for what, command in verdict.next]
    return [*verdict.lines, *verdict.details(summary.get("sentences") or ()), *commands]


def _tag(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:500]
