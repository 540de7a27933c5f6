"""Steps, seasons and gaps in time: what no window and no seasonal pair runs across, and what is told."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tiny import SPACE
from tuner.adapters.base import Adapter, Prepared
from tuner.adapters.preparing import prepare
from tuner.adapters.time_series.ahead import ahead
from tuner.adapters.time_series.forecasting import Forecasting
from tuner.adapters.time_series.forecasting_problem import ForecastingProblem
from tuner.adapters.time_series.naive import naive_error, naive_scores
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.series import Collection, read_series
from tuner.adapters.time_series.steps import step_of
from tuner.announcements import Announcement, Notice
from tuner.errors import DataError
from tuner.sweep import Sweep
from tuner.task import resolve_task

ONE = np.array([0])
START = np.datetime64("2024-01-01T00:00:00", "s")


def written(folder: Path, frame: pd.DataFrame, **options: object) -> ForecastingOptions:
    """Write a table and give the options that read it."""
    frame.to_csv(folder / "x.csv", index=False)
    return ForecastingOptions(path=str(folder / "x.csv"), time="t", **options)


def read(folder: Path, frame: pd.DataFrame, **options: object) -> Collection:
    """Write a table and read its series."""
    return read_series(folder / "x.csv", written(folder, frame, **options))


def opened(folder: Path, frame: pd.DataFrame, **options: object) -> tuple[Prepared, ForecastingProblem]:
    """Write a table, prepare it and open it."""
    adapter = Forecasting(written(folder, frame, **options))
    return adapter.prepare(folder), adapter.problem(folder)


def hourly(rows: int = 400, noise: float = 1.0) -> pd.DataFrame:
    """Hours with a daily season."""
    wave = 100 + 30 * np.sin(np.arange(rows) * 2 * np.pi / 24)
    values = wave + noise * np.random.default_rng(0).normal(size=rows)
    return pd.DataFrame({"t": pd.date_range("2024-03-01", periods=rows, freq="h"), "y": values})


STEPS = [
    ("100ns", "100 nanoseconds", None),
    ("10ms", "10 milliseconds", None),
    ("s", "1 second", 60),
    ("5s", "5 seconds", 12),
    ("10s", "10 seconds", 360),
    ("45s", "45 seconds", 80),
    ("min", "1 minute", 1440),
    ("5min", "5 minutes", 288),
    ("10min", "10 minutes", 144),
    ("15min", "15 minutes", 96),
    ("30min", "30 minutes", 48),
    ("h", "1 hour", 24),
    ("3h", "3 hours", 8),
    ("7h", "7 hours", None),
    ("12h", "12 hours", 2),
    ("D", "1 day", 7),
    ("3D", "3 days", None),
    ("B", "1 day, 5 days a week", 5),
    ("C", "1 day, 6 days a week", 6),
    ("W", "1 week", 52),
    ("2W", "2 weeks", 26),
    ("28D", "4 weeks", 13),
    ("91D", "13 weeks", 4),
    ("MS", "1 month", 12),
    ("ME", "1 month", 12),
    ("BME", "1 month", 12),
    ("2MS", "2 months", 6),
    ("QS", "1 quarter", 4),
    ("QE", "1 quarter", 4),
    ("6MS", "6 months", 2),
    ("YS", "1 year", 1),
    ("YE", "1 year", 1),
    ("2YS", "2 years", 1),
]


@pytest.mark.parametrize(("frequency", "text", "season"), STEPS)
def test_the_season_follows_from_the_step(frequency: str, text: str, season: int | None) -> None:
    """Every usual step is recognized on the calendar, has the season that people expect, and no gap."""
    dates = pd.bdate_range("2020-01-01", periods=60, freq="C", weekmask="Mon Tue Wed Thu Fri Sat")
    dates = dates if frequency == "C" else pd.date_range("2020-01-01", periods=60, freq=frequency)
    step = step_of(dates.to_numpy(), ONE)
    assert step is not None
    assert (step.text, step.season) == (text, season)
    assert (np.diff(step.places(dates.to_numpy())) == 1).all()
    some = dates.delete([7, 20, 21]).to_numpy()
    assert np.flatnonzero(np.diff(step_of(some, ONE).places(some)) != 1).tolist() == [6, 18]  # type: ignore[union-attr]


def opening(days: str = "B", clock: tuple[int, ...] = tuple(range(9, 18)), weeks: int = 6) -> pd.DatetimeIndex:
    """Hours of opening, from a Monday."""
    dates = pd.date_range("2024-03-04", periods=weeks * (5 if days == "B" else 7), freq=days)
    return pd.DatetimeIndex([date + pd.Timedelta(hours=hour) for date in dates for hour in clock])


def test_hours_of_opening_are_no_gaps_and_go_on() -> None:
    """Nights and weekends are closed, a holiday is a gap of a day; after Friday's last hour comes Monday's first."""
    times = opening()
    step = step_of(times.to_numpy(), ONE)
    assert step is not None
    assert (step.text, step.season) == ("1 hour, 45 times a week", 9)
    assert (np.diff(step.places(times.to_numpy())) == 1).all()
    holiday = times[times.strftime("%m-%d") != "03-13"].to_numpy()
    again = step_of(holiday, ONE)
    assert again is not None
    assert np.diff(again.places(holiday)).tolist().count(10) == 1
    rest = ahead(times[:40].to_numpy(), step, len(times) - 40)
    assert rest.tolist() == times[40:].to_numpy("datetime64[us]").tolist()
    assert ahead(times[:1].to_numpy() - np.timedelta64(3, "h"), step, 1)[0] == times[0]
    saturday = opening("D", (9, 10, 11)).append(opening()).drop_duplicates().sort_values()
    step = step_of(saturday.to_numpy(), ONE)
    assert step is not None
    assert (step.text, step.season) == ("1 hour, 51 times a week", 51)
    quarters = opening().append(opening() + pd.Timedelta(minutes=30)).sort_values()
    step = step_of(quarters.to_numpy(), ONE)
    assert step is not None
    assert (step.text, step.season) == ("30 minutes, 90 times a week", 18)


def test_what_is_closed_by_chance_is_a_gap() -> None:
    """Too few weeks to tell, hours that are there in some weeks only, gaps of a logger that never rests."""
    rng = np.random.default_rng(0)
    some = opening()[rng.random(270) < 0.8]
    always = pd.date_range("2024-03-04", periods=1000, freq="h")
    for times in (opening(weeks=2), some, always, always[rng.random(1000) < 0.6], always.delete(range(200, 600))):
        step = step_of(times.to_numpy(), ONE)
        assert step is None or (step.kind, step.text) == ("fixed", "1 hour")


def test_a_series_of_working_hours_has_windows_across_nights(tmp_path: Path) -> None:
    """By default, with a season of a day; a holiday is filled, at the hours of opening."""
    times = opening(weeks=12)
    times = times[times.strftime("%m-%d") != "03-13"]
    frame = pd.DataFrame({"t": times, "y": np.sin(np.arange(len(times)) * 2 * np.pi / 9)})
    found = read(tmp_path, frame, calendar=("hour",))
    (one,) = found.series
    assert (found.seasonality, found.gaps) == (9, 1)
    assert one.made is not None
    assert one.times is not None
    made = pd.DatetimeIndex(one.times[one.made])
    assert made.strftime("%m-%d %H").tolist() == [f"03-13 {hour:02d}" for hour in range(9, 18)]
    prepared, _ = opened(tmp_path, frame)
    assert prepared.about["horizon"] == 9
    assert prepared.trivial["test"]["mae"] == pytest.approx(0, abs=1e-5)


def test_steps_survive_zones_and_jitter() -> None:
    """Days and months by a clock that is set twice a year, and a logger's inexact minutes, are regular."""
    for frequency in ("D", "MS", "h"):
        times = pd.date_range("2023-01-01", periods=500, freq=frequency, tz="Europe/Berlin").tz_convert(None).to_numpy()
        step = step_of(times, ONE)
        assert step is not None
        assert (np.diff(step.places(times)) == 1).all()
    rng = np.random.default_rng(0)
    times = START + (np.arange(300) * 60_000 + rng.integers(-900, 900, 300)).astype("timedelta64[ms]")
    step = step_of(times, ONE)
    assert step is not None
    assert (step.text, step.season) == ("1 minute", 1440)
    assert (np.diff(step.places(times)) == 1).all()


