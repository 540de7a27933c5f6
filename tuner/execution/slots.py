"""Slots: one long-lived Ray actor each, reused across trials, and the long poll that is under way with it.

There is a poll (`messages`) also with an idle actor, and all are waited on at once, so that a message costs one call,
the order within an attempt is kept, and a death is seen at once. Nothing is retried by Ray.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from tuner.execution.capacity import SlotSize
from tuner.execution.worker import Worker
from tuner.messages import Answer, TrialSpec
from tuner.own_code import find_modules

if TYPE_CHECKING:
    from ray import ObjectRef

LONG_POLL_SECONDS = 30.0
_CALLS_AT_ONCE = 4  # a long poll, an answer, a start, one to spare


class RayWorker(Worker):
    """A `Worker` in an actor's process, which it has for itself."""

    def __init__(self, run_trial: str, modules: Sequence[str], folder: str) -> None:
        find_modules(modules)
        with contextlib.suppress(OSError):  # another machine need not have it
            os.chdir(folder)
        super().__init__(run_trial, alone=True)

    def about(self) -> dict[str, str | int]:
        """Who this is, and on which node."""
        import ray

        return {**super().about(), "node": ray.get_runtime_context().get_node_id()}


@dataclass(eq=False)
class Slot:
    """An actor and what it does."""

    actor: Any  # ActorHandle[RayWorker], which Ray's own types do not follow through `options`
    asked: ObjectRef[Any]
    """What is waited for: who the actor is (`about`), until that is known; then its messages."""
    name: str = ""
    """Its name for people, host:pid; empty until it is up."""
    host: str = ""
    pid: int = 0
    node: str = ""
    spec: TrialSpec | None = None
    """The attempt that it runs."""
    kills_before: int = 0
    """Processes that this machine's system had ended for want of memory when the attempt began."""

    def is_up(self, about: dict[str, Any]) -> None:
        """Take in who the actor is."""
        self.host, self.pid, self.node = about["host"], about["pid"], about["node"]
        self.name = f"{self.host}:{self.pid}"

    def kill_here(self) -> None:
        """End a worker of this machine whatever state it is in; Ray leaves a stopped one alone."""
        if self.host != os.uname().nodename:
            return
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if process.name().startswith("ray::"):
                process.kill()


class Slots:
    """The slots of one Ray. Every slot is either on its way up, idle, or runs an attempt.

    Args:
        run_trial: "module:function" that runs an attempt.
        size: CPUs and GPUs of a slot.
        modules: Folders in which workers find modules of the task's own.
    """

    def __init__(self, run_trial: str, size: SlotSize, modules: Sequence[str]) -> None:
        self._run_trial, self._size, self._modules = run_trial, size, tuple(modules)
        self._all: dict[ObjectRef[Any], Slot] = {}  # by what is waited for
        self._idle: list[Slot] = []  # the longest idle first
        self._by_run: dict[str, Slot] = {}
        self.avoided: set[str] = set()
        """Nodes on which no new actor is made."""

    @property
    def num_idle(self) -> int:
        """Slots that can start an attempt now."""
        return len(self._idle)

    @property
    def any_up(self) -> bool:
        """Whether any actor is up, idle or not."""
        return any(slot.name for slot in self._all.values())

    def running(self, run: str) -> Slot | None:
        """The slot that runs an attempt of a run."""
        return self._by_run.get(run)

    def launch(self, count: int) -> None:
        """Make so many actors."""
        import ray

        self._actor_class = ray.remote(RayWorker)
        for _ in range(count):
            self._add()

    def start(self, spec: TrialSpec) -> Slot:
        """Start an attempt on the slot that is idle for longest."""
        slot = self._idle.pop(0)
        slot.spec = spec
        self._by_run[spec.run] = slot
        slot.actor.start.remote(spec)
        return slot

    def answer(self, answer: Answer) -> None:
        """Hand the answer to the actor that runs the attempt."""
        if (slot := self._by_run.get(answer.run)) is not None:
            slot.actor.answer.remote(answer)

    def wait(self, timeout: float) -> Iterator[tuple[Slot, Any]]:
        """What was waited for, by slot, of all that have something; or the `RayError` of a death.

        To each slot something must be done before the next: `free`, `listen`, or `replace`.
        """
        import ray

        if not self._all:
            return
        ready, _ = ray.wait(list(self._all), num_returns=1, timeout=timeout)
        if ready:  # whatever else is there comes along without another wait
            ready, _ = ray.wait(list(self._all), num_returns=len(self._all), timeout=0)
        for asked in ready:
            try:
                value = ray.get(asked)
            except ray.exceptions.RayError as error:
                yield self._all[asked], error
            else:
                yield self._all[asked], value

    def listen(self, slot: Slot) -> None:
        """Wait for the actor's next messages."""
        self._all.pop(slot.asked)
        slot.asked = slot.actor.messages.remote(LONG_POLL_SECONDS)
        self._all[slot.asked] = slot

    def free(self, slot: Slot) -> None:
        """Its attempt has ended, or it has come up: it is idle, or given up where its node is avoided."""
        if slot.spec is not None:
            self._by_run.pop(slot.spec.run, None)
            slot.spec = None
        if slot.node in self.avoided:
            self.replace(slot)
            return
        self._idle.append(slot)
        self.listen(slot)

    def replace(self, slot: Slot) -> None:
        """Give up an actor, dead or alive, for another one."""
        import ray

        with contextlib.suppress(Exception):  # it may be dead; unreachable is not always dead
            ray.kill(slot.actor)
        self._all.pop(slot.asked)
        if slot in self._idle:
            self._idle.remove(slot)
        if slot.spec is not None:
            self._by_run.pop(slot.spec.run, None)
        self._add()

    def avoid(self, node: str) -> None:
        """Make no more actors on a node, and move the idle ones away from it."""
        self.avoided.add(node)
        for slot in [slot for slot in self._idle if slot.node == node]:
            self.replace(slot)

    def forget(self) -> list[Slot]:
        """Let go of all without a call to Ray; returns those that ran an attempt."""
        busy = list(self._by_run.values())
        self._all, self._idle, self._by_run = {}, [], {}
        return busy

    def kill(self) -> None:
        """Kill all actors."""
        import ray

        for slot in self._all.values():
            with contextlib.suppress(Exception):  # it may be dead already
                ray.kill(slot.actor)
        self.forget()

    def _add(self) -> None:
        """Make an actor on a node that is not avoided, and ask who it is."""
        avoided = f"!in({','.join(sorted(self.avoided))})"
        actor: Any = self._actor_class.options(
            num_cpus=self._size.cpus,
            num_gpus=self._size.gpus,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=_CALLS_AT_ONCE,
            label_selector={"ray.io/node-id": avoided} if self.avoided else None,
        ).remote(self._run_trial, self._modules, os.getcwd())
        slot = Slot(actor, actor.about.remote())
        self._all[slot.asked] = slot
