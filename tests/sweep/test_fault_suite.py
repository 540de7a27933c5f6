"""The quick form of `python -m benchmarks.faults`: few faults of each kind, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults.__main__ import rows, table

QUICK = rows(quick=True)
NAMES = ["node", "bad_node", "head", "disk", "clock", "reporting", "many"]
"""Those of which no other test does the like."""


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost(name: str, tmp_path: Path, migrated: Path) -> None:
    """Whatever is done to a sweep, study, event files, MLflow and the workers' own log are whole, nothing is twice."""
    found = QUICK[name](tmp_path, migrated)
    done = found if isinstance(found, list) else [found]
    assert not any(row.lost for row in done), table(done)
    if left_out := [note for row in done for note in row.notes if note.startswith("not done: ")]:
        pytest.skip("; ".join(left_out))
