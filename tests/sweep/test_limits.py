"""Values at the edge of what a task file may say, and of what a machine has: taken, or refused in one line."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from tests.support.tiny import write_task
from tuner.cli import main
from tuner.config import TaskFile
from tuner.errors import UserError
from tuner.solo import preview
from tuner.task import machine, resolve_task
from tuner.task.machine import check_machine, devices
from tuner.task.specs import unpruned
from tuner.training.probe import probe

VALUES = ["0", "-1", "1", "1e18", "1.5", "-0.5", ".nan", ".inf", "-.inf", "1e-320", "9223372036854775808", "true", "[]"]
VALUES += ["null", "''", "{}", "0s", "-1s", "1e9", "99999999999d", "1e400", "0B", "-1GB", "9999999TB"]


def keys(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """Every key of the task file, dotted."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys(kind, f"{before}{name}.")
        else:
            yield before + name


KEYS = [*keys(TaskFile), "storage.folder", "storage.study", "storage.checkpoints", "objective.metric"]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task file in the current folder."""
    monkeypatch.chdir(tmp_path)
    return write_task(tmp_path)


def answer(path: Path, change: str) -> TaskFile | str:
    """What the task file says with a change, or why it is refused."""
    try:
        return resolve_task(path, [change]).file
    except UserError as error:
        return str(error)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_takes_a_value_or_refuses_it_in_a_line(path: Path, key: str) -> None:
    """Numbers that are none, too large, too small or of the wrong kind are told with key, rule and value."""
    for value in VALUES:
        file = answer(path, f"{key}={value}")
        if isinstance(file, str):
            assert "\n" not in file
            assert key.partition(".")[0] in file
            continue
        taken: Any = file
        for part in key.split("."):
            taken = getattr(taken, part, None)
        if isinstance(taken, float):
            assert math.isfinite(taken)
            assert taken >= 0


REFUSED = [
    *(f"ray.address={address}" for address in ("head:99999", "ray://head:0", "head:port", "'[::1]:65536'", "head")),
    "ray.temp_dir=tmp/ray",
    "attempts.stall=500ms",
    "attempts.stall=9.9",
    "budget.timeout=2e9",
    "resources.gpus=1e-9",
    "resources.gpus=1.5",
    *(f"tracking.uri={uri}" for uri in ("foo://x", "http://", "http://:5000", "http://host:99999", "http://host:0")),
    *(
        f"tracking.uri={uri}"
        for uri in ("'http://ho st:1'", "https://host:port", "mysql://me:p@host:99999/d", "http://[:1")
    ),
    *(f"storage={url}" for url in ("postgresql://host:99999/d", "postgresql://a:1,b:x/d", "s3://", "s3:///prefix")),
    *(f"storage={url}" for url in ("postgresql:/me:p@host/d", "postgres//me:p@host/d", "s3:/bucket", "http:me")),
]


@pytest.mark.parametrize("change", REFUSED)
def test_addresses_and_limits_that_cannot_be_are_refused(path: Path, change: str) -> None:
    """When the task file is read, with the key that is at fault."""
    with pytest.raises(UserError) as caught:
        resolve_task(path, [change])
    assert change.partition("=")[0] in str(caught.value)
    assert "\n" not in str(caught.value)


TAKEN = [
    *(
        f"ray.address={address}"
        for address in ("head:1", "head:65535", "head:06379", "'[::1]:6379'", "ray://h-1.lab:10001")
    ),
    *(f"tracking.uri={uri}" for uri in ("http://host", "http://me:p:a/ss@host:5000/x", "postgresql:///runs?host=/run")),
    "storage=postgresql://me:p@ss@first:5432,[::1]/runs?options=a@b:c",
    *(f"storage={folder}" for folder in ("/scratch/me@lab/a:b", "runs:2026", "s3/x", "//share/runs", "gs")),
    "attempts.stall=10s",
    "resources.gpus=0.001",
]


@pytest.mark.parametrize("change", TAKEN)
def test_addresses_and_limits_that_can_be_are_taken(path: Path, change: str) -> None:
    """Lowest and highest ports, passwords with signs in them, a database's socket."""
    resolve_task(path, [change])


