"""Delimited text as the world writes it: separators, decimal commas, encodings."""

import bz2
import codecs
import csv
import gzip
import lzma
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.adapters.dialect import recognize
from tuner.adapters.nlp.reading import read_documents
from tuner.adapters.nlp.text_options import TextClassificationOptions
from tuner.adapters.speech.options import SpeechClassificationOptions
from tuner.adapters.table import read_rows
from tuner.adapters.time_series.item_options import ClassificationOptions
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.reading import read_items
from tuner.adapters.time_series.series import Collection, read_series
from tuner.errors import DataError


def read(path: Path, content: str | bytes, **options: object) -> Collection:
    """Write a file and read its series."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_series(path, ForecastingOptions(path=str(path), **options))


WRITTEN = {
    "plain": ("x.csv", "t,v,w\n1,1.5,2\n2,2.5,3\n", {}, ""),
    "tabs": ("x.tsv", "t\tv\tw\n1\t1.5\t2\n2\t2.5\t3\n", {}, ""),
    "tabs in .csv": ("x.csv", "t\tv\tw\n1\t1.5\t2\n2\t2.5\t3\n", {}, "tabs between cells"),
    "commas in .tsv": ("x.tsv", "t,v,w\n1,1.5,2\n2,2.5,3\n", {}, "commas between cells"),
    "spreadsheet": ("x.csv", "t;v;w\r\n1;1,5;2\r\n2;2,5;3\r\n", {}, "semicolons between cells and decimal commas"),
    "said by the file": ("x.csv", "sep=;\nt;v;w\n1;1,5;2\n2;2,5;3\n", {}, "decimal commas"),
    "strokes": ("x.csv", "t|v|w\n1|1.5|2\n2|2.5|3\n", {}, "upright strokes between cells"),
    "in quotes": ("x.csv", '"t";"v";"w"\n"1";"1,5";"2"\n"2";"2,5";"3"\n', {}, "semicolons .* and decimal commas"),
    "quoted decimal commas": ("x.csv", 't,v,w\n1,"1,5",2\n2,"2,5",3\n', {"decimal": ","}, ""),
    "exponents": ("x.csv", "t;v;w\n1;1,5;2\n2;2,5e0;3\n", {"separator": ";"}, "decimal commas"),
    "told": ("x.csv", "t;v;w\n1;1.5;2\n2;2.5;3\n", {"separator": ";", "decimal": "."}, ""),
    "a blank after each separator": ("x.csv", '"t", "v", "w"\n"1", "1.5", "2"\n"2", "2.5", "3"\n', {}, ""),
    "separators that end lines": ("x.csv", "t,v,w,,\n1,1.5,2,,\n2,2.5,3,,\n", {}, ""),
    "told by an escape": ("x.csv", "t\tv\tw\n1\t1.5\t2\n2\t2.5\t3\n", {"separator": "\\t"}, ""),
    "told by name": ("x.csv", "t\tv\tw\n1\t1.5\t2\n2\t2.5\t3\n", {"separator": "tab"}, ""),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_ways_to_write_a_table(tmp_path: Path, name: str) -> None:
    """The same numbers come back from every way of writing them; what was guessed is told with the options for it."""
    file, content, options, guessed = WRITTEN[name]
    collection = read(tmp_path / file, content, time="t", targets=["v", "w"], **options)
    np.testing.assert_array_equal(collection.series[0].values, [[1.5, 2], [2.5, 3]])
    told = [notice for notice in collection.notices if "data.separator" in notice]
    assert len(told) == bool(guessed)
    pattern = rf"{file} is read with {guessed}, as its cells suggest; set .* to change that"
    assert all(re.fullmatch(pattern, one) for one in told)


DECIDED = [
    ("a;b\n1;2\n", [], ";", "."),
    ("a;b\n1,5;2,5\n", [], ";", ","),
    ("a;b,c\n1,5;2\n1,7;3\n", ["a"], ";", ","),  # commas would part each row in two as well
    ("text,label\none; two,x\nthree; four,y\n", ["text"], ",", "."),
    ("text;label\na, b, c;x\nd;y\n", ["text", "label"], ";", "."),
    ("a,b\n1,2\n1,2,3\n", [], ",", "."),  # damaged, and still parted by commas
    ("a;b\n1;2\n1;2;3\n", [], ";", "."),
    ("a\n1\n2\n", [], ",", "."),
    ("", [], ",", "."),
    ("t;v\n01.02.2024;1,5\n02.02.2024;2\n", ["t"], ";", ","),
    ("t;v\n1,5;1.25\n2,5;2.25\n3;3.25\n", [], ";", "."),
]


@pytest.mark.parametrize(("content", "wanted", "separator", "decimal"), DECIDED)
def test_what_decides(content: str, wanted: list[str], separator: str, decimal: str) -> None:
    """The header with the wanted columns decides, then even rows, then what the name says."""
    _, dialect = recognize(content, Path("x.csv"), wanted=wanted)
    assert (dialect.separator, dialect.decimal) == (separator, decimal)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(-1e6, 1e6).map(lambda x: round(x, 3))] * 3), min_size=2, max_size=9),
    st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", ","), ("\t", "."), ("|", ","), ("|", ".")]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_round_trip(rows: list[tuple[float, ...]], marks: tuple[str, str], encoding: str) -> None:
    """What pandas writes in any dialect is read without an option, to the last bit."""
    frame = pd.DataFrame(rows, columns=["größe", "b", "c"])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        frame.to_csv(path, index=False, sep=marks[0], decimal=marks[1], encoding=encoding)
        collection = read_series(path, ForecastingOptions(path=str(path), targets=["größe", "c"]))
    np.testing.assert_array_equal(collection.series[0].values, frame[["größe", "c"]].to_numpy())


REFUSED = [
    (
        't,v\n1,"1,5"\n2,2\n',
        {"decimal": "."},
        r"x\.csv:2: v must be .*'1,5'\. If the comma is the decimal mark, set data\.decimal",
    ),
    (
        "t;v\n1;1,5\n2;2.5\n",
        {"decimal": ","},
        r"x\.csv:3: v must be .*'2\.5'\. If the point is the decimal mark, set data\.deci",
    ),
    ("t v\n1 2\n2 3\n", {}, r"x\.csv: there must be a column 't'.*The separator must be , ; \| or a tab; data\.sep"),
    (
        "t;v\n1;2;3\n",
        {},
        r"x\.csv:2: a row must have 2 cells .*got 3\. .*semicolons in double quotes\..*data\.separator",
    ),
    ("# a logger\nt,v\n1,2\n", {}, r"x\.csv:2: a row must have 1 cells.*If the first line is not the header, delete"),
    ("# a\n# b\nt,v\n1,2\n", {}, r"x\.csv:3: a row must have 1 cells.*If the first line is not the header, delete"),
    ("Station 5,,\n,,\nt,v,w\n1,2,3\n", {}, r"x\.csv: there must be a column 't'.*If the first line is not the header"),
    ("t\nt,v,w\n1,2,3\n", {}, r"x\.csv:2: a row must have 1 cells .*If the first line is not the header, delete what"),
    ("t,v\n1,p7\n2,p8\n", {}, r"x\.csv:2: v .*'p7'\. .*to leave the column out, name it in data\.drop\.$"),
    (
        "t,v\n1,2024-03-01\n",
        {},
        r"x\.csv:2: v .*If it holds times, set data\.time to v; to leave the column out, name it",
    ),
    ("t,v\n1,2\n1,3\n", {}, r"x\.csv:3: t must differ .*name the column that tells series apart in data\.series\.$"),
    ("t,v\n1,2\n", {"separator": ";"}, r"x\.csv: there must be a column 't'.*data\.separator names it"),
]


@pytest.mark.parametrize(("content", "options", "message"), REFUSED)
def test_refused_by_name(tmp_path: Path, content: str, options: dict[str, object], message: str) -> None:
    """What is no number in the file's notation is refused at its cell, with what helps."""
    with pytest.raises(DataError, match=message):
        read(tmp_path / "x.csv", content, time="t", **options)


