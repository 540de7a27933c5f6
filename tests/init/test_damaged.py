"""`init` on damaged files: it answers, or refuses in one line; nothing else is raised."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.users_files import KINDS
from tuner.errors import UserError
from tuner.init import draft, written

FRAGMENTS = [b",", b";", b'"', b"\n", b"\0", b"\xff", b"1e999", b"nan", b"2024-01-01", b"@data", b"{", b"9" * 40, b":"]
SUFFIXES = [".csv", ".tsv", ".jsonl", ".txt", ".ts", ".npz", ".parquet", ""]


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The beginnings of the files of all kinds."""
    folder = tmp_path_factory.mktemp("kinds")
    paths = [folder / name for kind in KINDS.values() for name in kind.make(folder)]
    return [path.read_bytes()[:3000] for path in paths if path.is_file()]


def outcome(path: Path) -> str:
    """The task file, or the error."""
    try:
        return written(draft([path]), beside=None)
    except UserError as error:
        return str(error)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_answered_or_refused(wholes: list[bytes], tmp_path: Path, data: st.DataObject) -> None:
    """A fragment anywhere, an end cut off, another ending of the name."""
    content = bytearray(data.draw(st.sampled_from(wholes)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 5))] = data.draw(st.sampled_from(FRAGMENTS))
    path = tmp_path / f"file{data.draw(st.sampled_from(SUFFIXES))}"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    assert "adapter: " in outcome(path) or "\n" not in outcome(path)


def test_times_that_all_come_twice(tmp_path: Path) -> None:
    """No step can be told from them, and none is made up."""
    rows = [f"2024-01-{1 + i // 2:02},{i}.5" for i in range(40)]
    path = tmp_path / "twice.csv"
    path.write_text("\n".join(["time,load", *rows]))
    proposal = draft([path]).proposal
    assert [line.value for line in proposal.lines if line.key == ("data", "time")] == ["time"]
    assert not any("time step" in fact for fact in proposal.facts)
