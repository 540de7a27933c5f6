"""The Ray executor: one long-lived actor per slot, reused across trials.

Ray is used here, in `access` and in `probe`, and nowhere else.

An actor is a `Worker`. The driver keeps one long poll (`messages`) per actor under way, also of the idle ones, and
waits on all of them at once, so a message costs one call, order within an attempt is kept, and a death is seen at once.
Nothing is retried by Ray: a dead actor is replaced, its attempt, if it had one, shows as `Lost`, and the driver decides
what happens to that.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

import tuner
from tuner.errors import ClusterError
from tuner.execution.access import AWAY, Access, access, make_token, use_token
from tuner.execution.contract import Started
from tuner.execution.failures import MEMORY_ADVICE, crash_reason
from tuner.execution.guard import Guard
from tuner.execution.probe import probe_nodes
from tuner.execution.temporary import ray_folder
from tuner.execution.worker import STACKS, Worker
from tuner.messages import Answer, Ended, Lost, Message, State, TrialSpec
from tuner.own_code import find_modules

if TYPE_CHECKING:
    from ray import ObjectRef

LONG_POLL_SECONDS = 30.0
MAX_FAILED_STARTS = 20
"""Workers in a row that may fail to start once one has: nodes come and go."""
MAX_FIRST_STARTS = 4
"""Workers that may die while they start, before one has."""
LOOK_SECONDS = 1.0
"""Time between two looks at whether a Ray of our own is still there."""
MOVING_SECONDS = 120.0
"""Longest time without any worker after nodes were set aside."""
_CALLS_AT_ONCE = 4  # a long poll, an answer, a start, one to spare
_MEMORY_MONITOR = "low on memory"
"""What Ray says of a worker that its memory monitor has ended."""
_STARTS = 3
"""Times that a Ray of our own is tried to be started."""
_REFUSALS = 3
"""Refused connections in a row after which a joined cluster is taken for gone."""
_SERVERS = {"raylet", "gcs_server"}
"""Names of the processes without which a Ray is no more."""


@dataclass(eq=False)
class _Slot:
    actor: Any  # ActorHandle[RayWorker], which Ray's own types do not follow through `options`
    name: str = ""
    host: str = ""
    pid: int = 0
    node: str = ""
    spec: TrialSpec | None = None
    kills_before: int = 0
    """Processes that this machine's system had ended for want of memory when the attempt began."""


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


