"""A model's folder that a stranger has made, or that was damaged on its way: refused in a line, and no code is run."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support.adapter_data import DATA
from tests.support.command import tuner
from tests.support.models import made_model
from tuner.errors import UserError
from tuner.predict import load
from tuner.predict.writing import _requirements, _versions
from tuner.registry import Catalog


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of texts, whose folder nobody changes."""
    return made_model(tmp_path_factory.mktemp("made"))


@pytest.fixture
def model(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it. The current folder has a module that leaves a file when it is imported, and a text."""
    shutil.copytree(made, tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("mine.py").write_text("open('ran', 'w').close()\nclass Mine: pass\n")
    Path("a.txt").write_text("rain\n")
    return tmp_path / "model"


class Act:
    """What runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch ran",)


def changed(path: Path, **changes: Any) -> None:
    """Change entries of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def param(model: Path, **changes: Any) -> None:
    """Change parameters of the network."""
    described = json.loads((model / "network.json").read_text())
    changed(model / "network.json", params={**described["params"], **changes})


def option(model: Path, **changes: Any) -> None:
    """Change options of the adapter."""
    described = json.loads((model / "network.json").read_text())
    changed(model / "network.json", data={**described["data"], **changes})


def linked(path: Path, to: str) -> None:
    """A link in place of a file or folder."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(to)


def bomb() -> bytes:
    """A ZIP archive of 4 MB that unpacks to 4 GB, as NumPy's archives are."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as file:
        zeros = bytes(1 << 20)
        for _ in range(64):
            file.write(zeros)
    return content.getvalue()


def sparse(path: Path, size: int) -> None:
    """A file that says to be so large."""
    with path.open("wb") as file:
        file.truncate(size)


def header(text: str, length: int | None = None) -> bytes:
    """The beginning of a file of safetensors."""
    return (len(text) if length is None else length).to_bytes(8, "little") + text.encode()


def piped(path: Path) -> None:
    """A pipe at whose other end nobody is."""
    path.unlink()
    os.mkfifo(path)


W, N, F, T = "weights.safetensors", "network.json", "preprocess/facts.json", "preprocess/tokenizer.json"
HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pickle for weights": (lambda m: (m / W).write_bytes(pickle.dumps(Act())), W),
    "a pickle for facts": (lambda m: (m / F).write_bytes(pickle.dumps(Act())), "preprocess"),
    "a pickle for the network": (lambda m: (m / N).write_bytes(pickle.dumps(Act())), N),
    "a path": (lambda m: option(m, path="../../etc/passwd"), "data.path: '../../etc/passwd' in place of a name"),
    "a path from the root": (lambda m: option(m, test_path="/etc/passwd"), "data.test_path: '/etc/passwd'"),
    "a path for an adapter": (lambda m: changed(m / N, adapter="../mine"), "the model's adapter must be known"),
    "an adapter of one's own": (lambda m: changed(m / N, adapter="mine:Mine"), "allow it: --own-code"),
    "a cell that is not installed": (lambda m: param(m, cell="gruu"), "got 'gruu'. Install the package that has it; "),
    "a cell of one's own": (lambda m: param(m, cell="mine:Mine"), "allow it: --own-code"),
    "an initializer of one's own": (lambda m: param(m, initializer="mine:Mine"), N),
    "an optimizer of one's own": (lambda m: param(m, optimizer="mine:Mine"), N),
    "linked weights": (lambda m: linked(m / W, "/dev/zero"), "but got 'a link'"),
    "linked facts": (lambda m: linked(m / F, "../../a.txt"), "but got 'a link'"),
    "a linked folder": (lambda m: linked(m / "preprocess", "/etc"), "but got 'a link'"),
    "a pipe": (lambda m: piped(m / T), "but got 'a named pipe'"),
    "a zip bomb for weights": (lambda m: (m / W).write_bytes(bomb()), W),
    "a zip bomb for facts": (lambda m: (m / F).write_bytes(bomb()), "preprocess"),
    "a terabyte of weights": (lambda m: sparse(m / W, 1 << 40), "1099511627776 bytes for a network of"),
    "a terabyte of facts": (lambda m: sparse(m / F, 1 << 40), "more than 67108864 bytes"),
    "a terabyte of network": (lambda m: sparse(m / N, 1 << 40), "more than 67108864 bytes"),
    "a header that never ends": (lambda m: (m / W).write_bytes(header("{}", 1 << 60)), W),
    "a tensor that is not there": (
        lambda m: (m / W).write_bytes(
            header('{"x":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}') + bytes(9999)
        ),
        W,
    ),
    "a network beyond memory": (lambda m: option(m, embedding_size=10**9), N),
    "a number that is none": (lambda m: param(m, hidden_size=float("nan")), N),
    "nesting without end": (lambda m: (m / F).write_text("[" * 10**6), "preprocess"),
    "nesting in the network": (lambda m: (m / N).write_text('{"params":' * 10**5), N),
    "a later format": (lambda m: changed(m / N, format=99), "a format that this version reads"),
    "another entry": (lambda m: changed(m / N, code="import os"), "code: Extra inputs are not permitted"),
    "too few weights": (lambda m: (m / W).write_bytes((m / W).read_bytes()[:-9]), W),
    "half a tokenizer": (lambda m: (m / T).write_bytes((m / T).read_bytes()[:999]), "preprocess"),
    "nothing": (lambda m: (m / N).write_bytes(b""), N),
    "no weights": (lambda m: (m / W).unlink(), W),
    "no facts": (lambda m: (m / F).unlink(), "preprocess"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_in_one_line_and_runs_nothing(name: str, model: Path) -> None:
    """By `predict`: exit status 2, the file or the name at fault, nothing imported and nothing run."""
    make, told = HOSTILE[name]
    make(model)
    said = tuner("predict", "model", "a.txt", status=2).output
    assert told in said
    assert said.count("\n") == 1
    assert not Path("ran").exists()


@pytest.mark.parametrize("command", [("export", "-o", "out"), ("export", "-o", "out", "--mlflow"), ("serve",)])
def test_every_command_refuses_it(command: tuple[str, ...], model: Path) -> None:
    """What opens a model opens it by the same door."""
    (model / W).write_bytes(pickle.dumps(Act()))
    said = tuner(command[0], "model", *command[1:], status=2).output
    assert said.count("\n") == 1
    assert not Path("ran").exists()
    assert not Path("out").exists()


def test_own_code_that_is_not_found_is_told_with_its_places(model: Path) -> None:
    """Those in which a model's module is looked for; a name without a module needs its package in any case."""
    changed(model / N, adapter="nowhere:Mine")
    said = tuner("predict", "model", "a.txt", "--own-code", status=2).output
    assert said.startswith(f"model/{N}: nowhere:Mine must be importable")
    assert said.endswith(" or start in the folder that has its module, or name that folder in PYTHONPATH.\n")
    changed(model / N, adapter="nowhere")
    assert "got 'nowhere'. Install the package" in tuner("predict", "model", "a.txt", "--own-code", status=2).output


@pytest.mark.parametrize(
    "command", [("predict", "model", "a.txt"), ("export", "model", "-o", "out"), ("serve", "model")]
)
def test_own_code_is_found_in_the_current_folder(
    command: tuple[str, ...], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the installed script, too, before whose path Python does not put that folder."""
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder != os.getcwd()])
    changed(model / N, adapter="found_here:Mine")
    Path("found_here.py").write_text("raise RuntimeError('found')\n")
    assert "but got 'RuntimeError: found'" in tuner(*command, "--own-code", status=2).output


def test_requirements_name_the_package_of_an_installed_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its version, as they do what this package needs."""
    monkeypatch.setattr(Catalog, "package", lambda _, name: "pytest" * (name == "leaky"))
    trained: Any = SimpleNamespace(adapter="nlp/classification", params={"cell": "leaky"})
    lines = _requirements(_versions(trained, trained)).splitlines()
    assert f"pytest=={pytest.__version__}" in lines


def test_an_array_is_never_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays of preprocessing that hold a pickle, claim more than there is, or are an archive."""
    monkeypatch.chdir(tmp_path)
    model = made_model(tmp_path, "time_series/forecasting")
    path = model / "preprocess/statistics.npy"
    pickled = io.BytesIO()
    np.save(pickled, np.array([Act()], dtype=object), allow_pickle=True)
    claimed = path.read_bytes().replace(b"(2, 3, 2)", b"(9" + b"9" * 9 + b",)")
    for content in (pickled.getvalue(), claimed, bomb(), pickle.dumps(Act())):
        path.write_bytes(content)
        said = tuner("predict", "model", "data/series.csv", status=2).output
        assert "the model's file must be as it was written" in said
        assert said.count("\n") == 1
        assert not Path("ran").exists()


def test_a_requirement_is_a_package_and_nothing_else(model: Path) -> None:
    """MLflow reads what a line `-r` names, and installs what a line of an address brings."""
    Path("secret.txt").write_text("secret==1\n")
    for line in (
        f"-r {Path('secret.txt').absolute()}",
        "--index-url http://127.0.0.1:9",
        "x @ http://127.0.0.1:9/x.whl",
    ):
        (model / "requirements.txt").write_text(line)
        said = tuner("export", "model", "-o", "out", "--mlflow", status=2).output
        assert "requirements.txt: a line must be a package and its version" in said
        assert said.count("\n") == 1
        assert not Path("out").exists()


@pytest.fixture(scope="module", params=DATA)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A model of each kind of data, and something to ask it."""
    folder = tmp_path_factory.mktemp("each")
    model = made_model(folder, request.param)
    example: dict[str, Any] = getattr(load(model).codec, "example", dict)()
    asked: Any = None
    if example:
        asked = pd.DataFrame(example)
    elif request.param == "time_series/classification":
        asked = [np.zeros((5, 2)), np.ones((3, 2))]
    else:
        name = request.param.partition(": ")[2]
        asked = [{"adding": np.zeros((4, 2)), "digits": np.zeros((64, 1))}.get(name, np.zeros(4, dtype=int))] * 2
    return model, asked


def test_the_size_of_weights_is_checked(case: tuple[Path, Any]) -> None:
    """Before they are read, for every kind of model."""
    model, _ = case
    content = (model / W).read_bytes()
    os.truncate(model / W, 1 << 40)
    with pytest.raises(UserError, match=r"1099511627776 bytes for a network of"):
        load(model)
    (model / W).write_bytes(content)


@pytest.mark.filterwarnings("error")
def test_any_damage_is_told_in_a_line_or_does_no_harm(case: tuple[Path, Any]) -> None:
    """Bytes exchanged, cut off or put in, anywhere in any file: an answer, a problem of the item, or a refusal."""
    model, asked = case
    draw = random.Random(0)
    files = sorted(path for path in model.rglob("*") if path.is_file() and path.stat().st_size)
    refused: list[str] = []
    for number in range(60):
        path = files[number % len(files)]
        content = path.read_bytes()
        damaged = bytearray(content)
        place = draw.randrange(len(content))
        if number % 5 == 0:
            del damaged[place:]
        elif number % 5 == 1:
            damaged[place:place] = draw.randbytes(8)
        else:
            for _ in range(draw.choice((1, 1, 9))):
                damaged[draw.randrange(len(content))] = draw.randrange(256)
        path.write_bytes(damaged)
        try:
            answers = load(model).predict(asked)
            numbers = answers.select_dtypes("number").to_numpy(dtype=float)
            assert len(answers)
            assert not np.isinf(numbers).any()
        except UserError as error:
            refused.append(str(error))
        finally:
            path.write_bytes(content)
    assert refused
    assert not [line for line in refused if "\n" in line]
