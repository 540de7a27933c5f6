"""A Ray of our own: started, killed, started again, and gone after us."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest

from tests.support.processes import answers, below
from tests.support.specs import spec, until_end, wait_for_idle
from tuner.errors import ClusterError
from tuner.execution import RayExecutor
from tuner.messages import Ended, Lost, State

TRIALS = "tests.support.trials"


@pytest.mark.ray
@pytest.mark.usefixtures("whole_ray")
@pytest.mark.parametrize("server", ["raylet", "gcs_server"])
def test_a_ray_of_our_own_that_dies_is_started_again(server: str, tmp_path: Path) -> None:
    """What ran on it is lost and can be sent again; nothing of the dead one is left."""
    executor = RayExecutor(f"{TRIALS}:epochs", workers=1)
    executor.open()
    executor.launch()
    try:
        wait_for_idle(executor)
        executor.start(spec(folder=str(tmp_path), epochs=100, params={"x": 1.0, "seconds": 1.0}))
        before = {name: child for child, name in answers(below(), psutil.Process.name)}
        before[server].kill()
        lost = until_end(executor)[-1]
        assert isinstance(lost, Lost)
        assert "Ray died" in lost.reason
        wait_for_idle(executor)
        executor.start(spec(folder=str(tmp_path), attempt=2))
        end = until_end(executor)[-1]
        assert isinstance(end, Ended)
        assert end.state is State.COMPLETED
        of_ray = [child for name, child in before.items() if name.startswith("ray") or name == "gcs_server"]
        assert psutil.wait_procs(of_ray, timeout=60)[1] == []
    finally:
        executor.close()


ORPHANED = """
import os, sys, time
import pytest
parent = os.getpid()
if os.fork():
    os._exit(0)
while os.getppid() == parent:
    time.sleep(0.01)
pytest.main(["-q", "-p", "no:cacheprovider", "--basetemp", sys.argv[1], sys.argv[2]])
"""


@pytest.mark.ray
def test_a_driver_without_a_parent_outlives_its_ray(tmp_path: Path) -> None:
    """As under `nohup`: Ray ends a process whose parent is 1 when it cannot reach its raylet."""
    test = f"{__file__}::{test_a_ray_of_our_own_that_dies_is_started_again.__name__}[raylet]"
    command = [sys.executable, "-c", ORPHANED, str(tmp_path / "inner"), test]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)  # until its pipe is closed
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.ray
@pytest.mark.usefixtures("whole_ray")
def test_local_ray_listens_on_loopback_only_and_leaves_nothing(tmp_path: Path) -> None:
    """No port of a local Ray is reachable from outside, workers have one thread, and close ends every process."""
    before = below()
    executor = RayExecutor(f"{TRIALS}:environment", workers=2)
    executor.open()
    executor.launch()
    try:
        wait_for_idle(executor, 2)
        children = [child for child in below() if child not in before]
        own = {psutil.Process().pid, *(child.pid for child in children)}
        listening = [c for c in psutil.net_connections("inet") if c.status == "LISTEN" and c.pid in own]
        assert listening
        addresses = [ip_address(one.laddr.ip.removeprefix("::ffff:")) for one in listening if one.laddr]
        assert all(address.is_loopback for address in addresses)
        executor.start(spec(folder=str(tmp_path)))
        ended = until_end(executor)[-1]
        assert isinstance(ended, Ended)
        assert ended.results["omp"] == "1"
    finally:
        executor.close()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert [name for _, name in answers(alive, psutil.Process.name)] == []


@pytest.mark.ray
def test_a_slot_that_fits_nowhere_is_refused() -> None:
    """Asking for a GPU on a machine without one names the request and the best node."""
    executor = RayExecutor(f"{TRIALS}:epochs", workers=1, gpus=4)
    try:
        with pytest.raises(ClusterError, match=r"resources\.gpus 4\) must fit on a node, but got .* 0 GPUs"):
            executor.open()
    finally:
        executor.close()
