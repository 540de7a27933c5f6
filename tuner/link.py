"""A trial's line to the driver: the contract, and lines for trainings that have no driver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tuner.messages import Answer, Epoch, Report, State, Verdict


class Link(Protocol):
    """A running attempt's line to the driver; used in the worker, by the trial's own thread."""

    def send(self, report: Report) -> Answer | None:
        """Send a report.

        Returns:
            The driver's answer: at a rung (`report.waiting`) it is waited for; elsewhere one that has come
            meanwhile, or None. None lets the trial go on.
        """
        ...

    def answered(self) -> Answer | None:
        """An answer that has come meanwhile, or None; never waits."""
        ...


class NullLink:
    """A line to nobody: nothing is kept, nothing answered."""

    def send(self, report: Report) -> Answer | None:  # noqa: ARG002 - the contract's
        """Nobody answers."""
        return None

    def answered(self) -> Answer | None:
        """Nobody has."""
        return None


class RecordingLink:
    """Keeps what it hears, and answers as a driver would.

    Args:
        answer: From a report to the answer to it; left out, the trial always goes on.
    """

    def __init__(self, answer: Callable[[Report], Answer | None] = lambda _: None) -> None:
        self._answer = answer
        self.reports: list[Report] = []
        """All that was sent, in order."""

    @property
    def epochs(self) -> list[Epoch]:
        """All epochs that were sent, in order."""
        return [epoch for report in self.reports for epoch in report.epochs]

    def send(self, report: Report) -> Answer | None:
        """Keep the report, and answer."""
        self.reports.append(report)
        return self._answer(report)

    def answered(self) -> Answer | None:
        """Answers come with `send` alone."""
        return None


def end(report: Report, state: State, reason: str = "") -> Answer:
    """The answer to a report that ends its attempt in a state."""
    return Answer(run=report.run, attempt=report.attempt, verdict=Verdict.STOP, state=state, reason=reason)