def test_texts_after_a_blank_may_be_quoted_and_hold_separators(tmp_path: Path) -> None:
    """Where the header has a blank after its separators; elsewhere a quote within a text is one."""
    (tmp_path / "x.csv").write_text('label, text\na, "one, two"\nb, "three"\n')
    assert [row.cells["text"] for row in read_rows(tmp_path / "x.csv", "csv", ["text"])] == ["one, two", "three"]
    (tmp_path / "x.csv").write_text('label,text\na, "one" two\n')
    assert [row.cells["text"] for row in read_rows(tmp_path / "x.csv", "csv", ["text"])] == [' "one" two']


def test_an_index_of_times_without_a_name_is_told_how_to_be_one(tmp_path: Path) -> None:
    """As pandas writes a series of dates; the advice works when it is followed."""
    index = pd.date_range("2024-01-01", periods=30, freq="D")
    frame = pd.DataFrame({"y": np.random.default_rng(0).normal(size=30)}, index=index)
    told = read(tmp_path / "x.csv", frame.to_csv()).notices
    assert any("if it holds times, name it in the header and in data.time" in notice for notice in told)
    assert read(tmp_path / "x.csv", frame.to_csv(index_label="day"), time="day").seasonality == 7


OTHERS = [
    (b"PK\x03\x04\x14\x00\x06\x00", "a ZIP archive or a workbook .*save the sheet as CSV"),
    (gzip.compress(b"t,v\n1,2\n"), r"a gzip archive'\. Unpack it: gunzip"),
    (lzma.compress(b"t,v\n1,2\n"), r"an xz archive'\. Unpack it"),
    (bz2.compress(b"t,v\n1,2\n"), r"a bzip2 archive'\. Unpack it"),
    (b"PAR1\x15\x04", "a Parquet file"),
    (b"SQLite format 3\x00", "an SQLite database'"),
]


