"""The same file on a running Ray cluster."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.clusters import RAY, end_node, free_port, head_options, start_node
from tests.support.processes import answers, below
from tests.support.program import ROOT, finish, start
from tests.support.studies import curves
from tests.support.tiny import write_task


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A cluster's head on loopback with two CPUs, whose address and token are in the environment."""
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "t0ken-" * 8)
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:  # sockets need short paths
        command: list[str | Path] = [RAY, "start", "--block", *head_options(address, 2), f"--temp-dir={folder}"]
        process = start_node(command, {**os.environ, "PYTHONPATH": str(ROOT)}, Path(folder) / "log")
        monkeypatch.setenv("RAY_ADDRESS", address)
        try:
            yield process
        finally:
            end_node(process)


@pytest.mark.slow
@pytest.mark.ray
def test_a_running_cluster_gives_the_same_result_and_stays(tmp_path: Path, head: subprocess.Popen[bytes]) -> None:
    """With one worker, `ray.address=auto` gives the trials and losses of trials in the driver's own process."""
    found = []
    for address in ("in-process", "auto"):
        folder = tmp_path / address
        folder.mkdir()
        path = write_task(folder, trials=4, more="resources: {workers: 1}\nconfirm: {top: 1, seeds: 1}")
        finish(start(folder, path, "--set", f"ray.address={address}"))
        found.append(curves(folder))
    assert len(found[0]) == 4
    assert found[0] == found[1]
    assert {"gcs_server", "raylet"} <= {name for _, name in answers(below(head.pid), psutil.Process.name)}
