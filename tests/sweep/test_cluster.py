"""The same file on a running Ray cluster."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.program import finish, start
from tests.support.studies import curves
from tests.support.tiny import write_task

RAY = Path(sys.executable).with_name("ray")


@pytest.fixture
def cluster() -> Iterator[str]:
    """A cluster's head on loopback with two CPUs; its address."""
    environment = {**os.environ, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    subprocess.run([RAY, "get-auth-token", "--generate"], check=True, capture_output=True)
    address = "127.0.0.1:26379"
    options = ["--port=26379", "--node-ip-address=127.0.0.1", "--num-cpus=2", "--include-dashboard=false"]
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:  # sockets need short paths
        head = subprocess.Popen(
            [RAY, "start", "--head", "--block", *options, f"--temp-dir={folder}"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        children: list[psutil.Process] = []
        try:
            deadline = time.monotonic() + 60
            while _status(address).returncode and time.monotonic() < deadline:
                time.sleep(0.5)
            children = psutil.Process(head.pid).children(recursive=True)
            yield address
        finally:
            head.terminate()
            head.wait(30)
            for child in children:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()


def _status(address: str) -> subprocess.CompletedProcess[str]:
    command = [RAY, "status", f"--address={address}"]
    environment = {**os.environ, "RAY_AUTH_MODE": "token"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.ray
def test_a_running_cluster_gives_the_same_result_as_local(
    tmp_path: Path, migrated: Path, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one worker, `ray.address=auto` and a Ray of our own give the same trials and losses; the cluster stays."""
    found = []
    for address in ("local", "auto"):
        folder = tmp_path / address
        folder.mkdir()
        (folder / "mlflow.db").write_bytes(migrated.read_bytes())
        path = write_task(folder, trials=4, more="ray: {}\nresources: {workers: 1}\nconfirm: {top: 1, seeds: 1}")
        if address == "auto":
            monkeypatch.setenv("RAY_ADDRESS", cluster)
        finish(start(folder, path, "--set", f"ray.address={address}"))
        found.append(curves(folder))
    assert len(found[0]) == 4
    assert found[0] == found[1]
    assert "Active:" in _status(cluster).stdout
