"""Trials that fail on every node but the cluster's head, where workers are up later than elsewhere."""

from __future__ import annotations

import time

import ray

from benchmarks.faults.trials import reporting
from tuner.link import Link
from tuner.messages import Ended, TrialSpec

LATE_SECONDS = 5.0


def on_the_head() -> bool:
    """Whether this process is on the cluster's head."""
    here = ray.get_runtime_context().get_node_id()
    (node,) = [node for node in ray.nodes() if node["NodeID"] == here]
    return "node:__internal_head__" in node["Resources"]


def trial(spec: TrialSpec, link: Link) -> Ended:
    """Fail wherever the cluster's head is not."""
    if not on_the_head():
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")
    return reporting(spec, link)


if on_the_head():  # imported while the worker starts
    time.sleep(LATE_SECONDS)
