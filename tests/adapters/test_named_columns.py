"""Columns by name or pattern: what an option names, what `drop` leaves out, in training, prediction and `init`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.support.codecs import codec_of, problems
from tests.support.command import tuner
from tuner.adapters.ragged import Ragged
from tuner.adapters.time_series.item_options import ClassificationOptions, ItemOptions, LabellingOptions
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.reading import read_items
from tuner.adapters.time_series.series import Collection, read_series
from tuner.config import validate_options
from tuner.errors import DataError, TaskFileError

SENSORS = ("sensor_1", "sensor_2", "sensor_10", "room[1]", "other")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """24 items of five steps: five columns of noise, one of remarks, a label."""
    values = np.random.default_rng(0).normal(size=(120, 5)).round(3)
    frame = pd.DataFrame(values, columns=SENSORS)
    frame.insert(2, "remark", "fine")
    frame.insert(0, "item", np.repeat([f"i{number}" for number in range(24)], 5))
    frame["sensor_label"] = np.repeat(["ill", "well"] * 12, 5)
    frame.to_csv(tmp_path / "x.csv", index=False)
    return tmp_path / "x.csv"


LONG = {"id": "item", "label": "sensor_label"}
MEANT: list[tuple[dict[str, Any], list[str]]] = [
    ({"drop": ["remark"]}, [*SENSORS]),
    ({"drop": ["rem*", "sensor_?"]}, ["sensor_10", "room[1]", "other"]),
    ({"channels": ["sensor_*"]}, ["sensor_1", "sensor_2", "sensor_10"]),
    ({"channels": ["other", "sensor_[2-9]", "sensor_*"]}, ["other", "sensor_2", "sensor_1", "sensor_10"]),
    ({"channels": ["room[1]"]}, ["room[1]"]),
    ({"channels": ["sensor_*", "other"], "drop": ["sensor_1*"]}, ["sensor_2", "other"]),
]


@pytest.mark.parametrize(("given", "names"), MEANT, ids=str)
def test_names_and_patterns_mean_columns(given: dict[str, Any], names: list[str], path: Path) -> None:
    """In training and prediction alike, where other columns may be missing; a column's own name is no pattern."""
    codec = codec_of("time_series/classification", path.parent, path=str(path), **LONG, **given)
    frame = pd.read_csv(path)
    wanted = [rows[names].to_numpy() for _, rows in frame.groupby("item", sort=False)]
    read = read_items(path, ClassificationOptions(path=str(path), **LONG, **given))
    assert read.channels == tuple(names)
    np.testing.assert_array_equal(read.sequences, wanted)
    found = [item.x for item in codec.items(frame[["item", *names[::-1]]])]
    assert len(found) == 24
    prepared = Ragged(path.parent / "prepared", "train.x")
    assert {prepared[at].tobytes() for at in range(len(prepared))} <= {x.tobytes() for x in found if x is not None}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"channels": ["senors_*"]}, "data.channels must match a column .*'senors_\\*'.*Did you mean 'sensor_"),
    ({"channels": ["sensor_l*"]}, "data.channels must match a column without another role, but got 'sensor_l\\*'"),
    ({"drop": ["x_*"]}, "data.drop must match a column .*Known: other, remark, room"),
    ({"drop": ["remarks"]}, "data.drop must name columns of the table, but got 'remarks'. Did you mean 'remark'"),
    ({"drop": ["item"]}, "data.drop must name columns that no other option names, but got 'item'"),
    ({"channels": ["sensor_1"], "drop": ["sensor_1"]}, "data.drop must name columns that no other option names"),
    ({}, "remark must be a finite number, but got 'fine'.*to leave the column out, name it in data.drop"),
    ({"channels": ["remark"]}, "to leave the column out, take it out of data.channels"),
]


@pytest.mark.parametrize(("given", "told"), WRONG, ids=str)
def test_what_means_no_column_is_told(given: dict[str, Any], told: str, path: Path) -> None:
    """With the columns that there are, or what to do."""
    with pytest.raises(DataError, match=told):
        read_items(path, ClassificationOptions(path=str(path), **LONG, **given))


def test_steps_in_columns_and_test_items(tmp_path: Path) -> None:
    """A row per item; what is left out of training items is left out of test items."""
    values = np.random.default_rng(0).normal(size=(24, 4))
    frame = pd.DataFrame(values, columns=["t1", "t2", "t3", "t4"]).assign(label=["a", "b"] * 12, note="x", note2="y")
    frame.to_csv(tmp_path / "x.csv", index=False)
    for given, names in (({"drop": ["note*", "t4"]}, ["t1", "t2", "t3"]), ({"channels": ["t[34]"]}, ["t3", "t4"])):
        options = ClassificationOptions(path=str(tmp_path / "x.csv"), **given)
        items = read_items(tmp_path / "x.csv", options)
        held = read_items(tmp_path / "x.csv", options, like=items)
        for each in (items, held):
            np.testing.assert_allclose(np.array(each.sequences)[..., 0], frame[names].to_numpy())


def test_drop_is_for_tables(tmp_path: Path) -> None:
    """Arrays have no columns; a ready source has what it has."""
    np.savez(tmp_path / "x.npz", X=np.zeros((6, 3)), y=["a", "b"] * 3)
    with pytest.raises(DataError, match=r"data\.drop must be left out where the file is an \.npz"):
        read_items(tmp_path / "x.npz", ClassificationOptions(path="x.npz", drop=("a",)))
    with pytest.raises(TaskFileError, match=r"data\.drop must be left out with a ready source"):
        validate_options(
            ClassificationOptions, {"source": "aeon/GunPoint", "drop": ["a"]}, key=("data",), place=lambda _: ""
        )