class RayExecutor:
    """Slots on a Ray cluster; see `Executor`.

    Args:
        run_trial: "module:function" that runs an attempt.
        address: "local" starts a Ray of our own on loopback; "auto", "host:port" and "ray://..." join one.
        workers: Number of slots, or "auto": as many as the cluster's CPUs (and GPUs) hold.
        cpus: CPUs of a slot, also its torch threads.
        gpus: GPUs of a slot; fractions share one.
        temp_dir: Ray's temporary folder in local mode; when empty Ray's own default, or a short one in place of it.
        allow_open: Join a cluster that asks for no token.
        modules: Folders in which workers find modules of the task's own.
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
        self._run_trial, self._address, self._workers = run_trial, address, workers
        self._cpus, self._gpus, self._temp_dir = cpus, gpus, temp_dir
        self._allow_open, self._modules = allow_open, tuple(modules)
        self._polls: dict[ObjectRef[Any], _Slot] = {}
        self._idle: list[_Slot] = []
        self._by_run: dict[str, _Slot] = {}
        self._guard: Guard | None = None
        self._servers: list[psutil.Process] = []  # of a Ray of our own
        self._session = ""
        self._folder, self._private = "", False  # of Ray's files, and whether it was made for them
        self._found: Access | None = None
        self._head = ""  # host:port of a joined cluster's control service
        self._head_gone = False
        self._looked = 0.0
        self._avoided: set[str] = set()
        self._any_up = 0.0  # when a worker last was, by `time.monotonic`
        self._up = False  # whether any slot ever was
        self._failed_starts = 0
        self.num_slots = 0

    def check(self) -> None:
        """Ask who answers at the address of a cluster; find a folder for a Ray of our own."""
        if self._address != "local":
            self._found = access(self._address)
            self._check_access(self._found)
            return
        folder, private = ray_folder(self._temp_dir)
        if private:  # another one when it is needed
            Path(folder).rmdir()

    def open(self) -> None:
        """Start or join Ray, and check that a slot fits on a node."""
        if self._address == "local":
            self._folder, self._private = ray_folder(self._temp_dir)
        elif self._found is None:
            self.check()
        with _own_signal_handlers():
            if self._address == "local":
                self._start_local()
            else:
                self._join()
        fits = self._slots_that_fit()
        self.num_slots = fits if self._workers == "auto" else int(self._workers)

    @property
    def num_idle(self) -> int:
        """Actors that are up and have nothing to do."""
        return len(self._idle)

    def probe(self, target: str, question: Mapping[str, str]) -> Sequence[tuple[str, str]]:
        """Ask every node of a joined cluster; a Ray of our own has this machine's disk and packages."""
        if self._address == "local":
            return []
        return probe_nodes(target, question, self._cpus, self._gpus, self._modules)

    def launch(self) -> None:
        """Create the actors: not before the nodes were asked, as one that lacks this package could not even say so."""
        import ray

        self._actor_class = ray.remote(RayWorker)
        for _ in range(self.num_slots):
            self._add_slot()

    def start(self, spec: TrialSpec) -> Started:
        """Start an attempt on an idle actor."""
        slot = self._idle.pop(0)
        slot.spec, slot.kills_before = spec, _memory_kills()
        self._by_run[spec.run] = slot
        slot.actor.start.remote(spec)
        return Started(slot.name, slot.node)

    def answer(self, answer: Answer) -> None:
        """Hand the answer to the actor that runs the attempt."""
        if (slot := self._by_run.get(answer.run)) is not None:
            slot.actor.answer.remote(answer)

    def poll(self, timeout: float) -> Sequence[Message]:
        """Wait on all actors at once."""
        import ray

        if self._gone():
            return self._begin_again()
        self._check_head()
        self._check_moved()
        if not self._polls:
            return []
        ready, _ = ray.wait(list(self._polls), num_returns=1, timeout=timeout)
        if ready:  # whatever else is there comes along without another wait
            ready, _ = ray.wait(list(self._polls), num_returns=len(self._polls), timeout=0)
        messages: list[Message] = []
        for ref in ready:
            messages += self._fetch(ref, self._polls.pop(ref))
        return messages

    def abandon(self, run: str) -> None:
        """Kill the actor and make a new one."""
        slot = self._by_run.pop(run)
        self._move(slot)
        _kill_here(slot)

    def avoid(self, node: str) -> bool:
        """Actors made from now on go elsewhere, and idle ones move there."""
        able = {found["NodeID"] for found in _alive() if self._slots_on(found["Resources"])}
        if not able - self._avoided - {node}:
            return False
        self._avoided.add(node)
        for slot in [slot for slot in self._idle if slot.node == node]:
            self._idle.remove(slot)
            self._move(slot)
        return True

    def close(self) -> None:
        """Kill the actors; end the Ray that was started here, leave a joined one."""
        import ray

        for slot in [] if self._head_gone else self._polls.values():
            with contextlib.suppress(Exception):  # it may be dead already
                ray.kill(slot.actor)
        self._idle, self._polls, self._by_run = [], {}, {}
        ray.shutdown()
        if self._guard is not None:
            self._guard.close()
        if not self._failed_starts and (made := self._folder if self._private else self._session):
            shutil.rmtree(made, ignore_errors=True)  # Ray's logs; it would keep them for ever

    def _fetch(self, ref: ObjectRef[Any], slot: _Slot) -> list[Message]:
        import ray

        try:
            value = ray.get(ref)
        except ray.exceptions.RayError as error:
            return self._replace(slot, error)
        if not slot.name:  # the answer to `about`: the actor is up
            slot.host, slot.pid, slot.node = value["host"], value["pid"], value["node"]
            slot.name = f"{slot.host}:{slot.pid}"
            self._up, self._failed_starts = True, 0
            if slot.node in self._avoided:  # it was on its way there already
                self._move(slot)
                return []
            self._idle.append(slot)
            self._poll(slot)
            return []
        messages: list[Message] = value
        if any(isinstance(message, Ended) for message in messages):
            assert slot.spec is not None
            self._by_run.pop(slot.spec.run, None)
            slot.spec = None
            if slot.node in self._avoided:
                self._move(slot)
                return messages
            self._idle.append(slot)
        self._poll(slot)
        return messages

    def _replace(self, slot: _Slot, error: Exception) -> list[Message]:
        import ray

        self._check_head(now=True)  # before Ray is asked for anything: it would wait, and then end this process
        with contextlib.suppress(Exception):  # unreachable is not always dead
            ray.kill(slot.actor)
        _kill_here(slot)
        if slot in self._idle:
            self._idle.remove(slot)
        if not slot.name:
            self._failed_starts += 1
        never_could = not self._up and getattr(error, "actor_init_failed", False)  # its code, not its death
        if never_could or self._failed_starts > (MAX_FAILED_STARTS if self._up else MAX_FIRST_STARTS):
            raise ClusterError(
                "a worker must be able to start",
                value=str(error).strip().splitlines()[-1],
                fix="See Ray's logs.",
            )
        self._add_slot()
        if slot.spec is None:
            return []
        spec = slot.spec
        self._by_run.pop(spec.run, None)
        if own := _own_doing(slot, spec, error):
            reason, trace = own
            return [Ended(run=spec.run, attempt=spec.attempt, state=State.FAILED, reason=reason, trace=trace)]
        reason = f"worker {slot.name} died ({type(error).__name__})"
        return [Lost(run=spec.run, attempt=spec.attempt, reason=reason)]

    def _move(self, slot: _Slot) -> None:
        """Give up an actor for another one."""
        import ray

        self._polls = {ref: other for ref, other in self._polls.items() if other is not slot}
        ray.kill(slot.actor)
        self._add_slot()

    def _check_moved(self) -> None:
        """See whether a worker has come up elsewhere since nodes are avoided: others may use those that are left.

        Raises:
            ClusterError: None has, for too long.
        """
        now = time.monotonic()
        if not self._avoided or any(slot.name for slot in self._polls.values()):
            self._any_up = now
        elif now - self._any_up > MOVING_SECONDS:
            raise ClusterError(
                "a worker must come up on another node, once attempts have failed again and again on one",
                value=f"none within {MOVING_SECONDS:g} s",
                fix="See the failures above; free or add a node, or mend that one. The same command goes on.",
                key=("ray", "address"),
            )

    def _add_slot(self) -> None:
        actor = self._actor_class.options(
            num_cpus=self._cpus,
            num_gpus=self._gpus,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=_CALLS_AT_ONCE,
            label_selector={"ray.io/node-id": f"!in({','.join(sorted(self._avoided))})"} if self._avoided else None,
        ).remote(self._run_trial, self._modules, os.getcwd())
        slot = _Slot(actor)
        self._polls[slot.actor.about.remote()] = slot

    def _poll(self, slot: _Slot) -> None:
        self._polls[slot.actor.messages.remote(LONG_POLL_SECONDS)] = slot

    def _start_local(self) -> None:
        # Before ray is imported. The first keeps every port of a one-machine Ray on loopback: Ray offers no option
        # for that, and the name is the one in its ray_constants.py, where it is read on every system.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        _set_environment()
        make_token()
        import ray

        self._guard = self._guard or Guard(self._folder if self._private else "")
        cpus = (os.cpu_count() or 1) if self._workers == "auto" else int(self._workers) * self._cpus
        for start in range(1, _STARTS + 1):
            try:
                with self._guard.marking(), _in_our_folder():
                    context = ray.init(
                        address="local",
                        num_cpus=cpus,
                        include_dashboard=False,
                        log_to_driver=False,
                        logging_level=logging.ERROR,
                        object_store_memory=128 * 1024 * 1024,
                        _temp_dir=self._folder,
                    )
                break
            except Exception as error:  # Ray raises just that when its servers take too long on a busy machine
                self._guard.end_marked()
                ray.shutdown()
                if start == _STARTS or isinstance(error, OSError):
                    slow = f"Mend that; Ray's files are in {self._folder} (ray.temp_dir)"
                    if not isinstance(error, OSError):
                        slow = "Try again when it is less busy"
                    raise ClusterError(
                        "Ray must be able to start on this machine",
                        value=str(error).strip().splitlines()[0][:200],
                        fix=f"{slow}; ray.address in-process does without Ray.",
                        key=("ray", "address"),
                    ) from error
        self._session = context.address_info["session_dir"]  # type: ignore[attr-defined]  # of a RayContext
        self._servers = [child for child in psutil.Process().children() if child.name() in _SERVERS]

    def _gone(self) -> bool:
        """Whether a Ray of our own has died: the driver's calls would then hang or end the process."""
        now = time.monotonic()
        if not self._servers or now - self._looked < LOOK_SECONDS:
            return False
        self._looked = now
        return any(not server.is_running() or server.status() == psutil.STATUS_ZOMBIE for server in self._servers)

    def _begin_again(self) -> list[Message]:
        """Start another Ray in place of our own that has died; what ran on it is lost."""
        import ray

        assert self._guard is not None
        lost: list[Message] = [
            Lost(run=slot.spec.run, attempt=slot.spec.attempt, reason=f"Ray died under worker {slot.name}")
            for slot in self._by_run.values()
            if slot.spec is not None
        ]
        self._idle, self._polls, self._by_run = [], {}, {}
        self._guard.end_marked()  # first, as a shutdown waits for them
        ray.shutdown()
        with _own_signal_handlers():
            self._start_local()
        self.launch()
        return lost

    def _join(self) -> None:
        _set_environment()
        found = self._found
        assert found is not None, "check first"
        if found == "open":
            os.environ["RAY_AUTH_MODE"] = "disabled"  # a driver that asked for a token would not be answered
        else:
            use_token()
        import ray

        try:
            with _in_our_folder():
                context = ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, TimeoutError, ValueError, ray.exceptions.RayError) as error:
            raise self._no_cluster(str(error).strip().splitlines()[0]) from error
        if found == "unknown":
            self._check_allowed()

        self._head = getattr(context, "address_info", {}).get("gcs_address") or ""

    def _check_access(self, found: Access) -> None:
        """Refuse what is no cluster, before anything is sent there, and one to which anyone could give work."""
        if found.startswith(AWAY):
            raise self._no_cluster(found.removeprefix(AWAY))
        if found == "open":
            self._check_allowed()

    def _no_cluster(self, why: str) -> ClusterError:
        return ClusterError(
            "ray.address must be a running cluster",
            value=self._address,
            fix=f"Start one with `ray start --head`, or leave ray.address out. ({why.strip()[:200]})",
            key=("ray", "address"),
        )

    def _check_allowed(self) -> None:
        """Refuse a cluster to which anyone could give work, unless that is wanted."""
        if not self._allow_open:
            raise ClusterError(
                "the Ray cluster must ask for a token, as whoever reaches it can run code there",
                value=self._address,
                fix="Start its nodes with RAY_AUTH_MODE=token (`ray get-auth-token --generate`), or set "
                "ray.allow_unauthenticated_cluster: true.",
                key=("ray", "address"),
            )

    def _check_head(self, *, now: bool = False) -> None:
        """See whether a joined cluster's head still takes connections.

        Args:
            now: Look even when the last look was a moment ago.

        Raises:
            ClusterError: It refuses them, again and again.
        """
        if not self._head or not (now or time.monotonic() - self._looked >= LOOK_SECONDS):
            return
        host, _, port = self._head.rpartition(":")
        for _ in range(_REFUSALS):
            try:
                socket.create_connection((host, int(port)), timeout=1.0).close()
            except ConnectionRefusedError:
                time.sleep(0.2)
            except OSError:  # slow or unreachable: Ray itself waits for it
                break
            else:
                break
        else:
            self._head_gone = True
            raise ClusterError(
                "the Ray cluster must stay while a sweep runs on it",
                value=f"no answer from {self._head}",
                fix="Start it again; the same command goes on.",
                key=("ray", "address"),
            )
        self._looked = time.monotonic()

    def _slots_that_fit(self) -> int:
        nodes = [node["Resources"] for node in _alive()]
        slots = sum(map(self._slots_on, nodes))
        if slots == 0:
            best: dict[str, float] = max(nodes, key=lambda r: (r.get("GPU", 0.0), r.get("CPU", 0.0)), default={})
            raise ClusterError(
                f"one worker (resources.cpus {self._cpus}, resources.gpus {self._gpus:g}) must fit on a node",
                value=f"a largest node with {best.get('CPU', 0):g} CPUs and {best.get('GPU', 0):g} GPUs",
                fix="Ask for less, or add a node.",
                key=("resources", "gpus" if self._gpus else "cpus"),
            )
        return slots

    def _slots_on(self, resources: Mapping[str, float]) -> int:
        by_cpu = resources.get("CPU", 0.0) // self._cpus
        by_gpu = resources.get("GPU", 0.0) / self._gpus if self._gpus else by_cpu
        return int(min(by_cpu, by_gpu))


