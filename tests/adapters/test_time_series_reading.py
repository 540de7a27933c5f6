"""Reading labelled sequences: what comes back, and what is refused with which message."""

import re
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.adapters.time_series.item_options import ClassificationOptions
from tuner.adapters.time_series.items import Items
from tuner.adapters.time_series.reading import read_items
from tuner.adapters.time_series.sources import CLASSIFICATION_SOURCES
from tuner.adapters.time_series.ts_file import read_ts
from tuner.errors import DataError

HEADER = "# made here\n@problemName made\n@timeStamps false\n@classLabel true a b\n@data\n"


def written(folder: Path, name: str, content: str) -> Path:
    """Write a text file and give its path."""
    path = folder / name
    path.write_text(content)
    return path


def read(path: Path, **options: object) -> Items:
    """Read a file with these options."""
    return read_items(path, ClassificationOptions(path=str(path), **options))


def test_ts_lines_become_items(tmp_path: Path) -> None:
    """Channels, steps, classes and lines of a .ts file come back; an item without steps can be dropped."""
    path = written(tmp_path, "x.ts", HEADER + "1,2,3:4,5,6:a\n\n-1e-1:.5:b\n::a\n")
    items = read(path)
    assert [item.tolist() for item in items.sequences] == [[[1, 4], [2, 5], [3, 6]], [[-0.1, 0.5]], []]
    assert items.labels == ["a", "b", "a"]
    assert items.places == [f"{path}:6", f"{path}:8", f"{path}:9"]
    assert items.without_empty().labels == ["a", "b"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from("ab")), min_size=1, max_size=6),
    st.integers(1, 3),
)
def test_ts_round_trip(shapes: list[tuple[int, str]], channels: int) -> None:
    """What a plain writer writes is what the reader reads, to the last bit."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(steps, channels)) for steps, _ in shapes]
    lines = [
        ":".join(",".join(map(repr, column.tolist())) for column in array.T) + f":{label}"
        for array, (_, label) in zip(arrays, shapes, strict=True)
    ]
    with TemporaryDirectory() as folder:
        items = read_ts(written(Path(folder), "x.ts", HEADER + "\n".join(lines)))
    for array, item in zip(arrays, items.sequences, strict=True):
        np.testing.assert_array_equal(array, item)


TS_FAULTS = [
    (HEADER + "1,inf:a", r"x\.ts:6: a value must be a finite number, but got 'inf'"),
    (HEADER + "1,2:a\n1,x:b", r"x\.ts:7: a value must be a finite number, but got 'x'"),
    (HEADER + "1,:a", r"x\.ts:6: a value must be a finite number, but got ''"),
    (
        HEADER + "1,2:3:a",
        r"x\.ts:6: the channels of an item must have the same number of steps, but got \[2, 1\]",
    ),
    (HEADER + "1,2:a\n1:2:b", r"x\.ts:7: an item must have 1 channels like the first, but got 2"),
    (HEADER + "1,2:c", r"x\.ts:6: a class must be listed in @classLabel, but got 'c'\. Listed: a, b"),
    (HEADER + "1,2", r"x\.ts:6: the line must hold values and then a class"),
    (HEADER, r"x\.ts: the file must have items after @data, but got 0"),
    ("", r"x\.ts: the file must have items after @data"),
    ("1,2,3:a\n", r"x\.ts:1: the lines before @data must be tags or comments, but got '1,2,3:a'\. Begin"),
    ("@timeStamps true\n@data\n", r"x\.ts:1: @timeStamps must be false, but got 'true'"),
    ("@classLabel false\n@data\n1:a", r"x\.ts:2: @classLabel must be true and list the classes"),
]


@pytest.mark.parametrize(("content", "message"), TS_FAULTS)
def test_damaged_ts_is_refused(tmp_path: Path, content: str, message: str) -> None:
    """Each fault of a .ts file is told with its line."""
    path = written(tmp_path, "x.ts", content)
    with pytest.raises(DataError, match=message):
        read(path)


def test_wide_table(tmp_path: Path) -> None:
    """One row is one item of one channel; numbers used as labels keep their spelling."""
    items = read(written(tmp_path, "x.csv", "kind,t0,t1\n01,1,2\n1,3,4.5\n"), label="kind")
    assert items.labels == ["01", "1"]
    assert [item.tolist() for item in items.sequences] == [[[1], [2]], [[3], [4.5]]]


def test_long_table(tmp_path: Path) -> None:
    """Rows are gathered by id in order of first appearance, and ordered by time within an item."""
    path = written(tmp_path, "x.csv", "id,time,label,a,b\nz,2,u,3,30\nz,1,u,1,10\ny,1,v,7,70\nz,10,u,5,50\n")
    items = read(path, id="id", time="time")
    assert items.channels == ("a", "b")
    assert [item.tolist() for item in items.sequences] == [[[1, 10], [3, 30], [5, 50]], [[7, 70]]]
    assert items.labels == ["u", "v"]
    assert items.places[1] == f"{path}:4"
    assert read(path, id="id", time="time", channels=["b"]).sequences[1].tolist() == [[70]]


def test_parquet_equals_csv(tmp_path: Path) -> None:
    """The same table gives the same items from both kinds of file."""
    frame = pd.DataFrame({"id": [1, 1, 2], "label": ["a", "a", "b"], "x": [1.5, 2.0, 3.0]})
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_csv(tmp_path / "x.csv", index=False)
    left, right = (read(tmp_path / name, id="id") for name in ("x.parquet", "x.csv"))
    assert left.labels == right.labels
    for one, other in zip(left.sequences, right.sequences, strict=True):
        np.testing.assert_array_equal(one, other)


TABLE_FAULTS = [
    ("", {}, r"x\.csv: the table must have a header line and rows, but got 'an empty file'"),
    ("label,a\n", {}, r"x\.csv: the table must have rows, but got 0"),
    ("labels,a\nx,1\n", {}, r"x\.csv: there must be a column 'label'\. Did you mean 'labels'\?"),
    ("label,a,a\nx,1,2\n", {}, r"x\.csv:1: column names must differ, but got 'a'"),
    ("label,a\nx,1\ny,two\n", {}, r"x\.csv:3: a must be a finite number, but got 'two'"),
    ("label,a\nx,1\n\ny,\n", {"missing": "refuse"}, r"x\.csv:4: a must not be missing"),
    ("label,a\nx,1\ny,nan\n", {"missing": "refuse"}, r"x\.csv:3: a must not be missing"),
    ("label,a\nx,1\ny,inf\n", {}, r"x\.csv:3: a must be a finite number, but got inf"),
    ("label,a,b\nx,1,2\ny,1\n", {}, r"x\.csv:3: a row must have 3 cells like the header, but got 2"),
    ("label,a\nx,1\ny,1,2\n", {}, r"x\.csv:3: a row must have 2 cells like the header, but got 3"),
    ("label,a\nx,1,2\ny,1,2\n", {}, r"x\.csv:2: a row must have 2 cells like the header, but got 3"),
    ("label,a,g\nx,1,p\ny,2,\n", {"group": "g"}, r"x\.csv:3: g must not be empty\. Fill it in"),
    ("id,label,a\n1,x,1\n1,y,2\n", {"id": "id"}, r"x\.csv:3: label must be the same in all rows.*got 'y'"),
    (
        "id,t,label,a\n1,5,x,1\n2,5,x,1\n1,5,x,2\n",
        {"id": "id", "time": "t"},
        r"x\.csv:4: t must differ from row to row within one id, but got '5'\. Delete",
    ),
    ("label,a\nx,1\n", {"channels": ["b"]}, r"x\.csv: there must be a column 'b'"),
]


@pytest.mark.parametrize(("content", "options", "message"), TABLE_FAULTS)
def test_damaged_table_is_refused(tmp_path: Path, content: str, options: dict[str, object], message: str) -> None:
    """Each fault of a table is told with its line."""
    path = written(tmp_path, "x.csv", content)
    with pytest.raises(DataError, match=message):
        read(path, **options)


@pytest.mark.parametrize("name", ["x.npz", "x.parquet"])
def test_damaged_binary_is_refused(tmp_path: Path, name: str) -> None:
    """A file that only has the right ending is told by name."""
    path = written(tmp_path, name, "no archive")
    with pytest.raises(DataError, match=rf"{name}: the file must be .*readable"):
        read(path)


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """A line that is not UTF-8 is named."""
    (tmp_path / "x.csv").write_bytes(b"label,a\nx,1\n\xff,2\n")
    with pytest.raises(DataError, match=r"x\.csv:3: the text must be utf-8"):
        read(tmp_path / "x.csv")


def test_npz_forms(tmp_path: Path) -> None:
    """Two axes are items by steps, three bring channels, and lengths mean item after item."""
    path = tmp_path / "x.npz"
    flat, deep = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(2, 3, 2)
    np.savez(path, X=flat, y=[0, 1])
    assert [item.shape for item in read(path).sequences] == [(3, 1), (3, 1)]
    np.savez(path, X=deep, y=["u", "v"])
    np.testing.assert_array_equal(read(path).sequences[1], deep[1])
    assert read(path).labels == ["u", "v"]
    np.savez(path, X=np.arange(5), y=[0, 1, 1], lengths=[2, 0, 3])
    assert [item[:, 0].tolist() for item in read(path).sequences] == [[0, 1], [], [2, 3, 4]]


NPZ_FAULTS = [
    ({"X": np.zeros((2, 3))}, r"there must be an array 'y'"),
    ({"X": np.zeros(3), "y": [0]}, r"X must hold numbers, .*but got 'float64 \(3,\)'"),
    ({"X": np.array([["a", "b"]]), "y": [0]}, r"X must hold numbers"),
    ({"X": np.array([[1, np.inf]]), "y": [0]}, r"X\[0, 1\] must be a finite number, but got inf"),
    ({"X": np.zeros((2, 3)), "y": [0]}, r"y must hold 2 classes, .*but got 'int64 \(1,\)'"),
    ({"X": np.zeros((2, 3)), "y": [0.5, 1]}, r"y must hold 2 classes, whole numbers or texts"),
    (
        {"X": np.zeros(3), "y": [0, 1], "lengths": [1, 1]},
        r"lengths must add up to the 3 rows of X, but got 2",
    ),
    ({"X": np.zeros(3), "y": [0, 1], "lengths": [4, -1]}, r"lengths must be whole numbers >= 0"),
    ({"X": np.zeros((0, 3)), "y": np.zeros(0, int)}, r"X must have items, but got 0"),
    (
        {"X": np.array([[1, None]], dtype=object), "y": [0]},
        r"the file must be a readable \.npz of plain arrays",
    ),
]


@pytest.mark.parametrize(("arrays", "message"), NPZ_FAULTS)
def test_damaged_npz_is_refused(tmp_path: Path, arrays: dict[str, object], message: str) -> None:
    """Each fault of an .npz file is told with its array; objects are never unpickled."""
    np.savez(tmp_path / "x.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        read(tmp_path / "x.npz")


def test_unknown_ending_is_refused(tmp_path: Path) -> None:
    """A file of another form is refused with the forms that are known."""
    with pytest.raises(
        DataError, match=r"ending must be one of \.ts \.npz \.csv .*, but got 'x\.xlsx'\. Save the sheet as CSV"
    ):
        read(written(tmp_path, "x.xlsx", ""))


def test_table_options_are_refused_where_there_is_no_table(tmp_path: Path) -> None:
    """Options that would do nothing are refused."""
    with pytest.raises(DataError, match=r"data\.id must be left out where the file is of the form \.ts"):
        read(written(tmp_path, "x.ts", HEADER), id="id")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([".ts", ".csv", ".tsv", ".npz", ".parquet"]))
def test_any_bytes_give_items_or_a_data_error(content: bytes, suffix: str) -> None:
    """No file, however damaged, raises anything but a DataError."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"x{suffix}"
        path.write_bytes((b"label,a\n" if suffix == ".csv" else b"") + content)
        try:
            labels = read(path).labels
        except DataError as error:
            message = str(error)
        else:
            message = str(path) if labels else "items without labels"
        assert str(path) in message


