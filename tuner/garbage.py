"""Garbage collection in a process of our own: most of what torch and others make when they are imported stays."""

from __future__ import annotations

import atexit
import gc

_NEW_OBJECTS = 5_000
"""Python's own is 700."""


def collect_rarely() -> None:
    """Look for garbage less often, and at the process's end not at all: a quarter of a short command's time.

    Called before what is large is imported.
    """
    gc.set_threshold(_NEW_OBJECTS)
    atexit.register(gc.freeze)
