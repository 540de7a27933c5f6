"""Numbers as people write them: thousands apart, currencies, percent, brackets; in doubt; and as a model keeps them."""

from __future__ import annotations

import csv
import json
import re
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.adapters.numbers import read
from tuner.adapters.time_series import parts
from tuner.adapters.time_series.forecasting import Forecasting
from tuner.adapters.time_series.item_options import ClassificationOptions, LabellingOptions, RegressionOptions
from tuner.adapters.time_series.item_reader import ItemReader
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.reading import read_items
from tuner.adapters.time_series.regression import SeriesRegression
from tuner.adapters.time_series.series import Collection, read_series
from tuner.errors import DataError

NAN = float("nan")
CELLS = {
    "1,003.77": (1003.77, NAN),
    "1.003,77": (NAN, 1003.77),
    "1,003": (1003, 1.003),
    "-12.345": (-12.345, -12345),
    "1 003": (1003, 1003),
    "1\u00a0003\u00a0000,5": (NAN, 1003000.5),
    "1\u202f003": (1003, 1003),
    "1'003.5": (1003.5, NAN),
    "1\u2019003,5": (NAN, 1003.5),
    "1.234.567": (NAN, 1234567),
    "12,34,567.5": (1234567.5, NAN),
    "0,512": (NAN, 0.512),
    "1234,567": (NAN, 1234.567),
    ".5": (0.5, NAN),
    "1,5e3": (NAN, 1500),
    "$12.50": (12.5, NAN),
    "-$5": (-5, -5),
    "$ -5": (-5, -5),
    "12.50 €": (12.5, NAN),
    "USD 20": (20, 20),
    "20EUR": (20, 20),
    "7%": (7, 7),
    "7,5 %": (NAN, 7.5),
    "(12.50)": (-12.5, NAN),
    "($1,012.50)": (-1012.5, NAN),
    "$(5)": (-5, -5),
    "(5) €": (-5, -5),
    "\u22125": (-5, -5),
    **dict.fromkeys(
        ("12.5.3", "1,2,3", "2.7.1", "01 003", "1,003,", "(5", "5)", "(-5)", "--5", "$5 €", "% 5", "€", "()", "ABC12"),
        (NAN, NAN),
    ),
    **dict.fromkeys(("12 kWh", "1_000", "inf", "1e999", "5-", "192.168.1.1", "2024-03-01", "1003 004", ""), (NAN, NAN)),
}
"""A cell -> what it is with a decimal point, and with a decimal comma."""


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_is_read_in_both_ways(cell: str) -> None:
    """And as no number where it is none."""
    found = read([cell])
    assert found is not None
    np.testing.assert_array_equal([found.point[0], found.comma[0]], CELLS[cell])


def series(folder: Path, content: str, name: str = "x.csv", **options: Any) -> Collection:
    """The series of a table."""
    (folder / name).write_text(content)
    return read_series(folder / name, ForecastingOptions(path=str(folder / name), **options))


def values(found: Collection) -> list[float]:
    """Of the first channel."""
    return [float(value) for value in found.series[0].values[:, 0]]


READ = [
    ("v\n$1\n2\n(3)\n", [1, 2, -3], r"v '\(3\)' as -3"),
    ("v\n7%\n0\n9.5 %\n", [7, 0, 9.5], "v '9.5 %' as 9.5"),
    ('v\n1.5\n"1,003"\n3\n', [1.5, 1003, 3], "v '1,003' as 1003$"),
    ("v;w\n1.003;1,5\n2.004;2,5\n", [1003, 2004], "v '1.003' as 1003 by the decimal mark of other columns; set data.d"),
    ('v,w\n"1,003",1.5\n"2,004",2.5\n', [1003, 2004], "v '1,003' as 1003 by the decimal mark of other columns"),
    ('v,w\n"1,003","1.234,5"\n"2,004","2.345,5"\n', [1.003, 2.004], ""),
    ("v;w\n1.234.567;1.003\n2;3\n", [1234567, 2], "'1.234.567' as 1234567; w '1.003' as 1003 by the decimal mark"),
]


