"""The connection of a trial to the driver: the contract, and versions for trainings without a driver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tuner.messages import Answer, Epoch, Report, State, Verdict


class Link(Protocol):
    """A running attempt's connection to the driver; used in the worker, by the trial's own thread."""

    def send(self, report: Report) -> Answer | None:
        """Send a report.

        Returns:
            The driver's answer: waited for at a rung (`report.waiting`), elsewhere one that has arrived
            meanwhile, or None. With None the trial continues.
        """
        ...

    def answered(self) -> Answer | None:
        """An answer that has arrived meanwhile, or None; never waits."""
        ...


class NullLink:
    """A connection to nobody: reports are dropped, answers are None."""

    def send(self, report: Report) -> Answer | None:  # noqa: ARG002 - the contract's
        """Drop the report."""
        return None

    def answered(self) -> Answer | None:
        """Always None."""
        return None


class RecordingLink:
    """Keeps all reports, and answers as a driver would.

    Args:
        answer: From a report to the answer; by default the trial always continues.
    """

    def __init__(self, answer: Callable[[Report], Answer | None] = lambda _: None) -> None:
        self._answer = answer
        self.reports: list[Report] = []
        """All reports, in order."""

    @property
    def epochs(self) -> list[Epoch]:
        """All epochs that were sent, in order."""
        return [epoch for report in self.reports for epoch in report.epochs]

    def send(self, report: Report) -> Answer | None:
        """Keep the report, and answer."""
        self.reports.append(report)
        return self._answer(report)

    def answered(self) -> Answer | None:
        """Always None: answers come from `send` only."""
        return None


def end(report: Report, state: State, reason: str = "") -> Answer:
    """The answer that ends a report's attempt in a state."""
    return Answer(run=report.run, attempt=report.attempt, verdict=Verdict.STOP, state=state, reason=reason)
