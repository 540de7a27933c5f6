"""Resolves a task file against every catalog: all mistakes are found here, before anything starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from tuner.adapters.base import Adapter, Metric
from tuner.adapters.catalog import ADAPTERS
from tuner.config import LoadedTask, TaskFile, as_sets, load_task_file, validate_options
from tuner.config.options import names_file
from tuner.diagnostics.catalog import FINDINGS
from tuner.disk.folder import StudyFolder
from tuner.errors import Key, TaskFileError, nearest
from tuner.execution.failures import in_one_line
from tuner.objective import Objective
from tuner.own_code import find_modules
from tuner.recording import Recorder
from tuner.recording.catalog import make_recorder
from tuner.redaction import redacted
from tuner.registry import Catalog
from tuner.space import check, task_space
from tuner.study.catalog import PRUNERS, SAMPLERS
from tuner.task.portfolio import portfolio
from tuner.task.task import Place, Task, acting, located


def resolve_task(
    source: str | Path | Mapping[str, Any],
    sets: Sequence[str] = (),
    changes: Mapping[str, Any] = MappingProxyType({}),
) -> Task:
    """Read a task file and check everything that can be checked without reading the data.

    Args:
        source: The task file, or its content as Python values.
        sets: `key=value` changes.
        changes: Changes as Python values; a mapping changes the keys that it names.

    Raises:
        TaskFileError: The first mistake, with its place.
    """
    beside = [] if isinstance(source, Mapping) else [str(Path(source).absolute().parent)]
    modules = (*beside, os.getcwd())
    find_modules(modules)
    loaded = load_task_file(source, sets, lambda name: ADAPTERS[name].options, changes)
    file = loaded.task
    place = loaded.document.place
    _check_driver(file, place)
    entry = _entry(ADAPTERS, file.adapter, place, ("adapter",))
    options = validate_options(entry.options, _resolved_paths(file.data, loaded), key=("data",), place=place)
    with located(place, ("adapter",)), in_one_line(f"adapter {file.adapter} must take its options"):
        adapter: Adapter = entry.load()(options)
    _check_adapter(file.adapter, adapter, place)
    objective = _objective(file, adapter, place)
    space = task_space(loaded)
    recorder = _recorder(file, place)
    folder = StudyFolder((Path(file.storage.folder) / file.name).absolute())
    task = Task(
        file=file,
        path=folder.task_file if isinstance(source, Mapping) else loaded.path,
        text=loaded.text,
        place=place,
        adapter=adapter,
        data=_absolute_paths(options.model_dump(mode="json")),
        data_options=entry.options,
        space=space,
        baseline={},
        portfolio=(),
        objective=objective,
        sampler=_named(SAMPLERS, file.sampler, place, ("sampler",)),
        pruner=_named(PRUNERS, file.pruner, place, ("pruner",)),
        recorder=recorder,
        folder=folder,
        modules=modules,
        sets=() if isinstance(source, Mapping) else tuple(map(redacted, (*as_sets(changes), *sets))),
    )
    _check_thresholds(file, place)
    _check_device(file, place)
    _check_refit(file, place)
    check(space, task.settings)
    _check_grid(task)
    baseline = {**space.constants, **file.baseline}
    task = replace(task, baseline=acting(task, baseline, kept=file.baseline, key="baseline"))
    return replace(task, portfolio=portfolio(loaded, space, task.baseline))


def _entry(catalog: Catalog, name: str, place: Place, key: Key) -> Any:
    with located(place, key):
        return catalog[name]


def _check_adapter(name: str, adapter: Adapter, place: Place) -> None:
    """Check an adapter from outside the package, which may lack required attributes (see `tuner.adapters.defaults`)."""
    if not getattr(adapter, "metrics", ()):
        key = ("adapter",)
        raise TaskFileError(
            f"adapter {name} must have `metrics`, at least one",
            fix="See `tuner.adapters.base.Adapter`.",
            where=place(key),
            key=key,
        )


def _named(catalog: Catalog, chosen: Any, place: Place, key: Key) -> tuple[str, Any]:
    entry = _entry(catalog, chosen.name, place, (*key, "name"))
    return chosen.name, validate_options(entry.options, chosen.options, key=key, place=place)


def _objective(file: TaskFile, adapter: Adapter, place: Place) -> Objective:
    known = {f"val/{metric.name}": metric for metric in adapter.metrics if metric.chooses}
    if file.objective is None:
        return _of_metric(adapter.metrics[0])
    name = file.objective.metric
    if name not in known:
        key = ("objective", "metric")
        raise TaskFileError(
            "objective.metric must be a validation metric of the adapter",
            value=name,
            fix=nearest(name, known),
            where=place(key),
            key=key,
        )
    direction = file.objective.direction
    objective = _of_metric(known[name])
    if direction not in (None, objective.direction):
        key = ("objective", "direction")
        raise TaskFileError(
            f"objective.direction must be {objective.direction} for {name}",
            value=direction,
            fix="Leave it out: the metric implies it.",
            where=place(key),
            key=key,
        )
    return objective


def _of_metric(metric: Metric) -> Objective:
    return Objective(f"val/{metric.name}", metric.maximize, metric.within, counted=metric.counted)


def _check_driver(file: TaskFile, place: Place) -> None:
    """Check that the package for the study's database is installed, although it is needed only later."""
    if file.storage.study is None:
        return
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        key = ("storage", "study")
        raise TaskFileError(
            "storage.study needs the package psycopg",
            fix="Install the extra: pip install 'tuner[postgres]'.",
            where=place(key),
            key=key,
        ) from error


