"""The contract of a Ray cluster for slots (`Cluster`), and the common settings for initializing Ray."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from tuner.execution.capacity import SlotSize
from tuner.own_code import PACKAGE

LOOK_SECONDS = 1.0
"""Seconds between two checks whether a Ray still runs."""


class Cluster(Protocol):
    """A Ray started for the sweep (`OwnRay`), or a running cluster that is joined (`JoinedRay`)."""

    @property
    def out_of_reach(self) -> bool:
        """Whether it is gone for good: at any further call Ray would wait and then end this process."""
        ...

    def check(self) -> None:
        """Check, before anything is started, whether it can be used.

        Raises:
            ClusterError: It cannot be used.
        """
        ...

    def start(self) -> None:
        """Start or join it; also as a replacement after it has `died`.

        Raises:
            ClusterError: It cannot be started or joined.
        """
        ...

    def probe(
        self, target: str, question: Mapping[str, str], size: SlotSize, modules: Sequence[str]
    ) -> Sequence[tuple[str, str]]:
        """Probe the nodes that may be other machines; see `Executor.probe`."""
        ...

    def died(self, *, now: bool = False) -> bool:
        """Whether it has died and can be started again.

        Args:
            now: Check even if the last check was less than `LOOK_SECONDS` ago.

        Raises:
            ClusterError: It has died, and was not started here.
        """
        ...

    def close(self, *, keep_logs: bool) -> None:
        """Leave it; end it if it was started here.

        Args:
            keep_logs: Whether Ray's own files are still needed.
        """
        ...


def set_environment() -> None:
    """Set the environment variables that Ray reads when imported: quiet, and never ending this process."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray ends a process that cannot reach its raylet once the process of this id is dead; without one, once the
    # process's parent is 1: a driver under `nohup`, or a container's first one, would end without a word.
    os.environ["RAY_RAYLET_PID"] = str(os.getpid())


@contextlib.contextmanager
def initializing() -> Iterator[None]:
    """Context for `ray.init` that restores signal handlers and the current folder afterwards.

    Ray installs a handler for SIGTERM that ends the process silently. Its workers also look for packages first in the
    driver's current folder, where a user's file could hide one; so the current folder is this package's within the
    context. A `RayWorker` changes back to the driver's folder, and finds the user's modules last.
    """
    before = os.getcwd()
    main = threading.current_thread() is threading.main_thread()
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)} if main else {}
    os.chdir(PACKAGE.parent)
    try:
        yield
    finally:
        os.chdir(before)
        for number, handler in previous.items():
            signal.signal(number, handler)
