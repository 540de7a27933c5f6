"""A new process for a model's answers that is there at once: a fork of one that has what opens any model.

A fork is refused where that has imported a package which its model does without. That `tuner` comes up by itself, and
what it imports then, is seen in `tests/cli/test_startup.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tuner.testing.codecs import _FRESH

_FORKING = """
import atexit, json, os, sys
import pandas, pydantic, torch
import tuner.cli, tuner.predict.opening, tuner.predict.output
for line in sys.stdin:
    code, arguments, folder, output = json.loads(line)
    if process := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
        continue
    written = os.open(output, os.O_WRONLY | os.O_CREAT)
    for standard in (1, 2):
        os.dup2(written, standard)
    os.chdir(folder)
    sys.argv[1:] = arguments
    assert not sys.modules.keys() & {*json.loads(arguments[0])}, "imported although the model does without"
    status = 0
    try:
        exec(compile(code, "fresh", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        status = end.code
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)  # without taking apart what torch has imported, which takes longer than most answers
"""
"""Reads what is to be run from its standard input and says on its output how each has ended."""


class Fresh:
    """The process that is forked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _FORKING],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, arguments: Sequence[str], folder: Path) -> str:
        """What the contract's program prints, in that folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        output = folder / "told"
        self._process.stdin.write(json.dumps([_FRESH, [*arguments], str(folder), str(output)]) + "\n")
        self._process.stdin.flush()
        status = self._process.stdout.readline().strip()
        assert status == "0", output.read_text()
        return output.read_text()

    def close(self) -> None:
        """End it."""
        self._process.communicate()
