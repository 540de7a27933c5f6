"""A Ray started for one sweep: on loopback, watched, restarted if it dies, ended with the sweep."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from tuner.errors import ClusterError
from tuner.execution.access import make_token
from tuner.execution.capacity import SlotSize
from tuner.execution.cluster import LOOK_SECONDS, initializing, set_environment
from tuner.execution.guard import Guard
from tuner.execution.temporary import ray_folder

_STARTS = 3
"""Number of tries to start it."""
_SERVERS = {"raylet", "gcs_server"}
"""Names of the processes without which a Ray cannot work."""
_OBJECT_STORE_BYTES = 128 * 1024 * 1024


class OwnRay:
    """See `Cluster`.

    Args:
        cpus: CPUs for slots.
        temp_dir: Ray's temporary folder; when empty Ray's own default, or a short one in place of it.
    """

    out_of_reach = False

    def __init__(self, cpus: int, temp_dir: str = "") -> None:
        self._cpus, self._temp_dir = cpus, temp_dir
        self._folder, self._private = "", False  # the folder of Ray's files, and whether it was made for them
        self._session = ""  # this Ray's folder within it
        self._guard: Guard | None = None
        self._servers: list[psutil.Process] = []
        self._looked = 0.0

    def check(self) -> None:
        """Find a folder for Ray's files."""
        folder, private = ray_folder(self._temp_dir)
        if private:  # another one if needed
            Path(folder).rmdir()

    def start(self) -> None:
        """Start Ray; leftovers of an earlier one are killed first, as Ray's shutdown waits for them."""
        # Before ray is imported. The first keeps every port of a one-machine Ray on loopback: Ray offers no option
        # for that, and the name is the one in its ray_constants.py, where it is read on every system.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        set_environment()
        make_token()
        import ray

        if self._guard is None:
            self._folder, self._private = ray_folder(self._temp_dir)
            self._guard = Guard(self._folder if self._private else "")
        elif self._servers:
            self._guard.end_marked()
            ray.shutdown()
        for start in range(1, _STARTS + 1):
            try:
                self._session = self._init()
                break
            except Exception as error:  # raised by Ray if its servers take too long on a busy machine
                self._guard.end_marked()
                ray.shutdown()
                if start == _STARTS or isinstance(error, OSError):
                    raise self._not_started(error) from error
        self._servers = [child for child in psutil.Process().children() if child.name() in _SERVERS]

    def probe(
        self,
        target: str,  # noqa: ARG002 - the contract's
        question: Mapping[str, str],  # noqa: ARG002
        size: SlotSize,  # noqa: ARG002
        modules: Sequence[str],  # noqa: ARG002
    ) -> Sequence[tuple[str, str]]:
        """Nothing to probe: its only node is this machine."""
        return []

    def died(self, *, now: bool = False) -> bool:
        """Whether one of its servers has died: calls of the driver would then hang or end the process."""
        if not now and time.monotonic() - self._looked < LOOK_SECONDS:
            return False
        self._looked = time.monotonic()
        return any(not server.is_running() or server.status() == psutil.STATUS_ZOMBIE for server in self._servers)

    def close(self, *, keep_logs: bool) -> None:
        """End it with all its processes, and remove its files, which Ray itself would keep."""
        import ray

        ray.shutdown()
        if self._guard is not None:
            self._guard.close()
        if not keep_logs and (made := self._folder if self._private else self._session):
            shutil.rmtree(made, ignore_errors=True)

    def _init(self) -> str:
        """Try to start it once; returns the folder of its session."""
        import ray

        assert self._guard is not None
        with self._guard.marking(), initializing():
            context = ray.init(
                address="local",
                num_cpus=self._cpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                object_store_memory=_OBJECT_STORE_BYTES,
                _temp_dir=self._folder,
            )
        session: str = context.address_info["session_dir"]  # type: ignore[attr-defined]  # of a RayContext
        return session

    def _not_started(self, error: Exception) -> ClusterError:
        mend = "Try again when it is less busy"
        if isinstance(error, OSError):
            mend = f"Correct that; Ray's files are in {self._folder} (ray.temp_dir)"
        return ClusterError(
            "Ray must be able to start on this machine",
            value=str(error).strip().splitlines()[0][:200],
            fix=f"{mend}; ray.address in-process does without Ray.",
            key=("ray", "address"),
        )
