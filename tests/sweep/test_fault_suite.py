"""The quick form of `python -m benchmarks.faults`: few faults of each kind, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.program import Program, finish

NAMES = ["node", "bad_node", "head", "disk", "reporting", "many"]
"""Those of which no other test does the like; the clock is moved in `tests/test_benchmark_scripts.py`."""


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost(name: str, tmp_path: Path, migrated: Path) -> None:
    """Whatever is done to a sweep, study, event files, MLflow and the workers' own log are whole, nothing is twice."""
    options = ["--quick", "--rows", name, "--keep", str(tmp_path), "--database", str(migrated)]
    told = finish(Program(tmp_path, *options, module="benchmarks.faults"))
    if "not done: " in told:
        pytest.skip(told.partition("not done: ")[2].splitlines()[0])
