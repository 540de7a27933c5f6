"""From a sweep over series to forecasts of new rows, by the same windows that the test was scored with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from tuner.adapters.base import Adapter, Codec
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.cli import main
from tuner.disk import events
from tuner.disk.folder import StudyFolder
from tuner.errors import DataError, TunerError
from tuner.predict import Model, load
from tuner.predict.signature import write_signature
from tuner.sweep import Sweep
from tuner.task import resolve_task

HORIZON = 3
TASK = """
name: shops
adapter: time_series/forecasting
data: {path: shops.csv, time: day, series: shop, horizon: 3, targets: [sold, seen]}
search_space:
  cell: [gru]
  hidden_size: 8
  data.window: [6, 8]
  data.window_norm: [last, standard]
  data.channel_independence: true
  data.channel_embedding: 2
  data.segment: 2
budget: {trials: 2, epochs: 2}
confirm: {top: 1, seeds: 2}
report: {figures: 0}
tracking: {uri: none}
ray: {address: in-process}
"""


def shops() -> pd.DataFrame:
    """Two shops in long form, north's days without two in the test part, so that a gap is filled there."""
    rng = np.random.default_rng(0)
    frames = []
    for shop, days, level in (("north", 90, 100.0), ("south", 70, 5.0)):
        day = pd.date_range("2024-01-01", periods=days)
        sold = level + level / 5 * np.sin(np.arange(days) * 2 * np.pi / 7) + rng.normal(size=days) * level / 50
        frame = pd.DataFrame({"shop": shop, "day": day, "sold": sold, "seen": rng.normal(size=days)})
        frames.append(frame.drop(index=[80, 81]) if shop == "north" else frame)
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study, with `shops.csv` beside it, as spreadsheets of much of the world write it."""
    folder = tmp_path_factory.mktemp("shops")
    shops().to_csv(folder / "shops.csv", index=False, sep=";", decimal=",", date_format="%d.%m.%Y")
    (folder / "shops.yaml").write_text(TASK)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert Sweep(resolve_task("shops.yaml"), lambda *_, **__: None).run().finished
    return folder


@pytest.fixture
def model(study: Path, tmp_path: Path) -> Model:
    """The model, copied to where nothing of the study is."""
    shutil.copytree(study / "mlruns/studies/shops/model", tmp_path / "model")
    return load(tmp_path / "model")


def test_scores(study: Path) -> dict[str, float]:
    """Those recorded of the model's seed."""
    folder = StudyFolder(study / "mlruns/studies/shops")
    value = json.loads((folder.model / "network.json").read_text())["value"]
    scores = events.read_run(folder.events("test")).results["test"]
    (found,) = [score for run, score in scores.items() if events.read_run(folder.events(run)).value == value]
    return dict(found)


test_scores.__test__ = False  # type: ignore[attr-defined]


def test_the_test_score_follows_from_the_written_forecasts(study: Path, tmp_path: Path) -> None:
    """Squared and absolute error of the forecasts from every origin of the test part, on the standardized scale."""
    arguments = [study / "mlruns/studies/shops/model", study / "shops.csv", "--ask", "every_origin=true"]
    done = CliRunner().invoke(main, ["predict", *map(str, arguments), "-o", str(tmp_path / "out.csv")])
    assert done.exit_code == 0, done.output
    found = pd.read_csv(tmp_path / "out.csv")
    found["day"] = pd.to_datetime(found.day, format="%d.%m.%Y")
    errors = []
    for shop, rows in shops().groupby("shop"):
        days = pd.date_range(rows.day.min(), rows.day.max())  # with those of the gap
        held = round(0.2 * len(days))
        train = rows[rows.day.isin(days[: len(days) - 2 * held])][["sold", "seen"]]
        starts = days[len(days) - held : len(days) - HORIZON + 1]  # first days of forecasts that lie in the test part
        mine = found[(found["shop"] == shop) & (found.day - pd.to_timedelta(found.step - 1, "D")).isin(starts)]
        assert len(mine) == len(starts) * HORIZON
        both = mine.merge(rows, on="day", suffixes=("", "_true"))
        error = both[["sold", "seen"]].to_numpy() - both[["sold_true", "seen_true"]].to_numpy()
        errors.append(error / train.std(ddof=0).to_numpy())
    error = np.concatenate(errors)
    recorded = test_scores(study)
    assert np.square(error).mean() == pytest.approx(recorded["mse"], abs=1e-6)
    assert np.abs(error).mean() == pytest.approx(recorded["mae"], abs=1e-6)


