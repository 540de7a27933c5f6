"""Sweeps in this process, and what they leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from tuner.announcements import Announcement, Notice
from tuner.disk.events import RunRecord, read_run
from tuner.sweep import Outcome, Sweep
from tuner.task import resolve_task

E = TypeVar("E", bound=Announcement)
TIMES = ("time/epoch_seconds", "time/steps_per_second")


class Events(list[Announcement]):
    """A listener that keeps what it is told."""

    def __call__(self, event: Announcement) -> None:
        json.dumps(event.as_json())
        self.append(event)

    def of(self, kind: type[E]) -> list[E]:
        """All events of a kind."""
        return [event for event in self if isinstance(event, kind)]

    def notices(self) -> list[str]:
        """The sentences of notices, but for the one about a task's own `tracking: {uri: none}`."""
        return [each.sentence for each in self.of(Notice) if not each.sentence.startswith("tracking is none")]


def sweep(path: Path, *sets: str, **options: Any) -> tuple[Outcome, Events]:
    """Run a sweep in this process."""
    told = Events()
    return Sweep(resolve_task(path, sets), told, **options).run(), told


def records(path: Path, kind: str = "trials") -> list[RunRecord]:
    """The runs on disk."""
    folder = resolve_task(path).folder.root
    return [read_run(file) for file in sorted(folder.glob(f"{kind}/*/events.jsonl"))]


def curves(path: Path) -> list[Any]:
    """All that must repeat: parameters and metrics by epoch, without times."""
    return [
        (
            record.params,
            [
                {name: value for name, value in epoch["metrics"].items() if name not in TIMES}
                for epoch in record.epochs.values()
            ],
        )
        for record in records(path)
    ]
