"""A Ray cluster of a head and a second simulated node; a line `kill` kills the second's raylet and adds another.

Prints the head's address first, and a line after each kill. Ends when standard input does.
"""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster

from tests.support.lean_ray import without_agents


def main() -> None:
    """Serve."""
    node = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_log_monitor": False}
    lean = {"include_dashboard": False, "no_monitor": True}
    with without_agents():
        cluster = Cluster(initialize_head=True, head_node_args={**node, **lean})
        second = cluster.add_node(**node)
        print(cluster.address, flush=True)
        for _ in sys.stdin:
            cluster.remove_node(second, allow_graceful=False)
            second = cluster.add_node(**node)
            print("killed", flush=True)
        cluster.shutdown()


if __name__ == "__main__":
    main()
