"""The contracts between rooms hold for every module of the package, also for one that is added tomorrow."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
HOMES: dict[str, tuple[str, ...]] = {
    "torch": ("predict", "training", "adapters", "nets", "optim", "diagnostics", "testing"),
    "pytest": ("testing",),
    "optuna": ("study", "reporting"),
    "ray": ("execution",),
    "mlflow": ("recording", "predict.refused", "predict.registered"),
    "yaml": ("config",),
    "matplotlib": ("reporting",),
    "jinja2": ("report",),
    "markupsafe": ("report",),
}
"""Third party -> the rooms, or the one module of a room, that may import it."""
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the check says of a copy of the package in which every module imports every third party."""
    folder = tmp_path_factory.mktemp("spoiled")
    shutil.copytree(ROOT / "tuner", folder / "tuner", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    modules = sorted((folder / "tuner").rglob("*.py"))
    assert len(modules) > 100
    for path in modules:
        path.write_text(path.read_text() + f"\n\ndef _spoiled():\n    import {', '.join(HOMES)}\n")
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("package", HOMES)
def test_a_forbidden_import_in_any_module_is_seen(spoiled: str, package: str) -> None:
    """Whichever module imports a third party that has its home elsewhere, within a function too, is named."""
    told = set(re.findall(rf"^\s*- (tuner[\w.]*) -> {package}\b", spoiled, re.MULTILINE))
    forbidden = {
        module for module in _modules() if not {_room(module), module.removeprefix("tuner.")} & {*HOMES[package]}
    }
    assert forbidden <= told


def test_every_dependency_that_has_a_home_is_under_contract() -> None:
    """The table above is the one in pyproject.toml."""
    held = {
        package: tuple(importer.removeprefix("tuner.") for importer in contract["allowed_importers"])
        for contract in _contracts()
        if contract["type"] == "protected"
        for package in contract["protected_modules"]
    }
    assert {package: held[package] for package in HOMES} == HOMES
    assert held.keys() - HOMES.keys() == {"onnxruntime", "pydantic"}


def test_imports_between_files_have_no_circle() -> None:
    """Those within functions and for types alone count."""
    graph = grimp.build_graph("tuner", cache_dir=None)
    upstream = {module: graph.find_upstream_modules(module) for module in graph.modules}
    circles = {
        frozenset({module, *(other for other in upstream[module] if module in upstream[other])})
        for module in graph.modules
        if any(module in upstream[other] for other in graph.find_modules_directly_imported_by(module))
    }
    assert not circles


def _contracts() -> list[dict[str, Any]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    return contracts


def _modules() -> list[str]:
    paths = sorted((ROOT / "tuner").rglob("*.py"))
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths)
    return [name.removesuffix(".__init__") for name in names]


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_tests_take_nothing_from_tests() -> None:
    """What several need is in tests/support, which has no test of its own and takes nothing from one."""
    tests = ROOT / "tests"
    for path in sorted(tests.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        named |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        from_tests = {name for name in named if name.split(".")[0] in {"tests", "conftest"}}
        assert all(name.split(".")[1:2] == ["support"] for name in from_tests), f"{path}: {from_tests}"
        assert not any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree)), path
    shared = (tests / "support").rglob("*.py")
    assert [path for path in shared if re.search(r"^(def|class) (test|Test)", path.read_text(), re.MULTILINE)] == []
