"""Names on the command line that no file, study or option can have: a line, and status 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.structured import apply, put, said_in_a_line
from tests.support.tiny import write_task

ODD = ["\udcff", "x" * 300, "x" * 5000, "a\0b", "\n", "\x1b[31m", "/dev/null", "pipe", "..", "{x}", "%s"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_task(tmp_path, name="t")
    apply({}, Path("mlruns/studies/whole"))
    put(Path("pipe"), "a named pipe")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("odd", ODD)
def test_a_strange_name_is_told_in_a_line(odd: str) -> None:
    """As a study, a storage, a task file, a key or a value."""
    told = [
        ("top", odd),
        ("gc", "whole", "--storage", odd),
        ("diagnose", f"{odd}.yaml"),
        ("validate", "t.yaml", "--set", f"{odd}=1"),
        ("validate", "t.yaml", "--set", f"data.{odd}=1"),
        ("validate", "t.yaml", "--set", f"data.path={odd}"),
        ("validate", "t.yaml", "--set", f"name={odd}"),
        ("validate", "t.yaml", "--set", f"space.cell={odd}"),
        ("diagnose", "t.yaml", "--params", f"{odd}=1"),
    ]
    for command in told:
        assert said_in_a_line(*command)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["a folder", "a named pipe", "a socket", "a device", "a link to itself", "no UTF-8"])
def test_something_else_in_place_of_a_task_file_or_search_space(kind: str) -> None:
    """Is not opened."""
    put(Path("x.yaml"), kind)
    assert "x.yaml" in said_in_a_line("validate", "x.yaml")
    assert "x.yaml" in said_in_a_line("validate", "t.yaml", "--set", "search_space=x.yaml")


def test_a_task_file_whose_name_is_no_utf8() -> None:
    """Its study needs a name of its own."""
    Path("\udcff.yaml").write_text(Path("t.yaml").read_text().replace("name: t\n", ""))
    assert "name must be 1 to 64 letters" in said_in_a_line("validate", "\udcff.yaml")