def test_irregular_times_are_named(tmp_path: Path) -> None:
    """Times without a regular step are told with their range, and each row is a step."""
    seconds = np.random.default_rng(0).exponential(3600, 60).cumsum().astype(int)
    prepared, _ = opened(
        tmp_path, pd.DataFrame({"t": START + seconds.astype("timedelta64[s]"), "y": seconds % 17}), horizon=3
    )
    (told,) = [notice for notice in prepared.notices if "no regular step, but steps of" in notice]
    assert told.endswith("each row is taken as a step")
    assert any("no season is known for rows without a regular time step" in notice for notice in prepared.notices)


@pytest.mark.parametrize("options", [{}, {"seasonality": 7}, {"horizon": 2}])
def test_a_season_that_nobody_knows_is_told(tmp_path: Path, options: dict[str, int]) -> None:
    """Where neither step nor options tell a season, the user hears what was taken in its place."""
    frame = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=80, freq="7h"), "y": np.arange(80) % 7})
    prepared, _ = opened(tmp_path, frame, **options)
    told = [notice for notice in prepared.notices if "no season is known for a time step of 7 hours" in notice]
    assert len(told) == ("seasonality" not in options)
    assert all(("data.horizon 1" in notice) == ("horizon" not in options) for notice in told)


@pytest.mark.parametrize("policy", ["fill", "split"])
@pytest.mark.parametrize("removed", [range(200, 206), range(325, 331), range(372, 378), [30, 90, 150, 210, 230, 250]])
def test_a_few_missing_rows_move_the_naive_scores_little(tmp_path: Path, policy: str, removed: Any) -> None:
    """Six of 400 rows less, and the seasonal naive forecast is as good as before: it repeats the same hour."""
    frame = hourly()
    whole, _ = opened(tmp_path, frame)
    some, _ = opened(tmp_path, frame.drop(index=list(removed)), gaps=policy)
    near = 0.1 if policy == "fill" else 0.2  # as many forecasts as before; or those of some hours only
    assert some.trivial["test"]["mase"] == pytest.approx(whole.trivial["test"]["mase"], rel=near)
    if policy == "fill":
        assert some.counts == whole.counts