@pytest.mark.parametrize(("content", "message"), OTHERS, ids=[message for _, message in OTHERS])
def test_files_that_are_no_text_are_told_by_what_they_are(tmp_path: Path, content: bytes, message: str) -> None:
    """Under a table's or a text's name; another encoding would not help."""
    with pytest.raises(DataError, match=rf"x\.csv: the file must be plain text, but got '{message}"):
        read(tmp_path / "x.csv", content, encoding="latin-1")
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(read_documents(tmp_path / "x.txt", TextClassificationOptions(path="x.txt")))


def test_a_header_that_begins_like_another_format_is_a_header(tmp_path: Path) -> None:
    """Names of columns are text, whatever they are."""
    for name in ("PAR1", "BZh", "PK"):
        assert read(tmp_path / "x.csv", f"{name},v\n1.5,2\n2,3\n").channels == (name, "v")


def test_other_ways_to_write_rows_are_told_what_helps(tmp_path: Path) -> None:
    """JSON as one array, and quotes behind backslashes; the advice works when it is followed."""
    frame = pd.DataFrame({"text": ['he said "yes"', "no"], "label": ["a", "b"]})
    path = tmp_path / "x.jsonl"
    for spaces in (None, 1):
        frame.to_json(path, orient="records", indent=spaces)
        with pytest.raises(DataError, match=r"x\.jsonl:1: .*Write an object per line, as pandas does by to_json"):
            list(read_rows(path, "jsonl", ["text"]))
    frame.to_json(path, orient="records", lines=True)
    assert [row.cells["text"] for row in read_rows(path, "jsonl", ["text"])] == frame["text"].tolist()
    frame.to_csv(tmp_path / "x.csv", index=False, quoting=csv.QUOTE_ALL, doublequote=False, escapechar="\\")
    with pytest.raises(DataError, match=r"x\.csv:2: .*write one within quotes twice"):
        list(read_rows(tmp_path / "x.csv", "csv", ["text"]))
    (tmp_path / "x.csv").write_text((tmp_path / "x.csv").read_text().replace('\\"', '""'))
    assert next(read_rows(tmp_path / "x.csv", "csv", ["text"])).cells["text"] == 'he said "yes"'


