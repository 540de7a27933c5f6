"""Missing values: filled alike in training and prediction, told, and no reason to refuse a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support.codecs import codec_of, problems
from tuner.adapters.base import Item
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.nlp.reading import read_documents
from tuner.adapters.nlp.text_options import TextOptions
from tuner.adapters.nlp.texts import dealt_texts
from tuner.adapters.ragged import Ragged
from tuner.adapters.time_series.dealt_items import dealt_items
from tuner.adapters.time_series.item_options import ClassificationOptions
from tuner.adapters.time_series.items import Items
from tuner.adapters.time_series.missing import Treated, filled, policies_of, treated
from tuner.adapters.time_series.options import ForecastAsked, ForecastingOptions, Missing, MissingOption
from tuner.adapters.time_series.reading import read_items
from tuner.adapters.time_series.series import read_series
from tuner.errors import DataError

SERIES = "time_series/classification"
WORDS = ["", "NA", "?", "nan", "-", "NULL"]
FILLING: list[Missing] = ["interpolate", "forward", "zero", "mask"]
CELLS = st.one_of(st.floats(-9, 9), st.just(float("nan")))


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8))
def test_pandas_fills_alike(rows: list[tuple[float, float]]) -> None:
    """Each policy; where a channel has no value at all, only zero knows one."""
    frame = pd.DataFrame(rows, dtype=float)
    values = frame.to_numpy()
    wanted = {
        "interpolate": frame.interpolate(limit_direction="both"),
        "forward": frame.ffill().bfill(),
        "zero": frame.fillna(0),
        "drop": frame,
    }
    policy: Any
    for policy, each in wanted.items():
        np.testing.assert_allclose(filled(values, [policy, policy]), each.to_numpy(), atol=1e-12)
    masked = filled(values, ["mask", "mask"])
    np.testing.assert_array_equal(masked[:, 2:], frame.isna())
    np.testing.assert_allclose(masked[:, :2], wanted["interpolate"].to_numpy(), atol=1e-12)


@pytest.fixture
def items() -> NDArray[np.float64]:
    """30 items of 6 steps and two channels; every third lacks values, at its ends too."""
    values = np.random.default_rng(1).normal(10, 3, (30, 6, 2)).round(4)
    values[::3, 2:4, 0] = np.nan
    values[::6, 5, 1] = values[3, 0, 0] = np.nan
    return values


def dealt(read: Items, option: MissingOption) -> Treated:
    """Items with missing values treated as an option says."""
    return treated(read, policies_of(read, option))


def write_items(values: NDArray[np.float64], path: Path) -> dict[str, Any]:
    """In the form of the ending, missing values in all words; returns the options."""
    labels = ["ab"[number % 2] for number in range(len(values))]
    if path.suffix == ".npz":
        np.savez(path, X=values, y=labels)
        return {"path": str(path)}
    if path.suffix == ".ts":
        lines = [":".join(",".join(map(str, channel)) for channel in x.T) for x in values]
        lines = [f"{line}:{label}".replace("nan", "?") for line, label in zip(lines, labels, strict=True)]
        path.write_text("\n".join(["@classLabel true a b", "@data", *lines]))
        return {"path": str(path)}
    frame = pd.DataFrame(values.reshape(-1, 2), columns=["u", "v"])
    frame.insert(0, "item", np.repeat(np.arange(len(values)), values.shape[1]))
    frame["label"] = np.repeat(labels, values.shape[1])
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        words = (frame.astype(object).where(frame.notna(), WORDS[row % len(WORDS)]) for row in range(len(frame)))
        pd.concat([each.iloc[[row]] for row, each in enumerate(words)]).to_csv(path, index=False)
    return {"path": str(path), "id": "item"}


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".npz", ".ts"])
@pytest.mark.parametrize("policy", FILLING)
def test_prediction_fills_as_training_does(
    ending: str, policy: Missing, items: NDArray[np.float64], tmp_path: Path
) -> None:
    """Of each form and policy: the input of prepared items, which is what the rule says, standardized."""
    path = tmp_path / f"x{ending}"
    codec = codec_of(SERIES, tmp_path, **write_items(items, path), missing=policy)
    found = {item.x.tobytes() for item in codec.read(path) if item.x is not None}
    prepared = Ragged(tmp_path / "prepared", "train.x")
    assert {prepared[index].tobytes() for index in range(len(prepared))} <= found
    assert len(found) == len(items)
    facts = json.loads((tmp_path / "prepared/facts.json").read_text())
    wanted = [((filled(item, [policy, policy]) - facts["mean"]) / facts["scale"]).astype(np.float32) for item in items]
    assert {item.tobytes() for item in wanted} == found
    assert [name.endswith(" missing") for name in facts["channels"]] == [False] * 2 + [True] * 2 * (policy == "mask")
    assert {item.x.tobytes() for item in codec.items(items) if item.x is not None} == found


@pytest.mark.parametrize("policy", FILLING)
def test_steps_in_columns_are_filled_too(policy: Missing, items: NDArray[np.float64], tmp_path: Path) -> None:
    """A row per item; a short row is damaged, not missing."""
    frame = pd.DataFrame(items[:, :, 0], columns=[f"s{step}" for step in range(6)])
    frame.insert(0, "label", ["ab"[number % 2] for number in range(len(items))])
    path = tmp_path / "x.csv"
    frame.to_csv(path, index=False, na_rep="NA")
    codec = codec_of(SERIES, tmp_path, path=str(path), missing=policy)
    found = [item.x for item in codec.read(path) if item.x is not None]
    prepared = Ragged(tmp_path / "prepared", "train.x")
    assert {prepared[index].tobytes() for index in range(len(prepared))} <= {x.tobytes() for x in found}
    assert [x.shape for x in found] == [(6, 1 + (policy == "mask"))] * 30
    path.write_text(path.read_text() + "a,1,2\n")
    assert problems(codec.read(path))[-1].startswith("a row must have 7 cells like the header")
    with pytest.raises(DataError, match=r"x\.csv:32: a row must have 7 cells like the header, but got 3"):
        read_items(path, ClassificationOptions(path=str(path), missing=policy))


def test_what_was_filled_is_told(items: NDArray[np.float64], tmp_path: Path) -> None:
    """Number of values and items, channels, and the option that changes it."""
    options = ClassificationOptions(**write_items(items, tmp_path / "x.csv"))
    found = dealt(read_items(tmp_path / "x.csv", options), options.missing)
    assert found.items.notices[-1] == (
        "26 missing values in 10 of 30 items (u, v): filled by interpolation within the item; "
        "set data.missing to change that"
    )


MACHINES = [f"m{number}" for number in range(30)]


def machines(folder: Path) -> tuple[Path, pd.DataFrame]:
    """30 recordings of 8 steps: two temperatures, a door, rain, flow; a third of all missing."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(10, 3, (240, 5)).round(3), columns=["temp_in", "temp_out", "door", "rain", "flow"])
    frame["door"] = rng.integers(0, 2, 240)
    frame = frame.mask(rng.random(frame.shape) < 0.3)
    frame.insert(0, "item", np.repeat(MACHINES, 8))
    frame["label"] = np.repeat(["ab"[number % 2] for number in range(30)], 8)
    frame.to_csv(folder / "m.csv", index=False)
    return folder / "m.csv", frame


