"""Recursive decoding: what is forecast is looked back on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from tuner.adapters.base import Forward
from tuner.adapters.time_series.forecasting import Forecasting
from tuner.adapters.time_series.forecasting_problem import ForecastingProblem
from tuner.adapters.time_series.options import ForecastingOptions

HORIZON, KEPT = 5, 0.6


def recursive(folder: Path, **options: Any) -> ForecastingProblem:
    """Two channels of two series, of which one begins shortly before it is forecast."""
    rng = np.random.default_rng(0)
    names = ["a"] * 60 + ["b"] * 17
    frame = pd.DataFrame({"name": names, "x": rng.normal(5, 2, 77), "y": rng.normal(-3, 9, 77)})
    frame.to_csv(folder / "x.csv", index=False)
    asked = {
        "path": str(folder / "x.csv"),
        "series": "name",
        "horizon": HORIZON,
        "window": 8,
        "seasonality": 2,
        **options,
    }
    adapter = Forecasting(ForecastingOptions(val=5, test=5, decoding="recursive", **asked))
    adapter.prepare(folder)
    return adapter.problem(folder)


def shrinking(segment: int, channels: int) -> Forward:
    """A network that forecasts each value as a share of that of one segment before, on its normalized scale."""

    def network(x_BTI: Tensor, lengths_B: Tensor | None) -> Tensor:
        ends_B = torch.full((len(x_BTI),), x_BTI.shape[1]) if lengths_B is None else lengths_B
        last_BI = x_BTI[torch.arange(len(x_BTI)), ends_B - 1, : segment * channels]
        return KEPT * last_BI.reshape(len(x_BTI), segment, channels)

    return network


@pytest.mark.parametrize("window_norm", ["none", "last", "standard", "seasonal"])
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("segment", [1, 2, 4])
def test_forecasts_are_fed_back_as_if_they_had_come(
    tmp_path: Path, window_norm: str, together: bool, segment: int
) -> None:
    """As a plain loop over steps has it, for windows of unlike lengths and however they are normalized."""
    problem = recursive(
        tmp_path,
        window_norm=window_norm,
        segment=segment,
        channel_independence=not together,
        channel_embedding=0 if together else 3,
    )
    channels = 2 if together else 1
    for batch in problem.dataset("test").batches(100):
        found = problem.decode(shrinking(segment, channels), batch)
        assert found.shape == (len(batch.y), HORIZON, channels)
        for row in range(len(batch.y)):
            offset_HC, level, spread = batch.y[row, HORIZON : 2 * HORIZON], batch.y[row, -5], batch.y[row, -4]
            length = batch.x.shape[1] if batch.lengths is None else int(batch.lengths[row])
            seen = list(batch.x[row, :length, : segment * channels].reshape(-1, channels))
            expected: list[Tensor] = []
            while len(expected) < HORIZON:
                step = [KEPT * value for value in seen[-segment:]]
                first = len(expected)
                expected += step
                seen += [
                    value + (offset - level) / spread for value, offset in zip(step, offset_HC[first:], strict=False)
                ]
            torch.testing.assert_close(found[row], torch.stack(expected)[:HORIZON], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("segment", [1, 8])
def test_training_learns_the_next_step_alone(tmp_path: Path, segment: int) -> None:
    """The network predicts as many rows as a step has, at most the horizon, and its loss is of these."""
    problem = recursive(tmp_path, segment=segment)
    (batch, *_) = problem.dataset("train").batches(4)
    rows = min(segment, HORIZON)
    assert problem.head(6)(torch.zeros(4, 6)).shape == (4, rows, 2)
    right = batch.y[:, :rows]
    assert float(problem.loss(right, batch)) == pytest.approx(0)
    assert float(problem.loss(right + 2, batch)) == pytest.approx(4)


def test_what_cannot_be_fed_back_is_refused() -> None:
    """Quantiles, and covariates that would have to be known."""
    for option, value in (("outputs", "quantiles"), ("past_covariates", ("z",))):
        with pytest.raises(
            ValidationError, match=f"point forecasts without covariates, and does not go with data.{option}"
        ):
            ForecastingOptions.model_validate({"path": "x.csv", "decoding": "recursive", option: value})