PLACES = st.lists(st.sampled_from([1] * 16 + [2, 3, 5, 9, 40]), min_size=60, max_size=90)


@settings(max_examples=50, deadline=None)
@given(PLACES, st.integers(1, 6), st.integers(1, 4), st.sampled_from(["split", "fill"]))
def test_windows_and_naive_scores_equal_a_plain_loop(steps: list[int], season: int, horizon: int, policy: str) -> None:
    """Whatever is missing: windows see what came right before them, targets are read rows, pairs are seasons apart."""
    places = np.cumsum([0, *steps]).tolist()
    values = np.random.default_rng(len(steps)).normal(size=len(places)).round(3).tolist()
    frame = pd.DataFrame({"t": START + 3600 * np.array(places).astype("timedelta64[s]"), "y": values})
    with TemporaryDirectory() as folder:
        options = {"window": 4, "seasonality": season, "horizon": horizon, "gaps": policy, "val": 20, "test": 20}
        try:
            prepared, problem = opened(Path(folder), frame, **options)
        except DataError:  # nothing is left for a split
            return
        read, grid = dict(zip(places, values, strict=True)), on_grid(places, values, season if policy == "fill" else 0)
        mean, scale, unit = np.load(Path(folder) / "statistics.npy")[0, :, 0]
        units = {"val": unit, "test": np.load(Path(folder) / "test_statistics.npy")[0, 2, 0]}
        for split in ("train", "val", "test"):
            errors = []
            for batch in problem.dataset(split).batches(16):
                for row in range(len(batch.x)):
                    length = batch.x.shape[1] if batch.lengths is None else int(batch.lengths[row])
                    back = batch.x[row, :length, 0].double().numpy() * scale + mean
                    truth = batch.y[row, :horizon, 0].double().numpy() * scale + mean
                    (first,) = [
                        place for place in grid if fits(grid, place - length, back) and fits(read, place, truth)
                    ]
                    for ahead in np.flatnonzero(~np.isnan(truth)):
                        naive = repeated(grid, first, first + int(ahead), season)
                        errors.append(abs(truth[ahead] - naive) / scale)
            if split != "train":
                assert prepared.trivial[split]["mae"] == pytest.approx(np.mean(errors), rel=1e-3, abs=1e-5)
                assert prepared.trivial[split]["mase"] == pytest.approx(
                    np.mean(errors) / units[split], rel=1e-3, abs=1e-5
                )