def test_a_forecast_goes_on_beyond_the_file(model: Model, study: Path) -> None:
    """Each series from its own last day, written as the file writes days, and on its own scale."""
    found = model.predict(study / "shops.csv")
    assert list(found.columns) == ["shop", "scaled_by", "step", "day", "sold", "seen", "problem"]
    assert found["shop"].tolist() == ["north"] * HORIZON + ["south"] * HORIZON
    assert found.day.tolist() == ["31.03.2024", "01.04.2024", "02.04.2024", "11.03.2024", "12.03.2024", "13.03.2024"]
    assert found.sold[:HORIZON].between(50, 150).all()
    assert found.sold[HORIZON:].between(2, 8).all()
    assert (found.scaled_by == "training").all()
    every = model.predict(study / "shops.csv", every_origin=True)
    last = every.groupby("shop").tail(HORIZON).drop(columns="origin").reset_index(drop=True)
    pd.testing.assert_frame_equal(last, found, atol=1e-5)


def test_probabilities_of_numbers_are_told_to_be_none(study: Path) -> None:
    """The answers are the same, with a sentence."""
    arguments = ["predict", str(study / "mlruns/studies/shops/model"), str(study / "shops.csv")]
    plain, asked = (CliRunner().invoke(main, [*arguments, *more]) for more in ([], ["--proba"]))
    assert plain.exit_code == asked.exit_code == 0
    assert asked.stdout == plain.stdout
    assert asked.stderr.replace(plain.stderr, "") == (
        "--proba adds nothing: the answers of this model have no probabilities\n"
    )


def test_every_form_gives_the_same_forecasts(model: Model, study: Path, tmp_path: Path) -> None:
    """CSV, TSV, Parquet, a DataFrame; a series alone or among others."""
    wanted = model.predict(study / "shops.csv").drop(columns="day")
    table = shops()
    table.to_csv(tmp_path / "a.tsv", index=False, sep="\t")
    table.to_parquet(tmp_path / "a.parquet")
    for data in (tmp_path / "a.tsv", tmp_path / "a.parquet", table, [tmp_path / "a.tsv"]):
        found = model.predict(data)
        assert found.day[0] == "2024-03-31"
        pd.testing.assert_frame_equal(found.drop(columns="day"), wanted, atol=1e-9)
    south = model.predict(table[table["shop"] == "south"])
    pd.testing.assert_frame_equal(south.drop(columns="day"), wanted[HORIZON:].reset_index(drop=True), atol=1e-5)


