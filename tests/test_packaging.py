"""The wheel is what is shipped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_wheel_carries_the_ready_files_and_runs_from_anywhere(tmp_path: Path) -> None:
    """Built and unpacked far from the checkout, it lists its ready tasks and spaces and checks one of them."""
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    (wheel,) = tmp_path.glob("*.whl")
    unpacked = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    assert not (unpacked / "tests").exists()
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    for kind, folder in (("tasks", "tasks"), ("search_spaces", "search_spaces")):
        listed = subprocess.run(
            [sys.executable, "-m", "tuner", "list", kind, "--json"],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        shipped = {str(path.relative_to(ROOT / folder).with_suffix("")) for path in (ROOT / folder).rglob("*.yaml")}
        rows = json.loads(listed.stdout)
        assert {row["name"] for row in rows} == shipped
        assert all(Path(row["source"]).is_relative_to(unpacked) for row in rows)
