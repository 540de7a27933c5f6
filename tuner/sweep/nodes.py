"""Nodes that only fail: a machine with a broken GPU or a full disk must not take one trial after the other."""

from __future__ import annotations

from tuner.messages import State

MAX_FAILURES = 3
"""Failures in a row on a node after which it is set aside, when no such thing is known of another."""


class Nodes:
    """Failures in a row by node. Where nothing goes well elsewhere, it is the task's code and not the node.

    A node that is up first may fail before another is tried; that one then shows which of the two it is.
    """

    def __init__(self) -> None:
        self.aside: set[str] = set()
        """Nodes to which nothing is sent any more."""
        self._sent: set[str] = set()
        self._failures: dict[str, int] = {}
        self._well: set[str] = set()
        self._well_elsewhere: set[str] = set()

    def sent(self, node: str) -> None:
        """An attempt was begun on a node."""
        self._sent.add(node)

    def record_outcome(self, node: str, state: State) -> bool:
        """Take in how an attempt ended on a node; LOST is the death of its worker.

        Returns:
            Whether the node is to be set aside.
        """
        if state in {State.FAILED, State.LOST}:
            self._failures[node] = self._failures.get(node, 0) + 1
        elif state.final:
            self._failures.pop(node, None)
            self._well.add(node)
            self._well_elsewhere = set(self._failures)
        others = self._sent - {node}
        first = not others and node not in self._well
        alone = first or node in self._well_elsewhere or bool(others - self._failures.keys())
        return self._failures.get(node, 0) >= MAX_FAILURES and alone