@pytest.mark.examples
@pytest.mark.skipif(find_spec("aeon") is None, reason="the package aeon is not installed")
@pytest.mark.parametrize("name", list(CLASSIFICATION_SOURCES))
def test_ready_sources_hold_what_their_summary_says(name: str) -> None:
    """Numbers of items, steps, channels and classes are those of the summary."""
    entry = CLASSIFICATION_SOURCES[name]
    train, test = entry.load()(name).read()
    numbers = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", entry.summary.partition(";")[0])]
    steps = {len(item) for item in (*train.sequences, *test.sequences)}
    channels = [len(train.channels)] if len(train.channels) > 1 else []
    expected = [len(train), len(test), *sorted({min(steps), max(steps)}), *channels, len(set(train.labels))]
    assert numbers == expected
    assert set(test.labels) <= set(train.labels)


@pytest.mark.parametrize("channels", [1, 3])
def test_both_layouts_are_read(tmp_path: Path, channels: int) -> None:
    """Arrays (item, channel, step) and (item, step, channel), with lengths or not, give the same items."""
    x = np.random.default_rng(0).normal(size=(4, 7, channels))
    np.savez(tmp_path / "last.npz", X=x, y=list("abab"))
    np.savez(tmp_path / "first.npz", X=x.transpose(0, 2, 1), y=list("abab"))
    flat, lengths = x.reshape(28, channels), [5, 9, 7, 7]
    np.savez(tmp_path / "flat.npz", X=flat, y=list("abab"), lengths=lengths)
    np.savez(tmp_path / "flat_first.npz", X=flat.T, y=list("abab"), lengths=lengths)
    for one, other in (("last.npz", "first.npz"), ("flat.npz", "flat_first.npz")):
        expected, found = read(tmp_path / one), read(tmp_path / other, layout="channels_first")
        for left, right in zip(expected.sequences, found.sequences, strict=True):
            assert np.array_equal(left, right)
    with pytest.raises(DataError, match=r"lengths must add up to the \d+ rows of X.*give the other data\.layout"):
        read(tmp_path / "flat_first.npz")
    with pytest.raises(DataError, match=r"lengths must add up to the \d+ rows of X.*give the other data\.layout"):
        read(tmp_path / "flat.npz", layout="channels_first")


