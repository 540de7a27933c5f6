from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import Field

from tuner.config import (
    Options,
    load_task_file,
    parse_yaml,
    read_yaml,
    ready_search_spaces,
    ready_tasks,
    task_schema,
)
from tuner.registry import Catalog, Entry


class Data(Options):
    rate: float = Field(default=0.5, gt=0)
    """A rate, > 0."""


class Tpe(Options):
    startup: int = Field(default=10, ge=0)
    """Trials before the model, >= 0."""


class Asha(Options):
    min_epochs: int | None = Field(default=None, ge=1)
    """Epochs before the first rung, >= 1."""


class Place(Options):
    uri: str | None = None
    """A URI."""


def _catalog(kind: str, **options: type[Options]) -> Catalog:
    return Catalog(kind, {name: Entry("x:Y", name, "ours", model) for name, model in options.items()})


SCHEMA = task_schema(
    adapters=_catalog("adapter", **{"time_series/classification": Data}),
    samplers=_catalog("sampler", tpe=Tpe, random=Options),
    pruners=_catalog("pruner", asha=Asha),
    recorders=_catalog("recorder", mlflow=Place, none=Options),
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def _valid(values: Any) -> bool:
    return bool(VALIDATOR.is_valid(values))


def test_schema_is_a_schema() -> None:
    """The schema itself is valid, names its draft, and describes every key."""
    VALIDATOR.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert all({"description", "$ref"} & keys.keys() for keys in SCHEMA["properties"].values())
    assert SCHEMA["required"] == ["adapter"]


@pytest.mark.parametrize("path", ready_search_spaces().values(), ids=lambda path: path.stem)
def test_ready_search_spaces_fit(path: Path) -> None:
    """Every ready search space fits the grammar of the schema."""
    assert _valid({"adapter": "a:B", "search_space": read_yaml(path).value})


@pytest.mark.parametrize("name", ready_tasks())
def test_ready_tasks_fit(name: str) -> None:
    """Every ready task loads, and its keys but those of its adapter fit the schema."""
    values = load_task_file(ready_tasks()[name]).document.value
    assert _valid({**values, "adapter": "a:B"})


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("{adapter: time_series/classification, data: {rate: 0.1}}", True),
        ("{adapter: time_series/classification, data: {rate: 0}}", False),
        ("{adapter: time_series/classification, data: {rat: 1}}", False),
        ("{adapter: my.module:Adapter, data: {anything: 1}}", True),
        ("{adapter: unknown}", False),
        ("{name: x}", False),
        ("{adapter: a:B, budget: {trials: 0}}", False),
        ("{adapter: a:B, budget: {timeout: 1h}}", True),
        ("{adapter: a:B, trails: 1}", False),
        ("{adapter: a:B, name: a/b}", False),
        ("{adapter: a:B, device: gpu}", False),
        ("{adapter: a:B, objective: [{metric: val/x}]}", True),
        ("{adapter: a:B, sampler: {startup: 3, seed: 1}}", True),
        ("{adapter: a:B, sampler: {name: tpe, startup: -3}}", False),
        ("{adapter: a:B, sampler: {name: random, startup: 3}}", False),
        ("{adapter: a:B, sampler: {name: other}}", False),
        ("{adapter: a:B, space: {a: null, b: [1, 2], c: {low: 1, high: 2, when: {b: 1}}}}", True),
        ("{adapter: a:B, space: {x: [{value: 1, when: {b: 1}}, {value: 2, when: {b: {low: 2}}}]}}", True),
        ("{adapter: a:B, space: {x: {a: {b: 1}, c: null}}}", True),
        ("{adapter: a:B, space: {x: {low: 1}}}", False),
        ("{adapter: a:B, space: {x: {low: 1, high: 2, hihg: 1}}}", False),
        ("{adapter: a:B, space: {x: []}}", False),
        ("{adapter: a:B, space: {seed: [1, 2]}}", False),
        ("{adapter: a:B, space: {x: [{value: 1}]}}", False),
    ],
)
def test_schema_agrees_with_the_grammar(text: str, valid: bool) -> None:
    """The schema accepts what the loader accepts and refuses what an editor can know to be wrong."""
    assert _valid(parse_yaml(text, "t").value) is valid


def test_a_recorder_brings_its_own_options() -> None:
    """MLflow's URI, none or a URI; the recorder of nothing has no options, one from outside any."""
    assert _valid({"adapter": "x:Y", "tracking": {"uri": "none"}})
    assert _valid({"adapter": "x:Y", "tracking": {"recorder": "none"}})
    assert _valid({"adapter": "x:Y", "tracking": {"recorder": "my_recorder:Lines", "folder": "x"}})
    assert not _valid({"adapter": "x:Y", "tracking": {"folder": "x"}})
    assert not _valid({"adapter": "x:Y", "tracking": {"recorder": "none", "folder": "x"}})
