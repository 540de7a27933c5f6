"""The quick form of `python -m benchmarks.faults`: few faults of each kind, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["node", "bad_node", "head", "disk", "reporting", "many"]
"""Those of which no other test does the like; the clock is moved in `tests/test_benchmark_scripts.py`."""


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost(name: str, tmp_path: Path, migrated: Path) -> None:
    """Whatever is done to a sweep, study, event files, MLflow and the workers' own log are whole, nothing is twice."""
    command = [sys.executable, "-m", "benchmarks.faults", "--quick", "--rows", name, "--keep", str(tmp_path)]
    command += ["--database", str(migrated)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    if "not done: " in done.stdout:
        pytest.skip(done.stdout.partition("not done: ")[2].splitlines()[0])
