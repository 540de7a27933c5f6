"""A worker: runs one attempt at a time in a thread; the driver fetches its messages and passes answers."""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, TextIO

import psutil

from tuner.disk.places import cache_folder
from tuner.execution.contract import RunTrial
from tuner.execution.failures import EXITED, failure_reason
from tuner.execution.output import Output
from tuner.garbage import collect_rarely
from tuner.messages import Answer, Ended, Message, Report, State, TrialSpec
from tuner.redaction import redacted
from tuner.registry import load_target

STACKS = "stacks.txt"
"""File in a run's folder with the Python stacks of an attempt that was silent for too long or died by its own doing."""


class Worker:
    """Runs attempts for the driver, which calls `messages` and `answer`; keeps nothing between attempts.

    Args:
        run_trial: "module:function" of type `RunTrial`.
        alone: Whether the worker has the process for itself: printed output is then kept in the runs' folders,
            processes left by a trial are killed, and a trial that ends the process leaves a note.
    """

    def __init__(self, run_trial: str, *, alone: bool = False) -> None:
        self._alone = alone
        if alone:
            collect_rarely()
        self._output = Output() if alone else None
        self._run_trial: RunTrial = load_target(run_trial)
        self._outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._link: QueueLink | None = None
        if alone:
            self._note_exits()

    def about(self) -> dict[str, str | int]:
        """Name of this worker."""
        return {"pid": os.getpid(), "host": os.uname().nodename}

    def start(self, spec: TrialSpec) -> None:
        """Begin an attempt; the previous one must have ended."""
        spec = _at_home(spec)
        self._link = QueueLink(spec, self._outbox)
        if self._output is not None:
            self._output.into(Path(spec.folder), spec.output_bytes)
        threading.Thread(target=self._run, args=(spec, self._link), name=spec.run, daemon=True).start()

    def answer(self, answer: Answer) -> None:
        """Pass an answer to the attempt it names; ignored if that has ended."""
        link = self._link
        if link is not None and (link.spec.run, link.spec.attempt) == (answer.run, answer.attempt):
            link.answers.put(answer)

    def messages(self, timeout: float) -> list[Message]:
        """All messages since the last call, waiting up to `timeout` seconds for the first."""
        try:
            found = [self._outbox.get(timeout=timeout)]
        except queue.Empty:
            return []
        while True:
            try:
                found.append(self._outbox.get_nowait())
            except queue.Empty:
                return found

    def _run(self, spec: TrialSpec, link: QueueLink) -> None:
        process = os.getpid()
        try:
            with link.watched(crashes=self._alone):
                ended = self._run_trial(spec, link)
        except BaseException as error:  # noqa: BLE001 - whatever a trial raises is that trial's outcome
            ended = Ended(
                run=spec.run,
                attempt=spec.attempt,
                state=State.FAILED,
                reason=redacted(failure_reason(error)),  # here, where this machine's secrets are known
                trace=redacted(traceback.format_exc()),
            )
        if os.getpid() != process:  # a fork of the trial: it must not end the attempt
            os.kill(os.getpid(), signal.SIGKILL)
        if self._alone:
            self._end_children()
        self._outbox.put(ended)

    def _end_children(self) -> None:
        """Kill the processes that a trial has left running."""
        if not _has_children():
            return
        left = psutil.Process().children(recursive=True)
        for child in left:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(left, timeout=1.0)

    def _note_exits(self) -> None:
        """Make `os._exit` leave a note, to distinguish it from a killed process."""
        really_exit = os._exit

        def exit_with_a_note(status: int) -> NoReturn:
            if self._link is not None:
                self._link.note(f"{EXITED}({status})\n{''.join(traceback.format_stack()[:-1])}")
            really_exit(status)

        os._exit = exit_with_a_note


def _has_children() -> bool:
    """Whether this process has children; asks the kernel, as checking every process takes milliseconds."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _at_home(spec: TrialSpec) -> TrialSpec:
    """The spec, with a local folder if checkpoints are in a store and this worker cannot see the study's folder."""
    if not spec.store or Path(spec.folder).parents[1].is_dir():
        return spec
    return replace(spec, folder=str(cache_folder() / "runs" / spec.study / spec.run))


class QueueLink:
    """The trial's side of a `Worker`."""

    def __init__(self, spec: TrialSpec, outbox: queue.SimpleQueue[Message]) -> None:
        self.spec = spec
        self.answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._outbox = outbox
        self._stacks: TextIO | None = None
        self._process = 0

    def send(self, report: Report) -> Answer | None:
        """Send; wait for the answer at a rung."""
        if self._process not in {
            0,
            os.getpid(),
        }:  # a fork of the trial: it must not report
            os.kill(os.getpid(), signal.SIGKILL)
        self._outbox.put(report)
        if not report.waiting:
            self._arm()
            return self.answered()
        faulthandler.cancel_dump_traceback_later()  # waiting for the driver does not count as silence
        answer = self.answers.get()
        self._arm()
        return answer

    def answered(self) -> Answer | None:
        """An answer that has arrived, if any."""
        try:
            return self.answers.get_nowait()
        except queue.Empty:
            return None

    @contextmanager
    def watched(self, *, crashes: bool) -> Iterator[None]:
        """Within this context, too long a silence writes all threads' stacks to `stacks.txt`, also from native code.

        Args:
            crashes: Whether a fatal signal (SIGSEGV, SIGABRT, …) writes them, too.
        """
        folder, self._process = Path(self.spec.folder), os.getpid()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._stacks = (folder / STACKS).open("w")
        except OSError:  # a full disk: run without stacks rather than not at all
            yield
            return
        with self._stacks:
            if crashes:
                faulthandler.enable(self._stacks)
            self._arm()
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()
                if crashes:
                    faulthandler.enable()
        with suppress(OSError):
            if (folder / STACKS).stat().st_size == 0:
                (folder / STACKS).unlink()

    def note(self, text: str) -> None:
        """Write a note to `stacks.txt`, if the attempt is running and this process is no fork."""
        if self._stacks is not None and not self._stacks.closed and os.getpid() == self._process:
            with suppress(OSError):
                self._stacks.write(text)
                self._stacks.flush()

    def _arm(self) -> None:
        if self._stacks is not None and self.spec.stall_seconds is not None:
            faulthandler.dump_traceback_later(self.spec.stall_seconds, repeat=True, file=self._stacks)