def test_a_series_that_cannot_be_forecast_is_named(model: Model, study: Path, tmp_path: Path) -> None:
    """Too few rows, a word, another step: a problem each; an unknown series is scaled by its own rows."""
    table = shops()
    south = table[table["shop"] == "south"]
    new = south.assign(shop="new", sold=south.sold * 1000)
    text = south.assign(shop="text", sold=south.sold.astype(str))
    text.loc[text.index[-2], "sold"] = "closed"
    early = south.assign(shop="early")
    early.loc[early.index[:5], "sold"] = np.nan
    weekly = south.assign(shop="weekly", day=pd.date_range("2020-01-06", periods=70, freq="7D"))
    twice = south.assign(shop="twice", day=south.day.where(south.day != south.day.iloc[9], south.day.iloc[8]))
    parts = [twice, table, south.tail(2).assign(shop="short"), new, text, early, weekly]
    pd.concat(parts).to_csv(tmp_path / "a.csv", index=False)
    done = CliRunner().invoke(
        main,
        ["predict", str(study / "mlruns/studies/shops/model"), str(tmp_path / "a.csv"), "-o", str(tmp_path / "o.csv")],
    )
    assert done.exit_code == 1
    assert "8 items" in done.output
    assert "4 could not be read" in done.output
    found = pd.read_csv(tmp_path / "o.csv").set_index("shop")
    problems = found.problem.dropna().to_dict()
    assert problems.keys() == {"short", "text", "weekly", "twice"}
    assert "it must have 3 rows or more before the forecast, but has 2 rows" in problems["short"]
    assert "sold is no finite number in the row of 2024-03-09" in problems["text"]
    assert problems["weekly"] == "its time step must be 1 day, but is 1 week"
    assert "a.csv:11: day must differ from row to row within one shop" in problems["twice"]
    assert f"a.csv: series weekly: {problems['weekly']}" in done.output
    assert problems["twice"] in done.output.splitlines()  # its place is in it
    assert found.scaled_by[["new", "early"]].tolist() == ["own rows"] * 2 * HORIZON
    np.testing.assert_allclose(found.sold["new"] / 1000, model.predict(new.assign(sold=south.sold)).sold, rtol=1e-4)
    whole = model.predict(table)
    np.testing.assert_allclose(found.sold["north"], whole[whole["shop"] == "north"].sold, rtol=1e-5)


def test_what_a_model_does_not_offer_is_refused(model: Model, study: Path, tmp_path: Path) -> None:
    """An unknown wish, a wrong value, a file without the time, of another ending, or with numbers for dates."""
    with pytest.raises(
        DataError, match=r"time_series/forecasting must offer what is asked of it, but got 'every'\..*Known"
    ):
        model.predict(study / "shops.csv", every=True)
    with pytest.raises(TunerError, match="every_origin must be true or false, but got 3"):
        model.predict(study / "shops.csv", every_origin=3)
    with pytest.raises(DataError, match="there must be a column 'day'"):
        model.predict(shops().drop(columns="day"))
    with pytest.raises(DataError, match="day must hold what it held in training, dates"):
        model.predict(shops().assign(day=np.arange(158)))
    (tmp_path / "a.txt").write_text("day\n")
    with pytest.raises(DataError, match="the file's ending must be one of"):
        model.predict(tmp_path / "a.txt")


@pytest.mark.usefixtures("model")
def test_a_model_of_data_prepared_before_names_were_kept_says_so(study: Path, tmp_path: Path) -> None:
    """It opens, scales each series by its own rows and says why."""
    facts = json.loads((tmp_path / "model/preprocess/facts.json").read_text())
    del facts["series"], facts["time"]
    (tmp_path / "model/preprocess/facts.json").write_text(json.dumps(facts))
    found = load(tmp_path / "model").predict(study / "shops.csv")
    assert found.problem.str.contains("the model, of an earlier version, does not know series by name").all()
    assert found.sold.notna().all()
    assert found.day[0] == "31.03.2024"


def prepared(folder: Path, **options: Any) -> Codec:
    """A codec over data prepared with these options."""
    (folder / "prepared").mkdir()
    given = ForecastingOptions(path=str(folder / "a.csv"), **options)
    adapter: Adapter = ADAPTERS["time_series/forecasting"].load()(given)
    adapter.prepare(folder / "prepared")
    return adapter.codec(folder / "prepared")


