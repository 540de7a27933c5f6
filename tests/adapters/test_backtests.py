"""Backtests: parts that hold so many windows, one horizon apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from tuner.adapters.base import Split
from tuner.adapters.time_series.forecasting import Forecasting
from tuner.adapters.time_series.forecasting_problem import ForecastingProblem
from tuner.adapters.time_series.options import ForecastingOptions

HORIZON = 5


def backtest(folder: Path, rows: list[int], **options: Any) -> tuple[ForecastingProblem, list[str], dict[str, Any]]:
    """The problem, what was told, and the trivial scores, of series of such lengths whose values are their rows."""
    names = np.repeat([f"s{number}" for number in range(len(rows))], rows)
    values = np.concatenate([np.arange(each) for each in rows])
    folder.mkdir(exist_ok=True)
    pd.DataFrame({"name": names, "y": values}).to_csv(folder / "x.csv", index=False)
    asked = {"path": str(folder / "x.csv"), "series": "name", "horizon": HORIZON, "seasonality": 1, **options}
    adapter = Forecasting(ForecastingOptions(**asked))
    made = adapter.prepare(folder)
    return adapter.problem(folder), list(made.notices), dict(made.trivial)


def first_targets(problem: ForecastingProblem, split: Split) -> list[list[int]]:
    """The row that each window forecasts first, of every series, the longest first."""
    found: dict[float, list[int]] = {}
    for batch in problem.dataset(split).batches(64):
        for y_KC in batch.y.double():
            mean, scale = float(y_KC[-3, 0]), float(y_KC[-2, 0])
            found.setdefault(mean, []).append(round(float(y_KC[0, 0]) * scale + mean))
    return sorted((sorted(origins) for origins in found.values()), key=max, reverse=True)


def test_windows_follow_each_other_without_a_row_in_common(tmp_path: Path) -> None:
    """Before the test part, and up to the end of the series; training ends before the first."""
    problem, told, _ = backtest(tmp_path, [100], windows=3, test_windows=2)
    assert first_targets(problem, "val") == [[75, 80, 85]]
    assert first_targets(problem, "test") == [[90, 95]]
    assert int(problem.parts.train[0]) == 75
    assert not [each for each in told if "windows" in each]


def test_a_part_of_rows_has_a_forecast_from_every_row(tmp_path: Path) -> None:
    """Beside windows, too: each part is as it was asked for."""
    problem, _, _ = backtest(tmp_path, [100], windows=2, test=7)
    assert first_targets(problem, "val") == [[83, 88]]
    assert first_targets(problem, "test") == [[93, 94, 95]]


def test_a_series_that_is_too_short_has_fewer_windows(tmp_path: Path) -> None:
    """One at least, and enough before the first to learn from; it is said of how many."""
    problem, told, _ = backtest(tmp_path, [100, 24], windows=4, test=5)
    assert first_targets(problem, "val") == [[75, 80, 85, 90], [9, 14]]
    assert "1 of 2 series are too short for all windows that are asked for, and have fewer" in told


def test_a_validation_score_is_the_mean_over_the_windows(tmp_path: Path) -> None:
    """Of a forecast that repeats the last row, as of the trivial predictor."""
    problem, _, trivial = backtest(tmp_path, [100], windows=3, test=5)
    batches = list(problem.dataset("val").batches(64))
    repeated = [
        (batch.x[torch.arange(len(batch.x)), -1][:, None].expand(-1, HORIZON, -1)).contiguous() for batch in batches
    ]
    scores = problem.evaluate(repeated, batches)
    assert scores["mase"] == pytest.approx(np.mean([np.arange(1, HORIZON + 1).mean()] * 3), rel=1e-5)
    assert trivial["val"]["mase"] == pytest.approx(scores["mase"], rel=1e-5)


@pytest.mark.parametrize(("windows", "part"), [("windows", "val"), ("test_windows", "test")])
def test_a_part_is_told_once(windows: str, part: str) -> None:
    """In windows or in rows."""
    with pytest.raises(ValidationError, match=f"data.{windows} must be left out with data.{part}, which also sets"):
        ForecastingOptions(path="x.csv", **{windows: 2, part: 0.2})


def test_errors_are_counted_as_mase_counts_them(tmp_path: Path) -> None:
    """A training loss of absolute errors, in units of the naive forecast's, is the MASE of the training windows."""
    options = {"path": str(tmp_path / "x.csv"), "series": "name", "horizon": HORIZON, "seasonality": 1, "loss": "mae"}
    backtest(tmp_path, [60, 40])
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"name": ["a"] * 60 + ["b"] * 40, "y": np.cumsum(rng.normal(size=100)) + np.arange(100)})
    frame.to_csv(tmp_path / "x.csv", index=False)
    adapter = Forecasting(ForecastingOptions(**options, loss_scale="naive"))
    (tmp_path / "out").mkdir()
    adapter.prepare(tmp_path / "out")
    problem = adapter.problem(tmp_path / "out")
    (batch,) = problem.dataset("val").batches(1000)
    prediction = torch.zeros(len(batch.y), HORIZON, 1)
    assert float(problem.loss(prediction, batch)) == pytest.approx(problem.evaluate([prediction], [batch])["mase"])


@pytest.mark.parametrize("outputs", ["student_t", "negative_binomial"])
def test_a_likelihood_has_no_scale(outputs: str) -> None:
    """It is refused, where it would change nothing."""
    with pytest.raises(ValidationError, match=f"acts only with data.outputs point or quantiles, not {outputs}"):
        ForecastingOptions.model_validate({"path": "x.csv", "outputs": outputs, "loss_scale": "naive"})
