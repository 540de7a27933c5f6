"""Forty tables as people have them: each is read right, or refused with advice that works when it is followed."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tuner.adapters.files import existing
from tuner.adapters.time_series.item_options import (
    ClassificationOptions,
    ItemOptions,
    LabellingOptions,
    RegressionOptions,
)
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.reading import read_items
from tuner.adapters.time_series.series import read_series
from tuner.errors import DataError

ROWS = 60
DICE = np.random.default_rng(0)
HOURS = pd.date_range("2024-03-01", periods=ROWS, freq="h")
TRUTH = pd.DataFrame({"load": DICE.normal(100, 9, ROWS).round(2), "temp": DICE.normal(5, 3, ROWS).round(1)})
FRAME = pd.concat([pd.Series(HOURS, name="t"), TRUTH], axis=1)
CSV = FRAME.to_csv(index=False)
ITEMS = DICE.normal(size=(30, 4)).round(3)
LABELS = ["a", "b"] * 15


@dataclass(frozen=True)
class Case:
    """A table.

    Args:
        write: Writes it into a folder; gives what data.path says.
        options: What else the options say.
        told: What the refusal says, an expression; empty where it is read at once.
        follow: Does what that advice says: from folder, path, message to a path and more options.
        wanted: Values of each series, or item; by default those of `TRUTH`.
        notice: What is told of the reading, an expression; empty where nothing need be.
        adapter: Whose reader reads it.
    """

    write: Callable[[Path], str]
    options: Mapping[str, Any] = field(default_factory=lambda: {"time": "t"})
    told: str = ""
    follow: Callable[[str, str], tuple[str, dict[str, Any]]] | None = None
    wanted: list[NDArray[Any]] | None = None
    notice: str = ""
    adapter: str = "forecasting"


def text(content: str, name: str = "x.csv", encoding: str = "utf-8") -> Callable[[Path], str]:
    """Writes text."""

    def write(folder: Path) -> str:
        (folder / name).write_bytes(content.encode(encoding))
        return str(folder / name)

    return write


def table(frame: pd.DataFrame, name: str = "x.csv", **writing: Any) -> Callable[[Path], str]:
    """Writes a table."""
    return text(frame.to_csv(index=False, **writing), name)


def times(cells: Any) -> pd.DataFrame:
    """The table with its times written so."""
    return FRAME.assign(t=cells)


def cell(value: str, row: int = 7) -> pd.DataFrame:
    """The table with a cell of `load` written so."""
    frame = FRAME.astype(str)
    frame.loc[row, "load"] = value
    return frame


def says(number: int = 0) -> Callable[[str, str], tuple[str, dict[str, Any]]]:
    """Sets the option that the advice names, to the value that it names; of several the one that is true."""

    def follow(path: str, message: str) -> tuple[str, dict[str, Any]]:
        found = re.search(r"[Ss]et data\.(\w+) to (.+?)(?:;|\.$|$| if )", message)
        assert found, message
        values = re.findall(r"'([^']+)'", found[2]) or [found[2]]
        return path, {found[1]: values[number]}

    return follow


def runs(pattern: str, name: str) -> Callable[[str, str], tuple[str, dict[str, Any]]]:
    """Runs the command that the advice gives, in the file's folder; the file is then called so."""

    def follow(path: str, message: str) -> tuple[str, dict[str, Any]]:
        found = re.search(pattern, message)
        assert found, message
        folder = Path(path).parent
        paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        subprocess.run(["/bin/bash", "-c", found[1]], cwd=folder, check=True, env={**os.environ, "PATH": paths})
        return str(folder / name), {}

    return follow


def edits(change: Callable[[str], str], encoding: str = "utf-8") -> Callable[[str, str], tuple[str, dict[str, Any]]]:
    """Does to the text what the advice says."""

    def follow(path: str, _: str) -> tuple[str, dict[str, Any]]:
        file = Path(path)
        file.write_text(change(file.read_text(encoding=encoding)))
        return path, {}

    return follow


def deletes_the_row(content: str) -> str:
    """Without the eighth row."""
    lines = content.split("\n")
    return "\n".join([*lines[:8], *lines[9:]])


def wide(**columns: Any) -> pd.DataFrame:
    """A row per item, and what else there is."""
    frame = pd.DataFrame(ITEMS, columns=[f"s{step}" for step in range(4)])
    return pd.DataFrame({"label": LABELS, **columns}).join(frame)


def long() -> pd.DataFrame:
    """A row per step."""
    return pd.DataFrame(
        {"id": np.repeat(np.arange(len(ITEMS)), 4), "label": np.repeat(LABELS, 4), "value": ITEMS.ravel()}
    )


