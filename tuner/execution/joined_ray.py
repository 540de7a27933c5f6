"""A Ray cluster that runs already: joined if it lets only its own users in, and left as it was."""

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
"""Refused connections in a row after which the cluster is taken for gone."""


class JoinedRay:
    """See `Cluster`.

    Args:
        address: "auto", "host:port" or "ray://...".
        allow_open: Join a cluster that asks for no token.
    """

    def __init__(self, address: str, *, allow_open: bool = False) -> None:
        self._address, self._allow_open = address, allow_open
        self._found: Access | None = None
        self._head = ""  # host:port of its control service
        self._looked = 0.0
        self.out_of_reach = False

    def check(self) -> None:
        """Refuse what is no cluster, before anything is sent there, and one to which anyone could give work."""
        self._found = access(self._address)
        if self._found.startswith(AWAY):
            raise self._no_cluster(self._found.removeprefix(AWAY))
        if self._found == "open":
            self._check_allowed()

    def start(self) -> None:
        """Join it, with a token where there is one."""
        if self._found is None:
            self.check()
        set_environment()
        if self._found == "open":
            os.environ["RAY_AUTH_MODE"] = "disabled"  # a driver that asked for a token would not be answered
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
        """Ask every node that holds a slot."""
        return probe_nodes(target, question, size, modules)

    def died(self, *, now: bool = False) -> bool:
        """See whether its head still takes connections.

        Raises:
            ClusterError: It refuses them, again and again.
        """
        if not self._head or (not now and time.monotonic() - self._looked < LOOK_SECONDS):
            return False
        if self._refuses():
            self.out_of_reach = True
            raise ClusterError(
                "the Ray cluster must stay while a sweep runs on it",
                value=f"no answer from {self._head}",
                fix="Start it again; the same command goes on.",
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
        """Refuse a cluster to which anyone could give work, unless that is wanted."""
        if not self._allow_open:
            raise ClusterError(
                "the Ray cluster must ask for a token, as whoever reaches it can run code there",
                value=self._address,
                fix="Start its nodes with RAY_AUTH_MODE=token (`ray get-auth-token --generate`), or set "
                "ray.allow_unauthenticated_cluster: true.",
                key=("ray", "address"),
            )
