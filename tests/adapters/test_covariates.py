"""Covariates: laid beside the right rows, blind to what is not known, and worth what they explain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.support.adapter_data import covariates_in_time
from tuner.adapters.ragged import Ragged
from tuner.adapters.time_series import parts
from tuner.adapters.time_series.covariates import calendar_features
from tuner.adapters.time_series.forecasting import SPLITS, Forecasting
from tuner.adapters.time_series.forecasting_problem import ForecastingProblem
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.config import validate_options
from tuner.errors import DataError, TaskFileError
from tuner.nets.catalog import NetOptions
from tuner.nets.cell_options import GRUOptions
from tuner.nets.network import build_network
from tuner.training.settings import MisfitError, settings


def opened(folder: Path, **options: Any) -> ForecastingProblem:
    """The problem with these options, prepared below the folder."""
    (folder / "out").mkdir(exist_ok=True)
    adapter = Forecasting(ForecastingOptions(**options))
    adapter.prepare(folder / "out")
    return adapter.problem(folder / "out")


@pytest.mark.parametrize("segment", [1, 2, 4])
def test_covariates_stand_beside_their_rows(tmp_path: Path, segment: int) -> None:
    """Every step has what its rows have, those to forecast what is known of them, and padding nothing; as by a loop."""
    options = {**covariates_in_time(tmp_path), "segment": segment}
    problem = opened(tmp_path, **options)
    frame = pd.read_csv(tmp_path / "covariates.csv")
    held = {"a": 18, "b": 6}
    train = pd.concat([rows[: len(rows) - 2 * held[str(shop)]] for shop, rows in frame.groupby("shop")])
    z = {name: (frame[name] - train[name].mean()) / train[name].std(ddof=0) for name in ("price", "visits")}
    weekday = pd.to_datetime(frame.day).dt.weekday * 2 * np.pi / 7
    code = {name: frame[name].map({"fair": 1, "none": 2, "rain": 1, "sun": 2}) for name in ("event", "weather")}
    known = np.column_stack([z["price"], np.sin(weekday), np.cos(weekday)])
    rows = np.column_stack([known, z["visits"], np.zeros(len(frame)), code["event"], code["weather"]])
    ahead = np.column_stack([known, 0 * known[:, :1], np.ones(len(frame)), code["event"], 0 * code["weather"]])
    sizes = np.array([3.0, 5.0])
    static = {"a": [(3 - sizes.mean()) / sizes.std(), 1], "b": [(5 - sizes.mean()) / sizes.std(), 2]}
    steps_ahead, seen = -(-3 // segment), 0
    for split in SPLITS:
        dataset = problem.dataset(split)
        for batch in dataset.batches(5):
            for row in range(len(batch.x)):
                length = batch.x.shape[1] if batch.lengths is None else int(batch.lengths[row])
                x = batch.x[row].numpy()
                assert not x[length:].any()
                beside = x[:length, segment:-2].reshape(-1, 7)
                own = [
                    first
                    for first in range(len(frame) - 3 + 1)
                    if np.allclose(beside[-steps_ahead * segment :][:3], ahead[first : first + 3], atol=1e-5)
                ]
                (first,) = own
                back = (length - steps_ahead) * segment
                whole = beside[:back]
                there = whole[:, 5] > 0  # of the first segment, rows may be missing
                number = int(there.sum())
                np.testing.assert_allclose(whole[there], rows[first - number : first], atol=1e-5)
                assert not whole[~there].any()
                assert not beside[back + 3 :].any()
                assert not x[length - steps_ahead : length, :segment].any()
                np.testing.assert_allclose(x[:length, -2:], [static[frame["shop"][first]]] * length, atol=1e-5)
                seen += 1
    assert seen == sum(len(problem.dataset(split)) for split in SPLITS)


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, pd.DataFrame]:
    """A function from a table to forecasts from all rows by a network by chance, and a table known to day 86."""
    folder = tmp_path_factory.mktemp("answered")
    options = covariates_in_time(folder)
    problem = opened(folder, **options)
    codec = Forecasting(ForecastingOptions(**options)).codec(folder / "out")
    codec.asked = type(codec.asked)(every_origin=True)
    torch.manual_seed(0)
    network = build_network(NetOptions(cell="gru", hidden_size=8), GRUOptions(), {}, problem).eval()
    frame = pd.read_csv(folder / "covariates.csv").query("shop == 'a'").reset_index(drop=True)
    frame.loc[87:, ["sold", "visits", "weather"]] = np.nan

    def forecasts(table: pd.DataFrame) -> pd.DataFrame:
        items = list(codec.items(table))
        with torch.no_grad():
            whole = [item for item in items if item.x is not None]
            rows = [row for rows in codec.answer(network, whole, proba=False) for row in rows]
        return pd.DataFrame([*rows, *({"problem": item.problem} for item in items if item.x is None)])

    return forecasts, frame


def test_what_is_not_known_changes_no_forecast(answered: Any) -> None:
    """Poison in targets and past covariates of a day on leaves all forecasts from days before as they were."""
    forecasts, frame = answered
    clean, poisoned = forecasts(frame), frame.copy()
    assert clean.origin.nunique() == 85  # from the third row on, which are looked back on, to the last one known
    poisoned.loc[50:, "sold"] *= 1000
    poisoned.loc[50:, "visits"] = 1e6
    poisoned.loc[50:, "weather"] = "hail"
    found = forecasts(poisoned)
    before = clean.origin < frame.day[50]
    pd.testing.assert_frame_equal(found[before], clean[before], check_exact=True)
    assert not np.allclose(found[~before].sold, clean[~before].sold)


def test_what_is_known_beforehand_changes_the_forecast(answered: Any) -> None:
    """A price or an event of a day to come changes the forecast of that day, and none of days before it."""
    forecasts, frame = answered
    clean = forecasts(frame)
    for name, value in (("price", 9.0), ("event", "none"), ("event", "fair")):
        changed = frame.copy()
        changed.loc[88, name] = value
        if changed.equals(frame):
            continue
        found = forecasts(changed)
        last = clean.origin == frame.day[86]  # which forecasts days 87, 88 and 89
        assert (found[last].sold != clean[last].sold).tolist() == [False, True, True]


def test_what_is_missing_is_named(answered: Any) -> None:
    """Of the rows to forecast a known covariate; of those looked back on any; a column at all."""
    forecasts, frame = answered
    found = forecasts(frame[:88])
    assert found.problem.dropna().unique() == (
        "price must be known of the 3 rows to forecast: bring rows after the last, in which the targets are empty"
    )
    word = frame.astype({"visits": object})
    word.loc[80, "visits"] = "many"
    assert "visits is no finite number in row 81" in set(forecasts(word).problem.dropna())
    with pytest.raises(DataError, match="there must be a column 'price'"):
        forecasts(frame.drop(columns="price"))
    other = frame.assign(region="west", event="strike")  # categories that training has not seen
    assert np.isfinite(forecasts(other).sold).all()


def torn(folder: Path, **more: Any) -> tuple[dict[str, Any], pd.DataFrame]:
    """The table with three shops, of which a third of all covariates is missing; its options."""
    options = covariates_in_time(folder)
    frame = pd.read_csv(options["path"])
    c = frame[frame.shop == "a"].assign(shop="c", size=np.nan, region=np.nan)
    frame = pd.concat([frame, c.assign(sold=c.sold + 1)], ignore_index=True)
    rng = np.random.default_rng(4)
    for name in ("price", "visits", "event", "weather"):
        frame.loc[rng.random(len(frame)) < 0.3, name] = np.nan
    frame.loc[frame.shop == "b", "size"] = frame["size"].where(rng.random(len(frame)) < 0.5)
    frame.loc[frame.groupby("shop").head(2).index, ["price", "visits"]] = np.nan
    frame.to_csv(options["path"], index=False)
    return {**options, **more}, frame


MISSING: list[Any] = ["forward", {"vis*": "mask", "price": "zero", "size": "zero"}]


@pytest.mark.parametrize("missing", MISSING, ids=str)
def test_missing_covariates_are_filled_as_pandas_does(missing: Any, tmp_path: Path) -> None:
    """With what was before, never after; the mean of training at the start; categories have one of their own."""
    options, frame = torn(tmp_path, missing=missing)
    problem = opened(tmp_path, **options)
    groups = frame.groupby("shop", sort=False)
    price = groups.price.ffill() if missing == "forward" else frame.price.fillna(0)
    visits = groups.visits.ffill()
    end = groups.cumcount(ascending=False).to_numpy()
    train = end >= frame.shop.map({"a": 36, "b": 12, "c": 36}).to_numpy()
    z = [((one - one[train].mean()) / one[train].std(ddof=0)).fillna(0) for one in (price, visits)]
    weekday = pd.to_datetime(frame.day).dt.weekday * 2 * np.pi / 7
    masks = [] if missing == "forward" else [frame.visits.isna()]
    codes = [frame[name].fillna("").map(kinds) for name, kinds in KINDS.items()]
    wanted = np.column_stack([z[0], np.sin(weekday), np.cos(weekday), z[1], *masks, *codes])
    found = Ragged(tmp_path / "out", "whole.covariates")
    np.testing.assert_allclose(np.concatenate([found[at] for at in range(3)]), wanted, atol=1e-5)
    last = 0.0 if missing != "forward" else 4.0
    size = np.array([3, 5, last])
    known = np.array([3.0, 5.0])
    static = np.column_stack([(size - known.mean()) / known.std(), [2, 3, 1]])
    np.testing.assert_allclose(np.load(tmp_path / "out/static.npy"), static, atol=1e-6)
    assert problem.covariates.by_row.numbers == len(wanted.T) - 2


KINDS = {"event": {"": 1, "fair": 2, "none": 3}, "weather": {"": 1, "rain": 2, "sun": 3}}


@pytest.mark.parametrize("missing", MISSING, ids=str)
def test_prediction_fills_covariates_as_training_does(missing: Any, tmp_path: Path) -> None:
    """Bit for bit, from every row, in the window and ahead; what was not brought of the rows to forecast is named."""
    options, frame = torn(tmp_path, missing=missing)
    problem = opened(tmp_path, **options)
    codec: Any = Forecasting(ForecastingOptions(**options)).codec(tmp_path / "out")
    codec.asked = type(codec.asked)(every_origin=True)
    prepared, static = Ragged(tmp_path / "out", "whole.covariates"), np.load(tmp_path / "out/static.npy")
    ahead, seen = problem.covariates.by_row.ahead, 0
    for item in codec.items(frame):
        number = "abc".index(item.facts["shop"])
        rows = frame[frame.shop == item.facts["shop"]].day.tolist()
        origin = rows.index(item.facts["origin"]) + 1
        if origin > len(rows) - 3:
            assert item.problem.startswith("price must be known of the 3 rows to forecast")
            continue
        back = len(item.x)
        np.testing.assert_array_equal(item.static, static[number])
        np.testing.assert_array_equal(item.beside[:back], prepared[number][origin - back : origin])
        np.testing.assert_array_equal(item.beside[back:, ahead], prepared[number][origin : origin + 3][:, ahead])
        seen += 1
    assert seen == sum(len(prepared[at]) - 5 for at in range(3))


def test_missing_covariates_are_told(tmp_path: Path) -> None:
    """In notices and in what `validate` describes; refused where asked, and in prediction, too."""
    options, frame = torn(tmp_path)
    (tmp_path / "out").mkdir()
    adapter = Forecasting(ForecastingOptions(**options))
    prepared = adapter.prepare(tmp_path / "out")
    count = int(frame.price.isna().sum())
    told = f"price in {count} rows (filled with the value before)"
    assert any(note.startswith(f"covariates are missing: {told}") for note in prepared.notices)
    described = adapter.described(tmp_path / "out", prepared).facts
    assert f"missing: {told}" in described
    assert "missing: region of 1 series (a category of its own)" in described
    assert "missing: size of 1 series (filled with the median of the series)" in described
    with pytest.raises(DataError, match=r"covariates\.csv:2: price must not be missing"):
        Forecasting(ForecastingOptions(**options, missing={"price": "refuse"})).prepare(tmp_path / "out")
    with pytest.raises(DataError, match=r"data\.missing must match a column of values, but got 'prize'"):
        Forecasting(ForecastingOptions(**options, missing={"prize": "zero"})).prepare(tmp_path / "out")
    frame["price"] = np.nan
    frame.to_csv(options["path"], index=False)
    with pytest.raises(DataError, match="price must have a value in the training rows"):
        adapter.prepare(tmp_path / "out")


def test_a_gap_is_refused_in_prediction_where_it_is_in_training(tmp_path: Path) -> None:
    """By the row, as before."""
    options = {**covariates_in_time(tmp_path), "missing": "refuse"}
    opened(tmp_path, **options)
    frame = pd.read_csv(options["path"])
    frame.loc[80, "visits"] = np.nan
    frame.loc[87:, "sold"] = np.nan
    codec = Forecasting(ForecastingOptions(**options)).codec(tmp_path / "out")
    assert "visits is missing in row 81, in the input window" in {item.problem for item in codec.items(frame)}


def test_a_long_file_in_parts_is_filled_from_where_a_value_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though only the last rows of each series are kept in memory."""
    options, frame = torn(tmp_path)
    opened(tmp_path, **options)
    long = pd.concat([frame[frame.shop == "a"]] * 8, ignore_index=True)
    long["day"] = pd.date_range("2026-01-01", periods=len(long)).strftime("%Y-%m-%d")
    long.loc[200:, ["visits", "weather"]] = np.nan
    long.loc[len(long) - 3 :, "sold"] = np.nan
    long = pd.concat([long, long.assign(shop="b")]).sort_values("day", kind="stable")
    long.to_csv(tmp_path / "long.csv", index=False)
    codec: Any = Forecasting(ForecastingOptions(**options)).codec(tmp_path / "out")
    whole = list(codec.items(long))
    monkeypatch.setattr(parts, "LARGEST", 4000)
    found = list(codec.read(tmp_path / "long.csv"))
    assert [item.problem for item in found] == ["", ""]
    for one, other in zip(found, whole, strict=True):
        assert one.facts == other.facts
        for name in ("x", "beside", "static"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize(("kind", "least", "most"), [("known_covariates", 0.4, 0.6), ("past_covariates", 0.88, 1.15)])
def test_a_covariate_is_worth_what_it_explains(tmp_path: Path, kind: str, least: float, most: float) -> None:
    """One that explains half of the variance of what comes halves the squared error where it is known beforehand."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=2400)
    y = x + rng.normal(size=2400)
    pd.DataFrame({"x": x, "y": y}).to_csv(tmp_path / "x.csv", index=False)
    problem = opened(
        tmp_path, path=str(tmp_path / "x.csv"), targets=["y"], window=4, horizon=2, val=600, test=600, **{kind: ["x"]}
    )
    torch.manual_seed(0)
    network = build_network(NetOptions(cell="gru", hidden_size=12), GRUOptions(), {}, problem)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    (batch,) = problem.dataset("train").batches(5000)
    for _ in range(70):
        optimizer.zero_grad()
        problem.loss(network(batch.x, batch.lengths), batch).backward()
        optimizer.step()
    (test,) = problem.dataset("test").batches(5000)
    with torch.no_grad():
        prediction = problem.reduce(network(test.x, test.lengths), test)
    variance = float(np.var(y[1800:]) / np.var(y[:1200]))
    assert least < problem.evaluate([prediction], [test])["mse"] / variance < most


def test_a_calendar_tells_places_in_cycles() -> None:
    """Monday 6 o'clock is a quarter of a day, and a 28th of a week; the first of a month and a year their beginning."""
    times = np.array(["2024-01-01T06:00", "2024-07-02T00:15"], dtype="datetime64[us]")
    found = np.array(calendar_features(times, ("hour", "day", "week", "month", "year")))
    angles = np.arctan2(found[::2], found[1::2]) % (2 * np.pi) / (2 * np.pi)
    expected = [[0, 0.25], [0.25, 0.25 / 24], [0.25 / 7, (1 + 0.25 / 24) / 7], [0, 1 / 31], [0, 183 / 366]]
    np.testing.assert_allclose(angles, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"known_covariates": ["y"], "targets": ["y"]}, "data.* must name a column once"),
        ({"categories": ["x"]}, "data.categories must be among the covariates"),
        ({"calendar": ["week"]}, "data.calendar must come with data.time"),
        ({"missing": "zero"}, "data.missing acts only on covariates"),
        ({"category_embedding": 8}, "data.category_embedding acts only with data.categories"),
    ],
)
def test_covariates_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    """Before any data is read."""
    with pytest.raises(TaskFileError) as caught:
        validate_options(ForecastingOptions, {"path": "x.csv", **options}, key=("data",), place=lambda _: "")
    assert message in str(caught.value)


