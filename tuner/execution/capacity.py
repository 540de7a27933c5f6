"""The nodes of a Ray cluster and the number of slots that each holds."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner.errors import ClusterError

JOINING_SECONDS = 10.0
"""Longest time for a node that has just joined to report its resources, in seconds."""


@dataclass(frozen=True)
class Node:
    """A node that is alive.

    Args:
        id: Ray's name of it.
        name: Its host and address, for people; two nodes of one machine share it.
        resources: Its total resources, busy or not: `CPU`, `GPU`, and so on; empty before it has reported them.
    """

    id: str
    name: str
    resources: Mapping[str, float]


@dataclass(frozen=True)
class SlotSize:
    """The resources that one slot takes of a node.

    Args:
        cpus: CPUs, at least 1.
        gpus: GPUs, 0 or more; slots with fractions share one.
    """

    cpus: int = 1
    gpus: float = 0.0

    def slots_on(self, node: Node) -> int:
        """The number of slots that a node holds.

        >>> SlotSize(cpus=2, gpus=0.5).slots_on(Node("id", "name", {"CPU": 9.0, "GPU": 1.0}))
        2
        """
        by_cpu = node.resources.get("CPU", 0.0) // self.cpus
        by_gpu = node.resources.get("GPU", 0.0) / self.gpus if self.gpus else by_cpu
        return int(min(by_cpu, by_gpu))

    def slots_in_all(self, nodes: Sequence[Node]) -> int:
        """The number of slots that a cluster holds.

        Raises:
            ClusterError: It holds none.
        """
        slots = sum(map(self.slots_on, nodes))
        if slots == 0:
            every = [node.resources for node in nodes]
            best = max(every, key=lambda each: (each.get("GPU", 0.0), each.get("CPU", 0.0)), default={})
            raise ClusterError(
                f"one worker (resources.cpus {self.cpus}, resources.gpus {self.gpus:g}) must fit on a node",
                value=f"a largest node with {best.get('CPU', 0):g} CPUs and {best.get('GPU', 0):g} GPUs",
                fix="Ask for less, or add a node.",
                key=("resources", "gpus" if self.gpus else "cpus"),
            )
        return slots


def living_nodes(patience: float = JOINING_SECONDS) -> list[Node]:
    """The nodes that are alive.

    Args:
        patience: Seconds to wait until each has reported its resources.
    """
    import ray

    deadline = time.monotonic() + patience
    while True:
        nodes = [
            Node(each["NodeID"], f"{each['NodeManagerHostname']} ({each['NodeManagerAddress']})", each["Resources"])
            for each in ray.nodes()  # type: ignore[no-untyped-call]
            if each["Alive"]
        ]
        if all(node.resources for node in nodes) or time.monotonic() >= deadline:
            return nodes
        time.sleep(0.2)
