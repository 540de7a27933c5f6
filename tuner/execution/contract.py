"""The contracts of this room: what runs trials (`Executor`), and what it runs (`RunTrial`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from tuner.link import Link
from tuner.messages import Answer, Ended, Message, TrialSpec

RunTrial = Callable[[TrialSpec, Link], Ended]
"""Runs one attempt to its end. Named by path ("tuner.training:run_trial"), loaded in the worker."""


class Started(NamedTuple):
    """Where an attempt runs."""

    worker: str
    """The worker's name, for people: "host:pid"."""
    node: str = ""
    """The node's identity; "" where there is but one."""


class Executor(Protocol):
    """A number of slots, each running one attempt at a time. Used by the driver's thread alone."""

    def check(self) -> None:
        """See, before anything is started or written, whether what holds the slots can be had.

        Raises:
            ClusterError: It cannot be reached, or not be started here.
        """
        ...

    def open(self) -> None:
        """Start or join what holds the slots; there is none yet.

        Raises:
            ClusterError: The cluster cannot be reached or cannot hold one slot.
        """
        ...

    @property
    def num_slots(self) -> int:
        """Slots in all."""
        ...

    @property
    def num_idle(self) -> int:
        """Slots that can start an attempt now."""
        ...

    def probe(self, target: str, question: Mapping[str, str]) -> Sequence[tuple[str, str]]:
        """Ask every node that is not this machine's own for certain whether it can do a worker's work.

        Args:
            target: "module:function" that takes the question and returns what the node cannot do, or "".
            question: Plain data.

        Returns:
            By node: its name, which is not always its own, and what it cannot do, "" for nothing.
        """
        ...

    def launch(self) -> None:
        """Make the slots, after the nodes were asked; they become idle later."""
        ...

    def start(self, spec: TrialSpec) -> Started:
        """Start an attempt on an idle slot."""
        ...

    def answer(self, answer: Answer) -> None:
        """Pass an answer on to the attempt it names; nothing happens when that one is over."""
        ...

    def poll(self, timeout: float) -> Sequence[Message]:
        """Messages that have come, waiting up to `timeout` seconds for the first; [] when there is none."""
        ...

    def abandon(self, run: str) -> None:
        """End the worker of a run by force, without a message; another takes its slot."""
        ...

    def avoid(self, node: str) -> bool:
        """Give a node no more attempts; those that run there go on.

        Returns:
            Whether it is done; not where no other node could hold a slot.
        """
        ...

    def close(self) -> None:
        """Stop all workers; attempts still running end without a message."""
        ...