BERLIN = pd.date_range("2024-03-30 12:00", periods=ROWS, freq="h", tz="Europe/Berlin")
TWO = [TRUTH.to_numpy(), TRUTH.to_numpy()[::-1]]
BOTH = pd.concat([FRAME.assign(shop="a"), FRAME.assign(shop="b", load=TWO[1][:, 0], temp=TWO[1][:, 1])])
ONE_STEP = {"time": "t", "gaps": "ignore"}
GONE = [TRUTH.drop(index=7).to_numpy()]
ROW_ITEMS = [row[:, None] for row in ITEMS]
CLASSES: dict[str, Any] = {"label": "label"}


def archive(folder: Path) -> str:
    """Packed text."""
    (folder / "x.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    return str(folder / "x.csv.gz")


def parquet(folder: Path) -> str:
    """With times of its own."""
    FRAME.to_parquet(folder / "x.parquet")
    return str(folder / "x.parquet")


def feather(folder: Path) -> str:
    """An Arrow file."""
    FRAME.to_feather(folder / "x.feather")
    return str(folder / "x.feather")


def many(folder: Path) -> str:
    """A file per day, named by a pattern."""
    for number, start in enumerate(range(0, ROWS, 20)):
        FRAME.iloc[start : start + 20].to_csv(folder / f"day{number}.csv", index=False)
    return str(folder / "day*.csv")


def arrays(folder: Path) -> str:
    """An archive of arrays."""
    np.savez(folder / "x.npz", X=ITEMS, y=np.array(LABELS))
    return str(folder / "x.npz")


CASES: dict[str, Case] = {
    "commas": Case(text(CSV)),
    "semicolons and decimal commas": Case(table(FRAME, sep=";", decimal=","), notice="semicolons .*decimal commas"),
    "tabs": Case(table(FRAME, "x.tsv", sep="\t")),
    "tabs called csv": Case(table(FRAME, sep="\t"), notice="tabs between cells"),
    "upright strokes": Case(table(FRAME, sep="|"), notice="upright strokes"),
    "a line that says the separator": Case(text("sep=;\n" + FRAME.to_csv(index=False, sep=";"))),
    "blanks after commas": Case(text(CSV.replace(",", ", "))),
    "a separator at each end": Case(text(CSV.replace("\n", ",\n")), notice="a separator ends each line"),
    "ends of lines of Windows, quoted": Case(text(FRAME.to_csv(index=False, quoting=1, lineterminator="\r\n"))),
    "decimal commas in quotes": Case(
        text(FRAME.to_csv(index=False, decimal=",", quoting=1)), notice="is read with decimal commas"
    ),
    "thousands": Case(
        text(cell("1.098,81").replace(r"^(-?\d+)\.(\d+)$", r"\1,\2", regex=True).to_csv(index=False, sep=";")),
        wanted=[TRUTH.assign(load=TRUTH.load.where(TRUTH.index != 7, 1098.81)).to_numpy()],
        notice=r"load '1\.098,81' as 1098\.81",
    ),
    "thousands in America": Case(
        table(FRAME.assign(load=[f"{value * 1000:,.2f}" for value in TRUTH.load])),
        wanted=[TRUTH.assign(load=(TRUTH.load * 1000).round(2)).to_numpy()],
        notice="numbers that are not plain",
    ),
    "whole thousands and nothing else": Case(
        table(FRAME.assign(load=[f"{value * 100:,.0f}" for value in TRUTH.load])[["t", "load"]]),
        told="must be a number that can be read in one way only",
        follow=says(),
        wanted=[(TRUTH[["load"]] * 100).round(0).to_numpy()],
    ),
    "euros": Case(
        text(
            FRAME.assign(load=[f"{value:.2f} €" for value in TRUTH.load])
            .astype(str)
            .replace(r"^(-?\d+)\.(\d+)( €)?$", r"\1,\2\3", regex=True)
            .to_csv(index=False, sep=";")
        ),
        notice="€' as ",
    ),
    "dollars": Case(table(FRAME.assign(load=[f"${value:.2f}" for value in TRUTH.load])), notice="'\\$"),
    "percent": Case(table(FRAME.assign(load=[f"{value:.2f}%" for value in TRUTH.load])), notice="%' as "),
    "brackets for minus": Case(
        table(FRAME.assign(temp=[f"({-value})" if value < 0 else str(value) for value in TRUTH.temp])),
        notice=r"temp '\(.*\)' as -",
    ),
    "units": Case(
        table(cell("100 kWh")),
        told="Write plain numbers, without a unit",
        follow=edits(lambda content: content.replace(" kWh", "")),
        wanted=[TRUTH.assign(load=TRUTH.load.where(TRUTH.index != 7, 100)).to_numpy()],
    ),
    "a byte-order mark": Case(text(CSV, encoding="utf-8-sig")),
    "UTF-16": Case(text(CSV, encoding="utf-16")),
    "Windows letters": Case(
        text(CSV.replace("temp", "Wärme"), encoding="cp1252"),
        told="name its encoding in data.encoding, such as cp1252",
        follow=lambda path, _: (path, {"encoding": "cp1252"}),
    ),
    "a line above the header": Case(
        text("# logger 5\n" + CSV),
        told="If the first line is not the header, delete what stands above it",
        follow=edits(lambda content: content.partition("\n")[2]),
    ),
    "no header": Case(
        text(CSV.partition("\n")[2]),
        told="If the first line is not the header, delete what stands above it, or write one",
        follow=edits(lambda content: "t,load,temp\n" + content),
    ),
    "an index": Case(text(FRAME.to_csv(index=True)), notice="counts rows"),
    "ISO with T and Z": Case(table(times(HOURS.strftime("%Y-%m-%dT%H:%M:%SZ")))),
    "German dates": Case(
        table(times(HOURS.strftime("%d.%m.%Y %H:%M"))), told="tell day and month apart", follow=says()
    ),
    "American dates": Case(
        table(times(HOURS.strftime("%m/%d/%Y %I:%M %p"))), told="tell day and month apart", follow=says(1)
    ),
    "years of two digits": Case(table(times(HOURS.strftime("%d.%m.%y %H:%M"))), told="four digits", follow=says()),
    "seconds since 1970": Case(table(times(HOURS.astype("int64") // 10**9))),
    "days of a spreadsheet": Case(
        table(times(np.round((HOURS - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1), 6))),
        told="beyond doubt",
        follow=lambda path, message: (path, {"time_format": "excel"} if "to excel" in message else {}),
    ),
    "offsets across a change of clocks": Case(table(times(BERLIN.strftime("%Y-%m-%dT%H:%M:%S%z")))),
    "names of zones": Case(
        table(times(HOURS.strftime("%Y-%m-%d %H:%M CET"))),
        told="Write the offset in place of the zone's name",
        follow=edits(lambda content: content.replace(" CET", "+01:00")),
    ),
    "months": Case(table(times(pd.period_range("2019-01", periods=ROWS, freq="M").astype(str)))),
    **{
        f"nothing, written {written or 'empty'}": Case(
            table(cell(written)),
            wanted=[np.insert(GONE[0], 7, GONE[0][6], axis=0)],
            notice="values are missing: load in 1 row; these rows are taken for gaps",
        )
        for written in ("", "NA", "?", "-")
    },
    "series in a long table": Case(table(BOTH), {"time": "t", "series": "shop"}, wanted=TWO),
    "unordered stamps": Case(table(FRAME.sample(frac=1, random_state=0)), notice="rows were sorted by t"),
    "a repeated row": Case(
        table(pd.concat([FRAME, FRAME.iloc[[9]]])),
        told="Delete the repeated row",
        follow=edits(lambda content: content.rstrip("\n").rpartition("\n")[0] + "\n"),
    ),
    "series with nothing to tell them apart": Case(
        table(BOTH),
        told="name the column that tells series apart in data.series",
        follow=lambda path, _: (path, {"series": "shop"}),
        wanted=TWO,
    ),
    "series of hours and of days": Case(
        table(pd.concat([FRAME.assign(shop="a"), FRAME.assign(shop="b", t=HOURS[0] + 24 * (HOURS - HOURS[0]))])),
        {"time": "t", "series": "shop"},
        told="series must have the time step of most rows, 1 hour, but got '1 day in series b'",
        follow=lambda path, message: (path, {"gaps": "ignore"} if "set data.gaps to ignore" in message else {}),
        wanted=[TRUTH.to_numpy()] * 2,
    ),
    "gaps": Case(
        table(FRAME.drop(index=[30, 31])),
        notice="1 gap in time .2 rows missing at a step of 1 hour",
        wanted=[TRUTH.where(~TRUTH.index.to_series().isin([30, 31]), TRUTH.shift(24)).to_numpy()],
    ),
    "a constant": Case(table(FRAME.assign(site=7)), notice="'site' left out: it has only one value"),
    "gzip": Case(archive, told="Unpack it: gunzip", follow=runs(r"(gunzip [^ ]+csv\.gz)", "x.csv")),
    "Parquet": Case(parquet),
    "JSON lines": Case(text(FRAME.astype({"t": str}).to_json(orient="records", lines=True), "x.jsonl")),
    "JSON lines with objects within objects": Case(
        text(
            "\n".join(
                json.dumps({"t": str(row.t), "meter": {"load": f"{row.load:.2f} €", "air": {"temp": row.temp}}})
                for row in FRAME.itertuples()
            ),
            "x.ndjson",
        ),
        notice=r"meter\.load '.*€' as ",
    ),
    "a list in place of JSON lines": Case(
        text(FRAME.astype({"t": str}).to_json(orient="records"), "x.json"),
        told=r"as pandas does by to_json\(path, orient='records', lines=True\)",
        follow=edits(lambda content: pd.read_json(io.StringIO(content)).to_json(orient="records", lines=True)),
    ),
    "Feather": Case(feather, told="Write it as Parquet", follow=runs(r"(python -c \".*\")", "x.parquet")),
    "many files": Case(
        many, told="Put the rows of all these files into one", follow=runs(r"into one: (.*all\.csv)", "all.csv")
    ),
    "items in rows": Case(table(wide()), CLASSES, wanted=ROW_ITEMS, adapter="classification"),
    "ids and copies of the label": Case(
        table(wide(id=range(30), code=[0, 1] * 15)),
        CLASSES,
        wanted=ROW_ITEMS,
        notice="left out",
        adapter="classification",
    ),
    "items in a long table": Case(table(long()), {**CLASSES, "id": "id"}, wanted=ROW_ITEMS, adapter="classification"),
    "arrays": Case(arrays, {}, wanted=ROW_ITEMS, adapter="classification"),
    "numbers of items": Case(
        table(wide().drop(columns="label").assign(target=np.arange(30) / 4), sep=";", decimal=","),
        {},
        wanted=ROW_ITEMS,
        adapter="regression",
    ),
    "classes of steps": Case(
        table(long().assign(label=["a", "b", "b", "a"] * 30)),
        {**CLASSES, "id": "id"},
        wanted=ROW_ITEMS,
        adapter="labelling",
    ),
}
MODELS: dict[str, type[ItemOptions]] = {
    "classification": ClassificationOptions,
    "regression": RegressionOptions,
    "labelling": LabellingOptions,
}


def read(case: Case, path: str, more: Mapping[str, Any]) -> tuple[list[NDArray[Any]], str]:
    """The values of each series or item, and what is told."""
    options = {**case.options, **more, "path": path}
    if case.adapter == "forecasting":
        known = ForecastingOptions.model_validate(options)
        found = read_series(existing(path, "path", folder=False), known)
        return [one.values for one in found.series], " ".join(found.notices)
    items = read_items(existing(path, "path", folder=False), MODELS[case.adapter].model_validate(options))
    return list(items.sequences), " ".join(items.notices)


def test_there_are_forty() -> None:
    """Or more."""
    assert len(CASES) >= 40


@pytest.mark.parametrize("name", CASES)
def test_a_table_is_read_right_or_refused_with_advice_that_works(name: str, tmp_path: Path) -> None:
    """Values are those that were written, to the last digit; where it is refused, after doing what the refusal says."""
    case = CASES[name]
    path, more = case.write(tmp_path), dict[str, Any]()
    if case.told:
        with pytest.raises(DataError, match=case.told) as refusal:
            read(case, path, {})
        assert case.follow is not None
        path, more = case.follow(path, str(refusal.value))
    values, told = read(case, path, more)
    wanted = [TRUTH.to_numpy()] if case.wanted is None else case.wanted
    assert len(values) == len(wanted)
    for found, true in zip(values, wanted, strict=True):
        np.testing.assert_array_equal(found, true)
    assert re.search(case.notice, told)


NUMBERS = st.floats(-1e6, 1e6).map(lambda number: round(number, 4))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=20).filter(lambda rows: len(set(rows)) > 2),
    st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", ","), ("|", ".")]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%SZ", "%Y/%m/%d %H:%M"]),
    st.integers(1, 3),
    st.booleans(),
)
def test_random_tables_are_read_back(
    rows: list[tuple[float, float]],
    marks: tuple[str, str],
    encoding: str,
    end: str,
    form: str,
    series: int,
    shuffled: bool,
) -> None:
    """Whatever the marks, the encoding, the ends of lines, the dates, the order of rows and the number of series."""
    hours = pd.date_range("2024-05-20", periods=len(rows), freq="h")
    frame = pd.concat(
        [
            pd.DataFrame({"when": hours.strftime(form), "who": f"s{number}", "u": 0.0, "v": 0.0}).assign(
                u=[row[0] + number for row in rows], v=[row[1] for row in rows]
            )
            for number in range(series)
        ]
    )
    written = frame.sample(frac=1, random_state=1) if shuffled else frame
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        content = written.to_csv(index=False, sep=marks[0], decimal=marks[1], lineterminator=end)
        path.write_bytes(content.encode(encoding))
        options = ForecastingOptions(path=str(path), time="when", series="who", targets=("u", "v"), decimal=marks[1])
        found = read_series(path, options)
    assert sorted(one.name for one in found.series) == [f"s{number}" for number in range(series)]
    for one in found.series:
        true = frame.loc[frame.who == one.name, ["u", "v"]].to_numpy()
        np.testing.assert_allclose(one.values, true, rtol=1e-15)  # the last bit is the parser's
