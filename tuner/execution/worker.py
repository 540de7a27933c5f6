"""One slot: runs one attempt at a time in a thread of its own; messages are fetched from it, answers put into it."""

from __future__ import annotations

import faulthandler
import os
import queue
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from tuner.errors import TunerError
from tuner.execution.contract import RunTrial
from tuner.messages import Answer, Ended, Message, Report, State, TrialSpec
from tuner.places import cache_folder
from tuner.registry import load_target

STACKS = "stacks.txt"
"""File in a run's folder with the Python stacks of an attempt that was silent for too long."""


class Worker:
    """Runs attempts for the driver, which fetches `messages` and puts `answer`s; keeps nothing between attempts.

    Args:
        run_trial: "module:function" of type `RunTrial`.
    """

    def __init__(self, run_trial: str) -> None:
        self._run_trial: RunTrial = load_target(run_trial)
        self._outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._link: QueueLink | None = None

    def about(self) -> Mapping[str, str | int]:
        """Who this is."""
        return {"pid": os.getpid(), "host": os.uname().nodename}

    def start(self, spec: TrialSpec) -> None:
        """Begin an attempt; the one before must have ended."""
        spec = _at_home(spec)
        self._link = QueueLink(spec, self._outbox)
        threading.Thread(target=self._run, args=(spec, self._link), name=spec.run, daemon=True).start()

    def answer(self, answer: Answer) -> None:
        """Hand an answer to the attempt it names; ignored when that one is over."""
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
        try:
            with link.watched():
                ended = self._run_trial(spec, link)
        except BaseException as error:  # noqa: BLE001 - whatever a trial raises is that trial's outcome
            ended = Ended(
                run=spec.run,
                attempt=spec.attempt,
                state=State.FAILED,
                reason=failure_reason(error),
                trace=traceback.format_exc(),
            )
        self._outbox.put(ended)


def _at_home(spec: TrialSpec) -> TrialSpec:
    """With checkpoints in a store, a worker that does not see the study's folder has one of its own for the rest."""
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

    def send(self, report: Report) -> Answer | None:
        """Send; wait for the answer at a rung."""
        self._outbox.put(report)
        if not report.waiting:
            self._arm()
            return self.answered()
        faulthandler.cancel_dump_traceback_later()  # waiting for the driver is no silence
        answer = self.answers.get()
        self._arm()
        return answer

    def answered(self) -> Answer | None:
        """An answer that has come, if any."""
        try:
            return self.answers.get_nowait()
        except queue.Empty:
            return None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within, too long a silence leaves the stacks of all threads in `stacks.txt`, also from native code."""
        if self.spec.stall_seconds is None:
            yield
            return
        folder = Path(self.spec.folder)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / STACKS).open("w") as self._stacks:
            self._arm()
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()
        if (folder / STACKS).stat().st_size == 0:
            (folder / STACKS).unlink()

    def _arm(self) -> None:
        if self._stacks is not None and self.spec.stall_seconds is not None:
            faulthandler.dump_traceback_later(self.spec.stall_seconds, file=self._stacks)


def failure_reason(error: BaseException) -> str:
    """One line: the exception and the innermost frame that is not in an installed library.

    >>> try:
    ...     {}["wav"]
    ... except KeyError as error:
    ...     failure_reason(error).startswith("KeyError: 'wav' (")
    True
    """
    if isinstance(error, TunerError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename and "<frozen" not in frame.filename]
    place = f" ({os.path.basename(own[-1].filename)}:{own[-1].lineno})" if own else ""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}{place}"
