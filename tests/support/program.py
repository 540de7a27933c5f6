"""`python -m tuner`, or another module, in a process that is there at once: a fork of one that has the imports.

To the rest of the machine a fork is what the command is: a process with a number, a status, an environment and output
of its own, which signals reach. How the command comes up, and what it imports, is seen in `tests/cli/test_startup.py`.
"""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import resource
import runpy
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.support import lean_ray, writer
from tuner.recording.on_mlflow import MLflowRecording
from tuner.recording.uri import QUIET

ROOT = Path(__file__).resolve().parents[2]
IMPORTED = [
    *("tuner.cli", "tuner.cli.console", "tuner.cli.ending", "tuner.sweep", "tuner.study.search", "pandas", "rich.live"),
    *("tuner.training.attempt", "tuner.training.test", "tuner.predict.writing", "tuner.predict.opening"),
    *("tuner.nets.cells.gru", "tuner.nets.cells.lstm", "tuner.nets.ensemble", "scipy.stats", *writer.IMPORTED),
    *("tuner.adapters.time_series.classification", "tuner.adapters.time_series.problems"),
    "tuner.adapters.time_series.class_codec",
]
"""All that a tiny sweep comes to need, but for Ray, which takes settings from the environment when it is imported."""
_forks = multiprocessing.get_context("forkserver")


class Program:
    """A running `python -m tuner`, or another module.

    Args:
        folder: Its current folder.
        arguments: What follows on the command line.
        environment: All of its environment; None for that of the test, in which others find this package.
        module: What is run.
        cpu_seconds: With more processor time it is ended by SIGXCPU.
        output: Its output is added to this file, and stays there.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        module: str = "tuner",
        cpu_seconds: int = resource.RLIM_INFINITY,
        output: Path | None = None,
    ) -> None:
        _be_ready()
        self._keep = output is not None
        self._output = _new_file() if output is None else str(output)
        Path(self._output).touch()
        given = {**os.environ, "PYTHONPATH": str(ROOT)} if environment is None else dict(environment)
        self._process = _forks.Process(
            target=_run, args=(module, str(folder), arguments, given, self._output, cpu_seconds, _address())
        )
        with patch.object(sys, "path", [str(ROOT), *sys.path]):  # that of the fork; a test may have changed it
            self._process.start()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Its status; None while it runs."""
        return self._process.exitcode

    def told(self) -> str:
        """Its output so far; what it prints on a terminal is seen there."""
        if Path(self._output).is_char_device():
            return ""
        return Path(self._output).read_text()

    def wait(self, seconds: float = 600.0) -> str:
        """Its output, once it has ended; the time is only for what hangs."""
        self._process.join(seconds)
        assert self.poll() is not None, f"no end within {seconds} s: {self.told()}"
        output = self.told()
        if not self._keep:
            os.unlink(self._output)
        return output

    def send_signal(self, number: int) -> None:
        """As `kill` does."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """As `kill -9` does, to its end."""
        with suppress(ProcessLookupError):
            self.send_signal(signal.SIGKILL)
        self.wait()


def fork_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a recorder of this process fork its writers, too, until that is undone."""
    _be_ready()
    monkeypatch.setattr(MLflowRecording, "_spawn", MLflowRecording._spawn)  # to be given back
    writer.be_forked(_forks)


def _new_file() -> str:
    descriptor, path = tempfile.mkstemp()
    os.close(descriptor)
    return path


def _be_ready() -> None:
    """Have the process that is forked; its imports are those of this checkout."""
    _forks.set_forkserver_preload(IMPORTED)
    with patch.dict(os.environ, {"PYTHONPATH": str(ROOT), **QUIET}):
        forkserver._forkserver.ensure_running()


def _address() -> str:
    """Of the process that is forked."""
    server: Any = forkserver._forkserver
    found: str = server._forkserver_address
    return found


def _run(
    module: str,
    folder: str,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    output: str,
    cpu_seconds: int,
    address: str,
) -> None:
    """In a fork: what `python -m` does. It lets the same process fork what it starts, which Python does not."""
    server: Any = forkserver._forkserver
    server._forkserver_address, server.ensure_running = address, lambda: None
    gc.freeze()  # what the forked process had imported
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, resource.RLIM_INFINITY))
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if "LD_PRELOAD" in environment:  # which only a program that is loaded anew obeys
        os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
    writer.be_forked(_forks)
    lean_ray.be_lean()
    sys.argv[1:] = arguments
    sys.path.insert(0, folder)
    try:
        runpy._run_module_as_main(module)  # type: ignore[attr-defined]  # what `-m` calls: spawned children find it
    finally:
        atexit._run_exitfuncs()


def start(folder: Path, path: Path, *options: str) -> Program:
    """Start `tuner run` in a folder."""
    return Program(folder, "run", str(path), *options)


def finish(program: Program, status: int = 0) -> str:
    """Its output, once it has ended with the status."""
    output = program.wait()
    assert program.poll() == status, output
    return output
