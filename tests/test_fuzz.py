"""Damaged and hostile files: no traceback, no hang, no code executed. `python -m benchmarks.fuzz` is the long form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import fuzzing, structured

QUICK = settings(
    max_examples=60, deadline=10_000, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@QUICK
@given(fuzzing.damaged_text())
def test_a_damaged_task_file(text: str) -> None:
    """Pieces of task files and search spaces, and what YAML can hold that a task file must not."""
    fuzzing.check_task(text)


@QUICK
@given(fuzzing.strange_task())
def test_a_task_file_with_values_of_any_kind(text: str) -> None:
    """Every key with every kind of value."""
    fuzzing.check_task(text)


@QUICK
@given(fuzzing.damaged_text())
def test_a_damaged_search_space(text: str) -> None:
    """The same in a search space's own file."""
    fuzzing.check_space(text)


@QUICK
@given(fuzzing.any_change())
def test_any_change_on_the_command_line(change: str) -> None:
    """--set with any key and value."""
    fuzzing.check_set(change)


@QUICK
@given(st.data())
def test_a_damaged_checkpoint(data: Any) -> None:
    """Any damage to a checkpoint."""
    fuzzing.check_checkpoint(data.draw(fuzzing.damaged_bytes(fuzzing.make_checkpoint())))


def test_checkpoints_that_would_run_code() -> None:
    """Pickles in place of a checkpoint, and inside one."""
    for bomb in fuzzing.bombs():
        fuzzing.check_checkpoint(bomb)


@QUICK
@given(st.data())
def test_a_damaged_event_file(data: Any) -> None:
    """Any damage to a run's events."""
    fuzzing.check_events(data.draw(fuzzing.damaged_bytes(fuzzing.make_events())))


@QUICK
@given(st.data())
def test_a_damaged_study(data: Any) -> None:
    """Any damage to a journal."""
    root = Path("whole")
    whole = (root / "study.journal").read_bytes() if root.exists() else fuzzing.make_study(root)
    fuzzing.check_study(data.draw(fuzzing.damaged_bytes(whole)))


@settings(QUICK, max_examples=50)
@given(structured.damaged_study())
def test_a_study_damaged_in_its_structure(damage: dict[str, Any]) -> None:
    """Values of other types, in another order or missing, and pipes, devices and folders where files belong."""
    structured.check_commands(damage)


@settings(QUICK, max_examples=50)
@given(structured.damaged_npz())
def test_an_archive_damaged_in_its_structure(members: list[dict[str, Any]]) -> None:
    """Headers, sizes, names and methods that numpy would not have written."""
    structured.check_npz(members)


@settings(QUICK, max_examples=50)
@given(structured.damaged_parquet())
def test_parquet_damaged_in_its_structure(damage: dict[str, Any]) -> None:
    """Columns of all kinds, and metadata that lies."""
    structured.check_parquet(damage)


@settings(QUICK, max_examples=20)
@given(structured.damaged_folder())
@pytest.mark.timeout(120)
def test_a_folder_with_strange_things_in_it(entries: list[tuple[str, str, str]]) -> None:
    """Names of no UTF-8, pipes and devices, recordings whose headers lie."""
    structured.check_folder(entries)


@settings(QUICK, max_examples=40)
@given(structured.damaged_manifest())
@pytest.mark.timeout(120)
def test_a_manifest_damaged_in_its_structure(manifest: tuple[str, bytes]) -> None:
    """Rows of other types, missing cells, paths that lead to what is no file."""
    structured.check_manifest(manifest)


@pytest.mark.parametrize("kind", sorted(structured.KINDS))
@pytest.mark.parametrize("name", ["sweep.jsonl", "versions.json", "driver.lock", "study.journal", "task.yaml"])
def test_a_study_with_something_else_in_place_of_a_file(name: str, kind: str) -> None:
    """Every command answers."""
    structured.check_commands({name: kind})


def test_a_figure_of_a_damaged_trial() -> None:
    """`diagnose --trial` draws, and says what is wrong in a line."""
    run = "trials/00000"
    for index, part, odd in (
        (3, "epoch", "two"),
        (3, "metrics", []),
        (3, "tensors", {"grad": {"rnn.w": "x"}}),
        (3, "profiles", {"state_grad": {"rnn.0": [[1]]}}),
        (-1, "value", 10**400),
        (-1, "results", {"findings": [{"name": "dead_units"}]}),
        (0, "run", "../../../outside"),
    ):
        events = structured.run_events(run, 0)
        events[index][part] = odd
        structured.apply({f"{run}/events.jsonl": structured.as_lines(events)}, Path("mlruns/studies/whole"))
        assert "but got" in structured.said_in_a_line("diagnose", "whole", "--trial", "0")


def test_text_that_no_terminal_takes() -> None:
    """Halves of surrogate pairs, from the name of a file in an error's message, and control characters are escaped."""
    run = "trials/00000"
    events = structured.run_events(run, 0)
    events[0]["params"]["cell"] = events[-1]["reason"] = "caf\udce9 \ud800 \x1b[2J"
    structured.apply({f"{run}/events.jsonl": structured.as_lines(events)}, Path("mlruns/studies/whole"))
    for more in (("top", "whole"), ("diagnose", "whole"), ("diagnose", "whole", "--trial", "0")):
        assert "\x1b[2J" not in structured.said_in_a_line(*more)
    assert "caf\\udce9" in structured.said_in_a_line("top", "whole", "--json").replace("\\\\", "\\")


def test_a_line_nested_without_end() -> None:
    """Brackets beyond the parser's depth, as the long form has found them, in a journal and an event file."""
    deep = b"[" * 100_000 + b"\n"
    fuzzing.check_study(deep + fuzzing.make_study(Path("whole")))
    fuzzing.check_events(deep + fuzzing.make_events())
