"""Which columns of a table are learned from: never a row number, an id, a group or a copy of the label."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tuner.adapters.time_series.item_options import ClassificationOptions
from tuner.adapters.time_series.items import Items
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.reading import read_items
from tuner.adapters.time_series.series import Collection, read_series
from tuner.errors import DataError

LABELS = np.array(["ill", "well"])[np.arange(24) % 2]
LABEL_CODES = np.arange(24) % 2


def read(folder: Path, frame: pd.DataFrame, *, index: bool = False, form: str = "csv", **options: Any) -> Items:
    """The items of a table as pandas writes it."""
    path = folder / f"x.{form}"
    frame.to_csv(path, index=index) if form == "csv" else frame.to_parquet(path)
    return read_items(path, ClassificationOptions(path=str(path), **options))


def wide(rows: int = 24) -> pd.DataFrame:
    """Noise, a row per item."""
    values = np.random.default_rng(0).normal(size=(rows, 4)).round(3)
    return pd.DataFrame(values, columns=list("abcd")).assign(label=LABELS[:rows])


def long() -> pd.DataFrame:
    """Noise, a row per step: 24 items of 4 to 6 steps."""
    rng = np.random.default_rng(0)
    item = np.repeat(np.arange(24), 4 + np.arange(24) % 3)
    values = {name: rng.normal(size=len(item)).round(3) for name in "ab"}
    return pd.DataFrame({"item": [f"i{number}" for number in item], "label": LABELS[item], **values})


WIDE: dict[str, tuple[str, Any, str]] = {
    "counts from 0": ("n", np.arange(24), "it counts rows"),
    "counts from 1": ("n", np.arange(1, 25), "it counts rows"),
    "counts from 1001, as floats": ("n", np.arange(1001.0, 1025), "it counts rows"),
    "what pandas makes of no name": ("Unnamed: 0", np.arange(24)[::-1], "it has another value in each row"),
    "an index after a filter": ("index", np.arange(24) * 3 % 71, "by its name and values it is an id"),
    "an id by its name": ("itemId", np.random.default_rng(1).permutation(9000)[:24], "by its name and values it is an"),
    "a patient": ("patient", np.arange(24) // 5, "by its name it holds groups, for data.group"),
    "a patient's id": ("patient_id", np.arange(24) // 5, "by its name it holds groups, for data.group"),
    "a patient by name": ("patient", [f"p{n // 5}" for n in range(24)], "by its name it holds groups, for data.group"),
    "a fold": ("fold", np.arange(24) % 3, "by its name it holds splits, for data.split"),
    "a fold by another name": ("cv_fold", np.arange(24) % 3, "by its name it holds splits, for data.split"),
    "whether it is a test": ("is_test", np.arange(24) % 5 == 0, "by its name it holds splits, for data.split"),
    "a group": ("Group", np.arange(24) // 5, "by its name it holds groups, for data.group"),
    "codes of the label": ("code", np.arange(24) % 2 * 7 + 3, "it repeats the label in other words, in every row"),
    "whether it is the label": ("is_ill", LABELS == "ill", "it repeats the label in other words, in every row"),
    "the label's name": ("diagnosis", np.where(LABELS == "ill", "flu", "none"), "it repeats the label in other words"),
}


@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("case", WIDE)
def test_what_is_no_measurement_is_left_out_and_told(case: str, place: int, tmp_path: Path) -> None:
    """Wherever the column stands; the items are those of the table without it."""
    name, cells, reason = WIDE[case]
    frame = wide()
    frame.insert(place, name, cells)
    items = read(tmp_path, frame)
    (told,) = items.notices
    assert told.startswith(f"column {name!r} left out: ")
    assert reason in told
    assert "data.channels names what is to be kept" in told
    assert np.array_equal(np.array(items.sequences)[..., 0], wide()[list("abcd")].to_numpy())


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize(
    "index", [np.arange(24), np.arange(24)[::-1], np.arange(24) * 2 + 5, [f"row {n}" for n in range(24)]]
)
def test_an_index_that_pandas_writes_is_left_out(index: Any, form: str, tmp_path: Path) -> None:
    """The first column of a CSV file without a name, or the index of a Parquet file, is no step of an item."""
    frame = wide().set_index(pd.Index(index))
    items = read(tmp_path, frame, index=True, form=form)
    assert np.array_equal(np.array(items.sequences)[..., 0], wide()[list("abcd")].to_numpy())
    assert len(items.notices) == (not isinstance(frame.index, pd.RangeIndex) or form == "csv")


def test_a_column_without_a_name_is_told_so(tmp_path: Path) -> None:
    """A name that is nothing is not shown as nothing; a separator at the ends of lines makes no column either."""
    (told,) = read(tmp_path, wide(), index=True).notices
    assert told.startswith("column without a name left out: it counts rows; data.channels")
    (tmp_path / "y.csv").write_text("label,a,b,\n" + "x,1,2,\ny,2,5,\n" * 6)
    items = read_items(tmp_path / "y.csv", ClassificationOptions(path="y.csv"))
    assert items.sequences[0].tolist() == [[1], [2]]
    assert "it is empty" in items.notices[0]


def test_a_column_without_a_name_that_measures_is_refused(tmp_path: Path) -> None:
    """What it is cannot be told; named in the header it is taken."""
    frame = wide().rename(columns={"a": ""})
    with pytest.raises(
        DataError, match=r"x\.csv:1: a column without a name must count the rows.*Name it in the header"
    ):
        read(tmp_path, frame)
    assert len(read(tmp_path, wide()).sequences[0]) == 4


@pytest.mark.parametrize("case", ["counts from 0", "codes of the label"])
def test_columns_that_are_asked_for_are_kept_with_a_word(case: str, tmp_path: Path) -> None:
    """An option's word holds; what the column seems to be is told."""
    name, cells, reason = WIDE[case]
    items = read(tmp_path, wide().assign(**{name: cells}), channels=("a", name))
    assert items.sequences[3][:, 0].tolist() == [wide()["a"][3], cells[3]]
    (told,) = items.notices
    assert told == f"column {name!r} kept, as data.channels names it, but {reason}"


