"""An exported model of series takes values as they are, and gives forecasts as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from numpy.typing import NDArray

from tests.support import adapter_data
from tests.support.models import made_model
from tuner.adapters.time_series.scoring import LEVELS
from tuner.predict import Model, load
from tuner.predict.onnx_export import write_onnx

RNG = np.random.default_rng(1)
pytestmark = pytest.mark.usefixtures("one_registry")


def exported(folder: Path, case: str, **params: Any) -> tuple[Model, onnxruntime.InferenceSession, dict[str, Any]]:
    """A model by chance, its graph, and what `preprocess.json` says."""
    model = made_model(folder, case, params)
    loaded = load(model)
    write_onnx(loaded, model)
    about: dict[str, Any] = json.loads((model / "preprocess.json").read_text())
    return loaded, onnxruntime.InferenceSession(model / "model.onnx"), about


def padded(items: list[NDArray[np.float64]]) -> dict[str, NDArray[Any]]:
    """Items and their lengths; the padding is no zero, as it does not count."""
    lengths = np.array([len(item) for item in items])
    x = np.full((len(items), lengths.max(), items[0].shape[1]), 7.0)
    for row, item in enumerate(items):
        x[row, : len(item)] = item
    return {"x": x, "lengths": lengths}


def test_numbers_of_series_follow_from_their_values(tmp_path: Path) -> None:
    """The scaling of the channels is inside the graph; that of the numbers is said, with their order."""
    model, session, about = exported(tmp_path / "made", "time_series/regression")
    items = [3 + 2 * RNG.normal(size=(steps, len(about["facts"]["channels"]))) for steps in (5, 1, 12)]
    (found,) = session.run(None, padded(items))
    scale, mean = (np.array(about["facts"][f"target_{name}"]) for name in ("scale", "mean"))
    found = found * scale[:, None] + mean[:, None]
    found[..., 1:].sort(axis=-1)
    assert "then its quantiles 0.1, 0.5, 0.9" in about["outputs"]["prediction"]["is"]
    wanted = model.predict(items)[["a", "a_q10", "a_q50", "a_q90", "b", "b_q10", "b_q50", "b_q90"]]
    np.testing.assert_allclose(found.reshape(3, -1), wanted.to_numpy(), rtol=1e-5, atol=1e-5)


def test_classes_of_series_follow_from_their_values(tmp_path: Path) -> None:
    """The scaling of the training data is inside the graph."""
    steps = {"data.segment": 4, "data.segment_overlap": 0.5, "data.differences": True, "data.item_norm": "standard"}
    network = {"bidirectional": True, "pooling": "concat"}
    model, session, about = exported(tmp_path / "made", "time_series/classification", **network, **steps)
    assert about["inputs"]["x"]["dtype"] == "float64"
    assert about["inputs"]["x"]["axes"] == ["batch", "steps", len(about["facts"]["channels"])]
    items = [3 + 2 * RNG.normal(size=(steps, len(about["facts"]["channels"]))) for steps in (5, 1, 12)]
    wanted = model.predict(items, proba=True)
    (logits,) = session.run(None, padded(items))
    odds = np.exp(logits)
    names = [f"p({name})" for name in about["facts"]["classes"]]
    np.testing.assert_allclose(odds / odds.sum(1, keepdims=True), wanted[names].to_numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"window_norm": "standard", "segment": 4, "channel_independence": True, "channel_embedding": 2},
        {"window_norm": "seasonal", "segment": 2, "outputs": "quantiles"},
        {"segment": 2, "channel_independence": True, "channel_embedding": 2, "decoding": "recursive"},
        pytest.param({"window_norm": "standard", "outputs": "student_t"}, marks=pytest.mark.slow),
        pytest.param({"conformal": True, "interval_80": 1.5, "interval_95": 0.5}, marks=pytest.mark.slow),
        pytest.param({"window_norm": "last"}, marks=pytest.mark.slow),
        pytest.param({"window_norm": "standard"}, marks=pytest.mark.slow),
        pytest.param({"window_norm": "last", "channel_independence": True}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_forecasts_of_known_and_of_new_series(options: dict[str, Any], tmp_path: Path) -> None:
    """Scaled by `preprocess.json` or by their own rows; windows of several lengths, in their own unit."""
    params = {f"data.{name}": value for name, value in options.items()}
    model, session, about = exported(tmp_path / "made", "time_series/forecasting", **params)
    assert list(about["inputs"]) == ["x", "lengths", "mean", "scale"]
    assert about["look_back"] == 8
    table = pd.read_csv(tmp_path / "made/data/series.csv")
    table[["a", "b"]] = 50 + 20 * table[["a", "b"]]
    known = {str(name): rows[["a", "b"]].to_numpy() for name, rows in table.groupby("name", sort=False)}
    new = [1e4 + 300 * RNG.normal(size=(rows, 2)) for rows in (3, 6, 30)]
    answered = pd.concat([model.predict(table), model.predict(new)])
    assert (answered.problem == "").all()
    assert sorted(set(answered.scaled_by)) == ["own rows", "training"]

    statistics = [(np.array(about["series"][name]["mean"]), np.array(about["series"][name]["scale"])) for name in known]
    statistics += [(rows.mean(0), rows.std(0)) for rows in new]
    inputs = padded([rows[-about["look_back"] :] for rows in (*known.values(), *new)])
    inputs |= {
        name: np.array(values) for name, values in zip(("mean", "scale"), zip(*statistics, strict=True), strict=True)
    }
    (forecasts,) = session.run(None, inputs)
    quantiles = bool(options.keys() & {"outputs", "conformal"})
    named = [f"{name}_q{100 * level:g}" for name in "ab" for level in LEVELS] if quantiles else ["a", "b"]
    assert forecasts.shape == (5, 3, 2, *[len(LEVELS)] * quantiles)
    np.testing.assert_allclose(forecasts.reshape(15, -1), answered[named].to_numpy(), rtol=1e-5)


def test_forecasts_of_an_only_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its scaling is inside the graph."""

    def one(folder: Path) -> dict[str, Any]:
        values = 1e3 + 50 * np.random.default_rng(0).normal(size=80)
        pd.DataFrame({"sold": values}).to_csv(folder / "one.csv", index=False)
        return {"path": str(folder / "one.csv"), "window": 6, "horizon": 2}

    monkeypatch.setitem(adapter_data.DATA, "time_series/forecasting: one", one)
    model, session, about = exported(tmp_path / "made", "time_series/forecasting: one")
    assert list(about["inputs"]) == ["x", "lengths"]
    rows = 1e3 + 50 * RNG.normal(size=(20, 1))
    (forecasts,) = session.run(None, padded([rows[-6:]]))
    np.testing.assert_allclose(forecasts[0], model.predict([rows])[["sold"]].to_numpy(), rtol=1e-6)


