"""Which nodes hold a slot, and what is told when none does."""

from __future__ import annotations

import pytest

from tuner.errors import ClusterError
from tuner.execution import RayExecutor, on_ray
from tuner.execution.capacity import Node, SlotSize

NODES = [Node("a" * 56, "one (10.0.0.1)", {"CPU": 8.0, "GPU": 1.0}), Node("b" * 56, "two (10.0.0.2)", {"CPU": 3.0})]


@pytest.mark.parametrize(("cpus", "gpus", "slots"), [(1, 0.0, 11), (2, 0.0, 5), (4, 0.0, 2), (2, 0.5, 2), (4, 0.25, 2)])
def test_a_slot_lies_on_one_node(cpus: int, gpus: float, slots: int) -> None:
    """Slots are counted by node, by the scarcer of CPUs and GPUs: what is left over on two nodes makes none."""
    assert SlotSize(cpus, gpus).slots_in_all(NODES) == slots


def test_a_node_that_has_not_yet_said_what_it_has_holds_none() -> None:
    """As one that has just joined."""
    assert SlotSize().slots_on(Node("c", "new (10.0.0.3)", {})) == 0
    with pytest.raises(ClusterError, match="a largest node with 0 CPUs and 0 GPUs"):
        SlotSize().slots_in_all([])


def test_no_worker_elsewhere_after_a_node_was_set_aside_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last node that could hold a slot is never set aside; when the others give none, the sweep ends with why."""
    monkeypatch.setattr(on_ray, "living_nodes", lambda **_: NODES)
    executor = RayExecutor("tests.support.trials:epochs", workers=1)
    assert executor.poll(0.0) == []  # a worker may yet come up
    assert executor.avoid(NODES[0].id)
    assert not executor.avoid(NODES[1].id)
    monkeypatch.setattr(on_ray, "MOVING_SECONDS", 0.0)
    with pytest.raises(ClusterError) as told:
        executor.poll(0.0)
    assert str(told.value).startswith(
        "no worker started on another node within 0 s of setting node aaaaaaaaaaaa aside. "
    )
