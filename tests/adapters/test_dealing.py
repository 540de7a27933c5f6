"""Group and split of every adapter that has items of its own, on small data made here."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tuner.adapters.base import Prepared
from tuner.adapters.catalog import ADAPTERS, SOURCES
from tuner.errors import DataError

Row = dict[str, Any]
"""What is known of an item: its number, who it is from, its label and its part."""


def value(row: Row) -> float:
    """A number in (0.1, 0.9) by which an item is known again."""
    return 0.1 + 0.8 * (row["number"] + 1) / 200


def write_table(path: Path, rows: list[Row]) -> str:
    """A CSV file."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def told(row: Row) -> Row:
    """What a file says of an item beside its values."""
    return {name: row[name] for name in ("label", "who", "part") if name in row}


def long(folder: Path, rows: list[Row]) -> Row:
    """A row per step."""
    steps = [{**told(row), "id": row["number"], "x": value(row), "z": step % 3} for row in rows for step in range(5)]
    return {"path": write_table(folder / "long.csv", steps), "id": "id"}


def wide(folder: Path, rows: list[Row]) -> Row:
    """A row per item."""
    return {
        "path": write_table(folder / "wide.csv", [{**told(row), "a": value(row), "b": -value(row)} for row in rows])
    }


def parquet(folder: Path, rows: list[Row]) -> Row:
    """A row per item, in Parquet."""
    import pandas as pd

    frame = pd.DataFrame([{**told(row), "a": value(row), "b": -value(row)} for row in rows])
    frame.to_parquet(folder / "wide.parquet")
    return {"path": str(folder / "wide.parquet")}


def arrays(folder: Path, rows: list[Row]) -> Row:
    """An .npz file."""
    more = {name: np.array([row[name] for row in rows]) for name in ("who", "part") if name in rows[0]}
    x = np.array([[value(row), 0.0, -1.0] for row in rows])
    np.savez(folder / "x.npz", X=x, y=np.array([row["label"] for row in rows]), **more)  # type: ignore[arg-type]
    return {"path": str(folder / "x.npz")}


def texts(folder: Path, rows: list[Row]) -> Row:
    """A CSV file of texts."""
    return {"path": write_table(folder / "t.csv", [{**told(row), "text": f"say {row['number']}"} for row in rows])}


def json_lines(folder: Path, rows: list[Row]) -> Row:
    """JSON lines of texts."""
    lines = [json.dumps({**told(row), "text": f"say {row['number']}"}) for row in rows]
    (folder / "t.jsonl").write_text("\n".join(lines))
    return {"path": str(folder / "t.jsonl")}


def tone(row: Row) -> np.ndarray[Any, Any]:
    """A sine of the item's own pitch."""
    return np.sin(2 * np.pi * 3000 * value(row) * np.arange(800) / 8000) / 3


def manifest(folder: Path, rows: list[Row]) -> Row:
    """Recordings with a manifest."""
    for row in rows:
        soundfile.write(folder / f"{row['number']}.wav", tone(row), 8000)
    return {"path": write_table(folder / "list.csv", [{**told(row), "path": f"{row['number']}.wav"} for row in rows])}


def named(folder: Path, rows: list[Row]) -> Row:
    """Recordings whose names tell."""
    fields = [name for name in ("label", "who", "part") if name in rows[0]]
    (folder / "named").mkdir()
    for row in rows:
        soundfile.write(
            folder / "named" / f"{'_'.join(row[name] for name in fields)}_{row['number']}.wav", tone(row), 8000
        )
    return {"path": str(folder / "named"), "pattern": "_".join(f"{{{name}}}" for name in [*fields, "number"])}


def features(folder: Path, rows: list[Row]) -> Row:
    """Ready features."""
    more = {name: np.array([row[name] for row in rows]) for name in ("who", "part") if name in rows[0]}
    x = np.array([[value(row), 1.0] for row in rows for _ in range(3)])
    y = np.array([row["label"] for row in rows])
    np.savez(folder / "f.npz", X=x, lengths=np.full(len(rows), 3), y=y, **more)  # type: ignore[arg-type]
    return {"path": str(folder / "f.npz")}


SERIES, TEXT, SPEECH = "time_series/classification", "nlp/classification", "speech/classification"
FORMS: dict[str, tuple[str, Callable[[Path, list[Row]], Row]]] = {
    "long table": (SERIES, long),
    "wide table": (SERIES, wide),
    "Parquet": (SERIES, parquet),
    "arrays": (SERIES, arrays),
    "CSV of texts": (TEXT, texts),
    "JSON lines": (TEXT, json_lines),
    "manifest": (SPEECH, manifest),
    "file names": (SPEECH, named),
    "features": (SPEECH, features),
}


