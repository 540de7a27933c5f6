"""Models of every kind of data behind MLflow: their own example is answered, and a request names no file."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from tests.support.command import tuner
from tests.support.models import made_model
from tuner.nets.catalog import CELLS
from tuner.predict import load
from tuner.predict.pyfunc import Served, _load_pyfunc
from tuner.predict.refused import Refused
from tuner.recording.model_form import Answering, save

SERVED = (
    *("nlp/classification", "nlp/language_modelling: char", "speech/classification"),
    *("time_series/classification: dates", "time_series/forecasting"),
)
"""Whose data have columns."""


@pytest.fixture(scope="module", params=SERVED)
def case(request: pytest.FixtureRequest) -> str:
    """A kind of data."""
    return str(request.param)


@pytest.fixture(scope="module")
def model(case: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of it."""
    return made_model(tmp_path_factory.mktemp("made"), case)


def table(model: Path) -> pd.DataFrame:
    """The model's example, as MLflow hands it on."""
    request = json.loads((model / "input_example.json").read_text())["dataframe_split"]
    found = pd.DataFrame(request["data"], columns=request["columns"])
    for column in json.loads((model / "signature.json").read_text())["inputs"]:
        if column["type"] == "binary":
            found[column["name"]] = [base64.b64decode(value) for value in found[column["name"]]]
    return found


def test_the_example_is_answered_as_the_model_answers(model: Path, tmp_path: Path) -> None:
    """In Python and as a request, by MLflow's own reading of both; answers have the columns of the signature."""
    save(model, tmp_path / "form")
    loaded: Any = mlflow.pyfunc.load_model(str(tmp_path / "form"))
    example = table(model)
    found = loaded.predict(example)
    assert (found["problem"] == "").all()
    assert list(found) == loaded.metadata.get_output_schema().input_names()
    pd.testing.assert_frame_equal(found, load(model).predict(example), atol=1e-6)
    body = (model / "input_example.json").read_bytes()
    ask: Any = import_module("mlflow.pyfunc.scoring_server").invocations
    answer = ask(body, "application/json", loaded, loaded.metadata.get_input_schema())
    assert answer.status == 200, answer.response
    served = pd.DataFrame(json.loads(answer.response)["predictions"])
    pd.testing.assert_frame_equal(served, found, atol=1e-6, check_dtype=False)


@pytest.mark.parametrize("cell", list(CELLS))
def test_every_cell_answers_alike_by_every_way(cell: str, tmp_path: Path) -> None:
    """The command, Python and a request; texts of several lengths, together and alone. Of ONNX, tests/predict tells."""
    made = made_model(tmp_path / "made", params={"cell": cell, "bidirectional": True, "layers": 2})
    texts = ["rain", "snow and fog, " * 9, "sun wind", "hail " * 4]
    (tmp_path / "texts.txt").write_text("\n".join(texts))
    wanted = load(made).predict(texts, proba=True)
    assert wanted["p(dry)"].nunique() == len(texts)
    tuner("predict", str(made), str(tmp_path / "texts.txt"), "--proba", "-o", str(tmp_path / "out.csv"))
    written = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    save(made, tmp_path / "form")
    served: Any = mlflow.pyfunc.load_model(str(tmp_path / "form"))

    def alone(ask: Callable[[list[str]], pd.DataFrame]) -> pd.DataFrame:
        return pd.concat([ask([text]) for text in texts], ignore_index=True)

    def requested(texts: list[str]) -> pd.DataFrame:
        body = {"dataframe_split": {"columns": ["text"], "data": [[text] for text in texts]}, "params": {"proba": True}}
        ask: Any = import_module("mlflow.pyfunc.scoring_server").invocations
        answer = ask(json.dumps(body).encode(), "application/json", served, served.metadata.get_input_schema())
        return pd.DataFrame(json.loads(answer.response)["predictions"])

    one_by_one = alone(lambda texts: load(made).predict(texts, proba=True))
    for found in (written, one_by_one, requested(texts), alone(requested)):
        pd.testing.assert_frame_equal(found, wanted, atol=1e-5, check_dtype=False)


