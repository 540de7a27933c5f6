"""Runs as plain rows, for `top`, its JSON and spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from tuner.disk.events import RunRecord
from tuner.objective import Objective
from tuner.reporting.leaderboard import leaderboard


def rows(records: Sequence[RunRecord], objective: Objective) -> list[dict[str, Any]]:
    """One JSON-able row per run, in the leaderboard's order.

    Args:
        records: Runs of one study.
        objective: Of their values.

    Returns:
        Rows with number, state, reason, value, values, params (constants included), epochs (trained),
        seconds, findings (names, most important first), repairs (as in `RunRecord`) and kind; for one of the portfolio
        also its place there, for one of another study that trial.
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
            **({"portfolio": record.portfolio} if record.portfolio else {}),
            **({"warm_start": record.warm_start} if record.warm_start else {}),
            "kind": record.kind,
        }
        for record in leaderboard(records, objective)
    ]


def as_csv(table: Sequence[Mapping[str, Any]]) -> str:
    """The rows as CSV for a spreadsheet: a column per parameter, lists in one cell, missing values empty."""
    parameters = list(dict.fromkeys(name for row in table for name in row["params"]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "state", "value", "epochs", "seconds", *parameters, "findings", "reason"])
    for row in table:
        settings = [_cell(row["params"].get(name)) for name in parameters]
        run = f"{row['kind']} {row['number']}" if row["number"] >= 0 else "baseline"
        facts = [run, row["state"], _cell(row["value"]), row["epochs"], _cell(row["seconds"])]
        writer.writerow([*facts, *settings, " ".join(row["findings"]), row["reason"]])
    return text.getvalue()


def _cell(value: object) -> str:
    """A value in six significant digits."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value)
