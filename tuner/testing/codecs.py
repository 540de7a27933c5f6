"""The contract of a codec (`tuner.adapters.base.Codec`) as tests: from a tiny sweep to answers in a new process."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pandas as pd
import pytest
import torch

from tuner.adapters.catalog import ADAPTERS
from tuner.disk import events
from tuner.predict import Model, load
from tuner.testing.sweeps import run_in_process

_FRESH = """if True:
    import atexit, json, sys
    missing, *arguments = sys.argv[1:]
    sys.modules.update(dict.fromkeys(json.loads(missing)))
    atexit.register(lambda: print(*sorted({name.partition(".")[0] for name, module in sys.modules.items() if module})))
    from tuner.cli import main
    main(["predict", *arguments])
"""
"""Runs `predict` with some modules blocked, as if they were not installed, and prints the imported packages."""


def _in_a_new_process(arguments: Sequence[str], folder: Path) -> str:
    """What `_FRESH` prints, in that folder."""
    done = subprocess.run(
        [sys.executable, "-c", _FRESH, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Kept(NamedTuple):
    """What remains of a sweep after its data and study are deleted."""

    folder: Path
    """The data's folder, which contains only `raw` now."""
    model: Path
    recorded: Mapping[str, float]
    """Recorded test scores of the model's run."""
    answers: pd.DataFrame
    """A new process' answers to the raw test data, read back from the written table."""
    modules: frozenset[str]
    """Packages that this process imported."""