def test_a_request_names_no_file(model: Path, case: str) -> None:
    """A path in a recording's place, or in place of the table, is not opened."""
    served = _load_pyfunc(str(model))
    with pytest.raises(Refused, match="must get a table"):
        served.predict(str(model))  # type: ignore[arg-type]  # what a client may send
    if case == "speech/classification":
        path = next((model.parent / "data").rglob("*.wav"))
        (told,) = served.predict(pd.DataFrame({"audio": [str(path)]}))["problem"]
        assert told == f"it must be a file's content, but is {str(path)!r:.80}"


@pytest.mark.parametrize(
    ("kind", "request_", "line"),
    [
        (
            "nlp/language_modelling: char",
            {"dataframe_records": [{"text": "rain"}], "params": {"temperature": -1.0}},
            "temperature must be >= 0, but got -1.0.",
        ),
        (
            "time_series/classification",
            {"inputs": [[1.0]]},
            "a served model must get a table, but got 'ndarray'.",
        ),
        (
            "nlp/classification",
            {"dataframe_records": [{"word": "rain"}]},
            "Model is missing inputs ['text']. Note that there were extra inputs: ['word'].",
        ),
    ],
)
def test_a_request_that_cannot_be_answered_gets_one_line(
    kind: str, request_: dict[str, Any], line: str, tmp_path: Path
) -> None:
    """An option that is not allowed, no table, another column: status 400, without a stack trace or the data.

    So does what MLflow serves itself, but for what it finds itself in columns and types: that shows the data.
    """
    save(made_model(tmp_path / "made", kind), tmp_path / "form")
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "form"))
    ask: Any = import_module("mlflow.pyfunc.scoring_server").invocations
    for served in (Answering(loaded), loaded):
        with pytest.raises(MlflowException) as caught:
            ask(json.dumps(request_).encode(), "application/json", served, loaded.metadata.get_input_schema())
        refused: Any = caught.value
        assert refused.get_http_status_code() == 400
        told = json.loads(refused.serialize_as_json())
        assert "stack_trace" not in told
        if served is not loaded or isinstance(refused, Refused):
            assert told == {"error_code": "INVALID_PARAMETER_VALUE", "message": line}
        else:
            assert line in told["message"]


def test_what_is_offered_may_be_asked(tmp_path: Path) -> None:
    """By the names of `predict --ask`; of a model of classes, their probabilities."""
    forecasts = made_model(tmp_path / "a", "time_series/forecasting")
    names = [each["name"] for each in json.loads((forecasts / "signature.json").read_text())["params"]]
    assert names == ["proba", "every_origin"]
    served, example = _load_pyfunc(str(forecasts)), table(forecasts)
    assert "origin" in served.predict(example, {"every_origin": True})
    assert "origin" not in served.predict(example)


def test_a_model_without_columns_is_served_without_a_signature(tmp_path: Path) -> None:
    """Sequences of numbers from an .npz have no columns to be named."""
    made = made_model(tmp_path, "time_series/classification")
    assert not (made / "signature.json").exists()
    assert isinstance(_load_pyfunc(str(made)), Served)
    save(made, tmp_path / "form")
    assert mlflow.pyfunc.load_model(str(tmp_path / "form")).metadata.signature is None


def test_it_is_exported_as_mlflow_has_it(tmp_path: Path) -> None:
    """A folder that MLflow opens; what is there already is not written over."""
    made, out = made_model(tmp_path / "made"), tmp_path / "out"
    tuner("export", str(made), "-o", str(out), "--mlflow")
    found: Any = mlflow.pyfunc.load_model(str(out))
    pd.testing.assert_frame_equal(found.predict(table(made)), load(made).predict(table(made)), atol=1e-6)
    told = tuner("export", str(made), "-o", str(out), "--mlflow", status=2).output
    assert told.count("\n") == 1