def test_items_of_one_step_are_refused(tmp_path: Path) -> None:
    """(80, 1, 150) is 80 items of 150 steps as aeon has it; the advice works when it is followed."""
    path = tmp_path / "x.npz"
    np.savez(path, X=np.random.default_rng(0).normal(size=(80, 1, 150)), y=list("ab") * 40)
    with pytest.raises(
        DataError, match=r"1 step with 150 channels.*aeon, sktime and tsai.*data\.layout: channels_first"
    ):
        read(path)
    assert read(path, layout="channels_first").sequences[0].shape == (150, 1)
    assert read(path, layout="channels_last").sequences[0].shape == (1, 150)
    np.savez(path, X=np.zeros((4, 1, 1)), y=list("abab"))
    assert read(path).notices == ()
    np.savez(path, X=np.zeros((4, 9)), y=list("abab"))
    with pytest.raises(DataError, match=r"data\.layout must be left out where X has no axis of channels"):
        read(path, layout="channels_first")


@pytest.mark.parametrize(
    ("shape", "told"), [((4, 3, 150), True), ((4, 6, 100), True), ((4, 9, 9), False), ((4, 90, 9), False)]
)
def test_more_channels_than_steps_are_told(tmp_path: Path, shape: tuple[int, ...], told: bool) -> None:
    """What may be laid out the other way is told, until the task says how it is."""
    np.savez(tmp_path / "x.npz", X=np.zeros(shape), y=list("abab"))
    notices = read(tmp_path / "x.npz").notices
    assert [f"items of {shape[1]} steps with {shape[2]} channels" in note for note in notices] == [True] * told
    assert read(tmp_path / "x.npz", layout="channels_last").notices == ()


def test_arrays_that_are_not_used_are_told(tmp_path: Path) -> None:
    """Groups that nobody asked for are not passed over in silence."""
    np.savez(tmp_path / "x.npz", X=np.zeros((4, 9)), y=list("abab"), groups=[1, 1, 2, 2], fold=[1, 2, 3, 4])
    (told,) = read(tmp_path / "x.npz").notices
    assert "arrays that are not used: fold, groups; data.group and data.split name the arrays of groups" in told
    assert read(tmp_path / "x.npz", group="groups").groups == ["1", "1", "2", "2"]
