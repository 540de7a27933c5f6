"""Sweeps in this process, and what they leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tuner.disk.events import RunRecord, read_run
from tuner.sweep import Outcome, Sweep
from tuner.task import resolve_task

TIMES = ("time/epoch_seconds", "time/steps_per_second")


class Events(list[tuple[str, dict[str, Any]]]):
    """A listener that keeps what it is told."""

    def __call__(self, event: str, **fields: Any) -> None:
        json.dumps(fields)
        self.append((event, fields))

    def of(self, event: str) -> list[dict[str, Any]]:
        """The fields of all events of a kind."""
        return [fields for name, fields in self if name == event]

    def notices(self) -> list[str]:
        """The sentences of notices, but for the one about a task's own `tracking: {uri: none}`."""
        return [each["sentence"] for each in self.of("notice") if not each["sentence"].startswith("tracking is none")]


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