def test_each_column_has_its_policy(tmp_path: Path) -> None:
    """By its name, by the longest pattern, else by its values; as pandas fills, in prediction too, and told."""
    path, frame = machines(tmp_path)
    missing = {"temp_*": "mask", "temp_in": "interpolate", "r*": "refuse", "rai*": "zero"}
    more: dict[str, Any] = {"path": str(path), "id": "item", "label": "label", "missing": missing}
    codec = codec_of("time_series/classification", tmp_path, **more)
    groups = frame.drop(columns="label").groupby("item", sort=False)
    line, before = (groups.transform(how) for how in (_line, lambda cells: cells.ffill().bfill()))
    wanted = line.assign(door=before.door, rain=frame.rain.fillna(0), masked=frame.temp_out.isna())
    facts = json.loads((tmp_path / "prepared/facts.json").read_text())
    assert facts["channels"] == [*frame.columns[1:6], "temp_out missing"]
    assert facts["missing"] == ["interpolate", "mask", "forward", "zero", "interpolate"]
    whole = wanted.notna().all(axis=1).groupby(frame.item, sort=False).all()
    x = ((wanted.to_numpy(dtype=np.float64) - facts["mean"]) / facts["scale"]).reshape(30, 8, 6)
    found = list(codec.read(path))
    assert [item.x is not None for item in found] == whole.tolist()
    for number in np.flatnonzero(whole):
        np.testing.assert_allclose(np.asarray(found[number].x), x[number], atol=1e-6)
    prepared = Ragged(tmp_path / "prepared", "train.x")
    assert {prepared[at].tobytes() for at in range(len(prepared))} <= {i.x.tobytes() for i in found if i.x is not None}
    told = dealt_items(ClassificationOptions(**more)).notices
    torn = frame.isna().groupby(frame.item, sort=False).sum()[whole]
    for policy, names in (("with the value before", ["door"]), ("with 0", ["rain"]), ("that says where", ["temp_out"])):
        count, some = torn[names].to_numpy().sum(), (torn[names].sum(axis=1) > 0).sum()
        (one,) = [note for note in told if policy in note]
        assert one.startswith(f"{count} missing values in {some} of 30 items ({', '.join(names)}): filled ")


