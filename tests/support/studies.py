"""What a sweep has left in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tuner.disk.events import read_run


def trial_files(folder: Path) -> list[Path]:
    """Event files of the search trials."""
    return sorted(folder.glob("mlruns/studies/tiny/trials/*/events.jsonl"))


def ended(folder: Path) -> int:
    """Trials that are over."""
    return sum(read_run(file).state.final for file in trial_files(folder))


def curves(folder: Path) -> list[Any]:
    """Parameters and losses of every trial."""
    found = []
    for file in trial_files(folder):
        record = read_run(file)
        losses = [epoch["metrics"]["val/loss"] for epoch in record.epochs.values()]
        found.append((record.params, losses, record.state))
    return found