def on_grid(places: list[int], values: list[float], longest: int) -> dict[int, float]:
    """Rows by place, gaps up to the longest filled from a season of that length earlier, or from the row before."""
    grid: dict[int, float] = {}
    for place, value in zip(places, values, strict=True):
        last = max(grid, default=place)
        if place - last - 1 <= longest:
            for missing in range(last + 1, place):
                grid[missing] = grid.get(missing - longest, grid[missing - 1])
        grid[place] = value
    return grid


def fits(rows: dict[int, float], first: int, values: np.ndarray) -> bool:
    """Whether these values stand in places one after the other, NaN where there is no row."""
    return all(
        first + i not in rows if np.isnan(value) else abs(rows.get(first + i, np.inf) - value) < 1e-4
        for i, value in enumerate(values)
    )


def repeated(grid: dict[int, float], first: int, target: int, season: int) -> float:
    """The latest row before the window that is whole seasons before the target; else the last one before the window."""
    for place in range(target - season, -1, -season):
        if place < first and place in grid:
            return grid[place]
    return grid[max(place for place in grid if place < first)]


@settings(max_examples=80, deadline=None)
@given(PLACES, st.integers(1, 8))
def test_the_naive_error_is_that_of_pairs_a_season_apart(steps: list[int], season: int) -> None:
    """Only rows whose times are a season apart are compared."""
    places = np.cumsum([0, *steps])
    values = np.random.default_rng(0).normal(size=(len(places), 2))
    row = {int(place): index for index, place in enumerate(places)}
    pairs = [(row[place], row[place - season]) for place in row if place - season in row]
    expected = np.mean([np.abs(values[a] - values[b]) for a, b in pairs], axis=0) if pairs else np.ones(2)
    np.testing.assert_allclose(naive_error(values, season, places), expected)


def test_the_naive_forecast_looks_over_long_gaps() -> None:
    """A gap of a million seasons costs no more than a short one, and the same phase is repeated."""
    places = np.r_[np.arange(10), 5_000_000 + np.arange(10)]
    values = np.r_[np.arange(10.0), np.arange(10.0)][:, None]
    ones = np.ones((1, 3, 1)) * np.array([0, 1, 1])[None, :, None]
    scores = naive_scores([values], ONE, np.array([12]), 5, np.array([5]), ones, [places])
    # rows 2 to 6 behind the gap: 2, 3, 4 from before it, 0 and 1 from behind
    assert scores["mae"] == pytest.approx(np.abs([2 - 7, 3 - 8, 4 - 9, 5 - 0, 6 - 1]).mean())


def test_made_rows_know_nothing_of_later_ones(tmp_path: Path) -> None:
    """What fills a gap is the same whatever comes after it, and no target is one of it."""
    frame = hourly().drop(index=range(200, 206))
    one = read(tmp_path, frame).series[0]
    assert one.made is not None
    assert np.flatnonzero(one.made).tolist() == list(range(200, 206))
    np.testing.assert_array_equal(one.values[200:206], one.values[176:182])
    frame.loc[206:, "y"] *= 3
    np.testing.assert_array_equal(read(tmp_path, frame).series[0].values[:206], one.values[:206])
    _, problem = opened(tmp_path, hourly().drop(index=range(335, 341)), horizon=4)
    truth = torch.cat([batch.y[:, :4, 0] for batch in problem.dataset("test").batches(9)])
    assert int(torch.isnan(truth).sum()) == 6 * 4 - 4 * 3  # each in up to four windows, less those with none else
    assert not torch.isnan(truth).all(dim=1).any()


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_the_loss_counts_targets_that_were_read(tmp_path: Path, loss: str) -> None:
    """A target that was made has no part in loss, gradient or scores."""
    _, problem = opened(tmp_path, hourly().drop(index=range(330, 333)), horizon=6, loss=loss)
    (batch,) = problem.dataset("test").batches(1000)
    forecast = torch.nan_to_num(batch.y[:, :6], nan=1e6) + 0.5
    forecast.requires_grad_()
    value = problem.loss(forecast, batch)
    assert value.item() == pytest.approx({"mse": 0.25, "mae": 0.5, "huber": 0.125}[loss], rel=1e-4)
    value.backward()
    made = torch.isnan(batch.y[:, :6])
    assert made.any()
    assert not forecast.grad[made].any()  # type: ignore[index]
    assert forecast.grad[~made].all()  # type: ignore[index]
    assert problem.evaluate([forecast.detach()], [batch])["mae"] == pytest.approx(0.5, rel=1e-4)