def _line(cells: Any) -> Any:
    return cells.interpolate(limit_direction="both") if cells.dtype.kind == "f" else cells


@pytest.mark.parametrize("policy", ["drop", "refuse"])
def test_one_column_may_leave_items_out(policy: Missing, tmp_path: Path) -> None:
    """Those in which that column is missing; what others lack is filled."""
    path, frame = machines(tmp_path)
    more = {"path": str(path), "id": "item", "label": "label"}
    if policy == "refuse":
        with pytest.raises(DataError, match=r"m\.csv:\d+: flow must not be missing"):
            dealt_items(ClassificationOptions(**more, missing={"flow": policy}))
        return
    frame.loc[frame.index >= 80, "flow"] = 1.5
    frame.to_csv(path, index=False)
    found = dealt_items(ClassificationOptions(**more, missing={"flow": policy}))
    assert found.dropped == {"missing values": int(frame.flow.isna().groupby(frame.item).any().sum())}


def test_a_policy_for_no_column_is_told(tmp_path: Path) -> None:
    """With the columns that there are."""
    path, _ = machines(tmp_path)
    with pytest.raises(
        DataError, match=r"data\.missing must match a column of values, but got 'tmp\*'.*temp_in, temp_out"
    ):
        dealt_items(ClassificationOptions(path=str(path), id="item", missing={"tmp*": "zero"}))


def test_items_with_missing_values_can_be_left_out(items: NDArray[np.float64], tmp_path: Path) -> None:
    """Counted in training; in prediction each is named and the others are answered."""
    path = tmp_path / "x.csv"
    codec = codec_of(SERIES, tmp_path, **write_items(items, path), missing="drop")
    told = problems(codec.read(path))
    assert told[0] == "step 3 of u is missing"
    assert [bool(one) for one in told] == [number % 3 == 0 for number in range(30)]
    prepared = [len(Ragged(tmp_path / "prepared", f"{split}.x")) for split in ("train", "val", "test")]
    assert sum(prepared) == 20


def test_a_channel_without_a_value_leaves_its_item_out(items: NDArray[np.float64], tmp_path: Path) -> None:
    """There is nothing to fill it with, unless with 0."""
    items[4, :, 1] = np.nan
    path = tmp_path / "x.npz"
    codec = codec_of(SERIES, tmp_path, **write_items(items, path))
    told = problems(codec.read(path))
    assert [told.index("channel 2 has no value"), sum(map(bool, told))] == [4, 1]
    options = ClassificationOptions(path=str(path), missing="zero")
    assert dealt(read_items(path, options), "zero").left_out == 0


