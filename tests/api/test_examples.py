"""The scripts of examples/ run, with a budget of their least."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import tuner

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))
LEAST = {
    "budget": {"trials": 2, "epochs": 1},
    "confirm": {"top": 1, "seeds": 1},
    "report": {"figures": 0},
    "tracking": {"uri": "none"},
    "ray": {"address": "in-process"},
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In an empty folder, to its last line; it is short, and its study is finished."""
    real = tuner.run

    def run(task: Mapping[str, Any], **changes: Any) -> tuner.Study:
        return real(task, **{**LEAST, **changes})

    monkeypatch.setattr(tuner, "run", run)
    monkeypatch.chdir(tmp_path)
    found = runpy.run_path(str(example), run_name="__main__")
    assert found["study"].finished
    assert f"study {found['study'].name}: 2 trials" in capsys.readouterr().out
    assert len(example.read_text().splitlines()) < 40


def test_each_kind_of_data_has_an_example() -> None:
    """Texts, series to be classified, forecasts, speech."""
    assert [path.stem for path in EXAMPLES] == ["forecasting", "series", "speech", "texts"]
