"""Files that are read in parts are answered as those that are read whole, in little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support.adapter_data import covariates_in_time
from tests.support.command import tuner
from tests.support.models import made_model
from tests.support.shops import model_of, shops
from tuner.adapters import lines
from tuner.adapters.time_series import item_reader, parts
from tuner.errors import DataError
from tuner.predict import Model, load


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few dozen rows are a part."""
    monkeypatch.setattr(parts, "LARGEST", 1000)
    monkeypatch.setattr(parts, "_CELLS", 120)
    monkeypatch.setattr(lines, "_SAMPLE", 100)


@pytest.fixture
def forecasts(tmp_path: Path) -> Model:
    """Of shops."""
    path = tmp_path / "train.csv"
    shops(100).to_csv(path, index=False)
    return model_of(
        tmp_path, "time_series/forecasting", path=str(path), time="day", series="shop", window=10, horizon=3
    )


ORDERS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "series by series": lambda table: table,
    "mixed": lambda table: table.sort_values("day", kind="stable"),
    "any order": lambda table: table.sample(frac=1, random_state=0),
    "backwards": lambda table: table[::-1],
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("form", ["%d/%m/%Y", "parquet"])
def test_forecasts_of_parts_are_those_of_the_whole(
    forecasts: Model, order: str, form: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Whatever the order of rows; days and months are told apart by the whole file, not by each part."""
    table = shops(200)
    table = ORDERS[order](table.drop(index=[190, 191, 395]))  # gaps that are filled
    if form == "parquet":
        table.to_parquet(tmp_path / "a.parquet")
    else:
        table.to_csv(tmp_path / "a.csv", index=False, date_format=form)
    path = tmp_path / ("a.parquet" if form == "parquet" else "a.csv")
    whole = forecasts.predict(path)
    every = forecasts.predict(path, every_origin=True)
    assert (whole.problem == "").all()
    assert len(whole) == 6
    assert len(every) > 1000
    request.getfixturevalue("small_parts")
    pd.testing.assert_frame_equal(forecasts.predict(path), whole)
    pd.testing.assert_frame_equal(forecasts.predict(path, every_origin=True), every)


def test_categories_that_training_did_not_have_are_told_once(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A sentence per column with the rows of the whole file, however it is read; a missing value is no new one."""
    (tmp_path / "data").mkdir()
    data = covariates_in_time(tmp_path / "data")
    model = made_model(tmp_path / "made", "time_series/forecasting", data=data)
    table = pd.read_csv(data["path"])
    table.loc[table.groupby("shop").tail(3).index, "sold"] = None
    table.to_csv(path := tmp_path / "same.csv", index=False)
    assert tuner("predict", str(model), str(path)).stderr == "2 items\n"
    table.loc[:9, "event"], table.loc[12:13, "event"], table.loc[20, "weather"] = "market", "strike", None
    table.loc[table["shop"] == "b", "region"] = "west"
    table.to_csv(path := tmp_path / "new.csv", index=False)
    told = (
        "event: 12 rows with a category that no training row has, such as 'market'; it is taken as unknown\n"
        "region: 30 rows with a category that no training row has, such as 'west'; it is taken as unknown\n"
        "2 items\n"
    )
    assert tuner("predict", str(model), str(path)).stderr == told
    request.getfixturevalue("small_parts")
    assert tuner("predict", str(model), str(path)).stderr == told


@pytest.mark.usefixtures("small_parts")
def test_of_a_long_series_the_latest_rows_are_held(forecasts: Model, tmp_path: Path) -> None:
    """As many as a window needs, whatever there is before them; of one that is scaled by its own rows, all."""
    table = shops(1500)
    new = table[table["shop"] == "south"].assign(shop="new")
    pd.concat([table, new]).to_csv(tmp_path / "a.csv", index=False)
    lengths: list[int] = []
    codec: Any = forecasts.codec
    table_of = codec._table

    def counted(table: Any, *rest: Any) -> Any:
        lengths.append(len(table))
        return table_of(table, *rest)

    codec._table = counted
    found = forecasts.predict(tmp_path / "a.csv")
    assert (found.problem == "").all()
    assert found["shop"].unique().tolist() == ["north", "south", "new"]
    assert 1500 < sum(lengths) < 1500 + 2 * 1000
    np.testing.assert_allclose(found.sold[3:6], forecasts.predict(table[table["shop"] == "south"]).sold, rtol=1e-6)


@pytest.mark.parametrize("order", ["sorted", "mixed"])
def test_items_of_parts_are_those_of_the_whole(order: str, tmp_path: Path) -> None:
    """A long table's items come in the order in which their ids first appear; a wide one's row by row."""
    rng = np.random.default_rng(0)
    rows = [
        {"item": f"i{item}", "step": step, "a": rng.normal(), "label": "xy"[item % 2]}
        for item in range(60)
        for step in range(4 + item % 5)
    ]
    long = pd.DataFrame(rows)
    if order == "mixed":
        long = long.sample(frac=1, random_state=0)
    wide = pd.DataFrame(rng.normal(size=(300, 6)), columns=[f"t{t}" for t in range(6)]).assign(label=["x", "y"] * 150)
    for name, table, options in (("long", long, {"id": "item", "time": "step"}), ("wide", wide, {})):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        table.to_parquet(tmp_path / f"{name}.parquet")
        path = tmp_path / f"{name}.csv"
        model = model_of(tmp_path / name, "time_series/classification", path=str(path), label="label", **options)
        whole = model.predict(path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parts, "LARGEST", 1000)
            patch.setattr(parts, "_CELLS", 120)
            for suffix in ("csv", "parquet"):
                found = model.predict(tmp_path / f"{name}.{suffix}")
                pd.testing.assert_frame_equal(found, whole, atol=1e-6)
        assert (whole.problem == "").all()


def test_a_large_file_takes_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts, lines, objects, rows of numbers: what a part of the file needs, when items are taken one by one."""
    monkeypatch.setattr(parts, "LARGEST", 1 << 16)
    monkeypatch.setattr(lines, "_SAMPLE", 1 << 12)
    texts, rows = load(made_model(tmp_path / "texts")), model_of_rows(tmp_path)
    number = ",".join(f"{step}.25" for step in range(200))
    header = ",".join(f"t{step}" for step in range(200))
    files = {
        "a.txt": (texts, "", "rain and snow" + " " * 2000),
        "a.csv": (texts, "text,other", "rain," + "x" * 2000),
        "a.jsonl": (texts, "", '{"text": "rain", "other": "' + "x" * 2000 + '"}'),
        "b.csv": (rows, header, number),
    }
    for name, (model, first, line) in files.items():
        (tmp_path / name).write_text(f"{first}\n" + f"{line}\n" * 1500)
        items, peak = peak_of(model, tmp_path / name)
        assert items == 1500, name
        assert peak < (40 << 16 if name == "b.csv" else (tmp_path / name).stat().st_size / 4), name


def peak_of(model: Model, path: Path) -> tuple[int, int]:
    """Items without a problem, and the largest memory while they are read one by one."""
    for _ in zip(range(100), model.read(path), strict=False):
        pass
    tracemalloc.start()
    items = sum(item.problem == "" for item in model.read(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return items, peak


@pytest.mark.parametrize("lengths", [False, True])
def test_an_archive_is_read_some_items_at_a_time(
    lengths: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items of one length or of several, column by column or row by row, are those of the whole, in little memory."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "train.npz", X=rng.normal(size=(40, 200)), y=["x", "y"] * 20)
    model = model_of(tmp_path, "time_series/classification", path=str(tmp_path / "train.npz"))
    size = rng.integers(1, 400, 1000) if lengths else np.full(1000, 200)
    x = rng.normal(size=int(size.sum()) if lengths else (1000, 200))
    more: dict[str, Any] = {"lengths": size} if lengths else {}
    np.savez(tmp_path / "a.npz", X=x, **more)
    np.savez_compressed(tmp_path / "b.npz", X=np.asfortranarray(x), **more)
    whole = [item.x for item in model.read(tmp_path / "a.npz")]
    monkeypatch.setattr(item_reader, "_AT_ONCE", 1 << 14)
    for name in ("a.npz", "b.npz"):
        for part, item in zip(whole, model.read(tmp_path / name), strict=True):
            np.testing.assert_array_equal(part, item.x)
    items, peak = peak_of(model, tmp_path / "a.npz")
    assert items == 1000
    assert peak < (tmp_path / "a.npz").stat().st_size / 3
    (tmp_path / "c.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-100_000])
    with pytest.raises(DataError, match=r"readable \.npz"):
        list(model.read(tmp_path / "c.npz"))


def test_tables_that_are_read_through_take_little_memory(forecasts: Model, tmp_path: Path) -> None:
    """A part, of forecasts from every row and of mixed items: not much more than a dozen times its text."""
    table = shops(6000)
    table["day"] = pd.date_range("1990-01-01", periods=6000, freq="D").tolist() * 2
    table.to_csv(tmp_path / "every.csv", index=False)
    long = pd.DataFrame({"item": np.repeat([f"i{item}" for item in range(600)], 20), "step": np.tile(range(20), 600)})
    long = long.assign(a=np.random.default_rng(0).normal(size=len(long)), label=np.repeat(["x", "y"] * 300, 20))
    long[:800].to_csv(tmp_path / "long.csv", index=False)
    options = {"path": str(tmp_path / "long.csv"), "label": "label", "id": "item", "time": "step"}
    mixed = model_of(tmp_path / "long", "time_series/classification", **options)
    long.sample(frac=1, random_state=0).to_csv(tmp_path / "mixed.csv", index=False)
    every = peak_of(forecasts.asking(every_origin=True), tmp_path / "every.csv")
    items = peak_of(mixed, tmp_path / "mixed.csv")
    assert (every[0], items[0]) == (2 * (6000 - 2), 600)
    assert every[1] < 18 * (tmp_path / "every.csv").stat().st_size
    assert items[1] < 18 * (tmp_path / "mixed.csv").stat().st_size


def model_of_rows(folder: Path) -> Model:
    """Of sequences of 200 steps."""
    values = np.random.default_rng(0).normal(size=(40, 200))
    table = pd.DataFrame(values, columns=[f"t{step}" for step in range(200)]).assign(label=["x", "y"] * 20)
    table.to_csv(folder / "rows.csv", index=False)
    return model_of(folder / "rows", "time_series/classification", path=str(folder / "rows.csv"), label="label")
