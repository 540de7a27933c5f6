"""Classical methods that forecasts stand beside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tuner.adapters.time_series import floors as module
from tuner.adapters.time_series.forecasting import Forecasting
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.errors import DataError

ROWS, SEASON, HORIZON = 60, 4, 3


def wave(rows: int = ROWS, level: float = 20.0) -> np.ndarray:
    """A season, a trend and noise, above 0."""
    step = np.arange(rows)
    noise = np.random.default_rng(rows).normal(0, 1, rows)
    values: np.ndarray = level + step / 5 + 4 * np.sin(2 * np.pi * step / SEASON) + noise
    return values


def prepared(
    folder: Path, *values: np.ndarray, **options: object
) -> tuple[dict[str, dict[str, dict[str, float]]], str]:
    """The floors' scores and the notices of series."""
    names = np.repeat([f"s{number}" for number in range(len(values))], [len(one) for one in values])
    folder.mkdir(exist_ok=True)
    pd.DataFrame({"name": names, "y": np.concatenate(values)}).to_csv(folder / "x.csv", index=False)
    asked = {"horizon": HORIZON, "seasonality": SEASON, "val": 5, "test": 4, "floors": ["ets", "theta"], **options}
    made = Forecasting(ForecastingOptions(path=str(folder / "x.csv"), series="name", **asked)).prepare(folder)
    return json.loads(json.dumps(made.floors)), "\n".join(made.notices)


def test_scores_are_those_of_the_methods_on_the_same_windows(tmp_path: Path) -> None:
    """Fitted to all rows before the part, updated to each later window; the error over that of the naive forecast."""
    models = pytest.importorskip("statsforecast.models")  # late, as it takes seconds
    series = wave(), wave(50, 90.0)
    found, told = prepared(tmp_path, *series)
    assert "could not be fitted" not in told
    for name in ("AutoETS", "AutoTheta"):
        model = getattr(models, name)
        for split, before, after in (("val", 9, 4), ("test", 4, 0)):
            errors = []
            for values in series:
                begin, end = len(values) - before, len(values) - after
                fitted = model(season_length=SEASON).fit(values[:begin])
                naive = np.abs(values[SEASON:begin] - values[: begin - SEASON]).mean()
                for origin in range(begin, end - HORIZON + 1):
                    forecast = fitted.forward(values[:origin], HORIZON)["mean"]
                    errors += list(np.abs(forecast - values[origin : origin + HORIZON]) / naive)
            assert found[name][split]["mase"] == pytest.approx(np.mean(errors), rel=1e-6), (name, split)


def test_a_forecast_depends_on_nothing_after_its_origin(tmp_path: Path) -> None:
    """With other values in the last rows, whatever is forecast of validation rows is scored as before."""
    poisoned = wave()
    poisoned[-4:] = 1e6
    found = [prepared(tmp_path / name, one)[0] for name, one in (("a", wave()), ("b", poisoned))]
    assert [one["AutoETS"]["val"] for one in found] == [found[0]["AutoETS"]["val"]] * 2
    assert found[0]["AutoETS"]["test"] != found[1]["AutoETS"]["test"]


def test_quantiles_are_scored_where_a_networks_are(tmp_path: Path) -> None:
    """By the same levels: of normal noise about as many values lie in an interval as should."""
    rows = np.random.default_rng(0).normal(50, 5, 240)
    found, _ = prepared(tmp_path, rows, val=60, test=60, seasonality=1, outputs="quantiles")
    for scores in (found["AutoETS"]["test"], found["AutoTheta"]["test"]):
        assert 0.65 < scores["coverage_80"] < 0.93
        assert 0.85 < scores["coverage_95"] <= 1
        assert 0.04 < scores["wql"] < 0.12


def test_series_that_no_model_fits_have_the_naive_forecast(tmp_path: Path) -> None:
    """Too few rows: said, and scored all the same."""
    short = np.array([3.0, 5, 4, 1, 1, 1, 1, 1, 1, 1, 1, 7])
    found, told = prepared(tmp_path, short, wave(), floors=["theta"])
    assert "1 model of AutoTheta could not be fitted (too few rows, or a constant): the seasonal naive forecast" in told
    alone, _ = prepared(tmp_path / "alone", wave(), floors=["theta"])
    naive = np.mean([np.abs(short[origin : origin + HORIZON] - short[origin - 1]).mean() for origin in (3, 4, 5)])
    unit = np.abs(np.diff(short[:3])).mean()  # too short for a season
    both = (naive / unit + alone["AutoTheta"]["val"]["mase"]) / 2
    assert found["AutoTheta"]["val"]["mase"] == pytest.approx(both)


def test_a_long_season_is_taken_off_first(tmp_path: Path) -> None:
    """What ETS has no states for: by STL, and not left out."""
    models = pytest.importorskip("statsforecast.models")
    season = 30
    values = 20 + 5 * np.sin(2 * np.pi * np.arange(200) / season) + np.random.default_rng(0).normal(0, 0.3, 200)
    found, _ = prepared(tmp_path, values, seasonality=season, floors=["ets"])
    fitted = models.MSTL(season_length=season, trend_forecaster=models.AutoETS(model="ZZN")).fit(values[:196])
    naive = np.abs(values[season:196] - values[: 196 - season]).mean()
    errors = [
        np.abs(fitted.forward(values[:origin], HORIZON)["mean"] - values[origin : origin + HORIZON]).mean() / naive
        for origin in (196, 197)
    ]
    assert found["AutoETS"]["test"]["mase"] == pytest.approx(np.mean(errors), rel=1e-6)


def test_what_would_take_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is fitted."""
    monkeypatch.setattr(module, "MOST_FORECASTS", 4)
    with pytest.raises(DataError, match=r"must not have to make more than 4 forecasts, one per window .* got 5\b"):
        prepared(tmp_path, wave())


def test_the_package_that_is_missing_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, before the data is read."""
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(
        DataError, match=r"data.floors needs the package statsforecast.*pip install 'tuner\[classical\]'"
    ):
        prepared(tmp_path, wave())