def rows_of(*, groups: int = 6, each: int = 4, parts: list[str] | None = None) -> list[Row]:
    """Items of some groups, half of which are ill."""
    rows = [
        {"number": number, "label": "ill" if number // each % 2 else "well", "who": f"p{number // each}"}
        for number in range(groups * each)
    ]
    return rows if parts is None else [{**row, "part": part} for row, part in zip(rows, parts, strict=True)]


def prepared(form: str, folder: Path, rows: list[Row], **options: Any) -> tuple[Prepared, dict[str, Counter[str]]]:
    """Write the rows in a form and prepare them; how often each label is in each split."""
    name, write = FORMS[form]
    (folder / "data").mkdir()
    (folder / "out").mkdir()
    adapter = ADAPTERS[name].load()(ADAPTERS[name].options(**write(folder / "data", rows), **options))
    made = adapter.prepare(folder / "out")
    labels = {split: np.load(folder / "out" / f"{split}.y.npy") for split in ("train", "val", "test")}
    return made, {split: Counter(made.about["classes"][label] for label in found) for split, found in labels.items()}


@pytest.mark.parametrize("form", FORMS)
def test_groups_are_whole_in_every_form(form: str, tmp_path: Path) -> None:
    """The items of each label in a split are those of whole groups, in its share, and how they fell is told."""
    made, found = prepared(form, tmp_path, rows_of(groups=12), group="who")
    assert found == {
        "train": Counter(ill=16, well=16),
        "val": Counter(ill=4, well=4),
        "test": Counter(ill=4, well=4),
    }
    assert "groups (who) stay whole: 8 in train, 2 in val, 2 in test" in made.notices
    assert not {"who", "part"} & set(made.about["channels"] if isinstance(made.about.get("channels"), tuple) else ())


@pytest.mark.parametrize("form", FORMS)
def test_a_split_column_is_kept_in_every_form(form: str, tmp_path: Path) -> None:
    """Items are in the split that the data say, in any of its usual words."""
    parts = ["Train"] * 12 + ["valid"] * 5 + ["TEST"] * 7
    _, found = prepared(form, tmp_path, rows_of(parts=parts), split="part", group="who")
    assert found == {"train": Counter(well=8, ill=4), "val": Counter(ill=4, well=1), "test": Counter(well=3, ill=4)}


@pytest.mark.parametrize("form", FORMS)
def test_a_missing_validation_split_is_dealt_by_group_in_every_form(form: str, tmp_path: Path) -> None:
    """Without validation items in the data they are dealt from those to train on, whole groups, and that is told."""
    parts = ["train"] * 16 + ["test"] * 8
    made, found = prepared(form, tmp_path, rows_of(parts=parts), split="part", group="who", val=0.25)
    assert found["test"] == Counter(well=4, ill=4)
    assert found["train"] + found["val"] == Counter(well=8, ill=8)
    assert found["val"].total() == 4
    assert any("no val, so it is drawn from the items of train (data.val = 0.25 of them)" in n for n in made.notices)
    assert "groups (who) stay whole: 3 in train, 1 in val, 2 in test" in made.notices


@pytest.mark.parametrize("form", FORMS)
def test_a_group_on_both_sides_of_the_data_is_named_in_every_form(form: str, tmp_path: Path) -> None:
    """The split column holds; that a group is on both of its sides is told."""
    parts = ["train"] * 10 + ["val"] * 6 + ["test"] * 8
    made, _ = prepared(form, tmp_path, rows_of(parts=parts), split="part", group="who")
    assert any("1 of 6 groups (who), such as 'p2' in train and val" in note for note in made.notices)


@pytest.mark.parametrize("form", FORMS)
def test_other_words_of_a_split_column_are_refused_in_every_form(form: str, tmp_path: Path) -> None:
    """A cell that means no split is told with its place."""
    parts = ["train"] * 20 + ["fold3"] * 4
    with pytest.raises(DataError, match=r"data.*: .*part.* must be train, val or test, but got 'fold3'\. Correct"):
        prepared(form, tmp_path, rows_of(parts=parts), split="part", group="who")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("option", ["group", "split"])
def test_a_column_that_is_not_there_is_refused_in_every_form(form: str, option: str, tmp_path: Path) -> None:
    """A misspelt name is no reason to deal items one by one."""
    with pytest.raises(DataError, match="whoo"):
        prepared(form, tmp_path, rows_of(), **{option: "whoo"})


@pytest.mark.parametrize("adapter", [SERIES, TEXT, SPEECH])
def test_groups_do_not_go_with_ready_sources(adapter: str) -> None:
    """They are columns of the user's own data."""
    source = next(iter(SOURCES[adapter]))
    for option in ("group", "split"):
        with pytest.raises(ValueError, match=f"data.{option} must be left out with a ready source"):
            ADAPTERS[adapter].options(source=source, **{option: "who"})


@pytest.mark.parametrize("form", ["long table", "wide table", "CSV of texts"])
def test_groups_of_a_test_file_are_looked_at(form: str, tmp_path: Path) -> None:
    """A test file has no split column; a patient in both files is told."""
    name, write = FORMS[form]
    data = {}
    for part, rows in (("one", rows_of(parts=["train"] * 24)), ("two", rows_of(groups=2))):
        shifted = [{**row, "number": row["number"] + 100 * (part == "two")} for row in rows]
        (tmp_path / part).mkdir()
        data[part] = write(tmp_path / part, shifted)
    (tmp_path / "out").mkdir()
    options = {**data["one"], "test_path": data["two"]["path"], "group": "who", "split": "part"}
    made = ADAPTERS[name].load()(ADAPTERS[name].options(**options)).prepare(tmp_path / "out")
    assert made.counts["test"] == 8
    assert any("2 of 6 groups (data.group), such as" in note for note in made.notices)


@pytest.mark.parametrize(("column", "cells"), [("who", ["p1", "p2"]), ("part", ["train", "val"])])
def test_an_item_of_two_groups_is_refused(column: str, cells: list[str], tmp_path: Path) -> None:
    """In a long table, the rows of an item agree on its group and its split."""
    rows = [
        {"id": item, "label": "ab"[item % 2], column: cells[0], "x": step} for item in range(6) for step in range(3)
    ]
    rows[5][column] = cells[1]
    path = write_table(tmp_path / "x.csv", rows)
    options = {"path": path, "id": "id", {"who": "group", "part": "split"}[column]: column}
    with pytest.raises(DataError, match=rf"x\.csv:7: {column} must be the same in all rows of an item"):
        ADAPTERS[SERIES].load()(ADAPTERS[SERIES].options(**options)).prepare(tmp_path)


def test_folders_of_splits(tmp_path: Path) -> None:
    """A folder of texts whose folders are train and test, with the labels' folders in them, says the split."""
    for part, count in (("train", 8), ("Test", 3)):
        for label in ("neg", "pos"):
            (tmp_path / "reviews" / part / label).mkdir(parents=True)
            for number in range(count):
                (tmp_path / "reviews" / part / label / f"{number}.txt").write_text(f"{part} {label} {number}")
    (tmp_path / "out").mkdir()
    options = ADAPTERS[TEXT].options(path=str(tmp_path / "reviews"), val=0.25)
    made = ADAPTERS[TEXT].load()(options).prepare(tmp_path / "out")
    assert made.counts == {"train": 12, "val": 4, "test": 6}
    assert made.about["classes"] == ["neg", "pos"]


def test_a_speaker_of_some_rows_alone_is_refused(tmp_path: Path) -> None:
    """Speakers that are known of some recordings only keep nothing apart."""
    soundfile.write(tmp_path / "a.wav", np.ones(800) / 2, 8000)
    rows = [{"path": "a.wav", "label": "x", "speaker": "ann"}, {"path": "a.wav", "label": "y"}]
    (tmp_path / "l.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(DataError, match=r"l\.jsonl:2: speaker must be given for every recording, or for none"):
        ADAPTERS[SPEECH].load()(ADAPTERS[SPEECH].options(path=str(tmp_path / "l.jsonl"))).prepare(tmp_path)


def test_the_fingerprint_of_older_studies_stays(tmp_path: Path) -> None:
    """Options that came later count only where they are used, so that a study begun without them goes on."""
    for form, (name, write) in FORMS.items():
        folder = tmp_path / form
        folder.mkdir()
        data = write(folder, rows_of(parts=["train"] * 24))
        model = ADAPTERS[name].options
        used = model(**data).used(set())
        assert not {"group", "split", "layout"} & used.keys()
        first, other = (ADAPTERS[name].load()(model(**data, **more)) for more in ({}, {"split": "part"}))
        assert first.fingerprint() != other.fingerprint()


@pytest.mark.parametrize("form", ["CSV of texts", "JSON lines", "manifest"])
def test_a_split_column_that_nobody_asks_for_is_told(form: str, tmp_path: Path) -> None:
    """What the data say of train and test is not passed over in silence."""
    name, write = FORMS[form]
    rows = [{**row, "part": "train"} for row in rows_of()]
    data = write(tmp_path, rows)
    path = Path(data["path"])
    path.write_text(path.read_text().replace("part", "split"))
    (tmp_path / "out").mkdir()
    for split, told in ((None, True), ("split", False)):
        made = ADAPTERS[name].load()(ADAPTERS[name].options(**data, split=split)).prepare(tmp_path / "out")
        assert any("the column 'split' is not used; data.split: split" in note for note in made.notices) == told


def test_folders_of_splits_of_recordings(tmp_path: Path) -> None:
    """A folder of train and test is told, and read as one by the pattern that is advised."""
    for row in rows_of(groups=12):
        folder = tmp_path / "all" / ("Train" if row["number"] < 36 else "test") / row["label"]
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{row['number']}.wav", tone(row), 8000)
    (tmp_path / "out").mkdir()
    path, options = str(tmp_path / "all"), ADAPTERS[SPEECH].options
    made = ADAPTERS[SPEECH].load()(options(path=path)).prepare(tmp_path / "out")
    assert any("the folders Train, test are not used; to use them, set data.split" in note for note in made.notices)
    followed = options(path=path, pattern="{split}/{label}/{file}", split="split")
    made = ADAPTERS[SPEECH].load()(followed).prepare(tmp_path / "out")
    assert made.counts["test"] == 12
    assert not any("are not used" in note for note in made.notices)
