"""Reports of a training to the driver, and its reaction to the answers."""

from __future__ import annotations

import time

from tuner.link import Link
from tuner.messages import Answer, Report, State, TrialSpec, Verdict
from tuner.training.history import History

MESSAGE_SECONDS = 0.5
"""Shortest time between messages that are not at rungs, in seconds."""
LIFE_SECONDS = 10.0
"""Longest time without a message while training, in seconds; a silent trial counts as stalled."""


class Cut(Exception):  # noqa: N818 - control flow, not an error
    """The driver ended the attempt."""

    def __init__(self, state: State, answer: Answer) -> None:
        self.state, self.reason = state, answer.reason
        self.pruned = answer.verdict is Verdict.PRUNE


class Reporter:
    """Sends new epochs to the driver. All methods but `due` and `send_last` raise `Cut` if the driver ends the attempt.

    Args:
        spec: The run; the driver has its epochs up to `spec.reported`.
        link: To the driver.
        history: The epochs to report.
    """

    def __init__(self, spec: TrialSpec, link: Link, history: History) -> None:
        self._spec, self._link, self._history = spec, link, history
        self._told = spec.reported
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether it is time for a message between rungs."""
        return time.monotonic() - self._last >= MESSAGE_SECONDS

    def send(self, *, waiting: bool = False) -> None:
        """Send the new epochs (none: a sign of life); at a rung, wait for the answer."""
        self._obey(self._report(waiting=waiting))

    def send_last(self) -> None:
        """Send the new epochs of a training that has come to its end: whatever the answer, it has."""
        self._report(waiting=False)

    def sign_of_life(self) -> None:
        """Send a sign of life if the last message was long ago; called after every step."""
        if time.monotonic() - self._last > LIFE_SECONDS:
            self.send()

    def listen(self) -> None:
        """Check for an answer that has arrived meanwhile."""
        self._obey(self._link.answered())

    def may_end(self, why: str) -> bool:
        """Ask the driver, which knows the other trials, whether a hopeless training may be ended."""
        answer = self._report(waiting=True, hopeless=why)
        if answer is not None and answer.end is State.HOPELESS:
            return True
        self._obey(answer)
        return False

    def _report(self, *, waiting: bool, hopeless: str = "") -> Answer | None:
        report = Report(
            run=self._spec.run,
            attempt=self._spec.attempt,
            epochs=tuple(self._history.epochs[self._told :]),
            value=self._history.best,
            waiting=waiting,
            hopeless=hopeless,
        )
        self._told = max(self._told, len(self._history.epochs))
        self._last = time.monotonic()
        return self._link.send(report)

    def _obey(self, answer: Answer | None) -> None:
        if answer is not None and (state := answer.end) is not None:
            raise Cut(state, answer)