def test_a_database_without_its_driver_is_told_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the study and of MLflow: before the data are looked at, with the package that is missing."""
    for module in ("psycopg", "MySQLdb"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=r"storage\.study needs the package psycopg\. Install the extra"):
        resolve_task(path, ["storage.study=postgresql://me@host/runs", "data.path=gone.csv"])
    with pytest.raises(UserError, match=r"tracking\.uri needs the Python module MySQLdb, the database's driver\. Inst"):
        resolve_task(path, ["tracking.uri=mysql://me@host/runs"])
    with pytest.raises(UserError, match=r"tracking\.uri must name a driver that SQLAlchemy knows"):
        resolve_task(path, ["tracking.uri=mysql+nobody://me@host/runs"])


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_pruner_that_can_stop_no_trial_is_told(path: Path, name: str) -> None:
    """No trial is pruned after half of its budget: one line where the first rung lies beyond it, else none."""
    changes = [f"pruner.name={name}", "budget.epochs=8"]
    assert unpruned(resolve_task(path, changes)) == []
    assert unpruned(resolve_task(path, [*changes, "pruner.min_epochs=4"])) == []
    late = resolve_task(path, [*changes, "pruner.min_epochs=5"])
    (sentence,) = unpruned(late)
    assert sentence.startswith(
        f"pruner {name} stops no trial: pruner.min_epochs (5) is beyond half of budget.epochs (8)"
    )
    assert sentence in preview(late, timing=False)["notices"]


def test_a_gpu_of_ones_own_is_numbered_from_zero(path: Path) -> None:
    """With one GPU each, a trial sees no cuda:1; with two, or without a GPU of its own, it may."""
    with pytest.raises(UserError, match=r"gpus \(1\) gives each trial, numbered from 0, but got 'cuda:1'. Leave"):
        resolve_task(path, ["device=cuda:1", "resources.gpus=1"])
    resolve_task(path, ["device=cuda:1", "resources.gpus=2"])
    resolve_task(path, ["device=cuda:1"])


class TestTheMachine:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ("resources.cpus=1000", r"resources\.cpus must be at most the CPUs of this machine, 4, but got 1000\."),
            ("resources.workers=99999", r"workers must be at most what this machine's memory holds, \d+ of 256 MB "),
            ("resources.gpus=2", r"resources\.gpus must be at most the GPUs that torch finds here, 1, but got 2\.0"),
            ("device=cuda:1", r"device must be one that torch finds on this machine.*It finds cpu, cuda:0; leave"),
            ("device=mps", r"device must be one that torch finds on this machine, but got 'mps'"),
        ],
    )
    def test_what_it_has_not_is_refused(
        self, path: Path, change: str, words: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With the place of the change, whether trials run in this process or on a Ray of our own."""
        monkeypatch.setattr("os.cpu_count", lambda: 4)
        monkeypatch.setattr(machine, "devices", lambda: ["cpu", "cuda:0"])
        for address in machine.HERE:
            with pytest.raises(UserError, match=words) as caught:
                check_machine(resolve_task(path, [f"ray.address={address}", change]))
            assert str(caught.value).startswith(f"--set {change}: ")
        check_machine(resolve_task(path, ["ray.address=auto", change]))

    def test_what_it_has_is_taken(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """All of its CPUs, more workers than CPUs, its GPU whole or shared, by number or not."""
        monkeypatch.setattr("os.cpu_count", lambda: 4)
        monkeypatch.setattr(machine, "devices", lambda: ["cpu", "cuda:0"])
        for sets in (
            ["resources.cpus=4", "resources.workers=8"],
            ["resources.gpus=1", "device=cuda"],
            ["resources.gpus=0.25", "device=cuda:0"],
            ["device=cpu"],
        ):
            check_machine(resolve_task(path, sets))

    def test_commands_that_train_here_refuse_a_device_that_is_not_here(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`lr-range` and `diagnose` in one line; `validate` says what it does without, as a sweep may run elsewhere."""
        sets = ["--set", "device=cuda:99"]
        done = CliRunner().invoke(main, ["lr-range", str(path), "--steps", "10", *sets])
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith(
            "device must be one that torch finds on this machine, but got 'cuda:99'. It finds"
        )
        done = CliRunner().invoke(main, ["diagnose", str(path), "--params", "baseline", *sets])
        assert done.exit_code == 2
        assert "device must be one that torch finds on this machine, but got 'cuda:99'" in done.stderr
        monkeypatch.setattr(machine, "devices", lambda: ["cpu"])
        done = CliRunner().invoke(main, ["validate", str(path), *sets])
        assert done.exit_code == 0
        assert "note: device cuda:99 is not on this machine: no step is timed, nothing is tried" in done.stdout

    def test_a_node_without_the_device_says_so(self) -> None:
        """A cluster's nodes are asked like this, before anything is sent there."""
        question = {"adapter": "time_series/classification", "device": "cuda:99"}
        assert probe(question).startswith("train on device cuda:99: device must be one that torch finds")

    def test_torch_is_asked_in_another_process(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """There is always the CPU; torch is not imported here for that, nor a file here that has its name."""
        monkeypatch.chdir(tmp_path)
        for name in ("torch", "queue", "tuner"):
            (tmp_path / f"{name}.py").write_text("raise RuntimeError")
        assert devices()[0] == "cpu"
