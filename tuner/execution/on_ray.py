"""The Ray executor: `slots` on a `Cluster`, started for the sweep or joined.

A dead actor is replaced; its attempt, if any, ends as `deaths` finds, and the driver decides what follows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

from tuner.errors import ClusterError
from tuner.execution.capacity import SlotSize, living_nodes
from tuner.execution.cluster import Cluster
from tuner.execution.contract import Started
from tuner.execution.deaths import end_of_attempt, memory_kills
from tuner.execution.joined_ray import JoinedRay
from tuner.execution.own_ray import OwnRay
from tuner.execution.slots import Slot, Slots
from tuner.messages import Answer, Ended, Lost, Message, TrialSpec

MAX_FAILED_STARTS = 20
"""Number of workers in a row that may fail to start after one has started: nodes come and go."""
MAX_FIRST_STARTS = 4
"""Number of workers that may die while starting, before any has started."""
MOVING_SECONDS = 120.0
"""Longest time without any worker after a node was set aside, in seconds."""


class RayExecutor:
    """Slots on a Ray cluster; see `Executor`.

    Args:
        run_trial: "module:function" that runs an attempt.
        address: "local" starts a Ray on loopback; "auto", "host:port" and "ray://..." join one.
        workers: Number of slots, or "auto": as many as the cluster's CPUs (and GPUs) hold.
        cpus: CPUs of a slot, also its torch threads.
        gpus: GPUs of a slot; slots with fractions share one.
        temp_dir: Ray's temporary folder in local mode; when empty Ray's own default, or a short one in place of it.
        allow_open: Whether to join a cluster that requires no token.
        modules: Folders with the task's own modules, for workers.
    """

    def __init__(
        self,
        run_trial: str,
        *,
        address: str = "local",
        workers: int | str = "auto",
        cpus: int = 1,
        gpus: float = 0.0,
        temp_dir: str = "",
        allow_open: bool = False,
        modules: Sequence[str] = (),
    ) -> None:
        self._workers, self._size, self._modules = workers, SlotSize(cpus, gpus), modules
        self._cluster: Cluster
        if address == "local":
            all_cpus = (os.cpu_count() or 1) if workers == "auto" else int(workers) * cpus
            self._cluster = OwnRay(all_cpus, temp_dir)
        else:
            self._cluster = JoinedRay(address, allow_open=allow_open)
        self._slots = Slots(run_trial, self._size, modules)
        self._up = False  # whether there was ever a worker
        self._failed_starts = 0  # in a row
        self._last_up = 0.0  # when a slot last was, by `time.monotonic`; kept once a node is set aside
        self.num_slots = 0

    def check(self) -> None:
        """Check the address of a cluster to join, or find a folder for a Ray to start."""
        self._cluster.check()

    def open(self) -> None:
        """Start or join Ray, and check that a slot fits on a node."""
        self._cluster.start()
        fits = self._size.slots_in_all(living_nodes())
        self.num_slots = fits if self._workers == "auto" else int(self._workers)

    @property
    def num_idle(self) -> int:
        """Number of started actors without an attempt."""
        return self._slots.num_idle

    def probe(self, target: str, question: Mapping[str, str]) -> Sequence[tuple[str, str]]:
        """Probe every node of a joined cluster; a Ray started here has this machine's disk and packages."""
        return self._cluster.probe(target, question, self._size, self._modules)

    def launch(self) -> None:
        """Create the actors, after `probe`, as an actor on a node without this package could not even report it."""
        self._slots.launch(self.num_slots)

    def start(self, spec: TrialSpec) -> Started:
        """Start an attempt on an idle actor."""
        slot = self._slots.start(spec)
        slot.kills_before = memory_kills()
        return Started(slot.name, slot.node)

    def answer(self, answer: Answer) -> None:
        """Pass the answer to the actor that runs the attempt."""
        self._slots.answer(answer)

    def poll(self, timeout: float) -> Sequence[Message]:
        """Wait on all actors at once."""
        import ray

        if self._cluster.died():
            return self._begin_again()
        self._check_moved()
        messages: list[Message] = []
        for slot, answer in self._slots.wait(timeout):
            if isinstance(answer, ray.exceptions.RayError):
                # Before any further call of Ray, which would wait and then end this process.
                if self._cluster.died(now=True):
                    return [*messages, *self._begin_again()]
                messages += self._replace_dead(slot, answer)
            elif slot.name:
                messages += answer
                if any(isinstance(message, Ended) for message in answer):
                    self._slots.free(slot)
                else:
                    self._slots.listen(slot)
            else:
                self._up, self._failed_starts = True, 0
                slot.is_up(answer)
                self._slots.free(slot)
        return messages

    def abandon(self, run: str) -> None:
        """Kill the actor and make a new one."""
        if (slot := self._slots.running(run)) is not None:
            self._slots.replace(slot)
            slot.kill_here()

    def avoid(self, node: str) -> bool:
        """New actors are created elsewhere, and idle ones are moved."""
        able = {each.id for each in living_nodes(patience=0.0) if self._size.slots_on(each)}
        if not able - self._slots.avoided - {node}:
            return False
        self._slots.avoid(node)
        return True

    def close(self) -> None:
        """Kill the actors; end a Ray started here, leave a joined one running."""
        if self._cluster.out_of_reach:
            self._slots.forget()
        else:
            self._slots.kill()
        self._cluster.close(keep_logs=self._failed_starts > 0)

    def _replace_dead(self, slot: Slot, error: Exception) -> list[Message]:
        """Replace a dead actor; returns the end of its attempt.

        Raises:
            ClusterError: Actors do not start.
        """
        slot.kill_here()
        if not slot.name:
            self._failed_starts += 1
        never_could = not self._up and getattr(error, "actor_init_failed", False)  # an error in its code, not its death
        if never_could or self._failed_starts > (MAX_FAILED_STARTS if self._up else MAX_FIRST_STARTS):
            raise ClusterError(
                "a worker must be able to start",
                value=_cause(error),
                fix="See Ray's logs.",
            )
        self._slots.replace(slot)
        return [] if slot.spec is None else [end_of_attempt(slot, slot.spec, error)]

    def _begin_again(self) -> list[Message]:
        """Start a new Ray after the one started here has died; its attempts are lost."""
        lost: list[Message] = [
            Lost(run=slot.spec.run, attempt=slot.spec.attempt, reason=f"Ray died under worker {slot.name}")
            for slot in self._slots.forget()
            if slot.spec is not None
        ]
        self._cluster.start()
        self.launch()
        return lost

    def _check_moved(self) -> None:
        """Check that a worker has started elsewhere since a node was set aside: other nodes may be in use by others.

        Raises:
            ClusterError: None has started for too long.
        """
        now = time.monotonic()
        if not self._slots.avoided or self._slots.any_up:
            self._last_up = now
        elif now - self._last_up > MOVING_SECONDS:
            nodes = ", ".join(node[:12] for node in sorted(self._slots.avoided))
            raise ClusterError(
                f"no worker started on another node within {MOVING_SECONDS:g} s of setting node {nodes} aside",
                fix="See the failures above; free or add a node, or repair that one, and resume with the same command.",
                key=("ray", "address"),
            )


def _cause(error: Exception) -> str:
    """Ray's own words for why an actor is dead, without the lines that describe the actor."""
    told = [line.strip() for line in str(error).strip().splitlines() if line.strip() and not line.startswith("\t")]
    return " ".join(told[1:] or told)[:400]