def test_windows_with_steps_ahead_are_learned_from_whole() -> None:
    """Where each step has a prediction, gradients are not cut, and nothing is pooled."""
    data = {"path": "x.csv", "known_covariates": ["x"]}
    given: Any = {"adapter": Forecasting, "data_options": ForecastingOptions, "data": data}
    assert settings({}, **given).net.pooling != "every"
    for name, value in (("truncation", 4), ("pooling", "max")):
        with pytest.raises(MisfitError, match=rf"{name} must be (null|every) where"):
            settings({name: value}, **given)


def test_covariates_that_the_data_do_not_have_are_refused(tmp_path: Path) -> None:
    """Words that are no categories, a static one that changes, a calendar of numbers, a cell without a number."""
    table = pd.DataFrame({"t": range(40), "y": np.arange(40.0), "word": "a", "x": np.arange(40.0)})
    table.to_csv(tmp_path / "x.csv", index=False)
    common = {"path": str(tmp_path / "x.csv"), "time": "t", "targets": ["y"], "horizon": 2}
    for options, message in (
        (
            {"past_covariates": ["word"]},
            r"word must hold numbers, or be named in data\.categories.*Set data\.categories to",
        ),
        ({"static_covariates": ["x"]}, r"x must be the same in all rows of a series.*got '0\.0 and 1\.0'"),
        ({"calendar": ["day"]}, r"data\.calendar must come with dates"),
        ({"known_covariates": ["z"]}, r"there must be a column 'z'"),
    ):
        with pytest.raises(DataError, match=message):
            opened(tmp_path, **common, **options)
    table.loc[7, "x"] = np.nan
    table.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(DataError, match=r"x\.csv:9: x must not be missing"):
        opened(tmp_path, **common, past_covariates=["x"], missing="refuse")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["y", "x"])
def test_a_number_too_large_for_a_network_is_refused(name: str, tmp_path: Path) -> None:
    """It is finite, and would be infinite in 32 bits: of targets and covariates, in any part."""
    table = pd.DataFrame({"t": range(40), "y": np.arange(40.0) % 7, "x": np.arange(40.0) % 5})
    common = {"path": str(tmp_path / "x.csv"), "time": "t", "targets": ["y"], "horizon": 2, "past_covariates": ["x"]}
    for row in (7, 31, 39):
        table.assign(**{name: table[name].where(table.index != row, -1e300)}).to_csv(tmp_path / "x.csv", index=False)
        with pytest.raises(
            DataError, match=rf"x\.csv:{row + 2}: {name} must be small enough for 32 bits, but got -1e\+300"
        ):
            opened(tmp_path, **common)