def test_missing_values_are_refused_where_asked(items: NDArray[np.float64], tmp_path: Path) -> None:
    """With the place."""
    for ending, told in ((".csv", r"x\.csv:4: u must not be missing"), (".ts", r"x\.ts:3: channel 1 must not be")):
        options = ClassificationOptions(**write_items(items, tmp_path / f"x{ending}"), missing="refuse")
        with pytest.raises(DataError, match=told):
            dealt(read_items(tmp_path / f"x{ending}", options), "refuse")


WAVE = 50 + 20 * np.sin(np.arange(400) * 2 * np.pi / 7) + np.random.default_rng(0).normal(0, 1, 400)
DAYS = pd.DataFrame(
    {
        "day": pd.date_range("2024-01-01", periods=400, freq="D").strftime("%Y-%m-%d"),
        "sold": WAVE.round(3),
        "open": np.arange(400) % 7 != 6,
    }
)
GONE = [20, 90, 91, 150, 260, 399]


@pytest.mark.parametrize("gaps", ["fill", "split", "ignore"])
def test_a_row_without_its_target_is_a_row_that_is_missing(gaps: str, tmp_path: Path) -> None:
    """Series, gaps and forecasts are those of the table without these rows."""
    torn, cut = DAYS.copy(), DAYS.drop(index=GONE)
    torn["sold"] = torn["sold"].astype(object)
    for row, word in zip(GONE, WORDS, strict=True):
        torn.loc[row, "sold"] = word
    found = []
    for name, frame in (("torn", torn), ("cut", cut)):
        path = tmp_path / name / "days.csv"
        path.parent.mkdir()
        frame.to_csv(path, index=False)
        more = {"path": str(path), "time": "day", "gaps": gaps, "targets": ["sold"], "horizon": 7}
        collection = read_series(path, ForecastingOptions(**more))
        codec = codec_of("time_series/forecasting", path.parent, **more)
        codec.asked = ForecastAsked(every_origin=True)
        found.append((collection, list(codec.read(path))))
    (a, items_a), (b, items_b) = found
    assert "values are missing: sold in 6 rows; these rows are taken for gaps" in a.notices
    np.testing.assert_array_equal(a.series[0].values, b.series[0].values)
    np.testing.assert_array_equal(np.asarray(a.series[0].made), np.asarray(b.series[0].made))
    assert a.gaps == b.gaps == 4
    assert len(items_a) == len(items_b) > 100
    assert [item.facts for item in items_a] == [item.facts for item in items_b]
    for one, other in zip(items_a, items_b, strict=True):
        np.testing.assert_array_equal(np.asarray(one.x), np.asarray(other.x))


def test_rows_without_times_and_arrays_are_filled_too(tmp_path: Path) -> None:
    """By their numbers: a gap of one row is filled with the row before, as no season is known."""
    frame = DAYS[["sold"]].copy()
    frame.loc[[20, 150], "sold"] = np.nan
    frame.to_csv(tmp_path / "rows.csv", index=False)
    options = ForecastingOptions(path=str(tmp_path / "rows.csv"), horizon=3)
    collection = read_series(tmp_path / "rows.csv", options)
    values = DAYS["sold"].to_numpy().copy()
    values[20], values[150] = values[19], values[149]
    np.testing.assert_array_equal(collection.series[0].values[:, 0], values)
    assert collection.series[0].made is not None
    assert np.flatnonzero(collection.series[0].made).tolist() == [20, 150]
    assert any(note.startswith("2 gaps (2 rows missing at a step of 1 row)") for note in collection.notices)
    codec = codec_of("time_series/forecasting", tmp_path, path=str(tmp_path / "rows.csv"), horizon=3)
    torn = values[100:200].copy()
    torn[50] = np.nan
    inputs: list[Item] = [*codec.items([torn]), *codec.items([values[100:200]])]
    assert problems(inputs) == ["", ""]
    np.testing.assert_array_equal(inputs[0].x, inputs[1].x)