def test_gaps_are_told(tmp_path: Path) -> None:
    """How many there are, where the first is, and what was done, by policy; nothing where there are none."""
    frame = hourly().drop(index=[*range(100, 103), *range(150, 200)])
    start = "2 gaps in time (53 rows missing at a step of 1 hour), the first after 2024-03-05T03:00:00: "
    ends = {
        "fill": "those of at most 24 rows, one season, filled with the value one season earlier, as inputs only, "
        "never forecast; no window spans the others; set data.gaps to change that",
        "split": "no window spans them; set data.gaps to change that",
        "ignore": "ignored, as data.gaps says: each row is a step",
    }
    for policy, end in ends.items():
        assert read(tmp_path, frame, gaps=policy).notices == (start + end,)
    assert read(tmp_path, hourly()).notices == ()
    many = pd.concat([frame.assign(name="a"), hourly().assign(name="b")])
    (told,) = read(tmp_path, many, series="name").notices
    assert told.startswith("1 of 2 series have 2 gaps in time")
    assert "the first after 2024-03-05T03:00:00 in series a" in told


def test_holidays_are_no_gaps(tmp_path: Path) -> None:
    """Working days of a year without its holidays are one stretch, and a season is a week of them all the same."""
    days = pd.bdate_range("2023-01-02", periods=250).delete([10, 70, 71, 190, 191, 192])
    collection = read(tmp_path, pd.DataFrame({"t": days, "y": np.arange(len(days)) % 9}))
    assert (collection.seasonality, collection.gaps) == (5, 0)
    assert collection.notices == ("6 further days without a row: treated as holidays, not as gaps",)
    assert collection.series[0].places is not None
    assert collection.series[0].places[-1] == 249


def test_series_of_other_steps_are_refused(tmp_path: Path) -> None:
    """Days and months in one file are told apart by name; following the advice, each row is a step."""
    days = pd.DataFrame({"name": "day", "t": pd.date_range("2020-01-01", periods=90), "y": np.arange(90) % 7})
    months = pd.DataFrame(
        {"name": "month", "t": pd.date_range("2020-01-01", periods=30, freq="MS"), "y": np.arange(30) % 5}
    )
    both = pd.concat([days, months])
    with pytest.raises(DataError, match=r"the time step of most rows, 1 day, but got '1 month in series month'\. Put"):
        read(tmp_path, both, series="name")
    assert len(read(tmp_path, both, series="name", gaps="ignore").series) == 2
    few = pd.concat([days, months[:3]])  # too few rows to have a step of their own
    assert len(read(tmp_path, few, series="name").series) == 2


def test_gaps_that_leave_nothing_are_refused_with_advice_that_works(tmp_path: Path) -> None:
    """Where no stretch holds a forecast of a split, the other policies are named, and do."""
    frame = hourly(400).drop(index=[*range(330, 400, 10)])
    with pytest.raises(DataError, match=r"48 rows without a gap in time for test: .*Set data\.gaps to fill or ignore"):
        opened(tmp_path, frame, gaps="split")
    for policy in ("fill", "ignore"):
        assert opened(tmp_path, frame, gaps=policy)[0].counts["test"] > 0


