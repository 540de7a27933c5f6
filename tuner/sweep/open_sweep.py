"""The open resources of a running sweep, as one object that every phase gets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tuner.announcements import Listener, Notice
from tuner.disk import events
from tuner.disk.events import RunRecord, read_runs
from tuner.disk.folder import MODEL, StudyFolder
from tuner.execution import Executor
from tuner.messages import Kind, TrialSpec
from tuner.sweep.nodes import Nodes
from tuner.sweep.progress import Progress
from tuner.sweep.record import Record
from tuner.sweep.shared_storage import SharedStorage
from tuner.sweep.stopping import Deadlines, Stop
from tuner.task.specs import trial_spec
from tuner.task.task import Task

if TYPE_CHECKING:
    from tuner.study.search import Search


@dataclass
class OpenSweep:
    """A task, its open study, and what its runs need; the phases do the work.

    Args:
        task: The resolved task, whose data are prepared.
        search: The study, open.
        executor: Runs the trials.
        storage: Where workers find data and leave checkpoints.
        record: Is told which runs have changed.
        tell: Called with each event.
        stop: Set when a stop is asked for.
        deadlines: When the search and the sweep must end.
        progress: Counts of the trials that are over.
        nodes: Successes and failures by node.
    """

    task: Task
    search: Search
    executor: Executor
    storage: SharedStorage
    record: Record
    tell: Listener
    stop: Stop
    deadlines: Deadlines
    progress: Progress
    nodes: Nodes = field(default_factory=Nodes)

    @property
    def folder(self) -> StudyFolder:
        """The study's folder."""
        return self.task.folder

    def spec(self, run: str, kind: Kind, number: int, params: Mapping[str, Any], seed: int, **fields: Any) -> TrialSpec:
        """The spec of a run of the study."""
        file = self.task.file
        return trial_spec(
            self.task,
            params,
            run,
            self.folder.run(run),
            kind=kind,
            number=number,
            seed=seed,
            checkpoints=self.storage.checkpoints(run),
            store=self.storage.store,
            prepared_as=self.storage.prepared_as(params),
            act=file.diagnostics.mode == "act",
            stall_seconds=file.attempts.stall,
            output_bytes=file.disk.output,
            checkpoint_bytes=self._checkpoint_share(),
            **fields,
        )

    def create(self, spec: TrialSpec, names: Iterable[str], origin: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Write a run's first event, if it has none.

        Args:
            spec: The run.
            names: Those of the searched parameters.
            origin: Where its parameters come from, if not from the sampler; see `Suggestion`.
        """
        created = {
            "run": spec.run,
            "kind": spec.kind,
            "number": spec.number,
            "seed": spec.seed,
            "params": dict(spec.params),
            "searched": list(names),
            **origin,
        }
        events.append(self.folder.events(spec.run), "created", **created)

    def bring_model(self, run: str) -> None:
        """Copy a run's model into the study's folder; report it if that fails."""
        try:
            self.storage.bring_model(run)
        except OSError as error:
            self.tell(Notice(f"the model of {run} stays in storage.checkpoints: {error}"))

    def records(self, kind: str) -> Iterator[RunRecord]:
        """Iterate over the runs of a kind ("trials/", "confirm/")."""
        return read_runs(self.folder.events(run) for run in self.folder.runs() if run.startswith(kind))

    def _checkpoint_share(self) -> int | None:
        """Bytes of one checkpoint: each slot may hold one, and another while it is being written."""
        if (budget := self.task.file.disk.checkpoints) is None:
            return None
        models = sum(path.stat().st_size for path in self.folder.root.glob(f"*/*/{MODEL}"))
        return max(0, budget - models) // (2 * max(1, self.executor.num_slots))
