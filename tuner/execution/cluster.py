"""The contract of a Ray that slots are made on (`Cluster`), and what holds wherever Ray is initialized."""

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
"""Time between two looks at whether a Ray is still there."""


class Cluster(Protocol):
    """A Ray of one's own (`OwnRay`), or one that is joined (`JoinedRay`)."""

    @property
    def out_of_reach(self) -> bool:
        """Whether it is gone for good: asked for anything, Ray would wait and then end this process."""
        ...

    def check(self) -> None:
        """See, before anything is started, whether it can be had.

        Raises:
            ClusterError: It cannot.
        """
        ...

    def start(self) -> None:
        """Start or join it; also in place of one that has `died`.

        Raises:
            ClusterError: It cannot be started or joined.
        """
        ...

    def probe(
        self, target: str, question: Mapping[str, str], size: SlotSize, modules: Sequence[str]
    ) -> Sequence[tuple[str, str]]:
        """Ask the nodes that are not this machine's own for certain; see `Executor.probe`."""
        ...

    def died(self, *, now: bool = False) -> bool:
        """Whether it has died and can be started again.

        Args:
            now: Look even when the last look was a moment ago (`LOOK_SECONDS`).

        Raises:
            ClusterError: It has died, and is not ours to start.
        """
        ...

    def close(self, *, keep_logs: bool) -> None:
        """Leave it, and end it if it was started here.

        Args:
            keep_logs: Whether Ray's own files are still needed.
        """
        ...


def set_environment() -> None:
    """What Ray reads when it is imported: be quiet, and never end this process."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray ends a process that cannot reach its raylet once the process of this id is dead; without one, once the
    # process's parent is 1: a driver under `nohup`, or a container's first one, would end without a word.
    os.environ["RAY_RAYLET_PID"] = str(os.getpid())


@contextlib.contextmanager
def initializing() -> Iterator[None]:
    """Around `ray.init`: signal handlers and the current folder are afterwards as they were.

    Ray puts a handler of its own on SIGTERM, which ends the process without a word. It also lets its workers look for
    packages in the driver's current folder before all others, where a file of the user's could hide one: within, that
    is the folder of this package. A `RayWorker` goes back to the driver's, and finds the user's modules last.
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
