"""`python -m tuner`, or another module, in a process that is there at once: a fork of one that has the imports.

To the rest of the machine a fork is what the command is: a process with a number, a status, an environment and output
of its own, which signals reach. How the command comes up, and what it imports, is seen in `tests/cli/test_startup.py`.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import resource
import runpy
import signal
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing import forkserver
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[2]
IMPORTED = [
    *("tuner.cli", "tuner.sweep", "tuner.study.search", "tuner.training.attempt", "tuner.nets.network", "pandas"),
    *("tuner.adapters.time_series.classification", "torch._dynamo", "rich.live"),
]
"""All that a tiny sweep comes to need; torch imports its compiler, in seconds, when the first optimizer is made."""
_forks = multiprocessing.get_context("forkserver")


class Program:
    """A running `python -m tuner`, or another module.

    Args:
        folder: Its current folder.
        arguments: What follows on the command line.
        environment: All of its environment; None for that of the test, in which others find this package.
        module: What is run.
        cpu_seconds: With more processor time it is ended by SIGXCPU.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        module: str = "tuner",
        cpu_seconds: int = resource.RLIM_INFINITY,
    ) -> None:
        _be_ready()
        descriptor, self._output = tempfile.mkstemp()
        os.close(descriptor)
        given = {**os.environ, "PYTHONPATH": str(ROOT)} if environment is None else dict(environment)
        self._process = _forks.Process(
            target=_run, args=(module, str(folder), arguments, given, self._output, cpu_seconds)
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
        """Its output so far."""
        return Path(self._output).read_text()

    def wait(self, seconds: float = 600.0) -> str:
        """Its output, once it has ended; the time is only for what hangs."""
        self._process.join(seconds)
        assert self.poll() is not None, f"no end within {seconds} s: {self.told()}"
        output = self.told()
        os.unlink(self._output)
        return output

    def send_signal(self, number: int) -> None:
        """As `kill` does."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """As `kill -9` does, to its end."""
        self.send_signal(signal.SIGKILL)
        self.wait()


def _be_ready() -> None:
    """Have the process that is forked; its imports are those of this checkout."""
    _forks.set_forkserver_preload(IMPORTED)
    with patch.dict(os.environ, {"PYTHONPATH": str(ROOT)}):
        forkserver.ensure_running()


def _run(
    module: str, folder: str, arguments: tuple[str, ...], environment: dict[str, str], output: str, cpu_seconds: int
) -> None:
    """In a fork: what `python -m` does."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, resource.RLIM_INFINITY))
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
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
