"""Large files of text are read in parts, as if they were read at once, in memory that grows little with the rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tuner.adapters import progress
from tuner.adapters.dialect import Writing
from tuner.adapters.time_series import delimited
from tuner.adapters.time_series.delimited import Columns
from tuner.adapters.time_series.forecasting import Forecasting
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.series import Collection, read_series
from tuner.errors import DataError

ROWS = 120
DICE = np.random.default_rng(0)
HOURS = pd.date_range("2024-03-01", periods=ROWS // 4, freq="h").strftime("%Y-%m-%d %H:%M").tolist() * 4
FRAME = pd.DataFrame(
    {"name": np.repeat(["b", "a", "d", "c"], ROWS // 4), "t": HOURS, "y": DICE.normal(size=ROWS).round(3)}
)
WHOLE_FIRST = FRAME.assign(y=[float(row) if row > ROWS // 2 else row for row in range(ROWS)], x=FRAME.y).astype(
    {"y": object}
)
NAMED = {"time": "t", "series": "name"}
DAYS = pd.date_range("2024-03-01", periods=ROWS, freq="D")


def csv(frame: pd.DataFrame = FRAME, **form: Any) -> str:
    """The table as text."""
    return str(frame.to_csv(index=False, **form))


SOUND: dict[str, tuple[str | bytes, dict[str, Any]]] = {
    "series": (csv(), NAMED),
    "shuffled": (csv(FRAME.sample(frac=1, random_state=0)), NAMED),
    "whole numbers, then fractions": (csv(WHOLE_FIRST), NAMED),
    "semicolons and commas": (csv(sep=";", decimal=","), NAMED),
    "a line that tells the separator": ("sep=;\n" + csv(sep=";"), NAMED),
    "blanks around cells": (csv().replace("a,", " a ,", 3).replace("d,", "d  ,", 2), NAMED),
    "blank lines": (csv().replace("\nd", "\n\nd", 4) + "\n\n", NAMED),
    "a name over two lines": (csv().replace("\nd,", '\n"d\nd",'), NAMED),
    "lines of Windows": (csv().replace("\n", "\r\n"), NAMED),
    "UTF-16": (csv().encode("utf-16"), NAMED),
    "Latin": (csv().replace("d,", "\u00e9,").encode("latin-1"), {**NAMED, "encoding": "latin-1"}),
    "a past text": (csv(FRAME.assign(kind="k")), {**NAMED, "past_covariates": ["kind"], "categories": ["kind"]}),
    "numbers as times": (csv(pd.DataFrame({"t": range(ROWS), "y": FRAME.y})), {"time": "t"}),
    "days of a month": (csv(pd.DataFrame({"t": DAYS.strftime("%d/%m/%Y"), "y": FRAME.y})), {"time": "t"}),
    "an offset": (csv(pd.DataFrame({"t": DAYS.strftime("%Y-%m-%d 00:00+01:00"), "y": FRAME.y})), {"time": "t"}),
    "a column that counts": (csv(FRAME.assign(index=range(ROWS))), NAMED),
    "thousands and currencies": (csv(FRAME.assign(y=[f"${y:,.2f}" for y in 1000 * FRAME.y])), NAMED),
    "one that is not plain": (csv().replace("\n", "\n", 1) + 'zz,2024-03-09 00:00,"1,234.5"\n', NAMED),
    "true and false": (csv(FRAME.assign(on=[True, False] * (ROWS // 2))), NAMED),
}  # fmt: skip
"""What is special -> the text, and the options."""
UNSOUND: dict[str, tuple[str | bytes, dict[str, Any]]] = {
    "a short row": (csv() + "a,2024-03-09\n", NAMED),
    "a long row": (csv().replace("\nd", "\nd,e", 1), NAMED),
    "an empty name": (csv() + ",2024-03-09 00:00,1\n", NAMED),
    "an empty time": (csv() + "a,,1\n", NAMED),
    "a word among numbers": (csv() + "a,2024-03-09 00:00,nothing\n", NAMED),
    "another form of time": (csv() + "a,9.3.2024,1\n", NAMED),
    "a time twice": (csv() + csv().splitlines()[-1] + "\n", NAMED),
    "another encoding": (csv().replace("d,", "\u00e9,").encode("latin-1"), NAMED),
    "an open quote": (csv() + 'a,2024-03-09 00:00,"1\n', NAMED),
    "no such column": (csv(), {"time": "when"}),
    "true among numbers": (csv(FRAME.assign(y=FRAME.y.astype(object).where(FRAME.index < ROWS - 2, True))), NAMED),
}


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the reader take any file for a large one, in parts of some rows."""

    def begin() -> None:
        monkeypatch.setattr(delimited, "LARGE", 1)
        monkeypatch.setattr(delimited, "_CELLS", 40)

    return begin


