"""Every catalog by the name that `list` knows it by. Imports nothing heavy."""

from __future__ import annotations

from typing import Any

from tuner.adapters.catalog import ADAPTERS, SOURCES
from tuner.config import read_yaml, ready_search_spaces, ready_tasks, task_schema
from tuner.diagnostics.catalog import FINDINGS, PROBES
from tuner.nets.catalog import CELLS, INITIALIZERS, POOLINGS, REGULARIZERS, NetOptions
from tuner.optim.catalog import OPTIMIZERS, SCHEDULES, LearningOptions
from tuner.recording.catalog import RECORDERS
from tuner.registry import Catalog
from tuner.study.catalog import PRUNERS, SAMPLERS

_CATALOGS: dict[str, Catalog] = {
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
_OWNERS = {"cell": CELLS, "regularizer": REGULARIZERS, "optimizer": OPTIMIZERS, "schedule": SCHEDULES}
"""Choices that bring parameters of their own."""
_FILES = {"search_spaces": ready_search_spaces, "tasks": ready_tasks}


def kinds() -> list[str]:
    """What can be listed."""
    return sorted([*_CATALOGS, *_FILES, "parameters", "sources"])


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
    if kind in _FILES:
        return [
            {
                "name": name,
                "summary": _first_comment(path.read_text()),
                "parameters": sorted(read_yaml(path).value),
                "source": str(path),
            }
            for name, path in sorted(_FILES[kind]().items())
        ]
    return _rows(_CATALOGS[kind])


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


def _parameters() -> list[dict[str, Any]]:
    """Every parameter of a search space, but for `data.*`; its source is what it acts with."""
    found: dict[str, dict[str, Any]] = {}
    for model, whose in ((NetOptions, "every network"), (LearningOptions, "every training")):
        for name, field in model.model_fields.items():
            found[name] = {"name": name, "summary": field.description or "", "parameters": [], "source": whose}
    for kind, catalog in _OWNERS.items():
        for entry in catalog:
            for name, summary in catalog[entry].parameters().items():
                whose = "a regularizer" if kind == "regularizer" else f"{kind} {entry}"
                row = found.setdefault(name, {"name": name, "summary": summary, "parameters": [], "source": whose})
                if row["source"].startswith(f"{kind} ") and row["source"] != whose:
                    row["source"] += f", {entry}"
    return sorted(found.values(), key=lambda row: str(row["name"]))


def _first_comment(text: str) -> str:
    first = text.lstrip().partition("\n")[0]
    return first.lstrip("# ").rstrip() if first.startswith("#") else ""
