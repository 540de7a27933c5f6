"""Nodes of a Ray cluster of the tests' own."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

RAY = Path(sys.executable).with_name("ray")
LEAN = ("--include-dashboard=false", "--include-log-monitor=false", "--no-monitor")
"""Options of a head of which no test asks for more."""


def free_port(host: str = "127.0.0.1") -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind((host, 0))
        return int(free.getsockname()[1])


def head_options(address: str, cpus: int) -> list[str]:
    """Of `ray start`, for a head there."""
    host, _, port = address.rpartition(":")
    return ["--head", f"--port={port}", f"--node-ip-address={host}", f"--num-cpus={cpus}", *LEAN]


def start_node(command: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Run a command that runs `ray start --block`, until the node is part of its cluster."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
    while b"Ray runtime started" not in log.read_bytes():
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    return process


def end_node(process: subprocess.Popen[bytes]) -> None:
    """Kill a node with all its processes, as a machine that loses its power."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for each in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
    process.wait()
