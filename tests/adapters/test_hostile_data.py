"""Data that a stranger has made: each kind of trap with what is said of it; tests/test_fuzz.py mixes them."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.structured import put, recording, write_npz
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.columns import MAX_COLUMNS
from tuner.adapters.preparing import prepare
from tuner.adapters.time_series.item_options import ClassificationOptions
from tuner.adapters.time_series.reading import read_items
from tuner.errors import DataError, nearest

X, Y = {"name": "X.npy", "array": "X"}, {"name": "y.npy", "array": "y"}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(name: str) -> object:
    """The items of a file."""
    return read_items(Path(name), ClassificationOptions(path=name))


def prepared(adapter: str, **options: object) -> object:
    """The data, prepared."""
    entry = ADAPTERS[adapter]
    return prepare(adapter, entry.load()(entry.options(**options)), Path("prepared"))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([{**X, "shape": "(1000000000000, 8)"}, Y], r"X must be as large as its header says, 64000000000000 bytes"),
        ([{**X, "payload": "short"}, Y], r"X must be as large as its header says, 288 bytes, but got '283 bytes'"),
        ([{**X, "shape": "(1000000000000000000, 0)"}, Y], r"X must have items, but got 0"),
        ([{**X, "descr": "'|O'"}, Y], r"but got 'X holds objects'"),
        ([{**X, "descr": "[('a', '<f8')]"}, Y], r"but got \"X has the type"),
        ([{**X, "encrypted": True}, Y], r"but got 'X is encrypted'"),
        ([{**X, "method": "lzma"}, Y], r"but got 'X is compressed by method 14'"),
        ([{**X, "checksum": 1}, Y], r"readable \.npz of plain arrays, but got \"Bad CRC-32"),
        ([X, Y, {"name": "notes.txt", "array": "X"}], r"but got \"a member 'notes\.txt'\""),
        ([X, Y, X], r"but got \"a member 'X\.npy' twice\""),
        ([{"name": "../X.npy", "array": "X"}, Y], r"but got \"a member '\.\./X\.npy'\""),
        ([Y], r"there must be an array 'X'"),
    ],
)
def test_an_archive_is_checked_before_anything_is_allocated(members: list[dict[str, object]], message: str) -> None:
    """The array, the rule and what was found."""
    write_npz(Path("x.npz"), members)
    with pytest.raises(DataError, match=message):
        read("x.npz")


def test_compressed_arrays_of_any_order_are_read() -> None:
    """As numpy reads them."""
    x = np.asfortranarray(np.random.default_rng(0).normal(size=(6, 4, 2)).astype(">f4"))
    np.savez_compressed("x.npz", X=x, y=np.array(["ä", "b"] * 3), other=np.ones(3))
    items = read_items(Path("x.npz"), ClassificationOptions(path="x.npz", layout="channels_last"))
    assert np.array_equal(np.stack(items.sequences), x.astype(float))
    assert items.labels == ["ä", "b"] * 3


def test_a_single_array_is_told_by_name() -> None:
    """A .npy that was named .npz: how to save it right."""
    np.save("x.npy", np.ones((4, 3)))
    Path("x.npy").rename("x.npz")
    with pytest.raises(DataError, match=r"of named arrays, but got 'a single \.npy array'.*numpy\.savez\(path, X="):
        read("x.npz")


def test_a_member_that_unfolds_beyond_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros fold to a thousandth; what they take is known before they are unfolded."""
    np.savez_compressed("x.npz", X=np.zeros((1000, 1000)), y=np.zeros(1000, int))
    assert Path("x.npz").stat().st_size < 100_000
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 10**6}))
    with pytest.raises(
        DataError, match=r"X \(1000, 1000\) must fit into the free memory, 0\.001 GB, but got '0\.016 GB'"
    ):
        read("x.npz")


def test_lengths_whose_sum_goes_round() -> None:
    """Two huge lengths add up to the rows, modulo 2**64."""
    lengths = np.array([2**63, 2**63, 12], dtype=np.uint64)
    np.savez("x.npz", X=np.ones((12, 3)), y=np.array([0, 1, 0]), lengths=lengths)
    with pytest.raises(DataError, match=r"lengths must add up to the 12 rows of X, but got 18446744073709551628"):
        read("x.npz")


@pytest.mark.parametrize(
    "stored", ["{}", "[]", "null", '{"index_columns": ["gone"]}', "{", '{"index_columns": [{"kind": "range"}]}']
)
def test_parquet_is_read_whatever_pandas_is_said_to_have_stored(stored: str) -> None:
    """Metadata that lies is left alone."""
    table = pa.table({"label": ["a", "b"] * 6, "x": [1.0] * 12})
    pq.write_table(table.replace_schema_metadata({"pandas": stored}), "x.parquet")
    assert len(read("x.parquet").labels) == 12  # type: ignore[attr-defined]


def test_parquet_of_decimals_and_dictionaries_is_read() -> None:
    """As numbers and as texts."""
    decimals = pa.array([Decimal(1), Decimal(2)] * 6)
    pq.write_table(pa.table({"label": pa.array(["a", "b"] * 6).dictionary_encode(), "x": decimals}), "x.parquet")
    items = read_items(Path("x.parquet"), ClassificationOptions(path="x"))
    assert items.labels == ["a", "b"] * 6
    assert [float(item[0, 0]) for item in items.sequences] == [1.0, 2.0] * 6