@pytest.mark.parametrize(("content", "wanted", "told"), READ)
def test_a_column_is_read_as_a_whole_and_told(tmp_path: Path, content: str, wanted: list[float], told: str) -> None:
    """A single cell among plain ones is read, too; the rest of the file tells what a column leaves open."""
    found = series(tmp_path, content)
    assert values(found) == wanted
    assert re.search(told, " ".join(found.notices))


@pytest.mark.parametrize(("mark", "wanted"), [(".", [1003, 22]), (",", [1.003, 22])])
def test_what_is_in_doubt_is_refused_and_the_advice_is_true(tmp_path: Path, mark: str, wanted: list[float]) -> None:
    """Nothing is guessed where a number may be one of two; each of both readings is had as the refusal says."""
    content = 't,v\n1,"1,003"\n2,22\n'
    with pytest.raises(DataError, match=r"x\.csv:2: v must be a number that can be read in one way only") as refusal:
        series(tmp_path, content, time="t")
    assert f"'{mark}' if it is {wanted[0]:g}" in str(refusal.value)
    assert values(series(tmp_path, content, time="t", decimal=mark)) == wanted


REFUSED = [
    ("$1\n2\n€3\n", r"x\.csv:4: v must have the currency of the column's other cells, \$, but got '€3'"),
    (
        "0.5\n0.25\n7%\n",
        r"x\.csv:4: v must have a percent sign if the column's .* but got '7%'\. Write the whole column",
    ),
    ("50%\n0.5\n7%\n", r"x\.csv:3: v must have a percent sign .* but got '0\.5'"),
    ('1.5\n"2,5"\n3.5\n', r"x\.csv:3: v must have a decimal point as the column's other cells have, but got '2,5'"),
    ("$1\n12.5.3\n2\n", r"x\.csv:3: v must be a finite number, but got '12\.5\.3'"),
    ("1.5\n12.5.3\n2\n", r"x\.csv:3: v must be a finite number, but got '12\.5\.3'"),
    ("1.5\n12 kWh\n2\n", r"x\.csv:3: v must be .* '12 kWh'\. Write plain numbers, without a unit"),
]


@pytest.mark.parametrize(("content", "message"), REFUSED)
def test_a_column_of_several_kinds_is_refused_at_its_odd_cell(tmp_path: Path, content: str, message: str) -> None:
    """With file, row, column and what to write."""
    with pytest.raises(DataError, match=message):
        series(tmp_path, "v\n" + content)


def test_texts_and_labels_stay_as_they_are(tmp_path: Path) -> None:
    """A class may be 50%, a series 1 003, a category $5."""
    (tmp_path / "x.csv").write_text(
        "label,id,a\n" + "".join(f"{'57'[i % 2]}0%,{i // 3} 000,${i}.5\n" for i in range(30))
    )
    path = str(tmp_path / "x.csv")
    for model in (
        ClassificationOptions(path=path, channels=("a",)),
        LabellingOptions(path=path, channels=("a",), id="id"),
    ):
        found = read_items(tmp_path / "x.csv", model)
        labels = found.labels if found.of_steps is None else np.concatenate(found.of_steps).tolist()
        assert labels == ["50%", "70%"] * 15
        assert float(found.sequences[0][0, 0]) == 0.5
    content = "who,kind,v\n" + "".join(f"{i % 2} 000,${i % 3},{i}.5 €\n" for i in range(30))
    options: dict[str, Any] = {"series": "who", "past_covariates": ["kind"], "categories": ["kind"], "targets": ["v"]}
    one, other = series(tmp_path, content, **options).series
    assert (one.name, other.name) == ("0 000", "1 000")
    assert set(one.covariates["kind"]) == {"$0", "$1", "$2"}


def test_targets_and_covariates_are_read_alike(tmp_path: Path) -> None:
    """Numbers are numbers in every role; a covariate of words is told from one of numbers."""
    content = 'v,known\n"1,000.5",5%\n"2,000.5",7%\n3,9%\n'
    found = series(tmp_path, content, targets=["v"], known_covariates=["known"])
    assert found.series[0].covariates["known"].tolist() == [5, 7, 9]
    with pytest.raises(DataError, match=r"known must hold numbers, or be named in data\.categories, but got 'low'"):
        series(tmp_path, content.replace("7%", "low"), targets=["v"], known_covariates=["known"])