@pytest.mark.parametrize(
    ("index", "written"),
    [
        (pd.date_range("2024-10-26 00:00", periods=26, freq="h", tz="Europe/Berlin"), None),
        (pd.date_range("2024-03-30 20:00", periods=40, freq="15min", tz="America/New_York"), None),
        (pd.date_range("2022-01-31", periods=26, freq="ME"), "%Y-%m-%d"),
        (pd.date_range("2022-01-31", periods=25, freq="BME"), "%d.%m.%Y"),
        (pd.date_range("2015-03-31", periods=30, freq="QE"), "%m/%d/%Y"),
        (pd.date_range("2024-01-01", periods=30, freq="B"), "%d %b %Y"),
        (pd.date_range("2024-02-20", periods=30, freq="D"), "%Y%m%d"),
        (pd.date_range("2023-11-06", periods=30, freq="W-MON"), "%Y-%m-%d"),
        (pd.date_range("2023-11-05", periods=30, freq="W-SUN"), "%d/%m/%Y"),
        (pd.date_range("2024-02-20 23:00", periods=30, freq="15min"), "%Y-%m-%dT%H:%M"),
        (pd.date_range("1990-01-01", periods=30, freq="YS"), "%Y"),
        (pd.RangeIndex(7, 97, 3), None),
    ],
)
def test_time_goes_on_as_it_was(index: pd.Index[Any], written: str | None, tmp_path: Path) -> None:
    """Across clock changes, month ends, weekends and leap days: what pandas has next, written as the file writes it."""
    rows, ahead = index[:-5], index[-5:]
    text = index.strftime(written) if written and isinstance(index, pd.DatetimeIndex) else index
    assert isinstance(index, pd.RangeIndex | pd.DatetimeIndex)
    table = pd.DataFrame({"at": text[: len(rows)], "value": np.sin(np.arange(len(rows)))})
    table.to_csv(tmp_path / "a.csv", index=False)
    codec = prepared(tmp_path, time="at", horizon=5, val=5, test=5)
    if isinstance(index, pd.DatetimeIndex) and index.tz is not None:
        (item,) = codec.items(table)  # a file tells offsets, but no zone
        wanted = [str(moment) for moment in ahead]
    else:
        (item,) = codec.read(tmp_path / "a.csv")
        wanted = text[len(rows) :].tolist()
    (answer,) = codec.answer(lambda x, _: x.new_zeros(len(x), 5, 1), [item], proba=False)
    assert [row["at"] for row in answer] == wanted
    assert [row["step"] for row in answer] == [1, 2, 3, 4, 5]


def test_each_series_goes_on_in_its_own_zone(tmp_path: Path) -> None:
    """One file with offsets of several zones: each series is written in that of its latest row."""
    zones = {"berlin": "Europe/Berlin", "tokyo": "Asia/Tokyo", "none": "UTC"}
    times = {name: pd.date_range("2024-03-29", periods=80, freq="h", tz=zone) for name, zone in zones.items()}
    rows = [(name, str(moment), step) for name, index in times.items() for step, moment in enumerate(index[:-5])]
    pd.DataFrame(rows, columns=["shop", "at", "value"]).to_csv(tmp_path / "a.csv", index=False)
    codec = prepared(tmp_path, time="at", series="shop", horizon=5, val=5, test=5)
    found = {}
    for item in codec.read(tmp_path / "a.csv"):
        (answer,) = codec.answer(lambda x, _: x.new_zeros(len(x), 5, 1), [item], proba=False)
        found[answer[0]["shop"]] = [row["at"] for row in answer]
    assert found == {name: [str(moment) for moment in index[-5:]] for name, index in times.items()}


@pytest.mark.parametrize("form", ["auto", "%d.%m.%Y %H:%M", "unix_s", "excel", "number"])
def test_a_served_model_answers_its_example(form: str, tmp_path: Path) -> None:
    """The example of a request is a table that is read, in every way of writing times; what may be asked is told."""
    moments = pd.date_range("2024-01-01", periods=60, freq="h")
    times = {
        "unix_s": [str(int(moment.timestamp())) for moment in moments],
        "excel": [str((moment - pd.Timestamp("1899-12-30")) / pd.Timedelta("1D")) for moment in moments],
        "number": range(60),
    }.get(form) or moments.strftime(form if "%" in form else "%Y-%m-%d %H:%M")
    pd.DataFrame({"at": times, "value": np.sin(np.arange(60))}).to_csv(tmp_path / "a.csv", index=False)
    codec = prepared(tmp_path, time="at", time_format=form, horizon=5, window=9)
    example = codec.example()
    (item,) = codec.items(pd.DataFrame(example))
    assert (item.problem, len(example["at"]), item.x is not None and len(item.x)) == ("", 9, 9)
    (answer,) = codec.answer(lambda x, _: x.new_zeros(len(x), 5, 1), [item], proba=False)
    assert type(answer[0]["at"]) is codec.columns(proba=False)["at"] is (int if form == "number" else str)
    write_signature(tmp_path, codec)
    signature = json.loads((tmp_path / "signature.json").read_text())
    assert [parameter["name"] for parameter in signature["params"]] == ["proba", "every_origin"]


