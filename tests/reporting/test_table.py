"""Runs as plain rows, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tests.support.reported import MadeUp
from tuner.disk import events
from tuner.objective import Objective
from tuner.reporting.table import as_csv, rows


def test_a_spreadsheet_has_a_row_per_run_and_a_column_per_parameter(tmp_path: Path) -> None:
    """Best first; what a run lacks is an empty cell, the baseline has its name."""
    folder = MadeUp(trials=10, epochs=8, seed=31).write(tmp_path / "vowels")
    records = [events.read_run(folder.events(run)) for run in folder.runs() if run != "test"]
    table = rows(records, Objective())
    found = list(csv.DictReader(io.StringIO(as_csv(table))))
    assert len(found) == len(table) == len(records)
    assert [row["state"] for row in found] == [row["state"] for row in table]
    assert {"baseline", "trial 9", "confirm 9"} <= {row["run"] for row in found}
    best = next(row for row in found if row["run"].startswith("trial"))
    assert best["state"] == "COMPLETED"
    assert 0 < float(best["learning_rate"]) < 1
    assert next(row for row in found if row["run"] == "baseline")["layers"] == ""
