"""How far the preparation of a task's data is, told as events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tuner.adapters import progress
from tuner.announcements import Listener, PreparingProgress

SECONDS = 1.0
"""Shortest time from the beginning, or from one event, to the next."""


@contextmanager
def preparation_told(tell: Listener) -> Iterator[None]:
    """Tell how far preparations inside the context are, at most once a second."""
    last = time.monotonic()

    def at(doing: str, share: float) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS:
            last = time.monotonic()
            tell(PreparingProgress(doing, share))

    with progress.told_to(at):
        yield