def bakeries(folder: Path) -> dict[str, Any]:
    """Two shops with covariates of every kind, of which a fifth is missing; the last three rows are to be forecast."""
    options = adapter_data.covariates_in_time(folder)
    frame = pd.read_csv(options["path"])
    frame["left"] = np.arange(len(frame)) % 7 + frame.sold
    for name in ("price", "event", "visits", "weather"):
        frame.loc[RNG.random(len(frame)) < 0.2, name] = np.nan
    frame.to_csv(options["path"], index=False)
    return options | {"missing": {"visits": "mask", "price": "forward"}}


def inputs_of(table: pd.DataFrame, about: dict[str, Any], window: int, horizon: int) -> dict[str, NDArray[Any]]:
    """What a program without this package feeds: the last rows of each series, filled and numbered by pandas."""
    kept = about["facts"]["covariates"]
    table = table.assign(**{"visits missing": table.visits.isna() * 1.0})
    groups = table.groupby("shop", sort=False)
    table["price"], table["visits"] = groups.price.ffill(), groups.visits.ffill()
    for name, words in kept["categories"].items():
        table[name] = (
            table[name].fillna("").map({word: code for code, word in enumerate(words, 1)}).fillna(0).astype(int)
        )
    phase = pd.to_datetime(table.day).dt.weekday * 2 * np.pi / 7
    table["sine"], table["cosine"] = np.sin(phase), np.cos(phase)
    columns = {
        "known": ["price", "sine", "cosine"],
        "past": ["visits", "visits missing"],
        "known_codes": ["event"],
        "past_codes": ["weather"],
    }
    back = [rows.iloc[-window - horizon : -horizon] for _, rows in table.groupby("shop", sort=False)]
    after = [rows.iloc[-horizon:] for _, rows in table.groupby("shop", sort=False)]
    targets = about["facts"]["channels"]
    found = padded([rows[targets].to_numpy() for rows in back])
    found |= {name: padded([rows[names].to_numpy() for rows in back])["x"] for name, names in columns.items()}
    found |= {f"{name}_ahead": np.array([rows[columns[name]] for rows in after]) for name in ("known", "known_codes")}
    found |= {
        name: np.array([rows[[column]].iloc[-1] for rows in back], dtype=float) for name, column in STATIC.items()
    }
    found |= {name: np.array([about["series"][shop][name] for shop in "ab"]) for name in ("mean", "scale")}
    return {name: found[name].astype(np.int64) if "codes" in name else found[name] for name in about["inputs"]}


