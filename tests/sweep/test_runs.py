from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.support.specs import spec
from tuner.disk.folder import StudyFolder
from tuner.execution.contract import Started
from tuner.messages import Lost, Message
from tuner.sweep.nodes import Nodes
from tuner.sweep.open_sweep import OpenSweep
from tuner.sweep.runs import KEPT_SECONDS, Runs


class OneSlot:
    """An executor with one slot, whose worker dies when it is told to."""

    num_idle = 1

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self._messages: list[Message] = []

    def start(self, spec: object) -> Started:
        """Take the slot."""
        self.sent.append((spec.run, spec.attempt))  # type: ignore[attr-defined]
        self.num_idle = 0
        return Started("worker")

    def die(self) -> None:
        """The worker dies, another is there at once."""
        run, attempt = self.sent[-1]
        self._messages.append(Lost(run=run, attempt=attempt, reason="killed"))
        self.num_idle = 1

    def poll(self, timeout: float) -> Sequence[Message]:
        """What has come."""
        del timeout
        messages, self._messages = self._messages, []
        return messages


def test_a_lost_run_keeps_its_place_while_its_wait_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one worker nothing begins before what was lost is over, unless it is lost again and again."""
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    executor = OneSlot()
    sweep = Mock(executor=executor, folder=StudyFolder(tmp_path), nodes=Nodes())
    OpenSweep.create(sweep, spec(), [])
    sent = Runs(sweep, Mock())
    assert sent.room
    sent.send(spec())
    waited = []
    while True:
        executor.die()
        sent.poll(0.0)
        begun = now
        while executor.num_idle and not sent.room:  # nothing else may begin
            sent.send_waiting()
            if executor.num_idle:
                now += 0.5
        if executor.num_idle:
            break
        waited.append(now - begun)
    assert waited == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    assert max(waited) <= KEPT_SECONDS
    assert [attempt for _, attempt in executor.sent] == [1, 2, 3, 4, 5, 6, 7, 8]
    now += 60.0
    sent.send_waiting()
    assert executor.sent[-1] == ("trials/00000", 9)
