"""What all tests share: one torch thread, and nothing read from the user's environment."""

from __future__ import annotations

import fcntl
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.lean_ray import WHOLE, be_lean
from tests.support.postgres import PostgresServer, postgres_programs, serve
from tests.support.s3 import serve_s3
from tuner.execution.own_ray import OwnRay

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
be_lean()
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")  # on the clock, other programs of the machine count too


@pytest.hookimpl(trylast=True)  # once others have left out what is not asked for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Among several processes: first in each one's share is what takes long, so that none does so alone at the end.

    xdist gives each an equal part of the list, in its order; who is done takes over from the end of another's. The
    tests of a file stay together, as they may share what is made once.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes == 1:
        return
    files: dict[Path, list[pytest.Item]] = {}
    short: list[pytest.Item] = []
    for item in items:
        long = any(item.iter_markers("slow")) or any(item.iter_markers("ray"))
        (files.setdefault(item.path, []) if long else short).append(item)
    long_ones, left = list(files.values()), len(items)
    items.clear()
    for process in range(processes):
        share = left // (processes - process)  # as `xdist.scheduler.worksteal` divides it
        files_of_one = long_ones[process::processes]
        # What starts Ray mostly waits: one process does so while its neighbour computes.
        files_of_one.sort(key=_starts_ray, reverse=process % 2 == 0)
        part = [item for file in files_of_one for item in file]
        part += short[: (rest := max(0, share - len(part)))]
        del short[:rest]
        items += part
        left -= len(part)


def _starts_ray(file: list[pytest.Item]) -> bool:
    return any(any(item.iter_markers("ray")) for item in file)


def pytest_collection_finish() -> None:
    """What is imported by now stays: the garbage collector need not look through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def whole_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test that looks at all processes of a Ray that it starts."""
    monkeypatch.setattr(OwnRay, "_init", WHOLE)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracking server or a cluster of the user's must not be touched."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables, made once for all processes of the tests, as that takes seconds."""
    own = tmp_path_factory.getbasetemp()
    path = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "migrated.db"
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            code = f"from mlflow import MlflowClient; MlflowClient('sqlite:///{path}').search_experiments()"
            subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True)
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the tests' own."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL: neither the `dev` extra's programs nor installed ones can be run here")
    yield from serve(programs)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which clients find an S3 server of the tests' own."""
    yield from serve_s3(tmp_path_factory.mktemp("s3"))
