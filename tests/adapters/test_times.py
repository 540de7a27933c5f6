"""The ways in which people write times, one by one: each read right, or refused by name."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.adapters.time_series.item_options import ClassificationOptions
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.reading import read_items
from tuner.adapters.time_series.series import read_series
from tuner.adapters.time_series.table import Table
from tuner.adapters.time_series.time_column import Column
from tuner.adapters.time_series.times import Times, read_times
from tuner.errors import DataError


def read(*cells: str, form: str = "auto") -> Times:
    """The times of a column."""
    column = Column("t", pd.Series(list(cells), dtype=str), lambda row: f"x.csv:{row + 2}")
    return read_times(column, form)


READ = [
    ("2024-03-01 | 2024-03-02", "2024-03-01 2024-03-02"),
    ("2024-03-01T00:00 | 2024-03-01T00:15", "2024-03-01T00:00 2024-03-01T00:15"),
    ("2024-03-01 00:00:00.5 | 2024-03-01 00:00:01,25", "2024-03-01T00:00:00.5 2024-03-01T00:00:01.25"),
    (
        "2024-03-01 00:00:00.000000001 | 2024-03-01 00:00:00.000000002",
        "2024-03-01T00:00:00.000000001 2024-03-01T00:00:00.000000002",
    ),
    ("2024-03-01T00:00:00Z | 2024-03-01T01:00:00Z", "2024-03-01T00 2024-03-01T01"),
    ("2024-03-01 00:00:00 UTC | 2024-03-01 01:00:00 UTC", "2024-03-01T00 2024-03-01T01"),
    ("2024-10-27T02:00+02:00 | 2024-10-27T02:00+01:00", "2024-10-27T00 2024-10-27T01"),
    ("2024-10-27 02:00:00+0200 | 2024-10-27 02:00:00+01", "2024-10-27T00 2024-10-27T01"),
    ("2024-03-01T00:00-05:30", "2024-03-01T05:30"),
    ("2024-03-01 24:00 | 2024-03-02 01:00", "2024-03-02T00 2024-03-02T01"),
    ("2024-03-01T13 | 2024-03-01T14", "2024-03-01T13 2024-03-01T14"),
    ("2024-03-01 00:30 | 2024-03-02", "2024-03-01T00:30 2024-03-02"),
    ("2024-3-1 1:05 | 2024-3-12 2:05", "2024-03-01T01:05 2024-03-12T02:05"),
    ("2024/03/01 | 2024/03/02", "2024-03-01 2024-03-02"),
    ("2024.03.01 1:00 PM | 2024.03.02 12:00 a.m.", "2024-03-01T13 2024-03-02T00"),
    ("20240301T0000 | 20240301T0130", "2024-03-01T00 2024-03-01T01:30"),
    ("20240301 000000 | 20240301 013000", "2024-03-01T00 2024-03-01T01:30"),
    ("20240301T000000Z | 20240301T013000Z", "2024-03-01T00 2024-03-01T01:30"),
    ("2024-060 | 2024-061", "2024-02-29 2024-03-01"),
    ("2024-03 | 2024-04", "2024-03-01 2024-04-01"),
    ("03/2024 | 04/2024", "2024-03-01 2024-04-01"),
    ("2024M03 | 2024M04", "2024-03-01 2024-04-01"),
    ("2024Q1 | 2024Q4", "2024-01-01 2024-10-01"),
    ("2024-Q1 | 2024-Q4", "2024-01-01 2024-10-01"),
    ("Q1 2024 | Q2 2024", "2024-01-01 2024-04-01"),
    ("2024-W05 | 2024-W06", "2024-01-29 2024-02-05"),
    ("2020-W53-7 | 2021W011", "2021-01-03 2021-01-04"),
    ("Mar 2024 | April 2024", "2024-03-01 2024-04-01"),
    ("2024-Mar | 2024-Apr", "2024-03-01 2024-04-01"),
    ("1 Mar 2024 | 2 May 2024", "2024-03-01 2024-05-02"),
    ("01-Mar-2024 13:00 | 02-MAR-2024 13:00", "2024-03-01T13 2024-03-02T13"),
    ("March 1, 2024 1:00 PM | March 2, 2024 1:00 PM", "2024-03-01T13 2024-03-02T13"),
    ("Fri, 01 Mar 2024 13:00:00 +0000 | Sat, 02 Mar 2024 13:00:00 +0100", "2024-03-01T13 2024-03-02T12"),
    ("01/Mar/2024:13:00:00 +0000 | 01/Mar/2024:14:00:00 +0000", "2024-03-01T13 2024-03-01T14"),
    ("01/02/2024 | 13/02/2024", "2024-02-01 2024-02-13"),
    ("01/02/2024 | 01/13/2024", "2024-01-02 2024-01-13"),
    ("31.01.2024 13:00 | 01.02.2024 13:00", "2024-01-31T13 2024-02-01T13"),
    ("0001-01-01 | 9999-12-31", "0001-01-01 9999-12-31"),
    ("20240301 | 20240302", "2024-03-01 2024-03-02"),
    ("202403 | 202404", "2024-03 2024-04"),
    ("2023 | 2024", "2023-01-01 2024-01-01"),
    ("2024030100 | 2024030101", "2024-03-01T00 2024-03-01T01"),
    ("202403010000 | 202403010015", "2024-03-01T00 2024-03-01T00:15"),
    ("20240301000000 | 20240301001500", "2024-03-01T00 2024-03-01T00:15"),
    ("1709251200 | 1709254800", "2024-03-01T00 2024-03-01T01"),
    ("999999999 | 1000000000", "2001-09-09T01:46:39 2001-09-09T01:46:40"),
    ("1709251200.25 | 1709254800.75", "2024-03-01T00:00:00.25 2024-03-01T01:00:00.75"),
    ("1709251200000 | 1709254800001", "2024-03-01T00 2024-03-01T01:00:00.001"),
    ("1709251200000000 | 1709254800000001", "2024-03-01T00 2024-03-01T01:00:00.000001"),
    ("1709251200000000000 | 1709251200000000001", "2024-03-01T00 2024-03-01T00:00:00.000000001"),
]


@pytest.mark.parametrize(("cells", "instants"), READ)
def test_read_right(cells: str, instants: str) -> None:
    """Each way of writing is read without an option; a reading of plain digits is told."""
    times = read(*cells.split(" | "))
    expected = np.array([np.datetime64(instant) for instant in instants.split()])
    assert times.values.dtype.kind == "M"
    np.testing.assert_array_equal(times.values.astype(expected.dtype), expected)
    np.testing.assert_array_equal(times.values, expected)
    assert bool(times.guessed) == all(re.fullmatch(r"\d{4,}|\d{9,}\.\d+", cell) for cell in cells.split(" | "))


NUMBERS = [
    ("0 | 1 | 2", [0, 1, 2]),
    ("-3 | -2", [-3, -2]),
    ("0.5 | 0.75", [0.5, 0.75]),
    ("1e3 | 2e3", [1000, 2000]),
    ("9 | 10 | 100000", [9, 10, 100000]),
    ("9223372036854775806 | 9223372036854775807", [2**63 - 2, 2**63 - 1]),
    ("99900001 | 99900002", [99900001, 99900002]),
]


@pytest.mark.parametrize(("cells", "numbers"), NUMBERS)
def test_plain_numbers_stay_numbers(cells: str, numbers: list[float]) -> None:
    """What only counts is kept as it is, to the last digit."""
    times = read(*cells.split(" | "))
    assert times.values.tolist() == numbers
    assert not times.guessed


REFUSED = [
    ("01/02/2024 | 01/03/2024", r"2: t must tell day and month apart.*'%d/%m/%Y' or '%m/%d/%Y'\."),
    ("01.02.2024 13:00 | 01.03.2024 13:00", r"apart.*data\.time_format to '%d\.%m\.%Y %H:%M' or '%m\.%d\.%Y %H:%M'\."),
    ("1/2/2024 1:00:05 PM | 1/3/2024 1:00:05 PM", r"apart.*'%d/%m/%Y %I:%M:%S %p' or '%m/%d/%Y %I:%M:%S %p'\."),
    ("13/02/2024 | 01/13/2024", r"3: t must be a number or a date that exists, but got '01/13/2024'"),
    ("31/01/24 13:00 | 01/02/24 13:00", r"years of four digits.*to '%d/%m/%y %H:%M'"),
    ("1-Mar-24 | 2-Mar-24", r"years of four digits.*to '%d-%b-%y', or write them out"),
    ("Mar-24 | Apr-24", r"years of four digits.*to '%b-%y', or write them out"),
    ("240131 | 240201", r"beyond doubt.*to '%y%m%d' .*if these are dates, or to number"),
    ("01012024 | 02012024", r"beyond doubt.*to '%d%m%Y' or '%m%d%Y' if"),
    ("2024031 | 2024032", r"beyond doubt.*to '%Y%j' if"),
    (
        "201851 | 201852 | 201901",
        r"beyond doubt.*If these are weeks, write them as 2024-W05\. Set .* to number if they",
    ),
    ("201001 | 201013 | 201052", r"If these are weeks, write them as 2024-W05\. Set data\.time_format to '%d%m%y' if"),
    ("20184 | 20191", r"If these are quarters, write them as 2024-Q1\. Set data\.time_format to excel if"),
    ("45292 | 45293", r"beyond doubt.*to excel if.*or to number"),
    ("45292.5 | 45292.75", r"beyond doubt.*to excel if.*or to number"),
    ("2024.01 | 2024.02", r"beyond doubt.*to '%Y\.%m' if these are months, or to number"),
    ("15:30 | 15:45", r"have a date beside the time of day.*'%H:%M'"),
    ("2024-03-01 00:00 CET | 2024-03-01 01:00 CET", r"no zone but an offset from UTC.*2024-03-01T12:00\+01:00"),
    ("2024-03-01 00:00 Europe/Berlin | 2024-03-01 01:00 Europe/Berlin", r"no zone but an offset from UTC"),
    ("2024-03-01T00:00 | 2024-03-01T01:00Z", r"3: t must have an offset from UTC in all rows or in none"),
    ("2024-02-28 | 2024-02-30", r"3: t must be a number or a date that exists, but got '2024-02-30'"),
    ("2021-W52 | 2021-W53", r"3: t must be a number or a date that exists"),
    ("2023-365 | 2023-366", r"3: t must be a number or a date that exists"),
    ("2024-03-01 23:00 | 2024-03-01 25:00", r"3: t must have a time of day that exists"),
    ("2024-03-01 13:00 PM | 2024-03-01 2:00 PM", r"2: t must have a time of day that exists"),
    ("2024-03-01 | 01/03/2024", r"3: t must be a number or a date written like the first, '2024-03-01'"),
    ("2024-03-01 | 7", r"3: t must be a number or a date written like the first"),
    ("März 2024 | April 2024", r"2: t must be a number or a date in a known format.*data\.time_format"),
    ("0 days 00:05:00 | 0 days 00:10:00", r"in a known format"),
    ("1 | 99999999999999999999", r"3: t must fit into 64 bits.*Subtract a common number from"),
    ("0.10000000000000000001 | 0.10000000000000000002", r"differ from the others within 64 bits"),
    ("1 | inf", r"must be a number or a date"),
]


@pytest.mark.parametrize(("cells", "message"), REFUSED)
def test_refused_by_name(cells: str, message: str) -> None:
    """What has two readings, or none, is refused at its cell with what helps."""
    with pytest.raises(DataError, match=message):
        read(*cells.split(" | "))


def test_weeks_and_quarters_in_digits_are_read_when_the_advice_is_followed() -> None:
    """The end of a year is no gap."""
    weeks = [f"{week[:4]}-W{week[4:]}" for week in ("201851", "201852", "201901")]
    assert np.diff(read(*weeks).values).astype("timedelta64[D]").astype(int).tolist() == [7, 7]
    assert read("201851", "201852", "201901", form="number").values.tolist() == [201851, 201852, 201901]
    assert read("201812", "201901").guessed == "months, as %Y%m"
    assert read("201860", "201861").values.tolist() == [201860, 201861]
    assert read("12341", "12342").values.tolist() == [12341, 12342]


@pytest.mark.parametrize(
    "cells", [cells for cells, message in REFUSED if r"data\.time_format" in message or "%" in message]
)
def test_advice_works_when_followed(cells: str) -> None:
    """Whatever pattern a refusal names reads the column."""
    with pytest.raises(DataError) as caught:
        read(*cells.split(" | "))
    for form in re.findall(r"'([^']*%[^']*)'", caught.value.fix):
        if "such as" not in caught.value.fix or form == "%H:%M":
            assert read(*cells.split(" | "), form=form).values.dtype.kind == "M"


SAID = [
    ("20240301 | 20240302", "%Y%m%d", "2024-03-01 2024-03-02"),
    ("01/02/2024 | 01/03/2024", "%d/%m/%Y", "2024-02-01 2024-03-01"),
    ("01/02/2024 | 01/03/2024", "%m/%d/%Y", "2024-01-02 2024-01-03"),
    ("240131 | 240201", "%y%m%d", "2024-01-31 2024-02-01"),
    ("31 12 1999 23h | 01 01 2000 00h", "%d %m %Y %Hh", "1999-12-31T23 2000-01-01T00"),
    ("2024-03-01T01:00+01:00", "ISO8601", "2024-03-01T00"),
    ("45292 | 45292.25", "excel", "2024-01-01 2024-01-01T06"),
    ("60 | 120", "unix_s", "1970-01-01T00:01 1970-01-01T00:02"),
    ("-1500 | 0.5", "unix_ms", "1969-12-31T23:59:58.5 1970-01-01T00:00:00.0005"),
    ("1 | 2", "unix_ns", "1970-01-01T00:00:00.000000001 1970-01-01T00:00:00.000000002"),
]


@pytest.mark.parametrize(("cells", "form", "instants"), SAID)
def test_what_is_said_is_obeyed(cells: str, form: str, instants: str) -> None:
    """data.time_format decides, also where all cells are digits, and nothing is guessed."""
    times = read(*cells.split(" | "), form=form)
    np.testing.assert_array_equal(times.values, [np.datetime64(instant) for instant in instants.split()])
    assert not times.guessed
    assert read("20240301", "20240302", form="number").values.tolist() == [20240301, 20240302]


@pytest.mark.parametrize(
    ("cell", "form", "message"),
    [
        ("x", "unix_s", r"2: t must be a number of seconds since 1970, but got 'x'"),
        ("1e30", "unix_s", r"2: t must be a number of seconds since 1970"),
        ("x", "number", r"2: t must be a number, but got 'x'"),
        ("nan", "excel", r"2: t must be the number of a day"),
        ("31/01/2024", "ISO8601", r"2: t must be a date written as ISO8601"),
        ("2024-01-31", "%d.%m.%Y", r"2: t must be a date written as %d\.%m\.%Y, but got '2024-01-31'"),
    ],
)
def test_what_is_not_as_said_is_refused(cell: str, form: str, message: str) -> None:
    """A cell that is not written as data.time_format says is refused by its line."""
    with pytest.raises(DataError, match=message):
        read(cell, form=form)


INSTANTS = st.datetimes(datetime(1902, 1, 1), datetime(2098, 1, 1)).map(lambda one: one.replace(microsecond=0))
PATTERNS = ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %I:%M:%S %p", "%d-%b-%Y %H:%M:%S", "%B %d, %Y %H:%M:%S", "%Y%m%dT%H%M%S"]


@settings(max_examples=150, deadline=None)
@given(st.lists(INSTANTS, min_size=1, max_size=6), st.sampled_from([*PATTERNS, "%Y%m%d%H%M%S", "%G-W%V-%u %H:%M:%S"]))
def test_round_trip(instants: list[datetime], pattern: str) -> None:
    """What Python writes by a pattern is read without an option, and by the pattern."""
    cells = [f"{instant:{pattern}}" for instant in instants]
    expected = np.array(instants, dtype="datetime64[s]")
    np.testing.assert_array_equal(read(*cells).values, expected)
    if "%G" not in pattern:
        np.testing.assert_array_equal(read(*cells, form=pattern).values, expected)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.datetimes(datetime(1980, 1, 1), datetime(2030, 1, 1)), min_size=1, max_size=5),
    st.sampled_from([1, 1000, 10**6]),
)
def test_round_trip_since_1970(instants: list[datetime], scale: int) -> None:
    """Whole seconds, milliseconds and microseconds since 1970 are told apart by their size, and kept exactly."""
    micros = [
        (one.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for one in instants
    ]
    counts = [one // (10**6 // scale) for one in micros]
    values = read(*map(str, counts)).values
    assert (values.astype("datetime64[us]").astype(np.int64) // (10**6 // scale)).tolist() == counts


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(st.text(max_size=12), st.from_regex(r"[-0-9/.:TWQ ]{1,16}", fullmatch=True)), min_size=1, max_size=3
    )
)
def test_any_text_is_read_or_refused(cells: list[str]) -> None:
    """Whatever the cells are, times or a DataError come of them."""
    cells = [cell.strip() or "x" for cell in cells]
    try:
        assert len(read(*cells).values) == len(cells)
    except DataError as error:
        assert "x.csv:" in str(error)  # noqa: PT017 - reading or refusing, both are right


def test_times_of_a_parquet_file(tmp_path: Path) -> None:
    """Days, instants of any unit, with a zone or without, periods and durations are taken as they are."""
    days = pd.date_range("2024-03-30", periods=3, freq="D", tz="Europe/Berlin")
    columns = {
        "ns": pd.date_range("2024-01-01", periods=3, freq="100ns"),
        "zoned": days,
        "date": days.date,
        "period": pd.period_range("2024-01", periods=3, freq="M"),
        "duration": pd.to_timedelta([0, 15, 30], unit="min"),
        "whole": [20240101, 20240102, 20240103],
        "float": [2021.0, 2022.0, 2023.0],
        "text": ["2024-Q1", "2024-Q2", "2024-Q3"],
    }
    pd.DataFrame(columns).to_parquet(tmp_path / "x.parquet")
    table = Table(tmp_path / "x.parquet", list(columns))
    found = {name: table.times(name).values for name in columns}
    assert np.diff(found["ns"]).tolist() == np.array([100, 100], dtype="timedelta64[ns]").tolist()
    assert np.diff(found["zoned"]).astype("timedelta64[h]").astype(int).tolist() == [24, 23]  # clocks are put forward
    assert found["date"].astype("datetime64[D]").astype(str).tolist() == ["2024-03-30", "2024-03-31", "2024-04-01"]
    assert found["period"].astype("datetime64[D]").astype(str).tolist() == ["2024-01-01", "2024-02-01", "2024-03-01"]
    assert np.diff(found["duration"]).astype("timedelta64[m]").astype(int).tolist() == [15, 15]
    assert found["whole"].astype("datetime64[D]").astype(str).tolist() == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert found["float"].astype("datetime64[Y]").astype(str).tolist() == ["2021", "2022", "2023"]
    assert found["text"].astype("datetime64[M]").astype(str).tolist() == ["2024-01", "2024-04", "2024-07"]


def series(path: Path, content: str, **options: object) -> list[str]:
    """Write a table and give the notices of reading it."""
    path.write_text(content)
    return list(read_series(path, ForecastingOptions(path=str(path), time="t", **options)).notices)


def test_what_was_guessed_and_sorted_is_told(tmp_path: Path) -> None:
    """The user hears how digits were read, and that rows were sorted."""
    path = tmp_path / "x.csv"
    assert "t is read as dates, as %Y%m%d; set data.time_format to change that" in series(
        path, "t,v\n20240101,1\n20240102,2\n"
    )
    assert not any("is read as" in told for told in series(path, "t,v\n20240101,1\n20240102,2\n", time_format="%Y%m%d"))
    (told,) = [told for told in series(path, "t,v\n3,1\n1,2\n2,4\n") if "sorted" in told]
    assert told == "rows were sorted by t: 1 came after a later one"


def test_an_hour_that_comes_twice_is_told_of_clocks(tmp_path: Path) -> None:
    """Where local time is set back, the advice is to write offsets, and it works."""
    hours = ["00:00", "01:00", "02:00", "02:00", "03:00"]
    with pytest.raises(DataError, match=r"x\.csv:5: t must differ .* If clocks were set back, write .* offset, as in"):
        series(tmp_path / "x.csv", "t,v\n" + "".join(f"2024-10-27 {hour},1\n" for hour in hours))
    offsets = ["+02:00", "+02:00", "+02:00", "+01:00", "+01:00"]
    rows = "".join(f"2024-10-27 {hour}{offset},1\n" for hour, offset in zip(hours, offsets, strict=True))
    path = tmp_path / "x.csv"
    path.write_text("t,v\n" + rows)
    assert read_series(path, ForecastingOptions(path=str(path), time="t")).gaps == 0


def test_labelled_sequences_take_the_same_advice(tmp_path: Path) -> None:
    """Where the times of items have two readings, the option that is named is there, and works."""
    path = tmp_path / "x.csv"
    path.write_text("id,day,label,v\na,01/02/2024,x,1\na,02/01/2024,x,2\nb,01/02/2024,y,3\n")
    options = {"path": str(path), "id": "id", "time": "day", "channels": ["v"]}
    with pytest.raises(DataError, match=r"x\.csv:2: day must tell day and month apart.*data\.time_format to"):
        read_items(path, ClassificationOptions(**options))
    items = read_items(path, ClassificationOptions(**options, time_format="%d/%m/%Y"))
    assert items.sequences[0][:, 0].tolist() == [2, 1]
    assert any("sorted by day: 1 came" in told for told in items.notices)