def test_advice_on_the_mark_works_when_followed(tmp_path: Path) -> None:
    """What data.decimal is advised for is read with it."""
    assert read(tmp_path / "x.csv", 't,v\n1,"1,5"\n2,2\n', time="t", decimal=",").series[0].values[0, 0] == 1.5
    with pytest.raises(DataError, match=r"x\.csv:2: v must be a finite number, but got '1,5'"):
        read(tmp_path / "x.csv", "t;v\n1;1,5\n2;2.5\n", time="t", decimal=".")
    assert read(tmp_path / "x.csv", "v\n1,5\n2,5\n", separator=";").series[0].values[:, 0].tolist() == [1.5, 2.5]


TEXT = "größe,wert\n1,2\n2,3\n"


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "utf-16-be", "cp1250"])
def test_other_encodings_are_named_and_then_read(tmp_path: Path, encoding: str) -> None:
    """Text that is not UTF-8 is refused with the option, and read with it."""
    content = TEXT.encode(encoding)
    with pytest.raises(DataError, match=r"the text must be utf-8, .*data\.encoding") as caught:
        read(tmp_path / "x.csv", content)
    if encoding.startswith("utf-16"):
        assert f"Set data.encoding to {encoding}" in str(caught.value)
    for collection in (
        read(tmp_path / "x.csv", content, encoding=encoding),
        read(tmp_path / "x.csv", codecs.BOM_UTF8 + TEXT.encode(), encoding=encoding),  # the mark says more
    ):
        assert collection.channels == ("größe", "wert")


def test_advice_fits_the_adapter(tmp_path: Path) -> None:
    """Every adapter is advised of options that it has."""
    path = tmp_path / "x.csv"
    path.write_bytes("text,label,path,größe\na,b,c,1\n".encode("latin-1"))
    with pytest.raises(DataError) as caught:
        next(read_rows(path, "csv", ("path", "label")))  # as speech reads its manifest
    assert ("data.encoding" in str(caught.value)) == ("encoding" in SpeechClassificationOptions.model_fields)
    for reading in (
        lambda: read_documents(path, TextClassificationOptions(path=str(path))),
        lambda: read_items(path, ClassificationOptions(path=str(path), channels=["größe"])),
    ):
        with pytest.raises(DataError, match=r"data\.encoding"):
            reading()
    (document,) = read_documents(path, TextClassificationOptions(path=str(path), encoding="latin-1"))
    assert (document.text, document.label) == ("a", "b")
    items = read_items(path, ClassificationOptions(path=str(path), channels=["größe"], encoding="latin-1"))
    assert items.sequences[0].tolist() == [[1]]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_texts_and_manifests_are_parted_by_what_their_header_shows(tmp_path: Path, separator: str) -> None:
    """Columns that must be there tell the separator of any table of texts, whatever the texts hold."""
    path = tmp_path / "x.csv"
    path.write_text(f"label{separator}text\nx{separator}a, b, c\ny{separator}d,\n")
    rows = [(cells["label"], cells["text"]) for cells, _ in read_rows(path, "csv", ("text", "label"))]
    assert rows == [("x", "a, b, c"), ("y", "d,")]


def test_labelled_tables_have_the_same_dialects(tmp_path: Path) -> None:
    """Classification reads a spreadsheet's table as forecasting does."""
    path = tmp_path / "x.csv"
    path.write_text("label;t0;t1\na;1,5;2\nb;3;4,25\n")
    items = read_items(path, ClassificationOptions(path=str(path)))
    assert [item[:, 0].tolist() for item in items.sequences] == [[1.5, 2], [3, 4.25]]