class CodecContract:
    """Tests of any adapter with a codec.

    In your own test file:

    class TestMine(CodecContract):
        adapter = "my_package.adapter:MyAdapter"
        raw = "test.csv"

        @staticmethod
        def data(folder):
            ...
            return {"path": "train.csv", "test_path": "test.csv"}

        @staticmethod
        def score(answers, folder):
            return {"accuracy": (answers["class"] == pd.read_csv(folder / "test.csv").label).mean()}
    """

    adapter: ClassVar[str]
    """Its name in a task file."""
    raw: ClassVar[str]
    """The file or folder with exactly the test items, as a user would give it to `predict`."""
    space: ClassVar[Mapping[str, Any]] = {"cell": ["gru"], "hidden_size": 8}
    """The search space."""
    asked: ClassVar[Mapping[str, Any]] = {}
    """Optional requests to the model, as of `predict --ask`."""

    @staticmethod
    def data(folder: Path) -> Mapping[str, Any]:
        """Write data and `raw` into a folder (later the current one), and return the adapter's options."""
        raise NotImplementedError

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> Mapping[str, float]:
        """Some of the adapter's scores, recomputed from the answers to `raw`, which is in the folder."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def kept(cls, tmp_path_factory: pytest.TempPathFactory) -> Kept:
        """A sweep's model, copied elsewhere, and its answers in a new process after all training data are deleted."""
        folder, elsewhere = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("elsewhere")
        task = {
            "name": "kept",
            "adapter": cls.adapter,
            "data": dict(cls.data(folder)),
            "search_space": dict(cls.space),
            "budget": {"trials": 1, "epochs": 2},
            "confirm": {"top": 1, "seeds": 1},
            "report": {"figures": 0},
            "tracking": {"uri": "none"},
        }
        (folder / "task.yaml").write_text(json.dumps(task))
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            finished = run_in_process("task.yaml")
        assert finished.outcome.finished
        shutil.copytree(finished.folder.model, elsewhere / "model")
        value = json.loads((elsewhere / "model/network.json").read_text())["value"]
        scores = events.read_run(finished.folder.events("test")).results["test"]
        of_model = [run for run in scores if events.read_run(finished.folder.events(run)).value == value]
        recorded = scores[of_model[0]]
        for path in folder.iterdir():
            if path.name != cls.raw:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        out = elsewhere / "answers.csv"
        missing = json.dumps(_missing(elsewhere / "model/requirements.txt"))
        asked = [word for name, value in cls.asked.items() for word in ("--ask", f"{name}={json.dumps(value)}")]
        arguments = [elsewhere / "model", folder / cls.raw, "-o", out, "--proba", "--own-code", *asked]
        told = _in_a_new_process([missing, *map(str, arguments)], elsewhere)
        return Kept(folder, elsewhere / "model", recorded, pd.read_csv(out), frozenset(told.split()))

    @pytest.fixture
    def model(self, kept: Kept) -> Model:
        """The model, opened."""
        return load(kept.model, own_code=True).asking(**self.asked)

    def test_answers_score_as_recorded(self, kept: Kept) -> None:
        """A new process' answers to the raw test data have the test scores that the sweep recorded."""
        assert kept.answers["problem"].isna().all()
        found = self.score(kept.answers, kept.folder)
        assert found
        assert found == {name: pytest.approx(kept.recorded[name], abs=1e-6) for name in found}

    def test_nothing_of_a_search_is_needed(self, kept: Kept) -> None:
        """Those answers needed only the model's requirements: no Ray, Optuna, MLflow or Matplotlib."""
        assert {"click", "torch"} <= kept.modules
        assert {"ray", "optuna", "mlflow", "matplotlib"} <= set(_missing(kept.model / "requirements.txt"))

    def test_the_requirements_name_what_is_imported(self, kept: Kept) -> None:
        """Of the dependencies of `tuner`, a model imports only those in its requirements."""
        lines = (kept.model / "requirements.txt").read_text().splitlines()
        known = _providers()
        imported = {_plain(name) for module in kept.modules for name in known.get(module, ())}
        assert imported & set(_depended("tuner")) <= {_plain(line) for line in lines}

    def test_the_folder_has_what_the_adapter_names(self, kept: Kept) -> None:
        """A model contains only the prepared files that the adapter names, and no executable code."""
        assert {path.name for path in (kept.model / "preprocess").iterdir()} == set(
            ADAPTERS[self.adapter].load().model_files
        )
        assert not [path for path in kept.model.rglob("*") if path.suffix in (".py", ".pkl", ".pt")]

    def test_an_item_alone_is_answered_as_in_a_batch(self, kept: Kept, model: Model) -> None:
        """Answers do not depend on padding or on other items in the batch."""
        items = list(model.codec.read(kept.folder / self.raw))
        together = [rows for _, rows in model.answers(items, proba=True)]
        for item, rows in zip(items, together, strict=True):
            ((_, alone),) = model.answers([item], proba=True)
            assert len(alone) == len(rows)
            for one, other in zip(alone, rows, strict=True):
                assert one == {
                    name: pytest.approx(value, abs=1e-5) if isinstance(value, float) else value
                    for name, value in other.items()
                }

    def test_answers_have_their_columns(self, kept: Kept, model: Model) -> None:
        """Answers have the columns and types of `Codec.columns`, with and without probabilities."""
        items = list(model.codec.read(kept.folder / self.raw))[:3]
        for proba in (False, True):
            columns = model.codec.columns(proba=proba)
            with torch.inference_mode():
                rows = model.codec.answer(model.network, items, proba=proba)
            assert len(rows) == len(items)
            for row in (each for of_item in rows for each in of_item):
                assert {name: type(value) for name, value in row.items()} == columns

    def test_what_cannot_be_read_keeps_its_place(self, kept: Kept, model: Model) -> None:
        """Unreadable items keep their rows, with a problem; the other items are answered."""
        whole = list(model.codec.read(kept.folder / self.raw))[:1]
        broken = next(iter(model.codec.items([object()])))
        assert broken.x is None
        assert broken.problem
        found = [rows for _, rows in model.answers([broken, *whole, broken])]
        assert [bool(rows[0]["problem"]) for rows in found] == [True, False, True]
        assert all(list(rows[0]) == list(model.columns()) for rows in found)


def _missing(requirements: Path) -> list[str]:
    """Modules of the dependencies of `tuner` that a model's requirements neither name nor depend on."""
    there, left = {""}, [_plain(line) for line in requirements.read_text().splitlines()]
    while left:
        if (name := left.pop()) not in there:
            there.add(name)
            left += _depended(name)
    gone = set(_depended("tuner")) - there
    known = {module: set(map(_plain, names)) for module, names in _providers().items()}
    return sorted(module for module, names in known.items() if names & gone and not names & there)


@cache
def _providers() -> Mapping[str, list[str]]:
    """The installed packages of each module; looking through all of them takes a fifth of a second."""
    return packages_distributions()


def _depended(package: str) -> list[str]:
    """The requirements of an installed package, without its extras."""
    try:
        return [_plain(line) for line in requires(package) or () if "extra ==" not in line]
    except PackageNotFoundError:
        return []


def _plain(requirement: str) -> str:
    """The normalized package name of a requirement, without versions."""
    name: str = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
