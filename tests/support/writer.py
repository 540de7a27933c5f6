"""MLflow's writer in a process that is there at once: a fork of one that has MLflow's imports, which take seconds.

How it comes up by itself, and outlives its driver, is seen in `tests/recording/test_recorder.py`.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext

from tuner.recording import on_mlflow
from tuner.recording.uri import QUIET

IMPORTED = ("tuner.recording.writer", "mlflow.store.tracking.sqlalchemy_store")


class ForkedWriter:
    """What the recorder needs of a `subprocess.Popen`."""

    def __init__(self, forks: ForkServerContext, folder: str, uri: str) -> None:
        reading, its_answers = forks.Pipe(duplex=False)
        its_input, writing = forks.Pipe(duplex=False)
        environment = {**QUIET, **os.environ, "MLFLOW_TRACKING_URI": uri}
        self._process = forks.Process(target=_write, args=(its_input, its_answers, os.getcwd(), folder, environment))
        self._process.start()
        multiprocessing.process._children.discard(self._process)  # type: ignore[attr-defined]  # no exit waits for it
        its_input.close()
        its_answers.close()
        self.stdin = os.fdopen(os.dup(writing.fileno()), "w")
        self.stdout = os.fdopen(os.dup(reading.fileno()))

    def wait(self) -> int | None:
        """Its status, once it has ended."""
        self._process.join()
        return self._process.exitcode


def be_forked(forks: ForkServerContext) -> None:
    """In a process: let its recorder fork writers."""

    def spawn(recording: on_mlflow.MLflowRecording) -> ForkedWriter:
        return ForkedWriter(forks, str(recording._folder.root), recording._uri)

    on_mlflow.MLflowRecording._spawn = spawn  # type: ignore[method-assign, assignment]


def _write(its_input: Connection, answers: Connection, current: str, folder: str, environment: dict[str, str]) -> None:
    """In the fork: what the recorder's command does."""
    os.setsid()
    os.chdir(current)
    log = os.open(os.path.join(folder, "recording.log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for standard, descriptor in enumerate((its_input.fileno(), answers.fileno(), log)):
        os.dup2(descriptor, standard)
    its_input.close()
    answers.close()
    sys.stdin = os.fdopen(0, closefd=False)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = [folder]
    from tuner.recording import writer  # MLflow's imports are for the process that is forked

    sys.exit(writer.main())
