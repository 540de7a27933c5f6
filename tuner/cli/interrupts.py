"""Ctrl+C and other signals: once for a clean stop, twice to end at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = {signal.SIGINT: "Ctrl+C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "the terminal was closed"}


@contextmanager
def stopping(stop: Callable[[str], None]) -> Iterator[list[int]]:
    """On the first signal stop cleanly, on the second raise KeyboardInterrupt. Yields the list of received signals."""
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal module's
        received.append(number)
        if len(received) > 1:
            raise KeyboardInterrupt
        stop(_SIGNALS[signal.Signals(number)])

    previous = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