def test_parquet_of_more_rows_than_the_memory_has_room_for() -> None:
    """A column of one value takes no bytes in the file; its rows are counted before they are read."""
    rows = pa.nulls(3, pa.float64())
    pq.write_table(pa.table({"label": ["a"] * 3, "x": rows}), "x.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 40}))
        with pytest.raises(DataError, match=r"3 rows of 2 columns must fit into the free memory"):
            read("x.parquet")


def test_columns_of_one_name_and_too_many() -> None:
    """Both forms of table say it alike, at once."""
    pq.write_table(pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["x", "x"]), "x.parquet")
    Path("x.csv").write_text("label,x,x\na,1,2\n")
    for name in ("x.parquet", "x.csv"):
        with pytest.raises(DataError, match=r"column names must differ, but got 'x'"):
            read(name)
    names = ",".join(f"t{index}" for index in range(MAX_COLUMNS))
    Path("x.csv").write_text(f"label,{names}\na{',1' * MAX_COLUMNS}\n")
    with pytest.raises(
        DataError, match=r"a table must have at most 100000 columns, but got 100001\. Write a row per step"
    ):
        read("x.csv")


def test_ten_thousand_classes_take_seconds() -> None:
    """The time grows with the items, not with items times classes."""
    count = 10_000
    labels = np.array([f"c{index % count}" for index in range(3 * count)])
    np.savez("x.npz", X=np.arange(6.0 * count).reshape(3 * count, 2), y=labels)
    began = time.process_time()
    prepared("time_series/classification", path="x.npz")
    assert time.process_time() - began < 20


def test_a_message_lists_so_many_names() -> None:
    """Not a million of them."""
    assert nearest("x", [f"n{index:05d}" for index in range(1000)]).endswith("n00011 and 988 more.")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["a named pipe", "a socket", "a device"])
@pytest.mark.parametrize("adapter", ["speech/classification", "nlp/classification", "nlp/language_modelling"])
def test_what_is_no_file_is_not_opened_in_a_folder(adapter: str, kind: str) -> None:
    """It is named, with what it is."""
    ending = "wav" if adapter.startswith("speech") else "txt"
    for label in ("no", "yes"):
        Path("words", label).mkdir(parents=True)
        for number in range(4):
            path = Path("words", label, f"{number}.{ending}")
            path.write_bytes(recording() if ending == "wav" else f"{label} {number}".encode())
    put(Path("words/no", f"x.{ending}"), kind)
    with pytest.raises(DataError, match=rf"words/no/x\.{ending}: the file must be readable, but got '{kind}'"):
        prepared(adapter, path="words")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["pipe", "x" * 5000, "a\0b", "/dev/zero", ".."])
def test_what_is_no_file_is_not_opened_in_a_manifest(name: str) -> None:
    """Nor what has a name that no file can have."""
    put(Path("pipe"), "a named pipe")
    Path("list.jsonl").write_text(json.dumps({"path": name, "label": "a"}) + "\n")
    with pytest.raises(DataError, match=r"list\.jsonl:1: a listed recording must be a file"):
        prepared("speech/classification", path="list.jsonl")


def folder_of(change: Callable[[Path], object]) -> None:
    """Recordings of two words, one of them changed."""
    for label in ("no", "yes"):
        Path("words", label).mkdir(parents=True)
        for number in range(4):
            Path("words", label, f"{number}.wav").write_bytes(recording())
    change(Path("words/no/0.wav"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (recording(2_000_000_000), r"the sample rate must be 1000 to 1000000 Hz, but got 2000000000"),
        (recording(1), r"the sample rate must be 1000 to 1000000 Hz, but got 1"),
        (recording(claimed=2**30, samples=0), r"the recording must be readable, but got '0 of 1073741824 bytes'"),
    ],
)
def test_a_header_of_a_recording_that_lies(content: bytes, message: str) -> None:
    """Is told before its samples are read."""
    folder_of(lambda path: path.write_bytes(content))
    with pytest.raises(DataError, match=message):
        prepared("speech/classification", path="words")


def test_names_that_are_no_utf8() -> None:
    """Of a file they are taken; a label cannot be written down, and is refused in a line that any terminal shows."""
    folder_of(lambda path: path.rename(os.fsdecode(b"words/no/\xff.wav")))
    prepared("speech/classification", path="words")
    Path("words/no").rename(os.fsdecode(b"words/n\xff"))
    with pytest.raises(DataError, match=r"a label must be text that UTF-8 can write") as caught:
        prepared("speech/classification", path="words")
    str(caught.value).encode("ascii")


def test_half_of_a_surrogate_pair_in_json() -> None:
    """Is told with its line."""
    rows = [{"text": "\ud800", "label": "a"}]
    Path("x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=r"x\.jsonl:1: text must have no half of a surrogate pair"):
        prepared("nlp/classification", path="x.jsonl")


def test_an_archive_within_an_archive_is_no_array() -> None:
    """A ZIP of ZIPs is foreign."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("X.npy", b"")
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("X.npz", inner.getvalue())
    with pytest.raises(DataError, match=r"a member 'X\.npz'"):
        read("x.npz")
