"""A resolved task file as one value: every name is known, every option checked."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tuner.adapters.base import Adapter, Prepared
from tuner.adapters.preparing import prepare
from tuner.config import TaskFile
from tuner.config.options import Options
from tuner.disk.folder import StudyFolder
from tuner.errors import DataError, Key, TaskFileError, UserError
from tuner.execution.failures import in_one_line
from tuner.objective import TRIVIAL_PREDICTOR, Objective
from tuner.recording import Recorder
from tuner.reporting.conclusion import Readable
from tuner.space import Space
from tuner.training.settings import MisfitError, Settings, settings

Place = Callable[[Key], str]


@dataclass(frozen=True)
class Task:
    """A resolved task file."""

    file: TaskFile
    path: Path
    """The task file; without one, the copy that its study keeps."""
    text: str
    """The text of it that the study keeps."""
    place: Place
    adapter: Adapter
    data: Mapping[str, Any]
    """The adapter's options, validated, as plain data."""
    data_options: type[Options]
    space: Space
    baseline: Mapping[str, Any]
    """Parameters of the baseline: the defaults of every part, the adapter's, the space's constants, `baseline:`."""
    portfolio: tuple[Mapping[str, Any], ...]
    """Configurations of the space that are tried first, in this order."""
    objective: Objective
    """Without the trivial predictor's score, which needs the data: see `against_trivial`."""
    sampler: tuple[str, Any]
    pruner: tuple[str, Any]
    recorder: Recorder
    folder: StudyFolder
    modules: tuple[str, ...] = ()
    """Folders of the task's own modules."""
    sets: tuple[str, ...] = ()
    """Changes of the task file in the form of `--set`, without secrets."""

    def prepare(self) -> tuple[Path, Prepared]:
        """Prepare the data, or find them prepared.

        Raises:
            DataError: The data are unfit; with the place of the option at fault.
        """
        ours = type(self.adapter).__module__.startswith("tuner.")
        failing = (
            nullcontext() if ours else in_one_line(f"adapter {self.file.adapter} must prepare the data", DataError)
        )
        with located(self.place, ("data",)), failing:
            return prepare(self.file.adapter, self.adapter, self.folder.prepared)

    @cached_property
    def trivial(self) -> Mapping[str, float]:
        """Scores of the trivial predictor on the validation data, without their split: `loss`, `accuracy`, ..."""
        return self.prepare()[1].trivial.get("val", {})

    @cached_property
    def against_trivial(self) -> Objective:
        """The objective with the trivial predictor's score on the validation data."""
        name = str(self.prepare()[1].about.get("name", TRIVIAL_PREDICTOR))
        return self.objective.against(self.trivial.get(self.objective.name), name)

    @property
    def readable(self) -> Readable:
        """The score that a verdict is told in: the objective where it is a share, else what the adapter says."""
        metrics = self.adapter.metrics
        shares = {metric.name: metric.counted and metric.within == (0, 1) for metric in metrics}
        if shares.get(self.objective.name):
            return Readable(self.objective.name, share=True)
        name = next((metric.name for metric in metrics if metric.readable), self.objective.name)
        return Readable(name, share=shares.get(name, False))

    def settings(self, params: Mapping[str, Any], *, key: str = "space") -> Settings:
        """Check parameters against every part.

        Raises:
            TaskFileError: As for `training.settings`.
        """
        return settings(
            params,
            adapter=type(self.adapter),
            data_options=self.data_options,
            data=self.data,
            place=lambda at: "" if at[:1] == ("space",) else self.place(at),  # `check` knows the entries' places
            key=key,
        )


class located:  # noqa: N801 - reads as a word where it is used
    """Context that adds the place of the named option to errors."""

    def __init__(self, place: Place, default: Key) -> None:
        self._place, self._default = place, default

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, UserError):
            error.at(self._place(error.key or self._default))


def acting(task: Task, params: Mapping[str, Any], *, kept: Container[str] = (), key: str = "space") -> dict[str, Any]:
    """The parameters that act together, with defaults for all others; those that act nowhere are left out.

    Args:
        task: The task.
        params: The parameters.
        kept: Names that were asked for together: it is an error if one acts nowhere.
        key: Their section of the task file.

    Raises:
        TaskFileError: A kept one acts nowhere, or one does not fit the data or another one.
    """
    left = dict(params)
    while True:
        try:
            task.settings(left, key=key)
        except MisfitError:
            raise
        except TaskFileError as error:
            name = str(error.key[-1]) if error.key else ""
            if name not in left or name in kept:
                raise
            del left[name]
        else:
            return left


def cells(task: Task) -> list[str]:
    """The cells of the space, in order; the baseline's if the space has none."""
    found: dict[str, None] = {}
    for definition in task.space.definitions:
        if definition.name == "cell":
            found.update(dict.fromkeys(map(str, definition.domain.values() or ())))
    return list(found) or [task.settings(task.baseline).net.cell]
