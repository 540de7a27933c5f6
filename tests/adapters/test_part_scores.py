"""Scores of each series, channel and step ahead."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tuner.adapters.time_series import part_scores as module
from tuner.adapters.time_series.forecasting import Forecasting
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.reporting.part_scores import as_csv, rows_of
from tuner.training.evaluation import table

HORIZON, CHANNELS = 3, ["a", "b"]


@pytest.fixture
def frame() -> pd.DataFrame:
    """Three series of two channels; the last is shorter."""
    rng = np.random.default_rng(0)
    rows = [60, 60, 40]
    values = np.array([50, 200]) + np.cumsum(rng.normal(size=(sum(rows), 2)), axis=0)
    return pd.DataFrame({"name": np.repeat(["x", "y", "z"], rows), **dict(zip(CHANNELS, values.T, strict=True))})


def scored(folder: Path, frame: pd.DataFrame, **options: Any) -> tuple[dict[str, Any], dict[str, float]]:
    """The table of a forecast of 0 on the standardized scale, with the scores of the whole."""
    frame.to_csv(folder / "x.csv", index=False)
    asked = {"path": str(folder / "x.csv"), "series": "name", "horizon": HORIZON, "seasonality": 1, **options}
    adapter = Forecasting(ForecastingOptions(**asked))
    adapter.prepare(folder)
    problem = adapter.problem(folder)
    batches = list(problem.dataset("test").batches(7))
    size = problem.output.size
    predictions = [torch.zeros(len(b.y), HORIZON, b.y.shape[2], *((size,) if size > 1 else ())) for b in batches]
    return table(problem, "test", predictions, batches), problem.evaluate(predictions, batches)


@pytest.mark.parametrize("channel_independence", [False, True])
def test_each_part_has_the_error_of_its_own_values(
    tmp_path: Path, frame: pd.DataFrame, channel_independence: bool
) -> None:
    """By a plain loop over series, channels and steps, whether a window is one item or one per channel."""
    found, _ = scored(tmp_path, frame, val=6, test=8, channel_independence=channel_independence)
    errors: dict[tuple[str, str], list[list[float]]] = {}
    for name, one in frame.groupby("name"):
        for channel in CHANNELS:
            values = one[channel].to_numpy()
            train, known = values[:-14], values[:-8]
            unit = np.abs(np.diff(known)).mean()
            errors[str(name), channel] = [
                (np.abs(values[origin : origin + HORIZON] - train.mean()) / unit).tolist()
                for origin in range(len(values) - 8, len(values) - HORIZON + 1)
            ]
    series = {(row["name"], row["channel"]): row for row in rows_of(found, "series")}
    assert series.keys() == errors.keys()
    for key, expected in errors.items():
        assert series[key]["mase"] == pytest.approx(np.mean(expected), rel=1e-4)
        assert series[key]["windows"] == len(expected)
    steps = [row["mase"] for row in rows_of(found, "step")]
    assert steps == pytest.approx(np.mean([row for one in errors.values() for row in one], axis=0), rel=1e-4)
    for row in rows_of(found, "channel"):
        whole = np.mean([np.mean(one) for (_, channel), one in errors.items() if channel == row["channel"]])
        assert row["mase"] == pytest.approx(whole, rel=1e-4)


def test_series_count_once_however_many_windows_they_have(tmp_path: Path, frame: pd.DataFrame) -> None:
    """The first row is the mean over series; of as many windows each it is the score of the whole split, WQL too."""
    found, scores = scored(tmp_path, frame, val=6, test_windows=2, outputs="quantiles")
    (whole,) = rows_of(found, "all")
    for name in ("mase", "smape", "wql", "coverage_80"):
        assert whole[name] == pytest.approx(scores[name], rel=1e-4), name
    short = frame.drop(index=frame.index[frame["name"] == "z"][9:])
    found, scores = scored(tmp_path, short, val=3, test_windows=4)
    (whole,) = rows_of(found, "all")
    series = rows_of(found, "series")
    assert {row["windows"] for row in series} == {4, 1}
    assert whole["mase"] == pytest.approx(np.mean([row["mase"] for row in series]), rel=1e-4)
    assert whole["mase"] != pytest.approx(scores["mase"], rel=1e-3)


def test_too_many_series_have_no_row_each(tmp_path: Path, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts that stay few are there; the file is one that a spreadsheet reads."""
    monkeypatch.setattr(module, "MOST_SERIES", 5)
    found, _ = scored(tmp_path, frame, val=6, test=8)
    read = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert [row["part"] for row in read] == ["all", *["step"] * HORIZON, *["channel"] * 2]
    assert float(read[1]["mase"]) == rows_of(found, "step")[0]["mase"]
