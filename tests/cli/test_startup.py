from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tiny import write_task

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "ray", "mlflow", "optuna", "matplotlib", "scipy", "sqlalchemy", "pandas"}
CODE = """
import sys
from tuner.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*sys.modules, file=sys.stderr)
"""


def imported(folder: Path, *arguments: str, status: int = 0) -> set[str]:
    """The heavy packages that a command has imported when it ends."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CODE, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return HEAVY & set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("list", "cells"),
        ("list", "tasks", "--json"),
        ("explain", "learning_rate"),
        ("schema",),
        ("top", "tiny"),
        ("show", "tiny"),
    ],
    ids=" ".join,
)
def test_what_answers_at_once_imports_nothing_heavy(study: Path, arguments: tuple[str, ...]) -> None:
    """Help, lists, the schema and the leaderboard need none of the large libraries."""
    assert not imported(study, *arguments)


def test_the_story_of_a_study_needs_only_its_statistics(study: Path) -> None:
    """Fisher's exact test is SciPy's; no network, no database and no figure is touched."""
    assert imported(study, "diagnose", "tiny") <= {"scipy"}
    assert imported(study, "diagnose", "tiny", "--json") <= {"scipy"}


def test_checking_a_task_imports_only_what_reads_its_data(tmp_path: Path) -> None:
    """`validate --no-timing` and a refused `run` bring pandas for a table, and for a task file at fault nothing."""
    write_task(tmp_path)
    assert imported(tmp_path, "validate", "tiny.yaml", "--no-timing") == {"pandas"}
    assert not imported(tmp_path, "run", "tiny.yaml", "--set", "sampler.name=tpee", status=2)
    assert imported(tmp_path, "run", "tiny.yaml", "--set", "data.label=lable", status=2) == {"pandas"}
