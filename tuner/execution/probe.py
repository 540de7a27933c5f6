"""Checks whether every node of a Ray cluster can do a worker's work."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from tuner.execution.capacity import SlotSize, living_nodes
from tuner.own_code import PACKAGE

PROBE_SECONDS = 180.0
"""Longest time in seconds for all nodes to answer, including the start of a worker's process."""


def probe_nodes(
    target: str, question: Mapping[str, str], size: SlotSize, modules: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Run `target` on every node that can hold a slot.

    Args:
        target: "module:function" that takes the question and returns what the node cannot do, or "".
        question: Plain data.
        size: The resources of a slot.
        modules: Folders of the task's own modules.

    Returns:
        Per node: its host and address, which nodes of one machine share, and what it cannot do, "" for nothing.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def ask(target: str, question: Mapping[str, str], driver: str, modules: Sequence[str]) -> str:
        # Sent by value, so that a node without the package can report that.
        import hashlib
        import sys
        from importlib import import_module
        from pathlib import Path

        sys.path[:] = [*(path for path in sys.path if path not in modules), *modules]  # like `find_modules`
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
    for node in living_nodes():
        if not size.slots_on(node):
            continue
        strategy = NodeAffinitySchedulingStrategy(node.id, soft=False)
        task: Any = ray.remote(ask).options(num_cpus=0, max_retries=0, scheduling_strategy=strategy)
        asked[task.remote(target, dict(question), package_digest(), list(modules))] = node.name
    ray.wait(list(asked), num_returns=len(asked), timeout=PROBE_SECONDS)
    return [(name, _answer(ref)) for ref, name in asked.items()]


def package_digest() -> str:
    """A digest of this package's code."""
    digest = hashlib.sha256()
    root = PACKAGE
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