def test_texts_of_parquet_are_read_alike(tmp_path: Path) -> None:
    """Where a column is text, as scraped tables are."""
    pd.DataFrame({"v": ["$1,000.50", "2", None, "(3)"]}).to_parquet(tmp_path / "x.parquet")
    found = read_series(tmp_path / "x.parquet", ForecastingOptions(path="x.parquet", gaps="ignore"))
    assert values(found) == [1000.5, 2, -3]
    pd.DataFrame({"v": ["1,003", "2"]}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"row 1: v must be a number that can be read in one way only"):
        read_series(tmp_path / "x.parquet", ForecastingOptions(path="x.parquet"))
    found = read_series(tmp_path / "x.parquet", ForecastingOptions(path="x.parquet", decimal=","))
    assert values(found) == [1.003, 2]


Notation = tuple[str, str, str, str]
NOTATIONS = st.tuples(
    st.sampled_from([".", ","]),
    st.sampled_from(["", "other", " ", "\u00a0", "\u202f", "'"]),
    st.sampled_from(["", "$", " €", "USD ", "%", " %"]),
    st.sampled_from(["-", "\u2212", "("]),
)
NUMBERS = st.decimals(Decimal(-10) ** 7, Decimal(10) ** 7, places=2)


def written(number: Decimal, notation: Notation) -> str:
    """The number in a notation: the oracle, which knows nothing of the reader."""
    mark, apart, sign, minus = notation
    apart = {"other": "," if mark == "." else "."}.get(apart, apart)
    whole, _, fraction = f"{abs(number):,.2f}".partition(".")
    text = whole.replace(",", apart) + mark + fraction
    text = sign + text if sign in ("$", "USD ") else text + sign
    return text if number >= 0 else f"({text})" if minus == "(" else minus + text


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=12).filter(
        lambda rows: all(len({row[at] for row in rows}) > 2 for at in (0, 1))
    ),
    NOTATIONS,
    NOTATIONS,
    st.sampled_from([",", ";", "\t"]),
)
def test_any_notation_is_read_back_and_by_a_model_alike(
    rows: list[tuple[Decimal, Decimal]], first: Notation, second: Notation, separator: str
) -> None:
    """Whatever the marks and signs of each column; new data in the same notation, and plain, are the same items."""
    true = np.array([[float(cell) for cell in row] for row in rows])
    head = ["a", "b", "target"]
    spelled = [[written(row[0], first), written(row[1], second), str(at)] for at, row in enumerate(rows)]
    with TemporaryDirectory() as folder:
        path, plain = Path(folder) / "x.csv", Path(folder) / "plain.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=separator).writerows([head, *spelled])
        pd.DataFrame(true, columns=head[:2]).to_csv(plain, index=False)
        options = RegressionOptions(path=str(path), channels=("a", "b"))
        found = read_items(path, options)
        np.testing.assert_array_equal(np.stack(found.sequences)[..., 0], true)
        facts = {"channels": ["value"], "steps": ["a", "b"], "missing": ["interpolate"], "mean": [0.0], "scale": [1.0]}
        facts |= json.loads(json.dumps(found.numbers_known.facts()))
        reader = ItemReader(facts, options)
        for each in (path, plain):
            items = list(reader.read(each))
            assert not any(item.problem for item in items)
            np.testing.assert_array_equal(
                np.stack([np.asarray(item.x) for item in items])[..., 0], true.astype(np.float32)
            )


