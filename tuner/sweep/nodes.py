"""Setting nodes aside: a machine with a broken GPU or a full disk must not fail one trial after another."""

from __future__ import annotations

from tuner.messages import State

MAX_FAILURES = 3
"""A node is set aside after so many failures in a row, unless another node fails alike."""


class Nodes:
    """Counts failures in a row by node. Where every node fails, the task's code is at fault, not the node.

    The first node may fail before another has been tried; the other then shows whose fault it was.
    """

    def __init__(self) -> None:
        self.aside: set[str] = set()
        """Nodes that get no more runs."""
        self._sent: set[str] = set()
        self._failures: dict[str, int] = {}
        self._well: set[str] = set()
        self._well_elsewhere: set[str] = set()

    def sent(self, node: str) -> None:
        """Note that an attempt has begun on a node."""
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
