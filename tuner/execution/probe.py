"""Asking every node of a Ray cluster whether it can do a worker's work."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tuner

JOINING_SECONDS = 10.0
"""Longest time for a node that has just joined to say what resources it has."""
PROBE_SECONDS = 180.0
"""Longest time for all nodes to answer; a worker's process must start first."""


def probe_nodes(
    target: str, question: Mapping[str, str], cpus: int, gpus: float = 0.0, modules: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Run `target` on every node that may hold a slot.

    Args:
        target: "module:function" that takes the question and returns what the node cannot do, or "".
        question: Plain data.
        cpus: CPUs of a slot.
        gpus: GPUs of a slot.
        modules: Folders in which modules of the task's own are found.

    Returns:
        By node: its host and address, which two nodes of one machine share, and what it cannot do, "" for nothing.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def ask(target: str, question: Mapping[str, str], driver: str, modules: Sequence[str]) -> str:
        # Sent by value, as a node that lacks the package must be able to say so.
        import hashlib
        import sys
        from importlib import import_module
        from pathlib import Path

        sys.path[:] = [*(path for path in sys.path if path not in modules), *modules]  # as `find_modules` does
        try:
            package = import_module("tuner")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the node cannot do
            return f"import tuner: {type(error).__name__}: {error}"
        found = hashlib.sha256()
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            found.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
        if found.hexdigest() != driver:
            return f"import the driver's version of tuner: {root} differs"
        module, _, name = target.partition(":")
        answer: str = getattr(import_module(module), name)(question)
        return answer

    asked: dict[Any, str] = {}
    for node in _known_nodes():
        if node["Resources"].get("CPU", 0.0) < cpus or node["Resources"].get("GPU", 0.0) < gpus:
            continue
        strategy = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        task: Any = ray.remote(ask).options(num_cpus=0, max_retries=0, scheduling_strategy=strategy)
        asked[task.remote(target, dict(question), package_digest(), list(modules))] = (
            f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
        )
    ray.wait(list(asked), num_returns=len(asked), timeout=PROBE_SECONDS)
    return [(name, _answer(ref)) for ref, name in asked.items()]


def _known_nodes() -> list[dict[str, Any]]:
    """The nodes that are alive, once each has said what it has."""
    import ray

    deadline = time.monotonic() + JOINING_SECONDS
    while True:
        nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
        alive = [node for node in nodes if node["Alive"]]
        if all(node["Resources"] for node in alive) or time.monotonic() > deadline:
            return alive
        time.sleep(0.2)


def package_digest() -> str:
    """A name for the code of this package."""
    digest = hashlib.sha256()
    root = Path(str(tuner.__file__)).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _answer(ref: Any) -> str:
    import ray

    try:
        answer: str = ray.get(ref, timeout=0)
    except ray.exceptions.GetTimeoutError:
        return f"answer within {PROBE_SECONDS:g} s: nothing came"
    except ray.exceptions.RayError as error:
        return f"run a task: {str(error).strip().splitlines()[-1][:200]}"
    return answer