def series(folder: Path, **options: Any) -> Collection:
    """Two series with three sensors."""
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 5)), columns=["load", "s_1", "s_2", "s_3", "kind"])
    frame = frame.assign(kind=["a", "b"] * 30, note="x", shop=["n"] * 30 + ["w"] * 30)
    frame.to_csv(folder / "s.csv", index=False)
    return read_series(folder / "s.csv", ForecastingOptions(path=str(folder / "s.csv"), series="shop", **options))


def test_targets_and_covariates_by_pattern(tmp_path: Path) -> None:
    """A pattern matches what no option names; what it matches twice is refused."""
    found = series(tmp_path, drop=["n*", "s_3"], past_covariates=["s_*", "kind"], categories=["kind"])
    assert found.channels == ("load",)
    assert found.covariates.past == ("s_1", "s_2", "kind")
    assert series(tmp_path, targets=["s_*"], past_covariates=["s_2"]).channels == ("s_1", "s_3")
    with pytest.raises(TaskFileError, match=r"data\.\* must name a column once.*'s_1'"):
        series(tmp_path, targets=["s_*"], past_covariates=["s_[12]"])
    with pytest.raises(DataError, match=r"note must be a finite number.*name it in data\.drop"):
        series(tmp_path, drop=["kind"])


@pytest.mark.parametrize("options", [{"id": "run"}, {}])
def test_labelled_recordings_are_no_series_to_forecast(options: dict[str, Any], tmp_path: Path) -> None:
    """A mostly empty column is filled, as in classification; a group, an id or a split is no channel."""
    rng = np.random.default_rng(0)
    state = np.repeat(rng.integers(0, 2, 60), 4)
    frame = pd.DataFrame({"run": np.repeat(np.arange(12), 20), "v": rng.normal(size=240) + state, "state": state})
    frame["rare"] = np.where(np.arange(240) % 3 == 0, rng.normal(size=240), np.nan)
    if options:
        frame = frame.assign(patient=frame.run // 2, device_id=frame.run + 500, cv_fold=frame.run % 3)
    else:
        del frame["run"]
    frame.to_csv(tmp_path / "x.csv", index=False)
    items = read_items(tmp_path / "x.csv", LabellingOptions(path="x", label="state", **options))
    assert items.channels == ("v", "rare")
    codec = codec_of("time_series/labelling", tmp_path, path=str(tmp_path / "x.csv"), label="state", **options)
    assert problems(codec.items(frame)) == [""] * (12 if options else 1)


def test_init_takes_patterns_and_leaves_columns_out(path: Path, tmp_path: Path) -> None:
    """What the user names by a pattern is not guessed; of many columns those left out are named."""

    def proposed(name: str, *sets: str) -> dict[str, Any]:
        given = [part for each in sets for part in ("--set", each)]
        text = tuner("init", str(tmp_path / name), "--no-timing", *given).stdout
        data: dict[str, Any] = yaml.safe_load(text)["data"]
        return data

    assert proposed("x.csv")["channels"] == [*SENSORS]
    assert proposed("x.csv", "data.channels=sensor_*")["channels"] == ["sensor_*"]
    asked = proposed("x.csv", "data.drop=[remark, 'room*']")
    assert asked["drop"] == ["remark", "room*"]
    assert "channels" not in asked
    frame = pd.read_csv(path)
    for number in range(30):
        frame[f"more_{number}"] = np.random.default_rng(number).normal(size=len(frame))
    frame.to_csv(tmp_path / "y.csv", index=False)
    many = proposed("y.csv")
    assert many["drop"] == ["remark"]
    assert "channels" not in many


@pytest.mark.parametrize("kind", [ClassificationOptions, LabellingOptions, ForecastingOptions])
def test_fingerprints_of_earlier_studies_stay(kind: type[ItemOptions]) -> None:
    """An option that is not given counts as if it did not exist."""
    assert "drop" not in kind(path="x").used({"path"})
    assert "drop" in kind(path="x", drop=("a",)).used({"path"})


def test_init_sees_what_changes_within_recordings(tmp_path: Path) -> None:
    """A label of steps makes it labelling; what is the same in all steps is no channel, what is rare is one."""
    rng = np.random.default_rng(0)
    run = np.repeat(np.arange(24), 10)
    frame = pd.DataFrame({"recording": run, "action": rng.choice(["go", "rest"], 240), "v": rng.normal(size=240)})
    frame["temp"] = np.where(np.arange(240) % 4 == 0, rng.normal(size=240).round(2), np.nan)
    frame = frame.assign(person=[f"p{number // 2}" for number in run], cv_fold=run % 3)
    frame.to_csv(tmp_path / "x.csv", index=False)
    asked = ["--set", "data.label=action", "--set", "data.id=recording"]
    made = yaml.safe_load(tuner("init", str(tmp_path / "x.csv"), "--no-timing", *asked).stdout)
    assert made["adapter"] == "time_series/labelling"
    assert made["data"]["group"] == "person"
    assert "channels" not in made["data"]
    frame.assign(note="x").to_csv(tmp_path / "x.csv", index=False)
    made = yaml.safe_load(tuner("init", str(tmp_path / "x.csv"), "--no-timing", *asked).stdout)
    assert made["data"]["channels"] == ["v", "temp"]