def test_a_study_from_before_goes_on_and_its_data_is_prepared_anew(tmp_path: Path) -> None:
    """Options that came later leave the fingerprint, by which a study knows its data; prepared folders differ."""
    adapter = Forecasting(written(tmp_path, hourly()))
    later = {"separator", "decimal", "encoding", "gaps", "floors", "windows", "test_windows"}
    later |= {"known_covariates", "past_covariates", "static_covariates", "categories", "calendar"}
    later |= {"drop", "missing", "constant"}
    used = set(adapter.options.model_dump()) - later
    before = adapter.options.used({"path"})
    assert set(before) == used - {"path"}
    assert Forecasting(written(tmp_path, hourly(), gaps="split")).fingerprint() != adapter.fingerprint()
    assert Forecasting(written(tmp_path, hourly(), time_format="ISO8601")).fingerprint() == adapter.fingerprint()
    root = tmp_path / "prepared"
    folder, _ = prepare("time_series/forecasting", cast("Adapter", adapter), root)
    other = Forecasting(adapter.options)
    other.edition = ""
    assert prepare("time_series/forecasting", cast("Adapter", other), root)[0] != folder
    for name in ("stretches.npy", "made.npy"):  # a folder of trials that were under way
        (folder / name).unlink()
    assert len(adapter.problem(folder).dataset("val")) == 57


def test_a_run_tells_what_preparation_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was left out, guessed, filled and constant is told by `run`, before anything is trained."""
    long = hourly(120).drop(index=[40, 41]).assign(shop="a", still=0)
    long.loc[119, "still"] = 1  # in the test part alone
    short = hourly(6).assign(shop="b", still=0)
    pd.concat([long, short]).to_csv(tmp_path / "x.csv", index=False, sep=";", decimal=",")
    (tmp_path / "x.yaml").write_text(
        "adapter: time_series/forecasting\ndata: {path: x.csv, time: t, series: shop, horizon: 3, window: 6}\n"
        "budget: {trials: 1, epochs: 1}\nconfirm: {top: 0}\nreport: {figures: 0}\nray: {address: in-process}\n"
        f"tracking: {{uri: none}}\n{SPACE}"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    told: list[Announcement] = []
    outcome = Sweep(resolve_task(tmp_path / "x.yaml"), told.append).run()
    assert outcome.finished
    sentences = " ".join(event.sentence for event in told if isinstance(event, Notice))
    for part in ("semicolons", "1 gap in time", "1 of 2 series left out: too short", "never change in training"):
        assert part in sentences
    events = [event.event for event in told]
    assert events.index("notice") < next(
        index for index, event in enumerate(events) if event.startswith(("trial", "epoch"))
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(1, 14), st.integers(1, 4), st.booleans(), st.integers(0, 999))
def test_naive_scores_by_row_are_those_by_window(
    season: int, horizon: int, series: int, filled: bool, seed: int
) -> None:
    """Where rows follow each other each row is scored once; places that say so make it window by window."""
    rng = np.random.default_rng(seed)
    rows = [rng.normal(size=(season + horizon + int(rng.integers(1, 20)), 2)) for _ in range(series)]
    number = rng.integers(0, series, 30)
    origin = np.array([rng.integers(season, len(rows[one]) - horizon + 1) for one in number])
    seasons = np.minimum(season, rng.integers(1, 7, series))
    statistics = rng.uniform(0.5, 2, (series, 3, 2))
    made = np.array([[number[0]], [origin[0]]]) if filled and horizon > 1 else None
    given = (rows, number, origin, horizon, seasons, statistics)
    by_window = naive_scores(*given, [np.arange(len(one)) for one in rows], made)
    assert naive_scores(*given, [None] * series, made) == pytest.approx(by_window, rel=1e-9)


def test_a_million_rows_are_scored_in_a_moment() -> None:
    """Windows of a day of minutes: each row is in 1440 of them, and is scored once."""
    values = np.random.default_rng(0).normal(size=(1_000_000, 1))
    origin = np.arange(800_000, 998_560)
    start = time.process_time()
    scores = naive_scores([values], np.zeros_like(origin), origin, 1440, np.array([1440]), np.ones((1, 3, 1)), [None])
    assert time.process_time() - start < 5  # 100 seconds window by window
    assert scores["mse"] == pytest.approx(2, abs=0.02)
