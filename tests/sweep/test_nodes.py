from __future__ import annotations

from tuner.messages import State
from tuner.sweep.nodes import MAX_FAILURES, Nodes


def test_a_node_that_only_fails_is_found() -> None:
    """Failures in a row on one node, while attempts go well on another, are the node's."""
    nodes = Nodes()
    found = []
    for _ in range(MAX_FAILURES):
        found.append(nodes.record_outcome("bad", State.FAILED))
        assert not nodes.record_outcome("good", State.COMPLETED)
    assert found == [False] * (MAX_FAILURES - 1) + [True]


def test_failures_everywhere_are_the_tasks() -> None:
    """Where nothing goes well elsewhere meanwhile, no node is to blame, however many attempts fail."""
    nodes = Nodes()
    for node in ("one", "other"):
        nodes.sent(node)
    assert not nodes.record_outcome("other", State.COMPLETED)
    assert not any(nodes.record_outcome(node, State.FAILED) for _ in range(10) for node in ("one", "other"))


def test_a_node_on_which_something_goes_well_starts_anew() -> None:
    """An attempt that ends well forgives what was before; a death of the worker counts like a failure."""
    nodes = Nodes()
    for node in ("one", "other"):
        nodes.sent(node)
    for state in (State.LOST, State.FAILED, State.PRUNED, State.LOST, State.LOST):
        assert not nodes.record_outcome("one", state)
        assert not nodes.record_outcome("other", State.COMPLETED)
    assert nodes.record_outcome("one", State.LOST)


def test_a_node_may_fail_faster_than_the_first_attempt_elsewhere_ends() -> None:
    """Attempts that are under way on a node without a failure are enough to tell."""
    nodes = Nodes()
    for node in ("bad", "good"):
        nodes.sent(node)
    assert [nodes.record_outcome("bad", State.FAILED) for _ in range(MAX_FAILURES)] == [False, False, True]


def test_a_node_may_fail_before_another_is_up() -> None:
    """It is set aside, if there is another; that one's failures are then the task's."""
    nodes = Nodes()
    nodes.sent("bad")
    assert [nodes.record_outcome("bad", State.FAILED) for _ in range(MAX_FAILURES)] == [False, False, True]
    nodes.sent("other")
    assert not any(nodes.record_outcome("other", State.FAILED) for _ in range(10))


def test_what_fails_on_the_only_node_where_trials_went_well_is_the_tasks() -> None:
    """Three bad configurations in a row cost no node that has done its work."""
    nodes = Nodes()
    nodes.sent("one")
    assert not nodes.record_outcome("one", State.COMPLETED)
    assert not any(nodes.record_outcome("one", State.FAILED) for _ in range(10))