STATIC = {"static": "size", "static_codes": "region"}


@pytest.mark.parametrize(
    "options",
    [
        {"segment": 2, "window_norm": "standard", "outputs": "quantiles"},
        pytest.param(
            {"targets": ["sold", "left"], "channel_independence": True, "channel_embedding": 2}, marks=pytest.mark.slow
        ),
        pytest.param(
            {"window_norm": "seasonal", "conformal": True, "interval_80": 1.5, "interval_95": 0.5},
            marks=pytest.mark.slow,
        ),
    ],
    ids=str,
)
def test_forecasts_by_covariates_follow_from_named_inputs(options: dict[str, Any], tmp_path: Path) -> None:
    """Known, past and static ones, words and numbers, missing ones; as `predict` answers the same table."""
    (tmp_path / "data").mkdir()
    data = bakeries(tmp_path / "data") | options
    model = load(made_model(folder := tmp_path / "made", "time_series/forecasting", data=data))
    write_onnx(model, folder / "model")
    about = json.loads((folder / "model/preprocess.json").read_text())
    session = onnxruntime.InferenceSession(folder / "model/model.onnx")
    assert {"known", "known_ahead", "past", "known_codes", "static", "static_codes"} < about["inputs"].keys()
    assert about["inputs"]["past"]["is"].startswith("unscaled numbers: visits, visits missing; missing ones")
    table = pd.read_csv(data["path"])
    last = table.groupby("shop").tail(3).index
    table.loc[last, [*about["facts"]["channels"], "visits", "weather"]] = np.nan
    answered = model.predict(table)
    assert (answered.problem == "").all()
    (found,) = session.run(None, inputs_of(table, about, 8, 3))
    quantiles = bool(options.keys() & {"outputs", "conformal"})
    levels = [f"_q{100 * level:g}" for level in LEVELS] if quantiles else [""]
    wanted = answered[[name + level for name in data["targets"] for level in levels]].to_numpy()
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "only",
    [
        {"static_covariates": ["size"]},
        pytest.param({"calendar": ["week"]}, marks=pytest.mark.slow),
        pytest.param({"past_covariates": ["size"]}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_graph_has_the_inputs_that_there_are(only: dict[str, Any], tmp_path: Path) -> None:
    """One kind of covariates alone, of an only series, whose scaling is inside."""
    data = adapter_data.covariates_in_time(tmp_path)
    frame = pd.read_csv(data["path"]).query("shop == 'a'")
    frame.to_csv(data["path"], index=False)
    data = {name: data[name] for name in ("path", "time", "targets", "window", "horizon")} | only
    model = load(made_model(tmp_path / "made", "time_series/forecasting", data=data))
    write_onnx(model, tmp_path / "made/model")
    about = json.loads((tmp_path / "made/model/preprocess.json").read_text())
    (kind,) = {name.partition("_")[0] for name in only}
    names = {"calendar": ["known", "known_ahead"], "static": ["static"], "past": ["past"]}[kind]
    assert list(about["inputs"]) == ["x", "lengths", *names]
    inputs = padded([frame.sold.to_numpy()[-8:, None]])
    phase = np.arange(90 + 3) + 3  # 2026-01-01 was a Thursday
    week = np.stack([np.sin(phase * 2 * np.pi / 7), np.cos(phase * 2 * np.pi / 7)], 1)[None]
    given = {"known": week[:, 82:90], "known_ahead": week[:, 90:], "static": [[3.0]], "past": np.full((1, 8, 1), 3.0)}
    (found,) = onnxruntime.InferenceSession(tmp_path / "made/model/model.onnx").run(
        None, inputs | {name: np.asarray(given[name]) for name in names}
    )
    np.testing.assert_allclose(found[0], model.predict(frame)[["sold"]].to_numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "case", ["memory/probe: adding", "memory/probe: copy", "nlp/language_modelling: word", "speech/classification"]
)
def test_models_of_every_adapter_have_a_graph(case: str, tmp_path: Path) -> None:
    """Symbols, tokens and features; a prediction at each step. What goes in is said."""
    _, session, about = exported(tmp_path / "made", case)
    assert [each.name for each in session.get_inputs()] == ["x", "lengths"]
    assert all(value["is"] for value in about["inputs"].values())