LONG: dict[str, tuple[str, Any, str]] = {
    "counts all rows": ("n", lambda frame: np.arange(len(frame)), "it counts rows"),
    "counts the rows of each item": ("step", lambda frame: frame.groupby("item").cumcount(), "it counts rows"),
    "the item's number": ("item_id", lambda frame: frame["item"].str[1:].astype(int), "values it is an id"),
    "a subject": ("subject", lambda frame: frame["item"].str[1:].astype(int) // 4, "by its name it holds groups"),
    "codes of the label": ("code", lambda frame: (frame["label"] == "ill") * 1, "it repeats the label in other words"),
    "the label's name": ("state", lambda frame: frame["label"].str.upper(), "it repeats the label in other words"),
    "one value": ("unit", lambda frame: np.full(len(frame), 7.5), "it has only one value"),
}


@pytest.mark.parametrize("case", LONG)
def test_what_is_no_channel_is_left_out_and_told(case: str, tmp_path: Path) -> None:
    """In the long form, too; rows of items may stand among each other."""
    name, make, reason = LONG[case]
    frame = long()
    frame.insert(2, name, make(frame))
    items = read(tmp_path, frame, id="item")
    assert items.channels == ("a", "b")
    (told,) = items.notices
    assert told.startswith(f"column {name!r} left out: ")
    assert reason in told


def test_test_items_have_the_columns_of_the_others(tmp_path: Path) -> None:
    """What was left out of the items to train on is left out of the test items, whatever it looks like there."""
    frame = wide()
    frame.insert(0, "patient", np.arange(24) // 5)
    items = read(tmp_path, frame)
    few = frame[:3].assign(patient=[0.5, 0.5, 7])
    few.to_csv(tmp_path / "test.csv", index=False)
    held = read_items(tmp_path / "test.csv", ClassificationOptions(path="x"), like=items)
    assert np.array_equal(np.array(held.sequences)[..., 0], wide()[list("abcd")][:3].to_numpy())


def test_an_option_s_columns_are_no_channels(tmp_path: Path) -> None:
    """Label, id, time, group and split are named by options, and nothing is told of them."""
    frame = long().assign(step=lambda frame: frame.groupby("item").cumcount(), part="train", who="p1")
    items = read(tmp_path, frame, id="item", time="step", group="who", split="part")
    assert (items.channels, items.notices) == (("a", "b"), ())


def test_items_of_one_step_are_told(tmp_path: Path) -> None:
    """An id that differs in every row makes no sequences."""
    items = read(tmp_path, wide(), id="a")
    assert any("every item has one step, as each value of a is an item" in note for note in items.notices)


def test_a_column_that_grows_is_doubted_but_kept(tmp_path: Path) -> None:
    """Whole numbers that grow from item to item may be an id; where no name says so they are kept."""
    items = read(tmp_path, wide().assign(z=np.arange(24) ** 2))
    assert len(items.sequences[0]) == 5
    assert "column 'z' with values that increase from row to row, like an id, kept; to leave" in items.notices[0]


MEASURED = ["heat_index", "UV Index", "air-quality-index", "blood_group", "age_group", "level_1", "rows", "grid", "NO"]


@pytest.mark.parametrize("name", MEASURED)
def test_names_that_end_as_those_of_ids_do_are_measured(name: str, tmp_path: Path) -> None:
    """Whole numbers under a name whose last word is also that of an id: a step, a channel and a series to forecast."""
    cells = np.arange(24) * 7 % 5
    assert len(read(tmp_path, wide().assign(**{name: cells})).sequences[0]) == 5
    frame = long()
    static = frame["item"].str[1:].astype(int) * 7 % 5
    assert read(tmp_path, frame.assign(**{name: static}), id="item").channels == ("a", "b", name)
    series = pd.DataFrame({"x": np.random.default_rng(0).normal(size=24), name: cells})
    assert read_forecast(tmp_path, series).channels == ("x", name)


THREE = np.array(list("abc"))[np.arange(24) % 3]
PARTS = {
    "an indicator per label": {f"is_{label}": label == THREE for label in "abc"},
    "all indicators but one": {f"is_{label}": (label == THREE) * 1 for label in "ab"},
    "labels put together": {"coarse": (THREE == "a") * 1},
    "more copies than one": {"code": np.arange(24) % 3, "target": np.arange(24) % 3 * 2.5},
}


@pytest.mark.parametrize("case", PARTS)
def test_columns_that_tell_a_part_of_the_label_are_told(case: str, tmp_path: Path) -> None:
    """They may have been measured, and are kept; nobody is to find that out from a score of 1."""
    frame = wide().assign(label=THREE, **PARTS[case])
    items = read(tmp_path, frame)
    assert len(items.sequences[0]) == 4 + len(PARTS[case])
    (told,) = items.notices
    assert all(repr(name) in told for name in PARTS[case])
    assert "one value per label, in every row, kept; to leave out what is no measurement, name the others" in told
    assert len(read(tmp_path, frame, channels=tuple("abcd")).sequences[0]) == 4
    by_step = long().assign(label=lambda frame: [THREE[int(item[1:])] for item in frame["item"]])
    for name, cells in PARTS[case].items():
        by_step[name] = [cells[int(item[1:])] for item in by_step["item"]]
    assert any("one value per label" in note for note in read(tmp_path, by_step, id="item").notices)


def test_numbers_of_rows_in_another_order_are_doubted_but_kept(tmp_path: Path) -> None:
    """A table that was shuffled, whatever the name of its row numbers."""
    items = read(tmp_path, wide().assign(z=np.random.default_rng(0).permutation(24) + 100))
    assert len(items.sequences[0]) == 5
    assert "column 'z' with values that number the rows in another order" in items.notices[0]


def test_a_table_of_nothing_but_what_would_be_left_out_is_kept(tmp_path: Path) -> None:
    """What has a name may be all that was measured."""
    items = read(tmp_path, wide()[["label"]].assign(n=np.arange(24)))
    assert items.sequences[5].tolist() == [[5.0]]


@st.composite
def signals(draw: st.DrawFn) -> NDArray[np.float64]:
    """Integer measurements of 12 to 30 items, 3 to 6 steps: counts, levels, ramps that grow within an item."""
    rows, steps = draw(st.integers(12, 30)), draw(st.integers(3, 6))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    low, high = draw(st.sampled_from([(0, 2), (0, 5), (-3, 4), (0, 1000), (10**6, 10**6 + 50)]))
    values = rng.integers(low, high, (rows, steps))
    return (np.cumsum(np.abs(values), axis=1) if draw(st.booleans()) else values).astype(float)


@settings(max_examples=60, deadline=None)
@given(signals(), st.integers(0, 1000))
def test_measurements_are_never_left_out(values: NDArray[np.float64], seed: int) -> None:
    """Sensor counts, levels of few values and signals that grow are channels and steps, labels being by chance."""
    labels = np.random.default_rng(seed).permutation(np.arange(len(values)) % 2)
    frame = pd.DataFrame(values, columns=[f"t{step}" for step in range(values.shape[1])]).assign(label=labels)
    by_step = pd.DataFrame(
        {
            "item": np.repeat(np.arange(len(values)), values.shape[1]),
            "label": np.repeat(labels, values.shape[1]),
            "x": values.ravel(),
            "y": values[::-1].ravel(),
        }
    )
    with TemporaryDirectory() as folder:
        found = read(Path(folder), frame)
        assert np.array_equal(np.array(found.sequences)[..., 0], values)
        if len(set(values.ravel())) > 1:
            assert read(Path(folder), by_step, id="item").channels == ("x", "y")


@settings(max_examples=30, deadline=None)
@given(st.integers(10, 40), st.integers(2, 6), st.integers(0, 99))
def test_data_that_are_easy_to_learn_are_data(rows: int, steps: int, seed: int) -> None:
    """Where each step tells the label, as in a toy, that is what was measured; noise in one item is no copy."""
    label = np.random.default_rng(seed).permutation(np.arange(rows) % 2)
    frame = pd.DataFrame({f"t{step}": label * (step + 1) for step in range(steps)} | {"label": label})
    with TemporaryDirectory() as folder:
        kept = len(read(Path(folder), frame).sequences[0])
        assert kept == steps
        noisy = frame.assign(code=np.where(np.arange(rows) == seed % rows, 5, label)).assign(
            z=1.5 * np.arange(rows) % 7
        )
        assert read(Path(folder), noisy).sequences[0].shape[0] == steps + 2


SERIES: dict[str, tuple[str, Any]] = {
    "an index without a name": ("", np.arange(60)),
    "what pandas makes of no name": ("Unnamed: 0", np.arange(60) + 7),
    "counts from 1": ("t", np.arange(1, 61)),
    "one value": ("station", np.full(60, 3)),
}


def read_forecast(folder: Path, frame: pd.DataFrame, **options: Any) -> Collection:
    """The series of a table."""
    frame.to_csv(folder / "s.csv", index=False)
    return read_series(folder / "s.csv", ForecastingOptions(path=str(folder / "s.csv"), **options))


@pytest.mark.parametrize("case", SERIES)
def test_what_is_no_series_is_not_forecast(case: str, tmp_path: Path) -> None:
    """A column that is no measurement is neither a target nor an input, but where a target is asked for."""
    name, cells = SERIES[case]
    frame = pd.DataFrame({name: cells, "x": np.random.default_rng(0).normal(size=60)})
    found = read_forecast(tmp_path, frame)
    assert found.channels == ("x",)
    assert any("left out" in note and "data.targets names what is to be kept" in note for note in found.notices)
    assert read_forecast(tmp_path, frame, targets=(name, "x")).channels == (name, "x")


def test_an_index_within_each_series_is_not_forecast(tmp_path: Path) -> None:
    """Row numbers that begin anew with each series, as tables put below each other have them."""
    frame = pd.DataFrame({"": [*range(30), *range(30)], "who": ["a"] * 30 + ["b"] * 30, "x": np.arange(60) * 1.5})
    assert read_forecast(tmp_path, frame, series="who").channels == ("x",)


def test_an_id_that_tells_series_apart_is_refused(tmp_path: Path) -> None:
    """Taken for one series, several would run into each other; the advice works when it is followed."""
    frame = pd.DataFrame({"store_id": [1] * 30 + [2] * 30, "x": np.random.default_rng(0).normal(size=60)})
    with pytest.raises(DataError, match=r"s\.csv:1: an id must not be .*'store_id'\. data\.series: store_id makes"):
        read_forecast(tmp_path, frame)
    assert len(read_forecast(tmp_path, frame, series="store_id").series) == 2
    assert read_forecast(tmp_path, frame, targets=("x",)).channels == ("x",)


def test_a_trend_alone_is_forecast(tmp_path: Path) -> None:
    """A single column that grows by one is what there is to forecast."""
    assert read_forecast(tmp_path, pd.DataFrame({"y": np.arange(40)})).channels == ("y",)


def with_codes(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """One more channel: codes of the label, in every step."""
    return np.concatenate([x, np.broadcast_to(LABEL_CODES[:, None, None], (24, 12, 1))], axis=2)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda x: x, None),
        (lambda x: np.concatenate([np.arange(24)[:, None, None], x[:, :, :1]], axis=1), "count the items, .*: step 1,"),
        (
            lambda x: np.concatenate([x[:, :, :1], 3 + LABEL_CODES[:, None, None]], axis=1),
            "repeat the label .*: step 13",
        ),
        (with_codes, "repeat the label in other words, in every item: channel 3;"),
        (lambda x: np.broadcast_to(LABEL_CODES[:, None, None], x.shape), None),
    ],
)
def test_values_of_arrays_that_are_no_measurements_are_told(change: Any, told: str | None, tmp_path: Path) -> None:
    """Arrays have no names; what counts items or says labels is told, and toys of nothing else are data."""
    x = change(np.random.default_rng(0).normal(size=(24, 12, 2)))
    np.savez(tmp_path / "x.npz", X=x, y=LABELS)
    notices = read_items(tmp_path / "x.npz", ClassificationOptions(path="x")).notices
    assert len(notices) == (told is not None)
    assert told is None or re.search(told, notices[0])


@pytest.mark.parametrize("cells", [[[1, 2]] * 24, [{"a": 1}] * 24, [b"x"] * 24, [pd.Timestamp(0)] * 24, [None] * 24])
@pytest.mark.parametrize("name", ["", "index", "patient", "x"])
def test_cells_of_any_kind_are_told_in_one_line(name: str, cells: list[object], tmp_path: Path) -> None:
    """What a Parquet file may hold beside numbers and texts is left out or refused, and nothing breaks."""
    frame = wide().assign(**{name: pd.Series(cells)})
    try:
        found = str(len(read(tmp_path, frame, form="parquet").sequences[0]))
    except DataError as error:
        found = str(error)
    assert found == "4" or str(tmp_path) in found
