"""Runs as plain rows, for `top` and its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tuner.disk.events import RunRecord
from tuner.objective import Objective
from tuner.reporting.leaderboard import leaderboard


def rows(records: Sequence[RunRecord], objective: Objective) -> list[dict[str, Any]]:
    """One JSON-able row per run, in the leaderboard's order.

    Args:
        records: Runs of one study.
        objective: What their values are of.

    Returns:
        Rows with number, state, reason, value, values, params (constants included), epochs (trained),
        seconds, findings (names, most important first), repairs (as `RunRecord` has it) and kind.
    """
    return [
        {
            "number": record.number,
            "state": record.state.value,
            "reason": record.reason,
            "value": record.value,
            "values": [] if record.value is None else [record.value],
            "params": dict(record.params),
            "epochs": max(record.epochs, default=0),
            "seconds": record.seconds,
            "findings": record.found,
            "repairs": record.repairs,
            "kind": record.kind,
        }
        for record in leaderboard(records, objective)
    ]
