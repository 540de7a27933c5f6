"""Every catalog under its name in `list`. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from tuner.adapters.catalog import ADAPTERS, SOURCES
from tuner.config import Options, read_yaml, ready_search_spaces, ready_tasks, task_schema
from tuner.diagnostics.catalog import FINDINGS, PROBES
from tuner.nets.catalog import CELLS, INITIALIZERS, POOLINGS, REGULARIZERS, NetOptions
from tuner.optim.catalog import OPTIMIZERS, SCHEDULES
from tuner.optim.learning import LearningOptions
from tuner.recording.catalog import RECORDERS
from tuner.registry import Catalog
from tuner.study.catalog import PRUNERS, SAMPLERS

CATALOGS: dict[str, Catalog] = {
    "adapters": ADAPTERS,
    "cells": CELLS,
    "findings": FINDINGS,
    "initializers": INITIALIZERS,
    "optimizers": OPTIMIZERS,
    "poolings": POOLINGS,
    "probes": PROBES,
    "pruners": PRUNERS,
    "recorders": RECORDERS,
    "regularizers": REGULARIZERS,
    "samplers": SAMPLERS,
    "schedules": SCHEDULES,
}
OWNERS = {"cell": CELLS, "regularizer": REGULARIZERS, "optimizer": OPTIMIZERS, "schedule": SCHEDULES}
"""Kinds whose entries have parameters of their own."""
FILES = {"search_spaces": ready_search_spaces, "tasks": ready_tasks}
KINDS = {
    "adapters": "kinds of data that can be read: `adapter`",
    "cells": "recurrent cells: the parameter `cell`",
    "findings": "problems of a training that are detected and reported",
    "initializers": "initial values of the weights: the parameter `initializer`",
    "optimizers": "optimizers of the weights: the parameter `optimizer`",
    "parameters": "every parameter that a search space can have",
    "poolings": "how the steps of a sequence become one vector: the parameter `pooling`",
    "probes": "what is measured while a network trains: `diagnostics.level`",
    "pruners": "rules that end unpromising trials early: `pruner.name`",
    "recorders": "where trials are recorded: `tracking.recorder`",
    "regularizers": "dropout and other regularization, each a parameter of its own",
    "samplers": "methods that suggest configurations: `sampler.name`",
    "schedules": "learning rate schedules: the parameter `schedule`",
    "search_spaces": "ready search spaces: `search_space`",
    "sources": "ready data sets: `data.source`",
    "tasks": "ready task files, to run or to copy from",
}
"""Kind -> what it is, for `list`."""
SEARCHABLE = "Searchable as data."
"""What the description of an adapter's option says that may be searched."""


def kinds() -> list[str]:
    """What can be listed."""
    return list(KINDS)


def describe(kind: str) -> list[dict[str, Any]]:
    """The entries of a kind: `name`, `summary`, `parameters`, `source`."""
    if kind == "sources":
        return [
            {
                "name": f"{adapter}: {row['name']}",
                **{key: row[key] for key in ("summary", "parameters", "source")},
            }
            for adapter, catalog in SOURCES.items()
            for row in _rows(catalog)
        ]
    if kind == "parameters":
        return _parameters()
    if kind in FILES:
        return [
            {
                "name": name,
                "summary": first_comment(path.read_text()),
                "parameters": sorted(read_yaml(path).value),
                "source": str(path),
            }
            for name, path in sorted(FILES[kind]().items())
        ]
    return _rows(CATALOGS[kind])


def left_out(kind: str) -> list[str]:
    """A sentence for each installed entry that `describe` leaves out."""
    catalogs = [CATALOGS[kind]] if kind in CATALOGS else CATALOGS.values() if kind == "parameters" else ()
    return [sentence for catalog in catalogs for sentence in catalog.left_out()]


def task_schema_with_names() -> dict[str, Any]:
    """The JSON Schema of task files, with the names that this installation knows."""
    return task_schema(adapters=ADAPTERS, samplers=SAMPLERS, pruners=PRUNERS, recorders=RECORDERS)


def _rows(catalog: Catalog) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "summary": catalog[name].summary,
            "parameters": list(catalog[name].parameters()),
            "source": catalog[name].source,
        }
        for name in catalog
    ]


def parameter_models() -> Iterator[tuple[str, str, type[Options], str]]:
    """Every options model whose fields can be searched, as (kind of its owner, the owner's name, model, source).

    Of adapters it is their whole model, of which those fields count whose description says so (`SEARCHABLE`).
    """
    yield "network", "every network", NetOptions, ""
    yield "training", "every training", LearningOptions, ""
    for kind, catalog in OWNERS.items():
        for name in catalog:
            yield kind, name, catalog[name].options, catalog[name].source
    for name in ADAPTERS:
        yield "adapter", name, ADAPTERS[name].options, ""


def searched_fields(kind: str, model: type[Options]) -> dict[str, str]:
    """What the fields of a model of `parameter_models` mean, by their names in a search space."""
    meanings = {name: plain(meaning) for name, meaning in model.meanings().items()}
    if kind != "adapter":
        return {model.model_fields[name].alias or name: meaning for name, meaning in meanings.items()}
    return {f"data.{name}": meaning for name, meaning in meanings.items() if SEARCHABLE in meaning}


def plain(text: str) -> str:
    """A description in one line."""
    return " ".join(text.split())


def first_comment(text: str) -> str:
    """The comment that a file begins with, in one line."""
    lines = [line.strip() for line in text.lstrip().splitlines()]
    return plain(" ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines)))


def _parameters() -> list[dict[str, Any]]:
    """Every parameter of a search space; its `source` names what it belongs to."""
    found: dict[str, dict[str, Any]] = {}
    for kind, owner, model, _ in parameter_models():
        whose = {"network": owner, "training": owner, "regularizer": "a regularizer"}.get(kind, f"{kind} {owner}")
        for name, meaning in searched_fields(kind, model).items():
            new = {"name": name, "summary": meaning, "parameters": [], "source": whose}
            row = found.setdefault(name, new)
            if row["source"].startswith(f"{kind} ") and row["source"] != whose:
                row["source"] += f", {owner}"
    return sorted(found.values(), key=lambda row: str(row["name"]))