def _check_thresholds(file: TaskFile, place: Place) -> None:
    """Check that every finding and threshold is known and in its interval."""
    for name, values in file.diagnostics.thresholds.items():
        key = ("diagnostics", "thresholds", name)
        validate_options(_entry(FINDINGS, name, place, key).options, values, key=key, place=place)


def _check_device(file: TaskFile, place: Place) -> None:
    """Check the device's number: a trial sees only its own GPUs, numbered from 0."""
    kind, _, number = file.device.partition(":")
    key = ("device",)
    if file.resources.gpus and kind == "cuda" and int(number or 0) >= max(1.0, file.resources.gpus):
        raise TaskFileError(
            f"device must be one of the GPUs that resources.gpus ({file.resources.gpus:g}) gives each trial, numbered "
            "from 0",
            value=file.device,
            fix="Leave the number out.",
            where=place(key),
            key=key,
        )


def _check_refit(file: TaskFile, place: Place) -> None:
    """Check that there is a confirmation before a refit, as it determines the refit's length."""
    if file.refit and file.confirm.top == 0:
        raise TaskFileError(
            "refit must come with a confirmation",
            value="confirm.top: 0",
            fix="Set confirm.top to 1 or more, or leave refit out.",
            where=place(("refit",)),
            key=("refit",),
        )


def _check_grid(task: Task) -> None:
    if task.file.sampler.name == "grid" and task.space.size() is None:
        key = ("sampler", "name")
        raise TaskFileError(
            "sampler grid needs a space of choices and stepped ranges",
            value="a continuous range",
            fix="Give every range a step, or choose another sampler.",
            where=task.place(key),
            key=key,
        )


def _recorder(file: TaskFile, place: Place) -> Recorder:
    recorder = make_recorder(file.tracking, place)
    if file.storage.study is not None and _server(recorder.uri) == _server(file.storage.study):
        key = ("storage", "study")
        raise TaskFileError(
            "storage.study must be a database of its own, not MLflow's",
            value=redacted(file.storage.study),
            fix="Make another with `createdb`, and name it in the URL.",
            where=place(key),
            key=key,
        )
    return recorder


def _server(url: str) -> tuple[str, str | None, int, str]:
    """The identity of a database by its URL: kind, host, port, database."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:  # not a number: reported when it is connected
        port = None
    kind = "postgresql" if parts.scheme.startswith("postgres") else parts.scheme
    return kind, parts.hostname, port or 5432, parts.path.strip("/")


def _resolved_paths(data: Mapping[str, Any], loaded: LoadedTask) -> dict[str, Any]:
    """Resolve options that name files: beside the task file first."""
    return {key: str(loaded.resolve(value)) if _is_path(key, value) else value for key, value in data.items()}


def _absolute_paths(data: Mapping[str, Any]) -> dict[str, Any]:
    """Absolute paths for workers, which run in other folders; messages to the user show the written ones."""
    return {key: str(Path(value).absolute()) if _is_path(key, value) else value for key, value in data.items()}


def _is_path(key: str, value: object) -> bool:
    return isinstance(value, str) and names_file(key)
