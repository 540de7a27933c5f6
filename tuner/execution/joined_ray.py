"""A running Ray cluster: joined if it requires a token, and left running."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence

from tuner.errors import ClusterError
from tuner.execution.access import AWAY, Access, access, use_token
from tuner.execution.capacity import SlotSize
from tuner.execution.cluster import LOOK_SECONDS, initializing, set_environment
from tuner.execution.probe import probe_nodes

_REFUSALS = 3
"""Number of refused connections in a row after which the cluster counts as gone."""


class JoinedRay:
    """See `Cluster`.

    Args:
        address: "auto", "host:port" or "ray://...".
        allow_open: Whether to join a cluster that requires no token.
    """

    def __init__(self, address: str, *, allow_open: bool = False) -> None:
        self._address, self._allow_open = address, allow_open
        self._found: Access | None = None
        self._head = ""  # host:port of its control service
        self._looked = 0.0
        self.out_of_reach = False

    def check(self) -> None:
        """Before anything is sent there, refuse an address without a cluster, and a cluster that requires no token."""
        self._found = access(self._address)
        if self._found.startswith(AWAY):
            raise self._no_cluster(self._found.removeprefix(AWAY))
        if self._found == "open":
            self._check_allowed()

    def start(self) -> None:
        """Join it, with the token if there is one."""
        if self._found is None:
            self.check()
        set_environment()
        if self._found == "open":
            os.environ["RAY_AUTH_MODE"] = "disabled"  # a driver that required a token would get no answers
        else:
            use_token()
        import ray

        try:
            with initializing():
                context = ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, TimeoutError, ValueError, ray.exceptions.RayError) as error:
            raise self._no_cluster(str(error).strip().splitlines()[0]) from error
        if self._found == "unknown":
            self._check_allowed()
        self._head = getattr(context, "address_info", {}).get("gcs_address") or ""

    def probe(
        self, target: str, question: Mapping[str, str], size: SlotSize, modules: Sequence[str]
    ) -> Sequence[tuple[str, str]]:
        """Probe every node that can hold a slot."""
        return probe_nodes(target, question, size, modules)

    def died(self, *, now: bool = False) -> bool:
        """Check whether its head still accepts connections.

        Raises:
            ClusterError: It refuses them repeatedly.
        """
        if not self._head or (not now and time.monotonic() - self._looked < LOOK_SECONDS):
            return False
        if self._refuses():
            self.out_of_reach = True
            raise ClusterError(
                "the Ray cluster must stay while a sweep runs on it",
                value=f"no answer from {self._head}",
                fix="Start it again, and resume with the same command.",
                key=("ray", "address"),
            )
        self._looked = time.monotonic()
        return False

    def close(self, *, keep_logs: bool) -> None:  # noqa: ARG002 - its logs are not ours
        """Leave it."""
        import ray

        ray.shutdown()

    def _refuses(self) -> bool:
        host, _, port = self._head.rpartition(":")
        for _ in range(_REFUSALS):
            try:
                socket.create_connection((host, int(port)), timeout=1.0).close()
            except ConnectionRefusedError:
                time.sleep(0.2)
            except OSError:  # slow or unreachable: Ray itself waits for it
                return False
            else:
                return False
        return True

    def _no_cluster(self, why: str) -> ClusterError:
        return ClusterError(
            "ray.address must be a running cluster",
            value=self._address,
            fix=f"Start one with `ray start --head`, or leave ray.address out. ({why.strip()[:200]})",
            key=("ray", "address"),
        )

    def _check_allowed(self) -> None:
        """Refuse a cluster that requires no token, unless that is allowed."""
        if not self._allow_open:
            raise ClusterError(
                "the Ray cluster must require a token, as whoever reaches it can run code there",
                value=self._address,
                fix="Start its nodes with RAY_AUTH_MODE=token (`ray get-auth-token --generate`), or set "
                "ray.allow_unauthenticated_cluster: true.",
                key=("ray", "address"),
            )
