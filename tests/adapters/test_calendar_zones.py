"""The calendar is of local time: of the zone that a table has by name, or by the offsets in its rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tuner.adapters.base import Adapter
from tuner.adapters.preparing import prepare, reads_alike
from tuner.adapters.ragged import Ragged
from tuner.adapters.time_series.clocks import Clock, Clocks
from tuner.adapters.time_series.covariate_graphs import CovariateInputs
from tuner.adapters.time_series.forecast_windows import Window
from tuner.adapters.time_series.forecasting import Forecasting
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.errors import DataError

BERLIN = "Europe/Berlin"
NOW, BEFORE = (
    "\nseason before the test, hours of opening, calendar in local time",
    "\nseason before the test, hours of opening",
)


def table(folder: Path, form: str, start: str = "2024-10-20", rows: int = 240) -> Path:
    """Hours in Berlin, in which clocks are set back on October 27, written in one of several forms."""
    hours = pd.date_range(start, periods=rows, freq="h", tz=BERLIN)
    frame = pd.DataFrame({"t": hours, "y": np.arange(rows) % 7.0})
    if form == "offset":
        frame["t"] = [hour.isoformat() for hour in hours]
    elif form != BERLIN:
        frame["t"] = frame.t.dt.tz_convert("UTC" if form == "utc" else "Etc/GMT-1")
        frame["t"] = frame.t.dt.tz_localize(None) if form == "naive" else frame.t
    path = folder / f"{form.replace('/', '_')}.parquet"
    frame.to_parquet(path)
    return path


def options(path: Path, **more: Any) -> ForecastingOptions:
    """One day ahead, with the place in the day."""
    return ForecastingOptions(
        **{
            "path": str(path),
            "time": "t",
            "horizon": 24,
            "window": 24,
            "val": 30,
            "test": 30,
            "calendar": ["day"],
            **more,
        }
    )


def hours_of(features: NDArray[Any]) -> list[float]:
    """The hours that sine and cosine tell."""
    angles = np.arctan2(features[..., 0], features[..., 1])
    return [round(float(hour), 3) % 24 for hour in angles / (2 * np.pi) * 24 % 24]


def made(folder: Path, path: Path, **more: Any) -> tuple[Forecasting, Path, Any]:
    """An adapter, its prepared folder, and what preparation tells."""
    adapter, out = Forecasting(options(path, **more)), folder / "out"
    out.mkdir()
    return adapter, out, adapter.prepare(out)


def in_berlin(times: Any) -> list[float]:
    """The hours that clocks in Berlin show."""
    return [float(hour) for hour in pd.DatetimeIndex(times).tz_convert(BERLIN).hour]


@pytest.mark.parametrize(
    ("form", "told"),
    [(BERLIN, "local time in Europe/Berlin, the zone of t"), ("offset", "local time by the offsets in t")],
)
def test_a_calendar_is_of_local_time(form: str, told: str, tmp_path: Path) -> None:
    """Eight in the morning is eight in the morning before and after clocks are set back."""
    _, out, prepared = made(tmp_path, table(tmp_path, form))
    hours = pd.date_range("2024-10-20", periods=240, freq="h", tz=BERLIN)
    assert hours_of(Ragged(out, "whole.covariates")[0]) == in_berlin(hours)
    (note,) = [notice for notice in prepared.notices if "calendar" in notice]
    assert told in note


def test_local_time_that_is_written_is_taken_as_it_is(tmp_path: Path) -> None:
    """Without a zone, and of UTC, nothing changes; only the latter is told."""
    for form, notes in (("naive", 0), ("utc", 1)):
        path = table(tmp_path, form)
        (tmp_path / form).mkdir()
        _, out, prepared = made(tmp_path / form, path)
        assert hours_of(Ragged(out, "whole.covariates")[0]) == pd.read_parquet(path).t.dt.hour.tolist()
        assert sum("calendar" in notice for notice in prepared.notices) == notes


def last_window(adapter: Forecasting, out: Path, data: Any) -> list[float]:
    """The hours of the last window and of the rows to forecast."""
    (item,) = adapter.codec(out).items(data)
    assert isinstance(item, Window)
    assert item.problem == ""
    return hours_of(item.beside)


AS: dict[str, Callable[[pd.DatetimeIndex], Any]] = {
    "Berlin": lambda hours: hours,
    "UTC": lambda hours: hours.tz_convert("UTC"),
    "Tokyo": lambda hours: hours.tz_convert("Asia/Tokyo"),
    "text": lambda hours: [hour.isoformat() for hour in hours],
    "text of UTC": lambda hours: hours.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ"),
}


def test_a_model_knows_its_zone_whatever_zone_new_data_have(tmp_path: Path) -> None:
    """Also in the rows to forecast, between which clocks are set back; local time without a zone is local time."""
    adapter, out, _ = made(tmp_path, table(tmp_path, BERLIN, "2024-03-01"))
    hours = pd.date_range("2024-10-25 14:00", periods=36, freq="h", tz=BERLIN)
    after = pd.date_range(hours[12], periods=48, freq="h")
    assert after[-1].utcoffset() != after[0].utcoffset()
    for form, of in AS.items():
        assert last_window(adapter, out, pd.DataFrame({"t": of(hours), "y": 1.0})) == in_berlin(after), form
    naive = pd.DataFrame({"t": hours.tz_localize(None).astype(str), "y": 1.0})
    assert last_window(adapter, out, naive) == [float(hour) for hour in [*range(2, 24), *range(24), 0, 1]]


def test_offsets_in_rows_go_on_after_the_last(tmp_path: Path) -> None:
    """The rows to forecast keep the last offset, as their times do; a row filled in has that of the one before."""
    adapter, out, _ = made(tmp_path, table(tmp_path, "offset", "2024-03-01"))
    hours = pd.date_range("2024-10-25 14:00", periods=36, freq="h", tz=BERLIN)
    frame = pd.DataFrame({"t": AS["text"](hours), "y": 1.0})
    assert last_window(adapter, out, frame) == [float(hour % 24) for hour in range(2, 50)]
    hours = pd.date_range("2024-10-26 14:00", periods=36, freq="h", tz=BERLIN)
    frame = pd.DataFrame({"t": AS["text"](hours), "y": 1.0}).drop(index=[12, 13])  # both hours from 2 to 3
    found = last_window(adapter, out, frame)
    assert found[:3] == [2.0, 3.0, 3.0]
    assert found[3:] == [float(hour % 24) for hour in range(4, 49)]


def test_a_model_of_before_keeps_to_utc(tmp_path: Path) -> None:
    """Its facts do not tell a zone."""
    adapter, out, _ = made(tmp_path, table(tmp_path, BERLIN, "2024-03-01"))
    facts = json.loads((out / "facts.json").read_text())
    assert facts["covariates"].pop("zone") == BERLIN
    (out / "facts.json").write_text(json.dumps(facts))
    hours = pd.date_range("2024-10-25 14:00", periods=36, freq="h", tz=BERLIN)
    found = last_window(adapter, out, pd.DataFrame({"t": hours, "y": 1.0}))
    assert found == [float(hour % 24) for hour in range(48)]
    about = {"covariates": facts["covariates"] | {"zone": BERLIN}}
    for zone, words in ((BERLIN, "its day, in local time of Europe/Berlin"), (None, "its day, in UTC")):
        if zone is None:
            about["covariates"].pop("zone")
        covariates = adapter.problem(out).covariates.kept(about)
        assert words in CovariateInputs(covariates, 24, 1).about()["known"]


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "../../etc/passwd"])
def test_a_zone_that_this_machine_does_not_know_is_told(zone: str, tmp_path: Path) -> None:
    """Where it is needed: local time is read all the same."""
    adapter, out, _ = made(tmp_path, table(tmp_path, BERLIN, "2024-03-01"))
    facts = json.loads((out / "facts.json").read_text())
    facts["covariates"]["zone"] = zone
    (out / "facts.json").write_text(json.dumps(facts))
    hours = pd.date_range("2024-07-01 00:00", periods=24, freq="h")
    assert last_window(adapter, out, pd.DataFrame({"t": hours, "y": 1.0})) == [float(hour % 24) for hour in range(48)]
    with pytest.raises(DataError, match=r"the model's time zone must be known on this machine, but got '.*tzdata"):
        last_window(adapter, out, pd.DataFrame({"t": hours.tz_localize(BERLIN), "y": 1.0}))


def test_a_study_of_before_goes_on_where_its_data_are_the_same(tmp_path: Path) -> None:
    """Only those with a calendar are prepared again, and only those whose times have another zone than UTC differ."""
    assert Forecasting(options(tmp_path / "x.parquet", calendar=[])).edition == BEFORE
    for form, alike in (("naive", True), ("utc", True), (BERLIN, False), ("offset", False)):
        adapter = Forecasting(options(table(tmp_path, form)))
        assert adapter.edition == NOW
        earlier = Forecasting(adapter.options)
        earlier.edition = BEFORE
        root = tmp_path / f"prepared {alike}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Clocks, "of", lambda *_: Clock())
            prepare("time_series/forecasting", cast("Adapter", earlier), root)
        assert reads_alike("time_series/forecasting", cast("Adapter", adapter), root, BEFORE) == alike


def test_offsets_of_a_typed_column_without_a_name() -> None:
    """A fixed offset is no zone by name, and counts by row."""
    times = pd.Series(pd.date_range("2024-01-01", periods=3, freq="h", tz="+05:30"))
    clocks = Clocks(times)
    here = times.dt.tz_convert(None).to_numpy()
    assert clocks.zone == "written"
    assert clocks.of(np.arange(3), here).local(here).tolist() == times.dt.tz_localize(None).to_numpy().tolist()
