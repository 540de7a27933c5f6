"""Conformal intervals: what is fitted, what it stretches, and that they hold what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tuner.adapters.time_series import conformal
from tuner.adapters.time_series.forecasting import Forecasting
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.scoring import LEVELS
from tuner.config import validate_options
from tuner.errors import TaskFileError


def test_widths_hold_as_many_values_as_should() -> None:
    """Of 19 values 80 % and one more counted are 16, and 95 % all of them; those outside are further off."""
    own = torch.tensor([-3.0, -2.0, *np.linspace(-1, 1, 7), 1.0, 6.0]).double().expand(19, 1, 1, len(LEVELS))
    came = torch.linspace(-9.5, 5.5, 19).double()[torch.randperm(19, generator=torch.manual_seed(0))][:, None, None]
    came = torch.cat([came, came.new_full((1, 1, 1), torch.nan)])
    own = torch.cat([own, own[:1]])
    widths = conformal.fit(own, came)
    held = conformal.stretched(own, widths)
    assert int(((came >= held[..., 1] - 1e-9) & (came <= held[..., -2] + 1e-9)).sum()) == 16
    assert int(((came >= held[..., 0] - 1e-9) & (came <= held[..., -1] + 1e-9)).sum()) == 19
    assert (held.diff(dim=-1) >= 0).all()
    assert torch.equal(held[..., 5], own[..., 5])


@pytest.mark.parametrize("outputs", ["point", "quantiles", "student_t"])
def test_intervals_of_a_thousand_series_hold_what_they_say(tmp_path: Path, outputs: str) -> None:
    """Those of a network by chance, which are of no worth by themselves, on later rows than they were fitted on."""
    rng = np.random.default_rng(0)
    rows = rng.standard_t(3, size=(1000, 16)).cumsum(axis=1) * rng.uniform(1, 50, size=(1000, 1))
    frame = pd.DataFrame({"name": np.repeat(np.arange(1000), 16), "value": rows.ravel()})
    frame.to_parquet(tmp_path / "x.parquet")
    common = {"path": str(tmp_path / "x.parquet"), "series": "name", "targets": ["value"], "window": 4, "horizon": 2}
    options = {**common, "val": 2, "test": 2, "window_norm": "seasonal", "outputs": outputs, "conformal": True}
    adapter = Forecasting(ForecastingOptions(**options))
    prepared = adapter.prepare(tmp_path)
    problem = adapter.problem(tmp_path)
    torch.manual_seed(0)
    head = problem.head(4)

    def answered(split: Any) -> tuple[list[torch.Tensor], list[Any]]:
        (batch,) = problem.dataset(split).batches(2000)
        with torch.no_grad():
            return [head(batch.x[..., 0])], [batch]

    values = problem.fit(*answered("val"))
    scored = problem.evaluate(*answered("val"))
    assert scored["coverage_80"] == pytest.approx(0.8, abs=0.002)
    wide = problem.fitted({"interval_80": 20 * values["interval_80"]})  # one of both is given
    assert wide.fit(*answered("val")) == {"interval_95": values["interval_95"]}
    assert wide.evaluate(*answered("val"))["coverage_80"] > 0.95
    fitted = problem.fitted(values)
    assert fitted.fit(*answered("val")) == {}
    assert fitted.evaluate(*answered("val")) == pytest.approx(scored)
    found = fitted.evaluate(*answered("test"))
    assert set(found) == {metric.name for metric in adapter.metrics} == set(prepared.trivial["test"])
    assert 0.75 < found["coverage_80"] < 0.85
    assert 0.92 < found["coverage_95"] < 0.98


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outputs": "negative_binomial", "conformal": True}, "data.conformal must be false with data.outputs"),
        ({"interval_80": 1.5}, "data.interval_80 acts only with data.conformal: true"),
    ],
)
def test_what_conformal_intervals_do_not_go_with_is_refused(options: dict[str, Any], message: str) -> None:
    """Counts, and widths of intervals that there are not."""
    with pytest.raises(TaskFileError) as caught:
        validate_options(ForecastingOptions, {"path": "x.csv", **options}, key=("data",), place=lambda _: "")
    assert message in str(caught.value)