@pytest.mark.parametrize("gaps", ["fill", "ignore"])
@pytest.mark.parametrize("days", [59, 3])
def test_working_hours_go_on_at_working_hours(gaps: str, days: int, tmp_path: Path) -> None:
    """Friday's last hours, then Monday's first ones; also of a file that is too short to show when it is closed."""
    moments = [
        day + pd.Timedelta(hours=hour) for day in pd.bdate_range("2024-01-01", periods=61) for hour in range(9, 18)
    ]
    times = pd.DatetimeIndex(moments).strftime("%d.%m.%Y %H:%M")
    table = pd.DataFrame({"at": times, "value": np.sin(np.arange(len(times)))})
    table[: 50 * 9].to_csv(tmp_path / "a.csv", index=False)
    codec = prepared(tmp_path, time="at", horizon=5, window=9, gaps=gaps)
    table[60 * 9 - days * 9 - 2 : 60 * 9 - 2].to_csv(tmp_path / "b.csv", index=False)
    (item,) = codec.read(tmp_path / "b.csv")
    (answer,) = codec.answer(lambda x, _: x.new_zeros(len(x), 5, 1), [item], proba=False)
    assert [row["at"] for row in answer] == times[60 * 9 - 2 : 60 * 9 + 3].tolist()
    assert times[60 * 9 - 2].endswith("16:00")


def test_times_that_nobody_can_know_are_left_empty(tmp_path: Path) -> None:
    """Of rows that are each a step, with gaps here and there: every tenth row after one is too many."""
    moments = pd.date_range("2024-01-01", periods=200, freq="h")
    table = pd.DataFrame({"at": moments, "value": np.sin(np.arange(200))})
    table.to_csv(tmp_path / "a.csv", index=False)
    codec = prepared(tmp_path, time="at", horizon=3, window=9, gaps="ignore")
    found = {}
    for name, every in (("few", 20), ("many", 5)):
        table.drop(index=range(3, 198, every)).to_csv(tmp_path / f"{name}.csv", index=False)
        (item,) = codec.read(tmp_path / f"{name}.csv")
        (answer,) = codec.answer(lambda x, _: x.new_zeros(len(x), 3, 1), [item], proba=False)
        found[name] = [row["at"] for row in answer]
    hours = pd.date_range("2024-01-09 08:00", periods=3, freq="h").strftime("%Y-%m-%d %H:%M:%S").tolist()
    assert found == {"few": hours, "many": [None] * 3}


def test_rows_without_times_are_counted(tmp_path: Path) -> None:
    """Arrays and tables without times."""
    (tmp_path / "a.csv").write_text("value\n" + "\n".join(map(str, range(30))))
    codec = prepared(tmp_path, horizon=4, window=8)
    (table,) = codec.read(tmp_path / "a.csv")
    array, broken, text = codec.items([np.arange(30.0), np.zeros((3, 2)), ["a"]])
    np.testing.assert_array_equal(table.x, array.x)
    assert [item.problem for item in (table, array)] == ["", ""]
    assert broken.problem == "it must be (rows, 1), but is (3, 2)"
    assert "it must be an array of numbers" in text.problem
    assert list(codec.columns(proba=False)) == ["step", "value"]
