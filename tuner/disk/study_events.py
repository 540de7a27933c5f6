"""A study from its event files: the last driver's settings, how it ended, and all runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.disk import events
from tuner.disk.events import RunRecord, read_runs
from tuner.disk.folder import StudyFolder
from tuner.messages import Kind


@dataclass(frozen=True)
class SweepRecord:
    """The events of a sweep itself.

    Args:
        asked: The `sweep` event of the last run of the driver; empty if missing.
        summary: Its `summary` event; empty if it did not reach the end.
        stopped: Why it was stopped; "" if it was not stopped, or killed.
    """

    asked: Mapping[str, Any]
    summary: Mapping[str, Any]
    stopped: str


@dataclass(frozen=True)
class StudyRecord:
    """A study: its sweep, and all its runs.

    Args:
        sweep: The sweep.
        runs: Trials by number, then confirmations, a refit and the test.
    """

    sweep: SweepRecord
    runs: tuple[RunRecord, ...]

    def of_kind(self, kind: Kind) -> tuple[RunRecord, ...]:
        """The runs of a kind."""
        return tuple(record for record in self.runs if record.kind == kind)

    @property
    def tested(self) -> Mapping[str, Any]:
        """The results of the test run; empty before it."""
        return next((record.results for record in self.of_kind("test")), {})


def read_sweep(folder: StudyFolder) -> SweepRecord:
    """Read the events of the sweep itself.

    Raises:
        StudyError: The event file is damaged.
    """
    told = events.read(folder.sweep_events)
    last = told[-1] if told else {"event": ""}
    return SweepRecord(
        asked=next((event for event in reversed(told) if event["event"] == "sweep"), {}),
        summary=last if last["event"] == "summary" else {},
        stopped=str(last.get("reason", "")) if last["event"] == "stopped" else "",
    )


def read_study(folder: StudyFolder) -> StudyRecord:
    """Read a study, whether it is finished, running or was killed, without changing anything.

    Raises:
        StudyError: An event file is damaged.
    """
    return StudyRecord(read_sweep(folder), tuple(read_runs(folder.events(run) for run in folder.runs())))
