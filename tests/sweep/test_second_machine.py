"""A second Ray node that shares nothing with the driver: its own mounts, and the study's folders hidden."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.clusters import RAY, end_node, free_port, head_options, start_node
from tests.support.program import ROOT, finish, start
from tests.support.s3 import BUCKET, SECRET
from tests.support.studies import curves, ended, trial_files
from tests.support.tiny import write_task
from tuner.disk.events import read, read_run
from tuner.messages import State

MORE = "confirm: {top: 1, seeds: 1}\nresources: {workers: 1}\nray: {address: auto}\n"

pytestmark = [pytest.mark.ray, pytest.mark.slow]


class Machines:
    """A head without CPUs, which runs no trial, and nodes in mount namespaces of their own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self.address = f"127.0.0.2:{free_port('127.0.0.2')}"
        self._processes: list[subprocess.Popen[bytes]] = []

    def head(self) -> None:
        """Start the head."""
        self._start([RAY, "start", "--block", *head_options(self.address, 0), f"--temp-dir={self._folder}"], {})

    def node(self, hidden: Path, number: int = 2, *, package: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a node with one CPU.

        Args:
            hidden: The node sees an empty, unwritable folder in its place.
            number: Tells nodes apart.
            package: The node sees this in place of the package under test. PYTHONPATH would not do: Ray gives workers
                the driver's own, sooner or later.
        """
        mount = f"mount -t tmpfs -o size=1m,mode=0555 tmpfs {hidden} && mount -o remount,ro {hidden}"
        if package is not None:
            mount += f" && mount --bind {package} {ROOT / 'tuner'}"
        join = (
            f"{RAY} start --block --address={self.address} --num-cpus=1 --resources='{{\"n{number}\": 1}}'"
            " --node-ip-address=127.0.0.2 --include-log-monitor=false"
        )
        command: list[str | Path] = ["unshare", "-m", "sh", "-c", f"{mount} && cd / && exec {join}"]
        return self._start(command, {"HOME": str(self._folder / f"home{number}")})

    def close(self) -> None:
        """End whatever still runs."""
        for process in reversed(self._processes):
            end_node(process)

    def _start(self, command: list[str | Path], more: dict[str, str]) -> subprocess.Popen[bytes]:
        log = self._folder / f"log{len(self._processes)}"
        self._processes.append(start_node(command, {**os.environ, **self._environment, **more}, log))
        return self._processes[-1]


@pytest.fixture
def machines(s3: dict[str, str]) -> Iterator[Machines]:
    """A head; nodes are started by the test."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespaces here: a second machine cannot be simulated")
    folder = Path(tempfile.mkdtemp(prefix="r"))  # sockets need short paths
    token = folder / "token"
    token.write_text("t0ken-" * 8)
    token.chmod(0o600)
    environment = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
        "PYTHONPATH": str(ROOT),
        **s3,
    }
    found = Machines(folder, environment)
    try:
        found.head()
        yield found
    finally:
        found.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def task(tmp_path: Path, migrated: Path, machines: Machines, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a task that joins the machines."""
    for name, value in machines._environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAY_ADDRESS", machines.address)

    def write(name: str, **fields: object) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "mlflow.db").write_bytes(migrated.read_bytes())
        more = f"{MORE}{fields.pop('more', '')}"
        return write_task(folder, mlflow=True, more=more, **fields)  # type: ignore[arg-type]

    return write


def test_a_node_that_lacks_something_is_named_and_nothing_starts(
    tmp_path: Path, machines: Machines, task: Callable[..., Path]
) -> None:
    """Without shared folders the sweep is refused in one line, status 2; so is a node without this package."""
    machines.node(tmp_path)
    path = task("refused", trials=3)
    output = finish(start(path.parent, path), status=2)
    line = output.strip().splitlines()[-1]
    assert "Traceback" not in output
    assert f"node {socket.gethostname()} (127.0.0.2) must be able to read the prepared data in {path.parent}" in line
    assert "No such file or directory" in line
    assert "s3://bucket/prefix" in line
    assert trial_files(path.parent) == []
    other = Path(tempfile.mkdtemp()) / "tuner"
    other.mkdir()
    (other / "__init__.py").write_text('"""Another tuner."""\n')
    try:
        machines.node(tmp_path, 3, package=other)
        path = task("other", trials=3, more=f"storage: {BUCKET}/other\n")
        line = finish(start(path.parent, path), status=2).strip().splitlines()[-1]
        assert f"must be able to import the driver's version of tuner, but got '{ROOT / 'tuner'} differs'" in line
    finally:
        shutil.rmtree(other.parent)


def test_with_checkpoints_in_a_store_a_machine_that_shares_nothing_does_the_work(
    tmp_path: Path, machines: Machines, task: Callable[..., Path]
) -> None:
    """The sweep runs there, and its numbers are those of one here; a killed machine's trial goes on from its
    checkpoint on another; the store keeps no checkpoint, no file has a secret."""  # noqa: D205, D209
    local = task("local", trials=4, epochs=40, more="")
    finish(start(local.parent, local, "--set", "ray.address=local"))
    first = machines.node(tmp_path, 2)
    path = task("there", trials=4, epochs=40, more=f"storage: {BUCKET}/there\n")
    process = start(path.parent, path)
    while ended(path.parent) < 1 and process.poll() is None:
        time.sleep(0.05)
    end_node(first)
    machines.node(tmp_path, 3)
    output = finish(process)
    assert "resuming from its checkpoint" in output
    assert curves(path.parent) == curves(local.parent)
    records = [read_run(file) for file in trial_files(path.parent)]
    assert all(record.state.final for record in records)
    assert sum(record.attempts for record in records) > len(records)
    study = path.parent / "mlruns" / "studies" / "tiny"
    assert [read_run(study / "test" / "events.jsonl").state] == [State.COMPLETED]
    models = sorted(study.glob("confirm/*/model.pt"))
    assert len(models) == 2
    for file in study.rglob("events.jsonl"):
        epochs = [event["epoch"] for event in read(file) if event["event"] == "epoch"]
        assert epochs == list(range(1, len(epochs) + 1))
    secrets = (SECRET.encode(), b"t0ken-")
    files = [file for file in path.parent.rglob("*") if file.is_file()]
    assert [file for file in files if any(secret in file.read_bytes() for secret in secrets)] == []
    assert not any(secret.decode() in output for secret in secrets)
