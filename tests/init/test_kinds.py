"""`init` on files of many kinds: what they are taken for, and that the task files it writes are sound."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.support.command import tuner
from tests.support.users_files import KINDS
from tuner.sweep import Sweep
from tuner.task import resolve_task


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each kind; the current folder is an empty one."""
    monkeypatch.chdir(tmp_path)
    return str(request.param)


def test_each_kind_is_recognized_and_its_task_file_is_accepted(kind: str, tmp_path: Path) -> None:
    """Adapter, columns and the rest are right, guesses are called guesses, and `validate` takes the file unchanged."""
    made = KINDS[kind]
    files = made.make(tmp_path)
    told = tuner("init", *files, "-o", "task.yaml", "--no-timing").stderr
    text = Path("task.yaml").read_text(encoding="utf-8")
    task = yaml.safe_load(text)
    assert (task["adapter"], task["data"]) == (made.adapter, made.data)
    tuner("validate", "task.yaml", "--no-timing")
    assert "trivial score: val/" in told
    for line in _inferred(text):
        assert "#" in line, line
    for option in made.data:
        above, _, behind = _around(text, option)
        assert ("a guess: " in above + behind) == (option in made.guessed), option


def test_one_kind_per_family_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep of the written file, with the smallest budget, ends with a trial that counts."""
    monkeypatch.chdir(tmp_path)
    for kind in ("json lines", "several series", "manifest"):
        files = KINDS[kind].make(tmp_path)
        tuner("init", *files, "-o", f"{files[0]}.yaml", "--no-timing")
        sets = ["budget.trials=1", "budget.epochs=1", "confirm.top=0", "tracking.uri=none", "ray.address=in-process"]
        outcome = Sweep(resolve_task(f"{files[0]}.yaml", sets), lambda *_, **__: None).run()
        assert outcome.usable, kind


@pytest.mark.parametrize(("steps", "space"), [(30, "quick"), (120, "series")])
def test_long_items_get_the_space_for_them(steps: int, space: str, tmp_path: Path) -> None:
    """By their steps, in arrays, as a row per item, and as a row per step."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, steps)), np.array(["low", "high"] * 6)
    np.savez(tmp_path / "x.npz", X=x, y=y)
    wide = pd.DataFrame(x, columns=[f"t{step}" for step in range(steps)]).assign(label=y)
    wide.to_csv(tmp_path / "wide.csv", index=False)
    rows = {"item": np.repeat(range(12), steps), "v": x.ravel(), "label": np.repeat(y, steps)}
    pd.DataFrame(rows).to_csv(tmp_path / "long.csv", index=False)
    for name in ("x.npz", "wide.csv", "long.csv"):
        written = tuner("init", str(tmp_path / name), "--adapter", "time_series/classification", "--no-check").stdout
        assert yaml.safe_load(written)["search_space"] == space, name


@pytest.mark.parametrize(("by", "label"), [("label", "label"), ("state", "state"), ("label", "step")])
@pytest.mark.parametrize("order", ["step", "shuffled"])
def test_labelled_items_are_known_whatever_the_order_of_rows(order: str, by: str, label: str, tmp_path: Path) -> None:
    """Where times put them in theirs, and where a column is named label; other classes may be covariates."""
    rng, steps = np.random.default_rng(0), 30
    rows = pd.DataFrame({"item": np.repeat(range(20), steps), "step": np.tile(range(steps), 20), "v": rng.random(600)})
    changing = label == "step"
    rows[by] = np.where((rows["step"] // 10 if changing else rows["item"]) % 2, "low", "high")
    rows.to_csv(tmp_path / "sorted.csv", index=False)
    mixed = rows.sample(frac=1, random_state=0) if order == "shuffled" else rows.sort_values("step", kind="stable")
    mixed.to_csv(tmp_path / "mixed.csv", index=False)
    wanted, found = (
        yaml.safe_load(tuner("init", str(tmp_path / f"{name}.csv"), "--no-check").stdout)
        for name in ("sorted", "mixed")
    )
    if by == "label":
        kind = "labelling" if changing else "classification"
        assert (wanted["adapter"], wanted["data"].pop("path")) == (f"time_series/{kind}", str(tmp_path / "sorted.csv"))
        assert found["data"].pop("path")
        assert found == {**wanted, "name": "mixed"}
    else:
        assert (found["adapter"], found["data"]["series"]) == ("time_series/forecasting", "item")


@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_a_number_that_is_the_same_within_items_is_not_forecast(order: str, tmp_path: Path) -> None:
    """Named as one to predict, beside times; one that changes is forecast."""
    rng, steps = np.random.default_rng(0), 30
    rows = pd.DataFrame({"unit": np.repeat(range(20), steps), "time": np.tile(range(steps), 20), "v": rng.random(600)})
    for name, cells in (("regression", np.repeat(rng.random(20), steps)), ("forecasting", rng.random(600))):
        table = rows.assign(rul=cells)
        table = table.sample(frac=1, random_state=0) if order == "shuffled" else table
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        task = yaml.safe_load(tuner("init", str(tmp_path / f"{name}.csv"), "--no-check").stdout)
        assert task["adapter"] == f"time_series/{name}"


def _inferred(text: str) -> list[str]:
    """The lines that say something, each with those above it that are comments."""
    lines, above = [], ""
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            above += line
        elif line.strip() and not line.endswith(":"):
            lines.append(above + line)
            above = ""
    return lines


def _around(text: str, option: str) -> tuple[str, str, str]:
    """The comment above an option's line, the line, and the comment behind it."""
    found = re.search(rf"((?:^  #[^\n]*\n)*)^  {option}: ([^#\n]*)(#[^\n]*)?$", text, re.MULTILINE)
    assert found, option
    return found[1], found[2], found[3] or ""
