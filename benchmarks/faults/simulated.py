"""Many workers in one process: what is measured is the driver, not the start of as many Pythons on few cores."""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from tuner.execution import Started
from tuner.execution.worker import Worker
from tuner.messages import Answer, Ended, Message, TrialSpec


class SimulatedExecutor:
    """Slots that are threads of a second process, which talks with this one through a pipe; see `Executor`."""

    def __init__(self, run_trial: str, slots: int) -> None:
        self.num_slots = slots
        self._run_trial, self._busy = run_trial, 0
        self._pipe: Connection
        self._process: Any

    def check(self) -> None:
        """Nothing is asked for."""

    def open(self) -> None:
        """Nothing holds the slots."""

    def launch(self) -> None:
        """Start the process."""
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._run_trial), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def num_idle(self) -> int:
        """Threads that have nothing to do."""
        return self.num_slots - self._busy

    def probe(self, target: str, question: Mapping[str, str]) -> Sequence[tuple[str, str]]:  # noqa: ARG002 - the contract's
        """There is no node but this machine."""
        return []

    def start(self, spec: TrialSpec) -> Started:
        """Start an attempt."""
        self._busy += 1
        self._pipe.send(spec)
        return Started(f"thread {self._busy}")

    def answer(self, answer: Answer) -> None:
        """Pass it on."""
        self._pipe.send(answer)

    def poll(self, timeout: float) -> Sequence[Message]:
        """Whatever has come."""
        found: list[Message] = []
        while self._pipe.poll(0.0 if found else timeout):
            found += self._pipe.recv()
        self._busy -= sum(isinstance(message, Ended) for message in found)
        return found

    def abandon(self, run: str) -> None:
        """Threads cannot be ended."""
        raise NotImplementedError(run)

    def avoid(self, node: str) -> bool:  # noqa: ARG002 - the contract's
        """There is no other."""
        return False

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection, run_trial: str) -> None:
    """Run attempts, each on a `Worker` of its own, until the pipe closes."""
    outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
    workers: dict[str, Worker] = {}

    def pass_on() -> None:
        while True:
            pipe.send([outbox.get()])

    threading.Thread(target=pass_on, daemon=True).start()
    while True:
        try:
            order = pipe.recv()
        except EOFError:
            return
        if isinstance(order, TrialSpec):
            worker = workers[order.run] = Worker(run_trial)
            worker._outbox = outbox
            worker.start(order)
        else:
            workers[order.run].answer(order)