def read(path: Path, options: dict[str, Any]) -> Collection:
    """The series of a table."""
    return read_series(path, ForecastingOptions.model_validate({"path": str(path), **options}))


@pytest.mark.parametrize("name", SOUND)
def test_it_is_read_as_at_once(
    name: str, tmp_path: Path, in_parts: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same series, times, gaps, notices and places."""
    content, options = SOUND[name]
    path = tmp_path / "x.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    wanted = read(path, options)
    in_parts()
    parts: list[Columns | None] = []
    known = delimited.read_large

    def noted(*given: Any) -> Columns | None:
        parts.append(known(*given))
        return parts[-1]

    monkeypatch.setattr("tuner.adapters.time_series.delimited.read_large", noted)
    found = read(path, options)
    assert parts[0] is not None
    assert [one.name for one in found.series] == [one.name for one in wanted.series]
    for one, other in zip(found.series, wanted.series, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        for column, values in other.covariates.items():
            np.testing.assert_array_equal(one.covariates[column], values)
    for each in ("channels", "seasonality", "gaps", "step", "kind", "notices"):
        assert getattr(found, each) == getattr(wanted, each)


@pytest.mark.parametrize("name", UNSOUND)
def test_it_is_refused_as_at_once(name: str, tmp_path: Path, in_parts: Callable[[], None]) -> None:
    """With the same place, value and fix."""
    content, options = UNSOUND[name]
    path = tmp_path / "x.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as wanted:
        read(path, options)
    in_parts()
    with pytest.raises(DataError) as found:
        read(path, options)
    assert str(found.value) == str(wanted.value)


def test_many_different_cells_are_no_longer_codes(
    tmp_path: Path, in_parts: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a first part repeats its cells, and later ones do not."""
    path = tmp_path / "x.csv"
    cells = ["a", "b"] * 20 + [f"c{number}" for number in range(80)]
    path.write_text(csv(pd.DataFrame({"y": range(ROWS), "name": cells})))
    in_parts()
    coded = delimited.read_large(path, ["name"], [], Writing())
    monkeypatch.setattr(delimited, "_DISTINCT", 30)
    plain = delimited.read_large(path, ["name"], [], Writing())
    assert coded is not None
    assert plain is not None
    assert isinstance(coded.frame.dtypes["name"], pd.CategoricalDtype)
    assert not isinstance(plain.frame.dtypes["name"], pd.CategoricalDtype)
    assert coded.frame["name"].tolist() == plain.frame["name"].tolist() == cells


def peak(work: Callable[[], object]) -> int:
    """Bytes of memory that a piece of work takes at most, above what there is before it."""
    status = Path("/proc/self/status")
    Path("/proc/self/clear_refs").write_text("5")  # begins the peak anew

    def told(key: str) -> int:
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith(key))

    before = told("VmRSS")
    work()
    return told("VmHWM") - before


def test_memory_grows_little_with_the_rows(tmp_path: Path) -> None:
    """By no more than ten numbers of 8 bytes for each further row of a series of three columns; shown while read."""
    shown: list[tuple[str, float]] = []

    def prepare(rows: int) -> int:
        path, each = tmp_path / f"{rows}.csv", rows // 200
        times = pd.date_range("2024-01-01", periods=each, freq="h").strftime("%Y-%m-%d %H:%M")
        frame = pd.DataFrame({"name": np.repeat(np.arange(200), each).astype(str), "t": np.tile(times, 200)})
        frame.assign(y=DICE.normal(size=len(frame)).round(4)).to_csv(path, index=False)
        del frame
        given = {"path": str(path), "time": "t", "series": "name", "horizon": 12}
        adapter = Forecasting(ForecastingOptions.model_validate(given))
        folder = Path(mkdtemp(dir=tmp_path))
        with progress.told_to(lambda doing, share: shown.append((doing, share))):
            return peak(lambda: adapter.prepare(folder))

    prepare(160_000)  # what is imported and kept is not counted
    few, many = prepare(160_000), prepare(480_000)
    assert (many - few) / 320_000 < 10 * 8
    last = [share for doing, share in shown if doing == "reading 480000.csv"]
    assert len(last) > 3
    assert last == sorted(last)
    assert last[-1] == 1