def test_a_model_keeps_how_its_numbers_were_written(tmp_path: Path) -> None:
    """What alone is in doubt is read as in training; what shows another notation is read by it; the rest is told."""
    dice = np.random.default_rng(0)
    frame = pd.DataFrame(dice.normal(3000, 900, (40, 3)).round(2), columns=["a", "b", "target"])
    german = frame.map(lambda value: f"{value:,.2f} €".translate(str.maketrans(",.", ".,")))
    german.to_csv(tmp_path / "x.csv", sep=";", index=False)
    adapter = SeriesRegression(RegressionOptions(path=str(tmp_path / "x.csv"), separator=";"))
    adapter.prepare(tmp_path)
    facts = json.loads((tmp_path / "facts.json").read_text())
    reader = ItemReader(facts, adapter.options)

    def read_new(content: str) -> list[Any]:
        (tmp_path / "new.csv").write_text(content)
        raw = [
            item.problem or (np.asarray(item.x)[:, 0] * facts["scale"][0] + facts["mean"][0])
            for item in reader.read(tmp_path / "new.csv")
        ]
        return [each if isinstance(each, str) else [round(float(value), 2) for value in each] for each in raw]

    assert read_new("a;b\n1.003;2.004 €\n") == [[1003, 2004]]
    assert read_new('a,b\n"1,003","2,004.50"\n') == [[1003, 2004.5]]
    assert read_new("a,b\n1003.25,2004.5\n5,7\n") == [[1003.25, 2004.5], [5, 7]]
    told = read_new("a;b\n1.003;$5\n12.5.3;2\n7%;2\n5;6\n")
    assert told[0] == "b must have the currency of the column's other cells, €, but is '$5'"
    assert told[1] == "a must be a finite number, but is '12.5.3'"
    assert told[2].startswith("a must have a percent sign if the column's other cells have one")
    assert told[3] == [5, 6]


def test_a_notation_shown_in_one_part_holds_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New data in parts are read as at once, also where training had another notation."""
    facts = {"channels": ["value"], "steps": ["a", "b"], "missing": ["zero"], "mean": [0.0], "scale": [1.0]}
    facts["numbers"] = {"columns": {"a": {"decimal": ",", "percent": False, "currency": ""}}, "decimal": ","}
    reader = ItemReader(facts, RegressionOptions(path="x", channels=("a", "b")))
    (tmp_path / "new.csv").write_text('a,b\n"1,003.5",1\n' + '"1,003",2\n' * 3)
    for size in (1 << 22, 1):
        monkeypatch.setattr(parts, "LARGEST", size)
        found = [np.asarray(item.x)[:, 0].tolist() for item in reader.read(tmp_path / "new.csv")]
        assert found == [[1003.5, 1], *[[1003, 2]] * 3]


def test_a_model_of_plain_numbers_takes_no_percent(tmp_path: Path) -> None:
    """As 50% may be 0.5 there; thousands and currencies cannot be taken for another number."""
    facts = {"channels": ["value"], "steps": ["a", "b"], "missing": ["zero"], "mean": [0.0], "scale": [1.0]}
    reader = ItemReader(facts, RegressionOptions(path="x", channels=("a", "b")))
    (tmp_path / "new.csv").write_text('a,b\n50%,"$1,003.50"\n1,2\n')
    first, second = reader.read(tmp_path / "new.csv")
    assert first.problem.startswith("a must have a percent sign if")
    assert not second.problem
    (tmp_path / "new.csv").write_text('a,b\n1,"$1,003.50"\n')
    (only,) = reader.read(tmp_path / "new.csv")
    assert np.asarray(only.x)[:, 0].tolist() == [1, 1003.5]


def test_forecasts_start_from_numbers_as_in_training(tmp_path: Path) -> None:
    """The series that a model reads is the one that it was trained on, in either notation and from memory."""
    dice = np.random.default_rng(0)
    true = dice.normal(3000, 900, 80).round(2)
    frame = pd.DataFrame(
        {"t": pd.date_range("2024-01-01", periods=80, freq="D"), "v": [f"${value:,.2f}" for value in true]}
    )
    frame.to_csv(tmp_path / "x.csv", index=False)
    frame.assign(v=true).to_csv(tmp_path / "plain.csv", index=False)
    adapter = Forecasting(ForecastingOptions(path=str(tmp_path / "x.csv"), time="t", horizon=7))
    adapter.prepare(tmp_path)
    codec = adapter.codec(tmp_path)
    wanted = [item.x for item in codec.read(tmp_path / "plain.csv")]
    for data in (tmp_path / "x.csv", frame):
        for item, x in zip(codec.items(data if data is frame else [data]), wanted, strict=True):
            assert not item.problem
            np.testing.assert_array_equal(item.x, x)
