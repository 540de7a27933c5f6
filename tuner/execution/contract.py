"""The contracts of this package: `Executor`, which runs trials, and `RunTrial`, the function that it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from tuner.link import Link
from tuner.messages import Answer, Ended, Message, TrialSpec

RunTrial = Callable[[TrialSpec, Link], Ended]
"""Runs one attempt to its end. Named by path ("tuner.training:run_trial"), loaded in the worker."""


class Started(NamedTuple):
    """The worker and node of an attempt."""

    worker: str
    """The worker's name, for people: "host:pid"."""
    node: str = ""
    """The node's id; "" if there is only one."""


class Executor(Protocol):
    """A number of slots, each running one attempt at a time. Used only by the driver's thread."""

    def check(self) -> None:
        """Check, before anything is started or written, whether slots can be made.

        Raises:
            ClusterError: The cluster cannot be reached or started.
        """
        ...

    def open(self) -> None:
        """Start or join the cluster; there are no slots yet.

        Raises:
            ClusterError: The cluster cannot be reached or cannot hold one slot.
        """
        ...

    @property
    def num_slots(self) -> int:
        """Number of slots."""
        ...

    @property
    def num_idle(self) -> int:
        """Number of slots that can start an attempt now."""
        ...

    def probe(self, target: str, question: Mapping[str, str]) -> Sequence[tuple[str, str]]:
        """Check every node that may be another machine: can it do a worker's work?

        Args:
            target: "module:function" that takes the question and returns what the node cannot do, or "".
            question: Plain data.

        Returns:
            Per node: its name, which need not be unique, and what it cannot do, "" for nothing.
        """
        ...

    def launch(self) -> None:
        """Make the slots, after `probe`; they become idle later."""
        ...

    def start(self, spec: TrialSpec) -> Started:
        """Start an attempt on an idle slot."""
        ...

    def answer(self, answer: Answer) -> None:
        """Pass an answer to the attempt it names; ignored if that has ended."""
        ...

    def poll(self, timeout: float) -> Sequence[Message]:
        """Messages that have arrived, waiting up to `timeout` seconds for the first; [] without any."""
        ...

    def abandon(self, run: str) -> None:
        """Kill the worker of a run, without a message; a new one takes its slot."""
        ...

    def avoid(self, node: str) -> bool:
        """Give a node no more attempts; those that run there continue.

        Returns:
            Whether it is done; not if no other node can hold a slot.
        """
        ...

    def close(self) -> None:
        """Stop all workers; attempts still running end without a message."""
        ...