def _alive() -> list[dict[str, Any]]:
    import ray

    return [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def _own_doing(slot: _Slot, spec: TrialSpec, error: Exception) -> tuple[str, str] | None:
    """Why a worker died and its trace, when it died of what its trial did; None when it was taken away."""
    if _MEMORY_MONITOR in str(error):
        return f"out of memory: Ray's memory monitor ended worker {slot.name}; {MEMORY_ADVICE}", ""
    if slot.host == os.uname().nodename and _memory_kills() > slot.kills_before:
        return f"out of memory: the system ended worker {slot.name}; {MEMORY_ADVICE}", ""
    with contextlib.suppress(OSError):
        left = (Path(spec.folder) / STACKS).read_text(errors="replace")
        if reason := crash_reason(left):
            return reason, left
    return None


def _memory_kills() -> int:
    """Processes of this machine that its system has ended for want of memory; 0 where it does not count them."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _kill_here(slot: _Slot) -> None:
    """End a worker of this machine whatever state it is in; Ray leaves a stopped one alone."""
    if slot.host != os.uname().nodename:
        return
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(slot.pid)
        if process.name().startswith("ray::"):
            process.kill()


@contextlib.contextmanager
def _own_signal_handlers() -> Iterator[None]:
    """Ray puts a handler of its own on SIGTERM, which ends the process without a word; put ours back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _in_our_folder() -> Iterator[None]:
    """Within, the current folder is the one that holds this package.

    Ray lets its workers look for packages in the driver's current folder before all others, where a file of the user's
    could hide one; a `RayWorker` goes back there, and finds the user's modules last.
    """
    before = os.getcwd()
    os.chdir(Path(tuner.__file__).parents[1])
    try:
        yield
    finally:
        os.chdir(before)


def _set_environment() -> None:
    """What Ray reads when it is imported: be quiet, and never end this process."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray ends a process that cannot reach its raylet once the process of this id is dead; without one, once the
    # process's parent is 1: a driver under `nohup`, or a container's first one, would end without a word.
    os.environ["RAY_RAYLET_PID"] = str(os.getpid())
