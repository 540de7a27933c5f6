"""The contract of a codec (`tuner.adapters.base.Codec`) as tests: from a tiny sweep to answers in a fresh process."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
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
"""`predict` where some modules are not installed; in the end it prints what was imported."""


class Kept(NamedTuple):
    """What is left of a sweep when its data and its study are deleted."""

    folder: Path
    """Of the data; only `raw` is still in it."""
    model: Path
    recorded: Mapping[str, float]
    """Scores of the model's run on test data."""
    answers: pd.DataFrame
    """To the raw test data, by a fresh process, as a table reads them again."""
    modules: frozenset[str]
    """What that process has imported."""


class CodecContract:
    """Tests of any adapter with a codec.

    In a test file of one's own:

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
    """The file or folder that holds all test items, and nothing else, as a user would bring them."""
    space: ClassVar[Mapping[str, Any]] = {"cell": ["gru"], "hidden_size": 8}
    """The search space."""
    asked: ClassVar[Mapping[str, Any]] = {}
    """What is asked of the model, where it offers more than it answers by itself."""

    @staticmethod
    def data(folder: Path) -> Mapping[str, Any]:
        """Write data and `raw` into a folder, which becomes the current one; returns the adapter's options."""
        raise NotImplementedError

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> Mapping[str, float]:
        """Some of the adapter's scores, computed anew from answers to `raw`, which lies in the folder."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def kept(cls, tmp_path_factory: pytest.TempPathFactory) -> Kept:
        """A sweep's model, moved away, and its answers in a fresh process once all training data are deleted."""
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
        done = subprocess.run(
            [sys.executable, "-c", _FRESH, missing, *map(str, arguments)],
            cwd=elsewhere,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Kept(folder, elsewhere / "model", recorded, pd.read_csv(out), frozenset(done.stdout.split()))

    @pytest.fixture
    def model(self, kept: Kept) -> Model:
        """The model, opened."""
        return load(kept.model, own_code=True).asking(**self.asked)

    def test_answers_score_as_recorded(self, kept: Kept) -> None:
        """What a fresh process answers to raw test data has the scores that the sweep has recorded."""
        assert kept.answers["problem"].isna().all()
        found = self.score(kept.answers, kept.folder)
        assert found
        assert found == {name: pytest.approx(kept.recorded[name], abs=1e-6) for name in found}

    def test_nothing_of_a_search_is_needed(self, kept: Kept) -> None:
        """Those answers came of `predict` where nothing is installed but what the model's requirements name or bring:
        no Ray, Optuna, MLflow or Matplotlib."""  # noqa: D205, D209 - one sentence
        assert {"click", "torch"} <= kept.modules
        assert {"ray", "optuna", "mlflow", "matplotlib"} <= set(_missing(kept.model / "requirements.txt"))

    def test_the_requirements_name_what_is_imported(self, kept: Kept) -> None:
        """Of what `tuner` depends on, a model imports nothing that is not in its requirements."""
        lines = (kept.model / "requirements.txt").read_text().splitlines()
        known = packages_distributions()
        imported = {_plain(name) for module in kept.modules for name in known.get(module, ())}
        assert imported & set(_depended("tuner")) <= {_plain(line) for line in lines}

    def test_the_folder_has_what_the_adapter_names(self, kept: Kept) -> None:
        """No other file of prepared data goes with a model, and no file is executable code."""
        assert {path.name for path in (kept.model / "preprocess").iterdir()} == set(
            ADAPTERS[self.adapter].load().model_files
        )
        assert not [path for path in kept.model.rglob("*") if path.suffix in (".py", ".pkl", ".pt")]

    def test_an_item_alone_is_answered_as_in_a_batch(self, kept: Kept, model: Model) -> None:
        """Padding and neighbours do not matter."""
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
        """With probabilities and without, answers have the columns that are told, of the types that are told."""
        items = list(model.codec.read(kept.folder / self.raw))[:3]
        for proba in (False, True):
            columns = model.codec.columns(proba=proba)
            with torch.inference_mode():
                rows = model.codec.answer(model.network, items, proba=proba)
            assert len(rows) == len(items)
            for row in (each for of_item in rows for each in of_item):
                assert {name: type(value) for name, value in row.items()} == columns

    def test_what_cannot_be_read_keeps_its_place(self, kept: Kept, model: Model) -> None:
        """Beside values that are none, others are answered; each of the former is named."""
        whole = list(model.codec.read(kept.folder / self.raw))[:1]
        broken = next(iter(model.codec.items([object()])))
        assert broken.x is None
        assert broken.problem
        found = [rows for _, rows in model.answers([broken, *whole, broken])]
        assert [bool(rows[0]["problem"]) for rows in found] == [True, False, True]
        assert all(list(rows[0]) == list(model.columns()) for rows in found)


def _missing(requirements: Path) -> list[str]:
    """Modules of what `tuner` depends on, of packages that a model's requirements neither name nor bring."""
    there, left = {""}, [_plain(line) for line in requirements.read_text().splitlines()]
    while left:
        if (name := left.pop()) not in there:
            there.add(name)
            left += _depended(name)
    gone = set(_depended("tuner")) - there
    known = {module: set(map(_plain, names)) for module, names in packages_distributions().items()}
    return sorted(module for module, names in known.items() if names & gone and not names & there)


def _depended(package: str) -> list[str]:
    """What an installed package requires, without its extras."""
    try:
        return [_plain(line) for line in requires(package) or () if "extra ==" not in line]
    except PackageNotFoundError:
        return []


def _plain(requirement: str) -> str:
    """A package's name as an index knows it, without its versions."""
    name: str = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