def test_a_mostly_empty_column_is_no_target(tmp_path: Path) -> None:
    """Unless it is named: it would make gaps of most rows."""
    frame = DAYS.assign(note=np.where(np.arange(400) % 50, np.nan, 1.0), never=np.nan)
    frame.to_csv(tmp_path / "days.csv", index=False)
    options = ForecastingOptions(path=str(tmp_path / "days.csv"), time="day", horizon=7)
    found = read_series(tmp_path / "days.csv", options)
    assert found.channels == ("sold", "open")
    assert any("'note' left out: more than half of its cells are empty" in note for note in found.notices)
    assert any("'never' left out: it is empty" in note for note in found.notices)


def test_a_word_is_no_missing_value(tmp_path: Path) -> None:
    """Neither in training nor in prediction."""
    frame = DAYS.astype({"sold": object})
    frame.to_csv(tmp_path / "days.csv", index=False)
    more = {"time": "day", "horizon": 7, "targets": ["sold"]}
    codec = codec_of("time_series/forecasting", tmp_path, path=str(tmp_path / "days.csv"), **more)
    frame.loc[395, "sold"] = "closed"
    frame.to_csv(tmp_path / "new.csv", index=False)
    assert problems(codec.read(tmp_path / "new.csv")) == [
        "sold is no finite number in the row of 2025-01-30, in the input window"
    ]
    with pytest.raises(DataError, match=r"new\.csv:397: sold must be a finite number, but got 'closed'"):
        read_series(tmp_path / "new.csv", ForecastingOptions(path=str(tmp_path / "new.csv"), **more))


@pytest.mark.parametrize("form", ["wide", "long"])
@pytest.mark.parametrize("adapter", ["classification", "regression"])
def test_items_without_a_label_are_left_out(adapter: str, form: str, tmp_path: Path) -> None:
    """And counted; the others are as without them."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(40, 3)), columns=["a", "b", "c"])
    frame["answer"] = ["xy"[number % 2] for number in range(40)] if adapter == "classification" else rng.normal(size=40)
    more: dict[str, Any] = {"label": "answer"} if adapter == "classification" else {"targets": ["answer"]}
    if form == "long":
        frame = frame.loc[frame.index.repeat(3)].reset_index(names="item")
        more |= {"id": "item", "channels": ["a", "b", "c"]}
    torn = frame.copy()
    torn.loc[torn.index[: 6 if form == "long" else 2], "answer"] = np.nan
    found = []
    for name, table in (("torn", torn), ("whole", torn.dropna())):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        entry = ADAPTERS[f"time_series/{adapter}"]
        found.append(dealt_items(entry.options(path=str(tmp_path / f"{name}.csv"), **more)))
    what = "no label" if adapter == "classification" else "no number"
    assert found[0].dropped == {what: 2}
    assert f"2 of 40 items left out: {what}" in found[0].notices
    for split in ("train", "val", "test"):
        for one, other in zip(found[0].splits[split].sequences, found[1].splits[split].sequences, strict=True):
            np.testing.assert_array_equal(one, other)
    torn.assign(answer=np.nan).to_csv(tmp_path / "none.csv", index=False)
    with pytest.raises(DataError, match=r"none\.csv:2: at least one item must have"):
        dealt_items(entry.options(path=str(tmp_path / "none.csv"), **more))


@pytest.mark.parametrize("word", ["", "NaN"])
def test_texts_without_a_label_are_left_out(word: str, tmp_path: Path) -> None:
    """And counted."""
    rows = [f"text number {number},{word if number in (3, 8) else 'ab'[number % 2]}" for number in range(40)]
    (tmp_path / "x.csv").write_text("\n".join(["text,label", *rows]))
    entry = ADAPTERS["nlp/classification"]
    options = entry.options(path=str(tmp_path / "x.csv"))
    assert isinstance(options, TextOptions)
    dealt = dealt_texts(options, read_documents(tmp_path / "x.csv", options))
    assert dealt.dropped["no label"] == 2
    assert sum(map(len, dealt.splits.values())) == 38
    assert "2 of 40 texts left out: no label" in dealt.notices
