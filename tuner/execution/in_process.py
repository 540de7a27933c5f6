"""The plain executor: one slot in the driver's own process, for debugging and tests.

One slot, as torch's random state is global to a process; debuggers and profilers see the trial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tuner.execution.contract import Started
from tuner.execution.worker import Worker
from tuner.messages import Answer, Ended, Message, State, TrialSpec, Verdict


class InProcessExecutor:
    """Runs one attempt at a time in a thread of this process; see `Executor`."""

    num_slots = 1

    def __init__(self, run_trial: str) -> None:
        self._run_trial = run_trial
        self._worker: Worker | None = None
        self._busy: TrialSpec | None = None

    def check(self) -> None:
        """Nothing to check."""

    def open(self) -> None:
        """Nothing to do."""

    def launch(self) -> None:
        """Load the trial function."""
        self._worker = Worker(self._run_trial)

    @property
    def num_idle(self) -> int:
        """1, or 0 while an attempt runs."""
        return 0 if self._busy or self._worker is None else 1

    def probe(self, target: str, question: Mapping[str, str]) -> Sequence[tuple[str, str]]:  # noqa: ARG002 - the contract's
        """No nodes besides this process."""
        return []

    def start(self, spec: TrialSpec) -> Started:
        """Start an attempt in a thread."""
        assert self._worker is not None, "launch first"
        self._busy = spec
        self._worker.start(spec)
        return Started("in-process")

    def answer(self, answer: Answer) -> None:
        """Pass the answer."""
        assert self._worker is not None, "launch first"
        self._worker.answer(answer)

    def poll(self, timeout: float) -> Sequence[Message]:
        """Messages of the attempt."""
        assert self._worker is not None, "launch first"
        messages = self._worker.messages(timeout)
        if any(isinstance(message, Ended) for message in messages):
            self._busy = None
        return messages

    def abandon(self, run: str) -> None:
        """Abandon the thread, as threads cannot be killed, and make a new worker."""
        if self._busy is not None and self._busy.run == run:
            self._busy = None
            self._worker = Worker(self._run_trial)

    def avoid(self, node: str) -> bool:  # noqa: ARG002 - the contract's
        """Never done: there is no other node."""
        return False

    def close(self) -> None:
        """Ask the running attempt to end; else its thread dies with the process."""
        if self._worker is not None and self._busy is not None:
            spec, self._busy = self._busy, None
            self._worker.answer(
                Answer(
                    run=spec.run,
                    attempt=spec.attempt,
                    verdict=Verdict.STOP,
                    state=State.STOPPED,
                    reason="the driver closed",
                )
            )
