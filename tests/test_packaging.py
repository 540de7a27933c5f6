"""The wheel is what is shipped; what is imported is declared."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

from tests.support.models import made_model
from tuner.adapters.catalog import ADAPTERS
from tuner.predict.writing import SERVING

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "pyproject.toml").read_text()
PROJECT = tomllib.loads(TEXT)["project"]
BROUGHT = {
    "alembic": "optuna",  # whose tables are looked at
    "annotated-types": "pydantic",
    "grimp": "import-linter",
    "markupsafe": "jinja2",
    "pydantic-core": "pydantic",
    "sqlalchemy": "optuna",  # and by MLflow, for the tables of each
}
"""Package -> the declared one that brings it and says which version."""
BY_NAME = {"onnxruntime", "neps", "neural-pipeline-search", "neuralforecast"}
"""What a script asks for by its name, for one of its sources or its comparisons, and does without elsewhere."""
FOLDERS = {
    "tuner": ("classical", "examples", "postgres", "s3", "testing"),
    "tests": ("examples", "dev", "docs"),
    "benchmarks": ("examples", "dev", "bench"),
}


def distribution(requirement: str) -> str:
    """The name of a package, as indexes compare names."""
    found = re.match(r"[\w.-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def imported(place: Path) -> set[str]:
    """Top-level names that a module, or the modules of a folder, import from other projects, anywhere in them."""
    found: set[str] = set()
    for path in [place] if place.is_file() else place.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - set(FOLDERS)


def providers(name: str) -> set[str]:
    """The packages that bring what is imported under a name."""
    return {distribution(each) for each in _all_providers().get(name, [name])}


@cache
def _all_providers() -> Mapping[str, list[str]]:
    return packages_distributions()


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_imported_is_declared(folder: str) -> None:
    """Every package that a folder's modules import is a dependency, in an extra for that folder, or brought by one."""
    extras = PROJECT["optional-dependencies"]
    listed = [*PROJECT["dependencies"], *(each for extra in FOLDERS[folder] for each in extras[extra])]
    declared = {distribution(each) for each in listed}
    declared |= BY_NAME | {name for name, by in BROUGHT.items() if by in declared}
    assert {name for name in imported(ROOT / folder) if not providers(name) & declared} == set()


def test_what_is_brought_is_a_requirement_of_what_brings_it() -> None:
    """Of the declared package itself, without an extra of it."""
    for name, by in BROUGHT.items():
        assert name in {distribution(each) for each in requires(by) or () if "extra ==" not in each}


def test_every_dependency_is_imported_where_its_line_says() -> None:
    """A dependency that nothing imports goes, and its comment follows the code when that moves."""
    block = TEXT.partition("dependencies = [")[2].partition("]\n")[0]
    lines = re.findall(r'^    "([\w-]+)[^"]*",(?: +# (tuner/[\w/]+(?:\.py)?))?', block, re.MULTILINE)
    assert [distribution(name) for name, _ in lines] == [distribution(each) for each in PROJECT["dependencies"]]
    for name, place in lines:
        found = set().union(*map(providers, imported(ROOT / (place or "tuner"))))
        assert distribution(name) in found, f"{name} is imported in {place}"


def test_what_models_require_is_declared() -> None:
    """Each is a dependency of the package, so that the ranges of pyproject.toml hold for models, too."""
    required = {*SERVING, *(each for name in ADAPTERS for each in getattr(ADAPTERS[name].load(), "model_packages", ()))}
    assert {distribution(each) for each in required} <= {distribution(each) for each in PROJECT["dependencies"]}
    assert {"tokenizers", "kaldi-native-fbank"} <= required


def test_a_models_requirements_are_lines_that_an_index_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pinned, without the mark of a local build; this package is not among them, which would bring all of a search."""
    monkeypatch.setattr("tuner.predict.writing.version", lambda name: "2.13.0+cpu" if name == "torch" else "1.0")
    made = made_model(tmp_path)
    told = (made / "requirements.txt").read_text().splitlines()
    lines = [line for line in told if not line.startswith("#")]
    assert {"torch==2.13.0", "tokenizers==1.0", "click==1.0"} <= set(lines)
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in lines)
    assert "tuner" not in {distribution(line) for line in lines}
    assert "--no-deps" in "".join(told[:3])
    assert json.loads((made / "network.json").read_text())["versions"]["torch"] == "2.13.0+cpu"


@pytest.mark.slow
def test_the_wheel_carries_the_ready_files_and_runs_from_anywhere(tmp_path: Path) -> None:
    """Built and unpacked far from the checkout, it lists its ready tasks and spaces and checks one of them."""
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    (wheel,) = tmp_path.glob("*.whl")
    unpacked = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    assert not (unpacked / "tests").exists()
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    for kind, folder in (("tasks", "tasks"), ("search_spaces", "search_spaces")):
        listed = subprocess.run(
            [sys.executable, "-m", "tuner", "list", kind, "--json"],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        files = [path.relative_to(ROOT / folder) for path in (ROOT / folder).rglob("*.yaml")]
        shipped = {str(path.with_suffix("")) for path in files if path.parts[0] != "portfolios"}
        rows = json.loads(listed.stdout)
        assert {row["name"] for row in rows} == shipped
        assert all(Path(row["source"]).is_relative_to(unpacked) for row in rows)
