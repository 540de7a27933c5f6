"""Slots: each is a long-lived Ray actor, reused across trials, with its pending long poll.

Idle actors have a pending poll (`messages`), too, and all polls are waited on at once. So a message costs one call, the
order within an attempt is kept, and a death is noticed at once. Ray retries nothing.
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
_CALLS_AT_ONCE = 4  # a long poll, an answer, a start, one spare


class RayWorker(Worker):
    """A `Worker` in an actor's own process."""

    def __init__(self, run_trial: str, modules: Sequence[str], folder: str) -> None:
        find_modules(modules)
        with contextlib.suppress(OSError):  # the folder may be missing on another machine
            os.chdir(folder)
        super().__init__(run_trial, alone=True)

    def about(self) -> dict[str, str | int]:
        """Name and node of this worker."""
        import ray

        return {**super().about(), "node": ray.get_runtime_context().get_node_id()}


@dataclass(eq=False)
class Slot:
    """An actor and its state."""

    actor: Any  # ActorHandle[RayWorker], but Ray's types lose it in `options`
    asked: ObjectRef[Any]
    """The pending call: `about` until its answer is known, then `messages`."""
    name: str = ""
    """Its name for people, host:pid; empty until it has started."""
    host: str = ""
    pid: int = 0
    node: str = ""
    spec: TrialSpec | None = None
    """Its running attempt."""
    kills_before: int = 0
    """The count of `memory_kills` when the attempt began."""

    def is_up(self, about: dict[str, Any]) -> None:
        """Take in the actor's name and node."""
        self.host, self.pid, self.node = about["host"], about["pid"], about["node"]
        self.name = f"{self.host}:{self.pid}"

    def kill_here(self) -> None:
        """Kill a worker on this machine in any state; Ray does not kill a stopped process."""
        if self.host != os.uname().nodename:
            return
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if process.name().startswith("ray::"):
                process.kill()


class Slots:
    """The slots of one Ray. Every slot is starting, idle, or runs an attempt.

    Args:
        run_trial: "module:function" that runs an attempt.
        size: CPUs and GPUs of a slot.
        modules: Folders with the task's own modules, for workers.
    """

    def __init__(self, run_trial: str, size: SlotSize, modules: Sequence[str]) -> None:
        self._run_trial, self._size, self._modules = run_trial, size, tuple(modules)
        self._all: dict[ObjectRef[Any], Slot] = {}  # by pending call
        self._idle: list[Slot] = []  # those that have been idle longest first
        self._by_run: dict[str, Slot] = {}
        self.avoided: set[str] = set()
        """Nodes that get no new actors."""

    @property
    def num_idle(self) -> int:
        """Number of slots that can start an attempt now."""
        return len(self._idle)

    @property
    def any_up(self) -> bool:
        """Whether any actor has started."""
        return any(slot.name for slot in self._all.values())

    def running(self, run: str) -> Slot | None:
        """The slot that runs an attempt of a run."""
        return self._by_run.get(run)

    def launch(self, count: int) -> None:
        """Create a number of actors."""
        import ray

        self._actor_class = ray.remote(RayWorker)
        for _ in range(count):
            self._add()

    def start(self, spec: TrialSpec) -> Slot:
        """Start an attempt on the slot that has been idle longest."""
        slot = self._idle.pop(0)
        slot.spec = spec
        self._by_run[spec.run] = slot
        slot.actor.start.remote(spec)
        return slot

    def answer(self, answer: Answer) -> None:
        """Pass the answer to the actor that runs the attempt."""
        if (slot := self._by_run.get(answer.run)) is not None:
            slot.actor.answer.remote(answer)

    def wait(self, timeout: float) -> Iterator[tuple[Slot, Any]]:
        """Results of the pending calls that have finished, by slot; a `RayError` for a death.

        For each of these slots one of `free`, `listen` and `replace` must be called before the next wait.
        """
        import ray

        if not self._all:
            return
        ready, _ = ray.wait(list(self._all), num_returns=1, timeout=timeout)
        if ready:  # others that have finished are included without another wait
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
        """Mark a slot as idle after its attempt or its start; give it up if its node is avoided."""
        if slot.spec is not None:
            self._by_run.pop(slot.spec.run, None)
            slot.spec = None
        if slot.node in self.avoided:
            self.replace(slot)
            return
        self._idle.append(slot)
        self.listen(slot)

    def replace(self, slot: Slot) -> None:
        """Replace an actor, dead or alive, by a new one."""
        import ray

        with contextlib.suppress(Exception):  # it may be alive, as unreachable actors are not always dead
            ray.kill(slot.actor)
        self._all.pop(slot.asked)
        if slot in self._idle:
            self._idle.remove(slot)
        if slot.spec is not None:
            self._by_run.pop(slot.spec.run, None)
        self._add()

    def avoid(self, node: str) -> None:
        """Create no more actors on a node, and move its idle ones."""
        self.avoided.add(node)
        for slot in [slot for slot in self._idle if slot.node == node]:
            self.replace(slot)

    def forget(self) -> list[Slot]:
        """Forget all slots without a call to Ray; returns those that ran an attempt."""
        busy = list(self._by_run.values())
        self._all, self._idle, self._by_run = {}, [], {}
        return busy

    def kill(self) -> None:
        """Kill all actors."""
        import ray

        for slot in self._all.values():
            with contextlib.suppress(Exception):  # it may already be dead
                ray.kill(slot.actor)
        self.forget()

    def _add(self) -> None:
        """Create an actor on a node that is not avoided, and call `about`."""
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
