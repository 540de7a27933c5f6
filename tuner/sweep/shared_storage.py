"""Storage shared by driver and workers: prepared data, and a place for checkpoints and models."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.preparing import prepare, publish
from tuner.disk import places
from tuner.disk.folder import MODEL
from tuner.errors import ClusterError, Key, StudyError
from tuner.execution import Executor
from tuner.task.task import Task, located

PROBE = "tuner.training.probe:probe"
TRAINING_ON = "train on device"
_KEY: Key = ("storage", "checkpoints")


class SharedStorage:
    """The places of one study.

    By default they are folders that every node sees. With `storage.checkpoints`, checkpoints and models go there; if
    that is a store, prepared data goes there too, and workers need not share a disk with the driver.

    Args:
        task: The task.
        study: A name that is unique in the place.
    """

    def __init__(self, task: Task, study: str) -> None:
        self._task = task
        base = task.file.storage.checkpoints
        if base is not None and not places.is_store(base):
            base = str(Path(base).absolute())
        self._base = base
        self._study = study
        self._names: dict[str, str] = {}

    @property
    def store(self) -> str:
        """The place in a store; "" without one."""
        return self._base if self._base is not None and places.is_store(self._base) else ""

    def checkpoints(self, run: str) -> str:
        """A run's place for checkpoint and model; "" for the run's own folder."""
        return "" if self._base is None else places.join(self._base, self._study, run)

    def kept(self, run: str) -> str:
        """The place that has a run's checkpoint and model."""
        return self.checkpoints(run) or str(self._task.folder.run(run))

    def bring_model(self, run: str) -> None:
        """Copy a run's model into the study's folder, so that the folder is complete without the store."""
        if self._base is None:
            return
        content = places.patiently(lambda: places.read(places.join(self.kept(run), MODEL)))
        places.write(str(self._task.folder.run(run) / MODEL), content)

    def prepared_as(self, params: Mapping[str, Any]) -> str:
        """With a store: prepare and store the data for a trial, and return their name; else "".

        Raises:
            DataError: They cannot be prepared or stored.
        """
        if not self.store:
            return ""
        options = self._task.settings(params).data.model_dump(mode="json")
        key = json.dumps(options, sort_keys=True)
        if key not in self._names:
            name = self._task.file.adapter
            entry = ADAPTERS[name]
            adapter = entry.load()(entry.options.model_validate(options))
            with located(self._task.place, ("data",)):
                folder, _ = prepare(name, adapter, self._task.folder.prepared)
            with located(self._task.place, _KEY):
                publish(folder, self.store)
            self._names[key] = folder.name
        return self._names[key]

    def probe(self, executor: Executor) -> None:
        """Let every node read the prepared data and write to the place of checkpoints, before anything is sent there.

        Raises:
            ClusterError: A node cannot; names the first one and what it cannot do.
            StudyError: The driver itself cannot write to the place of checkpoints.
        """
        place = self._base or str(self._task.folder.root)
        token = f"probe-{uuid.uuid4().hex}"
        path = places.join(place, token)
        try:
            places.write(path, token.encode())
        except OSError as error:
            raise StudyError(
                "storage.checkpoints must be writable",
                value=str(error),
                fix="Correct it, or give what the store asks for: credentials, its address in AWS_ENDPOINT_URL.",
                where=self._task.place(_KEY),
                key=_KEY,
            ) from error
        question = {
            "adapter": self._task.file.adapter,
            "prepared": str(self._task.folder.prepared),
            "prepared_as": self.prepared_as({}) or self._task.prepare()[0].name,
            "store": self.store,
            "place": place,
            "token": token,
            "device": self._task.file.device,
        }
        try:
            for node, problem in executor.probe(PROBE, question):
                if problem:
                    ability, _, value = problem.partition(": ")
                    fix = _DEVICE_FIX if ability.startswith(TRAINING_ON) else _FIX
                    raise ClusterError(f"node {node} must be able to {ability}", value=value, fix=fix)
        finally:
            places.remove(path)


_FIX = (
    "Install the same tuner there and share the folders at the same paths, or let storage.checkpoints be in a store "
    "(s3://bucket/prefix)."
)
_DEVICE_FIX = "Leave device out, or ask for resources.gpus, so that only nodes that have one are used."
