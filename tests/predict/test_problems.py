"""What cannot be read is named in its place, and all else is answered: for every kind of file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support.command import tuner
from tests.support.models import made_model
from tests.support.shops import model_of, shops
from tuner.errors import DataError
from tuner.predict import Model, load


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of texts."""
    return made_model(tmp_path_factory.mktemp("texts"))


BROKEN: dict[str, tuple[str, bytes, dict[int, str]]] = {
    "csv": (
        "a.csv",
        b'text,label\nrain,a\n"sun, but,b\nfog,x,y\n\n\xff\xfe,b\n"",b\n"snow\nand fog",d\nhail',
        {2: ":3: the row must be well-formed CSV", 3: ":4: a row must have 2 cells", 4: ":6: it has bytes that are no",
         5: ":7: the text is empty", 7: ":10: a row must have 2 cells"},
    ),
    "json lines": (
        "a.jsonl",
        b'{"text": "rain"}\n{"text": NaN}\n\xff{"text": "sun"}\n{"text": "\\ud800"}\n[1]\n{"text": "fog"}\n{"text',
        {2: ":2: text must be a text, but is nan", 3: ":3: it has bytes", 4: ":4: text must be a text",
         5: ":5: the line must be a JSON object", 7: ":7: the line must be valid JSON"},
    ),
    "lines": ("a.txt", b"rain\n\nsun \xe9\nfog\n", {2: ":2: the text is empty", 3: ":3: it has bytes"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_line_keeps_its_place(name: str, texts: Path, tmp_path: Path) -> None:
    """Place and reason are told, the number of them too, the status is 1, and the other lines are answered."""
    file, content, told = BROKEN[name]
    (tmp_path / file).write_bytes(content)
    done = tuner("predict", str(texts), str(tmp_path / file), "-o", str(tmp_path / "out.csv"), status=1)
    found = pd.read_csv(tmp_path / "out.csv")
    bad = found.index[found.problem.notna()] + 1
    assert bad.tolist() == list(told)
    assert found["class"].isna().tolist() == found.problem.notna().tolist()
    for why in told.values():
        assert f"{file}{why}" in done.stderr
    assert f"{len(told)} could not be read" in done.stderr


@pytest.mark.parametrize("data", [None, 3])
def test_what_are_no_data_at_all(data: object, texts: Path) -> None:
    """It is told what data are; nothing is wrong with the model."""
    with pytest.raises(DataError, match="data must be a table, a list of items, or the path of a file or folder, but"):
        load(texts).predict(data)


def test_rows_of_numbers(tmp_path: Path) -> None:
    """A word, infinity, too many cells: each row is named, the next one is answered; a missing value is filled."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(40, 4)), columns=list("abcd")).assign(label=["x", "y"] * 20)
    table.to_csv(tmp_path / "train.csv", index=False)
    model = model_of(tmp_path, "time_series/classification", path=str(tmp_path / "train.csv"), label="label")
    rows = ["1,2,3,4", "1,two,3,4", "1,2,3,4", "1,,3,4", "1,2,inf,4", "1,2,3,4,5", "1,2,3", "NaN,2,3,4", "1,2,3,4"]
    (tmp_path / "a.csv").write_text("\n".join(["a,b,c,d", *rows]))
    found = model.predict(tmp_path / "a.csv")
    assert (found.problem == "").tolist() == [True, False, True, True, False, False, False, True, True]
    assert found.problem[1] == "b must be a finite number, but is 'two'"
    assert found.problem[5].startswith("a row must have 4 cells like the header")
    assert found["class"].notna().tolist() == (found.problem == "").tolist()
    frame = pd.DataFrame([[1, 2, 3, 4], [1, "two", 3, 4], [1, None, 3, 4], [1, 2, 3, 4]], columns=list("abcd"))
    assert (model.predict(frame).problem == "").tolist() == [True, False, True, True]


def test_items_of_a_long_table(tmp_path: Path) -> None:
    """One item has an unreadable time, one the same time twice, one a word among numbers; the others are answered."""
    rows = [
        {"item": f"i{i}", "at": step, "a": float(step + i), "label": "xy"[i % 2]}
        for i in range(30)
        for step in range(5)
    ]
    table = pd.DataFrame(rows)
    table.to_csv(tmp_path / "train.csv", index=False)
    options = {"path": str(tmp_path / "train.csv"), "label": "label", "id": "item", "time": "at"}
    model = model_of(tmp_path, "time_series/classification", **options)
    cells = table.astype(object)
    cells.loc[7, "at"], cells.loc[12, "at"], cells.loc[17, "a"], cells.loc[22, "item"] = "soon", 1, "x", ""
    cells.to_csv(tmp_path / "a.csv", index=False)
    found = model.predict(tmp_path / "a.csv").set_index("item")
    problems = found.problem[found.problem != ""]
    assert len(found) == 31
    assert "a.csv:9: at must be a" in problems["i1"]
    assert "a.csv:14: at must differ from row to row" in problems["i2"]
    assert "a.csv:19: a must be a finite number" in problems["i3"]
    assert "item must not be empty" in problems[f"{tmp_path}/a.csv:24"]
    assert len(problems) == 4


def test_a_place_is_printed_once(tmp_path: Path) -> None:
    """That of the first row of an item, if it is the one that cannot be read."""
    table = pd.DataFrame(
        {"item": np.repeat(np.arange(20), 3), "at": 60, "a": 1.0, "label": np.repeat(list("xy") * 10, 3)}
    )
    table["at"] = np.arange(60)
    table.to_csv(tmp_path / "train.csv", index=False)
    options = {"path": str(tmp_path / "train.csv"), "label": "label", "id": "item", "time": "at"}
    made = made_model(tmp_path, "time_series/classification", data=options)
    cells = table.astype({"at": object, "a": object})
    cells.loc[3, "at"], cells.loc[6, "a"], cells.loc[10, "a"] = "", "x", "x"
    cells.to_csv(tmp_path / "a.csv", index=False)
    done = tuner("predict", str(made), str(tmp_path / "a.csv"), "-o", str(tmp_path / "out.csv"), status=1)
    places = [f"{tmp_path}/a.csv:{row}: " for row in (5, 8, 12)]
    assert [line for line in done.stderr.splitlines() if "must" in line] == [
        f"{places[0]}at must not be empty.",
        *(f"{place}a must be a finite number, but is 'x'" for place in places[1:]),
    ]


@pytest.fixture
def forecasts(tmp_path: Path) -> Model:
    """Of two shops."""
    shops(60).to_csv(tmp_path / "train.csv", index=False)
    options: dict[str, Any] = {"time": "day", "series": "shop", "window": 10, "horizon": 3}
    return model_of(tmp_path, "time_series/forecasting", path=str(tmp_path / "train.csv"), **options)


@pytest.mark.parametrize("cell", ["soon", "", "2023-02-30", "31/12/2023"])
@pytest.mark.parametrize("row", [0, 20])
def test_one_unreadable_time_is_that_of_its_series(cell: str, row: int, forecasts: Model, tmp_path: Path) -> None:
    """The cell is named; the other series is forecast as without it."""
    table = shops(60)
    cells = table.assign(day=table.day.dt.strftime("%Y-%m-%d"))
    cells.loc[row, "day"] = cell
    cells.to_csv(tmp_path / "a.csv", index=False)
    found = forecasts.predict(tmp_path / "a.csv")
    assert found["shop"].tolist() == ["north"] + ["south"] * 3
    assert f"a.csv:{row + 2}: day must" in found.problem[0]
    south = forecasts.predict(table[table["shop"] == "south"])
    np.testing.assert_allclose(found.sold[1:], south.sold, rtol=1e-5)


def test_a_row_that_is_none_is_an_item_of_its_own(forecasts: Model, tmp_path: Path) -> None:
    """Whose series it is of is not known; a row without a series is named, too."""
    lines = shops(60).to_csv(index=False).splitlines()
    lines.insert(30, "north,2023-01-30")
    lines.append(",2023-05-01,3")
    (tmp_path / "a.csv").write_text("\n".join(lines))
    found = forecasts.predict(tmp_path / "a.csv")
    problems = found.problem[found.problem != ""].tolist()
    assert len(problems) == 2
    assert problems[0].endswith("shop must not be empty. Fill it in.")
    assert problems[1].startswith("a row must have 3 cells like the header")
    assert found.sold.notna().sum() == 6


def test_times_that_none_can_read_are_refused(forecasts: Model, tmp_path: Path) -> None:
    """That is no fault of a row: one line, which names the first."""
    table = shops(60)
    table.assign(day="soon").to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match=r"a\.csv:2: day must be a number or a date in a known format"):
        forecasts.predict(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("case", "whole"), [("speech/classification", "tones/low/0.wav"), ("speech/recognition: words", "0.wav")]
)
def test_a_broken_recording(case: str, whole: str, tmp_path: Path) -> None:
    """Beside sound ones: an empty file, one cut off, text; and a row of a manifest that names none."""
    made_model(tmp_path, case)
    model = load(tmp_path / "model")
    sound = (tmp_path / "data" / whole).read_bytes()
    for name, content in (("a", b""), ("b", sound[:30]), ("c", b"RIFF no wave"), ("d", sound)):
        (tmp_path / f"{name}.wav").write_bytes(content)
    (tmp_path / "a.csv").write_bytes(b"path\na.wav\nb.wav\nc.wav\nd.wav\n\xff.wav\nnone.wav\n,\n")
    found = model.predict(tmp_path / "a.csv")
    assert (found.problem == "").tolist() == [False, False, False, True, False, False, False]
    (first,) = model.predict([b"RIFF"]).problem
    assert first
    if case == "speech/recognition: words":  # whose manifests may call it otherwise
        (tmp_path / "b.jsonl").write_text('{"audio_filepath": "d.wav", "text": "so"}\n{"audio_filepath": 3}\n')
        assert (model.predict(tmp_path / "b.jsonl").problem == "").tolist() == [True, False]


def test_a_folder_for_the_answers_that_is_not_there_is_told_in_a_line(texts: Path, tmp_path: Path) -> None:
    """Before anything is read; nothing is made."""
    (tmp_path / "a.txt").write_text("rain\n")
    out = tmp_path / "none/out.csv"
    told = tuner("predict", str(texts), str(tmp_path / "a.txt"), "-o", str(out), status=2).output
    assert told.startswith("the answers' folder must exist, but got ")
    assert told.endswith("Make it, or name another one.\n")
    assert told.count("\n") == 1
    assert not out.parent.exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("new.csv", "-o", "./new.csv"), "the answers must not overwrite the input, but got 'new.csv'."),
        (("-",), "FILE must be a file or a folder, but got '-'. Save it to a file first"),
        (("/dev/null",), "FILE must be a file or a folder, but got '/dev/null'."),
        (("none.csv",), "none.csv: the file must be readable"),
        (("new.csv", "--device", "cuda:7"), "device must be one that torch finds on this machine, but got 'cuda:7'."),
        (("new.csv", "--device", "abacus"), "device must be one that torch finds on this machine, but got 'abacus'."),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_line(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], line: str
) -> None:
    """The file that is read is not written over, standard input has no form, a device is not there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.csv").write_text("text\nrain\n")
    told = tuner("predict", str(texts), *arguments, status=2).output
    assert told.startswith(line)
    assert told.count("\n") == 1
    assert (tmp_path / "new.csv").read_text() == "text\nrain\n"


@pytest.mark.filterwarnings("error")
def test_a_number_too_large_for_a_network_is_told(tmp_path: Path) -> None:
    """It is finite, but not in the 32 bits of a network: among targets and covariates."""
    table = shops(60).assign(price=np.arange(120.0) % 7)
    table.to_csv(tmp_path / "train.csv", index=False)
    options: dict[str, Any] = {
        "time": "day",
        "series": "shop",
        "window": 10,
        "horizon": 3,
        "past_covariates": ["price"],
    }
    model = model_of(tmp_path, "time_series/forecasting", path=str(tmp_path / "train.csv"), **options)
    for name in ("sold", "price"):
        found = model.predict(table.assign(**{name: table[name].where(table.index != 58, 1e300)}))
        (problem,) = found.problem[found.problem != ""]
        assert problem.startswith(f"{name} is too large for 32 bits in ")


def test_no_option_of_a_task_file_is_advised(forecasts: Model) -> None:
    """A finished model reads its data as it was trained to."""
    table = shops(60)
    weekly = table.assign(day=pd.Timestamp("2023-01-01") + (table.day - pd.Timestamp("2023-01-01")) * 7)
    wide = table[table["shop"] == "north"].assign(
        day=lambda rows: rows.day.where(rows.index < 30, rows.day + pd.Timedelta(days=9000))
    )
    doubled = pd.concat([table, table.tail(1)])
    unread = table.assign(day=table.day.astype(str).where(table.index != 5, "2023-13-45"))
    for data in (weekly, wide, doubled, unread):
        found = forecasts.predict(data)
        assert (found.problem != "").any() or data is wide
        assert not found.problem.str.contains(r"data\\.").any()
    with pytest.raises(DataError, match="day must tell day and month apart") as caught:
        forecasts.predict(pd.DataFrame({"shop": "north", "day": ["01/02/2023", "02/02/2023"], "sold": 1.0}))
    assert "data." not in str(caught.value)
