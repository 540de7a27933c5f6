"""A model in MLflow's form and behind its scoring server: the answers are those of the model itself."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.support.command import tuner
from tests.support.models import made_model
from tests.support.program import Program, finish
from tuner.errors import StudyError
from tuner.predict import load
from tuner.recording.model_form import save
from tuner.recording.serving import curl

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(sys.path),
    "PATH": "/usr/bin:/bin",  # an environment that is not activated
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
}
TEXTS = pd.DataFrame({"text": ["rain and snow", "SUN  wind", "fog"]})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that classifies texts."""
    return made_model(tmp_path_factory.mktemp("texts"))


LOADED = """
import sys
import time
import mlflow, pandas
model = mlflow.pyfunc.load_model(sys.argv[1])
for number, params in enumerate(({}, {"proba": True})):
    model.predict(pandas.read_json(sys.argv[2]), params=params).to_json(f"{sys.argv[3]}/{number}.json")
print(model.metadata.signature)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"ray", "optuna", "matplotlib"}))
"""


@pytest.mark.slow
def test_mlflow_opens_it_in_another_process_without_a_pickle(model: Path, tmp_path: Path) -> None:
    """With pickles forbidden it answers as the model itself does, without Ray, Optuna or a figure."""
    save(model, tmp_path / "form")
    names = [path.relative_to(tmp_path / "form").as_posix() for path in (tmp_path / "form").rglob("*")]
    assert "data/model/weights.safetensors" in names
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".pt", ".pth"))]
    assert not [name for name in names if name in ("pyproject.toml", "uv.lock")]
    assert str(model) not in (tmp_path / "form/MLmodel").read_text()
    TEXTS.to_json(tmp_path / "texts.json")
    arguments = [str(tmp_path / "form"), str(tmp_path / "texts.json"), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for number, proba in enumerate((False, True)):
        wanted = load(model).predict(TEXTS, proba=proba)
        pd.testing.assert_frame_equal(pd.read_json(tmp_path / f"{number}.json"), wanted, atol=1e-6, check_dtype=False)
    assert "'text': string (required)" in done.stdout
    assert "'probability': double" in done.stdout
    assert "'proba': boolean" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


@contextmanager
def serving(*arguments: object, cwd: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`serve` in a process of its own, and the line that it says; ended with the context."""
    command = [sys.executable, "-P", "-m", "tuner", "serve", *map(str, arguments), "--port", "0"]
    with subprocess.Popen(
        command, cwd=cwd, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield process, line
        finally:
            process.kill()


def ask(url: str, body: bytes) -> tuple[int, Any]:
    """Status and answer of a request."""
    request = urllib.request.Request(f"{url}/invocations", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read(), parse_constant=pytest.fail)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.slow
def test_serve_answers_as_the_model_and_ends_cleanly(model: Path, tmp_path: Path) -> None:
    """One line has the address and a command that works; answers are equal; Ctrl+C leaves nothing behind."""
    made = Path(ENVIRONMENT.get("TMPDIR", "/tmp"))
    before = set(made.glob("tuner-serve-*"))
    with serving(model, cwd=tmp_path) as (process, line):
        found = re.fullmatch(r"(\S+) answers at (http://127\.0\.0\.1:\d+); try: (curl .*)\n", line)
        assert found is not None, line
        url = found[2]
        texts = TEXTS.to_dict(orient="split", index=False)
        status, answer = ask(url, json.dumps({"dataframe_split": texts, "params": {"proba": True}}).encode())
        assert status == 200
        answers = pd.DataFrame(answer["predictions"])
        pd.testing.assert_frame_equal(answers, load(model).predict(TEXTS, proba=True), atol=1e-6, check_dtype=False)
        status, answer = ask(url, b'{"dataframe_records": [{"text": ""}, {"text": "rain"}]}')
        assert status == 200
        assert [row["problem"] for row in answer["predictions"]] == ["the text is empty", ""]
        assert [row["class"] is None for row in answer["predictions"]] == [True, False]
        assert [row["probability"] is None for row in answer["predictions"]] == [True, False]
        status, answer = ask(url, b'{"dataframe_records": [{"word": "rain"}]}')
        assert status == 400
        told = "Model is missing inputs ['text']. Note that there were extra inputs: ['word']."
        assert answer == {"error_code": "INVALID_PARAMETER_VALUE", "message": told}
        if shutil.which("curl"):
            done = subprocess.run(found[3], shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=30)
            assert len(json.loads(done.stdout)["predictions"]) == 1
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(30) == 130
        assert said.splitlines()[-1] == "stopped"
        assert "Traceback" not in said
    assert set(made.glob("tuner-serve-*")) == before


@pytest.mark.slow
def test_the_command_for_a_table_with_times_works(tmp_path: Path) -> None:
    """What is printed is a request that is answered."""
    model = made_model(tmp_path / "made", "time_series/classification: dates")
    with serving(model, cwd=tmp_path) as (_, line):
        command = shlex.split(line.partition("; try: ")[2])
        assert command[-1] == "@made/model/input_example.json"
        body = (tmp_path / command[-1][1:]).read_bytes()
        status, answer = ask(command[1].removesuffix("/invocations"), body)
        assert status == 200, answer
        assert [row["problem"] for row in answer["predictions"]] == [""]


@pytest.mark.slow
def test_an_ensemble_answers_too_and_a_terminated_server_ends(model: Path, tmp_path: Path) -> None:
    """With --ensemble all seeds answer, not the one in the folder `model`; SIGTERM is heard as Ctrl+C is."""
    study = tmp_path / "study"
    shutil.copytree(model, study / "model")
    shutil.copytree(made_model(tmp_path / "made", seeds=2), study / "ensemble")
    process = Program(tmp_path, "serve", str(study), "--ensemble", "--port", "0")
    try:
        while "; try: " not in (line := process.told()):
            assert process.poll() is None, line
            time.sleep(0.05)
        texts = TEXTS.to_dict(orient="split", index=False)
        url = line.partition(" answers at ")[2].partition(";")[0]
        status, answer = ask(url, json.dumps({"dataframe_split": texts, "params": {"proba": True}}).encode())
        assert status == 200
        answers, joint = pd.DataFrame(answer["predictions"]), load(study / "ensemble").predict(TEXTS, proba=True)
        pd.testing.assert_frame_equal(answers, joint, atol=1e-6, check_dtype=False)
        assert abs(joint.probability - load(study / "model").predict(TEXTS).probability).max() > 1e-3
        process.send_signal(signal.SIGTERM)
        finish(process, 143)
    finally:
        if process.poll() is None:
            process.kill()


def test_a_port_in_use_is_told_in_a_line(model: Path) -> None:
    """Before MLflow is imported."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told = tuner("serve", str(model), "--port", port, status=2).output
    assert told == (
        f"the port must be free, but got '{port}, Address already in use'. Name another one: --port, 0 for any.\n"
    )


def test_a_damaged_model_is_told_in_a_line(model: Path, tmp_path: Path) -> None:
    """Weights that are none, by `serve`; a signature that is none, by its form."""
    shutil.copytree(model, tmp_path / "model")
    (tmp_path / "model/signature.json").write_text('{"inputs": [{}]}')
    with pytest.raises(StudyError, match="the model's signature must be unchanged"):
        save(tmp_path / "model", tmp_path / "form")
    (tmp_path / "model/weights.safetensors").write_bytes(b"\x80\x04cposix\nsystem\n.")
    told = tuner("serve", str(tmp_path / "model"), status=2).output
    assert "weights.safetensors: the model's file must be as it was written" in told
    assert told.count("\n") == 1


def test_a_long_example_is_named_by_its_file(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the line stays one that can be read."""
    shutil.copytree(model, tmp_path / "model")
    example = tmp_path / "model/input_example.json"
    example.write_text(json.dumps({"dataframe_split": {"columns": ["text"], "data": [["rain " * 100]]}}))
    monkeypatch.chdir(tmp_path)
    assert curl(Path("model"), "http://h").endswith("-d @model/input_example.json")
    example.unlink()
    assert curl(Path("model"), "http://h") == ""
