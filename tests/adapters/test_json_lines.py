"""JSON lines: objects within objects as columns, in every adapter that reads them; tables of series among them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.adapters.lines import told_rows
from tuner.adapters.nlp.reading import read_documents
from tuner.adapters.nlp.tagging.options import TaggingOptions
from tuner.adapters.nlp.tagging.reading import sentences_of
from tuner.adapters.nlp.text_options import TextClassificationOptions
from tuner.adapters.table import json_object, read_rows
from tuner.adapters.time_series import parts
from tuner.adapters.time_series.item_options import ClassificationOptions
from tuner.adapters.time_series.item_reader import ItemReader
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.reading import read_items
from tuner.adapters.time_series.series import read_series
from tuner.errors import DataError


def lines(path: Path, rows: list[Any]) -> Path:
    """Writes a line for each, as JSON or as it is."""
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


KEYS = st.sampled_from(["a", "b", "temp", "größe"])
LEAVES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3) | st.lists(st.integers(0, 9))
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3))))
def test_objects_within_objects_are_named_as_pandas_names_them(row: dict[str, Any]) -> None:
    """Pandas is the oracle; lists stay as they are."""
    known = pd.json_normalize([row]).to_dict("records")[0] if row else {}
    assert json_object(json.dumps(row), "") == known


def test_two_values_of_one_name_are_refused(tmp_path: Path) -> None:
    """In one line, with the name."""
    path = lines(tmp_path / "x.jsonl", [{"a": {"b": "x"}, "c": 1}, {"a": {"b": "x"}, "a.b": "y"}])
    told = r"x\.jsonl:2: the values of a line must have names of their own, but got 'a\.b'\. .* rename one"
    with pytest.raises(DataError, match=told):
        list(read_rows(path, "jsonl", ["a.b"]))
    with pytest.raises(DataError, match=told):
        read_series(path, ForecastingOptions(path=str(path), targets=("c",)))
    sound, refused = told_rows(path, "jsonl", ["a.b"])
    assert sound.cells == {"a.b": "x"}
    assert refused.problem.startswith("the values of a line must have names of their own")


def test_texts_and_tags_stand_in_objects(tmp_path: Path) -> None:
    """As exports of shops and of annotation tools have them; a name of an object alone is told what it holds."""
    rows = [{"review": {"text": f"some words {i}"}, "meta": {"stars": i % 2}} for i in range(4)]
    path = lines(tmp_path / "x.jsonl", rows)
    options = TextClassificationOptions(path=str(path), text="review.text", label="meta.stars")
    assert [(one.text, one.label) for one in read_documents(path, options)][1] == ("some words 1", "1")
    assert [row.cells["review.text"] for row in told_rows(path, "jsonl", ["review.text"])][2] == "some words 2"
    with pytest.raises(DataError, match=r"x\.jsonl:1: there must be a column 'review'\. Did you mean 'review\.text'\?"):
        list(read_rows(path, "jsonl", ["review"]))
    path = lines(tmp_path / "t.jsonl", [{"data": {"tokens": ["a", "b"]}, "gold": {"tags": ["X", "Y"]}}])
    (found,) = sentences_of(path, TaggingOptions(path=str(path), words="data.tokens", tags="gold.tags"), tagged=True)
    assert (found.words, found.tags) == (["a", "b"], ["X", "Y"])


DICE = np.random.default_rng(0)
TRUE = pd.DataFrame(
    {
        "t": pd.date_range("2024-01-01", periods=40, freq="D").strftime("%Y-%m-%d"),
        "who": ["m1", "m2"] * 20,
        "state": ["on", "off"] * 20,
        "sensors.temp": DICE.normal(20, 5, 40).round(2),
        "sensors.power.w": DICE.normal(3000, 500, 40).round(1),
    }
)
NESTED = [
    {
        "t": row["t"],
        "who": row["who"],
        "state": row["state"],
        "sensors": {"temp": row["sensors.temp"], "power": {"w": f"{row['sensors.power.w']:,.1f} W".removesuffix(" W")}},
        "log": ["started"],
    }
    for row in TRUE.to_dict("records")
]


def test_series_and_items_are_read_as_from_a_table(tmp_path: Path) -> None:
    """The same values, names and places as from CSV; numbers in quotes are read however they are written."""
    path, table = lines(tmp_path / "x.jsonl", NESTED), tmp_path / "x.csv"
    TRUE.to_csv(table, index=False)
    said: dict[str, Any] = {"time": "t", "series": "who", "drop": ("state", "log")}
    found = read_series(path, ForecastingOptions(path=str(path), **said))
    wanted = read_series(table, ForecastingOptions(path=str(table), **{**said, "drop": ("state",)}))
    assert found.channels == wanted.channels == ("sensors.temp", "sensors.power.w")
    assert "numbers that are not plain, read so: sensors.power.w" in " ".join(found.notices)
    for one, other in zip(found.series, wanted.series, strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(one.values, other.values)
    options = {"label": "state", "id": "who", "time": "t", "channels": ("sensors.*",)}
    items = read_items(path, ClassificationOptions(path=str(path), **options))
    like = read_items(table, ClassificationOptions(path=str(table), **options))
    assert (items.labels, items.channels) == (like.labels, like.channels)
    assert items.places == [f"{path}:1", f"{path}:2"]
    np.testing.assert_array_equal(np.stack(items.sequences), np.stack(like.sequences))


def test_a_number_is_never_taken_for_another_by_texts_beside_it(tmp_path: Path) -> None:
    """1.003 of JSON is no 1003, in a column whose texts have their thousands apart by points."""
    path = lines(tmp_path / "x.jsonl", [{"v": 1.003}, {"v": "1,003.5"}, {"v": 7}, {"v": 2.0}, {"v": 1e-7}])
    assert read_series(path, ForecastingOptions(path=str(path))).series[0].values[:, 0].tolist() == [
        1.003,
        1003.5,
        7,
        2,
        1e-7,
    ]
    lines(path, [{"v": 1.003}, {"v": "1.003,5"}, {"v": "2.003,5"}])
    with pytest.raises(DataError, match=r"x\.jsonl:1: v must have a decimal comma as the column's other cells have"):
        read_series(path, ForecastingOptions(path=str(path)))
    facts = {"channels": ["value"], "steps": ["v"], "missing": ["zero"], "mean": [0], "scale": [1]}
    facts["numbers"] = {"columns": {"v": {"decimal": ",", "percent": False, "currency": ""}}, "decimal": ","}
    reader = ItemReader(facts, ClassificationOptions(path="x"))
    items = list(reader.read(lines(path, [{"v": 1.003}])))
    assert [float(np.asarray(item.x)[0, 0]) for item in items] == [np.float32(1.003)]


BROKEN: list[tuple[Any, str]] = [
    ("{", r"x\.jsonl:2: the line must be valid JSON"),
    ("[1]", r"x\.jsonl:2: the line must be a JSON object"),
    ({"v": [1, 2]}, r"x\.jsonl:2: v must be a finite number, but got '\[1, 2\]'"),
    ({"v": "12.5.3"}, r"x\.jsonl:2: v must be a finite number, but got '12\.5\.3'"),
    ({"v": True}, r"x\.jsonl:2: v must be a finite number, but got 'true'"),
    ('{"v": 1e999}', r"x\.jsonl:2: v must be a finite number, but got inf"),
    ('{"v": "\\ud800"}', r"x\.jsonl:2: the line must have no half of a surrogate pair"),
]


@pytest.mark.parametrize(("row", "told"), BROKEN)
def test_what_is_no_row_of_numbers_is_refused_at_its_line(tmp_path: Path, row: Any, told: str) -> None:
    """A missing key or null is a missing value."""
    path = lines(tmp_path / "x.jsonl", [{"v": 1}, row, {"v": 2.5}])
    with pytest.raises(DataError, match=told):
        read_series(path, ForecastingOptions(path=str(path)))
    path = lines(tmp_path / "x.jsonl", [{"v": 1}, {"v": None}, {}, {"v": 2.5}])
    found = read_series(path, ForecastingOptions(path=str(path), gaps="ignore"))
    assert found.series[0].values[:, 0].tolist() == [1, 2.5]


@pytest.mark.parametrize("size", [1, 1 << 22])
def test_new_rows_are_read_a_part_at_a_time(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Items and refused lines in their places, in any order of ids, whatever the parts."""
    monkeypatch.setattr(parts, "LARGEST", size)
    facts = {"channels": ["sensors.temp", "sensors.power.w"], "missing": ["zero"] * 2, "mean": [0, 0], "scale": [1, 1]}
    reader = ItemReader(facts, ClassificationOptions(path="x", id="who", channels=("sensors.*",)))
    path = lines(tmp_path / "x.jsonl", [*NESTED[:7], "{", *NESTED[7:]])
    items = list(reader.read(path))
    assert [item.facts["who"] for item in items if not item.problem] == ["m1", "m2"]
    for item, who in zip([item for item in items if not item.problem], ["m1", "m2"], strict=True):
        true = TRUE.loc[TRUE.who == who, ["sensors.temp", "sensors.power.w"]].to_numpy(dtype=np.float32)
        np.testing.assert_array_equal(item.x, true)
    (refused,) = (item for item in items if item.problem)
    assert refused.where == f"{path}:8"
    assert refused.problem.startswith("the line must be valid JSON")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.dictionaries(KEYS, LEAVES | st.floats() | st.integers(), max_size=4), max_size=5))
def test_any_objects_are_read_or_refused(rows: list[dict[str, Any]]) -> None:
    """Nothing else is raised."""
    with TemporaryDirectory() as folder:
        path = lines(Path(folder) / "x.jsonl", list(rows))
        with suppress(DataError):
            read_series(path, ForecastingOptions(path=str(path)))
